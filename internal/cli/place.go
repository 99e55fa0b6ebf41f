package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"flightdeck/internal/config"
	"flightdeck/internal/docker"
	"flightdeck/internal/journal"
	"flightdeck/internal/local"
	"flightdeck/internal/release"
	"flightdeck/internal/run"
	"flightdeck/internal/stack"
)

// place is one environment of one project, opened.
type place struct {
	project config.Project
	env     config.Environment
	target  stack.Target
	info    stack.Info
	state   string // state directory
}

// open finds the project of this directory and opens one of its environments. With name "" it is
// the only one; several ask for a name, because an environment is never guessed.
func open(ctx context.Context, e Env, dir, name string) (*place, error) {
	project, environment, err := choose(e, dir, name)
	if err != nil {
		return nil, err
	}
	state, err := journal.StateDir(e.Getenv)
	if err != nil {
		return nil, err
	}
	target, err := openTarget(ctx, project, environment)
	if err != nil {
		return nil, err
	}
	info, err := target.Info(ctx)
	if err != nil {
		return nil, errors.Join(err, target.Close())
	}
	if project.File == "" {
		environment = remembered(ctx, unconfigured(environment, info), target)
		if name != "" && name != environment.Name {
			return nil, errors.Join(usage("there is no environment %q: without flightdeck.yaml there is one, and it is %s", name, environment.Name), target.Close())
		}
	}
	return &place{project: project, env: environment, target: target, info: info, state: state}, nil
}

// remembered takes the name and class that the engine's ledger knows for this project: whoever
// rolls production back from an empty directory is in production.
func remembered(ctx context.Context, env config.Environment, target stack.Target) config.Environment {
	releases, err := target.Releases(ctx)
	if err != nil || len(releases) == 0 || releases[0].Environment == "" {
		return env // an unreadable ledger is told by whatever needs it
	}
	class, known := config.ClassOf(releases[0].Environment)
	if !known {
		class = run.Production
	}
	env.Name, env.Class = releases[0].Environment, class
	return env
}

// unconfigured says what the one environment of a project without flightdeck.yaml really is. It is
// called local, but a docker context or DOCKER_HOST can point anywhere: an engine that is not on
// this machine, or whose context has a production-like name, gets the strict treatment.
func unconfigured(env config.Environment, info stack.Info) config.Environment {
	local := strings.HasPrefix(info.Host, "unix://") || strings.HasPrefix(info.Host, "npipe://")
	named := info.Context != "" && info.Context != "default"
	if named {
		env.Name = info.Context
		if class, known := config.ClassOf(info.Context); known {
			env.Class = class
			return env
		}
	}
	if !local {
		env.Class = run.Production
		if !named {
			env.Name = "remote"
		}
	}
	return env
}

func choose(e Env, dir, name string) (config.Project, config.Environment, error) {
	project, err := config.Load(dir, e.Getenv)
	if err != nil {
		return project, config.Environment{}, &exit{code: exitUsage, err: err}
	}
	if name == "" && len(project.Environments) > 1 {
		return project, config.Environment{}, usage("say which environment: %s. An environment is never guessed", names(project))
	}
	if name == "" || project.File == "" {
		return project, project.Environments[0], nil
	}
	environment, err := project.Environment(name)
	if err != nil {
		return project, environment, &exit{code: exitUsage, err: err}
	}
	return project, environment, nil
}

func names(p config.Project) string {
	out := ""
	for i, env := range p.Environments {
		if i > 0 {
			out += " or "
		}
		out += env.Name
	}
	return out
}

func openTarget(ctx context.Context, p config.Project, env config.Environment) (stack.Target, error) {
	if env.Stack == "local" {
		return local.Open(local.Options{Project: env.ComposeProject, Environment: env.Name, Dir: p.Dir, EnvFiles: env.EnvFiles,
			TagVariable: env.TagVariable, Data: filepath.Join(p.Dir, ".local", env.Name)})
	}
	return docker.Open(ctx, docker.Project{
		Name: env.ComposeProject, Dir: p.Dir, Files: env.Compose, EnvFiles: env.EnvFiles, Profiles: env.Profiles,
		TagVariable: env.TagVariable, Environment: env.Name, Host: env.Host, Context: env.Context,
	})
}

func (p *place) close() error { return p.target.Close() }

// operator is the person at the keyboard, as the machine knows them.
func operator(e Env) string {
	for _, name := range []string{"FLIGHTDECK_OPERATOR", "SUDO_USER", "USER", "LOGNAME"} {
		if v := e.Getenv(name); v != "" {
			return v
		}
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// running is what is on the target now, and what the ledger holds.
type running struct {
	info     stack.Info
	snapshot stack.Snapshot
	releases []release.Release // newest first
	current  release.Ref
	// healthy says whether every container that matters is up and not unhealthy.
	up, total int
}

func (p *place) look(ctx context.Context) (running, error) {
	var r running
	var err error
	r.info = p.info
	if r.snapshot, err = p.target.Observe(ctx); err != nil {
		return r, err
	}
	if r.releases, err = p.target.Releases(ctx); err != nil {
		return r, err
	}
	now, err := p.target.Current(ctx)
	if err != nil && !errors.Is(err, stack.ErrNothingRuns) {
		return r, err
	}
	r.current = r.named(now)
	r.up, r.total = r.snapshot.Up()
	return r, nil
}

// named finds what runs in the ledger, by images and configuration; a state that is not there is
// named by the version that its images share.
func (r running) named(now release.Release) release.Ref {
	if len(r.snapshot.Containers) == 0 || len(now.Services) == 0 {
		return release.Ref{}
	}
	for _, rel := range r.releases {
		if rel.Identity() == now.Identity() {
			return rel.Ref()
		}
	}
	return release.Ref{Version: r.snapshot.Version()}
}

// unfinished gives the newest run of this environment that was neither closed nor is alive.
func (p *place) unfinished(mode run.Mode) (journal.RunInfo, bool, error) {
	runs, err := journal.Runs(p.state)
	if err != nil {
		return journal.RunInfo{}, false, err
	}
	for _, info := range runs {
		if info.Err != nil && p.owns(info) && info.Stage != run.Over && mode != run.ModeRollback {
			return info, false, fmt.Errorf("the record of an earlier run here cannot be read, so nobody knows what it left half done: %w. Look at the services, then move %s away and start again",
				info.Err, info.Dir)
		}
		if info.Err == nil && p.owns(info) && info.Stage != run.Over && !info.Live {
			return info, true, nil
		}
	}
	return journal.RunInfo{}, false, nil
}

func (p *place) owns(info journal.RunInfo) bool {
	return info.Opened.Environment == p.env.Name && info.Opened.Project == p.env.ComposeProject
}

// lock claims the environment on this machine; the refusal says who holds it.
func (p *place) lock(who string) (func(), error) {
	unlock, err := journal.LockEnvironment(p.state, p.env.ComposeProject, p.env.Name, p.info.Host, who)
	var locked *journal.ErrLocked
	if errors.As(err, &locked) {
		return nil, &exit{code: exitLocked, err: err}
	}
	return unlock, err
}

func (p *place) runDir(id string) string { return filepath.Join(p.state, "runs", id) }

// age is how long ago something was, for people.
func age(now, then time.Time) time.Duration {
	if then.IsZero() || now.Before(then) {
		return 0
	}
	return now.Sub(then)
}
