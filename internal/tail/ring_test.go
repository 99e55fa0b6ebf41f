package tail

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"flightdeck/internal/clean"
)

func line(text string) Line { return Line{Source: "backend-1", Text: text} }

func TestReadersKnowWhatTheyMissed(t *testing.T) {
	r := New(5, 0)
	if b := r.Read(0, 10); len(b.Lines) != 0 || b.Last != 0 || b.First != 1 || b.Missed != 0 {
		t.Errorf("empty ring: %+v", b)
	}
	for i := 1; i <= 12; i++ {
		if seq := r.Append(line(fmt.Sprint(i))); seq != uint64(i) {
			t.Fatalf("line %d got number %d", i, seq)
		}
	}
	for _, tc := range []struct {
		after       uint64
		max         int
		first, last int // of the lines read, 0 for none
		missed      uint64
	}{
		{0, 0, 8, 12, 7}, {0, 2, 8, 9, 7}, {6, 0, 8, 12, 1}, {7, 0, 8, 12, 0}, {9, 100, 10, 12, 0}, {11, 1, 12, 12, 0}, {12, 0, 0, 0, 0}, {99, 0, 0, 0, 0},
	} {
		b := r.Read(tc.after, tc.max)
		if b.First != 8 || b.Last != 12 || b.Missed != tc.missed {
			t.Errorf("Read(%d, %d): first %d, last %d, missed %d, want 8, 12, %d", tc.after, tc.max, b.First, b.Last, b.Missed, tc.missed)
		}
		want := []string(nil)
		for i := tc.first; i > 0 && i <= tc.last; i++ {
			want = append(want, fmt.Sprint(i))
		}
		got := []string(nil)
		for i, l := range b.Lines {
			got = append(got, l.Text)
			if l.Seq != uint64(tc.first+i) {
				t.Errorf("Read(%d, %d): line %q has number %d", tc.after, tc.max, l.Text, l.Seq)
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("Read(%d, %d) = %v, want %v", tc.after, tc.max, got, want)
		}
	}
}

func TestBoundedByBytesToo(t *testing.T) {
	const most = 10_000
	r := New(1_000_000, most)
	for i := range 1000 {
		r.Append(Line{Text: strings.Repeat("x", i%500), Spans: make([]clean.Span, i%3)})
		if r.bytes > most {
			t.Fatalf("after line %d: %d bytes", i+1, r.bytes)
		}
	}
	b := r.Read(0, 0)
	sum := 0
	for _, l := range b.Lines {
		sum += cost(l.Text, l.Spans)
	}
	if sum != r.bytes || len(b.Lines) == 0 || b.Lines[len(b.Lines)-1].Seq != 1000 || b.Missed != b.First-1 {
		t.Errorf("%d lines of %d bytes (counted %d), last %d", len(b.Lines), sum, r.bytes, b.Last)
	}
	r.Append(line(strings.Repeat("y", 2*most)))
	if b := r.Read(0, 0); len(b.Lines) != 1 || b.Missed != 1000 {
		t.Errorf("a line above the bound: %d lines kept, %d missed", len(b.Lines), b.Missed)
	}
	r.Append(line("z"))
	if b := r.Read(0, 0); len(b.Lines) != 1 || b.Lines[0].Text != "z" {
		t.Errorf("the line above the bound stays: %d lines", len(b.Lines))
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestMemoryIsFlatAfterAMillionLines(t *testing.T) {
	r := New(10_000, 8<<20)
	add := func(n int) {
		for i := range n {
			r.Append(line(strings.Repeat("l", 100+i%20)))
		}
	}
	add(100_000)
	before := heap()
	add(900_000)
	after := heap()
	t.Logf("heap %d KiB after 100,000 lines, %d KiB after 1,000,000", before>>10, after>>10)
	if after > before+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if r.Last() != 1_000_000 {
		t.Errorf("last is %d", r.Last())
	}
	runtime.KeepAlive(r)
}

func TestDroppedLinesAreLetGo(t *testing.T) {
	r := New(100, 0)
	for range 100 {
		r.Append(line("a"))
	}
	r.maxBytes = lineCost + 1
	r.Append(line("b"))
	kept := 0
	for _, l := range r.lines {
		if l.Text != "" {
			kept++
		}
	}
	if kept != 1 || r.count != 1 {
		t.Errorf("%d texts are still held for %d lines", kept, r.count)
	}
}

func TestManyReadersAccountForEveryLine(t *testing.T) {
	const total = 50_000
	r := New(500, 0)
	ctx := t.Context()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var at, seen, missed uint64
			for at < total {
				if err := r.Wait(ctx, at); err != nil {
					t.Error(err)
					return
				}
				b := r.Read(at, 100)
				missed += b.Missed
				for i, l := range b.Lines {
					if l.Seq != at+b.Missed+uint64(i)+1 {
						t.Errorf("line %d at position %d", l.Seq, at)
						return
					}
				}
				seen += uint64(len(b.Lines))
				at += b.Missed + uint64(len(b.Lines))
			}
			if seen+missed != total {
				t.Errorf("saw %d, missed %d, together not %d", seen, missed, total)
			}
		})
	}
	batch := make([]Line, 10)
	for range total / 10 {
		r.AppendAll(batch)
	}
	wg.Wait()
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(5, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Wait(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v", err)
		}
		got := make(chan error)
		go func() { got <- r.Wait(t.Context(), 0) }()
		synctest.Wait()
		r.AppendAll([]Line{line("a")})
		if err := <-got; err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkAppendClean(b *testing.B) {
	r := New(10_000, 8<<20)
	raw := []byte(strings.Repeat("2026-11-20 INFO request served ", 4)[:120])
	b.ReportAllocs()
	for b.Loop() {
		text, spans := clean.Line(raw, 0)
		r.Append(Line{Source: "backend-1", Text: text, Spans: spans})
	}
}

func BenchmarkAppend(b *testing.B) {
	r := New(10_000, 8<<20)
	l := line("a line that is clean already")
	b.ReportAllocs()
	for b.Loop() {
		r.Append(l)
	}
}

func BenchmarkRead500(b *testing.B) {
	r := New(10_000, 8<<20)
	for range 10_000 {
		r.Append(line("a line"))
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(r.Read(9_000, 500).Lines); n != 500 {
			b.Fatal(n)
		}
	}
}
