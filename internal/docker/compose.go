package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
)

// chooseVariable lets the operator choose the generation for a project without containers.
const chooseVariable = "FLIGHTDECK_COMPOSE"

// lookLimit is how long a command that only looks (version, config) may take.
const lookLimit = 60 * time.Second

// tool is an installed compose command.
type tool struct {
	generation string   // "v1" or "v2"
	command    []string // "docker", "compose" or "docker-compose"
	version    string   // "2.40.3"
}

// String is "docker compose 2.40.3".
func (c tool) String() string { return strings.Join(c.command, " ") + " " + c.version }

// installedTools finds what compose commands this machine has, the plugin first. A docker-compose
// may be either generation: only its version tells.
//
// The answer is kept, as asking takes up to a second; an empty one is not. It ends with the first
// tool of the preferred generation: docker-compose 1.29 alone needs a third of a second to say its
// version, which nobody should wait for who does not need it.
func (t *Target) installedTools(ctx context.Context, prefer string) []tool {
	t.toolsLock.Lock()
	defer t.toolsLock.Unlock()
	preferred := func(c tool) bool { return c.generation == prefer }
	if len(t.tools) > 0 && (t.allTools || slices.ContainsFunc(t.tools, preferred)) {
		return t.tools
	}
	var out []tool
	for _, command := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		c := tool{command: command}
		res, err := t.look(ctx, c, lookup{args: []string{"version", "--short"}})
		if err != nil {
			continue // not installed, or not fit to run
		}
		c.version = clean.Name(strings.TrimPrefix(strings.TrimSpace(string(res)), "v"))
		c.generation = generationOf(c.version)
		if c.version != "" {
			out = append(out, c)
		}
		if preferred(c) {
			break
		}
	}
	if ctx.Err() == nil {
		t.tools, t.allTools = out, !slices.ContainsFunc(out, preferred)
	}
	return out
}

// generationOf tells the generation by the version: 1.x is the Python tool, all later ones (also
// 5.x, which followed 2.x) are the plugin.
func generationOf(version string) string {
	if strings.HasPrefix(version, "1.") {
		return "v1"
	}
	return "v2"
}

// composeTool chooses the tool: the generation that made the project's containers, because the
// other one computes other configuration hashes and would recreate every container. Without
// containers it is FLIGHTDECK_COMPOSE, else v2, else v1.
func (t *Target) composeTool(ctx context.Context) (tool, error) {
	list, err := t.listContainers(ctx)
	if err != nil {
		return tool{}, err
	}
	made := ""
	for _, c := range list {
		if v := c.Labels[labelVersion]; v != "" && !strings.EqualFold(c.Labels[labelOneOff], "true") {
			made = clean.Name(v)
			break
		}
	}
	wish := os.Getenv(chooseVariable)
	prefer := "v2"
	if made != "" {
		prefer = generationOf(made)
	} else if wish == "v1" {
		prefer = wish
	}
	return pickTool(t.installedTools(ctx, prefer), made, wish, clean.Name(t.project.Name))
}

// pickTool is the choice itself. made is the compose version in the containers' label, "" without
// containers; wish is "v1", "v2" or "".
func pickTool(installed []tool, made, wish, project string) (tool, error) {
	if wish != "" && wish != "v1" && wish != "v2" {
		return tool{}, &stack.Error{What: fmt.Sprintf("%s=%q is not a generation of compose", chooseVariable, clean.Name(wish)), Do: "Set it to v1 or v2, or unset it"}
	}
	if len(installed) == 0 {
		return tool{}, &stack.Error{What: "no compose tool is installed", Why: "neither 'docker compose' nor 'docker-compose' runs", Do: "Install the compose plugin of docker (package docker-compose-plugin)"}
	}
	need := wish
	if made != "" {
		need = generationOf(made)
		if wish != "" && wish != need {
			return tool{}, &stack.Error{
				What: fmt.Sprintf("project %s was made with compose %s, but %s=%s asks for the other generation", project, made, chooseVariable, wish),
				Why:  "the other generation would recreate every container", Do: "Unset " + chooseVariable,
			}
		}
	}
	if need == "" {
		need = "v2"
		if !slices.ContainsFunc(installed, func(c tool) bool { return c.generation == "v2" }) {
			need = "v1"
		}
	}
	for _, c := range installed {
		if c.generation == need {
			return c, nil
		}
	}
	if made == "" {
		return tool{}, &stack.Error{What: fmt.Sprintf("%s=%s, but only %s is installed", chooseVariable, wish, installed[0]), Do: "Unset " + chooseVariable + ", or install that generation"}
	}
	return tool{}, &stack.Error{
		What: fmt.Sprintf("project %s was made with compose %s, but only %s is installed here", project, made, installed[0]),
		Why:  "the other generation would recreate every container", Do: installHint(need),
	}
}

