package stack

import (
	"errors"
)

// ErrNothingRuns is what Record gives when the project has no container: a first deploy.
var ErrNothingRuns = errors.New("nothing runs yet")

// ErrNoRelease is what Ready and Restore give for a release that the ledger does not have.
var ErrNoRelease = errors.New("no such release in the ledger")

// ErrUnreachable marks an engine that does not answer.
var ErrUnreachable = errors.New("target does not answer")
