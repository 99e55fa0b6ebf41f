package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
)

// Supervise looks after one process: `supervise [--detach] DATA INSTANCE`, both directories. It
// starts the process, writes its log and state, measures its health, starts it again if its spec
// says so, and ends when ctx does, taking the process along. With --detach it only starts itself
// once more, in a session of its own, so that nobody has to wait for it. The result is an exit code.
func Supervise(ctx context.Context, args []string, stderr io.Writer) int {
	detach := len(args) > 0 && args[0] == "--detach"
	if detach {
		args = args[1:]
	}
	if len(args) != 2 {
		fmt.Fprintln(stderr, "supervise needs the data directory and the directory of an instance")
		return 2
	}
	var err error
	if detach {
		err = startDetached(args)
	} else {
		err = supervise(ctx, layout(args[0]), args[1])
	}
	if err != nil {
		fmt.Fprintln(stderr, "supervise:", err)
		return 1
	}
	return 0
}

// startDetached repeats the command line without --detach.
func startDetached(args []string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(args[1], "supervisor.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	cut := slices.Index(os.Args, "--detach")
	if cut < 0 {
		return errors.New("--detach is not on the command line")
	}
	cmd := exec.Command(exe, append(slices.Clone(os.Args[1:cut]), args...)...) //nolint:noctx // it must outlive us
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = detached()
	return errors.Join(cmd.Start(), log.Close())
}

// supervisor is the state of one run of supervise.
type supervisor struct {
	dir  layout
	inst instance
	log  *logFile
	mu   sync.Mutex // guards inst.state
}

func supervise(ctx context.Context, dir layout, at string) error {
	ignoreHangup()
	inst, err := load(at)
	if err != nil {
		return err
	}
	lock, err := os.OpenFile(inst.supervisorLock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	// Whoever looks at the lock holds it for a moment; that passes.
	if err := wait(ctx, 2*time.Second, func() (bool, error) { return tryLock(lock, false) }); err != nil {
		return fmt.Errorf("another supervisor has this instance: %w", err)
	}
	log, err := openLog(inst.logFile())
	if err != nil {
		return err
	}
	defer log.close()
	s := &supervisor{dir: dir, inst: inst, log: log}
	if _, err := os.Stat(inst.stopMark()); err == nil {
		return nil // stopped before it began
	}
	if err := s.write(func(st *state) { *st = state{State: "created", Supervisor: os.Getpid()} }); err != nil {
		return err
	}
	return s.loop(ctx)
}

// loop runs the process again and again as its spec says; the pause doubles from 100 ms to 20 s
// and starts over after 10 s of good running.
func (s *supervisor) loop(ctx context.Context) error {
	pause := 100 * time.Millisecond
	for {
		began := time.Now()
		code, err := s.once(ctx)
		if err != nil {
			s.log.line('e', []byte("flightdeck: "+err.Error()))
			code = 127
		}
		again := s.inst.spec.Restart == "always" || s.inst.spec.Restart == "unless-stopped" || (s.inst.spec.Restart == "on-failure" && code != 0)
		if ctx.Err() != nil || !again {
			return s.write(func(st *state) { st.State, st.ExitCode, st.Health, st.PID = "exited", code, "", 0 })
		}
		if time.Since(began) > 10*time.Second {
			pause = 100 * time.Millisecond
		}
		if err := s.write(func(st *state) { st.State, st.ExitCode, st.Health, st.PID = "restarting", code, "", 0 }); err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return s.write(func(st *state) { st.State = "exited" })
		}
		pause = min(2*pause, 20*time.Second)
		s.mu.Lock()
		s.inst.state.Restarts++
		s.mu.Unlock()
	}
}

// write changes the state and the state file.
func (s *supervisor) write(change func(*state)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.inst.state)
	return writeJSON(s.inst.stateFile(), s.inst.state, false)
}

// once starts the process and waits for its end; when ctx ends first it stops it.
func (s *supervisor) once(ctx context.Context) (int, error) {
	cmd, lock, err := s.command(ctx)
	if err != nil {
		return 0, err
	}
	out, outIn, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	errs, errsIn, err := os.Pipe()
	if err != nil {
		return 0, errors.Join(err, out.Close(), outIn.Close())
	}
	cmd.Stdout, cmd.Stderr = outIn, errsIn
	err = cmd.Start()
	// The process has the lock and the pipes now; kept here it would seem alive after its end.
	if err = errors.Join(err, lock.Close(), outIn.Close(), errsIn.Close()); err != nil {
		return 0, errors.Join(err, out.Close(), errs.Close())
	}
	health := ""
	if s.inst.spec.Health != nil {
		health = "starting"
	}
	err = s.write(func(st *state) {
		st.State, st.PID, st.StartedAt, st.Health, st.HealthLog = "running", cmd.Process.Pid, time.Now().UTC(), health, nil
	})
	if err != nil {
		return 0, errors.Join(err, kill(cmd.Process.Pid), cmd.Wait())
	}
	var readers, checks sync.WaitGroup
	over := make(chan struct{}) // closed when the process has ended
	readers.Go(func() { s.log.copy('o', out, over) })
	readers.Go(func() { s.log.copy('e', errs, over) })
	running, ended := context.WithCancel(ctx)
	checks.Go(func() { s.measure(running) })
	checks.Go(func() { s.stopOnRequest(ctx, cmd.Process.Pid, over) })
	err = cmd.Wait()
	ended()
	close(over)
	// What it left behind goes with it, as in a container; else it would hold ports and pipes.
	killGroup(cmd.Process.Pid)
	readers.Wait()
	checks.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return exitCode(cmd.ProcessState), nil
}

