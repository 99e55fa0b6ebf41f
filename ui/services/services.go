// Package services is the dock's pane of the project's containers.
//
// Its one rule: it asks for the usage of exactly the containers that are on screen, and shows no
// usage that is older than it looks.
package services

import (
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/stack"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// freshFor is how long a measured usage counts as live: the stream gives one a second.
const freshFor = 5 * time.Second

// Pane shows the containers.
type Pane struct {
	styles *theme.Styles
	zone   *time.Location
	gen    uint64
	all    []stack.Container
	usage  map[string]stack.Usage
	down   string
	since  time.Time

	cursor, top int
	open        map[string]bool // by container ID
	height      int
	onScreen    []string
}

var (
	_ kit.Pane     = (*Pane)(nil)
	_ kit.Attender = (*Pane)(nil)
)

// New makes an empty pane.
func New() *Pane {
	return &Pane{styles: theme.New(true), zone: time.UTC, open: map[string]bool{}}
}

// See takes the newest look at the target.
func (p *Pane) See(v kit.View) bool {
	moved := v.Look.Generation != p.gen || v.Styles != p.styles
	at := p.current().ID
	p.gen, p.all, p.usage, p.down, p.since = v.Look.Generation, v.Look.Snapshot.Containers, v.Look.Usage, v.Look.Down, v.Look.DownSince
	if v.Styles != nil {
		p.styles = v.Styles
	}
	if v.Zone != nil {
		p.zone = v.Zone
	}
	// The cursor stays on its container, also when others come and go above it.
	for i, c := range p.all {
		if c.ID == at && at != "" {
			p.cursor = i
		}
	}
	p.cursor = kit.Clamp(p.cursor, len(p.all))
	p.forget()
	return moved
}

// forget closes the rows of containers that are gone, so that the map stays small.
func (p *Pane) forget() {
	if len(p.open) == 0 {
		return
	}
	still := map[string]bool{}
	for _, c := range p.all {
		if p.open[c.ID] {
			still[c.ID] = true
		}
	}
	p.open = still
}

func (p *Pane) current() stack.Container {
	if p.cursor < len(p.all) {
		return p.all[p.cursor]
	}
	return stack.Container{}
}

// Attend gives the containers whose usage is on screen, as last drawn.
func (p *Pane) Attend() []string { return p.onScreen }

// Head is the title and how many containers are as they should be.
func (p *Pane) Head(time.Time) (title, status string) {
	good, count := 0, 0
	for _, c := range p.all {
		if c.OneOff {
			continue
		}
		count++
		if s := standing(c); s == well || s == done {
			good++
		}
	}
	if count == 0 {
		return "Services", ""
	}
	status = strconv.Itoa(good) + " of " + strconv.Itoa(count) + " well"
	if p.down != "" {
		status = "not answering"
	}
	return "Services", status
}

// Keys is the key table as it is now.
func (p *Pane) Keys() []kit.Key {
	off := ""
	if len(p.all) == 0 {
		off = "there is no container"
	}
	does := "details"
	if p.open[p.current().ID] {
		does = "close"
	}
	return []kit.Key{
		{Keys: []string{"enter"}, Does: does, Help: "show docker's last health results of the container, and what it was made of", Off: off, Rank: 3},
		{Keys: []string{"up", "down", "k", "j", "pgup", "pgdown", "home", "g", "end", "G"}, Label: "↑↓", Does: "choose", Off: off, Rank: 7},
	}
}

// Key takes a key.
func (p *Pane) Key(msg tea.KeyPressMsg) tea.Cmd {
	if msg.String() == "enter" {
		if id := p.current().ID; p.open[id] {
			delete(p.open, id)
		} else if id != "" {
			p.open[id] = true
		}
		return nil
	}
	p.cursor, _ = kit.Move(msg.String(), p.cursor, len(p.all), p.height)
	return nil
}
