// Package logs is the dock's pane of log lines of all services.
//
// Its one rule: what is not shown is said: lines that were missed, dropped, held back or filtered
// out each have a row or a count.
package logs

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/ui/kit"
	"flightdeck/ui/lines"
)

// Pane shows log lines. It keeps a bounded window of them of its own.
type Pane struct {
	view *lines.View
	down string
}

var (
	_ kit.Pane     = (*Pane)(nil)
	_ kit.Typist   = (*Pane)(nil)
	_ kit.Receiver = (*Pane)(nil)
)

// New makes an empty pane. Saved files go to dir; "" is the working directory.
func New(dir string) *Pane {
	return &Pane{view: lines.New(lines.Options{Sources: true, Name: "logs", Dir: dir, Empty: "no log line yet"})}
}

// Head is the title and how the view stands.
func (p *Pane) Head(time.Time) (title, status string) {
	s := p.view.Status()
	if p.down != "" {
		s = "cut off · " + s
	}
	return "Logs", s
}

// Keys is the key table as it is now.
func (p *Pane) Keys() []kit.Key { return p.view.Keys() }

// Key takes a key.
func (p *Pane) Key(msg tea.KeyPressMsg) tea.Cmd { return p.view.Key(msg) }

// Typing says that the search or the filter is being typed.
func (p *Pane) Typing() bool { return p.view.Typing() }

// Receive takes the reports of searches.
func (p *Pane) Receive(msg tea.Msg) tea.Cmd { return p.view.Receive(msg) }

// See takes the lines of a frame.
func (p *Pane) See(v kit.View) bool {
	p.view.See(v.Styles, v.Zone)
	moved := p.down != v.Look.Down
	p.down = v.Look.Down
	return p.view.Add(v.Logs) || moved
}

// Draw fills exactly w x h cells.
func (p *Pane) Draw(w, h int, focused bool, now time.Time) string {
	return p.view.Draw(w, h, focused, now)
}
