// Package home is the first screen: every environment of the project with what runs there, how it
// is, and what was done last.
//
// Its one rule: it only looks; what the operator chooses is given back to the caller.
package home

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/clean"
	"flightdeck/internal/run"
	"flightdeck/ui/dialog"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Past is one run as the history lists it.
type Past struct {
	Run     string
	Mode    run.Mode
	Outcome run.Outcome // "" while it is open
	By      string
	At      time.Time
	From    string
	To      string
}

// Row is one environment as it is now.
type Row struct {
	Environment string
	Class       run.Class
	Host        string // where it runs
	Release     string
	Since       time.Time // the youngest of its containers began
	Healthy     int       // services
	Services    int
	Last        Past   // zero: none known
	Open        string // a run that waits to be resumed; "" if none
	Lock        string // who holds it; "" when free
	Err         string // why nothing is known
}

// Source is where the rows come from.
type Source interface {
	// Rows lists the environments in the order of the configuration.
	Rows(ctx context.Context) ([]Row, error)
	// History lists the runs of an environment, newest first.
	History(ctx context.Context, environment string) ([]Past, error)
}

// Verb is what was chosen.
type Verb string

// The choices; Leave is none.
const (
	Leave    Verb = ""
	Deploy   Verb = "deploy"
	RollBack Verb = "rollback"
	Show     Verb = "show"
)

// Choice is what the operator wants. Run is set for Show.
type Choice struct {
	Verb        Verb
	Environment string
	Run         string
}

// Options is what the screen needs of the outside.
type Options struct {
	Project string
	Source  Source
	Theme   string // "dark", "light", or "" to ask the terminal
	Zone    *time.Location
	Now     func() time.Time // called in commands only
	Select  string           // the environment under the cursor at first
	Class   run.Class        // of Select, for the banner before the rows are known; "" if unknown
	Notice  string           // something to be read first; "" for nothing
}

// refresh is how often the rows are asked for again.
const refresh = 2 * time.Second

// Model is the home screen.
type Model struct {
	opts   Options
	ctx    context.Context
	st     *theme.Styles
	w, h   int
	now    time.Time
	rows   []Row
	known  bool
	err    string
	cursor int
	past   []Past
	within string // environment whose history is shown; "" for the list
	at     int    // cursor in the history
	top    int
	stack  dialog.Stack
	choice Choice
}

type (
	rowsMsg struct {
		rows []Row
		err  error
	}
	pastMsg struct {
		environment string
		past        []Past
		err         error
	}
	tickMsg time.Time
)

// New makes the screen. Its commands end when ctx does.
func New(ctx context.Context, o Options) *Model {
	m := &Model{opts: o, ctx: ctx, st: theme.New(o.Theme != "light")}
	if o.Notice != "" {
		m.stack.Open(&dialog.Message{Name: "notice", Title: "It was not done", Lines: func(_ *theme.Styles, w int) []string {
			return kit.Wrap(clean.Text(o.Notice), w)
		}})
	}
	return m
}

// Choice is what was chosen; it means something after the program has ended.
func (m *Model) Choice() Choice { return m.choice }

// Init asks for the rows and starts the clock.
func (m *Model) Init() tea.Cmd {
	cmds := []tea.Cmd{m.ask()}
	if now := m.opts.Now; now != nil {
		cmds = append(cmds, func() tea.Msg { return tickMsg(now()) })
	} else {
		cmds = append(cmds, tick(time.Millisecond))
	}
	if m.opts.Theme == "" {
		cmds = append(cmds, tea.RequestBackgroundColor)
	}
	return tea.Batch(cmds...)
}

func tick(d time.Duration) tea.Cmd {
	return tea.Tick(d, func(t time.Time) tea.Msg { return tickMsg(t) })
}

func (m *Model) ask() tea.Cmd {
	src, ctx := m.opts.Source, m.ctx
	return func() tea.Msg {
		rows, err := src.Rows(ctx)
		return rowsMsg{rows, err}
	}
}

// Update routes one message.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.w, m.h = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		if m.opts.Theme == "" && msg.IsDark() != m.st.Dark {
			m.st = theme.New(msg.IsDark())
		}
	case tickMsg:
		m.now = time.Time(msg)
		return m, tick(time.Second)
	case rowsMsg:
		return m, m.take(msg)
	case pastMsg:
		if msg.environment == m.within {
			m.past, m.err = msg.past, ""
			if msg.err != nil {
				m.err = msg.err.Error()
			}
		}
	case askMsg:
		return m, m.ask()
	case tea.KeyPressMsg:
		return m, m.key(msg)
	}
	return m, nil
}

type askMsg struct{}

