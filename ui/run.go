package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/term"

	"flightdeck/internal/stack"
	"flightdeck/ui/home"
)

// FPS bounds how often the screen is redrawn.
const FPS = 30

// ErrSignal is what Run gives when a signal ended the cockpit. The run was left as it is.
var ErrSignal = errors.New("the cockpit was ended by a signal; the run is left as it is")

// ErrRollBack is what Run gives when the operator asked for a rollback after the run was over: the
// caller opens it as a run of its own.
var ErrRollBack = errors.New("a rollback is wanted")

// Run shows the cockpit on a terminal until the operator leaves, ctx ends, or a signal comes. It
// never ends the run itself. It gives ErrRollBack when a rollback is wanted next. A terminal that cannot show it is refused with a *stack.Error.
func Run(ctx context.Context, o Options, in, out *os.File) error {
	if err := Usable(os.Getenv("TERM"), in, out); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the follow commands
	m := New(ctx, o)
	err := fly(ctx, m, in, out)
	if err == nil && m.wantsBack {
		return ErrRollBack
	}
	return err
}

// Usable says why a terminal cannot show the cockpit; nil when it can.
func Usable(name string, in, out *os.File) error {
	switch {
	case !term.IsTerminal(in.Fd()):
		return &stack.Error{What: "stdin is not a terminal", Do: "Use --plain or --json, or run it in a terminal."}
	case !term.IsTerminal(out.Fd()):
		return &stack.Error{What: "stdout is not a terminal", Do: "Use --plain or --json, or do not redirect the output."}
	case name == "dumb" || name == "":
		return &stack.Error{What: fmt.Sprintf("the terminal (TERM=%q) cannot show the cockpit", name), Do: "Use --plain, or set TERM to what your terminal is."}
	}
	return nil
}

// fly runs a model as a program. Bubble Tea does not hear SIGHUP and can hang on a terminal that
// stopped reading, so signals are heard here, and the terminal's mode is restored in any case.
func fly(ctx context.Context, model tea.Model, in, out *os.File) error {
	mode, modeErr := term.GetState(in.Fd())
	p := tea.NewProgram(model, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithFPS(FPS), tea.WithoutSignalHandler())
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, endSignals()...)
	defer signal.Stop(heard)
	ended := make(chan error, 1)
	go func() {
		_, err := p.Run()
		ended <- err
	}()
	var err error
	select {
	case err = <-ended:
	case <-heard:
		err = land(p, ended)
	}
	if modeErr == nil {
		if restoreErr := term.Restore(in.Fd(), mode); restoreErr != nil && err == nil {
			err = fmt.Errorf("the terminal's mode could not be restored: %w. Run `reset`", restoreErr)
		}
	}
	if errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// landing is how long a program may take to end once a signal came.
const landing = 2 * time.Second

// land ends a program politely, and goes on without it when it is stuck in a write to a terminal
// nobody reads: the process is about to end, and whoever reads that terminal again sees it quit.
// Kill is of no use here: it waits for the same write.
func land(p *tea.Program, ended <-chan error) error {
	go p.Quit()
	select {
	case <-ended:
	case <-time.After(landing):
	}
	return ErrSignal
}

// RunHome shows the home screen until something is chosen, and gives the choice.
func RunHome(ctx context.Context, o home.Options, in, out *os.File) (home.Choice, error) {
	if err := Usable(os.Getenv("TERM"), in, out); err != nil {
		return home.Choice{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := home.New(ctx, o)
	err := fly(ctx, m, in, out)
	return m.Choice(), err
}
