package dialog

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Countdown is how long the rollback waits for an esc.
const Countdown = 3 * time.Second

// RollBackID is the ID of the rollback dialog.
const RollBackID = "roll back"

// RollBack shows what a rollback would do and starts it after the count-down.
type RollBack struct {
	state    run.State
	seen     stack.Snapshot
	openedAt time.Time
	begun    bool
}

// NewRollBack makes the dialog; the count-down runs from openedAt.
func NewRollBack(s run.State, seen stack.Snapshot, openedAt time.Time) *RollBack {
	return &RollBack{state: s, seen: seen, openedAt: openedAt}
}

// ID is RollBackID.
func (r *RollBack) ID() string { return RollBackID }

// Handle starts at enter or when the count-down is over, and cancels at esc.
func (r *RollBack) Handle(msg tea.Msg) Deed {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		switch msg.String() {
		case "enter":
			return r.begin()
		case "esc", "q", "ctrl+c":
			return Deed{Done: true, Say: "not rolled back"}
		}
	case Tick:
		if !time.Time(msg).Before(r.openedAt.Add(Countdown)) {
			return r.begin()
		}
	}
	return Deed{}
}

func (r *RollBack) begin() Deed {
	if r.begun {
		return Deed{Done: true}
	}
	r.begun = true
	return Deed{Done: true, Do: []run.Command{run.RollBack{}}}
}

// Draw draws what comes back, what becomes of the database, and the seconds left.
func (r *RollBack) Draw(st *theme.Styles, w, h int, now time.Time) string {
	const want = 76
	in := inner(want, w)
	o, ready := r.state.Opened, r.state.Readiness
	left := int((r.openedAt.Add(Countdown).Sub(now) + time.Second - 1) / time.Second)
	count := st.Bright.Render(fmt.Sprintf("starting in %d …", max(0, min(3, left))))
	last := ""
	if ready.LastTook > 0 {
		last = st.Dim.Render("last time " + kit.Duration(ready.LastTook))
	}
	keys := st.Key.Render("enter") + "  now      " + st.Key.Render("esc") + "  cancel"
	if w < 44 || h < 9 {
		body := []string{kit.Clip(o.To.String()+" → "+ready.Target.String(), in)}
		return box(st, "ROLL BACK "+o.Environment, true, body, []string{kit.Fit(count, in), kit.Fit(keys, in)}, want, w, h)
	}
	body := []string{kit.Sides("  "+st.Bright.Render(o.To.String()+"  →  "+ready.Target.String()), st.Dim.Render(standing(r.state, now)), in), ""}
	body = append(body, r.rows(st, in)...)
	body = append(body, "")
	body = append(body, r.data(st, in)...)
	if running := r.running(); running != "" {
		body = append(body, "")
		for _, l := range indented(running, in) {
			body = append(body, st.Warn.Render(l))
		}
	}
	foot := []string{kit.Sides("  "+last, count, in), "", "  " + keys}
	return box(st, "ROLL BACK  "+o.Environment+" / "+o.Project, true, body, foot, want, w, h)
}

// standing says how well the target is known.
func standing(s run.State, now time.Time) string {
	ready := s.Readiness
	until := s.StartedAt
	if until.IsZero() {
		until = now
	}
	switch {
	case !ready.HealthySince.IsZero() && until.Sub(ready.HealthySince) >= time.Second:
		return fmt.Sprintf("healthy for %s until %s ago", kit.Age(until.Sub(ready.HealthySince)), kit.Age(now.Sub(until)))
	case !ready.RecordedAt.IsZero():
		return "recorded " + kit.Age(now.Sub(ready.RecordedAt)) + " ago"
	}
	return "recorded before this run"
}

