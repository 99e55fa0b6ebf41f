// Package probes is the dock's pane of what is measured: one row a probe.
//
// Its one rule: a number is never drawn as live when it is not: a probe that is stale, pending,
// without data or not measurable each has a glyph and a word of its own.
package probes

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"flightdeck/internal/clean"
	"flightdeck/internal/probe"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Pane shows the probes.
type Pane struct {
	styles *theme.Styles
	gen    uint64
	all    []probe.Status
	down   string
	since  time.Time
	cursor int
	top    int
	height int
}

var _ kit.Pane = (*Pane)(nil)

// New makes an empty pane.
func New() *Pane { return &Pane{styles: theme.New(true)} }

// See takes what was measured.
func (p *Pane) See(v kit.View) bool {
	moved := v.Look.Generation != p.gen || v.Styles != p.styles
	p.gen, p.all, p.down, p.since = v.Look.Generation, v.Look.Probes, v.Look.Down, v.Look.DownSince
	if v.Styles != nil {
		p.styles = v.Styles
	}
	p.cursor = kit.Clamp(p.cursor, len(p.all))
	return moved
}

// Head is the title, how many are failing, and how old the newest measurement is.
func (p *Pane) Head(now time.Time) (title, status string) {
	var newest time.Time
	failing, unknown := 0, 0
	for _, s := range p.all {
		if l, ok := last(s); ok && l.At.After(newest) {
			newest = l.At
		}
		switch probe.StateOf(s, now) {
		case probe.Failing:
			failing++
		case probe.Stale, probe.Erroring:
			unknown++
		}
	}
	var parts []string
	if failing > 0 {
		parts = append(parts, strconv.Itoa(failing)+" failing")
	}
	if unknown > 0 {
		parts = append(parts, strconv.Itoa(unknown)+" unknown")
	}
	if !newest.IsZero() {
		parts = append(parts, "age "+kit.Age(now.Sub(newest)))
	}
	return "Probes", strings.Join(parts, " · ")
}

// Keys is the key table as it is now.
func (p *Pane) Keys() []kit.Key {
	return []kit.Key{{Keys: []string{"up", "down", "k", "j", "pgup", "pgdown", "home", "g", "end", "G"}, Label: "↑↓", Does: "scroll"}}
}

// Key scrolls.
func (p *Pane) Key(msg tea.KeyPressMsg) tea.Cmd {
	p.cursor, _ = kit.Move(msg.String(), p.cursor, len(p.all), p.height)
	return nil
}

// Draw fills exactly w x h cells.
func (p *Pane) Draw(w, h int, focused bool, now time.Time) string {
	p.height = h
	if w <= 0 || h <= 0 {
		return ""
	}
	if len(p.all) == 0 {
		return kit.Block([]string{p.styles.Dim.Render("no probe is configured")}, w, h)
	}
	var rows []string
	at := 0 // the row of the screen where the cursor's probe begins
	if p.down != "" {
		rows = append(rows, p.styles.Unknown.Render("? the target does not answer "+since(p.since, now)+": "+clean.Name(p.down)))
	}
	sh := p.shape(w)
	for i, s := range p.all {
		if i == p.cursor {
			at = len(rows)
		}
		rows = append(rows, p.rows(s, sh, focused && i == p.cursor && len(p.all) > h, now)...)
	}
	if p.cursor == 0 {
		at = 0
	}
	p.top = kit.Window(len(rows), at, p.top, h)
	return kit.Block(rows[min(p.top, len(rows)):], w, h)
}

func since(t, now time.Time) string {
	if t.IsZero() {
		return "now"
	}
	return "since " + kit.Age(now.Sub(t))
}

func last(s probe.Status) (probe.Sample, bool) {
	if len(s.Samples) == 0 {
		return probe.Sample{}, false
	}
	return s.Samples[len(s.Samples)-1], true
}

// shape is how many cells each column has; 0 for not shown.
type shape struct{ w, name, word, took, spark, age int }

// shape drops the sparkline first, then the age, then the latency, as the pane gets narrower.
func (p *Pane) shape(w int) shape {
	sh := shape{w: w, word: 8, took: 6, age: 6}
	for _, s := range p.all {
		sh.name = max(sh.name, kit.Width(clean.Name(s.Probe.Name)))
		word, _ := p.word(s, probe.Passing)
		sh.word = max(sh.word, kit.Width(word))
	}
	sh.word = min(sh.word, 14)
	sh.name = min(max(sh.name, 8), max(8, min(w/3, w-3-sh.word-2-sh.took-sh.age)))
	left := w - 2 - sh.name - 1 - sh.word
	if left < sh.took+1 {
		sh.took = 0
	} else {
		left -= sh.took + 1
	}
	if left < sh.age+1 {
		sh.age = 0
	} else {
		left -= sh.age + 1
	}
	if left >= 6 {
		sh.spark = min(left-2, 20)
	}
	return sh
}

