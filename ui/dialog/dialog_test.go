package dialog

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func letter(s string) tea.KeyPressMsg { return tea.KeyPressMsg{Code: []rune(s)[0], Text: s} }

func ask() *Ask {
	return &Ask{Name: "ask", Title: "Ask", Text: []string{"Shall it be?"}, Choices: []Choice{{Key: "y", Says: "yes", Deed: Deed{Do: []run.Command{run.RollBack{}}}}}}
}

func TestGraceOfADialogThatOpenedByItself(t *testing.T) {
	tests := []struct {
		name string
		keys []time.Duration // since it opened
		took int             // how many were swallowed before one was taken
	}{
		{"typing goes on, then pauses", []time.Duration{100, 300, 500, 700, 1200}, 4},
		{"a pause at once", []time.Duration{425}, 0},
		{"just too early", []time.Duration{424, 860}, 1},
		{"typing without end meets the ceiling", []time.Duration{300, 600, 900, 1200, 1500}, 4},
	}
	for _, tt := range tests {
		var s Stack
		s.OpenByItself(ask(), noon)
		swallowed := 0
		for _, at := range tt.keys {
			if d := s.Handle(letter("y"), noon.Add(at*time.Millisecond)); d.Do != nil {
				break
			}
			swallowed++
		}
		if swallowed != tt.took || s.Top() != nil {
			t.Errorf("%s: %d swallowed, want %d; still open: %v", tt.name, swallowed, tt.took, s.Top() != nil)
		}
	}
	var s Stack
	s.Open(ask())
	if d := s.Handle(letter("y"), noon); d.Do == nil {
		t.Error("a dialog that was asked for must hear the first key")
	}
}

func TestAnEndlessTypistIsSwallowedForAsLongAsTheCeilingOnly(t *testing.T) {
	var s Stack
	s.OpenByItself(ask(), noon)
	for at := time.Duration(0); at < Ceiling; at += 50 * time.Millisecond {
		if d := s.Handle(letter("y"), noon.Add(at)); d.Do != nil {
			t.Fatalf("taken after %v", at)
		}
	}
	if d := s.Handle(letter("y"), noon.Add(Ceiling)); d.Do == nil {
		t.Fatal("swallowed beyond the ceiling")
	}
}

func TestEnterNeverAnswersAnAsk(t *testing.T) {
	var s Stack
	s.Open(ask())
	if d := s.Handle(tea.KeyPressMsg{Code: tea.KeyEnter}, noon); d.Do != nil || s.Top() == nil {
		t.Fatal("enter answered")
	}
}

func TestRollBackBeginsOnce(t *testing.T) {
	r := NewRollBack(run.State{}, sampleSnapshot(), noon)
	if d := r.Handle(Tick(noon.Add(Countdown - time.Millisecond))); d.Done || d.Do != nil {
		t.Fatal("too early")
	}
	if d := r.Handle(Tick(noon.Add(Countdown))); !d.Done || len(d.Do) != 1 {
		t.Fatal("not begun")
	}
	if d := r.Handle(Tick(noon.Add(Countdown))); d.Do != nil {
		t.Fatal("begun twice")
	}
}

func TestPasteIsMadeSafe(t *testing.T) {
	var got string
	e := NewEdit("edit", "Edit", "echo a", "take it", func(s string) Deed { got = s; return Deed{} })
	e.Handle(tea.PasteMsg{Content: " && b\x1b]52;c;eHh4\x07\x00"})
	e.Handle(tea.KeyPressMsg{Code: 's', Mod: tea.ModCtrl})
	if strings.ContainsAny(got, "\x1b\x07\x00") || !strings.HasPrefix(got, "echo a && b") {
		t.Fatalf("got %q", got)
	}
	r := NewReason("r", "Reason", "why", nil, false, func(s string) Deed { got = s; return Deed{} })
	r.Handle(tea.PasteMsg{Content: "two\nlines"})
	r.Handle(tea.KeyPressMsg{Code: tea.KeyEnter})
	if strings.Contains(got, "\n") || !strings.Contains(got, "two") {
		t.Fatalf("got %q", got)
	}
}

func TestBoxesFitAnySize(t *testing.T) {
	st := theme.New(false)
	dialogs := []Dialog{ask(), NewTyped("t", "Typed", "production", []string{strings.Repeat("text ", 60)}, nil),
		NewReason("r", "Reason", "why", []string{"text"}, false, nil), NewEdit("e", "Edit", "a\nb\nc\nd\ne\nf", "take it", nil),
		NewRollBack(run.State{}, sampleSnapshot(), noon), NewHelp([]Section{{Title: "Keys", Keys: []kit.Key{{Keys: []string{"a"}, Does: "thing", Off: strings.Repeat("reason ", 30)}}}})}
	for _, d := range dialogs {
		for w := 0; w < 130; w += 7 {
			for h := 0; h < 40; h += 1 + h/6 {
				box := d.Draw(st, w, h, noon)
				lines := strings.Split(box, "\n")
				if box != "" && len(lines) > h {
					t.Fatalf("%s at %dx%d has %d lines", d.ID(), w, h, len(lines))
				}
				for _, l := range lines {
					if kit.Width(l) > w {
						t.Fatalf("%s at %dx%d has a line of %d cells", d.ID(), w, h, kit.Width(l))
					}
				}
			}
		}
	}
}

func sampleSnapshot() stack.Snapshot {
	return stack.Snapshot{At: noon, Containers: []stack.Container{{Service: "backend", Number: 1, ImageID: "sha256:9f3c"}}}
}

func TestAReleaseThatWasHealthyForNoTimeIsNotPraised(t *testing.T) {
	at := time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)
	s := run.State{StartedAt: at}
	s.Readiness.HealthySince, s.Readiness.RecordedAt = at.Add(-400*time.Millisecond), at.Add(-time.Minute)
	if got := standing(s, at); got != "recorded 1m00s ago" {
		t.Errorf("got %q", got)
	}
	s.Readiness.HealthySince = at.Add(-time.Hour)
	if got := standing(s, at); !strings.HasPrefix(got, "healthy for 1h") {
		t.Errorf("got %q", got)
	}
}
