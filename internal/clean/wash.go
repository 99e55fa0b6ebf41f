package clean

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// tabStop is where terminals and every log viewer put tab stops, in columns.
const tabStop = 8

// maxMarks is how many combining marks one character may carry: enough for every living script,
// too few to paint over the rows above and below.
const maxMarks = 3

// washer cleans one line. It lives for that line only, so no state of a parser or of a style can
// reach the next one.
type washer struct {
	raw  []byte
	more int // bytes that the line had beyond raw
	max  int // of len(out); 0 is no limit

	out     []byte
	colours bool
	spans   []Span
	style   Style
	styled  int // where in out the style began

	tabAt, tabColumn int // a place in out and its column, so that tabs cost no second look
	marks            int
	literal          bool // an unterminated string sequence was met: the rest is text

	// The last point at which the marker of a cut still fits.
	cutOut, cutRaw int
}

const markerRoom = 32 // bytes for "… +N bytes" with the largest N

func (w *washer) run() {
	i := 0
	for i < len(w.raw) {
		if w.max > 0 {
			if len(w.out) <= w.max-markerRoom {
				w.cutOut, w.cutRaw = len(w.out), i
			}
			if len(w.out) > w.max {
				break
			}
		}
		i = w.next(i)
	}
	if w.max > 0 && i >= len(w.raw) && len(w.out) <= w.max-markerRoom {
		w.cutOut, w.cutRaw = len(w.out), i
	}
	w.endSpan()
	if w.more > 0 || w.max > 0 && len(w.out) > w.max {
		w.cut()
	}
	w.alignSpans()
}

// next takes one character or sequence at i and gives the place behind it.
func (w *washer) next(i int) int {
	switch c := w.raw[i]; {
	case c >= 0x20 && c < 0x7f:
		return w.ascii(i)
	case c == '\t':
		w.tab()
		return i + 1
	case c == 0x1b:
		return w.escape(i + 1)
	case c == '\n':
		w.put(' ')
		return i + 1
	case c < 0x20 || c == 0x7f:
		return i + 1
	}
	r, n := utf8.DecodeRune(w.raw[i:])
	if r == utf8.RuneError && n == 1 {
		if c := w.raw[i]; c <= 0x9f {
			return w.c1(c, i+1)
		}
		w.put(utf8.RuneError)
		return i + subpart(w.raw[i:])
	}
	if r <= 0x9f {
		return w.c1(byte(r), i+n)
	}
	w.rune(r)
	return i + n
}

// ascii copies a run of printable ASCII, in pieces so that a cut stays exact.
func (w *washer) ascii(i int) int {
	end := min(len(w.raw), i+64)
	j := i + 1
	if w.max > 0 && len(w.out)+64 > w.max-markerRoom {
		end = j
	}
	for j < end && w.raw[j] >= 0x20 && w.raw[j] < 0x7f {
		j++
	}
	w.out = append(w.out, w.raw[i:j]...)
	w.marks = 0
	return j
}

func (w *washer) put(r rune) {
	w.out = utf8.AppendRune(w.out, r)
	w.marks = 0
}

func (w *washer) tab() {
	w.tabColumn += Width(string(w.out[w.tabAt:]))
	n := tabStop - w.tabColumn%tabStop
	for range n {
		w.out = append(w.out, ' ')
	}
	w.tabColumn += n
	w.tabAt = len(w.out)
	w.marks = 0
}

// rune takes a printable or invisible character beyond C1.
func (w *washer) rune(r rune) {
	switch kindOf(r) {
	case shown:
		w.put(r)
	case blank:
		w.put(' ')
	case broken:
		w.put(utf8.RuneError)
	case letter:
		w.put('A' + r - 0x1f1e6)
	case mark:
		// A mark without a base would sit on whatever we draw before the line.
		if len(w.out) > 0 && w.marks < maxMarks {
			w.out = utf8.AppendRune(w.out, r)
			w.marks++
		}
	}
}

// c1 takes a C1 control, however it was written. The place i is behind it.
func (w *washer) c1(c byte, i int) int {
	switch c {
	case 0x9b:
		return w.csi(i)
	case 0x90, 0x98, 0x9d, 0x9e, 0x9f:
		return w.stringSequence(i)
	}
	return i
}

// escape takes what follows an ESC. The place i is behind the ESC.
func (w *washer) escape(i int) int {
	if i >= len(w.raw) {
		return i
	}
	switch c := w.raw[i]; {
	case c == '[':
		return w.csi(i + 1)
	case c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_':
		return w.stringSequence(i + 1)
	case c >= 0x20 && c <= 0x2f:
		for i < len(w.raw) && w.raw[i] >= 0x20 && w.raw[i] <= 0x2f {
			i++
		}
		if i < len(w.raw) && w.raw[i] >= 0x30 && w.raw[i] < 0x7f {
			i++
		}
		return i
	case c >= 0x30 && c < 0x7f:
		return i + 1
	}
	return i
}

