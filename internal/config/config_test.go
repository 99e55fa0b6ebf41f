package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flightdeck/internal/probe"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
)

// directory makes a directory called shop with files in it.
func directory(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func environ(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

const full = `version: 1
project: shop
runbooks: {deploy: runbooks/deploy.md, rollback: runbooks/rollback.md}
environments:
  staging:
    context: staging
    compose: [compose.yaml, compose.staging.yaml]
    env_files: [.env.staging]
    profiles: [web, worker]
    project: shop-staging
    url: https://staging.example.com/
  production:
    kind: prd
    host: ssh://deploy@prod-1
    compose: compose.yaml
    url: https://app.example.com
    branch: main
    tag_variable: IMAGE_TAG
  laptop: {kind: local, stack: local, url: "http://127.0.0.1:8080"}
probes:
  - {name: ready, http: "{url}/health/v2/ready", every: 2s, timeout: 1s, status: 200}
  - name: front
    http: "{url}/"
`

func TestLoadReadsEverything(t *testing.T) {
	dir := directory(t, map[string]string{"flightdeck.yaml": full})
	got, err := Load(dir, environ("COMPOSE_PROJECT_NAME", "other"))
	if err != nil {
		t.Fatal(err)
	}
	want := Project{
		Name: "shop", Dir: dir, File: filepath.Join(dir, "flightdeck.yaml"),
		Runbooks: map[string]string{"deploy": "runbooks/deploy.md", "rollback": "runbooks/rollback.md"},
		Environments: []Environment{
			{
				Name: "staging", Class: run.Staging, Stack: "compose", Context: "staging",
				Compose: []string{"compose.yaml", "compose.staging.yaml"}, EnvFiles: []string{".env.staging"},
				Profiles: []string{"web", "worker"}, ComposeProject: "shop-staging", URL: "https://staging.example.com",
			},
			{
				Name: "production", Class: run.Production, Stack: "compose", Host: "ssh://deploy@prod-1",
				Compose: []string{"compose.yaml"}, ComposeProject: "shop", URL: "https://app.example.com", Branch: "main", TagVariable: "IMAGE_TAG",
			},
			{Name: "laptop", Class: run.Local, Stack: "local", ComposeProject: "shop", URL: "http://127.0.0.1:8080"},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Project{})); diff != "" {
		t.Errorf("project (-want +got):\n%s", diff)
	}
	probes := []probe.Probe{
		{Name: "ready", Kind: "http", URL: "https://staging.example.com/health/v2/ready", Status: 200, Interval: 2 * time.Second, Timeout: time.Second},
		{Name: "front", Kind: "http", URL: "https://staging.example.com/", Interval: 5 * time.Second, Timeout: 2500 * time.Millisecond},
	}
	if diff := cmp.Diff(probes, got.ProbesFor(got.Environments[0])); diff != "" {
		t.Errorf("probes (-want +got):\n%s", diff)
	}
	if url := got.ProbesFor(got.Environments[1])[0].URL; url != "https://app.example.com/health/v2/ready" {
		t.Errorf("the URL of another environment: %s", url)
	}
}

func TestLoadReadsAnchorsMergesAndCRLF(t *testing.T) {
	text := "\uFEFFversion: 1\nproject: shop\nenvironments:\n  staging: &base\n    branch: main\n    compose: [a.yaml]\n  production:\n    <<: *base\n    branch: release\n"
	dir := directory(t, map[string]string{"flightdeck.yml": strings.ReplaceAll(text, "\n", "\r\n")})
	got, err := Load(dir, environ())
	if err != nil {
		t.Fatal(err)
	}
	want := []Environment{
		{Name: "staging", Class: run.Staging, Stack: "compose", Compose: []string{"a.yaml"}, ComposeProject: "shop", Branch: "main"},
		{Name: "production", Class: run.Production, Stack: "compose", Compose: []string{"a.yaml"}, ComposeProject: "shop", Branch: "release"},
	}
	if diff := cmp.Diff(want, got.Environments); diff != "" {
		t.Errorf("environments (-want +got):\n%s", diff)
	}
}

func TestLoadWithoutConfiguration(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   map[string]string
		env     func(string) string
		compose []string
		project string
	}{
		{"compose.yaml first", map[string]string{"compose.yaml": "", "docker-compose.yml": ""}, environ(), []string{"compose.yaml"}, "shop"},
		{"docker-compose.yml", map[string]string{"docker-compose.yml": ""}, environ(), []string{"docker-compose.yml"}, "shop"},
		{"docker-compose.yaml", map[string]string{"docker-compose.yaml": ""}, environ(), []string{"docker-compose.yaml"}, "shop"},
		{"with override", map[string]string{"compose.yml": "", "compose.override.yml": ""}, environ(), []string{"compose.yml", "compose.override.yml"}, "shop"},
		{"COMPOSE_FILE", map[string]string{"a.yml": "", "b.yml": ""}, environ("COMPOSE_FILE", "a.yml:b.yml"), []string{"a.yml", "b.yml"}, "shop"},
		{"COMPOSE_FILE in a subdirectory", map[string]string{"Deploy_1/a.yml": ""}, environ("COMPOSE_FILE", "Deploy_1/a.yml"), []string{"Deploy_1/a.yml"}, "deploy_1"},
		{"COMPOSE_PATH_SEPARATOR", map[string]string{"a.yml": "", "b.yml": ""}, environ("COMPOSE_FILE", "a.yml;b.yml", "COMPOSE_PATH_SEPARATOR", ";"), []string{"a.yml", "b.yml"}, "shop"},
		{"COMPOSE_PROJECT_NAME", map[string]string{"compose.yaml": "name: inside"}, environ("COMPOSE_PROJECT_NAME", "My.Shop"), []string{"compose.yaml"}, "myshop"},
		{"name of the file", map[string]string{"compose.yaml": "services:\n  a:\n    name: no\nname: \"inside\" # x\n"}, environ(), []string{"compose.yaml"}, "inside"},
		{".env", map[string]string{"x.yml": "", ".env": "# a\nexport COMPOSE_FILE=\"x.yml\"\nCOMPOSE_PROJECT_NAME=fromenv # why\n"}, environ(), []string{"x.yml"}, "fromenv"},
		{"a broken compose file is compose's to report", map[string]string{"compose.yaml": "a: [\n"}, environ(), []string{"compose.yaml"}, "shop"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Load(directory(t, c.files), c.env)
			if err != nil {
				t.Fatal(err)
			}
			want := []Environment{{Name: "local", Class: run.Local, Stack: "compose", Compose: c.compose, ComposeProject: c.project}}
			if diff := cmp.Diff(want, got.Environments); diff != "" {
				t.Errorf("environments (-want +got):\n%s", diff)
			}
			if got.Name != c.project || got.File != "" || len(got.ProbesFor(got.Environments[0])) != 0 || len(got.Runbooks) != 0 {
				t.Errorf("project: %+v", got)
			}
		})
	}
}

