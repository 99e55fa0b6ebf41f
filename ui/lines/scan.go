package lines

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

// chunk is how many lines one command looks through before it reports back.
const chunk = 10_000

// scan keeps the numbers of the rows that a pattern means: what was there when it was given is
// looked through by commands, chunk by chunk, outside the loop that answers keys; what comes
// afterwards is looked at as it comes.
type scan struct {
	m    *matcher
	gen  int
	upTo uint64 // rows below this number have been looked at
	live bool   // everything has been; new rows are looked at as they come
	hits []uint64
}

// found is the report of a command.
type foundMsg struct {
	view *View
	scan *scan
	gen  int
	upTo uint64
	hits []uint64
}

// text is what a command needs of a row.
type text struct {
	n            uint64
	source, text string
	ours         bool
}

// start begins to look for a pattern; nil ends it.
func (s *scan) start(m *matcher, from uint64) {
	s.m, s.upTo, s.hits, s.live = m, from, nil, false
	s.gen++
}

// take looks at a new row at once, if everything before it has been looked at.
func (s *scan) take(n uint64, shown bool) {
	if s.m == nil || !s.live {
		return
	}
	s.upTo = n + 1
	if shown {
		s.hits = append(s.hits, n)
	}
}

// trim forgets the rows that are no longer kept: those below low, and those of the gap.
func (s *scan) trim(w *window) {
	if len(s.hits) == 0 {
		return
	}
	i, _ := slices.BinarySearch(s.hits, w.low())
	s.hits = s.hits[i:]
	if g, ok := w.gap(); ok {
		a, _ := slices.BinarySearch(s.hits, g)
		b, _ := slices.BinarySearch(s.hits, w.first)
		if b > a {
			s.hits = slices.Delete(s.hits, a, b)
		}
	}
}

// below counts the hits with a number above n.
func (s *scan) below(n uint64) int {
	i, _ := slices.BinarySearch(s.hits, n+1)
	return len(s.hits) - i
}

// next and prev give the hit nearest to n on either side, n itself not counted.
func (s *scan) next(n uint64) (uint64, bool) {
	i, _ := slices.BinarySearch(s.hits, n+1)
	if i == len(s.hits) {
		return 0, false
	}
	return s.hits[i], true
}

func (s *scan) prev(n uint64) (uint64, bool) {
	i, _ := slices.BinarySearch(s.hits, n)
	if i == 0 {
		return 0, false
	}
	return s.hits[i-1], true
}

// look makes the command that looks through the next chunk; nil when there is nothing to do. The
// rows are copied first, so that the command shares nothing with the screen.
func (v *View) look(s *scan) tea.Cmd {
	if s.m == nil || s.live {
		return nil
	}
	n := max(s.upTo, v.win.low())
	rows := make([]text, 0, min(chunk, v.win.count+len(v.win.pinned)+1))
	ok := true
	if _, there := v.win.at(n); !there {
		n, ok = v.win.next(n)
	}
	for ; ok && len(rows) < chunk; n, ok = v.win.next(n) {
		r, _ := v.win.at(n)
		rows = append(rows, text{n: n, source: v.searched(r.source), text: r.text, ours: r.ours()})
	}
	if len(rows) == 0 {
		s.live, s.upTo = true, v.win.last()+1
		return nil
	}
	keep, alsoBy := s == &v.filter, (*matcher)(nil)
	if !keep {
		alsoBy = v.filter.m
	}
	m, gen := s.m, s.gen
	return func() tea.Msg {
		return foundMsg{view: v, scan: s, gen: gen, upTo: rows[len(rows)-1].n + 1, hits: pick(rows, m, alsoBy, keep)}
	}
}

// pick gives the numbers of the rows that m means and the filter, if there is one, shows. A filter
// never hides our own rows: a gap is always drawn.
func pick(rows []text, m, filter *matcher, ours bool) []uint64 {
	var out []uint64
	for _, r := range rows {
		if r.ours && ours || m.shows(r.source, r.text) && (filter == nil || r.ours || filter.shows(r.source, r.text)) {
			out = append(out, r.n)
		}
	}
	return out
}

// found takes a report in and goes on with the next chunk.
func (v *View) found(msg foundMsg) tea.Cmd {
	s := msg.scan
	if msg.gen != s.gen || s.m == nil {
		return nil
	}
	s.hits = append(s.hits, msg.hits...)
	s.trim(v.win)
	s.upTo = msg.upTo
	v.dirty()
	if s.upTo > v.win.last() {
		s.live = true
		if s == &v.search && v.jump {
			v.jump = false
			return v.first()
		}
		return nil
	}
	return v.look(s)
}
