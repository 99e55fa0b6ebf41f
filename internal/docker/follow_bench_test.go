package docker_test

import (
	"bytes"
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/docker"
	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
)

// floodLines is how many lines of 120 bytes a flood has.
const floodLines = 300_000

func flood(b *testing.B, project, image string) string {
	b.Helper()
	return dockertest.Container(b, project, "flood", 1, image, []string{"log", "-count", strconv.Itoa(floodLines), "-pad", "110", "-stay"}, func(_ *container.Config, h *container.HostConfig) {
		// An engine that rotates early loses lines of a flood before anybody can read them.
		h.LogConfig = container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1g", "max-file": "1"}}
	})
}

// ringSink cleans lines and puts them into a ring, as the cockpit's sink does.
type ringSink struct {
	ring  *tail.Ring
	begin time.Time // of the first line: making the container is not part of the path
	done  chan time.Duration
	once  sync.Once
	// looked tells of a look; the first one is waited for.
	looked chan struct{}
}

func (s *ringSink) Line(source string, kind tail.Kind, at time.Time, raw []byte) {
	text, spans := clean.Line(raw, clean.MaxLine)
	s.ring.Append(tail.Line{At: at, Source: source, Kind: kind, Text: text, Spans: spans})
	if s.begin.IsZero() {
		s.begin = time.Now()
	}
	if bytes.HasPrefix(raw, []byte("end ")) {
		s.once.Do(func() { s.done <- time.Since(s.begin) })
	}
}
func (s *ringSink) Mark(string, tail.Kind, time.Time, string) {}
func (s *ringSink) Seen(stack.Snapshot) {
	select {
	case s.looked <- struct{}{}:
	default:
	}
}
func (s *ringSink) Down(error) {}

// BenchmarkFollow is the whole path of a log line: engine, Watch, cleaning, ring; a container writes
// as fast as it can while it is followed. BenchmarkBareReader beside it is the floor.
func BenchmarkFollow(b *testing.B) {
	image := dockertest.Image(b, "v1")
	for b.Loop() {
		name := dockertest.Name(b)
		target := dockertest.Open(b, docker.Project{Name: name})
		sink := &ringSink{ring: tail.New(100_000, 64<<20), done: make(chan time.Duration, 1), looked: make(chan struct{}, 1)}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- target.Watch(ctx, sink) }()
		<-sink.looked // so that the flood counts as new
		id := flood(b, name, image)
		took := <-sink.done
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		if n := sink.ring.Last(); n != floodLines+1 {
			b.Fatalf("%d lines arrived", n)
		}
		b.ReportMetric(floodLines/took.Seconds(), "lines/s")
		dockertest.Remove(b, id)
	}
}

type endFinder struct {
	lines int
	last  []byte
}

func (e *endFinder) Write(p []byte) (int, error) {
	e.lines += bytes.Count(p, []byte{'\n'})
	e.last = append(e.last[:0], p...)
	return len(p), nil
}

// BenchmarkBareReader reads the same stream with the client library's own demultiplexer, counts
// newlines, and does nothing else.
func BenchmarkBareReader(b *testing.B) {
	image := dockertest.Image(b, "v1")
	api := dockertest.API(b)
	for b.Loop() {
		var begin time.Time
		id := flood(b, dockertest.Name(b), image)
		ctx, cancel := context.WithCancel(context.Background())
		body, err := api.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true, Timestamps: true})
		if err != nil {
			b.Fatal(err)
		}
		end := &endFinder{}
		out := writerFunc(func(p []byte) (int, error) {
			if begin.IsZero() {
				begin = time.Now()
			}
			n, err := end.Write(p)
			if bytes.Contains(p, []byte(" end ")) {
				cancel()
			}
			return n, err
		})
		_, err = stdcopy.StdCopy(out, out, body)
		if ctx.Err() == nil {
			b.Fatal("the stream ended early: ", err)
		}
		b.ReportMetric(floodLines/time.Since(begin).Seconds(), "lines/s")
		if end.lines != floodLines+1 {
			b.Fatalf("%d lines arrived", end.lines)
		}
		if err := body.Close(); err != nil {
			b.Log(err)
		}
		cancel()
		dockertest.Remove(b, id)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
