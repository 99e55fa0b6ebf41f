// Package dialog is the stack of questions over a screen: yes or no, typed confirmation, reason,
// edit, roll back, help.
//
// Its one rule: a dialog never acts. It answers with a Deed, which the root carries out; and a
// dialog that opened by itself hears no key until typing has paused.
package dialog

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/run"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Deed is what a key press wants done. The zero Deed wants nothing.
type Deed struct {
	// Do are commands for the runner, in order; a refused one ends the row.
	Do []run.Command
	// Done closes the dialog that answered.
	Done bool
	// Open puts a dialog on top.
	Open Dialog
	// Leave ends the cockpit; the run is left as it is.
	Leave bool
	// LeaveAfter ends the cockpit as soon as no step is running.
	LeaveAfter bool
	// Say is a sentence for the footer, Bad when it refuses something.
	Say string
	Bad bool
	Cmd tea.Cmd
}

// Tick is given to the top dialog whenever the clock moved.
type Tick time.Time

// Dialog is one question.
type Dialog interface {
	// ID is unique among the kinds of dialog; a second one with the same ID is not opened.
	ID() string
	// Handle takes keys, pastes, ticks, and every message the root does not know.
	Handle(msg tea.Msg) Deed
	// Draw gives a box of at most w x h cells.
	Draw(st *theme.Styles, w, h int, now time.Time) string
}

// Texter is a dialog in which letters are text; only ctrl+r and ctrl+c keep their meaning there.
type Texter interface{ Texts() bool }

// The grace of dialogs that open by themselves: a key meant for elsewhere must not answer them.
const (
	Quiet   = 425 * time.Millisecond  // typing counts as paused after this
	Ceiling = 1500 * time.Millisecond // keys are never swallowed for longer
)

// Stack is the open dialogs, the newest on top. The zero Stack is empty.
type Stack struct {
	open []entry
}

type entry struct {
	dialog   Dialog
	grace    bool
	openedAt time.Time
	lastKey  time.Time
}

// Open puts a dialog on top because the operator asked for it.
func (s *Stack) Open(d Dialog) { s.push(entry{dialog: d}) }

// OpenByItself puts a dialog on top that nobody asked for just now.
func (s *Stack) OpenByItself(d Dialog, now time.Time) {
	s.push(entry{dialog: d, grace: true, openedAt: now, lastKey: now})
}

func (s *Stack) push(e entry) {
	for _, o := range s.open {
		if o.dialog.ID() == e.dialog.ID() {
			return
		}
	}
	s.open = append(s.open, e)
}

// Top is the dialog that gets the keys, or nil.
func (s *Stack) Top() Dialog {
	if len(s.open) == 0 {
		return nil
	}
	return s.open[len(s.open)-1].dialog
}

// Texts says that letters are text for the top dialog.
func (s *Stack) Texts() bool {
	t, ok := s.Top().(Texter)
	return ok && t.Texts()
}

// Close removes every dialog with this ID.
func (s *Stack) Close(id string) {
	kept := s.open[:0]
	for _, e := range s.open {
		if e.dialog.ID() != id {
			kept = append(kept, e)
		}
	}
	s.open = kept
}

// Clear removes all dialogs.
func (s *Stack) Clear() { s.open = nil }

// Handle gives a message to the top dialog, unless it is a key within the grace.
func (s *Stack) Handle(msg tea.Msg, now time.Time) Deed {
	if len(s.open) == 0 {
		return Deed{}
	}
	e := &s.open[len(s.open)-1]
	if _, key := msg.(tea.KeyPressMsg); key && e.swallows(now) {
		return Deed{}
	}
	id := e.dialog.ID()
	deed := e.dialog.Handle(msg)
	if deed.Done {
		s.Close(id)
	}
	if deed.Open != nil {
		s.Open(deed.Open)
		deed.Open = nil
	}
	return deed
}

func (e *entry) swallows(now time.Time) bool {
	if !e.grace {
		return false
	}
	if now.Sub(e.lastKey) >= Quiet || now.Sub(e.openedAt) >= Ceiling {
		e.grace = false
		return false
	}
	e.lastKey = now
	return true
}

// Draw gives the top dialog's box, "" when there is none.
func (s *Stack) Draw(st *theme.Styles, w, h int, now time.Time) string {
	if len(s.open) == 0 {
		return ""
	}
	return s.Top().Draw(st, w, h, now)
}

// box frames a dialog: body and foot with a blank line between, at most w x h cells. When it is
// too high, blank lines go first, then the end of the body, which is said; the foot, which says what the keys do,
// stays.
func box(st *theme.Styles, title string, danger bool, body, foot []string, want, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	room := h - 2 - len(foot)
	all := append([]string{""}, body...)
	all = append(all, "")
	if len(all) > room {
		foot = slices.DeleteFunc(slices.Clone(foot), func(l string) bool { return kit.Width(l) == 0 })
		room = h - 2 - len(foot)
		all = squeeze(st, body, room)
	}
	all = append(all, foot...)
	if len(all)+3 <= h {
		all = append(all, "")
	}
	f := kit.Frame{Title: title, Focused: true, Danger: danger}
	return f.Draw(st, all, min(w, max(want, 24)), min(h, len(all)+2))
}

func squeeze(st *theme.Styles, body []string, room int) []string {
	if room <= 0 {
		return nil
	}
	over := len(body) - room
	var out []string
	for _, l := range body {
		if over > 0 && kit.Width(l) == 0 {
			over--
			continue
		}
		out = append(out, l)
	}
	if len(out) > room {
		n := len(out) - room + 1
		out = append(out[:room-1], st.Faint.Render("… "+kit.Count(n, "more line", "more lines")+": a larger terminal shows all"))
	}
	return out
}

// inner is how wide the text of a box may be.
func inner(want, w int) int { return max(1, min(w, max(want, 24))-4) }
