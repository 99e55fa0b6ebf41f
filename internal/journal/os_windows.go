package journal

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

var errHeld = errors.New("another process holds the lock")

// openFile opens a file of ours, never through a symbolic link.
func openFile(path string, flag int) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: remove it", path)
	}
	return os.OpenFile(path, flag, 0o600)
}

// ours leaves the question to the access lists of the user's profile.
func ours(string, os.FileInfo) error { return nil }

// lockFile locks one byte far behind the text, because here a lock also keeps others from reading.
func lockFile(f *os.File) error {
	at := windows.Overlapped{Offset: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}

// syncDir does nothing: NTFS journals names by itself and directories cannot be flushed.
func syncDir(string) error { return nil }
