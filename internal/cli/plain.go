package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/muesli/cancelreader"

	"flightdeck/internal/deck"
	"flightdeck/internal/run"
	"flightdeck/internal/story"
	"flightdeck/runbook"
)

// lines is a front end without a screen: it prints every entry as it comes, and asks, or answers
// by itself with --yes, whenever the run waits for a person.
type lines struct {
	deck   deck.Deck
	out    io.Writer
	answer answers
	json   bool
	state  run.State
	shown  map[string]uint64 // output lines printed, by ring
	by     string
}

// answers gives what the operator says to a question. An error ends the front end, not the run.
type answers interface {
	ask(ctx context.Context, question string) (string, error)
}

// errLeft is the end of the questions: standard input was closed.
var errLeft = errors.New("standard input ended before the question was answered, which counts as no")

// typist asks and reads answers. It reads only while a question is open and never beyond the end of
// the line, so that what comes after an answer belongs to the next question, or to the cockpit.
type typist struct {
	in  io.Reader
	out io.Writer
}

func newTypist(in io.Reader, out io.Writer) *typist { return &typist{in: in, out: out} }

func (t *typist) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprintf(t.out, "%s ", question)
	in, err := cancelreader.NewReader(t.in)
	if err != nil {
		return "", err
	}
	defer in.Close() // it closes only what it made itself
	stop := context.AfterFunc(ctx, func() { in.Cancel() })
	defer stop()
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := in.Read(b)
		if n == 1 && b[0] == '\n' {
			return strings.TrimSpace(string(line)), nil
		}
		line = append(line, b[:n]...)
		if err != nil {
			fmt.Fprintln(t.out)
			return "", unanswerable(ctx, err)
		}
	}
}

// unanswerable says why no answer came; an answer without its end of line is none.
func unanswerable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.EOF) {
		return errLeft
	}
	return err
}

// pipe is an output whose reader may go away (`| head`): what is printed then is lost, and nothing
// else. A run never ends because nobody reads about it.
type pipe struct{ to io.Writer }

func (p *pipe) Write(b []byte) (int, error) {
	if p.to == nil {
		return len(b), nil
	}
	if n, err := p.to.Write(b); err != nil {
		p.to = nil
		return n, nil //nolint:nilerr // said above
	}
	return len(b), nil
}

// follow shows the run until it is over or nobody answers any more.
func (l *lines) follow(ctx context.Context) (run.State, error) {
	for l.state.Stage != run.Over {
		entries, err := l.next(ctx)
		if err != nil {
			return l.state, err
		}
		for _, e := range entries {
			l.state.Apply(e)
			if err := l.print(e); err != nil {
				return l.state, err
			}
		}
		if err := l.react(ctx); err != nil {
			return l.state, err
		}
	}
	return l.state, nil
}

// next waits for entries, printing the output of the running step meanwhile.
func (l *lines) next(ctx context.Context) ([]run.Entry, error) {
	for {
		wait, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		entries, err := l.deck.After(wait, l.state.Seq)
		timedOut := wait.Err() != nil && ctx.Err() == nil
		cancel()
		l.output()
		if len(entries) > 0 || err != nil && !timedOut {
			return entries, err
		}
		if fault := l.deck.Look().Fault; fault != "" {
			return nil, errors.New(fault)
		}
	}
}

func (l *lines) output() {
	if l.json {
		return
	}
	for _, st := range l.state.Steps {
		if st.Attempt == 0 || st.Step.Kind == runbook.KindRollback {
			continue // what a rollback does comes as entries
		}
		ring := "step/" + st.Step.ID
		for {
			batch := l.deck.Lines(ring, l.shown[ring], 1000)
			if batch.Missed > 0 {
				fmt.Fprintf(l.out, "           … %d lines left out\n", batch.Missed)
			}
			for _, line := range batch.Lines {
				fmt.Fprintf(l.out, "           %s\n", line.Text)
				l.shown[ring] = line.Seq
			}
			if len(batch.Lines) == 0 {
				break
			}
		}
	}
}

func (l *lines) print(e run.Entry) error {
	if l.json {
		raw, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(l.out, "%s\n", raw)
		return err
	}
	if _, routine := e.Event.(run.ItemTicked); routine {
		return nil
	}
	_, begins := e.Event.(run.StepStarted)
	if !begins {
		l.output() // what a step has said comes before what became of it, and after its beginning
	}
	fmt.Fprintf(l.out, "%s  %s\n", e.At.Local().Format("15:04:05"), story.Sentence(e, l.title))
	if ended, ok := e.Event.(run.RollbackEnded); ok {
		printProof(l.out, ended.Proof)
	}
	return nil
}

