package clean

import (
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// sgr takes the parameters of a "select graphic rendition". What we do not draw (backgrounds,
// blinking, reverse, concealed) is left out: concealed text stays readable.
func (w *washer) sgr(params []byte) {
	w.endSpan()
	next := w.style
	if len(params) == 0 {
		next = Style{}
	}
	for len(params) > 0 {
		var group [8]int
		var n int
		n, params = parameter(params, group[:])
		switch v := group[0]; {
		case n > 1 && (v == 38 || v == 48 || v == 58):
			if c := colonColour(group[:n]); v == 38 && c > 0 {
				next.Foreground = c
			}
		case v == 38 || v == 48 || v == 58:
			var c uint8
			c, params = semicolonColour(params)
			if v == 38 && c > 0 {
				next.Foreground = c
			}
		default:
			next = basic(next, v)
		}
	}
	w.style = next
}

func basic(s Style, v int) Style {
	switch {
	case v == 0:
		return Style{}
	case v == 1:
		s.Bold = true
	case v == 2:
		s.Faint = true
	case v == 22:
		s.Bold, s.Faint = false, false
	case v >= 30 && v <= 37:
		s.Foreground = uint8(v - 29)
	case v == 39:
		s.Foreground = 0
	case v >= 90 && v <= 97:
		s.Foreground = uint8(v - 81)
	}
	return s
}

// parameter reads up to the next semicolon into group, whose parts are split by colons, and gives
// the number of parts and what is left. An empty part is 0.
func parameter(p []byte, group []int) (int, []byte) {
	n := 1
	for i, c := range p {
		switch {
		case c == ';':
			// An empty parameter at the end counts too ("31;" is "31;0").
			if i == len(p)-1 {
				return n, []byte("0")
			}
			return n, p[i+1:]
		case c == ':':
			if n == len(group) {
				return n, nil
			}
			n++
		case c >= '0' && c <= '9' && group[n-1] < 1<<16:
			group[n-1] = group[n-1]*10 + int(c-'0')
		}
	}
	return n, nil
}

func colonColour(g []int) uint8 {
	switch {
	case len(g) >= 3 && g[1] == 5:
		return indexed(g[2])
	case len(g) >= 6 && g[1] == 2:
		return nearest(g[3], g[4], g[5])
	case len(g) == 5 && g[1] == 2:
		return nearest(g[2], g[3], g[4])
	}
	return 0
}

func semicolonColour(p []byte) (uint8, []byte) {
	var v [4]int
	take := func(i int) {
		var g [8]int
		_, p = parameter(p, g[:])
		v[i] = g[0]
	}
	take(0)
	switch v[0] {
	case 5:
		take(1)
		return indexed(v[1]), p
	case 2:
		take(1)
		take(2)
		take(3)
		return nearest(v[1], v[2], v[3]), p
	}
	return 0, p
}

// indexed maps the palette of 256 colours to 1..16.
func indexed(n int) uint8 {
	switch {
	case n < 0 || n > 255:
		return 0
	case n < 16:
		return uint8(n + 1)
	case n >= 232:
		grey := 8 + 10*(n-232)
		return nearest(grey, grey, grey)
	}
	n -= 16
	level := func(v int) int {
		if v == 0 {
			return 0
		}
		return 55 + 40*v
	}
	return nearest(level(n/36), level(n/6%6), level(n%6))
}

// nearest maps a colour to the nearest of the 16 basic ones, as most terminals draw them.
func nearest(r, g, b int) uint8 {
	palette := [16][3]int{
		{0, 0, 0}, {205, 0, 0}, {0, 205, 0}, {205, 205, 0}, {0, 0, 238}, {205, 0, 205}, {0, 205, 205}, {229, 229, 229},
		{127, 127, 127}, {255, 0, 0}, {0, 255, 0}, {255, 255, 0}, {92, 92, 255}, {255, 0, 255}, {0, 255, 255}, {255, 255, 255},
	}
	best, found := 1<<30, 0
	for i, p := range palette {
		dr, dg, db := min(r, 255)-p[0], min(g, 255)-p[1], min(b, 255)-p[2]
		if d := dr*dr + dg*dg + db*db; d < best {
			best, found = d, i
		}
	}
	return uint8(found + 1)
}

func (w *washer) endSpan() {
	if w.style != (Style{}) && len(w.out) > w.styled {
		n := len(w.spans)
		if n > 0 && w.spans[n-1].End == w.styled && w.spans[n-1].Style == w.style {
			w.spans[n-1].End = len(w.out)
		} else {
			w.spans = append(w.spans, Span{Start: w.styled, End: len(w.out), Style: w.style})
		}
	}
	w.styled = len(w.out)
}

// alignSpans moves the edges of spans that fall between a character and its marks behind them: a
// styled piece must not begin in the middle of a cell.
func (w *washer) alignSpans() {
	if len(w.spans) == 0 || plain(w.out) {
		return
	}
	edge, text := 0, displaywidth.BytesGraphemes(w.out)
	align := func(at int) int {
		for edge < at && text.Next() {
			edge += len(text.Value())
		}
		return edge
	}
	kept, last := w.spans[:0], 0
	for _, s := range w.spans {
		// Edges come in order, so that one walk over the text is enough.
		if s.Start > last {
			last = align(s.Start)
		}
		start := last
		if s.End > last {
			last = align(s.End)
		}
		if start < last {
			kept = append(kept, Span{Start: start, End: last, Style: s.Style})
		}
	}
	w.spans = kept
	if len(kept) == 0 {
		w.spans = nil
	}
}

// Width is how many terminal cells a cleaned text takes.
func Width(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return displaywidth.String(s)
		}
	}
	return len(s)
}

// Prefix is the longest beginning of a cleaned text that fits into width cells, and the cells it
// takes, which can be one less than width when a wide character did not fit.
func Prefix(s string, width int) (string, int) {
	if width <= 0 {
		return "", 0
	}
	n := 0
	for n < len(s) && s[n] < utf8.RuneSelf {
		n++
	}
	if n == len(s) {
		s = s[:min(width, len(s))]
		return s, len(s)
	}
	cells, end := 0, 0
	text := displaywidth.StringGraphemes(s)
	for text.Next() {
		w := text.Width()
		if cells+w > width {
			break
		}
		cells += w
		end += len(text.Value())
	}
	return s[:end], cells
}

// Cut shortens a cleaned text to at most width cells; what is cut ends in "…".
func Cut(s string, width int) string {
	if len(s) <= width || Width(s) <= width {
		return s
	}
	if width <= 0 {
		return ""
	}
	head, _ := Prefix(s, width-1)
	return head + "…"
}
