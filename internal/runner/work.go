package runner

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/steps"
)

// How long the engine is given for things that are usually over in a moment.
const (
	askFor    = 30 * time.Second // a question to the target
	settleFor = 20 * time.Second // until a release that is about to be left shows its health
	judgeFor  = time.Minute      // until the new release shows its health at the end
	judgeTry  = 3                // times the ledger is asked to judge
)

// check resolves the plan once more after the yes: what was confirmed must be what is done.
func (r *Runner) check(ctx context.Context, s run.State) []run.Event {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	started := []run.Event{run.RecordStarted{}}
	switch {
	case s.Opened.PlanDigest != "":
		plan, err := r.o.Target.Plan(ctx, r.o.Want)
		switch {
		case cutOff(ctx, err):
			return nil
		case err != nil:
			return []run.Event{moved(s, "the plan could not be resolved again: "+err.Error())}
		case plan.Digest != s.Opened.PlanDigest:
			m := moved(s, "what the deploy would do has changed since the plan was shown")
			m.PlanDigest, m.Changes = plan.Digest, plan.Changes
			if plan.Version != "" {
				m.To.Version = plan.Version
			}
			return []run.Event{m}
		}
	case s.Opened.Mode == run.ModeRollback:
		ready, err := r.o.Target.Ready(ctx, s.Opened.To.ID)
		switch {
		case cutOff(ctx, err):
			return nil
		case err != nil:
			return []run.Event{moved(s, "the rollback could not be checked again: "+err.Error())}
		case !ready.Ready:
			return []run.Event{moved(s, "the rollback is blocked: "+ready.Reason)}
		}
	}
	return started
}

// changes says whether any step of the runbook may change the target.
func changes(s run.State) bool {
	for _, st := range s.Steps {
		if st.Step.Kind.Changes() {
			return true
		}
	}
	return false
}

// moved asks again with the plan as it was.
func moved(s run.State, why string) run.PlanMoved {
	o := s.Opened
	return run.PlanMoved{Why: why, PlanDigest: o.PlanDigest, From: o.From, To: o.To, Changes: o.Changes}
}

// record writes what runs now to the ledger, before anything is changed, and proves that the way
// back works.
func (r *Runner) record(ctx context.Context, s run.State) []run.Event {
	switch {
	case s.Opened.Mode == run.ModeRollback:
		return r.recordBeforeRollback(ctx, s)
	case !changes(s):
		return []run.Event{run.Recorded{Release: s.Opened.From, Readiness: release.Readiness{Reason: "no step of this runbook changes anything", CheckedAt: r.o.Now()}}}
	}
	before, err := r.o.Target.Releases(ctx)
	if err != nil {
		if cutOff(ctx, err) {
			return nil
		}
		return []run.Event{run.RecordFailed{Reason: "the ledger cannot be read: " + err.Error()}}
	}
	rel, err := r.o.Target.Record(ctx, r.meta(s, s.Opened.From))
	switch {
	case cutOff(ctx, err):
		return nil
	case errors.Is(err, stack.ErrNothingRuns):
		return []run.Event{run.Recorded{Readiness: release.Readiness{Reason: "nothing ran before this deploy", CheckedAt: r.o.Now()}}}
	case err != nil:
		return []run.Event{run.RecordFailed{Reason: err.Error()}}
	}
	back, why, err := r.wayBack(ctx, rel, before)
	switch {
	case cutOff(ctx, err):
		return nil
	case err != nil:
		return []run.Event{run.RecordFailed{Reason: err.Error()}}
	}
	if back.ID == "" {
		return []run.Event{run.Recorded{Release: rel.Ref(), Readiness: release.Readiness{Reason: why, CheckedAt: r.o.Now()}}}
	}
	ready, err := r.proven(ctx, back)
	switch {
	case cutOff(ctx, err):
		return nil
	case err != nil:
		return []run.Event{run.RecordFailed{Reason: "the way back could not be checked: " + err.Error()}}
	}
	return []run.Event{run.Recorded{Release: rel.Ref(), Readiness: ready}}
}

