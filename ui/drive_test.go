package ui

import (
	"context"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/tail"
)

// pilot drives a cockpit over a fake deck, without a program and without a clock of its own.
type pilot struct {
	t    testing.TB
	m    *Model
	f    *fakeDeck
	now  time.Time
	quit bool
}

var noon = time.Date(2026, 11, 20, 18, 42, 0, 0, time.UTC)

func open(t testing.TB, f *fakeDeck, w, h int) *pilot {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	p := &pilot{t: t, f: f, now: noon}
	p.m = New(ctx, Options{Deck: f, Theme: "dark", Zone: time.UTC})
	p.m.View() // Bubble Tea draws before it knows the size
	p.m.Update(tea.WindowSizeMsg{Width: w, Height: h})
	p.wait(0)
	p.pump()
	p.look()
	return p
}

// wait moves the clock and gives the tick; its own command, the next tick, is not run.
func (p *pilot) wait(d time.Duration) {
	p.now = p.now.Add(d)
	_, cmd := p.m.Update(tickedMsg(p.now))
	p.afterTick(cmd)
	p.pump()
}

// afterTick runs what a tick asked of the deck: the commands of a batch that do not wait.
func (p *pilot) afterTick(cmd tea.Cmd) {
	batch, ok := cmd().(tea.BatchMsg)
	if !ok {
		return
	}
	for _, c := range batch[:len(batch)-1] { // the last is the next tick
		p.do(c)
	}
}

// pump gives the entries that the cockpit has not seen.
func (p *pilot) pump() {
	for {
		p.f.mu.Lock()
		rest := p.f.entries[min(int(p.m.data.state.Seq), len(p.f.entries)):]
		p.f.mu.Unlock()
		if len(rest) == 0 {
			return
		}
		_, cmd := p.m.Update(entriesMsg{entries: rest})
		if cmd != nil && p.m.leaving && !p.m.running() {
			p.quit = true
		}
	}
}

func (p *pilot) look() {
	if msg, ok := p.m.look()().(lookedMsg); ok {
		p.m.Update(msg)
	}
}

// press gives keys, runs what they ask for, and folds what came of it.
func (p *pilot) press(keys ...string) {
	for _, k := range keys {
		p.now = p.now.Add(time.Second)
		p.m.now = p.now
		p.strike(k)
	}
}

// strike gives one key at the time it is.
func (p *pilot) strike(k string) {
	p.m.View() // what was on screen when the key was pressed
	_, cmd := p.m.Update(keyOf(k))
	p.do(cmd)
	p.pump()
}

func (p *pilot) do(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			p.do(c)
		}
	case tea.QuitMsg:
		p.quit = true
	case nil, doneMsg:
	default:
		_, next := p.m.Update(msg)
		p.do(next)
	}
}

func keyOf(k string) tea.KeyPressMsg {
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "backspace": tea.KeyBackspace}
	if c, ok := special[k]; ok {
		return tea.KeyPressMsg{Code: c}
	}
	if k == "space" {
		return tea.KeyPressMsg{Code: tea.KeySpace, Text: " "}
	}
	if letter, ok := strings.CutPrefix(k, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(letter[0]), Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
}

func (p *pilot) screen() string { return ansi.Strip(p.m.View().Content) }

func (p *pilot) sees(want ...string) {
	p.t.Helper()
	got := p.screen()
	for _, w := range want {
		if !strings.Contains(got, w) {
			p.t.Fatalf("the screen does not show %q:\n%s", w, got)
		}
	}
}

func (p *pilot) misses(unwanted ...string) {
	p.t.Helper()
	got := p.screen()
	for _, w := range unwanted {
		if strings.Contains(got, w) {
			p.t.Fatalf("the screen still shows %q:\n%s", w, got)
		}
	}
}

