package config

import (
	"errors"
	"strings"
	"testing"
)

type mistake struct{ name, text, want string }

func checkMistakes(t *testing.T, cases []mistake) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := decode("f.yaml", []byte(c.text))
			var wrong *Error
			if !errors.As(err, &wrong) {
				t.Fatalf("error %v", err)
			}
			if wrong.Error() != c.want {
				t.Errorf("\n got %s\nwant %s", wrong, c.want)
			}
		})
	}
}

const (
	head = "version: 1\n"
	env  = head + "environments:\n  prod:\n"
	prb  = head + "environments: {prod: {url: http://x}}\nprobes:\n"
)

func TestMistakesOfTheProject(t *testing.T) {
	checkMistakes(t, []mistake{
		{"empty", "", `f.yaml:1:1: the file is empty (begin with version: 1)`},
		{"only a comment", "# x\n", `f.yaml:1:1: the file is empty (begin with version: 1)`},
		{"not a mapping", "- a\n", "f.yaml:1:1: flightdeck.yaml must be a mapping of keys to values, not a list\nf.yaml:1:1: version is missing (begin the file with version: 1)"},
		{"not UTF-8", "version: \xff\n", `f.yaml:1:1: the file is not UTF-8 text (save it as UTF-8)`},
		{"binary", "version: \x00\n", `f.yaml:1:1: the file is not UTF-8 text (save it as UTF-8)`},
		{"two documents", head + "---\na: b\n", `f.yaml:3:1: there is a second document after --- (keep one document in the file)`},
		{"no version", "project: shop\n", `f.yaml:1:1: version is missing (begin the file with version: 1)`},
		{"another version", "version: 2\n", `f.yaml:1:10: version "2" is not known to this flightdeck (write version: 1)`},
		{"unknown key", head + "enviroments: {}\n", `f.yaml:2:1: unknown key "enviroments" in flightdeck.yaml (did you mean "environments"?)`},
		{"unknown key, no neighbour", head + "colour: red\n", `f.yaml:2:1: unknown key "colour" in flightdeck.yaml (known: environments, probes, project, runbooks, version)`},
		{"key of a later version", env + "    window: {days: mon-fri}\n", `f.yaml:4:5: "window" is not supported by this version of flightdeck (leave it out: it would have no effect)`},
		{"twice", head + "project: a\nproject: b\n", `f.yaml:3:1: "project" is given twice (keep one of them)`},
		{"project name", head + "project: My Shop\n", `f.yaml:2:10: project: "My Shop" is not the name of a compose project (write myshop)`},
		{"project empty", head + "project:\n", `f.yaml:2:10: project must be a text, not nothing`},
		{"project empty text", head + "project: ''\n", `f.yaml:2:10: project is empty (give it a value or leave it out)`},
		{"project a list", head + "project: [a]\n", `f.yaml:2:10: project must be a text, not a list`},
		{"control character", head + "project: \"a\\e[31m\"\n", `f.yaml:2:10: project has more than one line or a character that is not shown`},
		{"runbook name", head + "runbooks: {\"a b\": x.md}\n", `f.yaml:2:12: "a b" is not the name of a runbook (use letters, digits, dots, hyphens and underscores)`},
		{"runbooks a text", head + "runbooks: x.md\n", `f.yaml:2:11: runbooks must be a mapping of keys to values, not a text`},
	})
}

