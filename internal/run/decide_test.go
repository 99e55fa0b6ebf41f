package run

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/release"
	"flightdeck/runbook"
)

var began = time.Date(2026, 11, 20, 21, 0, 0, 0, time.UTC)

func fixture(class Class) Opened {
	return Opened{
		Run: "r1", Mode: ModeDeploy, Project: "shop", Environment: string(class), Class: class,
		From: release.Ref{Version: "v1"}, To: release.Ref{Version: "v2"},
		Readiness: release.Readiness{Ready: true, Target: release.Ref{ID: "rel1", Version: "v1"}},
		Runbook: runbook.Runbook{Title: "Deploy", Phases: []runbook.Phase{
			{ID: "before", Title: "Before", Steps: []runbook.Step{
				{ID: "list", Kind: runbook.KindChecklist, Title: "Check", Items: []runbook.Item{{ID: "a", Text: "A"}, {ID: "b", Text: "B"}}},
			}},
			{ID: "deploy", Title: "Deploy", Steps: []runbook.Step{
				{ID: "migrate", Kind: runbook.KindCommand, Title: "Migrate", Command: &runbook.Command{Text: "migrate up"}},
				{ID: "up", Kind: runbook.KindDeploy, Title: "Deploy"},
				{ID: "watch", Kind: runbook.KindMonitor, Title: "Watch"},
			}},
			{ID: "after", Title: "After", Steps: []runbook.Step{
				{ID: "tell", Kind: runbook.KindManual, Title: "Tell the team"},
				{ID: "opt", Kind: runbook.KindNote, Title: "Optional", Optional: true},
			}},
		}},
	}
}

// log is a journal in memory: it decides, stamps and applies.
type log struct {
	t       *testing.T
	state   State
	entries []Entry
}

func open(t *testing.T, class Class) *log {
	l := &log{t: t}
	l.append(fixture(class))
	return l
}

func (l *log) append(evs ...Event) {
	for _, ev := range evs {
		e := Entry{Seq: uint64(len(l.entries) + 1), At: began.Add(time.Duration(len(l.entries)) * time.Second), Event: ev}
		l.entries = append(l.entries, e)
		l.state.Apply(e)
	}
}

func (l *log) do(c Command) error {
	evs, err := Decide(l.state, c)
	if err == nil {
		l.append(evs...)
	}
	return err
}

func (l *log) must(cs ...Command) *log {
	l.t.Helper()
	for _, c := range cs {
		if err := l.do(c); err != nil {
			l.t.Fatalf("%T%+v: %v", c, c, err)
		}
	}
	return l
}

func (l *log) refuse(c Command, want string) {
	l.t.Helper()
	before := l.state.Seq
	err := l.do(c)
	if err == nil || !strings.Contains(err.Error(), want) {
		l.t.Errorf("%T%+v: got %v, want a refusal with %q", c, c, err, want)
	}
	if l.state.Seq != before {
		l.t.Errorf("%T: a refused command changed the state", c)
	}
}

func (l *log) flying() *log {
	l.t.Helper()
	return l.must(Confirm{By: "ops", Typed: l.state.Opened.Environment}, Report{RecordStarted{}},
		Report{Recorded{Release: release.Ref{ID: "rel1"}, Readiness: release.Readiness{Ready: true, Target: release.Ref{ID: "rel1", Version: "v1"}}}})
}

func due(s State) string {
	var out []string
	for _, w := range Due(s) {
		out = append(out, strings.TrimSuffix(string(w.Kind)+" "+w.Step, " "))
	}
	return strings.Join(out, ", ")
}

func (l *log) wantDue(want string) {
	l.t.Helper()
	if got := due(l.state); got != want {
		l.t.Errorf("due = %q, want %q", got, want)
	}
}

func TestProductionNeedsItsNameTyped(t *testing.T) {
	l := open(t, Production)
	for _, typed := range []string{"", "prod", "Production", "production "} {
		l.refuse(Confirm{By: "ops", Typed: typed}, "type the environment's name, production")
	}
	l.must(Confirm{By: "ops", Typed: "production"})
	l.wantDue("check")
	open(t, Staging).must(Confirm{By: "ops"})
	unknown := open(t, Class("canary"))
	unknown.refuse(Confirm{By: "ops"}, "type the environment's name")
}