func installHint(generation string) string {
	if generation == "v1" {
		return "Install docker-compose 1.29, or move the project to the new generation by hand at a quiet time ('docker compose up -d', which recreates every container)"
	}
	return "Install the compose plugin of docker (package docker-compose-plugin)"
}

// Info says what is at the other end and which compose tool would be used.
func (t *Target) Info(ctx context.Context) (stack.Info, error) {
	out := stack.Info{Kind: "compose", Host: clean.Name(t.host), Context: clean.Name(t.context), Project: clean.Name(t.project.Name)}
	sys, err := t.systemInfo(ctx)
	if err != nil {
		return out, err
	}
	out.Name = clean.Name(sys.Name)
	out.Engine = clean.Name(fmt.Sprintf("docker %s (API %s)", sys.ServerVersion, t.api.ClientVersion()))
	c, err := t.composeTool(ctx)
	var why *stack.Error
	switch {
	case err == nil:
		out.Compose = c.String()
	case errors.As(err, &why) && !errors.Is(err, stack.ErrUnreachable):
		// What cannot be deployed can still be looked at and rolled back.
		out.Compose = "none: " + why.What
	default:
		return out, err
	}
	return out, nil
}

// commandLine is the tool with the project's own flags, without a sub-command.
func (t *Target) commandLine(c tool, global ...string) []string {
	line := append(slices.Clone(c.command), global...)
	if t.project.Name != "" {
		line = append(line, "-p", t.project.Name)
	}
	for _, f := range t.files() {
		line = append(line, "-f", f)
	}
	for _, f := range t.project.EnvFiles {
		line = append(line, "--env-file", f)
	}
	for _, p := range t.project.Profiles {
		line = append(line, "--profile", p)
	}
	return line
}

