package prose

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"flightdeck/runbook"
	"flightdeck/ui/drawtest"
	"flightdeck/ui/theme"
)

func page() []runbook.Block {
	return []runbook.Block{
		{Kind: runbook.BlockHeading, Text: "Before we start"},
		{Kind: runbook.BlockText, Text: "Schema changes must be **backward compatible**: `v1.4.1` keeps\nrunning while they are applied, see [the guide](https://example.com/guide)."},
		{Kind: runbook.BlockList, Text: "tell the team in #deployments\n  - and the people on call\n2. run `docker compose ps` and look at every line of it"},
		{Kind: runbook.BlockCallout, Lang: "warning", Text: "Migrations lock `products` for up to a minute."},
		{Kind: runbook.BlockCallout, Lang: "note", Text: "One paragraph.\n\nAnother one that is long enough to be wrapped at forty cells."},
		{Kind: runbook.BlockCode, Lang: "sql", Text: "select count(*)\n  from products;"},
		{Kind: runbook.BlockTable, Text: "| Service | Port |\n| ------- | ---- |\n| web     | 8080 |"},
	}
}

func TestPictures(t *testing.T) {
	for _, w := range []int{40, 76} {
		drawtest.Golden(t, fmt.Sprintf("page-%d", w), strings.Join(Lines(theme.New(true), page(), w), "\n"))
	}
}

func TestNothingIsLostByWrapping(t *testing.T) {
	words := func(lines []string) string {
		return strings.ReplaceAll(strings.ReplaceAll(ansi.Strip(strings.Join(lines, "")), " ", ""), "•", "")
	}
	blocks := []runbook.Block{{Kind: runbook.BlockText, Text: strings.Repeat("日本語 text with `code in it` and averyveryverylongword ", 5)}}
	want := strings.ReplaceAll(strings.ReplaceAll(blocks[0].Text, " ", ""), "`", "")
	for w := 2; w < 120; w++ {
		if got := words(Lines(theme.New(true), blocks, w)); got != want {
			t.Fatalf("at %d cells: %q, want %q", w, got, want)
		}
	}
}

func TestUnclosedMarksAreText(t *testing.T) {
	for _, s := range []string{"a ` b", "2 ** 3 ** 4", "[x] y", "a[0](", "**", "``", "[]()"} {
		got := ansi.Strip(strings.Join(Lines(theme.New(true), []runbook.Block{{Kind: runbook.BlockText, Text: s}}, 40), ""))
		if got != s {
			t.Errorf("%q is drawn as %q", s, got)
		}
	}
}

func TestNoLineIsWiderThanItsRoom(t *testing.T) {
	blocks := page()
	for _, s := range drawtest.Hostile() {
		for _, k := range []runbook.BlockKind{runbook.BlockText, runbook.BlockList, runbook.BlockCode, runbook.BlockTable, runbook.BlockCallout, runbook.BlockHeading} {
			blocks = append(blocks, runbook.Block{Kind: k, Text: s, Lang: s})
		}
	}
	st := theme.New(false)
	for w := 0; w <= 250; w += 1 + w/20 {
		for _, l := range Lines(st, blocks, w) {
			if got := ansi.StringWidth(l); got > w {
				t.Fatalf("at %d cells a line has %d: %q", w, got, l)
			}
			drawtest.Colours(t, l, "prose")
			if i := strings.LastIndex(l, "\x1b["); i >= 0 && l[i:] != "\x1b[m" && !strings.HasPrefix(l[i:], "\x1b[m") {
				t.Fatalf("a style goes on beyond %q", l)
			}
		}
	}
}

func FuzzLines(f *testing.F) {
	for _, s := range drawtest.Hostile() {
		f.Add(s, uint8(20))
	}
	f.Fuzz(func(t *testing.T, s string, w uint8) {
		for _, k := range []runbook.BlockKind{runbook.BlockText, runbook.BlockList, runbook.BlockCode, runbook.BlockTable, runbook.BlockCallout} {
			for _, l := range Lines(theme.New(true), []runbook.Block{{Kind: k, Text: s, Lang: "tip"}}, int(w)) {
				if got := ansi.StringWidth(l); got > int(w) {
					t.Fatalf("%s at %d cells: %d: %q", k, w, got, l)
				}
			}
		}
	})
}
