// Package drawtest helps to test what is drawn.
//
// Its one rule: it is imported by tests only.
package drawtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
)

// Exact fails unless a block is exactly w x h cells and holds nothing but text and colours.
func Exact(t *testing.T, block string, w, h int, what string) {
	t.Helper()
	if w == 0 || h == 0 {
		if block != "" {
			t.Fatalf("%s: %dx%d gives %q", what, w, h, block)
		}
		return
	}
	lines := strings.Split(block, "\n")
	if len(lines) != h {
		t.Fatalf("%s: %dx%d gives %d lines", what, w, h, len(lines))
	}
	for i, l := range lines {
		if got := ansi.StringWidth(l); got != w {
			t.Fatalf("%s: %dx%d: line %d has %d cells: %q", what, w, h, i, got, l)
		}
		Colours(t, l, what)
	}
}

// Colours fails if a line holds a control character or an escape sequence that is not a colour.
func Colours(t *testing.T, line, what string) {
	t.Helper()
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == 0x1b:
			end := strings.IndexByte(line[i:], 'm')
			if end < 0 || strings.Trim(line[i+1:i+end], "[0123456789;:") != "" {
				t.Fatalf("%s: more than colours in %q", what, line[i:])
			}
			i += end
		case line[i] < 0x20 || line[i] == 0x7f:
			t.Fatalf("%s: a control character in %q", what, line)
		}
	}
	if i := strings.IndexAny(line, "\u009b\u009d\u0090\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200b\u200e\u200f\ufeff\u2028\u2029"); i >= 0 {
		t.Fatalf("%s: a hidden or reordering mark in %q", what, line[i:])
	}
}

// Golden compares a picture, without its colours and trailing blanks, with testdata/<name>.golden;
// with UPDATE_GOLDEN=1 in the environment it writes the file instead.
func Golden(t *testing.T, name, block string) {
	t.Helper()
	lines := strings.Split(ansi.Strip(block), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	got := strings.Join(lines, "\n") + "\n"
	file := filepath.Join("testdata", name+".golden")
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; UPDATE_GOLDEN=1 writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: -want +got\n%s", file, diff)
	}
}

// Hostile are texts that try to get out of their cells.
func Hostile() []string {
	return []string{
		"plain", "日本語のログ 支付 한국어", "🚀🚀 deploy 👩‍💻 done ⚠️ ❤️ 1️⃣ 👍🏽 🇩🇪", "e\u0301\u0301 zalgo Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A",
		"\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 \x1b[2J\x9b2J\u009b2J", "a\tb\rc\bd\x00e\x7f\nnext\nlines", "\u202eabc\u202c \u200b\u200d\ufeff \u2028x\u2029",
		"bad \xff\xfe\xc3 utf8", "שלום مرحبا", strings.Repeat("世界", 200), strings.Repeat("long ", 300), "", "`open **open [open",
	}
}
