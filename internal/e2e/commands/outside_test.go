//go:build unix

package commands

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
)

// TestAWholeLife deploys twice, looks from every side, and goes back.
func TestAWholeLife(t *testing.T) {
	t.Parallel()
	p := shop(t, nil)
	p.run("history").is(0, "No run was flown from here yet")
	p.run("status").is(0, "STAGING", "PRODUCTION", "nothing runs", "free")
	p.run("rollback", "staging", "--list").is(0, "ledger of staging is empty")
	p.run("rollback", "staging", "--yes").refuses(1, "nothing was deployed with flightdeck yet")
	p.untouched()

	plan := p.run("deploy", "staging", "--dry-run").is(0, "STAGING", "nothing → v1", "api", "added", "1  checklist", "2  command",
		"$ echo prepared >> prepared.txt", "3  deploy", "4  monitor", "Dry run: nothing was changed")
	if strings.Contains(plan.out, "\n\n\n") {
		t.Errorf("two empty lines follow on each other:\n%s", plan.out)
	}
	var opened run.Opened
	if err := json.Unmarshal([]byte(p.run("deploy", "staging", "--dry-run", "--json").is(0).out), &opened); err != nil {
		t.Fatal(err)
	}
	if opened.To.Version != "v1" || len(opened.Changes) != 2 || opened.Environment != "staging" || opened.Operator != "ops" {
		t.Errorf("the dry run as JSON says %+v", opened)
	}
	p.untouched()

	p.run("deploy", "staging", "--yes", "--plain").is(0, "confirmed by ops (--yes)", "prepare done", "Deploy the new release done",
		"judged healthy", "STAGING: deploy of "+p.name+"-staging done", "flightdeck show ")
	if got := p.versions("staging"); got != "api v1 running, web v1 running" {
		t.Errorf("what runs: %s", got)
	}

	said := p.run("deploy", "staging", "--release", "v2", "--yes", "--json").is(0).out
	told := entries(t, said)
	last := told[len(told)-1]
	if closed, ok := last.Event.(run.Closed); !ok || closed.Outcome != run.Done {
		t.Errorf("the last entry is %+v", last)
	}
	if d := cmp.Diff(said, p.run("show", "last", "--json").is(0).out); d != "" {
		t.Errorf("--json tells something else than the journal: %s", d)
	}
	if got := p.versions("staging"); got != "api v2 running, web v2 running" {
		t.Errorf("what runs: %s", got)
	}
	if got := p.read("prepared.txt"); got != "prepared\nprepared\n" {
		t.Errorf("the command of the two deploys ran like this: %q", got)
	}
	p.lookedAt()
	p.goBack()
}

