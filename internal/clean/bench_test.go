package clean

import (
	"strings"
	"testing"
)

func sample(n int) string {
	return strings.Repeat("2026-11-20 22:03:00 INFO request served path=/orders took=12ms ", 1+n/60)[:n]
}

func BenchmarkLineASCII(b *testing.B) {
	raw := []byte(sample(120))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Line(raw, 0)
	}
}

// BenchmarkScan is the price of looking at a clean line, without the string that is made of it.
func BenchmarkScan(b *testing.B) {
	raw := []byte(sample(120))
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if !plain(raw) {
			b.Fatal("not plain")
		}
	}
}

// BenchmarkString is the bare floor of Line: one string of the same bytes.
func BenchmarkString(b *testing.B) {
	raw, kept := []byte(sample(120)), ""
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		kept = string(raw)
	}
	if len(kept) != 120 {
		b.Fatal(kept)
	}
}

func BenchmarkLineColoured(b *testing.B) {
	raw := []byte("\x1b[32m" + sample(20) + "\x1b[0m" + sample(100))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Line(raw, 0)
	}
}

func BenchmarkLineUnicode(b *testing.B) {
	raw := []byte("žluťoučký kůň 世界 🚀 " + sample(100))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		Line(raw, 0)
	}
}

func BenchmarkAssembler(b *testing.B) {
	raw := []byte(strings.Repeat(sample(119)+"\n", 136)) // about 16 KiB
	a, n := NewAssembler(0), 0
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		a.Write(raw, func(string, []Span) { n++ })
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(n), "ns/line")
}

func TestCleanLineCostsOneAllocation(t *testing.T) {
	raw := []byte(sample(120))
	if n := testing.AllocsPerRun(100, func() { Line(raw, 0) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
