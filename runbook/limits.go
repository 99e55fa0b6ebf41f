package runbook

import "bytes"

// The limits of a document's form. The Markdown parser needs time that grows with the square of
// these, so that a hostile file of two megabytes would hold up the program for minutes. No
// document that a person wrote comes near them.
const (
	maxQuotes  = 50   // quotes inside each other, on one line
	maxLinks   = 2000 // beginnings of a link in one paragraph
	maxAnchors = 5000 // definitions of a link
)

// overdone finds where a document passes a limit of form.
func (s *source) overdone() (offset int, what string, found bool) {
	links, anchors := 0, 0
	for i, start := range s.starts {
		end := len(s.text)
		if i+1 < len(s.starts) {
			end = s.starts[i+1]
		}
		line := s.text[start:end]
		trimmed := bytes.TrimLeft(line, " \t>")
		if len(bytes.TrimSpace(trimmed)) == 0 {
			links = 0
		}
		links += bytes.Count(line, []byte("]("))
		if bytes.HasPrefix(trimmed, []byte("[")) && bytes.Contains(trimmed, []byte("]:")) {
			anchors++
		}
		switch {
		case bytes.Count(line[:len(line)-len(trimmed)], []byte(">")) > maxQuotes:
			return start, "quotes", true
		case links > maxLinks:
			return start, "links in one paragraph", true
		case anchors > maxAnchors:
			return start, "definitions of links", true
		}
	}
	return 0, "", false
}
