package config

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"flightdeck/internal/clean"
	"flightdeck/internal/probe"
	"flightdeck/runbook"
)

// decode reads flightdeck.yaml. All mistakes are reported at once, in the order of the file.
func decode(file string, source []byte) (Project, error) {
	t := &tree{file: file, anchors: map[string]ast.Node{}}
	p := Project{File: file}
	if root := t.parse(source); root != nil {
		t.project(&p, root)
	}
	if len(t.problems) > 0 {
		slices.SortStableFunc(t.problems, func(a, b runbook.Problem) int {
			return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
		})
		return Project{}, &Error{Problems: t.problems}
	}
	return p, nil
}

func projectKeys() []string {
	return []string{"environments", "probes", "project", "runbooks", "version"}
}

func environmentKeys() []string {
	return []string{"branch", "compose", "context", "env_files", "host", "kind", "profiles", "project", "stack", "tag_variable", "url"}
}

func probeKeys() []string { return []string{"every", "http", "name", "status", "timeout"} }

// later are words of the design that this version does not read. They restrict or protect, so
// that passing over them would be worse than refusing.
func later() []string {
	return []string{"after", "approvals", "backup", "expect", "freezes", "migrations", "notify", "postgres", "secrets", "triggers", "window"}
}

func (t *tree) unknown(p pair, where string, known []string) {
	if slices.Contains(later(), p.key) {
		t.fail(p.at, fmt.Sprintf("%q is not supported by this version of flightdeck", p.key), "leave it out: it would have no effect")
		return
	}
	t.fail(p.at, fmt.Sprintf("unknown key %q in %s", clean.Text(p.key), where), runbook.DidYouMean(p.key, known))
}

func (t *tree) project(p *Project, root ast.Node) {
	version := false
	var probes ast.Node
	for _, k := range t.mapping(root, "flightdeck.yaml") {
		switch k.key {
		case "version":
			version = true
			if s, _ := t.text(k.value); s != "1" {
				t.fail(k.value, fmt.Sprintf("version %q is not known to this flightdeck", clean.Text(s)), "write version: 1")
			}
		case "project":
			p.Name = t.projectName(k)
		case "runbooks":
			p.Runbooks = t.runbooks(k)
		case "environments":
			p.Environments = t.environments(k)
		case "probes":
			probes = k.value
			p.probes = t.probes(k)
		default:
			t.unknown(k, "flightdeck.yaml", projectKeys())
		}
	}
	if !version {
		t.fail(root, "version is missing", "begin the file with version: 1")
	}
	if probes != nil {
		t.checkURLs(*p, probes)
	}
}

// composeName is what compose accepts as the name of a project.
var composeName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

func (t *tree) projectName(k pair) string {
	name := t.line(k)
	if name != "" && !composeName.MatchString(name) {
		hint := "use lower case letters, digits, hyphens and underscores"
		if n := normalised(name); n != "" {
			hint = "write " + n
		}
		t.fail(k.value, fmt.Sprintf("%s: %q is not the name of a compose project", k.key, name), hint)
	}
	return name
}

