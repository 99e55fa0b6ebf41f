package story

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
)

func titles(id string) string {
	return map[string]string{"up": "Deploy backend", "box": "Team is told", "before": "Before we start"}[id]
}

func told() map[string]struct {
	event run.Event
	want  string
} {
	v1, v2 := release.Ref{ID: "r1", Version: "v1"}, release.Ref{ID: "r2", Version: "v2"}
	ready := release.Readiness{Ready: true, Target: v1}
	proof := release.Proof{Target: v1, OK: true, Rows: []release.ProofRow{{Service: "backend", OK: true}, {Service: "web", OK: true}}}
	type row = struct {
		event run.Event
		want  string
	}
	return map[string]row{
		"opened": {run.Opened{Mode: run.ModeDeploy, Project: "shop", Environment: "production", Operator: "ops", Host: "bastion",
			From: v1, To: v2, Branch: "main", Commit: "9c41e0712345", Dirty: true},
			"deploy of shop to production opened by ops on bastion: v1 → v2 (main 9c41e07 with uncommitted changes)"},
		"confirmed":        {run.Confirmed{By: "ops", Typed: "production"}, `confirmed by ops, who typed "production"`},
		"plan-moved":       {run.PlanMoved{Why: "image of web changed", From: v1, To: v2}, "the plan moved and is asked again: image of web changed (v1 → v2)"},
		"section-left-out": {run.SectionLeftOut{Phase: "before", Reason: "hotfix", By: "ops"}, `section "Before we start" left out by ops: hotfix`},
		"section-taken-in": {run.SectionTakenIn{Phase: "before", By: "ops"}, `section "Before we start" taken in again by ops`},
		"record-started":   {run.RecordStarted{}, "recording the current release"},
		"recorded":         {run.Recorded{Release: v1, Readiness: ready}, "recorded v1 on the target; rollback ready → v1"},
		"record-failed":    {run.RecordFailed{Reason: "engine is down"}, "the current release could not be recorded, nothing was changed: engine is down"},
		"readiness-checked": {run.ReadinessChecked{Readiness: release.Readiness{Reason: "image of web is missing"}},
			"rollback blocked: image of web is missing"},
		"step-started": {run.StepStarted{Step: "up", Attempt: 2, Command: "make\nmake test", By: "ops"},
			"Deploy backend started by ops, attempt 2: $ make (+1 lines)"},
		"step-succeeded": {run.StepSucceeded{Step: "up", Attempt: 1, Took: 64 * time.Second, Evidence: "4 of 4 healthy"},
			"Deploy backend done in 1m04s: 4 of 4 healthy"},
		"step-failed": {run.StepFailed{Step: "up", Attempt: 1, Took: 1200 * time.Millisecond, ExitCode: 7, Reason: "no such file"},
			"Deploy backend failed after 1.2 s, exit code 7: no such file"},
		"step-skipped":     {run.StepSkipped{Step: "up", Reason: "done by hand", By: "ops"}, "Deploy backend skipped by ops: done by hand"},
		"step-marked-done": {run.StepMarkedDone{Step: "up", Reason: "seen", By: "ops"}, "Deploy backend marked done by ops: seen"},
		"item-ticked":      {run.ItemTicked{Step: "before", Item: "box", On: true, By: "ops"}, "Before we start: Team is told ticked by ops"},
		"command-edited":   {run.CommandEdited{Step: "up", Old: "a", New: "b", By: "ops"}, `Deploy backend: command edited by ops from "a" to "b"`},
		"stop-asked":       {run.StopAsked{Step: "up", By: "ops"}, "Deploy backend: stop asked by ops"},
		"signalled":        {run.Signalled{Step: "up", Signal: "INT"}, "Deploy backend: sent SIGINT"},
		"note-added":       {run.NoteAdded{Text: "looks slow", By: "ops"}, "note by ops: looks slow"},
		"rollback-asked":   {run.RollbackAsked{Reason: "500s", By: "ops"}, "rollback asked for by ops: 500s"},
		"rollback-started": {run.RollbackStarted{From: v2, To: v1}, "rolling back: v2 → v1"},
		"rollback-did":     {run.RollbackDid{Text: "backend-1 started"}, "rollback: backend-1 started"},
		"rollback-ended": {run.RollbackEnded{OK: true, Proof: proof, Took: 12 * time.Second},
			"back on v1 in 12 s, proven: 2 of 2 services match the record"},
		"release-judged": {run.ReleaseJudged{Release: v2, Status: release.StatusBad, Why: "rolled back"}, "release v2 judged bad: rolled back"},
		"resumed": {run.Resumed{By: "ops", Host: "bastion", Away: 3 * time.Minute, Notice: "a torn last line of 37 bytes was dropped"},
			"resumed by ops on bastion after 3m00s: a torn last line of 37 bytes was dropped"},
		"noticed": {run.Noticed{Text: "lock renewed"}, "notice: lock renewed"},
		"closed":  {run.Closed{Outcome: run.RolledBack, By: "ops", Reason: "500s"}, "run closed by ops: rolled back, 500s"},
	}
}

