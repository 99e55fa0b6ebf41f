package logs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/clean"
	"flightdeck/internal/deck"
	"flightdeck/internal/tail"
	"flightdeck/ui/drawtest"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

var now = time.Date(2026, 11, 20, 10, 42, 4, 0, time.UTC)

func shop() []tail.Line {
	at := func(s int) time.Time { return time.Date(2026, 11, 20, 10, 41, s, 0, time.UTC) }
	return []tail.Line{
		{At: at(58), Source: "backend-1", Text: "INFO  GET /search?q=lamp 200 31ms"},
		{At: at(58), Source: "worker-1", Text: "INFO  job 88213 done in 120ms", Spans: []clean.Span{{Start: 6, End: 9, Style: clean.Style{Foreground: 3}}}},
		{At: at(59), Source: "backend-2", Text: "WARN  slow query 412ms: select id, name, price from products where category = $1 order by price limit 20"},
		{At: at(60), Kind: tail.Mark, Source: "backend-1", Text: "backend-1 recreated: v1.4.1 → v1.5.0"},
		{At: at(61), Source: "backend-1", Text: "INFO  listening on :8000"},
		{At: at(63), Source: "postgres-1", Text: "LOG   checkpoint complete: wrote 214 buffers"},
		{At: at(63), Source: "backend-2", Kind: tail.Err, Text: "ERROR upstream timeout after 5s (支付 payment)"},
		{At: at(64), Kind: tail.Gap, Text: "target did not answer for 3 s, 12 lines may be missing"},
		{At: at(64), Source: "backend-1", Text: "INFO  GET /health/v2/ready 200 4ms"},
	}
}

func pane(lines []tail.Line) *Pane {
	p := New("")
	p.See(kit.View{Styles: theme.New(true), Zone: time.UTC, Logs: tail.Batch{Lines: lines}})
	return p
}

func TestPictures(t *testing.T) {
	for _, size := range [][2]int{{40, 10}, {76, 10}, {196, 10}} {
		drawtest.Golden(t, fmt.Sprintf("shop-%dx%d", size[0], size[1]), pane(shop()).Draw(size[0], size[1], true, now))
	}
	wrapped := pane(shop())
	wrapped.Draw(60, 14, true, now)
	wrapped.Key(tea.KeyPressMsg{Code: 'w', Text: "w"})
	drawtest.Golden(t, "wrapped-60x14", wrapped.Draw(60, 14, true, now))
	drawtest.Golden(t, "none-30x2", pane(nil).Draw(30, 2, true, now))
}

func TestHead(t *testing.T) {
	p := pane(shop())
	if title, status := p.Head(now); title != "Logs" || status != "following · 1 err" {
		t.Errorf("head is %q, %q", title, status)
	}
	if !p.See(kit.View{Look: deck.Look{Down: "gone"}}) {
		t.Error("that the target went away changes nothing")
	}
	if _, status := p.Head(now); status != "cut off · following · 1 err" {
		t.Errorf("when the target is gone the status is %q", status)
	}
	if p.See(kit.View{Look: deck.Look{Down: "gone"}}) {
		t.Error("nothing new is said to be a change")
	}
}

func TestReplicasShareAColour(t *testing.T) {
	p := pane(shop())
	lines := strings.Split(p.Draw(100, 9, true, now), "\n")
	colour := func(line, name string) string {
		before, _, _ := strings.Cut(line, name)
		return before[strings.LastIndex(before, "\x1b["):]
	}
	if a, b := colour(lines[0], "backend-1"), colour(lines[2], "backend-2"); a != b {
		t.Errorf("backend-1 has %q, backend-2 %q", a, b)
	}
}
