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

	"flightdeck/internal/probe"
	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
	"flightdeck/steps"
)

func TestRollbackWaitsForTheDeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fl := create(t, newFake("v1"), opened(book(step("up", runbook.KindDeploy), step("look", runbook.KindMonitor))))
		asked := false
		fl.policy = func(s run.State) run.Command {
			if s.Stage == run.Flying && s.Steps[0].Status == run.Running && !asked {
				asked = true
				return run.RollBack{Reason: "too slow"}
			}
			return goOn(s)
		}
		s := fl.fly(t.Context())
		p := fl.f.seen()
		if s.Outcome != run.RolledBack || p.running != "v1" || p.deploys != 1 || p.restores != 1 {
			t.Errorf("outcome %q, place %+v, %v", s.Outcome, p, fl.err)
		}
		if s.Steps[0].Status != run.Succeeded || s.Outcome.ExitCode() != 5 {
			t.Errorf("the deploy is %q", s.Steps[0].Status)
		}
		if d := cmp.Diff(map[string]release.Status{"v1": release.StatusHealthy, "v2": release.StatusBad}, p.ledger); d != "" {
			t.Error(d)
		}
		if !s.Rollback.Proof.OK || s.Rollback.From.Version != "v2" || s.Rollback.By != "kim" || len(s.Rollback.Did) == 0 || s.Rollback.Took < time.Second {
			t.Errorf("rollback %+v", s.Rollback)
		}
	})
}

// TestRollbackStopsARunningCommand runs a real process, in real time.
func TestRollbackStopsARunningCommand(t *testing.T) {
	fl := create(t, newFake("v1"), opened(book(shell("slow", "trap '' INT; echo ready; while :; do sleep 0.05; done"))))
	asked := false
	fl.policy = func(s run.State) run.Command {
		if s.Stage == run.Flying && s.Steps[0].Status == run.Running && !asked {
			asked = true
			waitFor(t, func() bool { return strings.Contains(texts(fl.r, "slow"), "\nready") })
			return run.RollBack{Reason: "enough"}
		}
		return goOn(s)
	}
	s := fl.fly(t.Context(), func(o *Options) { o.Patience.Interrupt = 200 * time.Millisecond })
	if s.Outcome != run.RolledBack || s.Steps[0].Status != run.Broken {
		t.Fatalf("outcome %q, step %q, %v", s.Outcome, s.Steps[0].Status, fl.err)
	}
	if d := cmp.Diff([]string{"INT", "TERM"}, s.Steps[0].Signals); d != "" {
		t.Error(d)
	}
	if fl.f.seen().restores != 1 {
		t.Errorf("%d restores", fl.f.seen().restores)
	}
}

func texts(r *Runner, step string) string {
	var b strings.Builder
	for _, l := range r.Lines("step/"+step, 0, 0).Lines {
		b.WriteString("\n" + l.Text)
	}
	return b.String()
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("it did not happen within 20 s")
			return
		}
	}
}

func TestStopThenRetry(t *testing.T) {
	fl := create(t, newFake("v1"), opened(book(shell("slow", "test -e once && exit 0; touch once; sleep 60"))))
	asked := false
	fl.policy = func(s run.State) run.Command {
		if s.Stage == run.Flying && s.Steps[0].Status == run.Running && !asked {
			asked = true
			waitFor(t, func() bool { _, err := os.Stat(filepath.Join(fl.dir, "once")); return err == nil })
			return run.Stop{Step: "slow"}
		}
		return goOn(s)
	}
	s := fl.fly(t.Context())
	if s.Outcome != run.Done || s.Steps[0].Attempt != 2 {
		t.Fatalf("outcome %q, %d attempts, %v", s.Outcome, s.Steps[0].Attempt, fl.err)
	}
	for _, e := range fl.j.Entries() {
		if f, ok := e.Event.(run.StepFailed); ok && (!f.Stopped || !strings.Contains(f.Reason, "after INT")) {
			t.Errorf("%+v", f)
		}
	}
}

