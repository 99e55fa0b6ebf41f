package docker

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
)

const (
	// watchLimit is how long the engine may take for one look before it counts as silent; over ssh
	// it has more time, because there the line may be slow and not the engine.
	watchLimit    = 3 * time.Second
	watchLimitSSH = 10 * time.Second
	// lookEvery is how often the project is looked at without any event: a frozen engine's event
	// stream stays open and silent, and health results change without an event.
	lookEvery = 2 * time.Second
	// settle is how long events are collected before a look, as a recreation brings a dozen.
	settle = 60 * time.Millisecond
)

// Watch follows the logs and events of the project until ctx ends, and then returns nil. When the
// engine goes away it says so, tries again without end, and goes on where it stopped. The sink's
// Line is called from several goroutines, one per container; raw is valid only during the call.
func (t *Target) Watch(ctx context.Context, sink stack.Sink) error {
	w := &watcher{t: t, sink: sink, tracks: map[string]*track{}, current: map[string]*track{}, first: true}
	var downSince time.Time
	pause := 250 * time.Millisecond
	for ctx.Err() == nil {
		err := w.session(ctx, func() {
			if !downSince.IsZero() {
				sink.Down(nil)
				gone := time.Since(downSince).Round(time.Second)
				sink.Mark("engine", tail.Gap, time.Now(), fmt.Sprintf("the engine answers again after %s; logs go on where they stopped, what happened meanwhile is seen only by its result", gone))
				downSince = time.Time{}
			}
			pause = 250 * time.Millisecond
		})
		if ctx.Err() != nil {
			break
		}
		if downSince.IsZero() {
			downSince = time.Now()
			sink.Down(err)
		}
		if !sleep(ctx, pause) {
			break
		}
		pause = min(2*pause, 2*time.Second)
	}
	return nil
}

// watcher is the state of a watch, which outlives the engine's absence.
type watcher struct {
	t       *Target
	sink    stack.Sink
	tracks  map[string]*track // by container ID
	current map[string]*track // by label ("backend-1"): the newest container that was shown
	first   bool              // before the first look
	last    stack.Snapshot

	followers sync.WaitGroup
	ended     chan ending // of this session
}

// track is a container that is, or was, followed.
type track struct {
	c        stack.Container
	follower follower
	active   bool
	started  time.Time // StartedAt when it was followed last
	broken   bool      // the follower was cut off: there may be more to read, even if it ended since
	present  bool      // in the latest look
	missing  int       // looks without it while it was still followed
	replaces *track
	finished bool // gone, or cannot be read
	cancel   context.CancelFunc
}

// patience is how long the engine may take for one answer while it is watched.
func (t *Target) patience() time.Duration {
	if strings.HasPrefix(t.host, "ssh://") {
		return watchLimitSSH
	}
	return watchLimit
}

// session watches as long as the engine answers. up is called once it does. All followers have
// ended when it returns.
func (w *watcher) session(ctx context.Context, up func()) error {
	ctx, cancel := context.WithCancel(ctx)
	w.ended = make(chan ending)
	defer w.stop()
	defer cancel()
	sub, err := w.t.subscribe(ctx)
	if err != nil {
		return err
	}
	snap, err := w.look(ctx)
	if err != nil {
		return err
	}
	up()
	w.apply(ctx, snap, true)
	return w.loop(ctx, sub)
}

// stop waits for the followers of a session whose context has ended.
func (w *watcher) stop() {
	done := make(chan struct{})
	go func() {
		w.followers.Wait()
		close(done)
	}()
	for {
		select {
		case e := <-w.ended:
			w.note(e)
		case <-done:
			return
		}
	}
}

// looked is the answer of a look that went on beside the loop.
type looked struct {
	snap stack.Snapshot
	err  error
}

func (w *watcher) loop(ctx context.Context, sub subscription) error {
	answers := make(chan looked, 1)
	looking, again := false, false
	look := func() {
		if looking {
			again = true
			return
		}
		looking = true
		go func() {
			snap, err := w.look(ctx)
			answers <- looked{snap, err}
		}()
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var settled <-chan time.Time
	dirty := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-sub.events:
			dirty = true
			if settled == nil {
				settled = time.After(settle)
			}
		case err := <-sub.err:
			return w.t.sentence("the engine's event stream broke off", eventError(err))
		case <-settled:
			settled = nil
			look()
		case <-tick.C:
			look()
		case e := <-w.ended:
			w.note(e)
			// What the container became is known only after another look.
			look()
		case a := <-answers:
			looking = false
			if a.err != nil {
				return a.err
			}
			w.apply(ctx, a.snap, dirty)
			dirty = false
			if again {
				again = false
				look()
			}
		}
	}
}

