package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"flightdeck/internal/config"
	"flightdeck/internal/run"
	"flightdeck/runbook"
)

func newLint(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "lint [FILE...]",
		Short: "How a runbook is read, and what is wrong with it",
		Long: `How each runbook is read: phases, steps, commands, and every problem with file:line:column. Without
a FILE: flightdeck.yaml and the runbooks it names. Exit code 1 when a document would be refused.`,
		RunE: func(_ *cobra.Command, args []string) error { return lint(env, args) },
	}
}

func lint(e Env, files []string) error {
	if len(files) == 0 {
		project, err := config.Load(".", e.Getenv)
		if err != nil {
			return &exit{code: exitFailed, err: err}
		}
		for _, name := range []string{"deploy", "rollback"} {
			if file := project.Runbooks[name]; file != "" {
				files = append(files, file)
			}
		}
		fmt.Fprintf(e.Stdout, "%s: %s: %s\n", orDefault(project.File, "no flightdeck.yaml"), count(len(project.Environments), "environment", "environments"), names(project))
	}
	refused := false
	for _, file := range files {
		if base := filepath.Base(file); base == "flightdeck.yaml" || base == "flightdeck.yml" {
			project, err := config.Load(filepath.Dir(file), e.Getenv)
			if err != nil {
				return &exit{code: exitFailed, err: err}
			}
			fmt.Fprintf(e.Stdout, "%s: %s: %s\n", file, count(len(project.Environments), "environment", "environments"), names(project))
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return usage("%w", err)
		}
		book := runbook.Parse(file, source)
		refused = refused || len(book.Refused()) > 0 || len(book.Steps()) == 0
		printReading(e, book)
	}
	if refused {
		return quiet(exitFailed)
	}
	return nil
}

func count(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func printReading(e Env, book runbook.Runbook) {
	fmt.Fprintf(e.Stdout, "%s: %q, %s, %s\n", book.File, book.Title, count(len(book.Phases), "phase", "phases"), count(len(book.Steps()), "step", "steps"))
	for _, phase := range book.Phases {
		fmt.Fprintf(e.Stdout, "  %d  %s\n", phase.Pos.Line, phase.Title)
		for _, step := range phase.Steps {
			printStep(e, step)
		}
	}
	for _, procedure := range book.Procedures {
		steps := 0
		for _, phase := range procedure.Phases {
			steps += len(phase.Steps)
		}
		fmt.Fprintf(e.Stdout, "  %d  apart (%s): %s, %s\n", procedure.Pos.Line, procedure.Kind, procedure.Title, count(steps, "step", "steps"))
	}
	for _, problem := range book.Problems {
		fmt.Fprintf(e.Stdout, "%s: %s\n", problem.Severity, problem.Error())
	}
}

func printStep(e Env, step runbook.Step) {
	extra := ""
	if len(step.Items) > 0 {
		extra = fmt.Sprintf(" (%s)", count(len(step.Items), "box", "boxes"))
	}
	if !run.HasEffect(step.Kind) && step.Optional {
		extra += " (optional)"
	}
	fmt.Fprintf(e.Stdout, "    %d  %-9s %s%s\n", step.Pos.Line, step.Kind, step.Title, extra)
}
