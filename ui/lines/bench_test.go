package lines

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/tail"
	"flightdeck/ui/theme"
)

// logLine is a line of about 120 bytes, as services write them.
func logLine(i int) tail.Line {
	level := [...]string{"INFO ", "INFO ", "INFO ", "WARN ", "DEBUG", "ERROR"}[i%6]
	return tail.Line{Seq: uint64(i), At: at.Add(time.Duration(i) * time.Millisecond), Source: fmt.Sprintf("backend-%d", i%8),
		Text: fmt.Sprintf("%s request id=%08d path=/search?q=lamp&page=%d status=200 bytes=18231 took=%dms upstream=postgres-1 user=anonymous", level, i, i%50, i%400)}
}

func flood(n int) []tail.Line {
	out := make([]tail.Line, n)
	for i := range out {
		out[i] = logLine(i)
	}
	return out
}

// BenchmarkFrame offers 100,000 lines a second in batches of a 33 ms frame at 200x60: one
// operation is all that the view costs in one frame.
func BenchmarkFrame(b *testing.B) {
	for _, mode := range []struct {
		name string
		keys []string
	}{{"following", nil}, {"wrapped", []string{"w"}}, {"held", []string{"pgup"}}, {"filtered", []string{"F", "E", "R", "R", "O", "R", "enter"}}} {
		b.Run(mode.name, func(b *testing.B) {
			v := New(Options{Sources: true})
			v.See(theme.New(true), time.UTC)
			lines := flood(100_000)
			v.Add(tail.Batch{Lines: lines})
			v.Draw(200, 60, true, at)
			for _, k := range mode.keys {
				for cmd := v.Key(key(k)); cmd != nil; {
					cmd = drain(v, cmd)
				}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				v.Add(tail.Batch{Lines: lines[i : i+3300]})
				v.Draw(200, 60, true, at)
				i = (i + 3300) % 96_000
			}
		})
	}
}

// drain runs a command and takes its message in.
func drain(v *View, cmd tea.Cmd) tea.Cmd {
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			for c != nil {
				c = drain(v, c)
			}
		}
	default:
		return v.Receive(msg)
	}
	return nil
}

// BenchmarkSearch looks through 100,000 lines; "most" is the longest that a key had to wait for
// the loop while it went on.
func BenchmarkSearch(b *testing.B) {
	for _, pattern := range []string{"took=399ms", "TOOK=1", "status=(4|5)[0-9]{2}"} {
		b.Run(pattern, func(b *testing.B) {
			v := New(Options{Sources: true})
			v.Add(tail.Batch{Lines: flood(100_000)})
			v.Draw(200, 60, true, at)
			most := time.Duration(0)
			for b.Loop() {
				m, err := newMatcher(pattern, false)
				if err != nil {
					b.Fatal(err)
				}
				v.search.start(m, v.win.low())
				for cmd := v.look(&v.search); cmd != nil; {
					msg := cmd()
					began := time.Now()
					cmd = v.Receive(msg)
					most = max(most, time.Since(began))
				}
			}
			b.ReportMetric(float64(most.Microseconds()), "most-µs")
		})
	}
}

// BenchmarkKey is one page up and its picture, with 100,000 wrapped lines kept.
func BenchmarkKey(b *testing.B) {
	v := New(Options{Sources: true})
	v.See(theme.New(true), time.UTC)
	v.Add(tail.Batch{Lines: flood(100_000)})
	v.Draw(200, 60, true, at)
	v.Key(key("w"))
	for b.Loop() {
		v.Key(key("pgup"))
		v.Draw(200, 60, true, at)
	}
}

// TestMemoryIsFlatAfterAMillionLines: what is kept is bounded, however much has passed.
func TestMemoryIsFlatAfterAMillionLines(t *testing.T) {
	if testing.Short() {
		t.Skip("a million lines")
	}
	before := heap()
	v := New(Options{Sources: true})
	v.See(theme.New(true), time.UTC)
	offer := func(from, to int) {
		for i := from; i < to; i += 3300 {
			var b tail.Batch
			for j := i; j < min(i+3300, to); j++ {
				b.Lines = append(b.Lines, logLine(j))
			}
			v.Add(b)
			v.Draw(200, 60, true, at)
		}
	}
	offer(0, 200_000)
	early := heap() - before
	offer(200_000, 1_000_000)
	late := heap() - before
	t.Logf("kept after 200,000 lines: %.1f MB; after 1,000,000: %.1f MB", float64(early)/1e6, float64(late)/1e6)
	if v.Kept() != 50_000 {
		t.Errorf("%d lines kept", v.Kept())
	}
	if late > early+2_000_000 || late > 48_000_000 {
		t.Errorf("memory grows: %d bytes after 200,000 lines, %d after a million", early, late)
	}
	runtime.KeepAlive(v)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
