// Package plan is the screen before anything happens: how the runbook was read, what changes on
// the target, whether the way back is proven, and what is asked before it starts.
//
// Its one rule: nothing on it changes the target; the yes is given in a dialog.
package plan

import (
	"flightdeck/internal/run"
	"flightdeck/ui/dialog"
	"flightdeck/ui/kit"
)

// Model is the plan screen's own memory.
type Model struct {
	view   kit.View
	rows   []row
	cursor int
	top    int
	scroll int // of the details
	rest   int // lines of the details below the window
	keys   []kit.Key
}

type row struct {
	phase int
	step  int // index in the phase; -1 for the phase itself
}

// New makes a plan screen.
func New() *Model { return &Model{} }

// See takes what is new; it says whether the picture may have changed.
func (m *Model) See(v kit.View) bool {
	first := m.rows == nil
	changed := first || v.State.Seq != m.view.State.Seq || v.Styles != m.view.Styles
	m.view = v
	if first || changed {
		m.rows = []row{}
		for p, phase := range v.State.Opened.Runbook.Phases {
			if len(phase.Steps) == 0 {
				continue
			}
			m.rows = append(m.rows, row{p, -1})
			for s := range phase.Steps {
				m.rows = append(m.rows, row{p, s})
			}
		}
		m.keys = m.buildKeys()
	}
	return changed
}

func (m *Model) phase() (id, title string, ok bool) {
	if m.cursor < 0 || m.cursor >= len(m.rows) {
		return "", "", false
	}
	p := m.view.State.Opened.Runbook.Phases[m.rows[m.cursor].phase]
	return p.ID, p.Title, true
}

// Keys are what can be done on this screen, each with the reason why not.
func (m *Model) Keys() []kit.Key { return m.keys }

func (m *Model) off(c run.Command) string {
	if _, err := run.Decide(m.view.State, c); err != nil {
		return err.Error()
	}
	return ""
}

func (m *Model) buildKeys() []kit.Key {
	s := m.view.State
	confirm := kit.Key{Keys: []string{"enter"}, Does: "confirm and start", Help: "confirm the plan; production asks for its name", Rank: 1,
		Off: m.off(run.Confirm{Typed: s.Opened.Environment})}
	space := kit.Key{Keys: []string{"space"}, Does: "leave out", Help: "leave a section out, with a reason, or take it back in", Rank: 3, Off: "the runbook has no sections with steps"}
	if id, _, ok := m.phase(); ok {
		if _, out := s.LeftOut[id]; out {
			space.Does = "take in"
			space.Off = m.off(run.TakeIn{Phase: id})
		} else {
			space.Off = m.off(run.LeaveOut{Phase: id, Reason: "…"})
		}
	}
	again := kit.Key{Keys: []string{"r"}, Does: "record again", Help: "try again to record the current release", Off: m.off(run.Record{}), Rank: 1}
	note := kit.Key{Keys: []string{"N"}, Does: "note", Help: "write a note into the record", Off: m.off(run.Note{Text: "…"}), Rank: 8}
	return []kit.Key{confirm, again, space, note}
}

// ListKey moves in the list of sections; it says whether the key was for it.
func (m *Model) ListKey(pressed string, height int) bool {
	to, ok := kit.Move(pressed, m.cursor, len(m.rows), height)
	if ok {
		m.cursor = to
		m.keys = m.buildKeys()
	}
	return ok
}

// DetailKey scrolls the details; it says whether the key was for it.
func (m *Model) DetailKey(pressed string, height int) bool {
	to, ok := kit.Move(pressed, m.scroll, m.scroll+m.rest+1, height)
	if ok {
		m.scroll = to
	}
	return ok
}

// Act does what a key of Keys means; it is only called for one that works.
func (m *Model) Act(pressed string) dialog.Deed {
	switch pressed {
	case "enter":
		return dialog.Deed{Open: m.confirm()}
	case "r":
		return dialog.Deed{Do: []run.Command{run.Record{}}}
	case "N":
		return dialog.Deed{Open: dialog.NewReason("note", "Note", "note",
			[]string{"A remark for the record, with your name and the time."}, false,
			func(t string) dialog.Deed { return dialog.Deed{Do: []run.Command{run.Note{Text: t}}} })}
	case "space":
		id, title, ok := m.phase()
		if !ok {
			return dialog.Deed{}
		}
		if _, out := m.view.State.LeftOut[id]; out {
			return dialog.Deed{Do: []run.Command{run.TakeIn{Phase: id}}}
		}
		return dialog.Deed{Open: dialog.NewReason("leave out", "Leave out  "+title, "reason",
			[]string{"None of its steps is done in this run; the reason goes into the record."}, false,
			func(t string) dialog.Deed {
				return dialog.Deed{Do: []run.Command{run.LeaveOut{Phase: id, Reason: t}}}
			})}
	}
	return dialog.Deed{}
}

// confirm is the question before the start. Production, and every class that is not known, wants
// the environment's name typed; the answer anywhere else is a key of its own, not enter.
func (m *Model) confirm() dialog.Dialog {
	s := m.view.State
	o := s.Opened
	text := []string{m.sentence()}
	if s.MovedWhy != "" {
		text = append([]string{"You are asked again because something moved: " + s.MovedWhy + "."}, text...)
	}
	if s.Readiness.Pending {
		text = append(text, "The way back to "+s.Readiness.Target.String()+" is recorded and proven before the first change.")
	} else if !s.Readiness.Ready && o.Mode == run.ModeDeploy {
		why := s.Readiness.Reason
		if why == "" {
			why = "its readiness was not proven"
		}
		text = append(text, "There is no way back prepared: "+why+".")
	}
	title := "Start  " + o.Environment + " / " + o.Project
	switch o.Class {
	case run.Staging, run.Development, run.Local:
		return &dialog.Ask{Name: "confirm", Title: title, Text: text, Esc: "not now", Choices: []dialog.Choice{
			{Key: "y", Says: "start", Deed: dialog.Deed{Do: []run.Command{run.Confirm{}}}}}}
	}
	return dialog.NewTyped("confirm", title, o.Environment, text, func(typed string) dialog.Deed {
		return dialog.Deed{Do: []run.Command{run.Confirm{Typed: typed}}}
	})
}
