package steps

import (
	"errors"
	"os"
	"os/exec"
	"time"
)

// start gives the command pipes. There is no pseudo-terminal and no process group here.
func (p *process) start(cmd *exec.Cmd) (*os.File, error) {
	if p.terminal {
		return nil, errors.New("a command with a terminal cannot be run on Windows; run it by hand and mark the step done")
	}
	return pipes(cmd)
}

// signals: Windows knows only the end by force, and of the shell alone.
func signals(Patience) []signal {
	return []signal{{"KILL", func(pid int) error {
		p, err := os.FindProcess(pid)
		if err != nil {
			return err
		}
		return p.Kill()
	}, 2 * time.Second}}
}

func groupAlive(int) bool { return false }

func exitOf(st *os.ProcessState) (code int, signal string) {
	if st == nil {
		return -1, ""
	}
	return st.ExitCode(), ""
}
