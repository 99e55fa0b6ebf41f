package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"flightdeck/internal/clean"
	"flightdeck/runbook"
)

// tree is a YAML document read node by node, so that every mistake has a position. Decoding into
// structs would lose it for durations and for what is only wrong in our eyes.
type tree struct {
	file     string
	problems []runbook.Problem
	anchors  map[string]ast.Node
	merges   int
}

// pair is one key of a mapping.
type pair struct {
	key   string
	at    ast.Node // the key
	value ast.Node
}

func (t *tree) fail(at ast.Node, message, hint string) {
	t.problems = append(t.problems, runbook.Problem{
		Pos: t.pos(at), Severity: runbook.SeverityError, Message: message, Hint: hint,
	})
}

func (t *tree) pos(n ast.Node) runbook.Position {
	p := runbook.Position{File: t.file, Line: 1, Column: 1}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return p
	}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		return t.pos(m.Values[0].Key)
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		return t.pos(v.Key)
	}
	p.Line, p.Column = n.GetToken().Position.Line, n.GetToken().Position.Column
	return p
}

// parse gives the root of the only document; nil when there is none or it is wrong.
func (t *tree) parse(source []byte) ast.Node {
	source = []byte(strings.TrimPrefix(string(source), "\uFEFF"))
	if !utf8.Valid(source) || strings.ContainsRune(string(source), 0) {
		t.fail(nil, "the file is not UTF-8 text", "save it as UTF-8")
		return nil
	}
	if line, found := tooDeep(source); found {
		t.problems = append(t.problems, runbook.Problem{
			Pos: runbook.Position{File: t.file, Line: line, Column: 1}, Severity: runbook.SeverityError, Message: "lists or mappings are nested too deeply here",
		})
		return nil
	}
	// The parser counts a CRLF as it should, but keeps the CR in what it reads.
	source = []byte(strings.ReplaceAll(string(source), "\r\n", "\n"))
	file, err := parser.ParseBytes(source, 0, parser.AllowDuplicateMapKey())
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax):
		p := runbook.Problem{Pos: runbook.Position{File: t.file, Line: 1, Column: 1}, Severity: runbook.SeverityError, Message: "this is not YAML: " + clean.Text(syntax.Message)}
		if syntax.Token != nil && syntax.Token.Position != nil {
			p.Pos.Line, p.Pos.Column = syntax.Token.Position.Line, syntax.Token.Position.Column
		}
		t.problems = append(t.problems, p)
		return nil
	case err != nil:
		t.fail(nil, "this is not YAML: "+clean.Text(err.Error()), "")
		return nil
	}
	docs := slices.DeleteFunc(file.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil })
	if len(docs) == 0 {
		t.fail(nil, "the file is empty", "begin with version: 1")
		return nil
	}
	if len(docs) > 1 {
		t.fail(docs[1].Body, "there is a second document after ---", "keep one document in the file")
		return nil
	}
	return docs[0].Body
}

// maxNested is how many brackets, and how many dashes on a line, may be open at once: the YAML
// parser needs seconds for a file of nothing else.
const maxNested = 100

func tooDeep(source []byte) (line int, found bool) {
	open := 0
	for text := range bytes.Lines(source) {
		line++
		for _, c := range text {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			}
		}
		if open > maxNested || bytes.Count(text, []byte("- ")) > maxNested {
			return line, true
		}
	}
	return 0, false
}

// maxAliases bounds how far an alias of an alias is followed.
const maxAliases = 20

// maxMerges bounds how many mappings are merged in all: mappings that merge each other twice
// double with every level.
const maxMerges = 500

// resolve looks through anchors, aliases and tags.
func (t *tree) resolve(n ast.Node) ast.Node {
	for range maxAliases {
		switch v := n.(type) {
		case *ast.AnchorNode:
			t.anchors[v.Name.GetToken().Value] = v.Value
			n = v.Value
		case *ast.AliasNode:
			target, ok := t.anchors[v.Value.GetToken().Value]
			if !ok {
				t.fail(n, "there is no anchor &"+clean.Text(v.Value.GetToken().Value)+" above", "")
				return nil
			}
			n = target
		case *ast.TagNode:
			n = v.Value
		default:
			return n
		}
	}
	t.fail(n, "an alias refers to itself", "")
	return nil
}

