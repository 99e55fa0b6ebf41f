package docker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"flightdeck/internal/docker"
	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/stack"
)

func TestObserve(t *testing.T) {
	image := dockertest.Image(t, "v1", dockertest.Health())
	name := dockertest.Name(t)
	target := dockertest.Open(t, docker.Project{Name: name})
	observe := func() stack.Snapshot {
		t.Helper()
		s, err := target.Observe(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := observe(); len(s.Containers) != 0 || s.At.IsZero() {
		t.Fatalf("nothing runs, but: %+v", s)
	}
	dockertest.Container(t, name, "web", 2, image, nil, nil)
	dockertest.Container(t, name, "web", 1, image, nil, func(c *container.Config, h *container.HostConfig) {
		h.RestartPolicy.Name = "always"
	})
	dockertest.Container(t, name, "sick", 1, image, []string{"serve", "-sick-after", "1ms"}, nil)
	dockertest.Container(t, name, "done", 1, image, []string{"exit", "0"}, nil)
	dockertest.Container(t, name, "broken", 1, image, []string{"exit", "3"}, nil)
	dockertest.Container(t, name, "loop", 1, image, []string{"exit", "0"}, func(_ *container.Config, h *container.HostConfig) {
		h.RestartPolicy.Name = "always"
	})
	dockertest.Container(t, name, "migrate", 1, image, []string{"exit", "0"}, func(c *container.Config, _ *container.HostConfig) {
		c.Labels["com.docker.compose.oneoff"] = "True"
	})
	by := map[string]stack.Container{}
	until(t, 20*time.Second, "health and ends", func() bool {
		for _, c := range observe().Containers {
			by[c.Label()] = c
		}
		ended := by["broken-1"].State == "exited" && by["done-1"].State == "exited" && by["migrate-1"].State == "exited"
		return by["web-1"].Health == "healthy" && by["sick-1"].Health == "unhealthy" && by["loop-1"].Restarts > 1 && ended
	}, &recorder{})
	s := observe()
	var order []string
	for _, c := range s.Containers {
		order = append(order, c.Label())
	}
	if d := cmp.Diff([]string{"broken-1", "done-1", "loop-1", "migrate-1", "sick-1", "web-1", "web-2"}, order); d != "" {
		t.Error("order (-want +got):", d)
	}
	for label, want := range map[string]string{"done-1": "one-shot", "migrate-1": "one-off one-shot", "broken-1": "", "loop-1": "", "web-1": ""} {
		got := ""
		if by[label].OneOff {
			got = "one-off "
		}
		if by[label].OneShot {
			got += "one-shot"
		}
		if strings.TrimSpace(got) != want {
			t.Errorf("%s is %q, want %q", label, got, want)
		}
	}
	if c := by["broken-1"]; c.ExitCode != 3 || c.Image != image || !strings.HasPrefix(c.ImageID, "sha256:") || c.StartedAt.IsZero() || c.Name == "" {
		t.Errorf("broken: %+v", c)
	}
	log := by["sick-1"].HealthLog
	if len(log) == 0 || log[len(log)-1].ExitCode != 1 || log[len(log)-1].Output != "sick" || log[len(log)-1].At.IsZero() {
		t.Errorf("docker's own results: %+v", log)
	}
}
