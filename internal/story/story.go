// Package story says the entries of a run as sentences that a person reads: on the timeline, in
// the plain output, in `show`.
//
// Its one rule: one entry is one line of safe text, and every kind of event has words of its own.
package story

import (
	"fmt"
	"strconv"
	"strings"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
	"flightdeck/internal/run"
)

// Sentence says what an entry meant, in one line, without its time. title gives the title of a
// step by its ID; nil or an empty answer leaves the ID.
func Sentence(e run.Entry, title func(stepID string) string) string {
	t := teller{title: title}
	said := t.plan(e.Event)
	if said == "" {
		said = t.step(e.Event)
	}
	if said == "" {
		said = t.way(e.Event)
	}
	if said == "" {
		said = unknown(e.Event)
	}
	return clean.Name(said)
}

// unknown is what is left to say of an event of a later flightdeck.
func unknown(ev run.Event) string {
	if ev == nil {
		return "an entry without an event"
	}
	if u, ok := ev.(run.Unrecognised); ok && len(u.Raw) > 0 {
		return fmt.Sprintf("%s (of a later flightdeck): %s", u.Name, u.Raw)
	}
	return ev.Kind() + " (of a later flightdeck)"
}

type teller struct {
	title func(string) string
}

func (t teller) name(id string) string {
	if t.title != nil {
		if s := t.title(id); s != "" {
			return s
		}
	}
	return id
}

// plan tells what happens before the first step: opening, the yes, the record.
func (t teller) plan(ev run.Event) string {
	switch ev := ev.(type) {
	case run.Opened:
		return opened(ev)
	case run.Confirmed:
		s := "confirmed" + by(ev.By)
		switch {
		case strings.HasSuffix(ev.By, "(--yes)"):
			s += ", the environment named on the command line" // nobody typed anything
		case ev.Typed != "":
			s += fmt.Sprintf(", who typed %q", ev.Typed)
		}
		return s
	case run.PlanMoved:
		return "the plan moved and is asked again: " + or(ev.Why, "something changed") + fromTo(" (", ev.From, ev.To, ")")
	case run.SectionLeftOut:
		return fmt.Sprintf("section %q left out%s%s", t.name(ev.Phase), by(ev.By), because(ev.Reason))
	case run.SectionTakenIn:
		return fmt.Sprintf("section %q taken in again%s", t.name(ev.Phase), by(ev.By))
	case run.RecordStarted:
		return "recording the current release"
	case run.Recorded:
		return recorded(ev)
	case run.RecordFailed:
		return "the current release could not be recorded, nothing was changed" + because(ev.Reason)
	case run.ReadinessChecked:
		return readiness(ev.Readiness)
	}
	return ""
}

func opened(ev run.Opened) string {
	s := string(ev.Mode)
	if s == "" {
		s = "run"
	}
	s += " of " + or(ev.Project, "the project") + " to " + or(ev.Environment, "its environment") + " opened" + by(ev.Operator)
	if ev.Host != "" {
		s += " on " + ev.Host
	}
	s += fromTo(": ", ev.From, ev.To, "")
	var source []string
	if ev.Branch != "" {
		source = append(source, ev.Branch)
	}
	if ev.Commit != "" {
		source = append(source, short(ev.Commit))
	}
	if ev.Dirty {
		source = append(source, "with uncommitted changes")
	}
	if len(source) > 0 {
		s += " (" + strings.Join(source, " ") + ")"
	}
	return s
}

func recorded(ev run.Recorded) string {
	if !ev.Readiness.Ready {
		s := "recorded " + ev.Release.String()
		if ev.Release == (release.Ref{}) {
			s = "nothing to record"
		}
		return s + "; no way back" + because(ev.Readiness.Reason)
	}
	return "recorded " + ev.Release.String() + " on the target; " + readiness(ev.Readiness)
}

func readiness(r release.Readiness) string {
	if r.Ready {
		return "rollback ready → " + r.Target.String()
	}
	return "rollback blocked" + because(or(r.Reason, "its readiness was not proven"))
}

