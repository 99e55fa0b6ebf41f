// Package prose draws what an author wrote around the steps of a runbook: paragraphs, lists, code,
// tables, callouts.
//
// Its one rule: no line is wider than it was told, and no style goes on beyond the end of its line.
package prose

import (
	"strings"

	"charm.land/lipgloss/v2"

	"flightdeck/internal/clean"
	"flightdeck/runbook"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Lines draws blocks in lines of at most w cells, with one blank line between two blocks.
func Lines(st *theme.Styles, blocks []runbook.Block, w int) []string {
	if w <= 0 {
		return nil
	}
	var out []string
	for _, b := range blocks {
		drawn := one(st, b, w)
		if len(drawn) == 0 {
			continue
		}
		if len(out) > 0 {
			out = append(out, "")
		}
		out = append(out, drawn...)
	}
	return out
}

func one(st *theme.Styles, b runbook.Block, w int) []string {
	text := strings.Trim(clean.Text(b.Text), "\n")
	if strings.TrimSpace(text) == "" {
		return nil
	}
	switch b.Kind {
	case runbook.BlockHeading:
		return flow(inline(st, strings.TrimLeft(oneLine(text), "# "), st.Bright), "", "", w)
	case runbook.BlockList:
		return list(st, text, w)
	case runbook.BlockCode:
		return code(st, text, w)
	case runbook.BlockTable:
		return table(st, text, w)
	case runbook.BlockCallout:
		return callout(st, b.Lang, text, w)
	}
	return paragraphs(st, text, st.Text, "", w)
}

// paragraphs wraps text that may have several paragraphs, behind a prefix on every line.
func paragraphs(st *theme.Styles, text string, base lipgloss.Style, before string, w int) []string {
	var out []string
	for _, p := range strings.Split(text, "\n\n") {
		if strings.TrimSpace(p) == "" {
			continue
		}
		if len(out) > 0 {
			out = append(out, kit.Clip(strings.TrimRight(before, " "), w))
		}
		out = append(out, flow(inline(st, oneLine(p), base), before, before, w)...)
	}
	return out
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// list draws one bullet a line; deeper ones are indented in the source, numbered ones keep their
// number.
func list(st *theme.Styles, text string, w int) []string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		item := strings.TrimLeft(l, " ")
		if item == "" {
			continue
		}
		depth := min((len(l)-len(item))/2, 4)
		mark := "• "
		for _, b := range []string{"- ", "* ", "+ ", "• "} {
			item = strings.TrimPrefix(item, b)
		}
		if n := number(item); n > 0 {
			mark, item = item[:n], item[n:]
		}
		first := kit.Spaces(2*depth) + st.Dim.Render(mark)
		out = append(out, flow(inline(st, oneLine(item), st.Text), first, kit.Spaces(2*depth+kit.Width(mark)), w)...)
	}
	return out
}

// number is the length of "12. " or "3) " at the start of an item; 0 if there is none.
func number(s string) int {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 || i > 3 || i+1 >= len(s) || s[i] != '.' && s[i] != ')' || s[i+1] != ' ' {
		return 0
	}
	return i + 2
}

// code keeps its lines as they are, behind a bar; what does not fit is cut with a sign, because a
// wrapped command reads like two.
func code(st *theme.Styles, text string, w int) []string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		out = append(out, kit.Clip(st.Faint.Render("│ ")+st.Code.Render(l), w))
	}
	return out
}

// table keeps the columns as the source has them; the rule under the heads is drawn as a line.
func table(st *theme.Styles, text string, w int) []string {
	var out []string
	for i, l := range strings.Split(text, "\n") {
		if strings.Trim(l, "|-: ") == "" {
			l = st.Faint.Render(strings.NewReplacer("|", "┼", " ", "─", "-", "─", ":", "─").Replace(l))
		} else if i == 0 {
			l = st.Dim.Render(strings.ReplaceAll(l, "|", "│"))
		} else {
			l = st.Text.Render(strings.ReplaceAll(l, "|", "│"))
		}
		out = append(out, kit.Clip(l, w))
	}
	return out
}

// callout says its keyword in words and with a glyph, and has a bar at its side.
func callout(st *theme.Styles, keyword, text string, w int) []string {
	glyph, style := "·", st.Accent
	switch keyword {
	case "warning", "important":
		glyph, style = "!", st.Warn
	case "caution", "danger":
		glyph, style = "!", st.Bad
	}
	word := strings.ToUpper(kit.Clip(clean.Name(keyword), 20))
	if word == "" {
		word = "NOTE"
	}
	bar := style.Render("▌") + " "
	if w < 12 {
		bar = ""
	}
	head := kit.Clip(bar+style.Bold(true).Render(glyph+" "+word), w)
	return append([]string{head}, paragraphs(st, text, st.Text, bar, w)...)
}
