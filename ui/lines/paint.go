package lines

import (
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"flightdeck/internal/clean"
	"flightdeck/ui/theme"
)

const reset = "\x1b[m"

// attr is everything that can be special about a run of characters.
type attr struct {
	style clean.Style
	level level
	hit   hit
}

type hit uint8

const (
	noHit   hit = iota
	someHit     // a search hit
	thisHit     // one on the line that n and N stand on
)

// run is a piece of a line with one look.
type run struct {
	start, end int
	attr       attr
}

// painter turns looks into escape sequences, each worked out once for a theme: a Render for every
// piece of every line would cost more than all the rest of a frame.
type painter struct {
	styles *theme.Styles
	opened map[attr]string
}

func newPainter(st *theme.Styles) *painter {
	return &painter{styles: st, opened: map[attr]string{}}
}

// open is the sequence that begins a look; "" for the terminal's own.
func (p *painter) open(a attr) string {
	if a == (attr{}) {
		return ""
	}
	s, ok := p.opened[a]
	if !ok {
		s = prefix(p.look(a))
		p.opened[a] = s
	}
	return s
}

// prefix is what a style writes before its text.
func prefix(st lipgloss.Style) string {
	before, _, _ := strings.Cut(st.Render("x"), "x")
	return before
}

func (p *painter) look(a attr) lipgloss.Style {
	st := p.styles.Basic(a.style.Foreground)
	switch a.level {
	case failure:
		st = p.styles.Bad.Bold(true)
	case warning:
		st = p.styles.Warn
	case info:
		st = p.styles.Dim
	case debug:
		st = p.styles.Faint
	}
	if a.style.Bold {
		st = st.Bold(true)
	}
	if a.style.Faint {
		st = st.Faint(true)
	}
	// Without colours a hit must still be seen: underlined, and reversed where the cursor is.
	switch a.hit {
	case someHit:
		st = st.Background(p.styles.Match.GetBackground()).Underline(true)
	case thisHit:
		st = st.Background(p.styles.Match.GetBackground()).Reverse(true)
	}
	return st
}

// mostHits bounds the hits that are marked in one line.
const mostHits = 500

// runs works out the looks inside the bytes [from, to) of a line.
func runs(r row, from, to int, hits [][2]int, kind hit) []run {
	lv, ls, le := unsaid, 0, 0
	if r.level != unsaid {
		lv, ls, le = findLevel(r.text)
	}
	if lv == unsaid && len(r.spans) == 0 && len(hits) == 0 {
		return nil
	}
	cuts := []int{from, to}
	add := func(a, b int) {
		if a > from && a < to {
			cuts = append(cuts, a)
		}
		if b > from && b < to {
			cuts = append(cuts, b)
		}
	}
	if lv != unsaid {
		add(ls, le)
	}
	for _, s := range r.spans {
		add(s.Start, s.End)
	}
	for _, h := range hits {
		add(h[0], h[1])
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	out := make([]run, 0, len(cuts))
	si, hi := 0, 0
	for k := 0; k+1 < len(cuts); k++ {
		at := cuts[k]
		var a attr
		for si < len(r.spans) && r.spans[si].End <= at {
			si++
		}
		if si < len(r.spans) && r.spans[si].Start <= at {
			a.style = r.spans[si].Style
		}
		for hi < len(hits) && hits[hi][1] <= at {
			hi++
		}
		if hi < len(hits) && hits[hi][0] <= at {
			a.hit = kind
		}
		if lv != unsaid && at >= ls && at < le && a.style.Foreground == 0 {
			a.level = lv
		}
		out = append(out, run{start: at, end: cuts[k+1], attr: a})
	}
	return out
}
