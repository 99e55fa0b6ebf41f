package runner

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/deck"
	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
	"flightdeck/steps"
)

// The bounds of the rings.
const (
	logLines  = 50_000
	logBytes  = 16 << 20
	stepLines = 20_000
	stepBytes = 8 << 20
)

// telemetry is what the target was last seen to be. Writers never wait for readers: what is read
// is a picture behind a pointer, and a generation says whether it is a new one.
type telemetry struct {
	o       Options
	logs    *tail.Ring
	picture atomic.Pointer[deck.Look]
	moves   atomic.Uint64

	mu       sync.Mutex
	now      deck.Look // the next picture; what it points to is never changed
	rings    map[string]*tail.Ring
	senses   *senses
	attended map[string]context.CancelFunc
	ctx      context.Context // of the usage streams; nil while nothing looks
	work     sync.WaitGroup
}

var (
	_ stack.Sink   = (*telemetry)(nil)
	_ steps.Senses = (*telemetry)(nil)
)

func newTelemetry(o Options) *telemetry {
	t := &telemetry{o: o, logs: tail.New(logLines, logBytes), rings: map[string]*tail.Ring{}, attended: map[string]context.CancelFunc{}}
	t.senses = newSenses(o, func() (stack.Snapshot, string) {
		l := t.picture.Load()
		return l.Snapshot, l.Down
	})
	t.publish()
	return t
}

// start looks at the target until ctx ends; the channel is closed when nothing looks any more.
func (t *telemetry) start(ctx context.Context) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ctx = ctx
	t.goes(ctx, t.watch)
	t.goes(ctx, t.health)
	t.work.Go(func() { t.senses.prober.Run(ctx) }) // it may be run once only, and guards its samples
	over := make(chan struct{})
	go func() {
		defer close(over)
		<-ctx.Done()
		t.mu.Lock()
		t.ctx = nil // from here on attend begins nothing that could be missed by the wait
		t.mu.Unlock()
		t.work.Wait()
	}()
	return over
}

// again is how long is waited before something that broke is begun again.
const again = 2 * time.Second

// goes runs what looks, again and again until ctx ends; a fault of ours in it is shown and does
// not end it.
func (t *telemetry) goes(ctx context.Context, look func(context.Context)) {
	t.work.Go(func() {
		for ctx.Err() == nil {
			func() {
				defer func() {
					if p := recover(); p != nil {
						t.Mark("flightdeck", tail.Gap, t.o.Now(), fault(p))
					}
				}()
				look(ctx)
			}()
			wait(ctx, again)
		}
	})
}

// watch follows logs and events.
func (t *telemetry) watch(ctx context.Context) {
	if err := t.o.Target.Watch(ctx, t); err != nil && ctx.Err() == nil {
		t.Down(err)
	}
}

// Line takes one raw log line.
func (t *telemetry) Line(source string, kind tail.Kind, at time.Time, raw []byte) {
	text, spans := clean.Line(raw, 0)
	t.logs.Append(tail.Line{At: at, Source: source, Kind: kind, Text: text, Spans: spans})
}

// Mark takes a row of our own among the log lines.
func (t *telemetry) Mark(source string, kind tail.Kind, at time.Time, text string) {
	t.logs.Append(tail.Line{At: at, Source: source, Kind: kind, Text: clean.Name(text)})
}

// Seen takes a fresh snapshot, which also says that the target answers.
func (t *telemetry) Seen(s stack.Snapshot) {
	now := t.o.Now()
	t.change(func(l *deck.Look) {
		l.Snapshot, l.SeenAt = s, now
		l.Down, l.DownSince = "", time.Time{}
		t.senses.follow(s, now)
	})
}

// Down says that the target does not answer, or does again.
func (t *telemetry) Down(err error) {
	now := t.o.Now()
	t.change(func(l *deck.Look) {
		if err == nil {
			l.Down, l.DownSince, l.SeenAt = "", time.Time{}, now
			return
		}
		if l.Down == "" {
			l.DownSince = now
		}
		l.Down = clean.Name(err.Error())
		if l.Down == "" {
			l.Down = "the target does not answer"
		}
	})
}

func (t *telemetry) setFault(text string) {
	t.change(func(l *deck.Look) { l.Fault = clean.Name(text) })
}

// moved says that the journal has a new entry.
func (t *telemetry) moved() { t.moves.Add(1) }

// Sense is the picture that steps judge.
func (t *telemetry) Sense() steps.Sensed {
	l := t.picture.Load()
	return steps.Sensed{Snapshot: l.Snapshot, Probes: t.senses.prober.Statuses(), Down: l.Down}
}

// change makes the next picture.
func (t *telemetry) change(f func(*deck.Look)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.now)
	t.publish()
}

// publish shows the next picture; t.mu is held.
func (t *telemetry) publish() {
	t.moves.Add(1)
	l := t.now
	t.picture.Store(&l)
}

// look adds the positions of the rings, which move far more often than the picture.
func (t *telemetry) look() deck.Look {
	l := *t.picture.Load()
	l.LogGeneration = t.logs.Last()
	l.Probes = t.senses.prober.Statuses()
	l.Generation = t.moves.Load() + l.LogGeneration + t.senses.prober.Generation()
	t.mu.Lock()
	rings := make(map[string]*tail.Ring, len(t.rings))
	maps.Copy(rings, t.rings)
	t.mu.Unlock()
	l.StepGenerations = make(map[string]uint64, len(rings))
	for step, ring := range rings {
		last := ring.Last()
		l.StepGenerations[step] = last
		l.Generation += last
	}
	return l
}

// ring gives the ring of a step's output, and makes it if asked to.
func (t *telemetry) ring(step string, create bool) *tail.Ring {
	t.mu.Lock()
	defer t.mu.Unlock()
	ring := t.rings[step]
	if ring == nil && create {
		ring = tail.New(stepLines, stepBytes)
		t.rings[step] = ring
	}
	return ring
}

// attend streams the usage of these containers and of no others.
func (t *telemetry) attend(ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
		if t.attended[id] == nil && t.ctx != nil {
			ctx, cancel := context.WithCancel(t.ctx)
			t.attended[id] = cancel
			t.goes(ctx, func(ctx context.Context) { t.usage(ctx, id) })
		}
	}
	usage := maps.Clone(t.now.Usage)
	for id, cancel := range t.attended {
		if !wanted[id] {
			cancel()
			delete(t.attended, id)
			delete(usage, id)
		}
	}
	t.now.Usage = usage
	t.publish()
}

// usage streams one container's usage. Its end is no news: the container may be gone.
func (t *telemetry) usage(ctx context.Context, id string) {
	err := t.o.Target.Usage(ctx, id, func(u stack.Usage) {
		t.change(func(l *deck.Look) {
			if ctx.Err() != nil {
				return // no longer on screen
			}
			next := maps.Clone(l.Usage)
			if next == nil {
				next = map[string]stack.Usage{}
			}
			next[id] = u
			l.Usage = next
		})
	})
	if err == nil || ctx.Err() != nil {
		return
	}
	t.change(func(l *deck.Look) {
		if _, shown := l.Usage[id]; shown {
			l.Usage = maps.Clone(l.Usage) // an old figure would look like a measurement
			delete(l.Usage, id)
		}
	})
}
