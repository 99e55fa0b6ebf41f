// Package demo sets up the sample shop so that a stranger can fly a real deploy at once: files,
// images, two running environments, and their removal.
//
// Its one rule: it touches only what carries the name of its own workspace.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/docker"
	"flightdeck/internal/local"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// The environments of the demo and the release that each starts with.
const (
	Production = "production"
	Staging    = "staging"
	firstGood  = "v1"
	nextGood   = "v2"
)

// Versions are the releases that there are images of.
func Versions() []string { return []string{"v1", "v2", "v3"} }

// Options say how the demo is set up.
type Options struct {
	// StateDir is flightdeck's state directory; the demo lives in its sub-directory demo.
	StateDir string
	// Docker chooses containers, else local processes.
	Docker bool
	// Program is the flightdeck binary; "" means the running one.
	Program string
	// Say takes progress in plain sentences; it may be called from several goroutines, one at a time.
	Say stack.Say
}

// Workspace is a demo that is set up. It holds the demo's lock until Close, Remove, or the end of
// the process.
type Workspace struct {
	Dir     string // the project: flightdeck.yaml, compose.yaml, runbooks
	Project string // "flightdeck-demo-ab12"
	Docker  bool
	// Reused: it was there already.
	Reused bool
	// URLs of the storefronts by environment.
	URLs map[string]string

	program string
	root    string // of everything: state and Dir
	unlock  func() error
}

// format changes when an older workspace cannot be used any more.
const format = 1

// kept is workspace.json.
type kept struct {
	Format  int            `json:"format"`
	Project string         `json:"project"`
	Docker  bool           `json:"docker"`
	Ports   map[string]int `json:"ports"` // "production SHOP_PORT"
	// Ready is written last: without it the files may be incomplete.
	Ready bool `json:"ready"`
}

func (k kept) urls() map[string]string {
	out := map[string]string{}
	for _, env := range environments() {
		out[env] = fmt.Sprintf("http://127.0.0.1:%d", k.Ports[env+" SHOP_PORT"])
	}
	return out
}

// Prepare sets the demo up or takes up the one that is there: v1 runs in production, v2 in
// staging, both healthy and in the ledger. The workspace is never nil: when there is an error too,
// its Remove takes away what was begun.
func Prepare(ctx context.Context, o Options) (*Workspace, error) {
	w := &Workspace{Docker: o.Docker, program: o.Program, root: filepath.Join(o.StateDir, "demo", kindName(o.Docker))}
	w.Dir = filepath.Join(w.root, "shop")
	say := oneAtATime(o.Say)
	if w.program == "" {
		var err error
		if w.program, err = os.Executable(); err != nil {
			return w, err
		}
	}
	if err := w.lock(); err != nil {
		return w, err
	}
	k, err := w.files(ctx)
	if err != nil {
		return w, errors.Join(cannot("write its files", err), w.Close())
	}
	if w.Reused {
		say("using the demo that is there already: " + w.Dir)
	} else {
		say("the demo lives in " + w.Dir)
	}
	w.URLs = k.urls()
	if err := w.images(ctx, say); err != nil {
		return w, err
	}
	return w, w.startBoth(ctx, say)
}

func kindName(docker bool) string {
	if docker {
		return "docker"
	}
	return "local"
}

func environments() []string { return []string{Production, Staging} }

// startVersion is what an environment runs when the demo begins.
func startVersion(env string) string {
	if env == Staging {
		return nextGood
	}
	return firstGood
}

func cannot(what string, err error) error {
	if err == nil {
		return nil
	}
	var known *stack.Error
	if errors.As(err, &known) {
		return err
	}
	return &stack.Error{What: "the demo cannot " + what, Why: err.Error(), Do: "Correct it and start the demo again", Err: err}
}

// oneAtATime makes a Say that several goroutines may use; nil says nothing.
func oneAtATime(say stack.Say) stack.Say {
	var mu sync.Mutex
	return func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if say != nil {
			say(clean.Text(text))
		}
	}
}

