package board

import (
	"fmt"
	"strings"

	"flightdeck/internal/run"
	"flightdeck/runbook"
	"flightdeck/ui/dialog"
	"flightdeck/ui/kit"
	"flightdeck/ui/prose"
	"flightdeck/ui/theme"
)

// some stands for a text that the operator would still type, when Decide is asked whether a
// command may be given at all.
const some = "…"

// Keys are what can be done with the shown step, each with the reason why not.
func (m *Model) Keys() []kit.Key { return m.keys }

func (m *Model) off(c run.Command) string {
	if _, err := run.Decide(m.view.State, c); err != nil {
		return err.Error()
	}
	return ""
}

func (m *Model) buildKeys() []kit.Key {
	st, ok := m.Shown()
	if !ok {
		const none = "no step is chosen"
		return []kit.Key{
			{Keys: []string{"enter"}, Does: "do", Off: none}, {Keys: []string{"space"}, Does: "tick", Off: none},
			{Keys: []string{"r"}, Does: "retry", Off: none}, {Keys: []string{"e"}, Does: "edit", Off: none},
			{Keys: []string{"m"}, Does: "mark done", Off: none}, {Keys: []string{"s"}, Does: "skip", Off: none},
			{Keys: []string{"x"}, Does: "stop", Off: none}, {Keys: []string{"p"}, Does: "preview", Off: none}, m.noteKey(),
		}
	}
	id := st.Step.ID
	return []kit.Key{
		m.enterKey(st), m.tickKey(st), m.retryKey(st),
		{Keys: []string{"e"}, Does: editWord(st), Help: "edit the command for this run; the change is recorded", Off: m.off(run.Edit{Step: id, Text: st.Command + some}), Rank: 5},
		{Keys: []string{"m"}, Does: "mark done", Help: "vouch for a failed or unknown step, with a reason", Off: m.off(run.MarkDone{Step: id, Reason: some}), Rank: 2},
		{Keys: []string{"s"}, Does: "skip", Help: "skip the step, with a reason", Off: m.off(run.Skip{Step: id, Reason: some}), Rank: 4},
		{Keys: []string{"x"}, Does: "stop", Help: "stop the running step: INT, after 15 s TERM, after 5 s more KILL", Off: m.off(run.Stop{Step: id}), Rank: 2},
		{Keys: []string{"p"}, Does: "preview", Help: "everything about the step: text, command, what it changes", Rank: 7},
		m.noteKey(),
	}
}

func editWord(st run.StepState) string {
	if st.Status == run.Broken {
		return "edit and retry"
	}
	return "edit"
}

func (m *Model) noteKey() kit.Key {
	return kit.Key{Keys: []string{"N"}, Does: "note", Help: "write a note into the record", Off: m.off(run.Note{Text: some}), Rank: 8}
}

func (m *Model) enterKey(st run.StepState) kit.Key {
	k := kit.Key{Keys: []string{"enter"}, Does: "done", Help: "say that the step is done", Rank: 1}
	switch {
	case st.Status == run.Broken || st.Status == run.Unknown:
		k.Does = "do"
		k.Off = "the step is " + string(st.Status) + ": choose r, e, m, s or R"
		return k
	case st.Step.Kind == runbook.KindChecklist:
		k.Help = "open the checklist as a form; when all is ticked, end the step"
		if openItems(st) > 0 {
			k.Does = "tick boxes"
			k.Off = m.firstTick(st)
			return k
		}
	case run.HasEffect(st.Step.Kind):
		k.Does, k.Help = verb(st), "begin the step"
		k.Off = m.off(run.Start{Step: st.Step.ID})
		return k
	}
	k.Off = m.off(run.Finish{Step: st.Step.ID})
	return k
}

// firstTick asks whether a box may be ticked at all.
func (m *Model) firstTick(st run.StepState) string {
	if len(st.Step.Items) == 0 {
		return m.off(run.Tick{Step: st.Step.ID})
	}
	it := st.Step.Items[kit.Clamp(m.item, len(st.Step.Items))]
	return m.off(run.Tick{Step: st.Step.ID, Item: it.ID, On: !st.Ticked[it.ID].On})
}

func verb(st run.StepState) string {
	switch st.Step.Kind {
	case runbook.KindDeploy:
		return "deploy"
	case runbook.KindMonitor:
		return "watch"
	case runbook.KindRollback:
		return "roll back"
	}
	return "run"
}

func (m *Model) tickKey(st run.StepState) kit.Key {
	return kit.Key{Keys: []string{"space"}, Does: "tick", Help: "tick or untick the box under the cursor", Off: m.firstTick(st), Rank: 2}
}

func (m *Model) retryKey(st run.StepState) kit.Key {
	k := kit.Key{Keys: []string{"r"}, Does: "retry", Help: "begin a failed or interrupted step again", Rank: 1}
	if st.Status == run.Unknown {
		k.Does = "run again"
	}
	if st.Status != run.Broken && st.Status != run.Unknown {
		k.Off = "only a failed or interrupted step is begun again; this one is " + string(st.Status)
		return k
	}
	k.Off = m.off(run.Start{Step: st.Step.ID})
	return k
}

func openItems(st run.StepState) int {
	n := 0
	for _, it := range st.Step.Items {
		if !st.Ticked[it.ID].On {
			n++
		}
	}
	return n
}

