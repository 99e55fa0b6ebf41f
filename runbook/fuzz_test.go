package runbook

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.md")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	for _, name := range BuiltinNames() {
		source, _ := Builtin(name)
		f.Add(source)
	}
	f.Add([]byte("- [ ] a\n\n  ```console\n  $ ls \\\n  > x\n  ```\n\n1) b\n\t```sh {name=x\n\tif\n"))
	f.Add([]byte("---\nflightdeck: &a [*a]\n---\n> [!NOTE]\n> - [ ] x\n\n|a|\n|-|\n|b|\n<!-- c"))
	f.Add([]byte("\uFEFF# T\r\r## Rollback\r```flightdeck\rmonitor for=1s\r```\r"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		book := Parse("f.md", raw)
		checkInvariants(t, raw, book)
	})
}

// TestDeepAndWideDocuments are shapes that break careless recursion.
func TestDeepAndWideDocuments(t *testing.T) {
	for name, source := range map[string]string{
		"quotes":   strings.Repeat(">", maxQuotes) + " a",
		"brackets": "```bash\n" + strings.Repeat("$((", 100000) + "\n```\n",
		"script":   "```bash\n" + strings.Repeat("ls\n", 30000) + "```\n",
		"lists":    strings.Repeat("- ", 2000) + "a",
		"boxes":    strings.Repeat("- [ ] a\n", 5000),
		"nested":   nestedBoxes(300),
		"emphasis": strings.Repeat("*a **b ", 3000),
		"links":    strings.Repeat("[", 20000),
		"fences":   strings.Repeat("```bash\nls\n```\n", 3000),
		"headings": strings.Repeat("# Rollback\n", 5000),
		"table":    strings.Repeat("|a", 2000) + "\n" + strings.Repeat("|-", 2000) + "\n",
	} {
		t.Run(name, func(t *testing.T) { checkInvariants(t, []byte(source), Parse("f.md", []byte(source))) })
	}
}

func nestedBoxes(depth int) string {
	var b strings.Builder
	for i := range depth {
		fmt.Fprintf(&b, "%s- [ ] box %d\n", strings.Repeat("  ", i), i)
	}
	return b.String()
}

// large is a document of about 3,000 lines, ten times the longest that is usual.
func large() []byte {
	var b strings.Builder
	b.WriteString("# Deploy everything\n")
	for i := range 100 {
		fmt.Fprintf(&b, "\n## Phase %d\n\nSome words about *it*, with `code` and a [link](https://x.test/%d).\n\n", i, i)
		for j := range 8 {
			fmt.Fprintf(&b, "- [ ] check number %d of `service`\n", j)
		}
		fmt.Fprintf(&b, "\nRun it:\n\n```bash {name=run%d timeout=1m}\ncd /srv\ndocker compose run --rm x%d <issue>\n```\n", i, i)
		b.WriteString("\n1. Look\n2. Tell\n\n| a | b |\n|---|---|\n| c | d |\n\n> [!NOTE]\n> Mind.\n")
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	source := large()
	b.SetBytes(int64(len(source)))
	for b.Loop() {
		if book := Parse("f.md", source); len(book.Problems) > 0 {
			b.Fatal(book.Problems)
		}
	}
	b.ReportMetric(float64(strings.Count(string(source), "\n")), "lines")
}
