package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
	"flightdeck/internal/run"
)

// Work of the runner's own, beside what Due lists: looking changes nothing, so no state asks for it.
const (
	workReady   run.WorkKind = "ready"
	workPreview run.WorkKind = "preview"
)

// settle starts what is due and not under way, and ends what is under way and no longer due. What
// is due at once (begin, close) is done here and may make something else due.
func (r *Runner) settle(ctx context.Context) {
	for r.broken() == nil && !r.ending {
		due := run.Due(r.state)
		r.cancelUndue(due)
		if !r.startDue(ctx, due) {
			return
		}
	}
}

// startDue says whether the state has moved, so that what is due must be asked again.
func (r *Runner) startDue(ctx context.Context, due []run.Work) bool {
	for _, w := range due {
		switch w.Kind {
		case run.WorkBegin:
			return r.now(w, run.Start{Step: w.Step})
		case run.WorkClose:
			return r.now(w, run.Close{})
		case run.WorkStop:
			if e := r.effects[run.Work{Kind: run.WorkStep, Step: w.Step}]; e != nil && !e.stopped {
				e.stopped = true
				e.cancel()
			}
		default:
			if r.effects[w] == nil {
				r.launch(ctx, w)
			}
		}
	}
	return false
}

// now gives a command on behalf of what is due. What Decide refuses is said once and not tried
// again until the state moves.
func (r *Runner) now(w run.Work, c run.Command) bool {
	if r.unwanted[w] {
		return false
	}
	err := r.decide(c)
	if err == nil {
		return true
	}
	if r.broken() == nil {
		_ = r.append([]run.Event{run.Noticed{Text: fmt.Sprintf("%s was due but refused: %v", w.Kind, err)}}) // a failure is the fault
	}
	r.unwanted[w] = true
	return false
}

// cancelUndue ends effects that the state does not ask for any more.
func (r *Runner) cancelUndue(due []run.Work) {
	for w, e := range r.effects {
		if w.Kind == workReady || w.Kind == workPreview || slices.Contains(due, w) || e.stopped {
			continue
		}
		e.stopped = true
		e.cancel()
	}
}

// launch starts an effect on a picture of the state. It always ends with final news.
func (r *Runner) launch(ctx context.Context, w run.Work) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.effects[w] = &effect{cancel: cancel}
	state := r.state
	go func() {
		n := news{work: w, final: true, reply: make(chan error, 1)}
		n.events = r.guarded(ctx, w, state)
		r.news <- n // the loop listens until the last effect has ended
	}()
}

// hear takes what an effect tells.
func (r *Runner) hear(ctx context.Context, n news) error {
	if !n.final {
		return r.append(n.events)
	}
	if e := r.effects[n.work]; e != nil {
		e.cancel()
		delete(r.effects, n.work)
	}
	if n.work.Kind == workReady {
		n.events = r.changedReadiness(n.events)
	}
	err := r.append(n.events)
	if n.work.Kind == run.WorkStep {
		r.checkReadiness(ctx) // what a rollback would change is another thing now
	}
	return err
}

// tell writes down something in the middle of an effect, and waits until it is on the disk.
func (r *Runner) tell(w run.Work, events ...run.Event) error {
	n := news{work: w, events: events, reply: make(chan error, 1)}
	r.news <- n
	return <-n.reply
}

// guarded makes of a fault in our own code a reported failure of the work.
func (r *Runner) guarded(ctx context.Context, w run.Work, s run.State) (events []run.Event) {
	began := r.o.Now()
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		reason := fault(p)
		took := r.o.Now().Sub(began)
		switch w.Kind {
		case run.WorkCheck:
			events = []run.Event{moved(s, reason)}
		case run.WorkRecord:
			events = []run.Event{run.RecordFailed{Reason: reason}}
		case run.WorkStep:
			st, _ := s.Find(w.Step)
			events = []run.Event{run.StepFailed{Step: w.Step, Attempt: st.Attempt, Took: took, ExitCode: -1, Reason: reason}}
		case run.WorkRollback:
			events = []run.Event{run.RollbackEnded{Reason: reason, Took: took}}
		case run.WorkJudge:
			events = []run.Event{run.ReleaseJudged{Release: s.Opened.To, Status: release.StatusRecorded, Why: reason}}
		default:
			events = []run.Event{run.Noticed{Text: reason}}
		}
	}()
	return r.perform(ctx, w, s)
}

// fault describes a panic for the record, with the place in our code where it happened.
func fault(p any) string {
	at := ""
	_, raised, _ := strings.Cut(string(debug.Stack()), "\npanic(")
	for line := range strings.Lines(raised) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "/") && !strings.Contains(line, "/runtime/") {
			at = " at " + strings.Fields(line)[0]
			break
		}
	}
	return clean.Name(fmt.Sprintf("a fault in flightdeck itself: %v%s; please report it", p, at))
}

// perform does the work and gives the events that end it.
func (r *Runner) perform(ctx context.Context, w run.Work, s run.State) []run.Event {
	switch w.Kind {
	case run.WorkCheck:
		return r.check(ctx, s)
	case run.WorkRecord:
		return r.record(ctx, s)
	case run.WorkStep:
		return r.step(ctx, w, s)
	case run.WorkRollback:
		return []run.Event{r.turnBack(ctx, w, s)}
	case run.WorkJudge:
		return r.judge(ctx, s)
	case workReady:
		return r.ready(ctx, s)
	case workPreview:
		return r.preview(ctx, w, s)
	}
	return []run.Event{run.Noticed{Text: fmt.Sprintf("nobody knows the work %q", w.Kind)}}
}

// cutOff says that an effect was cancelled and its error is only the echo of that.
func cutOff(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled))
}
