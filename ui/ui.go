// Package ui is the cockpit: the one tea.Model, its routing, its layout, and the commands that
// follow a run.
//
// Its one rule: it never does anything itself. It asks the deck, and draws what the journal says;
// there is no IO in Update or View, and time comes in with a tick.
package ui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/deck"
	"flightdeck/internal/run"
	"flightdeck/internal/tail"
	"flightdeck/ui/board"
	"flightdeck/ui/dialog"
	"flightdeck/ui/kit"
	"flightdeck/ui/plan"
	"flightdeck/ui/rollback"
	"flightdeck/ui/theme"
)

// Options is what a cockpit needs of the outside.
type Options struct {
	Deck deck.Deck
	// Theme is "dark", "light", or "" to ask the terminal (dark until it answers).
	Theme string
	// Zone is where times are shown; nil means the times' own zone.
	Zone *time.Location
	// Now is the clock. It is called in commands only; nil means that the first tick brings the time.
	Now func() time.Time
	// Operator is shown in the banner when the run does not name one.
	Operator string
	// SaveDir is where logs and outputs are saved; "" is the working directory.
	SaveDir string
}

// focus is which pane has the keys.
type focus int

const (
	onTree focus = iota // the runbook; on the plan screen the list of sections
	onStep              // the step; on the plan screen the details
	onDock
)

// Model is the cockpit. It is made by New and driven by Bubble Tea.
type Model struct {
	opts Options
	ctx  context.Context
	st   *theme.Styles
	data data
	w, h int
	now  time.Time

	board *board.Model
	plan  *plan.Model
	back  *rollback.Model
	dock  dock
	// out is the output of the shown step as a pane of its own, drawn when the step is zoomed.
	out zoomed

	focus  focus
	zoom   bool
	stack  dialog.Stack
	notice notice
	guard  guard
	pace   pace
	// leaving: the operator wants to leave as soon as no step is running.
	leaving bool
	// wantsBack: R was pressed after the run was over.
	wantsBack bool
	// toldJudging: it was said that leaving takes a moment; said once, then q asks as ever.
	toldJudging bool
	drawn       drawn
}

// data is what is known of the run.
type data struct {
	state    run.State
	entries  []run.Entry
	look     deck.Look
	logs     uint64 // newest line of the ring "logs" that was taken
	attended []string
}

// notice is a sentence in the footer for a while.
type notice struct {
	text  string
	bad   bool
	until time.Time
}

const noticeFor = 6 * time.Second

// New makes a cockpit. Its commands end when ctx does.
func New(ctx context.Context, o Options) *Model {
	m := &Model{opts: o, ctx: ctx, st: theme.New(o.Theme != "light"), board: board.New(), plan: plan.New(),
		back: rollback.New(), dock: newDock(o.SaveDir), focus: onStep}
	m.drawn.dirty = true
	return m
}

// Init starts following the run and the clock.
func (m *Model) Init() tea.Cmd {
	cmds := []tea.Cmd{m.follow(), m.firstTick()}
	if m.opts.Theme == "" {
		cmds = append(cmds, tea.RequestBackgroundColor)
	}
	return tea.Batch(cmds...)
}

// Update routes one message. Everything else is in the methods it calls.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
		m.drawn.dirty = true
	case tea.BackgroundColorMsg:
		m.dress(msg.IsDark())
	case tea.KeyPressMsg:
		m.drawn.dirty = true
		return m, m.key(msg)
	case tickedMsg:
		return m, m.ticked(time.Time(msg))
	case entriesMsg:
		return m, m.take(msg)
	case lookedMsg:
		m.looked(msg)
	case refusedMsg:
		m.say(msg.err.Error(), true)
	case kit.NoticeMsg:
		m.say(msg.Text, msg.Bad)
	default:
		m.drawn.dirty = true
		return m, m.pass(msg)
	}
	return m, nil
}

