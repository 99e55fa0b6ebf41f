package lines

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"flightdeck/internal/clean"
	"flightdeck/internal/tail"
	"flightdeck/ui/drawtest"
)

// hostile are texts as they are after package clean, and as they would be if it had not been asked.
func hostile() []string {
	return []string{
		"", "plain", "日本語のログ 支付 한국어", "🚀🚀 deploy 👩‍💻 done ⚠️ ❤️ 1️⃣ 👍🏽 🇩🇪", "e\u0301\u0301\u0301 zalgo Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A",
		"\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 \x1b[2J\x9b2J\u009b2J", "a\tb\rc\bd\x00e\x7f", "\u202eabc\u202c \u200b\u200d\ufeff \u2028x\u2029",
		"bad \xff\xfe\xc3 utf8", "שלום ERROR مرحبا", strings.Repeat("世界", 400), strings.Repeat("long ", 600),
		"2026-11-20 10:00:00 ERROR upstream timeout", "\u0301starts with a mark", "नमस्ते दुनिया क्षत्रिय", "\U000E0041\U000E0042 tag", "½ ─ … ▁█ ✓",
	}
}

func hostileBatch(n int) tail.Batch {
	var b tail.Batch
	all := hostile()
	for i := range n {
		text := all[i%len(all)]
		b.Lines = append(b.Lines, tail.Line{At: at, Source: all[(i*7)%10], Kind: tail.Kind(i % 4), Text: text,
			Spans: []clean.Span{{Start: 1, End: 5, Style: clean.Style{Foreground: 2, Bold: true}}, {Start: 4, End: 900, Style: clean.Style{Faint: true}}}})
	}
	return b
}

func TestEverySizeIsFilledExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, opt := range []Options{{Sources: true}, {}} {
		v := New(opt)
		v.Add(hostileBatch(120))
		for w := 0; w <= 250; w += 1 + w/25 {
			for h := 0; h <= 250; h += 1 + r.IntN(160) {
				if r.IntN(6) == 0 {
					press(t, v, []string{"w", "t", "up", "down", "pgup", "g", "end", "right", "f"}[r.IntN(9)])
				}
				drawtest.Exact(t, v.Draw(w, h, w%2 == 0, at), w, h, "lines")
			}
			switch {
			case w < 20 && v.search.m == nil:
				typing(t, v, "/", "世")
			case w > 60 && v.filter.m == nil:
				typing(t, v, "F", "!plain")
			case w > 180 && !v.Typing():
				press(t, v, "/", "世", "x")
			}
		}
	}
}

func TestSmallSizesAreFilledExactly(t *testing.T) {
	v := New(Options{Sources: true})
	v.Add(hostileBatch(60))
	for w := range 30 {
		for h := range 12 {
			for _, k := range []string{"w", "up", "g", "end"} {
				press(t, v, k)
				drawtest.Exact(t, v.Draw(w, h, true, at), w, h, "lines after "+k)
			}
		}
	}
}

func FuzzDraw(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s, s, uint8(80), uint8(24), "ab")
	}
	f.Fuzz(func(t *testing.T, text, source string, w, h uint8, keys string) {
		v := New(Options{Sources: len(source)%2 == 0, Lines: 50})
		v.Add(tail.Batch{Lines: []tail.Line{{At: at, Source: source, Text: text}, {Kind: tail.Gap, Text: text}, {Source: source, Text: text + text}}})
		v.Draw(int(w), int(h), true, at)
		for _, k := range keys {
			if cmd := v.Key(key(string(k))); cmd != nil && k != 'o' {
				v.Receive(cmd())
			}
		}
		drawtest.Exact(t, v.Draw(int(w), int(h), true, at), int(w), int(h), fmt.Sprintf("%q", text))
	})
}

// TestAWindowAgreesWithASlice walks the window at random beside a plain model of it.
func TestAWindowAgreesWithASlice(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 30 {
		w := newWindow(1+r.IntN(300), 1<<20)
		n := uint64(0)
		for range 2000 {
			n++
			w.push(row{text: fmt.Sprint(n)})
			switch r.IntN(100) {
			case 0:
				w.hold(n - min(n, uint64(r.IntN(200))))
			case 1:
				w.release()
			}
			if w.last() != n {
				t.Fatalf("last is %d, want %d", w.last(), n)
			}
		}
		seen, prev := 0, uint64(0)
		g, hasGap := w.gap()
		for i, ok := w.next(0); ok; i, ok = w.next(i) {
			got, there := w.at(i)
			isGap := hasGap && i == g
			if !there || !isGap && got.text != fmt.Sprint(i) || isGap && got.kind != tail.Gap {
				t.Fatalf("row %d is %+v (%v)", i, got, there)
			}
			if back, ok := w.prev(i); prev != 0 && (!ok || back != prev) {
				t.Fatalf("before %d comes %d (%v), want %d", i, back, ok, prev)
			}
			prev = i
			seen++
		}
		want := w.count + len(w.pinned)
		if hasGap {
			want++
		}
		if seen != want {
			t.Fatalf("%d rows met, want %d", seen, want)
		}
	}
}

func TestMatcher(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"timeout", "a TimeOut", true}, {"Timeout", "a timeout", false}, {"a.b", "axb", true}, {`\S+x`, "ABX", true},
		{"!health", "GET /health", false}, {"!health", "GET /", true}, {"支付", "upstream 支付", true}, {"straße", "STRAßE", true},
		{"[", "", false}, {"err|warn", "a WARN", true},
	} {
		m, err := newMatcher(tt.pattern, true)
		if tt.pattern == "[" {
			if err == nil {
				t.Error("[ is taken as a pattern")
			}
			continue
		}
		if err != nil || m.shows("", tt.text) != tt.want {
			t.Errorf("%q on %q: want %v (%v)", tt.pattern, tt.text, tt.want, err)
		}
	}
}

func TestLevels(t *testing.T) {
	for text, want := range map[string]level{
		"ERROR x": failure, "2026-11-20T10:00:00Z WARN  slow": warning, `{"ts":1,"level":"error","msg":"x"}`: failure,
		"level=info msg=x": info, "no error here": unsaid, "[error] 7#7: nginx": failure, "ERROR_COUNT=0": unsaid, "MIRROR up": unsaid,
		"LOG:  checkpoint": info, "lvl=warn x": warning, "DEBUG y": debug, "level: unknown": unsaid, "TERRORS": unsaid, "": unsaid,
	} {
		if got, a, b := findLevel(text); got != want || a > b || b > len(text) {
			t.Errorf("%q: %d at %d..%d, want %d", text, got, a, b, want)
		}
	}
}
