package config

import (
	"slices"
	"strings"
	"unicode"

	"flightdeck/internal/run"
)

// classWords are the words for each class of environment, the class's own first.
func classWords(c run.Class) []string {
	switch c {
	case run.Production:
		return []string{"production", "prod", "prd", "live"}
	case run.Staging:
		return []string{"staging", "stage", "stg"}
	case run.Development:
		return []string{"development", "dev"}
	default:
		return []string{"local"}
	}
}

// classes are in the order in which a name is searched for them: one word for production is
// enough to be strict.
func classes() []run.Class {
	return []run.Class{run.Production, run.Staging, run.Development, run.Local}
}

func classOfWord(word string) (run.Class, bool) {
	for _, c := range classes() {
		if slices.Contains(classWords(c), strings.ToLower(word)) {
			return c, true
		}
	}
	return "", false
}

// ClassOf finds the class of an environment by the words of a name: "eu-prod-2" is production.
// False: no word says anything.
func ClassOf(name string) (run.Class, bool) { return classOfName(name) }

// classOfName finds a word of a class among the words of a name: "eu-prod-2" is production.
func classOfName(name string) (run.Class, bool) {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return !unicode.IsLetter(c) })
	for _, c := range classes() {
		for _, w := range words {
			if slices.Contains(classWords(c), w) {
				return c, true
			}
		}
	}
	return "", false
}

func allClassWords() []string {
	var out []string
	for _, c := range classes() {
		out = append(out, classWords(c)...)
	}
	return out
}