// lookedAt checks what status, history, show and the list say after the deploys of v1 and v2.
func (p *project) lookedAt() {
	p.t.Helper()
	var status []struct {
		Environment, Project string
		Release              release.Ref
		Up, Total            int
		Healthy              bool
		LastRun              *struct{ Outcome, Operator string }
	}
	if err := json.Unmarshal([]byte(p.run("status", "staging", "--json").is(0).out), &status); err != nil {
		p.t.Fatal(err)
	}
	if len(status) != 1 || status[0].Release.Version != "v2" || status[0].Up != 2 || status[0].Total != 2 || !status[0].Healthy ||
		status[0].LastRun == nil || status[0].LastRun.Outcome != "done" || status[0].LastRun.Operator != "ops" {
		p.t.Errorf("status --json says %+v", status)
	}
	p.run("status").is(0, "● 2 of 2", "✓ deploy, done, ops", "○ nothing runs")
	p.run("history").is(0, "deploy nothing → v1", "deploy v1 → v2", "✓ done")
	p.run("history", "production").is(0, "No run")
	var history []struct{ Run, Mode, From, To, Outcome string }
	if err := json.Unmarshal([]byte(p.run("history", "--json").is(0).out), &history); err != nil {
		p.t.Fatal(err)
	}
	if len(history) != 2 || history[0].To != "v2" || history[1].From != "nothing" {
		p.t.Fatalf("history --json says %+v", history)
	}
	p.run("show", history[1].Run).is(0, "nothing → v1", "by ops, done")
	p.run("show", "last").is(0, "v1 → v2", "Before: I have read what changes ticked", "recorded v1 on the target; rollback ready → v1", "prepare started by ops")
	list := p.run("rollback", "staging", "--list").is(0, "RELEASE", "STATUS").out
	for _, line := range []string{"runs now", "R goes here"} {
		at := strings.Index(list, line)
		if at < 0 || !strings.Contains(strings.SplitN(list[at:], "\n", 2)[0], map[string]string{"runs now": "v2", "R goes here": "v1"}[line]) {
			p.t.Errorf("the list of releases:\n%s", list)
		}
	}
	var releases []release.Release
	if err := json.Unmarshal([]byte(p.run("rollback", "staging", "--list", "--json").is(0).out), &releases); err != nil {
		p.t.Fatal(err)
	}
	if len(releases) != 2 || releases[0].Version != "v2" || releases[0].Status != release.StatusHealthy {
		p.t.Errorf("rollback --list --json says %+v", releases)
	}
}

func (p *project) goBack() {
	p.t.Helper()
	before := p.runs()
	p.run("rollback", "staging", "--to", "v7", "--yes").refuses(2, `no release "v7"`, "rollback --list")
	p.run("rollback", "staging", "--dry-run").is(0, "v2 → v1", "Rollback  ready → v1", "Dry run")
	if n := p.runs(); n != before {
		p.t.Errorf("%d journals more after a refusal and a dry run", n-before)
	}
	p.run("rollback", "staging", "--to", "v1", "--yes").is(5, "SERVICE", "IMAGE", "CONFIGURATION", "HEALTH", "✓  api", "✓  web", "proven: 2 of 2")
	if got := p.versions("staging"); got != "api v1 running, web v1 running" {
		p.t.Errorf("what runs: %s", got)
	}
	p.run("show", "last").is(0, "✓  api", "rolled back")
	p.run("rollback", "staging", "--list").is(0, "bad")
	p.run("history").is(0, "✓ rolled back")
}

// TestRollbackThatCannotBeProven: exit code 6, and the journal says why.
func TestRollbackThatCannotBeProven(t *testing.T) {
	t.Parallel()
	// web ends at once when a file lies there, which no record knows of.
	p := shop(t, files{"local.yaml": strings.NewReplacer(`command: [sleep, "100000"]
    environment: {TAG: "${TAG:-v1}"}
    restart: always
  api`, `command: [sh, -c, 'test ! -e "$DIR/broken" && exec sleep 100000']
    environment: {TAG: "${TAG:-v1}", DIR: "${DIR}"}
  api`).Replace(localYAML)})
	p.env = append(p.env, "DIR="+p.dir)
	p.run("deploy", "staging", "--yes").is(0)
	p.run("deploy", "staging", "--release", "v2", "--yes").is(0)
	p.write("broken", "")
	p.run("rollback", "staging", "--yes").is(6, "✗  web", "✓  api", "rollback failed")
	all := p.journal()
	closed, ok := all[len(all)-1].Event.(run.Closed)
	if !ok || closed.Outcome != run.RollbackFailed {
		t.Errorf("the last entry is %+v", all[len(all)-1])
	}
	p.run("history").is(0, "✗ rollback failed")
	p.run("rollback", "staging", "--list").is(0)
}

