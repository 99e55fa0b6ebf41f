package board

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
	"flightdeck/runbook"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// body is the part of the step that lives: boxes, containers, output.
func (m *Model) body(st *theme.Styles, step run.StepState, w int) []string {
	var out []string
	if len(step.Step.Items) > 0 {
		for i, it := range step.Step.Items {
			out = append(out, itemLine(st, step, it, i == m.item && !step.Status.Over(), w))
		}
		return out
	}
	if step.Step.Kind == runbook.KindRollback {
		for _, d := range m.view.State.Rollback.Did {
			out = append(out, st.Dim.Render(m.local(d.At, "15:04:05"))+"  "+kit.Clip(d.Text, w-10))
		}
		out = append(out, kit.Proof(st, m.view.State.Rollback.Proof, w)...)
	}
	from, _ := m.source()
	if from.Step.ID != step.Step.ID {
		return append(out, m.before(st, from, w)...)
	}
	if m.missed > 0 && step.Step.ID == m.ring {
		out = append(out, st.Faint.Render(fmt.Sprintf("… %s are no longer kept", kit.Count(int(m.missed), "earlier line", "earlier lines"))))
	}
	for _, l := range m.said(step) {
		out = append(out, outputLine(st, l, w)...)
	}
	return out
}

// said is a step's output without the row that repeats why it failed: that is in the foot.
func (m *Model) said(step run.StepState) []tail.Line {
	lines := m.lines(step)
	if n := len(lines); n > 0 && step.Status == run.Broken && lines[n-1].Kind == tail.Mark &&
		lines[n-1].Text == strings.ReplaceAll(step.Reason, "\n", " ") {
		return lines[:n-1]
	}
	return lines
}

// watched are the containers while the step watches them: they have lines of their own below the
// output, so that what is being watched is never pushed away.
func (m *Model) watched(st *theme.Styles, step run.StepState, w int, now time.Time) []string {
	if step.Step.Kind != runbook.KindMonitor || step.Status != run.Running && step.Status != run.Stopping {
		return nil
	}
	return m.health(st, w, now)
}

// lastLines is how much of the step before is shown.
const lastLines = 8

// before is what the step before said last, greyed: it is over.
func (m *Model) before(st *theme.Styles, step run.StepState, w int) []string {
	lines := m.lines(step)
	if len(lines) == 0 {
		return nil
	}
	if len(lines) > lastLines {
		lines = lines[len(lines)-lastLines:]
	}
	glyph, style := kit.StepGlyph(st, step.Status, false)
	out := []string{style.Render(glyph) + " " + st.Dim.Render(kit.Clip(step.Step.Title+", "+kit.Duration(step.Took), w-2))}
	for _, l := range lines {
		out = append(out, "  "+st.Dim.Render(kit.Clip(l.Text, w-2)))
	}
	return out
}

func itemLine(st *theme.Styles, step run.StepState, it runbook.Item, cursor bool, w int) string {
	state := step.Ticked[it.ID]
	pointer, box, text := "  ", st.Dim.Render("[ ]"), st.Text.Render(it.Text)
	if state.On {
		box, text = st.Good.Render("[✓]"), st.Dim.Render(it.Text)
	}
	if cursor {
		pointer, text = st.Accent.Render("› "), st.Bright.Render(it.Text)
	}
	who := ""
	if state.On && state.By != "" {
		who = st.Faint.Render(state.By)
	}
	return kit.Sides(pointer+kit.Spaces(2*it.Depth)+box+" "+text, who, w)
}

func (m *Model) health(st *theme.Styles, w int, now time.Time) []string {
	var rows [][]string
	all := slices.Clone(m.view.Look.Snapshot.Containers)
	slices.SortStableFunc(all, func(a, b stack.Container) int { return cmp.Compare(ailment(b), ailment(a)) })
	for _, c := range all {
		if c.OneOff {
			continue
		}
		glyph, word, style := healthOf(st, c)
		age := ""
		if !c.StartedAt.IsZero() {
			age = kit.Age(now.Sub(c.StartedAt))
		}
		rows = append(rows, []string{style.Render(glyph), c.Label(), style.Render(word), st.Dim.Render(age)})
	}
	_, lines := kit.Columns([]kit.Column{{}, {Max: 24}, {Grow: true}, {Right: true}}, rows, w)
	return lines
}

// ailment puts what is ill before what is not yet well, and that before the rest.
func ailment(c stack.Container) int {
	switch {
	case c.OneShot:
		return 0
	case c.State != "running", c.Health == "unhealthy":
		return 2
	case c.Health == "starting":
		return 1
	}
	return 0
}

