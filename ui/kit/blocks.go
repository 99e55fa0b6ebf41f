package kit

import (
	"strings"

	"flightdeck/runbook"
	"flightdeck/ui/theme"
)

// Blocks draws what an author wrote beside the steps, wrapped to w cells, with a blank line
// between two blocks. Callouts that warn keep their word and a glyph.
func Blocks(st *theme.Styles, blocks []runbook.Block, w int) []string {
	var out []string
	for i, b := range blocks {
		if i > 0 {
			out = append(out, "")
		}
		out = append(out, OneBlock(st, b, w)...)
	}
	return out
}

// OneBlock draws one block.
func OneBlock(st *theme.Styles, b runbook.Block, w int) []string {
	text := strings.TrimRight(b.Text, "\n")
	var out []string
	switch b.Kind {
	case runbook.BlockHeading:
		return []string{st.Bright.Render(Clip(text, w))}
	case runbook.BlockList:
		for _, l := range strings.Split(text, "\n") {
			out = append(out, hang("• ", l, st.Text.Render, w)...)
		}
	case runbook.BlockCode, runbook.BlockTable:
		for _, l := range strings.Split(text, "\n") {
			out = append(out, "  "+st.Code.Render(Clip(l, w-2)))
		}
	case runbook.BlockCallout:
		switch b.Lang {
		case "warning", "caution", "important":
			return hang("! ", strings.ToUpper(b.Lang[:1])+b.Lang[1:]+": "+text, st.Warn.Render, w)
		}
		return hang("· ", text, st.Text.Render, w)
	default:
		for _, l := range Wrap(text, w) {
			out = append(out, st.Text.Render(l))
		}
	}
	return out
}

func hang(mark, text string, style func(...string) string, w int) []string {
	var out []string
	for i, l := range Wrap(text, w-Width(mark)) {
		if i == 0 {
			out = append(out, style(mark+l))
			continue
		}
		out = append(out, style(Spaces(Width(mark))+l))
	}
	return out
}
