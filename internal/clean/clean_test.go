package clean

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// payloads are what a hostile container can write, each as the start of a line "…after".
func payloads() map[string]string {
	return map[string]string{
		"clear screen":               "\x1b[2J\x1b[H",
		"clipboard, BEL":             "\x1b]52;c;ZXZpbA==\x07",
		"clipboard, ST":              "\x1b]52;c;ZXZpbA==\x1b\\",
		"clipboard, unterminated":    "\x1b]52;c;ZXZpbA==",
		"title":                      "\x1b]0;owned\x07",
		"title, unterminated":        "\x1b]2;owned",
		"hyperlink":                  "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
		"reset":                      "\x1bc",
		"alternate screen":           "\x1b[?1049h",
		"mouse on":                   "\x1b[?1000h\x1b[?1006h",
		"cursor report":              "\x1b[6n\x1b[c\x1b[>c",
		"DECRQSS":                    "\x1bP$q\"p\x1b\\",
		"DCS, unterminated":          "\x1bP1;2q",
		"APC":                        "\x1b_Gf=100;AAAA\x1b\\",
		"PM":                         "\x1b^private\x1b\\",
		"SOS":                        "\x1bXstring\x1b\\",
		"C1 CSI":                     "\u009b2J",
		"C1 CSI, raw":                "\x9b2J",
		"C1 OSC":                     "\u009d52;c;ZXZpbA==\u009c",
		"C1 OSC, raw":                "\x9d52;c;ZXZpbA==\x9c",
		"C1 DCS, raw":                "\x90+q544e\x9c",
		"NEL and other C1":           "\u0085\u0084\x85\x84",
		"backspaces":                 "secret\b\b\b\b\b\b",
		"bell, NUL, DEL":             "\a\x00\x7f\v\f",
		"bidi override":              "\u202egnirts\u202c",
		"bidi isolate":               "\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
		"zero width":                 "a\u200bb\u200cc\u200dd\u2060e\ufeff",
		"variation selector":         "⚠\ufe0f❤\ufe0f1\ufe0f\u20e3",
		"skin tone":                  "👍\U0001f3fd",
		"joined emoji":               "👩\u200d💻",
		"tag characters":             "\U000e0001\U000e0041\U000e007f",
		"line separators":            "a\u2028b\u2029c",
		"fillers":                    "a\u3164\u115f\u1160\uffa0\u034f\u00ad",
		"invalid UTF-8":              "\xff\xfe\xc0\xaf\xed\xa0\x80",
		"torn rune":                  "\xe2\x9c",
		"torn rune that looks C1":    "\xe2\x9b31m",
		"zalgo":                      "e\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309",
		"mark without base":          "\u0301\u0488",
		"keypad, charset, save":      "\x1b=\x1b>\x1b(B\x1b7\x1b8\x1b#8",
		"scroll region":              "\x1b[3;4r\x1bM\x1bD\x1bE",
		"answerback, window, report": "\x05\x1b[21t\x1b[11t",
		"escape in escape":           "\x1b[\x1b[31\x1b]\x1b]0;x\x07",
		"CSI with controls inside":   "\x1b[3\x001m\x1b[3\x181m",
		"nested string starts":       strings.Repeat("\u009d", 2000),
		"ESC at the end of nothing":  "\x1b",
		"interlinear":                "\ufff9a\ufffab\ufffb",
		"noncharacters":              "\ufffe\uffff\ufdd0",
		"title of screen":            "\x1bkowned\x1b\\",
		"bracketed paste":            "\x1b[200~rm -rf /\x1b[201~",
	}
}

// unsafe names the first thing in s that may not reach a terminal.
func unsafe(s string, newlines bool) string {
	if !utf8.ValidString(s) {
		return "invalid UTF-8"
	}
	for _, r := range s {
		switch {
		case r == '\n' && newlines:
		case r < 0x20, r >= 0x7f && r <= 0x9f:
			return "a control character"
		case r == 0x2028, r == 0x2029, unicode.Is(unicode.Cf, r), r == 0xfe0f,
			r >= 0x1f3fb && r <= 0x1f3ff, r >= 0xe0000 && r <= 0xe0fff:
			return "a hidden or reordering mark"
		}
	}
	return ""
}

