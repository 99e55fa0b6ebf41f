package ui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/run"
	"flightdeck/ui/kit"
)

// The least room the cockpit can be flown in.
const (
	MinWidth  = 60
	MinHeight = 15
)

// wide is where the runbook and the step stand side by side; twoDocks where two panes of the dock do.
const (
	wide     = 100
	twoDocks = 110
)

func (m *Model) sideBySide() bool { return m.w >= twoDocks && !m.zoom }

// View gives the frame. It is drawn anew only when something changed.
func (m *Model) View() tea.View {
	if m.drawn.dirty {
		m.drawn.frame = m.compose()
		m.drawn.dirty = false
	}
	v := tea.NewView(m.drawn.frame)
	v.AltScreen = true
	if o := m.data.state.Opened; o.Run != "" {
		v.WindowTitle = strings.ToUpper(o.Environment) + " " + o.Project + " - flightdeck"
	}
	return v
}

func (m *Model) compose() string {
	if m.w <= 0 || m.h <= 0 {
		return ""
	}
	base := m.base()
	if m.stack.Top() == nil {
		return base
	}
	// The banner is never hidden: a dialog lies over what is below it.
	keep := 2
	if m.small() {
		keep = 1
	}
	keep = min(keep, m.h-1)
	box := m.stack.Draw(m.st, m.w, m.h-keep, m.now)
	if base != m.drawn.base || box != m.drawn.box || m.drawn.overlay == "" {
		m.drawn.base, m.drawn.box = base, box
		lines := strings.SplitN(base, "\n", keep+1)
		m.drawn.overlay = strings.Join(append(lines[:keep:keep], kit.Overlay(lines[keep], box, m.w, m.h-keep)), "\n")
	}
	return m.drawn.overlay
}

func (m *Model) base() string {
	if m.small() {
		return m.tooSmall()
	}
	top := m.drawn.blocks[blockBanner].get(key{w: m.w, second: m.now.Unix(), dark: m.st.Dark}, m.banner)
	foot := m.footer()
	h := m.h - strings.Count(top, "\n") - strings.Count(foot, "\n") - 2
	if m.data.state.Opened.Run == "" {
		return kit.Stack(top, kit.Block([]string{"", "  " + m.st.Dim.Render("Opening the run …")}, m.w, h), foot)
	}
	body := ""
	if m.planning() {
		body = m.planBody(m.w, h)
	} else {
		body = m.boardBody(m.w, h)
	}
	return kit.Stack(top, body, foot)
}

func (m *Model) small() bool { return m.w < MinWidth || m.h < MinHeight }

// tooSmall says how much room is needed; the run does not care.
func (m *Model) tooSmall() string {
	s := m.data.state
	lines := []string{
		strings.ToUpper(s.Opened.Environment) + " " + s.Opened.Project,
		fmt.Sprintf("Needs %dx%d, this is %dx%d.", MinWidth, MinHeight, m.w, m.h),
		"The run goes on. R roll back, q leave.",
	}
	if m.notice.text != "" {
		lines = append(lines, m.notice.text)
	}
	var out []string
	for i, l := range lines {
		for _, part := range kit.Wrap(strings.TrimSpace(l), m.w) {
			part = kit.Fit(part, m.w)
			if i == 0 {
				part = m.st.Banner(string(s.Opened.Class)).Word.Render(part)
			}
			out = append(out, part)
		}
	}
	return kit.Block(out, m.w, m.h)
}

func (m *Model) danger() bool {
	switch m.data.state.Opened.Class {
	case run.Staging, run.Development, run.Local:
		return false
	}
	return true
}

func (m *Model) at(w, h int, focused bool) key {
	return key{w: w, h: h, focused: focused, dark: m.st.Dark, second: m.now.Unix()}
}

func (m *Model) planBody(w, h int) string {
	if m.zoom {
		if m.focus == onTree {
			return m.listPane(w, h)
		}
		return m.detailPane(w, h)
	}
	if w >= wide {
		left := max(40, min(72, w*2/5))
		return kit.Join(m.listPane(left, h), m.detailPane(w-left, h))
	}
	top := min(h*2/5, len(m.data.state.Steps)+len(m.data.state.Opened.Runbook.Phases)+2)
	top = max(top, min(4, h/2))
	return kit.Stack(m.listPane(w, top), m.detailPane(w, h-top))
}

func (m *Model) listPane(w, h int) string {
	focused := m.focus == onTree
	return m.drawn.blocks[blockList].get(m.at(w, h, focused), func() string {
		title, right := m.plan.ListHead()
		f := kit.Frame{Title: title, Right: dimmed(m.st, right), Focused: focused, Danger: m.danger(), Flush: true}
		return f.Draw(m.st, m.plan.DrawList(w-3, h-2, focused), w, h)
	})
}

