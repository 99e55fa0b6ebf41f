package probe

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFromContainer(t *testing.T) {
	now := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		c    Container
		want Sample
	}{
		{Container{State: "running", Health: "healthy"}, Sample{Outcome: Pass}},
		{Container{State: "running", Health: "starting"}, Sample{Outcome: NoData, Detail: "starting"}},
		{Container{State: "running", Health: "unhealthy", HealthOutput: "503"}, Sample{Outcome: Fail, Detail: "unhealthy: 503"}},
		{Container{State: "running", Health: "unhealthy"}, Sample{Outcome: Fail, Detail: "unhealthy"}},
		{Container{State: "running"}, Sample{Outcome: NoData, Detail: "no health check"}},
		{Container{State: "running", Health: "none"}, Sample{Outcome: NoData, Detail: "no health check"}},
		{Container{State: "running", Health: "odd"}, Sample{Outcome: Error, Detail: `unknown health "odd"`}},
		{Container{State: "created"}, Sample{Outcome: NoData, Detail: "not started yet"}},
		{Container{State: "exited", ExitCode: 3}, Sample{Outcome: Fail, Code: 3, Detail: "exited with code 3"}},
		{Container{State: "exited"}, Sample{Outcome: Fail, Detail: "exited with code 0"}},
		{Container{State: "exited", OneShot: true}, Sample{Outcome: Pass, Detail: "done"}},
		{Container{State: "exited", ExitCode: 1, OneShot: true}, Sample{Outcome: Fail, Code: 1, Detail: "exited with code 1"}},
		{Container{State: "exited", Health: "healthy", ExitCode: 137}, Sample{Outcome: Fail, Code: 137, Detail: "exited with code 137"}},
		{Container{State: "restarting", ExitCode: 1}, Sample{Outcome: Fail, Code: 1, Detail: "restarting after exit code 1"}},
		{Container{State: "paused", Health: "healthy"}, Sample{Outcome: Fail, Detail: "paused"}},
		{Container{}, Sample{Outcome: Error, Detail: "the engine does not say how the container is"}},
	} {
		tc.want.At = now
		if d := cmp.Diff(tc.want, FromContainer(tc.c, now)); d != "" {
			t.Errorf("%+v: %s", tc.c, d)
		}
	}
}

func TestSamplesComeFromTheEndOfTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var began []time.Time
		var going atomic.Int32
		slow := func(_ context.Context, _ Probe) Sample {
			if going.Add(1) > 1 {
				t.Error("a probe overlaps itself")
			}
			at := time.Now()
			mu.Lock()
			began = append(began, at)
			mu.Unlock()
			time.Sleep(3 * time.Second)
			going.Add(-1)
			return Sample{At: at, Outcome: Pass}
		}
		ctx, cancel := context.WithCancel(t.Context())
		p, done := NewProber(slow, Probe{Name: "slow", Interval: 10 * time.Second, Timeout: 4 * time.Second}), make(chan struct{})
		t0 := time.Now()
		go func() { p.Run(ctx); close(done) }()
		time.Sleep(60 * time.Second)
		cancel()
		<-done
		if len(began) < 4 || !began[0].Equal(t0) {
			t.Fatalf("%d samples, the first after %v", len(began), began[0].Sub(t0))
		}
		for i := 1; i < len(began); i++ {
			if gap := began[i].Sub(began[i-1]); gap < 13*time.Second || gap > 14*time.Second {
				t.Errorf("gap %d is %v", i, gap)
			}
		}
	})
}

func TestAHangingProbeDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sample := func(ctx context.Context, p Probe) Sample {
			at := time.Now()
			if p.Name == "hangs" {
				<-ctx.Done()
				return Sample{At: at, Outcome: Fail, Took: time.Since(at)}
			}
			return Sample{At: at, Outcome: Pass}
		}
		ctx, cancel := context.WithCancel(t.Context())
		p := NewProber(sample, Probe{Name: "hangs", Interval: time.Minute, Timeout: 30 * time.Second}, Probe{Name: "quick", Interval: time.Second})
		done := make(chan struct{})
		go func() { p.Run(ctx); close(done) }()
		time.Sleep(29 * time.Second)
		st := p.Statuses()
		if st[0].Probe.Name != "hangs" || len(st[0].Samples) != 0 || StateOf(st[0], time.Now()) != Pending {
			t.Errorf("%+v", st[0])
		}
		if n := len(st[1].Samples); n < 26 || StateOf(st[1], time.Now()) != Passing {
			t.Errorf("quick: %d samples", n)
		}
		time.Sleep(2 * time.Second)
		if st := p.Statuses()[0]; len(st.Samples) != 1 || st.Samples[0].Took != 30*time.Second || StateOf(st, time.Now()) != Failing {
			t.Errorf("%+v", st)
		}
		time.Sleep(2 * time.Minute)
		if st := p.Statuses()[1]; len(st.Samples) != Keep {
			t.Errorf("%d samples are kept", len(st.Samples))
		}
		cancel()
		<-done
	})
}

func TestSetKeepsWhatStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sample := func(context.Context, Probe) Sample { return Sample{At: time.Now(), Outcome: Pass} }
		a, b, c := Probe{Name: "a"}, Probe{Name: "b"}, Probe{Name: "c"}
		ctx, cancel := context.WithCancel(t.Context())
		p, done := NewProber(sample, a, b, a), make(chan struct{})
		go func() { p.Run(ctx); close(done) }()
		time.Sleep(30 * time.Second)
		g := p.Generation()
		p.Set([]Probe{c, a})
		synctest.Wait()
		st := p.Statuses()
		if len(st) != 2 || st[0].Probe != c || len(st[0].Samples) != 1 || len(st[1].Samples) < 5 || p.Generation() <= g {
			t.Errorf("%+v, generation %d after %d", st, p.Generation(), g)
		}
		st[1].Samples[0].Outcome = Fail
		if p.Statuses()[1].Samples[0].Outcome != Pass {
			t.Error("Statuses gives the prober's own samples away")
		}
		cancel()
		<-done
	})
}

func TestAMeasurementCutOffByTheEndIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sample := func(ctx context.Context, _ Probe) Sample {
			<-ctx.Done()
			return Sample{At: time.Now(), Outcome: Fail}
		}
		ctx, cancel := context.WithCancel(t.Context())
		p, done := NewProber(sample, Probe{Name: "a"}), make(chan struct{})
		go func() { p.Run(ctx); close(done) }()
		synctest.Wait()
		cancel()
		<-done
		if st := p.Statuses()[0]; len(st.Samples) != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestFailuresInARow(t *testing.T) {
	t0 := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	p := Probe{Interval: time.Second, Timeout: time.Second}
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	for _, tc := range []struct {
		name  string
		add   string // outcomes by their first letter; "." lets ten seconds pass
		row   int
		first time.Time
	}{
		{"pass clears", "ffp", 0, time.Time{}},
		{"row", "pff", 2, at(1)},
		{"no data and error leave it", "fnef", 2, at(0)},
		{"no data and error do not begin it", "nep", 0, time.Time{}},
		{"after a gap it begins anew", "fff.f", 1, at(13)},
		{"a gap alone", "fff.n", 0, time.Time{}},
	} {
		st, sec := Status{Probe: p}, 0
		for _, c := range tc.add {
			o := map[rune]Outcome{'p': Pass, 'f': Fail, 'n': NoData, 'e': Error}[c]
			if c == '.' {
				sec += 10
				continue
			}
			st.add(Sample{At: at(sec), Outcome: o})
			sec++
		}
		if st.FailedInARow != tc.row || !st.FirstFailed.Equal(tc.first) {
			t.Errorf("%s: %d in a row, first %v", tc.name, st.FailedInARow, st.FirstFailed)
		}
	}
	var st Status
	for i := range 200 {
		st.add(Sample{At: at(i), Outcome: Fail, Detail: fmt.Sprint(i)})
	}
	if len(st.Samples) != Keep || st.Samples[Keep-1].Detail != "199" || st.FailedInARow != 200 || !st.FirstFailed.Equal(t0) {
		t.Errorf("%d samples, %d in a row since %v", len(st.Samples), st.FailedInARow, st.FirstFailed)
	}
}

func TestStateOf(t *testing.T) {
	t0 := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)
	p := Probe{Interval: 10 * time.Second, Timeout: 3 * time.Second}
	if got := StateOf(Status{Probe: p}, t0); got != Pending {
		t.Errorf("no samples: %s", got)
	}
	for o, want := range map[Outcome]State{Pass: Passing, Fail: Failing, NoData: Nothing, Error: Erroring} {
		st := Status{Probe: p, Samples: []Sample{{At: t0, Outcome: o}}}
		if got := StateOf(st, t0.Add(23*time.Second)); got != want {
			t.Errorf("%s: %s", o, got)
		}
		if got := StateOf(st, t0.Add(23*time.Second+1)); got != Stale {
			t.Errorf("%s, old: %s", o, got)
		}
	}
}
