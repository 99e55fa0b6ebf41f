package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/run"
	"flightdeck/internal/tail"
	"flightdeck/ui/kit"
	"flightdeck/ui/output"
)

// zoomed is the output of one step with everything a log can do: search, filter, wrap, copy, save.
type zoomed struct {
	pane *output.Pane
	step string
	any  bool // there is output to show
}

// feed takes the lines of a step's ring; another step begins a new pane.
func (m *Model) feed(step string, lines tail.Batch) {
	if step == "" {
		return
	}
	if m.out.pane == nil || m.out.step != step {
		m.out = zoomed{pane: output.New(m.opts.SaveDir), step: step}
	}
	st, ok := m.data.state.Find(step)
	if !ok {
		return
	}
	m.out.any = m.out.any || len(lines.Lines) > 0 || len(st.Tail) > 0
	if m.out.pane.See(output.View{Styles: m.st, Zone: m.opts.Zone, Step: st, Lines: lines}) && m.reading() {
		m.drawn.touch(blockStep)
	}
}

// reading says that the zoomed step is shown as its output. A step that waits for the operator is
// shown with its question instead.
func (m *Model) reading() bool {
	if !m.zoom || m.focus != onStep || m.planning() || m.turned() || !m.out.any {
		return false
	}
	st, ok := m.board.Shown()
	return ok && st.Step.ID == m.out.step && st.Status != run.ToDo
}

// readingPane draws the zoomed output.
func (m *Model) readingPane(w, h int) string {
	f := kit.Frame{Focused: true, Danger: m.danger()}
	at := m.at(w, h, true)
	at.extra = 1
	return m.drawn.blocks[blockStep].get(at, func() string {
		title, right := m.out.pane.Head(m.now)
		f.Title, f.Right = title, dimmed(m.st, right)
		return f.Draw(m.st, strings.Split(m.out.pane.Draw(w-4, h-2, true, m.now), "\n"), w, h)
	})
}

// readingKey gives a key to the zoomed output.
func (m *Model) readingKey(msg tea.KeyPressMsg) tea.Cmd {
	m.drawn.touch(blockStep)
	return m.out.pane.Key(msg)
}