func TestHappyPath(t *testing.T) {
	l := open(t, Production)
	l.refuse(Start{Step: "migrate"}, "confirm the plan first")
	l.refuse(RollBack{}, "nothing has been changed yet")
	l.must(Confirm{By: "ops", Typed: "production"})
	l.refuse(Tick{Step: "list", Item: "a", On: true}, "one moment")
	l.must(Report{RecordStarted{}})
	l.wantDue("record")
	l.must(Report{Recorded{Readiness: release.Readiness{Ready: true}}})
	l.wantDue("")
	l.refuse(RollBack{}, "no step has changed anything yet")
	l.refuse(Start{Step: "migrate"}, `step "Check" comes first (to do)`)
	l.refuse(Finish{Step: "list"}, "2 of 2 items are not ticked")
	l.must(Tick{Step: "list", Item: "a", On: true}, Tick{Step: "list", Item: "b", On: true}, Finish{Step: "list", By: "ops"})
	l.refuse(Tick{Step: "list", Item: "b"}, "the step is done")
	l.must(Start{Step: "migrate", By: "ops"})
	l.wantDue("step migrate")
	l.refuse(Start{Step: "migrate"}, "running already")
	l.refuse(Close{Reason: "home"}, "still running")
	l.must(Report{StepSucceeded{Step: "migrate", Attempt: 1, Took: time.Second}}, Start{Step: "up", By: "ops"})
	l.refuse(Stop{Step: "up"}, "never cut off")
	l.must(Report{StepSucceeded{Step: "up", Attempt: 1}})
	l.wantDue("begin watch")
	l.must(Start{Step: "watch", By: "flightdeck"}, Report{StepSucceeded{Step: "watch", Attempt: 1}})
	l.must(Finish{Step: "tell", By: "ops"}, Skip{Step: "opt", By: "ops"})
	l.wantDue("judge")
	l.must(Report{ReleaseJudged{Status: release.StatusHealthy}})
	l.wantDue("close")
	l.must(Close{})
	if l.state.Outcome != Done || l.state.Outcome.ExitCode() != 0 {
		t.Errorf("outcome %q, exit %d", l.state.Outcome, l.state.Outcome.ExitCode())
	}
	l.refuse(Note{Text: "late"}, "the run is over: done")
}

func TestFailedStepOffers(t *testing.T) {
	failed := func(t *testing.T) *log {
		l := open(t, Staging).flying()
		l.must(Skip{Step: "list", Reason: "drill", By: "ops"}, Start{Step: "migrate"},
			Report{StepFailed{Step: "migrate", Attempt: 1, ExitCode: 3, Reason: "exit code 3", Tail: []string{"boom"}}})
		return l
	}
	t.Run("retry", func(t *testing.T) {
		l := failed(t).must(Start{Step: "migrate"})
		st, _ := l.state.Find("migrate")
		if st.Attempt != 2 || st.Status != Running || st.Reason != "" || st.Tail != nil {
			t.Errorf("after a retry: %+v", st)
		}
	})
	t.Run("edit and retry", func(t *testing.T) {
		l := failed(t)
		l.refuse(Edit{Step: "migrate", Text: " "}, "empty")
		l.refuse(Edit{Step: "migrate", Text: "migrate up"}, "unchanged")
		l.must(Edit{Step: "migrate", Text: "migrate up --force", By: "ops"}, Start{Step: "migrate"})
		if ev := l.entries[len(l.entries)-1].Event.(StepStarted); ev.Command != "migrate up --force" || ev.Attempt != 2 {
			t.Errorf("started %+v", ev)
		}
	})
	t.Run("mark done", func(t *testing.T) {
		l := failed(t)
		l.refuse(MarkDone{Step: "migrate"}, "say how you know")
		l.must(MarkDone{Step: "migrate", Reason: "ran it by hand", By: "ops"})
	})
	t.Run("skip", func(t *testing.T) {
		l := failed(t)
		l.refuse(Skip{Step: "migrate"}, "give a reason")
		l.must(Skip{Step: "migrate", Reason: "not needed", By: "ops"})
	})
	t.Run("roll back", func(t *testing.T) {
		l := failed(t).must(RollBack{Reason: "it broke", By: "ops"})
		l.wantDue("rollback")
		l.refuse(Start{Step: "migrate"}, "turning back")
		l.refuse(RollBack{}, "running already")
		l.must(Report{RollbackStarted{}}, Report{RollbackDid{Text: "x"}}, Report{RollbackEnded{OK: true, Took: time.Second}})
		l.refuse(RollBack{}, "never rolled back")
		l.wantDue("close")
		l.must(Close{})
		if got := l.state.Outcome.ExitCode(); l.state.Outcome != RolledBack || got != 5 {
			t.Errorf("outcome %q, exit %d", l.state.Outcome, got)
		}
	})
	t.Run("abandon", func(t *testing.T) {
		l := failed(t)
		l.refuse(Close{}, "give a reason")
		l.must(Close{Reason: "gave up"})
		if l.state.Outcome != Failed || l.state.Outcome.ExitCode() != 1 {
			t.Errorf("outcome %q", l.state.Outcome)
		}
	})
}

