package board

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"flightdeck/internal/run"
	"flightdeck/runbook"
	"flightdeck/ui/kit"
	"flightdeck/ui/prose"
	"flightdeck/ui/theme"
)

// StepHead is the title of the step pane and, right, its time.
func (m *Model) StepHead(now time.Time) (title, status string) {
	st := m.view.Styles
	step, ok := m.Shown()
	if !ok {
		return m.readingTitle(), ""
	}
	title = fmt.Sprintf("%d  %s", m.rows[m.cursor].step+1, step.Step.Title)
	status = m.stepRight(st, m.rows[m.cursor].step, now)
	switch {
	case step.Status.Over():
		status = st.Dim.Render(string(step.Status))
	case step.Attempt > 1:
		status = st.Dim.Render(fmt.Sprintf("attempt %d  ", step.Attempt)) + status
	}
	if step.Edited {
		status = st.Warn.Render("! edited") + "  " + status
	}
	return title, status
}

// DrawStep gives the lines of the step pane for w x h cells: what the operator must do next is at
// the bottom and always there, the command comes before the author's words, and the output gets
// what is left.
func (m *Model) DrawStep(w, h int, focused bool, now time.Time) []string {
	st := m.view.Styles
	if st == nil || w <= 0 || h <= 0 {
		return nil
	}
	step, ok := m.Shown()
	if !ok {
		return m.reading(st, w, h)
	}
	foot := m.next(st, step, w)
	if len(foot) > h {
		foot = foot[:h]
	}
	room := h - len(foot)
	why, body := prose.Lines(st, step.Step.Why, w), m.body(st, step, w, now)
	command := what(st, m.view, step, w, max(3, room/2))
	head := fold(st, why, command, room, min(len(body), max(2, room/2)))
	room -= len(head)
	if len(head) > 0 && len(body) > 0 && room > len(body) {
		head = append(head, "")
		room--
	}
	body = m.window(step, body, room)
	out := append(head, body...)
	for len(out)+len(foot) < h {
		out = append(out, "")
	}
	return append(out, foot...)
}

// fold puts the author's words before the command, as far as there is room beside what the body
// needs; the command is shown first when both do not fit.
func fold(st *theme.Styles, why, command []string, room, body int) []string {
	room -= body
	if len(command) >= room {
		return command[:max(0, min(len(command), room+max(0, body-1)))]
	}
	left := room - len(command)
	if len(why) > 0 && len(command) > 0 {
		left--
	}
	if left <= 0 || len(why) == 0 {
		return command
	}
	if len(why) > left {
		why = append(append([]string(nil), why[:left-1]...), st.Faint.Render(fmt.Sprintf("… %s: p shows all", kit.Count(len(why)-left+1, "more line", "more lines"))))
	}
	why = append([]string(nil), why...)
	if len(command) > 0 && left > 1 {
		why = append(why, "")
	}
	return append(why, command...)
}

// window is the part of the body that fits: around the cursor of a checklist, else the end.
func (m *Model) window(step run.StepState, body []string, room int) []string {
	if room <= 0 {
		return nil
	}
	if len(body) <= room {
		return body
	}
	if from, _ := m.source(); from.Step.ID != step.Step.ID {
		// The head says of which step this is: it stays.
		return append(body[:1:1], body[len(body)-room+1:]...)
	}
	if len(step.Step.Items) > 0 {
		from := kit.Window(len(body), m.item, 0, room)
		return body[from : from+room]
	}
	end := max(room, len(body)-m.back)
	return body[end-room : end]
}

// what says exactly what a step would do. A most above 0 bounds the lines of a command.
func what(st *theme.Styles, v kit.View, step run.StepState, w, most int) []string {
	var out []string
	switch step.Step.Kind {
	case runbook.KindCommand:
		out = commandLines(st, step, w, most)
	case runbook.KindDeploy:
		out = append(kit.Changes(st, v.State.Opened.Changes, w, false), withLine(st, step)...)
	case runbook.KindMonitor:
		out = append(out, kit.Wrap("Waits until every service is healthy, and watches that it stays so.", w)...)
		out = append(out, withLine(st, step)...)
	case runbook.KindRollback:
		out = append(out, kit.Wrap("Brings back "+v.State.Readiness.Target.String()+" from its record on the target, and proves it.", w)...)
	}
	return out
}

