//go:build unix

package commands

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/run"
	"flightdeck/internal/termtest"
)

// slow is a command that counts how often it began and ended, and waits in between.
const slow = "echo begun >> count; while [ ! -e go ]; do sleep 0.05; done; echo ended >> count"

// slowShop is a shop whose deploy has the slow command before it.
func slowShop(t *testing.T) *project {
	t.Helper()
	p := shop(t, files{"deploy.md": strings.Replace(deployMD, "echo prepared >> prepared.txt", slow, 1)})
	t.Cleanup(func() { p.write("go", "") }) // whatever still waits ends
	return p
}

// toPrepare answers the questions of --plain until the slow command runs.
func (p *project) toPrepare() *screen {
	p.t.Helper()
	s := p.terminal("deploy", "staging", "--plain")
	s.sees("Go ahead? [y/N]")
	s.says("y")
	s.sees("[ ] I have read what changes")
	s.says("")
	s.sees("Prepare › prepare", "enter = run")
	s.says("")
	until(p.t, "the command running", func() bool { return p.read("count") != "" })
	return s
}

// TestKilledInACommand: started again it says what is unknown, and does only what it is told to.
func TestKilledInACommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, says, counted string }{
		{"marked done", "m I looked, it was done", "begun\nended\n"},
		{"tried again", "r", "begun\nended\nbegun\nended\n"},
		{"edited", "e echo other >> count", "begun\nended\nother\n"},
		{"skipped", "s not needed any more", "begun\nended\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := slowShop(t)
			p.toPrepare().dies()
			p.run("status").is(0, "? deploy, ops, interrupted", "free")
			p.run("history").is(0, "? interrupted")
			p.run("show", "last").is(0, "interrupted; start flightdeck again to resume it", "prepare started")
			p.run("deploy", "staging", "--yes").refuses(1, "was interrupted", "flightdeck deploy staging", "flightdeck rollback staging")
			p.write("go", "")
			until(t, "the command that was left over at its end", func() bool { return strings.Contains(p.read("count"), "ended") })

			s := p.terminal("deploy", "staging", "--plain")
			s.sees("was interrupted", `step 2 of 4, "prepare", which had begun: its outcome is unknown`, "r = resume it")
			s.says("what?")
			s.sees(`"what?" is none of the choices`)
			s.says("r")
			s.sees("prepare: outcome unknown", "r = try again", "m REASON = mark done")
			s.says("")
			if got := p.read("count"); got != "begun\nended\n" {
				t.Errorf("something was done without being asked: %q", got)
			}
			s.says(c.says)
			s.sees("Deploy › Deploy the new release", "enter = run")
			s.says("")
			s.ends(0)
			if got := p.read("count"); got != c.counted {
				t.Errorf("the command ran like this: %q, want %q", got, c.counted)
			}
			if got := p.versions("staging"); got != "api v1 running, web v1 running" {
				t.Errorf("what runs: %s", got)
			}
			if n := p.runs(); n != 1 {
				t.Errorf("%d journals, want one", n)
			}
			p.journal()
			p.run("show", "last").is(0, "ops, done")
		})
	}
}

// TestLeftAsItIs: neither q nor a new kill changes anything; put aside, a new run starts.
func TestLeftAsItIs(t *testing.T) {
	t.Parallel()
	p := slowShop(t)
	p.toPrepare().dies()
	p.write("go", "")
	until(t, "the command that was left over at its end", func() bool { return strings.Contains(p.read("count"), "ended") })
	before := p.run("show", "last", "--json").is(0).out
	s := p.terminal("deploy", "staging", "--plain")
	s.sees("q = leave everything as it is")
	s.says("q")
	s.ends(130)
	s = p.terminal("deploy", "staging", "--plain")
	s.sees("q = leave everything as it is")
	s.dies()
	if d := cmp.Diff(before, p.run("show", "last", "--json").is(0).out); d != "" {
		t.Errorf("the journal changed: %s", d)
	}
	s = p.terminal("deploy", "staging", "--plain")
	s.sees("a = put it aside")
	s.says("a")
	s.sees("Go ahead? [y/N]")
	s.says("n")
	s.ends(1)
	p.run("history").is(0, "✗ abandoned")
	p.run("deploy", "staging", "--yes").is(0)
	if got := p.read("count"); got != "begun\nended\nbegun\nended\n" {
		t.Errorf("the command ran like this: %q", got)
	}
}

