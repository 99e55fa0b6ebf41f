// Package timeline is the dock's pane of what has happened in the run, as sentences with times.
//
// Its one rule: it shows the journal and nothing else, so what is read here is what the record says.
package timeline

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/clean"
	"flightdeck/internal/run"
	"flightdeck/internal/story"
	"flightdeck/internal/tail"
	"flightdeck/ui/kit"
	"flightdeck/ui/lines"
)

// Pane shows the entries of a run, the newest at the bottom.
type Pane struct {
	view *lines.View
	told int // entries already shown
	day  string
}

var (
	_ kit.Pane     = (*Pane)(nil)
	_ kit.Typist   = (*Pane)(nil)
	_ kit.Receiver = (*Pane)(nil)
)

// New makes an empty pane. Saved files go to dir; "" is the working directory.
func New(dir string) *Pane {
	return &Pane{view: lines.New(lines.Options{Plain: true, Name: "timeline", Dir: dir, Empty: "nothing has happened yet"})}
}

// Head is the title and how many entries there are.
func (p *Pane) Head(time.Time) (title, status string) {
	status = kit.Count(p.told, "entry", "entries")
	if s := p.view.Status(); s != "following" {
		status += " · " + s
	}
	return "Timeline", status
}

// Keys is the key table as it is now.
func (p *Pane) Keys() []kit.Key { return p.view.Keys() }

// Key takes a key.
func (p *Pane) Key(msg tea.KeyPressMsg) tea.Cmd { return p.view.Key(msg) }

// Typing says that the search or the filter is being typed.
func (p *Pane) Typing() bool { return p.view.Typing() }

// Receive takes the reports of searches.
func (p *Pane) Receive(msg tea.Msg) tea.Cmd { return p.view.Receive(msg) }

// Draw fills exactly w x h cells.
func (p *Pane) Draw(w, h int, focused bool, now time.Time) string {
	return p.view.Draw(w, h, focused, now)
}

// See takes the entries that are new.
func (p *Pane) See(v kit.View) bool {
	p.view.See(v.Styles, v.Zone)
	if len(v.Entries) <= p.told {
		return false
	}
	zone := v.Zone
	if zone == nil {
		zone = time.UTC
	}
	var b tail.Batch
	names := Titles(v.State)
	for _, e := range v.Entries[p.told:] {
		if day := e.At.In(zone).Format("Monday, 2 January 2006"); day != p.day {
			if p.day != "" {
				b.Lines = append(b.Lines, tail.Line{Kind: tail.Mark, At: e.At, Text: day})
			}
			p.day = day
		}
		glyph, colour := sign(e.Event)
		text := glyph + " " + story.Sentence(e, names)
		b.Lines = append(b.Lines, tail.Line{At: e.At, Text: text, Spans: []clean.Span{{End: len(glyph), Style: clean.Style{Foreground: colour}}}})
	}
	p.told = len(v.Entries)
	return p.view.Add(b)
}

// Titles names the steps, boxes and sections of a run by their IDs; "" for an ID it does not know.
func Titles(s run.State) func(id string) string {
	names := map[string]string{}
	for _, p := range s.Opened.Runbook.Phases {
		names[p.ID] = p.Title
	}
	for _, st := range s.Steps {
		names[st.PhaseID] = st.Phase
		for _, it := range st.Step.Items {
			names[it.ID] = it.Text
		}
	}
	for _, st := range s.Steps {
		names[st.Step.ID] = st.Step.Title
	}
	return func(id string) string { return strings.TrimSpace(names[id]) }
}

// The colours of package clean's palette that the signs use.
const (
	red    = 2
	green  = 3
	yellow = 4
	purple = 6
	cyan   = 7
)

// sign is the glyph of an entry, one meaning each, as everywhere in the cockpit.
func sign(ev run.Event) (glyph string, colour uint8) {
	switch ev := ev.(type) {
	case run.StepSucceeded, run.Confirmed, run.Recorded:
		if r, ok := ev.(run.Recorded); ok && !r.Readiness.Ready {
			return "!", yellow
		}
		return "✓", green
	case run.StepFailed, run.RecordFailed:
		return "✗", red
	case run.StepStarted, run.RollbackStarted, run.RecordStarted:
		return "▶", cyan
	case run.StepSkipped, run.StepMarkedDone, run.SectionLeftOut, run.CommandEdited, run.PlanMoved, run.StopAsked, run.Signalled, run.RollbackAsked:
		return "!", yellow
	case run.ReadinessChecked:
		return verdict(ev.Readiness.Ready)
	case run.RollbackEnded:
		return verdict(ev.OK)
	case run.Closed:
		return verdict(ev.Outcome == run.Done || ev.Outcome == run.RolledBack)
	case run.Unrecognised:
		return "?", purple
	}
	return "·", 0
}

func verdict(good bool) (string, uint8) {
	if good {
		return "✓", green
	}
	return "✗", red
}
