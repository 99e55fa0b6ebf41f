package theme

import (
	"fmt"
	"image/color"
	"math"
	"testing"

	"charm.land/lipgloss/v2"
)

// luminance and contrast are those of WCAG 2.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	part := func(v uint32) float64 {
		f := float64(v) / 0xffff
		if f <= 0.03928 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*part(r) + 0.7152*part(g) + 0.0722*part(b)
}

func contrast(a, b color.Color) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestTextCanBeReadOnItsBackground(t *testing.T) {
	grounds := map[bool][]string{true: {"#000000", "#14171c", "#1e1e1e"}, false: {"#ffffff", "#fafafa"}}
	for dark, backs := range grounds {
		s := New(dark)
		styles := map[string]lipgloss.Style{"dim": s.Dim, "accent": s.Accent, "good": s.Good, "running": s.Running, "warn": s.Warn,
			"bad": s.Bad, "unknown": s.Unknown, "code": s.Code, "key": s.Key, "hint": s.Hint}
		for i, src := range s.sources {
			styles[fmt.Sprint("source ", i)] = src
		}
		for i := 1; i < len(s.basic); i++ {
			if i != 1 && i != 9 { // a program's black and grey are meant to be faint
				styles[fmt.Sprint("basic ", i)] = s.Basic(uint8(i))
			}
		}
		for _, back := range backs {
			for name, st := range styles {
				if got := contrast(st.GetForeground(), lipgloss.Color(back)); got < 4.5 {
					t.Errorf("%s on %s (dark %v) has a contrast of %.1f", name, back, dark, got)
				}
			}
			if got := contrast(s.Faint.GetForeground(), lipgloss.Color(back)); got < 3 {
				t.Errorf("faint on %s (dark %v) has a contrast of %.1f", back, dark, got)
			}
		}
	}
}

func TestBannersCanBeRead(t *testing.T) {
	s := New(true)
	for _, class := range []string{"production", "staging", "development", "local", "unheard of"} {
		b := s.Banner(class)
		for name, st := range map[string]lipgloss.Style{"word": b.Word, "first": b.First, "next": b.Next, "stale": b.Stale} {
			if got := contrast(st.GetForeground(), st.GetBackground()); got < 4.5 {
				t.Errorf("%s of %s has a contrast of %.1f", name, class, got)
			}
		}
	}
}

func TestAClassNobodyKnowsLooksLikeProduction(t *testing.T) {
	s := New(false)
	if s.Banner("prod-eu").First.GetBackground() != s.Banner("production").First.GetBackground() {
		t.Error("it does not")
	}
}

func TestSourceKeepsItsColour(t *testing.T) {
	a, b := New(true), New(true)
	for _, name := range []string{"backend-1", "backend-2", "", "世界"} {
		if a.Source(name).GetForeground() != b.Source(name).GetForeground() {
			t.Errorf("%q changed its colour", name)
		}
	}
}
