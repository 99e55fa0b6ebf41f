package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"flightdeck/internal/config"
	"flightdeck/internal/journal"
	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/internal/story"
)

// status is one environment as `status --json` gives it. Fields are only added.
type status struct {
	Environment string            `json:"environment"`
	Class       run.Class         `json:"kind"`
	Project     string            `json:"project"`
	Target      string            `json:"target,omitempty"`
	Release     release.Ref       `json:"release"`
	Up          int               `json:"up"`
	Total       int               `json:"total"`
	Healthy     bool              `json:"healthy"`
	RunningFor  time.Duration     `json:"runningForNs,omitempty"`
	Containers  []stack.Container `json:"containers,omitempty"`
	LastRun     *lastRun          `json:"lastRun,omitempty"`
	Lock        string            `json:"lock,omitempty"` // who flies here now; empty: free
	Error       string            `json:"error,omitempty"`
}

type lastRun struct {
	Run      string      `json:"run"`
	Mode     run.Mode    `json:"mode"`
	Stage    run.Stage   `json:"stage"`
	Outcome  run.Outcome `json:"outcome,omitempty"`
	Operator string      `json:"operator"`
	At       time.Time   `json:"at"`
	Live     bool        `json:"live"`
}

func newStatus(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [ENVIRONMENT]",
		Short: "Release, health, last run and lock of the environments",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := statuses(cmd.Context(), env, first(args))
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(env.Stdout, all)
			} else {
				err = printStatus(env, all)
			}
			if err != nil {
				return err
			}
			return unanswered(all)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// unanswered makes the exit code tell that an environment did not answer.
func unanswered(all []status) error {
	for _, s := range all {
		if s.Error != "" {
			return quiet(exitFailed)
		}
	}
	return nil
}

func statuses(ctx context.Context, e Env, name string) ([]status, error) {
	project, err := config.Load(".", e.Getenv)
	if err != nil {
		return nil, &exit{code: exitUsage, err: err}
	}
	environments := project.Environments
	if name != "" {
		environment, err := project.Environment(name)
		if err != nil {
			return nil, &exit{code: exitUsage, err: err}
		}
		environments = []config.Environment{environment}
	}
	state, err := journal.StateDir(e.Getenv)
	if err != nil {
		return nil, err
	}
	runs, err := journal.Runs(state)
	if err != nil {
		return nil, err
	}
	out := make([]status, len(environments))
	for i, environment := range environments {
		out[i] = statusOf(ctx, e, project, environment, state, runs)
	}
	return out, nil
}

func statusOf(ctx context.Context, e Env, project config.Project, env config.Environment, state string, runs []journal.RunInfo) status {
	s := status{Environment: env.Name, Class: env.Class, Project: env.ComposeProject}
	for _, info := range runs {
		if info.Over() && info.StartedAt.IsZero() {
			continue // a plan that was only looked at
		}
		if info.Err == nil && (project.File == "" || info.Opened.Environment == env.Name) && info.Opened.Project == env.ComposeProject {
			s.LastRun = &lastRun{Run: info.Run, Mode: info.Opened.Mode, Stage: info.Stage, Outcome: info.Outcome,
				Operator: info.Opened.Operator, At: info.LastAt, Live: info.Live}
			if info.Live {
				s.Lock = info.Opened.Operator
			}
			break
		}
	}
	target, err := openTarget(ctx, project, env)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	p := &place{project: project, env: env, target: target, state: state}
	defer func() { _ = p.close() }()
	if p.info, err = target.Info(ctx); err != nil {
		s.Error = err.Error()
		return s
	}
	if project.File == "" {
		p.env = remembered(ctx, unconfigured(env, p.info), target)
		s.Environment, s.Class = p.env.Name, p.env.Class
	}
	now, err := p.look(ctx)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	s.Target = orDefault(now.info.Name, now.info.Host)
	s.Release, s.Up, s.Total, s.Containers = now.current, now.up, now.total, now.snapshot.Containers
	s.Healthy = now.total > 0 && now.up == now.total
	s.RunningFor = youngest(e.Now(), now.snapshot)
	return s
}

