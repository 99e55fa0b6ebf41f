// Package board is the flight itself: left the runbook with the state of every step, right the
// step that is looked at, with what it will do, what it says, and what the operator must do next.
//
// Its one rule: what a key may do is asked of run.Decide, never decided here.
package board

import (
	"strings"

	"flightdeck/internal/run"
	"flightdeck/internal/tail"
	"flightdeck/runbook"
	"flightdeck/ui/kit"
)

// keepOutput bounds the lines of a step's output that are kept for drawing.
const keepOutput = 2000

// Model is the board's own memory: where the cursors are, and the output of the shown step.
type Model struct {
	view kit.View
	rows []row
	// cursor is the chosen row; while follow is on it goes with the current step.
	cursor int
	top    int
	follow bool
	item   int // cursor in a checklist
	keys   []kit.Key

	ring   string // step whose output is kept
	output []tail.Line
	last   uint64
	missed uint64
	back   int // lines scrolled up from the end of the output
	// announced: the newest lines repeat the command that was begun.
	announced bool
	// whole is what would be run, if the step pane showed all of it when it was drawn last.
	whole string
}

// row is one line of the runbook: a phase, a step of it, or a procedure apart.
type row struct {
	phase     int // index in the runbook
	step      int // index in State.Steps; -1 for others
	procedure int // index; -1 for others
	alone     bool
}

// New makes a board that follows the current step.
func New() *Model { return &Model{follow: true} }

// See takes what is new; it says whether the picture may have changed.
func (m *Model) See(v kit.View) bool {
	first := m.rows == nil || v.State.Opened.Run != m.view.State.Opened.Run || v.State.Opened.PlanDigest != m.view.State.Opened.PlanDigest
	changed := first || v.State.Seq != m.view.State.Seq || v.Styles != m.view.Styles ||
		v.Look.Generation != m.view.Look.Generation
	if first {
		m.rows = buildRows(v.State.Opened.Runbook)
	}
	before := m.view.State.Current()
	m.view = v
	if m.follow && (first || before != v.State.Current()) {
		m.toCurrent()
	}
	if changed {
		m.keys = m.buildKeys()
	}
	return changed
}

func buildRows(book runbook.Runbook) []row {
	rows := []row{}
	n := 0
	for p, phase := range book.Phases {
		if len(phase.Steps) == 0 && len(phase.Context) == 0 {
			continue
		}
		// A section that is one step of the same name takes one row, not two.
		alone := len(phase.Steps) == 1 && phase.Steps[0].Title == phase.Title
		if !alone {
			rows = append(rows, row{phase: p, step: -1, procedure: -1})
		}
		for range phase.Steps {
			rows = append(rows, row{phase: p, step: n, procedure: -1, alone: alone})
			n++
		}
	}
	for i := range book.Procedures {
		rows = append(rows, row{phase: -1, step: -1, procedure: i})
	}
	return rows
}

// toCurrent puts the cursor on the step whose turn it is, or on the last one.
func (m *Model) toCurrent() {
	at := min(m.view.State.Current(), len(m.view.State.Steps)-1)
	for i, r := range m.rows {
		if r.step == at && r.step >= 0 {
			m.choose(i)
			return
		}
	}
}

func (m *Model) choose(i int) {
	if i == m.cursor {
		return
	}
	m.cursor, m.back, m.item = i, 0, 0
	if st, ok := m.Shown(); ok {
		for k, it := range st.Step.Items {
			if !st.Ticked[it.ID].On {
				m.item = k
				break
			}
		}
	}
	m.keys = m.buildKeys()
}

// Shown is the step under the cursor, if a step is.
func (m *Model) Shown() (run.StepState, bool) {
	if m.cursor < 0 || m.cursor >= len(m.rows) || m.rows[m.cursor].step < 0 {
		return run.StepState{}, false
	}
	i := m.rows[m.cursor].step
	if i >= len(m.view.State.Steps) {
		return run.StepState{}, false
	}
	return m.view.State.Steps[i], true
}

