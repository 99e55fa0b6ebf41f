package runbook

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// checkInvariants holds what is true of every document, however strange.
func checkInvariants(t *testing.T, raw []byte, book Runbook) {
	t.Helper()
	ids := map[string]bool{}
	once := func(id string) {
		if id == "" || ids[id] {
			t.Errorf("identifier %q is empty or given twice", id)
		}
		ids[id] = true
	}
	lines := strings.Count(string(raw), "\n") + strings.Count(string(raw), "\r") + 1
	source := strings.Join(strings.Fields(string(newSource("", raw).text)), " ")
	place := func(p Position) {
		if p.Line < 1 || p.Column < 1 || p.Line > lines {
			t.Errorf("position %+v is outside the document of %d lines", p, lines)
		}
	}
	phases := append([]Phase{}, book.Phases...)
	for _, p := range book.Procedures {
		place(p.Pos)
		phases = append(phases, p.Phases...)
	}
	for _, p := range phases {
		once(p.ID)
		place(p.Pos)
		for _, s := range p.Steps {
			once(s.ID)
			place(s.Pos)
			if s.Title == "" || strings.Contains(s.Title, "\n") || !utf8.ValidString(s.Title) {
				t.Errorf("title %q of step %s", s.Title, s.ID)
			}
			for _, i := range s.Items {
				once(i.ID)
				place(i.Pos)
			}
			if (s.Command != nil) != (s.Kind == KindCommand) || (len(s.Items) > 0) != (s.Kind == KindChecklist) {
				t.Errorf("step %s of kind %s has command %v and %d items", s.ID, s.Kind, s.Command, len(s.Items))
			}
			if s.Command == nil {
				continue
			}
			for line := range strings.Lines(s.Command.Text) {
				if want := strings.Join(strings.Fields(line), " "); !strings.Contains(source, want) {
					t.Errorf("the command line %q is not in the document", line)
				}
			}
			if len(book.Refused()) == 0 {
				if _, what, bad := hidden(strings.ReplaceAll(s.Command.Text, "\n", " ")); bad {
					t.Errorf("command of %s holds %s and the document is not refused", s.ID, what)
				}
			}
		}
	}
}
