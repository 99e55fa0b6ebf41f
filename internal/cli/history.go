package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"flightdeck/internal/config"
	"flightdeck/internal/journal"
	"flightdeck/internal/run"
	"flightdeck/internal/story"
)

// past is one run as `history --json` gives it. Fields are only added.
type past struct {
	Run         string        `json:"run"`
	Project     string        `json:"project"`
	Environment string        `json:"environment"`
	Mode        run.Mode      `json:"mode"`
	From        string        `json:"from"`
	To          string        `json:"to"`
	Operator    string        `json:"operator"`
	At          time.Time     `json:"at"`
	Took        time.Duration `json:"tookNs"`
	Stage       run.Stage     `json:"stage"`
	Outcome     run.Outcome   `json:"outcome,omitempty"`
	Live        bool          `json:"live"`
	Error       string        `json:"error,omitempty"`
}

func newHistory(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history [ENVIRONMENT]",
		Short: "The runs that were flown from this machine, newest first",
		Args:  atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			all, err := history(env, first(args))
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(env.Stdout, all)
			}
			return printHistory(env, all)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// history lists the runs of this directory's project; outside a project, all of them.
func history(e Env, name string) ([]past, error) {
	state, err := journal.StateDir(e.Getenv)
	if err != nil {
		return nil, err
	}
	runs, err := journal.Runs(state)
	if err != nil {
		return nil, err
	}
	belongs := func(journal.RunInfo) bool { return true }
	if project, err := config.Load(".", e.Getenv); err == nil {
		belongs = func(i journal.RunInfo) bool { return ofProject(project, i) }
		if name != "" {
			environment, err := project.Environment(name)
			if err != nil {
				return nil, &exit{code: exitUsage, err: err}
			}
			name = environment.Name
		}
	}
	out := []past{}
	for _, i := range runs {
		if i.Err != nil {
			out = append(out, past{Run: i.Run, Error: i.Err.Error()})
			continue
		}
		if i.Over() && i.StartedAt.IsZero() {
			continue // a plan that was only looked at
		}
		if !belongs(i) || name != "" && i.Opened.Environment != name {
			continue
		}
		out = append(out, past{Run: i.Run, Project: i.Opened.Project, Environment: i.Opened.Environment, Mode: i.Opened.Mode,
			From: i.Opened.From.String(), To: i.Opened.To.String(), Operator: i.Opened.Operator, At: i.OpenedAt,
			Took: i.LastAt.Sub(i.OpenedAt), Stage: i.Stage, Outcome: i.Outcome, Live: i.Live})
	}
	return out, nil
}

func ofProject(p config.Project, i journal.RunInfo) bool {
	for _, env := range p.Environments {
		if env.ComposeProject == i.Opened.Project {
			return true
		}
	}
	return false
}

func printHistory(e Env, all []past) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(e.Stdout, "No run was flown from here yet. `flightdeck demo` shows one.")
		return err
	}
	tw := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "WHEN\tENVIRONMENT\tWHAT\tOUTCOME\tTOOK\tBY\tRUN")
	for _, p := range all {
		if p.Error != "" {
			fmt.Fprintf(tw, "?\t\t\tunreadable: %s\t\t\t%s\n", safe(p.Error), p.Run)
			continue
		}
		fmt.Fprintf(tw, "%s ago\t%s\t%s %s → %s\t%s\t%s\t%s\t%s\n", story.Age(age(e.Now(), p.At)), environmentWordOf(p.Environment),
			p.Mode, p.From, p.To, outcomeWords(p), story.Took(p.Took), p.Operator, p.Run)
	}
	return tw.Flush()
}

func environmentWordOf(name string) string { return strings.ToUpper(name) }

func outcomeWords(p past) string {
	switch {
	case p.Live:
		return "▶ going on"
	case p.Stage != run.Over:
		return "? interrupted"
	case p.Outcome == run.Done || p.Outcome == run.RolledBack:
		return "✓ " + string(p.Outcome)
	}
	return "✗ " + string(p.Outcome)
}

func newShow(env Env) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "What happened in a run, entry by entry",
		Long: `What happened in a run, entry by entry. RUN is the ID that "flightdeck history" lists, or enough of
its beginning to be the only one; "last" is the newest.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("`flightdeck show` takes one RUN; `flightdeck history` lists them")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return show(env, args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, one entry a line")
	return cmd
}

func show(e Env, name string, asJSON bool) error {
	info, err := findRun(e, name)
	if err != nil {
		return err
	}
	entries, recovery, err := journal.Read(info.Path)
	if err != nil {
		return err
	}
	front := &lines{out: e.Stdout, json: asJSON, state: run.Fold(entries), shown: map[string]uint64{}}
	if asJSON {
		for _, entry := range entries {
			if err := front.print(entry); err != nil {
				return err
			}
		}
		return nil
	}
	if recovery.Notice != "" {
		fmt.Fprintf(e.Stdout, "Notice: %s\n", recovery.Notice)
	}
	printHead(e, front.state, info)
	for _, entry := range entries {
		fmt.Fprintf(e.Stdout, "%s  %s\n", entry.At.Local().Format("2006-01-02 15:04:05"), story.Sentence(entry, front.title))
		if ended, ok := entry.Event.(run.RollbackEnded); ok {
			printProof(e.Stdout, ended.Proof)
		}
	}
	return nil
}

func printHead(e Env, s run.State, info journal.RunInfo) {
	o := s.Opened
	fmt.Fprintf(e.Stdout, "%s  %s of %s on %s   %s → %s\n", environmentWord(o.Class, o.Environment), o.Mode, o.Project,
		orDefault(o.Target.Name, o.Target.Host), o.From, o.To)
	outcome := "interrupted; start flightdeck again to resume it"
	if info.Live {
		outcome = "going on"
	} else if s.Stage == run.Over {
		outcome = string(s.Outcome)
		if s.CloseWhy != "" {
			outcome += ": " + s.CloseWhy
		}
	}
	fmt.Fprintf(e.Stdout, "%s by %s, %s\n\n", o.Run, o.Operator, outcome)
}

func findRun(e Env, name string) (journal.RunInfo, error) {
	state, err := journal.StateDir(e.Getenv)
	if err != nil {
		return journal.RunInfo{}, err
	}
	runs, err := journal.Runs(state)
	if err != nil {
		return journal.RunInfo{}, err
	}
	var found []journal.RunInfo
	for _, i := range runs {
		if i.Run == name || name == "last" {
			return i, nil
		}
		if strings.HasPrefix(i.Run, name) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return journal.RunInfo{}, usage("there is no run %q; `flightdeck history` lists them", name)
	case 1:
		return found[0], nil
	}
	return journal.RunInfo{}, usage("%q fits %d runs; say more of the ID, `flightdeck history` lists them", name, len(found))
}