func (m *Model) detailPane(w, h int) string {
	focused := m.focus != onTree
	return m.drawn.blocks[blockDetail].get(m.at(w, h, focused), func() string {
		title, right := m.plan.DetailHead()
		f := kit.Frame{Title: title, Right: dimmed(m.st, right), Focused: focused, Danger: m.danger()}
		return f.Draw(m.st, m.plan.DrawDetail(w-4, h-2), w, h)
	})
}

// boardBody lays the runbook, the step and the dock out. The sizes depend on the terminal alone,
// so that nothing jumps while a run goes on.
func (m *Model) boardBody(w, h int) string {
	switch {
	case m.zoom && m.focus == onTree:
		return m.treePane(w, h)
	case m.reading():
		return m.readingPane(w, h)
	case m.zoom && m.focus == onStep:
		return m.stepPane(w, h)
	case m.zoom:
		return m.dockPane(w, h, false)
	case w >= wide:
		low := max(7, h*2/5)
		if h >= 45 {
			low = h / 2
		}
		left := max(38, min(60, w*7/20))
		up := kit.Join(m.treePane(left, h-low), m.stepPane(w-left, h-low))
		return kit.Stack(up, m.dockPane(w, low, w >= twoDocks))
	case h < 18:
		// Room for two: the step, and what has the focus beside it.
		half := h / 2
		if m.focus == onTree {
			return kit.Stack(m.treePane(w, half), m.stepPane(w, h-half))
		}
		return kit.Stack(m.stepPane(w, h-half), m.dockPane(w, half, false))
	}
	third := h / 3
	if m.turned() {
		// The way back and its proof need the room of the runbook, which is no longer flown.
		below := m.dockPane(w, third, false)
		if m.focus == onTree {
			below = m.treePane(w, third)
		}
		return kit.Stack(m.stepPane(w, h-third), below)
	}
	return kit.Stack(m.treePane(w, third), m.stepPane(w, h-2*third), m.dockPane(w, third, false))
}

func (m *Model) treePane(w, h int) string {
	focused := m.focus == onTree
	return m.drawn.blocks[blockTree].get(m.at(w, h, focused), func() string {
		title, right := m.board.TreeHead()
		f := kit.Frame{Title: title, Right: dimmed(m.st, right), Focused: focused, Danger: m.danger(), Flush: true}
		return f.Draw(m.st, m.board.DrawTree(w-3, h-2, focused, m.now), w, h)
	})
}

// turned: the pane at the right shows the way back or the end, no step.
func (m *Model) turned() bool {
	switch m.data.state.Stage {
	case run.TurningBack, run.TurnedBack, run.Over:
		return true
	}
	return false
}

func (m *Model) stepPane(w, h int) string {
	focused := m.focus == onStep
	f := kit.Frame{Focused: focused, Danger: m.danger()}
	if m.turned() {
		return m.drawn.blocks[blockBack].get(m.at(w, h, focused), func() string {
			title, right := m.back.Head(m.now)
			f.Title, f.Right = title, dimmed(m.st, right)
			return f.Draw(m.st, m.back.Draw(w-4, h-2, m.now), w, h)
		})
	}
	return m.drawn.blocks[blockStep].get(m.at(w, h, focused), func() string {
		title, right := m.board.StepHead(m.now)
		f.Title, f.Right = title, dimmed(m.st, right)
		return f.Draw(m.st, m.board.DrawStep(w-4, h-2, focused, m.now), w, h)
	})
}

func (m *Model) dockPane(w, h int, two bool) string {
	return m.dock.draw(m.st, w, h, two, m.focus == onDock, m.danger(), m.now)
}

// footer is the guiding line of a demo, if there is one, and the line of notices and keys.
func (m *Model) footer() string {
	line := kit.Spaces(m.w)
	if m.stack.Top() == nil { // a dialog says its own keys
		line = kit.Fit(" "+kit.Hints(m.st, m.hints(), m.w-2)+" ", m.w)
	}
	if n := m.notice; n.text != "" {
		mark, style := "· ", m.st.Bright
		if n.bad {
			mark, style = "! ", m.st.Warn
		}
		line = kit.Fit(" "+style.Render(kit.Clip(mark+n.text, m.w-2)), m.w)
	}
	if hint := m.data.state.Opened.Hint; hint != "" {
		var out []string
		for i, l := range kit.Wrap(hint, m.w-2) {
			if i < 2 {
				out = append(out, kit.Fit(" "+m.st.Accent.Render(l), m.w))
			}
		}
		return kit.Stack(append(out, line)...)
	}
	return line
}
