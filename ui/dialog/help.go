package dialog

import (
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Section is a titled part of the help.
type Section struct {
	Title string
	Keys  []kit.Key
}

// NewHelp shows key tables: the keys that work now, then those that do not, each with its reason.
func NewHelp(sections []Section) *Message {
	return &Message{Name: "help", Title: "Help", Want: 84, Lines: func(st *theme.Styles, w int) []string {
		var out []string
		for _, s := range sections {
			out = append(out, helpSection(st, s, w)...)
		}
		return out
	}}
}

func helpSection(st *theme.Styles, s Section, w int) []string {
	const keyCells = 12
	var on, off []string
	for _, k := range s.Keys {
		text := k.Help
		if text == "" {
			text = k.Does
		}
		if k.Off == "" {
			on = append(on, hung(st.Key.Render(kit.Fit(k.Name(), keyCells)), text, st.Text.Render, keyCells, w)...)
			continue
		}
		off = append(off, hung(st.KeyOff.Render(kit.Fit(k.Name(), keyCells)), text+" – not now: "+k.Off, st.Faint.Render, keyCells, w)...)
	}
	out := append([]string{st.Bright.Render(s.Title)}, on...)
	return append(append(out, off...), "")
}

// hung wraps text beside a label, later lines under the first.
func hung(label, text string, style func(...string) string, indent, w int) []string {
	lines := kit.Wrap(text, w-indent)
	if len(lines) == 0 {
		return []string{label}
	}
	out := []string{label + style(lines[0])}
	for _, l := range lines[1:] {
		out = append(out, kit.Spaces(indent)+style(l))
	}
	return out
}
