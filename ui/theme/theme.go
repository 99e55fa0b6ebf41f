// Package theme turns a small palette into named styles, once for a dark and once for a light
// background.
//
// Its one rule: a style has a meaning, never a colour, in its name; and it only repeats what words
// and glyphs already say, so that everything can be read with NO_COLOR.
package theme

import (
	"hash/fnv"
	"image/color"

	"charm.land/lipgloss/v2"
)

// Styles are all the styles of the cockpit. A Styles is never changed after New.
type Styles struct {
	Dark bool

	Text   lipgloss.Style // the terminal's own colour
	Dim    lipgloss.Style // secondary: times, units, explanations
	Faint  lipgloss.Style // tertiary: what may be overlooked
	Bright lipgloss.Style // what the operator must read or do next
	Accent lipgloss.Style // focus, things that can be chosen

	Good    lipgloss.Style // ✓ ●
	Running lipgloss.Style // ▶
	Pending lipgloss.Style // ◐ ·
	Warn    lipgloss.Style // !
	Bad     lipgloss.Style // ✗
	Unknown lipgloss.Style // ?

	Key      lipgloss.Style // the key of a hint
	Hint     lipgloss.Style // what it does
	KeyOff   lipgloss.Style // a key that does nothing now
	Selected lipgloss.Style // the row under the cursor of a focused list
	Match    lipgloss.Style // a search hit
	Mark     lipgloss.Style // an inline row of our own in a log
	Code     lipgloss.Style // commands
	Old      lipgloss.Style // what goes away, in a difference
	New      lipgloss.Style // what comes, in a difference

	Frame       lipgloss.Style // of a pane
	FrameFocus  lipgloss.Style // of the focused pane
	FrameDanger lipgloss.Style // of the focused pane, and of dialogs, in production
	Title       lipgloss.Style // of a pane
	TitleFocus  lipgloss.Style
	TabOn       lipgloss.Style // the dock tab that is shown
	TabOff      lipgloss.Style

	banners map[string]Banner
	sources []lipgloss.Style
	basic   [17]lipgloss.Style
}

// Banner is how the lines on top look in one class of environment.
type Banner struct {
	Word  lipgloss.Style // the environment's name
	First lipgloss.Style // the rest of the first line
	Next  lipgloss.Style // the second line
	Stale lipgloss.Style // what is no longer known to be true, on the second line
}

// palette are the raw colours; nothing outside New sees them.
type palette struct {
	dim, faint, frame, accent, good, running, warn, bad, unknown, code, selected, match color.Color
}

func colours(dark bool) palette {
	c := lipgloss.Color
	if dark {
		return palette{
			dim: c("#a0a7b0"), faint: c("#737b85"), frame: c("#4d545d"), accent: c("#82aaff"),
			good: c("#7bc98f"), running: c("#6cc7e6"), warn: c("#e8b964"), bad: c("#ff7a7a"),
			unknown: c("#c8a0ee"), code: c("#d6deeb"), selected: c("#2b3340"), match: c("#5c4a12"),
		}
	}
	return palette{
		dim: c("#565d66"), faint: c("#737a83"), frame: c("#b4bac2"), accent: c("#1f55c4"),
		good: c("#17753a"), running: c("#036b8a"), warn: c("#8f5d00"), bad: c("#c1212d"),
		unknown: c("#7636ad"), code: c("#26323f"), selected: c("#dfe7f3"), match: c("#ffe49a"),
	}
}

