package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/probe"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
)

// monitorTick is how often the picture is judged; telemetry brings changes on its own.
const monitorTick = 250 * time.Millisecond

// monitor waits until everything is healthy and stays so for a time.
func monitor() Kind {
	return Kind{Preview: previewMonitor, Do: doMonitor, Stoppable: true}
}

func previewMonitor(_ context.Context, w World, j Job) ([]string, error) {
	watch, err := watchOf(j.Step, w.Expect)
	if err != nil {
		return nil, err
	}
	what := "every container of the project"
	if watch.Only {
		what = "every container of " + strings.Join(watch.Services, ", ")
	}
	return []string{fmt.Sprintf("waits at most %s until %s is running and healthy and every probe passes, and needs it to stay so for %s",
		spell(watch.Timeout), what, spell(watch.For))}, nil
}

func doMonitor(ctx context.Context, w World, j Job) (Result, error) {
	watch, err := watchOf(j.Step, w.Expect)
	if err != nil {
		return Result{}, err
	}
	return Healthy(ctx, w, watch)
}

// Watch says what Healthy waits for.
type Watch struct {
	// For is how long it must stay healthy; zero: one good look is enough.
	For time.Duration
	// Timeout bounds the time until a streak that is long enough begins.
	Timeout time.Duration
	// Services must each be there. Only: no other container counts.
	Services []string
	Only     bool
	// Standing: nothing has just changed, so that samples from before the wait count too.
	Standing bool
}

// The times of a monitor step that names none.
const (
	monitorFor     = 30 * time.Second
	monitorTimeout = 5 * time.Minute
)

func watchOf(step runbook.Step, expect []string) (Watch, error) {
	watch := Watch{For: monitorFor, Timeout: monitorTimeout, Services: expect}
	if names := words(step.With["services"]); len(names) > 0 {
		watch.Services, watch.Only = names, true
	}
	for _, f := range []struct {
		name string
		to   *time.Duration
	}{{"for", &watch.For}, {"timeout", &watch.Timeout}} {
		v, given := step.With[f.name]
		if !given {
			continue
		}
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return watch, fmt.Errorf("%s: %s=%q is not a duration such as 30s or 5m", step.Pos, f.name, v)
		}
		*f.to = d
	}
	return watch, nil
}

// Healthy waits until all that is watched is healthy for as long as asked. A streak that is under
// way when the timeout passes may be completed; a break after it fails.
func Healthy(ctx context.Context, w World, watch Watch) (Result, error) {
	m := &watcher{w: w, watch: watch, began: w.Now()}
	tick := time.NewTicker(monitorTick)
	defer tick.Stop()
	for {
		if res, over, err := m.look(ctx); over {
			return res, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return Result{Stopped: true}, errors.New("the watching was stopped; nothing was changed by that")
		}
	}
}

// watcher is one wait.
type watcher struct {
	w     World
	watch Watch
	began time.Time
	since time.Time // start of the streak; zero: there is none
	ids   []string  // the incarnations of the containers in the streak
	said  string
	at    time.Time // of the last thing said
}

// look judges the newest picture once.
func (m *watcher) look(ctx context.Context) (Result, bool, error) {
	now := m.w.Now()
	sensed := m.w.Senses.Sense()
	ills, evidence, broken := m.ills(sensed)
	if len(ills) == 0 && now.Sub(m.since) >= m.watch.For && !m.since.IsZero() {
		// Telemetry follows changes; before the verdict the target itself is asked.
		if ills, evidence, broken = m.confirm(ctx, sensed); len(ills) == 0 {
			return Result{Evidence: fmt.Sprintf("%s healthy for %s", m.all(sensed.Snapshot), spell(now.Sub(m.since)))}, true, nil
		}
	}
	if len(ills) > 0 {
		m.since = time.Time{}
		m.tell(now, "waiting: "+strings.Join(ills, "; "))
		if now.Sub(m.began) >= m.watch.Timeout {
			return Result{}, true, m.timedOut(ills, evidence, broken)
		}
		return Result{}, false, nil
	}
	if m.since.IsZero() {
		m.since = now
		if m.watch.For == 0 {
			return m.look(ctx)
		}
	}
	m.progress(now, fmt.Sprintf("%s healthy for %s of %s", m.all(sensed.Snapshot), spell(now.Sub(m.since)), spell(m.watch.For)))
	return Result{}, false, nil
}

func (m *watcher) confirm(ctx context.Context, sensed Sensed) ([]string, []string, bool) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	snap, err := m.w.Observer.Observe(ctx)
	if err != nil {
		return []string{"the target does not answer: " + clean.Name(err.Error())}, nil, false
	}
	sensed.Snapshot = snap
	return m.ills(sensed)
}

func (m *watcher) timedOut(ills, evidence []string, broken bool) error {
	for _, line := range evidence {
		m.w.ours(line)
	}
	s := fmt.Sprintf("not healthy within %s: %s", spell(m.watch.Timeout), strings.Join(ills, "; "))
	if len(evidence) > 0 {
		s += ". " + clean.Cut(evidence[0], 200)
	}
	if broken {
		s += ". It will not get better by waiting: look at its log, then retry or roll back"
	}
	return errors.New(s)
}

