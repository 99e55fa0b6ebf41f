package board

import (
	"fmt"
	"time"

	"flightdeck/internal/run"
	"flightdeck/runbook"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// TreeHead is the title of the runbook pane and how far the run is.
func (m *Model) TreeHead() (title, status string) {
	s := m.view.State
	over := 0
	for _, st := range s.Steps {
		if st.Status.Over() {
			over++
		}
	}
	title = s.Opened.Runbook.Title
	if title == "" {
		title = "Runbook"
	}
	return title, fmt.Sprintf("%d of %d", over, len(s.Steps))
}

// DrawTree gives the rows of the runbook for w x h cells of a Flush frame.
func (m *Model) DrawTree(w, h int, focused bool, now time.Time) []string {
	st := m.view.Styles
	if st == nil || w <= 0 || h <= 0 {
		return nil
	}
	m.top = kit.Window(len(m.rows), m.cursor, m.top, h)
	var out []string
	for i := m.top; i < len(m.rows) && len(out) < h; i++ {
		line := m.treeRow(st, m.rows[i], w-1, now)
		out = append(out, kit.ListRow(st, line, i == m.cursor && (focused || !m.follow), w))
	}
	return out
}

func (m *Model) treeRow(st *theme.Styles, r row, w int, now time.Time) string {
	s := m.view.State
	switch {
	case r.procedure >= 0:
		p := s.Opened.Runbook.Procedures[r.procedure]
		n := 0
		for _, ph := range p.Phases {
			n += len(ph.Steps)
		}
		right := ""
		if p.Kind == runbook.ProcedureRollback && m.off(run.RollBack{}) == "" {
			right = "R rolls back"
		}
		return kit.Sides(st.Faint.Render(fmt.Sprintf("  %s (%s)", p.Title, kit.Count(n, "step", "steps"))), st.Faint.Render(right), w)
	case r.step >= 0:
		return m.stepRow(st, r, w, now)
	}
	return m.phaseRow(st, s.Opened.Runbook.Phases[r.phase], w, now)
}

func (m *Model) stepRow(st *theme.Styles, r row, w int, now time.Time) string {
	i, indent := r.step, "  "
	if r.alone {
		indent = ""
	}
	if i >= len(m.view.State.Steps) {
		return ""
	}
	step := m.view.State.Steps[i]
	mine := m.myTurn(i)
	glyph, style := kit.StepGlyph(st, step.Status, mine)
	title := st.Text.Render(step.Step.Title)
	switch {
	case mine, step.Status == run.Running, step.Status == run.Broken, step.Status == run.Unknown:
		title = st.Bright.Render(step.Step.Title)
	case step.Status == run.LeftOut:
		title = st.Faint.Render(step.Step.Title)
	case step.Status.Over():
		title = st.Dim.Render(step.Step.Title)
	}
	return kit.Sides(indent+style.Render(glyph)+" "+title, m.stepRight(st, i, now), w)
}

// myTurn: the step waits for the operator.
func (m *Model) myTurn(i int) bool {
	s := m.view.State
	return s.Stage == run.Flying && i == s.Current() && s.Steps[i].Status == run.ToDo
}

// stepRight is the time or the word at the right end of a step's row.
func (m *Model) stepRight(st *theme.Styles, i int, now time.Time) string {
	s := m.view.State.Steps[i]
	switch s.Status {
	case run.Running, run.Stopping:
		if !run.HasEffect(s.Step.Kind) {
			return ""
		}
		t := kit.Clock(now.Sub(s.StartedAt))
		if s.Status == run.Stopping {
			return st.Warn.Render("stopping " + t)
		}
		if limit := timeLimit(s); limit > 0 {
			t += " of " + kit.Limit(limit)
		}
		return st.Running.Render(t)
	case run.Succeeded:
		if run.HasEffect(s.Step.Kind) {
			return st.Dim.Render(kit.Duration(s.Took))
		}
		return st.Dim.Render(m.local(s.EndedAt, "15:04"))
	case run.Marked, run.Skipped:
		return st.Warn.Render(string(s.Status))
	case run.LeftOut:
		return st.Faint.Render("left out")
	case run.Broken:
		if s.Stopped {
			return st.Warn.Render("stopped")
		}
		if s.ExitCode != 0 {
			return st.Bad.Render(fmt.Sprintf("exit %d", s.ExitCode))
		}
		return st.Bad.Render("failed")
	case run.Unknown:
		return st.Unknown.Render("unknown")
	}
	if m.myTurn(i) {
		if n := len(s.Step.Items); n > 0 {
			return st.Accent.Render(fmt.Sprintf("%d of %d", n-openItems(s), n))
		}
		return st.Accent.Render("your turn")
	}
	return ""
}

func (m *Model) local(t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	if m.view.Zone != nil {
		t = t.In(m.view.Zone)
	}
	return t.Format(layout)
}

// timeLimit is how long the step may run or watch, as the author wrote it.
func timeLimit(s run.StepState) time.Duration {
	if s.Step.Command != nil {
		return s.Step.Command.Timeout
	}
	if d, err := time.ParseDuration(s.Step.With["timeout"]); err == nil {
		return d
	}
	return 0
}

func (m *Model) phaseRow(st *theme.Styles, p runbook.Phase, w int, now time.Time) string {
	s := m.view.State
	if reason, out := s.LeftOut[p.ID]; out {
		return kit.Sides(st.Faint.Render("· "+p.Title), st.Faint.Render("left out: "+reason), w)
	}
	sum := m.sum(p.ID)
	if sum.status == run.Running && s.Stage != run.Flying {
		sum.status = run.ToDo // it was left half-way
	}
	if sum.steps == 0 {
		return st.Faint.Render("  " + p.Title)
	}
	glyph, style := kit.StepGlyph(st, sum.status, false)
	title := st.Text.Render(p.Title)
	if sum.status == run.Running || sum.status == run.Broken || sum.status == run.Unknown {
		title = st.Bright.Render(p.Title)
	}
	right := ""
	if !sum.from.IsZero() {
		until := sum.until
		if sum.status != run.Succeeded && s.Stage == run.Flying {
			until = now
		}
		right = st.Dim.Render(kit.Clock(until.Sub(sum.from)))
	}
	return kit.Sides(style.Render(glyph)+" "+title, right, w)
}

// phaseSum is a phase seen as one thing.
type phaseSum struct {
	status      run.StepStatus
	steps       int
	from, until time.Time
}

func (m *Model) sum(phase string) phaseSum {
	var out phaseSum
	over, begun := 0, false
	for _, s := range m.view.State.Steps {
		if s.PhaseID != phase {
			continue
		}
		out.steps++
		if at := s.StartedAt; !at.IsZero() && (out.from.IsZero() || at.Before(out.from)) {
			out.from = at
		}
		if s.EndedAt.After(out.until) {
			out.until = s.EndedAt
		}
		if out.from.IsZero() {
			out.from = s.EndedAt
		}
		if s.Status.Over() {
			over++
		}
		if s.Status != run.ToDo {
			begun = true
		}
		if s.Status == run.Broken || s.Status == run.Unknown {
			out.status = s.Status
		}
	}
	switch {
	case out.status != "":
	case over == out.steps:
		out.status = run.Succeeded
	case begun:
		out.status = run.Running
	default:
		out.status = run.ToDo
	}
	return out
}
