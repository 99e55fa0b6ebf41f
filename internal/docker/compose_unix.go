//go:build unix

package docker

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the command into a process group of its own: a Ctrl-C in the terminal is sent to
// the foreground group, and a compose that is interrupted leaves half a deploy.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
