package runbook

import (
	"fmt"
	"strings"
	"unicode"

	"flightdeck/internal/clean"
)

// The characters that are invisible by themselves and belong to an emoji: the one that asks for
// its colours, and the one that joins two of them.
const (
	emojiStyle = '\uFE0F'
	joiner     = '\u200D'
)

// hidden finds a character that a terminal does not draw, or that changes the order of others.
// What is shown must be exactly what runs.
func hidden(line string) (offset int, what string, found bool) {
	before := rune(0)
	var shown strings.Builder
	for i, c := range line {
		switch {
		case c == '\t':
			shown.WriteByte(' ')
		case (c == emojiStyle || c == joiner) && (unicode.IsSymbol(before) || before == emojiStyle || before == joiner):
			// part of the emoji before it
		case unicode.IsControl(c):
			return i, fmt.Sprintf("the control character U+%04X", c), true
		case unicode.Is(unicode.Cf, c), unicode.Is(unicode.Variation_Selector, c), c == '\u2028', c == '\u2029':
			return i, fmt.Sprintf("the invisible character U+%04X", c), true
		default:
			shown.WriteRune(c)
		}
		before = c
	}
	if text := shown.String(); clean.Text(text) != text {
		return 0, "a character that is taken out of everything shown", true
	}
	return 0, "", false
}
