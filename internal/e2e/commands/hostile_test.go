//go:build unix

package commands

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"flightdeck/internal/termtest"
)

// attacks are what a log or a command can send to harm a terminal or to lie to its reader. Each
// holds the word PWNED or a number that nobody else uses.
func attacks() []string {
	return []string{
		"\x1b]52;c;UFdORUQ=\x07clipboard",                  // OSC 52
		"\x1b]0;PWNED\x07title", "\x1b]2;PWNED\x1b\\title", // titles
		"\x1b]8;;http://PWNED/\x1b\\link\x1b]8;;\x1b\\",
		"\x1b[2J\x1b[3J\x1b[31337;77Hmoved", "\x1b[?1049lleft the screen", "\x1b[?31337h", "\x1b[6n\x1b[c\x1b[>q asked",
		"\x1b[8;5;5t\x1b[21t resized", "\x1b[5mblinks\x1b[8mhidden", "\x1bc reset", "\x1b#8", "\x1b(0lqk", "\x1b%G",
		"\x1bP+q31337\x1b\\dcs", "\x1b_PWNED\x1b\\apc", "\x1b^PWNED\x1b\\pm", "\x1bXPWNED\x1b\\sos",
		"\x9b31337;1H c1 raw", "\u009b31337;1H c1", "\u009d52;c;UFdORUQ=\u009c c1 osc",
		"bidi \u202eDENWP\u202c \u2066x\u2069 \u200e\u200f\u061c", "bell \x07 back\x08\x08\x08 vt\x0b ff\x0c del\x7f nul\x00",
		"bad \xff\xfe\xc3\x28\xed\xa0\x80 utf-8", "progress 1%\rprogress 2%\rdone", "tab\tstop",
		"wide 日本語 👩‍👩‍👧 ok", "torn \x1b[31", "torn \x1b]52;c;UFdORUQ=", strings.Repeat("L", 10<<20),
	}
}

func payload(end string) string { return strings.Join(attacks(), "\n") + "\n\x1b[0m\n" + end + "\n" }

const hostileMD = "# Hostile\n\n```sh {name=hostile}\ncat payload\necho END-OF-$((40+2))\n```\n\n- [ ] I saw it\n"

// TestHostileOutput: into a pipe nothing but text comes through, and the journal holds no more.
func TestHostileOutput(t *testing.T) {
	t.Parallel()
	p := shop(t, files{"payload": payload(""), "hostile.md": hostileMD, "fails.md": strings.Replace(hostileMD, "echo END", "false; echo END", 1)})
	r := p.run("run", "hostile.md", "staging", "--yes", "--plain").is(0, "END-OF-42", "clipboard", "日本語")
	harmless(t, r.out)
	if n := len(r.out); n > 1<<20 {
		t.Errorf("a line of 10 MB became %d bytes of output", n)
	}
	if !regexp.MustCompile(`… \+\d+ bytes`).MatchString(r.out) {
		t.Error("the line that was cut has no marker")
	}
	r = p.run("run", "fails.md", "staging", "--yes", "--json")
	r.is(1)
	harmless(t, r.out)
	entries(t, r.out)
	harmless(t, p.run("show", "last").is(0).out)
	p.write("\x1b]0;PWNED\x07.md", "no steps\n")
	harmless(t, p.run("run", "\x1b]0;PWNED\x07.md", "staging", "--yes").err)
	harmless(t, p.run("lint", "\x1b]0;PWNED\x07.md").out)
}

// TestHostileDocument: what a runbook says is shown on the terminal too.
func TestHostileDocument(t *testing.T) {
	t.Parallel()
	p := shop(t, files{"doc.md": "# T\x1b]0;PWNED\x07\n\n## S \u202eDENWP\n\n- [ ] box \x1b[2J\u009b31337;1H\n\n1. by hand \x1b]52;c;UFdORUQ=\x07\n"})
	harmless(t, p.run("lint", "doc.md").out)
	harmless(t, p.run("run", "doc.md", "staging", "--dry-run").out)
	r := p.run("run", "doc.md", "staging", "--yes")
	harmless(t, r.out)
	harmless(t, p.run("history").is(0).out)
}

// harmless checks text that goes to a pipe or a plain terminal: no terminal control at all.
func harmless(t *testing.T, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("not UTF-8: %q", around(text, "\xff"))
	}
	for _, c := range text {
		if c < 0x20 && c != '\n' && c != '\t' && c != '\r' || c >= 0x7f && c < 0xa0 || turns(c) {
			t.Errorf("%U came through: %q", c, around(text, string(c)))
			return
		}
	}
}