// New builds the styles for a dark or a light background.
func New(dark bool) *Styles {
	p, base := colours(dark), lipgloss.NewStyle()
	fg := base.Foreground
	s := &Styles{
		Dark: dark,
		Text: base, Dim: fg(p.dim), Faint: fg(p.faint), Bright: base.Bold(true), Accent: fg(p.accent),
		Good: fg(p.good), Running: fg(p.running), Pending: fg(p.dim), Warn: fg(p.warn), Bad: fg(p.bad),
		Unknown: fg(p.unknown),
		Key:     fg(p.accent).Bold(true), Hint: fg(p.dim), KeyOff: fg(p.faint),
		Selected: base.Background(p.selected), Match: base.Background(p.match),
		Mark: fg(p.running), Code: fg(p.code), Old: fg(p.bad), New: fg(p.good),
		Frame: fg(p.frame), FrameFocus: fg(p.accent), FrameDanger: fg(p.bad),
		Title: fg(p.dim), TitleFocus: base.Bold(true),
		TabOn: base.Bold(true), TabOff: fg(p.dim),
	}
	s.banners = banners()
	s.sources = sources(dark)
	s.basic = basics(dark)
	return s
}

func banners() map[string]Banner {
	look := func(fg, first, next, stale string) Banner {
		on := lipgloss.NewStyle().Foreground(lipgloss.Color(fg))
		top := on.Background(lipgloss.Color(first))
		low := on.Background(lipgloss.Color(next))
		return Banner{Word: top.Bold(true), First: top, Next: low, Stale: low.Foreground(lipgloss.Color(stale))}
	}
	return map[string]Banner{
		"production":  look("#ffffff", "#b3141f", "#7d0f18", "#d9a3a8"),
		"staging":     look("#000000", "#f2c230", "#d9aa1c", "#4a390a"),
		"development": look("#000000", "#6bbf7b", "#57a667", "#0f2f17"),
		"local":       look("#000000", "#6bbf7b", "#57a667", "#0f2f17"),
	}
}

// Banner gives the look of a class of environment. A class that is not known is treated as
// production: the loud side is the safe side.
func (s *Styles) Banner(class string) Banner {
	if b, ok := s.banners[class]; ok {
		return b
	}
	return s.banners["production"]
}

func sources(dark bool) []lipgloss.Style {
	names := []string{"#82aaff", "#7bc98f", "#c8a0ee", "#e8b964", "#6cc7e6", "#e59ac2", "#a9c46c", "#e3987c"}
	if !dark {
		names = []string{"#1f55c4", "#17753a", "#7636ad", "#8f5d00", "#036b8a", "#a52b70", "#55700d", "#a04823"}
	}
	out := make([]lipgloss.Style, len(names))
	for i, n := range names {
		out[i] = lipgloss.NewStyle().Foreground(lipgloss.Color(n))
	}
	return out
}

// Source gives a container or service its colour. It depends on the name alone, so that it is the
// same in every pane and in every session.
func (s *Styles) Source(name string) lipgloss.Style {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // a hash never fails to be written to
	return s.sources[int(h.Sum32()%uint32(len(s.sources)))]
}

func basics(dark bool) [17]lipgloss.Style {
	names := [17]string{"", "#737b85", "#ff7a7a", "#7bc98f", "#e8b964", "#82aaff", "#c8a0ee", "#6cc7e6", "#c9d1d9",
		"#8b949e", "#ff9a9a", "#98dba8", "#f3cf8b", "#a6c1ff", "#dabdf7", "#92d9f0", "#f0f3f6"}
	if !dark {
		names = [17]string{"", "#26323f", "#c1212d", "#17753a", "#8f5d00", "#1f55c4", "#7636ad", "#036b8a", "#565d66",
			"#3f4750", "#d6353f", "#187a3d", "#946200", "#3468d8", "#8b4cc2", "#077393", "#26323f"}
	}
	var out [17]lipgloss.Style
	for i, n := range names {
		out[i] = lipgloss.NewStyle()
		if n != "" {
			out[i] = out[i].Foreground(lipgloss.Color(n))
		}
	}
	return out
}

// Basic is our own colour for a colour that a program asked for: 0 for none, 1..8 for black..white,
// 9..16 for the bright ones. Each is readable on the background the Styles were built for.
func (s *Styles) Basic(n uint8) lipgloss.Style {
	if int(n) >= len(s.basic) {
		return s.basic[0]
	}
	return s.basic[n]
}