// TestJournalBreaks breaks the journal at every entry: what was announced is finished, nothing
// else is begun, and everybody hears why.
func TestJournalBreaks(t *testing.T) {
	for at := uint64(2); at < 12; at++ {
		synctest.Test(t, func(t *testing.T) {
			fl := create(t, newFake("v1"), opened(book(shell("one", "echo one >> effects"), step("up", runbook.KindDeploy), step("look", runbook.KindMonitor))))
			fl.j.failAt = at
			var refused error
			policy := fl.policy
			fl.policy = func(s run.State) run.Command { return policy(s) }
			s := fl.fly(t.Context())
			refused = fl.r.Do(t.Context(), run.Note{Text: "still there?"})
			if fl.err == nil || !strings.Contains(fl.err.Error(), "no space left") {
				t.Fatalf("at %d: Run gives %v, outcome %q", at, fl.err, s.Outcome)
			}
			if refused == nil || !strings.Contains(refused.Error(), "no space left") || !strings.Contains(fl.r.Look().Fault, "no space left") {
				t.Errorf("at %d: Do says %v, Look says %q", at, refused, fl.r.Look().Fault)
			}
			started := map[string]bool{}
			for _, e := range fl.j.Entries() {
				if ev, ok := e.Event.(run.StepStarted); ok {
					started[ev.Step] = true
				}
			}
			_, err := os.Stat(filepath.Join(fl.dir, "effects"))
			if (err == nil) != started["one"] || (fl.f.seen().deploys == 1) != started["up"] {
				t.Errorf("at %d: begun without an entry, or the other way round: %v, %+v", at, started, fl.f.seen())
			}
		})
	}
}

func TestWhatIsLostIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fl := create(t, newFake("v1"), opened(book(step("up", runbook.KindDeploy))))
		fl.j.failAt = 6
		fl.fly(t.Context())
		if fl.err == nil || !strings.Contains(fl.err.Error(), "not in the journal: step up succeeded") || fl.f.seen().running != "v2" {
			t.Errorf("got %v, %s runs", fl.err, fl.f.seen().running)
		}
	})
}

func TestPanicsAreReported(t *testing.T) {
	for _, what := range []string{"plan", "deploy"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake("v1")
			f.panics = what
			fl := create(t, f, opened(book(step("up", runbook.KindDeploy))))
			heard := ""
			fl.policy = func(s run.State) run.Command {
				if s.MovedWhy != "" {
					heard = s.MovedWhy
				}
				if st := s.Steps[0]; st.Status == run.Broken {
					heard = st.Reason
				}
				if heard != "" {
					return run.Close{Reason: "broken"}
				}
				return goOn(s)
			}
			s := fl.fly(t.Context())
			if s.Stage != run.Over || !strings.Contains(heard, what+" is broken") || !strings.Contains(heard, "a fault in flightdeck itself") || !strings.Contains(heard, "fake_test.go:") {
				t.Errorf("stage %q, heard %q", s.Stage, heard)
			}
		})
	}
}

func TestWatchPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		f.panics = "watch"
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy))))
		if s := fl.fly(t.Context()); s.Outcome != run.Done {
			t.Errorf("outcome %q", s.Outcome)
		}
		if lines := fl.r.Lines("logs", 0, 1).Lines; len(lines) != 1 || !strings.Contains(lines[0].Text, "watch is broken") {
			t.Errorf("lines %+v", lines)
		}
	})
}

// TestEndedDuringDeploy: the end of flightdeck does not cut a deploy off.
func TestEndedDuringDeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("the terminal is gone")
		f := newFake("v1")
		f.deploying = func() { cancel(gone) }
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy), shell("after", "touch after"))))
		s := fl.fly(ctx)
		if !errors.Is(fl.err, gone) || f.seen().running != "v2" || s.Steps[0].Status != run.Succeeded || s.Steps[1].Attempt != 0 {
			t.Errorf("%v, %s runs, %q", fl.err, f.seen().running, s.Steps[0].Status)
		}
	})
}

func TestEndedDuringCommand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	fl := create(t, newFake("v1"), opened(book(shell("slow", "echo ready; sleep 60"))))
	fl.policy = func(s run.State) run.Command {
		if s.Stage == run.Flying && s.Steps[0].Status == run.Running {
			waitFor(t, func() bool { return strings.Contains(texts(fl.r, "slow"), "\nready") })
			cancel()
			return nil
		}
		return goOn(s)
	}
	s := fl.fly(ctx)
	if !errors.Is(fl.err, context.Canceled) || s.Steps[0].Status != run.Broken || len(s.Steps[0].Signals) == 0 {
		t.Errorf("%v, step %+v", fl.err, s.Steps[0])
	}
}

func TestReadinessIsNotJournalSpam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		fl := create(t, f, opened(book(shell("one", "true"), step("wait", runbook.KindManual))))
		waited := false
		fl.policy = func(s run.State) run.Command {
			if s.Stage != run.Flying || s.Current() != 1 || waited {
				return goOn(s)
			}
			waited = true
			time.Sleep(5 * time.Minute)
			f.mu.Lock()
			f.unready = "image of web is missing"
			f.mu.Unlock()
			time.Sleep(5 * time.Minute)
			if err := fl.r.Do(t.Context(), run.RollBack{}); err == nil || err.Error() != "rollback blocked: image of web is missing" {
				t.Errorf("rollback: %v", err)
			}
			f.mu.Lock()
			f.unready, f.down = "", errors.New("the engine is down")
			f.mu.Unlock()
			time.Sleep(5 * time.Minute)
			f.mu.Lock()
			f.down = nil
			f.mu.Unlock()
			time.Sleep(5 * time.Minute)
			return goOn(s)
		}
		s := fl.fly(t.Context())
		var reasons []string
		for _, e := range fl.j.Entries() {
			if ev, ok := e.Event.(run.ReadinessChecked); ok {
				reasons = append(reasons, ev.Readiness.Reason)
			}
		}
		if d := cmp.Diff([]string{"image of web is missing", ""}, reasons); d != "" || !s.Readiness.Ready {
			t.Errorf("%v %s", s.Readiness, d)
		}
	})
}

func TestEngineDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tele := newTelemetry(options(newFake("v1"), ""))
		before := tele.look()
		tele.Seen(stack.Snapshot{Containers: []stack.Container{{ID: "c", Service: "web", Number: 1, State: "running"}}})
		tele.Down(errors.New("connection refused\x1b[2J"))
		since := tele.look().DownSince
		time.Sleep(time.Minute)
		tele.Down(errors.New("still refused"))
		look := tele.look()
		if look.Down != "still refused" || !look.DownSince.Equal(since) || since.IsZero() || len(look.Snapshot.Containers) != 1 || look.Generation <= before.Generation {
			t.Errorf("look %+v", look)
		}
		tele.Down(nil)
		if look := tele.look(); look.Down != "" || !look.DownSince.IsZero() {
			t.Errorf("look %+v", look)
		}
	})
}

func TestMonitorFailsThenRollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("v1")
		f.p.sick["v2"] = true
		fl := create(t, f, opened(book(step("up", runbook.KindDeploy), step("look", runbook.KindMonitor))))
		fl.policy = func(s run.State) run.Command {
			if s.Stage == run.Flying && s.Steps[1].Status == run.Broken {
				if !strings.Contains(s.Steps[1].Reason, "web-1 is unhealthy; the probe ready fails with 503") {
					t.Errorf("reason %q", s.Steps[1].Reason)
				}
				return run.RollBack{}
			}
			return goOn(s)
		}
		s := fl.fly(t.Context(), func(o *Options) {
			o.Probes = []probe.Probe{{Name: "ready", Kind: "http", URL: "http://shop/ready", Interval: time.Second}}
			o.Sample = func(context.Context, probe.Probe) probe.Sample {
				if f.seen().running == "v1" {
					return probe.Sample{At: time.Now(), Outcome: probe.Pass, Code: 200}
				}
				return probe.Sample{At: time.Now(), Outcome: probe.Fail, Code: 503}
			}
		})
		if s.Outcome != run.RolledBack || f.seen().ledger["v2"] != release.StatusBad {
			t.Errorf("outcome %q, ledger %v", s.Outcome, f.seen().ledger)
		}
	})
}

func TestAttend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fl := create(t, newFake("v1"), opened(book(step("wait", runbook.KindManual))))
		fl.policy = func(s run.State) run.Command {
			if s.Stage != run.Flying || s.Current() != 0 {
				return goOn(s)
			}
			fl.r.Attend([]string{"c0", "gone"})
			synctest.Wait()
			if u := fl.r.Look().Usage; len(u) != 1 || u["c0"].CPU != 1 {
				t.Errorf("usage %v", u)
			}
			fl.r.Attend(nil)
			synctest.Wait()
			if u := fl.r.Look().Usage; len(u) != 0 {
				t.Errorf("usage %v", u)
			}
			return goOn(s)
		}
		if s := fl.fly(t.Context()); s.Outcome != run.Done {
			t.Errorf("outcome %q", s.Outcome)
		}
	})
}

func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		fl := create(t, newFake("v1"), opened(book(step("wait", runbook.KindManual))))
		fl.policy = func(s run.State) run.Command {
			if s.Stage == run.Over {
				fl.f.with(func(p *place) { p.running = "v9" })
				if got := fl.r.Look().Snapshot.Containers[0].Image; got != "shop:v9" {
					t.Errorf("no longer live: %s", got)
				}
				if err := fl.r.Do(ctx, run.RollBack{}); err == nil || !strings.Contains(err.Error(), "the run is over") {
					t.Errorf("got %v", err)
				}
				cancel()
			}
			return goOn(s)
		}
		fl.fly(ctx, func(o *Options) { o.Linger = true })
		if fl.err != nil {
			t.Error(fl.err)
		}
	})
}

func TestReportsAreTheRunners(t *testing.T) {
	r := New(Options{Target: newFake(""), Now: time.Now, Patience: steps.Patience{}})
	if err := r.Do(t.Context(), run.Report{Event: run.Recorded{}}); err == nil {
		t.Error("anybody may report")
	}
}