// progress says how far the streak is: at its start, and then about six times in all.
func (m *watcher) progress(now time.Time, text string) {
	if now.Equal(m.since) || now.Sub(m.at) >= max(m.watch.For/6, time.Second) {
		m.tell(now, text)
	}
}

// tell says something new, at most once a second.
func (m *watcher) tell(now time.Time, text string) {
	if text == m.said || now.Sub(m.at) < time.Second && !m.at.IsZero() {
		return
	}
	m.said, m.at = text, now
	m.w.ours(text)
}

// ills lists what is not well, what the last checks said about it, and whether something has ended
// for good.
func (m *watcher) ills(s Sensed) (ills, evidence []string, broken bool) {
	if s.Down != "" {
		return []string{"the target does not answer: " + s.Down}, nil, false
	}
	var ids []string
	there := map[string]bool{}
	for _, c := range s.Snapshot.Containers {
		if c.OneOff || m.watch.Only && !slices.Contains(m.watch.Services, c.Service) {
			continue
		}
		there[c.Service] = true
		ids = append(ids, fmt.Sprint(c.ID, c.StartedAt.UnixNano(), c.Restarts))
		ill, forGood := illOf(c)
		if ill == "" {
			continue
		}
		ills, broken = append(ills, c.Label()+" "+ill), broken || forGood
		if said := lastCheck(c); said != "" {
			evidence = append(evidence, "the last health check of "+c.Label()+" said: "+said)
		}
	}
	for _, name := range m.watch.Services {
		if !there[name] {
			ills = append(ills, "no container of "+name+" exists")
		}
	}
	if len(there) == 0 && len(ills) == 0 {
		ills = append(ills, "no container of the project exists")
	}
	if len(ills) == 0 && !m.since.IsZero() && !slices.Equal(ids, m.ids) {
		ills = append(ills, "a container was restarted or replaced meanwhile, counting from the start")
	}
	m.ids = ids
	return append(ills, m.probeIlls(s.Probes, m.w.Now())...), evidence, broken
}

// illOf says what is wrong with a container, and whether it has ended for good.
func illOf(c stack.Container) (string, bool) {
	switch {
	case c.State == "exited" && c.OneShot && c.ExitCode == 0:
		return "", false
	case c.State == "exited" || c.State == "dead":
		return fmt.Sprintf("has ended with exit code %d", c.ExitCode), true
	case c.State == "restarting":
		return fmt.Sprintf("is restarting (exit code %d, %s so far)", c.ExitCode, plural(c.Restarts, "restart", "restarts")), false
	case c.State != "running":
		return "is " + c.State, false
	case c.Health == "" || c.Health == "healthy" || c.Health == "none":
		return "", false
	}
	return "is " + c.Health, false
}

func lastCheck(c stack.Container) string {
	if len(c.HealthLog) == 0 {
		return ""
	}
	last := c.HealthLog[len(c.HealthLog)-1]
	out := strings.TrimSpace(clean.Name(last.Output))
	if out == "" {
		out = "nothing"
	}
	return fmt.Sprintf("%s (exit code %d)", clean.Cut(out, 300), last.ExitCode)
}

// probeIlls judges the probes that ask from outside; what docker reports of a container's health
// is in the snapshot already. A sample from before this wait began may be of what was replaced.
func (m *watcher) probeIlls(all []probe.Status, now time.Time) []string {
	var ills []string
	for _, s := range all {
		if s.Probe.Kind == "container" {
			continue
		}
		if len(s.Samples) == 0 || !m.watch.Standing && s.Samples[len(s.Samples)-1].At.Before(m.began) {
			ills = append(ills, "the probe "+s.Probe.Name+" has not answered yet")
			continue
		}
		last := s.Samples[len(s.Samples)-1]
		state := probe.StateOf(s, now)
		if state == probe.Passing {
			continue
		}
		if state == probe.Stale {
			ills = append(ills, "the probe "+s.Probe.Name+" has not been measured for a while")
			continue
		}
		ills = append(ills, "the probe "+s.Probe.Name+" "+answer(last))
	}
	return ills
}

// answer says what a bad sample got, without what changes from one sample to the next: the dock shows
// the rest, and a sentence that stays the same is said once.
func answer(s probe.Sample) string {
	verb := map[probe.Outcome]string{probe.Fail: "fails", probe.NoData: "has no data", probe.Error: "cannot be measured"}[s.Outcome]
	switch {
	case s.Code != 0:
		return fmt.Sprintf("%s with %d", verb, s.Code)
	case s.Detail != "":
		return verb + ": " + clean.Cut(clean.Name(s.Detail), 80)
	}
	return verb
}

// all names what is healthy: "all 4 services", "backend".
func (m *watcher) all(s stack.Snapshot) string {
	names := map[string]bool{}
	for _, c := range s.Containers {
		if !c.OneOff && (!m.watch.Only || slices.Contains(m.watch.Services, c.Service)) {
			names[c.Service] = true
		}
	}
	if len(names) == 1 {
		for name := range names {
			return name
		}
	}
	return fmt.Sprintf("all %d services", len(names))
}

// spell rounds to whole seconds and leaves out what is zero: "90 s" is "1m30s", "7 s" stays.
func spell(d time.Duration) string {
	d = d.Truncate(time.Second)
	if d < time.Minute {
		return fmt.Sprintf("%d s", int(d/time.Second))
	}
	s := d.String()
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
