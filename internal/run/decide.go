package run

import (
	"errors"
	"fmt"
	"strings"

	"flightdeck/runbook"
)

// Decide says whether a command may be given now, and what it would mean. The error is the
// sentence that the operator reads; a key is enabled exactly when there is none.
func Decide(s State, c Command) ([]Event, error) {
	if s.Opened.Run == "" {
		return nil, errors.New("there is no run")
	}
	if s.Stage == Over {
		return nil, fmt.Errorf("the run is over: %s", s.Outcome)
	}
	switch c := c.(type) {
	case Confirm:
		return decideConfirm(s, c)
	case LeaveOut:
		return decideLeaveOut(s, c)
	case TakeIn:
		return decideTakeIn(s, c)
	case Record:
		if s.Stage != Unrecorded {
			return nil, errors.New("the current release is already recorded, or not to be recorded yet")
		}
		return one(RecordStarted{})
	case Note:
		if strings.TrimSpace(c.Text) == "" {
			return nil, errors.New("the note is empty")
		}
		return one(NoteAdded(c))
	case RollBack:
		return decideRollBack(s, c)
	case Close:
		return decideClose(s, c)
	case Report:
		return one(c.Event)
	case Resume:
		return one(Resumed{By: c.By, Host: c.Host, Away: c.Away, Notice: c.Notice})
	}
	return decideStep(s, c)
}

func one(ev Event) ([]Event, error) { return []Event{ev}, nil }

func decideConfirm(s State, c Confirm) ([]Event, error) {
	if s.Stage != Planned {
		return nil, errors.New("the plan is already confirmed")
	}
	if len(s.Steps) == 0 {
		return nil, errors.New("the runbook has no steps, there is nothing to run")
	}
	if s.Current() == len(s.Steps) {
		return nil, errors.New("every section is left out, there is nothing to run")
	}
	if s.Opened.Class != Local && s.Opened.Class != Development && s.Opened.Class != Staging && c.Typed != s.Opened.Environment {
		return nil, fmt.Errorf("type the environment's name, %s, to confirm", s.Opened.Environment)
	}
	return one(Confirmed(c))
}

func decideLeaveOut(s State, c LeaveOut) ([]Event, error) {
	if s.Stage != Planned {
		return nil, errors.New("sections can only be left out before the run starts; skip steps instead")
	}
	if !hasPhase(s, c.Phase) {
		return nil, errors.New("this section has no steps")
	}
	if _, out := s.LeftOut[c.Phase]; out {
		return nil, errors.New("this section is left out already")
	}
	if strings.TrimSpace(c.Reason) == "" {
		return nil, errors.New("give a reason for leaving a section out")
	}
	return one(SectionLeftOut(c))
}

func decideTakeIn(s State, c TakeIn) ([]Event, error) {
	if s.Stage != Planned {
		return nil, errors.New("the run has started")
	}
	if _, out := s.LeftOut[c.Phase]; !out {
		return nil, errors.New("this section is not left out")
	}
	return one(SectionTakenIn(c))
}

func hasPhase(s State, id string) bool {
	for _, st := range s.Steps {
		if st.PhaseID == id {
			return true
		}
	}
	return false
}

func decideRollBack(s State, c RollBack) ([]Event, error) {
	switch s.Stage {
	case TurningBack:
		return nil, errors.New("the rollback is running already")
	case TurnedBack:
		return nil, errors.New("this run has been rolled back already; a rollback is never rolled back")
	case Planned, Checking, Recording, Unrecorded:
		return nil, errors.New("nothing has been changed yet; leave with q, there is nothing to roll back")
	}
	if s.Opened.Mode == ModeRollback {
		return nil, errors.New("this run is a rollback itself; a rollback is never rolled back")
	}
	if !Changed(s) {
		return nil, errors.New("no step has changed anything yet; leave with q, there is nothing to roll back")
	}
	if !s.Readiness.Ready {
		return nil, fmt.Errorf("rollback blocked: %s", orUnknown(s.Readiness.Reason))
	}
	return one(RollbackAsked(c))
}

// Changed says whether a step that may change the target has begun.
func Changed(s State) bool {
	for _, st := range s.Steps {
		if st.Step.Kind.Changes() && st.Attempt > 0 {
			return true
		}
	}
	return false
}

func orUnknown(reason string) string {
	if reason == "" {
		return "its readiness was not proven"
	}
	return reason
}

