package ui

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/run"
	"flightdeck/runbook"
	"flightdeck/ui/dialog"
	"flightdeck/ui/kit"
	"flightdeck/ui/rollback"
)

// key routes a key press: keys that work everywhere, the top dialog, a line that is typed into,
// the focused pane, the screen, the rest.
func (m *Model) key(msg tea.KeyPressMsg) tea.Cmd {
	pressed := msg.String()
	hasty := m.guard.hasty(m)
	m.pace.lastKey = m.now
	m.notice = notice{}
	texts := m.stack.Texts() || m.stack.Top() == nil && m.typing()
	switch {
	case pressed == "ctrl+r" || pressed == "R" && !texts:
		return m.rollBack()
	case pressed == "ctrl+c" && !m.countingDown():
		return m.leave()
	case m.stack.Top() != nil:
		return m.carryOut(m.stack.Handle(msg, m.now))
	case texts && m.focus == onStep:
		return m.readingKey(msg)
	case texts:
		return m.dock.key(msg)
	}
	if cmd, ok := m.paneKey(msg); ok {
		return cmd
	}
	if k, ok := kit.Find(m.screenKeys(), pressed); ok {
		switch {
		case k.Off != "":
			m.say(k.Name()+" "+k.Does+": "+k.Off, true)
			return nil
		case hasty:
			m.say("not taken: the step changed while you were typing; press "+k.Name()+" again", true)
			return nil
		}
		return m.carryOut(m.act(pressed))
	}
	return m.globalKey(pressed)
}

// typing: a pane has a line open that letters go to.
func (m *Model) typing() bool {
	return m.focus == onDock && !m.planning() && m.dock.typing() || m.reading() && m.out.pane.Typing()
}

// countingDown: ctrl+c then means "no", as esc does.
func (m *Model) countingDown() bool {
	top := m.stack.Top()
	return top != nil && top.ID() == dialog.RollBackID
}

// guard keeps a key that was meant for the step before from acting on the step that just came.
type guard struct{ seen string }

// hasty says that the step changed since the key before, and typing has not paused.
func (g *guard) hasty(m *Model) bool {
	s := m.data.state
	now := string(s.Stage)
	if i := s.Current(); s.Stage == run.Flying && i < len(s.Steps) {
		now += "/" + s.Steps[i].Step.ID + "/" + strings.Replace(string(s.Steps[i].Status), string(run.Stopping), string(run.Running), 1)
	}
	changed := g.seen != "" && g.seen != now
	g.seen = now
	return changed && !m.pace.lastKey.IsZero() && m.now.Sub(m.pace.lastKey) < dialog.Quiet
}

func (m *Model) screenKeys() []kit.Key {
	switch {
	case m.planning():
		return m.plan.Keys()
	case m.turned():
		return nil
	}
	return m.board.Keys()
}

func (m *Model) act(pressed string) dialog.Deed {
	if m.planning() {
		m.drawn.touch(blockList, blockDetail)
		return m.plan.Act(pressed)
	}
	m.drawn.touch(blockTree, blockStep)
	return m.board.Act(pressed)
}

// paneKey gives a key to the focused pane, if it is one of the pane's own.
func (m *Model) paneKey(msg tea.KeyPressMsg) (tea.Cmd, bool) {
	pressed := msg.String()
	half := max(3, m.h/3)
	ours := false
	switch {
	case m.planning() && m.focus == onTree:
		ours = m.plan.ListKey(pressed, half)
		m.drawn.touch(blockList)
	case m.planning():
		ours = m.plan.DetailKey(pressed, half)
		m.drawn.touch(blockDetail)
	case m.focus == onDock:
		if m.dock.shown() == nil {
			return nil, false
		}
		if k, ok := kit.Find(m.dock.shown().Keys(), pressed); ok && k.Off == "" {
			return m.dock.key(msg), true
		}
	case m.reading():
		if k, ok := kit.Find(m.out.pane.Keys(), pressed); ok && k.Off == "" {
			return m.readingKey(msg), true
		}
	case m.focus == onTree:
		ours = m.board.TreeKey(pressed, half)
		m.drawn.touch(blockTree, blockStep)
	case m.turned():
		ours = m.back.Key(pressed, half)
		m.drawn.touch(blockBack)
	default:
		ours = m.board.StepKey(pressed, half)
		m.drawn.touch(blockTree, blockStep)
	}
	return nil, ours
}

