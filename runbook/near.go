package runbook

import (
	"slices"
	"strings"
)

// Nearest gives the known word that a mistyped one most likely meant, or "".
func Nearest(word string, known []string) string {
	best, bestAt := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < bestAt && d < len(k) {
			best, bestAt = k, d
		}
	}
	return best
}

// distance counts the edits (insert, delete, replace, swap of neighbours) between two words.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = slices.Min([]int{last[j] + 1, row[j-1] + 1, last[j-1] + cost})
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// DidYouMean is the hint for an unknown word: the nearest known one, else all of them.
func DidYouMean(word string, known []string) string {
	if n := Nearest(word, known); n != "" {
		return `did you mean "` + n + `"?`
	}
	return "known: " + strings.Join(known, ", ")
}
