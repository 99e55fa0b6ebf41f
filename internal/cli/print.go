package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
)

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printPlan says what a run would do, in the order in which it matters.
func printPlan(w io.Writer, o run.Opened) {
	fmt.Fprintf(w, "%s  %s on %s   %s → %s\n", environmentWord(o.Class, o.Environment), o.Project,
		orDefault(o.Target.Name, o.Target.Host), o.From, o.To)
	if o.Commit != "" {
		dirty := ""
		if o.Dirty {
			dirty = ", with uncommitted changes"
		}
		fmt.Fprintf(w, "branch %s, commit %s%s\n", o.Branch, o.Commit, dirty)
	}
	for _, warning := range o.Warnings {
		fmt.Fprintf(w, "! %s\n", warning)
	}
	if len(o.Changes) > 0 {
		fmt.Fprintln(w, "\nServices")
		printChanges(w, o.Changes)
	}
	fmt.Fprintf(w, "\nRollback  %s\n", readinessWords(o.Readiness))
	fmt.Fprintf(w, "\n%s  (%s)\n", o.Runbook.Title, o.Runbook.File)
	n := 0
	for _, phase := range o.Runbook.Phases {
		if len(phase.Steps) == 0 {
			continue
		}
		fmt.Fprintf(w, "  %s\n", phase.Title)
		for _, step := range phase.Steps {
			n++
			fmt.Fprintf(w, "  %3d  %-10s %s\n", n, step.Kind, step.Title)
			printInside(w, step)
		}
	}
	for _, p := range o.Runbook.Problems {
		fmt.Fprintf(w, "  %s: %s\n", p.Severity, p.Error())
	}
}

func printInside(w io.Writer, step runbook.Step) {
	if step.Command != nil {
		for line := range strings.Lines(step.Command.Text) {
			fmt.Fprintf(w, "                  $ %s\n", strings.TrimRight(line, "\n"))
		}
		if step.Command.Undo != "" {
			fmt.Fprintf(w, "                  undo: %s\n", step.Command.Undo)
		}
		if len(step.Command.Placeholders) > 0 {
			fmt.Fprintf(w, "                  to be filled in: %s\n", strings.Join(step.Command.Placeholders, ", "))
		}
	}
	for _, item := range step.Items {
		fmt.Fprintf(w, "                  %s[ ] %s\n", strings.Repeat("  ", item.Depth), item.Text)
	}
}

func printChanges(w io.Writer, changes []release.Change) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range changes {
		detail := ""
		switch {
		case c.Kind == release.ChangeAdded:
			detail = imageWord(c.To, c.ToID)
		case c.Kind == release.ChangeRemoved:
			detail = imageWord(c.From, c.FromID)
		case c.From != c.To || c.FromID != c.ToID:
			detail = imageWord(c.From, c.FromID) + " → " + imageWord(c.To, c.ToID)
		}
		if c.FromReplicas != c.ToReplicas {
			detail += fmt.Sprintf("  %d → %d containers", c.FromReplicas, c.ToReplicas)
		}
		if len(c.Config) > 0 {
			detail += "  changed: " + strings.Join(c.Config, ", ")
		}
		if c.Note != "" {
			detail += "  (" + c.Note + ")"
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", c.Service, c.Kind, strings.TrimSpace(detail))
	}
	_ = tw.Flush()
}

func imageWord(ref, id string) string {
	if ref == "" {
		return stack.ShortID(id)
	}
	return ref
}

func environmentWord(class run.Class, name string) string {
	if class == run.Production && !strings.EqualFold(name, "production") {
		return "PRODUCTION (" + name + ")"
	}
	return strings.ToUpper(name)
}

func readinessWords(r release.Readiness) string {
	if r.Ready {
		return "ready → " + r.Target.String()
	}
	if r.Pending {
		return "to " + r.Target.String() + ", which is recorded and proven before the first change"
	}
	if r.Target != (release.Ref{}) && r.Reason != "" {
		return "to " + r.Target.String() + ": " + r.Reason
	}
	return orDefault(r.Reason, "not proven yet")
}

// printProof is the table that the exit code of a rollback follows.
func printProof(w io.Writer, p release.Proof) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "  \tSERVICE\tCONTAINERS\tIMAGE\tCONFIGURATION\tHEALTH")
	for _, r := range p.Rows {
		mark := "✓"
		if !r.OK {
			mark = "✗"
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\t%s\n", mark, r.Service, r.Replicas, r.Image, r.Config, r.Health)
	}
	_ = tw.Flush()
}

func safe(s string) string { return clean.Name(s) }
