//go:build unix

package commands

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"flightdeck/internal/termtest"
)

// TestRefusals: one clear sentence, the right exit code, and nothing begun.
func TestRefusals(t *testing.T) {
	t.Parallel()
	p := shop(t, files{
		"bad.md":    "# X\n\n- [ ] fine\n\n```flightdeck\ndeploy\ndeplyo\n```\n",
		"empty.md":  "Only words.\n",
		"binary.md": "# X\n\n- [ ] \x00\x01\x02\xff\n",
		"open.md":   "# X\n\n```sh\necho <issue>\n```\n",
	})
	if err := os.Mkdir(filepath.Join(p.dir, "dir.md"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args string
		code int
		says []string
	}{
		{"a syntax error in a flightdeck fence", "run bad.md staging --yes", 2, []string{`bad.md:7:1: unknown step "deplyo"`, `did you mean "deploy"`, "nothing was started"}},
		{"the same by --runbook", "deploy staging --runbook bad.md --yes", 2, []string{"bad.md:7:1:"}},
		{"the same in a dry run", "deploy staging --runbook bad.md --dry-run", 2, []string{"bad.md:7:1:"}},
		{"no steps", "run empty.md staging --yes", 2, []string{"empty.md has no step", "flightdeck lint empty.md"}},
		{"binary", "run binary.md staging --yes", 2, []string{"binary.md:3:7:", "not text"}},
		{"no such file", "run nowhere.md staging --yes", 2, []string{"nowhere.md", "no such file"}},
		{"a directory", "run dir.md staging --yes", 2, []string{"dir.md", "directory"}},
		{"no terminal, no --yes", "deploy staging", 2, []string{"no terminal", "--yes", "--dry-run"}},
		{"no terminal, no --yes, --plain", "deploy staging --plain", 2, []string{"no terminal", "--yes"}},
		{"no terminal for a rollback", "rollback staging", 2, []string{"no terminal", "--yes"}},
		{"no terminal for the demo", "demo --local", 2, []string{"no terminal", "--yes"}},
		{"--json asks nothing", "deploy staging --json", 2, []string{"--json cannot ask", "--yes"}},
		{"--plain and --json", "deploy staging --plain --json --yes", 2, []string{"--plain and --json exclude each other"}},
		{"an unknown environment", "deploy qa --yes", 2, []string{`"qa"`, "staging", "production"}},
		{"an unknown environment of status", "status qa", 2, []string{`"qa"`, "staging", "production"}},
		{"an unknown environment of history", "history qa", 2, []string{`"qa"`, "staging", "production"}},
		{"an unknown environment of the list", "rollback qa --list", 2, []string{`"qa"`, "staging", "production"}},
		{"no environment where there are several", "deploy --yes", 2, []string{"say which environment", "staging or production"}},
		{"two environments", "deploy staging production --yes", 2, []string{"takes one environment"}},
		{"an unknown command", "deply", 2, []string{`no command "deply"`, `did you mean "deploy"`}},
		{"a command like no other", "zzzzzz", 2, []string{`no command "zzzzzz"`, "--help"}},
		{"an unknown flag", "deploy --yess", 2, []string{"unknown flag: --yess", "flightdeck deploy --help"}},
		{"a flag without its value", "deploy staging --release", 2, []string{"--release", "flightdeck deploy --help"}},
		{"no document", "run", 2, []string{"takes a FILE"}},
		{"no run", "show", 2, []string{"takes one RUN", "flightdeck history"}},
		{"an unknown run", "show 2020", 2, []string{`no run "2020"`, "flightdeck history"}},
		{"nothing to show", "show last", 2, []string{`no run "last"`, "flightdeck history"}},
		{"both kinds of demo", "demo --local --docker", 2, []string{"exclude each other"}},
		{"an unknown release of the demo", "demo --release v9", 2, []string{"v1, v2, v3", `"v9"`}},
		{"a fault of a good release", "demo --fault crash", 2, []string{"--release v3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := *p
			q.t = t
			r := q.run(strings.Fields(c.args)...).refuses(c.code, c.says...)
			if r.out != "" {
				t.Errorf("it also says on standard output:\n%s", r.out)
			}
			q.untouched()
		})
	}
	t.Run("production is not named", func(t *testing.T) {
		q := shop(t, files{"flightdeck.yaml": strings.Replace(flightdeckYAML, "  staging: {kind: staging, stack: local, project: PROJECT-staging, tag_variable: TAG}\n", "", 1)})
		q.run("deploy", "--yes").refuses(2, "--yes for production needs its name", "production --yes")
		q.untouched()
		q.run("deploy", "production", "--yes").is(0)
	})
}

// TestProjectsThatCannotBeRead: the place in the file, and what to do.
func TestProjectsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		fs   files
		says []string
	}{
		{"nothing there", nil, []string{"there is no project in ", "compose.yaml", "flightdeck demo"}},
		{"an unknown key", files{"flightdeck.yaml": "version: 1\nenvironments:\n  staging: {kond: staging}\n"}, []string{"flightdeck.yaml:3:13:", `did you mean "kind"`}},
		{"not YAML", files{"flightdeck.yaml": "version: 1\nenvironments:\n  staging: {kind: staging\n"}, []string{"flightdeck.yaml:3:12:", "not YAML"}},
		{"binary", files{"flightdeck.yaml": "\x00\xff\x1b[2J"}, []string{"flightdeck.yaml:1:1:", "UTF-8"}},
		{"an unknown kind", files{"flightdeck.yaml": "version: 1\nenvironments:\n  x: {kind: \"\\e]0;x\\a\"}\n", "compose.yaml": "services: {}\n"}, []string{"flightdeck.yaml:3:"}},
		{"no runbook", files{"flightdeck.yaml": "version: 1\nrunbooks: {deploy: nowhere.md}\nenvironments: {staging: {kind: staging, stack: local}}\n"},
			[]string{"deploy runbook", "nowhere.md", "no such file"}},
		{"no local.yaml", files{"flightdeck.yaml": "version: 1\nenvironments: {staging: {kind: staging, stack: local}}\n"}, []string{"local.yaml"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, c.fs)
			r := p.run("deploy", "--yes")
			if r.code != 1 && r.code != 2 {
				t.Errorf("exit code %d, want 1 or 2", r.code)
			}
			r.refuses(r.code, c.says...)
			p.untouched()
			if left, err := filepath.Glob(filepath.Join(p.dir, ".local", "*", "*")); err != nil || len(left) > 0 {
				t.Errorf("%v was made (%v)", left, err)
			}
		})
	}
}

