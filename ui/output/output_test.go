package output

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"flightdeck/internal/run"
	"flightdeck/internal/tail"
	"flightdeck/runbook"
	"flightdeck/ui/drawtest"
	"flightdeck/ui/theme"
)

var now = time.Date(2026, 11, 20, 10, 42, 0, 0, time.UTC)

func step(status run.StepStatus) run.StepState {
	return run.StepState{Step: runbook.Step{ID: "migrate", Title: "Run the migrations"}, Status: status, Attempt: 2, StartedAt: now.Add(-37 * time.Second),
		EndedAt: now, Took: 37 * time.Second, ExitCode: 7, Reason: "relation \"products\" is locked", Signals: []string{"INT", "TERM"}}
}

func TestTheLastRowSaysHowTheStepStands(t *testing.T) {
	for status, want := range map[run.StepStatus]string{
		run.ToDo: "· to do", run.Running: "▶ running 0m37s, attempt 2", run.Stopping: "◐ stopping 0m37s, sent INT, TERM",
		run.Succeeded: "✓ done after 37 s, exit code 7, attempt 2",
		run.Broken:    `✗ failed after 37 s, exit code 7: relation "products" is locked, attempt 2`,
		run.Marked:    `! marked done: relation "products" is locked`, run.Skipped: `! skipped: relation "products" is locked`,
		run.LeftOut: `! left out: relation "products" is locked`, run.Unknown: "? outcome unknown: it had begun when its process ended",
	} {
		p := New("")
		p.See(View{Styles: theme.New(true), Step: step(status)})
		lines := strings.Split(ansi.Strip(p.Draw(100, 4, true, now)), "\n")
		if got := strings.TrimRight(lines[3], " "); got != want {
			t.Errorf("%s: %q, want %q", status, got, want)
		}
	}
}

func TestLiveOutput(t *testing.T) {
	p := New("")
	var b tail.Batch
	for i := range 12 {
		b.Lines = append(b.Lines, tail.Line{At: now, Text: fmt.Sprintf("%04d add_column  done", i)})
	}
	p.See(View{Styles: theme.New(true), Step: step(run.Running), Lines: b})
	drawtest.Golden(t, "running-60x8", p.Draw(60, 8, true, now))
}

func TestTheTailOfTheJournalStandsIn(t *testing.T) {
	p := New("")
	s := step(run.Broken)
	s.Tail = []string{"0001 done", "0002 \x1b[2Jfailed"}
	for range 3 {
		p.See(View{Styles: theme.New(true), Step: s})
	}
	drawtest.Golden(t, "tail-60x6", p.Draw(60, 6, true, now))
}

func TestEverySizeIsFilledExactly(t *testing.T) {
	p := New("")
	var b tail.Batch
	for _, s := range drawtest.Hostile() {
		b.Lines = append(b.Lines, tail.Line{At: now, Text: s})
	}
	st := step(run.Broken)
	st.Reason = "\x1b[2J\n世界"
	p.See(View{Styles: theme.New(true), Step: st, Lines: b})
	for w := 0; w <= 250; w++ {
		for _, h := range []int{w % 9, []int{12, 30, 60, 250}[w%4]} {
			drawtest.Exact(t, p.Draw(w, h, true, now), w, h, "output")
		}
	}
}
