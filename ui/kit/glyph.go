package kit

import (
	"charm.land/lipgloss/v2"

	"flightdeck/internal/run"
	"flightdeck/ui/theme"
)

// StepGlyph is the one glyph of a step's status, with its style. waiting: it is this step's turn
// and the operator's move.
func StepGlyph(st *theme.Styles, status run.StepStatus, waiting bool) (string, lipgloss.Style) {
	switch status {
	case run.Succeeded:
		return "✓", st.Good
	case run.Running, run.Stopping:
		return "▶", st.Running
	case run.Marked, run.Skipped:
		return "!", st.Warn
	case run.Broken:
		return "✗", st.Bad
	case run.Unknown:
		return "?", st.Unknown
	case run.LeftOut:
		return "·", st.Faint
	}
	if waiting {
		return "◐", st.Accent
	}
	return "·", st.Pending
}