func healthOf(st *theme.Styles, c stack.Container) (glyph, word string, style interface{ Render(...string) string }) {
	switch {
	case c.OneShot:
		return "✓", "done", st.Dim
	case c.State != "running":
		return "✗", fmt.Sprintf("%s, exit %d", c.State, c.ExitCode), st.Bad
	case c.Health == "healthy":
		return "●", "healthy", st.Good
	case c.Health == "unhealthy":
		return "✗", "unhealthy", st.Bad
	case c.Health == "starting":
		return "◐", "starting", st.Warn
	}
	return "○", "running, no health check", st.Dim
}

// outputLine draws a line of output with the colours it came with, in our own shades.
// Rows of our own are sentences, and wrapped; the program's are cut.
func outputLine(st *theme.Styles, l tail.Line, w int) []string {
	switch l.Kind {
	case tail.Mark:
		return reasonLines(st.Mark.Render, "─ ", l.Text, w, 3)
	case tail.Gap:
		return []string{st.Faint.Render(kit.Clip("… "+l.Text, w))}
	}
	if len(l.Spans) == 0 {
		return []string{kit.Clip(l.Text, w)}
	}
	var b strings.Builder
	at := 0
	for _, s := range l.Spans {
		if s.Start < at || s.End > len(l.Text) || s.Start > s.End {
			continue
		}
		b.WriteString(l.Text[at:s.Start])
		style := st.Basic(s.Style.Foreground)
		if s.Style.Bold {
			style = style.Bold(true)
		}
		if s.Style.Faint && s.Style.Foreground == 0 {
			style = st.Dim
		}
		b.WriteString(style.Render(l.Text[s.Start:s.End]))
		at = s.End
	}
	b.WriteString(l.Text[at:])
	return []string{kit.Clip(b.String(), w)}
}

// next says what the operator must do, in at most so many lines (never less than one): the
// brightest lines of the pane. whole says that nothing of the command is hidden.
func (m *Model) next(st *theme.Styles, step run.StepState, w, most int, whole bool) []string {
	most = max(1, most)
	bright := func(s string) []string {
		var out []string
		for _, l := range clipped(kit.Wrap(s, w), most, w) {
			out = append(out, st.Bright.Render(l))
		}
		return out
	}
	switch step.Status {
	case run.Running:
		if run.HasEffect(step.Step.Kind) {
			return []string{m.runningLine(st, step, w)}
		}
	case run.Stopping:
		text := "Stopping: it is asked with INT, after 15 s with TERM, after 5 s more it is killed."
		if len(step.Signals) > 0 {
			text = "Stopping: sent " + strings.Join(step.Signals, ", then ") + "; waiting for it to end."
		}
		return bright(text)
	case run.Broken:
		menu := m.menu(st, w)
		return append(reasonLines(st.Bad.Render, "✗ ", failure(step), w, most-len(menu)), menu...)
	case run.Unknown:
		menu := m.menu(st, w)
		noticed := m.view.State.Noticed
		first := most - len(menu)
		if noticed.Text != "" && !noticed.At.Before(step.EndedAt) {
			first = max(1, first/2)
		}
		out := reasonLines(st.Unknown.Render, "? ", "outcome unknown: "+step.Reason, w, first)
		if noticed.Text != "" && !noticed.At.Before(step.EndedAt) {
			out = append(out, reasonLines(st.Text.Render, "  ", noticed.Text, w, most-len(menu)-len(out))...)
		}
		return append(out, menu...)
	case run.Succeeded, run.Marked, run.Skipped, run.LeftOut:
		return []string{kit.Clip(m.endLine(st, step), w)}
	}
	if off := m.orderOff(step); off != "" {
		return []string{st.Dim.Render(kit.Clip("Later: "+off, w))}
	}
	if !whole && step.Step.Kind == runbook.KindCommand && (step.Step.Command == nil || len(step.Step.Command.Placeholders) == 0 || step.Edited) {
		return bright("Press enter to read all of it; enter again runs it.")
	}
	return bright(invitation(m.view.State, step))
}

func failure(step run.StepState) string {
	if step.Stopped {
		return "stopped: " + strings.TrimPrefix(step.Reason, "stopped: ")
	}
	return "failed: " + step.Reason
}

// orderOff is why the step's turn has not come, if so.
func (m *Model) orderOff(step run.StepState) string {
	if m.current() && m.view.State.Stage == run.Flying {
		return ""
	}
	var c run.Command = run.Start{Step: step.Step.ID}
	if !run.HasEffect(step.Step.Kind) {
		c = run.Finish{Step: step.Step.ID}
	}
	return m.off(c)
}

