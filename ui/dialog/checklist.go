package dialog

import (
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"

	"flightdeck/internal/run"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Checklist is the form of a checklist step: every box with a cursor, all taken over at once.
type Checklist struct {
	step   run.StepState
	form   *huh.Form
	chosen []string
	width  int
}

// NewChecklist makes the form of a step, with the boxes as they are now.
func NewChecklist(step run.StepState, st *theme.Styles) *Checklist {
	c := &Checklist{step: step, width: 72}
	var options []huh.Option[string]
	for _, it := range step.Step.Items {
		on := step.Ticked[it.ID].On
		options = append(options, huh.NewOption(strings.Repeat("  ", it.Depth)+kit.Clip(it.Text, 58), it.ID).Selected(on))
		if on {
			c.chosen = append(c.chosen, it.ID)
		}
	}
	keys := huh.NewDefaultKeyMap()
	keys.Quit = key.NewBinding(key.WithKeys("esc"))
	field := huh.NewMultiSelect[string]().Options(options...).Value(&c.chosen).Filterable(false).
		Height(min(len(options)+1, 14))
	c.form = huh.NewForm(huh.NewGroup(field)).WithKeyMap(keys).WithShowHelp(false).WithWidth(c.width - 4).
		WithTheme(huh.ThemeFunc(func(dark bool) *huh.Styles { return formStyles(st) }))
	c.form.Init() // the cursor's first command only blinks it
	return c
}

func formStyles(st *theme.Styles) *huh.Styles {
	s := huh.ThemeBase(st.Dark)
	f := &s.Focused
	f.Base = st.Text
	f.MultiSelectSelector = st.Accent.SetString("› ")
	f.SelectedPrefix = st.Good.SetString("[✓] ")
	f.UnselectedPrefix = st.Dim.SetString("[ ] ")
	f.SelectedOption, f.UnselectedOption = st.Text, st.Text
	return s
}

// ID is "checklist".
func (c *Checklist) ID() string { return "checklist" }

// Handle gives every message to the form: its own ones are not known by name here.
func (c *Checklist) Handle(msg tea.Msg) Deed {
	switch m := msg.(type) {
	case Tick, tea.PasteMsg:
		return Deed{} // a form that is redrawn for every tick costs more than it is worth
	case tea.KeyPressMsg:
		if m.String() == "esc" {
			return Deed{Done: true}
		}
	}
	model, cmd := c.form.Update(msg)
	if form, ok := model.(*huh.Form); ok {
		c.form = form
	}
	switch c.form.State {
	case huh.StateCompleted:
		return Deed{Done: true, Do: c.ticks()}
	case huh.StateAborted:
		return Deed{Done: true}
	}
	return Deed{Cmd: cmd}
}

// ticks compares what was chosen with what is, item by item: the form's word is not taken for it,
// since a form can complete without its fields having been left.
func (c *Checklist) ticks() []run.Command {
	var out []run.Command
	open := 0
	for _, it := range c.step.Step.Items {
		on := slices.Contains(c.chosen, it.ID)
		if !on {
			open++
		}
		if on != c.step.Ticked[it.ID].On {
			out = append(out, run.Tick{Step: c.step.Step.ID, Item: it.ID, On: on})
		}
	}
	if open == 0 {
		out = append(out, run.Finish{Step: c.step.Step.ID})
	}
	return out
}

// Draw draws the form in a box.
func (c *Checklist) Draw(st *theme.Styles, w, h int, _ time.Time) string {
	body := strings.Split(strings.TrimRight(c.form.View(), "\n"), "\n")
	foot := []string{st.Key.Render("space") + " " + st.Hint.Render("tick") + "   " + st.Key.Render("enter") + " " +
		st.Hint.Render("take over; all ticked ends the step") + "   " + st.Key.Render("esc") + " " + st.Hint.Render("leave")}
	return box(st, c.step.Step.Title, false, body, foot, c.width, w, h)
}
