// Package rollback shows the way back while it is flown, and the end of a run: what the outcome is,
// the proof of a rollback service by service, and what to do next.
//
// Its one rule: it says "back" only where the proof says so.
package rollback

import (
	"fmt"
	"strings"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/runbook"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Model is the pane of the way back and of the end.
type Model struct {
	view   kit.View
	scroll int
	rest   int
}

// New makes the pane.
func New() *Model { return &Model{} }

// See takes what is new; it says whether the picture may have changed.
func (m *Model) See(v kit.View) bool {
	changed := v.State.Seq != m.view.State.Seq || v.Styles != m.view.Styles || v.Look.Generation != m.view.Look.Generation
	m.view = v
	return changed
}

// Key scrolls; it says whether the key was for it.
func (m *Model) Key(pressed string, height int) bool {
	to, ok := kit.Move(pressed, m.scroll, m.scroll+m.rest+1, height)
	if ok {
		m.scroll = to
	}
	return ok
}

// Head is the title and, right, the time.
func (m *Model) Head(now time.Time) (title, status string) {
	s := m.view.State
	if s.Stage == run.Over && s.Rollback.EndedAt.IsZero() {
		return "The run is over", string(s.Outcome)
	}
	title = "Rolling back  " + from(s) + " → " + to(s)
	if s.Rollback.EndedAt.IsZero() {
		return title, kit.Clock(now.Sub(s.Rollback.AskedAt))
	}
	if !s.Rollback.OK {
		return "Rollback failed  " + from(s) + " → " + to(s), kit.Duration(s.Rollback.Took)
	}
	return "Rolled back  " + from(s) + " → " + to(s), kit.Duration(s.Rollback.Took)
}

func from(s run.State) string {
	if s.Rollback.From.ID != "" || s.Rollback.From.Version != "" {
		return s.Rollback.From.String()
	}
	return s.Opened.To.String()
}

func to(s run.State) string {
	if s.Rollback.To.ID != "" || s.Rollback.To.Version != "" {
		return s.Rollback.To.String()
	}
	return s.Readiness.Target.String()
}

// Draw gives the lines for w x h cells; what comes next is at the bottom and always there.
func (m *Model) Draw(w, h int, now time.Time) []string {
	st := m.view.Styles
	if st == nil || w <= 0 || h <= 0 {
		return nil
	}
	s := m.view.State
	var body, foot []string
	switch {
	case s.Stage == run.Over && s.Rollback.EndedAt.IsZero():
		body, foot = m.over(st, w), m.after(st, w)
	case !s.Rollback.EndedAt.IsZero():
		body, foot = m.proof(st, w), m.after(st, w)
	default:
		body, foot = m.did(st, w), m.underWay(st, w)
	}
	if most := max(1, h-1); len(foot) > most {
		// The verdict and the last line, which says where the record is, stay.
		last := foot[len(foot)-1]
		if foot = foot[: most-1 : most-1]; most > 1 {
			foot[most-2] = kit.Clip(foot[most-2]+kit.Spaces(w), w)
		}
		foot = append(foot, last)
	}
	room := h - len(foot)
	if s.Rollback.EndedAt.IsZero() && s.Stage != run.Over {
		m.scroll = max(0, len(body)-room) // progress follows its end
	}
	m.scroll = max(0, min(m.scroll, len(body)-room))
	m.rest = max(0, len(body)-room-m.scroll)
	out := append([]string(nil), body[m.scroll:min(len(body), m.scroll+room)]...)
	switch {
	case m.rest > 0 && len(out) == 1:
		// One line is all there is: the verdict keeps it.
		out[0] = kit.Sides(out[0], st.Faint.Render(fmt.Sprintf("… %d more: ↓", m.rest)), w)
	case m.rest > 0 && len(out) > 1:
		out[len(out)-1] = st.Faint.Render("… " + kit.Count(m.rest+1, "more line", "more lines") + ": ↓, or z for more room")
	}
	for len(out)+len(foot) < h {
		out = append(out, "")
	}
	return append(out, foot...)
}

// did lists what the rollback has done so far.
func (m *Model) did(st *theme.Styles, w int) []string {
	var out []string
	for _, r := range m.view.State.Rollback.Did {
		at := r.At
		if m.view.Zone != nil {
			at = at.In(m.view.Zone)
		}
		out = append(out, st.Dim.Render(at.Format("15:04:05"))+"  "+kit.Clip(r.Text, w-10))
	}
	return out
}

func (m *Model) underWay(st *theme.Styles, w int) []string {
	s := m.view.State
	for _, x := range s.Steps {
		if (x.Status == run.Running || x.Status == run.Stopping) && run.HasEffect(x.Step.Kind) && s.Rollback.StartedAt.IsZero() {
			what := "is stopped first"
			if x.Step.Kind == runbook.KindDeploy {
				what = "is let to its end first"
			}
			return wrapped(st.Bright.Render, fmt.Sprintf("▶ %q %s, then %s comes back.", x.Step.Title, what, to(s)), w)
		}
	}
	return wrapped(st.Bright.Render, "▶ Bringing "+to(s)+" back. A rollback is never cut off half-way.", w)
}

// proof is the verdict and its table.
func (m *Model) proof(st *theme.Styles, w int) []string {
	s := m.view.State
	var out []string
	if s.Rollback.OK {
		out = wrapped(st.Good.Bold(true).Render, fmt.Sprintf("✓ %s is back on %s, proven service by service, in %s.", to(s), s.Opened.Environment, kit.Duration(s.Rollback.Took)), w)
	} else {
		why := s.Rollback.Failure
		if why == "" {
			why = "what runs does not match the record"
		}
		out = wrapped(st.Bad.Bold(true).Render, fmt.Sprintf("✗ The rollback to %s did not succeed: %s", to(s), why), w)
	}
	out = append(out, "")
	out = append(out, kit.Proof(st, s.Rollback.Proof, w)...)
	if undo := kit.Undo(s); len(undo) > 0 {
		out = append(out, "")
		out = append(out, wrapped(st.Text.Render, "The database was left as it is. To take its changes back, newest first:", w)...)
		for _, u := range undo {
			out = append(out, "  "+st.Code.Render(kit.Clip("$ "+u, w-2)))
		}
	}
	return out
}

// over is the end of a run that was not rolled back.
func (m *Model) over(st *theme.Styles, w int) []string {
	s := m.view.State
	var out []string
	switch s.Outcome {
	case run.Done:
		text := "✓ Done: the runbook is flown."
		if s.Opened.Mode == run.ModeDeploy {
			text = fmt.Sprintf("✓ Done: %s runs on %s.", s.Opened.To, s.Opened.Environment)
		}
		out = wrapped(st.Good.Bold(true).Render, text, w)
	case run.Failed:
		out = wrapped(st.Bad.Bold(true).Render, "✗ Failed: "+s.CloseWhy, w)
	default:
		out = wrapped(st.Warn.Bold(true).Render, "! "+strings.ToUpper(string(s.Outcome[:min(1, len(s.Outcome))]))+string(s.Outcome[min(1, len(s.Outcome)):])+": "+s.CloseWhy, w)
	}
	out = append(out, "")
	var done, skipped, marked, left int
	for _, x := range s.Steps {
		switch x.Status {
		case run.Succeeded:
			done++
		case run.Skipped, run.LeftOut:
			skipped++
		case run.Marked:
			marked++
		default:
			left++
		}
	}
	line := kit.Count(done, "step done", "steps done")
	for _, p := range []struct {
		n    int
		text string
	}{{marked, "marked done"}, {skipped, "skipped or left out"}, {left, "not done"}} {
		if p.n > 0 {
			line += fmt.Sprintf(" · %d %s", p.n, p.text)
		}
	}
	if !s.StartedAt.IsZero() {
		line += " · " + kit.Age(s.ClosedAt.Sub(s.StartedAt)) + " in all"
	}
	out = append(out, kit.Clip(line, w))
	if j := s.Judged; j.Status != "" {
		text := fmt.Sprintf("%s was judged %s", j.Release, j.Status)
		if j.Why != "" {
			text += ": " + j.Why
		}
		out = append(out, wrapped(st.Text.Render, text, w)...)
	}
	return out
}

// after says what a person does next, and where the record is.
func (m *Model) after(st *theme.Styles, w int) []string {
	s := m.view.State
	o := s.Opened
	var text string
	open := "`flightdeck rollback " + o.Environment + "`"
	if Off(s) == "" {
		open = "press R, or run " + open
	}
	switch {
	case s.Stage == run.TurnedBack:
		text = "The run is being closed."
	case s.Outcome == run.RolledBack:
		text = "Next: find out why " + from(s) + " failed before it is deployed again; it is marked bad."
	case s.Outcome == run.RollbackFailed:
		text = "Next: look at the services below. `flightdeck rollback " + o.Environment + "` may be run again: it goes on from any state."
	case s.Outcome == run.Done && (o.Mode == run.ModeDeploy || Off(s) == ""):
		text = "The way back stays open: " + open + "."
	case (s.Outcome == run.Failed || s.Outcome == run.Abandoned) && Off(s) == "":
		text = "Nothing more is changed. The way back stays open: " + open + "."
	case s.Outcome == run.Failed || s.Outcome == run.Abandoned:
		text = "Nothing more is changed. `flightdeck status " + o.Environment + "` says what runs now."
	}
	out := wrapped(st.Bright.Render, text, w)
	leave := ""
	if s.Stage == run.Over {
		leave = st.Key.Render("q") + " " + st.Hint.Render("leaves")
	}
	return append(out, kit.Sides(st.Dim.Render("The record: flightdeck show "+o.Run), leave, w))
}

// Off is why a rollback cannot be opened from the end of a run; "" when it can. It speaks of a run
// that is over; before that, run.Decide does.
func Off(s run.State) string {
	switch {
	case s.Stage != run.Over:
		return "the run is not over"
	case s.Opened.Mode == run.ModeRollback:
		return "this run is a rollback itself; a rollback is never rolled back"
	case s.Outcome == run.RolledBack || s.Outcome == run.RollbackFailed || !s.Rollback.StartedAt.IsZero():
		return "this run has been rolled back already; a rollback is never rolled back"
	case !run.Changed(s):
		return "nothing was changed, there is nothing to roll back"
	case s.Readiness.Target == (release.Ref{}):
		if s.Readiness.Reason != "" {
			return "no rollback: " + s.Readiness.Reason
		}
		return "there is no earlier release to go back to"
	}
	return ""
}

func wrapped(style func(...string) string, text string, w int) []string {
	var out []string
	for _, l := range kit.Wrap(text, w) {
		out = append(out, style(l))
	}
	return out
}