// rows draws a probe: one row, and a second one with the reason when it is not well.
func (p *Pane) rows(s probe.Status, sh shape, marked bool, now time.Time) []string {
	state := probe.StateOf(s, now)
	glyph, style := p.look(state)
	if l, ok := last(s); ok && state == probe.Nothing && l.Detail != noCheck && s.Probe.Kind == "container" {
		glyph, style = p.look(probe.Pending) // it starts: there will be data
	}
	word, _ := p.word(s, state)
	old := state == probe.Stale || p.down != ""
	text := p.styles.Text
	if old {
		text = p.styles.Faint
	}
	var b strings.Builder
	b.WriteString(style.Render(glyph) + " " + text.Render(kit.Fit(clean.Name(s.Probe.Name), sh.name)) + " ")
	b.WriteString(style.Render(kit.Fit(word, sh.word)))
	l, measured := last(s)
	if sh.took > 0 {
		took := ""
		if (state == probe.Passing || state == probe.Failing) && s.Probe.Kind == "http" && l.Took > 0 {
			took = latency(l.Took)
		}
		b.WriteString(" " + text.Render(kit.PadLeft(took, sh.took)))
	}
	if sh.spark > 0 {
		b.WriteString("  " + p.spark(s, sh.spark, old))
	}
	if sh.age > 0 {
		age := ""
		if measured {
			age = kit.Age(now.Sub(l.At))
		}
		used := 2 + sh.name + 1 + sh.word + sh.age
		if sh.took > 0 {
			used += 1 + sh.took
		}
		if sh.spark > 0 {
			used += 2 + sh.spark
		}
		b.WriteString(kit.Spaces(sh.w-used) + p.styles.Dim.Render(kit.PadLeft(age, sh.age)))
	}
	line := b.String()
	if marked {
		line = p.styles.Accent.Render("›") + strings.TrimPrefix(line, style.Render(glyph))
	}
	if more := p.more(s, state, now); more != "" {
		return []string{line, "  " + style.Render(kit.Clip(more, max(0, sh.w-2)))}
	}
	return []string{line}
}

func (p *Pane) look(state probe.State) (glyph string, style lipgloss.Style) {
	switch state {
	case probe.Passing:
		return "●", p.styles.Good
	case probe.Failing:
		return "✗", p.styles.Bad
	case probe.Pending:
		return "◐", p.styles.Pending
	case probe.Nothing:
		return "○", p.styles.Dim
	}
	return "?", p.styles.Unknown
}

// noCheck is what package probe says of a container that will never have data.
const noCheck = "no health check"

// word is the state in words: what an HTTP endpoint answered, what docker says of a container.
func (p *Pane) word(s probe.Status, state probe.State) (word string, own bool) {
	l, ok := last(s)
	if ok && l.Code > 0 && s.Probe.Kind == "http" {
		switch state {
		case probe.Passing:
			return "pass " + strconv.Itoa(l.Code), true
		case probe.Failing:
			return "fail " + strconv.Itoa(l.Code), true
		}
	}
	if ok && s.Probe.Kind == "container" && (state == probe.Passing || state == probe.Nothing) {
		switch d := clean.Name(l.Detail); {
		case d == "" && state == probe.Passing:
			return "healthy", true
		case d == noCheck:
			return "no check", true
		case d != "" && kit.Width(d) <= 14:
			return d, true
		}
	}
	return string(state), false
}

// more is the second row: why a probe is not well, and for how long.
func (p *Pane) more(s probe.Status, state probe.State, now time.Time) string {
	l, ok := last(s)
	detail := ""
	if ok && l.Detail != "" {
		detail = ": " + clean.Name(l.Detail)
	}
	switch state {
	case probe.Failing:
		text := fmt.Sprintf("failing %d in a row", max(1, s.FailedInARow))
		if !s.FirstFailed.IsZero() {
			text += ", " + kit.Age(now.Sub(s.FirstFailed))
		}
		return text + detail
	case probe.Erroring:
		return "cannot be measured" + detail
	case probe.Stale:
		text := "no measurement"
		if ok {
			text += " for " + kit.Age(now.Sub(l.At)) + ", last was " + string(l.Outcome)
		}
		return text
	case probe.Nothing:
		if _, own := p.word(s, state); !own {
			return strings.TrimPrefix(detail, ": ")
		}
	}
	return ""
}

// spark draws the latencies of the last samples; a failure is a cross, no measurement a gap. How
// long it took to ask docker about a container says nothing, so those are flat.
func (p *Pane) spark(all probe.Status, w int, old bool) string {
	samples := all.Samples[max(0, len(all.Samples)-w):]
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = math.NaN()
		if s.Outcome == probe.Pass {
			values[i] = 0
			if all.Probe.Kind == "http" {
				values[i] = s.Took.Seconds()
			}
		}
	}
	bars := []rune(kit.Sparkline(values, w))
	line := p.styles.Running
	if old {
		line = p.styles.Faint
	}
	var b, run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			b.WriteString(line.Render(run.String()))
			run.Reset()
		}
	}
	for i, r := range bars {
		if k := i - (w - len(samples)); k >= 0 && samples[k].Outcome == probe.Fail {
			flush()
			b.WriteString(p.styles.Bad.Render("✗"))
			continue
		}
		run.WriteRune(r)
	}
	flush()
	return b.String()
}

// latency is a duration in at most 6 cells, below an hour.
func latency(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "< 1 ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return kit.Age(d)
}
