//go:build unix

package local

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// supported: the locks and sessions that this package stands on exist here.
const supported = true

// tryLock takes the lock of an open file without waiting; false when another process has it.
func tryLock(f *os.File, shared bool) (bool, error) {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	for {
		switch err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return false, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}

// detached puts a process into a session of its own, without a terminal.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// grouped puts a process into a group of its own.
func grouped() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func terminate(pid int) error { return ignoreGone(syscall.Kill(pid, syscall.SIGTERM)) }

// kill ends a process and its group at once.
func kill(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err == nil {
		return nil
	}
	return ignoreGone(syscall.Kill(pid, syscall.SIGKILL))
}

// killGroup ends what is left of a group whose leader has ended.
func killGroup(pgid int) { _ = syscall.Kill(-pgid, syscall.SIGKILL) } // usually nothing is left

func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}

// exitCode is the code as a shell would say it: 128 and the signal for a process that was killed.
func exitCode(p *os.ProcessState) int {
	if ws, ok := p.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return p.ExitCode()
}

// ignoreHangup: the end of a terminal is no reason to stop a service.
func ignoreHangup() { signal.Ignore(syscall.SIGHUP) }
