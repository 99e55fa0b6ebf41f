//go:build unix

package commands

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/local"
	"flightdeck/internal/run"
	"flightdeck/internal/termtest"
)

// The waits are limits, not times: everything that is waited for ends the wait.
const (
	soon  = 20 * time.Second
	later = 90 * time.Second
)

var build = sync.OnceValues(termtest.Build)

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f != nil && f.Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", "4") // they wait more than they work
	}
	code := m.Run()
	if bin, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// project is a directory with a project in it, and an operator with a state directory of their own.
type project struct {
	t     *testing.T
	bin   string
	name  string
	dir   string
	state string
	env   []string
}

// files are the files of a project by name.
type files map[string]string

func newProject(t *testing.T, fs files) *project {
	t.Helper()
	return projectIn(t, t.TempDir(), dockertest.Name(t), fs)
}

func projectIn(t *testing.T, dir, name string, fs files) *project {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, bin: bin, name: name, dir: dir, state: filepath.Join(t.TempDir(), "state")}
	p.env = append(os.Environ(), "FLIGHTDECK_STATE="+p.state, "FLIGHTDECK_OPERATOR=ops", "TERM=xterm-256color", "NO_COLOR=")
	for name, text := range fs {
		p.write(name, text)
	}
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	text = strings.ReplaceAll(text, "PROJECT", p.name)
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// read gives a file of the project's directory; "" when there is none.
func (p *project) read(name string) string {
	p.t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Fatal(err)
	}
	return string(raw)
}

const localYAML = `version: ${TAG:-v1}
services:
  web: &service
    image: web:${TAG:-v1}
    command: [sleep, "100000"]
    environment: {TAG: "${TAG:-v1}"}
    restart: always
  api:
    image: api:${TAG:-v1}
    command: [sleep, "100000"]
    environment: {TAG: "${TAG:-v1}"}
    restart: always
`

const flightdeckYAML = `version: 1
project: PROJECT
runbooks: {deploy: deploy.md, rollback: rollback.md}
environments:
  staging: {kind: staging, stack: local, project: PROJECT-staging, tag_variable: TAG}
  production: {kind: production, stack: local, project: PROJECT-production, tag_variable: TAG}
`

const deployMD = `# Deploy the fixture

## Before

- [ ] I have read what changes

## Prepare

` + "```bash {name=prepare}\necho prepared >> prepared.txt\n```" + `

## Deploy

` + "```flightdeck\ndeploy\nmonitor for=200ms timeout=30s\n```\n"

const rollbackMD = "# Back\n\n## Go back\n\n```flightdeck\nrollback\n```\n"

// shop is a project of two services that are local processes, in two environments.
func shop(t *testing.T, more files) *project {
	t.Helper()
	p := newProject(t, files{"flightdeck.yaml": flightdeckYAML, "local.yaml": localYAML, "deploy.md": deployMD, "rollback.md": rollbackMD})
	for name, text := range more {
		p.write(name, text)
	}
	t.Cleanup(func() {
		for _, env := range []string{"staging", "production"} {
			if err := p.target(env).Remove(context.Background()); err != nil {
				t.Errorf("the processes of %s cannot be removed: %v", env, err)
			}
		}
	})
	return p
}

// target opens an environment of the shop behind the back of the program.
func (p *project) target(env string) *local.Target {
	p.t.Helper()
	target, err := local.Open(local.Options{Project: p.name + "-" + env, Environment: env, Dir: p.dir, TagVariable: "TAG",
		Data: filepath.Join(p.dir, ".local", env), Binary: p.bin})
	if err != nil {
		p.t.Fatal(err)
	}
	return target
}

// versions says what runs: "api v1 running, web v1 running".
func (p *project) versions(env string) string {
	p.t.Helper()
	snap, err := p.target(env).Observe(context.Background())
	if err != nil {
		p.t.Fatal(err)
	}
	var out []string
	for _, c := range snap.Containers {
		_, version, _ := strings.Cut(c.Image, ":")
		out = append(out, c.Service+" "+version+" "+c.State)
	}
	return strings.Join(out, ", ")
}

// result is one run of the program.
type result struct {
	t        *testing.T
	args     string
	code     int
	out, err string
}