// wayBack chooses what a rollback brings back: what runs now when it is healthy, else the last
// release that was. What is known to be bad is never gone back to. A release that was called
// healthy before this run is; what has just been written down must show it, to the probes too.
func (r *Runner) wayBack(ctx context.Context, now release.Release, before []release.Release) (release.Ref, string, error) {
	if statusIn(before, now.ID) == release.StatusHealthy {
		return now.Ref(), "", nil
	}
	if now.Status != release.StatusBad {
		_, ill := r.healthy(ctx, steps.Watch{Timeout: settleFor, Standing: true})
		if ctx.Err() != nil {
			return release.Ref{}, "", ctx.Err()
		}
		status, why := release.StatusHealthy, "it ran healthy when the next deploy began"
		if ill != nil {
			status, why = release.StatusRecorded, "when the next deploy began it was "+ill.Error()
		}
		if now.Status != status {
			if err := r.o.Target.Judge(ctx, now.ID, status, why); err != nil {
				return release.Ref{}, "", fmt.Errorf("the ledger cannot be written: %w", err)
			}
		}
		if ill == nil {
			return now.Ref(), "", nil
		}
	}
	for _, rel := range before {
		if rel.Status == release.StatusHealthy {
			return rel.Ref(), "", nil
		}
	}
	if now.Status == release.StatusBad {
		return release.Ref{}, "what runs now is marked bad, and the ledger has no healthy release", nil
	}
	return now.Ref(), "", nil // not known to be healthy, but what there was
}

func statusIn(all []release.Release, id string) release.Status {
	for _, rel := range all {
		if rel.ID == id {
			return rel.Status
		}
	}
	return ""
}

// recordBeforeRollback keeps what is being left, if that is possible: nothing may block a rollback.
func (r *Runner) recordBeforeRollback(ctx context.Context, s run.State) []run.Event {
	ready, err := r.proven(ctx, s.Opened.To)
	switch {
	case cutOff(ctx, err):
		return nil
	case err != nil:
		return []run.Event{run.RecordFailed{Reason: "the way back could not be checked: " + err.Error()}}
	}
	from, notice := r.leaving(ctx, s, s.Opened.From)
	out := []run.Event{run.Recorded{Release: from, Readiness: ready}}
	if notice != "" {
		out = append(out, run.Noticed{Text: notice})
	}
	return out
}

// leaving records what a rollback leaves. Without a record it is left all the same.
func (r *Runner) leaving(ctx context.Context, s run.State, as release.Ref) (release.Ref, string) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	rel, err := r.o.Target.Record(ctx, r.meta(s, as))
	switch {
	case errors.Is(err, stack.ErrNothingRuns):
		return release.Ref{}, "nothing runs, so there is nothing to record before the rollback"
	case err != nil:
		return as, "what is being left could not be recorded: " + err.Error()
	}
	return rel.Ref(), ""
}

func (r *Runner) meta(s run.State, as release.Ref) stack.Meta {
	return stack.Meta{Environment: s.Opened.Environment, Version: as.Version, Commit: as.Commit, By: r.o.Operator, Run: s.Opened.Run}
}

// proven asks whether a rollback would work.
func (r *Runner) proven(ctx context.Context, to release.Ref) (release.Readiness, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	ready, err := r.o.Target.Ready(ctx, to.ID)
	if errors.Is(err, stack.ErrNoRelease) {
		return release.Readiness{Target: to, Reason: "the ledger has no release " + to.String(), CheckedAt: r.o.Now()}, nil
	}
	if err != nil {
		return release.Readiness{}, err
	}
	if ready.Target.ID == "" {
		ready.Target = to
	}
	if ready.CheckedAt.IsZero() {
		ready.CheckedAt = r.o.Now()
	}
	return ready, nil
}

