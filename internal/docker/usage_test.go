package docker_test

import (
	"context"
	"encoding/json"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"

	"flightdeck/internal/docker"
	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/stack"
)

func TestUsageEqualsDockerStats(t *testing.T) {
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("needs the docker command")
	}
	image := dockertest.Image(t, "v1")
	name := dockertest.Name(t)
	target := dockertest.Open(t, docker.Project{Name: name})
	id := dockertest.Container(t, name, "web", 1, image, []string{"spin"}, func(_ *container.Config, h *container.HostConfig) {
		h.NanoCPUs, h.Memory = 200_000_000, 64<<20
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	theirs := make(chan map[string]string, 1)
	go func() {
		out, err := exec.CommandContext(ctx, "docker", "stats", "--no-stream", "--format", "{{json .}}", id).Output()
		row := map[string]string{}
		if err == nil {
			err = json.Unmarshal(out, &row)
		}
		if err != nil {
			t.Error(err)
		}
		theirs <- row
	}()
	var ours []stack.Usage
	var row map[string]string
	err := target.Usage(ctx, id, func(u stack.Usage) {
		ours = append(ours, u)
		select {
		case row = <-theirs:
		default:
		}
		if row != nil && len(ours) >= 3 {
			cancel()
		}
	})
	if err != nil || len(ours) < 3 || row == nil {
		t.Fatalf("%v, %d samples, docker stats %v", err, len(ours), row)
	}
	last := ours[len(ours)-1]
	cpu, err := strconv.ParseFloat(strings.TrimSuffix(row["CPUPerc"], "%"), 64)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, u := range ours {
		sum += u.CPU
	}
	// The limit is a fifth of a processor; the two look at different seconds.
	if mean := sum / float64(len(ours)); math.Abs(mean-cpu) > 10 || mean < 5 {
		t.Errorf("processor: %.1f %%, docker stats says %.1f %%", mean, cpu)
	}
	used, limit, _ := strings.Cut(row["MemUsage"], " / ")
	memory, err := units.RAMInBytes(used)
	if err != nil {
		t.Fatal(err)
	}
	if d := math.Abs(float64(last.Memory) - float64(memory)); d > 1<<20 {
		t.Errorf("memory: %d, docker stats says %s", last.Memory, used)
	}
	if last.MemoryLimit != 64<<20 || limit != "64MiB" {
		t.Errorf("limit: %d, docker stats says %s", last.MemoryLimit, limit)
	}
	dockertest.Remove(t, id)
	if err := target.Usage(context.Background(), id, func(stack.Usage) {}); err != nil {
		t.Errorf("the usage of a container that is gone: %v", err)
	}
}
