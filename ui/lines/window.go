// Package lines shows the numbered lines of a stream: it follows, holds, wraps, searches, filters,
// copies and saves. The logs pane and the output of a step are made of it.
//
// Its one rule: the cost of a frame depends on the height of the screen, never on how many lines
// are kept; and a held view never moves under the eye.
package lines

import (
	"strconv"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/tail"
)

// row is one kept line. Rows are numbered from 1 by the window itself, because it adds rows of its
// own (gaps) to those of the ring.
type row struct {
	text   string
	spans  []clean.Span
	at     int64 // Unix nanoseconds; 0 if the source did not say
	source uint16
	kind   tail.Kind
	level  level
	plain  bool // every byte is one printable cell
	words  bool // wrapped between words
}

// ours says that a row is not a line of the stream.
func (r row) ours() bool { return r.kind == tail.Mark || r.kind == tail.Gap }

// pinMost is how many rows around a held view are kept when the window would drop them.
const pinMost = 2000

// window is a bounded queue of rows with absolute numbers. While a view is held, the rows around
// it are pinned: they stay when the rest of their age is dropped, with one gap row behind them.
type window struct {
	ring  []row // grows by doubling up to most
	head  int   // index in ring of the oldest row
	count int
	first uint64 // number of the oldest row of the ring
	bytes int

	most, mostBytes int

	pinned      []row
	pinnedFirst uint64
	holding     bool
	keepFrom    uint64
}

func newWindow(most, mostBytes int) *window {
	return &window{first: 1, most: max(most, 1), mostBytes: max(mostBytes, 1)}
}

// last is the number of the newest row; first-1 when there is none.
func (w *window) last() uint64 { return w.first + uint64(w.count) - 1 }

// low is the number of the oldest row that can still be read.
func (w *window) low() uint64 {
	if len(w.pinned) > 0 {
		return w.pinnedFirst
	}
	return w.first
}

// gap is the number of the row that stands for what was dropped behind the pinned rows.
func (w *window) gap() (n uint64, ok bool) {
	if len(w.pinned) == 0 {
		return 0, false
	}
	end := w.pinnedFirst + uint64(len(w.pinned))
	return end, end < w.first
}

func (w *window) push(r row) {
	for w.count > 0 && (w.count >= w.most || w.bytes+len(r.text) > w.mostBytes) {
		w.drop()
	}
	if w.count == len(w.ring) {
		w.grow()
	}
	w.ring[(w.head+w.count)%len(w.ring)] = r
	w.count++
	w.bytes += len(r.text)
}

func (w *window) grow() {
	bigger := make([]row, min(max(256, 2*len(w.ring)), w.most))
	for i := range w.count {
		bigger[i] = w.ring[(w.head+i)%len(w.ring)]
	}
	w.ring, w.head = bigger, 0
}

// drop takes the oldest row out, into the pinned ones if a held view needs it.
func (w *window) drop() {
	r, n := w.ring[w.head], w.first
	w.ring[w.head] = row{}
	w.head = (w.head + 1) % len(w.ring)
	w.count--
	w.bytes -= len(r.text)
	w.first++
	if !w.holding || n < w.keepFrom {
		return
	}
	end := w.pinnedFirst + uint64(len(w.pinned))
	switch {
	case len(w.pinned) == 0:
		w.pinned, w.pinnedFirst = append(w.pinned, r), n
	case n == end && len(w.pinned) < pinMost:
		w.pinned = append(w.pinned, r)
	}
}

// hold keeps the rows from a number on, as far as pinMost reaches.
func (w *window) hold(from uint64) {
	w.holding, w.keepFrom = true, from
	if n, ok := w.gap(); ok && from > n {
		w.pinned = nil
	}
}

// release ends the hold; pinned rows that the window has dropped are gone.
func (w *window) release() {
	w.holding, w.pinned = false, nil
}

// at gives a row by its number.
func (w *window) at(n uint64) (row, bool) {
	if n >= w.first && n <= w.last() && w.count > 0 {
		return w.ring[(w.head+int(n-w.first))%len(w.ring)], true
	}
	if len(w.pinned) == 0 || n < w.pinnedFirst {
		return row{}, false
	}
	if i := n - w.pinnedFirst; i < uint64(len(w.pinned)) {
		return w.pinned[i], true
	}
	if g, ok := w.gap(); ok && n == g {
		lost := w.first - g
		return row{kind: tail.Gap, plain: true, at: w.pinned[len(w.pinned)-1].at,
			text: Count(lost) + " lines were dropped while the view was held"}, true
	}
	return row{}, false
}

// next is the number of the row below n.
func (w *window) next(n uint64) (uint64, bool) {
	n++
	if n < w.low() {
		n = w.low()
	}
	if g, ok := w.gap(); n < w.first && (!ok || n > g) && (len(w.pinned) == 0 || n >= w.pinnedFirst+uint64(len(w.pinned))) {
		n = w.first
	}
	return n, w.count > 0 && n <= w.last()
}

// prev is the number of the row above n.
func (w *window) prev(n uint64) (uint64, bool) {
	if n == 0 || w.count == 0 {
		return 0, false
	}
	n = min(n-1, w.last())
	if n < w.first {
		if len(w.pinned) == 0 {
			return 0, false
		}
		if g, ok := w.gap(); ok {
			n = min(n, g)
		} else {
			n = min(n, w.pinnedFirst+uint64(len(w.pinned))-1)
		}
	}
	return n, n >= w.low()
}

// stamp is a row's time; ok is false if the source did not say.
func (r row) stamp(zone *time.Location) (t time.Time, ok bool) {
	if r.at == 0 {
		return time.Time{}, false
	}
	if zone == nil {
		zone = time.UTC
	}
	return time.Unix(0, r.at).In(zone), true
}

// Count writes a number with thousands separators: "3,401".
func Count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