// youngest is how long everything has been running: since the newest start.
func youngest(now time.Time, s stack.Snapshot) time.Duration {
	var last time.Time
	for _, c := range s.Containers {
		if c.State == "running" && !c.OneOff && c.StartedAt.After(last) {
			last = c.StartedAt
		}
	}
	return age(now, last)
}

func printStatus(e Env, all []status) error {
	tw := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ENVIRONMENT\tRELEASE\tRUNNING\tHEALTH\tLAST RUN\tLOCK")
	for _, s := range all {
		if s.Error != "" {
			fmt.Fprintf(tw, "%s\t?\t\t? no answer\t%s\t%s\n", environmentWord(s.Class, s.Environment), runWords(e, s.LastRun), orDefault(s.Lock, "?"))
			continue
		}
		running := ""
		if s.RunningFor > 0 {
			running = story.Age(s.RunningFor)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", environmentWord(s.Class, s.Environment), s.Release, running,
			healthWords(s), runWords(e, s.LastRun), orDefault(s.Lock, "free"))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, s := range all {
		if s.Error != "" {
			fmt.Fprintf(e.Stdout, "\n%s: %s\n", s.Environment, safe(s.Error))
		}
	}
	return nil
}

func healthWords(s status) string {
	switch {
	case s.Total == 0:
		return "○ nothing runs"
	case s.Healthy:
		return fmt.Sprintf("● %d of %d", s.Up, s.Total)
	}
	return fmt.Sprintf("✗ %d of %d", s.Up, s.Total)
}

func runWords(e Env, l *lastRun) string {
	if l == nil {
		return "none from here"
	}
	ago := story.Age(age(e.Now(), l.At))
	switch {
	case l.Live:
		return fmt.Sprintf("▶ %s, %s, now", l.Mode, l.Operator)
	case l.Stage != run.Over:
		return fmt.Sprintf("? %s, %s, interrupted %s ago", l.Mode, l.Operator, ago)
	case l.Outcome == run.Done || l.Outcome == run.RolledBack:
		return fmt.Sprintf("✓ %s, %s, %s, %s ago", l.Mode, l.Outcome, l.Operator, ago)
	}
	return fmt.Sprintf("✗ %s, %s, %s, %s ago", l.Mode, l.Outcome, l.Operator, ago)
}

// withoutSpecs leaves out the full configurations: they hold the values of environment variables,
// and belong on the engine and nowhere else.
func withoutSpecs(all []release.Release) []release.Release {
	out := slices.Clone(all)
	for i := range out {
		out[i].Services = slices.Clone(out[i].Services)
		for j := range out[i].Services {
			s := &out[i].Services[j]
			s.Containers = slices.Clone(s.Containers)
			for k := range s.Containers {
				s.Containers[k].Spec = nil
			}
		}
		out[i].Networks = slices.Clone(out[i].Networks)
		for j := range out[i].Networks {
			out[i].Networks[j].Spec = nil
		}
	}
	return out
}

func listReleases(ctx context.Context, e Env, name string, asJSON bool) error {
	p, err := open(ctx, e, ".", name)
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()
	now, err := p.look(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(e.Stdout, withoutSpecs(now.releases))
	}
	if len(now.releases) == 0 {
		_, err := fmt.Fprintf(e.Stdout, "The ledger of %s is empty: nothing was deployed there with flightdeck yet.\n", p.env.Name)
		return err
	}
	target, pickErr := release.Pick(now.releases, now.recorded())
	tw := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\tRELEASE\tSTATUS\tRECORDED\tCOMMIT\tBY\tID")
	for _, r := range now.releases {
		mark := ""
		switch {
		case r.ID == now.current.ID:
			mark = "runs now"
		case pickErr == nil && r.ID == target.ID:
			mark = "R goes here"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s ago\t%s\t%s\t%s\n", mark, r.Ref(), r.Status, story.Age(age(e.Now(), r.RecordedAt)), r.Commit, r.By, r.ID)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if pickErr != nil && !errors.Is(pickErr, release.ErrNoTarget) {
		return pickErr
	}
	return nil
}