func invitation(s run.State, step run.StepState) string {
	switch step.Step.Kind {
	case runbook.KindCommand:
		if c := step.Step.Command; c != nil && len(c.Placeholders) > 0 && !step.Edited {
			return "Press e and fill in " + strings.Join(c.Placeholders, ", ") + "."
		}
		return "Press enter to run it on " + s.Opened.Environment + "."
	case runbook.KindDeploy:
		return "Press enter to deploy " + s.Opened.To.String() + " to " + s.Opened.Environment + "."
	case runbook.KindMonitor:
		return "Press enter to begin watching."
	case runbook.KindRollback:
		return "Press enter to bring back " + s.Readiness.Target.String() + "."
	case runbook.KindChecklist:
		if openItems(step) == 0 {
			return "All is ticked. Press enter to go on."
		}
		return "Tick every box with space, or press enter for the form."
	case runbook.KindNote:
		return "Read this, then press enter."
	}
	return "Do this, then press enter."
}

func (m *Model) runningLine(st *theme.Styles, step run.StepState, w int) string {
	text := "Running."
	if off := m.off(run.Stop{Step: step.Step.ID}); off == "" {
		text += " " + st.Key.Render("x") + " stops it."
	} else {
		text += " " + st.Dim.Render(strings.ToUpper(off[:1])+off[1:]+".")
	}
	if m.back > 0 {
		text += st.Dim.Render(fmt.Sprintf("  %s below, G follows", kit.Count(m.back, "line", "lines")))
	}
	return kit.Clip(st.Bright.Render("▶ ")+text, w)
}

// reasonLines wraps a sentence to at most three lines, and at most as many as there is room for.
func reasonLines(style func(...string) string, mark, text string, w, most int) []string {
	var out []string
	for i, l := range clipped(kit.Wrap(text, w-2), min(3, most), w-2) {
		if i > 0 {
			mark = "  "
		}
		out = append(out, style(mark+l))
	}
	return out
}

// clipped keeps so many lines; the last of them says by its end that there was more.
func clipped(lines []string, most, w int) []string {
	if len(lines) <= most {
		return lines
	}
	if most <= 0 {
		return nil
	}
	out := slices.Clone(lines[:most])
	if kit.Width(out[most-1])+2 <= w {
		out[most-1] += " …"
	} else {
		out[most-1] = kit.Clip(out[most-1]+kit.Spaces(w), w)
	}
	return out
}

// menu is what can be done about a step that did not end well: only what works now. Where one
// line does not hold it, its words are shortened first.
func (m *Model) menu(st *theme.Styles, w int) []string {
	parts := m.ways(st, "")
	if kit.Width(strings.Join(parts, "   ")) > w {
		parts = m.ways(st, " and retry")
	}
	gap := "   "
	if kit.Width(strings.Join(parts, gap)) > w {
		gap = "  "
	}
	line := ""
	var out []string
	for _, p := range parts {
		if line != "" && kit.Width(line)+len(gap)+kit.Width(p) > w {
			out, line = append(out, line), ""
		}
		if line != "" {
			line += gap
		}
		line += p
	}
	return append(out, line)
}

// ways are the keys of the menu with what they do, without some words.
func (m *Model) ways(st *theme.Styles, without string) []string {
	var parts []string
	for _, k := range m.keys {
		switch k.Name() {
		case "r", "e", "m", "s":
			if k.Off == "" {
				parts = append(parts, st.Key.Render(k.Name())+" "+st.Bright.Render(strings.TrimSuffix(k.Does, without)))
			}
		}
	}
	if m.off(run.RollBack{}) == "" {
		parts = append(parts, st.Key.Render("R")+" "+st.Bright.Render("roll back"))
	}
	return parts
}

func (m *Model) endLine(st *theme.Styles, step run.StepState) string {
	by := ""
	if step.By != "" {
		by = " by " + step.By
	}
	switch step.Status {
	case run.Marked, run.Skipped:
		return st.Warn.Render("! "+string(step.Status)+by) + st.Dim.Render(": "+step.Reason)
	case run.LeftOut:
		return st.Faint.Render("left out: " + step.Reason)
	}
	text := "done" + by
	if run.HasEffect(step.Step.Kind) {
		text = "done in " + kit.Duration(step.Took) + by
	}
	if step.Evidence != "" {
		text += ": " + step.Evidence
	}
	return st.Good.Render("✓ ") + st.Dim.Render(text)
}