// TestStateDirectoryThatCannotBeWritten refuses before anything is begun.
func TestStateDirectoryThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	p := shop(t, files{"file": ""})
	for _, state := range []string{"/proc/state", filepath.Join(p.dir, "file"), filepath.Join(p.dir, "file", "below")} {
		for _, command := range []string{"deploy staging --yes", "rollback staging --yes", "status", "history", "show last"} {
			p.with([]string{"FLIGHTDECK_STATE=" + state}, strings.Fields(command)...).refuses(1, state, "FLIGHTDECK_STATE")
		}
	}
	if v := p.versions("staging"); v != "" {
		t.Errorf("something was started: %s", v)
	}
}

// TestTwoAtOnce: the second one ends with 4 and says who is there; its like in the other
// environment is not disturbed.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	p := shop(t, files{"deploy.md": strings.Replace(deployMD, "echo prepared >> prepared.txt", "echo x >> begun; while [ ! -e go ]; do sleep 0.05; done", 1)})
	first := p.terminal("deploy", "staging", "--yes", "--plain")
	until(t, "the first one's command running", func() bool { return p.read("begun") != "" })
	second := p.with([]string{"FLIGHTDECK_OPERATOR=other"}, "deploy", "staging", "--yes")
	second.refuses(4, "staging of "+p.name+"-staging is in use by ops", "process "+itoa(first.Pid()))
	p.run("rollback", "staging", "--yes").refuses(4, "is in use by ops")
	p.run("status").is(0, "▶ deploy, ops, now")
	p.run("history").is(0, "▶ going on")
	p.run("show", "last").is(0, "going on", "prepare started")
	if n := p.runs(); n != 1 {
		t.Errorf("%d journals, want that of the first one only", n)
	}
	p.write("go", "")
	p.run("deploy", "production", "--yes").is(0)
	first.ends(0)
	if got := p.read("begun"); got != "x\nx\n" { // one of each environment
		t.Errorf("the commands ran like this: %q", got)
	}
	p.run("deploy", "staging", "--yes").is(0) // the lock is free again
}

