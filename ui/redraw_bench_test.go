package ui

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/run"
)

// frames counts the pictures a program writes: Bubble Tea gives each to its output in one write.
type frames struct{ n atomic.Int64 }

func (f *frames) Write(p []byte) (int, error) {
	if len(bytes.TrimSpace(p)) > 0 {
		f.n.Add(1)
	}
	return len(p), nil
}

// BenchmarkRedraws runs the real program for two seconds under a flood of 100,000 lines a second
// and reports how often it drew: at most FPS times a second, whatever the flood.
//
//	go test ./ui -run XXX -bench Redraws -benchtime 1x
func BenchmarkRedraws(b *testing.B) {
	for range b.N {
		f := stories(run.Production)["running"]
		f.flood = 100_000 / FPS
		ctx, cancel := context.WithCancel(b.Context())
		var out frames
		in, hold := io.Pipe() // an input that stays open and silent
		m := New(ctx, Options{Deck: f, Theme: "dark", Now: time.Now})
		p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(&out), tea.WithFPS(FPS),
			tea.WithWindowSize(200, 60), tea.WithoutSignalHandler())
		ended := make(chan error, 1)
		go func() {
			_, err := p.Run()
			ended <- err
		}()
		const watched = 2 * time.Second
		<-time.After(watched / 2) // the start draws more often
		before := out.n.Load()
		<-time.After(watched)
		drawn := out.n.Load() - before
		cancel()
		if err := hold.Close(); err != nil {
			b.Fatal(err)
		}
		<-ended
		b.ReportMetric(float64(drawn)/watched.Seconds(), "frames/s")
	}
}