// mapping reads a mapping with its keys in order. The keys that `<<` merges in come last, and
// only where the mapping has none of its own.
func (t *tree) mapping(n ast.Node, what string) []pair {
	return t.merged(n, what, 0)
}

func (t *tree) merged(n ast.Node, what string, depth int) []pair {
	if depth > 0 {
		t.merges++
	}
	if depth > maxAliases || t.merges > maxMerges {
		t.fail(n, "an alias refers to itself", "")
		return nil
	}
	var values []*ast.MappingValueNode
	switch v := t.resolve(n).(type) {
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	case *ast.NullNode, nil:
		return nil
	default:
		t.fail(n, what+" must be a mapping of keys to values, not "+kindOf(v), "")
		return nil
	}
	var out, merge []pair
	for _, v := range values {
		if _, ok := v.Key.(*ast.MergeKeyNode); ok && t.merges <= maxMerges {
			merge = append(merge, t.merged(v.Value, what, depth+1)...)
			continue
		}
		key, ok := t.text(v.Key)
		if !ok {
			t.fail(v.Key, "a key must be a plain word", "")
			continue
		}
		if slices.ContainsFunc(out, func(p pair) bool { return p.key == key }) {
			t.fail(v.Key, fmt.Sprintf("%q is given twice", clean.Text(key)), "keep one of them")
			continue
		}
		out = append(out, pair{key, v.Key, v.Value})
	}
	for _, m := range merge {
		if !slices.ContainsFunc(out, func(p pair) bool { return p.key == m.key }) {
			out = append(out, m)
		}
	}
	return out
}

// text reads a scalar as the author wrote it: a version 1.10 stays "1.10".
func (t *tree) text(n ast.Node) (string, bool) {
	switch v := t.resolve(n).(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value, true
	default:
		return "", false
	}
}

// line reads a text that must be one line and not empty.
func (t *tree) line(p pair) string {
	before := len(t.problems)
	s, ok := t.text(p.value)
	switch {
	case len(t.problems) > before:
		// The alias was already reported.
	case !ok:
		t.fail(p.value, p.key+" must be a text, not "+kindOf(t.resolve(p.value)), "")
	case strings.TrimSpace(s) == "":
		t.fail(p.value, p.key+" is empty", "give it a value or leave it out")
	case clean.Text(s) != s || strings.ContainsAny(s, "\n\r"):
		t.fail(p.value, p.key+" has more than one line or a character that is not shown", "")
	default:
		return strings.TrimSpace(s)
	}
	return ""
}

// lines reads a list of texts; one text alone is a list of one.
func (t *tree) lines(p pair) []string {
	list, ok := t.resolve(p.value).(*ast.SequenceNode)
	if !ok {
		if s := t.line(p); s != "" {
			return []string{s}
		}
		return nil
	}
	var out []string
	for _, v := range list.Values {
		if s := t.line(pair{p.key, v, v}); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// number reads a whole number within bounds.
func (t *tree) number(p pair, low, high int) int {
	s, _ := t.text(p.value)
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		t.fail(p.value, fmt.Sprintf("%s must be a number from %d to %d", p.key, low, high), "")
		return 0
	}
	return n
}

// duration reads a time like 30s within bounds.
func (t *tree) duration(p pair, low, high time.Duration) time.Duration {
	s, ok := t.text(p.value)
	d, err := time.ParseDuration(s)
	switch {
	case !ok:
		t.fail(p.value, p.key+" must be a duration, not "+kindOf(t.resolve(p.value)), "write it like 2s or 1m30s")
	case err != nil && s != "" && strings.Trim(s, "0123456789") == "":
		t.fail(p.value, fmt.Sprintf("%s: %q has no unit", p.key, s), "write "+s+"s for seconds")
	case err != nil:
		t.fail(p.value, fmt.Sprintf("%s: %q is not a duration", p.key, clean.Text(s)), "write it like 2s or 1m30s")
	case d < low || d > high:
		t.fail(p.value, fmt.Sprintf("%s: %s is not between %s and %s", p.key, s, low, high), "")
	default:
		return d
	}
	return 0
}

// kindOf says what a node is, in words.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	default:
		return "a number or a truth value"
	}
}