func (w *Workspace) lock() error {
	if err := os.MkdirAll(w.root, 0o700); err != nil {
		return cannot("make its directory", err)
	}
	unlock, ok, err := local.TryLock(w.root + ".lock")
	if err != nil {
		return cannot("lock its directory", err)
	}
	if !ok {
		return &stack.Error{What: "another demo is running on this machine", Do: "Leave it with q, then start this one again"}
	}
	w.unlock = unlock
	return nil
}

// Close gives up the lock and leaves everything running.
func (w *Workspace) Close() error {
	if w.unlock == nil {
		return nil
	}
	unlock := w.unlock
	w.unlock = nil
	return unlock()
}

// images builds what is missing; images that are there stay, so that the releases in the ledger
// keep their meaning.
func (w *Workspace) images(ctx context.Context, say stack.Say) error {
	if !w.Docker {
		return nil
	}
	t, err := w.openDocker(ctx, Production)
	if err != nil {
		return err
	}
	defer t.Close() // a connection that was only used
	missing := false
	for _, v := range Versions() {
		id, err := t.ImageID(ctx, w.Project+":"+v)
		if err != nil {
			return err
		}
		missing = missing || id == ""
	}
	if !missing {
		return nil
	}
	return buildImages(ctx, t, w.program, w.Project, Versions(), say)
}

func (w *Workspace) openDocker(ctx context.Context, env string) (*docker.Target, error) {
	return docker.Open(ctx, docker.Project{
		Name: w.Project + "-" + env, Dir: w.Dir, Files: []string{"compose.yaml"}, EnvFiles: []string{".env." + env},
		TagVariable: "SHOP_VERSION", Environment: env,
	})
}

// LocalData is where the processes of an environment keep their data, as internal/cli opens them.
func LocalData(projectDir, env string) string { return filepath.Join(projectDir, ".local", env) }

func (w *Workspace) openLocal(env string) (*local.Target, error) {
	return local.Open(local.Options{
		Project: w.Project + "-" + env, Environment: env, Dir: w.Dir, EnvFiles: []string{".env." + env},
		TagVariable: "SHOP_VERSION", Data: LocalData(w.Dir, env), Binary: w.program,
	})
}

func (w *Workspace) open(ctx context.Context, env string) (stack.Target, error) {
	if w.Docker {
		return w.openDocker(ctx, env)
	}
	return w.openLocal(env)
}

// startBoth starts the two environments at the same time.
func (w *Workspace) startBoth(ctx context.Context, say stack.Say) error {
	errs := make([]error, len(environments()))
	var both sync.WaitGroup
	for n, env := range environments() {
		both.Go(func() {
			if err := w.start(ctx, env, func(s string) { say(env + ": " + s) }); err != nil {
				errs[n] = fmt.Errorf("%s: %w", env, err)
			}
		})
	}
	both.Wait()
	return errors.Join(errs...)
}

// start brings one environment to its first release, waits for its health and writes it down.
func (w *Workspace) start(ctx context.Context, env string, say stack.Say) error {
	t, err := w.open(ctx, env)
	if err != nil {
		return err
	}
	defer t.Close() // a connection that was only used
	there, err := t.Observe(ctx)
	if err != nil {
		return err
	}
	if up, _ := there.Up(); up > 0 {
		// What an earlier demo left running is not touched: a run may wait there to be taken up.
		say("the shop runs already, as " + there.Version() + " on " + w.URLs[env])
		return nil
	}
	version := startVersion(env)
	say("starting " + version)
	if err := t.Deploy(ctx, stack.Want{Version: version}, func(string) {}); err != nil {
		return err
	}
	if err := healthy(ctx, t); err != nil {
		return err
	}
	if version == nextGood {
		if err := w.migrate(ctx, t, version, say); err != nil {
			return err
		}
	}
	r, err := t.Record(ctx, stack.Meta{Environment: env, Version: version, By: "demo"})
	if err != nil {
		return err
	}
	if err := t.Judge(ctx, r.ID, release.StatusHealthy, "the demo saw every service healthy"); err != nil {
		return err
	}
	say("the shop runs as " + version + " on " + w.URLs[env])
	return nil
}

