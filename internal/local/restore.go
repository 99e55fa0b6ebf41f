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

// specsOf reads the specs of a release in the order of their dependencies. One-shot services are
// left out: they are not run again.
func specsOf(r release.Release) ([]spec, error) {
	byName, depends := map[string]spec{}, map[string][]string{}
	for _, s := range r.Services {
		for _, c := range s.Containers {
			var one spec
			if err := json.Unmarshal(c.Spec, &one); err != nil {
				return nil, fmt.Errorf("the record of %s is unreadable: %w", s.Name, err)
			}
			byName[s.Name], depends[s.Name] = one, one.DependsOn
		}
	}
	order, err := ordered(depends)
	if err != nil {
		return nil, err
	}
	var out []spec
	for _, name := range order {
		if at := slices.IndexFunc(r.Services, func(s release.Service) bool { return s.Name == name }); !r.Services[at].OneShot {
			out = append(out, byName[name])
		}
	}
	return out, nil
}

// obstacle says why a spec could not be started; "" when it could.
func (t *Target) obstacle(s spec) string {
	path := s.Command[0]
	if path == self {
		path = t.dir.image(s.Binary)
	}
	got, err := t.digestOf(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Sprintf("image %s of %s is missing", short(s.Binary), s.Service)
	case err != nil:
		return fmt.Sprintf("image %s of %s cannot be read: %v", short(s.Binary), s.Service, err)
	case got != s.Binary:
		return fmt.Sprintf("image %s of %s was changed, it is %s now", short(s.Binary), s.Service, short(got))
	}
	for _, v := range s.Volumes {
		if v.Anonymous {
			continue
		}
		if _, err := os.Stat(t.dir.volume(v.Name)); err != nil {
			return fmt.Sprintf("volume %s of %s is missing", v.Name, s.Service)
		}
	}
	return ""
}

// short is a digest as people read it: "sha256:41d2a7c09b11".
func short(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }

// Ready proves that every program and every named volume of the release is there.
func (t *Target) Ready(_ context.Context, id string) (release.Readiness, error) {
	out := release.Readiness{CheckedAt: time.Now().UTC()}
	e, err := t.find(id)
	if err != nil {
		return out, err
	}
	r := e.Release
	out.Target, out.RecordedAt = r.Ref(), r.RecordedAt
	if r.Status == release.StatusHealthy {
		out.HealthySince = r.JudgedAt
	}
	if out.LastTook, err = t.lastTook(); err != nil {
		return out, err
	}
	specs, err := specsOf(r)
	if err != nil {
		out.Reason = err.Error()
		return out, nil
	}
	now, err := t.dir.currents()
	if err != nil {
		return out, err
	}
	var reasons []string
	for _, s := range specs {
		if o := t.obstacle(s); o != "" {
			reasons = append(reasons, o)
		}
		var old *instance
		if at := slices.IndexFunc(now, func(i instance) bool { return i.spec.Service == s.Service }); at >= 0 {
			old = &now[at]
		}
		out.Changes = append(out.Changes, change(old, s))
	}
	for _, i := range now {
		if !inRelease(r, i.spec.Service) {
			out.Changes = append(out.Changes, orphan(i, true))
		}
	}
	slices.SortFunc(out.Changes, func(a, b release.Change) int { return strings.Compare(a.Service, b.Service) })
	out.Reason, out.Ready = strings.Join(reasons, "; "), len(reasons) == 0
	return out, nil
}

func inRelease(r release.Release, service string) bool {
	return slices.ContainsFunc(r.Services, func(s release.Service) bool { return s.Name == service })
}

