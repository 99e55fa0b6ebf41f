package runbook

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shape gives the steps of the forward path: kind and title, and for a command its text.
func shape(book Runbook) []string {
	var out []string
	for _, s := range book.Steps() {
		line := string(s.Kind) + " " + s.Title
		if s.Command != nil {
			line += " $ " + s.Command.Text
		}
		for _, i := range s.Items {
			line += " [] " + i.Text
		}
		out = append(out, line)
	}
	return out
}

func TestWhatBecomesAStep(t *testing.T) {
	for _, c := range []struct {
		name, source string
		want         []string
	}{
		{"prompts are cut, output is left out", "```console\n$ docker ps\nCONTAINER ID\n$ docker run \\\n    x\n```\n", []string{"command docker ps $ docker ps\ndocker run \\\n    x"}},
		{"prompts in bash too", "```bash\n$ ls\n```\n", []string{"command ls $ ls"}},
		{"comments between prompts stay", "```console\n# look\n$ ls\n```\n", []string{"command look $ # look\nls"}},
		{"a quote of output is not run", "```console\n$ cat \\\n> x\n```\n", nil},
		{"tag in capitals", "```BASH\nls\n```\n", []string{"command ls $ ls"}},
		{"Pandoc class", "```{.bash}\nls\n```\n", []string{"command ls $ ls"}},
		{"tildes", "~~~sh\nls\n~~~\n", []string{"command ls $ ls"}},
		{"only comments", "```bash\n# ls\n```\n", nil},
		{"empty", "```bash\n```\n", nil},
		{"other languages", "```sql\nDROP TABLE x;\n```\n\n```powershell\nls\n```\n\n```python\nls()\n```\n", nil},
		{"markdown is a template", "```markdown\n- [ ] a\n```\n", nil},
		{"indented code", "    docker ps\n", nil},
		{"no language", "```\ndocker ps\n```\n", nil},
		{"HTML around it", "<details>\n<summary>More</summary>\n\n```bash\nls\n```\n\n</details>\n", []string{"command ls $ ls"}},
		{"inside HTML", "<pre>\n```bash\nls\n```\n</pre>\n", nil},
		{"a comment hides no step", "<!--\n- [ ] a\n```bash\nls\n```\n-->\n", nil},
		{"unclosed fence", "```bash\nls\n", []string{"command ls $ ls"}},
		{"continuation over CRLF", "```bash\r\nls \\\r\n  -l\r\n```\r\n", []string{"command ls \\ $ ls \\\n  -l"}},
		{"old line ends", "# T\r\r- [ ] a\r- [ ] b\r", []string{"checklist T [] a [] b"}},
		{"byte order mark", "\uFEFF# T\n\n- [ ] a\n", []string{"checklist T [] a"}},
		{"boxes of other forms", "- [] a\n- ⬜ b\n- ☐ c\n* [ ] d\n", []string{"checklist f [] a [] b [] c", "checklist f [] d"}},
		{"numbered boxes", "1. [ ] a\n2. [x] b\n", []string{"checklist f [] a [] b"}},
		{"ticks that are prose", "- ✅ a\n- ❌ b\n", nil},
		{"numbers", "1. a\n1. b\n1) c\n", []string{"manual a", "manual b", "manual c"}},
		{"plain bullets", "- a\n- b\n", nil},
		{"table of contents", "1. [a](#a)\n2. [b](#b)\n", nil},
		{"overview", "## Overview\n\n1. a\n2. b\n\n## Do\n\n1. c\n", []string{"manual c"}},
		{"boxes in a numbered item", "1. Check:\n   - [ ] a\n   - [ ] b\n2. Go\n", []string{"checklist Check [] a [] b", "manual Go"}},
		{"a group of boxes", "- Database\n  - [ ] a\n- Shop\n  - [ ] b\n", []string{"checklist Database [] a", "checklist Shop [] b"}},
		{"a command in a box", "- [ ] one\n- [ ] two\n  ```bash\n  ls\n  ```\n- [ ] three\n", []string{"checklist f [] one", "command two $ ls", "checklist f [] three"}},
		{"a fence after a numbered item", "1. Do it:\n```bash\nls\n```\n2. Look\n", []string{"command Do it $ ls", "manual Look"}},
		{"numbers inside a numbered item", "1. a\n   1. b\n   2. c\n2. d\n", []string{"manual b", "manual c", "manual d"}},
		{"title of the line before", "Some words. Then run:\n\n```bash\n# not this\nls\n```\n", []string{"command Then run $ # not this\nls"}},
		{"title of the name", "Some words.\n\n```bash {name=n}\nls\n```\n", []string{"command n $ ls"}},
		{"title of the sub-heading", "## A\n\n### B\n\n```bash\n# c\nls\n```\n\n## D\n", []string{"command B $ # c\nls"}},
		{"title of the comment", "## A\n\n```bash\n# c\nls\n```\n\n## D\n", []string{"command c $ # c\nls"}},
		{"title of the command", "## A\n\n```bash\n#!/bin/sh\nls\n```\n\n## D\n", []string{"command ls $ #!/bin/sh\nls"}},
		{"REPL and other hosts", "```bash\n>>> x\n```\n\n```bash\nroot@db:/# ls\n```\n\n```bash\ndb=# select\n```\n\n```console\nadmin> x\n```\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			book := Parse("f.md", []byte(c.source))
			checkInvariants(t, []byte(c.source), book)
			if diff := cmp.Diff(c.want, shape(book)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if len(book.Refused()) > 0 {
				t.Errorf("refused: %v", book.Refused())
			}
		})
	}
}

