package dialog

import (
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Reason asks for a line of text that goes into the record. An empty one is not accepted, unless
// it is Optional.
type Reason struct {
	name, title string
	text        []string
	label       string
	optional    bool
	deed        func(text string) Deed
	input       textinput.Model
	refused     bool
}

// NewReason makes a question for a line of text; label stands before the field.
func NewReason(name, title, label string, text []string, optional bool, deed func(text string) Deed) *Reason {
	in := textinput.New()
	in.Prompt = ""
	in.CharLimit = 400
	in.Focus()
	return &Reason{name: name, title: title, label: label, text: text, optional: optional, deed: deed, input: in}
}

// ID is the dialog's name.
func (r *Reason) ID() string { return r.name }

// Texts is true: letters are text here.
func (r *Reason) Texts() bool { return true }

// Handle takes keys and pastes.
func (r *Reason) Handle(msg tea.Msg) Deed {
	if key, ok := msg.(tea.KeyPressMsg); ok {
		switch key.String() {
		case "esc":
			return Deed{Done: true}
		case "enter":
			text := strings.TrimSpace(r.input.Value())
			if text == "" && !r.optional {
				r.refused = true
				return Deed{}
			}
			deed := r.deed(text)
			deed.Done = true
			return deed
		}
		r.refused = false
	}
	if paste, ok := msg.(tea.PasteMsg); ok {
		msg = tea.PasteMsg{Content: oneLine(paste.Content)}
	}
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		r.input, _ = r.input.Update(msg)
	}
	return Deed{}
}

// Draw draws the question and the field.
func (r *Reason) Draw(st *theme.Styles, w, h int, _ time.Time) string {
	const want = 72
	in := inner(want, w)
	body := paragraphs(r.text, in)
	field := st.Accent.Render(r.label+" › ") + tailOf(r.input.Value(), in-kit.Width(r.label)-5) + st.Accent.Render("▏")
	state := ""
	if r.refused {
		state = st.Warn.Render("! this is needed: it goes into the record with your name and the time")
	}
	foot := []string{kit.Fit(field, in), kit.Fit(state, in),
		st.Key.Render("enter") + " " + st.Hint.Render("take it") + "   " + st.Key.Render("esc") + " " + st.Hint.Render("cancel")}
	return box(st, r.title, false, body, foot, want, w, h)
}

// tailOf keeps the end of a line that is being typed in view.
func tailOf(s string, w int) string {
	if over := kit.Width(s) - w; over > 0 && w > 1 {
		runes := []rune(s)
		for len(runes) > 0 && kit.Width(string(runes)) >= w {
			runes = runes[1:]
		}
		return "…" + string(runes)
	}
	return s
}
