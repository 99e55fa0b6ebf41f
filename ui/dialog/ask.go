package dialog

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Choice is one answer to an Ask.
type Choice struct {
	Key  string // as Bubble Tea names it
	Says string
	Deed Deed
}

// Ask is a question with a few answers, each on a key of its own. Esc is always "no". No answer is
// on enter, because enter is the key that hands press without reading.
type Ask struct {
	Name    string // the ID
	Title   string
	Text    []string // paragraphs
	Choices []Choice
	Esc     string // what esc says; empty: "cancel"
	Danger  bool
}

// ID is the Ask's name.
func (a *Ask) ID() string { return a.Name }

// Handle takes a key.
func (a *Ask) Handle(msg tea.Msg) Deed {
	key, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return Deed{}
	}
	if pressed := key.String(); pressed != "esc" {
		for _, c := range a.Choices {
			if c.Key == pressed {
				deed := c.Deed
				deed.Done = true
				return deed
			}
		}
		return Deed{}
	}
	return Deed{Done: true}
}

// Draw draws the question.
func (a *Ask) Draw(st *theme.Styles, w, h int, _ time.Time) string {
	const want = 72
	in := inner(want, w)
	var body []string
	for i, p := range a.Text {
		if i > 0 {
			body = append(body, "")
		}
		body = append(body, kit.Wrap(p, in)...)
	}
	var foot []string
	for _, c := range a.Choices {
		foot = append(foot, st.Key.Render(kit.Fit(c.Key, 5))+" "+c.Says)
	}
	esc := a.Esc
	if esc == "" {
		esc = "cancel"
	}
	foot = append(foot, st.Key.Render(kit.Fit("esc", 5))+" "+esc)
	return box(st, a.Title, a.Danger, body, foot, want, w, h)
}

// Message is something to read; any of esc, enter and q closes it. Long ones scroll.
type Message struct {
	Name  string
	Title string
	// Lines builds the text for a width; it is called on every draw.
	Lines func(st *theme.Styles, w int) []string
	// First are lines before Lines that must have been on screen before enter does Enter; until
	// then enter turns the page. It is needed with EnterSays only.
	First func(st *theme.Styles, w int) []string
	// Enter is what enter does, in the words of EnterSays; with "" it closes.
	Enter     Deed
	EnterSays string
	// Want is the width asked for; 0 means 76.
	Want   int
	Danger bool
	top    int
	height int
	rows   int
	first  int // lines of First
	seen   int // lines that have been on screen
}

// ID is the Message's name.
func (m *Message) ID() string { return m.Name }

// Handle scrolls or closes.
func (m *Message) Handle(msg tea.Msg) Deed {
	key, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return Deed{}
	}
	pressed := key.String()
	if pressed == "enter" && m.EnterSays != "" {
		if m.rows > 0 && m.seen >= m.first {
			deed := m.Enter
			deed.Done = true
			return deed
		}
		pressed = "pgdown"
	}
	switch pressed {
	case "esc", "enter", "q", "?":
		return Deed{Done: true}
	case "up", "k":
		m.top--
	case "down", "j":
		m.top++
	case "pgup", "ctrl+u":
		m.top -= max(1, m.height-1)
	case "pgdown", "ctrl+d", "space":
		m.top += max(1, m.height-1)
	case "home", "g":
		m.top = 0
	case "end", "G":
		m.top = m.rows
	}
	m.top = max(0, min(m.top, m.rows-m.height))
	return Deed{}
}

// Draw draws the window of the text that fits.
func (m *Message) Draw(st *theme.Styles, w, h int, _ time.Time) string {
	want := m.Want
	if want == 0 {
		want = 76
	}
	var lines []string
	if m.First != nil {
		lines = m.First(st, inner(want, w))
	}
	if m.first != len(lines) {
		m.first, m.seen = len(lines), 0 // another width: what was seen is another part
	}
	lines = append(lines, m.Lines(st, inner(want, w))...)
	m.rows, m.height = len(lines), max(1, min(len(lines), h-6))
	m.top = max(0, min(m.top, m.rows-m.height))
	if m.top <= m.seen {
		m.seen = max(m.seen, m.top+m.height)
	}
	foot := st.Key.Render("esc") + " " + st.Hint.Render("close")
	if m.EnterSays != "" {
		says := m.EnterSays
		if m.seen < m.first {
			says = "reads on"
		}
		foot = st.Key.Render("enter") + " " + st.Hint.Render(says) + "   " + foot
	}
	if m.rows > m.height {
		foot += "   " + st.Key.Render("↑ ↓") + " " + st.Hint.Render("scroll")
		if below := m.rows - m.top - m.height; below > 0 {
			foot += st.Faint.Render("   " + kit.Count(below, "more line", "more lines"))
		}
	}
	return box(st, m.Title, m.Danger, lines[m.top:m.top+m.height], []string{foot}, want, w, h)
}

// paragraphs wraps each text and puts a blank line between.
func paragraphs(texts []string, w int) []string {
	var out []string
	for i, t := range texts {
		if i > 0 {
			out = append(out, "")
		}
		out = append(out, kit.Wrap(strings.TrimSpace(t), w)...)
	}
	return out
}