// turns says whether a character changes the direction of what follows.
func turns(c rune) bool {
	return c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 || c == 0x200e || c == 0x200f || c == 0x061c
}

func around(text, what string) string {
	i := max(strings.Index(text, what), 0)
	return text[max(0, i-60):min(len(text), i+60)]
}

// TestHostileInTheCockpit reads every byte that the cockpit writes to its terminal.
func TestHostileInTheCockpit(t *testing.T) {
	t.Parallel()
	p := shop(t, files{"payload": payload("LOG-END"), "hostile.md": strings.Replace(hostileMD, "$((40+2))", "$((40+2)); while [ ! -e go ]; do sleep 0.1; done", 1),
		"local.yaml": strings.NewReplacer(`command: [sleep, "100000"]`, `command: [sh, -c, 'cat "$DIR/payload"; exec sleep 100000']`,
			`environment: {`, `environment: {DIR: "${DIR}", `).Replace(localYAML)})
	p.env = append(p.env, "DIR="+p.dir)
	p.run("deploy", "staging", "--yes").is(0)
	s := p.terminalOf(120, 40, "run", "hostile.md", "staging")
	s.sees("STAGING", "Hostile")
	press := func(key string, texts ...string) {
		t.Helper()
		if err := s.Send(key); err != nil {
			t.Fatal(err)
		}
		s.sees(texts...)
	}
	press(termtest.Enter, "y     start")
	press("y", "Press enter to run it", "LOG-END")
	// A key that comes right after the screen has changed may be taken for typing and be dropped.
	until(t, "the command run", func() bool {
		if err := s.Send(termtest.Enter); err != nil {
			t.Fatal(err)
		}
		return s.WaitFor(time.Second, "END-OF-42") == nil
	})
	p.write("go", "")
	s.sees("Tick every box")
	s.dies()
	if err := wellBehaved(s.Raw()); err != nil {
		t.Error(err)
	}
}

// sequence is one escape sequence, whole.
var sequence = regexp.MustCompile(`^\x1b(?:\[[0-?]*[ -/]*[@-~]|\][0-9]*[^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|[ -/]*[0-~])`)

// wanted are the sequences that the cockpit may use: colours, cursor, clearing, its modes and its
// questions about the terminal.
var wanted = regexp.MustCompile(`^\x1b(?:\[[0-9;:]*m|\[\?5W|\[[0-9;]{0,7}[ABCDGHdJKXLMPS@TbrI]|\[\?(?:1|7|12|25|1000|1002|1003|1004|1006|1049|2004|2026|2027|2031)(?:;[0-9]+)*[hl]|` +
	`\[\?(?:2026|2027|2031|1016|1004)\$p|\[[>=<?]?[0-9;]*[uc]|\[>[0-9;]*q|\[[0-9]? q|\[>4(?:;[0-9])?m|\[\?4m|\]1[012];\?(?:\x07|\x1b\\)|\]11[012](?:\x07|\x1b\\)|\]2;[^\x07\x1b]*(?:\x07|\x1b\\)|P\+q[0-9A-Fa-f;]*\x1b\\|[=>78MDH])$`)

// wellBehaved reads what a full-screen program wrote to its terminal.
func wellBehaved(raw string) error {
	if !utf8.ValidString(raw) {
		return fmt.Errorf("not UTF-8")
	}
	for _, bad := range []string{"\x1b]0;", "\x1b]52", "\x1b]8", "\x1b]2;PWNED", "\x1b[31337", "\x1b[?31337", "\x1b[3J", "\x1b[5m", "\x1b[8m", "\x1b[21t"} {
		if strings.Contains(raw, bad) {
			return fmt.Errorf("%q came through: %q", bad, around(raw, bad))
		}
	}
	for i := 0; i < len(raw); {
		c, n := utf8.DecodeRuneInString(raw[i:])
		if c == 0x1b {
			seq := sequence.FindString(raw[i:])
			if seq == "" && len(raw)-i < 64 {
				return nil // it was killed in the middle of one
			}
			if !wanted.MatchString(seq) {
				return fmt.Errorf("the sequence %q: %q", seq, raw[max(0, i-60):min(len(raw), i+60)])
			}
			i += len(seq)
			continue
		}
		if c < 0x20 && !strings.ContainsRune("\n\r\t\x08", c) || c >= 0x7f && c < 0xa0 || turns(c) {
			return fmt.Errorf("the character %U: %q", c, raw[max(0, i-60):min(len(raw), i+60)])
		}
		i += n
	}
	return nil
}
