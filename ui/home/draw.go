package home

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/run"
	"flightdeck/ui/kit"
)

// The least room the screen can be read in.
const (
	minWidth  = 60
	minHeight = 8
)

// View draws the screen: exactly as large as the terminal, also before its size is known.
func (m *Model) View() tea.View {
	v := tea.NewView(m.compose())
	v.AltScreen = true
	v.WindowTitle = m.opts.Project + " - flightdeck"
	return v
}

func (m *Model) compose() string {
	if m.w <= 0 || m.h <= 0 {
		return ""
	}
	if m.w < minWidth || m.h < minHeight {
		return kit.Block(kit.Wrap(fmt.Sprintf("Needs %dx%d, this is %dx%d. q quits.", minWidth, minHeight, m.w, m.h), m.w), m.w, m.h)
	}
	f := kit.Frame{Title: m.title(), Right: m.st.Dim.Render(m.status()), Focused: true, Danger: m.danger(), Flush: true}
	lines := m.list()
	if m.within != "" {
		lines = m.pastLines()
	}
	foot := kit.Spaces(m.w)
	if m.stack.Top() == nil {
		foot = " " + kit.Hints(m.st, m.Keys(), m.w-2) + " "
	}
	below := kit.Stack(f.Draw(m.st, lines, m.w, m.h-2), foot)
	// The banner is never hidden: a dialog lies over what is below it.
	if box := m.stack.Draw(m.st, m.w, m.h-1, m.now); box != "" {
		below = kit.Overlay(below, box, m.w, m.h-1)
	}
	return kit.Stack(m.banner(), below)
}

func (m *Model) title() string {
	if m.within != "" {
		return "History of " + m.opts.Project + " on " + m.within
	}
	return m.opts.Project
}

func (m *Model) status() string {
	if m.within != "" {
		return kit.Count(len(m.past), "run", "runs")
	}
	return kit.Count(len(m.rows), "environment", "environments")
}

func (m *Model) danger() bool {
	r, ok := m.row()
	return ok && dangerous(r.Class)
}

func dangerous(c run.Class) bool {
	switch c {
	case run.Staging, run.Development, run.Local:
		return false
	}
	return true
}

// banner shows the environment under the cursor: what the next key would touch.
func (m *Model) banner() string {
	now := m.now
	if m.opts.Zone != nil {
		now = now.In(m.opts.Zone)
	}
	clock := ""
	if !now.IsZero() {
		clock = now.Format("Mon 15:04 MST") + " "
	}
	r, ok := m.row()
	if !ok && m.opts.Select != "" && !m.known {
		r, ok = Row{Environment: m.opts.Select, Class: m.opts.Class}, m.opts.Class != ""
		if !ok {
			return kit.Sides(m.st.Bright.Render(" "+strings.ToUpper(r.Environment))+"  "+m.opts.Project, clock, m.w)
		}
	}
	if !ok {
		return kit.Sides(m.st.Bright.Render(" flightdeck")+"  "+m.opts.Project, clock, m.w)
	}
	look := m.st.Banner(string(r.Class))
	word := " " + strings.ToUpper(r.Environment) + " "
	text := " " + m.opts.Project
	if r.Host != "" {
		text += " on " + r.Host
	}
	if r.Release != "" {
		text += "   " + r.Release
	}
	return look.Word.Render(kit.Clip(word, m.w)) + look.First.Render(kit.Sides(text, clock, m.w-kit.Width(word)))
}