func (w *watcher) look(ctx context.Context) (stack.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, w.t.patience())
	defer cancel()
	return w.t.Observe(ctx)
}

// apply takes a fresh look: it tells the sink, and starts following what has to be followed.
func (w *watcher) apply(ctx context.Context, snap stack.Snapshot, tell bool) {
	if tell || !reflect.DeepEqual(snap.Containers, w.last.Containers) {
		w.sink.Seen(snap)
	} else {
		w.sink.Down(nil) // nothing new, but the engine has answered just now
	}
	w.last = snap
	there := map[string]bool{}
	for _, c := range snap.Containers {
		if c.OneOff {
			continue // the output of `compose run` is the output of the command that ran it
		}
		there[c.ID] = true
		tr := w.tracks[c.ID]
		if tr == nil {
			tr = &track{follower: follower{t: w.t, id: c.ID, source: c.Label(), sink: w.sink, tail: w.first}}
			w.tracks[c.ID] = tr
			if old := w.current[c.Label()]; old != nil {
				tr.replaces = old
			}
			w.current[c.Label()] = tr
		}
		tr.c = c
	}
	w.first = false
	for id, tr := range w.tracks {
		tr.present = there[id]
		switch {
		case tr.present:
			tr.missing = 0
		case !tr.active:
			w.forget(id, tr)
		case tr.missing >= missingLooks:
			tr.cancel() // its stream ought to have ended by itself
		default:
			tr.missing++
		}
	}
	for _, c := range snap.Containers {
		if tr := w.tracks[c.ID]; tr != nil {
			w.start(ctx, tr)
		}
	}
}

// forget lets go of a container that is gone. Its successor, if it has one, says that it was
// replaced; without one that it was removed.
func (w *watcher) forget(id string, tr *track) {
	delete(w.tracks, id)
	if w.current[tr.c.Label()] == tr && !tr.finished {
		tr.finished = true
		w.sink.Mark(tr.c.Label(), tail.Mark, time.Now(), tr.c.Label()+" removed")
	}
}

// missingLooks is how many looks a vanished container's log may go on.
const missingLooks = 3

// start follows a container that has started since it was followed last. A successor waits until
// everything of its predecessor was read, so that the rows stand in the right order.
func (w *watcher) start(ctx context.Context, tr *track) {
	c := tr.c
	if tr.active || tr.finished || c.StartedAt.IsZero() || (!tr.broken && !c.StartedAt.After(tr.started)) {
		return
	}
	if old := tr.replaces; old != nil {
		// Two that run under one label do not replace each other; they share a number by accident.
		beside := old.present && old.c.State == "running" && c.State == "running"
		if old.active && !beside {
			return
		}
		if !beside {
			w.sink.Mark(c.Label(), tail.Mark, c.StartedAt, replacedText(old.c, c))
		}
		tr.replaces = nil
	} else if tr.follower.begun && c.StartedAt.After(tr.started) {
		w.sink.Mark(c.Label(), tail.Mark, c.StartedAt, c.Label()+" started again")
	}
	tr.started, tr.follower.started = c.StartedAt, c.StartedAt
	tr.active, tr.broken = true, false
	fctx, cancel := context.WithCancel(ctx)
	tr.cancel = cancel
	ended := w.ended
	w.followers.Add(1)
	go func() {
		defer w.followers.Done()
		defer cancel()
		ended <- tr.follower.follow(fctx)
	}()
}

func replacedText(old, now stack.Container) string {
	from, to := old.Image, now.Image
	if from == to {
		if old.ImageID == now.ImageID {
			return fmt.Sprintf("%s recreated: %s", now.Label(), to)
		}
		from, to = from+" ("+shortID(old.ImageID)+")", to+" ("+shortID(now.ImageID)+")"
	}
	return fmt.Sprintf("%s recreated: %s → %s", now.Label(), from, to)
}

// note takes the end of a follower.
func (w *watcher) note(e ending) {
	tr := w.tracks[e.id]
	if tr == nil {
		return
	}
	tr.active = false
	if e.started.After(tr.started) {
		tr.started = e.started
	}
	label := tr.c.Label()
	switch {
	case e.gone:
		// The next look forgets it.
	case e.exited && e.oom:
		w.sink.Mark(label, tail.Mark, e.finished, fmt.Sprintf("%s was killed: out of memory (exit code %d)", label, e.exitCode))
	case e.exited:
		w.sink.Mark(label, tail.Mark, e.finished, fmt.Sprintf("%s ended with exit code %d", label, e.exitCode))
	default:
		var unreadable *unreadableError
		if errors.As(e.err, &unreadable) {
			tr.finished = true
			w.sink.Mark(label, tail.Mark, time.Now(), label+": "+unreadable.Error())
			return
		}
		tr.broken = true
	}
}
