package runbook

import (
	"bytes"
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"flightdeck/internal/clean"
)

// cutFrontMatter blanks the YAML at the head of the document, so that offsets stay as they are,
// and keeps it for reading. Other tools' keys are theirs; only `flightdeck:` is ours.
func (r *reader) cutFrontMatter() {
	body, end, ok := frontMatter(r.src.text)
	if !ok || len(body) > maxFrontMatter {
		return
	}
	keys, err := topLevel(body)
	if err != nil && !strings.Contains(strings.SplitN(string(body), "\n", 2)[0], ":") {
		return // two rules and text between them
	}
	if err == nil && len(keys) == 0 && len(bytes.TrimSpace(body)) > 0 {
		return
	}
	if err != nil {
		r.notice(0, "the front matter is not YAML: "+firstLine(err), "nothing of it is needed")
	}
	text := strings.TrimSpace(string(body))
	if text != "" {
		r.book.Intro = append(r.book.Intro, Block{Kind: BlockCode, Lang: "front matter", Text: clean.Text(expandTabs(text)), Pos: r.src.at(0)})
	}
	r.ownKeys(keys)
	for i := range end {
		if r.src.text[i] != '\n' {
			r.src.text[i] = ' '
		}
	}
}

// maxFrontMatter is the largest head that is looked at, in bytes; a longer one is text between two
// rules.
const maxFrontMatter = 16 << 10

// frontMatter finds the YAML between a first line "---" and the next "---" or "...".
func frontMatter(text []byte) (body []byte, end int, ok bool) {
	if !bytes.HasPrefix(text, []byte("---\n")) {
		return nil, 0, false
	}
	for at := 4; at < len(text); {
		next := len(text)
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			next = at + i + 1
		}
		line := string(bytes.TrimRight(text[at:next], " \t\n"))
		if line == "---" || line == "..." {
			return text[4:at], next, true
		}
		at = next
	}
	return nil, 0, false
}

// topLevel parses without decoding, so that no alias is ever expanded.
func topLevel(body []byte) ([]*ast.MappingValueNode, error) {
	file, err := parser.ParseBytes(body, 0)
	if err != nil || len(file.Docs) == 0 {
		return nil, err
	}
	return mapping(file.Docs[0].Body), nil
}

func mapping(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// ownKeys looks at the reserved key. Nothing is read from it yet, and saying so is better than
// letting an author believe that it has an effect.
func (r *reader) ownKeys(keys []*ast.MappingValueNode) {
	for _, k := range keys {
		if k.Key.GetToken().Value != langFlightdeck {
			continue
		}
		inner := mapping(k.Value)
		if _, null := k.Value.(*ast.NullNode); inner == nil && !null {
			r.warn(r.tokenOffset(k.Key), "flightdeck: in the front matter is not a mapping, so it is not read", "leave it out: no key is known here")
		}
		for _, v := range inner {
			r.warn(r.tokenOffset(v.Key), `flightdeck: has no key "`+clean.Text(v.Key.GetToken().Value)+`", so it has no effect`, "leave it out: no key is known here")
		}
	}
}

// tokenOffset turns a position in the YAML, which begins on the second line, into an offset.
func (r *reader) tokenOffset(n ast.Node) int {
	pos := n.GetToken().Position
	line := min(max(pos.Line, 0), len(r.src.starts)-1)
	return r.src.starts[line] + max(pos.Column-1, 0)
}

func firstLine(err error) string {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		return clean.Text(syntax.Message)
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return clean.Text(line)
}
