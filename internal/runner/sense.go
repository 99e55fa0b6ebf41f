package runner

import (
	"context"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/probe"
	"flightdeck/internal/stack"
)

const (
	// healthEvery is how often docker's word on a container, as last seen, becomes a sample.
	healthEvery = 2 * time.Second
	// forgetAfter is how long the probe of a container that is gone stays: a container that is
	// being recreated keeps its row.
	forgetAfter = 15 * time.Second
)

// senses are the probes: those of the project, and one for every container that is there.
type senses struct {
	o      Options
	prober *probe.Prober
	outer  []probe.Probe
	inner  map[string]time.Time // container label -> last seen
	http   *probe.HTTP
}

func newSenses(o Options, latest func() (stack.Snapshot, string)) *senses {
	s := &senses{o: o, inner: map[string]time.Time{}, http: probe.NewHTTP(clean.Name)}
	for _, p := range o.Probes {
		if p.Kind != "container" { // docker's own word is taken from the snapshots
			s.outer = append(s.outer, p)
		}
	}
	s.prober = probe.NewProber(func(ctx context.Context, p probe.Probe) probe.Sample { return s.sample(ctx, p, latest) }, s.outer...)
	return s
}

// sample measures once. A fault of ours in it is our inability to measure.
func (s *senses) sample(ctx context.Context, p probe.Probe, latest func() (stack.Snapshot, string)) (out probe.Sample) {
	defer func() {
		if trouble := recover(); trouble != nil {
			out = probe.Sample{At: s.o.Now(), Outcome: probe.Error, Detail: fault(trouble)}
		}
	}()
	switch {
	case p.Kind == "container":
		snap, down := latest()
		return containerSample(snap, down, p.Container, s.o.Now())
	case s.o.Sample != nil:
		return s.o.Sample(ctx, p)
	}
	return s.http.Sample(ctx, p)
}

// containerSample is what the engine last said of a container.
func containerSample(snap stack.Snapshot, down, label string, now time.Time) probe.Sample {
	if down != "" {
		return probe.Sample{At: now, Outcome: probe.Error, Detail: "the target does not answer"}
	}
	for _, c := range snap.Containers {
		if c.OneOff || c.Label() != label {
			continue
		}
		seen := probe.Container{State: c.State, Health: c.Health, ExitCode: c.ExitCode, OneShot: c.OneShot}
		if n := len(c.HealthLog); n > 0 {
			seen.HealthOutput = c.HealthLog[n-1].Output
		}
		return probe.FromContainer(seen, now)
	}
	return probe.Sample{At: now, Outcome: probe.NoData, Detail: "the container is gone"}
}

// follow gives every container of the snapshot a probe. The caller serialises.
func (s *senses) follow(snap stack.Snapshot, now time.Time) {
	for _, c := range snap.Containers {
		if !c.OneOff {
			s.inner[c.Label()] = now
		}
	}
	all := slices.Clone(s.outer)
	for label, at := range s.inner {
		if now.Sub(at) > forgetAfter {
			delete(s.inner, label)
			continue
		}
		service := label[:strings.LastIndexByte(label, '-')]
		all = append(all, probe.Probe{Name: label, Kind: "container", Service: service, Container: label, Interval: healthEvery})
	}
	slices.SortStableFunc(all[len(s.outer):], func(a, b probe.Probe) int { return strings.Compare(a.Name, b.Name) })
	if !slices.EqualFunc(all, s.prober.Statuses(), func(p probe.Probe, st probe.Status) bool { return p == st.Probe }) {
		s.prober.Set(all)
	}
}

// health keeps the list of probes up to date with the containers, as long as the target answers.
func (t *telemetry) health(ctx context.Context) {
	for ctx.Err() == nil {
		wait(ctx, healthEvery)
		if l := t.picture.Load(); ctx.Err() == nil && l.Down == "" && !l.SeenAt.IsZero() {
			t.mu.Lock()
			t.senses.follow(t.now.Snapshot, t.o.Now())
			t.mu.Unlock()
		}
	}
}
