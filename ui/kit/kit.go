// Package kit draws the leaves of the cockpit: text that fits, frames, lists, hints, overlays; and
// it holds the small interface that the panes of the dock share.
//
// Its one rule: every function is pure in its data, its size and the time it is given, and what it
// draws has exactly the size that was asked for, from 0 cells up.
package kit

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Width is how many cells a string takes; escape sequences take none.
func Width(s string) int {
	if plain(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// plain says that every byte is one printable cell.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// Clip shortens a string to at most w cells; what was cut is shown as "…".
func Clip(s string, w int) string {
	if w <= 0 {
		return ""
	}
	if plain(s) {
		if len(s) <= w {
			return s
		}
		return s[:w-1] + "…"
	}
	if len(s) <= w && utf8.RuneCountInString(s)*2 <= w {
		return s
	}
	if ansi.StringWidth(s) <= w {
		return s
	}
	return ansi.Truncate(s, w, "…")
}

// ClipMiddle shortens from the middle, for names whose end matters (paths, image references).
func ClipMiddle(s string, w int) string {
	if Width(s) <= w {
		return s
	}
	if w < 5 {
		return Clip(s, w)
	}
	head := (w - 1) / 2
	tail := w - 1 - head
	cut := Width(s) - tail
	end := ansi.TruncateLeft(s, cut, "")
	for Width(end) > tail { // the cut went through a wide character
		cut++
		end = ansi.TruncateLeft(s, cut, "")
	}
	return ansi.Truncate(s, head, "") + "…" + end
}

// Fit clips and pads a string to exactly w cells.
func Fit(s string, w int) string {
	if w <= 0 {
		return ""
	}
	s = Clip(s, w)
	return s + Spaces(w-Width(s))
}

// PadLeft clips a string to w cells and puts it at their right end, as numbers want it.
func PadLeft(s string, w int) string {
	if w <= 0 {
		return ""
	}
	s = Clip(s, w)
	return Spaces(w-Width(s)) + s
}

// Spaces gives n spaces; none for n below 1.
func Spaces(n int) string {
	if n <= 0 {
		return ""
	}
	return strings.Repeat(" ", n)
}

// Sides puts one string at the left and one at the right end of w cells. The left one is clipped
// first; the right one is dropped when it would leave the left fewer than 8 cells.
func Sides(left, right string, w int) string {
	if w <= 0 {
		return ""
	}
	rw := Width(right)
	if rw == 0 {
		return Fit(left, w)
	}
	room := w - rw - 1
	if room < 8 && Width(left) > room {
		return Fit(left, w)
	}
	return Fit(left, w-rw-1) + " " + right
}

// Wrap breaks text into lines of at most w cells, at spaces where it can. Line ends in the text
// are kept.
func Wrap(s string, w int) []string {
	if w <= 0 || s == "" {
		return nil
	}
	return strings.Split(ansi.Wrap(s, w, ""), "\n")
}

// Block fits lines to exactly w x h cells: too long ones are clipped, missing ones are blank.
func Block(lines []string, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	out := make([]string, h)
	for i := range out {
		if i < len(lines) {
			out[i] = Fit(lines[i], w)
		} else {
			out[i] = Spaces(w)
		}
	}
	return strings.Join(out, "\n")
}

// Join puts blocks of equal height side by side. Each must already have lines of equal width.
func Join(blocks ...string) string {
	var split [][]string
	for _, b := range blocks {
		if b != "" {
			split = append(split, strings.Split(b, "\n"))
		}
	}
	if len(split) == 0 {
		return ""
	}
	var out strings.Builder
	for i := range split[0] {
		if i > 0 {
			out.WriteByte('\n')
		}
		for _, b := range split {
			if i < len(b) {
				out.WriteString(b[i])
			}
		}
	}
	return out.String()
}

// Stack puts blocks on top of each other; empty ones take no line.
func Stack(blocks ...string) string {
	kept := blocks[:0:0]
	for _, b := range blocks {
		if b != "" {
			kept = append(kept, b)
		}
	}
	return strings.Join(kept, "\n")
}

// Column is one column of a table.
type Column struct {
	Head  string
	Right bool // right-aligned, for numbers
	// Grow shares what is left of the width; a column without it is as wide as its widest cell.
	Grow bool
	// Max bounds the width in cells; 0 means no bound.
	Max int
}

// Columns lays rows out as a table of exactly w cells a line, without the heads; widths come from
// all rows and the heads. Cells may carry styles.
func Columns(cols []Column, rows [][]string, w int) (head string, lines []string) {
	widths := columnWidths(cols, rows, w)
	heads := make([]string, len(cols))
	for i, c := range cols {
		heads[i] = c.Head
	}
	for _, r := range rows {
		lines = append(lines, row(cols, widths, r, w))
	}
	return row(cols, widths, heads, w), lines
}

const gutter = 2

func columnWidths(cols []Column, rows [][]string, w int) []int {
	widths := make([]int, len(cols))
	left, growers := w, 0
	for i, c := range cols {
		widths[i] = Width(c.Head)
		for _, r := range rows {
			if i < len(r) {
				widths[i] = max(widths[i], Width(r[i]))
			}
		}
		if c.Max > 0 {
			widths[i] = min(widths[i], c.Max)
		}
		if i > 0 {
			left -= gutter
		}
		left -= widths[i]
		if c.Grow {
			growers++
		}
	}
	for i, c := range cols {
		if !c.Grow || growers == 0 {
			continue
		}
		share := left / growers
		widths[i] = max(4, widths[i]+share)
		left -= share
		growers--
	}
	return widths
}

func row(cols []Column, widths []int, cells []string, w int) string {
	var b strings.Builder
	for i, c := range cols {
		cell := ""
		if i < len(cells) {
			cell = cells[i]
		}
		if i > 0 {
			b.WriteString(Spaces(gutter))
		}
		if c.Right {
			b.WriteString(PadLeft(cell, widths[i]))
		} else {
			b.WriteString(Fit(cell, widths[i]))
		}
	}
	return Fit(b.String(), w)
}

// Count is a number with its noun: "1 step", "3 steps".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// ShortID is the first digits of an image ID, as people compare them: "9f3c41d".
func ShortID(id string) string {
	if _, hex, ok := strings.Cut(id, ":"); ok {
		id = hex
	}
	if len(id) > 7 {
		return id[:7]
	}
	return id
}

// OnBackground lays the background of a style under a line that may have styles of its own, each
// of which ends with a reset.
func OnBackground(style lipgloss.Style, line string) string {
	const reset = "\x1b[m"
	on, _, ok := strings.Cut(style.Render("\x00"), "\x00")
	if !ok || on == "" {
		return line
	}
	return on + strings.ReplaceAll(line, reset, reset+on) + reset
}
