package ui

import (
	"context"
	"fmt"
	"sync"
	"time"

	"flightdeck/internal/deck"
	"flightdeck/internal/probe"
	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
	"flightdeck/runbook"
)

// fakeDeck is a deck in memory with the real Decide and Apply behind it; it does no work itself.
type fakeDeck struct {
	mu      sync.Mutex
	state   run.State
	entries []run.Entry
	wake    chan struct{}
	at      time.Time
	seen    deck.Look
	rings   map[string][]tail.Line
	asked   []run.Command
	flood   int // lines offered at every Lines("logs")
	refuse  error
	looks   int // calls of Look
}

func (f *fakeDeck) looked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.looks
}

func newFake(at time.Time, events ...run.Event) *fakeDeck {
	f := &fakeDeck{wake: make(chan struct{}), at: at, rings: map[string][]tail.Line{}}
	f.seen = sampleLook(at)
	for _, e := range events {
		f.add(e)
	}
	return f
}

// add writes an event, one second after the one before.
func (f *fakeDeck) add(ev run.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := run.Entry{Seq: uint64(len(f.entries) + 1), At: f.at, Event: ev}
	f.at = f.at.Add(time.Second)
	f.entries = append(f.entries, e)
	f.state.Apply(e)
	close(f.wake)
	f.wake = make(chan struct{})
}

func (f *fakeDeck) Do(_ context.Context, c run.Command) error {
	f.mu.Lock()
	f.asked = append(f.asked, c)
	events, err := run.Decide(f.state, c)
	if f.refuse != nil {
		err = f.refuse
	}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	for _, ev := range events {
		f.add(ev)
	}
	return nil
}

