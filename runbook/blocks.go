package runbook

import (
	"fmt"
	"strings"

	"github.com/clipperhouse/displaywidth"
	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"flightdeck/internal/clean"
)

// maxLead is the longest line, in bytes, that becomes a title although it has no colon.
const maxLead = 80

// maxTitle is the longest title of a step in characters; the rest of the text is shown below it.
const maxTitle = 100

func (r *reader) paragraph(n ast.Node) {
	text := r.inlineText(n, prose)
	if text == "" {
		return
	}
	b := Block{Kind: BlockText, Text: text, Pos: r.pos(n)}
	_, bold := n.FirstChild().(*ast.Emphasis)
	words := r.inlineText(n, plain)
	if keyword, rest, ok := callout(text, false); ok {
		b.Kind, b.Lang, b.Text = BlockCallout, keyword, rest
		r.keep(b)
		return
	} else if keyword, _, ok := callout(words, bold && shouts(n, r)); ok {
		b.Kind, b.Lang = BlockCallout, keyword
		_, b.Text, _ = callout(words, true)
		r.keep(b)
		return
	}
	r.keep(b)
	r.lead = leadOf(words, text)
}

// shouts says whether a paragraph begins with a bold keyword that ends in a colon or is in
// capitals. A sentence that begins with a bold "Note" and goes on is only a sentence.
func shouts(n ast.Node, r *reader) bool {
	e, ok := n.FirstChild().(*ast.Emphasis)
	if !ok || e.Level != 2 {
		return false
	}
	t := r.inlineText(e, plain)
	return strings.HasSuffix(t, ":") || t == strings.ToUpper(t)
}

// leadOf makes the line before out of a paragraph: its last sentence.
func leadOf(words, text string) lead {
	l := lead{text: words, whole: true, ok: true}
	if i := strings.LastIndexAny(strings.TrimRight(words, ":.!?"), ".!?"); i > 0 && i+1 < len(words) && words[i+1] == ' ' {
		l.text, l.whole = strings.TrimSpace(words[i+1:]), false
	}
	if strings.HasSuffix(l.text, ":") {
		l.colon = true
		l.text = strings.TrimSpace(strings.TrimRight(l.text, ":"))
	}
	// A link or code in the paragraph says more than the title can.
	if l.whole && words != text && strings.Contains(text, "](") {
		l.whole = false
	}
	if strings.Contains(text, "://") {
		l.whole = false
	}
	if title, cut := shorten(l.text); cut {
		l.text, l.whole = title, false
	}
	l.ok = l.text != "" && (l.colon || len(words) <= maxLead)
	l.text = strings.TrimSuffix(l.text, ".")
	return l
}

// shorten cuts a title at the end of a sentence or a word.
func shorten(s string) (string, bool) {
	runes := []rune(s)
	if len(runes) <= maxTitle {
		return s, false
	}
	head := string(runes[:maxTitle])
	if i := strings.Index(head, ". "); i > 20 {
		return head[:i], true
	}
	if i := strings.LastIndexByte(head, ' '); i > 20 {
		head = head[:i]
	}
	return strings.TrimRight(head, " ,;:") + "…", true
}

// quote keeps a block quote as one block: a callout when it begins with a keyword. Nothing in a
// quote is a step, because quotes hold examples and warnings.
func (r *reader) quote(n *ast.Blockquote) {
	lines := r.outline(n, "", 0)
	text := strings.TrimSpace(strings.Join(lines, "\n"))
	b := Block{Kind: BlockText, Text: text, Pos: r.pos(n)}
	first, rest, _ := strings.Cut(text, "\n")
	if keyword, head, ok := callout(strings.ReplaceAll(first, "**", ""), true); ok {
		b.Kind, b.Lang, b.Text = BlockCallout, keyword, strings.TrimSpace(head+"\n"+rest)
		if b.Text == "" {
			b.Text = keyword
		}
	}
	r.keep(b)
	if at, found := r.stepInside(n, 0); found {
		r.notice(at, "a step inside a quote is shown, not run", "take it out of the quote if it is to be done")
	}
}

// maxDepth bounds the recursion over lists and quotes; what lies deeper is shown as source.
const maxDepth = 40

