package lines

import "strings"

// level is how bad a line says it is.
type level uint8

const (
	unsaid level = iota
	debug
	info
	warning
	failure
)

// levelReach is how far into a line its level word is looked for: behind a time and a name, before
// the message.
const levelReach = 128

// findLevel looks for the word that says how bad a line is and gives its place in the text. Words
// in capitals count anywhere near the start; those in small letters only as the value of a level
// field (level=error, "level":"error", lvl=warn, severity=info), because prose uses them too.
func findLevel(s string) (l level, start, end int) {
	reach := min(len(s), levelReach)
	for i := 0; i < reach; {
		if !letter(s[i]) {
			i++
			continue
		}
		j := i + 1
		for j < len(s) && letter(s[j]) {
			j++
		}
		if word := s[i:j]; j-i <= 9 && (j == len(s) || s[j] != '_') && (i == 0 || s[i-1] != '_') {
			if l := capital(word); l != unsaid {
				return l, i, j
			}
			if i > 0 && s[i-1] == '[' && j < len(s) && s[j] == ']' {
				if l := capital(strings.ToUpper(word)); l != unsaid {
					return l, i, j
				}
			}
			if field(word) {
				if l, a, b := valueAfter(s, j); l != unsaid {
					return l, a, b
				}
			}
		}
		i = j
	}
	return unsaid, 0, 0
}

func letter(b byte) bool { return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' }

func capital(word string) level {
	switch word {
	case "ERROR", "ERR", "FATAL", "PANIC", "CRITICAL", "CRIT", "ALERT", "EMERG", "SEVERE":
		return failure
	case "WARN", "WARNING":
		return warning
	case "INFO", "NOTICE", "LOG":
		return info
	case "DEBUG", "TRACE":
		return debug
	}
	return unsaid
}

func field(word string) bool {
	switch word {
	case "level", "lvl", "severity", "loglevel":
		return true
	}
	return false
}

// valueAfter reads the value of a field whose name ends at i: =error, ="error", ":"error".
func valueAfter(s string, i int) (l level, start, end int) {
	seen := false
	for i < len(s) && (s[i] == '"' || s[i] == '=' || s[i] == ':' || s[i] == ' ') {
		seen = seen || s[i] == '=' || s[i] == ':'
		i++
	}
	j := i
	for j < len(s) && letter(s[j]) {
		j++
	}
	if !seen || j == i || j-i > 9 {
		return unsaid, 0, 0
	}
	var up [9]byte
	for k := i; k < j; k++ {
		up[k-i] = s[k] &^ 0x20
	}
	return capital(string(up[:j-i])), i, j
}
