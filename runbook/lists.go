package runbook

import (
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"flightdeck/internal/clean"
)

func (r *reader) list(l *ast.List) {
	switch {
	case r.hasBoxes(l):
		r.checklist(l)
	case l.IsOrdered() && !r.onlyAnchors(l) && !describing.MatchString(r.section()):
		for item := l.FirstChild(); item != nil; item = item.NextSibling() {
			r.item(item, true)
		}
	default:
		r.bulletList(l)
	}
}

// bulletList keeps plain bullets for reading. A bullet that carries a step is read as a step.
func (r *reader) bulletList(l *ast.List) {
	if _, found := r.stepInside(l, 0); !found {
		r.keepList(l)
		return
	}
	for item := l.FirstChild(); item != nil; item = item.NextSibling() {
		if _, found := r.stepInside(item, 0); found {
			r.item(item, false)
			continue
		}
		if lines := r.outline(item, "", 0); len(lines) > 0 {
			r.keep(Block{Kind: BlockList, Text: "- " + strings.Join(lines, "\n  "), Pos: r.pos(item)})
		}
	}
}

func (r *reader) keepList(l *ast.List) {
	r.keep(Block{Kind: BlockList, Text: clean.Text(strings.Join(r.bullets(l, "", 0), "\n")), Pos: r.pos(l)})
}

// item reads one list item: what is in it becomes steps titled by its text. A numbered item with
// nothing of the kind is a manual step.
func (r *reader) item(item ast.Node, manual bool) {
	before, base := r.count(), len(r.pending)
	first := item.FirstChild()
	title, pos := "", r.pos(item)
	for c := first; c != nil; c = c.NextSibling() {
		if c == first && isText(c) {
			title = r.itemTitle(c)
			continue
		}
		r.block(c)
	}
	if r.count() > before {
		r.trailing()
		return
	}
	if !manual {
		return
	}
	if title == "" && len(r.pending) == base {
		return
	}
	if title != "" && len(r.pending) > base && sameText(r.pending[base].Text, title) {
		r.pending = append(r.pending[:base], r.pending[base+1:]...)
	}
	if title == "" {
		title = r.section()
	}
	short, _ := shorten(title)
	r.emit(Step{Kind: KindManual, Title: strings.TrimRight(short, ":"), Optional: isOptional(title), Pos: pos})
}

// itemTitle keeps the text of an item as the line before whatever follows in the item.
func (r *reader) itemTitle(n ast.Node) string {
	words := withoutGlyph(r.inlineText(n, plain))
	text := withoutGlyph(r.inlineText(n, prose))
	if words == "" {
		return ""
	}
	short, cut := shorten(strings.TrimSpace(strings.TrimRight(words, ":")))
	r.keep(Block{Kind: BlockText, Text: text, Pos: r.pos(n)})
	r.lead = lead{text: short, item: true, whole: !cut && !strings.Contains(text, "://"), ok: short != ""}
	return words
}

func sameText(block, title string) bool {
	return strings.ReplaceAll(block, "`", "") == strings.ReplaceAll(title, "`", "") && len([]rune(title)) <= maxTitle
}

// trailing gives text that follows the last step of an item to that step, because it speaks of it
// ("Expected: 200").
func (r *reader) trailing() {
	steps := r.here().Steps
	last := &steps[len(steps)-1]
	last.Why = append(last.Why, r.pending...)
	r.pending, r.lead = nil, lead{}
}

func (r *reader) count() int { return len(r.here().Steps) }

func isText(n ast.Node) bool {
	return n.Kind() == ast.KindParagraph || n.Kind() == ast.KindTextBlock
}

// checklist reads one list of boxes as one step.
func (r *reader) checklist(l *ast.List) {
	title := r.section()
	if r.lead.ok && (r.lead.colon || r.lead.item) {
		title = r.takeLead()
	}
	b := &boxes{reader: r, title: title, pos: r.pos(l)}
	b.collect(l, 0)
	b.flush()
}

// boxes gathers the items of one checklist step.
type boxes struct {
	*reader
	title string
	pos   Position
	items []Item
}

func (b *boxes) flush() {
	if len(b.items) == 0 {
		return
	}
	b.emit(Step{Kind: KindChecklist, Title: b.title, Items: b.items, Optional: isOptional(b.title), Pos: b.items[0].Pos})
	b.items = nil
}

func (b *boxes) collect(l *ast.List, depth int) {
	for n := l.FirstChild(); n != nil; n = n.NextSibling() {
		_, steps := b.commandInside(n, 0)
		if steps {
			// The command takes the place of the box: its result is the tick.
			b.flush()
			b.item(n, false)
			continue
		}
		b.one(n, depth)
	}
}

