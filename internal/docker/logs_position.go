package docker

import (
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"flightdeck/internal/tail"
)

// position is where in a log reading stands, exactly enough to go on after any break without a
// line lost or doubled. The engine can only be asked for "everything since a time", and stamps of
// the two streams may be stored slightly out of order: so it is asked from an anchor a second or
// two back, and the messages since that anchor, which come in the same order again, are counted off.
type position struct {
	old, new anchor
	newest   time.Time // the latest stamp seen
}

type anchor struct {
	at    time.Time // zero: the log's beginning
	count int       // messages seen with a stamp not before at
}

// anchorAge is how far apart anchors are at least; stamps are never that much out of order.
const anchorAge = time.Second

// startAt sets the first anchor for a log that is not read from its beginning: just behind the
// first message seen, because others with its stamp may lie before it.
func (p *position) startAt(at time.Time) {
	p.old, p.new = anchor{at: at.Add(1)}, anchor{at: at.Add(1)}
}

// seen counts a message.
func (p *position) seen(at time.Time) {
	if !at.Before(p.old.at) {
		p.old.count++
	}
	if !at.Before(p.new.at) {
		p.new.count++
	}
	if at.After(p.newest) {
		if at.Sub(p.new.at) > anchorAge && !p.newest.IsZero() {
			p.old, p.new = p.new, anchor{at: at, count: 1}
		}
		p.newest = at
	}
}

// since is the anchor in the engine's form; "" for the beginning.
func (p *position) since() string {
	if p.old.at.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%09d", p.old.at.Unix(), p.old.at.Nanosecond())
}

// recentKept is how many messages are remembered: more than the engine has in its read buffer, which
// is what it may send twice.
const recentKept = 4096

// recent remembers the last messages, because an engine that rotates a log while it is followed
// sends the last ones before the rotation twice (seen with 20.10).
type recent struct {
	seed maphash.Seed
	ring []signature
	next int
}

type signature struct {
	at   int64
	hash uint64
	kind tail.Kind
}

// repeats says whether a message came before, and remembers it if not. A message later than all
// others cannot have. One with the newest stamp has only if the stamp is finer than a microsecond:
// under a coarse clock it may be another line that says the same. A piece that continues an open
// line is never looked up, as the pieces of one line share a stamp and may be equal.
func (r *recent) repeats(m message, newest time.Time, open bool) bool {
	if r.ring == nil {
		r.seed = maphash.MakeSeed()
		r.ring = make([]signature, 0, recentKept)
	}
	s := signature{at: m.at.UnixNano(), hash: maphash.Bytes(r.seed, m.data), kind: m.kind}
	fine := m.at.Nanosecond()%1000 != 0
	if !open && !m.at.IsZero() && (m.at.Before(newest) || (fine && m.at.Equal(newest))) && slices.Contains(r.ring, s) {
		return true
	}
	if len(r.ring) < recentKept {
		r.ring = append(r.ring, s)
		return false
	}
	r.ring[r.next] = s
	r.next = (r.next + 1) % recentKept
	return false
}
