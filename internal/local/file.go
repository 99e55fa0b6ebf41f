// Package local is a target made of plain processes on this machine, for a place where no docker
// engine answers. A file local.yaml names the services; each runs under a supervisor of its own,
// in its own session, so that it outlives flightdeck as a container would.
//
// Its one rule: what runs is known by the locks that the processes themselves hold, never by a
// process number alone, because numbers are used again.
package local

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"flightdeck/internal/stack"
)

// file is local.yaml.
type file struct {
	Version  string                 `yaml:"version"` // what a release is called, usually "${TAG:-v1}"
	Services map[string]fileService `yaml:"services"`
	Tools    map[string]fileTool    `yaml:"tools"` // what `compose run` can run
}

type fileService struct {
	Image       string            `yaml:"image"` // a name for people; nothing is pulled
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Restart     string            `yaml:"restart"` // no (default), on-failure, always
	StopGrace   string            `yaml:"stop_grace_period"`
	Health      *fileHealth       `yaml:"health"`
	Volumes     []string          `yaml:"volumes"`   // names; the directory is ${volume.NAME}
	Anonymous   []string          `yaml:"anonymous"` // the same, without a name that lasts
	Ports       []string          `yaml:"ports"`     // shown only
	DependsOn   []string          `yaml:"depends_on"`
}

type fileTool struct {
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
}

type fileHealth struct {
	HTTP     string `yaml:"http"`
	Interval string `yaml:"interval"`
	Timeout  string `yaml:"timeout"`
	Retries  int    `yaml:"retries"`
}

// variables gives a value and whether there is one.
type variables func(name string) (string, bool)

// readFile reads local.yaml strictly: an unknown key is an error with its line.
func readFile(path string) (file, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return file{}, &stack.Error{
			What: "cannot read the description of the local processes", Why: err.Error(),
			Do: "Create " + filepath.Base(path) + " beside flightdeck.yaml, or use docker", Err: err,
		}
	}
	var f file
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict()).Decode(&f); err != nil {
		return file{}, &stack.Error{What: path + " cannot be understood", Why: yaml.FormatError(err, false, false), Do: "Correct the line and try again", Err: err}
	}
	if len(f.Services) == 0 {
		return file{}, &stack.Error{What: path + " names no services", Do: "Add at least one below `services:`"}
	}
	return f, nil
}

// readEnvFile reads NAME=value lines; comments, blank lines and quotes around a value are allowed.
func readEnvFile(path string) (map[string]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, &stack.Error{What: "cannot read env file", Why: err.Error(), Do: "Check env_files in flightdeck.yaml", Err: err}
	}
	out := map[string]string{}
	n := 0
	for line := range strings.Lines(string(raw)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			return nil, &stack.Error{What: fmt.Sprintf("%s:%d: not a NAME=value line", path, n), Do: "Correct the line"}
		}
		value = strings.TrimSpace(value)
		if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		out[strings.TrimSpace(name)] = value
	}
	return out, nil
}

// expand replaces ${NAME}, ${NAME:-default} and $$. Names with a dot (${volume.data}) stay: they
// are only known when the process starts.
func expand(text string, vars variables) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '$')
		if i < 0 || i == len(text)-1 {
			return b.String() + text, nil
		}
		b.WriteString(text[:i])
		text = text[i+1:]
		switch text[0] {
		case '$':
			b.WriteByte('$')
			text = text[1:]
		case '{':
			end := strings.IndexByte(text, '}')
			if end < 0 {
				return "", fmt.Errorf("${%s has no closing brace", text[1:])
			}
			name, fallback, hasDefault := strings.Cut(text[1:end], ":-")
			value, ok := vars(name)
			switch {
			case strings.Contains(name, "."):
				value = "${" + name + "}"
			case hasDefault && value == "":
				value = fallback
			case !ok && !hasDefault:
				return "", fmt.Errorf("variable %s is not set", name)
			}
			b.WriteString(value)
			text = text[end+1:]
		default:
			b.WriteByte('$')
		}
	}
}

// expandAll expands every text, naming the place of the first problem.
func expandAll(where string, texts []string, vars variables) ([]string, error) {
	out := make([]string, 0, len(texts))
	for _, t := range texts {
		e, err := expand(t, vars)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		out = append(out, e)
	}
	return out, nil
}

// environment gives sorted NAME=value pairs.
func environment(where string, env map[string]string, vars variables) ([]string, error) {
	var out []string
	for name, value := range env {
		v, err := expand(value, vars)
		if err != nil {
			return nil, fmt.Errorf("%s: environment %s: %w", where, name, err)
		}
		out = append(out, name+"="+v)
	}
	slices.Sort(out)
	return out, nil
}

// duration reads a duration with a default.
func duration(where, text string, fallback time.Duration) (time.Duration, error) {
	if text == "" {
		return fallback, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%s: %q is not a duration like 2s", where, text)
	}
	return d, nil
}

// ordered gives the services so that each comes after what it depends on, else by name.
func ordered(depends map[string][]string) ([]string, error) {
	names := make([]string, 0, len(depends))
	for name := range depends {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []string
	state := map[string]int{} // 1: being visited, 2: done
	var visit func(name, by string) error
	visit = func(name, by string) error {
		deps, known := depends[name]
		switch {
		case !known:
			return fmt.Errorf("service %s depends on %s, which does not exist", by, name)
		case state[name] == 1:
			return fmt.Errorf("services %s and %s depend on each other", by, name)
		case state[name] == 2:
			return nil
		}
		state[name] = 1
		for _, d := range deps {
			if err := visit(d, name); err != nil {
				return err
			}
		}
		state[name] = 2
		out = append(out, name)
		return nil
	}
	for _, name := range names {
		if err := visit(name, ""); err != nil {
			return nil, err
		}
	}
	return out, nil
}
