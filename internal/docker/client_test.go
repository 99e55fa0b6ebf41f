package docker_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flightdeck/internal/docker"
	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/stack"
)

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("DOCKER_CONTEXT", "")
	gone := filepath.Join(t.TempDir(), "no.sock")
	dead := filepath.Join(t.TempDir(), "dead.sock")
	l, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name        string
		host        string
		env         string
		says        []string
		unreachable bool
	}{
		{name: "no socket", host: "unix://" + gone, says: []string{"no docker engine answers at unix://" + gone, "no such file or directory", "Start docker", "DOCKER_HOST"}, unreachable: true},
		{name: "nobody listens", host: "unix://" + dead, says: []string{"connection refused"}, unreachable: true},
		{name: "from the environment", env: "unix://" + gone, says: []string{gone}, unreachable: true},
		{name: "port", host: "tcp://127.0.0.1:1", says: []string{"tcp://127.0.0.1:1: connection refused"}, unreachable: true},
		{name: "nonsense", host: "nonsense", says: []string{`"nonsense" cannot be used`, "unix:///var/run/docker.sock"}},
	} {
		t.Setenv("DOCKER_HOST", test.env)
		_, err := docker.Open(context.Background(), docker.Project{Host: test.host})
		checkError(t, test.name, err, test.says, test.unreachable)
	}
}

func checkError(t *testing.T, name string, err error, says []string, unreachable bool) {
	t.Helper()
	var e *stack.Error
	if !errors.As(err, &e) || e.Do == "" {
		t.Errorf("%s: no remedy: %v", name, err)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%s: %q is missing in: %v", name, s, err)
		}
	}
	if errors.Is(err, stack.ErrUnreachable) != unreachable {
		t.Errorf("%s: unreachable is %v: %v", name, !unreachable, err)
	}
}

func TestOpenNotAllowed(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may talk to every socket")
	}
	path := filepath.Join(t.TempDir(), "d.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	_, err = docker.Open(context.Background(), docker.Project{Host: "unix://" + path})
	checkError(t, "permission", err, []string{"permission denied", "group"}, true)
}

func TestOpenSilentEngine(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	begin := time.Now()
	_, err = docker.Open(context.Background(), docker.Project{Host: "tcp://" + l.Addr().String()})
	checkError(t, "silent", err, []string{"does not answer"}, true)
	if took := time.Since(begin); took > 12*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestContexts(t *testing.T) {
	dockertest.Engine(t)
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("needs the docker command to make contexts")
	}
	engine := os.Getenv("DOCKER_HOST")
	if engine == "" {
		engine = "unix:///var/run/docker.sock"
	}
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("DOCKER_HOST", "")
	t.Setenv("DOCKER_CONTEXT", "")
	for name, host := range map[string]string{"good": engine, "dead": "unix:///nowhere/fd.sock"} {
		if out, err := exec.Command("docker", "context", "create", name, "--docker", "host="+host).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	ctx := context.Background()
	info := func(p docker.Project) stack.Info {
		t.Helper()
		target := dockertest.Open(t, p)
		i, err := target.Info(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	if i := info(docker.Project{Name: "fdtest-x", Context: "good"}); i.Context != "good" || i.Host != engine || !strings.HasPrefix(i.Engine, "docker ") || i.Name == "" {
		t.Errorf("by name: %+v", i)
	}
	_, err := docker.Open(ctx, docker.Project{Context: "typo"})
	checkError(t, "unknown", err, []string{`there is no docker context "typo"`, "default, dead, good"}, false)
	checkError(t, "dead", docker.Reachable(ctx, docker.Project{Context: "dead"}), []string{"/nowhere/fd.sock (docker context dead)"}, true)

	t.Setenv("DOCKER_CONTEXT", "good")
	if i := info(docker.Project{}); i.Context != "good" {
		t.Errorf("DOCKER_CONTEXT: %+v", i)
	}
	t.Setenv("DOCKER_CONTEXT", "")
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"currentContext":"dead"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	checkError(t, "current", docker.Reachable(ctx, docker.Project{}), []string{"docker context dead"}, true)
	t.Setenv("DOCKER_HOST", engine)
	if i := info(docker.Project{}); i.Context != "" {
		t.Errorf("DOCKER_HOST wins over the current context: %+v", i)
	}
	if i := info(docker.Project{Host: engine, Context: "dead"}); i.Host != engine {
		t.Errorf("host wins over context: %+v", i)
	}
	target := dockertest.Open(t, docker.Project{Name: "fdtest-x", Context: "good", TagVariable: "TAG", Profiles: []string{"a", "b"}, Dir: dir, Files: []string{"x.yaml"}})
	env := target.Environ(stack.Want{Version: "v9"})
	for _, want := range []string{"DOCKER_HOST=" + engine, "COMPOSE_PROJECT_NAME=fdtest-x", "COMPOSE_PROFILES=a,b", "TAG=v9", "COMPOSE_FILE=" + filepath.Join(dir, "x.yaml")} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
}
