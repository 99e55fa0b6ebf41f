package probes

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"flightdeck/internal/deck"
	"flightdeck/internal/probe"
	"flightdeck/ui/drawtest"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

var now = time.Date(2026, 11, 20, 10, 42, 0, 0, time.UTC)

func samples(outcome probe.Outcome, code int, detail string, newest time.Duration, took ...int) []probe.Sample {
	var out []probe.Sample
	for i, ms := range took {
		out = append(out, probe.Sample{At: now.Add(-newest - time.Duration(len(took)-1-i)*2*time.Second), Outcome: outcome, Code: code,
			Detail: detail, Took: time.Duration(ms) * time.Millisecond})
	}
	return out
}

func engine(c probe.Container) []probe.Sample {
	return []probe.Sample{probe.FromContainer(c, now.Add(-time.Second))}
}

func zoo() []probe.Status {
	http := func(name string) probe.Probe {
		return probe.Probe{Name: name, Kind: "http", Interval: 2 * time.Second, Timeout: time.Second}
	}
	box := func(name string) probe.Probe {
		return probe.Probe{Name: name, Kind: "container", Container: name, Interval: 2 * time.Second, Timeout: time.Second}
	}
	failing := append(samples(probe.Pass, 200, "", 9*time.Second, 8, 9, 8), samples(probe.Fail, 503, "connection pool is empty", time.Second, 40, 41, 38, 1200)...)
	return []probe.Status{
		{Probe: http("simple"), Samples: samples(probe.Pass, 200, "", time.Second, 4, 5, 4, 4, 9, 5, 4)},
		{Probe: http("ready"), Samples: failing, FailedInARow: 4, FirstFailed: now.Add(-7 * time.Second)},
		{Probe: http("detailed"), Samples: samples(probe.Pass, 200, "", 90*time.Second, 38, 40)},
		{Probe: http("live")},
		{Probe: http("search"), Samples: samples(probe.Error, 0, "lookup app.example.com: no such host", time.Second, 0)},
		{Probe: box("backend-1"), Samples: engine(probe.Container{State: "running", Health: "starting"})},
		{Probe: box("backend-2"), Samples: engine(probe.Container{State: "running", Health: "healthy"})},
		{Probe: box("postgres-1"), Samples: engine(probe.Container{State: "running"})},
		{Probe: box("web-1"), Samples: engine(probe.Container{State: "running", Health: "unhealthy", HealthOutput: "GET /: 500"}), FailedInARow: 1, FirstFailed: now.Add(-time.Second)},
		{Probe: box("migrate-1"), Samples: engine(probe.Container{State: "exited", OneShot: true})},
		{Probe: box("worker-1"), Samples: engine(probe.Container{State: "created"})},
	}
}

func pane(all []probe.Status, down string) *Pane {
	p := New()
	p.See(kit.View{Styles: theme.New(true), Look: deck.Look{Generation: 1, Probes: all, Down: down, DownSince: now.Add(-12 * time.Second)}})
	return p
}

func TestEveryStateIsDrawnDifferently(t *testing.T) {
	for _, size := range [][2]int{{38, 18}, {76, 18}, {120, 18}} {
		drawtest.Golden(t, fmt.Sprintf("zoo-%dx%d", size[0], size[1]), pane(zoo(), "").Draw(size[0], size[1], true, now))
	}
	drawtest.Golden(t, "down-76x12", pane(zoo(), "cannot connect to unix:///var/run/docker.sock").Draw(76, 12, true, now))
	drawtest.Golden(t, "none-40x3", pane(nil, "").Draw(40, 3, true, now))
}

func TestHeadCountsWhatIsNotWell(t *testing.T) {
	if title, status := pane(zoo(), "").Head(now); title != "Probes" || status != "2 failing · 2 unknown · age 1 s" {
		t.Errorf("head is %q, %q", title, status)
	}
}

func TestASampleGrowsOld(t *testing.T) {
	p := pane([]probe.Status{{Probe: probe.Probe{Name: "simple", Kind: "http", Interval: 2 * time.Second}, Samples: samples(probe.Pass, 200, "", time.Second, 4)}}, "")
	if got := ansi.Strip(p.Draw(60, 1, false, now)); !strings.HasPrefix(got, "● simple") || !strings.Contains(got, "pass 200") {
		t.Errorf("fresh: %q", got)
	}
	if got := ansi.Strip(p.Draw(60, 2, false, now.Add(time.Minute))); !strings.HasPrefix(got, "? simple") || !strings.Contains(got, "no measurement for 1m01s, last was pass") {
		t.Errorf("a minute later: %q", got)
	}
}

func TestScrollingReachesTheLastProbe(t *testing.T) {
	p := pane(zoo(), "")
	p.Draw(60, 4, true, now)
	p.Key(tea.KeyPressMsg{Code: tea.KeyEnd})
	if got := ansi.Strip(p.Draw(60, 4, true, now)); !strings.Contains(got, "worker-1") {
		t.Errorf("the end shows\n%s", got)
	}
	p.Key(tea.KeyPressMsg{Code: tea.KeyHome})
	if got := ansi.Strip(p.Draw(60, 4, true, now)); !strings.Contains(got, "simple") {
		t.Errorf("the top shows\n%s", got)
	}
}

func TestEverySizeIsFilledExactly(t *testing.T) {
	all := zoo()
	for _, s := range drawtest.Hostile() {
		all = append(all, probe.Status{Probe: probe.Probe{Name: s, Kind: "http", Interval: time.Second}, FailedInARow: 3,
			Samples: []probe.Sample{{At: now, Outcome: probe.Fail, Code: 500, Detail: s, Took: time.Second}}},
			probe.Status{Probe: probe.Probe{Name: s, Kind: "container", Interval: time.Second}, Samples: []probe.Sample{{At: now, Outcome: probe.NoData, Detail: s}}})
	}
	p := pane(all, "\x1b[2Jdown")
	for w := 0; w <= 250; w += 1 + w/25 {
		for _, h := range []int{w % 9, []int{12, 30, 60, 250}[w%4]} {
			drawtest.Exact(t, p.Draw(w, h, w%2 == 0, now), w, h, "probes")
		}
	}
}