// judge records the release that this run brought, and calls it healthy when it is.
func (r *Runner) judge(ctx context.Context, s run.State) []run.Event {
	why := "every step of run " + s.Opened.Run + " is done and it is healthy"
	status := release.StatusHealthy
	if _, err := r.healthy(ctx, steps.Watch{Timeout: judgeFor}); err != nil {
		status, why = release.StatusRecorded, "not called healthy: "+err.Error()
	}
	var err error
	for try := range judgeTry {
		if ctx.Err() != nil {
			return nil
		}
		var ref release.Ref
		if ref, err = r.judged(ctx, s, status, why); err == nil {
			return []run.Event{run.ReleaseJudged{Release: ref, Status: status, Why: why}}
		}
		if try < judgeTry-1 {
			wait(ctx, 2*time.Second)
		}
	}
	return []run.Event{run.ReleaseJudged{Release: s.Opened.To, Status: release.StatusRecorded,
		Why: "the ledger could not be written, so this release is no target for a rollback: " + err.Error()}}
}

func (r *Runner) judged(ctx context.Context, s run.State, status release.Status, why string) (release.Ref, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	rel, err := r.o.Target.Record(ctx, r.meta(s, s.Opened.To))
	if err != nil {
		return s.Opened.To, err
	}
	if status == release.StatusRecorded && rel.Status != release.StatusHealthy {
		return rel.Ref(), nil
	}
	return rel.Ref(), r.o.Target.Judge(ctx, rel.ID, status, why)
}

// healthy takes one good look at everything, waiting for it.
func (r *Runner) healthy(ctx context.Context, watch steps.Watch) (steps.Result, error) {
	return steps.Healthy(ctx, steps.World{Observer: r.o.Target, Senses: r.tele, Now: r.o.Now}, watch)
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// checkReadiness proves again that the way back works, while the run flies.
func (r *Runner) checkReadiness(ctx context.Context) {
	w := run.Work{Kind: workReady}
	if r.broken() != nil || r.ending || r.effects[w] != nil || r.state.Stage != run.Flying || r.state.Readiness.Target.ID == "" {
		return
	}
	r.launch(ctx, w)
}

func (r *Runner) ready(ctx context.Context, s run.State) []run.Event {
	to := s.Readiness.Target
	ready, err := r.proven(ctx, to)
	if cutOff(ctx, err) {
		return nil
	}
	if err != nil {
		// Unknown is not blocked: the way back was proven, and the restore proves it again before it
		// stops anything. An overloaded engine must not take R away when it is needed most.
		return nil
	}
	return []run.Event{run.ReadinessChecked{Readiness: ready}}
}

// changedReadiness lets only a new verdict into the journal. What a rollback would change is part
// of the verdict, but not while a step is still changing it.
func (r *Runner) changedReadiness(events []run.Event) []run.Event {
	if len(events) != 1 || r.state.Stage != run.Flying {
		return nil
	}
	checked, ok := events[0].(run.ReadinessChecked)
	if !ok {
		return events
	}
	now, before := checked.Readiness, r.state.Readiness
	same := now.Ready == before.Ready && now.Reason == before.Reason && now.Target == before.Target
	if same && (r.changing() || len(now.Changes)+len(before.Changes) == 0 || reflect.DeepEqual(now.Changes, before.Changes)) {
		return nil
	}
	return events
}

func (r *Runner) changing() bool {
	for _, st := range r.state.Steps {
		if st.Status == run.Running && st.Step.Kind.Changes() {
			return true
		}
	}
	return false
}

// preview says what a step that was cut off would do if it were done again, so that whoever must
// choose between redoing and vouching for it sees the difference.
func (r *Runner) preview(ctx context.Context, w run.Work, s run.State) []run.Event {
	st, ok := s.Find(w.Step)
	kind, known := steps.Kinds()[st.Step.Kind]
	if !ok || !known {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	would, err := kind.Preview(ctx, r.world(w, s), steps.Job{Step: st.Step, Command: st.Command})
	text := fmt.Sprintf("%q was cut off, its outcome is unknown. ", st.Step.Title)
	switch {
	case cutOff(ctx, err):
		return nil
	case err != nil:
		text += "What doing it again would do could not be found out: " + err.Error()
	default:
		text += "Doing it again: " + strings.Join(would, "; ")
	}
	if pids := steps.StillRunning(s.Opened.Run, w.Step); len(pids) > 0 {
		text += fmt.Sprintf(". It is STILL RUNNING as process %d: wait for it before you do it again, or end it with `kill -INT %d`", pids[0], pids[0])
	}
	return []run.Event{run.Noticed{Text: text}}
}