// csi skips a control sequence, and takes its meaning if it is a colour.
func (w *washer) csi(i int) int {
	start, private := i, false
	for ; i < len(w.raw); i++ {
		c := w.raw[i]
		switch {
		case c >= 0x40 && c < 0x7f:
			if c == 'm' && w.colours && !private {
				w.sgr(w.raw[start:i])
			}
			return i + 1
		case c >= 0x3c && c <= 0x3f, c >= 0x20 && c <= 0x2f:
			private = true
		case c >= 0x30 && c <= 0x3b:
		case c == 0x18 || c == 0x1a:
			return i + 1
		case c == 0x1b || c == '\n' || c >= 0x80:
			return i
		default: // terminals obey other controls in the middle of a sequence; here they are nothing
			private = true
		}
	}
	return i
}

// stringSequence skips OSC, DCS, SOS, PM and APC with their text. When nothing ends the text within
// the line it was no sequence, or a trap that hides the rest of the line: then it is shown.
func (w *washer) stringSequence(i int) int {
	if w.literal {
		return i
	}
	for j := i; j < len(w.raw); {
		switch c := w.raw[j]; {
		case c == 0x07 || c == 0x18 || c == 0x1a:
			return j + 1
		case c == '\n':
			return j
		case c == 0x1b:
			if j+1 < len(w.raw) && w.raw[j+1] == '\\' {
				return j + 2
			}
			return j
		case c < 0x80:
			j++
		default:
			r, n := utf8.DecodeRune(w.raw[j:])
			if r == 0x9c || n == 1 && c == 0x9c {
				return j + n
			}
			if n == 1 {
				n = subpart(w.raw[j:])
			}
			j += n
		}
	}
	w.literal = true
	return i
}

func (w *washer) cut() {
	left := len(w.raw) - w.cutRaw + w.more
	w.out = append(w.out[:w.cutOut], "… +"...)
	w.out = strconv.AppendInt(w.out, int64(left), 10)
	w.out = append(w.out, " bytes"...)
	for n := len(w.spans); n > 0; n = len(w.spans) {
		last := &w.spans[n-1]
		if last.Start < w.cutOut {
			last.End = min(last.End, w.cutOut)
			break
		}
		w.spans = w.spans[:n-1]
	}
}

// class is what is done with a character.
type class uint8

const (
	shown class = iota
	hidden
	blank
	broken
	letter
	mark
)

// kindOf sorts the characters from U+00A0 on. Hidden are those that have no width of their own,
// that reorder text, or that make terminals disagree about the width of their neighbours.
func kindOf(r rune) class {
	switch {
	case r < 0x300:
		if r == 0xad {
			return hidden
		}
		return shown
	case r >= 0x2500 && r < 0x2e80, r >= 0x3400 && r < 0xa000, r >= 0xac00 && r < 0xd7a4:
		return shown
	case r == 0x2028, r == 0x2029:
		return blank
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r >= 0x180b && r <= 0x180f,
		r == 0x20e3, r == 0x3164, r >= 0xfe00 && r <= 0xfe0f, r == 0xffa0, r == 0x2065,
		r >= 0xfff0 && r <= 0xfffb, r >= 0x1f3fb && r <= 0x1f3ff, r >= 0xe0000 && r <= 0xe0fff:
		return hidden
	case r >= 0x1f1e6 && r <= 0x1f1ff:
		// Two of these are a flag of two cells; one alone has one cell or two, as the terminal likes.
		return letter
	case r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef:
		return broken
	case unicode.Is(unicode.Cf, r):
		return hidden
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Me, r):
		return mark
	}
	return shown
}

// subpart is how many bytes of a broken sequence at the start of b stand for one character: the
// longest beginning of a valid sequence, at least one byte.
func subpart(b []byte) int {
	low, high, want := byte(0x80), byte(0xbf), 0
	switch c := b[0]; {
	case c >= 0xc2 && c <= 0xdf:
		want = 1
	case c >= 0xe0 && c <= 0xef:
		want = 2
	case c >= 0xf0 && c <= 0xf4:
		want = 3
	}
	switch b[0] {
	case 0xe0:
		low = 0xa0
	case 0xed:
		high = 0x9f
	case 0xf0:
		low = 0x90
	case 0xf4:
		high = 0x8f
	}
	n := 1
	for n <= want && n < len(b) && b[n] >= low && b[n] <= high {
		n++
		low, high = 0x80, 0xbf
	}
	return n
}

// torn is how many bytes at the end of b begin a character that was cut off.
func torn(b []byte) int {
	for n := 1; n <= 3 && n <= len(b); n++ {
		c := b[len(b)-n]
		if c >= 0xc0 {
			if !utf8.FullRune(b[len(b)-n:]) {
				return n
			}
			return 0
		}
		if c < 0x80 {
			return 0
		}
	}
	return 0
}
