// Package cli is the command line: flags and commands, and the plain and JSON front ends over the
// same journal entries that the cockpit shows.
//
// Its one rule: what a command refuses, it refuses in one sentence that says what to do, with the
// exit code of DESIGN.md section 8, and before anything was changed.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"flightdeck/internal/clean"
	"flightdeck/runbook"
)

// Env is the process edge: everything of the outside that a command may touch.
type Env struct {
	Args    []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Getenv  func(string) string
	Now     func() time.Time
	Version string

	typist *typist // made by Main: the one reader of answers
}

// The exit codes; DESIGN.md section 8 has the whole table.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitLocked      = 4
	exitInterrupted = 130
)

// exit is an error with an exit code of its own. A silent one has said everything already.
type exit struct {
	code   int
	err    error
	silent bool
}

func (e *exit) Error() string { return e.err.Error() }
func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exit{code: exitUsage, err: fmt.Errorf(format, args...)}
}

func quiet(code int) error {
	if code == 0 {
		return nil
	}
	return &exit{code: code, err: fmt.Errorf("exit code %d", code), silent: true}
}

// Main runs one command and gives the process's exit code.
func Main(ctx context.Context, env Env) int {
	env.typist = newTypist(env.Stdin, env.Stdout)
	root := newRoot(env)
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{code: exitFailed, err: err}
	}
	if !e.silent {
		fmt.Fprintf(env.Stderr, "flightdeck: %s\n", clean.Text(err.Error()))
	}
	return e.code
}

const letter = `flightdeck is a cockpit for deploying docker-compose stacks.

It leads you through your team's own Markdown runbook, keeps the environment in sight,
shows logs and health while it happens, and brings the last healthy release back by one
key, with proof.

See it fly, on a small shop that is part of flightdeck itself (nothing of yours is touched):

    flightdeck demo

Then, in a directory with a compose file:

    flightdeck                    the environments: what runs, how it is, what happened last
    flightdeck deploy             deploy what the compose file says, step by step
    flightdeck rollback           back to the last healthy release

Everything that happens is written down before it happens. If flightdeck, the terminal or
the machine dies in the middle, start it again: it offers to go on where it was.`

func newRoot(env Env) *cobra.Command {
	root := &cobra.Command{
		Use:           "flightdeck",
		Short:         "A cockpit for deploying docker-compose stacks",
		Long:          letter,
		Version:       env.Version,
		Args:          noArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return homeScreen(cmd.Context(), env) },
	}
	root.SetVersionTemplate("flightdeck {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w. `%s --help` lists the flags", err, cmd.CommandPath())
	})
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(newDemo(env), newDeploy(env), newRollback(env), newRun(env), newStatus(env), newHistory(env),
		newShow(env), newLint(env), newVersion(env), newMan(root))
	strictCompletion(root)
	return root
}

// strictCompletion makes `completion` refuse a shell that it does not know.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = noArgs
			c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

func newVersion(env Env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(env.Stdout, "flightdeck %s\n", env.Version)
			return err
		},
	}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if cmd.HasSubCommands() {
		var known []string
		for _, c := range cmd.Commands() {
			known = append(known, c.Name())
		}
		if near := runbook.Nearest(args[0], known); near != "" {
			return usage("there is no command %q; did you mean %q? `%s --help` lists all", args[0], near, cmd.CommandPath())
		}
		return usage("there is no command %q; `%s --help` lists them", args[0], cmd.CommandPath())
	}
	return usage("`%s` takes no argument, got %q", cmd.CommandPath(), args[0])
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return usage("`%s` takes one environment, got %d arguments", cmd.CommandPath(), len(args))
}

// named answers for COMPOSE_PROJECT_NAME, as compose's own -p does.
func (e Env) named(project string) Env {
	if project == "" {
		return e
	}
	getenv := e.Getenv
	e.Getenv = func(name string) string {
		if name == "COMPOSE_PROJECT_NAME" {
			return project
		}
		return getenv(name)
	}
	return e
}

// terminal says whether both ends are a terminal that can show the cockpit.
func (e Env) terminal() bool {
	in, okIn := e.Stdin.(*os.File)
	out, okOut := e.Stdout.(*os.File)
	return okIn && okOut && isatty.IsTerminal(in.Fd()) && isatty.IsTerminal(out.Fd())
}

// asks says whether somebody is there to answer a question.
func (e Env) asks() bool {
	in, ok := e.Stdin.(*os.File)
	return ok && isatty.IsTerminal(in.Fd())
}
