package clean

import "bytes"

// Assembler makes cleaned lines of a stream of bytes that arrives in pieces of any size. It gives
// exactly what Line gives for each whole line. Its memory is bounded by twice the longest line.
// Not for concurrent use.
type Assembler struct {
	max      int
	now      []byte // the line so far, since its last carriage return
	nowMore  int    // bytes of it that were too many
	before   []byte // what a carriage return wrote over, in case nothing follows
	prevMore int
	returned bool // a carriage return has come
	open     bool // bytes have come since the last newline
}

// NewAssembler makes an assembler whose lines have at most maxBytes (below 1: MaxLine).
func NewAssembler(maxBytes int) *Assembler { return &Assembler{max: limit(maxBytes)} }

// Write takes the next bytes and calls line for every line that is complete by now.
func (a *Assembler) Write(p []byte, line func(text string, spans []Span)) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			a.open = true
			a.keep(p)
			return
		}
		if a.open {
			a.keep(p[:i])
			a.Flush(line)
		} else {
			line(Line(p[:i], a.max))
		}
		p = p[i+1:]
	}
}

// Flush ends a last line that has no newline. It calls line at most once, and never for nothing.
func (a *Assembler) Flush(line func(text string, spans []Span)) {
	if !a.open {
		return
	}
	text, spans := a.state()
	a.now, a.before, a.nowMore, a.prevMore = a.now[:0], a.before[:0], 0, 0
	a.returned, a.open = false, false
	line(text, spans)
}

// Partial is the line that is still being written: a prompt, a progress bar. ok is false when the
// stream stands at the start of a line.
func (a *Assembler) Partial() (text string, spans []Span, ok bool) {
	if !a.open {
		return "", nil, false
	}
	text, spans = a.state()
	return text, spans, true
}

func (a *Assembler) state() (string, []Span) {
	text, spans := segment(a.now, a.nowMore, a.max)
	if text == "" && len(a.before) > 0 {
		text, spans = segment(a.before, a.prevMore, a.max)
	}
	return text, spans
}

// keep stores a piece without newlines.
func (a *Assembler) keep(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\r')
		piece := p
		if i >= 0 {
			piece = p[:i]
		}
		if len(piece) > 0 {
			a.startOver()
			n := min(len(piece), a.max-len(a.now))
			a.now = append(a.now, piece[:n]...)
			a.nowMore += len(piece) - n
		}
		if i < 0 {
			return
		}
		a.returned = true
		p = p[i+1:]
	}
}

// startOver begins the line again after a carriage return. What showed nothing does not displace
// what stood before it.
func (a *Assembler) startOver() {
	if !a.returned {
		return
	}
	a.returned = false
	if text, _ := segment(a.now, a.nowMore, a.max); text != "" {
		a.now, a.before = a.before, a.now
		a.prevMore = a.nowMore
	}
	a.now, a.nowMore = a.now[:0], 0
}
