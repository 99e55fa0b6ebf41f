// Package probe measures things repeatedly: an HTTP endpoint, the health that docker reports.
//
// Its one rule: an outcome says exactly what happened. Our own inability to measure is an error,
// never a failure of the target, and no answer is never a good answer.
package probe

import "time"

// Outcome is what one measurement gave.
type Outcome string

// Pass and Fail are the target's doing; NoData is an answer that says nothing (still starting, no
// health check); Error is our own inability to measure.
const (
	Pass   Outcome = "pass"
	Fail   Outcome = "fail"
	NoData Outcome = "no-data"
	Error  Outcome = "error"
)

// Sample is one measurement.
type Sample struct {
	At      time.Time     `json:"at"`
	Outcome Outcome       `json:"outcome"`
	Took    time.Duration `json:"took"`
	Code    int           `json:"code,omitempty"`   // HTTP status or exit code
	Detail  string        `json:"detail,omitempty"` // short, cleaned: "connection refused", first bytes of a failing body
}

// State is where a probe stands, computed from its samples and the clock in the view.
type State string

// A probe that never ran is pending, one whose last sample is older than two intervals is stale.
const (
	Pending  State = "pending"
	Passing  State = "passing"
	Failing  State = "failing"
	Nothing  State = "no data"
	Erroring State = "error"
	Stale    State = "stale"
)

// Probe is what to measure.
type Probe struct {
	Name string `json:"name"`
	// Kind is "http" or "container".
	Kind string `json:"kind"`
	// URL is for http probes.
	URL string `json:"url,omitempty"`
	// Status is the HTTP status expected; 0 means any of 200..299.
	Status int `json:"status,omitempty"`
	// Service and Container are for container probes ("backend", "backend-1").
	Service   string `json:"service,omitempty"`
	Container string `json:"container,omitempty"`
	// Interval runs from the end of one sample to the start of the next. Timeout is below it.
	Interval time.Duration `json:"interval"`
	Timeout  time.Duration `json:"timeout"`
}

// Status is a probe with what it measured last, oldest sample first.
type Status struct {
	Probe   Probe    `json:"probe"`
	Samples []Sample `json:"samples"`
	// FailedInARow counts the failures at the end of Samples; NoData and Error neither clear nor
	// extend it, a pass clears it.
	FailedInARow int       `json:"failedInARow"`
	FirstFailed  time.Time `json:"firstFailed,omitzero"` // of the row of failures
}
