package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/stack"
)

// state is what a supervisor writes about its process.
type state struct {
	State      string               `json:"state"` // docker's words: created, running, restarting, exited
	ExitCode   int                  `json:"exitCode"`
	PID        int                  `json:"pid"`
	Supervisor int                  `json:"supervisor"`
	StartedAt  time.Time            `json:"startedAt,omitzero"`
	Restarts   int                  `json:"restarts"`
	Health     string               `json:"health,omitempty"`
	HealthLog  []stack.HealthResult `json:"healthLog,omitempty"`
}

// instance is one process as it was started: a directory, a spec and what became of it.
type instance struct {
	dir   string
	id    string
	spec  spec
	state state
	// watched and alive: the supervisor and the process hold their locks.
	watched, alive bool
}

func (i instance) specFile() string       { return filepath.Join(i.dir, "spec.json") }
func (i instance) stateFile() string      { return filepath.Join(i.dir, "state.json") }
func (i instance) logFile() string        { return filepath.Join(i.dir, "log") }
func (i instance) stopMark() string       { return filepath.Join(i.dir, "stopped") }
func (i instance) supervisorLock() string { return filepath.Join(i.dir, "supervisor.lock") }
func (i instance) processLock() string    { return filepath.Join(i.dir, "process.lock") }

// running: the process is there, or its supervisor is about to start it again.
func (i instance) running() bool { return i.alive || i.watched }

// held says whether some process has the lock of the file.
func held(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	got, err := tryLock(f, true)
	return !got, errors.Join(err, f.Close())
}

// TryLock takes the lock of a file, made if need be, without waiting; ok is false when another
// process has it. The lock ends with unlock or with the process.
func TryLock(path string) (unlock func() error, ok bool, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	ok, err = tryLock(f, false)
	if err != nil || !ok {
		return nil, false, errors.Join(err, f.Close())
	}
	return f.Close, true, nil
}

// load reads an instance and looks who holds its locks.
func load(dir string) (instance, error) {
	i := instance{dir: dir, id: filepath.Base(dir)}
	if err := readJSON(i.specFile(), &i.spec); err != nil {
		return i, err
	}
	var err error
	if i.watched, err = held(i.supervisorLock()); err != nil {
		return i, err
	}
	if i.alive, err = held(i.processLock()); err != nil {
		return i, err
	}
	if err := readJSON(i.stateFile(), &i.state); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return i, err
	}
	switch {
	case i.state.State == "":
		i.state.State = "created"
	case i.watched:
	case i.alive:
		// The process serves on, but nobody would restart it or look at its health.
		i.state.State, i.state.Health = "running", "unhealthy"
		i.state.HealthLog = append(i.state.HealthLog, stack.HealthResult{ExitCode: 1, Output: "its supervisor is gone: nobody looks at its health"})
	case i.state.State == "running" || i.state.State == "restarting":
		// Both were killed before a word could be written.
		i.state.State, i.state.ExitCode, i.state.Health = "exited", 137, ""
	}
	return i, nil
}

// currentOf gives the instance of a service that counts; false when there is none.
func (d layout) currentOf(service string) (instance, bool, error) {
	raw, err := os.ReadFile(d.current(service))
	if errors.Is(err, fs.ErrNotExist) {
		return instance{}, false, nil
	}
	if err != nil {
		return instance{}, false, err
	}
	i, err := load(d.instance(service, strings.TrimSpace(string(raw))))
	return i, err == nil, err
}

