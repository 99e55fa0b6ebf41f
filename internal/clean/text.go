package clean

import (
	"encoding/binary"
	"strings"
)

// MaxLine is the longest line that is kept, in bytes of cleaned text, when a caller has no better
// number: 64 KiB.
const MaxLine = 64 << 10

// Text cleans a text of any length that is not a stream line: names, labels, error texts.
// Newlines and nothing else of the control characters survive; a lone carriage return becomes a
// newline, because in a text (unlike in a stream) nothing may be overwritten. Tabs become spaces.
func Text(s string) string {
	if plainText(s, true) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	var b strings.Builder
	b.Grow(len(s))
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		w := washer{raw: []byte(line)}
		w.run()
		b.Write(w.out)
	}
	return b.String()
}

// Name cleans a text that must stay on one row: newlines too become spaces.
func Name(s string) string {
	if plainText(s, false) {
		return s
	}
	return strings.ReplaceAll(Text(s), "\n", " ")
}

// Hides says whether s holds something that a reader could not see or that Text would take out or
// change: escape sequences, control characters, bidi and zero-width marks, invalid UTF-8. Newlines,
// tabs and CRLF line ends are innocent. A command that hides something must not run as if what is
// shown were all of it.
func Hides(s string) bool {
	if plainText(s, true) {
		return false
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\t", " ")
	return Text(s) != s
}

// Line cleans one line of a stream, without or with its line end. A carriage return inside it
// starts the line over, as progress bars do, and the last state that shows anything wins. What is
// longer than maxBytes (below 1: MaxLine; at least 64) is cut and ends in "… +N bytes", N being
// the bytes of raw that are not shown. The text is never longer than maxBytes.
func Line(raw []byte, maxBytes int) (string, []Span) {
	maxBytes = limit(maxBytes)
	if n := len(raw); n > 0 && raw[n-1] == '\n' {
		raw = raw[:n-1]
	}
	if n := len(raw); n > 0 && raw[n-1] == '\r' {
		raw = raw[:n-1]
	}
	if len(raw) <= maxBytes && plain(raw) {
		return string(raw), nil
	}
	for {
		n := len(raw)
		for n > 0 && raw[n-1] == '\r' {
			n--
		}
		raw = raw[:n]
		start := n
		for start > 0 && raw[start-1] != '\r' {
			start--
		}
		text, spans := segment(raw[start:], 0, maxBytes)
		if text != "" || start == 0 {
			return text, spans
		}
		raw = raw[:start]
	}
}

// segment cleans a line without line ends of which more bytes were already thrown away. Only the
// first maxBytes are looked at, so that the cost of an endless line is bounded.
func segment(raw []byte, more, maxBytes int) (string, []Span) {
	if len(raw) > maxBytes {
		more += len(raw) - maxBytes
		raw = raw[:maxBytes]
	}
	if more == 0 && plain(raw) {
		return string(raw), nil
	}
	if more > 0 {
		whole := len(raw) - torn(raw)
		more += len(raw) - whole
		raw = raw[:whole]
	}
	w := washer{raw: raw, out: make([]byte, 0, len(raw)+markerRoom), more: more, max: maxBytes, colours: true}
	w.run()
	return string(w.out), w.spans
}

func limit(maxBytes int) int {
	if maxBytes < 1 {
		return MaxLine
	}
	return max(maxBytes, 64)
}

// plain says that b is printable ASCII. This is the fast path: nearly every log line takes it. It
// looks at 16 bytes at a time.
func plain(b []byte) bool {
	for ; len(b) >= 16; b = b[16:] {
		if (odd(binary.LittleEndian.Uint64(b))|odd(binary.LittleEndian.Uint64(b[8:])))&tops != 0 {
			return false
		}
	}
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

const ones, tops = 0x0101010101010101, 0x8080808080808080

// odd has some top bit of its eight bytes set exactly if one of x is below 0x20 or above 0x7e.
func odd(x uint64) uint64 { return (x-0x20*ones)&^x | x | (x + ones) }

// plainText says that s is printable ASCII and, if asked so, newlines.
func plainText(s string, newlines bool) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 0x20 || c > 0x7e) && (!newlines || c != '\n') {
			return false
		}
	}
	return true
}
