package ui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/deck"
	"flightdeck/internal/run"
	"flightdeck/internal/tail"
	"flightdeck/ui/dialog"
)

// The messages of the root: facts that commands bring back.
type (
	entriesMsg struct {
		entries []run.Entry
		err     error
	}
	lookedMsg struct {
		look   deck.Look
		logs   tail.Batch
		step   string
		output tail.Batch
	}
	tickedMsg  time.Time
	refusedMsg struct{ err error }
	doneMsg    struct{}
)

// The frame times: while anything moves, and while nothing does.
const (
	fast = 33 * time.Millisecond
	slow = 250 * time.Millisecond
)

// mostLines bounds one batch, so that a flood costs a frame no more than this.
const mostLines = 4096

// pace decides how soon the next tick comes.
type pace struct {
	moved   bool // something changed since the last tick
	looking bool // a look is under way; there is never more than one
	lastKey time.Time
}

func (m *Model) follow() tea.Cmd {
	d, ctx, seq := m.opts.Deck, m.ctx, m.data.state.Seq
	return func() tea.Msg {
		entries, err := d.After(ctx, seq)
		return entriesMsg{entries: entries, err: err}
	}
}

// followLater waits a second before it asks again, so that a broken journal is no busy loop.
func (m *Model) followLater() tea.Cmd {
	follow := m.follow()
	return tea.Tick(time.Second, func(time.Time) tea.Msg { return follow() })
}

func (m *Model) firstTick() tea.Cmd {
	now := m.opts.Now
	if now == nil {
		return tick(time.Millisecond)
	}
	return func() tea.Msg { return tickedMsg(now()) }
}

func tick(d time.Duration) tea.Cmd {
	return tea.Tick(d, func(t time.Time) tea.Msg { return tickedMsg(t) })
}

// ticked moves the clock: dialogs count down, notices go, and telemetry is asked for.
func (m *Model) ticked(t time.Time) tea.Cmd {
	if t.Unix() != m.now.Unix() {
		m.drawn.dirty = true // ages
	}
	m.now = t
	if m.notice.text != "" && t.After(m.notice.until) {
		m.notice = notice{}
		m.drawn.dirty = true
	}
	cmds := []tea.Cmd{}
	if m.stack.Top() != nil {
		m.drawn.dirty = true
		cmds = append(cmds, m.carryOut(m.stack.Handle(dialog.Tick(t), t)))
	}
	if !m.pace.looking {
		m.pace.looking = true
		cmds = append(cmds, m.look())
	}
	next := slow
	if m.pace.moved || m.stack.Top() != nil || t.Sub(m.pace.lastKey) < time.Second {
		next = fast
	}
	m.pace.moved = false
	return tea.Batch(append(cmds, tick(next))...)
}

// look asks the deck for telemetry, and for the lines that are on screen.
func (m *Model) look() tea.Cmd {
	d, logs := m.opts.Deck, m.data.logs
	step, after := m.board.Wants()
	attend, told := m.attended(), true
	if slices.Equal(attend, m.data.attended) {
		told = false
	}
	m.data.attended = attend
	return func() tea.Msg {
		if told {
			d.Attend(attend)
		}
		msg := lookedMsg{look: d.Look(), step: step}
		if msg.look.LogGeneration > logs {
			msg.logs = d.Lines("logs", logs, mostLines)
		}
		if step != "" && msg.look.StepGenerations[step] > after {
			msg.output = d.Lines("step/"+step, after, mostLines)
		}
		return msg
	}
}

func (m *Model) attended() []string {
	if m.w == 0 || m.planning() {
		return nil
	}
	return m.dock.attended(m.sideBySide())
}

// looked takes telemetry in; panes are touched only when it moved.
func (m *Model) looked(msg lookedMsg) {
	m.pace.looking = false
	moved := msg.look.Generation != m.data.look.Generation || msg.look.Down != m.data.look.Down
	m.data.look = msg.look
	if n := len(msg.logs.Lines); n > 0 {
		m.data.logs = msg.logs.Lines[n-1].Seq
		moved = true
	}
	m.feed(msg.step, msg.output)
	if m.board.Output(msg.step, msg.output) {
		m.drawn.touch(blockStep)
		m.pace.moved = true
	}
	if moved {
		m.pace.moved = true
		m.show(msg.logs)
	}
}

// ask gives commands to the deck, one after the other; the first refusal ends the row and is shown.
func (m *Model) ask(commands []run.Command) tea.Cmd {
	if len(commands) == 0 {
		return nil
	}
	d, ctx := m.opts.Deck, m.ctx
	return func() tea.Msg {
		for _, c := range commands {
			if err := d.Do(ctx, c); err != nil {
				return refusedMsg{err: err}
			}
		}
		return doneMsg{}
	}
}
