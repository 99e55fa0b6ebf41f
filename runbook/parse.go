package runbook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"flightdeck/internal/clean"
)

// MaxSize is the largest document that is read, in bytes. What is longer is no runbook, and
// reading it would hold up the person on call.
const MaxSize = 2 << 20

// Parse reads a Markdown document. It never fails: what is wrong is in Problems, and Refused
// gives the problems that forbid a run. File is only used to say where things are.
func Parse(file string, raw []byte) Runbook {
	sum := sha256.Sum256(raw)
	file = clean.Name(file) // a name can hold what a terminal obeys, and it is only shown
	book := Runbook{File: file, Digest: "sha256:" + hex.EncodeToString(sum[:])}
	book.Title = clean.Text(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)))
	if p, bad := unreadable(file, raw); bad {
		book.Problems = []Problem{p}
		return book
	}
	r := &reader{src: newSource(file, raw), book: &book, sets: map[string]Position{}}
	if len(r.src.invalid) > 0 {
		r.notice(r.src.invalid[0], "the file is not UTF-8 here; the bytes are shown as \uFFFD", "save the file as UTF-8")
	}
	if at, what, found := r.src.overdone(); found {
		r.fail(at, "the document has more "+what+" here than can be read", "is this the right file?")
		return book
	}
	r.cutFrontMatter()
	doc := goldmark.New(goldmark.WithExtensions(extension.Table, extension.TaskList)).
		Parser().Parse(text.NewReader(r.src.text))
	r.survey(doc)
	r.document(doc)
	r.checkVariables()
	identify(&book)
	if len(book.Steps()) == 0 {
		r.warn(0, "no step found in this document",
			"steps are `- [ ]` items, numbered items, and fences tagged bash, sh or flightdeck")
	}
	sortProblems(book.Problems)
	return book
}

// unreadable refuses what cannot be a text document before anything looks at it.
func unreadable(file string, raw []byte) (Problem, bool) {
	p := Problem{Pos: Position{File: file}, Severity: SeverityError}
	if len(raw) > MaxSize {
		p.Message = fmt.Sprintf("the file has %d bytes; a runbook may have %d", len(raw), MaxSize)
		p.Hint = "is this the right file?"
		return p, true
	}
	if bytes.HasPrefix(raw, []byte{0xFF, 0xFE}) || bytes.HasPrefix(raw, []byte{0xFE, 0xFF}) {
		p.Message, p.Hint = "the file is UTF-16", "save it as UTF-8"
		return p, true
	}
	if i := bytes.IndexByte(raw, 0); i >= 0 {
		p.Pos = newSource(file, raw[:i]).at(i)
		p.Message, p.Hint = "the file is not text: it has a NUL byte here", "is this the right file?"
		return p, true
	}
	return p, false
}

// reader walks the document once, from top to bottom.
type reader struct {
	src  *source
	book *Runbook

	title *ast.Heading
	level int // of the headings that open phases; 0 when the whole document is one phase

	phase     *Phase     // of the forward path, open
	procedure *Procedure // open, with its last phase
	procLevel int        // of the heading that opened the procedure

	pending []Block // text that waits for the step it explains
	lead    lead    // the line before, which may become a title
	sub     string  // the nearest heading below the phase's own

	sets     map[string]Position // variables, and a fence that sets them
	named    map[string]Position
	commands []command
}

// lead is the line before a fence or a list.
type lead struct {
	text    string
	colon   bool // it ended in a colon
	item    bool // it is the text of the list item around the fence
	heading bool // it is a sub-heading
	whole   bool // it is the whole of the last pending block, which the title then replaces
	ok      bool
}

// survey finds the title and the level of the phases.
func (r *reader) survey(doc ast.Node) {
	var counts [7]int
	var first [7]*ast.Heading
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		if h, ok := n.(*ast.Heading); ok {
			counts[h.Level]++
			if counts[h.Level] == 1 {
				first[h.Level] = h
			}
		}
	}
	if counts[1] == 1 {
		if t := r.inlineText(first[1], plain); t != "" {
			r.title, r.book.Title = first[1], t
		}
	}
	for level := 1; level <= 6; level++ {
		if counts[level] >= 2 {
			r.level = level
			break
		}
	}
	if r.level == 0 {
		r.openPhase(r.book.Title, r.src.at(0))
	}
}

func (r *reader) document(doc ast.Node) {
	for n := doc.FirstChild(); n != nil; n = n.NextSibling() {
		r.block(n)
	}
	r.closeProcedure()
	r.closePhase()
}

// block reads one block of the document or of a list item.
func (r *reader) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		r.heading(n)
	case *ast.Paragraph, *ast.TextBlock:
		r.paragraph(n)
	case *ast.FencedCodeBlock:
		r.fence(n)
	case *ast.List:
		r.list(n)
	case *ast.Blockquote:
		r.quote(n)
	case *ast.HTMLBlock:
		r.html(n)
	case *ast.ThematicBreak, *ast.LinkReferenceDefinition:
	default:
		r.other(n)
	}
}