func (l *lines) title(id string) string {
	if st, ok := l.state.Find(id); ok {
		return st.Step.Title
	}
	for _, p := range l.state.Opened.Runbook.Phases {
		if p.ID == id {
			return p.Title
		}
	}
	for _, st := range l.state.Steps {
		for _, item := range st.Step.Items {
			if item.ID == id {
				return item.Text
			}
		}
	}
	return id
}

// react does what the run waits for, if it waits for a person.
func (l *lines) react(ctx context.Context) error {
	if len(run.Due(l.state)) > 0 || l.state.Stage == run.Over {
		return nil
	}
	switch l.state.Stage {
	case run.Planned:
		return l.confirm(ctx)
	case run.Unrecorded:
		return l.unrecorded(ctx)
	case run.Flying:
		return l.step(ctx)
	}
	return nil
}

func (l *lines) confirm(ctx context.Context) error {
	if !l.json {
		printPlan(l.out, l.state.Opened)
		if l.state.MovedWhy != "" {
			fmt.Fprintf(l.out, "\nThe plan is asked again: %s\n", l.state.MovedWhy)
		}
	}
	question := "Go ahead? [y/N]"
	if l.state.Opened.Class == run.Production {
		question = fmt.Sprintf("This is PRODUCTION. Type %s to go ahead:", l.state.Opened.Environment)
	}
	if l.answer == nil {
		if l.state.MovedWhy != "" {
			return l.deck.Do(ctx, run.Close{Reason: "the plan moved: " + l.state.MovedWhy, By: l.by})
		}
		return l.deck.Do(ctx, run.Confirm{By: l.by, Typed: l.state.Opened.Environment})
	}
	said, err := l.answer.ask(ctx, question)
	if err != nil {
		return errors.Join(err, l.deck.Do(context.WithoutCancel(ctx), run.Close{By: l.by}))
	}
	if l.state.Opened.Class != run.Production && !yes(said) {
		return l.deck.Do(ctx, run.Close{Reason: "not confirmed", By: l.by})
	}
	if err := l.deck.Do(ctx, run.Confirm{By: l.by, Typed: said}); err != nil {
		fmt.Fprintf(l.out, "%v\n", err)
		return l.deck.Do(ctx, run.Close{Reason: "not confirmed", By: l.by})
	}
	return nil
}

func (l *lines) unrecorded(ctx context.Context) error {
	if l.answer == nil {
		return l.deck.Do(ctx, run.Close{Reason: l.state.RecordErr, By: l.by})
	}
	said, err := l.answer.ask(ctx, "Try again? [y/N]")
	if err == nil && yes(said) {
		return l.deck.Do(ctx, run.Record{By: l.by})
	}
	return errors.Join(err, l.deck.Do(context.WithoutCancel(ctx), run.Close{Reason: l.state.RecordErr, By: l.by}))
}

func (l *lines) step(ctx context.Context) error {
	i := l.state.Current()
	if i >= len(l.state.Steps) {
		return nil
	}
	st := l.state.Steps[i]
	if st.Status == run.Broken || st.Status == run.Unknown {
		return l.trouble(ctx, st)
	}
	if l.answer == nil {
		return l.doItself(ctx, st)
	}
	l.show(st)
	if st.Step.Kind == runbook.KindChecklist {
		return l.checklist(ctx, st)
	}
	said, err := l.answer.ask(ctx, "  enter = "+verb(st)+", s REASON = skip, R = roll back, q = leave:")
	if err != nil {
		return err
	}
	return l.choose(ctx, st, said)
}

func verb(st run.StepState) string {
	if run.HasEffect(st.Step.Kind) {
		return "run"
	}
	return "done"
}

// doItself answers for --yes: whoever gave it vouches for every box and manual step.
func (l *lines) doItself(ctx context.Context, st run.StepState) error {
	if run.HasEffect(st.Step.Kind) {
		return l.refused(ctx, st, l.deck.Do(ctx, run.Start{Step: st.Step.ID, By: l.by}))
	}
	for _, item := range st.Step.Items {
		if !st.Ticked[item.ID].On {
			if err := l.deck.Do(ctx, run.Tick{Step: st.Step.ID, Item: item.ID, On: true, By: l.by}); err != nil {
				return err
			}
		}
	}
	return l.deck.Do(ctx, run.Finish{Step: st.Step.ID, Evidence: "answered by --yes", By: l.by})
}

