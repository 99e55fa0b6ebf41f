package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/journal"
	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/runbook"
)

// story is a run that is cut off after each of its entries and taken up again.
type story struct {
	name    string
	open    func() run.Opened
	place   func() *fake
	policy  func(run.State) run.Command
	outcome run.Outcome
	running string
}

func stories() []story {
	plain := func() run.Opened {
		return opened(book(step("tell", runbook.KindManual), shell("backup", "echo backup >> effects"), step("up", runbook.KindDeploy),
			step("look", runbook.KindMonitor), shell("after", "echo after >> effects")))
	}
	back := func() run.Opened {
		o := plain()
		o.Mode, o.From, o.To = run.ModeRollback, release.Ref{ID: "id-v2", Version: "v2"}, release.Ref{ID: "id-v1", Version: "v1"}
		o.Runbook = book(shell("before", "echo before >> effects"), step("back", runbook.KindRollback), step("look", runbook.KindMonitor))
		return o
	}
	return []story{
		{"done", plain, func() *fake { return newFake("v1") }, goOn, run.Done, "v2"},
		{"rolled back", plain, func() *fake { return newFake("v1") }, backAfterDeploy, run.RolledBack, "v1"},
		{"failing step", plain, func() *fake { return newFake("v1") }, failOnce, run.Done, "v2"},
		{"rollback run", back, func() *fake {
			f := newFake("v2")
			f.p.ledger = map[string]release.Status{"v1": release.StatusHealthy}
			f.p.order = []string{"v1"}
			return f
		}, goOn, run.RolledBack, "v1"},
	}
}

// failOnce edits the backup so that it fails, and then back.
func failOnce(s run.State) run.Command {
	st, ok := s.Find("backup")
	if ok && s.Stage == run.Flying && s.Current() == 1 {
		switch {
		case st.Status == run.ToDo && !st.Edited:
			return run.Edit{Step: "backup", Text: "exit 1"}
		case st.Status == run.Broken && st.Command == "exit 1":
			return run.Edit{Step: "backup", Text: "echo backup >> effects"}
		}
	}
	return goOn(s)
}

// TestCrashAtEveryEntry plays kill -9 right after every entry, and right before the next: with the
// effects of that entry not begun, and with them done but not written down.
func TestCrashAtEveryEntry(t *testing.T) {
	for _, st := range stories() {
		t.Run(st.name, func(t *testing.T) {
			var whole *flight
			var raw []byte
			synctest.Test(t, func(t *testing.T) {
				whole = create(t, st.place(), st.open())
				whole.policy = st.policy
				if s := whole.fly(t.Context()); s.Outcome != st.outcome || whole.f.seen().running != st.running {
					t.Fatalf("uncut: %q, %s runs, %v", s.Outcome, whole.f.seen().running, whole.err)
				}
				var err error
				if raw, err = os.ReadFile(whole.j.Path()); err != nil {
					t.Fatal(err)
				}
			})
			lines := slices.Collect(strings.Lines(string(raw)))
			for n := 1; n < len(lines); n++ {
				for _, late := range []bool{false, true} {
					name := fmt.Sprintf("after %d %s, effect done %t", n, whole.j.Entries()[n-1].Event.Kind(), late)
					t.Run(name, func(t *testing.T) { st.cut(t, whole, lines[:n], late) })
				}
			}
		})
	}
}

