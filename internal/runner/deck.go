package runner

import (
	"context"
	"errors"
	"strings"

	"flightdeck/internal/deck"
	"flightdeck/internal/run"
	"flightdeck/internal/tail"
)

// Do asks for something and waits for the decision; the error is the sentence the operator reads.
func (r *Runner) Do(ctx context.Context, c run.Command) error {
	switch c.(type) {
	case run.Report, run.Resume:
		return errors.New("only the runner reports what became of the work")
	}
	a := ask{command: c, reply: make(chan error, 1)}
	select {
	case r.asks <- a:
		return <-a.reply // the loop answers what it has taken, at once
	case <-r.ended:
		return r.refuse(c)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refuse answers when nobody flies the run any more.
func (r *Runner) refuse(c run.Command) error {
	if fault := r.broken(); fault != nil {
		return fault
	}
	if s := r.final.Load(); s != nil {
		if _, err := run.Decide(*s, c); err != nil {
			return err
		}
	}
	return errors.New("flightdeck does not fly this run any more; start it again to resume")
}

// After gives the entries past seq; it waits until there is one or ctx ends.
func (r *Runner) After(ctx context.Context, seq uint64) ([]run.Entry, error) {
	return r.o.Journal.After(ctx, seq)
}

// Lines gives lines of a ring past after, at most max, without waiting.
func (r *Runner) Lines(ring string, after uint64, max int) tail.Batch {
	if ring == "logs" {
		return r.tele.logs.Read(after, max)
	}
	if step, ok := strings.CutPrefix(ring, "step/"); ok {
		if kept := r.tele.ring(step, false); kept != nil {
			return kept.Read(after, max)
		}
	}
	return tail.Batch{}
}

// Look is the telemetry as last seen. It never waits.
func (r *Runner) Look() deck.Look { return r.tele.look() }

// Attend says which containers' usage is on screen.
func (r *Runner) Attend(containers []string) { r.tele.attend(containers) }

// signed fills in who asks, where the asker did not say.
func (r *Runner) signed(c run.Command) run.Command {
	me := r.o.Operator
	sign := func(by *string) {
		if *by == "" {
			*by = me
		}
	}
	switch c := c.(type) {
	case run.Confirm:
		sign(&c.By)
		return c
	case run.LeaveOut:
		sign(&c.By)
		return c
	case run.TakeIn:
		sign(&c.By)
		return c
	case run.Start:
		sign(&c.By)
		return c
	case run.Finish:
		sign(&c.By)
		return c
	case run.Tick:
		sign(&c.By)
		return c
	case run.Edit:
		sign(&c.By)
		return c
	case run.Skip:
		sign(&c.By)
		return c
	case run.MarkDone:
		sign(&c.By)
		return c
	}
	return r.signedRun(c, sign)
}

// signedRun is signed for the commands that mean the whole run.
func (r *Runner) signedRun(c run.Command, sign func(*string)) run.Command {
	switch c := c.(type) {
	case run.Stop:
		sign(&c.By)
		return c
	case run.Note:
		sign(&c.By)
		return c
	case run.RollBack:
		sign(&c.By)
		return c
	case run.Close:
		sign(&c.By)
		return c
	case run.Record:
		sign(&c.By)
		return c
	}
	return c
}
