package lines

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// plainText says that every byte of a text is one printable cell.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// cluster gives what is seen as one character at the start of s: its length in bytes, its width in
// cells and what to draw. Package clean has been here before; a control character that got past it
// is drawn as a sign all the same, and one without width is not drawn at all.
func cluster(s string) (size, cells int, draw string) {
	if b := s[0]; b < utf8.RuneSelf && (len(s) == 1 || s[1] < utf8.RuneSelf) {
		if b < 0x20 || b == 0x7f {
			return 1, 1, "�"
		}
		return 1, 1, s[:1]
	}
	c, w := ansi.FirstGraphemeCluster(s, ansi.GraphemeWidth)
	if c == "" {
		return 1, 1, "�"
	}
	for _, r := range c {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return len(c), 1, "�"
		}
		if unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == '\ufe0f' {
			return hidden(c, w)
		}
	}
	if w <= 0 {
		return len(c), 0, ""
	}
	return len(c), min(w, 2), c
}

// hidden draws a cluster without the marks in it that terminals do not agree about.
func hidden(c string, w int) (size, cells int, draw string) {
	r, n := utf8.DecodeRuneInString(c)
	if w <= 0 || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == '\ufe0f' {
		return len(c), 0, ""
	}
	return len(c), ansi.StringWidth(c[:n]), c[:n]
}

// advance goes from byte from on over at most cells cells and gives the byte where it ends: in a
// sentence at the end of a word, if there is one. It always moves on, also when a wide character
// does not fit into one cell.
func (r row) advance(from, cells int) int {
	to := r.advanceHard(from, cells)
	if !r.words || to >= len(r.text) {
		return to
	}
	if r.text[to] == ' ' {
		return to + 1
	}
	if i := strings.LastIndexByte(r.text[from:to], ' '); i > 1 {
		return from + i + 1
	}
	return to
}

func (r row) advanceHard(from, cells int) int {
	if r.plain {
		return min(len(r.text), from+cells)
	}
	i := from
	for i < len(r.text) {
		n, w, _ := cluster(r.text[i:])
		if w > cells {
			if i == from {
				i += n
			}
			break
		}
		cells -= w
		i += n
	}
	return i
}

// height is how many rows of the screen a line takes at a width; at most most.
func (r row) height(cells, most int) int {
	if r.plain && !r.words || cells <= 0 {
		if len(r.text) == 0 || cells <= 0 {
			return 1
		}
		return min(most, (len(r.text)+cells-1)/cells)
	}
	n := 0
	for i := 0; i < len(r.text) && n < most; n++ {
		i = r.advance(i, cells)
	}
	return max(n, 1)
}

// part gives the byte range of the sub-th screen row of a wrapped line.
func (r row) part(sub, cells int) (from, to int) {
	if r.plain && !r.words {
		from = min(len(r.text), sub*cells)
		return from, min(len(r.text), from+cells)
	}
	for range sub {
		from = r.advance(from, cells)
	}
	return from, r.advance(from, cells)
}

// write draws the bytes [from, to) of a line into exactly cells cells; the style of a character
// is that of its first byte.
func (p *painter) write(b *strings.Builder, r row, from, to, cells int, styles []run) {
	left, i := cells, from
	for k := 0; i < to && left > 0; {
		for k < len(styles) && styles[k].end <= i {
			k++
		}
		end, at := to, attr{}
		if k < len(styles) {
			if styles[k].start > i {
				end = min(to, styles[k].start)
			} else {
				end, at = min(to, styles[k].end), styles[k].attr
			}
		}
		open := p.open(at)
		b.WriteString(open)
		i, left = writeRun(b, r, i, end, left)
		if open != "" {
			b.WriteString(reset)
		}
	}
	spaces(b, left)
}

func writeRun(b *strings.Builder, r row, i, end, left int) (next, room int) {
	if r.plain {
		n := min(end-i, left)
		b.WriteString(r.text[i : i+n])
		return i + n, left - n
	}
	for i < end && left > 0 {
		n, w, draw := cluster(r.text[i:])
		if w > left {
			draw, w = "…", 1
		}
		b.WriteString(draw)
		left -= w
		i += n
	}
	return i, left
}

const blanks = "                                                                                                    "

func spaces(b *strings.Builder, n int) {
	for ; n > len(blanks); n -= len(blanks) {
		b.WriteString(blanks)
	}
	if n > 0 {
		b.WriteString(blanks[:n])
	}
}
