package clean

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

type cleaned struct {
	Text  string
	Spans []Span
}

func FuzzLine(f *testing.F) {
	for _, p := range payloads() {
		f.Add([]byte("before "+p+" after\r\nnext"), uint8(7), uint16(0))
		f.Add([]byte("\x1b[31m"+p), uint8(1), uint16(80))
	}
	f.Add([]byte("a\tb\r\rc\r"), uint8(2), uint16(64))
	f.Fuzz(func(t *testing.T, raw []byte, piece uint8, most uint16) {
		limit := int(most)
		text, spans := Line(raw, limit)
		checkLine(t, raw, limit, text, spans)
		again, more := Line([]byte(text), limit)
		if again != text || more != nil {
			t.Errorf("cleaning %q again gave %q and %d spans", text, again, len(more))
		}
		if got := Text(string(raw)); unsafe(got, true) != "" || Text(got) != got || Hides(got) {
			t.Errorf("Text(%q) = %q: %s", raw, got, unsafe(got, true))
		}
		if got := Name(string(raw)); unsafe(got, false) != "" || Name(got) != got {
			t.Errorf("Name(%q) = %q: %s", raw, got, unsafe(got, false))
		}
		if d := cmp.Diff(whole(raw, limit), inPieces(raw, limit, int(piece)+1)); d != "" {
			t.Errorf("pieces of %d bytes: %s", int(piece)+1, d)
		}
		if w := Width(text); w > 0 {
			if cut := Cut(text, w-1); Width(cut) > w-1 {
				t.Errorf("Cut(%q, %d) = %q has %d cells", text, w-1, cut, Width(cut))
			}
		}
	})
}

func checkLine(t *testing.T, raw []byte, most int, text string, spans []Span) {
	t.Helper()
	if why := unsafe(text, false); why != "" {
		t.Errorf("Line(%q) = %q holds %s", raw, text, why)
	}
	if len(text) > limit(most) {
		t.Errorf("Line(%q, %d) has %d bytes", raw, most, len(text))
	}
	end := 0
	for _, s := range spans {
		if s.Start < end || s.End <= s.Start || s.End > len(text) || s.Style == (Style{}) || s.Style.Foreground > 16 {
			t.Fatalf("Line(%q): span %+v after %d in %d bytes", raw, s, end, len(text))
		}
		if !utf8.RuneStart(text[s.Start]) || s.End < len(text) && !utf8.RuneStart(text[s.End]) {
			t.Errorf("Line(%q): span %+v splits a character of %q", raw, s, text)
		}
		end = s.End
	}
}

func whole(raw []byte, limit int) []cleaned {
	var all []cleaned
	lines := strings.SplitAfter(string(raw), "\n")
	for _, l := range lines {
		if l != "" {
			text, spans := Line([]byte(l), limit)
			all = append(all, cleaned{text, spans})
		}
	}
	return all
}

func inPieces(raw []byte, limit, size int) []cleaned {
	var all []cleaned
	add := func(text string, spans []Span) { all = append(all, cleaned{text, spans}) }
	a := NewAssembler(limit)
	for len(raw) > 0 {
		n := min(size, len(raw))
		a.Write(raw[:n], add)
		a.Partial()
		raw = raw[n:]
	}
	a.Flush(add)
	return all
}
