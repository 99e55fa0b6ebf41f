package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/run"
	"flightdeck/internal/tail"
	"flightdeck/ui/dialog"
	"flightdeck/ui/drawtest"
)

var sizes = [][2]int{{80, 24}, {120, 40}, {200, 60}, {59, 14}}

func TestScreens(t *testing.T) {
	for name, f := range stories(run.Production) {
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s/%dx%d", name, size[0], size[1]), func(t *testing.T) {
				p := open(t, f, size[0], size[1])
				drawtest.Exact(t, p.m.View().Content, size[0], size[1], "cockpit")
				drawtest.Golden(t, fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), p.screen())
			})
		}
	}
}

func TestEnvironmentIsOnEveryScreenInWordsAndColour(t *testing.T) {
	looks := map[run.Class]string{run.Production: "48;2;179;20;31", run.Staging: "48;2;242;194;48", run.Local: "48;2;107;191;123", "strange": "48;2;179;20;31"}
	for class, colour := range looks {
		for name, f := range stories(class) {
			for _, size := range sizes {
				p := open(t, f, size[0], size[1])
				first, _, _ := strings.Cut(p.m.View().Content, "\n")
				if !strings.Contains(first, strings.ToUpper(string(class))) || !strings.Contains(first, colour) {
					t.Errorf("%s, %s at %v: the first line is %q", class, name, size, first)
				}
			}
		}
	}
}

func TestDialogsKeepTheBannerAndTheSize(t *testing.T) {
	for _, size := range sizes {
		for story, keys := range map[string][]string{"planned": {"enter"}, "up": {"R"}, "failed": {"e"}, "checklist": {"enter"}, "running": {"q"}, "unknown": {"?"}} {
			p := open(t, stories(run.Production)[story], size[0], size[1])
			p.press(keys...)
			if p.m.stack.Top() == nil {
				t.Fatalf("%s: %v opened nothing", story, keys)
			}
			drawtest.Exact(t, p.m.View().Content, size[0], size[1], "cockpit")
			p.sees("PRODUCTION")
			if size[1] > 20 {
				drawtest.Golden(t, fmt.Sprintf("dialog-%s-%dx%d", story, size[0], size[1]), p.screen())
			}
		}
	}
}

func TestEverySizeIsExact(t *testing.T) {
	for name, f := range stories(run.Production) {
		p := open(t, f, 80, 24)
		if name == "up" {
			p.press("R")
		}
		for w := 0; w <= 250; w += 1 + w%23 {
			for _, h := range []int{0, 1, 2, 3, 14, 15, 17, 18, 23, 40, (w * 37) % 251} {
				p.m.Update(tea.WindowSizeMsg{Width: w, Height: h})
				drawtest.Exact(t, p.m.View().Content, w, h, "cockpit")
			}
		}
	}
}

func TestZoomAndFocusAreExact(t *testing.T) {
	for _, name := range []string{"planned", "running", "back"} {
		p := open(t, stories(run.Local)[name], 121, 37)
		for range 4 {
			p.press("tab", "z")
			drawtest.Exact(t, p.m.View().Content, 121, 37, "cockpit")
			p.press("z")
			drawtest.Exact(t, p.m.View().Content, 121, 37, "cockpit")
		}
	}
}

func TestKeysWorkExactlyWhenDecideSaysSo(t *testing.T) {
	commands := func(s run.State, id string) map[string]run.Command {
		st, _ := s.Find(id)
		return map[string]run.Command{"s": run.Skip{Step: id, Reason: "x"}, "m": run.MarkDone{Step: id, Reason: "x"}, "x": run.Stop{Step: id},
			"e": run.Edit{Step: id, Text: st.Command + "x"}, "N": run.Note{Text: "x"}}
	}
	for name, f := range stories(run.Production) {
		p := open(t, f, 120, 40)
		st, ok := p.m.board.Shown()
		if !ok || p.m.planning() || p.m.turned() {
			continue
		}
		for key, c := range commands(p.m.data.state, st.Step.ID) {
			_, err := run.Decide(p.m.data.state, c)
			for _, k := range p.m.board.Keys() {
				if k.Is(key) && (k.Off == "") != (err == nil) {
					t.Errorf("%s: key %s is off=%q, Decide says %v", name, key, k.Off, err)
				}
			}
		}
	}
}