// files are the compose files to name. Version 1.29 does not know all the default names that the
// plugin knows, so a default file that is there is always named, with its override.
func (t *Target) files() []string {
	if len(t.project.Files) > 0 {
		return t.project.Files
	}
	if os.Getenv("COMPOSE_FILE") != "" {
		return nil
	}
	for _, base := range []string{"compose", "docker-compose"} {
		for _, ext := range []string{".yaml", ".yml"} {
			if !exists(filepath.Join(t.project.Dir, base+ext)) {
				continue
			}
			for _, ext2 := range []string{ext, ".yml", ".yaml"} {
				if exists(filepath.Join(t.project.Dir, base+".override"+ext2)) {
					return []string{base + ext, base + ".override" + ext2}
				}
			}
			return []string{base + ext}
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// environ is the environment of a compose command: this process's own, with the engine and the
// version set.
func (t *Target) environ(want stack.Want) []string {
	drop := []string{"DOCKER_CONTEXT=", "DOCKER_HOST=", "DOCKER_TLS_VERIFY=", "DOCKER_CERT_PATH=", "COMPOSE_PROJECT_NAME="}
	if t.host == os.Getenv("DOCKER_HOST") && t.tlsDir == "" {
		drop = []string{"DOCKER_CONTEXT=", "DOCKER_HOST=", "COMPOSE_PROJECT_NAME="} // the certificates belong to that host
	}
	var out []string
	for _, kv := range os.Environ() {
		if !slices.ContainsFunc(drop, func(p string) bool { return strings.HasPrefix(kv, p) }) {
			out = append(out, kv)
		}
	}
	out = append(out, t.engineEnviron()...)
	if t.project.TagVariable != "" && want.Version != "" {
		out = append(out, t.project.TagVariable+"="+want.Version)
	}
	return out
}

// engineEnviron points any docker command at the same engine. Always by DOCKER_HOST: the old
// compose knows no contexts, and a context can change under a run.
func (t *Target) engineEnviron() []string {
	out := []string{"DOCKER_HOST=" + t.host}
	if t.tlsDir != "" {
		out = append(out, "DOCKER_CERT_PATH="+t.tlsDir)
		if t.verify {
			out = append(out, "DOCKER_TLS_VERIFY=1")
		} else {
			out = append(out, "DOCKER_TLS=1")
		}
	}
	return out
}

// Environ is what commands of a runbook see of the project, so that a bare `docker compose ps`
// talks to the right place. It holds no secrets.
func (t *Target) Environ(want stack.Want) []string {
	out := append(t.engineEnviron(), "COMPOSE_PROJECT_NAME="+t.project.Name)
	if files := t.files(); len(files) > 0 {
		out = append(out, "COMPOSE_FILE="+strings.Join(t.absolute(files), string(os.PathListSeparator)))
	}
	if len(t.project.Profiles) > 0 {
		out = append(out, "COMPOSE_PROFILES="+strings.Join(t.project.Profiles, ","))
	}
	if len(t.project.EnvFiles) > 0 {
		out = append(out, "COMPOSE_ENV_FILES="+strings.Join(t.absolute(t.project.EnvFiles), ","))
	}
	if t.project.TagVariable != "" && want.Version != "" {
		out = append(out, t.project.TagVariable+"="+want.Version)
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestLimit) //nolint:forbidigo // the contract of stack gives no context here; the limit bounds it
	defer cancel()
	// Without a fitting tool the variable is absent, and a runbook's command that needs it fails
	// by itself with the shell's message.
	if c, err := t.composeTool(ctx); err == nil {
		out = append(out, "FLIGHTDECK_COMPOSE_COMMAND="+strings.Join(append(slices.Clone(c.command), t.envFileFlag(c)...), " "))
	}
	return out
}

// envFileFlag is what docker-compose v1 needs on its command line, as it does not know
// COMPOSE_ENV_FILES. The shell splits the variable at blanks, so that a path with blanks is only
// right when it is relative, from the directory of the project.
func (t *Target) envFileFlag(c tool) []string {
	if c.generation != "v1" || len(t.project.EnvFiles) == 0 {
		return nil
	}
	last := t.project.EnvFiles[len(t.project.EnvFiles)-1] // v1 takes one, the last
	if abs := t.absolute([]string{last})[0]; !strings.ContainsAny(abs, " \t\n") {
		last = abs
	}
	return []string{"--env-file", last}
}

// absolute makes paths good for commands that run in another directory.
func (t *Target) absolute(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		if !filepath.IsAbs(p) {
			p = filepath.Join(t.project.Dir, p)
		}
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		out[i] = p
	}
	return out
}

// lookup is a compose command that changes nothing.
type lookup struct {
	want   stack.Want
	global []string // flags before the project's own
	model  []byte   // read instead of the project's files, if not nil
	args   []string
}

// look runs a lookup and gives its standard output. It ends with ctx.
func (t *Target) look(ctx context.Context, c tool, l lookup) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	line := slices.Clone(c.command)
	switch {
	case l.model != nil:
		line = append(line, "-p", t.project.Name, "-f", "-", "--profile", "*")
	case l.args[0] != "version":
		line = t.commandLine(c, l.global...)
	}
	line = append(line, l.args...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = t.project.Dir
	cmd.Env = t.environ(l.want)
	cmd.WaitDelay = 2 * time.Second
	ownGroup(cmd)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if l.model != nil {
		cmd.Stdin = bytes.NewReader(l.model)
	}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, composeError(line, problem.String(), err)
	}
	return out.Bytes(), nil
}
