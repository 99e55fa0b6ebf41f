package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
)

// How the Watcher looks: how often, how much of an old log at first, how much at a time.
const (
	lookEvery   = 200 * time.Millisecond
	firstTail   = 64 << 10
	readAtATime = 4 << 20
)

// watcher follows one target for one sink.
type watcher struct {
	t    *Target
	sink stack.Sink
	last stack.Snapshot
	seen bool      // a snapshot was given
	told time.Time // when the sink was last told anything
	down bool
	logs []*follower
}

// Watch looks five times a second: files have no events that work on every system.
func (t *Target) Watch(ctx context.Context, sink stack.Sink) error {
	w := &watcher{t: t, sink: sink}
	defer w.close()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := w.look(ctx); err != nil {
			w.down = true
			sink.Down(err)
		} else if w.down {
			w.down = false
			sink.Down(nil)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *watcher) close() {
	for _, f := range w.logs {
		f.close()
	}
}

// look takes everything new: log lines first, so that a mark stands after the last words.
func (w *watcher) look(ctx context.Context) error {
	snap, err := w.t.Observe(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range w.logs {
		errs = append(errs, f.read(w.sink))
	}
	w.marks(snap)
	w.logs = slices.DeleteFunc(w.logs, func(f *follower) bool {
		if slices.ContainsFunc(snap.Containers, func(c stack.Container) bool { return c.ID == f.id }) {
			return false
		}
		f.close()
		return true
	})
	for _, c := range snap.Containers {
		if slices.ContainsFunc(w.logs, func(f *follower) bool { return f.id == c.ID }) {
			continue
		}
		f := &follower{id: c.ID, source: c.Label(), path: instance{dir: w.t.dir.instance(c.Service, c.ID)}.logFile()}
		f.fromEnd = !w.seen // what ran before we came has a long past; what is new is read in full
		w.logs = append(w.logs, f)
		errs = append(errs, f.read(w.sink))
	}
	if !w.seen || changed(w.last, snap) {
		w.sink.Seen(snap)
		w.told = snap.At
	} else if snap.At.Sub(w.told) >= time.Second {
		w.sink.Down(nil) // nothing new, but it was looked at just now
		w.told = snap.At
	}
	w.last, w.seen = snap, true
	return errors.Join(errs...)
}

// marks writes a row for what happened to a process since the last look.
func (w *watcher) marks(snap stack.Snapshot) {
	if !w.seen {
		return
	}
	mark := func(c stack.Container, format string, args ...any) {
		w.sink.Mark(c.Label(), tail.Mark, snap.At, c.Label()+" "+fmt.Sprintf(format, args...))
	}
	for _, c := range snap.Containers {
		at := slices.IndexFunc(w.last.Containers, func(o stack.Container) bool { return o.Service == c.Service })
		if at < 0 {
			mark(c, "created: %s", c.Image)
			continue
		}
		switch old := w.last.Containers[at]; {
		case old.ID != c.ID:
			mark(c, "recreated: %s -> %s", old.Image, c.Image)
		case c.Restarts > old.Restarts:
			mark(c, "restarted after exit code %d, for the %d. time", c.ExitCode, c.Restarts)
		case c.State != old.State && c.State == "exited":
			mark(c, "exited with code %d", c.ExitCode)
		case c.Health != old.Health && c.Health == "unhealthy":
			mark(c, "is unhealthy")
		}
	}
	for _, o := range w.last.Containers {
		if !slices.ContainsFunc(snap.Containers, func(c stack.Container) bool { return c.Service == o.Service }) {
			mark(o, "removed")
		}
	}
}

// changed ignores the time of the look and nothing else.
func changed(a, b stack.Snapshot) bool {
	return !slices.EqualFunc(a.Containers, b.Containers, func(x, y stack.Container) bool {
		return x.ID == y.ID && x.State == y.State && x.Health == y.Health && x.Restarts == y.Restarts &&
			x.ExitCode == y.ExitCode && x.StartedAt.Equal(y.StartedAt) && slices.Equal(x.HealthLog, y.HealthLog)
	})
}

// follower reads one log file as it grows, also across its rotation.
type follower struct {
	id, source, path string
	fromEnd          bool
	f                *os.File
	rest             []byte // an unfinished last line
}

func (f *follower) close() {
	if f.f != nil {
		_ = f.f.Close() // it was only read
		f.f = nil
	}
}

// read gives every whole line that is new, some megabytes at most, to the sink.
func (f *follower) read(sink stack.Sink) error {
	if f.f == nil {
		file, err := os.Open(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		f.f = file
		if err := f.skip(); err != nil {
			return err
		}
	}
	if err := f.drain(sink); err != nil {
		return err
	}
	mine, err := f.f.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(f.path); err == nil && !os.SameFile(mine, there) {
		// Rotated. The old file is complete now: once more to its end, then the new one.
		err := f.drain(sink)
		f.close()
		return err
	}
	return nil
}

// skip leaves out the long past of a log that was there before we came.
func (f *follower) skip() error {
	if !f.fromEnd {
		return nil
	}
	f.fromEnd = false
	info, err := f.f.Stat()
	if err != nil || info.Size() <= firstTail {
		return err
	}
	if _, err := f.f.Seek(-firstTail, io.SeekEnd); err != nil {
		return err
	}
	// The first line is a part of one; it is dropped with everything before it.
	r := bufio.NewReader(f.f)
	cut, err := r.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) && !errors.Is(err, io.EOF) {
		return err
	}
	_, err = f.f.Seek(info.Size()-firstTail+int64(len(cut)), io.SeekStart)
	return err
}

func (f *follower) drain(sink stack.Sink) error {
	raw, err := io.ReadAll(io.LimitReader(f.f, readAtATime))
	if err != nil {
		return err
	}
	f.rest = append(f.rest, raw...)
	for {
		n := bytes.IndexByte(f.rest, '\n')
		if n < 0 {
			return nil
		}
		line := f.rest[:n]
		f.rest = f.rest[n+1:]
		stamp, text, _ := bytes.Cut(line, []byte(" "))
		at, err := time.Parse(time.RFC3339Nano, string(stamp))
		if err != nil || len(text) < 2 {
			continue // not written by our supervisor
		}
		kind := tail.Out
		if text[0] == 'e' {
			kind = tail.Err
		}
		sink.Line(f.source, kind, at, bytes.Clone(text[2:]))
	}
}
