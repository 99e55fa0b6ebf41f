package kit

import (
	"fmt"
	"strings"

	"flightdeck/internal/release"
	"flightdeck/ui/theme"
)

// Changes is the difference of the services between two releases as a table: what comes, what
// goes, what is made anew. full adds a line below each service for what changed in its
// configuration, by name; else that is the last column.
func Changes(st *theme.Styles, changes []release.Change, w int, full bool) []string {
	var rows [][]string
	for _, c := range changes {
		style := st.Text
		switch c.Kind {
		case release.ChangeNone:
			style = st.Faint
		case release.ChangeRemoved:
			style = st.Warn
		case release.ChangeAdded:
			style = st.Good
		}
		rest := changeRest(c, full)
		rows = append(rows, []string{style.Render(c.Service), style.Render(string(c.Kind)), style.Render(changeImages(c, w)), st.Dim.Render(rest)})
	}
	_, lines := Columns([]Column{{Max: 20}, {}, {Max: max(12, w-34)}, {Grow: true}}, rows, w)
	if !full {
		return lines
	}
	var out []string
	for i, l := range lines {
		out = append(out, l)
		if len(changes[i].Config) > 0 {
			for _, t := range Wrap("configuration: "+strings.Join(changes[i].Config, ", "), w-4) {
				out = append(out, "    "+st.Dim.Render(t))
			}
		}
	}
	return out
}

func changeImages(c release.Change, w int) string {
	each := max(8, (w-40)/2)
	switch {
	case c.Kind == release.ChangeAdded:
		return "→ " + ClipMiddle(c.To, 2*each)
	case c.Kind == release.ChangeRemoved:
		return ClipMiddle(c.From, 2*each)
	case c.Kind == release.ChangeNone:
		return ClipMiddle(c.To, 2*each)
	case c.From == c.To && c.FromID != c.ToID && c.FromID != "" && c.ToID != "":
		return ClipMiddle(c.To, 2*each-10) + "  " + ShortID(c.FromID) + " → " + ShortID(c.ToID)
	case c.From == c.To:
		return ClipMiddle(c.To, 2*each)
	}
	repo, from := tag(c.From)
	if other, to := tag(c.To); repo == other && from != "" && to != "" {
		return ClipMiddle(repo, each) + "  " + Clip(from, each) + " → " + Clip(to, each)
	}
	return ClipMiddle(c.From, each) + " → " + ClipMiddle(c.To, each)
}

func changeRest(c release.Change, full bool) string {
	var parts []string
	if c.FromReplicas != c.ToReplicas && c.Kind != release.ChangeAdded && c.Kind != release.ChangeRemoved {
		parts = append(parts, fmt.Sprintf("%d → %d replicas", c.FromReplicas, c.ToReplicas))
	}
	if !full && len(c.Config) > 0 {
		parts = append(parts, strings.Join(c.Config, ", "))
	}
	if c.Note != "" {
		parts = append(parts, c.Note)
	}
	return strings.Join(parts, " · ")
}

// tag splits an image reference at its tag; a port of a registry is none.
func tag(ref string) (repo, version string) {
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}
