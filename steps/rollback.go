package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// rollback brings World.Back back and proves it: first that it would work, then the restore, then
// the comparison with the record. It is never cut off, and may be done again after it was.
func rollback() Kind {
	return Kind{Preview: previewRollback, Do: doRollback}
}

func previewRollback(ctx context.Context, w World, _ Job) ([]string, error) {
	if w.Back.ID == "" {
		return nil, errors.New("there is no release to go back to")
	}
	ready, err := w.Restorer.Ready(ctx, w.Back.ID)
	if err != nil {
		return nil, err
	}
	if !ready.Ready {
		return nil, blocked(ready)
	}
	return sentences(ready.Changes), nil
}

func doRollback(ctx context.Context, w World, _ Job) (Result, error) {
	ctx = context.WithoutCancel(ctx)
	if w.Back.ID == "" {
		return Result{}, errors.New("there is no release to go back to; nothing was changed")
	}
	ready, err := w.Restorer.Ready(ctx, w.Back.ID)
	if err != nil {
		return Result{}, fmt.Errorf("%w; nothing was changed", err)
	}
	if !ready.Ready {
		return Result{}, fmt.Errorf("%w; nothing was changed", blocked(ready))
	}
	w.say("restoring " + w.Back.String())
	if err := w.Restorer.Restore(ctx, w.Back.ID, w.say); err != nil {
		return Result{}, fmt.Errorf("%w; %s", err, left(ctx, w))
	}
	w.say("comparing what runs with the record")
	ctx, cancel := context.WithTimeout(ctx, w.Patience.filled().Verify)
	defer cancel()
	proof, err := w.Restorer.Verify(ctx, w.Back.ID)
	if err != nil {
		return Result{Proof: proof}, fmt.Errorf("%s was restored, but that could not be proven: %w", w.Back, err)
	}
	if !proof.OK {
		return Result{Proof: proof}, fmt.Errorf("%s was restored, but the proof fails: %s", w.Back, unproven(proof))
	}
	return Result{Proof: proof, Evidence: fmt.Sprintf("%s is back, %s proven", w.Back, plural(len(proof.Rows), "service", "services"))}, nil
}

func blocked(r release.Readiness) error {
	reason := r.Reason
	if reason == "" {
		reason = "its readiness could not be proven"
	}
	return errors.New("rollback blocked: " + reason)
}

// left says in what state an unfinished rollback leaves the target.
func left(ctx context.Context, w World) string {
	ctx, cancel := context.WithTimeout(ctx, w.Patience.filled().Terminate)
	defer cancel()
	snap, err := w.Observer.Observe(ctx)
	if err != nil {
		return "what runs now could not be seen: " + err.Error()
	}
	var all []string
	for _, c := range snap.Containers {
		if !c.OneOff {
			all = append(all, c.Label()+" "+standing(c))
		}
	}
	if len(all) == 0 {
		return "no container of the project is left"
	}
	return "what is there now: " + strings.Join(all, ", ")
}

func standing(c stack.Container) string {
	switch {
	case c.State == "exited":
		return fmt.Sprintf("exited (%d)", c.ExitCode)
	case c.Health != "" && c.State == "running":
		return c.Health
	}
	return c.State
}

func unproven(p release.Proof) string {
	var bad []string
	for _, row := range p.Rows {
		if row.OK {
			continue
		}
		why := row.Service
		for _, cell := range []string{row.Image, row.Config, row.Health} {
			if cell != "ok" && cell != "" {
				why += " " + cell
				break
			}
		}
		bad = append(bad, why)
	}
	if len(bad) == 0 {
		return "the table holds no service"
	}
	return strings.Join(bad, "; ")
}
