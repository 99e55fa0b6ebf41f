package local

import (
	"errors"
	"os"
	"syscall"
)

// supported: the locks and sessions that this package stands on do not exist here.
const supported = false

var errUnsupported = errors.New("local processes are not supported on windows")

func tryLock(*os.File, bool) (bool, error) { return false, errUnsupported }
func detached() *syscall.SysProcAttr       { return nil }
func grouped() *syscall.SysProcAttr        { return nil }
func terminate(int) error                  { return errUnsupported }
func kill(int) error                       { return errUnsupported }
func exitCode(p *os.ProcessState) int      { return p.ExitCode() }
func ignoreHangup()                        {}

func killGroup(int) {}
