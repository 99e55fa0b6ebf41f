package runbook

import (
	"html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/util"

	"flightdeck/internal/clean"
)

// style says how much of the markup survives in text taken from the document.
type style int

const (
	// plain is for titles and boxes: words only.
	plain style = iota
	// prose is for blocks: code keeps its backticks and links keep their address.
	prose
)

// inlineText gives the text of a block's inline children as one line.
func (r *reader) inlineText(n ast.Node, how style) string {
	var b strings.Builder
	r.writeInline(&b, n, how, 0)
	return clean.Text(strings.Join(strings.Fields(b.String()), " "))
}

// maxInlineDepth bounds the recursion over nested emphasis and links.
const maxInlineDepth = 200

func (r *reader) writeInline(b *strings.Builder, n ast.Node, how style, depth int) {
	if depth > maxInlineDepth {
		return
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			b.Write(unescape(c.Value(r.src.text)))
			if c.SoftLineBreak() || c.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(c.Value)
		case *ast.CodeSpan:
			r.writeCode(b, c, how)
		case *ast.AutoLink:
			b.Write(c.URL(r.src.text))
		case *ast.Link:
			r.writeLink(b, c, string(c.Destination), how, depth)
		case *ast.Image:
			b.WriteString("[image: ")
			r.writeInline(b, c, plain, depth+1)
			b.WriteString("]")
			if how == prose {
				b.WriteString(" (" + string(c.Destination) + ")")
			}
		case *ast.RawHTML:
			var raw strings.Builder
			for i := range c.Segments.Len() {
				seg := c.Segments.At(i)
				raw.Write(seg.Value(r.src.text))
			}
			b.WriteString(withoutTags(raw.String()))
		case *extast.TaskCheckBox:
		default:
			r.writeInline(b, c, how, depth+1)
		}
	}
}

func (r *reader) writeCode(b *strings.Builder, n *ast.CodeSpan, how style) {
	var code strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			code.Write(t.Value(r.src.text))
			if t.SoftLineBreak() {
				code.WriteByte(' ')
			}
		}
	}
	if how == prose {
		b.WriteString("`" + code.String() + "`")
		return
	}
	b.WriteString(code.String())
}

// writeLink keeps the address of a link that leads out of the document: whoever is on call needs
// it, and a terminal cannot be clicked in every place.
func (r *reader) writeLink(b *strings.Builder, n ast.Node, to string, how style, depth int) {
	var label strings.Builder
	r.writeInline(&label, n, how, depth+1)
	b.WriteString(label.String())
	if how == prose && to != "" && !strings.HasPrefix(to, "#") && to != label.String() {
		b.WriteString(" (" + to + ")")
	}
}

func unescape(raw []byte) []byte {
	return util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(raw)))
}

// tags that only format. Anything else in angle brackets is most often a placeholder of the
// author (<issue>), which must stay readable.
var formatting = regexp.MustCompile(`(?i)</?(a|abbr|b|blockquote|br|center|code|del|details|div|em|font|h[1-6]|hr|i|img|ins|kbd|li|ol|p|picture|pre|s|small|source|span|strong|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul)(\s[^<>]*|/)?>`)

var comments = regexp.MustCompile(`(?s)<!--.*?-->`)

// withoutTags removes comments and the tags that only format.
func withoutTags(s string) string {
	s = comments.ReplaceAllString(s, "")
	s = formatting.ReplaceAllString(s, " ")
	return html.UnescapeString(s)
}