// take keeps the rows; the next question comes a while after the answer, so that a slow target is
// never asked twice at once.
func (m *Model) take(msg rowsMsg) tea.Cmd {
	first := !m.known
	m.known = true
	if msg.err != nil {
		m.err = msg.err.Error()
	} else {
		m.rows, m.err = msg.rows, ""
	}
	if first {
		m.cursor = slices.IndexFunc(m.rows, func(r Row) bool { return r.Environment == m.opts.Select })
	}
	m.cursor = kit.Clamp(m.cursor, len(m.rows))
	return tea.Tick(refresh, func(time.Time) tea.Msg { return askMsg{} })
}

func (m *Model) row() (Row, bool) {
	if m.cursor < 0 || m.cursor >= len(m.rows) {
		return Row{}, false
	}
	return m.rows[m.cursor], true
}

// Keys is the key table as it is now.
func (m *Model) Keys() []kit.Key {
	none := ""
	if _, ok := m.row(); !ok {
		none = "there is no environment"
	}
	if m.within != "" {
		show := kit.Key{Keys: []string{"enter"}, Does: "show", Help: "show the record of the run", Rank: 1}
		if len(m.past) == 0 {
			show.Off = "no run was recorded yet"
		}
		return []kit.Key{show, {Keys: []string{"R"}, Does: "roll back", Help: "bring the last healthy release back", Rank: 2}, {Keys: []string{"esc", "h"}, Label: "esc", Does: "back", Rank: 3},
			{Keys: []string{"?"}, Does: "help", Rank: 5, Far: true}, {Keys: []string{"q", "ctrl+c"}, Label: "q", Does: "quit", Rank: 4, Far: true}}
	}
	deploy := kit.Key{Keys: []string{"enter", "d"}, Label: "enter", Does: "deploy", Help: "open the deploy of this environment: the plan is shown first (also d)", Off: none, Rank: 1}
	if r, ok := m.row(); ok && r.Open != "" {
		deploy.Does, deploy.Help = "resume", "go on with the run that waits here (also d)"
	}
	return []kit.Key{deploy,
		{Keys: []string{"R"}, Does: "roll back", Help: "bring the last healthy release back", Off: none, Rank: 2},
		{Keys: []string{"h"}, Does: "history", Help: "the runs of this environment", Off: none, Rank: 4},
		{Keys: []string{"?"}, Does: "help", Rank: 5, Far: true}, {Keys: []string{"q", "ctrl+c"}, Label: "q", Does: "quit", Rank: 3, Far: true}}
}

func (m *Model) key(msg tea.KeyPressMsg) tea.Cmd {
	pressed := msg.String()
	if m.stack.Top() != nil && pressed != "ctrl+c" {
		m.stack.Handle(msg, m.now)
		return nil
	}
	if m.within != "" {
		return m.historyKey(pressed)
	}
	if to, ok := kit.Move(pressed, m.cursor, len(m.rows), max(1, m.h-6)); ok {
		m.cursor = to
		return nil
	}
	k, ok := kit.Find(m.Keys(), pressed)
	if !ok || k.Off != "" {
		return nil
	}
	r, _ := m.row()
	switch k.Name() {
	case "enter":
		return m.choose(Choice{Verb: Deploy, Environment: r.Environment})
	case "R":
		return m.choose(Choice{Verb: RollBack, Environment: r.Environment})
	case "h":
		m.within, m.past, m.at, m.top = r.Environment, nil, 0, 0
		return m.history(r.Environment)
	case "?":
		m.help()
	case "q":
		return tea.Quit
	}
	return nil
}

func (m *Model) history(environment string) tea.Cmd {
	src, ctx := m.opts.Source, m.ctx
	return func() tea.Msg {
		past, err := src.History(ctx, environment)
		return pastMsg{environment, past, err}
	}
}

func (m *Model) historyKey(pressed string) tea.Cmd {
	if to, ok := kit.Move(pressed, m.at, len(m.past), max(1, m.h-6)); ok {
		m.at = to
		return nil
	}
	switch pressed {
	case "esc", "h":
		m.within = ""
	case "enter":
		if m.at < len(m.past) {
			return m.choose(Choice{Verb: Show, Environment: m.within, Run: m.past[m.at].Run})
		}
	case "R":
		return m.choose(Choice{Verb: RollBack, Environment: m.within})
	case "?":
		m.help()
	case "q", "ctrl+c":
		return tea.Quit
	}
	return nil
}

func (m *Model) help() {
	move := []kit.Key{{Label: "↑ ↓ k j", Does: "move"}, {Label: "g G", Does: "first, last"}}
	m.stack.Open(dialog.NewHelp([]dialog.Section{{Title: "Home", Keys: append(m.Keys(), move...)}}))
}

func (m *Model) choose(c Choice) tea.Cmd {
	m.choice = c
	return tea.Quit
}
