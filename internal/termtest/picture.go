//go:build unix

package termtest

import (
	"fmt"
	"html"
	"image/color"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
)

// Palette is what a picture uses where the program set no colour of its own.
type Palette struct{ Foreground, Background string }

// Dark is the usual dark terminal.
func Dark() Palette { return Palette{"#d0d4dc", "#16181d"} }

// Light is the usual light one.
func Light() Palette { return Palette{"#24272e", "#fbfbf8"} }

const cellWidth, cellHeight, baseline = 9, 19, 14

// Picture draws the screen as an SVG, cell for cell.
func (t *Terminal) Picture(p Palette) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	w, h := t.screen.Width(), t.screen.Height()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">`+"\n",
		w*cellWidth+20, h*cellHeight+20, w*cellWidth+20, h*cellHeight+20)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", p.Background)
	b.WriteString(`<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="15" xml:space="preserve">` + "\n")
	for y := range h {
		for x := 0; x < w; {
			n, text, style := t.span(x, y, w)
			drawSpan(&b, p, x, y, n, text, style)
			x += n
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// span is the longest run of cells from x that look alike.
func (t *Terminal) span(x, y, w int) (cells int, text string, style uv.Style) {
	var b strings.Builder
	for at := x; at < w; {
		c := t.screen.CellAt(at, y)
		content, width, cell := " ", 1, uv.Style{}
		if c != nil {
			cell = c.Style
			if c.Width > 0 {
				content, width = c.Content, c.Width
			}
		}
		if at == x {
			style = cell
		} else if !cell.Equal(&style) {
			break
		}
		b.WriteString(content)
		at += width
		cells = at - x
	}
	return cells, b.String(), style
}

func drawSpan(b *strings.Builder, p Palette, x, y, cells int, text string, style uv.Style) {
	fg, bg := hex(style.Fg, p.Foreground), hex(style.Bg, "")
	if style.Attrs&uv.AttrReverse != 0 {
		fg, bg = orElse(bg, p.Background), fg
	}
	left, top := 10+x*cellWidth, 10+y*cellHeight
	if bg != "" {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`, left, top, cells*cellWidth, cellHeight, bg)
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	text = drawLines(b, text, left, top, fg)
	if strings.Trim(text, " ") == "" {
		return
	}
	extra := ""
	if style.Attrs&uv.AttrBold != 0 {
		extra += ` font-weight="bold"`
	}
	if style.Attrs&uv.AttrFaint != 0 {
		extra += ` opacity="0.6"`
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" textLength="%d" fill="%s"%s>%s</text>`+"\n", left, top+baseline, cells*cellWidth, fg, extra,
		html.EscapeString(strings.ReplaceAll(text, " ", "\u00a0")))
}

// drawLines draws the frames of panes as lines, because the glyphs of most fonts do not reach from
// row to row; it gives the text with blanks in their place.
func drawLines(b *strings.Builder, text string, left, top int, colour string) string {
	const halfWidth, halfHeight = cellWidth / 2, cellHeight / 2
	paths := map[rune]string{
		'─': fmt.Sprintf("h%d", cellWidth),
		'│': fmt.Sprintf("m%d %d v%d", halfWidth, -halfHeight, cellHeight),
		'╭': fmt.Sprintf("m%d %d v-4 q0 -5 5 -5", halfWidth, halfHeight+1),
		'╮': fmt.Sprintf("h0 q4 0 4 5 v%d", halfHeight-4),
		'╰': fmt.Sprintf("m%d %d v4 q0 5 5 5", halfWidth, -halfHeight),
		'╯': fmt.Sprintf("h0 q4 0 4 -5 v%d", 5-halfHeight),
	}
	var out strings.Builder
	for x, r := range []rune(text) {
		path, line := paths[r]
		if !line {
			out.WriteRune(r)
			continue
		}
		out.WriteByte(' ')
		fmt.Fprintf(b, `<path d="M%d %d %s" stroke="%s" fill="none"/>`, left+x*cellWidth, top+halfHeight, path, colour)
	}
	return out.String()
}

func hex(c color.Color, otherwise string) string {
	if c == nil {
		return otherwise
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