func TestRollbackBlockedSaysWhy(t *testing.T) {
	l := open(t, Staging).flying()
	l.must(Report{ReadinessChecked{release.Readiness{Reason: "image 41d2 of backend is missing"}}},
		Skip{Step: "list", Reason: "x"}, Start{Step: "migrate"})
	l.refuse(RollBack{}, "rollback blocked: image 41d2 of backend is missing")
}

func TestRollbackWaitsForADeployAndStopsACommand(t *testing.T) {
	l := open(t, Staging).flying().must(Skip{Step: "list", Reason: "x"}, Start{Step: "migrate"}, RollBack{By: "ops"})
	l.wantDue("step migrate, stop migrate")
	l.must(Report{StepFailed{Step: "migrate", Stopped: true}})
	l.wantDue("rollback")

	l = open(t, Staging).flying().must(Skip{Step: "list", Reason: "x"}, Skip{Step: "migrate", Reason: "x"}, Start{Step: "up"}, RollBack{By: "ops"})
	l.wantDue("step up")
	l.must(Report{StepSucceeded{Step: "up"}})
	l.wantDue("rollback")
}

func TestResume(t *testing.T) {
	l := open(t, Staging).flying().must(Skip{Step: "list", Reason: "x"}, Start{Step: "migrate"}, Resume{By: "ops"})
	st, _ := l.state.Find("migrate")
	if st.Status != Unknown {
		t.Errorf("a begun step is %q after a resume, want %q", st.Status, Unknown)
	}
	l.wantDue("")
	l.must(Start{Step: "migrate"})

	l = open(t, Staging).must(Confirm{}, Resume{})
	if l.state.Stage != Planned || l.state.MovedWhy == "" {
		t.Errorf("a confirmation must be given again: %q, %q", l.state.Stage, l.state.MovedWhy)
	}
	l = open(t, Staging).must(Confirm{}, Report{RecordStarted{}}, Resume{})
	l.refuse(Start{Step: "migrate"}, "could not be recorded")
	l.must(Record{})
	l.wantDue("record")

	l = open(t, Staging).flying().must(Skip{Step: "list", Reason: "x"}, Start{Step: "migrate"}, RollBack{}, Resume{})
	l.wantDue("rollback")
}

func TestSections(t *testing.T) {
	l := open(t, Staging)
	l.refuse(LeaveOut{Phase: "after"}, "give a reason")
	l.refuse(LeaveOut{Phase: "nowhere", Reason: "x"}, "no steps")
	l.must(LeaveOut{Phase: "after", Reason: "quiet release", By: "ops"})
	l.refuse(LeaveOut{Phase: "after", Reason: "x"}, "already")
	if st, _ := l.state.Find("tell"); st.Status != LeftOut || st.Reason != "quiet release" {
		t.Errorf("step of a left-out section: %+v", st)
	}
	l.must(TakeIn{Phase: "after"})
	for _, p := range []string{"before", "deploy", "after"} {
		l.must(LeaveOut{Phase: p, Reason: "x"})
	}
	l.refuse(Confirm{}, "nothing to run")
}

func TestPlaceholdersAreFilledFirst(t *testing.T) {
	o := fixture(Staging)
	o.Runbook.Phases[1].Steps[0].Command = &runbook.Command{Text: "tag <version>", Placeholders: []string{"<version>"}}
	l := &log{t: t}
	l.append(o)
	l.flying().must(Skip{Step: "list", Reason: "x"})
	l.refuse(Start{Step: "migrate"}, "fill in <version> first")
	l.must(Edit{Step: "migrate", Text: "tag v2"}, Start{Step: "migrate"})
}

func TestPlanMovedAsksAgain(t *testing.T) {
	l := open(t, Production).must(Confirm{Typed: "production"}, Report{PlanMoved{Why: "image of backend changed", PlanDigest: "new"}})
	if l.state.Stage != Planned || l.state.Opened.PlanDigest != "new" || l.state.MovedWhy == "" {
		t.Errorf("after PlanMoved: %+v", l.state.Stage)
	}
	l.refuse(Confirm{}, "type the environment's name")
}

func TestRollbackRunIsJudgedByItsProof(t *testing.T) {
	for _, ok := range []bool{true, false} {
		o := fixture(Staging)
		o.Mode = ModeRollback
		o.Runbook.Phases = []runbook.Phase{{ID: "p", Steps: []runbook.Step{{ID: "back", Kind: runbook.KindRollback, Title: "Roll back"}}}}
		l := &log{t: t}
		l.append(o)
		l.flying().must(Start{Step: "back"})
		l.refuse(Stop{Step: "back"}, "never cut off")
		l.refuse(RollBack{}, "a rollback is never rolled back")
		l.must(Report{RollbackStarted{}}, Report{RollbackEnded{OK: ok}})
		l.must(Report{StepSucceeded{Step: "back"}}, Close{})
		want := map[bool]Outcome{true: RolledBack, false: RollbackFailed}[ok]
		if l.state.Outcome != want {
			t.Errorf("proof %v: outcome %q, want %q", ok, l.state.Outcome, want)
		}
	}
}

