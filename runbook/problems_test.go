package runbook

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// problemsOf gives the problems of a document, one a line: severity and text.
func problemsOf(book Runbook) string {
	var lines []string
	for _, p := range book.Problems {
		lines = append(lines, string(p.Severity)+" "+p.Error())
	}
	return strings.Join(lines, "\n")
}

func inFence(info, text string) string { return "# T\n\n```" + info + "\n" + text + "\n```\n" }

type problemCase struct{ name, source, want string }

func checkProblems(t *testing.T, cases []problemCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, problemsOf(Parse("f.md", []byte(c.source)))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProblemsOfAttributes(t *testing.T) {
	checkProblems(t, []problemCase{
		{"clean", inFence("bash", "ls"), ""},
		{"clean attributes", inFence(`bash {name=a timeout=10m undo="x y" terminal=true optional=no}`, "ls"), ""},
		{"foreign attributes", inFence("bash {.numberLines #id 1,3-5}", "ls"), ""},
		{"foreign title", inFence(`bash title="a.sh"`, "ls"), ""},
		{"unknown attribute", inFence("bash {name=a colour=red}", "ls"),
			`warning f.md:3:17: unknown attribute "colour" (known: name, optional, terminal, timeout, undo)`},
		{"slip of an attribute", inFence("bash {tiemout=10m}", "ls"),
			`error f.md:3:10: unknown attribute "tiemout" (did you mean "timeout"?)`},
		{"no unit", inFence("bash {timeout=10}", "ls"),
			`error f.md:3:18: timeout: "10" has no unit (write 10s for seconds or 10m for minutes)`},
		{"no duration", inFence("bash {timeout=soon}", "ls"),
			`error f.md:3:18: timeout: "soon" is not a duration (write it like 30s, 10m or 1h30m)`},
		{"zero", inFence("bash {timeout=0s}", "ls"),
			`error f.md:3:18: timeout: "0s" is not longer than zero (write it like 30s, 10m or 1h30m)`},
		{"too long", inFence("bash {timeout=1000h}", "ls"),
			`error f.md:3:18: timeout: "1000h" is longer than seven days (write it like 30s, 10m or 1h30m)`},
		{"no truth", inFence("bash {terminal=maybe}", "ls"),
			`error f.md:3:19: terminal: "maybe" is neither true nor false (write terminal=true)`},
		{"no value", inFence("bash {terminal}", "ls"), `error f.md:3:10: "terminal" has no value (write terminal=true)`},
		{"empty value", inFence("bash {undo=}", "ls"), `error f.md:3:15: undo is empty (give it a value or leave it out)`},
		{"twice", inFence("bash {name=a name=b}", "ls"), `error f.md:3:17: "name" is given twice (keep one of them)`},
		{"open quote", inFence(`bash {undo="x}`, "ls"),
			`error f.md:3:15: the value of "undo" has an opening quote and no closing one (write undo="...")`},
		{"open brace", inFence("bash {name=a", "ls"), `error f.md:3:9: the attributes are not closed (add a } at the end of the line)`},
		{"without braces", inFence("bash timeout=10m", "ls"), `warning f.md:3:9: "timeout" is only read in braces (write {timeout=10m})`},
	})
}

func TestProblemsOfCommands(t *testing.T) {
	checkProblems(t, []problemCase{
		{"same name", "```bash {name=a}\nls\n```\n\n```sh {name=a}\nps\n```\n",
			`warning f.md:5:1: another command is called "a" too, at f.md:1:1 (names should tell the commands apart)`},
		{"does not parse", "- x\n\n  ```bash\n  ls\n  echo ü; if\n  ```\n",
			"error f.md:5:11: this does not parse as shell: `if` must be followed by a statement list (correct the command, or tag the fence ```text if it is only to be read)"},
		{"sh does not parse", inFence("sh", "echo $("),
			"error f.md:4:6: this does not parse as shell: reached EOF without matching `$(` with `)` (correct the command, or tag the fence ```text if it is only to be read)"},
		{"shell does not parse", inFence("shell", "echo ("),
			"warning f.md:1:1: no step found in this document (steps are `- [ ]` items, numbered items, and fences tagged bash, sh or flightdeck)\n" +
				"warning f.md:4:1: this does not parse as shell, so it is shown and not run: `foo(` must be followed by `)` (tag it ```bash if it is to be run)"},
		{"control character", inFence("bash", "echo a\x1b[2Jb"),
			`error f.md:4:7: the command contains the control character U+001B, which a terminal does not show (delete it: what is shown must be exactly what runs)`},
		{"carriage return", inFence("bash", "echo a # \rrm -rf /tmp/x"),
			`error f.md:4:10: the command contains the control character U+000D, which a terminal does not show (delete it: what is shown must be exactly what runs)`},
		{"bidi", inFence("bash", "echo \u202Eabc"),
			`error f.md:4:6: the command contains the invisible character U+202E, which a terminal does not show (delete it: what is shown must be exactly what runs)`},
		{"zero width", inFence("bash", "rm\u200B x"),
			`error f.md:4:3: the command contains the invisible character U+200B, which a terminal does not show (delete it: what is shown must be exactly what runs)`},
		{"variation in a word", inFence("bash", "rm\uFE0F x"),
			`error f.md:4:3: the command contains the invisible character U+FE0F, which a terminal does not show (delete it: what is shown must be exactly what runs)`},
		{"emoji", inFence("bash", "echo '⚠️ 👩‍💻'"), ""},
		{"not UTF-8", inFence("bash", "echo ü\xff"),
			"notice f.md:4:7: the file is not UTF-8 here; the bytes are shown as \uFFFD (save the file as UTF-8)\n" +
				`error f.md:4:7: the command contains a byte that is not UTF-8 (save the file as UTF-8)`},
		{"a gate between commands", inFence("bash", "make a\n# STOP here if it failed\nmake b"),
			`warning f.md:5:1: this comment asks for a look between two commands, but a fence runs as one (put the commands after it in a fence of their own)`},
		{"a variable of another fence", "```bash\nDIR=/x\nls $DIR\n```\n\n```bash\nrm -rf $DIR/\n```\n",
			`warning f.md:7:1: $DIR is set in another fence, at f.md:2:1, and is empty in this one (every command has a shell of its own: set it in this fence, or fill it in when the run asks)`},
	})
}

func TestProblemsOfBuiltinSteps(t *testing.T) {
	for _, c := range []struct{ name, lines, want string }{
		{"clean", "deploy\nmonitor for=30s\nnote x\nrollback to=ab12", ""},
		{"unknown word", "# hm\n  deplyo services=a", `error f.md:5:3: unknown step "deplyo" (did you mean "deploy"?)`},
		{"unknown word, no neighbour", "restart", `error f.md:4:1: unknown step "restart" (known: deploy, monitor, note, rollback)`},
		{"unknown key", "monitor fro=30s", `error f.md:4:9: monitor has no key "fro" (did you mean "for"?)`},
		{"unknown key, no neighbour", "deploy colour=red", `error f.md:4:8: deploy has no key "colour" (known: services, remove-orphans)`},
		{"no pair", "deploy backend", `error f.md:4:8: "backend" is not key=value (keys of deploy: services, remove-orphans)`},
		{"no value", "monitor for", `error f.md:4:9: "for" has no value (write for=30s)`},
		{"twice", "monitor for=1s for=2s", `error f.md:4:16: "for" is given twice (keep one of them)`},
		{"duration", "monitor for=30", `error f.md:4:13: for: "30" has no unit (write 30s for seconds or 30m for minutes)`},
		{"timeout", "monitor timeout=-1s", `error f.md:4:17: timeout: "-1s" is not longer than zero (write it like 30s, 10m or 1h30m)`},
		{"services", "deploy services=a,,b", `error f.md:4:19: services: "" is not the name of a service (write services=backend,worker without spaces)`},
		{"remove-orphans", "deploy remove-orphans=true", `error f.md:4:23: remove-orphans: "true" is neither yes nor no (write remove-orphans=yes)`},
		{"to", "rollback to=$X", `error f.md:4:13: to: "$X" is not the ID of a release (flightdeck rollback --list shows them)`},
		{"note", "note", `error f.md:4:1: note has no text (write note TEXT)`},
		{"hidden", "note a\u202Eb", `error f.md:4:7: the step contains the invisible character U+202E, which a terminal does not show (delete it)`},
		{"two mistakes", "monitor fro=1s timeout=x", `error f.md:4:9: monitor has no key "fro" (did you mean "for"?)` + "\n" +
			`error f.md:4:24: timeout: "x" is not a duration (write it like 30s, 10m or 1h30m)`},
		{"empty", "# nothing", `warning f.md:3:1: this flightdeck fence has no step (known: deploy, monitor, note, rollback)`},
	} {
		t.Run(c.name, func(t *testing.T) {
			source := "- [ ] x\n\n```flightdeck\n" + c.lines + "\n```\n"
			if diff := cmp.Diff(c.want, problemsOf(Parse("f.md", []byte(source)))); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProblemsOfTheDocument(t *testing.T) {
	const noStep = "warning f.md:1:1: no step found in this document (steps are `- [ ]` items, numbered items, and fences tagged bash, sh or flightdeck)"
	checkProblems(t, []problemCase{
		{"empty", "", noStep},
		{"only prose", "# T\n\nWords.\n", noStep},
		{"NUL", "# T\r\n\r\n- [ ] a\x00b\n", "error f.md:3:8: the file is not text: it has a NUL byte here (is this the right file?)"},
		{"UTF-16", "\xff\xfe#\x00", "error f.md: the file is UTF-16 (save it as UTF-8)"},
		{"too large", strings.Repeat("x", MaxSize+1), "error f.md: the file has 2097153 bytes; a runbook may have 2097152 (is this the right file?)"},
		{"quotes", "a\n" + strings.Repeat("> ", 51) + "a\n", "error f.md:2:1: the document has more quotes here than can be read (is this the right file?)"},
		{"links", strings.Repeat("[a](b)", 2001), "error f.md:1:1: the document has more links in one paragraph here than can be read (is this the right file?)"},
		{"definitions", strings.Repeat("[a]: b\n", 5001), "error f.md:5001:1: the document has more definitions of links here than can be read (is this the right file?)"},
		{"nested script", "- [ ] a\n\n```bash\n" + strings.Repeat("(", 201) + "\n```\n", "warning f.md:4:1: this is too long or too deeply nested to be checked, so it is shown and not run (put it into a script and run that)"},
		{"flightdeck attributes", "```flightdeck {name=x}\ndeploy\n```\n", "error f.md:1:1: a flightdeck fence takes no attributes (write them behind the step: monitor for=30s)"},
		{"a step in a quote", "- [ ] a\n\n> ```bash\n> ls\n> ```\n", "notice f.md:3:3: a step inside a quote is shown, not run (take it out of the quote if it is to be done)"},
		{"no language", "- [ ] a\n\n```\ndocker compose up -d\ngit pull\n```\n", "notice f.md:3:1: this fence has no language, so it is shown and not run (tag it ```bash if it is to be run)"},
		{"console without prompts", "- [ ] a\n\n```console\ndocker ps\n```\n", "notice f.md:4:1: commands and output cannot be told apart without a prompt, so this is shown and not run (begin the commands with $, or tag the fence ```bash)"},
		{"another machine", "- [ ] a\n\n```bash\nls\ndeploy@web-1:~$ ls\n```\n", "warning f.md:5:1: this is typed on another machine, so it is shown and not run (take the prompt away if it is to be run here)"},
		{"another program", "- [ ] a\n\n```bash\nmysql> DROP TABLE x;\n```\n", "warning f.md:4:1: this has the prompt of another program, so it is shown and not run (take the prompt away if it is a shell command)"},
		{"quoted", "- [ ] a\n\n```bash\nls\n> file\n```\n", "warning f.md:5:1: a line that begins with > would empty a file, so this is shown and not run (write : > FILE if that is meant)"},
		{"only variables", "- [ ] a\n\n```bash\nA=1\nexport B=2\ncd /srv\n```\n", "warning f.md:4:1: this only prepares a shell, which no later command would see, so it is shown and not run (put it into the fence that needs it)"},
		{"another shell", "- [ ] a\n\n```bash\nls\nssh user@server\nrm x\n```\n", "warning f.md:5:1: this opens another shell, and what follows is meant for that one, so it is shown and not run (write it like ssh HOST 'command', or open the shell alone in a fence with {terminal=true})"},
		{"position behind output", "- [ ] a\n\n```console\n$ ls\nx\ny\n$ ssh host\n```\n", "warning f.md:7:3: this opens another shell, and what follows is meant for that one, so it is shown and not run (write it like ssh HOST 'command', or open the shell alone in a fence with {terminal=true})"},
		{"here-document between prompts", "- [ ] a\n\n```console\n$ cat <<E\nx\nE\n```\n", "warning f.md:4:3: a here-document between prompts cannot be told from output, so this is shown and not run (write the commands without prompts in a ```bash fence)"},
		{"foreign front matter", "---\ntitle: x\n---\n- [ ] a\n", ""},
		{"broken front matter", "---\ntitle: [x\n---\n- [ ] a\n", "notice f.md:1:1: the front matter is not YAML: sequence end token ']' not found (nothing of it is needed)"},
		{"own key", "---\nname: x\nflightdeck:\n  inputs: [a]\n  ordr: b\n---\n- [ ] a\n",
			"warning f.md:4:3: flightdeck: has no key \"inputs\", so it has no effect (leave it out: no key is known here)\n" +
				"warning f.md:5:3: flightdeck: has no key \"ordr\", so it has no effect (leave it out: no key is known here)"},
		{"own key, no mapping", "---\nflightdeck: yes\n---\n- [ ] a\n", "warning f.md:2:1: flightdeck: in the front matter is not a mapping, so it is not read (leave it out: no key is known here)"},
	})
}

func TestUnreadableDocumentHasNothingToRun(t *testing.T) {
	book := Parse("dir/f.md", []byte("# T\n\n```bash\nls\x00\n```\n"))
	if len(book.Refused()) != 1 || len(book.Steps()) != 0 || book.Title != "f" {
		t.Errorf("reading: %+v", book)
	}
}