func commandLines(st *theme.Styles, step run.StepState, w, most int) []string {
	c := step.Step.Command
	lines := strings.Split(step.Command, "\n")
	cut := 0
	if most > 0 && len(lines) > most {
		cut = len(lines) - most + 1
		lines = lines[:most-1]
	}
	var out []string
	for i, l := range lines {
		mark := "  "
		if i == 0 {
			mark = "$ "
		}
		for k, part := range kit.Wrap(l, w-2) {
			if k > 0 {
				mark = "  "
			}
			out = append(out, st.Dim.Render(mark)+st.Code.Render(part))
		}
	}
	if cut > 0 {
		out = append(out, st.Faint.Render(fmt.Sprintf("  … %s: p shows all", kit.Count(cut, "more line", "more lines"))))
	}
	if c == nil {
		return out
	}
	var notes []string
	if c.Undo != "" {
		notes = append(notes, "undo: "+c.Undo)
	}
	if c.Timeout > 0 {
		notes = append(notes, "time limit "+kit.Limit(c.Timeout))
	}
	if joined := strings.Join(notes, " · "); joined != "" && kit.Width(joined) <= w-2 {
		notes = []string{joined}
	}
	for _, n := range notes {
		for _, l := range kit.Wrap(n, w-2) {
			out = append(out, st.Dim.Render("  "+l))
		}
	}
	if len(c.Placeholders) > 0 && !step.Edited {
		out = append(out, st.Warn.Render(kit.Clip("! to be filled in: "+strings.Join(c.Placeholders, ", "), w)))
	}
	return out
}

func withLine(st *theme.Styles, step run.StepState) []string {
	var parts []string
	for k, v := range step.Step.With {
		parts = append(parts, k+" "+v)
	}
	if len(parts) == 0 {
		return nil
	}
	sort.Strings(parts)
	return []string{st.Dim.Render(strings.Join(parts, " · "))}
}

func (m *Model) readingTitle() string {
	if m.cursor < 0 || m.cursor >= len(m.rows) {
		return "Step"
	}
	book := m.view.State.Opened.Runbook
	if r := m.rows[m.cursor]; r.procedure >= 0 {
		return book.Procedures[r.procedure].Title
	} else if r.phase >= 0 {
		return book.Phases[r.phase].Title
	}
	return "Step"
}

// reading shows a section that is not a step: what its author wrote, and its steps by name.
func (m *Model) reading(st *theme.Styles, w, h int) []string {
	if m.cursor < 0 || m.cursor >= len(m.rows) {
		return []string{st.Dim.Render("The runbook has no steps.")}
	}
	book, r := m.view.State.Opened.Runbook, m.rows[m.cursor]
	var out []string
	phases := []runbook.Phase{}
	if r.procedure >= 0 {
		phases = book.Procedures[r.procedure].Phases
		out = append(out, st.Dim.Render("Kept apart from the way forward, to be read."), "")
	} else {
		phases = append(phases, book.Phases[r.phase])
		if reason, left := m.view.State.LeftOut[book.Phases[r.phase].ID]; left {
			out = append(out, st.Warn.Render("! left out: "+reason), "")
		}
	}
	for _, p := range phases {
		if len(p.Context) > 0 {
			out = append(append(out, prose.Lines(st, p.Context, w)...), "")
		}
		for i, s := range p.Steps {
			out = append(out, kit.Clip(fmt.Sprintf("%2d  %-9s  %s", i+1, s.Kind, s.Title), w))
			if s.Command != nil && r.procedure >= 0 {
				out = append(out, "      "+st.Code.Render(kit.Clip("$ "+strings.ReplaceAll(s.Command.Text, "\n", "; "), w-6)))
			}
		}
	}
	if len(out) > h {
		out = append(out[:h-1], st.Faint.Render("… z gives more room"))
	}
	return out
}
