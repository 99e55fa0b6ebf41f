package ui

import (
	"fmt"
	"strings"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/ui/kit"
)

// part is a piece of a banner line. When the line is too long, pieces with the highest rank go
// first, replaced by their short form if they have one; rank 0 never goes.
type part struct {
	text string
	// short are shorter forms, longest first, tried before the piece goes.
	short []string
	rank  int
	// keep: the shortest form never goes.
	keep bool
}

// quietTarget is how long a target may be silent before its age is shown instead of a word.
const quietTarget = 10 * time.Second

// banner is the two lines on top: what is touched, and where the run stands. It is never hidden.
func (m *Model) banner() string {
	s := m.data.state
	look := m.st.Banner(string(s.Opened.Class))
	word := " " + strings.ToUpper(s.Opened.Environment) + " "
	if s.Opened.Run == "" {
		return kit.Stack(kit.Fit(" flightdeck", m.w), kit.Fit("", m.w))
	}
	left, right := m.firstLine()
	first := look.Word.Render(kit.Clip(word, m.w)) + look.First.Render(line(left, right, m.w-kit.Width(word)))
	left, right = m.secondLine()
	next := line(left, right, m.w)
	if m.data.look.Down != "" {
		// What was known before the target fell silent is greyed: it is not live any more.
		return kit.Stack(first, look.Stale.Render(next))
	}
	return kit.Stack(first, look.Next.Render(next))
}

func (m *Model) firstLine() (left, right []part) {
	o := m.data.state.Opened
	host := o.Target.Name
	if host == "" {
		host = o.Target.Host
	}
	left = append(left, part{text: " " + o.Project + " on " + host, short: []string{" " + kit.Clip(o.Project+" on "+host, 28), " " + kit.Clip(o.Project, 20)}, rank: 4})
	if o.Target.Context != "" {
		left = append(left, part{text: " (context " + o.Target.Context + ")", rank: 9})
	}
	if o.Mode != run.ModeRun {
		left = append(left, part{text: "   " + o.From.String() + " → " + o.To.String()})
	}
	if o.Branch != "" || o.Commit != "" {
		commit := strings.TrimSpace(o.Branch + " " + kit.ShortID(o.Commit))
		if o.Dirty {
			commit += "+"
		}
		left = append(left, part{text: "   " + commit, rank: 6})
	}
	now := m.now
	if m.opts.Zone != nil {
		now = now.In(m.opts.Zone)
	}
	if !now.IsZero() {
		right = append(right, part{text: now.Format("Mon 15:04 MST"), short: []string{now.Format("15:04 MST"), now.Format("15:04")}, rank: 3})
	}
	who := o.Operator
	if who == "" {
		who = m.opts.Operator
	}
	if who != "" {
		right = append(right, part{text: "  " + who, rank: 8})
	}
	if s := m.data.state; !s.StartedAt.IsZero() {
		until := now
		if !s.ClosedAt.IsZero() {
			until = s.ClosedAt
		}
		right = append(right, part{text: "  " + kit.Clock(until.Sub(s.StartedAt)), rank: 7})
	}
	return left, append(right, part{text: " "})
}

func (m *Model) secondLine() (left, right []part) {
	stand := func(title int) string { return " " + m.standing(title) }
	left = []part{{text: stand(m.w), short: []string{stand(max(20, m.w/3)), stand(16), stand(0)}, rank: 3, keep: true}}
	if back := m.wayBack(); len(back) > 0 {
		for i := range back {
			back[i] = " · " + back[i]
		}
		left = append(left, part{text: back[0], short: back[1:], rank: 4, keep: true})
	}
	l := m.data.look
	switch {
	case l.Down != "":
		silent := ""
		if !l.DownSince.IsZero() {
			silent = " for " + kit.Age(m.now.Sub(l.DownSince))
		}
		right = []part{{text: "✗ target does not answer" + silent + ": " + l.Down, short: []string{"✗ target silent" + silent}, rank: 2}}
	case l.SeenAt.IsZero():
	case m.now.Sub(l.SeenAt) < quietTarget:
		right = []part{{text: "● target answers", rank: 8}}
	default:
		right = []part{{text: "◐ target last seen " + kit.Age(m.now.Sub(l.SeenAt)) + " ago", rank: 5}}
	}
	return left, append(right, part{text: " "})
}

