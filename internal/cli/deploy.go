package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"flightdeck/internal/run"
	"flightdeck/ui"
)

// how says in which form a run is flown.
type how struct {
	plain, json, yes, dryRun bool
	// named: the environment was given on the command line, which is how a run without questions
	// gets the environment's name typed.
	named bool
}

func (h *how) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&h.plain, "plain", false, "lines of text instead of the cockpit; asks on the terminal")
	f.BoolVar(&h.json, "json", false, "the journal as JSON, one entry a line; needs --yes")
	f.BoolVar(&h.yes, "yes", false, "answer every question with yes; production must then be named")
	f.BoolVar(&h.dryRun, "dry-run", false, "show what would happen, change nothing")
}

func newDeploy(env Env) *cobra.Command {
	var h how
	var o order
	cmd := &cobra.Command{
		Use:   "deploy [ENVIRONMENT]",
		Short: "Deploy, step by step through the runbook",
		Long: `Deploy what the compose file says, step by step through the deploy runbook.

The runbook is the one that flightdeck.yaml names for "deploy", or --runbook FILE, or the built-in
one. Before the first change the current release is recorded on the engine itself, so that R, or
"flightdeck rollback" from any machine, brings it back.`,
		Example: `  flightdeck deploy staging
  flightdeck deploy production --release v1.5.0
  flightdeck deploy production --dry-run
  flightdeck deploy staging --yes --json          for scripts`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.mode = run.ModeDeploy
			return flyIn(cmd.Context(), env, args, o, h)
		},
	}
	h.flags(cmd)
	cmd.Flags().StringVar(&o.file, "runbook", "", "Markdown `FILE` to run instead of the configured runbook")
	cmd.Flags().StringVar(&o.version, "release", "", "`VERSION` to deploy, set as the compose file's tag variable")
	return cmd
}

func newRun(env Env) *cobra.Command {
	var h how
	cmd := &cobra.Command{
		Use:   "run FILE [ENVIRONMENT]",
		Short: "Run any Markdown runbook",
		Long: `Run any Markdown runbook as it is: headings are phases, boxes a checklist, shell fences commands,
numbered items manual steps. "flightdeck lint FILE" shows how it is read.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usage("`flightdeck run` takes a FILE and, where there are several, an ENVIRONMENT")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return flyIn(cmd.Context(), env, args[1:], order{mode: run.ModeRun, file: args[0]}, h)
		},
	}
	h.flags(cmd)
	return cmd
}

func newRollback(env Env) *cobra.Command {
	var h how
	var o order
	var list bool
	var project string
	cmd := &cobra.Command{
		Use:   "rollback [ENVIRONMENT]",
		Short: "Back to the last healthy release, with proof",
		Long: `Bring back the last release that was judged healthy, from its record on the engine: the same image
IDs, the same configuration, the same volumes. No compose file and no registry is needed. Afterwards
every service is compared with the record; the exit code follows that table (5 rolled back, 6 not).`,
		Example: `  flightdeck rollback production
  flightdeck rollback production --list
  flightdeck rollback production --to v1.4.1 --yes`,
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			env := env.named(project)
			if list {
				return listReleases(cmd.Context(), env, first(args), h.json)
			}
			o.mode = run.ModeRollback
			return flyIn(cmd.Context(), env, args, o, h)
		},
	}
	h.flags(cmd)
	cmd.Flags().StringVar(&o.to, "to", "", "release `ID` or version to go back to")
	cmd.Flags().StringVar(&o.file, "runbook", "", "Markdown `FILE` to run instead of the configured runbook")
	cmd.Flags().BoolVar(&list, "list", false, "list the releases that the target knows")
	cmd.Flags().StringVar(&project, "project", "", "compose project `NAME`, where no compose file is left to tell")
	return cmd
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// flyIn opens an environment of the project in this directory and flies one run there.
func flyIn(ctx context.Context, e Env, args []string, o order, h how) error {
	h.named = len(args) > 0
	if err := h.check(e); err != nil {
		return err
	}
	p, err := open(ctx, e, ".", first(args))
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()
	if h.dryRun {
		return dryRun(ctx, e, p, o, h)
	}
	return fly(ctx, e, p, o, h)
}

// check refuses, before anything is opened, what nobody could answer.
func (h how) check(e Env) error {
	switch {
	case h.plain && h.json:
		return usage("--plain and --json exclude each other")
	case h.json && !h.yes && !h.dryRun:
		return usage("--json cannot ask questions: add --yes, or --dry-run")
	case !h.yes && !h.dryRun && !e.asks():
		return usage("no terminal to ask questions on: add --yes to answer them all, or --dry-run to change nothing")
	case !h.yes && !h.dryRun && !h.plain && !e.terminal():
		return usage("the cockpit needs a terminal on standard input and output: add --plain")
	}
	if h.yes || h.dryRun || h.plain || h.json {
		return nil
	}
	in, out := e.Stdin.(*os.File), e.Stdout.(*os.File) // e.terminal has seen that both are
	if err := ui.Usable(e.Getenv("TERM"), in, out); err != nil {
		return &exit{code: exitUsage, err: err}
	}
	return nil
}

// confirmable: without questions, production must have been named on the command line.
func (h how) confirmable(p *place) error {
	if h.yes && !h.named && p.env.Class == run.Production {
		return usage("--yes for production needs its name on the command line: `flightdeck ... %s --yes`", p.env.Name)
	}
	return nil
}

func dryRun(ctx context.Context, e Env, p *place, o order, h how) error {
	opened, err := p.plan(ctx, e, o)
	if err != nil {
		return err
	}
	if h.json {
		return writeJSON(e.Stdout, opened)
	}
	printPlan(e.Stdout, opened)
	_, err = fmt.Fprintln(e.Stdout, "\nDry run: nothing was changed, nothing was recorded.")
	return err
}
