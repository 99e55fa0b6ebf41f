package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/deck"
	"flightdeck/internal/journal"
	"flightdeck/internal/run"
	"flightdeck/internal/runner"
	"flightdeck/internal/stack"
	"flightdeck/ui"
)

// fly opens a run, or takes up the interrupted one, and shows it until it is over or left.
func fly(ctx context.Context, e Env, p *place, o order, h how) error {
	if err := h.confirmable(p); err != nil {
		return err
	}
	// A reader that has gone (`| head`) is an error of the write, not the end of the process in the
	// middle of a step. Heard and not ignored, because commands inherit what is ignored.
	unread := make(chan os.Signal, 1)
	signal.Notify(unread, syscall.SIGPIPE)
	defer signal.Stop(unread)
	unlock, err := p.lock(operator(e))
	if err != nil {
		return err
	}
	defer unlock()
	jr, recovery, err := p.journal(ctx, e, o, h)
	if err != nil {
		return err
	}
	state, err := p.flyJournal(ctx, e, jr, recovery, h)
	back := errors.Is(err, ui.ErrRollBack)
	if back {
		err = nil
	}
	err = errors.Join(err, jr.Close())
	if err != nil {
		return err
	}
	if !back {
		return landed(e, state, h)
	}
	// R on the end screen: the run is over, so the way back is a run of its own. The lock is kept.
	o = order{mode: run.ModeRollback, hint: o.hint}
	if jr, recovery, err = p.journal(ctx, e, o, h); err != nil {
		return err
	}
	state, err = p.flyJournal(ctx, e, jr, recovery, h)
	if err = errors.Join(err, jr.Close()); err != nil && !errors.Is(err, ui.ErrRollBack) {
		return err
	}
	return landed(e, state, h)
}

// recovered says that the journal is that of an interrupted run.
type recovered struct {
	yes    bool
	notice string
}

// journal gives the journal to fly: of a fresh run, or of the one that was interrupted.
func (p *place) journal(ctx context.Context, e Env, o order, h how) (*journal.Journal, recovered, error) {
	info, found, err := p.unfinished(o.mode)
	if err != nil {
		return nil, recovered{}, err
	}
	if found {
		jr, rec, err := p.takeUp(ctx, e, info, o, h)
		if err != nil || jr != nil {
			return jr, rec, err
		}
	}
	opened, err := p.plan(ctx, e, o)
	if err != nil {
		return nil, recovered{}, err
	}
	jr, err := journal.Create(p.runDir(opened.Run), opened, e.Now())
	return jr, recovered{}, err
}

// takeUp offers to resume an interrupted run. A nil journal means that it was put aside and a
// fresh run may start.
func (p *place) takeUp(ctx context.Context, e Env, info journal.RunInfo, o order, h how) (*journal.Journal, recovered, error) {
	untouched := info.Stage == run.Planned || info.Stage == run.Checking
	var choice resumption
	switch {
	case untouched:
		choice = putAside // it was left on the plan screen; nothing had been changed
	case o.mode == run.ModeRollback && (h.yes || info.Stage != run.TurningBack && info.Opened.Mode != run.ModeRollback):
		choice = putAside // a rollback never waits for an unfinished run, and completes a half-done one
	case h.yes:
		return nil, recovered{}, &exit{code: exitFailed, err: fmt.Errorf(
			"the %s of %s from %s was interrupted and nobody has said what to do about it. Run `%s` on a terminal to resume it, or `flightdeck rollback %s`",
			info.Opened.Mode, p.env.Name, info.OpenedAt.Local().Format("15:04"), again(info.Opened), p.env.Name)}
	default:
		var err error
		if choice, err = askResume(ctx, e, info); err != nil {
			return nil, recovered{}, err
		}
	}
	if choice == leaveIt {
		return nil, recovered{}, quiet(exitInterrupted)
	}
	if choice == resumeIt {
		if err := p.sameEngine(ctx, info.Opened); err != nil {
			return nil, recovered{}, err
		}
	}
	jr, rec, err := journal.Open(info.Dir)
	if err != nil {
		return nil, recovered{}, err
	}
	if choice == resumeIt {
		return jr, recovered{yes: true, notice: rec.Notice}, nil
	}
	reason := "put aside: a new " + string(o.mode) + " was started"
	_, err = jr.Append(e.Now(), run.Closed{Outcome: run.Abandoned, Reason: reason, By: operator(e)})
	return nil, recovered{}, errors.Join(err, jr.Close())
}

// sameEngine refuses to go on with a run on another engine than it was begun on: nothing was
// recorded there, and its way back is somewhere else.
func (p *place) sameEngine(ctx context.Context, o run.Opened) error {
	now, err := p.target.Info(ctx)
	if err != nil {
		return err
	}
	if now.Host == o.Target.Host && now.Name == o.Target.Name {
		return nil
	}
	return &exit{code: exitFailed, err: fmt.Errorf(
		"the %s of %s was begun on %s (%s), and this is %s (%s): it is not resumed on another engine. Point flightdeck at the first one, or put the run aside (a) and start anew",
		o.Mode, o.Environment, o.Target.Name, o.Target.Host, now.Name, now.Host)}
}