// pass gives a message that the root does not know to the top dialog and to the panes.
func (m *Model) pass(msg tea.Msg) tea.Cmd {
	cmds := []tea.Cmd{m.carryOut(m.stack.Handle(msg, m.now))}
	if m.stack.Top() == nil {
		cmds = append(cmds, m.dock.pass(msg))
		if m.out.pane != nil {
			m.drawn.touch(blockStep)
			cmds = append(cmds, m.out.pane.Receive(msg))
		}
	}
	return tea.Batch(cmds...)
}

func (m *Model) dress(dark bool) {
	if m.opts.Theme == "" && dark != m.st.Dark {
		m.st = theme.New(dark)
		m.show(tail.Batch{})
	}
}

func (m *Model) say(text string, bad bool) {
	m.notice = notice{text: text, bad: bad, until: m.now.Add(noticeFor)}
	m.drawn.dirty = true
}

// take folds new entries into the state, and asks for the next.
func (m *Model) take(msg entriesMsg) tea.Cmd {
	if msg.err != nil {
		if m.ctx.Err() != nil || errors.Is(msg.err, context.Canceled) {
			return nil
		}
		m.say("the run cannot be followed: "+msg.err.Error(), true)
		return m.followLater()
	}
	before := m.data.state.Stage
	for _, e := range msg.entries {
		if e.Seq <= m.data.state.Seq {
			continue
		}
		m.data.state.Apply(e)
		m.data.entries = append(m.data.entries, e)
		if r, ok := e.Event.(run.Resumed); ok {
			m.say("resumed after "+kit.Age(r.Away)+", in which nobody watched", false)
		}
	}
	m.pace.moved = true
	if after := m.data.state.Stage; after != before {
		m.staged(before, after)
	}
	m.show(tail.Batch{})
	if m.leaving && !m.running() {
		return tea.Quit
	}
	return m.follow()
}

// staged: the run came to another stage, so questions about the old one are void.
func (m *Model) staged(before, after run.Stage) {
	for _, id := range []string{"confirm", "leave out", "checklist", "edit", "skip", "mark", "again", "run", "leave", "moved", dialog.RollBackID} {
		m.stack.Close(id)
	}
	switch {
	case m.planning() && (before == "" || before == run.Checking):
		m.focus, m.zoom = onTree, false
	case after == run.Flying, after == run.TurningBack:
		m.focus, m.zoom = onStep, false
	}
	if why := m.data.state.MovedWhy; after == run.Planned && before != "" && why != "" {
		m.stack.OpenByItself(&dialog.Ask{Name: "moved", Title: "Look again", Danger: m.danger(), Esc: "look at the plan again",
			Text: []string{"Nothing was started, because something moved after your yes: " + why + ".", "Read what changes now, and confirm once more."}}, m.now)
	}
}

func (m *Model) running() bool {
	for _, s := range m.data.state.Steps {
		if (s.Status == run.Running || s.Status == run.Stopping) && run.HasEffect(s.Step.Kind) {
			return true
		}
	}
	return false
}

// planning: nothing has begun; the plan screen is shown.
func (m *Model) planning() bool {
	switch m.data.state.Stage {
	case "", run.Planned, run.Checking, run.Recording, run.Unrecorded:
		return true
	}
	return false
}

// show hands what is known to every screen and pane, and marks those whose picture changed.
func (m *Model) show(logs tail.Batch) {
	v := kit.View{Styles: m.st, Zone: m.opts.Zone, State: m.data.state, Entries: m.data.entries, Look: m.data.look, Logs: logs}
	if m.board.See(v) {
		m.drawn.touch(blockTree, blockStep)
	}
	if m.plan.See(v) {
		m.drawn.touch(blockList, blockDetail)
	}
	if m.back.See(v) {
		m.drawn.touch(blockBack)
	}
	if m.dock.see(v) {
		m.drawn.dirty = true
	}
	m.drawn.touch(blockBanner)
}