func TestEntriesSurviveJSON(t *testing.T) {
	names := map[string]bool{}
	for i, ev := range Events() {
		e := Entry{Seq: uint64(i + 1), At: began, Event: ev}
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%s: %v", ev.Kind(), err)
		}
		var back Entry
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if diff := cmp.Diff(e, back); diff != "" {
			t.Errorf("%s: %s", ev.Kind(), diff)
		}
		if names[ev.Kind()] {
			t.Errorf("two events are called %q", ev.Kind())
		}
		names[ev.Kind()] = true
	}
	if len(names) != len(decoders()) {
		t.Errorf("%d kinds, %d decoders", len(names), len(decoders()))
	}
	var later Entry
	line := `{"seq":9,"at":"2026-11-20T21:00:00Z","kind":"soaked","event":{"for":"24h"}}`
	if err := json.Unmarshal([]byte(line), &later); err != nil {
		t.Fatal(err)
	}
	if raw, _ := json.Marshal(later); string(raw) != line {
		t.Errorf("a later event came back as %s", raw)
	}
	var s State
	s.Apply(later)
	if s.Seq != 9 || s.Stage != "" {
		t.Errorf("a later event changed the state: %+v", s.Stage)
	}
}

// TestRandomWalks presses keys at random: whatever happens, the fold of the journal is the state,
// earlier pictures never change, at most one step runs, and nothing but closing follows a rollback.
func TestRandomWalks(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		l := open(t, Staging)
		for range 120 {
			before := fmt.Sprintf("%+v", l.state)
			picture := l.state
			_ = l.do(anyCommand(rnd, l.state))
			if after := fmt.Sprintf("%+v", picture); after != before {
				t.Fatalf("seed %d: a picture changed under its reader", seed)
			}
			checkInvariants(t, seed, l)
			if l.state.Stage == Over {
				break
			}
		}
		if diff := cmp.Diff(l.state, Fold(l.entries)); diff != "" {
			t.Fatalf("seed %d: the fold differs: %s", seed, diff)
		}
	}
}

func checkInvariants(t *testing.T, seed uint64, l *log) {
	t.Helper()
	running := 0
	for _, st := range l.state.Steps {
		if st.Status == Running || st.Status == Stopping {
			running++
		}
	}
	if running > 1 {
		t.Fatalf("seed %d: %d steps run at once", seed, running)
	}
	if !l.state.Rollback.AskedAt.IsZero() && l.state.Stage != TurningBack && l.state.Stage != TurnedBack && l.state.Stage != Over {
		t.Fatalf("seed %d: forward again after a rollback: %s", seed, l.state.Stage)
	}
}

func anyCommand(rnd *rand.Rand, s State) Command {
	// The runner's reports are only honest for work that is due.
	for _, w := range Due(s) {
		if rnd.IntN(2) == 0 {
			continue
		}
		switch w.Kind {
		case WorkCheck:
			return Report{RecordStarted{}}
		case WorkRecord:
			return Report{Recorded{Readiness: release.Readiness{Ready: true}}}
		case WorkBegin:
			return Start{Step: w.Step}
		case WorkStep, WorkStop:
			if rnd.IntN(2) == 0 {
				return Report{StepFailed{Step: w.Step, Reason: "x"}}
			}
			return Report{StepSucceeded{Step: w.Step}}
		case WorkRollback:
			return Report{RollbackEnded{OK: true}}
		case WorkJudge:
			return Report{ReleaseJudged{Status: release.StatusHealthy}}
		case WorkClose:
			return Close{}
		}
	}
	step := s.Steps[rnd.IntN(len(s.Steps))].Step.ID
	all := []Command{
		Confirm{}, LeaveOut{Phase: "after", Reason: "x"}, TakeIn{Phase: "after"}, Start{Step: step}, Start{Step: step},
		Finish{Step: step}, Tick{Step: "list", Item: "a", On: rnd.IntN(2) == 0}, Tick{Step: "list", Item: "b", On: true},
		Edit{Step: step, Text: "other"}, Skip{Step: step, Reason: "x"}, MarkDone{Step: step, Reason: "x"}, Stop{Step: step},
		Note{Text: "n"}, Resume{}, Record{},
	}
	if rnd.IntN(20) == 0 {
		all = append(all, RollBack{}, Close{Reason: "x"})
	}
	return all[rnd.IntN(len(all))]
}
