package lines

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"flightdeck/internal/clean"
	"flightdeck/internal/tail"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

var at = time.Date(2026, 11, 20, 10, 42, 0, 0, time.UTC)

func numbered(from, to int) tail.Batch {
	var b tail.Batch
	for i := from; i <= to; i++ {
		b.Lines = append(b.Lines, tail.Line{Seq: uint64(i), At: at, Source: "backend-1", Text: fmt.Sprintf("line %d", i)})
	}
	return b
}

func key(s string) tea.KeyPressMsg {
	switch s {
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "up":
		return tea.KeyPressMsg{Code: tea.KeyUp}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	case "pgup":
		return tea.KeyPressMsg{Code: tea.KeyPgUp}
	case "pgdown":
		return tea.KeyPressMsg{Code: tea.KeyPgDown}
	case "home":
		return tea.KeyPressMsg{Code: tea.KeyHome}
	case "end":
		return tea.KeyPressMsg{Code: tea.KeyEnd}
	case "right":
		return tea.KeyPressMsg{Code: tea.KeyRight}
	case "backspace":
		return tea.KeyPressMsg{Code: tea.KeyBackspace}
	}
	return tea.KeyPressMsg{Code: []rune(s)[0], Text: s}
}

// press gives keys and runs what they start to its end; it returns the notices.
func press(t *testing.T, v *View, keys ...string) []kit.NoticeMsg {
	t.Helper()
	var notices []kit.NoticeMsg
	var run func(cmd tea.Cmd)
	run = func(cmd tea.Cmd) {
		if cmd == nil {
			return
		}
		switch msg := cmd().(type) {
		case tea.BatchMsg:
			for _, c := range msg {
				run(c)
			}
		case kit.NoticeMsg:
			notices = append(notices, msg)
		default:
			run(v.Receive(msg))
		}
	}
	for _, k := range keys {
		run(v.Key(key(k)))
	}
	return notices
}

func typing(t *testing.T, v *View, open, s string) {
	t.Helper()
	press(t, v, open)
	for _, r := range s {
		press(t, v, string(r))
	}
	press(t, v, "enter")
}

func draw(v *View, w, h int) []string {
	out := strings.Split(ansi.Strip(v.Draw(w, h, true, at)), "\n")
	for i := range out {
		out[i] = strings.TrimRight(out[i], " ")
	}
	return out
}

func small(lines int) *View {
	v := New(Options{Sources: true, Name: "logs", Lines: lines})
	v.See(theme.New(true), time.UTC)
	return v
}

func TestFollowHasOneRule(t *testing.T) {
	v := small(1000)
	v.Add(numbered(1, 50))
	if got := draw(v, 60, 5)[4]; !strings.HasSuffix(got, "line 50") || v.Status() != "following" {
		t.Fatalf("it does not follow: %q, %s", got, v.Status())
	}
	press(t, v, "up", "up")
	held := draw(v, 60, 5)
	if !strings.HasSuffix(held[4], "line 48") {
		t.Fatalf("two up shows %q", held[4])
	}
	v.Add(numbered(51, 182))
	if v.Status() != "held, 132 new below" {
		t.Errorf("status %q", v.Status())
	}
	if now := draw(v, 60, 5); strings.Join(now, "\n") != strings.Join(held, "\n") {
		t.Errorf("a held view moved:\n%s\n%s", strings.Join(held, "\n"), strings.Join(now, "\n"))
	}
	press(t, v, "end")
	if got := draw(v, 60, 5)[4]; !strings.HasSuffix(got, "line 182") || v.Status() != "following" {
		t.Errorf("end does not resume: %q %s", got, v.Status())
	}
	press(t, v, "pgup", "pgup")
	if v.Status() != "held" {
		t.Errorf("status %q", v.Status())
	}
	for range 3 {
		press(t, v, "pgdown")
	}
	if v.Status() != "following" {
		t.Errorf("reaching the bottom does not resume: %s", v.Status())
	}
	press(t, v, "f")
	v.Add(numbered(183, 185))
	if got := draw(v, 60, 5)[4]; !strings.HasSuffix(got, "line 182") || v.Status() != "held, 3 new below" {
		t.Errorf("f does not hold: %q %s", got, v.Status())
	}
	press(t, v, "f")
	if v.Status() != "following" {
		t.Errorf("f does not follow again: %s", v.Status())
	}
	press(t, v, "g")
	if got := draw(v, 60, 5)[0]; !strings.HasSuffix(got, "line 1") {
		t.Errorf("g shows %q first", got)
	}
}

