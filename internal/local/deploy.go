package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// Plan resolves local.yaml and compares it with what runs.
func (t *Target) Plan(_ context.Context, want stack.Want) (stack.Plan, error) {
	specs, version, err := t.wanted(want)
	if err != nil {
		return stack.Plan{}, err
	}
	now, err := t.dir.currents()
	if err != nil {
		return stack.Plan{}, err
	}
	plan := stack.Plan{Version: version}
	identity := []string{version}
	for _, i := range now {
		identity = append(identity, i.id, i.state.State)
	}
	for _, s := range specs {
		if len(want.Services) > 0 && !slices.Contains(want.Services, s.Service) {
			continue
		}
		at := slices.IndexFunc(now, func(i instance) bool { return i.spec.Service == s.Service })
		var old *instance
		if at >= 0 {
			old = &now[at]
		}
		plan.Changes = append(plan.Changes, change(old, s))
		identity = append(identity, s.hash())
	}
	for _, i := range now {
		if !slices.ContainsFunc(specs, func(s spec) bool { return s.Service == i.spec.Service }) {
			plan.Changes = append(plan.Changes, orphan(i, want.RemoveOrphans))
		}
	}
	slices.SortFunc(plan.Changes, func(a, b release.Change) int { return strings.Compare(a.Service, b.Service) })
	raw, err := json.Marshal(identity)
	if err != nil {
		return stack.Plan{}, err
	}
	plan.Digest = digest(raw)
	return plan, nil
}

// change says what becomes of one service. old is nil when it does not exist yet.
func change(old *instance, s spec) release.Change {
	c := release.Change{Service: s.Service, Kind: release.ChangeAdded, To: s.Image, ToID: s.imageID(), ToReplicas: 1}
	if old == nil {
		return c
	}
	c.From, c.FromID, c.FromReplicas, c.Kind = old.spec.Image, old.spec.imageID(), 1, release.ChangeNone
	switch {
	case old.spec.hash() != s.hash():
		c.Kind, c.Config = release.ChangeRecreated, old.spec.differences(s)
	case !old.running() && !oneShot(*old):
		c.Kind, c.Note = release.ChangeRecreated, "does not run now, is started again"
	}
	return c
}

func orphan(i instance, remove bool) release.Change {
	c := release.Change{
		Service: i.spec.Service, From: i.spec.Image, FromID: i.spec.imageID(), FromReplicas: 1,
		Kind: release.ChangeRemoved,
	}
	if !remove {
		c.Kind, c.To, c.ToID, c.ToReplicas, c.Note = release.ChangeNone, c.From, c.FromID, 1, "not in local.yaml, stays"
	}
	return c
}

// oneShot: it did what it had to and is not started again.
func oneShot(i instance) bool {
	return !i.running() && i.state.State == "exited" && i.state.ExitCode == 0 && (i.spec.Restart == "" || i.spec.Restart == "no")
}

// changing takes the lock of the environment: one deploy or rollback at a time.
func (t *Target) changing() (release func() error, err error) {
	unlock, got, err := TryLock(t.dir.changeLock())
	if err == nil && !got {
		err = &stack.Error{
			What: "another flightdeck is changing " + t.opts.Project + " right now",
			Do:   "Wait until it is done, or attach to its run",
		}
	}
	return unlock, err
}