func TestDeadKeySaysWhy(t *testing.T) {
	p := open(t, stories(run.Production)["checklist"], 120, 40)
	p.press("x")
	p.sees("x stop: the step is not running")
	p.press("R")
	p.sees("no step has changed anything yet")
	if p.m.stack.Top() != nil {
		t.Fatal("a dead key opened a dialog")
	}
	p.wait(noticeFor + time.Second)
	p.wait(time.Second)
	p.misses("no step has changed anything yet")
}

func TestRefusalOfTheDeckIsShown(t *testing.T) {
	f := stories(run.Production)["checklist"]
	p := open(t, f, 120, 40)
	f.refuse = fmt.Errorf("the journal cannot be written: disk full")
	p.press("space")
	p.sees("the journal cannot be written: disk full")
}

func TestProductionIsTypedExactly(t *testing.T) {
	f := stories(run.Production)["planned"]
	p := open(t, f, 120, 40)
	p.press("enter")
	p.sees("Type production to confirm", "nothing is typed yet")
	p.m.Update(tea.PasteMsg{Content: "production"})
	p.sees("a paste does not count")
	for _, r := range "Production" {
		p.press(string(r))
	}
	p.press("enter")
	p.sees("capital and small letters count")
	if n := len(f.asked); n != 0 {
		t.Fatalf("asked %v", f.asked)
	}
	for range "Production" {
		p.press("backspace")
	}
	for _, r := range "production" {
		p.press(string(r))
	}
	p.press("enter")
	want := []run.Command{run.Confirm{Typed: "production"}}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Fatal(diff)
	}
	p.misses("Type production")
	p.sees("Checking everything once more")
}

func TestStagingIsConfirmedWithItsOwnKey(t *testing.T) {
	f := stories(run.Staging)["planned"]
	p := open(t, f, 120, 40)
	p.press("enter", "enter", "enter")
	if len(f.asked) != 0 {
		t.Fatalf("enter said yes: %v", f.asked)
	}
	p.press("y")
	if diff := cmp.Diff([]run.Command{run.Confirm{}}, f.asked); diff != "" {
		t.Fatal(diff)
	}
}

func TestPlanThatMovedSaysWhy(t *testing.T) {
	p := open(t, stories(run.Production)["moved"], 80, 24)
	p.sees("Asked again because something moved")
	p.press("enter")
	p.sees("You are asked again because something moved")
}

func TestSectionIsLeftOutWithAReason(t *testing.T) {
	f := stories(run.Local)["planned"]
	p := open(t, f, 120, 40)
	p.press("space", "enter")
	p.sees("this is needed")
	p.press("o", "l", "d", "enter")
	if diff := cmp.Diff([]run.Command{run.LeaveOut{Phase: "before", Reason: "old"}}, f.asked); diff != "" {
		t.Fatal(diff)
	}
	p.sees("left out: old")
	p.press("space")
	p.misses("left out: old")
}

func TestCountdown(t *testing.T) {
	f := stories(run.Production)["up"]
	p := open(t, f, 120, 40)
	p.press("R")
	p.sees("ROLL BACK  production / shop", "v1.5.0  →  v1.4.1", "starting in 3 …", "scripts/rollback_migration.sh", "the database is left as it is")
	p.wait(1100 * time.Millisecond)
	p.sees("starting in 2 …")
	p.press("esc")
	p.wait(10 * time.Second)
	if len(f.asked) != 0 {
		t.Fatalf("esc did not cancel: %v", f.asked)
	}
	p.press("R")
	p.wait(2900 * time.Millisecond)
	if len(f.asked) != 0 {
		t.Fatalf("began early: %v", f.asked)
	}
	p.wait(200 * time.Millisecond)
	p.wait(200 * time.Millisecond)
	if diff := cmp.Diff([]run.Command{run.RollBack{}}, f.asked); diff != "" {
		t.Fatal(diff)
	}
	p.sees("Rolling back", "TURNING BACK → v1.4.1")
}

