package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"flightdeck/internal/config"
	"flightdeck/runbook"
)

// example is a fence of a document with the claim in the comment behind it.
type example struct {
	line   int
	source string
	claim  string // "" when there is none
}

var claim = regexp.MustCompile(`^<!-- reads: (.*) -->$`)

// examples finds the fences of a language; the closing one is as long as the opening one.
func examples(t *testing.T, file, lang string) []example {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(raw), "\n")
	var out []example
	for i := 0; i < len(lines); i++ {
		ticks, tagged := strings.CutSuffix(lines[i], lang)
		if !tagged || strings.Trim(ticks, "`") != "" || len(ticks) < 3 {
			continue
		}
		e := example{line: i + 1}
		for i++; i < len(lines) && lines[i] != ticks; i++ {
			e.source += lines[i] + "\n"
		}
		if i+1 < len(lines) {
			if m := claim.FindStringSubmatch(lines[i+1]); m != nil {
				e.claim = m[1]
			}
		}
		out = append(out, e)
	}
	return out
}

// count gives what a reading has of a thing that a claim names.
func count(t *testing.T, book runbook.Runbook, what string) int {
	t.Helper()
	n := map[string]int{"phases": len(book.Phases), "steps": len(book.Steps())}
	for _, s := range book.Steps() {
		n[string(s.Kind)]++
		n["boxes"] += len(s.Items)
		if s.Optional {
			n["optional"]++
		}
		if s.Command != nil {
			n["gaps"] += len(s.Command.Placeholders)
		}
		for _, b := range s.Why {
			n[string(b.Kind)+"s"]++
		}
	}
	for _, p := range book.Procedures {
		n[string(p.Kind)+" sections"]++
	}
	for _, p := range book.Problems {
		n[string(p.Severity)+"s"]++
	}
	known := "phases steps checklist command manual deploy monitor note rollback boxes optional gaps callouts errors warnings notices"
	if !strings.Contains(" "+known+" ", " "+what+" ") && !strings.HasSuffix(what, " sections") {
		t.Fatalf("a claim names %q, which this test does not count", what)
	}
	return n[what]
}

func TestTheExamplesOfRunbooksAreReadAsClaimed(t *testing.T) {
	all := examples(t, "runbooks.md", "markdown")
	if len(all) < 10 {
		t.Fatalf("only %d examples were found", len(all))
	}
	for _, e := range all {
		t.Run(fmt.Sprintf("line %d", e.line), func(t *testing.T) {
			if e.claim == "" {
				t.Fatal("there is no <!-- reads: ... --> behind the example")
			}
			book := runbook.Parse("deploy.md", []byte(e.source))
			for _, part := range strings.Split(e.claim, ", ") {
				cut := strings.LastIndexByte(part, ' ')
				want, err := strconv.Atoi(part[cut+1:])
				if err != nil {
					t.Fatalf("claim %q has no number", part)
				}
				if got := count(t, book, part[:cut]); got != want {
					t.Errorf("%s: it has %d; problems: %v", part, got, book.Problems)
				}
			}
			if !strings.Contains(e.claim, "errors") && len(book.Refused()) > 0 {
				t.Errorf("it is refused: %v", book.Refused())
			}
		})
	}
}

// The messages that runbooks.md quotes are those that lint prints.
func TestTheQuotedMessagesAreReal(t *testing.T) {
	raw, err := os.ReadFile("runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	all := examples(t, "runbooks.md", "markdown")
	book := runbook.Parse("deploy.md", []byte(strings.ReplaceAll(all[len(all)-1].source, "~~~", "```")))
	if len(book.Refused()) != 2 {
		t.Fatalf("the last example has the problems %v", book.Problems)
	}
	for _, p := range book.Refused() {
		if line := "    error: " + p.Error() + "\n"; !strings.Contains(string(raw), line) {
			t.Errorf("runbooks.md does not quote %q", line)
		}
	}
}

// Whoever copies a flightdeck.yaml or a runbook out of a document must not be refused.
func TestTheExamplesToCopyAreAccepted(t *testing.T) {
	for _, file := range []string{"../README.md", "configuration.md", "rollback.md"} {
		all := examples(t, file, "yaml")
		if len(all) == 0 {
			t.Errorf("%s has no flightdeck.yaml", file)
		}
		for _, e := range all {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "flightdeck.yaml"), []byte(e.source), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := config.Load(dir, func(string) string { return "" })
			if err != nil {
				t.Errorf("%s:%d: %v", file, e.line, err)
				continue
			}
			if _, err := p.Environment("prod"); err != nil {
				t.Errorf("%s:%d: %v", file, e.line, err)
			}
		}
	}
	for _, e := range examples(t, "../README.md", "markdown") {
		book := runbook.Parse("deploy.md", []byte(e.source))
		if len(book.Problems) > 0 || len(book.Steps()) != 5 {
			t.Errorf("the runbook of README.md has %d steps and the problems %v", len(book.Steps()), book.Problems)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)

// A link to a file that is not there helps nobody at 03:00.
func TestLinksLeadToFiles(t *testing.T) {
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../README.md", "../CONTRIBUTING.md", "../examples/shop/README.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(raw), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", file, m[1], err)
			}
		}
	}
}
