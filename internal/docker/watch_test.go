package docker_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/docker"
	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
)

// row is what a recorder took, in order.
type row struct {
	source string
	kind   tail.Kind
	at     time.Time
	text   string
}

// recorder is a sink that keeps everything.
type recorder struct {
	lock  sync.Mutex
	rows  []row
	seen  []stack.Snapshot
	downs []error // what was said when it went, and nil when it was back
}

func (r *recorder) Line(source string, kind tail.Kind, at time.Time, raw []byte) {
	r.Mark(source, kind, at, string(raw))
}

func (r *recorder) Mark(source string, kind tail.Kind, at time.Time, text string) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.rows = append(r.rows, row{source, kind, at, text})
}

func (r *recorder) Seen(s stack.Snapshot) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.seen = append(r.seen, s)
}

func (r *recorder) Down(err error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if err == nil && (len(r.downs) == 0 || r.downs[len(r.downs)-1] == nil) {
		return // it was there all the time, and has answered again
	}
	r.downs = append(r.downs, err)
}

func (r *recorder) find(match func(row) bool) int {
	r.lock.Lock()
	defer r.lock.Unlock()
	for i, x := range r.rows {
		if match(x) {
			return i
		}
	}
	return -1
}

func (r *recorder) text(text string) int {
	return r.find(func(x row) bool { return strings.Contains(x.text, text) })
}

// dump is the marks and the first and last lines, for messages.
func (r *recorder) dump() string {
	r.lock.Lock()
	defer r.lock.Unlock()
	var out []string
	for i, x := range r.rows {
		if x.kind >= tail.Mark || i < 3 || i > len(r.rows)-3 {
			out = append(out, fmt.Sprintf("%d %s %d %.80q", i, x.source, x.kind, x.text))
		}
	}
	return strings.Join(out, "\n") + fmt.Sprintf("\ndowns %v", r.downs)
}

// watch runs a watch until the end of the test.
func watch(t *testing.T, target *docker.Target) *recorder {
	t.Helper()
	r := &recorder{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- target.Watch(ctx, r) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error("watch:", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the watch does not end with its context")
		}
	})
	until(t, 20*time.Second, "the first look", func() bool {
		r.lock.Lock()
		defer r.lock.Unlock()
		return len(r.seen) > 0
	}, r)
	return r
}

func until(t *testing.T, limit time.Duration, what string, done func() bool, r *recorder) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come\n%s", what, r.dump())
		}
	}
}

// counted checks that the numbered lines of a source are complete runs 1..N, "end N" after each,
// none lost and none doubled, and gives how many runs there were.
func (r *recorder) counted(t *testing.T, source string) int {
	t.Helper()
	r.lock.Lock()
	defer r.lock.Unlock()
	defer func() {
		if t.Failed() {
			for i, x := range r.rows {
				if x.source == source && len(r.rows) < 200 {
					t.Logf("%d %d %s %d bytes %.20q", i, x.kind, x.at, len(x.text), x.text)
				}
			}
			t.Log(r.downs)
		}
	}()
	next, runs := 1, 0
	for i, x := range r.rows {
		if x.source != source || x.kind >= tail.Mark {
			continue
		}
		word, n, _ := strings.Cut(x.text, " ")
		number, _, _ := strings.Cut(n, " ")
		got, err := strconv.Atoi(number)
		switch {
		case err != nil:
			t.Fatalf("row %d of %s: %.60q of %d bytes", i, source, x.text, len(x.text))
		case word == "end":
			if got != next-1 {
				t.Fatalf("row %d: the end says %d lines, %d were seen", i, got, next-1)
			}
			next, runs = 1, runs+1
			continue
		case got != next:
			t.Fatalf("row %d of %s: line %d, want %d (run %d)", i, source, got, next, runs+1)
		}
		if x.at.IsZero() {
			t.Fatalf("row %d has no time", i)
		}
		next++
	}
	return runs
}