func TestRollBackFromEveryScreen(t *testing.T) {
	for _, prepare := range [][]string{{}, {"tab"}, {"tab", "tab"}, {"2"}, {"3"}, {"4"}, {"z"}, {"?"}, {"p"}, {"q"}} {
		f := stories(run.Production)["up"]
		p := open(t, f, 80, 24)
		p.press(append(prepare, "R", "enter")...)
		if !slices.Contains(f.asked, run.Command(run.RollBack{})) {
			t.Errorf("after %v: R, enter asked %v", prepare, f.asked)
		}
	}
	for _, text := range []string{"s", "N", "e"} { // where letters are text
		f := stories(run.Production)["failed"]
		p := open(t, f, 80, 24)
		p.press(text, "R")
		p.misses("ROLL BACK")
		p.press("ctrl+r", "enter")
		if !slices.Contains(f.asked, run.Command(run.RollBack{})) {
			t.Errorf("in %q: ctrl+r, enter asked %v", text, f.asked)
		}
	}
	f := stories(run.Production)["up"]
	p := open(t, f, 40, 10)
	p.sees("Needs 60x15, this is 40x10")
	p.press("R")
	p.sees("starting in 3")
	p.press("enter")
	if !slices.Contains(f.asked, run.Command(run.RollBack{})) {
		t.Errorf("below the minimum: R, enter asked %v", f.asked)
	}
}

func TestHastyKeyIsNotTakenByTheNextStep(t *testing.T) {
	f := stories(run.Production)["running"]
	p := open(t, f, 120, 40)
	p.press("k")
	f.add(run.StepSucceeded{Step: "migrate", Attempt: 1, Took: time.Second})
	p.pump()
	p.m.now = p.now.Add(100 * time.Millisecond)
	p.strike("enter")
	if len(f.asked) != 0 {
		t.Fatalf("a key for the step before began the next: %v", f.asked)
	}
	p.sees("the step changed while you were typing")
	p.m.now = p.m.now.Add(time.Second)
	p.strike("enter")
	if diff := cmp.Diff([]run.Command{run.Start{Step: "up"}}, f.asked); diff != "" {
		t.Fatal(diff)
	}
}

func TestChecklist(t *testing.T) {
	f := stories(run.Local)["checklist"]
	p := open(t, f, 80, 24)
	p.press("space", "down", "space", "enter")
	p.sees("take over; all ticked ends the step")
	p.press("down", "down", "space", "down", "space", "enter")
	tick := func(item string) run.Command { return run.Tick{Step: "checks", Item: item, On: true} }
	want := []run.Command{tick("tests"), tick("soak"), tick("backup"), tick("team"), run.Finish{Step: "checks"}}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Fatal(diff)
	}
	p.sees("Announce the deploy in #deployments", "Do this, then press enter.")
}

func TestFailedStepOffersItsWays(t *testing.T) {
	p := open(t, stories(run.Production)["failed"], 80, 24)
	p.sees("✗ failed: exit code 1", "r retry   e edit and retry   m mark done   s skip   R roll back")
	f := p.f
	p.press("e", "x", "ctrl+s")
	want := []run.Command{run.Edit{Step: "migrate", Text: "scripts/safe_migrate.shx"}, run.Start{Step: "migrate"}}
	if diff := cmp.Diff(want, f.asked); diff != "" {
		t.Fatal(diff)
	}
}

func TestUnknownIsNeverRunAgainBlindly(t *testing.T) {
	f := stories(run.Production)["unknown"]
	p := open(t, f, 120, 40)
	p.sees("outcome unknown")
	p.press("r")
	p.sees("Nobody saw how this step ended")
	p.press("enter", "esc")
	if len(f.asked) != 0 {
		t.Fatalf("asked %v", f.asked)
	}
	p.press("r", "y")
	if diff := cmp.Diff([]run.Command{run.Start{Step: "migrate"}}, f.asked); diff != "" {
		t.Fatal(diff)
	}
}

