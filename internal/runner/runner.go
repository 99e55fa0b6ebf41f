// Package runner is the will: it does what a run's state makes due, and writes down what became
// of it.
//
// Its one rule: it is the only writer of the journal. An entry is on the disk before the effect
// that it announces begins, and after the effect has ended; without a journal nothing is begun.
package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"flightdeck/internal/deck"
	"flightdeck/internal/probe"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/steps"
)

// Journal is what a runner needs of a journal. Append has synced when it returns.
type Journal interface {
	Append(at time.Time, ev run.Event) (run.Entry, error)
	After(ctx context.Context, seq uint64) ([]run.Entry, error)
}

// Options says what a runner works with. Journal, Target and Now are required.
type Options struct {
	Journal Journal
	Target  stack.Target
	// Dir is the project's directory, where commands run.
	Dir string
	// Environ gives the environment that commands start from, "NAME=value"; nil: an empty one.
	Environ func() []string
	Probes  []probe.Probe
	Want    stack.Want
	Now     func() time.Time
	// Operator and Host are who runs flightdeck, and where.
	Operator, Host string
	// Resumed: the journal is that of a process that is gone. Notice is what its opening told.
	Resumed bool
	Notice  string
	// Linger goes on looking at the target after the run is over, until Run's context ends; so a
	// cockpit that still shows the run shows it live.
	Linger   bool
	Patience steps.Patience
	// ReadyEvery is how often the rollback's readiness is proven again; zero: 15 s.
	ReadyEvery time.Duration
	// Sample takes one measurement; nil: over the network.
	Sample func(ctx context.Context, p probe.Probe) probe.Sample
}

// readyEvery is the standard of Options.ReadyEvery.
const readyEvery = 15 * time.Second

// Runner flies one run. Make it with New, call Run once; everything else may be called by anybody
// at any time.
type Runner struct {
	o     Options
	tele  *telemetry
	asks  chan ask
	news  chan news
	ended chan struct{} // closed when the loop has ended

	// What follows belongs to the loop's goroutine.
	state    run.State
	effects  map[run.Work]*effect
	ending   bool              // Run's context has ended
	unwanted map[run.Work]bool // refused by Decide at this state; not tried again until it moves

	mu    sync.Mutex
	fault error // why nothing is begun any more
	final atomic.Pointer[run.State]
}

var _ deck.Deck = (*Runner)(nil)

// ask is a command on its way to the loop.
type ask struct {
	command run.Command
	reply   chan error
}

// news is what an effect tells the loop. Final ends the effect. The reply says whether the events
// are in the journal.
type news struct {
	work   run.Work
	events []run.Event
	final  bool
	reply  chan error
}

// effect is work under way.
type effect struct {
	cancel  context.CancelFunc
	stopped bool
}

// New makes a runner over an open journal.
func New(o Options) *Runner {
	if o.ReadyEvery <= 0 {
		o.ReadyEvery = readyEvery
	}
	if o.Environ == nil {
		o.Environ = func() []string { return nil }
	}
	return &Runner{o: o, tele: newTelemetry(o), asks: make(chan ask), news: make(chan news), ended: make(chan struct{}),
		effects: map[run.Work]*effect{}, unwanted: map[run.Work]bool{}}
}

// Run flies the run until it is over or ctx ends. When ctx ends, commands are stopped, a deploy or
// a rollback under way is finished, and both ends are written down first. The error says why it
// ended early: a journal that cannot be written, or the cause of ctx.
func (r *Runner) Run(ctx context.Context) (err error) {
	defer close(r.ended)
	entries, err := r.o.Journal.After(ctx, 0)
	if err != nil {
		return fmt.Errorf("the journal cannot be read: %w", err)
	}
	r.state = run.Fold(entries)
	r.keep()
	if r.state.Opened.Run == "" {
		return errors.New("the journal does not begin with an opened run")
	}
	seen, stop := context.WithCancel(context.WithoutCancel(ctx))
	watched := r.tele.start(seen)
	defer func() {
		stop()
		<-watched
	}()
	if r.o.Resumed && r.state.Stage != run.Over {
		_ = r.safely(func() error { r.resume(ctx); return nil }) // a panic is the fault by now
	}
	_ = r.safely(func() error { r.settle(ctx); return nil }) // likewise
	return r.loop(ctx)
}

