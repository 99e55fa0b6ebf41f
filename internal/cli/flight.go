package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
)

// order is what a command line asks of a run.
type order struct {
	mode    run.Mode
	file    string // runbook file; empty: the environment's own, else the built-in one
	version string // release to deploy, set as the tag variable
	to      string // release ID to go back to; empty: the last healthy one
	hint    string // a guiding line for the cockpit
}

// plan resolves everything that a run starts from, changing nothing on the target.
func (p *place) plan(ctx context.Context, e Env, o order) (run.Opened, error) {
	book, source, err := p.readRunbook(o)
	if err != nil {
		return run.Opened{}, err
	}
	now, err := p.look(ctx)
	if err != nil {
		return run.Opened{}, err
	}
	git := readGit(ctx, p.project.Dir)
	opened := run.Opened{
		Run: runID(e.Now(), p.env.Name), Version: e.Version, Mode: o.mode, Project: p.env.ComposeProject,
		Environment: p.env.Name, Class: p.env.Class, Operator: operator(e), Host: hostname(),
		Branch: git.branch, Commit: git.commit, Dirty: git.dirty,
		Target: run.Target{Kind: now.info.Kind, Host: now.info.Host, Name: now.info.Name, Context: now.info.Context,
			Engine: now.info.Engine, Compose: now.info.Compose, URL: p.env.URL},
		From: now.current, Runbook: book, Source: string(source), Hint: o.hint,
	}
	opened.Warnings = p.warnings(git)
	if o.mode == run.ModeRollback {
		return opened, p.planRollback(ctx, &opened, now, o.to)
	}
	return opened, p.planForward(ctx, &opened, now, stack.Want{Version: o.version})
}

// warnings are the classic mistakes that git can show. They are said, not refused: gates with
// overrides are another matter.
func (p *place) warnings(git revision) []string {
	var out []string
	if p.env.Branch != "" && git.branch != "" && git.branch != p.env.Branch {
		out = append(out, fmt.Sprintf("this is branch %s, and %s is deployed from %s", git.branch, p.env.Name, p.env.Branch))
	}
	if git.dirty {
		out = append(out, "the project's directory has changes that are not committed")
	}
	return out
}

func (p *place) planForward(ctx context.Context, opened *run.Opened, now running, want stack.Want) error {
	if want.Version != "" && p.env.TagVariable == "" && opened.Mode == run.ModeDeploy {
		return usage("--release %s needs to know which variable of the compose file chooses the version: "+
			"set `tag_variable: NAME` for %s in %s", want.Version, p.env.Name, orDefault(p.project.File, "flightdeck.yaml"))
	}
	if opened.Mode == run.ModeDeploy || deploys(opened.Runbook) {
		plan, err := p.target.Plan(ctx, want)
		if err != nil {
			return err
		}
		opened.To = release.Ref{Version: orDefault(plan.Version, "new"), Commit: opened.Commit}
		opened.Changes, opened.PlanDigest = plan.Changes, plan.Digest
	} else {
		opened.To = opened.From
	}
	opened.Readiness = p.readinessOf(ctx, now)
	return nil
}

// readinessOf looks at what a rollback of this run would go back to: what runs now. It is proven
// for real once that is recorded, right before the first change.
func (p *place) readinessOf(ctx context.Context, now running) release.Readiness {
	if now.total == 0 {
		return release.Readiness{Reason: "nothing runs yet, there is nothing to go back to"}
	}
	if now.current.ID == "" {
		return release.Readiness{Target: now.current, Pending: true, Reason: "it is recorded and proven before the first change"}
	}
	ready, err := p.target.Ready(ctx, now.current.ID)
	if err != nil {
		return release.Readiness{Target: now.current, Reason: err.Error()}
	}
	return ready
}

