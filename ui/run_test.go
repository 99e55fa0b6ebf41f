//go:build !windows

package ui

import (
	"bytes"
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"
	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/run"
	"flightdeck/internal/stack"
)

// terminal is a pty whose far end is read as long as it is not stalled.
type terminal struct {
	near, far *os.File
	mu        sync.Mutex
	text      bytes.Buffer
}

func newTerminal(t *testing.T, reads bool) *terminal {
	t.Helper()
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{near: near, far: far}
	if err := pty.Setsize(far, &pty.Winsize{Rows: 60, Cols: 200}); err != nil {
		t.Fatal(err)
	}
	// The near end stays open: a program that was stuck in a write may still hold it.
	t.Cleanup(func() { _ = far.Close() })
	if reads {
		go func() {
			b := make([]byte, 4096)
			for {
				n, err := far.Read(b)
				x.mu.Lock()
				x.text.Write(b[:n])
				x.mu.Unlock()
				if err != nil {
					return
				}
			}
		}()
	}
	return x
}

func (x *terminal) shows(t *testing.T, want string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		x.mu.Lock()
		got := x.text.String()
		x.mu.Unlock()
		if strings.Contains(ansi.Strip(got), want) || strings.Contains(got, want) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("the terminal never showed %q", want)
}

func start(t *testing.T, x *terminal, f *fakeDeck) <-chan error {
	t.Helper()
	t.Setenv("TERM", "xterm-256color")
	ended := make(chan error, 1)
	go func() {
		ended <- Run(t.Context(), Options{Deck: f, Theme: "dark", Now: func() time.Time { return noon }}, x.near, x.near)
	}()
	return ended
}

func endsWithin(t *testing.T, ended <-chan error, d time.Duration) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(d):
		t.Fatalf("it did not end within %v", d)
		return nil
	}
}

func TestRunLeavesTheTerminalAsItWas(t *testing.T) {
	for name, end := range map[string]func(x *terminal) error{
		"q": func(x *terminal) error {
			_, err := x.far.WriteString("q")
			return err
		},
		"hangup":     func(*terminal) error { return syscall.Kill(os.Getpid(), syscall.SIGHUP) },
		"terminated": func(*terminal) error { return syscall.Kill(os.Getpid(), syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			x, f := newTerminal(t, true), stories(run.Production)["over"]
			before, err := term.GetState(x.near.Fd())
			if err != nil {
				t.Fatal(err)
			}
			ended := start(t, x, f)
			x.shows(t, "PRODUCTION")
			if err := end(x); err != nil {
				t.Fatal(err)
			}
			err = endsWithin(t, ended, 10*time.Second)
			if name == "q" && err != nil || name != "q" && !errors.Is(err, ErrSignal) {
				t.Fatalf("ended with %v", err)
			}
			after, err := term.GetState(x.near.Fd())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, after, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
				t.Errorf("the terminal's mode changed:\n%s", diff)
			}
			x.shows(t, "\x1b[?1049l")
			if len(f.asked) != 0 {
				t.Errorf("the deck was asked %v", f.asked)
			}
		})
	}
}

func TestRAfterTheRunIsOverAsksForARollback(t *testing.T) {
	for name, want := range map[string]error{"over": ErrRollBack, "back": nil} {
		x := newTerminal(t, true)
		ended := start(t, x, stories(run.Production)[name])
		x.shows(t, "flightdeck show")
		keys := "R"
		if want == nil {
			keys = "Rq"
		}
		if _, err := x.far.WriteString(keys); err != nil {
			t.Fatal(err)
		}
		if err := endsWithin(t, ended, 10*time.Second); !errors.Is(err, want) {
			t.Errorf("%s: ended with %v", name, err)
		}
	}
}

func TestSignalEndsACockpitWhoseTerminalIsStalled(t *testing.T) {
	x, f := newTerminal(t, false), stories(run.Production)["running"]
	f.flood = 300 // every frame differs, so that the pty's buffer fills
	ended := start(t, x, f)
	// The event loop is stuck in a write when it asks the deck no more.
	looks, since := 0, time.Now()
	for deadline := since.Add(20 * time.Second); looks == 0 || time.Since(since) < 600*time.Millisecond; {
		if n := f.looked(); n != looks {
			looks, since = n, time.Now()
		}
		if time.Now().After(deadline) {
			t.Fatal("the terminal never stalled")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := endsWithin(t, ended, 5*time.Second); !errors.Is(err, ErrSignal) {
		t.Fatalf("ended with %v", err)
	}
}

func TestUnusableTerminals(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	x := newTerminal(t, true)
	for name, err := range map[string]error{
		"stdin is not a terminal":  Usable("xterm", r, x.near),
		"stdout is not a terminal": Usable("xterm", x.near, w),
		`TERM="dumb"`:              Usable("dumb", x.near, x.near),
	} {
		var told *stack.Error
		if !errors.As(err, &told) || !strings.Contains(err.Error(), name) || told.Do == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Usable("xterm-256color", x.near, x.near); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, Options{Deck: newFake(noon)}, r, w); err == nil {
		t.Error("Run took a pipe for a terminal")
	}
}