func decideClose(s State, c Close) ([]Event, error) {
	switch s.Stage {
	case TurnedBack:
		if s.Rollback.OK {
			return one(Closed{Outcome: RolledBack, Reason: s.Rollback.Reason, By: c.By})
		}
		return one(Closed{Outcome: RollbackFailed, Reason: s.Rollback.Failure, By: c.By})
	case TurningBack:
		return nil, errors.New("the rollback is running; it is finished first")
	case Checking, Recording:
		return nil, errors.New("one moment: the plan is being checked and the current release recorded")
	case Planned, Unrecorded:
		return one(Closed{Outcome: Abandoned, Reason: reasonOr(c.Reason, "left before anything was changed"), By: c.By})
	}
	for _, st := range s.Steps {
		if (st.Status == Running || st.Status == Stopping) && HasEffect(st.Step.Kind) {
			return nil, fmt.Errorf("step %q is still running", st.Step.Title)
		}
	}
	if s.Current() == len(s.Steps) {
		return one(closedAtEnd(s, c))
	}
	if strings.TrimSpace(c.Reason) == "" {
		return nil, errors.New("steps are still to be done: give a reason for abandoning the run, or roll back")
	}
	if s.Opened.Mode == ModeRollback && !s.Rollback.EndedAt.IsZero() {
		closed := closedAtEnd(s, c) // its proof decides, whatever else is left to do
		closed.Reason = reasonOr(closed.Reason, c.Reason)
		return one(closed)
	}
	outcome := Abandoned
	if st := s.Steps[s.Current()]; st.Status == Broken {
		outcome = Failed
	}
	return one(Closed{Outcome: outcome, Reason: c.Reason, By: c.By})
}

// closedAtEnd: a rollback run is judged by its proof, not by its ticks.
func closedAtEnd(s State, c Close) Closed {
	switch {
	case s.Opened.Mode != ModeRollback:
		return Closed{Outcome: Done, By: c.By}
	case s.Rollback.EndedAt.IsZero():
		return Closed{Outcome: Abandoned, Reason: "the rollback step was not done", By: c.By}
	case s.Rollback.OK:
		return Closed{Outcome: RolledBack, By: c.By}
	}
	return Closed{Outcome: RollbackFailed, Reason: s.Rollback.Failure, By: c.By}
}

func reasonOr(reason, otherwise string) string {
	if strings.TrimSpace(reason) == "" {
		return otherwise
	}
	return reason
}

func decideStep(s State, c Command) ([]Event, error) {
	id := stepOf(c)
	st, ok := s.Find(id)
	if !ok {
		return nil, fmt.Errorf("the runbook has no step %q", id)
	}
	if err := stepsOpen(s); err != nil {
		return nil, err
	}
	switch c := c.(type) {
	case Start:
		return decideStart(s, st, c)
	case Finish:
		return decideFinish(s, st, c)
	case Tick:
		return decideTick(st, c)
	case Edit:
		return decideEdit(st, c)
	case Skip:
		return decideSkip(st, c)
	case MarkDone:
		return decideMarkDone(st, c)
	case Stop:
		return decideStop(st, c)
	}
	return nil, fmt.Errorf("nobody knows the command %T", c)
}

func stepOf(c Command) string {
	switch c := c.(type) {
	case Start:
		return c.Step
	case Finish:
		return c.Step
	case Tick:
		return c.Step
	case Edit:
		return c.Step
	case Skip:
		return c.Step
	case MarkDone:
		return c.Step
	case Stop:
		return c.Step
	}
	return ""
}

func stepsOpen(s State) error {
	switch s.Stage {
	case Flying:
		return nil
	case Planned:
		return errors.New("confirm the plan first")
	case Checking, Recording:
		return errors.New("one moment: the plan is being checked and the current release recorded")
	case Unrecorded:
		return fmt.Errorf("the current release could not be recorded, so nothing may be changed: %s", s.RecordErr)
	}
	return errors.New("the run is turning back; no step goes forward any more")
}

// inOrder refuses to begin a step while an earlier one is open: the author's order is a safety
// rule, and skipping ahead is done by Skip, with a reason.
func inOrder(s State, st StepState) error {
	for _, other := range s.Steps {
		if other.Step.ID == st.Step.ID {
			return nil
		}
		if !other.Status.Over() {
			return fmt.Errorf("step %q comes first (%s)", other.Step.Title, other.Status)
		}
	}
	return nil
}

