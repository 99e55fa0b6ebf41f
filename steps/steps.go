// Package steps is the verbs: what each kind of step would do (Preview), does (Do), and what
// takes it back (Undo).
//
// Its one rule: a step sees the world only through World. It knows no engine, no journal and no
// screen, and it asks nobody but World for the time.
package steps

import (
	"context"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/probe"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
)

// Kind is what can be done with the steps of one kind.
type Kind struct {
	// Preview says in plain sentences what Do would do now, changing nothing.
	Preview func(ctx context.Context, w World, j Job) ([]string, error)
	// Do does it. The error is the reason that the operator reads. Nil for steps that a person
	// does: they are ended by the person's word.
	Do func(ctx context.Context, w World, j Job) (Result, error)
	// Undo says what takes the step back; nil where nothing does.
	Undo func(w World, j Job) string
	// Stoppable: Do ends early when its context does. The others finish what they have begun.
	Stoppable bool
}

// Kinds is the table of all step kinds.
func Kinds() map[runbook.Kind]Kind {
	return map[runbook.Kind]Kind{
		runbook.KindManual:    manual(),
		runbook.KindChecklist: checklist(),
		runbook.KindNote:      note(),
		runbook.KindCommand:   command(),
		runbook.KindDeploy:    deploy(),
		runbook.KindMonitor:   monitor(),
		runbook.KindRollback:  rollback(),
	}
}

// World is all that a step can see and touch.
type World struct {
	Observer stack.Observer
	Deployer stack.Deployer
	Restorer stack.Restorer
	Senses   Senses
	// Want is the release that this run brings.
	Want stack.Want
	// Expect names the services that should be there after a deploy; empty: whatever is there.
	Expect []string
	// Back is the release that a rollback brings back.
	Back release.Ref
	// Environ is the whole environment of a command, "NAME=value".
	Environ []string
	// Dir is the working directory of a command.
	Dir string
	// Out takes lines of output; it is called from several goroutines, one at a time.
	Out func(Line)
	// Say takes what has been done, in plain sentences that belong in the record.
	Say stack.Say
	// Signalled is told of each signal ("INT", "TERM", "KILL") before it is sent.
	Signalled func(signal string)
	// Now is the clock.
	Now      func() time.Time
	Patience Patience
}

// Senses is what the world was last seen to be.
type Senses interface{ Sense() Sensed }

// Sensed is one picture of the target, as telemetry has it.
type Sensed struct {
	Snapshot stack.Snapshot
	Probes   []probe.Status
	// Down is why the target does not answer; empty when it does.
	Down string
}

// Job is one step to be done.
type Job struct {
	Step runbook.Step
	// Command is the text to run: the document's, or the operator's edit of it.
	Command string
}

// Result is what an ended step leaves besides its error.
type Result struct {
	ExitCode int
	// Evidence is one sentence for the record.
	Evidence string
	// Stopped: the step was ended by its context, not by itself.
	Stopped bool
	// Proof is the table of a rollback.
	Proof release.Proof
}

// Line is one cleaned line of output. Ours marks what flightdeck says itself.
type Line struct {
	Text  string
	Spans []clean.Span
	Ours  bool
}

// Patience is how long is waited before the next harder thing is done. Zero fields mean the
// values of DefaultPatience.
type Patience struct {
	// Interrupt follows SIGINT, Terminate follows SIGTERM.
	Interrupt, Terminate time.Duration
	// Pipe is granted to left-over processes that hold the output of an ended command open.
	Pipe time.Duration
	// Partial is how old a line without its newline gets before it is shown.
	Partial time.Duration
	// Verify bounds the waiting for health checks after a rollback.
	Verify time.Duration
}

// DefaultPatience is INT 15 s, TERM 5 s, pipe 1 s, partial lines 300 ms, verification 3 min.
func DefaultPatience() Patience {
	return Patience{Interrupt: 15 * time.Second, Terminate: 5 * time.Second, Pipe: time.Second,
		Partial: 300 * time.Millisecond, Verify: 3 * time.Minute}
}

func (p Patience) filled() Patience {
	d := DefaultPatience()
	for _, f := range []struct{ mine, standard *time.Duration }{
		{&p.Interrupt, &d.Interrupt}, {&p.Terminate, &d.Terminate}, {&p.Pipe, &d.Pipe},
		{&p.Partial, &d.Partial}, {&p.Verify, &d.Verify},
	} {
		if *f.mine <= 0 {
			*f.mine = *f.standard
		}
	}
	return p
}

// ours shows a sentence of flightdeck's own among the output.
func (w World) ours(text string) {
	if w.Out != nil {
		w.Out(Line{Text: clean.Name(text), Ours: true})
	}
}

// say tells the record, and shows the same among the output.
func (w World) say(text string) {
	w.ours(text)
	if w.Say != nil {
		w.Say(clean.Name(text))
	}
}