// current says that the shown step is the one whose turn it is.
func (m *Model) current() bool {
	return m.cursor >= 0 && m.cursor < len(m.rows) && m.rows[m.cursor].step >= 0 &&
		m.rows[m.cursor].step == m.view.State.Current()
}

// source is the step whose output is on screen: the shown one, or, while that one waits for its
// turn to be taken, the one before it: what came of it is what the operator decides on.
func (m *Model) source() (run.StepState, bool) {
	st, ok := m.Shown()
	if !ok {
		return st, false
	}
	if i := m.rows[m.cursor].step; st.Status == run.ToDo && m.current() && i > 0 {
		if before := m.view.State.Steps[i-1]; run.HasEffect(before.Step.Kind) && before.Attempt > 0 {
			return before, true
		}
	}
	return st, run.HasEffect(st.Step.Kind)
}

// Wants says which step's output is on screen, and after which line.
func (m *Model) Wants() (step string, after uint64) {
	st, ok := m.source()
	if !ok {
		return "", 0
	}
	if st.Step.ID != m.ring {
		return st.Step.ID, 0
	}
	return m.ring, m.last
}

// Output takes new lines of a step's ring and says whether they are on screen.
func (m *Model) Output(step string, b tail.Batch) bool {
	if wanted, _ := m.Wants(); wanted != step || step == "" {
		return false
	}
	if step != m.ring {
		m.ring, m.output, m.last, m.missed, m.back, m.announced = step, nil, 0, 0, 0, false
	}
	fresh := 0
	for _, l := range b.Lines {
		if l.Seq > m.last {
			if m.last = l.Seq; m.repeats(l) {
				continue
			}
			m.output = append(m.output, l)
			fresh++
		}
	}
	m.missed += b.Missed
	if m.back > 0 {
		m.back += fresh // a held view never moves under the eye
	}
	if over := len(m.output) - keepOutput; over > 0 {
		m.output = append([]tail.Line(nil), m.output[over:]...)
		m.missed += uint64(over)
	}
	return fresh > 0 || b.Missed > 0
}

// repeats says that a row only repeats what a command step is about to run: the pane shows the
// command itself, and its room belongs to what the command says.
func (m *Model) repeats(l tail.Line) bool {
	st, _ := m.view.State.Find(m.ring)
	if l.Kind != tail.Mark || st.Step.Kind != runbook.KindCommand {
		m.announced = false
		return false
	}
	if strings.HasPrefix(l.Text, "runs with ") {
		m.announced = true
		return true
	}
	m.announced = m.announced && strings.HasPrefix(l.Text, "$ ")
	return m.announced
}

// TreeKey moves in the runbook; it says whether the key was for it.
func (m *Model) TreeKey(pressed string, height int) bool {
	if pressed == "esc" && !m.follow {
		m.follow = true
		m.toCurrent()
		return true
	}
	to, ok := kit.Move(pressed, m.cursor, len(m.rows), height)
	if ok {
		m.choose(to)
		m.follow = m.current()
	}
	return ok
}

// StepKey moves in the step pane: in the boxes of a checklist, else in the output.
func (m *Model) StepKey(pressed string, height int) bool {
	st, ok := m.Shown()
	if !ok {
		return false
	}
	if len(st.Step.Items) > 0 {
		to, ok := kit.Move(pressed, m.item, len(st.Step.Items), height)
		m.item = to
		return ok
	}
	if pressed == "esc" && !m.follow {
		m.follow = true
		m.toCurrent()
		return true
	}
	if from, ok := m.source(); ok {
		st = from
	}
	most := max(0, len(m.said(st))-1)
	at, ok := kit.Move(pressed, most-m.back, most+1, height)
	if ok {
		m.back = most - at
	}
	return ok
}

// lines are the output to draw: live, or the tail that the journal kept.
func (m *Model) lines(st run.StepState) []tail.Line {
	if st.Step.ID == m.ring && len(m.output) > 0 {
		return m.output
	}
	var out []tail.Line
	for _, t := range st.Tail {
		out = append(out, tail.Line{Text: t, At: st.EndedAt})
	}
	return out
}
