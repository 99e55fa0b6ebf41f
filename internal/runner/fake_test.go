package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// place is what a fake target holds. It is copied at every entry of a journal, so that a crash can
// be played at any moment.
type place struct {
	running  string // version, "" for nothing
	born     int
	sick     map[string]bool // versions that are unhealthy
	ledger   map[string]release.Status
	order    []string // versions in the ledger, newest first
	digest   string
	deploys  int
	restores int
}

func (p place) copied() place {
	p.sick, p.ledger = maps.Clone(p.sick), maps.Clone(p.ledger)
	p.order = append([]string{}, p.order...)
	return p
}

// fake is a target in memory. It serves to test what the runner makes of a target's answers; the
// real targets have tests of their own.
type fake struct {
	mu    sync.Mutex
	p     place
	sinks []stack.Sink
	down  error
	// deploying and restoring are called in the middle of the change.
	deploying, restoring, verifying func()
	deployErr, recordErr            error
	unready                         string
	panics                          string
	trusting                        bool // calls healthy what it records
}

func newFake(running string) *fake {
	f := &fake{p: place{running: running, sick: map[string]bool{}, ledger: map[string]release.Status{}, digest: "d1"}}
	return f
}

var _ stack.Target = (*fake)(nil)

func (f *fake) with(do func(*place)) {
	f.mu.Lock()
	do(&f.p)
	snap, sinks := f.snapshot(), f.sinks
	f.mu.Unlock()
	for _, s := range sinks {
		s.Seen(snap)
	}
}

func (f *fake) seen() place {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.p.copied()
}

func (f *fake) snapshot() stack.Snapshot {
	if f.p.running == "" {
		return stack.Snapshot{}
	}
	health := "healthy"
	if f.p.sick[f.p.running] {
		health = "unhealthy"
	}
	return stack.Snapshot{Containers: []stack.Container{{ID: fmt.Sprint("c", f.p.born), Service: "web", Number: 1, State: "running", Health: health,
		Image: "shop:" + f.p.running}}}
}

func (f *fake) Info(context.Context) (stack.Info, error) { return stack.Info{Kind: "fake"}, f.down }

func (f *fake) Observe(context.Context) (stack.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snapshot(), f.down
}

func (f *fake) Plan(_ context.Context, want stack.Want) (stack.Plan, error) {
	if f.panics == "plan" {
		panic("plan is broken")
	}
	return stack.Plan{Version: want.Version, Digest: f.seen().digest}, f.down
}

func (f *fake) Deploy(_ context.Context, want stack.Want, say stack.Say) error {
	if f.panics == "deploy" {
		panic("deploy is broken")
	}
	say("pulling")
	if f.deploying != nil {
		f.deploying()
	}
	time.Sleep(2 * time.Second)
	if f.deployErr != nil {
		return f.deployErr
	}
	f.with(func(p *place) { p.running, p.born, p.deploys = want.Version, p.born+1, p.deploys+1 })
	return nil
}

func (f *fake) Environ(stack.Want) []string { return []string{"COMPOSE_PROJECT_NAME=shop"} }

func (f *fake) Record(context.Context, stack.Meta) (release.Release, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.recordErr != nil {
		return release.Release{}, f.recordErr
	}
	if f.p.running == "" {
		return release.Release{}, stack.ErrNothingRuns
	}
	v := f.p.running
	if _, ok := f.p.ledger[v]; !ok {
		f.p.ledger[v] = release.StatusRecorded
		if f.trusting {
			f.p.ledger[v] = release.StatusHealthy
		}
		f.p.order = append([]string{v}, f.p.order...)
	}
	return release.Release{ID: "id-" + v, Version: v, Status: f.p.ledger[v]}, nil
}

func (f *fake) Current(context.Context) (release.Release, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.p.running == "" {
		return release.Release{}, stack.ErrNothingRuns
	}
	return release.Release{Version: f.p.running}, nil
}

func (f *fake) Releases(context.Context) (out []release.Release, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range f.p.order {
		out = append(out, release.Release{ID: "id-" + v, Version: v, Status: f.p.ledger[v]})
	}
	return out, nil
}

func (f *fake) version(id string) (string, bool) {
	for v := range f.p.ledger {
		if "id-"+v == id {
			return v, true
		}
	}
	return "", false
}

func (f *fake) Judge(_ context.Context, id string, status release.Status, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.version(id)
	if !ok {
		return stack.ErrNoRelease
	}
	f.p.ledger[v] = status
	return nil
}

func (f *fake) Ready(_ context.Context, id string) (release.Readiness, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return release.Readiness{}, f.down
	}
	v, ok := f.version(id)
	if !ok {
		return release.Readiness{}, stack.ErrNoRelease
	}
	return release.Readiness{Ready: f.unready == "", Reason: f.unready, Target: release.Ref{ID: id, Version: v}}, nil
}

func (f *fake) Restore(_ context.Context, id string, say stack.Say) error {
	f.mu.Lock()
	v, ok := f.version(id)
	f.mu.Unlock()
	if !ok {
		return stack.ErrNoRelease
	}
	say("stopping web-1")
	f.with(func(p *place) { p.running, p.born = "half of "+v, p.born+1 })
	if f.restoring != nil {
		f.restoring()
	}
	time.Sleep(time.Second)
	f.with(func(p *place) { p.running, p.born, p.restores = v, p.born+1, p.restores+1 })
	say("started web-1")
	return nil
}

func (f *fake) Verify(_ context.Context, id string) (release.Proof, error) {
	if f.verifying != nil {
		f.verifying()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.version(id)
	if !ok {
		return release.Proof{}, stack.ErrNoRelease
	}
	good := f.p.running == v
	return release.Proof{Target: release.Ref{ID: id, Version: v}, OK: good, Rows: []release.ProofRow{{Service: "web", Image: "ok", Config: "ok", Health: "ok", OK: good}}}, nil
}

func (f *fake) Watch(ctx context.Context, sink stack.Sink) error {
	f.mu.Lock()
	f.sinks = append(f.sinks, sink)
	snap := f.snapshot()
	f.mu.Unlock()
	if f.panics == "watch" {
		panic("watch is broken")
	}
	sink.Seen(snap)
	sink.Line("web-1", 0, time.Time{}, []byte("hello \x1b[2Jworld"))
	<-ctx.Done()
	return ctx.Err()
}

func (f *fake) Usage(ctx context.Context, id string, each func(stack.Usage)) error {
	if id == "gone" {
		return errors.New("no such container")
	}
	each(stack.Usage{CPU: 1})
	<-ctx.Done()
	return ctx.Err()
}

func (f *fake) Close() error { return nil }
