package kit

import (
	"math"
	"strings"
	"testing"
	"time"

	"flightdeck/ui/theme"
)

var texts = []string{"", "a", "plain text", "ünï", "世界 rocket 🚀 end", "\x1b[31mred\x1b[m and more", strings.Repeat("世", 40), "tab:✓ ● ◐ ○ …"}

func TestFitIsExact(t *testing.T) {
	for _, s := range texts {
		for w := range 60 {
			for name, got := range map[string]string{"Fit": Fit(s, w), "PadLeft": PadLeft(s, w), "Sides": Sides(s, "right", w), "Sides2": Sides("left", s, w)} {
				if Width(got) != w {
					t.Errorf("%s(%q, %d) has %d cells: %q", name, s, w, Width(got), got)
				}
			}
			if got := Clip(s, w); Width(got) > w {
				t.Errorf("Clip(%q, %d) = %q", s, w, got)
			}
			if got := ClipMiddle(s, w); Width(got) > w {
				t.Errorf("ClipMiddle(%q, %d) = %q", s, w, got)
			}
			for _, l := range Wrap(s, w) {
				if w >= 2 && Width(l) > w {
					t.Errorf("Wrap(%q, %d) has the line %q", s, w, l)
				}
			}
		}
	}
}

func TestFrameIsExact(t *testing.T) {
	st := theme.New(true)
	for _, title := range texts {
		for _, right := range texts {
			f := Frame{Title: title, Right: right, Foot: right, Focused: true, Danger: true}
			for _, w := range []int{0, 1, 3, 4, 5, 6, 7, 9, 12, 20, 33, 60} {
				for _, h := range []int{0, 1, 2, 3, 7} {
					got := f.Draw(st, texts, w, h)
					if w == 0 || h == 0 {
						if got != "" {
							t.Fatalf("%dx%d: %q", w, h, got)
						}
						continue
					}
					lines := strings.Split(got, "\n")
					if len(lines) != h {
						t.Fatalf("%q %q %dx%d: %d lines", title, right, w, h, len(lines))
					}
					for _, l := range lines {
						if Width(l) != w {
							t.Fatalf("%q %q %dx%d: %q has %d cells", title, right, w, h, l, Width(l))
						}
					}
				}
			}
		}
	}
}

func TestOverlayIsExact(t *testing.T) {
	base := Block(texts, 30, 8)
	for _, box := range []string{"", "x", strings.Repeat("wide ", 20), strings.Repeat("high\n", 20), "世界\n世"} {
		lines := strings.Split(Overlay(base, box, 30, 8), "\n")
		if len(lines) != 8 {
			t.Fatalf("%q: %d lines", box, len(lines))
		}
		for _, l := range lines {
			if Width(l) != 30 {
				t.Errorf("%q: %q has %d cells", box, l, Width(l))
			}
		}
	}
}

func TestAges(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0 s", 0: "0 s", 12 * time.Second: "12 s", 451 * time.Second: "7m31s",
		3*time.Hour + 12*time.Minute: "3h 12m", 26*time.Hour + 10*time.Minute: "26h 10m", 74 * time.Hour: "3d 2h"} {
		if got := Age(d); got != want {
			t.Errorf("Age(%v) = %q, want %q", d, got, want)
		}
	}
	if got := Duration(1234 * time.Millisecond); got != "1.2 s" {
		t.Errorf("Duration = %q", got)
	}
	if got := Clock(37 * time.Second); got != "0m37s" {
		t.Errorf("Clock = %q", got)
	}
	if got := Limit(90 * time.Minute); got != "1h30m" {
		t.Errorf("Limit = %q", got)
	}
}

func TestHintsDropTheLeastImportant(t *testing.T) {
	st := theme.New(true)
	keys := []Key{{Keys: []string{"a"}, Does: "first", Rank: 1}, {Keys: []string{"b"}, Does: "third", Rank: 3}, {Keys: []string{"c"}, Does: "off", Rank: 1, Off: "no"}, {Keys: []string{"d"}, Does: "second", Rank: 2, Far: true}}
	wide := Hints(st, keys, 60)
	for _, want := range []string{"first", "second", "third"} {
		if !strings.Contains(wide, want) {
			t.Errorf("%q is missing %s", wide, want)
		}
	}
	if strings.Contains(wide, "off") {
		t.Errorf("a dead key is hinted: %q", wide)
	}
	narrow := Hints(st, keys, 18)
	if strings.Contains(narrow, "third") || !strings.Contains(narrow, "first") || !strings.Contains(narrow, "second") {
		t.Errorf("narrow: %q", narrow)
	}
	for w := range 80 {
		if got := Hints(st, keys, w); Width(got) != w {
			t.Errorf("Hints at %d has %d cells", w, Width(got))
		}
	}
}

func TestWindowKeepsTheCursor(t *testing.T) {
	top := 0
	for _, cursor := range []int{0, 5, 9, 30, 99, 98, 50, 0} {
		top = Window(100, cursor, top, 10)
		if cursor < top || cursor >= top+10 {
			t.Errorf("cursor %d is outside %d..%d", cursor, top, top+9)
		}
	}
	if top = Window(100, 12, 10, 10); top != 10 {
		t.Errorf("the window jumped to %d", top)
	}
}

func TestSparkline(t *testing.T) {
	got := Sparkline([]float64{0, 1, math.NaN(), 2}, 6)
	if got != "  ▁▅ █" {
		t.Errorf("got %q", got)
	}
}

func TestColumnsAreExact(t *testing.T) {
	cols := []Column{{Head: "NAME", Max: 8}, {Head: "N", Right: true}, {Head: "REST", Grow: true}}
	for w := range 50 {
		head, lines := Columns(cols, [][]string{{"backend", "12", "世界 and more text"}, {"a very long name", "3"}}, w)
		for _, l := range append(lines, head) {
			if Width(l) != w {
				t.Errorf("%d: %q has %d cells", w, l, Width(l))
			}
		}
	}
}