func (m *Model) globalKeys() []kit.Key {
	_, err := run.Decide(m.data.state, run.RollBack{})
	back := kit.Key{Keys: []string{"R", "ctrl+r"}, Label: "R", Does: "roll back", Help: "bring the last healthy release back, after 3 s or enter (ctrl+r where letters are text)", Rank: 1, Far: true}
	switch {
	case m.data.state.Stage == run.Over:
		back.Help, back.Off = "roll back: opens the rollback of this environment", rollback.Off(m.data.state)
	case err != nil:
		back.Off = err.Error()
	}
	tab := kit.Key{Keys: []string{"tab", "shift+tab"}, Label: "tab", Does: "pane", Help: "the next pane (shift+tab: the one before)", Rank: 6}
	zoom := kit.Key{Keys: []string{"z"}, Does: "zoom", Help: "the focused pane alone, and back", Rank: 9}
	help := kit.Key{Keys: []string{"?"}, Does: "help", Help: "every key that works now, and why the others do not", Rank: 2, Far: true}
	leave := kit.Key{Keys: []string{"q", "ctrl+c"}, Label: "q", Does: "leave", Help: "leave the cockpit; never stops a step by itself", Rank: 3, Far: true}
	keys := []kit.Key{tab}
	if n := len(m.dock.panes); n > 0 && !m.planning() {
		dock := kit.Key{Label: "1-" + strconv.Itoa(n), Does: "dock", Help: "choose what the dock shows", Rank: 6}
		for i := range n {
			dock.Keys = append(dock.Keys, strconv.Itoa(i+1))
		}
		keys = append(keys, dock)
	}
	return append(keys, zoom, back, help, leave)
}

// hints are the keys of the footer: the focused pane's and the screen's, then what works everywhere.
func (m *Model) hints() []kit.Key {
	keys := append([]kit.Key(nil), m.screenKeys()...)
	if m.focus == onDock && !m.planning() && m.dock.shown() != nil {
		keys = append(append([]kit.Key(nil), m.dock.shown().Keys()...), keys...)
	}
	if m.reading() {
		keys = append(append([]kit.Key(nil), m.out.pane.Keys()...), keys...)
	}
	return append(keys, m.globalKeys()...)
}

func (m *Model) globalKey(pressed string) tea.Cmd {
	switch pressed {
	case "?":
		m.stack.Open(dialog.NewHelp(m.help()))
	case "q":
		return m.leave()
	case "tab":
		m.turnFocus(1)
	case "shift+tab":
		m.turnFocus(-1)
	case "z":
		m.zoom = !m.zoom
	case "esc":
		m.zoom = false
	default:
		if n, err := strconv.Atoi(pressed); err == nil && n >= 1 && n <= len(m.dock.panes) && !m.planning() {
			m.dock.tab, m.focus = n-1, onDock
		}
	}
	return nil
}

func (m *Model) turnFocus(by int) {
	n := 3
	if m.planning() {
		n = 2
	}
	m.focus = focus((int(m.focus) + by + n) % n)
}

func (m *Model) help() []dialog.Section {
	var out []dialog.Section
	screen := "This step"
	if m.planning() {
		screen = "The plan"
	}
	if k := m.screenKeys(); len(k) > 0 {
		out = append(out, dialog.Section{Title: screen, Keys: k})
	}
	if m.reading() {
		out = append([]dialog.Section{{Title: "The output", Keys: m.out.pane.Keys()}}, out...)
	}
	if p := m.dock.shown(); p != nil && !m.planning() {
		title, _ := p.Head(m.now)
		section := dialog.Section{Title: title + " (when it has the focus)", Keys: p.Keys()}
		if m.focus == onDock {
			section.Title = title
			out = append([]dialog.Section{section}, out...)
		} else {
			out = append(out, section)
		}
	}
	move := []kit.Key{{Label: "↑ ↓ k j", Does: "move or scroll"}, {Label: "g G", Does: "first, last"}, {Label: "pgup pgdn", Does: "a page"}, {Label: "esc", Does: "back to the current step; close a dialog"}}
	return append(out, dialog.Section{Title: "Everywhere", Keys: append(m.globalKeys(), move...)})
}

