package kit

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/deck"
	"flightdeck/internal/run"
	"flightdeck/internal/tail"
	"flightdeck/ui/theme"
)

// View is what the root hands to a pane: everything that may have changed. A pane keeps what it
// needs; it never changes anything in it, and never asks anyone else.
type View struct {
	Styles *theme.Styles
	Zone   *time.Location
	State  run.State
	// Entries is the whole journal so far, oldest first. It only grows at the end.
	Entries []run.Entry
	Look    deck.Look
	// Logs are the lines of the ring "logs" that are new since the last See, with what was missed.
	Logs tail.Batch
}

// Pane is one view of the dock. The root draws the frame and the tabs; a pane fills the inside.
type Pane interface {
	// Head is the tab's title ("Logs") and a short status for the right end of the frame
	// ("following · 3 err"; "" for none).
	Head(now time.Time) (title, status string)
	// Keys are the pane's own keys as they are now, for hints and help.
	Keys() []Key
	// Key takes a key while the pane has the focus. Keys that the pane does not have in Keys (and,
	// while it is Typing, all keys) are never given to anything else afterwards.
	Key(msg tea.KeyPressMsg) tea.Cmd
	// See takes what is new and says whether what it draws may have changed.
	See(v View) bool
	// Draw fills w x h cells: at most h lines of at most w cells; the root pads and clips. It must
	// bear any size from 0x0. It is called again when See said yes, after a Key or a message, when
	// the size or the focus changed, and once a second for the ages.
	Draw(w, h int, focused bool, now time.Time) string
}

// Typist is a pane that has a line open to type into (search, filter). While Typing, every key
// but ctrl+r and ctrl+c goes to the pane.
type Typist interface{ Typing() bool }

// Receiver is a pane with messages of its own (the end of a search, of a save). Messages the root
// does not know are given to every Receiver.
type Receiver interface{ Receive(msg tea.Msg) tea.Cmd }

// Attender is a pane that needs the usage of some containers (by ID) as long as it is on screen.
type Attender interface{ Attend() []string }

// NoticeMsg is a sentence for the footer, returned by a command of a pane.
type NoticeMsg struct {
	Text string
	Bad  bool
}

// Notice makes a command of a sentence for the footer.
func Notice(text string, bad bool) tea.Cmd {
	return func() tea.Msg { return NoticeMsg{Text: text, Bad: bad} }
}

// Frame is the border of a pane with what is written on it.
type Frame struct {
	Title string // left; may carry styles of its own (the dock's tabs)
	Right string // right; dropped when there is no room
	// Foot is written on the bottom border, right; for counts.
	Foot    string
	Focused bool
	// Flush: the lines bring their left margin of one cell themselves, so that a list can point at
	// its cursor there.
	Flush bool
	// Danger: a production environment; the focused frame is red.
	Danger bool
}

// Draw frames lines: exactly w x h cells, whatever the lines are. The inside is w-4 x h-2, or
// w-3 x h-2 when Flush.
func (f Frame) Draw(st *theme.Styles, lines []string, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	if w < 4 || h < 2 {
		return Block(lines, w, h)
	}
	line, title := st.Frame, st.Title
	if f.Focused {
		line, title = st.FrameFocus, st.TitleFocus
		if f.Danger {
			line = st.FrameDanger
		}
	}
	out := make([]string, 0, h)
	out = append(out, f.top(line.Render, title.Render, w))
	bar, in := line.Render("│"), w-4
	left := bar + " "
	if f.Flush {
		left, in = bar, w-3
	}
	for i := range h - 2 {
		text := ""
		if i < len(lines) {
			text = lines[i]
		}
		out = append(out, left+Fit(text, in)+" "+bar)
	}
	out = append(out, f.bottom(line.Render, w))
	return strings.Join(out, "\n")
}

type render func(...string) string

func (f Frame) top(line, title render, w int) string {
	in := w - 2
	left, right := f.Title, f.Right
	if left == "" && right == "" {
		return line("╭" + strings.Repeat("─", in) + "╮")
	}
	lw, rw := Width(left), Width(right)
	// "─ title ─ right ─": each text brings a space on both sides and at least one dash.
	if rw > 0 && lw+rw+7 > in {
		right, rw = "", 0
	}
	if lw+3 > in {
		left = Clip(left, in-3)
		lw = Width(left)
	}
	if lw <= 0 {
		return line("╭" + strings.Repeat("─", in) + "╮")
	}
	if !strings.Contains(left, "\x1b") {
		left = title(left)
	}
	if rw == 0 {
		return line("╭─") + " " + left + " " + line(strings.Repeat("─", in-lw-3)+"╮")
	}
	if !strings.Contains(right, "\x1b") {
		right = title(right)
	}
	return line("╭─") + " " + left + " " + line(strings.Repeat("─", in-lw-rw-6)) + " " + right + " " + line("─╮")
}

func (f Frame) bottom(line render, w int) string {
	in := w - 2
	fw := Width(f.Foot)
	if fw == 0 || fw+3 > in {
		return line("╰" + strings.Repeat("─", in) + "╯")
	}
	return line("╰"+strings.Repeat("─", in-fw-3)) + " " + f.Foot + " " + line("─╯")
}