// Restore brings the release back from its record. local.yaml is not read.
func (t *Target) Restore(ctx context.Context, id string, say stack.Say) (err error) {
	ready, err := t.Ready(ctx, id)
	if err != nil {
		return err
	}
	if !ready.Ready {
		return &stack.Error{What: "cannot roll back to " + ready.Target.String() + "; nothing was changed", Why: ready.Reason, Do: "Choose another release with `flightdeck rollback --list`"}
	}
	e, err := t.find(id)
	if err != nil {
		return err
	}
	specs, err := specsOf(e.Release)
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
	// A rollback that has begun is finished; the caller's impatience does not leave half of it.
	work, began := context.WithoutCancel(ctx), time.Now()
	now, err := t.dir.currents()
	if err != nil {
		return err
	}
	for _, i := range now {
		if inRelease(e.Release, i.spec.Service) {
			continue
		}
		if err := t.removeService(work, i.spec.Service); err != nil {
			return err
		}
		say(i.spec.Service + "-1 removed: it is not part of " + ready.Target.String())
	}
	for _, s := range specs {
		if err := t.restoreOne(work, s, say); err != nil {
			return &stack.Error{
				What: fmt.Sprintf("%s could not be brought back", s.Service), Why: err.Error(),
				Do: "Roll back again: what is back already stays", Err: err,
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the rollback was finished although it was asked to stop: %w", err)
	}
	return writeJSON(t.dir.lastRollback(), took{time.Since(began)}, true)
}

func (t *Target) restoreOne(ctx context.Context, s spec, say stack.Say) error {
	old, exists, err := t.dir.currentOf(s.Service)
	if err != nil {
		return err
	}
	if exists {
		s = s.keep(old.spec.Volumes)
		if old.watched && old.spec.hash() == s.hash() {
			say(s.Service + "-1 runs " + s.Image + " already")
			return nil
		}
	}
	if err := t.dependencies(ctx, s); err != nil {
		return err
	}
	return t.replace(ctx, s, say)
}

// Verify compares what runs with the record until all is well, something is plainly wrong, or ctx
// ends.
func (t *Target) Verify(ctx context.Context, id string) (release.Proof, error) {
	e, err := t.find(id)
	if err != nil {
		return release.Proof{}, err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	starts, since := "", time.Now()
	for {
		proof, hopeful, err := t.prove(e.Release)
		if err != nil || !proof.OK && !hopeful {
			return proof, err
		}
		now, err := t.starts()
		if err != nil {
			return proof, err
		}
		if now != starts {
			starts, since = now, time.Now()
		}
		if proof.OK && (starts == "" || time.Since(since) >= steadyFor) {
			return proof, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return proof, nil
		}
	}
}

// steadyFor is how long a process without health check must be seen running with the same start
// before it counts: most programs that cannot run end within it.
const steadyFor = time.Second

// starts names the present start of every process that has no health check to speak for it.
func (t *Target) starts() (string, error) {
	now, err := t.dir.currents()
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, i := range now {
		if i.state.Health == "" && i.running() {
			fmt.Fprintf(&out, "%s %s\n", i.id, i.state.StartedAt)
		}
	}
	return out.String(), nil
}

const fine = "ok"

// prove makes the table once. hopeful: what is not well yet may become well by waiting.
func (t *Target) prove(r release.Release) (proof release.Proof, hopeful bool, err error) {
	now, err := t.dir.currents()
	if err != nil {
		return proof, false, err
	}
	proof, hopeful = release.Proof{Target: r.Ref(), OK: true}, true
	for _, s := range r.Services {
		var found *instance
		if at := slices.IndexFunc(now, func(i instance) bool { return i.spec.Service == s.Name }); at >= 0 {
			found = &now[at]
		}
		row, settled, err := t.row(s, found)
		if err != nil {
			return proof, false, err
		}
		proof.Rows = append(proof.Rows, row)
		proof.OK = proof.OK && row.OK
		hopeful = hopeful && !settled
	}
	for _, i := range now {
		if inRelease(r, i.spec.Service) {
			continue
		}
		proof.Rows = append(proof.Rows, release.ProofRow{
			Service: i.spec.Service, Replicas: "1 of 0", Image: "not part of " + r.Ref().String(), Config: fine, Health: fine,
		})
		proof.OK, hopeful = false, false
	}
	return proof, hopeful, nil
}

// row judges one service; settled means that waiting cannot make it better.
func (t *Target) row(s release.Service, i *instance) (row release.ProofRow, settled bool, err error) {
	row = release.ProofRow{Service: s.Name, Replicas: "1 of 1", Image: fine, Config: fine, Health: fine}
	if s.OneShot && (i == nil || !i.running()) {
		row.Replicas, row.Health, row.OK = "0 of 0", "not run again", true
		return row, false, nil
	}
	if i == nil {
		row.Replicas, row.Image, row.Config, row.Health = "0 of 1", "nothing runs", "nothing runs", "nothing runs"
		return row, true, nil
	}
	if !i.running() {
		row.Replicas = "0 of 1"
	}
	if got := i.spec.imageID(); got != s.ImageID {
		row.Image, settled = fmt.Sprintf("runs %s (%s) instead of %s (%s)", i.spec.Image, short(got), s.Image, short(s.ImageID)), true
	}
	// The file that the process was started from must still be what the record says.
	if o := t.obstacle(i.spec); o != "" {
		row.Image, settled = o, true
	}
	if got := i.spec.hash(); got != s.Containers[0].ConfigHash {
		var was spec
		if err := json.Unmarshal(s.Containers[0].Spec, &was); err != nil {
			return row, false, err
		}
		row.Config, settled = "differs: "+strings.Join(was.differences(i.spec), ", "), true
		if len(was.differences(i.spec)) == 0 {
			row.Config = "differs in image or version"
		}
	}
	switch st := i.state; {
	case st.State != "running":
		row.Health = fmt.Sprintf("%s (exit code %d)", st.State, st.ExitCode)
		settled = settled || st.State == "exited"
	case st.Health != "" && st.Health != "healthy":
		row.Health = st.Health
		if n := len(st.HealthLog); n > 0 {
			row.Health += ": " + st.HealthLog[n-1].Output
		}
	}
	row.OK = i.running() && row.Image == fine && row.Config == fine && row.Health == fine
	return row, settled, nil
}
