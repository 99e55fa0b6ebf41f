package lines

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// matcher is a pattern of a search or a filter. It never changes once made, so a command may use
// it while the screen does.
type matcher struct {
	pattern string
	invert  bool
	literal string // set when the pattern has no special character
	fold    bool
	re      *regexp.Regexp
}

// newMatcher reads a pattern: a regular expression, or plain text if it has nothing special. Upper
// and lower case are the same unless the pattern has an upper-case letter. With invertible, a
// leading "!" turns it round.
func newMatcher(pattern string, invertible bool) (*matcher, error) {
	m := &matcher{pattern: pattern}
	if invertible && strings.HasPrefix(pattern, "!") {
		m.invert, pattern = true, pattern[1:]
	}
	if pattern == "" {
		return nil, fmt.Errorf("the pattern is empty")
	}
	m.fold = !hasUpper(pattern)
	if regexp.QuoteMeta(pattern) == pattern && (!m.fold || ascii(pattern)) {
		m.literal = pattern
		return m, nil
	}
	expr := pattern
	if m.fold {
		expr = "(?i)" + expr
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("not a regular expression: %s; \\ before a sign takes it as it is", reason(err))
	}
	m.re = re
	return m, nil
}

// reason is the regexp package's complaint without its own preface.
func reason(err error) string {
	return strings.TrimPrefix(err.Error(), "error parsing regexp: ")
}

// hasUpper looks for an upper-case letter that is meant as a letter: \S and \W are not.
func hasUpper(p string) bool {
	escaped := false
	for _, r := range p {
		if escaped {
			escaped = false
			continue
		}
		if r == '\\' {
			escaped = true
			continue
		}
		if unicode.IsUpper(r) {
			return true
		}
	}
	return false
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// finds says whether the pattern occurs, before any inversion.
func (m *matcher) finds(s string) bool {
	switch {
	case m.re != nil:
		return m.re.MatchString(s)
	case m.fold:
		return indexFold(s, m.literal) >= 0
	}
	return strings.Contains(s, m.literal)
}

// shows says whether a line with this source and text is meant.
func (m *matcher) shows(source, text string) bool {
	return (m.finds(text) || source != "" && m.finds(source)) != m.invert
}

// ranges gives the byte ranges of at most most hits, in order, none empty.
func (m *matcher) ranges(s string, most int) [][2]int {
	if m == nil || m.invert {
		return nil
	}
	var out [][2]int
	if m.re != nil {
		for _, r := range m.re.FindAllStringIndex(s, most) {
			if r[1] > r[0] {
				out = append(out, [2]int{r[0], r[1]})
			}
		}
		return out
	}
	for at := 0; len(out) < most; {
		var i int
		if m.fold {
			i = indexFold(s[at:], m.literal)
		} else {
			i = strings.Index(s[at:], m.literal)
		}
		if i < 0 {
			break
		}
		out = append(out, [2]int{at + i, at + i + len(m.literal)})
		at += i + len(m.literal)
	}
	return out
}

// indexFold finds an ASCII needle that has no upper-case letter, whatever the case of the text.
func indexFold(s, needle string) int {
	n := len(needle)
	if n == 0 {
		return 0
	}
	c := needle[0]
	for i := 0; i+n <= len(s); i++ {
		if lower(s[i]) != c {
			continue
		}
		j := 1
		for j < n && lower(s[i+j]) == needle[j] {
			j++
		}
		if j == n {
			return i
		}
	}
	return -1
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