func (r *reader) heading(h *ast.Heading) {
	if h.Parent() != nil && h.Parent().Kind() != ast.KindDocument {
		r.keep(Block{Kind: BlockHeading, Text: r.inlineText(h, prose), Pos: r.pos(h)})
		return
	}
	title := r.inlineText(h, plain)
	if h == r.title {
		if r.level != 0 && r.phase != nil {
			r.keep(Block{Kind: BlockHeading, Text: title, Pos: r.pos(h)})
		}
		return
	}
	if r.procedure != nil && h.Level <= r.procLevel {
		r.closeProcedure()
	}
	if kind, ok := procedureOf(title, r.book.Title); ok && r.procedure == nil {
		r.openProcedure(kind, title, h)
		return
	}
	switch {
	case r.procedure != nil && h.Level == r.procLevel+1:
		r.openProcedurePhase(title, r.pos(h))
	case r.procedure == nil && h.Level <= r.level:
		r.closePhase()
		r.openPhase(title, r.pos(h))
	default:
		r.sub = title
		r.keep(Block{Kind: BlockHeading, Text: title, Pos: r.pos(h)})
		r.lead = lead{text: title, heading: true, whole: true, ok: title != ""}
	}
}

func (r *reader) openPhase(title string, pos Position) {
	if title == "" {
		title = untitled
	}
	r.phase = &Phase{Title: title, Pos: pos}
	r.sub, r.lead = "", lead{}
}

// untitled names a section whose heading has no text.
const untitled = "Untitled section"

// closePhase ends the forward phase. Text that no step follows stays with the phase; text before
// the first phase is the document's introduction.
func (r *reader) closePhase() {
	rest := r.pending
	r.pending, r.lead, r.sub = nil, lead{}, ""
	if r.phase == nil {
		r.book.Intro = append(r.book.Intro, rest...)
		return
	}
	r.phase.Context = append(r.phase.Context, rest...)
	r.book.Phases = append(r.book.Phases, *r.phase)
	r.phase = nil
}

// openProcedure opens a section apart. Inside a phase the phase waits and goes on after it.
func (r *reader) openProcedure(kind ProcedureKind, title string, h *ast.Heading) {
	switch {
	case h.Level <= r.level:
		r.closePhase()
	case r.phase != nil:
		r.phase.Context = append(r.phase.Context, r.pending...)
		r.pending = nil
	}
	r.procedure, r.procLevel = &Procedure{Kind: kind, Title: title, Pos: r.pos(h)}, h.Level
	r.openProcedurePhase(title, r.pos(h))
}

func (r *reader) openProcedurePhase(title string, pos Position) {
	r.endProcedurePhase()
	if title == "" {
		title = untitled
	}
	r.procedure.Phases = append(r.procedure.Phases, Phase{Title: title, Pos: pos})
	r.sub, r.lead = "", lead{}
}

// endProcedurePhase gives the waiting text to the procedure's last phase.
func (r *reader) endProcedurePhase() {
	if n := len(r.procedure.Phases); n > 0 {
		last := &r.procedure.Phases[n-1]
		last.Context = append(last.Context, r.pending...)
		r.pending = nil
	}
}

func (r *reader) closeProcedure() {
	if r.procedure == nil {
		return
	}
	r.endProcedurePhase()
	r.book.Procedures = append(r.book.Procedures, *r.procedure)
	r.procedure, r.sub, r.lead = nil, "", lead{}
}

// here is the phase that a step belongs to. Steps before the first phase get a phase of their
// own, named after the document.
func (r *reader) here() *Phase {
	if r.procedure != nil {
		return &r.procedure.Phases[len(r.procedure.Phases)-1]
	}
	if r.phase == nil {
		r.phase = &Phase{Title: r.book.Title, Pos: r.src.at(0)}
	}
	return r.phase
}

// section is the nearest heading, the name of what has none.
func (r *reader) section() string {
	if r.sub != "" {
		return r.sub
	}
	return r.here().Title
}

// keep holds a block back for the step that follows.
func (r *reader) keep(b Block) {
	r.lead = lead{}
	if b.Text != "" {
		r.pending = append(r.pending, b)
	}
}

// emit adds a step; the waiting text becomes its Why.
func (r *reader) emit(s Step) {
	if s.Title == "" {
		s.Title = "Step"
	}
	p := r.here()
	s.Why = append(s.Why, r.pending...)
	r.pending, r.lead = nil, lead{}
	p.Steps = append(p.Steps, s)
}

// takeLead uses the line before as a title. A block that says nothing more is not shown twice.
func (r *reader) takeLead() string {
	l := r.lead
	r.lead = lead{}
	if l.whole && len(r.pending) > 0 {
		r.pending = r.pending[:len(r.pending)-1]
	}
	return l.text
}

func (r *reader) pos(n ast.Node) Position { return r.src.at(r.src.lineStart(r.offset(n))) }

// offset finds where a block begins; some of goldmark's nodes only know it of their lines.
func (r *reader) offset(n ast.Node) int {
	if p := n.Pos(); p >= 0 {
		return p
	}
	if n.Type() == ast.TypeBlock && n.Lines().Len() > 0 {
		return n.Lines().At(0).Start
	}
	if c := n.FirstChild(); c != nil {
		return r.offset(c)
	}
	return 0
}