// stopOnRequest ends the process when ctx does: TERM, then KILL after the grace period.
func (s *supervisor) stopOnRequest(ctx context.Context, pid int, over <-chan struct{}) {
	select {
	case <-over:
		return
	case <-ctx.Done():
	}
	if err := terminate(pid); err != nil {
		s.log.line('e', []byte("flightdeck: "+err.Error()))
	}
	select {
	case <-over:
	case <-time.After(s.inst.spec.StopGrace):
		s.log.line('e', []byte("flightdeck: it did not stop in time and is killed"))
		if err := kill(pid); err != nil {
			s.log.line('e', []byte("flightdeck: "+err.Error()))
		}
	}
}

// command prepares the process: its program, directories filled in, and its lock as file 3.
func (s *supervisor) command(ctx context.Context) (*exec.Cmd, *os.File, error) {
	sp := s.inst.spec
	argv := make([]string, len(sp.Command))
	env := slices.Clone(sp.Env)
	fill := func(text string) string {
		for _, v := range sp.Volumes {
			text = strings.ReplaceAll(text, "${volume."+v.Key+"}", s.dir.volume(v.Name))
		}
		return text
	}
	for n, a := range sp.Command {
		argv[n] = fill(a)
	}
	for n, e := range env {
		env[n] = fill(e)
	}
	if argv[0] == self {
		argv[0] = s.dir.image(sp.Binary)
	}
	// Only what every program needs is inherited: a restored process must not depend on the shell
	// that flightdeck was called from.
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LANG", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append([]string{name + "=" + v}, env...)
		}
	}
	lock, err := os.OpenFile(s.inst.processLock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := wait(context.WithoutCancel(ctx), 2*time.Second, func() (bool, error) { return tryLock(lock, false) }); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("the process before it still runs: %w", err), lock.Close())
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), argv[0], argv[1:]...) // it is stopped with TERM, not killed
	cmd.Env, cmd.Dir, cmd.ExtraFiles, cmd.SysProcAttr = env, s.inst.dir, []*os.File{lock}, grouped()
	return cmd, lock, nil
}

// measure asks for the health of the process until ctx ends: first soon, then at its interval.
func (s *supervisor) measure(ctx context.Context) {
	h := s.inst.spec.Health
	if h == nil {
		return
	}
	client := &http.Client{Timeout: h.Timeout, Transport: &http.Transport{DisableKeepAlives: true}}
	failed, pause := 0, min(h.Interval, 300*time.Millisecond)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		result := check(ctx, client, h.HTTP)
		if ctx.Err() != nil {
			return
		}
		failed++
		if result.ExitCode == 0 {
			failed, pause = 0, h.Interval
		}
		err := s.write(func(st *state) {
			switch {
			case failed == 0:
				st.Health = "healthy"
			case failed >= h.Retries && (st.Health != "starting" || time.Since(st.StartedAt) > 5*time.Second):
				st.Health, pause = "unhealthy", h.Interval
			}
			st.HealthLog = append(st.HealthLog, result)
			st.HealthLog = st.HealthLog[max(0, len(st.HealthLog)-5):]
		})
		if err != nil {
			s.log.line('e', []byte("flightdeck: "+err.Error()))
		}
	}
}

func check(ctx context.Context, client *http.Client, url string) stack.HealthResult {
	out := stack.HealthResult{At: time.Now().UTC(), ExitCode: 1}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		out.Output = clean.Text(err.Error())
		return out
	}
	resp, err := client.Do(req)
	if err != nil {
		out.Output = clean.Text(err.Error())
		return out
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 200))
	if err != nil {
		out.Output = clean.Text(err.Error())
		return out
	}
	out.Output = clean.Text(strings.TrimSpace(resp.Status + " " + string(body)))
	if resp.StatusCode/100 == 2 {
		out.ExitCode = 0
	}
	return out
}
