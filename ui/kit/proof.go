package kit

import (
	"slices"
	"strings"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/ui/theme"
)

// Proof is the table that shows, service by service, whether a release is really back. A verdict
// that its column cuts off is said in full below the table.
func Proof(st *theme.Styles, p release.Proof, w int) []string {
	if len(p.Rows) == 0 {
		return nil
	}
	most := max(12, w/4)
	var rows [][]string
	for _, r := range p.Rows {
		glyph, style := "✓", st.Good
		if !r.OK {
			glyph, style = "✗", st.Bad
		}
		rows = append(rows, []string{style.Render(glyph), r.Service, r.Replicas, verdict(st, r.Image, "same"), verdict(st, r.Config, "same"), verdict(st, r.Health, "good")})
	}
	head, out := Columns([]Column{{}, {Head: "SERVICE", Max: 20}, {Head: "RUNNING"}, {Head: "IMAGE", Max: most},
		{Head: "CONFIGURATION", Max: most}, {Head: "HEALTH", Grow: true}}, rows, w)
	out = append([]string{st.Dim.Render(head)}, out...)
	for _, r := range p.Rows {
		for _, t := range []string{r.Image, r.Config, r.Health} {
			if t == "ok" || Width(t) <= most {
				continue
			}
			for _, l := range Wrap(r.Service+": "+t, w-2) {
				out = append(out, st.Bad.Render("✗ "+l))
			}
		}
	}
	return out
}

func verdict(st *theme.Styles, v, good string) string {
	if v == "ok" {
		return st.Good.Render(good)
	}
	return st.Bad.Render(v)
}

// Undo lists the commands that take back what the steps did that have run, newest first, each on
// one line. A rollback never runs them by itself.
func Undo(s run.State) []string {
	var out []string
	for _, st := range slices.Backward(s.Steps) {
		if c := st.Step.Command; c != nil && c.Undo != "" && st.Attempt > 0 {
			out = append(out, strings.ReplaceAll(c.Undo, "\n", "; "))
		}
	}
	return out
}