func TestNothingHostileComesThrough(t *testing.T) {
	for name, p := range payloads() {
		t.Run(name, func(t *testing.T) {
			for _, raw := range []string{p, p + "after", "before " + p + " after", p + p} {
				text, _ := Line([]byte(raw), 0)
				if why := unsafe(text, false); why != "" {
					t.Errorf("Line(%q) = %q holds %s", raw, text, why)
				}
				if got := Text(raw + "\nnext"); unsafe(got, true) != "" || !strings.HasSuffix(got, "\nnext") {
					t.Errorf("Text(%q) = %q: %s", raw, got, unsafe(got, true))
				}
				if got := Name(raw + "\nnext"); unsafe(got, false) != "" || strings.Contains(got, "\n") {
					t.Errorf("Name(%q) = %q: %s", raw, got, unsafe(got, false))
				}
			}
			if !Hides(p) {
				t.Errorf("Hides(%q) = false", p)
			}
			// Whatever the first line was, the ten that follow are whole.
			a, lines := NewAssembler(0), []string(nil)
			a.Write([]byte(p+"\n"+strings.Repeat("later\n", 10)), func(s string, _ []Span) { lines = append(lines, s) })
			if len(lines) != 11 || strings.Join(lines[1:], "") != strings.Repeat("later", 10) {
				t.Errorf("lines after %q: %q", p, lines)
			}
		})
	}
	if n := len(payloads()); n < 24 {
		t.Errorf("%d payloads, want 24 or more", n)
	}
}

func TestLineText(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "hello", "hello"},
		{"line end", "hello\r\n", "hello"},
		{"several returns", "hello\r\r\n", "hello"},
		{"empty", "\n", ""},
		{"utf-8", "žluťoučký 世界 🚀 ✓", "žluťoučký 世界 🚀 ✓"},
		{"progress", "10%\r50%\r100%", "100%"},
		{"progress erased at the end", "done\r\x1b[K", "done"},
		{"progress with erase", "10%\r\x1b[K100%", "100%"},
		{"hyperlink keeps its text", "\x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\ me", "click me"},
		{"sequence keeps what is around", "a\x1b[31mb\x1b[0mc", "abc"},
		{"BEL-terminated", "a\x1b]52;c;xx\x07b", "ab"},
		{"ST-terminated with UTF-8 inside", "a\x1b]0;ok ✓ \u2713\x1b\\b", "ab"},
		{"unterminated hides nothing", "a\x1b]0;evil, and then the end", "a0;evil, and then the end"},
		{"C1", "a\u009b31mb\x9b0mc", "abc"},
		{"tabs", "a\tb\t世\tc", "a       b       世      c"},
		{"tab after colour", "\x1b[31ma\x1b[0m\tb", "a       b"},
		{"invalid", "a\xffb", "a\ufffdb"},
		{"torn", "a\xe2\x9c b", "a\ufffd b"},
		{"surrogate", "\xed\xa0\x80", "\ufffd\ufffd"},
		{"separators", "a\u2028b", "a b"},
		{"newline inside", "a\nb", "a b"},
		{"bidi", "a\u202eb", "ab"},
		{"variation selector", "⚠\ufe0f x", "⚠ x"},
		{"zalgo", "e\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301"},
		{"concealed stays readable", "\x1b[8mhidden", "hidden"},
		{"flags become letters", "🇩🇪 🇩", "DE D"},
		{"backspace", "ab\bc", "abc"},
		{"two-letter escapes", "a\x1b(Bb\x1b=c", "abc"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, _ := Line([]byte(tc.in), 0); got != tc.want {
				t.Errorf("Line(%q) = %q, want %q", tc.in, got, tc.want)
			}
		})
	}
}