// label is a name of ours: an environment, a runbook, a probe.
var label = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._-]*$`)

func (t *tree) label(at ast.Node, what, name string) bool {
	if !label.MatchString(name) {
		t.fail(at, fmt.Sprintf("%q is not the name of %s", clean.Text(name), what), "use letters, digits, dots, hyphens and underscores")
		return false
	}
	return true
}

func (t *tree) runbooks(k pair) map[string]string {
	out := map[string]string{}
	for _, b := range t.mapping(k.value, "runbooks") {
		if t.label(b.at, "a runbook", b.key) {
			out[b.key] = t.line(b)
		}
	}
	return out
}

func (t *tree) environments(k pair) []Environment {
	var out []Environment
	pairs := t.mapping(k.value, "environments")
	if len(pairs) == 0 {
		t.fail(k.at, "environments has no environment", "name one, or leave environments out for one called local")
	}
	for _, e := range pairs {
		if t.label(e.at, "an environment", e.key) {
			out = append(out, t.environment(e))
		}
	}
	return out
}

func (t *tree) environment(e pair) Environment {
	env := Environment{Name: e.key, Stack: StackCompose}
	var kind, host, docker *pair
	for _, k := range t.mapping(e.value, "environment "+e.key) {
		switch k.key {
		case "kind":
			kind = &k
		case "stack":
			env.Stack = t.line(k)
			if env.Stack != "" && env.Stack != StackCompose && env.Stack != StackLocal {
				t.fail(k.value, fmt.Sprintf("stack: %q is neither compose nor local", env.Stack), "leave it out for compose")
			}
		case "context":
			docker, env.Context = &k, t.line(k)
		case "host":
			host, env.Host = &k, t.host(k)
		case "compose":
			env.Compose = t.lines(k)
		case "env_files":
			env.EnvFiles = t.lines(k)
		case "profiles":
			env.Profiles = t.lines(k)
		case "project":
			env.ComposeProject = t.projectName(k)
		case "url":
			env.URL = t.url(k)
		case "branch":
			env.Branch = t.line(k)
		case "tag_variable":
			env.TagVariable = t.variable(k)
		default:
			t.unknown(k, "environment "+e.key, environmentKeys())
		}
	}
	if host != nil && docker != nil {
		t.fail(host.at, "environment "+e.key+" has both a host and a context", "keep one of them: each says which engine")
	}
	t.class(&env, e, kind)
	return env
}

// class takes the kind from the key or from the name. A name that says nothing is no guess.
func (t *tree) class(env *Environment, e pair, kind *pair) {
	if kind == nil {
		c, ok := classOfName(e.key)
		if !ok {
			t.fail(e.at, fmt.Sprintf("the name %q does not say what kind of environment it is", e.key),
				"add kind: production, staging, development or local")
		}
		env.Class = c
		return
	}
	word := t.line(*kind)
	c, ok := classOfWord(word)
	if !ok && word != "" {
		hint := "write production, staging, development or local"
		if n := runbook.Nearest(word, allClassWords()); n != "" {
			hint = fmt.Sprintf("did you mean %q?", n)
		}
		t.fail(kind.value, fmt.Sprintf("kind: %q is not a kind of environment", word), hint)
	}
	env.Class = c
}

// host is an address of an engine as docker writes it.
func (t *tree) host(k pair) string {
	s := t.line(k)
	if s == "" {
		return ""
	}
	scheme, rest, found := strings.Cut(s, "://")
	if !found || rest == "" || !slices.Contains([]string{"ssh", "tcp", "unix", "npipe", "http", "https"}, scheme) {
		t.fail(k.value, fmt.Sprintf("host: %q is not the address of an engine", s), "write it like ssh://deploy@prod-1 or unix:///var/run/docker.sock")
	}
	return s
}

func (t *tree) url(k pair) string {
	s := t.line(k)
	if s != "" && !isWeb(s) {
		t.fail(k.value, fmt.Sprintf("url: %q is not a web address", s), "write it like https://app.example.com")
	}
	return strings.TrimRight(s, "/")
}

func isWeb(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (t *tree) variable(k pair) string {
	s := t.line(k)
	if s != "" && !variable.MatchString(s) {
		t.fail(k.value, fmt.Sprintf("%s: %q is not the name of a variable", k.key, s), "write it like IMAGE_TAG, without a $")
	}
	return s
}

// The defaults and bounds of a probe.
const (
	everyDefault = 5 * time.Second
	everyLow     = 200 * time.Millisecond
	everyHigh    = time.Hour
	timeoutLow   = 50 * time.Millisecond
	timeoutLimit = 5 * time.Second // of the default
)

func (t *tree) probes(k pair) []probe.Probe {
	list, ok := t.resolve(k.value).(*ast.SequenceNode)
	if !ok {
		t.fail(k.value, "probes must be a list, not "+kindOf(t.resolve(k.value)), `write - {name: ready, http: "{url}/ready"}`)
		return nil
	}
	var out []probe.Probe
	for _, n := range list.Values {
		p := t.probe(n)
		if p.Name != "" && slices.ContainsFunc(out, func(q probe.Probe) bool { return q.Name == p.Name }) {
			t.fail(n, fmt.Sprintf("two probes are called %q", p.Name), "give one of them another name")
		}
		out = append(out, p)
	}
	return out
}

func (t *tree) probe(n ast.Node) probe.Probe {
	p := probe.Probe{Kind: "http"}
	var timeout *pair
	for _, k := range t.mapping(n, "a probe") {
		switch k.key {
		case "name":
			p.Name = t.line(k)
			if p.Name != "" {
				t.label(k.value, "a probe", p.Name)
			}
		case "http":
			p.URL = t.probeURL(k)
		case "every":
			p.Interval = t.duration(k, everyLow, everyHigh)
		case "timeout":
			timeout = &k
			p.Timeout = t.duration(k, timeoutLow, everyHigh)
		case "status":
			p.Status = t.number(k, 100, 599)
		default:
			t.unknown(k, "a probe", probeKeys())
		}
	}
	if p.Name == "" {
		t.missing(n, "name", "name: ready")
	}
	if p.URL == "" {
		t.missing(n, "http", `http: "{url}/ready"`)
	}
	if p.Interval == 0 {
		p.Interval = everyDefault
	}
	if timeout == nil {
		p.Timeout = min(timeoutLimit, p.Interval/2)
	} else if p.Timeout >= p.Interval {
		t.fail(timeout.value, fmt.Sprintf("timeout: %s is not shorter than every: %s", p.Timeout, p.Interval), "a probe must end before the next one begins")
	}
	return p
}

// missing is only worth saying where the key is not there; an empty one was already reported.
func (t *tree) missing(n ast.Node, key, example string) {
	if !slices.ContainsFunc(t.mapping(n, "a probe"), func(k pair) bool { return k.key == key }) {
		t.fail(n, "a probe has no "+key, "add "+example)
	}
}

var mark = regexp.MustCompile(`\{[^{}]*\}`)

func (t *tree) probeURL(k pair) string {
	s := t.line(k)
	for _, m := range mark.FindAllString(s, -1) {
		if m != urlMark {
			t.fail(k.value, fmt.Sprintf("http: %s is not known here", m), "only {url} is put in, the url of the environment")
			return s
		}
	}
	if s != "" && !isWeb(strings.Replace(s, urlMark, "http://url", 1)) {
		t.fail(k.value, fmt.Sprintf("http: %q is not a web address", s), `write it like "{url}/ready" or https://app.example.com/ready`)
	}
	return s
}

// checkURLs refuses a probe that an environment cannot have. Leaving it out in silence would look
// like health.
func (t *tree) checkURLs(p Project, at ast.Node) {
	for _, q := range p.probes {
		if !strings.Contains(q.URL, urlMark) {
			continue
		}
		for _, e := range p.Environments {
			if e.URL == "" {
				t.fail(at, fmt.Sprintf("probe %q needs the url of the environment, and %s has none", q.Name, e.Name), "add url: to "+e.Name)
			}
		}
	}
}
