package runbook

import (
	"regexp"
	"strings"
)

// The words by which sections are told apart. They are hints in the languages that public
// runbooks are written in; the plan screen shows what they made of the document.
var (
	rollingBack = regexp.MustCompile(`(?i)\broll(ed|ing)?[ -]?back|\brevert(ing)?\b|\bback ?out\b|` +
		`^\W*[\d.]*\W*restor(e|ing)\W*$|\brestor(e|ing|ation)\b.*\b(backup|database|dump|snapshot|previous|old|last)\b|` +
		`zurückrollen|rückabwicklung|reversión|revertir|reversão|reverter|retour arrière|откат|回滚|ロールバック`)
	emergency = regexp.MustCompile(`(?i)\bemergenc(y|ies)\b|\bincident\b|\bdisaster\b|\bnotfall\b|\bemergencia\b|\bemergência\b|\burgence\b|` +
		`\b(if|when) (something|things|anything) (goes|go|went) wrong\b|\bin case of (failure|emergency|problems|trouble)`)
	troubleshooting = regexp.MustCompile(`(?i)\btrouble ?-?shoot|\b(common|known|typical) (problems|issues|errors)\b|` +
		`\bfehlerbehebung\b|\bsolución de problemas\b|\bsolução de problemas\b|\bdépannage\b`)
	reference = regexp.MustCompile(`(?i)^\W*(faq|frequently asked questions|examples?|appendi(x|ces)\b.*|anhang\b.*|glossary)\W*$`)

	// preparing marks headings that speak of rolling back but are forward work.
	preparing = regexp.MustCompile(`(?i)^\W*[\d.]*\W*(step \d+\W+)?(prepare|preparing|verify|check|confirm|test|document|review|write|pre-)`)

	// describing marks headings whose numbered lists tell what the document is about.
	describing = regexp.MustCompile(`(?i)^\W*[\d.]*\W*(plan|overview|summary|goals?|details|background|how it works|(table of )?contents|toc|at a glance|what (this|it) does|überblick|übersicht|resumen|resumo|aperçu)\W*$`)
)

// procedureOf says whether a heading opens a section apart. Words that the title of the document
// has too do not: a document called "Rollback" is the rollback, all of it.
func procedureOf(heading, title string) (ProcedureKind, bool) {
	if preparing.MatchString(heading) {
		return "", false
	}
	for _, k := range []struct {
		kind  ProcedureKind
		words *regexp.Regexp
	}{
		{ProcedureRollback, rollingBack},
		{ProcedureEmergency, emergency},
		{ProcedureTroubleshooting, troubleshooting},
		{ProcedureReference, reference},
	} {
		if k.words.MatchString(heading) {
			return k.kind, !k.words.MatchString(title)
		}
	}
	return "", false
}

var (
	// alert is the first line of a GitHub alert.
	alert = regexp.MustCompile(`(?i)^\[!(note|tip|important|warning|caution|danger|info)\]\s*`)
	// calling is a paragraph that begins with a keyword: "WARNING: ...", "Note: ...".
	calling = regexp.MustCompile(`(?i)^(note|nb|tip|hint|important|warning|caution|danger|attention|info|achtung|hinweis|warnung|nota|importante|aviso|advertencia)\s*[:!]\s*`)
	// alone is a quote whose first bold word is the keyword, without a colon: "> **Note** ...".
	alone = regexp.MustCompile(`(?i)^(note|tip|hint|important|warning|caution|danger|attention|info)\b\s*`)
	// admonition is the MkDocs form.
	admonition = regexp.MustCompile(`(?i)^(?:!!!|\?\?\?\+?)\s+(note|tip|hint|important|warning|caution|danger|attention|info|abstract|success|question|failure|bug|example|quote)\b(?:\s+"([^"]*)")?\s*`)
)

// callout says whether a text is a callout, of what keyword, and gives the text without it. bold
// says that the text begins with bold or stands in a quote, where the colon may be missing.
func callout(text string, bold bool) (keyword, rest string, ok bool) {
	for _, form := range []*regexp.Regexp{alert, admonition, calling} {
		if m := form.FindStringSubmatchIndex(text); m != nil {
			rest = text[m[1]:]
			if form == admonition && m[4] >= 0 {
				rest = strings.TrimSpace(text[m[4]:m[5]] + ": " + rest)
			}
			return strings.ToLower(text[m[2]:m[3]]), rest, true
		}
	}
	if m := alone.FindStringSubmatchIndex(text); bold && m != nil {
		return strings.ToLower(text[m[2]:m[3]]), strings.TrimLeft(text[m[1]:], ":–— "), true
	}
	for _, sign := range [][2]string{{"⚠", "warning"}, {"🚨", "caution"}, {"🛑", "caution"}, {"❗", "important"}, {"💡", "tip"}} {
		if strings.HasPrefix(text, sign[0]) {
			return sign[1], text, true
		}
	}
	return "", text, false
}
