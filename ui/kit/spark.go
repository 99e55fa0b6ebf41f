package kit

import "math"

// Sparkline draws the last w values, scaled from zero to their largest; NaN is a gap, drawn as a
// space. It is exactly w cells, the newest value at the right end.
func Sparkline(values []float64, w int) string {
	if w <= 0 {
		return ""
	}
	if len(values) > w {
		values = values[len(values)-w:]
	}
	const bars = "▁▂▃▄▅▆▇█"
	glyphs := []rune(bars)
	top := 0.0
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			top = max(top, v)
		}
	}
	out := make([]rune, 0, w)
	for range w - len(values) {
		out = append(out, ' ')
	}
	for _, v := range values {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			out = append(out, ' ')
		case top <= 0 || v <= 0:
			out = append(out, glyphs[0])
		default:
			out = append(out, glyphs[min(len(glyphs)-1, int(v/top*float64(len(glyphs)-1)+0.5))])
		}
	}
	return string(out)
}
