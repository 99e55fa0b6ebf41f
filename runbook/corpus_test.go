package runbook

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestCorpusIsRead reads public runbooks where a checkout of them exists.
func TestCorpusIsRead(t *testing.T) {
	files, err := filepath.Glob("/work/shared/corpus/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no corpus of public runbooks on this machine")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			book := Parse(file, raw)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			checkInvariants(t, raw, book)
			if testing.Verbose() {
				t.Logf("%q: %d phases, %d steps, %d procedures", book.Title, len(book.Phases), len(book.Steps()), len(book.Procedures))
				for _, p := range book.Problems {
					t.Logf("%s %s", p.Severity, p.Error())
				}
			}
		})
	}
}

// TestNothingIsLost looks for words of a document that its reading no longer has, apart from
// addresses, tags and the names of link definitions.
func TestNothingIsLost(t *testing.T) {
	files, err := filepath.Glob("/work/shared/corpus/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "testdata/plain.md")
	word := regexp.MustCompile(`\pL{4,}`)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reading := strings.NewReplacer(`\n`, " ", `\t`, " ").Replace(draw(Parse("f.md", raw)))
		have := map[string]int{}
		for _, w := range word.FindAllString(strings.ToLower(reading), -1) {
			have[w]++
		}
		text := regexp.MustCompile("(?m)^\\s*(```|~~~).*$|\\]\\([^)]*\\)|<[^<>]*>|^\\[.*\\]:.*$|\\]\\[[^]]*\\]").ReplaceAllString(string(raw), " ")
		for _, w := range word.FindAllString(strings.ToLower(text), -1) {
			if have[w] == 0 {
				t.Errorf("%s: the word %q is lost", filepath.Base(file), w)
			}
		}
	}
}