// serviceNames lists the services that have an instance that counts, sorted.
func (d layout) serviceNames() ([]string, error) {
	entries, err := os.ReadDir(d.services())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range entries {
		if _, serr := os.Stat(d.current(e.Name())); serr == nil {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// currents loads the instance that counts of every service, sorted by service.
func (d layout) currents() ([]instance, error) {
	names, err := d.serviceNames()
	if err != nil {
		return nil, err
	}
	var out []instance
	for _, n := range names {
		i, ok, err := d.currentOf(n)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, i)
		}
	}
	return out, nil
}

// others loads the instances of a service besides one, oldest first.
func (d layout) others(service, but string) ([]instance, error) {
	entries, err := os.ReadDir(d.service(service))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	type aged struct {
		i  instance
		at time.Time
	}
	var found []aged
	for _, e := range entries {
		if !e.IsDir() || e.Name() == but {
			continue
		}
		i, err := load(d.instance(service, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // killed before its spec was written: nothing was started
		}
		if err != nil {
			return nil, err
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		found = append(found, aged{i, info.ModTime()})
	}
	slices.SortFunc(found, func(a, b aged) int { return a.at.Compare(b.at) })
	var out []instance
	for _, f := range found {
		out = append(out, f.i)
	}
	return out, nil
}

// start makes a new instance and starts its supervisor. The instance counts before anything runs,
// so that a crash in between leaves something that the next deploy or rollback finds and repairs.
func (t *Target) start(ctx context.Context, s spec) (instance, error) {
	for n, v := range s.Volumes {
		if v.Name == "" {
			s.Volumes[n].Name = "anonymous-" + newID()
		}
		if err := os.MkdirAll(t.dir.volume(s.Volumes[n].Name), 0o700); err != nil {
			return instance{}, err
		}
	}
	id := newID()
	i := instance{id: id, dir: t.dir.instance(s.Service, id), spec: s}
	if err := writeJSON(i.specFile(), s, true); err != nil {
		return i, err
	}
	if err := writeFile(t.dir.current(s.Service), []byte(id+"\n"), true); err != nil {
		return i, err
	}
	args := append(slices.Clone(t.opts.Self[1:]), "supervise", "--detach", string(t.dir), i.dir)
	cmd := exec.CommandContext(ctx, t.opts.Self[0], args...)
	cmd.SysProcAttr = detached()
	cmd.Dir = string(t.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return i, fmt.Errorf("its supervisor does not start: %w: %s", err, strings.TrimSpace(string(out)))
	}
	// The first word of the supervisor says that it holds the lock and has started the process.
	return i, wait(ctx, 10*time.Second, func() (bool, error) {
		now, err := load(i.dir)
		return now.state.State != "created", err
	})
}

// stop ends an instance: TERM through its supervisor, KILL after the grace period.
//
// The mark comes before the look at the locks, and a supervisor looks for the mark after it has its
// lock: so one that is only just starting is either seen here or ends by itself.
func stop(ctx context.Context, i instance) error {
	if err := writeFile(i.stopMark(), nil, false); err != nil {
		return err
	}
	i, err := load(i.dir)
	if err != nil || !i.running() {
		return err
	}
	gone := func() (bool, error) {
		now, err := load(i.dir)
		return !now.running(), err
	}
	// A held lock proves that the process of the recorded number is still the one meant.
	if i.watched && i.state.Supervisor > 0 {
		err = terminate(i.state.Supervisor)
	} else if i.alive && i.state.PID > 0 {
		err = terminate(i.state.PID)
	}
	if err == nil {
		err = wait(ctx, i.spec.StopGrace+3*time.Second, gone)
	}
	if err == nil {
		return nil
	}
	now, lerr := load(i.dir)
	if lerr != nil {
		return errors.Join(err, lerr)
	}
	if now.watched && now.state.Supervisor > 0 {
		err = kill(now.state.Supervisor)
	}
	if now.alive && now.state.PID > 0 {
		err = errors.Join(err, kill(now.state.PID))
	}
	return errors.Join(err, wait(ctx, 5*time.Second, gone))
}

var errTooLong = errors.New("took too long")

// wait asks until the answer is yes, an error, or the time is up.
func wait(ctx context.Context, limit time.Duration, ask func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := ask()
		if yes || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: more than %s", errTooLong, limit)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
