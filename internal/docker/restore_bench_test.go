package docker_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
	places := slices.Sorted(maps.Values(ids(f.state(b))))
	for b.Loop() {
		for _, id := range places {
			if _, err := f.api.ContainerStop(b.Context(), id, client.ContainerStopOptions{}); err != nil {
				b.Fatal(err)
			}
			if _, err := f.api.ContainerStart(b.Context(), id, client.ContainerStartOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N)/benchContainers, "ms/container")
}
