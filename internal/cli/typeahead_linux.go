package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget drops what was typed before a question or a screen was there: it cannot have been meant
// for it.
func forget(in *os.File) {
	_ = unix.IoctlSetInt(int(in.Fd()), unix.TCFLSH, unix.TCIFLUSH) // not a terminal: nothing to drop
}
