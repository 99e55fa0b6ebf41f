package run

import (
	"maps"
	"slices"
	"time"
)

// Fold applies every entry to a fresh State.
func Fold(entries []Entry) State {
	var s State
	for _, e := range entries {
		s.Apply(e)
	}
	return s
}

// Apply takes one entry into the state. Entries come in order; an event that does not fit (of a
// later version, of a step that is not there) changes nothing but the sequence number. The state
// shares no memory that Apply changes with earlier copies of it, so a copy is a picture.
func (s *State) Apply(e Entry) {
	s.Seq, s.LastAt = e.Seq, e.At
	switch ev := e.Event.(type) {
	case Opened:
		s.open(ev, e.At)
	case Confirmed:
		s.Confirmed, s.Stage, s.MovedWhy = ev, Checking, ""
		if s.StartedAt.IsZero() {
			s.StartedAt = e.At
		}
	case PlanMoved:
		s.planMoved(ev)
	case SectionLeftOut:
		s.leaveOut(ev.Phase, ev.Reason, LeftOut)
	case SectionTakenIn:
		s.leaveOut(ev.Phase, "", ToDo)
	case ReadinessChecked:
		s.Readiness = ev.Readiness
	case NoteAdded:
		s.Remarks = append(slices.Clip(s.Remarks), Remark{At: e.At, Text: ev.Text, By: ev.By})
	case Noticed:
		s.Noticed = Remark{At: e.At, Text: ev.Text}
	case ReleaseJudged:
		s.Judged = ev
	case Resumed:
		s.resume(e.At)
	case Closed:
		s.Stage, s.Outcome, s.ClosedAt, s.CloseWhy = Over, ev.Outcome, e.At, ev.Reason
	default:
		s.applyRecord(e)
		s.applyStep(e)
		s.applyRollback(e)
	}
}

func (s *State) applyRecord(e Entry) {
	switch ev := e.Event.(type) {
	case RecordStarted:
		s.Stage, s.RecordErr = Recording, ""
	case Recorded:
		s.Recorded, s.Readiness, s.Stage, s.RecordErr = ev.Release, ev.Readiness, Flying, ""
	case RecordFailed:
		s.Stage, s.RecordErr = Unrecorded, ev.Reason
	}
}

func (s *State) applyStep(e Entry) {
	switch ev := e.Event.(type) {
	case StepStarted:
		s.step(ev.Step, func(st *StepState) {
			*st = StepState{Step: st.Step, PhaseID: st.PhaseID, Phase: st.Phase, Command: st.Command, Edited: st.Edited,
				Ticked: st.Ticked, Status: Running, Attempt: ev.Attempt, StartedAt: e.At, By: ev.By}
		})
	case StepSucceeded:
		s.step(ev.Step, func(st *StepState) {
			st.end(Succeeded, e.At, ev.Took, ev.ExitCode, "")
			st.Evidence = ev.Evidence
			if ev.By != "" {
				st.By = ev.By
			}
		})
	case StepFailed:
		s.step(ev.Step, func(st *StepState) {
			st.end(Broken, e.At, ev.Took, ev.ExitCode, ev.Reason)
			st.Tail, st.Stopped = ev.Tail, ev.Stopped
		})
	case StepSkipped:
		s.step(ev.Step, func(st *StepState) { st.Status, st.Reason, st.By, st.EndedAt = Skipped, ev.Reason, ev.By, e.At })
	case StepMarkedDone:
		s.step(ev.Step, func(st *StepState) { st.Status, st.Reason, st.By, st.EndedAt = Marked, ev.Reason, ev.By, e.At })
	case ItemTicked:
		s.step(ev.Step, func(st *StepState) {
			ticked := maps.Clone(st.Ticked)
			if ticked == nil {
				ticked = map[string]ItemState{}
			}
			ticked[ev.Item] = ItemState{On: ev.On, By: ev.By, At: e.At}
			st.Ticked = ticked
		})
	case CommandEdited:
		s.step(ev.Step, func(st *StepState) { st.Command, st.Edited = ev.New, true })
	case StopAsked:
		s.step(ev.Step, func(st *StepState) { st.Status = Stopping })
	case Signalled:
		s.step(ev.Step, func(st *StepState) { st.Signals = append(slices.Clip(st.Signals), ev.Signal) })
	}
}

