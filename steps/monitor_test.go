package steps

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/probe"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
)

// sky is a target whose picture a test changes.
type sky struct {
	mu     sync.Mutex
	sensed Sensed
	asked  error
}

func (s *sky) Sense() Sensed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sensed
}

func (s *sky) Info(context.Context) (stack.Info, error) { return stack.Info{}, nil }

func (s *sky) Observe(context.Context) (stack.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sensed.Snapshot, s.asked
}

func (s *sky) set(all ...stack.Container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sensed.Snapshot = stack.Snapshot{Containers: all}
}

func up(service, health string) stack.Container {
	return stack.Container{ID: service, Service: service, Number: 1, State: "running", Health: health}
}

// watched runs a monitor step over a script of changes and gives its end and when that was.
func watched(t *testing.T, with map[string]string, script func(*sky)) (Result, time.Duration, []string, error) {
	t.Helper()
	s := &sky{}
	out := &shownLines{}
	began := time.Now()
	scripted := make(chan struct{})
	go func() {
		defer close(scripted)
		script(s)
	}()
	defer func() { <-scripted }()
	w := World{Observer: s, Senses: s, Now: time.Now, Out: out.add}
	res, err := monitor().Do(t.Context(), w, Job{Step: runbook.Step{Kind: runbook.KindMonitor, With: with}})
	return res, time.Since(began), out.texts, err
}

type shownLines struct{ texts []string }

func (s *shownLines) add(l Line) { s.texts = append(s.texts, l.Text) }

func TestMonitor(t *testing.T) {
	for _, c := range []struct {
		name   string
		with   map[string]string
		script func(*sky)
		took   time.Duration // within a tick or two
		said   string        // evidence, or reason
		fails  bool
	}{
		{"healthy from the start, standard time", nil, func(s *sky) { s.set(up("a", "healthy"), up("b", "")) }, 30 * time.Second, "all 2 services healthy for 30 s", false},
		{"one-shot that is done", map[string]string{"for": "5s"}, func(s *sky) {
			s.set(up("a", "healthy"), stack.Container{Service: "migrate", Number: 1, State: "exited", OneShot: true})
		}, 5 * time.Second, "all 2 services", false},
		{"a later start", map[string]string{"for": "5s"}, func(s *sky) {
			s.set(up("a", "starting"))
			time.Sleep(20 * time.Second)
			s.set(up("a", "healthy"))
		}, 25 * time.Second, "a healthy for 5 s", false},
		{"a break resets the streak", map[string]string{"for": "10s"}, func(s *sky) {
			s.set(up("a", "healthy"))
			time.Sleep(8 * time.Second)
			s.set(up("a", "unhealthy"))
			time.Sleep(time.Second)
			s.set(up("a", "healthy"))
		}, 19 * time.Second, "healthy for 10 s", false},
		{"a restart between two looks resets it", map[string]string{"for": "10s"}, func(s *sky) {
			s.set(up("a", "healthy"))
			time.Sleep(8 * time.Second)
			c := up("a", "healthy")
			c.Restarts = 1
			s.set(c)
		}, 18 * time.Second, "healthy for 10 s", false},
		{"longer than its timeout", map[string]string{"for": "30m"}, func(s *sky) { s.set(up("a", "healthy")) }, 30 * time.Minute, "healthy for 30m", false},
		{"a break after the timeout fails", map[string]string{"for": "30m", "timeout": "1m"}, func(s *sky) {
			s.set(up("a", "healthy"))
			time.Sleep(10 * time.Minute)
			s.set(up("a", "unhealthy"))
		}, 10 * time.Minute, "a-1 is unhealthy", true},
		{"never healthy, with evidence", map[string]string{"timeout": "1m"}, func(s *sky) {
			c := up("a", "unhealthy")
			c.HealthLog = []stack.HealthResult{{ExitCode: 1, Output: "connection\nrefused\x1b[2J"}}
			s.set(c, up("b", "healthy"))
		}, time.Minute, "not healthy within 1m: a-1 is unhealthy. the last health check of a-1 said: connection refused (exit code 1)", true},
		{"ended", map[string]string{"timeout": "10s"}, func(s *sky) {
			s.set(stack.Container{Service: "a", Number: 1, State: "exited", ExitCode: 3})
		}, 10 * time.Second, "a-1 has ended with exit code 3. It will not get better by waiting", true},
		{"ended with 0 but meant to stay", map[string]string{"timeout": "10s"}, func(s *sky) {
			s.set(stack.Container{Service: "a", Number: 1, State: "exited"})
		}, 10 * time.Second, "a-1 has ended with exit code 0", true},
		{"restarting", map[string]string{"timeout": "10s"}, func(s *sky) {
			s.set(stack.Container{Service: "a", Number: 1, State: "restarting", ExitCode: 2, Restarts: 3})
		}, 10 * time.Second, "a-1 is restarting (exit code 2, 3 restarts so far)", true},
		{"nothing there", map[string]string{"timeout": "10s"}, func(*sky) {}, 10 * time.Second, "no container of the project exists", true},
		{"a named service is missing, others do not count", map[string]string{"timeout": "10s", "services": "a, b"}, func(s *sky) {
			s.set(up("a", "healthy"), up("c", "unhealthy"))
		}, 10 * time.Second, "not healthy within 10 s: no container of b exists", true},
		{"the target is down", map[string]string{"timeout": "10s"}, func(s *sky) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sensed.Down = "connection refused"
		}, 10 * time.Second, "the target does not answer: connection refused", true},
		{"the last look fails", map[string]string{"for": "1s", "timeout": "10s"}, func(s *sky) {
			s.set(up("a", "healthy"))
			s.mu.Lock()
			defer s.mu.Unlock()
			s.asked = errors.New("gone")
		}, 10 * time.Second, "the target does not answer: gone", true},
		{"one-off containers do not count", map[string]string{"for": "1s"}, func(s *sky) {
			s.set(up("a", "healthy"), stack.Container{Service: "a", Number: 2, State: "exited", ExitCode: 1, OneOff: true})
		}, time.Second, "a healthy", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				res, took, _, err := watched(t, c.with, c.script)
				text := res.Evidence
				if err != nil {
					text = err.Error()
				}
				if (err != nil) != c.fails || !strings.Contains(text, c.said) {
					t.Errorf("got %q, want %q", text, c.said)
				}
				if took < c.took || took > c.took+2*time.Second {
					t.Errorf("took %s, want %s", took, c.took)
				}
			})
		})
	}
}

