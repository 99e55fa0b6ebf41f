package runbook

import (
	"cmp"
	"slices"
)

func (r *reader) problem(offset int, severity Severity, message, hint string) {
	r.book.Problems = append(r.book.Problems, Problem{Pos: r.src.at(offset), Severity: severity, Message: message, Hint: hint})
}

func (r *reader) fail(offset int, message, hint string) {
	r.problem(offset, SeverityError, message, hint)
}
func (r *reader) warn(offset int, message, hint string) {
	r.problem(offset, SeverityWarning, message, hint)
}
func (r *reader) notice(offset int, message, hint string) {
	r.problem(offset, SeverityNotice, message, hint)
}

// sortProblems puts them in the order of the document.
func sortProblems(ps []Problem) {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
}
