package runner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/deck"
	"flightdeck/internal/probe"
	"flightdeck/internal/stack"
)

const (
	// kept is how many samples of a probe are shown.
	kept = 120
	// healthEvery is how often docker's own word on a container becomes a sample without news.
	healthEvery = 5 * time.Second
	// forgetAfter is how long a probe of a container that is gone stays on screen.
	forgetAfter = 10 * time.Second
)

// window is a probe with its newest samples. It belongs to telemetry's lock.
type window struct{ status probe.Status }

func newWindow(p probe.Probe) *window { return &window{status: probe.Status{Probe: p}} }

func (w *window) add(s probe.Sample) {
	st := &w.status
	st.Samples = append(st.Samples, s)
	if n := len(st.Samples) - kept; n > 0 {
		st.Samples = slices.Clone(st.Samples[n:])
	}
	switch s.Outcome {
	case probe.Pass:
		st.FailedInARow, st.FirstFailed = 0, time.Time{}
	case probe.Fail:
		if st.FailedInARow == 0 {
			st.FirstFailed = s.At
		}
		st.FailedInARow++
	}
}

// picture shares no memory that add changes.
func (w *window) picture() probe.Status {
	s := w.status
	s.Samples = slices.Clone(s.Samples)
	return s
}

// sample measures one probe over and over; the interval runs from end to start.
func (t *telemetry) sample(ctx context.Context, w *window) {
	p := w.status.Probe
	for ctx.Err() == nil {
		s := t.o.Sample(ctx, p)
		if ctx.Err() != nil {
			return // what was cut off by our own end measured nothing
		}
		t.change(func(l *deck.Look) {
			w.add(s)
			l.Probes = t.statuses()
		})
		wait(ctx, max(p.Interval, 100*time.Millisecond))
	}
}

// containers turns what was last seen into samples at a steady pace, as long as the target answers.
func (t *telemetry) containers(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, healthEvery)
		if l := t.picture.Load(); ctx.Err() == nil && l.Down == "" && !l.SeenAt.IsZero() {
			t.health(t.o.Now())
		}
	}
}

// health samples every container of the snapshot, and forgets those that are gone.
func (t *telemetry) health(now time.Time) {
	t.change(func(l *deck.Look) {
		there := map[string]bool{}
		for _, c := range l.Snapshot.Containers {
			if c.OneOff {
				continue
			}
			there[c.Label()] = true
			t.windowOf(c).add(healthSample(c, now))
		}
		t.probes = slices.DeleteFunc(t.probes, func(w *window) bool {
			st := w.status
			if st.Probe.Kind != "container" || there[st.Probe.Container] || len(st.Samples) == 0 {
				return false
			}
			return now.Sub(st.Samples[len(st.Samples)-1].At) > forgetAfter
		})
		l.Probes = t.statuses()
	})
}

func (t *telemetry) windowOf(c stack.Container) *window {
	for _, w := range t.probes {
		if w.status.Probe.Kind == "container" && w.status.Probe.Container == c.Label() {
			return w
		}
	}
	w := newWindow(probe.Probe{Name: c.Label(), Kind: "container", Service: c.Service, Container: c.Label(), Interval: healthEvery})
	t.probes = append(t.probes, w)
	slices.SortStableFunc(t.probes, func(a, b *window) int {
		if d := rank(a) - rank(b); d != 0 || rank(a) == 0 {
			return d
		}
		return strings.Compare(a.status.Probe.Name, b.status.Probe.Name)
	})
	return w
}

// rank puts the probes of the project before docker's.
func rank(w *window) int {
	if w.status.Probe.Kind == "container" {
		return 1
	}
	return 0
}

// healthSample is what docker says of a container, as an outcome. No health check and a start-up
// period say nothing; only docker's own "unhealthy" and an end that was not asked for are failures.
func healthSample(c stack.Container, now time.Time) probe.Sample {
	s := probe.Sample{At: now, Outcome: probe.NoData, Detail: c.State}
	if n := len(c.HealthLog); n > 0 {
		s.Code = c.HealthLog[n-1].ExitCode
	}
	switch {
	case c.OneShot && c.State == "exited" && c.ExitCode == 0:
		s.Outcome, s.Detail = probe.Pass, "done"
	case c.State == "exited" || c.State == "dead":
		s.Outcome, s.Code, s.Detail = probe.Fail, c.ExitCode, fmt.Sprintf("ended with exit code %d", c.ExitCode)
	case c.State == "restarting":
		s.Outcome, s.Code, s.Detail = probe.Fail, c.ExitCode, fmt.Sprintf("restarting, exit code %d", c.ExitCode)
	case c.State != "running":
	case c.Health == "healthy":
		s.Outcome, s.Detail = probe.Pass, "healthy"
	case c.Health == "unhealthy":
		s.Outcome, s.Detail = probe.Fail, "unhealthy"
		if n := len(c.HealthLog); n > 0 {
			s.Detail += ": " + clean.Cut(strings.TrimSpace(clean.Name(c.HealthLog[n-1].Output)), 120)
		}
	case c.Health == "starting":
		s.Detail = "starting"
	default:
		s.Detail = "running, no health check"
	}
	return s
}
