package runner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/tail"
	"flightdeck/runbook"
	"flightdeck/steps"
)

// failTail is how many lines of output a failure takes into the journal.
const failTail = 40

// step does the effect of one attempt and gives its end.
func (r *Runner) step(ctx context.Context, w run.Work, s run.State) []run.Event {
	st, _ := s.Find(w.Step)
	began := r.o.Now()
	failed := run.StepFailed{Step: w.Step, Attempt: st.Attempt, ExitCode: -1}
	kind, known := steps.Kinds()[st.Step.Kind]
	if !known || kind.Do == nil {
		failed.Reason = fmt.Sprintf("flightdeck does not know how to do a step of the kind %q", st.Step.Kind)
		return []run.Event{failed}
	}
	ring := r.tele.ring(w.Step, true)
	from := ring.Last()
	if st.Attempt > 1 {
		ring.Append(tail.Line{At: began, Source: w.Step, Kind: tail.Mark, Text: fmt.Sprintf("attempt %d", st.Attempt)})
	}
	var res steps.Result
	var err error
	if st.Step.Kind == runbook.KindRollback {
		res.Evidence, err = r.stepBack(ctx, w, s)
	} else {
		res, err = kind.Do(ctx, r.world(w, s), steps.Job{Step: st.Step, Command: st.Command})
	}
	took := r.o.Now().Sub(began)
	if err == nil {
		return []run.Event{run.StepSucceeded{Step: w.Step, Attempt: st.Attempt, Took: took, ExitCode: res.ExitCode, Evidence: res.Evidence}}
	}
	failed.Took, failed.ExitCode, failed.Reason, failed.Stopped = took, res.ExitCode, err.Error(), res.Stopped
	failed.Tail = lastLines(ring, from)
	ring.Append(tail.Line{At: r.o.Now(), Source: w.Step, Kind: tail.Mark, Text: oneLine(failed.Reason)})
	return []run.Event{failed}
}