func (st story) cut(t *testing.T, whole *flight, lines []string, late bool) {
	n := len(lines)
	done := run.Fold(whole.j.Entries()[:n])
	synctest.Test(t, func(t *testing.T) {
		// The recorder did not see the first entry, which Create wrote.
		f := st.place()
		switch {
		case late:
			f.p = whole.j.before[n-1].copied()
		case n > 1:
			f.p = whole.j.after[n-2].copied()
		}
		before := f.seen()
		dir := t.TempDir()
		home := filepath.Join(dir, "run-1")
		if err := os.MkdirAll(home, 0o700); err != nil {
			t.Fatal(err)
		}
		torn := `{"seq":99,"at":"20`
		if err := os.WriteFile(filepath.Join(home, journal.FileName), []byte(strings.Join(lines, "")+torn), 0o600); err != nil {
			t.Fatal(err)
		}
		j, rec, err := journal.Open(home)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = j.Close() }()
		if rec.Notice == "" {
			t.Error("the torn line was not noticed")
		}
		fl := &flight{t: t, f: f, j: &recorder{Journal: j, f: f}, dir: dir, policy: st.policy}
		s := fl.fly(t.Context(), func(o *Options) { o.Resumed, o.Notice = true, rec.Notice })
		if fl.err != nil || s.Outcome != st.outcome || f.seen().running != st.running {
			t.Fatalf("outcome %q, %s runs, %v\n%s", s.Outcome, f.seen().running, fl.err, strings.Join(kinds(j.Entries()), " "))
		}
		st.nothingTwice(t, done, before, fl)
		if d := cmp.Diff(whole.f.seen().ledger, f.seen().ledger); d != "" {
			t.Errorf("the ledger differs: %s", d)
		}
	})
}

// nothingTwice: what had ended before the cut is not done again after it.
func (st story) nothingTwice(t *testing.T, done run.State, before place, fl *flight) {
	raw, err := os.ReadFile(filepath.Join(fl.dir, "effects"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, s := range done.Steps {
		if s.Status != run.Succeeded {
			continue
		}
		switch s.Step.Kind {
		case runbook.KindCommand:
			word := strings.Fields(s.Command)[1]
			if strings.Contains(string(raw), word) {
				t.Errorf("the command %s was done again", word)
			}
		case runbook.KindDeploy:
			if fl.f.seen().deploys != before.deploys {
				t.Error("the deploy was done again")
			}
		case runbook.KindRollback:
			if fl.f.seen().restores != before.restores {
				t.Error("the rollback was done again")
			}
		}
	}
	if !done.Rollback.EndedAt.IsZero() && fl.f.seen().restores != before.restores {
		t.Error("it was rolled back twice")
	}
	if got := run.Fold(fl.j.Entries()); got.Resumes != 1 || got.Steps[0].Phase == "" {
		t.Errorf("resumed %d times", got.Resumes)
	}
}

// TestResumedStepIsUnknown: after a crash the operator is told, and told what redoing would do.
func TestResumedStepIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fl := create(t, newFake("v1"), opened(book(shell("migrate", "echo again"))))
		for _, ev := range []run.Event{run.Confirmed{By: "kim"}, run.RecordStarted{}, run.Recorded{}, run.StepStarted{Step: "migrate", Attempt: 1, Command: "echo again"}} {
			if _, err := fl.j.Append(time.Now(), ev); err != nil {
				t.Fatal(err)
			}
		}
		told := ""
		fl.policy = func(s run.State) run.Command {
			for _, e := range fl.j.Entries() {
				if n, ok := e.Event.(run.Noticed); ok {
					told = n.Text
				}
			}
			if s.Steps[0].Status == run.Unknown && told != "" {
				return run.MarkDone{Step: "migrate", Reason: "looked at the tables"}
			}
			return nil
		}
		time.Sleep(time.Minute)
		s := fl.fly(t.Context(), func(o *Options) { o.Resumed, o.Notice = true, "a torn last line" })
		if s.Outcome != run.Done || s.Steps[0].Status != run.Marked || s.Steps[0].Attempt != 1 {
			t.Errorf("outcome %q, step %+v", s.Outcome, s.Steps[0])
		}
		if !strings.Contains(told, "outcome is unknown") || !strings.Contains(told, "$ echo again") {
			t.Errorf("told %q", told)
		}
		var resumed run.Resumed
		for _, e := range fl.j.Entries() {
			if ev, ok := e.Event.(run.Resumed); ok {
				resumed = ev
			}
		}
		if d := cmp.Diff(run.Resumed{By: "kim", Host: "here", Away: time.Minute, Notice: "a torn last line"}, resumed); d != "" {
			t.Error(d)
		}
	})
}