// one reads an item that holds no command.
func (b *boxes) one(n ast.Node, depth int) {
	done, boxed := b.box(n)
	first := n.FirstChild()
	text := ""
	if first != nil && isText(first) {
		text = withoutGlyph(b.boxText(first))
	}
	if boxed {
		if text == "" {
			text = "(no text)"
		}
		b.items = append(b.items, Item{Text: text, Depth: min(depth, maxDepth), TickedInSource: done, Pos: b.pos0(n)})
	} else if text != "" {
		b.keep(Block{Kind: BlockList, Text: "- " + text, Pos: b.pos0(n)})
	}
	for c := first; c != nil; c = c.NextSibling() {
		inner, isList := c.(*ast.List)
		switch {
		case c == first && isText(c):
		case isList && b.boxInside(inner, 0) && depth < maxDepth:
			b.collect(inner, depth+1)
		default:
			b.detail(text, c)
		}
	}
}

// detail keeps what stands below a box without being one, with the name of the box it is about.
func (b *boxes) detail(box string, n ast.Node) {
	before := len(b.pending)
	if inner, ok := n.(*ast.List); ok {
		b.keepList(inner)
	} else {
		b.block(n)
	}
	if len(b.pending) > before && box != "" && b.pending[before].Kind != BlockCode && b.pending[before].Kind != BlockTable {
		sep := " "
		if b.pending[before].Kind == BlockList {
			sep = "\n"
		}
		b.pending[before].Text = box + ":" + sep + b.pending[before].Text
	}
}

func (b *boxes) pos0(n ast.Node) Position { return b.reader.pos(n) }

// boxText is the text of a box: words, and the addresses that its links lead to.
func (r *reader) boxText(n ast.Node) string {
	words, text := r.inlineText(n, plain), r.inlineText(n, prose)
	if strings.Contains(text, "://") {
		return strings.ReplaceAll(text, "`", "")
	}
	return words
}

// box says whether a list item begins with a box, and whether the author ticked it.
func (r *reader) box(item ast.Node) (ticked, ok bool) {
	first := item.FirstChild()
	if first == nil || !isText(first) {
		return false, false
	}
	if t, ok := first.FirstChild().(*extast.TaskCheckBox); ok {
		return t.IsChecked, true
	}
	text := r.inlineText(first, plain)
	return false, withoutGlyph(text) != text
}

// withoutGlyph cuts the forms of a box that goldmark does not know: "[]" and the empty squares.
func withoutGlyph(s string) string {
	for _, mark := range []string{"[] ", "⬜ ", "☐ ", "□ ", "⬜", "☐", "□"} {
		if rest, ok := strings.CutPrefix(s, mark); ok {
			return strings.TrimSpace(strings.TrimPrefix(rest, "\uFE0F"))
		}
	}
	return s
}

func (r *reader) hasBoxes(l *ast.List) bool {
	for n := l.FirstChild(); n != nil; n = n.NextSibling() {
		if _, ok := r.box(n); ok {
			return true
		}
	}
	return false
}

func (r *reader) boxInside(n ast.Node, depth int) bool {
	if l, ok := n.(*ast.List); ok && r.hasBoxes(l) {
		return true
	}
	for c := n.FirstChild(); c != nil && depth < maxDepth; c = c.NextSibling() {
		if c.Type() == ast.TypeBlock && r.boxInside(c, depth+1) {
			return true
		}
	}
	return false
}

// commandInside finds a fence that would be a step.
func (r *reader) commandInside(n ast.Node, depth int) (offset int, found bool) {
	if f, ok := n.(*ast.FencedCodeBlock); ok {
		return r.offset(f), r.readFence(f).step()
	}
	if n.Kind() == ast.KindBlockquote && depth > 0 {
		return 0, false
	}
	for c := n.FirstChild(); c != nil && depth < maxDepth; c = c.NextSibling() {
		if c.Type() != ast.TypeBlock {
			continue
		}
		if at, found := r.commandInside(c, depth+1); found {
			return at, true
		}
	}
	return 0, false
}

// stepInside finds a fence or a box that would be a step.
func (r *reader) stepInside(n ast.Node, depth int) (offset int, found bool) {
	if at, found := r.commandInside(n, depth); found {
		return at, true
	}
	if r.boxInside(n, depth) {
		return r.offset(n), true
	}
	return 0, false
}

// onlyAnchors recognises a table of contents: items that are nothing but links into the document.
func (r *reader) onlyAnchors(l *ast.List) bool {
	for n := l.FirstChild(); n != nil; n = n.NextSibling() {
		first := n.FirstChild()
		if first == nil || !isText(first) {
			return false
		}
		link, ok := first.FirstChild().(*ast.Link)
		if !ok || link.NextSibling() != nil || !strings.HasPrefix(string(link.Destination), "#") {
			return false
		}
	}
	return true
}

// isOptional recognises what the author says may be left out.
func isOptional(title string) bool {
	t := strings.ToLower(title)
	for _, word := range []string{"(optional)", "(if needed)", "(if necessary)", "(if applicable)", "[optional]"} {
		if strings.Contains(t, word) {
			return true
		}
	}
	return strings.HasPrefix(t, "optional:") || strings.HasPrefix(t, "optionally")
}
