package tail

import (
	"context"
	"sync"

	"flightdeck/internal/clean"
)

// lineCost is what a kept line costs beside its text, in bytes: the struct and the string's share
// of the allocator. Spans cost their own size.
const (
	lineCost = 128
	spanCost = 24
)

// Ring keeps the newest lines of one stream. The zero Ring is not usable; see New.
type Ring struct {
	mu       sync.Mutex
	lines    []Line // a circle once it has grown to maxLines
	head     int    // of the oldest line
	count    int
	maxLines int
	maxBytes int
	bytes    int
	last     uint64
	more     chan struct{} // closed at the next append; nil when nobody waits
}

// New makes a ring that keeps at most maxLines lines (below 1: 1) and about maxBytes bytes of them
// (below 1: no such bound). The newest line is always kept, however long it is.
func New(maxLines, maxBytes int) *Ring {
	return &Ring{maxLines: max(maxLines, 1), maxBytes: maxBytes}
}

// Append keeps a line and gives the sequence number that it got; l.Seq is ignored.
func (r *Ring) Append(l Line) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(&l)
	r.wake()
	return r.last
}

// AppendAll keeps lines in order, under one lock.
func (r *Ring) AppendAll(lines []Line) {
	if len(lines) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range lines {
		r.add(&lines[i])
	}
	r.wake()
}

// Read gives up to max lines after the sequence number after, oldest first; below 1 means all.
// It never waits. A position beyond the newest line reads nothing. Spans are shared with the ring:
// readers must not change them.
func (r *Ring) Read(after uint64, max int) Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.last - uint64(r.count) + 1
	b := Batch{First: first, Last: r.last}
	if after >= r.last {
		return b
	}
	if after+1 < first {
		b.Missed = first - after - 1
		after = first - 1
	}
	n := int(r.last - after)
	if max > 0 && n > max {
		n = max
	}
	b.Lines = make([]Line, n)
	start := r.head + int(after+1-first)
	for i := range b.Lines {
		b.Lines[i] = r.lines[(start+i)%len(r.lines)]
	}
	return b
}

// Last is the sequence number of the newest line, 0 before the first.
func (r *Ring) Last() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Wait returns when a line after the sequence number after is there, or with the context's error.
func (r *Ring) Wait(ctx context.Context, after uint64) error {
	for {
		r.mu.Lock()
		if r.last > after {
			r.mu.Unlock()
			return nil
		}
		if r.more == nil {
			r.more = make(chan struct{})
		}
		more := r.more
		r.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *Ring) wake() {
	if r.more != nil {
		close(r.more)
		r.more = nil
	}
}

func (r *Ring) add(l *Line) {
	size := cost(l.Text, l.Spans)
	for r.count > 0 && (r.count >= r.maxLines || r.maxBytes > 0 && r.bytes+size > r.maxBytes) {
		r.drop()
	}
	if r.count == len(r.lines) {
		r.grow()
	}
	r.last++
	slot := &r.lines[(r.head+r.count)%len(r.lines)]
	*slot = *l
	slot.Seq = r.last
	r.count++
	r.bytes += size
}

// drop forgets the oldest line and lets go of its text.
func (r *Ring) drop() {
	old := &r.lines[r.head]
	r.bytes -= cost(old.Text, old.Spans)
	*old = Line{}
	r.head = (r.head + 1) % len(r.lines)
	r.count--
}

// grow doubles the circle up to maxLines, so that a quiet container costs little.
func (r *Ring) grow() {
	bigger := make([]Line, min(max(2*len(r.lines), 64), r.maxLines))
	n := copy(bigger, r.lines[r.head:])
	copy(bigger[n:], r.lines[:r.head])
	r.lines, r.head = bigger, 0
}

func cost(text string, spans []clean.Span) int {
	return lineCost + len(text) + spanCost*len(spans)
}
