package docker_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"

	"flightdeck/internal/docker/dockertest"
)

// benchContainers is how many containers the benchmarks replace, or stop and start.
const benchContainers = 3

// benchFleet has no health checks: waiting for them would hide what is measured.
func benchFleet(b *testing.B) (*fleet, []string) {
	f := newFleet(b, dockertest.Compose(b)[0])
	file := "services:\n"
	for n := 1; n <= benchContainers; n++ {
		file += fmt.Sprintf("  s%d:\n    image: REPO:v1\n    healthcheck: {disable: true}\n    volumes: [\"/anonymous\"]\n", n)
	}
	f.up(b, file)
	older := f.healthy(b)
	f.up(b, strings.ReplaceAll(file, ":v1", ":v2"))
	newer := f.healthy(b)
	return f, []string{older.ID, newer.ID}
}

// BenchmarkRollback is the whole of Restore, checks before and clean-up after included; compare it
// with BenchmarkBareStopStart, which does the same containers in the same minute.
func BenchmarkRollback(b *testing.B) {
	f, way := benchFleet(b)
	n := 0
	for b.Loop() {
		f.restore(b, way[n%2])
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/benchContainers, "ms/container")
}

// BenchmarkBareStopStart stops and starts each container, one after the other, and nothing else.
func BenchmarkBareStopStart(b *testing.B) {
	f, _ := benchFleet(b)
	for b.Loop() {
		for _, id := range ids(f.state(b)) {
			if err := f.bounce(b.Context(), id); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/benchContainers, "ms/container")
}

// BenchmarkBareStopStartTogether does it with all containers at once.
func BenchmarkBareStopStartTogether(b *testing.B) {
	f, _ := benchFleet(b)
	for b.Loop() {
		var all sync.WaitGroup
		for _, id := range ids(f.state(b)) {
			all.Go(func() {
				if err := f.bounce(b.Context(), id); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/benchContainers, "ms/container")
}

func (f *fleet) bounce(ctx context.Context, id string) error {
	if _, err := f.api.ContainerStop(ctx, id, client.ContainerStopOptions{}); err != nil {
		return err
	}
	_, err := f.api.ContainerStart(ctx, id, client.ContainerStartOptions{})
	return err
}
