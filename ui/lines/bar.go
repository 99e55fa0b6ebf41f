package lines

import (
	"slices"
	"strings"

	"flightdeck/ui/kit"
)

// bar says whether the last row is taken by the prompt, or by what a search or a filter found.
func (v *View) bar() bool {
	return v.prompt.open || v.search.m != nil || v.filter.m != nil
}

func (v *View) drawBar(w int, focused bool) string {
	if v.prompt.open {
		return v.drawPrompt(w)
	}
	var parts []string
	if m := v.search.m; m != nil {
		parts = append(parts, v.styles.Key.Render("/"+visible(m.pattern))+" "+v.styles.Dim.Render(v.matches()))
	}
	if m := v.filter.m; m != nil {
		parts = append(parts, v.styles.Key.Render("F "+visible(m.pattern))+" "+v.styles.Dim.Render(v.passed()))
	}
	left := strings.Join(parts, v.styles.Faint.Render("  ·  "))
	if !focused {
		return kit.Fit(left, w)
	}
	return kit.Sides(left, v.styles.Faint.Render("esc takes it off"), w)
}

func (v *View) drawPrompt(w int) string {
	p, sign, help := v.prompt, "/", "search: text or regular expression"
	if p.filter {
		sign, help = "F ", "show only lines that match, ! for the others; empty shows all"
	}
	text := visible(p.text)
	// The end of a long pattern is where the typing goes on.
	room := w - kit.Width(sign) - 1
	for kit.Width(text) > room && text != "" {
		n, _, _ := cluster(text)
		text = text[n:]
	}
	left := v.styles.Key.Render(sign) + v.styles.Bright.Render(text) + v.styles.Accent.Reverse(true).Render(" ")
	if p.wrong != "" {
		left += "  " + v.styles.Bad.Render("✗ "+visible(p.wrong))
		return kit.Fit(left, w)
	}
	return kit.Sides(left, v.styles.Faint.Render(help), w)
}

// visible is a text as one safe row.
func visible(s string) string {
	if plainText(s) {
		return s
	}
	var b strings.Builder
	writeRun(&b, row{text: s}, 0, len(s), 1<<20)
	return b.String()
}

func (v *View) matches() string {
	s := &v.search
	if !s.live {
		return v.progress(s, "searching")
	}
	n := uint64(len(s.hits))
	if n == 0 {
		return "no match"
	}
	if i, ok := slices.BinarySearch(s.hits, v.at); ok {
		return "match " + Count(uint64(i)+1) + " of " + Count(n)
	}
	return Count(n) + " matches"
}

func (v *View) passed() string {
	if !v.filter.live {
		return v.progress(&v.filter, "filtering")
	}
	return Count(v.shown()) + " of " + Count(v.kept()) + " shown"
}

func (v *View) progress(s *scan, doing string) string {
	low, last := v.win.low(), v.win.last()
	if s.upTo <= low || last < low {
		return doing + " 0 %"
	}
	return doing + " " + Count(min(100, (s.upTo-low)*100/(last-low+1))) + " %"
}
