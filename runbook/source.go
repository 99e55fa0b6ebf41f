package runbook

import (
	"bytes"
	"sort"
	"unicode/utf8"
)

// source is the document as it is read: line ends made "\n", the byte order mark cut, every byte
// that is not UTF-8 replaced. Lines and columns stay those of the file, because a line of the file
// is a line here and a character is a character.
type source struct {
	file    string
	text    []byte
	starts  []int // offset of the first byte of every line
	invalid []int // offsets in text of the replacements for bytes that are not UTF-8
}

const byteOrderMark = "\uFEFF"

func newSource(file string, raw []byte) *source {
	raw = bytes.TrimPrefix(raw, []byte(byteOrderMark))
	// A lone CR ends a line only in a file that has no other line end. Elsewhere it stays what it
	// is, a control character, so that it cannot hide a second command behind the first.
	loneEnds := !bytes.ContainsRune(raw, '\n')
	s := &source{file: file, text: make([]byte, 0, len(raw)), starts: []int{0}}
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == '\r' && i+1 < len(raw) && raw[i+1] == '\n':
			i++
			continue
		case c == '\n', c == '\r' && loneEnds:
			s.text = append(s.text, '\n')
			s.starts = append(s.starts, len(s.text))
			i++
			continue
		case c < utf8.RuneSelf:
			s.text = append(s.text, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size <= 1 {
			s.invalid = append(s.invalid, len(s.text))
			s.text = append(s.text, "\uFFFD"...)
			i++
			continue
		}
		s.text = append(s.text, raw[i:i+size]...)
		i += size
	}
	return s
}

// at turns an offset in text into a position. Columns count characters, not bytes.
func (s *source) at(offset int) Position {
	offset = max(0, min(offset, len(s.text)))
	line := sort.SearchInts(s.starts, offset+1) - 1
	return Position{File: s.file, Line: line + 1, Column: utf8.RuneCount(s.text[s.starts[line]:offset]) + 1}
}

// lineStart gives the offset of the first character on the offset's line that is not white space.
func (s *source) lineStart(offset int) int {
	offset = max(0, min(offset, len(s.text)))
	i := s.starts[sort.SearchInts(s.starts, offset+1)-1]
	for i < offset && (s.text[i] == ' ' || s.text[i] == '\t') {
		i++
	}
	return i
}

// invalidWithin says whether bytes that are not UTF-8 stood between two offsets.
func (s *source) invalidWithin(from, to int) (offset int, found bool) {
	i := sort.SearchInts(s.invalid, from)
	if i < len(s.invalid) && s.invalid[i] < to {
		return s.invalid[i], true
	}
	return 0, false
}
