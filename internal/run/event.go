// Package run is the meaning of a run: what may happen (Decide), what it meant (Apply), and what
// ought to be going on now (Due).
//
// Its one rule: all three are pure. No clock, no IO, no randomness; an entry carries its time.
package run

import (
	"time"

	"flightdeck/internal/release"
	"flightdeck/runbook"
)

// Entry is one line of the journal.
type Entry struct {
	Seq   uint64
	At    time.Time
	Event Event
}

// Event is a fact that changed the meaning of a run. The set is closed: see kinds.go.
type Event interface{ Kind() string }

// Opened starts a journal: everything that was resolved when the plan was made.
type Opened struct {
	Run         string            `json:"run"`
	Version     string            `json:"flightdeck"` // of flightdeck itself
	Mode        Mode              `json:"mode"`       // deploy, rollback or run
	Project     string            `json:"project"`
	Environment string            `json:"environment"` // "production"
	Class       Class             `json:"class"`       // what kind of environment it is
	Target      Target            `json:"target"`
	Operator    string            `json:"operator"`
	Host        string            `json:"host"` // the machine flightdeck runs on
	Branch      string            `json:"branch,omitempty"`
	Commit      string            `json:"commit,omitempty"`
	Dirty       bool              `json:"dirty,omitempty"`
	From        release.Ref       `json:"from"`
	To          release.Ref       `json:"to"`
	PlanDigest  string            `json:"planDigest"`
	Changes     []release.Change  `json:"changes,omitempty"`
	Readiness   release.Readiness `json:"readiness"`
	Runbook     runbook.Runbook   `json:"runbook"`
	Source      string            `json:"source"` // the runbook's text, so that a resume never depends on the file
	Deadline    time.Time         `json:"deadline,omitzero"`
	// Warnings are what the operator should know before saying yes.
	Warnings []string `json:"warnings,omitempty"`
	// Hint is a guiding line for the operator, used by the demo.
	Hint string `json:"hint,omitempty"`
}

// Mode is what a run is for.
type Mode string

// A deploy records the current release first; a rollback brings one back; a plain run does
// neither by itself.
const (
	ModeDeploy   Mode = "deploy"
	ModeRollback Mode = "rollback"
	ModeRun      Mode = "run"
)

// Class is the kind of an environment. Unknown classes are treated as production.
type Class string

// The classes of environment.
const (
	Production  Class = "production"
	Staging     Class = "staging"
	Development Class = "development"
	Local       Class = "local"
)

// Target is the place, as it was when the run was opened.
type Target struct {
	Kind    string `json:"kind"`
	Host    string `json:"host"`
	Name    string `json:"name,omitempty"`
	Context string `json:"context,omitempty"`
	Engine  string `json:"engine,omitempty"`
	Compose string `json:"compose,omitempty"`
	URL     string `json:"url,omitempty"`
}

// Confirmed is the operator's yes to the plan.
type Confirmed struct {
	By    string `json:"by"`
	Typed string `json:"typed,omitempty"` // what was typed, for production the environment's name
}

// PlanMoved says that something changed between the plan and the yes: the operator is asked again.
type PlanMoved struct {
	Why        string           `json:"why"`
	PlanDigest string           `json:"planDigest"`
	From       release.Ref      `json:"from"`
	To         release.Ref      `json:"to"`
	Changes    []release.Change `json:"changes,omitempty"`
}

// SectionLeftOut takes a phase out of the run before it starts.
type SectionLeftOut struct {
	Phase  string `json:"phase"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// SectionTakenIn takes a phase back in.
type SectionTakenIn struct {
	Phase string `json:"phase"`
	By    string `json:"by"`
}

// RecordStarted comes before the current release is written to the ledger.
type RecordStarted struct{}

// Recorded says that the current release is in the ledger, protected, and can be restored. A
// first deploy has Readiness.Ready false with the reason that nothing ran before.
type Recorded struct {
	Release   release.Ref       `json:"release"`
	Readiness release.Readiness `json:"readiness"`
}

// RecordFailed says why the current release could not be recorded; nothing was changed.
type RecordFailed struct {
	Reason string `json:"reason"`
}

// ReadinessChecked is a later look at whether the rollback would still work.
type ReadinessChecked struct {
	Readiness release.Readiness `json:"readiness"`
}

// StepStarted comes before the effect of a step.
type StepStarted struct {
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`           // from 1
	Command string `json:"command,omitempty"` // exactly what will run
	By      string `json:"by"`
}

