package probe

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// What a probe gets that does not say otherwise.
const (
	DefaultInterval = 5 * time.Second
	DefaultTimeout  = 2 * time.Second
)

// Keep is how many samples of a probe are kept.
const Keep = 60

func (p Probe) interval() time.Duration {
	if p.Interval <= 0 {
		return DefaultInterval
	}
	return p.Interval
}

func (p Probe) timeout() time.Duration {
	if p.Timeout <= 0 {
		return DefaultTimeout
	}
	return p.Timeout
}

// Sampler measures a probe once. It must give up when ctx ends; its deadline is the probe's timeout.
type Sampler func(ctx context.Context, p Probe) Sample

// Prober measures a set of probes again and again, each in a goroutine of its own, so that one
// that hangs delays no other. A probe never overlaps itself.
type Prober struct {
	sample Sampler

	mu         sync.Mutex
	order      []Probe
	states     map[Probe]*Status
	generation uint64
	changed    chan struct{} // holds one token when Set was called
}

// NewProber makes a prober; nothing is measured before Run.
func NewProber(sample Sampler, probes ...Probe) *Prober {
	p := &Prober{sample: sample, states: map[Probe]*Status{}, changed: make(chan struct{}, 1)}
	p.Set(probes)
	return p
}

// Set changes what is measured. Probes that stay as they were keep their samples and their rhythm;
// a probe that is listed twice is measured once.
func (p *Prober) Set(probes []Probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order = nil
	states := map[Probe]*Status{}
	for _, pr := range probes {
		if states[pr] != nil {
			continue
		}
		p.order = append(p.order, pr)
		states[pr] = p.states[pr]
		if states[pr] == nil {
			states[pr] = &Status{Probe: pr}
		}
	}
	p.states = states
	p.generation++
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// Run measures until ctx ends, and returns when every measurement has ended. It is called once.
func (p *Prober) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	going := map[*Status]context.CancelFunc{}
	for {
		p.mu.Lock()
		wanted := make(map[*Status]Probe, len(p.states))
		for pr, st := range p.states {
			wanted[st] = pr
		}
		p.mu.Unlock()
		for st, stop := range going {
			if _, ok := wanted[st]; !ok {
				stop()
				delete(going, st)
			}
		}
		for st, pr := range wanted {
			if going[st] == nil {
				each, stop := context.WithCancel(ctx)
				going[st] = stop
				wg.Go(func() { p.repeat(each, pr, st) })
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
		}
	}
}

// repeat measures one probe: at once, then after its interval from the end of each sample. A
// little jitter keeps many probes from asking in step.
func (p *Prober) repeat(ctx context.Context, pr Probe, st *Status) {
	for {
		once, cancel := context.WithTimeout(ctx, pr.timeout())
		s := p.sample(once, pr)
		cancel()
		if ctx.Err() != nil {
			return // what was measured while we were leaving says nothing about the target
		}
		p.mu.Lock()
		st.add(s)
		p.generation++
		p.mu.Unlock()
		rest := time.NewTimer(pr.interval() + rand.N(pr.interval()/10+1))
		select {
		case <-rest.C:
		case <-ctx.Done():
			rest.Stop()
			return
		}
	}
}

// Generation moves whenever Statuses would give something else.
func (p *Prober) Generation() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.generation
}

// Statuses is where the probes stand, in the order of Set. It is a copy and never waits for a
// measurement.
func (p *Prober) Statuses() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Status, 0, len(p.order))
	for _, pr := range p.order {
		st := *p.states[pr]
		st.Samples = slices.Clone(st.Samples)
		all = append(all, st)
	}
	return all
}

// add takes a new sample. After a gap (a suspended machine, a jump of the clock) nobody knows what
// was between, so that failures in a row are counted anew.
func (s *Status) add(sample Sample) {
	if n := len(s.Samples); n > 0 {
		gap := sample.At.Round(0).Sub(s.Samples[n-1].At.Round(0))
		if gap < 0 || gap > 3*s.Probe.interval()+s.Probe.timeout() {
			s.FailedInARow, s.FirstFailed = 0, time.Time{}
		}
	}
	if len(s.Samples) == Keep {
		s.Samples = append(s.Samples[:0], s.Samples[1:]...)
	}
	s.Samples = append(s.Samples, sample)
	switch sample.Outcome {
	case Pass:
		s.FailedInARow, s.FirstFailed = 0, time.Time{}
	case Fail:
		if s.FailedInARow == 0 {
			s.FirstFailed = sample.At
		}
		s.FailedInARow++
	}
}

// StateOf says where a probe stands at now.
func StateOf(s Status, now time.Time) State {
	if len(s.Samples) == 0 {
		return Pending
	}
	last := s.Samples[len(s.Samples)-1]
	if now.Sub(last.At) > 2*s.Probe.interval()+s.Probe.timeout() {
		return Stale
	}
	switch last.Outcome {
	case Pass:
		return Passing
	case Fail:
		return Failing
	case NoData:
		return Nothing
	}
	return Erroring
}
