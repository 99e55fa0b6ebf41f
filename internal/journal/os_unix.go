//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package journal

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

var errHeld = errors.New("another process holds the lock")

// openFile opens a file of ours with mode 0600. It never follows a symlink in the last part of the
// name, and refuses a file of another user: either would let somebody else steer what we write.
func openFile(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) {
		return nil, fmt.Errorf("%s is a symbolic link, which is never followed: remove it", path)
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file: remove it", path)
	}
	if err == nil {
		err = ours(path, info)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// ours refuses what belongs to another user. Root may work for anybody.
func ours(path string, info os.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); ok && uid != 0 && int(st.Uid) != uid {
		return fmt.Errorf("%s belongs to user %d, not to you (user %d): choose another state directory with $FLIGHTDECK_STATE", path, st.Uid, uid)
	}
	return nil
}

func lockFile(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return errHeld
		default:
			return err
		}
	}
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("the directory cannot be synced: %w", err)
	}
	if err := d.Sync(); err != nil {
		// Some file systems cannot sync directories; they say so in this way.
		if !errors.Is(err, unix.EINVAL) {
			return errors.Join(fmt.Errorf("the directory cannot be synced: %w", err), d.Close())
		}
	}
	return d.Close()
}
