package run

import "time"

// Command is something that is wanted of a run: by the operator, or by the runner to report what
// became of an effect. Decide says whether it may be.
type Command interface{ command() }

// The operator's commands. By is the person; the runner fills it in.
type (
	// Confirm says yes to the plan. Typed must be the environment's name for production.
	Confirm struct{ By, Typed string }
	// LeaveOut takes a phase out before the run starts; Reason is required.
	LeaveOut struct{ Phase, Reason, By string }
	// TakeIn takes it back in.
	TakeIn struct{ Phase, By string }
	// Start begins a step, or begins it again after a failure.
	Start struct{ Step, By string }
	// Finish says that a manual step, note or checklist is done.
	Finish struct{ Step, Evidence, By string }
	// Tick sets one box of a checklist.
	Tick struct {
		Step, Item string
		On         bool
		By         string
	}
	// Edit replaces the text of a command that is not running.
	Edit struct{ Step, Text, By string }
	// Skip leaves a step out; Reason is required unless the step is optional.
	Skip struct{ Step, Reason, By string }
	// MarkDone vouches for a failed or unknown step; Reason is required.
	MarkDone struct{ Step, Reason, By string }
	// Stop asks a running step to end.
	Stop struct{ Step, By string }
	// Note adds a remark.
	Note struct{ Text, By string }
	// RollBack turns the run back.
	RollBack struct{ Reason, By string }
	// Close ends the run: Done when all steps are over, else Abandoned with a Reason.
	Close struct{ Reason, By string }
	// Record asks again for the recording of the current release after it failed.
	Record struct{ By string }
)

// The runner's reports of what became of the work in Due.
type (
	// Report carries an event that only the runner can know.
	Report struct{ Event Event }
	// Resume takes up a journal whose process is gone.
	Resume struct {
		By, Host, Notice string
		Away             time.Duration
	}
)

func (Confirm) command()  {}
func (LeaveOut) command() {}
func (TakeIn) command()   {}
func (Start) command()    {}
func (Finish) command()   {}
func (Tick) command()     {}
func (Edit) command()     {}
func (Skip) command()     {}
func (MarkDone) command() {}
func (Stop) command()     {}
func (Note) command()     {}
func (RollBack) command() {}
func (Close) command()    {}
func (Record) command()   {}
func (Report) command()   {}
func (Resume) command()   {}
