package runbook

import (
	"os"
	"path/filepath"
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
