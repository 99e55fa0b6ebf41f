package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
	"flightdeck/runbook"
)

// longCommand is a run that waits at a command of many lines.
func longCommand(lines int) *fakeDeck {
	o := sampleOpened(run.Local)
	text := "echo line-1"
	for i := 2; i <= lines; i++ {
		text += fmt.Sprintf("\necho line-%d", i)
	}
	o.Runbook = runbook.Runbook{Title: "Clean up", File: "clean.md", Phases: []runbook.Phase{{ID: "p", Title: "Clean", Steps: []runbook.Step{
		{ID: "wipe", Kind: runbook.KindCommand, Title: "Wipe the cache", Command: &runbook.Command{Text: text}},
		{ID: "watch", Kind: runbook.KindMonitor, Title: "Watch it"}}}}}
	return newFake(noon.Add(-time.Minute), o, run.Confirmed{By: "ops"}, run.RecordStarted{},
		run.Recorded{Release: release.Ref{ID: "r1", Version: "v1.4.1"}, Readiness: o.Readiness})
}

func TestACommandThatIsCutSaysSoAndIsReadBeforeItRuns(t *testing.T) {
	start := []run.Command{run.Start{Step: "wipe"}}
	for _, size := range [][2]int{{60, 15}, {80, 24}} {
		f := longCommand(8)
		p := open(t, f, size[0], size[1])
		p.sees("p shows all", "Press enter to read all of it")
		p.misses("line-8")
		p.press("enter")
		if len(f.asked) != 0 {
			t.Fatalf("%v: ran unread: %v", size, f.asked)
		}
		p.sees("Run this?")
		for range 4 { // a small screen turns pages first
			if strings.Contains(p.screen(), "enter reads on") {
				p.press("enter")
			}
		}
		p.sees("line-8", "enter runs it on local")
		p.press("enter")
		if diff := cmp.Diff(start, f.asked); diff != "" {
			t.Fatalf("%v: %s", size, diff)
		}
	}
	f := longCommand(2)
	p := open(t, f, 80, 24)
	p.sees("line-2", "Press enter to run it")
	p.press("enter")
	if diff := cmp.Diff(start, f.asked); diff != "" {
		t.Fatal(diff)
	}
}

func TestACommandOfOneLongLineIsCountedAfterWrapping(t *testing.T) {
	f := longCommand(1)
	f.add(run.CommandEdited{Step: "wipe", New: strings.Repeat("rm -rf /var/cache/shop ", 30) + "the-end"})
	p := open(t, f, 80, 24)
	p.sees("more lines: p shows all")
	p.misses("the-end")
	p.press("enter")
	if len(f.asked) != 0 {
		t.Fatalf("ran unread: %v", f.asked)
	}
	p.sees("the-end")
}

func TestNotesThatAreHiddenDoNotHoldTheCommandUp(t *testing.T) {
	f := longCommand(2)
	f.state.Steps[0].Step.Command.Undo = strings.Repeat("scripts/take_back.sh ", 9)
	p := open(t, f, 60, 15)
	p.sees("line-2", "more lines: p shows all", "Press enter to run it")
}

func TestSmallStepPaneShowsTheCommandsOwnOutput(t *testing.T) {
	for _, size := range [][2]int{{60, 15}, {80, 24}} {
		f := longCommand(6)
		f.add(run.StepStarted{Step: "wipe", Attempt: 1, Command: "echo line-1", By: "ops"})
		f.log("step/wipe", "wipe", "runs with /bin/bash -c in /srv:", tail.Mark)
		for i := range 6 {
			f.log("step/wipe", "wipe", fmt.Sprintf("$ echo line-%d", i+1), tail.Mark)
		}
		f.log("step/wipe", "wipe", "last words", tail.Out)
		p := open(t, f, size[0], size[1])
		p.sees("last words", "p shows all")
		p.misses("runs with /bin/bash", "─ $ echo")
		f.log("step/wipe", "wipe", "exit code 3", tail.Mark)
		f.add(run.StepFailed{Step: "wipe", Attempt: 1, ExitCode: 3, Reason: "exit code 3"})
		p.pump()
		p.look()
		p.sees("last words", "✗ failed: exit code 3")
		p.misses("─ exit code 3")
	}
}

func TestServicesThatDoNotFitAreCountedAndTheIllOneIsFirst(t *testing.T) {
	f := longCommand(1)
	f.add(run.StepStarted{Step: "wipe", Attempt: 1})
	f.add(run.StepSucceeded{Step: "wipe", Attempt: 1})
	f.add(run.StepStarted{Step: "watch", Attempt: 1})
	var all []stack.Container
	for i := range 9 {
		all = append(all, stack.Container{ID: fmt.Sprint(i), Service: fmt.Sprintf("web%d", i), Number: 1, State: "running", Health: "healthy"})
	}
	all[8].Health = "unhealthy"
	f.seen.Snapshot.Containers = all
	p := open(t, f, 80, 24)
	p.sees("✗  web8-1", "more services: 3 shows all")
	p.misses("web7-1")
}