func TestWatchFollowsThroughRecreation(t *testing.T) {
	generations(t, func(t *testing.T, generation string) {
		repo := dockertest.Name(t)
		for _, v := range []string{"v1", "v2"} {
			dockertest.Image(t, v, dockertest.Repo(repo))
		}
		p := dockertest.Project(t, "services:\n  web:\n    image: \""+repo+":${TAG:-v1}\"\n    command: [log, -rate, \"2000\"]\n    scale: 2\n    stop_grace_period: 5s\n", nil)
		p.TagVariable = "TAG"
		target := dockertest.Open(t, p)
		r := watch(t, target)
		deploy(t, target, stack.Want{})
		until(t, 20*time.Second, "a line of both", func() bool {
			return r.find(func(x row) bool { return x.source == "web-1" && x.text == "n 500" }) >= 0 &&
				r.find(func(x row) bool { return x.source == "web-2" && x.text == "n 500" }) >= 0
		}, r)
		deploy(t, target, stack.Want{Version: "v2"})
		mark := "web-1 recreated: " + repo + ":v1 → " + repo + ":v2"
		until(t, 20*time.Second, "the mark", func() bool { return r.text(mark) >= 0 }, r)
		dockertest.Run(t, generation, p, []string{"TAG=v2"}, "stop")
		for _, source := range []string{"web-1", "web-2"} {
			until(t, 20*time.Second, "the end of the second run", func() bool {
				r.lock.Lock()
				defer r.lock.Unlock()
				ends := 0
				for _, x := range r.rows {
					if x.source == source && strings.HasPrefix(x.text, "end ") {
						ends++
					}
				}
				return ends == 2
			}, r)
			if runs := r.counted(t, source); runs != 2 {
				t.Errorf("%d runs of %s", runs, source)
			}
		}
		end := r.find(func(x row) bool { return x.source == "web-1" && strings.HasPrefix(x.text, "end ") })
		at := r.text(mark)
		if at < end {
			t.Errorf("the mark stands in row %d, before the old container's end in row %d", at, end)
		}
		r.lock.Lock()
		defer r.lock.Unlock()
		for i := at + 1; i < len(r.rows); i++ {
			if x := r.rows[i]; x.source == "web-1" && x.kind == tail.Out {
				if x.text != "n 1" {
					t.Errorf("after the mark comes %q", x.text)
				}
				return
			}
		}
		t.Error("nothing after the mark")
	})
}

func TestWatchSurvivesTheEngine(t *testing.T) {
	for _, fault := range []string{"cut", "freeze"} {
		t.Run(fault, func(t *testing.T) {
			proxy := dockertest.NewProxy(t)
			image := dockertest.Image(t, "v1")
			p := docker.Project{Name: dockertest.Name(t), Host: proxy.Host()}
			target := dockertest.Open(t, p)
			r := watch(t, target)
			id := dockertest.Container(t, p.Name, "web", 1, image, []string{"log", "-rate", "3000", "-both"}, nil)
			until(t, 20*time.Second, "lines", func() bool { return r.text("n 4000") >= 0 }, r)
			if fault == "cut" {
				proxy.Cut()
			} else {
				proxy.Freeze()
			}
			begin := time.Now()
			down := func(n int) func() bool {
				return func() bool {
					r.lock.Lock()
					defer r.lock.Unlock()
					return len(r.downs) >= n
				}
			}
			until(t, 15*time.Second, "the word that it is down", down(1), r)
			if took := time.Since(begin); took > 9*time.Second {
				t.Errorf("it took %s to see that the engine is gone", took)
			}
			if fault == "cut" {
				proxy.Restore()
			} else {
				proxy.Thaw()
			}
			until(t, 15*time.Second, "the word that it is up", down(2), r)
			r.lock.Lock()
			if r.downs[0] == nil || r.downs[1] != nil {
				t.Errorf("downs: %v", r.downs)
			}
			have := len(r.rows)
			r.lock.Unlock()
			until(t, 20*time.Second, "more lines", func() bool {
				r.lock.Lock()
				defer r.lock.Unlock()
				return len(r.rows) > have+3000
			}, r)
			if _, err := dockertest.API(t).ContainerStop(context.Background(), id, client.ContainerStopOptions{}); err != nil {
				t.Fatal(err)
			}
			until(t, 20*time.Second, "the end", func() bool { return r.text("end ") >= 0 && r.text("ended with exit code 0") >= 0 }, r)
			inOrder(t, r, "web-1")
			if r.find(func(x row) bool { return x.kind == tail.Gap }) < 0 {
				t.Error("no gap row\n" + r.dump())
			}
		})
	}
}

// inOrder checks a log of two streams: the engine may store their lines slightly out of order, but
// each number comes once.
func inOrder(t *testing.T, r *recorder, source string) {
	t.Helper()
	r.lock.Lock()
	defer r.lock.Unlock()
	times := map[string]int{}
	for _, x := range r.rows {
		if x.source == source && x.kind < tail.Mark {
			times[x.text]++
		}
	}
	last := 0
	for text := range times {
		if n, ok := strings.CutPrefix(text, "end "); ok {
			var err error
			if last, err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
		}
	}
	if last == 0 {
		t.Fatal("the end is missing")
	}
	for n := 1; n <= last; n++ {
		if got := times[fmt.Sprintf("n %d", n)]; got != 1 {
			t.Fatalf("line %d of %d came %d times", n, last, got)
		}
	}
}

