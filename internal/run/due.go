package run

import "flightdeck/runbook"

// Due lists the work that ought to be going on now, in a fixed order. The runner starts what is
// due and not under way, and ends what is under way and no longer due.
//
//	check     resolve the plan once more after the yes; report PlanMoved, or RecordStarted when it stands
//	record    write what runs now to the ledger; report Recorded or RecordFailed
//	begin     start a step that needs no key press, by Start
//	step      do the effect of a running step; report StepSucceeded or StepFailed
//	stop      end the effect of a step, by INT, TERM, KILL; the step's own report still follows
//	rollback  restore and verify; report RollbackStarted, RollbackDid, RollbackEnded
//	judge     record and judge the release that this run brought; report ReleaseJudged
//	close     end the run, by Close
func Due(s State) []Work {
	switch s.Stage {
	case Checking:
		return []Work{{Kind: WorkCheck}}
	case Recording:
		return []Work{{Kind: WorkRecord}}
	case Flying:
		return dueFlying(s)
	case TurningBack:
		return dueTurningBack(s)
	case TurnedBack:
		return []Work{{Kind: WorkClose}}
	}
	return nil
}

func dueFlying(s State) []Work {
	var out []Work
	for _, st := range s.Steps {
		switch st.Status {
		case Running:
			if HasEffect(st.Step.Kind) {
				out = append(out, Work{Kind: WorkStep, Step: st.Step.ID})
			}
		case Stopping:
			out = append(out, Work{Kind: WorkStep, Step: st.Step.ID}, Work{Kind: WorkStop, Step: st.Step.ID})
		}
	}
	if len(out) > 0 {
		return out
	}
	i := s.Current()
	if i == len(s.Steps) {
		if s.Opened.Mode != ModeRollback && s.Judged.Status == "" && anyDeployed(s) {
			return []Work{{Kind: WorkJudge}}
		}
		return []Work{{Kind: WorkClose}}
	}
	if begunByItself(s, i) {
		return []Work{{Kind: WorkBegin, Step: s.Steps[i].Step.ID}}
	}
	return nil
}

// begunByItself: watching changes nothing, so it begins as soon as what it watches is there, and
// again after a crash. A rollback that had begun when its process died goes on by itself, because
// half-way is the worst place to wait; it converges. All other steps wait for a key.
func begunByItself(s State, i int) bool {
	st := s.Steps[i]
	switch st.Step.Kind {
	case runbook.KindMonitor:
		return i > 0 && s.Steps[i-1].Status.Over() && (st.Status == ToDo || st.Status == Unknown)
	case runbook.KindRollback:
		return st.Status == Unknown
	}
	return false
}

func anyDeployed(s State) bool {
	for _, st := range s.Steps {
		if st.Step.Kind == runbook.KindDeploy && (st.Status == Succeeded || st.Status == Marked) {
			return true
		}
	}
	return false
}

// dueTurningBack lets a running deploy end (a running `up` is never signalled), stops a running
// command, and only then rolls back.
func dueTurningBack(s State) []Work {
	var out []Work
	for _, st := range s.Steps {
		if st.Status != Running && st.Status != Stopping || !HasEffect(st.Step.Kind) {
			continue
		}
		out = append(out, Work{Kind: WorkStep, Step: st.Step.ID})
		if st.Step.Kind != runbook.KindDeploy {
			out = append(out, Work{Kind: WorkStop, Step: st.Step.ID})
		}
	}
	if len(out) > 0 {
		return out
	}
	return []Work{{Kind: WorkRollback}}
}

// HasEffect says that a step of this kind is done by the runner and not by a person.
func HasEffect(k runbook.Kind) bool {
	switch k {
	case runbook.KindCommand, runbook.KindDeploy, runbook.KindMonitor, runbook.KindRollback:
		return true
	}
	return false
}