// Act does what a key of Keys means; it is only called for one that works.
func (m *Model) Act(pressed string) dialog.Deed {
	st, ok := m.Shown()
	if pressed == "N" {
		return dialog.Deed{Open: dialog.NewReason("note", "Note", "note",
			[]string{"A remark for the record, with your name and the time."}, false,
			func(t string) dialog.Deed { return do(run.Note{Text: t}) })}
	}
	if !ok {
		return dialog.Deed{}
	}
	id := st.Step.ID
	switch pressed {
	case "enter":
		return m.enter(st)
	case "space":
		it := st.Step.Items[kit.Clamp(m.item, len(st.Step.Items))]
		return do(run.Tick{Step: id, Item: it.ID, On: !st.Ticked[it.ID].On})
	case "r":
		return retry(st)
	case "e":
		return dialog.Deed{Open: editor(st)}
	case "m":
		return dialog.Deed{Open: dialog.NewReason("mark", "Mark done  "+st.Step.Title, "how you know",
			[]string{"flightdeck did not see this step succeed. Say how you know that it is done."}, false,
			func(t string) dialog.Deed { return do(run.MarkDone{Step: id, Reason: t}) })}
	case "s":
		return dialog.Deed{Open: dialog.NewReason("skip", "Skip  "+st.Step.Title, "reason",
			[]string{"The step is left out of this run; the reason goes into the record."}, st.Step.Optional,
			func(t string) dialog.Deed { return do(run.Skip{Step: id, Reason: t}) })}
	case "x":
		return do(run.Stop{Step: id})
	case "p":
		return dialog.Deed{Open: m.preview(st)}
	}
	return dialog.Deed{}
}

func do(c ...run.Command) dialog.Deed { return dialog.Deed{Do: c} }

func editor(st run.StepState) dialog.Dialog {
	id, title := st.Step.ID, "Edit  "+st.Step.Title
	if st.Status == run.Broken {
		return dialog.NewEdit("edit", title, st.Command, "take it and run it", func(t string) dialog.Deed {
			return do(run.Edit{Step: id, Text: t}, run.Start{Step: id})
		})
	}
	return dialog.NewEdit("edit", title, st.Command, "take it; it does not run yet", func(t string) dialog.Deed {
		return do(run.Edit{Step: id, Text: t})
	})
}

func (m *Model) enter(st run.StepState) dialog.Deed {
	switch {
	case st.Step.Kind == runbook.KindChecklist && openItems(st) > 0:
		return dialog.Deed{Open: dialog.NewChecklist(st, m.view.Styles)}
	case st.Step.Kind == runbook.KindCommand && m.whole != exactly(st):
		// What is run is read first: a part of it is not on screen.
		return dialog.Deed{Open: m.runPreview(st)}
	case run.HasEffect(st.Step.Kind):
		return do(run.Start{Step: st.Step.ID})
	}
	return do(run.Finish{Step: st.Step.ID})
}

// retry of a step whose outcome is unknown is never blind: it is asked once more.
func retry(st run.StepState) dialog.Deed {
	start := do(run.Start{Step: st.Step.ID})
	if st.Status != run.Unknown {
		return start
	}
	return dialog.Deed{Open: &dialog.Ask{Name: "again", Title: "Run it again?  " + st.Step.Title, Danger: true,
		Text: []string{"Nobody saw how this step ended: it may have done all, nothing, or a part of its work.",
			"Look at the target first (the logs, the services, the database). Running it again does the whole of it once more."},
		Choices: []dialog.Choice{{Key: "y", Says: "run it again", Deed: start}}, Esc: "no, look first"}}
}

// preview is everything about a step, to scroll through.
func (m *Model) preview(st run.StepState) dialog.Dialog {
	v := m.view
	return &dialog.Message{Name: "preview", Title: "Preview  " + st.Step.Title, Want: 100, Lines: func(sty *theme.Styles, w int) []string {
		out := []string{sty.Dim.Render(fmt.Sprintf("%s step · %s · %s", st.Step.Kind, st.Status, st.Step.Pos))}
		out = append(out, "")
		out = append(out, prose.Lines(sty, st.Step.Why, w)...)
		out = append(out, what(sty, v, st, w)...)
		return append(out, more(sty, st, w)...)
	}}
}

// runPreview is the preview of a command that the step pane could not show whole: the command is
// on top, and enter runs it once all of it has been on screen.
func (m *Model) runPreview(st run.StepState) dialog.Dialog {
	v := m.view
	return &dialog.Message{Name: "run", Title: "Run this?  " + st.Step.Title, Want: 100,
		Enter: do(run.Start{Step: st.Step.ID}), EnterSays: "runs it on " + v.State.Opened.Environment,
		First: func(sty *theme.Styles, w int) []string { return what(sty, v, st, w) },
		Lines: func(sty *theme.Styles, w int) []string {
			out := []string{}
			if len(st.Step.Why) > 0 {
				out = append(append(out, ""), prose.Lines(sty, st.Step.Why, w)...)
			}
			return append(out, more(sty, st, w)...)
		}}
}

// more is what became of the step so far.
func more(sty *theme.Styles, st run.StepState, w int) []string {
	var out []string
	for _, it := range st.Step.Items {
		out = append(out, itemLine(sty, st, it, false, w))
	}
	if st.Attempt > 0 {
		out = append(out, "", sty.Dim.Render(fmt.Sprintf("attempt %d, by %s", st.Attempt, st.By)))
	}
	if len(st.Signals) > 0 {
		out = append(out, sty.Dim.Render("signals sent: "+strings.Join(st.Signals, ", ")))
	}
	if st.Status == run.Broken {
		for _, l := range kit.Wrap(failure(st), w) {
			out = append(out, sty.Bad.Render(l))
		}
	}
	return out
}