func decideStart(s State, st StepState, c Start) ([]Event, error) {
	if !HasEffect(st.Step.Kind) {
		return nil, errors.New("this step is done by a person: tick it or say that it is done")
	}
	switch st.Status {
	case Running, Stopping:
		return nil, errors.New("the step is running already")
	case Succeeded, Marked, Skipped, LeftOut:
		return nil, fmt.Errorf("the step is %s", st.Status)
	}
	if err := inOrder(s, st); err != nil {
		return nil, err
	}
	if missing := unfilled(st); len(missing) > 0 {
		return nil, fmt.Errorf("fill in %s first: press e to edit the command", strings.Join(missing, ", "))
	}
	return one(StepStarted{Step: c.Step, Attempt: st.Attempt + 1, Command: st.Command, By: c.By})
}

// unfilled lists the placeholders of a command that the operator has not edited. Variables ($NAME)
// are left to the step, which knows the environment that the command will see.
func unfilled(st StepState) []string {
	if st.Step.Command == nil || st.Edited {
		return nil
	}
	var out []string
	for _, p := range st.Step.Command.Placeholders {
		if !strings.HasPrefix(p, "$") {
			out = append(out, p)
		}
	}
	return out
}

func decideFinish(s State, st StepState, c Finish) ([]Event, error) {
	if HasEffect(st.Step.Kind) {
		return nil, errors.New("this step is run by flightdeck; it is done when it has succeeded")
	}
	if st.Status.Over() {
		return nil, fmt.Errorf("the step is %s", st.Status)
	}
	if err := inOrder(s, st); err != nil {
		return nil, err
	}
	if open := openItems(st); open > 0 {
		return nil, fmt.Errorf("%d of %d items are not ticked: tick them, or skip the step with a reason", open, len(st.Step.Items))
	}
	return one(StepSucceeded{Step: c.Step, Attempt: st.Attempt + 1, Evidence: c.Evidence, By: c.By})
}

func openItems(st StepState) int {
	open := 0
	for _, it := range st.Step.Items {
		if !st.Ticked[it.ID].On {
			open++
		}
	}
	return open
}

func decideTick(st StepState, c Tick) ([]Event, error) {
	if st.Step.Kind != runbook.KindChecklist {
		return nil, errors.New("this step has no boxes to tick")
	}
	if st.Status.Over() {
		return nil, fmt.Errorf("the step is %s", st.Status)
	}
	for _, it := range st.Step.Items {
		if it.ID != c.Item {
			continue
		}
		if st.Ticked[c.Item].On == c.On {
			return nil, errors.New("the box is so already")
		}
		return one(ItemTicked(c))
	}
	return nil, errors.New("the checklist has no such item")
}

func decideEdit(st StepState, c Edit) ([]Event, error) {
	if st.Step.Kind != runbook.KindCommand {
		return nil, errors.New("only the text of a command can be edited")
	}
	if st.Status == Running || st.Status == Stopping {
		return nil, errors.New("the command is running; stop it first")
	}
	if st.Status.Over() {
		return nil, fmt.Errorf("the step is %s", st.Status)
	}
	if strings.TrimSpace(c.Text) == "" {
		return nil, errors.New("the command is empty; skip the step instead")
	}
	if c.Text == st.Command {
		return nil, errors.New("the command is unchanged")
	}
	return one(CommandEdited{Step: c.Step, Old: st.Command, New: c.Text, By: c.By})
}

func decideSkip(st StepState, c Skip) ([]Event, error) {
	switch {
	case st.Status == Running && HasEffect(st.Step.Kind), st.Status == Stopping:
		return nil, errors.New("the step is running; stop it first")
	case st.Status.Over():
		return nil, fmt.Errorf("the step is %s", st.Status)
	case strings.TrimSpace(c.Reason) == "" && !st.Step.Optional:
		return nil, errors.New("give a reason for skipping the step")
	}
	return one(StepSkipped(c))
}

func decideMarkDone(st StepState, c MarkDone) ([]Event, error) {
	switch {
	case st.Status != Broken && st.Status != Unknown:
		return nil, errors.New("only a failed or interrupted step can be marked done")
	case strings.TrimSpace(c.Reason) == "":
		return nil, errors.New("say how you know that the step is done")
	}
	return one(StepMarkedDone(c))
}

func decideStop(st StepState, c Stop) ([]Event, error) {
	switch {
	case st.Status == Stopping:
		return nil, errors.New("the step is being stopped already")
	case st.Status != Running:
		return nil, errors.New("the step is not running")
	case st.Step.Kind == runbook.KindDeploy:
		return nil, errors.New("a running deploy is never cut off: that could leave a service down; it ends by itself, then roll back")
	case st.Step.Kind == runbook.KindRollback:
		return nil, errors.New("a rollback is never cut off half-way")
	}
	return one(StopAsked(c))
}
