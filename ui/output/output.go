// Package output shows the live output of one step and how it ended.
//
// Its one rule: the last row always says how the step stands, also when its output scrolls by.
package output

import (
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/clean"
	"flightdeck/internal/run"
	"flightdeck/internal/tail"
	"flightdeck/runbook"
	"flightdeck/ui/kit"
	"flightdeck/ui/lines"
	"flightdeck/ui/theme"
)

// View is what the pane is told: the step as the fold has it, and the lines of its ring that are
// new since the last See.
type View struct {
	Styles *theme.Styles
	Zone   *time.Location
	Step   run.StepState
	Lines  tail.Batch
}

// Pane shows the output of one step. Make a new one for another step.
type Pane struct {
	view   *lines.View
	styles *theme.Styles
	step   run.StepState
	told   bool // the tail of the journal has been shown
}

// New makes an empty pane. Saved files go to dir; "" is the working directory.
func New(dir string) *Pane {
	return &Pane{view: lines.New(lines.Options{Name: "output", Dir: dir, Empty: "no output yet"})}
}

// See takes what is new and says whether what is drawn may have changed. When the ring has nothing
// of a step that failed (it ran under a process that is gone), the tail in the journal is shown.
func (p *Pane) See(v View) bool {
	p.view.See(v.Styles, v.Zone)
	moved := p.styles != v.Styles || p.step.Status != v.Step.Status || p.step.Attempt != v.Step.Attempt ||
		len(p.step.Signals) != len(v.Step.Signals) || p.step.EndedAt != v.Step.EndedAt
	p.styles, p.step = v.Styles, v.Step
	if p.view.Add(v.Lines) {
		moved = true
	}
	if p.view.Empty() && !p.told {
		moved = p.tail(v.Step) || moved
	}
	return moved
}

// Head is the title of the step and how the view stands.
func (p *Pane) Head(time.Time) (title, status string) {
	return clean.Name(p.step.Step.Title), p.view.Status()
}

// Keys is the key table as it is now.
func (p *Pane) Keys() []kit.Key { return p.view.Keys() }

// Key takes a key.
func (p *Pane) Key(msg tea.KeyPressMsg) tea.Cmd { return p.view.Key(msg) }

// Typing says that the search or the filter is being typed.
func (p *Pane) Typing() bool { return p.view.Typing() }

// Receive takes the reports of searches.
func (p *Pane) Receive(msg tea.Msg) tea.Cmd { return p.view.Receive(msg) }

// Draw fills exactly w x h cells; the last row says how the step stands.
func (p *Pane) Draw(w, h int, focused bool, now time.Time) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	if p.styles == nil {
		p.styles = theme.New(true)
	}
	end := kit.Fit(p.end(now), w)
	if h == 1 {
		return end
	}
	return p.view.Draw(w, h-1, focused, now) + "\n" + end
}

func (p *Pane) end(now time.Time) string {
	st, s := p.styles, p.step
	reason := ""
	if s.Reason != "" {
		reason = ": " + clean.Name(s.Reason)
	}
	after := ""
	if s.Took > 0 {
		after = " after " + kit.Duration(s.Took)
	}
	code := ""
	if s.Step.Kind == runbook.KindCommand || s.ExitCode != 0 {
		code = ", exit code " + strconv.Itoa(s.ExitCode)
	}
	switch s.Status {
	case run.Running:
		return st.Running.Render("▶ running") + st.Dim.Render(" "+kit.Clock(now.Sub(s.StartedAt))+attempt(s.Attempt))
	case run.Stopping:
		sent := "asked to stop"
		if len(s.Signals) > 0 {
			sent = "sent " + strings.Join(s.Signals, ", ")
		}
		return st.Warn.Render("◐ stopping") + st.Dim.Render(" "+kit.Clock(now.Sub(s.StartedAt))+", "+sent)
	case run.Succeeded:
		return st.Good.Render("✓ done"+after) + st.Dim.Render(code+attempt(s.Attempt))
	case run.Broken:
		if strings.Contains(s.Reason, "exit code") {
			code = ""
		}
		if s.Stopped {
			reason = ": " + strings.TrimPrefix(clean.Name(s.Reason), "stopped: ")
			return st.Warn.Render("! stopped"+after+code) + st.Bright.Render(reason) + st.Dim.Render(attempt(s.Attempt))
		}
		return st.Bad.Render("✗ failed"+after+code) + st.Bright.Render(reason) + st.Dim.Render(attempt(s.Attempt))
	case run.Marked, run.Skipped, run.LeftOut:
		return st.Warn.Render("! "+string(s.Status)) + st.Dim.Render(reason)
	case run.Unknown:
		return st.Unknown.Render("? outcome unknown") + st.Dim.Render(": it had begun when its process ended")
	}
	return st.Dim.Render("· to do")
}

func attempt(n int) string {
	if n < 2 {
		return ""
	}
	return ", attempt " + strconv.Itoa(n)
}

// tail shows what the journal kept of the output.
func (p *Pane) tail(s run.StepState) bool {
	if len(s.Tail) == 0 {
		return false
	}
	p.told = true
	b := tail.Batch{Lines: []tail.Line{{Kind: tail.Mark, At: s.EndedAt, Text: "the last lines, from the journal"}}}
	for _, t := range s.Tail {
		b.Lines = append(b.Lines, tail.Line{Text: clean.Name(t)})
	}
	return p.view.Add(b)
}