// TestAFailedStep: without anybody to ask the run ends there, with exit code 1.
func TestAFailedStep(t *testing.T) {
	t.Parallel()
	p := shop(t, files{"deploy.md": strings.Replace(deployMD, "echo prepared >> prepared.txt", "echo the reason is here; exit 3", 1)})
	p.run("deploy", "staging", "--yes").is(1, "the reason is here", "exit code 3", "failed")
	if got := p.versions("staging"); got != "" {
		t.Errorf("after the failed step something was deployed: %s", got)
	}
	all := p.journal()
	closed, ok := all[len(all)-1].Event.(run.Closed)
	if !ok || closed.Outcome != run.Failed || !strings.Contains(closed.Reason, "exit code 3") {
		t.Errorf("the last entry is %+v", all[len(all)-1])
	}
	p.run("history").is(0, "✗ failed")
	p.run("status").is(0, "✗ deploy, failed, ops")
}

func TestRunAnyDocument(t *testing.T) {
	t.Parallel()
	p := shop(t, files{"hello.md": "# Hello\n\n1. Say hello\n\n```sh\necho \"hello $FLIGHTDECK_ENVIRONMENT\" > hello.txt\n```\n"})
	p.run("run", "hello.md", "staging", "--yes").is(0)
	if got := p.read("hello.txt"); got != "hello staging\n" {
		t.Errorf("the command wrote %q", got)
	}
	if got := p.versions("staging"); got != "" {
		t.Errorf("something was deployed: %s", got)
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	p := shop(t, files{
		"bad.md":   "# X\n\n```flightdeck\ndeplyo\n```\n",
		"empty.md": "Only words.\n",
	})
	p.run("lint").is(0, "flightdeck.yaml: 2 environments: staging or production", `deploy.md: "Deploy the fixture", 3 phases, 4 steps`, "monitor")
	p.run("lint", "deploy.md").is(0, "checklist")
	p.run("lint", "deploy.md", "bad.md").is(1, `error: bad.md:4:1: unknown step "deplyo" (did you mean "deploy"?)`)
	p.run("lint", "nowhere.md").refuses(2, "nowhere.md", "no such file")
	// What `run` would refuse, lint must not call good.
	p.run("lint", "empty.md").is(1, "empty.md:1:1: no step found")
}

func TestHelpReadsWell(t *testing.T) {
	t.Parallel()
	p := newProject(t, nil)
	commands := []string{"demo", "deploy", "rollback", "run", "status", "history", "show", "lint", "version", "completion"}
	root := p.run("--help").is(0, "flightdeck demo", "Usage:").out
	for _, c := range commands {
		var short string
		for line := range strings.Lines(root) {
			if rest, ok := strings.CutPrefix(line, "  "+c+" "); ok {
				short = strings.TrimSpace(rest)
			}
		}
		if short == "" {
			t.Errorf("--help has no short text for %s", c)
		}
	}
	for _, c := range append([]string{""}, commands...) {
		text := p.run(append(strings.Fields(c), "--help")...).is(0, "Usage:").out
		for line := range strings.Lines(text) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 100 {
				t.Errorf("%s --help has a line of %d columns: %s", c, n, line)
			}
		}
	}
	if p.run("help", "deploy").is(0).out != p.run("deploy", "--help").is(0).out {
		t.Error("help deploy is not deploy --help")
	}
}

func TestCompletionAndVersion(t *testing.T) {
	t.Parallel()
	p := shop(t, nil)
	for shell, text := range map[string]string{"bash": "__start_flightdeck", "zsh": "#compdef flightdeck", "fish": "complete -c flightdeck"} {
		p.run("completion", shell).is(0, text)
	}
	version := p.run("version").is(0, "flightdeck ").out
	if got := p.run("--version").is(0).out; got != version {
		t.Errorf("--version says %q, version %q", got, version)
	}
	offered := strings.Fields(p.run("__complete", "de").is(0).out)
	for _, want := range []string{"deploy", "demo"} {
		if !slices.Contains(offered, want) {
			t.Errorf("completion of de does not offer %s: %v", want, offered)
		}
	}
	p.run("completion", "tcsh").refuses(2, `"tcsh"`, "flightdeck completion --help")
}