// Deploy brings the wanted services, each after what it depends on is healthy.
func (t *Target) Deploy(ctx context.Context, want stack.Want, say stack.Say) (err error) {
	specs, version, err := t.wanted(want)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	done, err := t.changing()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	// What has begun is finished: half a deploy is worse than an unwanted one.
	work := context.WithoutCancel(ctx)
	if want.RemoveOrphans {
		if err := t.removeExtra(work, specs, say); err != nil {
			return err
		}
	}
	for _, s := range specs {
		if len(want.Services) > 0 && !slices.Contains(want.Services, s.Service) {
			continue
		}
		if err := t.bring(work, s, say); err != nil {
			return &stack.Error{
				What: fmt.Sprintf("%s of %s did not come up", s.Service, version), Why: err.Error(),
				Do: "Read its log, then correct and retry, or roll back", Err: err,
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the deploy was finished although it was asked to stop: %w", err)
	}
	return nil
}

// bring makes the service run as the spec says; it does nothing when it does already.
func (t *Target) bring(ctx context.Context, s spec, say stack.Say) error {
	old, exists, err := t.dir.currentOf(s.Service)
	if err != nil {
		return err
	}
	if exists {
		s = s.keep(old.spec.Volumes)
		if old.spec.hash() == s.hash() && (old.watched || oneShot(old)) {
			say(s.Service + "-1 runs already")
			return nil
		}
	}
	if err := t.dependencies(ctx, s); err != nil {
		return err
	}
	if s.Command[0] == self {
		if err := t.dir.storeProgram(t.opts.Binary, s.Binary); err != nil {
			return err
		}
	}
	return t.replace(ctx, s, say)
}

// replace stops every process of the service and starts the one of the spec.
func (t *Target) replace(ctx context.Context, s spec, say stack.Say) error {
	began := time.Now()
	old, err := t.dir.others(s.Service, "")
	if err != nil {
		return err
	}
	word := "started"
	for _, i := range old {
		if i.running() {
			word = "recreated"
			if err := stop(ctx, i); err != nil {
				return fmt.Errorf("%s-1 does not stop: %w", s.Service, err)
			}
		}
	}
	i, err := t.start(ctx, s)
	if err != nil {
		return err
	}
	say(fmt.Sprintf("%s-1 %s as %s in %s", s.Service, word, s.Image, time.Since(began).Round(time.Millisecond)))
	// The logs of the last two processes are worth keeping, older ones are not.
	old = slices.DeleteFunc(old, func(o instance) bool { return o.id == i.id })
	for _, o := range old[:max(0, len(old)-2)] {
		if err := os.RemoveAll(o.dir); err != nil {
			return err
		}
	}
	return nil
}

// dependencies waits until everything that the spec depends on is healthy, 30 s for each.
func (t *Target) dependencies(ctx context.Context, s spec) error {
	for _, name := range s.DependsOn {
		err := wait(ctx, 30*time.Second, func() (bool, error) {
			i, ok, err := t.dir.currentOf(name)
			switch {
			case err != nil:
				return false, err
			case !ok || i.state.State == "exited" && !oneShot(i):
				return false, fmt.Errorf("it depends on %s, which does not run", name)
			case i.state.Health == "unhealthy":
				return false, fmt.Errorf("it depends on %s, which is unhealthy", name)
			}
			return i.state.Health == "healthy" || i.state.Health == "" && i.state.State == "running" || oneShot(i), nil
		})
		if errors.Is(err, errTooLong) {
			return fmt.Errorf("it depends on %s, which is not healthy: %w", name, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeExtra stops and forgets the services that are not among the specs. Their volumes stay.
func (t *Target) removeExtra(ctx context.Context, keep []spec, say stack.Say) error {
	names, err := t.dir.serviceNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		if slices.ContainsFunc(keep, func(s spec) bool { return s.Service == name }) {
			continue
		}
		if err := t.removeService(ctx, name); err != nil {
			return err
		}
		say(name + "-1 removed")
	}
	return nil
}

func (t *Target) removeService(ctx context.Context, name string) error {
	all, err := t.dir.others(name, "")
	if err != nil {
		return err
	}
	for _, i := range all {
		if err := stop(ctx, i); err != nil {
			return fmt.Errorf("%s-1 does not stop: %w", name, err)
		}
	}
	return os.RemoveAll(t.dir.service(name))
}

// Remove stops every process and deletes the data directory: processes, volumes and ledger.
func (t *Target) Remove(ctx context.Context) error {
	if err := t.removeExtra(ctx, nil, func(string) {}); err != nil {
		return err
	}
	return os.RemoveAll(string(t.dir))
}
