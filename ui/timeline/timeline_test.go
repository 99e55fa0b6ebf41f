package timeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/runbook"
	"flightdeck/ui/drawtest"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

var start = time.Date(2026, 11, 20, 23, 58, 30, 0, time.UTC)

func flight() []run.Entry {
	v1, v2 := release.Ref{ID: "r1", Version: "v1"}, release.Ref{ID: "r2", Version: "v2"}
	book := runbook.Runbook{Phases: []runbook.Phase{{ID: "deploy", Title: "Deploy", Steps: []runbook.Step{{ID: "up", Kind: runbook.KindDeploy, Title: "Bring the new release"},
		{ID: "check", Kind: runbook.KindChecklist, Title: "Look at it", Items: []runbook.Item{{ID: "seen", Text: "Start page loads"}}}}}}}
	events := []run.Event{
		run.Opened{Run: "r", Mode: run.ModeDeploy, Project: "shop", Environment: "production", Class: run.Production, Operator: "ops", From: v1, To: v2, Branch: "main", Commit: "9c41e07", Runbook: book},
		run.Confirmed{By: "ops", Typed: "production"},
		run.RecordStarted{},
		run.Recorded{Release: v1, Readiness: release.Readiness{Ready: true, Target: v1}},
		run.StepStarted{Step: "up", Attempt: 1, By: "ops"},
		run.StepSucceeded{Step: "up", Attempt: 1, Took: 12 * time.Second, Evidence: "3 of 3 recreated"},
		run.ItemTicked{Step: "check", Item: "seen", On: true, By: "ops"},
		run.NoteAdded{Text: "500s on /ready", By: "ops"},
		run.RollbackAsked{By: "ops", Reason: "500s"},
		run.RollbackStarted{From: v2, To: v1},
		run.RollbackDid{Text: "backend-1 restored from its record"},
		run.RollbackEnded{OK: true, Took: 8 * time.Second, Proof: release.Proof{Target: v1, OK: true, Rows: []release.ProofRow{{Service: "backend", OK: true}}}},
		run.Closed{Outcome: run.RolledBack, By: "ops"},
	}
	var out []run.Entry
	for i, ev := range events {
		out = append(out, run.Entry{Seq: uint64(i + 1), At: start.Add(time.Duration(i) * 12 * time.Second), Event: ev})
	}
	return out
}

func pane(entries []run.Entry) *Pane {
	p := New("")
	p.See(kit.View{Styles: theme.New(true), Zone: time.UTC, State: run.Fold(entries), Entries: entries})
	return p
}

func TestPictures(t *testing.T) {
	for _, size := range [][2]int{{50, 14}, {76, 16}, {120, 16}} {
		drawtest.Golden(t, fmt.Sprintf("flight-%dx%d", size[0], size[1]), pane(flight()).Draw(size[0], size[1], true, start))
	}
}

func TestEntriesAreToldOnce(t *testing.T) {
	all := flight()
	p := New("")
	for i := range all {
		p.See(kit.View{Styles: theme.New(true), Zone: time.UTC, State: run.Fold(all[:i+1]), Entries: all[:i+1]})
	}
	if p.See(kit.View{Entries: all}) {
		t.Error("nothing new is said to be a change")
	}
	if got, want := p.Draw(120, 16, false, start), pane(all).Draw(120, 16, false, start); got != want {
		t.Errorf("one by one shows\n%s\nat once\n%s", got, want)
	}
	if _, status := p.Head(start); status != "13 entries" {
		t.Errorf("status %q", status)
	}
}

func TestEveryKindHasASign(t *testing.T) {
	for _, ev := range run.Events() {
		glyph, _ := sign(ev)
		if kit.Width(glyph) != 1 || !strings.Contains("✓▶·!✗?", glyph) {
			t.Errorf("%s has the sign %q", ev.Kind(), glyph)
		}
	}
}

func TestEverySizeIsFilledExactly(t *testing.T) {
	entries := flight()
	for _, s := range drawtest.Hostile() {
		entries = append(entries, run.Entry{Seq: uint64(len(entries) + 1), At: start, Event: run.NoteAdded{Text: s, By: s}})
	}
	p := pane(entries)
	for w := 0; w <= 250; w++ {
		for _, h := range []int{w % 9, []int{12, 30, 60, 250}[w%4]} {
			drawtest.Exact(t, p.Draw(w, h, true, start), w, h, "timeline")
		}
	}
}