func (s *State) applyRollback(e Entry) {
	r := &s.Rollback
	switch ev := e.Event.(type) {
	case RollbackAsked:
		r.AskedAt, r.By, r.Reason, s.Stage = e.At, ev.By, ev.Reason, TurningBack
	case RollbackStarted:
		r.From, r.To = ev.From, ev.To
		if r.StartedAt.IsZero() {
			r.StartedAt = e.At
		}
	case RollbackDid:
		r.Did = append(slices.Clip(r.Did), Remark{At: e.At, Text: ev.Text})
	case RollbackEnded:
		r.EndedAt, r.Proof, r.OK, r.Failure, r.Took = e.At, ev.Proof, ev.OK, ev.Reason, ev.Took
		if s.Stage == TurningBack {
			s.Stage = TurnedBack
		}
	}
}

func (s *State) open(ev Opened, at time.Time) {
	*s = State{Opened: ev, OpenedAt: at, Seq: s.Seq, LastAt: at, Stage: Planned, Readiness: ev.Readiness}
	for _, p := range ev.Runbook.Phases {
		for _, step := range p.Steps {
			st := StepState{Step: step, PhaseID: p.ID, Phase: p.Title, Status: ToDo}
			if step.Command != nil {
				st.Command = step.Command.Text
			}
			s.Steps = append(s.Steps, st)
		}
	}
}

func (s *State) planMoved(ev PlanMoved) {
	s.Stage, s.MovedWhy = Planned, ev.Why
	s.Opened.PlanDigest, s.Opened.From, s.Opened.To, s.Opened.Changes = ev.PlanDigest, ev.From, ev.To, ev.Changes
	s.Confirmed = Confirmed{}
}

// step changes one step in a fresh copy of the list, so that copies of the state stay as they are.
func (s *State) step(id string, change func(*StepState)) {
	for i := range s.Steps {
		if s.Steps[i].Step.ID == id {
			s.Steps = slices.Clone(s.Steps)
			change(&s.Steps[i])
			return
		}
	}
}

func (st *StepState) end(status StepStatus, at time.Time, took time.Duration, code int, reason string) {
	st.Status, st.EndedAt, st.Took, st.ExitCode, st.Reason = status, at, took, code, reason
}

func (s *State) leaveOut(phase, reason string, status StepStatus) {
	out := maps.Clone(s.LeftOut)
	if out == nil {
		out = map[string]string{}
	}
	delete(out, phase)
	if status == LeftOut {
		out[phase] = reason
	}
	s.LeftOut = out
	s.Steps = slices.Clone(s.Steps)
	for i := range s.Steps {
		if s.Steps[i].PhaseID == phase {
			s.Steps[i].Status, s.Steps[i].Reason = status, reason
		}
	}
}

// resume makes every step that had begun "outcome unknown": its process may have done all,
// nothing, or a part.
func (s *State) resume(at time.Time) {
	s.Resumes++
	s.Steps = slices.Clone(s.Steps)
	for i := range s.Steps {
		if st := &s.Steps[i]; st.Status == Running || st.Status == Stopping {
			st.Status, st.EndedAt = Unknown, at
			st.Reason = "flightdeck died while it ran; nobody saw how it ended"
		}
	}
	switch s.Stage {
	case Checking:
		// The yes was given to a plan that a dead process resolved: ask again.
		s.Stage, s.MovedWhy, s.Confirmed = Planned, "flightdeck was restarted after the confirmation, before anything was changed", Confirmed{}
	case Recording:
		s.Stage, s.RecordErr = Unrecorded, "flightdeck died while it recorded the current release; nothing was changed"
	}
}