// healthy waits until every service is, a minute and a half at most.
func healthy(ctx context.Context, t stack.Target) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for {
		snap, err := t.Observe(ctx)
		if err != nil {
			return err
		}
		var waiting []string
		for _, c := range snap.Containers {
			if c.Health != "healthy" && !c.OneOff {
				waiting = append(waiting, c.Label()+" "+strings.TrimSpace(c.State+" "+c.Health))
			}
		}
		if len(snap.Containers) > 0 && len(waiting) == 0 {
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return &stack.Error{What: "the shop did not become healthy", Why: strings.Join(waiting, ", "), Do: "Look at the logs, or start the demo again", Err: ctx.Err()}
		}
	}
}

// migrate runs the line of the runbook.
func (w *Workspace) migrate(ctx context.Context, t stack.Target, version string, say stack.Say) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", "$FLIGHTDECK_COMPOSE_COMMAND run --rm -T migrate up")
	cmd.Dir = w.Dir
	cmd.Env = append(os.Environ(), t.Environ(stack.Want{Version: version})...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return &stack.Error{What: "the migrations failed", Why: strings.TrimSpace(string(out)) + " (" + err.Error() + ")", Do: "Start the demo again", Err: err}
	}
	say("migrations applied")
	return nil
}

// Remove takes away everything of the workspace and nothing else: containers, networks, volumes,
// images, ledger, processes, files. It may be called again after it failed half-way.
func (w *Workspace) Remove(ctx context.Context) error {
	if w.Project == "" {
		return w.Close()
	}
	var errs []error
	for _, env := range environments() {
		errs = append(errs, w.removeEnvironment(ctx, env))
	}
	if w.Docker {
		errs = append(errs, w.removeImages(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return err // the files are kept, for without them nobody knows what is left
	}
	return errors.Join(os.RemoveAll(w.root), w.Close())
}

func (w *Workspace) removeEnvironment(ctx context.Context, env string) error {
	if !w.Docker {
		t, err := w.openLocal(env)
		if err != nil {
			return err
		}
		return t.Remove(ctx)
	}
	t, err := w.openDocker(ctx, env)
	if err != nil {
		return err
	}
	return errors.Join(t.RemoveProject(ctx, true), t.RemoveLedger(ctx), t.Close())
}

func (w *Workspace) removeImages(ctx context.Context) error {
	t, err := w.openDocker(ctx, Production)
	if err != nil {
		return err
	}
	var errs []error
	for _, v := range append(slices.Clone(Versions()), "base") {
		errs = append(errs, t.RemoveImage(ctx, w.Project+":"+v))
	}
	return errors.Join(append(errs, t.Close())...)
}

// Find takes up a workspace that is there, to remove it, without starting anything; false when
// there is none. It holds the lock as Prepare does.
func Find(stateDir string, docker bool) (*Workspace, bool, error) {
	w := &Workspace{Docker: docker, Reused: true, root: filepath.Join(stateDir, "demo", kindName(docker))}
	w.Dir = filepath.Join(w.root, "shop")
	if _, err := os.Stat(filepath.Join(w.root, "workspace.json")); errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err := w.lock(); err != nil {
		return nil, false, err
	}
	k, there, err := w.load()
	if err != nil || !there {
		return nil, false, errors.Join(cannot("be taken up", err), w.Close())
	}
	w.Project, w.URLs = k.Project, k.urls()
	return w, true, nil
}

// load reads workspace.json; false when there is none that can be used.
func (w *Workspace) load() (kept, bool, error) {
	var k kept
	raw, err := os.ReadFile(filepath.Join(w.root, "workspace.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return k, false, nil
	}
	if err != nil {
		return k, false, err
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		return k, false, fmt.Errorf("%s/workspace.json: %w", w.root, err)
	}
	if k.Format != format {
		return k, false, fmt.Errorf("%s was made by another version of flightdeck; remove its project %s with that one first", w.root, clean.Name(k.Project))
	}
	return k, true, nil
}
