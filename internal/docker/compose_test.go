package docker_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/stack"
)

func TestTheOtherGenerationIsRefused(t *testing.T) {
	generations(t, func(t *testing.T, generation string) {
		p := dockertest.Project(t, "services:\n  web:\n    image: "+dockertest.Image(t, "v1")+"\n    stop_grace_period: 1s\n", nil)
		target := dockertest.Open(t, p)
		deploy(t, target, stack.Want{})
		info, err := target.Info(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if old := strings.HasPrefix(info.Compose, "docker-compose 1."); old != (generation == "v1") {
			t.Errorf("the tool is %q", info.Compose)
		}
		command := map[string]string{"v1": "docker-compose", "v2": "docker compose"}[generation]
		if env := target.Environ(stack.Want{}); !slices.Contains(env, "FLIGHTDECK_COMPOSE_COMMAND="+command) {
			t.Errorf("the runbook's compose command is missing in %q", env)
		}
		other := map[string]string{"v1": "v2", "v2": "v1"}[generation]
		t.Setenv("FLIGHTDECK_COMPOSE", other)
		if _, err := target.Plan(context.Background(), stack.Want{}); err == nil || !strings.Contains(err.Error(), "would recreate every container") {
			t.Errorf("against the label: %v", err)
		}
		t.Setenv("FLIGHTDECK_COMPOSE", "")
		if _, err := target.Plan(context.Background(), stack.Want{}); err != nil {
			t.Errorf("by the label: %v", err)
		}
		// A PATH with only the other one.
		bin := t.TempDir()
		script := "#!/bin/sh\ncase \"$*\" in *version*) echo 1.29.2;; esac\n"
		name := "docker-compose"
		if other == "v2" {
			name, script = "docker", "#!/bin/sh\ncase \"$*\" in *version*) echo 2.40.3;; esac\n"
		}
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin)
		err = dockertest.Open(t, p).Deploy(context.Background(), stack.Want{}, func(string) {})
		made := map[string]string{"v1": "compose 1.", "v2": "compose 2."}[generation]
		if err == nil || !strings.Contains(err.Error(), made) || !strings.Contains(err.Error(), "is installed here") {
			t.Errorf("only the other one installed: %v", err)
		}
	})
}

func TestDeployFailuresHaveARemedy(t *testing.T) {
	generations(t, func(t *testing.T, generation string) {
		image := dockertest.Image(t, "v1")
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).Port
		p := dockertest.Project(t, "", nil)
		target := dockertest.Open(t, p)
		for _, test := range []struct {
			name, file string
			says       []string
		}{
			{"port", fmt.Sprintf("services:\n  web:\n    image: %s\n    ports: [\"127.0.0.1:%d:8080\"]\n", image, port), []string{fmt.Sprint(port), "exit code", "ss -ltnp"}},
			{"image", "services:\n  web:\n    image: localhost:1/fdtest-none:v1\n", []string{"exit code"}},
			{"bad yaml", "services:\n  web: [\n", []string{"Correct the compose file"}},
			{"bad key", "services:\n  web:\n    imagee: x\n", []string{"imagee", "Correct the compose file"}},
			{"variable", "services:\n  web:\n    image: ${FDTEST_NONE:?say which}\n", []string{"say which", "Set the variable"}},
			{"env file", "services:\n  web:\n    image: " + image + "\n    env_file: [none.env]\n", []string{"none.env", "Make the env file"}},
		} {
			dockertest.Write(t, p, "compose.yaml", test.file)
			err := target.Deploy(context.Background(), stack.Want{}, func(string) {})
			checkError(t, test.name, err, test.says, false)
		}
		if err := os.Remove(filepath.Join(p.Dir, "compose.yaml")); err != nil {
			t.Fatal(err)
		}
		_, err = target.Plan(context.Background(), stack.Want{})
		checkError(t, "no file", err, []string{"There is no compose file here"}, false)
	})
}

func TestDeployIsNeverInterrupted(t *testing.T) {
	generations(t, func(t *testing.T, generation string) {
		repo := dockertest.Name(t)
		for _, v := range []string{"v1", "v2"} {
			dockertest.Image(t, v, dockertest.Repo(repo), dockertest.Line(`CMD ["stubborn"]`))
		}
		p := dockertest.Project(t, "services:\n  web:\n    image: \""+repo+":${TAG:-v1}\"\n    stop_grace_period: 3s\n", nil)
		p.TagVariable = "TAG"
		target := dockertest.Open(t, p)
		deploy(t, target, stack.Want{})
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		time.AfterFunc(1500*time.Millisecond, cancel) // while it waits for the stubborn container
		var said []string
		err := target.Deploy(ctx, stack.Want{Version: "v2"}, func(s string) { said = append(said, s) })
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "left to finish") {
			t.Errorf("error: %v\n%s", err, strings.Join(said, "\n"))
		}
		if image := dockertestImage(t, target); image != repo+":v2" {
			t.Errorf("web runs %s: the deploy was not finished", image)
		}
	})
}