// step tells what became of the steps.
func (t teller) step(ev run.Event) string {
	switch ev := ev.(type) {
	case run.StepStarted:
		s := t.name(ev.Step) + " started" + by(ev.By) + attempt(ev.Attempt)
		if ev.Command != "" {
			s += ": $ " + firstLine(ev.Command)
		}
		return s
	case run.StepSucceeded:
		return t.succeeded(ev)
	case run.StepFailed:
		return t.failed(ev)
	case run.StepSkipped:
		return t.name(ev.Step) + " skipped" + by(ev.By) + because(ev.Reason)
	case run.StepMarkedDone:
		return t.name(ev.Step) + " marked done" + by(ev.By) + because(ev.Reason)
	case run.ItemTicked:
		if ev.On {
			return t.name(ev.Step) + ": " + t.name(ev.Item) + " ticked" + by(ev.By)
		}
		return t.name(ev.Step) + ": " + t.name(ev.Item) + " unticked" + by(ev.By)
	case run.CommandEdited:
		return fmt.Sprintf("%s: command edited%s from %q to %q", t.name(ev.Step), by(ev.By), ev.Old, ev.New)
	case run.StopAsked:
		return t.name(ev.Step) + ": stop asked" + by(ev.By)
	case run.Signalled:
		return t.name(ev.Step) + ": sent " + signal(ev.Signal)
	case run.NoteAdded:
		return "note" + by(ev.By) + ": " + ev.Text
	}
	return ""
}

func (t teller) succeeded(ev run.StepSucceeded) string {
	s := t.name(ev.Step) + " done" + by(ev.By) + took(ev.Took) + attempt(ev.Attempt)
	if ev.ExitCode != 0 {
		s += ", exit code " + strconv.Itoa(ev.ExitCode)
	}
	if ev.Evidence != "" {
		s += ": " + ev.Evidence
	}
	return s
}

func (t teller) failed(ev run.StepFailed) string {
	verb := " failed"
	if ev.Stopped {
		verb = " stopped"
	}
	s := t.name(ev.Step) + verb + after(ev.Took) + attempt(ev.Attempt)
	code := "exit code " + strconv.Itoa(ev.ExitCode)
	if ev.ExitCode != 0 && !strings.Contains(ev.Reason, code) {
		s += ", " + code
	}
	return s + because(ev.Reason)
}

// way tells of the way back and of the end.
func (t teller) way(ev run.Event) string {
	switch ev := ev.(type) {
	case run.RollbackAsked:
		return "rollback asked for" + by(ev.By) + because(ev.Reason)
	case run.RollbackStarted:
		return "rolling back" + fromTo(": ", ev.From, ev.To, "")
	case run.RollbackDid:
		return "rollback: " + ev.Text
	case run.RollbackEnded:
		return rollbackEnded(ev)
	case run.ReleaseJudged:
		return "release " + ev.Release.String() + " judged " + or(string(ev.Status), "unknown") + because(ev.Why)
	case run.Resumed:
		s := "resumed" + by(ev.By)
		if ev.Host != "" {
			s += " on " + ev.Host
		}
		if ev.Away > 0 {
			s += " after " + Took(ev.Away)
		}
		return s + because(ev.Notice)
	case run.Noticed:
		return "notice: " + ev.Text
	case run.Closed:
		return "run closed" + by(ev.By) + ": " + or(string(ev.Outcome), "without an outcome") + dash(ev.Reason)
	}
	return ""
}

func rollbackEnded(ev run.RollbackEnded) string {
	if ev.OK {
		return "back on " + ev.Proof.Target.String() + took(ev.Took) + ", " + Proven(ev.Proof)
	}
	s := "rollback failed" + after(ev.Took) + because(ev.Reason)
	if len(ev.Proof.Rows) > 0 {
		s += "; " + Proven(ev.Proof)
	}
	return s
}

// Proven sums up the proof of a rollback: how many services match their record, and what is
// wrong with the others.
func Proven(p release.Proof) string {
	good := 0
	var wrong []string
	for _, r := range p.Rows {
		if r.OK {
			good++
			continue
		}
		wrong = append(wrong, r.Service+" ("+strings.Join(bad(r), ", ")+")")
	}
	switch {
	case len(p.Rows) == 0:
		return "nothing proven"
	case len(wrong) == 0 && p.OK:
		return fmt.Sprintf("proven: %d of %d services match the record", good, len(p.Rows))
	case len(wrong) == 0:
		return fmt.Sprintf("%d of %d services match the record, but the proof as a whole does not hold", good, len(p.Rows))
	}
	return fmt.Sprintf("not proven: %d of %d services match the record; wrong: %s", good, len(p.Rows), strings.Join(wrong, ", "))
}

func bad(r release.ProofRow) []string {
	var out []string
	for _, v := range []struct{ name, is string }{{"image", r.Image}, {"configuration", r.Config}, {"health", r.Health}} {
		if v.is != "" && v.is != "ok" {
			out = append(out, v.name+": "+v.is)
		}
	}
	if len(out) == 0 {
		out = append(out, "replicas "+or(r.Replicas, "unknown"))
	}
	return out
}