func (f *fakeDeck) After(ctx context.Context, seq uint64) ([]run.Entry, error) {
	for {
		f.mu.Lock()
		rest, wake := f.entries[min(int(seq), len(f.entries)):], f.wake
		f.mu.Unlock()
		if len(rest) > 0 {
			return rest, nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (f *fakeDeck) Lines(ring string, after uint64, most int) tail.Batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ring == "logs" && f.flood > 0 {
		return f.offer(after, most)
	}
	lines := f.rings[ring]
	b := tail.Batch{First: 1, Last: uint64(len(lines))}
	b.Lines = lines[min(int(after), len(lines)):]
	if len(b.Lines) > most {
		b.Lines = b.Lines[:most]
	}
	return b
}

// offer makes the lines of a flood; what is above most was missed, as a ring would say.
func (f *fakeDeck) offer(after uint64, most int) tail.Batch {
	n := min(f.flood, most)
	missed := uint64(f.flood - n)
	b := tail.Batch{First: after + missed + 1, Last: after + uint64(f.flood), Missed: missed}
	for i := range n {
		b.Lines = append(b.Lines, tail.Line{Seq: after + missed + uint64(i) + 1, At: f.at, Source: fmt.Sprintf("backend-%d", i%3+1), Text: fmt.Sprintf("INFO GET /search?q=lamp 200 31ms request=%x", (after+uint64(i))*2654435761)})
	}
	return b
}

func (f *fakeDeck) Look() deck.Look {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	l := f.seen
	l.LogGeneration = uint64(len(f.rings["logs"]))
	if f.flood > 0 {
		f.seen.Generation++
		l.LogGeneration = 1 << 62
	}
	l.StepGenerations = map[string]uint64{}
	for name, lines := range f.rings {
		if len(name) > 5 && name[:5] == "step/" {
			l.StepGenerations[name[5:]] = uint64(len(lines))
		}
	}
	return l
}

func (f *fakeDeck) Attend([]string) {}

func (f *fakeDeck) log(ring, source, text string, kind tail.Kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.rings[ring])
	f.rings[ring] = append(f.rings[ring], tail.Line{Seq: uint64(n + 1), At: f.at.Add(time.Duration(n) * 300 * time.Millisecond), Source: source, Text: text, Kind: kind})
	f.seen.Generation++
}

const (
	idOld = "sha256:41d2aa00ffee00000000000000000000000000000000000000000000000000"
	idNew = "sha256:9f3c1b7700ab00000000000000000000000000000000000000000000000000"
)

func sampleOpened(class run.Class) run.Opened {
	env := string(class)
	return run.Opened{
		Run: "20261120-1030-shop", Mode: run.ModeDeploy, Project: "shop", Environment: env, Class: class,
		Target:   run.Target{Kind: "compose", Host: "ssh://deploy@prod-1", Name: "prod-1", Context: "prod", Engine: "docker 20.10.24 (API 1.41)", Compose: "docker compose 2.40.3", URL: "https://shop.example.com"},
		Operator: "ops", Branch: "main", Commit: "9c41e0720", From: release.Ref{ID: "r1", Version: "v1.4.1"}, To: release.Ref{Version: "v1.5.0"},
		Changes: []release.Change{
			{Service: "backend", Kind: release.ChangeRecreated, From: "shop/backend:v1.4.1", To: "shop/backend:v1.5.0", FromID: idOld, ToID: idNew, FromReplicas: 2, ToReplicas: 2, Config: []string{"environment SEARCH_URL", "environment LOG_LEVEL"}},
			{Service: "database", Kind: release.ChangeNone, From: "postgres:16", To: "postgres:16", FromReplicas: 1, ToReplicas: 1},
			{Service: "search", Kind: release.ChangeAdded, To: "shop/search:v1.5.0", ToID: idNew, ToReplicas: 1},
			{Service: "worker", Kind: release.ChangeRecreated, From: "shop/worker:v1.4.1", To: "shop/worker:v1.5.0", FromID: idOld, ToID: idNew, FromReplicas: 1, ToReplicas: 1},
		},
		Readiness: release.Readiness{Ready: true, Target: release.Ref{ID: "r1", Version: "v1.4.1"}, LastTook: 12 * time.Second,
			HealthySince: time.Date(2026, 11, 17, 8, 10, 0, 0, time.UTC)},
		Runbook: sampleBook(),
	}
}

func text(kind runbook.BlockKind, lang, s string) runbook.Block {
	return runbook.Block{Kind: kind, Lang: lang, Text: s}
}

func sampleBook() runbook.Runbook {
	box := func(id, t string) runbook.Item { return runbook.Item{ID: id, Text: t} }
	return runbook.Runbook{Title: "Deploy shop", File: "runbooks/deploy.md", Phases: []runbook.Phase{
		{ID: "before", Title: "Before we start", Steps: []runbook.Step{
			{ID: "checks", Kind: runbook.KindChecklist, Title: "Everything is ready", Items: []runbook.Item{
				box("tests", "Tests pass on main"), box("soak", "Staging has run this commit for 24 hours"),
				box("backup", "Backup is younger than 24 hours"), box("team", "Team is notified in #deployments")}},
			{ID: "announce", Kind: runbook.KindManual, Title: "Announce the deploy in #deployments"},
		}},
		{ID: "deploy", Title: "Deploy", Steps: []runbook.Step{
			{ID: "migrate", Kind: runbook.KindCommand, Title: "Run the migrations",
				Why: []runbook.Block{text(runbook.BlockText, "", "Schema changes must be backward compatible: v1.4.1 keeps running while they are applied."),
					text(runbook.BlockCallout, "warning", "This takes a lock on products for about a second.")},
				Command: &runbook.Command{Text: "scripts/safe_migrate.sh", Undo: "scripts/rollback_migration.sh", Timeout: 10 * time.Minute}},
			{ID: "up", Kind: runbook.KindDeploy, Title: "Deploy backend, search and worker", With: map[string]string{"services": "backend,search,worker"}},
			{ID: "smoke", Kind: runbook.KindCommand, Title: "Smoke test", Command: &runbook.Command{Text: "curl -fsS https://shop.example.com/health/v2/ready\ncurl -fsS 'https://shop.example.com/search?q=lamp'"}},
		}},
		{ID: "watch", Title: "Watch", Steps: []runbook.Step{
			{ID: "monitor", Kind: runbook.KindMonitor, Title: "Monitor error rate and latency", With: map[string]string{"for": "30m"}}}},
		{ID: "finish", Title: "Finish", Steps: []runbook.Step{
			{ID: "result", Kind: runbook.KindManual, Title: "Announce the result"}}},
	}, Procedures: []runbook.Procedure{{Kind: runbook.ProcedureRollback, Title: "Rolling back", Phases: []runbook.Phase{{ID: "back", Title: "Rolling back", Steps: []runbook.Step{
		{ID: "b1", Kind: runbook.KindManual, Title: "Tell #deployments"}, {ID: "b2", Kind: runbook.KindRollback, Title: "Roll back"}}}}}}}
}

func sampleLook(at time.Time) deck.Look {
	c := func(service string, n int, health string, up time.Duration) stack.Container {
		return stack.Container{ID: fmt.Sprintf("%s%d", service, n), Name: fmt.Sprintf("shop-%s-%d", service, n), Service: service, Number: n,
			Image: "shop/" + service + ":v1.4.1", ImageID: idOld, State: "running", StartedAt: at.Add(-up), Health: health}
	}
	probeOf := func(name string, ms ...int) probe.Status {
		s := probe.Status{Probe: probe.Probe{Name: name, Kind: "http", URL: "https://shop.example.com/health/v2/" + name, Interval: 2 * time.Second}}
		for i, v := range ms {
			s.Samples = append(s.Samples, probe.Sample{At: at.Add(time.Duration(2*(i-len(ms))) * time.Second), Outcome: probe.Pass, Took: time.Duration(v) * time.Millisecond, Code: 200})
		}
		return s
	}
	return deck.Look{Generation: 1, SeenAt: at, Snapshot: stack.Snapshot{At: at, Containers: []stack.Container{
		c("backend", 1, "starting", 6*time.Second), c("backend", 2, "healthy", 74*time.Hour), c("database", 1, "healthy", 900*time.Hour), c("worker", 1, "", 74*time.Hour)}},
		Probes: []probe.Status{probeOf("simple", 4, 5, 4, 6, 4), probeOf("ready", 9, 8, 20, 9, 9), probeOf("detailed", 30, 31, 60, 31, 38)}}
}