// gated is a shop whose api is healthy only while the gate is open, and whose web waits for it, so
// that a deploy and a rollback can be held in their middle.
func gated(t *testing.T) (p *project, gate *atomic.Bool) {
	t.Helper()
	gate = new(atomic.Bool)
	gate.Store(true)
	health := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for !gate.Load() && r.Context().Err() == nil { // starting, neither healthy nor unhealthy
			time.Sleep(10 * time.Millisecond)
		}
	}))
	t.Cleanup(health.Close)
	return shop(t, files{"local.yaml": strings.NewReplacer(
		"  web: &service\n", "  web:\n    depends_on: [api]\n",
		"  api:\n", "  api:\n    health: {http: "+health.URL+", interval: 100ms, timeout: 20s, retries: 100}\n").Replace(localYAML)}), gate
}

func TestKilledInADeploy(t *testing.T) {
	t.Parallel()
	p, gate := gated(t)
	p.run("deploy", "staging", "--yes").is(0)
	gate.Store(false)
	s := p.terminal("deploy", "staging", "--release", "v2", "--yes", "--plain")
	s.sees("api-1 recreated as api:v2")
	s.dies()
	if got := p.versions("staging"); !strings.Contains(got, "api v2") || !strings.Contains(got, "web v1") {
		t.Fatalf("it was not killed in the middle: %s", got)
	}
	gate.Store(true)
	s = p.terminal("deploy", "staging", "--plain")
	s.sees("v1 → v2", `"Deploy the new release", which had begun: its outcome is unknown`)
	s.says("r")
	s.sees("Deploy the new release: outcome unknown")
	if got := p.versions("staging"); !strings.Contains(got, "web v1") {
		t.Errorf("it went on without being asked: %s", got)
	}
	s.says("r")
	s.ends(0)
	if got := p.versions("staging"); got != "api v2 running, web v2 running" {
		t.Errorf("what runs: %s", got)
	}
	if got := p.read("prepared.txt"); got != "prepared\nprepared\n" {
		t.Errorf("the command before the deploy ran like this: %q", got)
	}
	p.run("rollback", "staging", "--yes").is(5, "v2 → v1")
}

// TestKilledInARollback: half-way is the worst place to wait, so that it goes on by itself.
func TestKilledInARollback(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		start func(p *project) *screen
		again string
		asks  string
	}{
		{"of its own", func(p *project) *screen { return p.terminal("rollback", "staging", "--yes", "--plain") }, "rollback", "its outcome is unknown"},
		{"of a deploy", func(p *project) *screen {
			p.write("deploy.md", strings.Replace(deployMD, "monitor", "```\n\n```sh {name=check}\nfalse\n```\n\n```flightdeck\nmonitor", 1))
			s := p.terminal("deploy", "staging", "--release", "v2", "--plain")
			for _, answer := range []string{"Go ahead?", "[ ] I have read", "prepare", "Deploy the new release", "Deploy › check"} {
				s.sees(answer)
				s.says(map[bool]string{true: "y", false: ""}[answer == "Go ahead?"])
			}
			s.sees("check: failed")
			s.says("R it looks wrong")
			return s
		}, "deploy", "Its rollback had begun"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, gate := gated(t)
			p.run("deploy", "staging", "--yes").is(0)
			if c.again == "rollback" {
				p.run("deploy", "staging", "--release", "v2", "--yes").is(0)
			}
			var s *screen
			if c.again == "rollback" {
				gate.Store(false)
				s = c.start(p)
			} else {
				s = c.start(p)
				gate.Store(false)
			}
			s.sees("api-1 recreated as api:v1")
			s.dies()
			if got := p.versions("staging"); !strings.Contains(got, "api v1") || !strings.Contains(got, "web v2") {
				t.Fatalf("it was not killed in the middle: %s", got)
			}
			gate.Store(true)
			s = p.terminal(c.again, "staging", "--plain")
			s.sees("was interrupted", c.asks, "r = resume it")
			s.says("r")
			s.ends(5)
			if got := p.versions("staging"); got != "api v1 running, web v1 running" {
				t.Errorf("what runs: %s", got)
			}
			p.run("show", "last").is(0, "✓  api", "✓  web", "rolled back")
			p.run("rollback", "staging", "--list").is(0, "bad")
		})
	}
}