func TestTextAndName(t *testing.T) {
	for _, tc := range []struct{ in, text, name string }{
		{"one\ntwo", "one\ntwo", "one two"},
		{"one\r\ntwo\rthree", "one\ntwo\nthree", "one two three"},
		{"a\tb\nc\td", "a       b\nc       d", "a       b c       d"},
		{"\x1b[31mred\x1b[0m", "red", "red"},
		{"no such image \x1b]0;x: pull failed\nsecond", "no such image 0;x: pull failed\nsecond", "no such image 0;x: pull failed second"},
		{"", "", ""},
	} {
		if got := Text(tc.in); got != tc.text {
			t.Errorf("Text(%q) = %q, want %q", tc.in, got, tc.text)
		}
		if got := Name(tc.in); got != tc.name {
			t.Errorf("Name(%q) = %q, want %q", tc.in, got, tc.name)
		}
	}
	for _, s := range []string{"echo a\n\techo b\r\n", "echo 'žluť'", ""} {
		if Hides(s) {
			t.Errorf("Hides(%q) = true", s)
		}
	}
	if !Hides("rm x\ry") {
		t.Error("a lone carriage return hides what is before it")
	}
}

func TestSpans(t *testing.T) {
	red, bold := Style{Foreground: 2}, Style{Bold: true}
	for _, tc := range []struct {
		name, in, text string
		want           []Span
	}{
		{"none", "abc", "abc", nil},
		{"red", "a\x1b[31mbc\x1b[0md", "abcd", []Span{{1, 3, red}}},
		{"to the end of the line", "a\x1b[31mbc", "abc", []Span{{1, 3, red}}},
		{"empty reset", "\x1b[31ma\x1b[mb", "ab", []Span{{0, 1, red}}},
		{"trailing semicolon resets", "\x1b[31ma\x1b[1;mb", "ab", []Span{{0, 1, red}}},
		{"same colour again is one span", "\x1b[31ma\x1b[31mb", "ab", []Span{{0, 2, red}}},
		{"bold red, then red", "\x1b[1;31ma\x1b[22mb", "ab", []Span{{0, 1, Style{2, true, false}}, {1, 2, red}}},
		{"bright and faint", "\x1b[2;97ma", "a", []Span{{0, 1, Style{16, false, true}}}},
		{"default foreground", "\x1b[1;31ma\x1b[39mb", "ab", []Span{{0, 1, Style{2, true, false}}, {1, 2, bold}}},
		{"256 colours", "\x1b[38;5;196ma\x1b[38;5;1mb", "ab", []Span{{0, 1, Style{Foreground: 10}}, {1, 2, red}}},
		{"256 colours, colons", "\x1b[38:5:196ma", "a", []Span{{0, 1, Style{Foreground: 10}}}},
		{"truecolor", "\x1b[38;2;250;2;3;1ma", "a", []Span{{0, 1, Style{10, true, false}}}},
		{"truecolor, colons", "\x1b[38:2::0:205:0ma", "a", []Span{{0, 1, Style{Foreground: 3}}}},
		{"background is dropped", "\x1b[48;5;1;1ma", "a", []Span{{0, 1, bold}}},
		{"private is not SGR", "\x1b[>4;31ma\x1b[?31mb", "ab", nil},
		{"C1", "\u009b31ma", "a", []Span{{0, 1, red}}},
		{"edges never split a character", "e\x1b[31m\u0301x\x1b[0m\u0301y", "e\u0301x\u0301y", []Span{{3, 6, red}}},
		{"huge parameter", "\x1b[99999999999999999999;31ma", "a", []Span{{0, 1, red}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text, spans := Line([]byte(tc.in), 0)
			if text != tc.text {
				t.Errorf("text %q, want %q", text, tc.text)
			}
			if d := cmp.Diff(tc.want, spans); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOverLongLineIsCut(t *testing.T) {
	raw := []byte(strings.Repeat("x", 10_000_000))
	text, _ := Line(raw, 0)
	if len(text) > MaxLine {
		t.Errorf("%d bytes kept", len(text))
	}
	head, tail, ok := strings.Cut(text, "… +")
	if !ok || tail != "9934496 bytes" || len(head) != 10_000_000-9_934_496 {
		t.Errorf("kept %d bytes, marker %q", len(head), tail)
	}
	if again, _ := Line([]byte(text), 0); again != text {
		t.Error("cutting the cut line changed it")
	}
	if text, _ := Line([]byte(strings.Repeat("x", 100)), 100); text != strings.Repeat("x", 100) {
		t.Errorf("a line of just the limit became %q", text)
	}
	if text, _ := Line([]byte(strings.Repeat("x", 101)), 100); text != strings.Repeat("x", 68)+"… +33 bytes" {
		t.Errorf("a line of one too many became %q", text)
	}
	if text, _ := Line([]byte(strings.Repeat("世", 100)), 100); unsafe(text, false) != "" || !strings.HasPrefix(text, strings.Repeat("世", 22)+"… +") {
		t.Errorf("wide line became %q", text)
	}
	if text, _ := Line([]byte(strings.Repeat("\t", 1000)), 100); len(text) > 100 {
		t.Errorf("tabs became %d bytes", len(text))
	}
}

func TestEndlessLineNeedsLittleMemory(t *testing.T) {
	a, piece := NewAssembler(0), []byte(strings.Repeat("y", 16<<10))
	for range 640 {
		a.Write(piece, func(string, []Span) { t.Error("a line without an end ended") })
	}
	if n := cap(a.now) + cap(a.before); n > 4*MaxLine {
		t.Errorf("the assembler holds %d bytes", n)
	}
	var got []string
	a.Write([]byte("\nnext\n"), func(s string, _ []Span) { got = append(got, s) })
	if len(got) != 2 || !strings.HasSuffix(got[0], "… +10420256 bytes") || got[1] != "next" {
		t.Errorf("%d lines, the first ends in %q", len(got), got[0][max(0, len(got[0])-30):])
	}
}

func TestAssembler(t *testing.T) {
	a := NewAssembler(0)
	var got []string
	add := func(s string, _ []Span) { got = append(got, s) }
	a.Flush(add)
	a.Write([]byte("one\ntwo\r"), add)
	a.Write([]byte("\nPassword: "), add)
	if text, _, ok := a.Partial(); !ok || text != "Password: " {
		t.Errorf("partial %q, %v", text, ok)
	}
	a.Write([]byte("\r"), add)
	a.Write([]byte("10%\r20%"), add)
	if text, _, _ := a.Partial(); text != "20%" {
		t.Errorf("partial %q", text)
	}
	a.Write([]byte("\r\x1b[K"), add)
	if text, _, _ := a.Partial(); text != "20%" {
		t.Errorf("partial %q after an erase", text)
	}
	a.Write([]byte("\n\n"), add)
	if _, _, ok := a.Partial(); ok {
		t.Error("a partial line after a newline")
	}
	a.Write([]byte("no newline"), add)
	a.Flush(add)
	a.Flush(add)
	if d := cmp.Diff([]string{"one", "two", "20%", "", "no newline"}, got); d != "" {
		t.Error(d)
	}
}

func TestWidths(t *testing.T) {
	for s, want := range map[string]int{
		"": 0, "abc": 3, "世界": 4, "🚀": 2, "✓●▲…⠋█": 6, "e\u0301": 1, "⚠": 1, "❤": 1, "👩💻": 4, "한국": 4, "ｱ": 1, "Ａ": 2,
	} {
		if got := Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
	for _, tc := range []struct {
		in    string
		width int
		want  string
	}{
		{"abcdef", 6, "abcdef"}, {"abcdef", 5, "abcd…"}, {"abcdef", 1, "…"}, {"abcdef", 0, ""}, {"abcdef", -1, ""},
		{"世界世界", 8, "世界世界"}, {"世界世界", 7, "世界世…"}, {"世界世界", 6, "世界…"}, {"世界", 1, "…"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := Cut(tc.in, tc.width); got != tc.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tc.in, tc.width, got, tc.want)
		}
		if p, n := Prefix(tc.in, tc.width); !strings.HasPrefix(tc.in, p) || n != Width(p) || n > max(tc.width, 0) {
			t.Errorf("Prefix(%q, %d) = %q, %d", tc.in, tc.width, p, n)
		}
	}
}

// The fast path must see every single byte wherever it stands.
func TestEveryByteAtEveryPlace(t *testing.T) {
	for size := 1; size <= 40; size++ {
		for at := range size {
			for c := range 256 {
				raw := []byte(strings.Repeat("~", size))
				raw[at] = byte(c)
				if want := c >= 0x20 && c <= 0x7e; plain(raw) != want {
					t.Fatalf("byte %#x at %d of %d: plain is %v", c, at, size, !want)
				}
			}
		}
	}
}
