package runner

import (
	"flightdeck/internal/clean"
	"flightdeck/internal/run"
)

// washed cleans the sentences of an event before it is stored: errors of tools and engines, and
// what an operator has pasted. The text of a command stays as it is, because it must be what runs.
func washed(ev run.Event) run.Event {
	switch ev := ev.(type) {
	case run.PlanMoved:
		ev.Why = clean.Text(ev.Why)
		return ev
	case run.RecordFailed:
		ev.Reason = clean.Text(ev.Reason)
		return ev
	case run.Recorded:
		ev.Readiness.Reason = clean.Text(ev.Readiness.Reason)
		return ev
	case run.ReadinessChecked:
		ev.Readiness.Reason = clean.Text(ev.Readiness.Reason)
		return ev
	case run.StepSucceeded:
		ev.Evidence = clean.Text(ev.Evidence)
		return ev
	case run.StepFailed:
		ev.Reason = clean.Text(ev.Reason)
		return ev
	case run.RollbackDid:
		ev.Text = clean.Text(ev.Text)
		return ev
	case run.RollbackEnded:
		ev.Reason = clean.Text(ev.Reason)
		return ev
	case run.ReleaseJudged:
		ev.Why = clean.Text(ev.Why)
		return ev
	case run.Noticed:
		ev.Text = clean.Text(ev.Text)
		return ev
	}
	return washedWord(ev)
}

// washedWord is washed for what a person gave.
func washedWord(ev run.Event) run.Event {
	switch ev := ev.(type) {
	case run.SectionLeftOut:
		ev.Reason = clean.Text(ev.Reason)
		return ev
	case run.StepSkipped:
		ev.Reason = clean.Text(ev.Reason)
		return ev
	case run.StepMarkedDone:
		ev.Reason = clean.Text(ev.Reason)
		return ev
	case run.NoteAdded:
		ev.Text = clean.Text(ev.Text)
		return ev
	case run.RollbackAsked:
		ev.Reason = clean.Text(ev.Reason)
		return ev
	case run.Closed:
		ev.Reason = clean.Text(ev.Reason)
		return ev
	}
	return ev
}
