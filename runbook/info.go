package runbook

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// attributes is what stands behind the three ticks: the language, and in braces our own words.
type attributes struct {
	lang     string
	values   map[string]string
	problems []located
}

// located is a problem with the offset it is at.
type located struct {
	at            int
	severity      Severity
	message, hint string
}

func attributeKeys() []string { return []string{"name", "optional", "terminal", "timeout", "undo"} }

// foreign are the attributes of other tools: classes, identifiers, lines to highlight.
var foreign = regexp.MustCompile(`^([.#][\w-]+|[\d,\s-]+)$`)

// parseInfo reads an info string; offset is where it begins in the document.
func parseInfo(info string, offset int) attributes {
	a := attributes{values: map[string]string{}}
	open := strings.IndexByte(info, '{')
	head := info
	if open >= 0 {
		head = info[:open]
	}
	words := strings.Fields(head)
	if len(words) > 0 {
		a.lang = strings.ToLower(words[0])
		for _, w := range words[1:] {
			if key, _, found := strings.Cut(w, "="); found && slices.Contains(attributeKeys(), key) {
				a.add(offset+strings.Index(info, w), SeverityWarning, `"`+key+`" is only read in braces`, "write {"+w+"}")
			}
		}
	}
	if open < 0 {
		return a
	}
	end := strings.LastIndexByte(info, '}')
	if end < open {
		a.add(offset+open, SeverityError, "the attributes are not closed", "add a } at the end of the line")
		return a
	}
	a.braces(info[open+1:end], offset+open+1)
	return a
}

func (a *attributes) add(at int, severity Severity, message, hint string) {
	a.problems = append(a.problems, located{at, severity, message, hint})
}

// braces reads what is between the braces: key=value, the value in quotes if it has spaces.
func (a *attributes) braces(s string, offset int) {
	if a.lang == "" && strings.HasPrefix(s, ".") {
		// The Pandoc form {.bash}.
		a.lang, s = cutWord(s[1:], &offset, 1)
		a.lang = strings.ToLower(a.lang)
	}
	for i := 0; i < len(s); {
		if s[i] == ' ' || s[i] == '\t' {
			i++
			continue
		}
		start := i
		for i < len(s) && s[i] != ' ' && s[i] != '\t' && s[i] != '=' {
			i++
		}
		key := s[start:i]
		if i >= len(s) || s[i] != '=' {
			a.bare(key, offset+start)
			continue
		}
		i++
		valueAt := i
		value, next, ok := attributeValue(s, i)
		i = next
		if !ok {
			a.add(offset+valueAt, SeverityError, `the value of "`+key+`" has an opening quote and no closing one`, `write `+key+`="..."`)
			return
		}
		a.set(key, value, offset+start, offset+valueAt)
	}
}

func cutWord(s string, offset *int, skipped int) (word, rest string) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	*offset += skipped + i
	return s[:i], s[i:]
}

func attributeValue(s string, i int) (value string, next int, ok bool) {
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		end := strings.IndexByte(s[i+1:], s[i])
		if end < 0 {
			return "", len(s), false
		}
		return s[i+1 : i+1+end], i + end + 2, true
	}
	start := i
	for i < len(s) && s[i] != ' ' && s[i] != '\t' {
		i++
	}
	return s[start:i], i, true
}

func (a *attributes) bare(word string, at int) {
	if foreign.MatchString(word) {
		return
	}
	if slices.Contains(attributeKeys(), word) {
		example := map[string]string{"optional": "true", "terminal": "true", "timeout": "10m"}[word]
		if example == "" {
			example = "..."
		}
		a.add(at, SeverityError, `"`+word+`" has no value`, "write "+word+"="+example)
		return
	}
	a.unknown(word, at)
}

// unknown is an error for what looks like a slip of one of our own words, because a time limit
// that is silently lost is dangerous. The words of other tools are only mentioned.
func (a *attributes) unknown(key string, at int) {
	severity := SeverityWarning
	if Nearest(key, attributeKeys()) != "" {
		severity = SeverityError
	}
	a.add(at, severity, `unknown attribute "`+key+`"`, DidYouMean(key, attributeKeys()))
}

func (a *attributes) set(key, value string, keyAt, valueAt int) {
	if !slices.Contains(attributeKeys(), key) {
		a.unknown(key, keyAt)
		return
	}
	if _, twice := a.values[key]; twice {
		a.add(keyAt, SeverityError, `"`+key+`" is given twice`, "keep one of them")
		return
	}
	a.values[key] = value
	switch key {
	case "timeout":
		if message, hint := badDuration(value); message != "" {
			a.add(valueAt, SeverityError, "timeout: "+message, hint)
		}
	case "terminal", "optional":
		if !slices.Contains([]string{"true", "false", "yes", "no"}, value) {
			a.add(valueAt, SeverityError, key+`: "`+value+`" is neither true nor false`, "write "+key+"=true")
		}
	default:
		if strings.TrimSpace(value) == "" {
			a.add(valueAt, SeverityError, key+" is empty", "give it a value or leave it out")
		}
	}
}

// maxDuration is the longest time that a runbook may ask for.
const maxDuration = 7 * 24 * time.Hour

// badDuration says what is wrong with a duration, or gives "".
func badDuration(s string) (message, hint string) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil && strings.Trim(s, "0123456789") == "" && s != "":
		return `"` + s + `" has no unit`, "write " + s + "s for seconds or " + s + "m for minutes"
	case err != nil:
		return `"` + s + `" is not a duration`, "write it like 30s, 10m or 1h30m"
	case d <= 0:
		return `"` + s + `" is not longer than zero`, "write it like 30s, 10m or 1h30m"
	case d > maxDuration:
		return `"` + s + `" is longer than seven days`, "write it like 30s, 10m or 1h30m"
	}
	return "", ""
}
