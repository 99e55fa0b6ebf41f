package runbook

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGolden compares the whole reading of a document with what a person has looked at;
// UPDATE_GOLDEN=1 in the environment writes the reading anew.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			book := Parse(filepath.Base(file), raw)
			checkInvariants(t, raw, book)
			got, golden := draw(book), strings.TrimSuffix(file, ".md")+".golden"
			if os.Getenv("UPDATE_GOLDEN") == "1" {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("reading (-want +got):\n%s", diff)
			}
		})
	}
}

// draw writes a reading as text, one thing a line, with its line and column.
func draw(book Runbook) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", book.Title)
	drawBlocks(&b, "  ", book.Intro)
	for _, p := range book.Phases {
		drawPhase(&b, "", p)
	}
	for _, p := range book.Procedures {
		fmt.Fprintf(&b, "\n%s PROCEDURE %s %q\n", place(p.Pos), p.Kind, p.Title)
		for _, phase := range p.Phases {
			drawPhase(&b, "  ", phase)
		}
	}
	if len(book.Problems) > 0 {
		b.WriteString("\nPROBLEMS\n")
	}
	for _, p := range book.Problems {
		fmt.Fprintf(&b, "%s %s\n", p.Severity, p.Error())
	}
	return b.String()
}

func place(p Position) string { return fmt.Sprintf("%d:%d", p.Line, p.Column) }

func drawPhase(b *strings.Builder, in string, p Phase) {
	fmt.Fprintf(b, "\n%s%s PHASE %q\n", in, place(p.Pos), p.Title)
	for _, s := range p.Steps {
		optional := map[bool]string{true: " optional"}[s.Optional]
		fmt.Fprintf(b, "%s  %s %s %q%s\n", in, place(s.Pos), s.Kind, s.Title, optional)
		drawBlocks(b, in+"      why ", s.Why)
		for _, i := range s.Items {
			ticked := map[bool]string{true: "x", false: " "}[i.TickedInSource]
			fmt.Fprintf(b, "%s      %s%s [%s] %s\n", in, strings.Repeat("  ", i.Depth), place(i.Pos), ticked, i.Text)
		}
		for _, k := range slices.Sorted(maps.Keys(s.With)) {
			fmt.Fprintf(b, "%s      %s=%s\n", in, k, s.With[k])
		}
		if c := s.Command; c != nil {
			fmt.Fprintf(b, "%s      %s name=%q timeout=%s undo=%q terminal=%v placeholders=%q\n", in, c.Lang, c.Name, c.Timeout, c.Undo, c.Terminal, c.Placeholders)
			fmt.Fprintf(b, "%s      $ %q\n", in, c.Text)
		}
	}
	drawBlocks(b, in+"  context ", p.Context)
}

func drawBlocks(b *strings.Builder, in string, blocks []Block) {
	for _, k := range blocks {
		fmt.Fprintf(b, "%s%s %s %s %q\n", in, place(k.Pos), k.Kind, k.Lang, k.Text)
	}
}