// StepSucceeded ends an attempt well.
type StepSucceeded struct {
	Step     string        `json:"step"`
	Attempt  int           `json:"attempt"`
	Took     time.Duration `json:"took"`
	ExitCode int           `json:"exitCode,omitempty"`
	Evidence string        `json:"evidence,omitempty"`
	By       string        `json:"by,omitempty"` // for steps that a person does
}

// StepFailed ends an attempt badly. Stopped: by the operator's stop key.
type StepFailed struct {
	Step     string        `json:"step"`
	Attempt  int           `json:"attempt"`
	Took     time.Duration `json:"took"`
	ExitCode int           `json:"exitCode,omitempty"`
	Reason   string        `json:"reason"`
	Tail     []string      `json:"tail,omitempty"`
	Stopped  bool          `json:"stopped,omitempty"`
}

// StepSkipped says that a step will not be done.
type StepSkipped struct {
	Step   string `json:"step"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// StepMarkedDone says that a person vouches for a step whose effect flightdeck did not see.
type StepMarkedDone struct {
	Step   string `json:"step"`
	Reason string `json:"reason"`
	By     string `json:"by"`
}

// ItemTicked is one box of a checklist, on or off.
type ItemTicked struct {
	Step string `json:"step"`
	Item string `json:"item"`
	On   bool   `json:"on"`
	By   string `json:"by"`
}

// CommandEdited replaces the text of a command for this run; the document stays as it is.
type CommandEdited struct {
	Step string `json:"step"`
	Old  string `json:"old"`
	New  string `json:"new"`
	By   string `json:"by"`
}

// StopAsked is the stop key on a running step.
type StopAsked struct {
	Step string `json:"step"`
	By   string `json:"by"`
}

// Signalled records each signal of a stop: INT, TERM, KILL.
type Signalled struct {
	Step   string `json:"step"`
	Signal string `json:"signal"`
}

// NoteAdded is a remark of the operator for the record.
type NoteAdded struct {
	Text string `json:"text"`
	By   string `json:"by"`
}

// RollbackAsked is the decision to go back. From here on the run only turns back.
type RollbackAsked struct {
	Reason string `json:"reason,omitempty"`
	By     string `json:"by"`
}

// RollbackStarted comes before the first change of a rollback.
type RollbackStarted struct {
	From release.Ref `json:"from"`
	To   release.Ref `json:"to"`
}

// RollbackDid is one thing that the rollback has done.
type RollbackDid struct {
	Text string `json:"text"`
}

// RollbackEnded carries the proof. OK false with an empty proof means that it could not be done;
// Reason then says what state is left.
type RollbackEnded struct {
	Proof  release.Proof `json:"proof"`
	OK     bool          `json:"ok"`
	Reason string        `json:"reason,omitempty"`
	Took   time.Duration `json:"took"`
}

// ReleaseJudged says what was found of the release that this run brought.
type ReleaseJudged struct {
	Release release.Ref    `json:"release"`
	Status  release.Status `json:"status"`
	Why     string         `json:"why,omitempty"`
}

// Resumed says that a new process took the run up after the old one was gone.
type Resumed struct {
	By     string        `json:"by"`
	Host   string        `json:"host"`
	Away   time.Duration `json:"away"`             // since the last entry
	Notice string        `json:"notice,omitempty"` // "a torn last line of 37 bytes was dropped"
}

// Noticed is something the record should hold that changes nothing.
type Noticed struct {
	Text string `json:"text"`
}

// Closed ends the run.
type Closed struct {
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
	By      string  `json:"by,omitempty"`
}

// Outcome is how a run ended.
type Outcome string

// The outcomes; Abandoned is a run that was left before its end without a rollback.
const (
	Done           Outcome = "done"
	Failed         Outcome = "failed"
	Abandoned      Outcome = "abandoned"
	RolledBack     Outcome = "rolled back"
	RollbackFailed Outcome = "rollback failed"
)

// ExitCode is the process exit code for the outcome (DESIGN.md section 8).
func (o Outcome) ExitCode() int {
	switch o {
	case Done:
		return 0
	case RolledBack:
		return 5
	case RollbackFailed:
		return 6
	}
	return 1
}
