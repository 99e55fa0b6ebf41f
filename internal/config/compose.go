package config

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"flightdeck/internal/clean"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
)

// surroundings are what compose itself would look at: the directory, its .env file and the
// variables of the process.
type surroundings struct {
	dir    string // as it was given
	abs    string
	getenv func(string) string
}

// composeNames are the compose files that compose finds by itself, in its order.
func composeNames() []string {
	return []string{"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"}
}

// overrideNames are the files that compose lays over the one it found.
func overrideNames() []string {
	return []string{"compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"}
}

// project is the project of a directory without flightdeck.yaml.
func (s surroundings) project() (Project, error) {
	env, err := s.environment()
	if err != nil {
		return Project{}, err
	}
	name, err := s.name(env.Compose)
	if err != nil {
		return Project{}, err
	}
	env.ComposeProject = name
	return Project{Name: name, Dir: s.abs, Runbooks: map[string]string{}, Environments: []Environment{env}}, nil
}

// environment is the one that needs no configuration.
func (s surroundings) environment() (Environment, error) {
	files, err := s.files()
	if errors.Is(err, ErrNoProject) && s.getenv("COMPOSE_PROJECT_NAME") != "" {
		// The files may be gone, and a rollback needs only the name: what runs is on the engine.
		files, err = nil, nil
	}
	return Environment{Name: "local", Class: run.Local, Stack: StackCompose, Compose: files}, err
}

// files finds the compose files as compose does: COMPOSE_FILE, else the first of the known names
// with its override file.
func (s surroundings) files() ([]string, error) {
	if list := s.variable("COMPOSE_FILE"); list != "" {
		return s.listed(list)
	}
	for _, name := range composeNames() {
		if !s.has(name) {
			continue
		}
		for _, over := range overrideNames() {
			if s.has(over) {
				return []string{name, over}, nil
			}
		}
		return []string{name}, nil
	}
	return nil, &stack.Error{
		What: "there is no project in " + s.abs,
		Why:  "it has none of " + strings.Join(append(fileNames()[:1], composeNames()...), ", "),
		Do:   "change to the directory of a compose project, or run `flightdeck demo` to see how it works",
		Err:  ErrNoProject,
	}
}

func (s surroundings) listed(list string) ([]string, error) {
	separator := s.variable("COMPOSE_PATH_SEPARATOR")
	if separator == "" {
		separator = string(os.PathListSeparator)
	}
	var out []string
	for _, name := range strings.Split(list, separator) {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !s.has(name) {
			return nil, &stack.Error{
				What: "there is no compose file " + name + " in " + s.abs, Why: "COMPOSE_FILE names it",
				Do: "correct COMPOSE_FILE or unset it", Err: ErrNoProject,
			}
		}
		out = append(out, name)
	}
	return out, nil
}

func (s surroundings) has(name string) bool {
	info, err := os.Stat(s.path(name))
	return err == nil && !info.IsDir()
}

func (s surroundings) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(s.abs, name)
}

// variable reads a variable of the process, else of the .env file, as compose does.
func (s surroundings) variable(name string) string {
	if v := s.getenv(name); v != "" {
		return v
	}
	source, err := os.ReadFile(s.path(".env"))
	if err != nil {
		return "" // compose goes on without it too
	}
	value := ""
	for lines := bufio.NewScanner(bytes.NewReader(source)); lines.Scan(); {
		line := strings.TrimPrefix(strings.TrimSpace(lines.Text()), "export ")
		if key, v, found := strings.Cut(line, "="); found && strings.TrimSpace(key) == name {
			value = unquoted(strings.TrimSpace(v))
		}
	}
	return value
}

func unquoted(v string) string {
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && strings.IndexByte(v[1:], v[0]) >= 0 {
		return v[1 : 1+strings.IndexByte(v[1:], v[0])]
	}
	if i := strings.Index(v, " #"); i >= 0 {
		v = strings.TrimSpace(v[:i])
	}
	return v
}

// name is the name that compose itself would give the project, so that the containers that are
// already there are found: COMPOSE_PROJECT_NAME, `name:` of the compose file, the directory.
func (s surroundings) name(files []string) (string, error) {
	if v := s.variable("COMPOSE_PROJECT_NAME"); v != "" {
		return normalised(v), nil
	}
	if len(files) == 0 {
		if found, err := s.files(); err == nil {
			files = found
		}
	}
	dir := s.abs
	if len(files) > 0 {
		dir = filepath.Dir(s.path(files[0]))
	}
	name := ""
	for _, file := range files {
		n, err := nameIn(s.path(file))
		if err != nil {
			return "", err
		}
		if n != "" {
			name = n
		}
	}
	if name == "" {
		name = filepath.Base(dir)
	}
	if n := normalised(name); n != "" {
		return n, nil
	}
	return "", &stack.Error{
		What: "the project has no name", Why: fmt.Sprintf("nothing of %q can be part of the name of a compose project", name),
		Do: "add project: to flightdeck.yaml, or set COMPOSE_PROJECT_NAME",
	}
}

// nameIn reads `name:` of a compose file, line by line, because compose files may be large and use
// tags that only compose knows. A file that is not there or not YAML says nothing here: a rollback
// must work without it, and a deploy reports it with compose's own words.
func nameIn(file string) (string, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return "", nil
		}
		return "", &stack.Error{What: "cannot read " + file, Why: reason(err), Do: "check the permissions of the file", Err: err}
	}
	number := 0
	for line := range strings.Lines(string(source)) {
		number++
		rest, found := strings.CutPrefix(line, "name:")
		if !found {
			continue
		}
		name := unquoted(strings.TrimSpace(rest))
		if strings.Contains(name, "$") {
			return "", &stack.Error{
				What: fmt.Sprintf("%s:%d:1: the name of the project depends on a variable", file, number),
				Why:  "name: " + clean.Name(name), Do: "set COMPOSE_PROJECT_NAME, or add project: to flightdeck.yaml",
			}
		}
		return name, nil
	}
	return "", nil
}

// normalised makes the name of a compose project out of any text, exactly as compose does.
func normalised(s string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			b.WriteRune(c)
		}
	}
	return strings.TrimLeft(b.String(), "-_")
}