// TestSignals: INT, TERM, HUP are normal paths. The command is stopped with all of its group, the
// journal says so, the lock is free, and a sentence says how to go on.
func TestSignals(t *testing.T) {
	t.Parallel()
	const text = "echo $$ > pid; echo begun >> count; sh -c 'sleep 600; echo late >> count'"
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		for _, args := range []string{"--plain", "--yes", "--yes --json"} {
			t.Run(sig.String()+" "+args, func(t *testing.T) {
				t.Parallel()
				p := shop(t, files{"deploy.md": strings.Replace(deployMD, "echo prepared >> prepared.txt", text, 1)})
				var s *screen
				if args == "--plain" {
					s = p.toPrepare()
				} else {
					s = p.terminal(append([]string{"deploy", "staging"}, strings.Fields(args)...)...)
					until(t, "the command running", func() bool { return p.read("count") != "" })
				}
				until(t, "its number known", func() bool { return strings.HasSuffix(p.read("pid"), "\n") })
				if err := s.Kill(sig); err != nil {
					t.Fatal(err)
				}
				s.ends(130)
				s.sees("flightdeck deploy staging", "takes it up again")
				p.stopped()
			})
		}
	}
}

// TestReaderGone: `flightdeck deploy --yes | head` must not end the process in the middle of a step.
func TestReaderGone(t *testing.T) {
	t.Parallel()
	p := shop(t, files{"deploy.md": strings.Replace(deployMD, "echo prepared >> prepared.txt", "echo begun >> count; while [ ! -e go ]; do echo more; sleep 0.05; done; echo ended >> count", 1)})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := p.command("deploy", "staging", "--yes")
	cmd.Stdout = writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, if all went well
	until(t, "the command running", func() bool { return p.read("count") != "" })
	if err := errors.Join(reader.Close(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Second, func() { p.write("go", "") }) // some lines are lost before the step ends
	_ = cmd.Wait()                                            // its exit code is what follows
	if code := cmd.ProcessState.ExitCode(); code < 0 {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
	if got := p.read("count"); got != "begun\nended\n" {
		t.Errorf("the command ran like this: %q", got)
	}
	told := false
	for _, e := range p.journal() {
		ended, ok := e.Event.(run.StepSucceeded)
		told = told || ok && strings.HasPrefix(ended.Step, "prepare/")
	}
	if !told {
		t.Error("the journal does not say how the step ended")
	}
	p.run("status").is(0, "free")
}

// TestCtrlC is the key on the terminal, and then a second one from an impatient operator.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	const text = "echo $$ > pid; echo begun >> count; trap 'echo int >> count' INT; while [ $(wc -l < count) -lt 2 ]; do sleep 0.1 || true; done; sleep 1 || true; exit 3"
	p := shop(t, files{"deploy.md": strings.Replace(deployMD, "echo prepared >> prepared.txt", text, 1)})
	s := p.toPrepare()
	if err := s.Send(termtest.CtrlC); err != nil {
		t.Fatal(err)
	}
	until(t, "the command told", func() bool { return strings.Contains(p.read("count"), "int") })
	if err := s.Send(termtest.CtrlC); err != nil {
		t.Fatal(err)
	}
	s.ends(130)
	p.stopped()
}

// stopped checks what a signal leaves of a run whose command wrote its number into the file pid.
func (p *project) stopped() {
	p.t.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(p.read("pid")))
	if err != nil {
		p.t.Fatal(err)
	}
	if groupAlive(pid) {
		p.t.Errorf("something of the command's group %d still runs", pid)
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	failed := false
	for _, e := range p.journal() {
		if f, ok := e.Event.(run.StepFailed); ok {
			failed = f.Stopped
		}
	}
	if !failed {
		p.t.Error("the journal does not say that the step was stopped")
	}
	p.run("status").is(0, "interrupted", "free")
	if v := p.versions("staging"); v != "" {
		p.t.Errorf("something was deployed: %s", v)
	}
	s := p.terminal("deploy", "staging", "--plain")
	s.sees("was interrupted", `"prepare" (failed)`, "r = resume it")
	s.says("r")
	s.sees("prepare: failed", "stopped")
	s.says("m done by hand")
	s.sees("Deploy › Deploy the new release")
	s.says("")
	s.ends(0)
	if got := strings.Count(p.read("count"), "begun"); got != 1 {
		p.t.Errorf("the command ran %d times", got)
	}
}

// groupAlive says whether a process of the group still runs; the dead that nobody has collected
// yet do not count.
func groupAlive(group int) bool {
	if syscall.Kill(-group, 0) != nil {
		return false
	}
	all, err := os.ReadDir("/proc")
	if err != nil {
		return true
	}
	for _, d := range all {
		raw, err := os.ReadFile("/proc/" + d.Name() + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if len(fields) > 2 && fields[2] == strconv.Itoa(group) && fields[0] != "Z" {
			return true
		}
	}
	return false
}
