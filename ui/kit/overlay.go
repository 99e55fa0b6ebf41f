package kit

import (
	"strings"

	"charm.land/lipgloss/v2"
)

// Overlay puts a box in the middle of a base of w x h cells. A box that is larger than the base is
// clipped; the result is always w x h.
func Overlay(base, box string, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	if box == "" {
		return base
	}
	lines := strings.Split(box, "\n")
	if len(lines) > h {
		lines = lines[:h]
	}
	bw := 0
	for i, l := range lines {
		lines[i] = Clip(l, w)
		bw = max(bw, Width(lines[i]))
	}
	x, y := max(0, (w-bw)/2), max(0, (h-len(lines))/2)
	canvas := lipgloss.NewCanvas(w, h)
	top := lipgloss.NewLayer(strings.Join(lines, "\n")).X(x).Y(y).Z(1)
	canvas.Compose(lipgloss.NewCompositor(lipgloss.NewLayer(base), top))
	return Block(strings.Split(canvas.Render(), "\n"), w, h)
}
