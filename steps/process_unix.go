//go:build !windows

package steps

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// start gives the command a process group of its own, so that a stop reaches all of it and the
// terminal's own Ctrl-C and Ctrl-Z none of it. With a terminal it gets a session of its own too.
func (p *process) start(cmd *exec.Cmd) (*os.File, error) {
	if !p.terminal {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		return pipes(cmd)
	}
	if !strings.Contains("\n"+strings.Join(cmd.Env, "\n"), "\nTERM=") {
		cmd.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], "TERM=xterm-256color")
	}
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		return nil, err
	}
	return pollable(master), nil
}

// pollable makes the terminal's end one whose reader is woken by Close: setting the window size
// has put it into blocking mode, where a process that was left behind would hold the reader.
func pollable(master *os.File) *os.File {
	fd, err := syscall.Dup(int(master.Fd()))
	if err != nil {
		return master
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil {
		_ = syscall.Close(fd) // the original serves as well, but for the wake-up
		return master
	}
	_ = master.Close() // the copy lives on
	return os.NewFile(uintptr(fd), master.Name())
}

func signals(p Patience) []signal {
	to := func(s syscall.Signal) func(int) error {
		return func(pid int) error {
			if err := syscall.Kill(-pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
			return nil
		}
	}
	return []signal{
		{"INT", to(syscall.SIGINT), p.Interrupt},
		{"TERM", to(syscall.SIGTERM), p.Terminate},
		{"KILL", to(syscall.SIGKILL), 2 * time.Second},
	}
}

// groupAlive says whether a process of the group still runs. A dead one that nobody has collected
// yet does not count.
func groupAlive(pid int) bool {
	if errors.Is(syscall.Kill(-pid, 0), syscall.ESRCH) {
		return false
	}
	return membersAlive(pid)
}

func exitOf(st *os.ProcessState) (code int, signal string) {
	if st == nil {
		return -1, ""
	}
	if ws, ok := st.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), ws.Signal().String()
	}
	return st.ExitCode(), ""
}
