package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flightdeck/internal/release"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
)

// deploy brings the new release. It is never cut off: half an `up` can leave a service down, so a
// context that ends is only looked at before the first change.
func deploy() Kind {
	return Kind{Preview: previewDeploy, Do: doDeploy, Undo: func(w World, _ Job) string {
		if w.Back.ID == "" {
			return ""
		}
		return "R brings back " + w.Back.String()
	}}
}

func previewDeploy(ctx context.Context, w World, j Job) ([]string, error) {
	want, err := wantOf(w.Want, j.Step)
	if err != nil {
		return nil, err
	}
	plan, err := w.Deployer.Plan(ctx, want)
	if err != nil {
		return nil, err
	}
	return sentences(plan.Changes), nil
}

func doDeploy(ctx context.Context, w World, j Job) (Result, error) {
	want, err := wantOf(w.Want, j.Step)
	if err != nil {
		return Result{}, err
	}
	if ctx.Err() != nil {
		return Result{Stopped: true}, errors.New("the run ended before the deploy began; nothing was changed")
	}
	if err := w.Deployer.Deploy(context.WithoutCancel(ctx), want, w.ours); err != nil {
		return Result{}, err
	}
	return Result{Evidence: "deployed " + described(want)}, nil
}

// wantOf narrows what the run brings by the arguments of one deploy step.
func wantOf(base stack.Want, step runbook.Step) (stack.Want, error) {
	want := base
	if names := words(step.With["services"]); len(names) > 0 {
		want.Services = names
	}
	if v := step.With["version"]; v != "" {
		want.Version = v
	}
	if v, given := step.With["remove-orphans"]; given {
		on, err := yes(v)
		if err != nil {
			return want, fmt.Errorf("%s: remove-orphans=%q is neither yes nor no", step.Pos, v)
		}
		want.RemoveOrphans = on
	}
	return want, nil
}

func yes(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "", "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, errors.New("neither yes nor no")
}

// words splits "a, b c" at commas and spaces.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

func described(want stack.Want) string {
	what := want.Version
	if what == "" {
		what = "what the compose file describes"
	}
	if len(want.Services) > 0 {
		what += " (only " + strings.Join(want.Services, ", ") + ")"
	}
	return what
}

// sentences says changes of services in words, the unchanged ones last and together.
func sentences(changes []release.Change) []string {
	var out, same []string
	for _, c := range changes {
		if c.Kind == release.ChangeNone {
			same = append(same, c.Service)
			continue
		}
		out = append(out, sentence(c))
	}
	if len(same) > 0 {
		out = append(out, "unchanged: "+strings.Join(same, ", "))
	}
	if len(out) == 0 {
		out = append(out, "nothing changes")
	}
	return out
}

func sentence(c release.Change) string {
	s := c.Service + ": "
	switch c.Kind {
	case release.ChangeAdded:
		s += "added, " + c.To
	case release.ChangeRemoved:
		s += "removed, was " + c.From
	case release.ChangeScaled:
		s += fmt.Sprintf("%d -> %d containers", c.FromReplicas, c.ToReplicas)
	default:
		s += string(c.Kind)
		if c.From != c.To || c.FromID != c.ToID {
			s += ", " + c.From + " -> " + c.To
		}
	}
	if len(c.Config) > 0 {
		s += ", " + strings.Join(c.Config, ", ")
	}
	if c.Note != "" {
		s += " (" + c.Note + ")"
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
