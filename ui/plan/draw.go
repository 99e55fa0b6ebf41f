package plan

import (
	"fmt"
	"strings"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/runbook"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// sentence is the whole plan in one sentence.
func (m *Model) sentence() string {
	s := m.view.State
	o := s.Opened
	n := 0
	for _, st := range s.Steps {
		if st.Status != run.LeftOut {
			n++
		}
	}
	steps := kit.Count(n, "step", "steps")
	where := o.Project + " on " + place(o.Target)
	switch o.Mode {
	case run.ModeRollback:
		return fmt.Sprintf("%s of %s: back from %s to %s on %s.", steps, o.Runbook.Title, o.From, o.To, where)
	case run.ModeRun:
		return fmt.Sprintf("%s of %s, against %s.", steps, o.Runbook.Title, where)
	}
	return fmt.Sprintf("%s to bring %s from %s to %s.", steps, where, o.From, o.To)
}

func place(t run.Target) string {
	if t.Name != "" {
		return t.Name
	}
	return t.Host
}

// ListHead is the title of the list of sections.
func (m *Model) ListHead() (title, status string) {
	title = m.view.State.Opened.Runbook.Title
	if title == "" {
		title = "Runbook"
	}
	out := len(m.view.State.LeftOut)
	if out > 0 {
		status = kit.Count(out, "section left out", "sections left out")
	}
	return title, status
}

// DrawList gives the sections with their steps, for w x h cells of a Flush frame.
func (m *Model) DrawList(w, h int, focused bool) []string {
	st := m.view.Styles
	if st == nil || w <= 0 || h <= 0 {
		return nil
	}
	if len(m.rows) == 0 {
		return []string{kit.ListRow(st, "The runbook has no steps: there is nothing to run.", false, w)}
	}
	m.top = kit.Window(len(m.rows), m.cursor, m.top, h)
	var out []string
	n := 0
	for i, r := range m.rows {
		if r.step >= 0 {
			n++
		}
		if i < m.top || len(out) == h {
			continue
		}
		out = append(out, kit.ListRow(st, m.row(st, r, n, w-1), i == m.cursor && focused, w))
	}
	return out
}

func (m *Model) row(st *theme.Styles, r row, n, w int) string {
	p := m.view.State.Opened.Runbook.Phases[r.phase]
	reason, out := m.view.State.LeftOut[p.ID]
	if r.step < 0 {
		if out {
			return kit.Sides(st.Faint.Render("[ ] "+p.Title), st.Warn.Render("left out: "+reason), w)
		}
		return kit.Sides(st.Good.Render("[✓]")+" "+st.Bright.Render(p.Title), st.Dim.Render(kit.Count(len(p.Steps), "step", "steps")), w)
	}
	s := p.Steps[r.step]
	style := st.Text
	if out {
		style = st.Faint
	}
	return kit.Sides(st.Dim.Render(fmt.Sprintf("    %2d ", n))+style.Render(s.Title), st.Faint.Render(kindWord(s)), w)
}

func kindWord(s runbook.Step) string {
	if s.Kind == runbook.KindChecklist {
		return kit.Count(len(s.Items), "box", "boxes")
	}
	return string(s.Kind)
}

// DetailHead is the title of the details.
func (m *Model) DetailHead() (title, status string) {
	o := m.view.State.Opened
	if len(o.Changes) == 0 {
		return "About this run", ""
	}
	title = "What changes on " + o.Environment
	n := 0
	for _, c := range o.Changes {
		if c.Kind != release.ChangeNone {
			n++
		}
	}
	return title, fmt.Sprintf("%d of %s", n, kit.Count(len(o.Changes), "service", "services"))
}

// DrawDetail gives the difference, the way back, the problems, and what is asked of the operator.
func (m *Model) DrawDetail(w, h int) []string {
	st := m.view.Styles
	if st == nil || w <= 0 || h <= 0 {
		return nil
	}
	foot := m.next(st, w)
	if len(foot) > h {
		foot = foot[:h]
	}
	body := m.details(st, w)
	room := h - len(foot)
	if room > len(body) {
		room--
		foot = append([]string{""}, foot...)
	}
	m.scroll = max(0, min(m.scroll, len(body)-room))
	m.rest = max(0, len(body)-room-m.scroll)
	shown := body[m.scroll:min(len(body), m.scroll+max(0, room))]
	if m.rest > 0 && len(shown) > 0 {
		shown = append(append([]string(nil), shown[:len(shown)-1]...), st.Faint.Render("… "+kit.Count(m.rest+1, "more line", "more lines")+": tab, then ↓"))
	}
	out := append([]string(nil), shown...)
	for len(out)+len(foot) < h {
		out = append(out, "")
	}
	return append(out, foot...)
}

func (m *Model) details(st *theme.Styles, w int) []string {
	s := m.view.State
	o := s.Opened
	var out []string
	if s.MovedWhy != "" && s.Stage == run.Planned {
		out = append(append(out, styled(st.Warn.Render, kit.Wrap("! Asked again because something moved: "+s.MovedWhy+".", w))...), "")
	}
	for _, warning := range o.Warnings {
		out = append(out, styled(st.Warn.Render, kit.Wrap("! "+warning, w))...)
	}
	if len(o.Warnings) > 0 {
		out = append(out, "")
	}
	if len(o.Changes) > 0 {
		out = append(append(out, kit.Changes(st, o.Changes, w, true)...), "")
	} else if o.Mode != run.ModeRun {
		out = append(out, st.Dim.Render("No service changes."), "")
	}
	out = append(append(out, m.wayBack(st, w)...), "")
	out = append(out, fact(st, "Target", place(o.Target)+via(o.Target), w), fact(st, "Engine", join(o.Target.Engine, o.Target.Compose), w))
	if o.Target.URL != "" {
		out = append(out, fact(st, "URL", o.Target.URL, w))
	}
	commit := o.Commit
	if o.Dirty {
		commit += " with local changes"
	}
	if commit != "" {
		out = append(out, fact(st, "Commit", join(o.Branch, commit), w))
	}
	out = append(out, fact(st, "Runbook", o.Runbook.File, w))
	return append(out, problems(st, o.Runbook.Problems, w)...)
}

func via(t run.Target) string {
	switch {
	case t.Context != "":
		return " (context " + t.Context + ")"
	case t.Host != "" && t.Name != "":
		return " (" + t.Host + ")"
	}
	return ""
}

func join(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " · ")
}