func TestAHeldViewStaysUnderAFlood(t *testing.T) {
	v := small(1000)
	v.Add(numbered(1, 900))
	draw(v, 60, 6)
	press(t, v, "pgup")
	held := strings.Join(draw(v, 60, 6), "\n")
	for i := 901; i < 50_000; i += 700 {
		v.Add(numbered(i, i+699))
		if now := strings.Join(draw(v, 60, 6), "\n"); now != held {
			t.Fatalf("at line %d the held view moved:\n%s\n\n%s", i, held, now)
		}
	}
	var gap string
	for range 3000 {
		press(t, v, "down")
		for _, l := range draw(v, 60, 6) {
			if strings.Contains(l, "dropped") {
				gap = l
			}
		}
		if v.Status() == "following" {
			break
		}
	}
	if gap == "" {
		t.Error("what was dropped behind the held view is not drawn")
	}
	if v.Status() != "following" {
		t.Errorf("the bottom is not reached: %s", v.Status())
	}
	if n := v.win.low(); n != v.win.first {
		t.Errorf("row %d is still pinned", n)
	}
}

func TestScrollingUpAndDownMeetsEveryRowOnce(t *testing.T) {
	v := small(1000)
	var b tail.Batch
	for i := range 40 {
		b.Lines = append(b.Lines, tail.Line{Source: "web-1", At: at, Text: fmt.Sprintf("%d %s", i, strings.Repeat("世界 ab", i%7*5))})
	}
	v.Add(b)
	draw(v, 50, 7)
	press(t, v, "w", "g")
	var seen []string
	seen = append(seen, draw(v, 50, 7)...)
	for range 1000 {
		press(t, v, "down")
		seen = append(seen, draw(v, 50, 7)[6])
		if v.Status() == "following" {
			break
		}
	}
	all := strings.Join(draw(v, 50, 400), "\n")
	want := strings.TrimRight(all, "\n")
	if got := strings.Join(seen, "\n"); got != want {
		t.Errorf("going down shows\n%s\nbut all rows are\n%s", got, want)
	}
}

func TestSearch(t *testing.T) {
	v := small(1000)
	b := numbered(1, 300)
	b.Lines[9].Text = "Timeout 支付 upstream"
	b.Lines[199].Text = "a timeout and a TIMEOUT"
	v.Add(b)
	draw(v, 70, 10)
	typing(t, v, "/", "timeout")
	if got := strings.Join(draw(v, 70, 10), "\n"); !strings.Contains(got, "/timeout match 2 of 2") || !strings.Contains(got, "line 199") {
		t.Errorf("the search does not go to the newest hit, in its context:\n%s", got)
	}
	press(t, v, "N")
	if got := strings.Join(draw(v, 70, 10), "\n"); !strings.Contains(got, "match 1 of 2") || !strings.Contains(got, "支付") {
		t.Errorf("N does not go up:\n%s", got)
	}
	if notes := press(t, v, "N"); len(notes) != 1 || notes[0].Text != "no further match above" {
		t.Errorf("N at the first match says %v", notes)
	}
	v.Add(tail.Batch{Lines: []tail.Line{{Source: "backend-1", Text: "timeout again"}}})
	if got := draw(v, 70, 10)[9]; !strings.Contains(got, "match 1 of 3") {
		t.Errorf("a new hit is not counted: %q", got)
	}
	press(t, v, "esc")
	if v.bar() {
		t.Error("esc does not end the search")
	}
}

func TestHighlightIsOnTheRightCells(t *testing.T) {
	v := small(100)
	text := "日本語 two 支付 two"
	v.Add(tail.Batch{Lines: []tail.Line{{Source: "web-1", Text: text, Spans: []clean.Span{{Start: 4, End: 14, Style: clean.Style{Foreground: 2}}}}}})
	draw(v, 70, 4)
	typing(t, v, "/", "two")
	line := strings.Split(v.Draw(70, 4, true, at), "\n")[0]
	var marked []string
	for _, part := range strings.Split(line, reset) {
		if i := strings.LastIndex(part, "\x1b["); i >= 0 {
			seq, body, _ := strings.Cut(part[i:], "m")
			if strings.Contains(seq, "[7;") || strings.HasSuffix(seq, ";7") || strings.Contains(seq, ";7;") {
				marked = append(marked, body)
			}
		}
	}
	// The first hit is half inside a coloured span, so it is drawn in two pieces.
	if got := strings.Join(marked, "|"); strings.ReplaceAll(got, "|", "") != "twotwo" {
		t.Errorf("marked is %q in %q", got, line)
	}
}

