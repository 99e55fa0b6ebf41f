package ui

import (
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/run"
)

// BenchmarkFrameUnderFlood is one frame at 200x60 with 100,000 lines offered a second: the look,
// the batch of a 30th of them, and the picture.
func BenchmarkFrameUnderFlood(b *testing.B) {
	f := stories(run.Production)["running"]
	p := open(b, f, 200, 60)
	f.flood = 100_000 / FPS
	b.ResetTimer()
	for b.Loop() {
		p.now = p.now.Add(time.Second / FPS)
		p.m.Update(tickedMsg(p.now))
		p.look()
		if p.m.View().Content == "" {
			b.Fatal("nothing was drawn")
		}
	}
	b.ReportMetric(float64(f.flood)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkStillFrame is a tick that changes nothing.
func BenchmarkStillFrame(b *testing.B) {
	p := open(b, stories(run.Production)["running"], 200, 60)
	b.ResetTimer()
	for b.Loop() {
		p.m.Update(tickedMsg(p.now))
		p.look()
		p.m.View()
	}
}

// BenchmarkFirstFrame is a cockpit from nothing to its first whole picture.
func BenchmarkFirstFrame(b *testing.B) {
	f := stories(run.Production)["running"]
	for b.Loop() {
		m := New(b.Context(), Options{Deck: f, Theme: "dark"})
		m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
		m.Update(tickedMsg(noon))
		m.Update(entriesMsg{entries: f.entries})
		if m.View().Content == "" {
			b.Fatal("nothing was drawn")
		}
	}
}