func (r *RollBack) rows(st *theme.Styles, w int) []string {
	var rows [][]string
	for _, c := range Back(r.state, r.seen) {
		what := ""
		switch c.Kind {
		case release.ChangeNone:
			rows = append(rows, []string{"  " + c.Service, st.Dim.Render("unchanged"), "", ""})
			continue
		case release.ChangeAdded:
			what = "comes back"
		case release.ChangeRemoved:
			what = "goes: it came with " + r.state.Opened.To.String()
		}
		ids := kit.ShortID(c.FromID) + "  →  " + kit.ShortID(c.ToID)
		switch {
		case c.FromID == "" && c.ToID == "":
			ids = ""
		case c.ToID == "":
			ids = kit.ShortID(c.FromID)
		case c.FromID == "":
			ids = "→  " + kit.ShortID(c.ToID)
		}
		if c.FromID == c.ToID && c.FromID != "" && c.FromReplicas == c.ToReplicas {
			ids, what = kit.ShortID(c.ToID), "runs already"
		}
		if what == "" {
			what = c.Note
		}
		if what == "" && c.ToID != "" && r.state.Readiness.Ready {
			what = "image on the host"
		}
		rows = append(rows, []string{"  " + c.Service, replicas(c), ids, st.Dim.Render(what)})
	}
	_, lines := kit.Columns([]kit.Column{{Max: 24}, {}, {}, {Grow: true}}, rows, w)
	return lines
}

func replicas(c release.Change) string {
	if c.FromReplicas == c.ToReplicas {
		return fmt.Sprintf("%d of %d", c.ToReplicas, c.ToReplicas)
	}
	return fmt.Sprintf("%d → %d", c.FromReplicas, c.ToReplicas)
}

// Back lists what a rollback does to every service. The readiness was proven before the deploy,
// when nothing differed yet; then it is the deploy's own changes the other way round, with the
// image IDs that run now.
func Back(s run.State, seen stack.Snapshot) []release.Change {
	for _, c := range s.Readiness.Changes {
		if c.Kind != release.ChangeNone {
			return s.Readiness.Changes
		}
	}
	now := map[string]string{}
	for _, c := range seen.Containers {
		now[c.Service] = c.ImageID
	}
	notes := map[string]string{}
	for _, c := range s.Readiness.Changes {
		notes[c.Service] = c.Note
	}
	var out []release.Change
	for _, c := range s.Opened.Changes {
		b := release.Change{Service: c.Service, Kind: c.Kind, From: c.To, To: c.From, FromID: c.ToID, ToID: c.FromID,
			FromReplicas: c.ToReplicas, ToReplicas: c.FromReplicas, Config: c.Config, Note: notes[c.Service]}
		if id := now[c.Service]; id != "" {
			b.FromID = id
		}
		switch c.Kind {
		case release.ChangeAdded:
			b.Kind = release.ChangeRemoved
		case release.ChangeRemoved:
			b.Kind = release.ChangeAdded
		}
		out = append(out, b)
	}
	return out
}

// data says what becomes of the database: nothing, ever, by itself.
func (r *RollBack) data(st *theme.Styles, w int) []string {
	undo := kit.Undo(r.state)
	out := indented("Volumes are carried over; the database is left as it is.", w)
	if len(undo) > 0 {
		out = append(out, indented("To take its changes back, run afterwards, newest first:", w)...)
		for _, u := range undo {
			out = append(out, "    "+st.Code.Render(kit.Clip("$ "+u, w-4)))
		}
	}
	return out
}

// indented wraps text with the dialog's margin on every line.
func indented(text string, w int) []string {
	var out []string
	for _, l := range kit.Wrap(text, w-2) {
		out = append(out, "  "+l)
	}
	return out
}

// running says what happens first to a step that is under way.
func (r *RollBack) running() string {
	for _, s := range r.state.Steps {
		if s.Status != run.Running && s.Status != run.Stopping || !run.HasEffect(s.Step.Kind) {
			continue
		}
		if s.Step.Kind == runbook.KindDeploy {
			return "The deploy that is under way is let to its end first: cutting it off could leave a service down."
		}
		return fmt.Sprintf("%q is running: it is stopped first.", s.Step.Title)
	}
	return ""
}
