package dialog

import (
	"strings"
	"time"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Typed asks to type a word exactly, letter by letter. A paste is not typing and is dropped.
type Typed struct {
	name, title, word string
	text              []string
	deed              func(typed string) Deed
	input             textinput.Model
	pasted, refused   bool
}

// NewTyped makes a typed confirmation; deed is called with what was typed, once it is exactly word.
func NewTyped(name, title, word string, text []string, deed func(typed string) Deed) *Typed {
	in := textinput.New()
	in.Prompt = ""
	in.CharLimit = 128
	in.KeyMap.Paste.SetEnabled(false)
	in.Focus() // the cursor does not blink: the returned command is not needed
	return &Typed{name: name, title: title, word: word, text: text, deed: deed, input: in}
}

// ID is the dialog's name.
func (t *Typed) ID() string { return t.name }

// Texts is true: letters are text here.
func (t *Typed) Texts() bool { return true }

// Handle takes keys; nothing but the exact word is ever answered with yes.
func (t *Typed) Handle(msg tea.Msg) Deed {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		t.pasted = true
		return Deed{}
	case tea.KeyPressMsg:
		t.pasted = false
		switch msg.String() {
		case "esc":
			return Deed{Done: true}
		case "enter":
			if typed := t.input.Value(); typed == t.word {
				deed := t.deed(typed)
				deed.Done = true
				return deed
			}
			t.refused = true
			return Deed{}
		}
		t.refused = false
		t.input, _ = t.input.Update(msg)
	}
	return Deed{}
}

// why says what is still missing; "" when the word is there.
func (t *Typed) why() string {
	typed := t.input.Value()
	switch {
	case t.pasted:
		return "a paste does not count: type it"
	case typed == t.word:
		return ""
	case typed == "":
		return "nothing is typed yet"
	case strings.HasPrefix(t.word, typed):
		return kit.Count(len([]rune(t.word))-len([]rune(typed)), "letter", "letters") + " to go"
	case strings.EqualFold(t.word, typed):
		return "capital and small letters count"
	case strings.TrimSpace(typed) == t.word:
		return "there is a space too many"
	}
	return "this is not " + t.word
}

// Draw draws the question, the field, and why it is not yes yet.
func (t *Typed) Draw(st *theme.Styles, w, h int, _ time.Time) string {
	const want = 72
	in := inner(want, w)
	body := paragraphs(t.text, in)
	body = append(body, "", kit.Fit("Type "+st.Bright.Render(t.word)+" to confirm:", in))
	field := st.Accent.Render("› ") + tailOf(t.input.Value(), in-4) + st.Accent.Render("▏")
	state := st.Good.Render("✓ ") + "enter starts it"
	if why := t.why(); why != "" {
		style := st.Dim
		if t.refused {
			style = st.Warn
		}
		state = style.Render("· " + why)
	}
	foot := []string{kit.Fit(field, in), kit.Fit(state, in), "",
		st.Key.Render("enter") + " " + st.Hint.Render("confirm") + "   " + st.Key.Render("esc") + " " + st.Hint.Render("not now")}
	return box(st, t.title, true, body, foot, want, w, h)
}