func (m *Model) list() []string {
	st, w := m.st, m.w-4
	if m.err != "" {
		return margin(kit.Wrap("✗ "+m.err, w))
	}
	if len(m.rows) == 0 {
		if !m.known {
			return []string{" " + st.Dim.Render("Looking …")}
		}
		return margin(kit.Wrap("No environment is configured. `flightdeck deploy` works all the same where a compose file lies.", w))
	}
	var rows [][]string
	for _, r := range m.rows {
		name := r.Environment
		if dangerous(r.Class) {
			name = st.Bright.Render(name)
		}
		since := ""
		if !r.Since.IsZero() {
			since = kit.Ago(m.now.Sub(r.Since))
		}
		lock := st.Dim.Render("free")
		if r.Lock != "" {
			lock = st.Warn.Render(r.Lock)
		}
		release := r.Release
		if release == "" {
			release = st.Faint.Render("nothing")
		}
		rows = append(rows, []string{name, release, since, m.health(r), m.last(r), lock})
	}
	head, lines := kit.Columns([]kit.Column{{Head: "ENVIRONMENT", Max: 24}, {Head: "RELEASE", Max: 16}, {Head: "RUNNING", Right: true},
		{Head: "HEALTH", Max: max(12, w/4)}, {Head: "LAST RUN", Grow: true}, {Head: "LOCK", Right: true, Max: 16}}, rows, w)
	top := kit.Window(len(lines), m.cursor, 0, max(1, m.h-5))
	out := []string{" " + st.Dim.Render(head)}
	for i := top; i < len(lines); i++ {
		out = append(out, kit.ListRow(st, lines[i], i == m.cursor, w+1))
	}
	if r, ok := m.row(); ok && r.Err != "" {
		out = append(out, "")
		for _, l := range kit.Wrap("? "+r.Environment+": "+r.Err, w) {
			out = append(out, " "+st.Unknown.Render(l))
		}
	}
	return out
}

func (m *Model) health(r Row) string {
	st := m.st
	switch {
	case r.Err != "":
		return st.Unknown.Render("? unknown")
	case r.Services == 0:
		return st.Dim.Render("○ nothing runs")
	case r.Healthy == r.Services:
		return st.Good.Render("●") + fmt.Sprintf(" %d of %d", r.Healthy, r.Services)
	}
	return st.Warn.Render(fmt.Sprintf("◐ %d of %d", r.Healthy, r.Services))
}

func (m *Model) last(r Row) string {
	if r.Open != "" {
		return m.st.Accent.Render("◐ a run waits to be resumed")
	}
	if r.Last.Run == "" {
		return m.st.Faint.Render("none")
	}
	return m.outcome(r.Last) + m.st.Dim.Render(", "+kit.Ago(m.now.Sub(r.Last.At))+" ago")
}

func (m *Model) outcome(p Past) string {
	st := m.st
	glyph := st.Bad.Render("✗")
	switch p.Outcome {
	case run.Done:
		glyph = st.Good.Render("✓")
	case run.RolledBack, run.Abandoned:
		glyph = st.Warn.Render("!")
	case "":
		glyph = st.Accent.Render("◐")
	}
	text := string(p.Mode)
	if p.Outcome != run.Done && p.Outcome != "" {
		text += " " + string(p.Outcome)
	}
	if p.By != "" {
		text += ", " + p.By
	}
	return glyph + " " + text
}

func (m *Model) pastLines() []string {
	st, w := m.st, m.w-4
	if m.err != "" {
		return margin(kit.Wrap("✗ "+m.err, w))
	}
	if len(m.past) == 0 {
		return []string{" " + st.Dim.Render("No run was recorded yet.")}
	}
	var rows [][]string
	for _, p := range m.past {
		at := p.At
		if m.opts.Zone != nil {
			at = at.In(m.opts.Zone)
		}
		rows = append(rows, []string{at.Format("2006-01-02 15:04"), m.outcome(p), p.From + " → " + p.To, st.Faint.Render(p.Run)})
	}
	head, lines := kit.Columns([]kit.Column{{Head: "WHEN"}, {Head: "WHAT", Max: 40}, {Head: "RELEASE"}, {Head: "RUN", Grow: true}}, rows, w)
	h := max(1, m.h-5)
	m.top = kit.Window(len(lines), m.at, m.top, h)
	out := []string{" " + st.Dim.Render(head)}
	for i := m.top; i < min(len(lines), m.top+h); i++ {
		out = append(out, kit.ListRow(st, lines[i], i == m.at, w+1))
	}
	return out
}

// margin puts the cell before every line that a Flush frame leaves to it.
func margin(lines []string) []string {
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return lines
}
