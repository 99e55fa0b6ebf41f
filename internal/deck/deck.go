// Package deck is all that a front end (the cockpit, the plain and JSON outputs) sees of a runner.
//
// Its one rule: it is small enough to be served over a socket; no front end knows more.
package deck

import (
	"context"
	"time"

	"flightdeck/internal/probe"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
)

// Deck is all that the cockpit knows of the runner.
type Deck interface {
	// Do asks for something; the error is the sentence the operator reads.
	Do(ctx context.Context, c run.Command) error
	// After gives the entries past seq; it waits until there is one or ctx ends.
	After(ctx context.Context, seq uint64) ([]run.Entry, error)
	// Lines gives lines of a ring past seq, at most max, without waiting. The ring "logs" holds
	// the logs of all services; "step/<id>" the output of a step.
	Lines(ring string, after uint64, max int) tail.Batch
	// Look is the telemetry as last seen. It never waits.
	Look() Look
	// Attend says which containers' usage is on screen; only those are streamed.
	Attend(containers []string)
}

// Look is telemetry: the newest of everything that is not in the journal.
type Look struct {
	// Generation moves whenever anything in the Look did.
	Generation uint64
	Snapshot   stack.Snapshot
	Probes     []probe.Status
	Usage      map[string]stack.Usage // by container ID, only of what is attended
	// Down is why the target does not answer; empty when it does. DownSince belongs to it.
	Down      string
	DownSince time.Time
	SeenAt    time.Time // last answer of the target
	// Fault is why the runner begins nothing any more: the journal cannot be written. Empty else.
	Fault string
	// LogGeneration is the newest sequence number of the ring "logs".
	LogGeneration uint64
	// StepGenerations has the newest sequence number of each step's ring.
	StepGenerations map[string]uint64
}
