package runbook

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"flightdeck/internal/clean"
)

// The forms in which authors leave a gap to be filled in. A gap that is run as it stands is
// dangerous (`<issue>` is a redirection to a shell), so a wrong guess only costs an edit.
var (
	angle    = regexp.MustCompile(`<[^\s<>()&!$'"|/-](?:[^<>\n]*[^\s<>\n])?>`)
	mustache = regexp.MustCompile(`\{\{-?\s*[A-Za-z_][\w -]*?\s*-?\}\}`)
	bracket  = regexp.MustCompile(`\[[A-Za-z][\w .-]*\]`)
	brace    = regexp.MustCompile(`\{[A-Za-z_][\w-]*\}`)
	loose    = regexp.MustCompile(`\bv?X\.Y(?:\.Z)?\b|\bYYYY(?:[-./_]?(?:MM|DD|mm|dd))*\b|\bYY\.MM(?:\.DD)?\b|\b(?:[\w-]+\.)*example\.(?:com|org|net)\b|\byour[-_]\w[\w-]*|\bx{3,}\b|…`)

	email    = regexp.MustCompile(`^<[\w.+-]+@[\w.-]+\.\w+>$`)
	template = regexp.MustCompile(`^\{\{-?\s*(end|else|range|if|with|json|define|template|block|break|continue|nil|len|index|printf|println|print|join|upper|lower|title|split|table|and|or|not|eq|ne)\b`)
	class    = regexp.MustCompile(`[A-Z]-[A-Z]|[a-z]-[a-z]|[0-9]-[0-9]|[A-Z]-[a-z]`)
)

// Placeholders lists what must be filled in before a command may run, each once, in order of
// appearance: <issue>, {{version}}, [feature-name], {name}, YYYY-MM-DD, your-project,
// example.com. Lines that are comments do not count. Variables of the shell are none.
func Placeholders(command string) []string {
	var out []string
	for _, span := range placeholderSpans(command) {
		if p := clean.Text(command[span[0]:span[1]]); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// placeholderSpans gives the byte ranges of the placeholders, in order, none overlapping.
func placeholderSpans(text string) [][2]int {
	var spans [][2]int
	start := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			for _, s := range lineSpans(line) {
				spans = append(spans, [2]int{start + s[0], start + s[1]})
			}
		}
		start += len(line)
	}
	return spans
}

func lineSpans(line string) [][2]int {
	var found [][2]int
	for _, form := range []struct {
		find  *regexp.Regexp
		false func(token, before, after string) bool
	}{
		{mustache, func(token, _, _ string) bool { return template.MatchString(token) }},
		{angle, notAngle},
		{brace, notBrace},
		{bracket, notBracket},
		{loose, func(_, before, _ string) bool { return strings.HasSuffix(before, "%") }},
	} {
		for _, m := range form.find.FindAllStringIndex(line, -1) {
			if form.false(line[m[0]:m[1]], line[:m[0]], line[m[1]:]) {
				continue
			}
			inside := slices.ContainsFunc(found, func(s [2]int) bool { return m[0] < s[1] && s[0] < m[1] })
			if !inside {
				found = append(found, [2]int{m[0], m[1]})
			}
		}
	}
	slices.SortFunc(found, func(a, b [2]int) int { return a[0] - b[0] })
	return found
}

// notAngle: here-documents and the address of a person.
func notAngle(token, before, _ string) bool {
	return strings.HasSuffix(before, "<") || email.MatchString(token) && !strings.Contains(token, "@example.")
}

// notBrace: ${VAR}, %{http_code}, HEAD^{commit}, @{upstream}, {{ }} and programs in braces.
func notBrace(token, before, _ string) bool {
	if before != "" && strings.ContainsRune("$%^@{#", rune(before[len(before)-1])) {
		return true
	}
	return slices.Contains([]string{"{print}", "{next}", "{exit}"}, token)
}

// notBracket: tests, array elements, classes of characters in patterns.
func notBracket(token, before, after string) bool {
	inner := token[1 : len(token)-1]
	if before != "" {
		last := before[len(before)-1]
		if last == '[' || last == '_' || last >= '0' && last <= '9' || unicode.IsLetter(rune(last)) {
			return true
		}
	}
	if strings.HasPrefix(after, "]") {
		return true
	}
	if rest := class.ReplaceAllString(inner, ""); rest != inner && len(rest) <= 2 {
		return true
	}
	words := strings.FieldsFunc(inner, func(c rune) bool { return c == ' ' || c == '-' || c == '_' || c == '.' })
	if len(words) > 1 {
		return !slices.ContainsFunc(words, func(w string) bool { return len(w) > 1 })
	}
	return len(inner) < 2 || inner != strings.ToUpper(inner)
}