func TestLoadTakesTheComposeFileWithoutEnvironments(t *testing.T) {
	dir := directory(t, map[string]string{"flightdeck.yaml": "version: 1\nrunbooks: {deploy: d.md}\n", "compose.yaml": "name: inside"})
	got, err := Load(dir, environ())
	if err != nil {
		t.Fatal(err)
	}
	want := []Environment{{Name: "local", Class: run.Local, Stack: "compose", Compose: []string{"compose.yaml"}, ComposeProject: "inside"}}
	if diff := cmp.Diff(want, got.Environments); diff != "" {
		t.Errorf("environments (-want +got):\n%s", diff)
	}
}

// A rollback must work when the compose file is gone.
func TestLoadWithoutTheComposeFile(t *testing.T) {
	dir := directory(t, map[string]string{"flightdeck.yaml": "version: 1\nenvironments: {prod: {compose: gone.yaml}}\n"})
	got, err := Load(dir, environ())
	if err != nil {
		t.Fatal(err)
	}
	if got.Environments[0].ComposeProject != "shop" {
		t.Errorf("project %q", got.Environments[0].ComposeProject)
	}
}

func TestLoadRefusesTheSurroundings(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		env   func(string) string
		want  stack.Error // DIR stands for the directory
		none  bool
	}{
		{"nothing there", nil, environ(), stack.Error{
			What: "there is no project in DIR",
			Why:  "it has none of flightdeck.yaml, compose.yaml, compose.yml, docker-compose.yaml, docker-compose.yml",
			Do:   "change to the directory of a compose project, or run `flightdeck demo` to see how it works",
		}, true},
		{"COMPOSE_FILE leads nowhere", map[string]string{"compose.yaml": ""}, environ("COMPOSE_FILE", "gone.yml"), stack.Error{
			What: "there is no compose file gone.yml in DIR", Why: "COMPOSE_FILE names it", Do: "correct COMPOSE_FILE or unset it",
		}, true},
		{"no environments and no compose file", map[string]string{"flightdeck.yaml": "version: 1\n"}, environ(), stack.Error{
			What: "DIR/flightdeck.yaml names no environments, and there is no compose file in DIR",
			Why:  "looked for compose.yaml, compose.yml, docker-compose.yaml, docker-compose.yml", Do: "add environments: to DIR/flightdeck.yaml",
		}, true},
		{"two configurations", map[string]string{"flightdeck.yaml": "", "flightdeck.yml": ""}, environ(), stack.Error{
			What: "there are two configurations: DIR/flightdeck.yaml and DIR/flightdeck.yml", Do: "delete one of them",
		}, false},
		{"a directory", map[string]string{"flightdeck.yaml/x": ""}, environ(), stack.Error{
			What: "cannot read DIR/flightdeck.yaml", Why: "is a directory", Do: "check that it is a file and that you may read it",
		}, false},
		{"a name from a variable", map[string]string{"compose.yaml": "services: {}\nname: ${STAGE}-shop\n"}, environ(), stack.Error{
			What: "DIR/compose.yaml:2:1: the name of the project depends on a variable", Why: "name: ${STAGE}-shop",
			Do: "set COMPOSE_PROJECT_NAME, or add project: to flightdeck.yaml",
		}, false},
		{"too large", map[string]string{"flightdeck.yaml": strings.Repeat("# x\n", maxSize/4+1)}, environ(), stack.Error{
			What: "cannot read DIR/flightdeck.yaml", Why: "it has 65540 bytes, and 65536 are allowed", Do: "is this the right file?",
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := directory(t, c.files)
			_, err := Load(dir, c.env)
			var got *stack.Error
			if !errors.As(err, &got) {
				t.Fatalf("error %v", err)
			}
			short := stack.Error{What: strings.ReplaceAll(got.What, dir, "DIR"), Why: got.Why, Do: strings.ReplaceAll(got.Do, dir, "DIR")}
			if diff := cmp.Diff(c.want, short); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if errors.Is(err, ErrNoProject) != c.none {
				t.Errorf("errors.Is(ErrNoProject) is %v", !c.none)
			}
		})
	}
}