// rollBack opens the rollback dialog, or says why there is nothing to go back to.
// After the run is over, the rollback is a run of its own, which the caller opens.
func (m *Model) rollBack() tea.Cmd {
	if m.data.state.Stage == run.Over {
		if off := rollback.Off(m.data.state); off != "" {
			m.say(off, true)
			return nil
		}
		m.wantsBack = true
		return tea.Quit
	}
	if _, err := run.Decide(m.data.state, run.RollBack{}); err != nil {
		m.say(err.Error(), true)
		return nil
	}
	m.stack.Open(dialog.NewRollBack(m.data.state, m.data.look.Snapshot, m.now))
	return nil
}

// leave asks before it goes, unless nothing is left to be lost.
func (m *Model) leave() tea.Cmd {
	if judging(m.data.state) && !m.toldJudging {
		m.toldJudging = true
		m.say(fmt.Sprintf("one moment: %s is being judged, then the run closes; q again asks about leaving", m.data.state.Opened.To), false)
		return nil
	}
	switch m.data.state.Stage {
	case run.Over, "":
		return tea.Quit
	case run.Planned, run.Unrecorded:
		// Nothing was changed, so there is nothing to ask about: the plan is dropped.
		return tea.Sequence(m.ask([]run.Command{run.Close{}}), tea.Quit)
	}
	m.stack.Open(m.leaveDialog())
	return nil
}

func (m *Model) leaveDialog() *dialog.Ask {
	s := m.data.state
	ask := &dialog.Ask{Name: "leave", Title: "Leave?", Esc: "stay", Danger: m.danger()}
	comeBack := fmt.Sprintf("The run waits here and can be resumed with `%s`.", m.resumeCommand())
	wait := dialog.Choice{Key: "l", Says: "leave; the run waits", Deed: dialog.Deed{Leave: true}}
	abandon := dialog.Choice{Key: "a", Says: "abandon the run, with a reason", Deed: dialog.Deed{
		Open: dialog.NewReason("abandon", "Abandon the run", "reason", []string{"The run ends here. What was changed stays as it is."}, false,
			func(t string) dialog.Deed { return dialog.Deed{Do: []run.Command{run.Close{Reason: t}}} })}}
	switch s.Stage {
	case run.Checking, run.Recording:
		ask.Text = []string{"One moment: the plan is being checked and the current release recorded."}
		return ask
	case run.TurningBack, run.TurnedBack:
		ask.Text = []string{"The rollback is running. It is finished first: a rollback is never cut off half-way."}
		return ask
	}
	for _, st := range s.Steps {
		if (st.Status != run.Running && st.Status != run.Stopping) || !run.HasEffect(st.Step.Kind) {
			continue
		}
		ask.Text = []string{fmt.Sprintf("%q is running in this process. It goes on until it ends or you stop it.", st.Step.Title)}
		if _, err := run.Decide(s, run.Stop{Step: st.Step.ID}); err == nil {
			ask.Choices = []dialog.Choice{{Key: "x", Says: "stop the step, and leave when it has ended",
				Deed: dialog.Deed{Do: []run.Command{run.Stop{Step: st.Step.ID}}, LeaveAfter: true}}}
		} else if st.Step.Kind == runbook.KindDeploy || st.Step.Kind == runbook.KindRollback || st.Status == run.Stopping {
			ask.Text = append(ask.Text, strings.ToUpper(err.Error()[:1])+err.Error()[1:]+".")
			ask.Choices = []dialog.Choice{{Key: "w", Says: "leave as soon as it has ended", Deed: dialog.Deed{LeaveAfter: true}}}
		}
		return ask
	}
	ask.Text = []string{"No step is running.", comeBack}
	ask.Choices = []dialog.Choice{wait, abandon}
	return ask
}

func (m *Model) resumeCommand() string {
	o := m.data.state.Opened
	switch o.Mode {
	case run.ModeRollback:
		return "flightdeck rollback " + o.Environment
	case run.ModeRun:
		return "flightdeck run " + o.Runbook.File + " " + o.Environment
	}
	return "flightdeck deploy " + o.Environment
}

// carryOut does what a dialog or a screen wants done.
func (m *Model) carryOut(d dialog.Deed) tea.Cmd {
	if d.Open != nil {
		m.stack.Open(d.Open)
	}
	if d.Say != "" {
		m.say(d.Say, d.Bad)
	}
	cmds := []tea.Cmd{d.Cmd, m.ask(d.Do)}
	if d.LeaveAfter {
		m.leaving = true
		m.say("leaving as soon as the step has ended", false)
		if !m.running() {
			d.Leave = true
		}
	}
	if d.Leave {
		cmds = append(cmds, tea.Quit)
	}
	return tea.Batch(cmds...)
}