func TestMistakesOfEnvironmentsAndProbes(t *testing.T) {
	checkMistakes(t, []mistake{
		{"no environment", head + "environments: {}\n", `f.yaml:2:1: environments has no environment (name one, or leave environments out for one called local)`},
		{"environment key", env + "    contxt: x\n", `f.yaml:4:5: unknown key "contxt" in environment prod (did you mean "context"?)`},
		{"environment a text", head + "environments: {prod: x}\n", `f.yaml:2:22: environment prod must be a mapping of keys to values, not a text`},
		{"kind", env + "    kind: prodution\n", `f.yaml:4:11: kind: "prodution" is not a kind of environment (did you mean "production"?)`},
		{"kind, no neighbour", env + "    kind: canary\n", `f.yaml:4:11: kind: "canary" is not a kind of environment (write production, staging, development or local)`},
		{"name without kind", head + "environments:\n  qa: {}\n", `f.yaml:3:3: the name "qa" does not say what kind of environment it is (add kind: production, staging, development or local)`},
		{"stack", env + "    stack: swarm\n", `f.yaml:4:12: stack: "swarm" is neither compose nor local (leave it out for compose)`},
		{"host and context", env + "    context: a\n    host: ssh://b\n", `f.yaml:5:5: environment prod has both a host and a context (keep one of them: each says which engine)`},
		{"host", env + "    host: prod-1\n", `f.yaml:4:11: host: "prod-1" is not the address of an engine (write it like ssh://deploy@prod-1 or unix:///var/run/docker.sock)`},
		{"compose", env + "    compose: [a.yaml, {}]\n", `f.yaml:4:23: compose must be a text, not a mapping`},
		{"url", env + "    url: app.example.com\n", `f.yaml:4:10: url: "app.example.com" is not a web address (write it like https://app.example.com)`},
		{"tag variable", env + "    tag_variable: $TAG\n", `f.yaml:4:19: tag_variable: "$TAG" is not the name of a variable (write it like IMAGE_TAG, without a $)`},
		{"probes a mapping", prb + "  name: x\n", `f.yaml:4:3: probes must be a list, not a mapping (write - {name: ready, http: "{url}/ready"})`},
		{"probe without a name", prb + "  - http: http://x\n", `f.yaml:4:5: a probe has no name (add name: ready)`},
		{"probe without a url", prb + "  - {name: a}\n", `f.yaml:4:5: a probe has no http (add http: "{url}/ready")`},
		{"probe twice", prb + "  - {name: a, http: http://x}\n  - {name: a, http: http://y}\n", `f.yaml:5:5: two probes are called "a" (give one of them another name)`},
		{"duration", prb + "  - {name: a, http: http://x, every: soon}\n", `f.yaml:4:38: every: "soon" is not a duration (write it like 2s or 1m30s)`},
		{"duration without a unit", prb + "  - {name: a, http: http://x, every: 5}\n", `f.yaml:4:38: every: "5" has no unit (write 5s for seconds)`},
		{"duration too short", prb + "  - {name: a, http: http://x, every: 1ms}\n", `f.yaml:4:38: every: 1ms is not between 200ms and 1h0m0s`},
		{"timeout too long", prb + "  - {name: a, http: http://x, every: 2s, timeout: 2s}\n", `f.yaml:4:51: timeout: 2s is not shorter than every: 2s (a probe must end before the next one begins)`},
		{"status", prb + "  - {name: a, http: http://x, status: 20}\n", `f.yaml:4:39: status must be a number from 100 to 599`},
		{"mark", prb + "  - {name: a, http: \"{host}/x\"}\n", `f.yaml:4:21: http: {host} is not known here (only {url} is put in, the url of the environment)`},
		{"probe url", prb + "  - {name: a, http: x}\n", `f.yaml:4:21: http: "x" is not a web address (write it like "{url}/ready" or https://app.example.com/ready)`},
		{"expect", prb + "  - {name: a, http: http://x, expect: {status: 200}}\n", `f.yaml:4:31: "expect" is not supported by this version of flightdeck (leave it out: it would have no effect)`},
		{"no url for the probe", head + "environments: {prod: {}}\nprobes:\n  - {name: a, http: \"{url}/\"}\n", `f.yaml:4:3: probe "a" needs the url of the environment, and prod has none (add url: to prod)`},
		{"alias", head + "project: *nobody\n", `f.yaml:2:10: there is no anchor &nobody above`},
		{"brackets", head + strings.Repeat("[", 101), `f.yaml:2:1: lists or mappings are nested too deeply here`},
		{"dashes", head + strings.Repeat("- ", 101), `f.yaml:2:1: lists or mappings are nested too deeply here`},
		{"two mistakes", "version: 1\nprojct: a\nrunboks: {}\n", "f.yaml:2:1: unknown key \"projct\" in flightdeck.yaml (did you mean \"project\"?)\nf.yaml:3:1: unknown key \"runboks\" in flightdeck.yaml (did you mean \"runbooks\"?)"},
	})
}

func TestBrokenYAMLHasAPosition(t *testing.T) {
	for text, want := range map[string]string{
		"version: 1\nproject: [a\n":       "f.yaml:2:",
		"version: 1\n\tproject: a\n":      "f.yaml:2:",
		"version: 1\nproject: \"a\n":      "f.yaml:2:",
		"version: 1\n  project: a\n b: c": "f.yaml:",
	} {
		_, err := decode("f.yaml", []byte(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "this is not YAML: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("version: 1\na: &a [*a]\n"))
	f.Add([]byte("version: 1\n<<: {project: x}\nenvironments: &e {<<: *e}\n"))
	f.Add([]byte("version: !!str 1\nprobes: [{name: a, http: '{url}'}]\n"))
	f.Fuzz(func(t *testing.T, source []byte) {
		p, err := decode("f.yaml", source)
		var wrong *Error
		if err != nil && !errors.As(err, &wrong) {
			t.Fatalf("error of another kind: %v", err)
		}
		if wrong != nil {
			for _, problem := range wrong.Problems {
				if problem.Pos.Line < 1 || problem.Pos.Column < 1 || problem.Message == "" {
					t.Errorf("problem without a place or a message: %+v", problem)
				}
			}
			return
		}
		for _, e := range p.Environments {
			if e.Name == "" || e.Class == "" || e.Host != "" && e.Context != "" {
				t.Errorf("environment %+v", e)
			}
		}
	})
}

// Mappings that merge each other twice would double with every level.
func TestMergesAreBounded(t *testing.T) {
	text := "version: 1\nenvironments:\n  prod: &e\n    <<: *e\n    <<: *e\n    <<: *e\n"
	_, err := decode("f.yaml", []byte(text))
	var wrong *Error
	if !errors.As(err, &wrong) || len(wrong.Problems) > maxMerges+10 {
		t.Fatalf("error %v", err)
	}
	if want := "f.yaml:4:9: an alias refers to itself"; wrong.Problems[0].Error() != want {
		t.Errorf("got %s, want %s", wrong.Problems[0].Error(), want)
	}
}