// lastLines gives the end of what a step itself wrote since from.
func lastLines(ring *tail.Ring, from uint64) []string {
	last := ring.Last()
	if last > 2*failTail {
		from = max(from, last-2*failTail) // our own rows stand between the others
	}
	var out []string
	for _, l := range ring.Read(from, 0).Lines {
		if l.Kind == tail.Out || l.Kind == tail.Err {
			out = append(out, l.Text)
		}
	}
	return out[max(0, len(out)-failTail):]
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

// world is what the work may see and touch.
func (r *Runner) world(w run.Work, s run.State) steps.World {
	ring := r.tele.ring(w.Step, w.Step != "")
	return steps.World{
		Observer: r.o.Target, Deployer: r.o.Target, Restorer: r.o.Target, Senses: r.tele,
		Want: r.o.Want, Expect: expected(s), Back: backOf(s),
		Environ: r.environ(w, s), Dir: r.o.Dir, Now: r.o.Now, Patience: r.o.Patience,
		Out: func(l steps.Line) {
			if ring == nil {
				return
			}
			kind := tail.Out
			if l.Ours {
				kind = tail.Mark
			}
			ring.Append(tail.Line{At: r.o.Now(), Source: w.Step, Kind: kind, Text: l.Text, Spans: l.Spans})
		},
		Signalled: func(name string) {
			_ = r.tell(w, run.Signalled{Step: w.Step, Signal: name}) // a broken journal must not keep a process from being stopped
		},
	}
}

// expected names the services that the deploy of this run leaves running.
func expected(s run.State) []string {
	var out []string
	for _, c := range s.Opened.Changes {
		if c.Kind != release.ChangeRemoved && c.ToReplicas > 0 {
			out = append(out, c.Service)
		}
	}
	return out
}

// backOf is what a rollback in this run brings back.
func backOf(s run.State) release.Ref {
	if s.Opened.Mode == run.ModeRollback {
		return s.Opened.To
	}
	if s.Rollback.To.ID != "" {
		return s.Rollback.To // a rollback that has begun keeps its target
	}
	return s.Readiness.Target
}

// environ is what a command sees: flightdeck's own environment, the target, the run.
func (r *Runner) environ(w run.Work, s run.State) []string {
	o := s.Opened
	previous := s.Recorded
	if previous.ID == "" {
		previous = o.From
	}
	out := append([]string{}, r.o.Environ()...)
	out = append(out, r.o.Target.Environ(r.o.Want)...)
	return append(out,
		"FLIGHTDECK_RUN="+o.Run, "FLIGHTDECK_ENVIRONMENT="+o.Environment, "FLIGHTDECK_KIND="+string(o.Class),
		"FLIGHTDECK_PROJECT="+o.Project, "FLIGHTDECK_STEP="+w.Step, "FLIGHTDECK_RELEASE="+name(o.To),
		"FLIGHTDECK_PREVIOUS_RELEASE="+name(previous), "FLIGHTDECK_COMMIT="+o.Commit, "FLIGHTDECK_BRANCH="+o.Branch,
		"FLIGHTDECK_OPERATOR="+r.o.Operator, "FLIGHTDECK_REASON="+oneLine(s.Rollback.Reason), "FLIGHTDECK_DRY_RUN=")
}

// name is a release for programs: empty when there is none.
func name(ref release.Ref) string {
	if ref.Version != "" {
		return ref.Version
	}
	return ref.ID
}

// turnBack marks the release that is left as bad, restores the one to go back to, and proves it.
// It is never cut off, and taken up again it converges.
func (r *Runner) turnBack(ctx context.Context, w run.Work, s run.State) (end run.RollbackEnded) {
	ctx = context.WithoutCancel(ctx)
	began := r.o.Now()
	defer func() {
		if p := recover(); p != nil {
			end = run.RollbackEnded{Reason: fault(p)}
		}
		end.Took = r.o.Now().Sub(began)
	}()
	back := backOf(s)
	from, err := r.beginBack(ctx, w, s, back)
	if err != nil {
		return run.RollbackEnded{Reason: "the rollback was not begun: " + err.Error()}
	}
	r.markBad(ctx, w, s, from, back)
	world := r.world(w, s)
	world.Back = back
	world.Say = func(text string) {
		_ = r.tell(w, run.RollbackDid{Text: text}) // what has begun is finished, also without a journal
	}
	res, err := steps.Kinds()[runbook.KindRollback].Do(ctx, world, steps.Job{})
	if err != nil {
		return run.RollbackEnded{Proof: res.Proof, Reason: err.Error()}
	}
	return run.RollbackEnded{Proof: res.Proof, OK: true}
}

// beginBack records what is left, once, and announces the rollback. After an interruption what
// runs is a mixture that must not be recorded as a release.
func (r *Runner) beginBack(ctx context.Context, w run.Work, s run.State, back release.Ref) (release.Ref, error) {
	if !s.Rollback.StartedAt.IsZero() {
		return s.Rollback.From, r.tell(w, run.RollbackDid{Text: "the rollback is taken up again"})
	}
	from := s.Recorded // a rollback run has recorded what it leaves
	notice := ""
	if s.Opened.Mode != run.ModeRollback {
		from, notice = r.leaving(ctx, s, s.Opened.To)
	}
	events := []run.Event{run.RollbackStarted{From: from, To: back}}
	if notice != "" {
		events = append(events, run.RollbackDid{Text: notice})
	}
	return from, r.tell(w, events...)
}

// markBad keeps the release that is left from ever being gone back to, also when the restore is
// cut off and nobody takes it up again.
func (r *Runner) markBad(ctx context.Context, w run.Work, s run.State, from, back release.Ref) {
	if from.ID == "" || from.ID == back.ID || s.Judged.Status == release.StatusBad && s.Judged.Release.ID == from.ID {
		return
	}
	why := "rolled back to " + back.String() + " by " + whoBack(s, r.o.Operator)
	if s.Rollback.Reason != "" {
		why += ": " + s.Rollback.Reason
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	if err := r.o.Target.Judge(ctx, from.ID, release.StatusBad, why); err != nil {
		_ = r.tell(w, run.RollbackDid{Text: "the release " + from.String() + " could not be marked bad: " + err.Error()}) // a broken journal is the fault already
		return
	}
	_ = r.tell(w, run.ReleaseJudged{Release: from, Status: release.StatusBad, Why: why}) // likewise
}

func whoBack(s run.State, operator string) string {
	if s.Rollback.By != "" {
		return s.Rollback.By
	}
	return operator
}

// stepBack is the rollback step of a rollback run. What has been brought back and proven is not
// restored a second time: if the proof still holds, nothing is touched.
func (r *Runner) stepBack(ctx context.Context, w run.Work, s run.State) (string, error) {
	if s.Rollback.OK {
		ctx, cancel := context.WithTimeout(ctx, askFor)
		defer cancel()
		if proof, err := r.o.Target.Verify(ctx, backOf(s).ID); err == nil && proof.OK {
			return proof.Target.String() + " is back already, proven again", nil
		}
	}
	back := r.turnBack(ctx, w, s)
	if err := r.tell(w, back); err != nil {
		return "", err
	}
	return proofWords(back)
}

// proofWords turns the end of a rollback step into the step's own end.
func proofWords(e run.RollbackEnded) (string, error) {
	if !e.OK {
		return "", fmt.Errorf("%s", e.Reason)
	}
	return fmt.Sprintf("%s is back, proven for %d services in %s", e.Proof.Target, len(e.Proof.Rows), e.Took.Round(time.Second)), nil
}