func TestLeaving(t *testing.T) {
	p := open(t, stories(run.Production)["checklist"], 120, 40)
	p.press("q")
	p.sees("can be resumed with `flightdeck deploy", "production`")
	p.press("l")
	if !p.quit {
		t.Fatal("l did not leave")
	}
	for _, key := range []string{"q", "ctrl+c"} {
		f := stories(run.Production)["running"]
		p = open(t, f, 120, 40)
		p.press(key)
		if p.quit || len(f.asked) != 0 {
			t.Fatalf("%s left or stopped a running step: %v", key, f.asked)
		}
		p.press("x")
		f.add(run.StepFailed{Step: "migrate", Attempt: 1, Stopped: true, Reason: "stopped"})
		p.pump()
		if diff := cmp.Diff([]run.Command{run.Stop{Step: "migrate"}}, f.asked); diff != "" || !p.quit {
			t.Fatal("stop and leave", p.quit, diff)
		}
	}
	p = open(t, stories(run.Production)["turning"], 120, 40)
	p.press("q")
	p.sees("a rollback is never", "cut off half-way")
	p.press("esc")
	p = open(t, stories(run.Production)["over"], 120, 40)
	p.press("q")
	if !p.quit {
		t.Fatal("q did not leave a run that is over")
	}
}

func TestSilentTargetIsSaid(t *testing.T) {
	f := stories(run.Production)["running"]
	f.seen.Down, f.seen.DownSince = "connection refused", noon.Add(-12*time.Second)
	for _, size := range sizes[:3] {
		p := open(t, f, size[0], size[1])
		p.sees("12 s")
		p.sees("✗ target")
	}
}

func TestHelpListsOnlyWhatWorksAndWhyTheRestDoesNot(t *testing.T) {
	p := open(t, stories(run.Production)["running"], 200, 60)
	p.press("?")
	p.sees("stop the running step", "not now: the step is running")
}

func TestOutputFollowsAndHolds(t *testing.T) {
	f := stories(run.Production)["running"]
	p := open(t, f, 120, 40)
	p.sees("0014 backfill_category")
	for i := range 60 {
		f.log("step/migrate", "migrate", fmt.Sprintf("row %02d", i), tail.Out)
	}
	p.look()
	p.sees("row 59")
	p.press("k", "k", "k")
	p.misses("row 59")
	f.log("step/migrate", "migrate", "newest row", tail.Out)
	p.look()
	p.misses("newest row")
	p.press("G")
	p.sees("newest row")
}

func TestPlanThatMovesOpensByItselfAndHearsNoTyping(t *testing.T) {
	f := stories(run.Production)["checking"]
	p := open(t, f, 120, 40)
	opened := sampleOpened(run.Production)
	f.add(run.PlanMoved{Why: "image shop/backend:v1.5.0 was built anew", From: opened.From, To: opened.To, Changes: opened.Changes})
	p.pump()
	p.sees("Look again", "was built anew")
	for range 3 {
		p.m.now = p.m.now.Add(200 * time.Millisecond)
		p.strike("esc")
	}
	p.sees("Look again")
	p.m.now = p.m.now.Add(dialog.Quiet)
	p.strike("esc")
	p.misses("Look again")
}

func TestCtrlCWhileItCountsDownMeansNo(t *testing.T) {
	f := stories(run.Production)["up"]
	p := open(t, f, 120, 40)
	p.press("R", "ctrl+c")
	p.wait(10 * time.Second)
	if len(f.asked) != 0 || p.quit {
		t.Fatalf("asked %v, quit %v", f.asked, p.quit)
	}
}

func TestWhatTheStepBeforeSaidStandsBesideTheNextQuestion(t *testing.T) {
	f := stories(run.Production)["running"]
	p := open(t, f, 120, 40)
	f.add(run.StepSucceeded{Step: "migrate", Attempt: 1, Took: 48 * time.Second})
	p.pump()
	p.look()
	p.sees("✓ Run the migrations, 48 s", "0014 backfill_category", "Press enter to deploy v1.5.0 to production.")
}

func TestZoomedStepIsItsOutputWithSearch(t *testing.T) {
	f := stories(run.Production)["running"]
	p := open(t, f, 80, 24)
	for i := range 90 {
		f.log("step/migrate", "migrate", fmt.Sprintf("row %02d", i), tail.Out)
	}
	p.look()
	p.press("z")
	p.sees("row 89")
	p.misses("row 03")
	drawtest.Exact(t, p.m.View().Content, 80, 24, "cockpit")
	p.press("/")
	for _, r := range "row 03" {
		key := string(r)
		if key == " " {
			key = "space"
		}
		p.press(key)
	}
	p.press("enter")
	p.sees("row 03")
	p.press("esc", "z")
	p.sees("1 Logs")
}