func TestTheWayBackIsNeverDroppedFromTheBanner(t *testing.T) {
	for name, f := range stories(run.Production) {
		for _, down := range []string{"", "connection refused by the engine"} {
			p := open(t, f, 60, 15)
			p.m.data.look.Down, p.m.data.look.DownSince = down, noon.Add(-time.Hour)
			if p.m.turned() {
				continue
			}
			next := strings.Split(p.m.banner(), "\n")[1]
			if !strings.Contains(next, "v1.4.1") && !strings.Contains(next, "rollback") {
				t.Errorf("%s, down %q: %q", name, down, next)
			}
		}
	}
}

func TestARunOfAFileShowsTheWayBackToo(t *testing.T) {
	o := sampleOpened(run.Local)
	o.Mode, o.Changes = run.ModeRun, nil
	f := newFake(noon.Add(-time.Minute), o)
	p := open(t, f, 120, 40)
	p.sees("rollback ready → v1.4.1", "About this run")
	p.misses("0 of 0")
	o.Readiness = release.Readiness{}
	open(t, newFake(noon, o), 120, 40).misses("rollback ready", "rollback not proven")
}

func TestRAfterTheEndIsOffWhereNothingIsToBeRolledBack(t *testing.T) {
	for name, why := range map[string]string{"over": "", "back": "has been rolled back already", "notback": "has been rolled back already"} {
		p := open(t, stories(run.Production)[name], 80, 24)
		p.press("R")
		if p.quit != (why == "") || p.m.wantsBack != p.quit {
			t.Errorf("%s: quit %v, wants %v", name, p.quit, p.m.wantsBack)
		}
		if why != "" {
			p.sees(why)
		}
	}
	f := stories(run.Production)["checklist"]
	f.add(run.Closed{Outcome: run.Abandoned, Reason: "not today"})
	p := open(t, f, 80, 24)
	p.press("R")
	p.sees("nothing was changed, there is nothing to roll back")
	f = stories(run.Production)["failed"]
	f.add(run.Closed{Outcome: run.Failed, Reason: "given up"})
	p = open(t, f, 80, 24)
	p.sees("press R, or run")
	p.press("R")
	if !p.m.wantsBack {
		t.Error("R did nothing after a failed run")
	}
}

func TestTheVerdictIsReadOnTheSmallestScreen(t *testing.T) {
	f := stories(run.Production)["failed"]
	f.add(run.Closed{Outcome: run.Failed, Reason: "given up"})
	open(t, f, 60, 15).sees("✗ Failed: given up", "more: ↓")
}

func TestQWhileTheReleaseIsJudgedSaysThatItTakesAMoment(t *testing.T) {
	f := stories(run.Production)["up"]
	for _, step := range []string{"smoke", "monitor", "result"} {
		f.add(run.StepSucceeded{Step: step, Attempt: 1})
	}
	p := open(t, f, 80, 24)
	p.sees("judging v1.5.0 …")
	p.press("q")
	p.sees("one moment: v1.5.0 is being judged")
	if p.quit || p.m.stack.Top() != nil {
		t.Fatal("q did more than say so")
	}
	p.press("q")
	p.sees("Leave?")
}

func TestAStoppedStepSaysSoOnce(t *testing.T) {
	f := stories(run.Production)["running"]
	f.add(run.StepFailed{Step: "migrate", Attempt: 1, Stopped: true, Reason: "stopped: after INT it ended with exit code 130", ExitCode: 130})
	p := open(t, f, 120, 40)
	p.sees("✗ stopped: after INT")
	p.press("z")
	p.sees("! stopped: after INT")
}

func TestDialogThatIsTooHighSaysHowMuchIsHidden(t *testing.T) {
	o := sampleOpened(run.Production)
	for i := range 8 {
		c := o.Changes[0]
		c.Service = fmt.Sprintf("extra%d", i)
		o.Changes = append(o.Changes, c)
	}
	f := newFake(noon.Add(-time.Minute), o, run.Confirmed{By: "ops", Typed: "production"}, run.RecordStarted{},
		run.Recorded{Release: release.Ref{ID: "r1", Version: "v1.4.1"}, Readiness: o.Readiness}, run.StepStarted{Step: "migrate", Attempt: 1},
		run.StepSucceeded{Step: "migrate", Attempt: 1})
	p := open(t, f, 60, 15)
	p.press("R")
	p.sees("more lines: a larger terminal shows all", "starting in 3")
}
