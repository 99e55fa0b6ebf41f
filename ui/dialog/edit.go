package dialog

import (
	"strings"
	"time"

	"charm.land/bubbles/v2/textarea"
	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/clean"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Edit changes the text of a command for this run, with the document's text in view.
type Edit struct {
	name, title, old string
	takes            string // what ctrl+s does, in words
	deed             func(text string) Deed
	area             textarea.Model
	why              string
}

// NewEdit makes an editor for text. deed is called with the new text when ctrl+s is pressed, which
// takes says in words; a text that is empty or the same is not accepted.
func NewEdit(name, title, text, takes string, deed func(text string) Deed) *Edit {
	a := textarea.New()
	a.Prompt = ""
	a.ShowLineNumbers = false
	a.CharLimit = 0
	a.SetHeight(max(3, min(10, strings.Count(text, "\n")+2)))
	a.SetValue(text)
	a.Focus()
	return &Edit{name: name, title: title, old: text, takes: takes, deed: deed, area: a}
}

// ID is the dialog's name.
func (e *Edit) ID() string { return e.name }

// Texts is true: letters are text here.
func (e *Edit) Texts() bool { return true }

// Handle takes keys and pastes. Enter is a new line, as in any editor, and so never runs anything.
func (e *Edit) Handle(msg tea.Msg) Deed {
	switch m := msg.(type) {
	case tea.KeyPressMsg:
		e.why = ""
		switch m.String() {
		case "esc":
			return Deed{Done: true}
		case "ctrl+s":
			return e.save()
		}
		e.area, _ = e.area.Update(m)
	case tea.PasteMsg:
		e.area, _ = e.area.Update(tea.PasteMsg{Content: safe(m.Content)})
	}
	return Deed{}
}

func (e *Edit) save() Deed {
	text := strings.TrimRight(e.area.Value(), "\n ")
	switch {
	case strings.TrimSpace(text) == "":
		e.why = "the command is empty; skip the step instead"
		return Deed{}
	case text == e.old:
		e.why = "nothing is changed yet"
		return Deed{}
	}
	deed := e.deed(text)
	deed.Done = true
	return deed
}

// Draw draws the old text, the field, and what the keys do.
func (e *Edit) Draw(st *theme.Styles, w, h int, _ time.Time) string {
	const want = 96
	in := inner(want, w)
	e.area.SetWidth(in - 2)
	e.area.SetHeight(max(1, min(12, h-10, e.area.LineCount()+2)))
	body := []string{st.Dim.Render("before")}
	for i, l := range strings.Split(e.old, "\n") {
		if i == 4 {
			body = append(body, st.Faint.Render("  …"))
			break
		}
		body = append(body, "  "+st.Old.Render(kit.Clip(l, in-2)))
	}
	body = append(body, "", st.Dim.Render("now"))
	for _, l := range strings.Split(e.area.View(), "\n") {
		body = append(body, "  "+l)
	}
	state := st.Dim.Render("It is changed for this run only, and recorded with your name.")
	if e.why != "" {
		state = st.Warn.Render("! " + e.why)
	}
	foot := []string{kit.Fit(state, in), st.Key.Render("ctrl+s") + " " + st.Hint.Render(e.takes) +
		"   " + st.Key.Render("esc") + " " + st.Hint.Render("leave it as it was")}
	return box(st, e.title, false, body, foot, want, w, h)
}

// safe removes what a paste could smuggle into a command unseen.
func safe(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.TrimRight(clean.Text(s), "\n")
}

// oneLine is safe with line ends made spaces.
func oneLine(s string) string { return clean.Name(s) }
