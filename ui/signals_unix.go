//go:build !windows

package ui

import (
	"os"
	"syscall"
)

// endSignals are the signals that end the cockpit. SIGINT comes only from outside: in raw mode
// ctrl+c is a key.
func endSignals() []os.Signal {
	return []os.Signal{syscall.SIGHUP, syscall.SIGTERM, os.Interrupt}
}
