package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of ours a package may import, besides those it contains. The table
// of docs/ARCHITECTURE.md in a form that a machine holds. A package that is not listed fails.
func arrows() map[string][]string {
	return map[string][]string{
		"":                               {"internal/cli", "internal/demo/shop"},
		"runbook":                        {"internal/clean"},
		"internal/clean":                 {},
		"internal/tail":                  {"internal/clean"},
		"internal/release":               {"internal/clean"},
		"internal/probe":                 {"internal/clean"},
		"internal/stack":                 {"internal/clean", "internal/release", "internal/tail"},
		"internal/stack/stacktest":       {"internal/release", "internal/stack", "internal/tail"},
		"internal/run":                   {"runbook", "internal/release"},
		"internal/story":                 {"internal/clean", "internal/release", "internal/run"},
		"internal/journal":               {"internal/run", "internal/clean"},
		"internal/deck":                  {"internal/probe", "internal/run", "internal/stack", "internal/tail"},
		"steps":                          {"runbook", "internal/clean", "internal/probe", "internal/release", "internal/stack", "internal/tail"},
		"internal/runner":                {"runbook", "steps", "internal/clean", "internal/deck", "internal/journal", "internal/probe", "internal/release", "internal/run", "internal/stack", "internal/tail"},
		"internal/config":                {"internal/stack", "runbook", "internal/clean", "internal/probe", "internal/run"},
		"internal/docker":                {"internal/clean", "internal/release", "internal/stack", "internal/tail"},
		"internal/docker/dockertest":     {"internal/docker", "internal/stack"},
		"internal/docker/dockertest/app": {},
		"internal/local":                 {"internal/clean", "internal/release", "internal/stack", "internal/tail", "internal/probe"},
		"internal/demo":                  {"examples", "internal/clean", "internal/config", "internal/docker", "internal/journal", "internal/local", "internal/release", "internal/stack", "internal/demo/shop"},
		"internal/demo/shop":             {"internal/clean", "internal/local"},
		"internal/termtest":              {},
		"internal/e2e":                   {},
		"internal/e2e/minimal":           {},
		"internal/cli":                   {"runbook", "ui", "ui/home", "internal/clean", "internal/config", "internal/deck", "internal/demo", "internal/docker", "internal/journal", "internal/local", "internal/probe", "internal/release", "internal/run", "internal/runner", "internal/stack", "internal/story", "internal/tail"},
		"examples":                       {},
	}
}

// outside says where a library may be used; everywhere else it is an error.
func outside() map[string][]string {
	return map[string][]string{
		"charm.land/":                   {"ui", "internal/cli", "internal/e2e/minimal"},
		"github.com/charmbracelet/x/vt": {"internal/termtest"},
		"github.com/charmbracelet/":     {"ui", "internal/termtest", "internal/cli"},
		"github.com/moby/":              {"internal/docker"},
		"github.com/docker/":            {"internal/docker"},
		"modernc.org/sqlite":            {"internal/demo/shop"},
		"github.com/spf13/cobra":        {"internal/cli"},
		"github.com/goccy/go-yaml":      {"runbook", "internal/config", "internal/docker", "internal/local"},
		"github.com/yuin/goldmark":      {"runbook"},
		"github.com/creack/pty":         {"steps", "internal/termtest"},
	}
}

type listed struct {
	ImportPath string
	Imports    []string
	Doc        string
}

func TestArrows(t *testing.T) {
	allowed := arrows()
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, "flightdeck"), "/")
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		for _, imp := range p.Imports {
			checkLibrary(t, name, imp)
			ours, internal := strings.CutPrefix(imp, "flightdeck/")
			if !internal || inside(name, ours) {
				continue
			}
			if strings.HasPrefix(name, "ui") {
				checkScreen(t, name, ours)
				continue
			}
			may, known := allowed[name]
			if !known {
				t.Errorf("%s is not in the table of arrows; say there what it may import", name)
				break
			}
			if !slices.Contains(may, ours) {
				t.Errorf("%s imports %s: no arrow goes there", orMain(name), ours)
			}
		}
	}
}

func orMain(name string) string {
	if name == "" {
		return "main"
	}
	return name
}

// inside: a package may use what lies below it.
func inside(name, imported string) bool { return name != "" && strings.HasPrefix(imported, name+"/") }

// checkScreen: theme and kit below, dialog and drawing in the middle, screens beside each other
// without a look, the root above all.
func checkScreen(t *testing.T, name, imported string) {
	t.Helper()
	nouns := []string{"runbook", "internal/clean", "internal/deck", "internal/probe", "internal/release", "internal/run", "internal/stack", "internal/story", "internal/tail"}
	drawing := []string{"ui/theme", "ui/kit", "ui/prose", "ui/lines", "ui/dialog"}
	if name == "ui" || slices.Contains(nouns, imported) {
		return
	}
	if !slices.Contains(drawing, imported) {
		t.Errorf("%s imports %s: screens never import each other", name, imported)
	}
	if name == "ui/theme" {
		t.Errorf("%s imports %s: the theme imports nothing of ours", name, imported)
	}
}

func checkLibrary(t *testing.T, name, imported string) {
	t.Helper()
	for library, places := range outside() {
		if !strings.HasPrefix(imported, library) {
			continue
		}
		ok := false
		for _, place := range places {
			ok = ok || name == place || strings.HasPrefix(name, place+"/")
		}
		if !ok {
			t.Errorf("%s imports %s, which belongs in %s only", orMain(name), imported, strings.Join(places, ", "))
		}
	}
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Doc", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p listed
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}