// stories are the states of a run that the screens are looked at in.
func stories(class run.Class) map[string]*fakeDeck {
	at := noon.Add(-7*time.Minute - 31*time.Second)
	env := string(class)
	began := []run.Event{sampleOpened(class), run.Confirmed{By: "ops", Typed: env}, run.RecordStarted{},
		run.Recorded{Release: release.Ref{ID: "r1", Version: "v1.4.1"}, Readiness: sampleOpened(class).Readiness}}
	ticked := append(began[:4:4], run.ItemTicked{Step: "checks", Item: "tests", On: true, By: "ops"}, run.ItemTicked{Step: "checks", Item: "soak", On: true, By: "ops"},
		run.ItemTicked{Step: "checks", Item: "backup", On: true, By: "ops"}, run.ItemTicked{Step: "checks", Item: "team", On: true, By: "ops"},
		run.StepSucceeded{Step: "checks", Attempt: 1, By: "ops"}, run.StepSkipped{Step: "announce", Reason: "quiet hours", By: "ops"})
	n := len(ticked)
	running := append(ticked[:n:n], run.StepStarted{Step: "migrate", Attempt: 1, Command: "scripts/safe_migrate.sh", By: "ops"})
	failed := append(running[:n+1:n+1], run.StepFailed{Step: "migrate", Attempt: 1, Took: 37 * time.Second, ExitCode: 1,
		Reason: `exit code 1: relation "products" is locked by pid 4711`, Tail: []string{"0014 backfill_category    running", "ERROR: lock timeout"}})
	up := append(running[:n+1:n+1], run.StepSucceeded{Step: "migrate", Attempt: 1, Took: 48 * time.Second}, run.StepStarted{Step: "up", Attempt: 1, By: "ops"},
		run.StepSucceeded{Step: "up", Attempt: 1, Took: 21 * time.Second})
	u := len(up)
	turning := append(up[:u:u], run.RollbackAsked{By: "ops"}, run.RollbackStarted{From: release.Ref{Version: "v1.5.0"}, To: release.Ref{Version: "v1.4.1"}},
		run.RollbackDid{Text: "stopped backend-1"}, run.RollbackDid{Text: "started backend-1 from image 41d2aa0"})
	v := len(turning)
	row := func(s, n string) release.ProofRow {
		return release.ProofRow{Service: s, Replicas: n, Image: "ok", Config: "ok", Health: "ok", OK: true}
	}
	good := release.Proof{Target: release.Ref{Version: "v1.4.1"}, OK: true, Rows: []release.ProofRow{row("backend", "2 of 2"), row("database", "1 of 1"), row("worker", "1 of 1")}}
	bad := good
	bad.OK, bad.Rows = false, append([]release.ProofRow(nil), good.Rows...)
	bad.Rows[2].OK, bad.Rows[2].Health = false, "unhealthy: exit 1, connection refused"
	out := map[string]*fakeDeck{
		"planned":   newFake(at, began[0]),
		"moved":     newFake(at, began[0], began[1], run.PlanMoved{Why: "image shop/backend:v1.5.0 was built anew", From: release.Ref{Version: "v1.4.1"}, To: release.Ref{Version: "v1.5.0"}, Changes: sampleOpened(class).Changes}),
		"checking":  newFake(at, began[:2]...),
		"unwritten": newFake(at, began[0], began[1], run.RecordStarted{}, run.RecordFailed{Reason: "no space left on prod-1"}),
		"checklist": newFake(at, began...),
		"running":   newFake(at, running...),
		"failed":    newFake(at, failed...),
		"unknown":   newFake(at, append(running[:n+1:n+1], run.Resumed{By: "ops", Away: time.Minute})...),
		"turning":   newFake(at, turning...),
		"back":      newFake(at, append(turning[:v:v], run.RollbackEnded{Proof: good, OK: true, Took: 11400 * time.Millisecond}, run.Closed{Outcome: run.RolledBack})...),
		"notback":   newFake(at, append(turning[:v:v], run.RollbackEnded{Proof: bad, Reason: "worker is not healthy", Took: 61 * time.Second}, run.Closed{Outcome: run.RollbackFailed})...),
		"up":        newFake(at, up...),
		"over": newFake(at, append(up[:u:u], run.StepSucceeded{Step: "smoke", Attempt: 1, Took: time.Second}, run.StepSucceeded{Step: "monitor", Attempt: 1, Took: 30 * time.Minute},
			run.StepSucceeded{Step: "result", Attempt: 1, By: "ops"}, run.ReleaseJudged{Release: release.Ref{Version: "v1.5.0"}, Status: release.StatusHealthy, Why: "healthy for 30 minutes"}, run.Closed{Outcome: run.Done})...),
	}
	for _, f := range out {
		f.seen = sampleLook(noon)
		f.log("logs", "backend-1", "GET /search?q=lamp 200 31ms", tail.Out)
		f.log("logs", "worker-1", "ERROR upstream timeout after 5s (payment)", tail.Err)
		f.log("step/migrate", "migrate", "0013 add_filter_columns   done      0.4 s", tail.Out)
		f.log("step/migrate", "migrate", "0014 backfill_category    running   41 % of 1,204,331 rows", tail.Out)
	}
	return out
}