func TestMonitorProbes(t *testing.T) {
	for _, c := range []struct {
		name   string
		status probe.Status
		said   string
	}{
		{"fails", probe.Status{Probe: probe.Probe{Name: "ready", Kind: "http"}, Samples: []probe.Sample{{Outcome: probe.Fail, Code: 503, Detail: "no database"}}}, "the probe ready fails with 503"},
		{"error is no pass", probe.Status{Probe: probe.Probe{Name: "ready", Kind: "http"}, Samples: []probe.Sample{{Outcome: probe.Error, Detail: "timeout"}}}, "the probe ready cannot be measured: timeout"},
		{"never measured", probe.Status{Probe: probe.Probe{Name: "ready", Kind: "http"}}, "the probe ready has not answered yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, _, _, err := watched(t, map[string]string{"timeout": "2s"}, func(s *sky) {
					s.set(up("a", "healthy"))
					for range 8 {
						st := c.status
						if len(st.Samples) > 0 {
							fresh := st.Samples[0]
							fresh.At = time.Now()
							st.Samples = []probe.Sample{fresh}
						}
						s.mu.Lock()
						s.sensed.Probes = []probe.Status{st}
						s.mu.Unlock()
						time.Sleep(500 * time.Millisecond)
					}
				})
				if err == nil || !strings.Contains(err.Error(), c.said) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestMonitorIgnoresOldSamplesAndDockerProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := probe.Sample{At: time.Now().Add(-time.Second), Outcome: probe.Pass}
		_, _, _, err := watched(t, map[string]string{"timeout": "2s"}, func(s *sky) {
			s.set(up("a", "healthy"))
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sensed.Probes = []probe.Status{
				{Probe: probe.Probe{Name: "a-1", Kind: "container"}, Samples: []probe.Sample{{At: time.Now(), Outcome: probe.NoData}}},
				{Probe: probe.Probe{Name: "ready", Kind: "http"}, Samples: []probe.Sample{old}},
			}
		})
		if err == nil || !strings.HasSuffix(err.Error(), "within 2 s: the probe ready has not answered yet") {
			t.Errorf("got %v", err)
		}
	})
}

func TestMonitorSpeaksOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, said, err := watched(t, map[string]string{"for": "3s"}, func(s *sky) { s.set(up("a", "healthy"), up("b", "healthy")) })
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"all 2 services healthy for 0 s of 3 s", "all 2 services healthy for 1 s of 3 s", "all 2 services healthy for 2 s of 3 s"}
		var healthy []string
		for _, line := range said {
			if strings.HasPrefix(line, "all") {
				healthy = append(healthy, line)
			}
		}
		if d := cmp.Diff(want, healthy); d != "" {
			t.Error(d)
		}
	})
}

func TestMonitorIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		s := &sky{}
		res, err := monitor().Do(ctx, World{Observer: s, Senses: s, Now: time.Now}, Job{})
		if err == nil || !res.Stopped {
			t.Errorf("got %+v, %v", res, err)
		}
	})
}

func TestMonitorRefusesBadArguments(t *testing.T) {
	for name, with := range map[string]map[string]string{"for": {"for": "soon"}, "timeout": {"timeout": "-3s"}} {
		_, err := monitor().Do(t.Context(), World{}, Job{Step: runbook.Step{With: with, Pos: runbook.Position{File: "d.md", Line: 3, Column: 1}}})
		if err == nil || !strings.HasPrefix(err.Error(), "d.md:3:1: "+name+"=") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
