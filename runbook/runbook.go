// Package runbook turns a Markdown document that people already read into phases and steps.
//
// Its one rule: a document is never changed, and nothing of it is lost; what is not a step is
// kept as a block that can be read in place.
package runbook

import (
	"fmt"
	"time"
)

// Position is a place in a source file. Line and Column count from 1; zero means unknown.
type Position struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// String is "file:line:column", the form that editors and terminals make clickable.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Severity says what a Problem means for a run.
type Severity string

// An error refuses the document; a warning is shown on the plan screen; a notice only in lint.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNotice  Severity = "notice"
)

// Problem is something wrong with a document: what, where, and what to do about it.
type Problem struct {
	Pos      Position `json:"pos"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
}

// Error makes a Problem usable as an error: "file:line:column: message (hint)".
func (p Problem) Error() string {
	s := p.Message
	if at := p.Pos.String(); at != "" {
		s = at + ": " + s
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Runbook is a document as flightdeck read it.
type Runbook struct {
	Title  string `json:"title"`
	File   string `json:"file"`
	Digest string `json:"digest"` // "sha256:<hex>" of the source
	// Intro is what stands before the first phase.
	Intro []Block `json:"intro,omitempty"`
	// Phases is the forward path, in document order.
	Phases []Phase `json:"phases"`
	// Procedures are the sections apart from the forward path: rolling back, emergencies.
	Procedures []Procedure `json:"procedures,omitempty"`
	Problems   []Problem   `json:"problems,omitempty"`
}

// Steps lists the steps of the forward path in order.
func (r Runbook) Steps() []Step {
	var out []Step
	for _, p := range r.Phases {
		out = append(out, p.Steps...)
	}
	return out
}

// Refused gives the problems that forbid a run.
func (r Runbook) Refused() []Problem {
	var out []Problem
	for _, p := range r.Problems {
		if p.Severity == SeverityError {
			out = append(out, p)
		}
	}
	return out
}

// ProcedureKind says what a section apart is for.
type ProcedureKind string

// The kinds of procedure; anything else in the document is the forward path.
const (
	ProcedureRollback        ProcedureKind = "rollback"
	ProcedureEmergency       ProcedureKind = "emergency"
	ProcedureTroubleshooting ProcedureKind = "troubleshooting"
	ProcedureReference       ProcedureKind = "reference" // examples, appendices, questions and answers
)

// Procedure is a section apart, with the same inner form as the forward path.
type Procedure struct {
	Kind   ProcedureKind `json:"kind"`
	Title  string        `json:"title"`
	Phases []Phase       `json:"phases"`
	Pos    Position      `json:"pos"`
}

// Phase is a section with its steps. A phase without steps is context: readable, not counted.
type Phase struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Context []Block  `json:"context,omitempty"`
	Steps   []Step   `json:"steps,omitempty"`
	Pos     Position `json:"pos"`
}

// Kind is what a step is.
type Kind string

// The step kinds. Deploy, Monitor, Note and Rollback are written in ```flightdeck fences.
const (
	KindManual    Kind = "manual"    // a thing a person does and then says is done
	KindChecklist Kind = "checklist" // task items, each ticked by a person
	KindCommand   Kind = "command"   // a shell fence, run on Enter
	KindDeploy    Kind = "deploy"    // compose up of the new release
	KindMonitor   Kind = "monitor"   // wait until healthy, and stay so for a time
	KindNote      Kind = "note"      // text to be read and acknowledged
	KindRollback  Kind = "rollback"  // restore the recorded release and prove it
)

// Changes says whether a step of this kind may change the target.
func (k Kind) Changes() bool {
	return k == KindCommand || k == KindDeploy || k == KindRollback
}

// Step is one thing to do.
type Step struct {
	// ID is stable over edits elsewhere in the document: made of the phase, the text and an
	// ordinal among equals, never of the line number.
	ID    string `json:"id"`
	Kind  Kind   `json:"kind"`
	Title string `json:"title"`
	// Why is what the author wrote before the step: prose, callouts, reference blocks.
	Why []Block `json:"why,omitempty"`
	// Items are the boxes of a checklist, nested by Depth.
	Items []Item `json:"items,omitempty"`
	// Command is set for KindCommand.
	Command *Command `json:"command,omitempty"`
	// With are the arguments of a built-in step ("services", "for", "timeout", "remove-orphans").
	With map[string]string `json:"with,omitempty"`
	// Optional steps may be skipped without a reason.
	Optional bool     `json:"optional,omitempty"`
	Pos      Position `json:"pos"`
}

// Item is one box of a checklist.
type Item struct {
	ID    string `json:"id"`
	Text  string `json:"text"`
	Depth int    `json:"depth,omitempty"`
	// TickedInSource: the author's file has the box ticked. A run starts unticked all the same.
	TickedInSource bool     `json:"tickedInSource,omitempty"`
	Pos            Position `json:"pos"`
}

// Command is a shell fence.
type Command struct {
	Text string `json:"text"`
	Lang string `json:"lang,omitempty"`
	Name string `json:"name,omitempty"`
	// Timeout bounds the run of the command; zero means no limit.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Undo is the command that takes this one back, shown beside it.
	Undo string `json:"undo,omitempty"`
	// Terminal: the command asks for a terminal (a pty) instead of pipes.
	Terminal bool `json:"terminal,omitempty"`
	// Placeholders are what must be filled in before it may run, in order of appearance.
	Placeholders []string `json:"placeholders,omitempty"`
}

// BlockKind is the form of a block of text.
type BlockKind string

// The kinds of block that are kept and shown.
const (
	BlockText    BlockKind = "text"    // a paragraph
	BlockList    BlockKind = "list"    // plain bullets; Text has one bullet a line
	BlockCode    BlockKind = "code"    // a fence that is reference, not a command
	BlockTable   BlockKind = "table"   // Text is the table in source form, columns aligned
	BlockCallout BlockKind = "callout" // note, tip, important, warning, caution
	BlockHeading BlockKind = "heading" // a sub-heading inside a phase
)

// Block is text of the document that is not a step.
type Block struct {
	Kind BlockKind `json:"kind"`
	Text string    `json:"text"`
	// Lang is the language of a code block, or the keyword of a callout in lower case.
	Lang string   `json:"lang,omitempty"`
	Pos  Position `json:"pos"`
}