// refused ends a run that nobody can put right: there is no one to ask.
func (l *lines) refused(ctx context.Context, st run.StepState, err error) error {
	if err == nil {
		return nil
	}
	reason := fmt.Sprintf("step %q: %v", st.Step.Title, err)
	return errors.Join(errors.New(reason), l.deck.Do(ctx, run.Close{Reason: reason, By: l.by}))
}

func (l *lines) show(st run.StepState) {
	fmt.Fprintf(l.out, "\n%s › %s\n", st.Phase, st.Step.Title)
	for _, b := range st.Step.Why {
		for line := range strings.Lines(b.Text) {
			fmt.Fprintf(l.out, "  %s\n", strings.TrimRight(line, "\n"))
		}
	}
	for line := range strings.Lines(st.Command) {
		fmt.Fprintf(l.out, "  $ %s\n", strings.TrimRight(line, "\n"))
	}
	if st.Step.Command != nil && st.Step.Command.Undo != "" {
		fmt.Fprintf(l.out, "  undo: %s\n", st.Step.Command.Undo)
	}
}

func (l *lines) checklist(ctx context.Context, st run.StepState) error {
	for _, item := range st.Step.Items {
		if st.Ticked[item.ID].On {
			continue
		}
		said, err := l.answer.ask(ctx, fmt.Sprintf("  [ ] %s   enter = yes, s REASON = skip the list, R = roll back, q = leave:", item.Text))
		if err != nil {
			return err
		}
		if said != "" && !yes(said) {
			return l.choose(ctx, st, said)
		}
		if err := l.deck.Do(ctx, run.Tick{Step: st.Step.ID, Item: item.ID, On: true, By: l.by}); err != nil {
			return err
		}
	}
	return l.deck.Do(ctx, run.Finish{Step: st.Step.ID, By: l.by})
}

// trouble is a failed or interrupted step: the same choices as in the cockpit.
func (l *lines) trouble(ctx context.Context, st run.StepState) error {
	if l.answer == nil {
		reason := fmt.Sprintf("step %q: %s", st.Step.Title, st.Reason)
		return l.deck.Do(ctx, run.Close{Reason: reason, By: l.by})
	}
	fmt.Fprintf(l.out, "\n%s: %s. %s\n", st.Step.Title, st.Status, st.Reason)
	said, err := l.answer.ask(ctx, "  r = try again, e COMMAND = edit and try again, m REASON = mark done, s REASON = skip, R = roll back, q = leave:")
	if err != nil {
		return err
	}
	if said == "" {
		return l.trouble(ctx, st) // a stray Enter decides nothing here
	}
	return l.choose(ctx, st, said)
}

func (l *lines) choose(ctx context.Context, st run.StepState, said string) error {
	word, rest, _ := strings.Cut(said, " ")
	id := st.Step.ID
	var cmds []run.Command
	switch {
	case word == "q":
		return errLeft
	case word == "R":
		cmds = []run.Command{run.RollBack{Reason: rest, By: l.by}}
	case word == "s":
		cmds = []run.Command{run.Skip{Step: id, Reason: rest, By: l.by}}
	case word == "m":
		cmds = []run.Command{run.MarkDone{Step: id, Reason: rest, By: l.by}}
	case word == "e":
		cmds = []run.Command{run.Edit{Step: id, Text: rest, By: l.by}, run.Start{Step: id, By: l.by}}
	case said == "" || word == "r" || yes(said):
		if run.HasEffect(st.Step.Kind) {
			cmds = []run.Command{run.Start{Step: id, By: l.by}}
		} else {
			cmds = []run.Command{run.Finish{Step: id, By: l.by}}
		}
	default:
		fmt.Fprintf(l.out, "  %q is none of the choices\n", safe(said))
		return l.step(ctx)
	}
	for _, c := range cmds {
		if err := l.deck.Do(ctx, c); err != nil {
			fmt.Fprintf(l.out, "  %s\n", safe(err.Error()))
			return l.step(ctx)
		}
	}
	return nil
}

func yes(s string) bool {
	s = strings.ToLower(s)
	return s == "y" || s == "yes"
}