// TestNoUsefulTerminal: TERM=dumb and a terminal that is too small are told so, and nothing is
// begun before the operator's yes.
func TestNoUsefulTerminal(t *testing.T) {
	t.Parallel()
	t.Run("dumb", func(t *testing.T) {
		t.Parallel()
		p := shop(t, nil)
		p.env = append(p.env, "TERM=dumb")
		s := p.terminal("deploy", "staging", "--plain")
		s.sees("Go ahead? [y/N]")
		s.says("n")
		s.ends(1)
		if raw := s.Raw(); strings.ContainsRune(raw, 0x1b) {
			t.Errorf("an escape sequence on a dumb terminal: %q", raw)
		}
		dumb := p.terminal("deploy", "staging")
		if code, err := dumb.Wait(soon); err != nil || code != 2 || !strings.Contains(dumb.Screen(), "--plain") {
			t.Errorf("the cockpit on a dumb terminal: exit code %d, %v\n%q", code, err, dumb.Raw())
		}
		if n := p.runs(); n != 1 {
			t.Errorf("%d journals, want that of the first try only", n)
		}
		if v := p.versions("staging"); v != "" {
			t.Errorf("something was started: %s", v)
		}
	})
	t.Run("too small", func(t *testing.T) {
		t.Parallel()
		p := shop(t, nil)
		s := p.terminalOf(40, 10, "deploy", "staging")
		s.sees("60", "15")
		if err := s.Resize(100, 30); err != nil {
			t.Fatal(err)
		}
		s.sees("STAGING", "nothing → v1")
		if err := s.Kill(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s.ends(130)
		if s.AltScreen() {
			t.Error("the alternate screen is still on")
		}
		if v := p.versions("staging"); v != "" {
			t.Errorf("something was started: %s", v)
		}
	})
}

// TestPlainNo: the default answer is no, whatever is typed that is not a yes.
func TestPlainNo(t *testing.T) {
	t.Parallel()
	p := shop(t, nil)
	s := p.terminal("deploy", "production", "--plain")
	s.sees("This is PRODUCTION. Type production to go ahead:")
	s.says("y")
	s.sees("type the environment's name, production, to confirm")
	s.ends(1)
	s = p.terminal("deploy", "staging", "--plain")
	s.sees("Go ahead? [y/N]")
	if err := s.Send(termtest.Enter); err != nil {
		t.Fatal(err)
	}
	s.ends(1)
	s = p.terminal("deploy", "staging", "--plain")
	s.sees("Go ahead? [y/N]")
	if err := s.Send("\x04"); err != nil { // the end of the input
		t.Fatal(err)
	}
	s.ends(1)
	if v := p.versions("staging") + p.versions("production"); v != "" {
		t.Errorf("something was started: %s", v)
	}
	if got := p.read("prepared.txt"); got != "" {
		t.Errorf("a command was run: %q", got)
	}
	p.run("history").is(0, "No run was flown") // a plan that was only looked at is none
}

// TestTimesOut: a command that is told to end by its own timeout is a failed step, not a hang.
func TestTimesOut(t *testing.T) {
	t.Parallel()
	p := shop(t, files{"slow.md": "# Slow\n\n```sh {name=slow timeout=300ms}\nsleep 600\n```\n"})
	began := time.Now()
	p.run("run", "slow.md", "staging", "--yes").is(1, "timeout of 300ms")
	if took := time.Since(began); took > soon {
		t.Errorf("took %v", took)
	}
}