func TestEnvironmentByNameAndAlias(t *testing.T) {
	p := Project{Environments: []Environment{{Name: "production"}, {Name: "stg"}, {Name: "dev"}, {Name: "eu-west"}}}
	for name, want := range map[string]string{
		"production": "production", "prod": "production", "prd": "production", "live": "production", "PROD": "production",
		"staging": "stg", "stage": "stg", "stg": "stg", "development": "dev", "dev": "dev", "EU-West": "eu-west",
	} {
		got, err := p.Environment(name)
		if err != nil || got.Name != want {
			t.Errorf("Environment(%q) = %q, %v; want %q", name, got.Name, err, want)
		}
	}
}

func TestEnvironmentUnknown(t *testing.T) {
	p := Project{Environments: []Environment{{Name: "production"}, {Name: "live"}, {Name: "staging"}}}
	for name, want := range map[string]string{
		"qa":      `there is no environment "qa"; choose one of: production, live, staging`,
		"stagign": `there is no environment "stagign"; did you mean "staging"? There are: production, live, staging`,
		"prod":    `"prod" can mean more than one environment; choose one of: production, live, staging`,
		"":        `there is no environment ""; choose one of: production, live, staging`,
	} {
		_, err := p.Environment(name)
		var got *stack.Error
		if !errors.As(err, &got) {
			t.Fatalf("Environment(%q): %v", name, err)
		}
		if text := got.What + "; " + got.Do; text != want {
			t.Errorf("Environment(%q):\n got %s\nwant %s", name, text, want)
		}
	}
}

func TestClassFromTheName(t *testing.T) {
	for name, want := range map[string]run.Class{
		"prod": run.Production, "eu-prod-2": run.Production, "live_1": run.Production, "prod-staging": run.Production, "PRD": run.Production,
		"stg": run.Staging, "dev2": run.Development, "local": run.Local, "preprod": "", "delivery": "", "qa": "", "olive": "",
	} {
		if got, _ := classOfName(name); got != want {
			t.Errorf("classOfName(%q) = %q, want %q", name, got, want)
		}
	}
}