func TestEveryKindIsTold(t *testing.T) {
	rows := told()
	for _, ev := range run.Events() {
		row, ok := rows[ev.Kind()]
		if !ok {
			t.Errorf("no sentence is tested for %q", ev.Kind())
			continue
		}
		if diff := cmp.Diff(row.want, Sentence(run.Entry{Event: row.event}, titles)); diff != "" {
			t.Errorf("%s: -want +got\n%s", ev.Kind(), diff)
		}
		if s := Sentence(run.Entry{Event: ev}, nil); strings.Contains(s, "later flightdeck") {
			t.Errorf("the zero %s is told as unknown: %q", ev.Kind(), s)
		}
	}
	if len(rows) != len(run.Events()) {
		t.Errorf("%d sentences are tested, there are %d kinds", len(rows), len(run.Events()))
	}
}

func TestUnknownKindsAreShownRaw(t *testing.T) {
	got := Sentence(run.Entry{Event: run.Unrecognised{Name: "teleported", Raw: json.RawMessage(`{"to":"mars"}`)}}, nil)
	if want := `teleported (of a later flightdeck): {"to":"mars"}`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Sentence(run.Entry{}, nil); got != "an entry without an event" {
		t.Errorf("an empty entry is told as %q", got)
	}
}

func TestOtherForms(t *testing.T) {
	tests := []struct {
		event run.Event
		want  string
	}{
		{run.ItemTicked{Step: "up", Item: "box"}, "Deploy backend: Team is told unticked"},
		{run.StepFailed{Step: "x", Stopped: true, Reason: "stopped with SIGTERM, exit code 143", ExitCode: 143}, "x stopped: stopped with SIGTERM, exit code 143"},
		{run.Recorded{Readiness: release.Readiness{Reason: "nothing ran before"}}, "nothing to record; no way back: nothing ran before"},
		{run.RollbackEnded{Reason: "image gone", Took: time.Second}, "rollback failed after 1.0 s: image gone"},
		{run.RollbackEnded{Took: time.Second, Proof: release.Proof{Rows: []release.ProofRow{
			{Service: "web", OK: true}, {Service: "backend", Image: "other image", Config: "ok", Health: "unhealthy"}, {Service: "job", Image: "ok", Replicas: "1 of 2"}}}},
			"rollback failed after 1.0 s; not proven: 1 of 3 services match the record; wrong: backend (image: other image, health: unhealthy), job (replicas 1 of 2)"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Sentence(run.Entry{Event: tt.event}, titles)); diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.event.Kind(), diff)
		}
	}
}

func TestASentenceIsOneSafeLine(t *testing.T) {
	hostile := "a\x1b]52;c;aGk=\x07\nb\u202ec\x9b2Jd"
	got := Sentence(run.Entry{Event: run.NoteAdded{Text: hostile, By: hostile}}, nil)
	for _, r := range got {
		if unicode.IsControl(r) || r == '\u202e' {
			t.Fatalf("%q holds %U", got, r)
		}
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 0: "0.0 s", time.Microsecond: "< 1 ms", 31 * time.Millisecond: "31 ms", 440 * time.Millisecond: "0.4 s",
		9*time.Second + 999*time.Millisecond: "9.9 s", 12 * time.Second: "12 s", 64 * time.Second: "1m04s",
		3*time.Hour + 12*time.Minute: "3h 12m", 26*time.Hour + 10*time.Minute: "26h 10m", 74 * time.Hour: "3d 2h",
	} {
		if got := Took(d); got != want {
			t.Errorf("Took(%v) = %q, want %q", d, got, want)
		}
	}
}
