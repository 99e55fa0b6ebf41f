package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"flightdeck/internal/run"
)

func benchEvent() run.Event {
	return run.StepSucceeded{Step: "deploy/backend", Attempt: 1, Took: 1234 * time.Millisecond, Evidence: "backend-1 healthy", By: "ana"}
}

// report adds the median and the slow end to the mean, because a sync has a long tail.
func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func BenchmarkAppend(b *testing.B) {
	j, err := Create(filepath.Join(b.TempDir(), "r1"), opened(), start())
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	var took []time.Duration
	for b.Loop() {
		t := time.Now()
		if _, err := j.Append(start(), benchEvent()); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(t))
	}
	report(b, took)
}

// BenchmarkBareAppendSync is the floor: the same bytes, with nothing but write and fsync.
func BenchmarkBareAppendSync(b *testing.B) {
	line, _, err := seal(run.Entry{Seq: 12, At: start(), Event: benchEvent()}, noHash)
	if err != nil {
		b.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "bare"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	line = append(line, '\n')
	var took []time.Duration
	for b.Loop() {
		t := time.Now()
		if _, err := f.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(t))
	}
	report(b, took)
}

// BenchmarkSeal is what an entry costs beside the disk.
func BenchmarkSeal(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		line, _, err := seal(run.Entry{Seq: 12, At: start(), Event: benchEvent()}, noHash)
		if err != nil {
			b.Fatal(err)
		}
		var e run.Entry
		if err := e.UnmarshalJSON(line); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRuns lists 50 runs of 100 entries, as the home screen and `history` do.
func BenchmarkRuns(b *testing.B) {
	state := b.TempDir()
	for i := range 50 {
		o := opened()
		o.Run = fmt.Sprint(i)
		dir := filepath.Join(RunsDir(state), o.Run)
		j, err := Create(dir, o, start())
		if err != nil {
			b.Fatal(err)
		}
		j.file = noSync{j.file}
		for range 99 {
			if _, err := j.Append(start(), benchEvent()); err != nil {
				b.Fatal(err)
			}
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		runs, err := Runs(state)
		if err != nil || len(runs) != 50 || runs[0].Entries != 100 {
			b.Fatal(len(runs), err)
		}
	}
}

type noSync struct{ file }

func (noSync) Sync() error { return nil }