func TestPhasesTitleAndProcedures(t *testing.T) {
	for _, c := range []struct {
		name, source, title string
		phases, procedures  []string
	}{
		{"title and phases", "# T\n\n## A\n\n## B\n", "T", []string{"A", "B"}, nil},
		{"no heading", "1. a\n", "f", []string{"f"}, nil},
		{"one heading", "# T\n\n## A\n", "T", []string{"T"}, nil},
		{"phases on the first level", "# A\n\n# B\n", "f", []string{"A", "B"}, nil},
		{"phases on the third level", "# T\n\n## X\n\n1. x\n\n### A\n\n### B\n", "T", []string{"X", "A", "B"}, nil},
		{"Setext", "T\n=\n\nA\n-\n\nB\n-\n", "T", []string{"A", "B"}, nil},
		{"a step before the first phase", "# T\n\n1. a\n\n## A\n\n## B\n", "T", []string{"T", "A", "B"}, nil},
		{"an empty heading", "# T\n\n##\n\n## B\n", "T", []string{"Untitled section", "B"}, nil},
		{"apart", "## A\n\n## Rollback plan\n\n## Emergency contacts\n\n## Troubleshooting\n\n## FAQ\n\n## B\n", "f", []string{"A", "B"},
			[]string{"rollback Rollback plan", "emergency Emergency contacts", "troubleshooting Troubleshooting", "reference FAQ"}},
		{"words for going back", "## A\n\n## How to revert\n\n## Rolling back\n\n## 5. Roll-back\n\n## Restore the database backup\n\n## Zurückrollen\n", "f", []string{"A"},
			[]string{"rollback How to revert", "rollback Rolling back", "rollback 5. Roll-back", "rollback Restore the database backup", "rollback Zurückrollen"}},
		{"forward work about going back", "## Prepare the rollback\n\n## Verify rollback plan\n\n## Restore traffic\n", "f",
			[]string{"Prepare the rollback", "Verify rollback plan", "Restore traffic"}, nil},
		{"a document about going back", "# Rollback of the shop\n\n## Decide\n\n## Roll back\n\n## Troubleshooting\n", "Rollback of the shop",
			[]string{"Decide", "Roll back"}, []string{"troubleshooting Troubleshooting"}},
		{"inside a phase", "## A\n\n1. a\n\n### Rollback\n\n1. r\n\n### More\n\n1. b\n\n## B\n", "f", []string{"A", "B"}, []string{"rollback Rollback"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			book := Parse("f.md", []byte(c.source))
			checkInvariants(t, []byte(c.source), book)
			var phases, procedures []string
			for _, p := range book.Phases {
				phases = append(phases, p.Title)
			}
			for _, p := range book.Procedures {
				procedures = append(procedures, string(p.Kind)+" "+p.Title)
			}
			if book.Title != c.title {
				t.Errorf("title %q, want %q", book.Title, c.title)
			}
			if diff := cmp.Diff(c.phases, phases); diff != "" {
				t.Errorf("phases (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.procedures, procedures); diff != "" {
				t.Errorf("procedures (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPhaseGoesOnAfterItsProcedure(t *testing.T) {
	book := Parse("f.md", []byte("## A\n\n1. a\n\n### Rollback\n\n1. r\n\n### More\n\n1. b\n\n## B\n"))
	if diff := cmp.Diff([]string{"manual a", "manual b"}, shape(book)); diff != "" {
		t.Errorf("forward path (-want +got):\n%s", diff)
	}
	if got := book.Procedures[0].Phases[0].Steps[0].Title; got != "r" {
		t.Errorf("the procedure's step is %q", got)
	}
}

func TestCallouts(t *testing.T) {
	for source, want := range map[string]Block{
		"> [!CAUTION]\n> a\n> b":            {Kind: BlockCallout, Lang: "caution", Text: "a b"},
		"> **Note** a":                      {Kind: BlockCallout, Lang: "note", Text: "a"},
		"> **Warning:** a":                  {Kind: BlockCallout, Lang: "warning", Text: "a"},
		"**WARNING:** a `b`":                {Kind: BlockCallout, Lang: "warning", Text: "a `b`"},
		"**WARNING**: a":                    {Kind: BlockCallout, Lang: "warning", Text: "a"},
		"Note: a":                           {Kind: BlockCallout, Lang: "note", Text: "a"},
		"⚠️ a":                              {Kind: BlockCallout, Lang: "warning"},
		"!!! warning \"Mind\"\n    a":       {Kind: BlockCallout, Lang: "warning", Text: "Mind: a"},
		"> a\n> b":                          {Kind: BlockText, Text: "a b"},
		"**Note** that a":                   {Kind: BlockText, Text: "Note that a"},
		"Noted: a":                          {Kind: BlockText, Text: "Noted: a"},
		"a &amp; b <issue> <br> c":          {Kind: BlockText, Text: "a & b <issue> c"},
		"```json\na\tb\n```":                {Kind: BlockCode, Lang: "json", Text: "a    b"},
		"- a\n  - b\n- c":                   {Kind: BlockList, Text: "- a\n  - b\n- c"},
		"|a|b|\n|-|-|\n|`x`|**long cell**|": {Kind: BlockTable, Text: "| a   | b         |\n|-----|-----------|\n| `x` | long cell |"},
	} {
		book := Parse("f.md", []byte(source+"\n\n1. step\n"))
		steps := book.Steps()
		if len(steps) != 1 || len(steps[0].Why) != 1 {
			t.Errorf("%q: steps %+v", source, steps)
			continue
		}
		got := steps[0].Why[0]
		if got.Pos != (Position{File: "f.md", Line: 1, Column: 1}) {
			t.Errorf("%q: position %v", source, got.Pos)
		}
		if strings.HasPrefix(source, "⚠") {
			got.Text = "" // how an emoji is shown is the business of package clean
		}
		got.Pos = Position{}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: block (-want +got):\n%s", source, diff)
		}
	}
}

func TestPositionsAreThoseOfTheFile(t *testing.T) {
	source := "\uFEFF# T\r\n\r\ntext \xff\xfe here:\r\n\r\n- [ ] ä\r\n  - [ ] b\r\n\r\n```bash {naem=x}\r\nls\r\n```\r\n"
	book := Parse("f.md", []byte(source))
	s := book.Steps()
	got := []Position{book.Problems[0].Pos, s[0].Pos, s[0].Items[1].Pos, book.Problems[1].Pos, s[1].Pos}
	want := []Position{{"f.md", 3, 6}, {"f.md", 5, 1}, {"f.md", 6, 3}, {"f.md", 8, 10}, {"f.md", 8, 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("positions (-want +got):\n%s\n%s", diff, problemsOf(book))
	}
}

// An edit elsewhere must not make other steps of what is already done.
func TestIdentifiersSurviveEditsElsewhere(t *testing.T) {
	before := Parse("f.md", []byte("## A\n\n1. a\n2. a\n\nRun:\n\n```bash\nls\n```\n\n## B\n\n- [ ] x\n\n## A\n\n1. a\n"))
	after := Parse("f.md", []byte("# New\n\nWords.\n\n## Zero\n\n1. z\n\n## A\n\nMore words.\n\n1. a\n2. a\n3. c\n\nRun:\n\n```bash\nls\n```\n\n## B\n\n- [ ] w\n- [ ] x\n\n## A\n\n1. a\n"))
	have := map[string]bool{}
	for _, s := range after.Steps() {
		have[s.ID] = true
		for _, i := range s.Items {
			have[i.ID] = true
		}
	}
	var ids []string
	for _, s := range before.Steps() {
		ids = append(ids, s.ID)
		for _, i := range s.Items {
			ids = append(ids, i.ID)
		}
	}
	for _, id := range ids {
		if !have[id] {
			t.Errorf("%s is gone after an edit elsewhere", id)
		}
	}
	want := []string{"a/manual-ca978112", "a/manual-ca978112-2", "a/command-c7b68ac3", "b/checklist-df7e70e5", "b/item-2d711642", "a/manual-ca978112-3"}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Errorf("identifiers (-want +got):\n%s", diff)
	}
}

func TestPlaceholders(t *testing.T) {
	for command, want := range map[string][]string{
		"gh issue close <issue> && gh issue view <issue>": {"<issue>"},
		"docker tag app:{{version}} app:{{ version }}":    {"{{version}}", "{{ version }}"},
		"git switch [feature-name]":                       {"[feature-name]"},
		"echo [VERSION] {name} vX.Y":                      {"[VERSION]", "{name}", "vX.Y"},
		"pg_restore db-YYYY-MM-DD.dump":                   {"YYYY-MM-DD"},
		"curl https://app.example.com your-project xxxx":  {"app.example.com", "your-project", "xxxx"},
		"echo <強力なパスワード>":                                 {"<強力なパスワード>"},
		"echo $HOME ${USER} $1 %{http_code} stash@{0}":    nil,
		"cat <in >out; cat <<EOF >x\nEOF":                 nil,
		"diff <(a) >(b) 2>&1 <&3":                         nil,
		"docker ps --format '{{.Names}}\t{{json .}}'":     nil,
		"ls [a-z]* [0-9a-f] [^x] ${a[i]} [[ -f x ]]":      nil,
		"if [ -f x ]; then ls {1..5} {a,b}; fi":           nil,
		"git commit --author 'A <a@b.org>' HEAD^{commit}": nil,
		"# see <url>\nls":                                 nil,
		"awk '{print}' x":                                 nil,
		"date +%Y-%m-%d":                                  nil,
	} {
		if diff := cmp.Diff(want, Placeholders(command)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", command, diff)
		}
	}
}

func TestVariableOfAnotherFenceMustBeFilledIn(t *testing.T) {
	book := Parse("f.md", []byte("```bash\nDIR=/x\n```\n\n```bash\nrm -rf \"$DIR\"/y $HOME\n```\n\n```bash\nDIR=/z\nls $DIR\n```\n"))
	var got [][]string
	for _, s := range book.Steps() {
		got = append(got, s.Command.Placeholders)
	}
	if diff := cmp.Diff([][]string{{"$DIR"}, nil}, got); diff != "" {
		t.Errorf("placeholders (-want +got):\n%s", diff)
	}
}
