//go:build unix

// Package termtest runs a program on a real pseudo-terminal and reads its screen through a
// terminal emulator, as a person would.
//
// Its one rule: it waits for what is on the screen, never for time.
package termtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// Terminal is a program on a pseudo-terminal of a given size.
type Terminal struct {
	cmd  *exec.Cmd
	pty  *os.File
	done chan struct{} // closed when the program has ended
	err  error         // of the program, once done is closed

	mu     sync.Mutex
	screen *vt.Emulator
	raw    []byte // the last bytes that the program wrote
}

// rawKept bounds what Raw gives, in bytes.
const rawKept = 4 << 20

// Start runs the command on a terminal of w x h cells. The caller calls Close.
func Start(cmd *exec.Cmd, w, h int) (*Terminal, error) {
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)})
	if err != nil {
		return nil, err
	}
	t := &Terminal{cmd: cmd, pty: f, done: make(chan struct{}), screen: vt.NewEmulator(w, h)}
	go t.read()
	go t.answer()
	return t, nil
}

func (t *Terminal) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := t.pty.Read(buf)
		if n > 0 {
			t.mu.Lock()
			_, _ = t.screen.Write(buf[:n]) // the emulator never fails
			t.raw = append(t.raw, buf[:n]...)
			if len(t.raw) > rawKept {
				t.raw = append([]byte(nil), t.raw[len(t.raw)-rawKept/2:]...)
			}
			t.mu.Unlock()
		}
		if err != nil {
			break
		}
	}
	t.err = t.cmd.Wait()
	close(t.done)
}

// answer gives the emulator's replies (device attributes, colours) back to the program, as a real
// terminal does; undrained they would block the emulator.
func (t *Terminal) answer() {
	buf := make([]byte, 4096)
	for {
		n, err := t.screen.Read(buf)
		if n > 0 {
			_, _ = t.pty.Write(buf[:n]) // the program may be gone by now
		}
		if err != nil {
			return
		}
	}
}

// Screen is the text on the screen, one line a row, trailing spaces cut.
func (t *Terminal) Screen() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := make([]string, t.screen.Height())
	for y := range lines {
		var b strings.Builder
		for x := 0; x < t.screen.Width(); {
			c := t.screen.CellAt(x, y)
			if c == nil || c.Width == 0 {
				b.WriteByte(' ')
				x++
				continue
			}
			b.WriteString(c.Content)
			x += c.Width
		}
		lines[y] = strings.TrimRight(b.String(), " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Raw is what the program wrote last, escape sequences and all.
func (t *Terminal) Raw() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.raw)
}

// Send types: text, or escape sequences of special keys.
func (t *Terminal) Send(keys string) error {
	_, err := io.WriteString(t.pty, keys)
	return err
}

// Special keys, as terminals send them.
const (
	Enter  = "\r"
	Escape = "\x1b"
	Tab    = "\t"
	Up     = "\x1b[A"
	Down   = "\x1b[B"
	CtrlC  = "\x03"
	CtrlR  = "\x12"
)

// Resize changes the size of the terminal under the program.
func (t *Terminal) Resize(w, h int) error {
	t.mu.Lock()
	t.screen.Resize(w, h)
	t.mu.Unlock()
	return pty.Setsize(t.pty, &pty.Winsize{Cols: uint16(w), Rows: uint16(h)})
}

// WaitFor waits until the screen shows all of the texts. The error holds the screen.
func (t *Terminal) WaitFor(limit time.Duration, texts ...string) error {
	return t.Until(limit, strings.Join(texts, " and "), func(screen string) bool {
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				return false
			}
		}
		return true
	})
}

// Until waits until the screen satisfies ok. The error names what was waited for and holds the
// screen; it comes early when the program has ended.
func (t *Terminal) Until(limit time.Duration, what string, ok func(screen string) bool) error {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok(t.Screen()) {
			return nil
		}
		select {
		case <-t.done:
			if ok(t.Screen()) {
				return nil
			}
			if t.err != nil {
				return fmt.Errorf("the program ended (%w) before the screen showed %s:\n%s", t.err, what, t.Screen())
			}
			return fmt.Errorf("the program ended before the screen showed %s:\n%s", what, t.Screen())
		case <-deadline.C:
			return fmt.Errorf("after %v the screen does not show %s:\n%s", limit, what, t.Screen())
		case <-tick.C:
		}
	}
}

// Wait waits for the program's end and gives its exit code.
func (t *Terminal) Wait(limit time.Duration) (int, error) {
	select {
	case <-t.done:
		var exit *exec.ExitError
		if t.err != nil && !errors.As(t.err, &exit) {
			return -1, t.err
		}
		return t.cmd.ProcessState.ExitCode(), nil
	case <-time.After(limit):
		return -1, fmt.Errorf("the program still runs after %v:\n%s", limit, t.Screen())
	}
}

// Kill sends a signal to the program.
func (t *Terminal) Kill(sig syscall.Signal) error { return t.cmd.Process.Signal(sig) }

// Pid is the program's process ID.
func (t *Terminal) Pid() int { return t.cmd.Process.Pid }

// AltScreen says whether the program has the alternate screen on, by what it wrote last.
func (t *Terminal) AltScreen() bool {
	raw := t.Raw()
	return strings.LastIndex(raw, "\x1b[?1049h") > strings.LastIndex(raw, "\x1b[?1049l")
}

// Close ends the program, if it still runs, and the terminal.
func (t *Terminal) Close() error {
	select {
	case <-t.done:
	default:
		_ = t.cmd.Process.Kill() // it may just have ended
	}
	err := t.pty.Close()
	<-t.done
	if in, ok := t.screen.InputPipe().(io.Closer); ok {
		err = errors.Join(err, in.Close())
	}
	return err
}

// Background is the colour behind a cell as "#rrggbb"; "" where the program set none.
func (t *Terminal) Background(x, y int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.screen.CellAt(x, y)
	if c == nil {
		return ""
	}
	return hex(c.Style.Bg, "")
}