func fact(st *theme.Styles, name, text string, w int) string {
	return st.Dim.Render(kit.Fit(name, 10)) + kit.Clip(text, w-10)
}

// wayBack says whether the rollback is proven, before anything is changed.
func (m *Model) wayBack(st *theme.Styles, w int) []string {
	r := m.view.State.Readiness
	if m.view.State.Opened.Mode == run.ModeRollback {
		return []string{st.Dim.Render("This run is the rollback itself.")}
	}
	if r.Ready {
		text := "✓ Rollback ready → " + r.Target.String()
		if r.LastTook > 0 {
			text += ", " + kit.Duration(r.LastTook) + " last time"
		}
		return styled(st.Good.Render, kit.Wrap(text, w))
	}
	if r.Pending {
		return styled(st.Dim.Render, kit.Wrap("◐ Rollback → "+r.Target.String()+": recorded and proven before the first change", w))
	}
	why := r.Reason
	if why == "" {
		why = "its readiness was not proven yet"
	}
	return styled(st.Warn.Render, kit.Wrap("! No rollback: "+why, w))
}

func problems(st *theme.Styles, list []runbook.Problem, w int) []string {
	var out []string
	for _, p := range list {
		mark, style := "· ", st.Dim
		switch p.Severity {
		case runbook.SeverityError:
			mark, style = "✗ ", st.Bad
		case runbook.SeverityWarning:
			mark, style = "! ", st.Warn
		case runbook.SeverityNotice:
			continue
		}
		out = append(out, styled(style.Render, kit.Wrap(mark+p.Error(), w))...)
	}
	if len(out) > 0 {
		out = append([]string{""}, out...)
	}
	return out
}

func styled(style func(...string) string, lines []string) []string {
	for i, l := range lines {
		lines[i] = style(l)
	}
	return lines
}

// next says what is going on or asked for: the brightest lines of the screen.
func (m *Model) next(st *theme.Styles, w int) []string {
	s := m.view.State
	switch s.Stage {
	case run.Checking:
		return styled(st.Running.Render, kit.Wrap("▶ Checking everything once more …", w))
	case run.Recording:
		return styled(st.Running.Render, kit.Wrap("▶ Recording "+s.Opened.From.String()+" on the target, so that it can be brought back …", w))
	case run.Unrecorded:
		out := styled(st.Bad.Render, kit.Wrap("✗ The current release could not be recorded: "+s.RecordErr, w))
		return append(out, styled(st.Bright.Render, kit.Wrap("Nothing was changed. Press r to try again, or q to leave.", w))...)
	}
	out := kit.Wrap(m.sentence(), w)
	text := "Press enter to go on; " + s.Opened.Environment + " asks for its name."
	switch s.Opened.Class {
	case run.Staging, run.Development, run.Local:
		text = "Press enter to go on."
	}
	if off := m.off(run.Confirm{Typed: s.Opened.Environment}); off != "" {
		return append(out, styled(st.Warn.Render, kit.Wrap("! "+off, w))...)
	}
	return append(out, styled(st.Bright.Render, kit.Wrap(text, w))...)
}