// flyJournal runs the runner and a front end over one journal until the front end ends.
func (p *place) flyJournal(ctx context.Context, e Env, jr *journal.Journal, rec recovered, h how) (run.State, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opened := run.Fold(jr.Entries()).Opened
	r := runner.New(runner.Options{
		Journal: jr, Target: p.target, Dir: p.project.Dir, Now: e.Now, Operator: operator(e), Host: hostname(),
		Want: stack.Want{Version: wanted(opened, p)}, Probes: p.project.ProbesFor(p.env),
		Environ: func() []string { return commandEnviron(p) }, Resumed: rec.yes, Notice: rec.notice, Linger: true,
	})
	// Heard until the runner has ended, so that an impatient second Ctrl-C cannot leave a command
	// behind that nobody stops.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(heard)
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	err := p.front(ctx, e, r, h)
	cancel()
	err = errors.Join(err, cleanEnd(waitFor(ended, heard, e.Stderr)))
	return run.Fold(jr.Entries()), err
}

// waitFor waits for the runner, and says so when that takes time or somebody is impatient.
func waitFor(ended <-chan error, heard <-chan os.Signal, w io.Writer) error {
	slow := time.After(time.Second)
	said := false
	for {
		select {
		case err := <-ended:
			return err
		case <-slow:
		case <-heard:
		}
		if !said {
			fmt.Fprintln(w, "flightdeck: ending: a command gets INT, after 15 s TERM, then KILL; a deploy or a rollback under way is finished first")
		}
		said = true
	}
}

// cleanEnd: being asked to end is not an error.
func cleanEnd(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func wanted(o run.Opened, p *place) string {
	if o.Mode == run.ModeRollback || p.env.TagVariable == "" {
		return ""
	}
	return o.To.Version
}

// front shows the run until it is over, or the operator leaves, or a signal comes.
func (p *place) front(ctx context.Context, e Env, d deck.Deck, h how) error {
	if !h.plain && !h.json && !h.yes {
		in, out := e.Stdin.(*os.File), e.Stdout.(*os.File) // how.check has seen that both are terminals
		forget(in)
		err := ui.Run(ctx, ui.Options{Deck: d, Operator: operator(e), Theme: theme(e), Now: e.Now, Zone: time.Local}, in, out)
		if errors.Is(err, ui.ErrSignal) {
			return nil // landed says how the run was left
		}
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	front := &lines{deck: d, out: &pipe{e.Stdout}, json: h.json, shown: map[string]uint64{}, by: operator(e)}
	if h.yes {
		front.by += " (--yes)"
	} else {
		front.answer = e.typist
	}
	_, err := front.follow(ctx)
	if errors.Is(err, errLeft) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// landed says how the run ended and turns it into the exit code.
func landed(e Env, s run.State, h how) error {
	o := s.Opened
	if s.Stage != run.Over {
		fmt.Fprintf(e.Stderr, "flightdeck: left the %s of %s before its end, at %s.\n  %s    takes it up again\n  flightdeck show %s\n",
			o.Mode, o.Environment, whereIs(s), again(o), o.Run)
		return quiet(exitInterrupted)
	}
	if !h.json {
		reason := ""
		if s.CloseWhy != "" {
			reason = ": " + clean.Cut(clean.Name(s.CloseWhy), 300)
		}
		fmt.Fprintf(e.Stdout, "%s: %s of %s %s%s\n  flightdeck show %s\n", environmentWord(o.Class, o.Environment), o.Mode, o.Project, s.Outcome, reason, o.Run)
	}
	return quiet(s.Outcome.ExitCode())
}

// again is the command that takes a run up.
func again(o run.Opened) string {
	if o.Mode == run.ModeRun {
		return fmt.Sprintf("flightdeck run %s %s", o.Runbook.File, o.Environment)
	}
	return fmt.Sprintf("flightdeck %s %s", o.Mode, o.Environment)
}

// whereIs says where a run stands that is not over.
func whereIs(s run.State) string {
	if i := s.Current(); s.Stage == run.Flying && i < len(s.Steps) {
		return fmt.Sprintf("step %d of %d, %q (%s)", i+1, len(s.Steps), s.Steps[i].Step.Title, s.Steps[i].Status)
	}
	return string(s.Stage)
}

// commandEnviron is what a command of the runbook starts from: this process's own environment, the
// program that runs it, and where the application answers. The runner adds the target and the run.
func commandEnviron(p *place) []string {
	self, err := os.Executable()
	if err != nil {
		self = "flightdeck" // only a convenience for runbooks; PATH then finds it
	}
	return append(os.Environ(), "FLIGHTDECK="+self, "FLIGHTDECK_URL="+p.env.URL)
}