func (p *place) planRollback(ctx context.Context, opened *run.Opened, now running, to string) error {
	target, err := pickRelease(now, to)
	if err != nil {
		return err
	}
	ready, err := p.target.Ready(ctx, target.ID)
	if err != nil {
		return err
	}
	if !ready.Ready {
		return fmt.Errorf("cannot go back to %s: %s. Nothing was changed; `flightdeck rollback --list` shows the other releases",
			target.Ref(), ready.Reason)
	}
	opened.To, opened.Readiness, opened.Changes = target.Ref(), ready, ready.Changes
	return nil
}

func pickRelease(now running, to string) (release.Release, error) {
	if len(now.releases) == 0 {
		return release.Release{}, errors.New("the ledger on the target has no release of this environment: nothing was deployed with flightdeck yet, so there is nothing recorded to go back to")
	}
	if to == "" {
		return release.Pick(now.releases, now.recorded())
	}
	for _, r := range now.releases {
		if r.ID == to {
			return r, nil // an exact ID is the operator's own word, whatever its verdict
		}
	}
	var found []release.Release
	for _, r := range now.releases {
		byVersion := r.Version == to && r.Status != release.StatusBad && r.ID != now.current.ID
		if byVersion || strings.HasPrefix(r.ID, to) {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		return release.Release{}, usage("the ledger has no release %q to go back to that is neither bad nor running; `flightdeck rollback --list` shows what there is", to)
	}
	if len(found) > 1 && found[0].Version != to {
		return release.Release{}, usage("%q fits %d releases; say more of the ID, `flightdeck rollback --list` shows them", to, len(found))
	}
	for _, r := range found {
		if r.Status == release.StatusHealthy {
			return r, nil
		}
	}
	return found[0], nil
}

// recorded is the ledger's entry of what runs now; the zero Release if it has none.
func (r running) recorded() release.Release {
	for _, rel := range r.releases {
		if rel.ID == r.current.ID {
			return rel
		}
	}
	return release.Release{}
}

func deploys(b runbook.Runbook) bool {
	for _, s := range b.Steps() {
		if s.Kind == runbook.KindDeploy {
			return true
		}
	}
	return false
}

func (p *place) readRunbook(o order) (runbook.Runbook, []byte, error) {
	file, source, err := p.runbookSource(o)
	if err != nil {
		return runbook.Runbook{}, nil, err
	}
	book := runbook.Parse(file, source)
	if bad := book.Refused(); len(bad) > 0 {
		lines := make([]string, len(bad))
		for i, problem := range bad {
			lines[i] = problem.Error()
		}
		return book, source, usage("the runbook cannot be read, so nothing was started:\n  %s", strings.Join(lines, "\n  "))
	}
	if len(book.Steps()) == 0 {
		return book, source, usage("%s has no step: no checklist item, no shell fence, no numbered item. `flightdeck lint %s` shows how it was read", file, file)
	}
	return book, source, nil
}

func (p *place) runbookSource(o order) (string, []byte, error) {
	if o.file != "" {
		source, err := os.ReadFile(o.file)
		if err != nil {
			return o.file, nil, usage("the runbook cannot be read: %w", err)
		}
		return o.file, source, nil
	}
	name := string(o.mode)
	if file := p.project.Runbooks[name]; file != "" {
		path := filepath.Join(p.project.Dir, file)
		source, err := os.ReadFile(path)
		if err != nil {
			return file, nil, usage("the %s runbook of %s cannot be read: %w", name, p.project.File, err)
		}
		return file, source, nil
	}
	source, ok := runbook.Builtin(name)
	if !ok {
		return name, nil, usage("there is no built-in runbook %q; give a file", name)
	}
	return "built-in " + name + ".md", source, nil
}

// runID sorts by time and says where, so that a list of directories reads like a list of runs.
func runID(now time.Time, environment string) string {
	var salt [2]byte
	_, _ = rand.Read(salt[:]) // never fails, by its documentation
	return now.UTC().Format("20060102-150405") + "-" + environment + "-" + hex.EncodeToString(salt[:])
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
