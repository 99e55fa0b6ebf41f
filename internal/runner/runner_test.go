package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/journal"
	"flightdeck/internal/probe"
	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
	"flightdeck/steps"
)

// book makes a runbook of steps in one phase.
func book(all ...runbook.Step) runbook.Runbook {
	for i := range all {
		if all[i].Title == "" {
			all[i].Title = all[i].ID
		}
	}
	return runbook.Runbook{Title: "deploy", Phases: []runbook.Phase{{ID: "p", Title: "phase", Steps: all}}}
}

func shell(id, text string) runbook.Step {
	return runbook.Step{ID: id, Kind: runbook.KindCommand, Command: &runbook.Command{Text: text}}
}

func step(id string, kind runbook.Kind) runbook.Step {
	return runbook.Step{ID: id, Kind: kind, With: map[string]string{"for": "3s", "timeout": "20s"}}
}

func opened(b runbook.Runbook) run.Opened {
	return run.Opened{Run: "run-1", Mode: run.ModeDeploy, Project: "shop", Environment: "production", Class: run.Production, Operator: "kim",
		From: release.Ref{Version: "v1"}, To: release.Ref{Version: "v2"}, PlanDigest: "d1", Runbook: b}
}

// recorder keeps the place as it was before and after every entry.
type recorder struct {
	*journal.Journal
	f             *fake
	before, after []place
	failAt        uint64
}

func (r *recorder) Append(at time.Time, ev run.Event) (run.Entry, error) {
	r.before = append(r.before, r.f.seen())
	if r.failAt > 0 && uint64(len(r.Entries()))+1 >= r.failAt {
		return run.Entry{}, errors.New("no space left on device")
	}
	e, err := r.Journal.Append(at, ev)
	r.after = append(r.after, r.f.seen())
	return e, err
}

// flight is a run with its operator.
type flight struct {
	t      *testing.T
	f      *fake
	j      *recorder
	r      *Runner
	dir    string
	state  run.State
	policy func(run.State) run.Command
	err    error
}

func options(f *fake, dir string) Options {
	return Options{Target: f, Dir: dir, Environ: os.Environ, Want: stack.Want{Version: "v2"}, Now: time.Now, Operator: "kim", Host: "here",
		Patience: steps.Patience{Interrupt: time.Second, Terminate: time.Second, Pipe: time.Second, Partial: time.Second}}
}

func create(t *testing.T, f *fake, o run.Opened) *flight {
	t.Helper()
	dir := t.TempDir()
	j, err := journal.Create(filepath.Join(dir, "run-1"), o, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return &flight{t: t, f: f, j: &recorder{Journal: j, f: f}, dir: dir, policy: goOn}
}

// fly lets the operator follow the run until it ends.
func (fl *flight) fly(ctx context.Context, change ...func(*Options)) run.State {
	fl.t.Helper()
	o := options(fl.f, fl.dir)
	o.Journal = fl.j
	for _, c := range change {
		c(&o)
	}
	fl.r = New(o)
	ctx, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	over := make(chan struct{})
	go func() {
		defer close(over)
		fl.err = fl.r.Run(ctx)
	}()
	follow, stop := context.WithCancel(ctx)
	go func() {
		<-over
		stop()
	}()
	fl.state = run.State{}
	for {
		entries, err := fl.r.After(follow, fl.state.Seq)
		if err != nil {
			break
		}
		for _, e := range entries {
			fl.state.Apply(e)
		}
		if c := fl.policy(fl.state); c != nil {
			_ = fl.r.Do(ctx, c) // what is refused shows in the outcome
		}
	}
	<-over
	for _, e := range fl.j.Entries()[fl.state.Seq:] {
		fl.state.Apply(e)
	}
	return fl.state
}

// goOn is an operator who says yes to everything and does what is next.
func goOn(s run.State) run.Command {
	switch s.Stage {
	case run.Planned:
		return run.Confirm{Typed: "production"}
	case run.Unrecorded:
		return run.Record{}
	case run.Flying:
		i := s.Current()
		if i == len(s.Steps) {
			return nil
		}
		st := s.Steps[i]
		switch {
		case st.Status == run.Running || st.Status == run.Stopping:
			return nil
		case st.Step.Kind == runbook.KindMonitor && st.Status == run.ToDo:
			return nil
		case run.HasEffect(st.Step.Kind):
			return run.Start{Step: st.Step.ID}
		}
		for _, it := range st.Step.Items {
			if !st.Ticked[it.ID].On {
				return run.Tick{Step: st.Step.ID, Item: it.ID, On: true}
			}
		}
		return run.Finish{Step: st.Step.ID}
	}
	return nil
}

// backAfterDeploy rolls back as soon as the deploy is done.
func backAfterDeploy(s run.State) run.Command {
	if s.Stage == run.Flying && s.Readiness.Ready {
		if st, ok := s.Find("up"); ok && st.Status.Over() {
			return run.RollBack{Reason: "latency"}
		}
	}
	return goOn(s)
}

func kinds(entries []run.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Event.Kind())
	}
	return out
}

func TestHappyPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := step("boxes", runbook.KindChecklist)
		list.Items = []runbook.Item{{ID: "a"}, {ID: "b"}}
		fl := create(t, newFake("v1"), opened(book(step("tell", runbook.KindManual), shell("backup", "echo $FLIGHTDECK_ENVIRONMENT $COMPOSE_PROJECT_NAME"),
			step("up", runbook.KindDeploy), step("look", runbook.KindMonitor), list)))
		s := fl.fly(t.Context())
		if fl.err != nil || s.Outcome != run.Done {
			t.Fatalf("outcome %q, %v", s.Outcome, fl.err)
		}
		if d := cmp.Diff([]string{
			"opened", "confirmed", "record-started", "recorded", "step-succeeded", "step-started", "step-succeeded",
			"step-started", "step-succeeded", "step-started", "step-succeeded", "item-ticked", "item-ticked", "step-succeeded", "release-judged", "closed",
		}, kinds(fl.j.Entries())); d != "" {
			t.Error(d)
		}
		p := fl.f.seen()
		if p.running != "v2" || p.deploys != 1 {
			t.Errorf("the place is %+v", p)
		}
		if d := cmp.Diff(map[string]release.Status{"v1": release.StatusHealthy, "v2": release.StatusHealthy}, p.ledger); d != "" {
			t.Error(d)
		}
		lines := fl.r.Lines("step/backup", 0, 0).Lines
		if got := lines[len(lines)-1].Text; got != "production shop" {
			t.Errorf("the command saw %q", got)
		}
		if err := fl.r.Do(t.Context(), run.Note{Text: "late"}); err == nil || !strings.Contains(err.Error(), "the run is over") {
			t.Errorf("after the end: %v", err)
		}
		if look := fl.r.Look(); look.SeenAt.IsZero() || len(look.Probes) != 1 || look.LogGeneration != 1 {
			t.Errorf("look %+v", look)
		}
		if got := fl.r.Lines("logs", 0, 1).Lines[0].Text; got != "hello world" {
			t.Errorf("log line %q", got)
		}
	})
}

func TestFailEditRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fl := create(t, newFake("v1"), opened(book(shell("migrate", "echo about; echo to fail >&2; exit 3"))))
		var failed run.StepState
		fl.policy = func(s run.State) run.Command {
			if st := s.Steps[0]; st.Status == run.Broken && !st.Edited {
				failed = st
				return run.Edit{Step: "migrate", Text: "echo better"}
			}
			return goOn(s)
		}
		s := fl.fly(t.Context())
		if s.Outcome != run.Done || s.Steps[0].Attempt != 2 || s.Steps[0].Command != "echo better" {
			t.Fatalf("outcome %q after %d attempts: %v", s.Outcome, s.Steps[0].Attempt, fl.err)
		}
		if failed.ExitCode != 3 || failed.Reason != "exit code 3" {
			t.Errorf("failed with %d, %q", failed.ExitCode, failed.Reason)
		}
		if d := cmp.Diff([]string{"about", "to fail"}, failed.Tail); d != "" {
			t.Error(d)
		}
	})
}

func TestSkipAndMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fl := create(t, newFake("v1"), opened(book(shell("one", "exit 1"), shell("two", "exit 1"))))
		fl.policy = func(s run.State) run.Command {
			switch {
			case s.Stage == run.Flying && s.Steps[0].Status == run.Broken:
				return run.MarkDone{Step: "one", Reason: "done by hand"}
			case s.Stage == run.Flying && s.Steps[0].Status.Over():
				return run.Skip{Step: "two", Reason: "not needed"}
			}
			return goOn(s)
		}
		s := fl.fly(t.Context())
		if s.Outcome != run.Done || s.Steps[0].Status != run.Marked || s.Steps[1].Status != run.Skipped || s.Steps[1].By != "kim" {
			t.Errorf("outcome %q, steps %+v", s.Outcome, s.Steps)
		}
	})
}

func TestPlanMovedAsksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		f.p.digest = "d2"
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy))))
		s := fl.fly(t.Context())
		if s.Outcome != run.Done || s.Opened.PlanDigest != "d2" {
			t.Errorf("outcome %q with plan %s", s.Outcome, s.Opened.PlanDigest)
		}
		if d := cmp.Diff([]string{"opened", "confirmed", "plan-moved", "confirmed", "record-started"}, kinds(fl.j.Entries())[:5]); d != "" {
			t.Error(d)
		}
	})
}

func TestRecordFailsThenSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		f.recordErr = errors.New("the ledger is full")
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy))))
		fl.policy = func(s run.State) run.Command {
			if s.Stage == run.Unrecorded {
				if !strings.Contains(s.RecordErr, "ledger is full") || f.seen().deploys != 0 {
					t.Errorf("reason %q, %d deploys", s.RecordErr, f.seen().deploys)
				}
				f.mu.Lock()
				f.recordErr = nil
				f.mu.Unlock()
			}
			return goOn(s)
		}
		if s := fl.fly(t.Context()); s.Outcome != run.Done {
			t.Errorf("outcome %q", s.Outcome)
		}
	})
}

func TestFirstDeployHasNoWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fl := create(t, newFake(""), opened(book(step("up", runbook.KindDeploy))))
		s := fl.fly(t.Context())
		if s.Outcome != run.Done || s.Readiness.Ready || s.Readiness.Reason != "nothing ran before this deploy" {
			t.Errorf("outcome %q, readiness %+v", s.Outcome, s.Readiness)
		}
	})
}

func TestSickReleaseIsNotCalledHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		f.p.sick["v2"] = true
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy))))
		s := fl.fly(t.Context())
		if s.Judged.Status != release.StatusRecorded || !strings.Contains(s.Judged.Why, "web-1 is unhealthy") {
			t.Errorf("judged %+v", s.Judged)
		}
		if got := f.seen().ledger["v2"]; got != release.StatusRecorded {
			t.Errorf("the ledger says %q", got)
		}
	})
}

// TestGoesBackPastABadRelease: what runs is known to be bad, so the way back is the last healthy one.
func TestGoesBackPastABadRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		f.p.ledger = map[string]release.Status{"v1": release.StatusBad, "v0": release.StatusHealthy}
		f.p.order = []string{"v1", "v0"}
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy), step("end", runbook.KindManual))))
		fl.policy = backAfterDeploy
		s := fl.fly(t.Context())
		if s.Outcome != run.RolledBack || f.seen().running != "v0" || s.Rollback.To.Version != "v0" {
			t.Errorf("outcome %q, %s runs, went to %s", s.Outcome, f.seen().running, s.Rollback.To)
		}
	})
}

func TestDeployFailsAndIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		f.deployErr = &stack.Error{What: "the deploy could not be done", Why: "the target does not answer", Err: stack.ErrUnreachable}
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy))))
		fl.policy = func(s run.State) run.Command {
			if st := s.Steps[0]; st.Status == run.Broken && st.Attempt == 1 {
				if st.Reason != "the deploy could not be done: the target does not answer" {
					t.Errorf("reason %q", st.Reason)
				}
				f.deployErr = nil
			}
			return goOn(s)
		}
		if s := fl.fly(t.Context()); s.Outcome != run.Done || s.Steps[0].Attempt != 2 {
			t.Errorf("outcome %q after %d attempts", s.Outcome, s.Steps[0].Attempt)
		}
	})
}

func TestDeployIsNeverStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fl := create(t, newFake("v1"), opened(book(step("up", runbook.KindDeploy))))
		fl.policy = func(s run.State) run.Command {
			if s.Stage == run.Flying && s.Steps[0].Status == run.Running {
				if err := fl.r.Do(t.Context(), run.Stop{Step: "up"}); err == nil || !strings.Contains(err.Error(), "never cut off") {
					t.Errorf("got %v", err)
				}
			}
			return goOn(s)
		}
		if s := fl.fly(t.Context()); s.Outcome != run.Done {
			t.Errorf("outcome %q", s.Outcome)
		}
	})
}

// TestPlainRunRecords: a run that may change something has a way back; one that only reads has none.
func TestPlainRunRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := opened(book(shell("one", "true")))
		o.Mode = run.ModeRun
		fl := create(t, newFake("v1"), o)
		if s := fl.fly(t.Context()); s.Outcome != run.Done || len(fl.f.seen().ledger) != 1 || !s.Readiness.Ready {
			t.Errorf("outcome %q, readiness %+v, ledger %v", s.Outcome, s.Readiness, fl.f.seen().ledger)
		}
		o = opened(book(step("look", runbook.KindManual)))
		o.Mode = run.ModeRun
		fl = create(t, newFake("v1"), o)
		if s := fl.fly(t.Context()); s.Outcome != run.Done || len(fl.f.seen().ledger) != 0 || s.Readiness.Reason != "no step of this runbook changes anything" {
			t.Errorf("outcome %q, readiness %+v, ledger %v", s.Outcome, s.Readiness, fl.f.seen().ledger)
		}
	})
}

// TestUnprovenRollback: what was restored but cannot be proven is a failed rollback, once and for all.
func TestUnprovenRollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy), step("wait", runbook.KindManual))))
		fl.policy = backAfterDeploy
		f.restoring = func() {
			go func() { time.Sleep(time.Second + time.Millisecond/2); f.with(func(p *place) { p.running = "v3" }) }()
		}
		f.verifying = func() { time.Sleep(time.Second) }
		s := fl.fly(t.Context())
		if s.Outcome != run.RollbackFailed || s.Outcome.ExitCode() != 6 || !strings.Contains(s.CloseWhy, "the proof fails") || f.seen().restores != 1 {
			t.Errorf("outcome %q: %s", s.Outcome, s.CloseWhy)
		}
		if got := f.seen().ledger["v2"]; got != release.StatusBad {
			t.Errorf("v2 is %q", got)
		}
	})
}

// TestGoesBackPastAReleaseThatProbesCallSick: its containers look healthy, so that the target calls
// it healthy as it records it; the probes know better.
func TestGoesBackPastAReleaseThatProbesCallSick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		f.p.ledger, f.p.order = map[string]release.Status{"v0": release.StatusHealthy}, []string{"v0"}
		f.trusting = true
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy), step("end", runbook.KindManual))))
		fl.policy = backAfterDeploy
		s := fl.fly(t.Context(), func(o *Options) {
			o.Probes = []probe.Probe{{Name: "ready", Kind: "http", Interval: time.Second}}
			o.Sample = func(context.Context, probe.Probe) probe.Sample {
				return probe.Sample{At: time.Now(), Outcome: probe.Fail, Code: 503}
			}
		})
		if s.Outcome != run.RolledBack || f.seen().running != "v0" {
			t.Errorf("outcome %q, %s runs", s.Outcome, f.seen().running)
		}
		if d := cmp.Diff(map[string]release.Status{"v0": release.StatusHealthy, "v1": release.StatusRecorded, "v2": release.StatusBad}, f.seen().ledger); d != "" {
			t.Error(d)
		}
	})
}