// loop is the one goroutine that owns the state. It ends only when no effect is left.
func (r *Runner) loop(ctx context.Context) error {
	defer r.keep()
	ready := time.NewTicker(r.o.ReadyEvery)
	defer ready.Stop()
	done := ctx.Done()
	for {
		if len(r.effects) == 0 {
			if over, err := r.over(ctx); over {
				return err
			}
		}
		select {
		case a := <-r.asks:
			a.reply <- r.safely(func() error { return r.decide(a.command) })
		case n := <-r.news:
			n.reply <- r.safely(func() error { return r.hear(ctx, n) })
		case <-ready.C:
			_ = r.safely(func() error { r.checkReadiness(ctx); return nil }) // a panic is the fault by now
			continue
		case <-done:
			done = nil
			r.end()
		}
		_ = r.safely(func() error { r.settle(ctx); return nil }) // likewise
	}
}

// safely turns a panic of the loop itself into the fault that ends the run's progress, so that
// effects under way are still waited for and the terminal is given back in order.
func (r *Runner) safely(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New(fault(p))
			r.halt(err)
		}
	}()
	return do()
}

// over says whether the loop has nothing left to do.
func (r *Runner) over(ctx context.Context) (bool, error) {
	switch fault := r.broken(); {
	case fault != nil:
		return true, fault
	case r.ending && r.state.Stage == run.Over:
		return true, nil
	case r.ending:
		return true, context.Cause(ctx)
	}
	return r.state.Stage == run.Over && !r.o.Linger, nil
}

// end begins the end of the loop: nothing new starts, what can be stopped is.
func (r *Runner) end() {
	r.ending = true
	for _, e := range r.effects {
		e.stopped = true
		e.cancel() // deploys and rollbacks do not listen to it
	}
}

// resume takes up the journal of a dead process, and looks what the steps that were cut off would
// still have to do.
func (r *Runner) resume(ctx context.Context) {
	away := max(r.o.Now().Sub(r.state.LastAt), 0)
	err := r.decide(run.Resume{By: r.o.Operator, Host: r.o.Host, Notice: r.o.Notice, Away: away})
	if err != nil {
		return // it is the fault by now, and the loop ends with it
	}
	for _, st := range r.state.Steps {
		if st.Status == run.Unknown {
			r.launch(ctx, run.Work{Kind: workPreview, Step: st.Step.ID})
		}
	}
}

// decide asks whether a command may be, and writes down what it means.
func (r *Runner) decide(c run.Command) error {
	if fault := r.broken(); fault != nil {
		return fault
	}
	if r.ending {
		return errors.New("flightdeck is ending; what is under way is finished first")
	}
	events, err := run.Decide(r.state, r.signed(c))
	if err != nil {
		return err
	}
	return r.append(events)
}

// append writes events down and applies them. After the first failure nothing is written any
// more: what a failed write left in the file is unknown.
func (r *Runner) append(events []run.Event) error {
	for _, ev := range events {
		if fault := r.broken(); fault != nil {
			r.lose(ev)
			return r.broken()
		}
		entry, err := r.o.Journal.Append(r.o.Now(), washed(ev))
		if err != nil {
			r.halt(fmt.Errorf("the journal is broken, nothing more is begun: %w", err))
			r.lose(ev)
			return r.broken()
		}
		r.state.Apply(entry)
		clear(r.unwanted)
		r.tele.moved()
	}
	r.keep()
	return nil
}

// halt ends the run's progress, loudly: every later command gets the error, the telemetry shows
// it, and Run returns it.
func (r *Runner) halt(err error) {
	r.mu.Lock()
	if r.fault == nil {
		r.fault = err
	}
	r.mu.Unlock()
	r.tele.setFault(err.Error())
}

// lose keeps what could not be written in the error, which is the last place left for it.
func (r *Runner) lose(ev run.Event) {
	text := lost(ev)
	if text == "" {
		return
	}
	r.mu.Lock()
	r.fault = fmt.Errorf("%w (not in the journal: %s)", r.fault, text)
	err := r.fault
	r.mu.Unlock()
	r.tele.setFault(err.Error())
}

func lost(ev run.Event) string {
	switch ev := ev.(type) {
	case run.StepSucceeded:
		return fmt.Sprintf("step %s succeeded after %s", ev.Step, ev.Took.Round(time.Millisecond))
	case run.StepFailed:
		return fmt.Sprintf("step %s failed: %s", ev.Step, ev.Reason)
	case run.RollbackEnded:
		if ev.OK {
			return "the rollback to " + ev.Proof.Target.String() + " has succeeded"
		}
		return "the rollback has failed: " + ev.Reason
	case run.Recorded:
		return "the current release was recorded as " + ev.Release.String()
	case run.ReleaseJudged:
		return fmt.Sprintf("the release %s was judged %s", ev.Release, ev.Status)
	}
	return ""
}

func (r *Runner) broken() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// keep publishes a picture of the state for those who ask after the loop has ended.
func (r *Runner) keep() {
	s := r.state
	r.final.Store(&s)
}