func TestFilter(t *testing.T) {
	v := small(5000)
	b := numbered(1, 3401)
	for i := range 12 {
		b.Lines[i*100].Text = "slow query"
	}
	v.Add(b)
	v.Add(tail.Batch{Lines: []tail.Line{{Kind: tail.Mark, At: at, Text: "backend-1 recreated: v1 → v2"}}})
	draw(v, 70, 16)
	typing(t, v, "F", "slow")
	got := strings.Join(draw(v, 70, 16), "\n")
	if !strings.Contains(got, "12 of 3,401 shown") || strings.Count(got, "slow query") != 12 {
		t.Errorf("the filter shows\n%s", got)
	}
	if !strings.Contains(got, "── backend-1 recreated: v1 → v2 ──") {
		t.Errorf("the filter hides an inline row:\n%s", got)
	}
	v.Add(tail.Batch{Lines: []tail.Line{{Source: "web-1", Text: "quick"}, {Source: "web-1", Text: "slow again"}}})
	if got := strings.Join(draw(v, 70, 16), "\n"); !strings.Contains(got, "13 of 3,403 shown") || strings.Contains(got, "quick") {
		t.Errorf("new lines are not filtered:\n%s", got)
	}
	press(t, v, "esc")
	typing(t, v, "F", "!line|slow")
	if got := strings.Join(draw(v, 70, 16), "\n"); !strings.Contains(got, "1 of 3,403 shown") || !strings.Contains(got, "quick") {
		t.Errorf("the inverted filter shows\n%s", got)
	}
}

func TestAFilterKeepsThePlaceOfAHeldView(t *testing.T) {
	v := small(100_000)
	v.Add(numbered(1, 60_000))
	draw(v, 70, 6)
	press(t, v, "pgup")
	typing(t, v, "/", "line 50500$")
	press(t, v, "F", "0")
	for cmd := v.Key(key("enter")); cmd != nil; {
		draw(v, 70, 6)
		cmd = drain(v, cmd)
	}
	if got := strings.Join(draw(v, 70, 6), "\n"); !strings.Contains(got, "line 50500\n") {
		t.Errorf("the filter lost the place:\n%s", got)
	}
}

func TestSearchGoesThroughTheFilter(t *testing.T) {
	v := small(5000)
	v.Add(numbered(1, 100))
	draw(v, 70, 16)
	typing(t, v, "/", "line")
	typing(t, v, "F", "7$")
	if got := draw(v, 70, 16)[15]; !strings.Contains(got, "10 of 100 shown") || !strings.Contains(got, "10 matches") && !strings.Contains(got, "of 10") {
		t.Errorf("the bar says %q", got)
	}
}

func TestTypingIsNeverACommand(t *testing.T) {
	v := small(100)
	v.Add(numbered(1, 50))
	draw(v, 60, 5)
	press(t, v, "/")
	for _, k := range []string{"f", "w", "t", "g", "y", "o", "n", "N", "F", "q", "R"} {
		press(t, v, k)
	}
	if !v.Typing() || v.prompt.text != "fwtgyonNFqR" || !v.follow || !v.times || v.wrap {
		t.Errorf("typing did something: %+v", v.prompt)
	}
	press(t, v, "backspace", "esc")
	if v.Typing() || v.search.m != nil {
		t.Error("esc does not leave the prompt")
	}
	press(t, v, "/", "(", "enter")
	if !v.Typing() || !strings.Contains(strings.Join(draw(v, 90, 5), ""), "not a regular expression: missing closing )") {
		t.Errorf("a wrong pattern is taken: %q", draw(v, 90, 5))
	}
}

func TestErrorsAreCounted(t *testing.T) {
	v := small(10)
	for i := range 30 {
		v.Add(tail.Batch{Lines: []tail.Line{{Source: "a-1", Text: fmt.Sprintf("10:00 [ERROR] %d", i)}, {Source: "a-1", Text: "INFO no error here"}}})
	}
	if got := v.Status(); got != "following · 30 err" {
		t.Errorf("status %q", got)
	}
}

func TestMissedLinesAreDrawn(t *testing.T) {
	v := small(100)
	b := numbered(1, 2)
	b.Missed = 12345
	v.Add(b)
	if got := draw(v, 70, 4)[0]; !strings.Contains(got, "── 12,345 lines came too fast to be kept ──") {
		t.Errorf("the gap is drawn as %q", got)
	}
	if v.kept() != 2 {
		t.Errorf("%d lines kept, want 2", v.kept())
	}
}

