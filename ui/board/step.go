package board

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"flightdeck/internal/release"
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
	foot := m.next(st, step, w, h-1, true)
	parts := m.parts(st, step, w, h-len(foot), now)
	if !parts.whole {
		foot = m.next(st, step, w, h-1, false)
		parts = m.parts(st, step, w, h-len(foot), now)
	}
	m.whole = ""
	if parts.whole {
		m.whole = exactly(step)
	}
	out := parts.lines
	for len(out)+len(foot) < h {
		out = append(out, "")
	}
	return append(out, foot...)
}

// exactly names what a step would run: another text, or the same one in another step, differs.
func exactly(step run.StepState) string { return step.Step.ID + "\x00" + step.Command }

// parts is what stands above the foot of the step pane. whole says that nothing of the text that
// the step would run is hidden.
type parts struct {
	lines []string
	whole bool
}

// parts shares room lines out between the author's words, the command, the services and the output.
func (m *Model) parts(st *theme.Styles, step run.StepState, w, room int, now time.Time) parts {
	why, command := prose.Lines(st, step.Step.Why, w), what(st, m.view, step, w)
	body := m.body(st, step, w)
	ill := cut(st, m.watched(st, step, w, now), max(1, room-1), w, "service", "3 shows all")
	room = max(0, room-len(ill))
	head := fold(st, why, command, room, spared(step, len(body), room), w)
	whole := len(head) >= len(command)
	if !whole && step.Step.Kind == runbook.KindCommand {
		// The last line that is shown says how many are not.
		whole = len(head) > 1 && len(head)-1 >= len(textLines(step, w))
	}
	room -= len(head)
	if len(head) > 0 && len(body) > 0 && room > len(body) {
		head = append(head, "")
		room--
	}
	shown := m.window(step, body, room)
	if len(head) == 0 && len(command) > 0 && len(shown) > 0 {
		shown = append(shown[:len(shown)-1:len(shown)-1], kit.Sides(shown[len(shown)-1], st.Faint.Render("p: the command"), w))
	}
	return parts{lines: append(append(head, shown...), ill...), whole: whole}
}

// spared is how many lines are kept free for a body of n lines, out of room, before the command
// gets its own. Of a step that is still to be run, the command matters most; of one that failed,
// what it said last does.
func spared(step run.StepState, n, room int) int {
	most := max(2, room/2)
	if step.Status == run.ToDo && room < 6 {
		most = 1
	}
	if step.Step.Kind == runbook.KindCommand {
		switch step.Status {
		case run.ToDo:
			most = 0
		case run.Broken, run.Running, run.Stopping:
			most = room
		}
	}
	if step.Status != run.Broken || room > 1 {
		most = min(most, room-1)
	}
	return max(0, min(n, most))
}

// fold puts the author's words before the command, as far as there is room beside what the body
// needs; the command comes first when both do not fit, and what is cut of it is said.
func fold(st *theme.Styles, why, command []string, room, body, w int) []string {
	room -= body
	if len(command) >= room {
		return cut(st, command, room, w, "line", "p shows all")
	}
	left := room - len(command)
	if len(why) > 0 && len(command) > 0 {
		left--
	}
	if left <= 0 || len(why) == 0 {
		return command
	}
	why = cut(st, why, left, w, "line", "p shows all")
	if len(command) > 0 && left > 1 {
		why = append(why, "")
	}
	return append(why, command...)
}

// cut keeps most of the lines; how many are hidden, and where they are, is never left unsaid.
func cut(st *theme.Styles, lines []string, most, w int, noun, where string) []string {
	if len(lines) <= most {
		return slices.Clone(lines)
	}
	if most <= 0 {
		return nil
	}
	n := len(lines) - most
	if most == 1 {
		return []string{kit.Sides(lines[0], st.Faint.Render(fmt.Sprintf("… %d more: %s", n, where)), w)}
	}
	n++
	return append(slices.Clone(lines[:most-1]), st.Faint.Render(fmt.Sprintf("… %s: %s", kit.Count(n, "more "+noun, "more "+noun+"s"), where)))
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

// what says exactly what a step would do.
func what(st *theme.Styles, v kit.View, step run.StepState, w int) []string {
	var out []string
	switch step.Step.Kind {
	case runbook.KindCommand:
		out = commandLines(st, step, w)
	case runbook.KindDeploy:
		out = append(kit.Changes(st, changedFirst(v.State.Opened.Changes), w, false), withLine(st, step)...)
	case runbook.KindMonitor:
		out = append(out, kit.Wrap("Waits until every service is healthy, and watches that it stays so.", w)...)
		out = append(out, withLine(st, step)...)
	case runbook.KindRollback:
		out = append(out, kit.Wrap("Brings back "+v.State.Readiness.Target.String()+" from its record on the target, and proves it.", w)...)
	}
	return out
}

// changedFirst puts the services that stay as they are last: they are the ones that may be cut.
func changedFirst(changes []release.Change) []release.Change {
	rank := func(c release.Change) int {
		if c.Kind == release.ChangeNone {
			return 1
		}
		return 0
	}
	out := slices.Clone(changes)
	slices.SortStableFunc(out, func(a, b release.Change) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

func commandLines(st *theme.Styles, step run.StepState, w int) []string {
	c := step.Step.Command
	var out []string
	for i, l := range textLines(step, w) {
		mark := "  "
		if i == 0 {
			mark = "$ "
		}
		out = append(out, st.Dim.Render(mark)+st.Code.Render(l))
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
		for _, l := range kit.Wrap("! to be filled in: "+strings.Join(c.Placeholders, ", "), w) {
			out = append(out, st.Warn.Render(l))
		}
	}
	return out
}

// textLines is the text that would run, in lines that fit beside the mark.
func textLines(step run.StepState, w int) []string {
	var out []string
	for l := range strings.SplitSeq(step.Command, "\n") {
		out = append(out, kit.Wrap(l, w-2)...)
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
