package runbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"flightdeck/internal/clean"
)

// builtinStep is one word of a ```flightdeck fence: what it is and what it takes.
type builtinStep struct {
	word string
	kind Kind
	keys []string
}

func builtinSteps() []builtinStep {
	return []builtinStep{
		{"deploy", KindDeploy, []string{"services", "remove-orphans"}},
		{"monitor", KindMonitor, []string{"for", "services", "timeout"}},
		{"note", KindNote, nil},
		{"rollback", KindRollback, []string{"to"}},
	}
}

var (
	serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	releaseID   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:@/-]*$`)
)

// rejectAttributes says that a flightdeck fence takes no attributes; its steps do.
func (r *reader) rejectAttributes(f fence) {
	if len(f.attrs.values)+len(f.attrs.problems) > 0 {
		r.fail(f.at, "a flightdeck fence takes no attributes", "write them behind the step: monitor for=30s")
	}
}

// builtins reads a ```flightdeck fence: one step a line.
func (r *reader) builtins(f fence) {
	before := r.count()
	for _, l := range f.lines {
		line := strings.TrimSpace(l.text)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if at, what, bad := hidden(l.text); bad {
			r.fail(l.column(at), "the step contains "+what+", which a terminal does not show", "delete it")
			continue
		}
		r.builtin(l)
	}
	if r.count() == before && len(r.book.Refused()) == 0 {
		r.warn(f.at, "this flightdeck fence has no step", "known: "+strings.Join(builtinWords(), ", "))
	}
}

func builtinWords() []string {
	var out []string
	for _, b := range builtinSteps() {
		out = append(out, b.word)
	}
	return out
}

// builtin reads one line of a flightdeck fence.
func (r *reader) builtin(l fenceLine) {
	words := splitWords(l.text)
	first := words[0]
	i := slices.IndexFunc(builtinSteps(), func(b builtinStep) bool { return b.word == first.text })
	if i < 0 {
		r.fail(l.column(first.at), `unknown step "`+clean.Text(first.text)+`"`, DidYouMean(first.text, builtinWords()))
		return
	}
	def := builtinSteps()[i]
	step := Step{Kind: def.kind, Pos: r.src.at(l.column(first.at))}
	if def.kind == KindNote {
		step.Title = clean.Text(strings.Join(strings.Fields(l.text[first.at+len(first.text):]), " "))
		if step.Title == "" {
			r.fail(l.column(first.at), "note has no text", "write note TEXT")
			return
		}
		r.emit(step)
		return
	}
	with, ok := r.arguments(l, def, words[1:])
	if !ok {
		return
	}
	if len(with) > 0 {
		step.With = with
	}
	step.Title = builtinTitle(def.kind, with)
	r.emit(step)
}

// word is a word of a line with its byte offset.
type word struct {
	text string
	at   int
}

func splitWords(line string) []word {
	var out []word
	start := -1
	for i := 0; i <= len(line); i++ {
		space := i == len(line) || line[i] == ' ' || line[i] == '\t'
		switch {
		case space && start >= 0:
			out = append(out, word{line[start:i], start})
			start = -1
		case !space && start < 0:
			start = i
		}
	}
	return out
}

func (r *reader) arguments(l fenceLine, def builtinStep, words []word) (map[string]string, bool) {
	with, good := map[string]string{}, true
	bad := func(at int, message, hint string) {
		r.fail(l.column(at), message, hint)
		good = false
	}
	for _, w := range words {
		key, value, found := strings.Cut(w.text, "=")
		valueAt := w.at + len(key) + 1
		_, twice := with[key]
		switch {
		case !found && slices.Contains(def.keys, key):
			bad(w.at, `"`+key+`" has no value`, "write "+key+"="+exampleOf(key))
		case !found:
			bad(w.at, `"`+clean.Text(w.text)+`" is not key=value`, "keys of "+def.word+": "+strings.Join(def.keys, ", "))
		case !slices.Contains(def.keys, key):
			bad(w.at, def.word+` has no key "`+clean.Text(key)+`"`, DidYouMean(key, def.keys))
		case twice:
			bad(w.at, `"`+key+`" is given twice`, "keep one of them")
		default:
			if at, message, hint := badArgument(key, value); message != "" {
				bad(valueAt+at, key+": "+message, hint)
			}
			with[key] = value
		}
	}
	return with, good
}

func exampleOf(key string) string {
	switch key {
	case "services":
		return "backend,worker"
	case "remove-orphans":
		return "yes"
	case "to":
		return "ID"
	}
	return "30s"
}

// badArgument says what is wrong with a value and where in it, or gives an empty message.
func badArgument(key, value string) (at int, message, hint string) {
	switch key {
	case "for", "timeout":
		message, hint = badDuration(value)
	case "remove-orphans":
		if value != "yes" && value != "no" {
			return 0, `"` + clean.Text(value) + `" is neither yes nor no`, "write remove-orphans=yes"
		}
	case "to":
		if !releaseID.MatchString(value) {
			return 0, `"` + clean.Text(value) + `" is not the ID of a release`, "flightdeck rollback --list shows them"
		}
	case "services":
		for _, name := range strings.Split(value, ",") {
			if !serviceName.MatchString(name) {
				return at, fmt.Sprintf("%q is not the name of a service", clean.Text(name)), "write services=backend,worker without spaces"
			}
			at += len(name) + 1
		}
		return 0, "", ""
	}
	return 0, message, hint
}

func builtinTitle(kind Kind, with map[string]string) string {
	services := strings.ReplaceAll(with["services"], ",", ", ")
	switch kind {
	case KindDeploy:
		if services != "" {
			return "Deploy " + services
		}
		return "Deploy the new release"
	case KindMonitor:
		title := "Wait until healthy"
		if services != "" {
			title = "Wait until " + services + " is healthy"
		}
		if with["for"] != "" {
			title += " for " + with["for"]
		}
		return title
	default:
		if with["to"] != "" {
			return "Roll back to " + with["to"]
		}
		return "Roll back to the last healthy release"
	}
}
