package run

import (
	"time"

	"flightdeck/internal/release"
	"flightdeck/runbook"
)

// Stage is where the whole run stands.
type Stage string

// Planned waits for the operator's yes; Checking resolves everything once more; Recording writes
// the current release down; Flying goes through the steps; TurningBack rolls back; Over is closed.
const (
	Planned     Stage = "planned"
	Checking    Stage = "checking"
	Recording   Stage = "recording"
	Unrecorded  Stage = "not recorded" // recording failed; nothing was changed
	Flying      Stage = "flying"
	TurningBack Stage = "turning back"
	TurnedBack  Stage = "turned back" // the rollback has ended, well or badly
	Over        Stage = "over"
)

// StepStatus is where one step stands.
type StepStatus string

// The statuses. Unknown is a step that had begun when its process died.
const (
	ToDo      StepStatus = "to do"
	Running   StepStatus = "running"
	Stopping  StepStatus = "stopping"
	Succeeded StepStatus = "done"
	Marked    StepStatus = "marked done"
	Skipped   StepStatus = "skipped"
	LeftOut   StepStatus = "left out"
	Broken    StepStatus = "failed"
	Unknown   StepStatus = "outcome unknown"
)

// Over says that nothing more is to be done for a step.
func (s StepStatus) Over() bool {
	return s == Succeeded || s == Marked || s == Skipped || s == LeftOut
}

// StepState is a step with what has become of it.
type StepState struct {
	Step      runbook.Step
	PhaseID   string
	Phase     string // title
	Status    StepStatus
	Attempt   int
	StartedAt time.Time
	EndedAt   time.Time
	Took      time.Duration
	ExitCode  int
	Reason    string // of a failure, a skip, a mark
	Stopped   bool   // failed because it was stopped: by the stop key, or by a rollback
	Evidence  string
	Tail      []string
	By        string
	// Command is the text that would run now: the document's, or the operator's edit.
	Command string
	Edited  bool
	Ticked  map[string]ItemState // by item ID
	Signals []string             // sent by a stop, in order
}

// ItemState is one ticked or unticked box.
type ItemState struct {
	On bool
	By string
	At time.Time
}

// Remark is a line for the record.
type Remark struct {
	At   time.Time
	Text string
	By   string
}

// RollbackState is the way back.
type RollbackState struct {
	AskedAt   time.Time
	By        string
	Reason    string
	StartedAt time.Time
	EndedAt   time.Time
	From, To  release.Ref
	Did       []Remark
	Proof     release.Proof
	OK        bool
	Failure   string // why it could not be done, and what state is left
	Took      time.Duration
}

// State is the fold of a journal. The zero State is a run that was never opened.
type State struct {
	Opened    Opened
	OpenedAt  time.Time
	Seq       uint64
	LastAt    time.Time
	Stage     Stage
	Confirmed Confirmed
	// StartedAt is the operator's yes.
	StartedAt time.Time
	Steps     []StepState       // forward path, in document order
	LeftOut   map[string]string // phase ID -> reason
	Recorded  release.Ref
	Readiness release.Readiness
	RecordErr string
	MovedWhy  string // the plan moved: why the operator is asked again
	Rollback  RollbackState
	Judged    ReleaseJudged
	Remarks   []Remark
	Noticed   Remark // the last thing that flightdeck itself noticed
	Resumes   int
	Outcome   Outcome
	ClosedAt  time.Time
	CloseWhy  string
}

// Current is the index of the first step that is not over, or len(Steps).
func (s State) Current() int {
	for i, st := range s.Steps {
		if !st.Status.Over() {
			return i
		}
	}
	return len(s.Steps)
}

// Find gives a step by its ID.
func (s State) Find(id string) (StepState, bool) {
	for _, st := range s.Steps {
		if st.Step.ID == id {
			return st, true
		}
	}
	return StepState{}, false
}

// Work is something that ought to be going on.
type Work struct {
	Kind WorkKind
	Step string // for WorkStep, WorkStop and WorkBegin
}

// WorkKind is what sort of work.
type WorkKind string

// The work a runner can have: resolve the plan again, record, begin a step that needs no key
// press, run a step, stop one, roll back, judge the new release, close.
const (
	WorkCheck    WorkKind = "check"
	WorkRecord   WorkKind = "record"
	WorkBegin    WorkKind = "begin"
	WorkStep     WorkKind = "step"
	WorkStop     WorkKind = "stop"
	WorkRollback WorkKind = "rollback"
	WorkJudge    WorkKind = "judge"
	WorkClose    WorkKind = "close"
)