func TestAHeldViewGoesOnCounting(t *testing.T) {
	v := small(1000)
	v.Add(numbered(1, 100))
	draw(v, 60, 6)
	typing(t, v, "/", "line")
	press(t, v, "pgup")
	draw(v, 60, 6)
	v.Add(numbered(101, 110))
	if got := draw(v, 60, 6)[5]; !strings.Contains(got, "of 110") {
		t.Errorf("the bar says %q", got)
	}
}

func TestTheWindowIsBoundedInBytes(t *testing.T) {
	v := New(Options{Lines: 1000, Bytes: 10_000})
	for range 100 {
		v.Add(tail.Batch{Lines: []tail.Line{{Text: strings.Repeat("x", 999)}}})
	}
	if v.win.bytes > 10_000 || v.Kept() != 10 {
		t.Errorf("%d bytes in %d lines are kept", v.win.bytes, v.Kept())
	}
	v.Add(tail.Batch{Lines: []tail.Line{{Text: strings.Repeat("y", 50_000)}}})
	if v.Kept() != 1 {
		t.Errorf("a line beyond the bound leaves %d lines", v.Kept())
	}
}

func TestCopyAndSave(t *testing.T) {
	v := small(1000)
	v.opt.Dir = t.TempDir()
	b := numbered(1, 20)
	b.Lines[4].Text = "needle " + strings.Repeat("x", 200)
	v.Add(b)
	draw(v, 60, 5)
	if notes := press(t, v, "y"); len(notes) != 1 || notes[0].Text != "copied 5 lines to the terminal's clipboard" {
		t.Errorf("y says %v", notes)
	}
	typing(t, v, "/", "needle")
	if notes := press(t, v, "y"); len(notes) != 1 || notes[0].Text != "copied 1 line to the terminal's clipboard" {
		t.Errorf("y says %v", notes)
	}
	if got, want := v.plain(v.at), "10:42:00 backend-1 needle "+strings.Repeat("x", 200); got != want {
		t.Errorf("copied %q, want %q", got, want)
	}
	first, second := press(t, v, "o"), press(t, v, "o")
	if len(first) != 1 || first[0].Bad || first[0].Text != "20 lines saved to flightdeck-logs-20261120-104200.log" {
		t.Fatalf("o says %v", first)
	}
	if len(second) != 1 || second[0].Text != "20 lines saved to flightdeck-logs-20261120-104200-2.log" {
		t.Errorf("the second o says %v", second)
	}
	name := filepath.Join(v.opt.Dir, "flightdeck-logs-20261120-104200.log")
	data, err := os.ReadFile(name)
	if err != nil || strings.Count(string(data), "\n") != 20 || !strings.HasPrefix(string(data), "2026-11-20T10:42:00Z backend-1 line 1\n") {
		t.Errorf("the file holds %q (%v)", data, err)
	}
	if st, err := os.Stat(name); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v)", st.Mode(), err)
	}
	v.opt.Dir = filepath.Join(v.opt.Dir, "missing")
	if notes := press(t, v, "o"); len(notes) != 1 || !notes[0].Bad {
		t.Errorf("a failed save says %v", notes)
	}
}

func TestShiftKeepsWideCharactersWhole(t *testing.T) {
	v := small(10)
	v.Add(tail.Batch{Lines: []tail.Line{{Text: "a" + strings.Repeat("世", 200)}}})
	v.opt.Sources, v.times = false, false
	draw(v, 40, 2)
	press(t, v, "right")
	if got := draw(v, 40, 2)[0]; ansi.StringWidth(got) != 40 || strings.Trim(got, "世 ") != "›" {
		t.Errorf("shifted: %q", got)
	}
}

func TestRecreatedRowKeepsTheNewImageWhenItIsCut(t *testing.T) {
	for text, want := range map[string]string{
		"backend-1 recreated: host:5000/a/long/shop/backend:v1 → host:5000/a/long/shop/backend:v2": "backend-1 recreated: v1 → v2",
		"backend-1 recreated: shop/backend:v1 (41d2aa0) -> shop/backend:v1 (9f3c1b7)":              "backend-1 recreated: v1 (41d2aa0) -> v1 (9f3c1b7)",
		"backend-1 recreated: shop/backend:v1 → other/backend:v2":                                  "backend-1 recreated: shop/backend:v1 → other/backend:v2",
		"backend-1 recreated: shop/backend:v2":                                                     "backend-1 recreated: shop/backend:v2",
		"backend-1 recreated: host:5000/backend → host:5000/backend2":                              "backend-1 recreated: host:5000/backend → host:5000/backend2",
	} {
		if got := withoutRepository(text); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
}
