package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
)

// firstLines is how much of the past is shown of containers that ran before the watch began.
const firstLines = 200

// follower reads the log of one container. It keeps its position, so that it can be stopped at any
// moment and go on later without a line lost or doubled.
type follower struct {
	t      *Target
	id     string
	source string // "backend-1"
	sink   stack.Sink
	tail   bool // begin with the last lines only

	started  time.Time // the start of the container that is being followed
	begun    bool      // whether anything was read before
	position position
	recent   recent
	joiner   joiner
	lines    uint64 // given to the sink
}

// ending is why a follower stopped.
type ending struct {
	id       string
	gone     bool // the container does not exist any more
	exited   bool // it exists and does not run
	exitCode int
	oom      bool
	started  time.Time // the start that this was the end of
	finished time.Time
	err      error // anything else, such as an engine that does not answer
}

// follow reads until the container ends, vanishes, or something breaks. The end of a stream has no
// meaning of its own (the end of the container, of the engine, and a rotation look the same), so
// the container is looked at each time.
func (f *follower) follow(ctx context.Context) ending {
	pause := 50 * time.Millisecond
	for {
		before := f.lines
		err := f.stream(ctx, true)
		if ctx.Err() != nil {
			return ending{id: f.id, err: ctx.Err()}
		}
		var unreadable *unreadableError
		if errors.As(err, &unreadable) {
			return ending{id: f.id, err: err}
		}
		c, ierr := f.t.inspect(ctx, f.id)
		switch {
		case errdefs.IsNotFound(ierr):
			f.joiner.flush(f.line)
			return ending{id: f.id, gone: true}
		case ierr != nil:
			return ending{id: f.id, err: ierr}
		case !c.State.Running && err == nil:
			if err := f.stream(ctx, false); err != nil {
				break // tried again from the start
			}
			f.joiner.flush(f.line)
			return ending{
				id: f.id, exited: true, exitCode: c.State.ExitCode, oom: c.State.OOMKilled,
				started: parseTime(c.State.StartedAt), finished: parseTime(c.State.FinishedAt),
			}
		}
		// It runs: it was restarted, or only the stream broke.
		if at := parseTime(c.State.StartedAt); at.After(f.started) {
			f.joiner.flush(f.line)
			f.sink.Mark(f.source, tail.Mark, at, fmt.Sprintf("%s started again (restart %d)", f.source, c.RestartCount))
			f.started = at
		}
		if f.lines > before {
			pause = 50 * time.Millisecond
		}
		if !sleep(ctx, pause) {
			return ending{id: f.id, err: ctx.Err()}
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// unreadableError marks a log driver that the engine cannot read back.
type unreadableError struct{ driver string }

func (e *unreadableError) Error() string {
	return "log driver " + e.driver + " cannot be read"
}

// stream reads the log once, from the position on: to the end of the stream, or without live to the
// end of what is stored. The latter is needed when a container has ended, because after a rotation
// the engine may end the live stream before it has sent the last lines (seen with 20.10).
func (f *follower) stream(ctx context.Context, live bool) error {
	c, err := f.t.inspect(ctx, f.id)
	if err != nil {
		return err
	}
	opts := client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: live, Timestamps: true}
	switch {
	case f.begun:
		opts.Since = f.position.since()
	case f.tail:
		opts.Tail = fmt.Sprint(firstLines)
	}
	// No time limit on the stream itself; the watch cancels it when the engine falls silent.
	body, err := f.t.api.ContainerLogs(ctx, f.id, opts)
	if err != nil {
		if strings.Contains(err.Error(), "does not support reading") || errdefs.IsNotImplemented(err) {
			return &unreadableError{driver: driverOf(c)}
		}
		return err
	}
	defer body.Close() // a stream that is only read
	skip := 0
	if f.begun {
		skip = f.position.old.count
	}
	take := f.taker(skip)
	if c.Config.Tty {
		return readTerminal(body, take)
	}
	return readFrames(body, take)
}

func driverOf(c container.InspectResponse) string {
	return clean.Name(c.HostConfig.LogConfig.Type)
}

// taker takes the messages of one stream, of which the first skip ones were seen before.
func (f *follower) taker(skip int) func(message) {
	return func(m message) {
		if skip > 0 {
			if !m.at.After(f.position.newest) {
				skip--
				return
			}
			// Something newer comes too early: the engine has thrown away the rest, by rotation.
			f.sink.Mark(f.source, tail.Gap, m.at, fmt.Sprintf("log was rotated while it could not be read: lines may be missing (%d known ones are gone)", skip))
			skip = 0
		}
		if !f.begun {
			f.begun = true
			if f.tail {
				f.position.startAt(m.at)
			}
		}
		if f.recent.repeats(m, f.position.newest, f.joiner.open(m.kind)) {
			return
		}
		f.position.seen(m.at)
		f.joiner.take(m, f.line)
	}
}

func (f *follower) line(kind tail.Kind, at time.Time, raw []byte) {
	f.lines++
	f.sink.Line(f.source, kind, at, raw)
}