func TestWatchBeginsWithTheLastLines(t *testing.T) {
	image := dockertest.Image(t, "v1")
	name := dockertest.Name(t)
	target := dockertest.Open(t, docker.Project{Name: name})
	dockertest.Container(t, name, "web", 1, image, []string{"log", "-count", "1000"}, nil)
	none := dockertest.Container(t, name, "mute", 1, image, []string{"log", "-count", "10", "-stay"}, func(_ *container.Config, h *container.HostConfig) {
		h.LogConfig.Type = "none"
	})
	if none == "" {
		t.Fatal("no container")
	}
	until(t, 10*time.Second, "the end of the container", func() bool {
		s, err := target.Observe(context.Background())
		return err == nil && len(s.Containers) == 2 && s.Containers[1].State == "exited"
	}, &recorder{})
	r := watch(t, target)
	until(t, 10*time.Second, "the end", func() bool { return r.text("ended with exit code 0") >= 0 }, r)
	until(t, 10*time.Second, "the word about the log driver", func() bool { return r.text("mute-1: log driver none cannot be read") >= 0 }, r)
	if i := r.find(func(x row) bool { return x.source == "web-1" }); r.rows[i].text != "n 802" {
		t.Errorf("begins with %q", r.rows[i].text)
	}
}

func TestWatchLongLinesAndTerminals(t *testing.T) {
	image := dockertest.Image(t, "v1")
	name := dockertest.Name(t)
	target := dockertest.Open(t, docker.Project{Name: name})
	r := watch(t, target)
	terminal := func(c *container.Config, _ *container.HostConfig) { c.Tty = true }
	dockertest.Container(t, name, "long", 1, image, []string{"log", "-count", "20", "-pad", "40000"}, nil)
	dockertest.Container(t, name, "tty", 1, image, []string{"log", "-count", "20", "-pad", "40000"}, terminal)
	dockertest.Container(t, name, "edge", 1, image, []string{"log", "-count", "9", "-pad", strconv.Itoa(16384 - len("n 1 "))}, terminal)
	dockertest.Container(t, name, "huge", 1, image, []string{"log", "-count", "1", "-pad", "10000000"}, nil)
	for _, source := range []string{"long-1", "tty-1", "edge-1", "huge-1"} {
		until(t, 30*time.Second, "the end of "+source, func() bool {
			return r.find(func(x row) bool { return x.source == source && strings.HasPrefix(x.text, "end ") }) >= 0
		}, r)
		r.counted(t, source)
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	for _, x := range r.rows {
		want := map[string]int{"long-1": 40000, "tty-1": 40000, "edge-1": 16380}[x.source]
		if want > 0 && strings.HasPrefix(x.text, "n ") && strings.Count(x.text, "x") != want {
			t.Errorf("%s %.10q has %d of %d", x.source, x.text, strings.Count(x.text, "x"), want)
		}
		if x.source == "huge-1" && strings.HasPrefix(x.text, "n ") && (len(x.text) > 300_000 || !strings.HasSuffix(x.text, " bytes")) {
			t.Errorf("the huge line has %d bytes and ends with %q", len(x.text), x.text[len(x.text)-20:])
		}
	}
}

func TestWatchTellsOfRestarts(t *testing.T) {
	image := dockertest.Image(t, "v1")
	name := dockertest.Name(t)
	target := dockertest.Open(t, docker.Project{Name: name})
	r := watch(t, target)
	id := dockertest.Container(t, name, "web", 1, image, []string{"log", "-rate", "200"}, nil)
	api := dockertest.API(t)
	// A program that has not yet said anything may not yet listen for its end either.
	run := func(number int) func() bool {
		return func() bool {
			r.lock.Lock()
			defer r.lock.Unlock()
			begun := 0
			for _, x := range r.rows {
				if x.text == "n 20" {
					begun++
				}
			}
			return begun == number
		}
	}
	for i := range 2 {
		until(t, 20*time.Second, "lines", run(i+1), r)
		if _, err := api.ContainerRestart(context.Background(), id, client.ContainerRestartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	until(t, 20*time.Second, "lines of the last run", run(3), r)
	if _, err := api.ContainerStop(context.Background(), id, client.ContainerStopOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, 10*time.Second, "three ends", func() bool {
		r.lock.Lock()
		defer r.lock.Unlock()
		ends := 0
		for _, x := range r.rows {
			if strings.HasPrefix(x.text, "end ") {
				ends++
			}
		}
		return ends == 3
	}, r)
	r.counted(t, "web-1")
	if r.text("web-1 started again") < 0 {
		t.Error("no row tells of the restart\n" + r.dump())
	}
	dockertest.Remove(t, id)
	until(t, 10*time.Second, "the removal", func() bool { return r.text("web-1 removed") >= 0 }, r)
}

func TestWatchThroughRotation(t *testing.T) {
	image := dockertest.Image(t, "v1")
	name := dockertest.Name(t)
	target := dockertest.Open(t, docker.Project{Name: name})
	r := watch(t, target)
	dockertest.Container(t, name, "web", 1, image, []string{"log", "-count", "6000", "-rate", "2000"}, func(_ *container.Config, h *container.HostConfig) {
		h.LogConfig = container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "150k", "max-file": "3"}}
	})
	until(t, 20*time.Second, "the end", func() bool { return r.text("end ") >= 0 && r.text("ended with exit code 0") >= 0 }, r)
	r.counted(t, "web-1")
}
