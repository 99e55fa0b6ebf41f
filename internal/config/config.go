// Package config reads flightdeck.yaml, or finds sensible defaults beside a compose file.
//
// Its one rule: nothing is guessed in silence. Whatever is not understood is an error with file,
// line and column, because a time limit or an environment that is quietly lost is dangerous.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"flightdeck/internal/probe"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
)

// ErrNoProject marks a directory that has neither a flightdeck.yaml nor a compose file.
var ErrNoProject = errors.New("no project here")

// The targets that an environment can be.
const (
	StackCompose = "compose"
	StackLocal   = "local"
)

// Project is what flightdeck.yaml says, or what the compose file makes plain without it.
type Project struct {
	Name string // the compose project name, unless an environment has its own
	Dir  string // absolute
	// File is the flightdeck.yaml that was read, as a path from where Load was called; "" when
	// there is none.
	File string
	// Runbooks are paths by name ("deploy", "rollback"), relative to Dir or absolute.
	Runbooks     map[string]string
	Environments []Environment // in the order of the file; never empty

	probes []probe.Probe
}

// Environment is one place where the project runs.
type Environment struct {
	Name  string
	Class run.Class
	Stack string // compose or local
	// Context and Host choose the engine; at most one of them is set, and both empty mean the
	// engine that the docker command would use.
	Context string
	Host    string
	// Compose are the compose files, relative to the project's Dir or absolute; empty: compose's
	// own default.
	Compose  []string
	EnvFiles []string
	Profiles []string
	// ComposeProject is the name of the compose project; never empty.
	ComposeProject string
	URL            string // of the application, without a slash at the end
	Branch         string // that releases come from
	TagVariable    string // of the compose file, which chooses the version
}

// Error is everything that is wrong with flightdeck.yaml, in the order of the file.
type Error struct {
	Problems []runbook.Problem
}

// Error gives one problem a line: "file:line:column: message (hint)".
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// fileNames are the names that flightdeck.yaml may have.
func fileNames() []string { return []string{"flightdeck.yaml", "flightdeck.yml"} }

// Load reads the project of a directory. Without flightdeck.yaml a compose file is enough: the
// project then has one environment, "local". getenv gives the variables of the process, as
// os.Getenv does. The error is an *Error for mistakes in flightdeck.yaml, and a *stack.Error
// otherwise; ErrNoProject marks a directory with nothing in it.
func Load(dir string, getenv func(string) string) (Project, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Project{}, &stack.Error{What: "cannot find the directory " + dir, Why: err.Error(), Err: err}
	}
	var found []string
	for _, name := range fileNames() {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			found = append(found, filepath.Join(dir, name))
		} else if !errors.Is(err, os.ErrNotExist) {
			return Project{}, &stack.Error{What: "cannot read " + filepath.Join(dir, name), Why: reason(err), Do: "check the permissions of the file and its directory", Err: err}
		}
	}
	surroundings := surroundings{dir: dir, abs: abs, getenv: getenv}
	switch len(found) {
	case 0:
		return surroundings.project()
	case 1:
		return load(found[0], surroundings)
	}
	return Project{}, &stack.Error{What: "there are two configurations: " + strings.Join(found, " and "), Do: "delete one of them"}
}

// maxSize is the largest flightdeck.yaml in bytes. The YAML parser needs time that grows with the
// square of some forms, and no configuration that a person wrote comes near it.
const maxSize = 64 << 10

func load(file string, s surroundings) (Project, error) {
	source, err := readLimited(file)
	if err != nil {
		return Project{}, err
	}
	p, err := decode(file, source)
	if err != nil {
		return Project{}, err
	}
	p.Dir = s.abs
	if p.Name == "" {
		if p.Name, err = s.name(p.composeFiles()); err != nil {
			return Project{}, err
		}
	}
	if len(p.Environments) == 0 {
		env, err := s.environment()
		if errors.Is(err, ErrNoProject) {
			return Project{}, &stack.Error{
				What: file + " names no environments, and there is no compose file in " + s.abs,
				Why:  "looked for " + strings.Join(composeNames(), ", "), Do: "add environments: to " + file, Err: ErrNoProject,
			}
		}
		if err != nil {
			return Project{}, err
		}
		p.Environments = []Environment{env}
	}
	for i := range p.Environments {
		if p.Environments[i].ComposeProject == "" {
			p.Environments[i].ComposeProject = p.Name
		}
	}
	return p, nil
}

// composeFiles are those of the first environment that names any.
func (p Project) composeFiles() []string {
	for _, e := range p.Environments {
		if len(e.Compose) > 0 {
			return e.Compose
		}
	}
	return nil
}

func readLimited(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > maxSize {
		return nil, &stack.Error{What: "cannot read " + file, Why: fmt.Sprintf("it has %d bytes, and %d are allowed", info.Size(), maxSize), Do: "is this the right file?"}
	}
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, &stack.Error{What: "cannot read " + file, Why: reason(err), Do: "check that it is a file and that you may read it", Err: err}
	}
	return source, nil
}

// reason is a file error without the path, which the sentence around it already says.
func reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// Environment finds an environment by its name, or by another word for the same thing: prod, prd
// and live for production; stage and stg for staging; dev for development. The error lists the
// environments there are.
func (p Project) Environment(name string) (Environment, error) {
	for _, e := range p.Environments {
		if e.Name == name {
			return e, nil
		}
	}
	var same []Environment
	class, known := classOfWord(name)
	for _, e := range p.Environments {
		if c, ok := classOfWord(e.Name); strings.EqualFold(e.Name, name) || known && ok && c == class {
			same = append(same, e)
		}
	}
	if len(same) == 1 {
		return same[0], nil
	}
	names := make([]string, len(p.Environments))
	for i, e := range p.Environments {
		names[i] = e.Name
	}
	failed := &stack.Error{What: fmt.Sprintf("there is no environment %q", name), Do: "choose one of: " + strings.Join(names, ", ")}
	if len(same) > 1 {
		failed.What = fmt.Sprintf("%q can mean more than one environment", name)
	} else if n := runbook.Nearest(name, names); n != "" {
		failed.Do = fmt.Sprintf("did you mean %q? There are: %s", n, strings.Join(names, ", "))
	}
	return Environment{}, failed
}

// ProbesFor gives the probes of an environment, with its URL put in.
func (p Project) ProbesFor(e Environment) []probe.Probe {
	out := slices.Clone(p.probes)
	for i := range out {
		out[i].URL = strings.ReplaceAll(out[i].URL, urlMark, e.URL)
	}
	return out
}

// urlMark stands in a probe for the URL of the environment.
const urlMark = "{url}"
