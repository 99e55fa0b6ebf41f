package services

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/deck"
	"flightdeck/internal/stack"
	"flightdeck/ui/drawtest"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

var now = time.Date(2026, 11, 20, 10, 42, 0, 0, time.UTC)

func shop() deck.Look {
	running := func(id, service string, n int, health string, up time.Duration) stack.Container {
		return stack.Container{ID: id, Service: service, Number: n, Image: "registry.example.com/shop/" + service + ":v2", ImageID: "sha256:9f3c41d2aa", State: "running",
			Health: health, StartedAt: now.Add(-up), Ports: "127.0.0.1:8080->8080/tcp"}
	}
	b1 := running("b1", "backend", 1, "unhealthy", 40*time.Second)
	b1.Restarts = 3
	for i := range 7 {
		b1.HealthLog = append(b1.HealthLog, stack.HealthResult{At: now.Add(time.Duration(i-7) * 2 * time.Second), ExitCode: min(i/3, 1), Output: fmt.Sprintf("GET /ready: %d\n", 200+i/3*303)})
	}
	b2 := running("b2", "backend", 2, "starting", 4*time.Second)
	return deck.Look{Generation: 1,
		Snapshot: stack.Snapshot{At: now, Containers: []stack.Container{
			b1, b2, running("db", "postgres", 1, "", 74*time.Hour),
			{ID: "mig", Service: "migrate", Number: 1, Image: "shop/migrate:v2", State: "exited", OneShot: true, StartedAt: now.Add(-time.Minute)},
			running("web", "web", 1, "healthy", 26*time.Hour),
			{ID: "wk", Service: "worker", Number: 1, Image: "shop/worker:v2", State: "exited", ExitCode: 137, StartedAt: now.Add(-time.Minute)},
		}},
		Usage: map[string]stack.Usage{
			"b1": {At: now.Add(-time.Second), CPU: 112.34, Memory: 84 << 20, MemoryLimit: 512 << 20, NetIn: 12345678, NetOut: 999},
			"db": {At: now.Add(-time.Minute), CPU: 1, Memory: 1 << 30},
		}}
}

func pane(l deck.Look) *Pane {
	p := New()
	p.See(kit.View{Styles: theme.New(true), Zone: time.UTC, Look: l})
	return p
}

func TestPictures(t *testing.T) {
	for _, size := range [][2]int{{38, 10}, {76, 10}, {120, 12}, {196, 12}} {
		drawtest.Golden(t, fmt.Sprintf("shop-%dx%d", size[0], size[1]), pane(shop()).Draw(size[0], size[1], true, now))
	}
	open := pane(shop())
	open.Key(tea.KeyPressMsg{Code: tea.KeyEnter})
	drawtest.Golden(t, "open-100x16", open.Draw(100, 16, true, now))
	down := shop()
	down.Down = "cannot connect to unix:///var/run/docker.sock"
	drawtest.Golden(t, "down-100x10", pane(down).Draw(100, 10, true, now))
	drawtest.Golden(t, "none-50x2", pane(deck.Look{}).Draw(50, 2, true, now))
}

func TestOnlyWhatIsOnScreenIsAttended(t *testing.T) {
	p := pane(shop())
	if got := p.Attend(); len(got) != 0 {
		t.Errorf("before it is drawn it attends %v", got)
	}
	p.Draw(100, 20, true, now)
	if diff := cmp.Diff([]string{"b1", "b2", "db", "web"}, p.Attend()); diff != "" {
		t.Errorf("all on screen: -want +got\n%s", diff)
	}
	p.Draw(100, 3, true, now)
	if diff := cmp.Diff([]string{"b1", "b2"}, p.Attend()); diff != "" {
		t.Errorf("three rows: -want +got\n%s", diff)
	}
	p.Key(tea.KeyPressMsg{Code: tea.KeyEnd})
	p.Draw(100, 3, true, now)
	if diff := cmp.Diff([]string{"web"}, p.Attend()); diff != "" {
		t.Errorf("the last three: -want +got\n%s", diff)
	}
	p.Draw(0, 0, true, now)
	if got := p.Attend(); len(got) != 0 {
		t.Errorf("without room it attends %v", got)
	}
}

func TestOldUsageIsNotShown(t *testing.T) {
	p := pane(shop())
	got := ansi.Strip(p.Draw(120, 12, false, now))
	if !strings.Contains(got, "112.3 %") || strings.Contains(got, "1.0 GiB") {
		t.Errorf("usage of a minute ago is shown, or that of a second ago is not:\n%s", got)
	}
	if later := ansi.Strip(p.Draw(120, 12, false, now.Add(10*time.Second))); strings.Contains(later, "112.3 %") {
		t.Errorf("ten seconds later it is still shown:\n%s", later)
	}
}

func TestTheCursorStaysOnItsContainer(t *testing.T) {
	p := pane(shop())
	p.Draw(100, 20, true, now)
	p.Key(tea.KeyPressMsg{Code: tea.KeyEnd})
	l := shop()
	l.Generation, l.Snapshot.Containers = 2, append([]stack.Container{{ID: "new", Service: "a", Number: 1, State: "running"}}, l.Snapshot.Containers...)
	p.See(kit.View{Styles: p.styles, Look: l})
	if got := p.current().ID; got != "wk" {
		t.Errorf("the cursor went to %q", got)
	}
}

func TestHead(t *testing.T) {
	if title, status := pane(shop()).Head(now); title != "Services" || status != "2 of 6 well" {
		t.Errorf("head is %q, %q", title, status)
	}
}

func TestEverySizeIsFilledExactly(t *testing.T) {
	l := shop()
	for i, s := range drawtest.Hostile() {
		l.Snapshot.Containers = append(l.Snapshot.Containers, stack.Container{ID: fmt.Sprint(i), Service: s, Number: 1, Image: s, State: "running", Health: "unhealthy", Ports: s,
			HealthLog: []stack.HealthResult{{At: now, ExitCode: 1, Output: s}}}, stack.Container{ID: fmt.Sprint("x", i), Service: s, State: s, Health: s})
	}
	for _, down := range []string{"", "\x1b]0;x\x07 down"} {
		l.Down = down
		p := pane(l)
		for w := 0; w <= 250; w += 1 + w/25 {
			if w%5 == 0 {
				p.Key(tea.KeyPressMsg{Code: tea.KeyEnter})
				p.Key(tea.KeyPressMsg{Code: tea.KeyDown})
			}
			for _, h := range []int{w % 9, []int{12, 30, 60, 250}[w%4]} {
				drawtest.Exact(t, p.Draw(w, h, w%2 == 0, now), w, h, "services")
			}
		}
	}
}
