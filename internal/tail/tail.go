// Package tail keeps the last lines of a stream in a bounded ring, numbered so that any number of
// readers can follow at their own pace and know exactly what they missed.
//
// Its one rule: a writer never waits for a reader, and a loss is always counted, never silent.
package tail

import (
	"time"

	"flightdeck/internal/clean"
)

// Kind says what a line is.
type Kind uint8

// Out and Err are what the process wrote. Mark is an inline row of ours ("backend-1 recreated").
// Gap is a row of ours that says something is missing.
const (
	Out Kind = iota
	Err
	Mark
	Gap
)

// Line is one cleaned line. Seq counts from 1 and never repeats within a ring.
type Line struct {
	Seq    uint64
	At     time.Time // when it was written, by the source's clock if it says so
	Source string    // container short name ("backend-1"), or the step
	Kind   Kind
	Text   string
	Spans  []clean.Span
}

// Batch is what a reader gets.
type Batch struct {
	Lines []Line
	// First is the oldest sequence number still kept, Last the newest written so far.
	First, Last uint64
	// Missed counts lines that were dropped between the reader's position and First.
	Missed uint64
}