// outline draws any block as lines of text: quotes, list items, what is kept for reading.
func (r *reader) outline(n ast.Node, indent string, depth int) []string {
	var out []string
	if depth > maxDepth {
		return append(out, indent+"…")
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Paragraph, *ast.TextBlock, *ast.Heading:
			if t := r.inlineText(c, prose); t != "" {
				out = append(out, indent+t)
			}
		case *ast.List:
			out = append(out, r.bullets(c, indent, depth+1)...)
		case *ast.FencedCodeBlock, *ast.CodeBlock, *ast.HTMLBlock:
			for l := range strings.Lines(r.raw(c)) {
				out = append(out, indent+"    "+strings.TrimRight(l, "\n"))
			}
		case *extast.Table:
			out = append(out, strings.Split(r.table(c), "\n")...)
		default:
			out = append(out, r.outline(c, indent, depth+1)...)
		}
	}
	return out
}

// bullets draws a list, one item a line.
func (r *reader) bullets(l *ast.List, indent string, depth int) []string {
	var out []string
	number := l.Start
	for item := l.FirstChild(); item != nil; item = item.NextSibling() {
		mark := "- "
		if l.IsOrdered() {
			mark = fmt.Sprintf("%d. ", number)
			number++
		}
		if done, ok := r.box(item); ok {
			mark += map[bool]string{false: "[ ] ", true: "[x] "}[done]
		}
		lines := r.outline(item, "", depth)
		if len(lines) == 0 {
			continue
		}
		if _, ok := r.box(item); ok {
			lines[0] = withoutGlyph(lines[0])
		}
		out = append(out, indent+mark+lines[0])
		for _, more := range lines[1:] {
			out = append(out, indent+"  "+more)
		}
	}
	return out
}

// html keeps what an HTML block says. A comment is shown as such: hidden text must not be a way
// to hide something from the person who runs the document.
func (r *reader) html(n *ast.HTMLBlock) {
	raw := r.raw(n)
	b := Block{Kind: BlockText, Pos: r.pos(n)}
	if strings.HasPrefix(strings.TrimSpace(raw), "<!--") {
		b.Kind, b.Lang, b.Text = BlockCode, "comment", strings.TrimSpace(raw)
	} else {
		b.Text = strings.TrimSpace(withoutTags(raw))
	}
	b.Text = clean.Text(b.Text)
	r.keep(b)
}

// other keeps the blocks that have no form of their own.
func (r *reader) other(n ast.Node) {
	b := Block{Pos: r.pos(n)}
	switch n := n.(type) {
	case *extast.Table:
		b.Kind, b.Text = BlockTable, r.table(n)
	case *ast.CodeBlock:
		b.Kind, b.Text = BlockCode, clean.Text(expandTabs(strings.TrimRight(r.raw(n), "\n")))
	default:
		b.Kind, b.Text = BlockText, strings.Join(r.outline(n, "", 0), "\n")
	}
	r.keep(b)
}

// raw is the source of a block of lines: code, HTML.
func (r *reader) raw(n ast.Node) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		b.Write(seg.Value(r.src.text))
	}
	if h, ok := n.(*ast.HTMLBlock); ok && h.HasClosure() {
		b.Write(h.ClosureLine.Value(r.src.text))
	}
	return b.String()
}

// expandTabs keeps the look of code: a tab is a control character to a terminal.
func expandTabs(s string) string { return strings.ReplaceAll(s, "\t", "    ") }

// table draws a table in source form with its columns aligned.
func (r *reader) table(t *extast.Table) string {
	var rows [][]string
	var widths []int
	for row := t.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []string
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			text := r.inlineText(cell, prose)
			if len(cells) == len(widths) {
				widths = append(widths, 3)
			}
			widths[len(cells)] = max(widths[len(cells)], displaywidth.String(text))
			cells = append(cells, text)
		}
		rows = append(rows, cells)
	}
	var b strings.Builder
	for i, cells := range rows {
		b.WriteString("|")
		for j, text := range cells {
			b.WriteString(" " + text + strings.Repeat(" ", widths[j]-displaywidth.String(text)) + " |")
		}
		b.WriteString("\n")
		if i == 0 {
			b.WriteString("|")
			for _, w := range widths {
				b.WriteString(strings.Repeat("-", w+2) + "|")
			}
			b.WriteString("\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