func (p *project) command(args ...string) *exec.Cmd {
	cmd := exec.Command(p.bin, args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	return cmd
}

// run runs the program without a terminal.
func (p *project) run(args ...string) result {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	limit := time.AfterFunc(later, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	if !limit.Stop() {
		p.t.Fatalf("flightdeck %v did not end within %v\n%s", args, later, &stderr)
	}
	return result{p.t, strings.Join(args, " "), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}.plainly()
}

// with runs the program with more variables in its environment.
func (p *project) with(env []string, args ...string) result {
	p.t.Helper()
	other := *p
	other.env = append(append([]string{}, p.env...), env...)
	return other.run(args...)
}

// plainly checks what holds for every run into a pipe: no terminal control, no panic.
func (r result) plainly() result {
	r.t.Helper()
	for name, text := range map[string]string{"standard output": r.out, "standard error": r.err} {
		for _, c := range text {
			if c < 0x20 && c != '\n' && c != '\t' || c >= 0x7f && c < 0xa0 {
				r.t.Errorf("flightdeck %s: the control character %U on %s:\n%q", r.args, c, name, text)
				break
			}
		}
		for _, bad := range []string{"panic:", "goroutine ", "runtime error", "%!", "<nil>"} {
			if strings.Contains(text, bad) {
				r.t.Errorf("flightdeck %s: %q on %s:\n%s", r.args, bad, name, text)
			}
		}
	}
	return r
}

// is checks the exit code and what standard output says.
func (r result) is(code int, texts ...string) result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("flightdeck %s: exit code %d, want %d\n%s%s", r.args, r.code, code, r.out, r.err)
	}
	for _, text := range texts {
		if !strings.Contains(r.out, text) {
			r.t.Errorf("flightdeck %s does not say %q:\n%s", r.args, text, r.out)
		}
	}
	return r
}

// refuses checks a refusal: the exit code, one sentence on standard error and nothing else, which
// holds all of the texts.
func (r result) refuses(code int, texts ...string) result {
	r.t.Helper()
	r.is(code)
	if !strings.HasPrefix(r.err, "flightdeck: ") || strings.Count(r.err, "flightdeck: ") != 1 {
		r.t.Errorf("flightdeck %s: want one sentence on standard error, got:\n%s", r.args, r.err)
	}
	if lines := strings.Count(r.err, "\n"); lines > 3 {
		r.t.Errorf("flightdeck %s: a refusal of %d lines:\n%s", r.args, lines, r.err)
	}
	for _, text := range texts {
		if !strings.Contains(r.err, text) {
			r.t.Errorf("flightdeck %s: standard error does not say %q:\n%s", r.args, text, r.err)
		}
	}
	return r
}

// untouched checks that no run was opened and nothing runs.
func (p *project) untouched() {
	p.t.Helper()
	if n := p.runs(); n != 0 {
		p.t.Errorf("%d journals were begun", n)
	}
	if _, err := os.Stat(filepath.Join(p.dir, ".local")); err == nil {
		if v := p.versions("staging") + p.versions("production"); v != "" {
			p.t.Errorf("something was started: %s", v)
		}
	}
}

// runs counts the journals.
func (p *project) runs() int {
	p.t.Helper()
	all, err := filepath.Glob(filepath.Join(p.state, "runs", "*", "journal.jsonl"))
	if err != nil {
		p.t.Fatal(err)
	}
	return len(all)
}

// journal reads the entries of the newest run as `show last --json` gives them, and checks that
// they follow on each other without a gap.
func (p *project) journal() []run.Entry {
	p.t.Helper()
	return entries(p.t, p.run("show", "last", "--json").is(0).out)
}

func entries(t *testing.T, text string) []run.Entry {
	t.Helper()
	var out []run.Entry
	for line := range strings.Lines(text) {
		var e run.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("not an entry: %v\n%s", err, line)
		}
		if e.Seq != uint64(len(out)+1) {
			t.Fatalf("entry %d has the number %d", len(out)+1, e.Seq)
		}
		if _, odd := e.Event.(run.Unrecognised); odd {
			t.Errorf("an unknown kind of entry: %s", line)
		}
		out = append(out, e)
	}
	return out
}

// screen is the program on a terminal.
type screen struct {
	t *testing.T
	*termtest.Terminal
}

func (p *project) terminal(args ...string) *screen {
	p.t.Helper()
	return p.terminalOf(110, 60, args...)
}

func (p *project) terminalOf(w, h int, args ...string) *screen {
	p.t.Helper()
	term, err := termtest.Start(p.command(args...), w, h)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = term.Close() })
	return &screen{p.t, term}
}

func (s *screen) sees(texts ...string) {
	s.t.Helper()
	if err := s.WaitFor(later, texts...); err != nil {
		s.t.Fatal(err)
	}
}

// says types a line.
func (s *screen) says(text string) {
	s.t.Helper()
	if err := s.Send(text + termtest.Enter); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) ends(code int) {
	s.t.Helper()
	got, err := s.Wait(later)
	if err != nil {
		s.t.Fatal(err)
	}
	if got != code {
		s.t.Fatalf("exit code %d, want %d\n%s", got, code, s.Screen())
	}
}

// dies is kill -9.
func (s *screen) dies() {
	s.t.Helper()
	if err := s.Kill(syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.Wait(soon); err != nil {
		s.t.Fatal(err)
	}
}

// until waits for something outside of the program.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(later)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("after %v: not %s", later, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
