package cli

import (
	"context"
	"fmt"

	"flightdeck/internal/journal"
	"flightdeck/internal/run"
	"flightdeck/internal/story"
)

// resumption is what the operator wants of an interrupted run.
type resumption int

const (
	resumeIt resumption = iota
	putAside
	leaveIt
)

// askResume tells what was interrupted and asks what to do. Nothing happens without an answer.
func askResume(ctx context.Context, e Env, info journal.RunInfo) (resumption, error) {
	entries, _, err := journal.Read(info.Path)
	if err != nil {
		return leaveIt, err
	}
	fmt.Fprintln(e.Stdout, interrupted(e, run.Fold(entries)))
	for {
		said, err := e.typist.ask(ctx, "r = resume it, a = put it aside and start anew, q = leave everything as it is:")
		if err != nil {
			return leaveIt, err
		}
		switch said {
		case "r":
			return resumeIt, nil
		case "a":
			return putAside, nil
		case "q":
			return leaveIt, nil
		}
		fmt.Fprintf(e.Stdout, "%q is none of the choices\n", safe(said))
	}
}

// interrupted says in words where the run stood when its process died.
func interrupted(e Env, s run.State) string {
	o := s.Opened
	said := fmt.Sprintf("%s: the %s of %s (%s → %s) by %s, begun %s ago, was interrupted.", environmentWord(o.Class, o.Environment),
		o.Mode, o.Project, o.From, o.To, o.Operator, story.Age(age(e.Now(), s.OpenedAt)))
	if s.Stage == run.TurningBack {
		return said + "\nIts rollback had begun. Resuming goes on with the rollback."
	}
	i := s.Current()
	if i >= len(s.Steps) {
		return said + "\nAll of its steps are done."
	}
	st := s.Steps[i]
	said += fmt.Sprintf("\nIt stands at step %d of %d, %q", i+1, len(s.Steps), st.Step.Title)
	if (st.Status == run.Running || st.Status == run.Stopping) && run.HasEffect(st.Step.Kind) {
		return said + ", which had begun: its outcome is unknown."
	}
	return said + fmt.Sprintf(" (%s).", st.Status)
}
