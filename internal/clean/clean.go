// Package clean is the one fence between bytes from outside and the terminal: log lines, command
// output, names, labels, error texts. Everything passes it once, on entry, before its width is
// measured, before it is stored.
//
// Its one rule: what comes out holds no control character, no escape sequence, no invalid UTF-8
// and no mark that reorders or hides text. Colours survive only as Spans, to be drawn by our own
// styles.
package clean

// Style is the part of SGR that is kept.
type Style struct {
	// Foreground is 0 for none, 1..8 for the basic colours black..white, 9..16 for the bright ones.
	Foreground uint8
	Bold       bool
	Faint      bool
}

// Span is a run of bytes [Start, End) of a cleaned line with a style of its own.
type Span struct {
	Start, End int
	Style      Style
}