// standing is where the run stands, in words, with at most so many cells for a step's title; with
// 0 there is no title.
func (m *Model) standing(title int) string {
	s := m.data.state
	switch s.Stage {
	case run.Planned:
		return fmt.Sprintf("plan of %s · not confirmed", kit.Count(len(s.Steps), "step", "steps"))
	case run.Checking:
		return "checking everything once more"
	case run.Recording:
		return "recording the current release"
	case run.Unrecorded:
		return "the current release could not be recorded"
	case run.TurningBack:
		return "TURNING BACK → " + s.Readiness.Target.String()
	case run.TurnedBack, run.Over:
		if s.Stage == run.TurnedBack && !s.Rollback.OK {
			return "rollback failed"
		}
		if s.Stage == run.TurnedBack {
			return "rolled back → " + s.Rollback.Proof.Target.String()
		}
		if s.Outcome == run.RolledBack {
			return "over: rolled back → " + s.Rollback.Proof.Target.String()
		}
		return "over: " + string(s.Outcome)
	}
	i := s.Current()
	if i == len(s.Steps) {
		if judging(s) {
			return "judging " + s.Opened.To.String() + " …"
		}
		return "every step is over"
	}
	st := s.Steps[i]
	what := string(st.Status)
	if st.Status == run.ToDo {
		what = "· your turn"
	}
	if title <= 0 {
		return fmt.Sprintf("step %d of %d · %s", i+1, len(s.Steps), strings.TrimPrefix(what, "· "))
	}
	return fmt.Sprintf("step %d of %d · %s %s", i+1, len(s.Steps), kit.Clip(st.Step.Title, title), what)
}

// wayBack says whether the rollback would work, for the whole run; longest form first. The
// shortest is never dropped.
func (m *Model) wayBack() []string {
	s := m.data.state
	if s.Opened.Mode == run.ModeRollback || s.Opened.Mode == run.ModeRun && s.Readiness.Target == (release.Ref{}) {
		return nil
	}
	switch s.Stage {
	case run.TurningBack, run.TurnedBack, run.Over:
		return nil
	}
	r, key := s.Readiness, ""
	if _, err := run.Decide(s, run.RollBack{}); err == nil {
		key = " (R)"
	}
	switch {
	case r.Ready:
		least := "back → "
		if key != "" {
			least = "R → "
		}
		short := []string{"rollback ready → " + r.Target.String() + key, least + r.Target.String(), least + kit.Clip(r.Target.String(), 12)}
		if r.LastTook > 0 {
			return append([]string{"rollback ready → " + r.Target.String() + ", " + kit.Duration(r.LastTook) + " last time" + key}, short...)
		}
		return short
	case r.Pending:
		return []string{"rollback → " + r.Target.String() + " is proven before the first change", "rollback not proven yet"}
	case r.Reason == "":
		return []string{"rollback not proven yet"}
	case r.Target == (release.Ref{}):
		return []string{"no rollback: " + r.Reason, "no rollback: " + kit.Clip(r.Reason, m.w/3), "no rollback"}
	}
	return []string{"rollback blocked: " + r.Reason, "rollback blocked: " + kit.Clip(r.Reason, m.w/3), "rollback blocked"}
}

// line joins parts to exactly w cells, the right ones at the right end, dropping what has the
// highest rank until it fits.
func line(left, right []part, w int) string {
	if w <= 0 {
		return ""
	}
	all := [2][]part{append([]part(nil), left...), append([]part(nil), right...)}
	for width(all) > w {
		worst, at, side := 0, -1, 0
		for k, parts := range all {
			for i, p := range parts {
				if p.text != "" && p.rank > worst {
					worst, at, side = p.rank, i, k
				}
			}
		}
		if at < 0 {
			break
		}
		p := &all[side][at]
		switch {
		case len(p.short) > 0:
			p.text, p.short = p.short[0], p.short[1:]
		case p.keep:
			p.rank = 0
		default:
			p.text = ""
		}
	}
	if over := width(all) - w; over > 0 && len(all[0]) > 1 {
		// What still does not fit goes from the first piece, so that the ones after it are kept.
		first := &all[0][0]
		first.text = kit.Clip(first.text, max(8, kit.Width(first.text)-over))
	}
	var l, r strings.Builder
	for _, p := range all[0] {
		l.WriteString(p.text)
	}
	for _, p := range all[1] {
		r.WriteString(p.text)
	}
	room := w - kit.Width(r.String())
	if room < 12 {
		return kit.Fit(l.String(), w)
	}
	return kit.Fit(l.String(), room) + r.String()
}

func width(all [2][]part) int {
	n := 1
	for _, parts := range all {
		for _, p := range parts {
			n += kit.Width(p.text)
		}
	}
	return n
}

// judging: every step is over, and the new release is being judged before the run closes.
func judging(s run.State) bool {
	if s.Stage != run.Flying || s.Current() < len(s.Steps) {
		return false
	}
	for _, w := range run.Due(s) {
		if w.Kind == run.WorkJudge {
			return true
		}
	}
	return false
}
