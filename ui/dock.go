package ui

import (
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/ui/kit"
	"flightdeck/ui/logs"
	"flightdeck/ui/probes"
	"flightdeck/ui/services"
	"flightdeck/ui/theme"
	"flightdeck/ui/timeline"
)

// dock is the row of panes below the board, one of them shown, at most one beside it.
type dock struct {
	panes []kit.Pane
	block []block // drawn insides, one a pane
	tab   int
}

// newDock makes the panes in the order of their numbers. Saved files go to dir.
func newDock(dir string) dock {
	d := dock{panes: []kit.Pane{logs.New(dir), probes.New(), services.New(), timeline.New(dir)}}
	d.block = make([]block, len(d.panes))
	return d
}

func (d *dock) see(v kit.View) bool {
	changed := false
	for i, p := range d.panes {
		if p.See(v) {
			d.block[i].stale = true
			changed = true
		}
	}
	return changed
}

// pass gives a message to every pane that has messages of its own.
func (d *dock) pass(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for i, p := range d.panes {
		if r, ok := p.(kit.Receiver); ok {
			d.block[i].stale = true
			cmds = append(cmds, r.Receive(msg))
		}
	}
	return tea.Batch(cmds...)
}

func (d *dock) shown() kit.Pane {
	if d.tab < 0 || d.tab >= len(d.panes) {
		return nil
	}
	return d.panes[d.tab]
}

// side is the pane beside the shown one: the probes, or the logs when the probes are shown.
func (d *dock) side() int {
	switch {
	case len(d.panes) < 2:
		return -1
	case d.tab == 1:
		return 0
	}
	return 1
}

func (d *dock) attended(two bool) []string {
	var out []string
	for i, p := range d.panes {
		if a, ok := p.(kit.Attender); ok && (i == d.tab || two && i == d.side()) {
			out = append(out, a.Attend()...)
		}
	}
	return out
}

func (d *dock) typing() bool {
	t, ok := d.shown().(kit.Typist)
	return ok && t.Typing()
}

func (d *dock) key(msg tea.KeyPressMsg) tea.Cmd {
	if d.shown() == nil {
		return nil
	}
	d.block[d.tab].stale = true
	return d.shown().Key(msg)
}

// tabs is the title of the dock: every pane by number, the shown one bright.
func (d *dock) tabs(st *theme.Styles, now time.Time, w int) (title, status string) {
	gap, words := "  ", []string{}
	total := 0
	for i, p := range d.panes {
		t, s := p.Head(now)
		if i == d.tab {
			status = s
		}
		words = append(words, strconv.Itoa(i+1)+" "+t)
		total += kit.Width(words[i]) + 2
	}
	if total+kit.Width(status)+10 > w {
		gap = " "
	}
	for i, t := range words {
		style := st.TabOff
		if i == d.tab {
			style = st.TabOn
		}
		words[i] = style.Render(t)
	}
	return strings.Join(words, gap), status
}

// draw gives the dock as exactly w x h cells.
func (d *dock) draw(st *theme.Styles, w, h int, two, focused, danger bool, now time.Time) string {
	if len(d.panes) == 0 || h <= 0 {
		return kit.Block(nil, w, h)
	}
	left := w
	if two && d.side() >= 0 {
		left = w - w/3
	}
	title, status := d.tabs(st, now, left)
	f := kit.Frame{Title: title, Right: dimmed(st, status), Focused: focused, Danger: danger}
	out := f.Draw(st, d.inside(d.tab, left-4, h-2, focused, st.Dark, now), left, h)
	if left == w {
		return out
	}
	i := d.side()
	title, status = d.panes[i].Head(now)
	f = kit.Frame{Title: title, Right: dimmed(st, status)}
	return kit.Join(out, f.Draw(st, d.inside(i, w-left-4, h-2, false, st.Dark, now), w-left, h))
}

func dimmed(st *theme.Styles, s string) string {
	if s == "" || strings.Contains(s, "\x1b") {
		return s
	}
	return st.Dim.Render(s)
}

func (d *dock) inside(i, w, h int, focused, dark bool, now time.Time) []string {
	w, h = max(0, w), max(0, h)
	text := d.block[i].get(key{w: w, h: h, focused: focused, dark: dark, second: now.Unix()}, func() string {
		return d.panes[i].Draw(w, h, focused, now)
	})
	return strings.Split(text, "\n")
}
