//go:build !windows

package steps

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flightdeck/runbook"
)

// shown collects what a command shows.
type shown struct {
	mu      sync.Mutex
	lines   []Line
	signals []string
}

func (s *shown) out(l Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, l)
}

func (s *shown) texts(ours bool) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, l := range s.lines {
		if l.Ours == ours {
			out = append(out, l.Text)
		}
	}
	return out
}

func (s *shown) world(t *testing.T) World {
	return World{
		Environ: os.Environ(), Dir: t.TempDir(), Out: s.out, Now: time.Now,
		Signalled: func(name string) { s.mu.Lock(); s.signals = append(s.signals, name); s.mu.Unlock() },
		Patience:  Patience{Interrupt: 300 * time.Millisecond, Terminate: 300 * time.Millisecond, Pipe: 200 * time.Millisecond, Partial: 20 * time.Millisecond},
	}
}

func job(text string) Job {
	return Job{Step: runbook.Step{ID: "s", Kind: runbook.KindCommand, Command: &runbook.Command{Text: text}}, Command: text}
}

func do(t *testing.T, s *shown, j Job) (Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return command().Do(ctx, s.world(t), j)
}

func TestCommandEnds(t *testing.T) {
	for _, c := range []struct {
		name, text string
		code       int
		out        []string
		reason     string
	}{
		{"succeeds", "echo one; echo two", 0, []string{"one", "two"}, ""},
		{"fails", "echo one; exit 3", 3, []string{"one"}, "exit code 3"},
		{"keeps the order of both outputs", "echo a; echo b >&2; echo c", 0, []string{"a", "b", "c"}, ""},
		{"a failure inside a pipe counts", "false | cat", 1, nil, "exit code 1"},
		{"not found is explained", "no-such-program-here 2>/dev/null", 127, nil, "was not found"},
		{"not executable is explained", "touch f; ./f 2>/dev/null", 126, nil, "cannot be executed"},
		{"killed from inside is explained", "kill -9 $$", 137, nil, "want of memory"},
		{"no newline at the end", "printf last", 0, []string{"last"}, ""},
		{"stdin is empty", "read x || echo none", 0, []string{"none"}, ""},
		{"several lines", "x=1\nif true; then\n  echo $x\nfi", 0, []string{"1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &shown{}
			res, err := do(t, s, job(c.text))
			if res.ExitCode != c.code {
				t.Errorf("exit code %d, want %d (%v)", res.ExitCode, c.code, err)
			}
			if (err != nil) != (c.reason != "") || err != nil && !strings.Contains(err.Error(), c.reason) {
				t.Errorf("reason %v, want %q in it", err, c.reason)
			}
			if d := cmp.Diff(c.out, s.texts(false)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCommandOutputIsCleaned(t *testing.T) {
	s := &shown{}
	if _, err := do(t, s, job(`printf '\033[31mred\033[0m \033]52;c;aGk=\007after\n'; printf 'bad \377 utf\n'; printf '10%%\r20%%\n'`)); err != nil {
		t.Fatal(err)
	}
	all := s.texts(false)
	if len(all) != 3 || !strings.HasPrefix(all[0], "red ") || !strings.HasSuffix(all[0], "after") || all[2] != "20%" {
		t.Errorf("got %q", all)
	}
	for _, text := range all {
		if strings.ContainsAny(text, "\x1b\x07\x00") || !strings.Contains(strings.ToValidUTF8(text, ""), text) {
			t.Errorf("not clean: %q", text)
		}
	}
	if len(s.lines) == 0 || len(spansOf(s, "red")) == 0 {
		t.Error("the colour of the red word is lost")
	}
}

func spansOf(s *shown, prefix string) (out []int) {
	for _, l := range s.lines {
		if strings.HasPrefix(l.Text, prefix) {
			for _, span := range l.Spans {
				out = append(out, span.Start)
			}
		}
	}
	return out
}

func TestCommandShowsExactlyWhatItRuns(t *testing.T) {
	s := &shown{}
	if _, err := do(t, s, job("echo 1\necho 2")); err != nil {
		t.Fatal(err)
	}
	ours := strings.Join(s.texts(true), "\n")
	if !strings.Contains(ours, "-e -o pipefail -c") || !strings.Contains(ours, "$ echo 1\n$ echo 2") {
		t.Errorf("shown: %s", ours)
	}
}

func TestPartialLineIsVisible(t *testing.T) {
	s := &shown{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = command().Do(ctx, s.world(t), job("printf 'Continue? '; sleep 30"))
	}()
	eventually(t, func() bool { return len(s.texts(false)) == 1 })
	cancel()
	<-over
	if d := cmp.Diff([]string{"Continue?"}, trimmed(s.texts(false))); d != "" {
		t.Errorf("shown once, and not again at the end: %s", d)
	}
}

func trimmed(in []string) (out []string) {
	for _, s := range in {
		out = append(out, strings.TrimSpace(s))
	}
	return out
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("it did not happen within 20 s")
}

func TestStopEscalates(t *testing.T) {
	for _, c := range []struct {
		name, text string
		signals    []string
	}{
		{"INT is enough", "echo ready; sleep 60", []string{"INT"}},
		{"ignores INT", "trap '' INT; echo ready; while :; do sleep 0.05; done", []string{"INT", "TERM"}},
		{"ignores INT and TERM", "trap '' INT TERM; echo ready; while :; do sleep 0.05; done", []string{"INT", "TERM", "KILL"}},
		{"grandchild ignores both", "(trap '' INT TERM; while :; do sleep 0.05; done) & trap 'exit 7' INT; echo ready; while :; do sleep 0.05; done", []string{"INT", "TERM", "KILL"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &shown{}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				for len(s.texts(false)) == 0 && ctx.Err() == nil {
					time.Sleep(5 * time.Millisecond)
				}
				cancel()
			}()
			j := job("echo $$ > pid; " + c.text)
			w := s.world(t)
			res, err := command().Do(ctx, w, j)
			if err == nil || !res.Stopped || !strings.Contains(err.Error(), "stopped") {
				t.Errorf("got %+v, %v", res, err)
			}
			if d := cmp.Diff(c.signals, s.signals); d != "" {
				t.Error(d)
			}
			if pid := number(t, filepath.Join(w.Dir, "pid")); groupAlive(pid) {
				t.Errorf("something of group %d still runs", pid)
			}
		})
	}
}

func number(t *testing.T, file string) int {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTimeout(t *testing.T) {
	j := job("echo before; sleep 60")
	j.Step.Command.Timeout = 150 * time.Millisecond
	s := &shown{}
	res, err := do(t, s, j)
	if err == nil || res.Stopped || !strings.Contains(err.Error(), "timeout of 150ms") {
		t.Errorf("got %+v, %v", res, err)
	}
	if d := cmp.Diff([]string{"before"}, s.texts(false)); d != "" {
		t.Error(d)
	}
}

// TestLeftBehind: a daemon that keeps the pipe open must not keep the step from ending, nor be killed.
func TestLeftBehind(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		t.Run(fmt.Sprintf("terminal %t", terminal), func(t *testing.T) {
			s := &shown{}
			w := s.world(t)
			j := job("(trap '' HUP PIPE; echo $BASHPID > pid; exec sleep 60) & while [ ! -s pid ]; do sleep 0.01; done; echo done")
			j.Step.Command.Terminal = terminal
			began := time.Now()
			res, err := command().Do(t.Context(), w, j)
			took := time.Since(began)
			pid := number(t, filepath.Join(w.Dir, "pid"))
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
			if err != nil || res.ExitCode != 0 {
				t.Fatalf("got %+v, %v", res, err)
			}
			if took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if syscall.Kill(pid, 0) != nil {
				t.Error("the process that was left behind on purpose is gone")
			}
			if !strings.Contains(strings.Join(s.texts(true), "\n"), "left behind") {
				t.Errorf("nobody said so: %q", s.texts(true))
			}
		})
	}
}

func TestDaemonThatLetsGo(t *testing.T) {
	s := &shown{}
	w := s.world(t)
	if _, err := command().Do(t.Context(), w, job("setsid sh -c 'echo $$ > pid; exec sleep 60' >/dev/null 2>&1 & while [ ! -s pid ]; do sleep 0.01; done; echo done")); err != nil {
		t.Fatal(err)
	}
	pid := number(t, filepath.Join(w.Dir, "pid"))
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	if syscall.Kill(pid, 0) != nil {
		t.Error("the daemon was killed with the command")
	}
	if strings.Contains(strings.Join(s.texts(true), "\n"), "left behind") {
		t.Error("it does not hold the output, yet it is said to")
	}
}

func TestTerminal(t *testing.T) {
	j := job("test -t 0 && test -t 1 && echo tty; stty size; exit 4")
	j.Step.Command.Terminal = true
	s := &shown{}
	res, err := do(t, s, j)
	if res.ExitCode != 4 || err == nil {
		t.Errorf("got %+v, %v", res, err)
	}
	if d := cmp.Diff([]string{"tty", "40 120"}, s.texts(false)); d != "" {
		t.Error(d)
	}
}

func TestFlood(t *testing.T) {
	s := &shown{}
	if _, err := do(t, s, job("head -c 8000000 /dev/zero | tr '\\0' x | fold -w 99; echo end")); err != nil {
		t.Fatal(err)
	}
	all := s.texts(false)
	if len(all) < 80000 || all[len(all)-1] != "end" && !strings.HasSuffix(all[len(all)-1], "end") {
		t.Errorf("%d lines, the last %q", len(all), all[len(all)-1])
	}
}

func TestPlaceholders(t *testing.T) {
	s := &shown{}
	j := job("touch made; echo <issue> $FLIGHTDECK_TEST_X")
	j.Step.Command.Placeholders = []string{"<issue>", "$FLIGHTDECK_TEST_X"}
	w := s.world(t)
	w.Environ = append(w.Environ, "FLIGHTDECK_TEST_X=1")
	_, err := command().Do(t.Context(), w, j)
	if err == nil || err.Error() != "<issue> must be filled in first: press e to edit the command" {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(w.Dir, "made")); err == nil {
		t.Error("something was run")
	}
	j.Command = "echo 42 $FLIGHTDECK_TEST_X"
	if _, err := command().Do(t.Context(), w, j); err != nil {
		t.Error(err)
	}
}

func TestNoBashNoShell(t *testing.T) {
	s := &shown{}
	w := s.world(t)
	w.Environ = []string{"PATH=" + t.TempDir()}
	if _, err := command().Do(t.Context(), w, job("true")); err == nil || !strings.Contains(err.Error(), "neither bash nor sh") {
		t.Errorf("got %v", err)
	}
	dir := t.TempDir()
	sh, err := lookPath(os.Environ(), "sh")
	if err != nil {
		t.Skip("no sh here")
	}
	if err := os.Symlink(sh, filepath.Join(dir, "sh")); err != nil {
		t.Fatal(err)
	}
	w.Environ = []string{"PATH=" + dir}
	if _, err := command().Do(t.Context(), w, job("echo by sh")); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff([]string{"by sh"}, s.texts(false)); d != "" {
		t.Error(d)
	}
}

func TestStoppedBeforeItBegan(t *testing.T) {
	s := &shown{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := s.world(t)
	res, err := command().Do(ctx, w, job("touch made"))
	if err == nil || !res.Stopped {
		t.Errorf("got %+v, %v", res, err)
	}
	if _, err := os.Stat(filepath.Join(w.Dir, "made")); err == nil {
		t.Error("it was run")
	}
}

// TestFaultInTheReader: a fault of ours must not leave the command blocked on a full pipe.
func TestFaultInTheReader(t *testing.T) {
	s := &shown{}
	w := s.world(t)
	w.Out = func(l Line) {
		if !l.Ours {
			panic("cannot draw this")
		}
		s.out(l)
	}
	res, err := command().Do(t.Context(), w, job("head -c 1000000 /dev/zero | tr '\\0' '\\n'; touch over"))
	if err != nil || res.ExitCode != 0 {
		t.Errorf("got %+v, %v", res, err)
	}
	if _, err := os.Stat(filepath.Join(w.Dir, "over")); err != nil {
		t.Error("the command did not come to its end")
	}
	if !strings.Contains(strings.Join(s.texts(true), "\n"), "cannot draw this") {
		t.Errorf("nobody said so: %q", s.texts(true))
	}
}
