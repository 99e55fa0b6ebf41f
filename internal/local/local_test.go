//go:build unix

package local_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flightdeck/examples"
	"flightdeck/internal/demo/shop"
	"flightdeck/internal/local"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
	"flightdeck/internal/stack/stacktest"
)

// The test binary is also flightdeck's hidden command, so that real processes run.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "__shop" {
		os.Exit(shop.Main(context.Background(), os.Args[2:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// project writes out the example with free ports and gives its options and its front door.
func project(t *testing.T) (local.Options, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, examples.Shop()); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 4)
	env := fmt.Sprintf("SHOP_PORT=%d\nSHOP_BACKEND_PORT=%d\nSHOP_WORKER_PORT=%d\nSHOP_DATABASE_PORT=%d\nSHOP_FAULT_AFTER=1s\n", ports[0], ports[1], ports[2], ports[3])
	if err := os.WriteFile(filepath.Join(dir, ".env.test"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	o := local.Options{Project: "fdtest", Environment: "production", Dir: dir, EnvFiles: []string{".env.test"}, TagVariable: "SHOP_VERSION", Data: data}
	return o, "http://127.0.0.1:" + strconv.Itoa(ports[0])
}

func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// open opens a target whose processes end with the test.
func open(t *testing.T, o local.Options) *local.Target {
	t.Helper()
	target, err := local.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return target
}

func TestContract(t *testing.T) {
	o, url := project(t)
	target := open(t, o)
	stacktest.Run(t, stacktest.Fixture{
		Target: target, URL: url,
		Reopen: func(t *testing.T) stack.Target {
			other, err := local.Open(o)
			if err != nil {
				t.Fatal(err)
			}
			return other
		},
		Slips: func(t *testing.T) int {
			files, err := filepath.Glob(filepath.Join(o.Data, "volumes", "anonymous-*", "slips.log"))
			if err != nil || len(files) != 1 {
				t.Fatalf("the worker has one anonymous volume through all releases, not %v (%v)", files, err)
			}
			raw, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			return bytes.Count(raw, []byte("\n"))
		},
		Break: func(t *testing.T, r release.Release) string {
			// All releases share the program here, so a named volume is taken away for a moment.
			from, to := filepath.Join(o.Data, "volumes", "data"), filepath.Join(o.Data, "volumes", "hidden")
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := os.Rename(to, from); err != nil {
					t.Error(err)
				}
			})
			return "volume data of database is missing"
		},
	})
}

func TestRestoreNeedsNoDescriptionAndRefusesAChangedProgram(t *testing.T) {
	o, _ := project(t)
	target := open(t, o)
	ctx := t.Context()
	if err := target.Deploy(ctx, stack.Want{Version: "v1"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	r, err := target.Record(ctx, stack.Meta{})
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Deploy(ctx, stack.Want{Version: "v2"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(o.Dir); err != nil {
		t.Fatal(err)
	}
	if err := target.Restore(ctx, r.ID, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if proof, err := target.Verify(ctx, r.ID); err != nil || !proof.OK {
		t.Fatalf("proof: %+v, %v", proof, err)
	}
	images, err := filepath.Glob(filepath.Join(o.Data, "images", "*", "flightdeck"))
	if err != nil || len(images) != 1 {
		t.Fatal(images, err)
	}
	if err := os.Rename(images[0], images[0]+".old"); err != nil {
		t.Fatal(err)
	}
	if ready, err := target.Ready(ctx, r.ID); err != nil || ready.Ready || !strings.Contains(ready.Reason, "is missing") {
		t.Errorf("without the program: %+v, %v", ready, err)
	}
	if err := os.WriteFile(images[0], []byte("something else"), 0o700); err != nil {
		t.Fatal(err)
	}
	if ready, err := target.Ready(ctx, r.ID); err != nil || ready.Ready || !strings.Contains(ready.Reason, "was changed") {
		t.Errorf("with another program: %+v, %v", ready, err)
	}
	if proof, err := target.Verify(ctx, r.ID); err != nil || proof.OK {
		t.Errorf("a changed program was taken for the right one: %+v, %v", proof, err)
	}
}

func TestAServiceThatTheNewReleaseAddedGoes(t *testing.T) {
	o, _ := project(t)
	target := open(t, o)
	ctx := t.Context()
	if err := target.Deploy(ctx, stack.Want{Version: "v1", Services: []string{"database"}}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	r, err := target.Record(ctx, stack.Meta{})
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Deploy(ctx, stack.Want{Version: "v2", Services: []string{"database", "backend"}}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := target.Restore(ctx, r.ID, func(string) {}); err != nil {
		t.Fatal(err)
	}
	snap, err := target.Observe(ctx)
	if err != nil || !slices.Equal(snap.Services(), []string{"database"}) {
		t.Errorf("after the rollback there are %v, %v", snap.Services(), err)
	}
}

// commandLine runs a line as a runbook would, with what Environ gives.
func commandLine(t *testing.T, target *local.Target, version, line string) (string, int) {
	t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Env = append(os.Environ(), target.Environ(stack.Want{Version: version})...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestTheRunbookLineWorks(t *testing.T) {
	o, url := project(t)
	target := open(t, o)
	if err := target.Deploy(t.Context(), stack.Want{Version: "v1"}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if out, code := commandLine(t, target, "v2", "$FLIGHTDECK_COMPOSE_COMMAND run --rm -T migrate up"); code != 0 || !strings.Contains(out, "0003_currency: done") {
		t.Errorf("up: exit %d\n%s", code, out)
	}
	if out, code := commandLine(t, target, "v2", "$FLIGHTDECK_COMPOSE_COMMAND run --rm -T migrate down --to 1"); code != 0 || !strings.Contains(out, "0002_search: taken back") {
		t.Errorf("down: exit %d\n%s", code, out)
	}
	if out, code := commandLine(t, target, "", "$FLIGHTDECK_COMPOSE_COMMAND ps"); code != 0 || !strings.Contains(out, "backend-1") {
		t.Errorf("ps: exit %d\n%s", code, out)
	}
	for line, want := range map[string]string{"up -d": "know only", "run --rm -T nothing": "has no tool \"nothing\"", "run --entrypoint x": "does not work"} {
		if out, code := commandLine(t, target, "", "$FLIGHTDECK_COMPOSE_COMMAND "+line); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d\n%s", line, code, out)
		}
	}
	resp, err := http.Get(url + "/health/v2/ready")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// stateOf gives one service as last seen.
func stateOf(t *testing.T, target *local.Target, service string) stack.Container {
	t.Helper()
	snap, err := target.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range snap.Containers {
		if c.Service == service {
			return c
		}
	}
	t.Fatalf("there is no %s", service)
	return stack.Container{}
}

// small makes a target of one service with a shell command.
func small(t *testing.T, service string) *local.Target {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "local.yaml"), []byte("version: v1\nservices:\n  job:\n"+service), 0o600); err != nil {
		t.Fatal(err)
	}
	return open(t, local.Options{Project: "fdtest", Dir: dir, Data: filepath.Join(t.TempDir(), "data")})
}

func TestACrashingProcessIsStartedAgainAndCounted(t *testing.T) {
	target := small(t, "    command: [sh, -c, 'echo hello; exit 3']\n    restart: on-failure\n")
	if err := target.Deploy(t.Context(), stack.Want{}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	stacktest.Eventually(t, "two restarts with exit code 3", func() bool {
		c := stateOf(t, target, "job")
		return c.Restarts >= 2 && c.ExitCode == 3
	})
}

func TestAOneShotIsDoneAndNotRunAgain(t *testing.T) {
	target := small(t, "    command: [sh, -c, 'echo done once']\n")
	if err := target.Deploy(t.Context(), stack.Want{}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	stacktest.Eventually(t, "its end", func() bool { return stateOf(t, target, "job").OneShot })
	r, err := target.Record(t.Context(), stack.Meta{})
	if err != nil || !r.Services[0].OneShot {
		t.Fatalf("%+v, %v", r, err)
	}
	before := stateOf(t, target, "job").ID
	if err := target.Restore(t.Context(), r.ID, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if proof, err := target.Verify(t.Context(), r.ID); err != nil || !proof.OK {
		t.Errorf("%+v, %v", proof, err)
	}
	if stateOf(t, target, "job").ID != before {
		t.Error("a one-shot was run again")
	}
}

func TestAProcessThatIgnoresTermIsKilled(t *testing.T) {
	target := small(t, "    command: [sh, -c, 'trap \"\" TERM; echo ready; while true; do sleep 0.1; done']\n    stop_grace_period: 300ms\n")
	if err := target.Deploy(t.Context(), stack.Want{}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := target.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if time.Since(began) > 8*time.Second {
		t.Errorf("it took %s", time.Since(began))
	}
	if snap, err := target.Observe(t.Context()); err != nil || len(snap.Containers) > 0 {
		t.Errorf("left: %v, %v", snap.Containers, err)
	}
}

func TestAKilledSupervisorIsSeenAndRepaired(t *testing.T) {
	target := small(t, "    command: [sh, -c, 'while true; do sleep 0.1; done']\n    restart: always\n")
	ctx := t.Context()
	if err := target.Deploy(ctx, stack.Want{}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	r, err := target.Record(ctx, stack.Meta{})
	if err != nil {
		t.Fatal(err)
	}
	before := stateOf(t, target, "job")
	supervisor, process := local.PIDs(t, target, "job")
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	stacktest.Eventually(t, "a service that nobody looks after", func() bool { return stateOf(t, target, "job").Health == "unhealthy" })
	if err := target.Restore(ctx, r.ID, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if now := stateOf(t, target, "job"); now.ID == before.ID || now.State != "running" {
		t.Errorf("not repaired: %+v", now)
	}
	if err := syscall.Kill(process, 0); err == nil {
		if raw, rerr := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process)); rerr == nil && !strings.Contains(string(raw), ") Z ") {
			t.Error("the orphan still runs")
		}
	}
	// Both gone at once: the locks are free, whatever the state file says.
	supervisor, process = local.PIDs(t, target, "job")
	for _, pid := range []int{supervisor, process} {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	stacktest.Eventually(t, "the death of both", func() bool { return stateOf(t, target, "job").State == "exited" })
}

func TestTwoChangesAtOnceAreRefused(t *testing.T) {
	target := small(t, "    command: [sh, -c, 'sleep 60']\n")
	inside, goOn := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		first <- target.Deploy(context.Background(), stack.Want{}, func(string) {
			close(inside)
			<-goOn
		})
	}()
	<-inside
	err := target.Deploy(t.Context(), stack.Want{}, func(string) {})
	close(goOn)
	if err == nil || !strings.Contains(err.Error(), "another flightdeck is changing fdtest right now") {
		t.Errorf("the second deploy: %v", err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func TestADeployThatIsToldToStopIsFinishedFirst(t *testing.T) {
	target := small(t, "    command: [sh, -c, 'sleep 60']\n  second:\n    command: [sh, -c, 'sleep 60']\n    depends_on: [job]\n")
	ctx, cancel := context.WithCancel(t.Context())
	err := target.Deploy(ctx, stack.Want{}, func(string) { cancel() })
	if err == nil || !strings.Contains(err.Error(), "was finished although") {
		t.Errorf("error: %v", err)
	}
	if c := stateOf(t, target, "second"); c.State != "running" {
		t.Errorf("the deploy was left half done: %+v", c)
	}
}

func TestADescriptionThatIsWrongSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		"services:\n  a:\n    comand: [sh]\n":                      "[3:5] unknown field \"comand\"",
		"version: v1\n":                                            "names no services",
		"services: {a: {command: []}}\n":                           "service a has no command",
		"services: {a: {command: [sh], depends_on: [b]}}\n":        "service a depends on b, which does not exist",
		"services: {a: {command: [sh, '${NOT_SET_AT_ALL}']}}\n":    "variable NOT_SET_AT_ALL is not set",
		"services: {a: {command: [sh], restart: sometimes}}\n":     "restart \"sometimes\" is not one of",
		"services: {a: {command: [sh], stop_grace_period: ten}}\n": "\"ten\" is not a duration",
		"services: {a: {command: [sh], volumes: [../../etc]}}\n":   "volume \"../../etc\"",
		"services: {a: {command: [no-such-program-anywhere]}}\n":   "executable file not found",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "local.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		target := open(t, local.Options{Project: "p", Dir: dir, Data: filepath.Join(dir, "data")})
		if _, err := target.Plan(t.Context(), stack.Want{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestUsage(t *testing.T) {
	target := small(t, "    command: [sh, -c, 'while true; do :; done']\n")
	if err := target.Deploy(t.Context(), stack.Want{}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var got stack.Usage
	err := target.Usage(ctx, stateOf(t, target, "job").ID, func(u stack.Usage) { got = u; cancel() })
	if _, noProc := os.Stat("/proc/self/stat"); noProc != nil {
		if err == nil {
			t.Error("Usage must say that it is not available here")
		}
		return
	}
	if err != nil || got.CPU <= 0 || got.Memory == 0 {
		t.Errorf("usage %+v, %v", got, err)
	}
}
