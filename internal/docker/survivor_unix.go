//go:build unix

package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"flightdeck/internal/stack"
)

// A compose that flightdeck started outlives a flightdeck that is killed, and goes on changing the
// project. A lock that it inherits tells of it: the kernel holds it until compose has ended,
// however that happens, so that nobody deploys or restores beside it.

// survivorFile is the file whose lock a running compose of this project holds.
func (t *Target) survivorFile() string {
	sum := sha256.Sum256([]byte(t.host + "\x00" + t.project.Name))
	return filepath.Join(os.TempDir(), fmt.Sprintf("flightdeck-compose-%d-%s.lock", os.Getuid(), hex.EncodeToString(sum[:8])))
}

// claimCompose waits until no compose of an earlier flightdeck is at work, and gives the locked file
// that the next one inherits. The caller closes it once compose has it.
func (t *Target) claimCompose(ctx context.Context, say stack.Say) (*os.File, error) {
	f, err := os.OpenFile(t.survivorFile(), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, &stack.Error{What: "cannot tell whether another compose is at work on this project", Why: err.Error(), Do: "Make " + os.TempDir() + " writable", Err: err}
	}
	for said := false; ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(&stack.Error{What: "cannot lock " + f.Name(), Why: err.Error(), Err: err}, f.Close())
		case !said && say != nil:
			say(fmt.Sprintf("a compose of an earlier flightdeck is still at work on this project%s; it is waited for, because two at once would undo each other", holder(f)))
		}
		said = true
		if !sleep(ctx, 200*time.Millisecond) {
			return nil, errors.Join(ctx.Err(), f.Close())
		}
	}
}

// settled waits until no compose of an earlier flightdeck is at work.
func (t *Target) settled(ctx context.Context, say stack.Say) error {
	f, err := t.claimCompose(ctx, say)
	if err != nil {
		return err
	}
	return f.Close()
}

// holder names the process that wrote itself into the file.
func holder(f *os.File) string {
	raw := make([]byte, 32)
	n, err := f.ReadAt(raw, 0)
	if n == 0 {
		_ = err // nobody has written yet
		return ""
	}
	return " (process " + strings.TrimSpace(string(raw[:n])) + ")"
}

// signClaim writes compose's process ID into the file that it holds.
func signClaim(f *os.File, pid int) {
	if err := f.Truncate(0); err != nil {
		return // the number is a convenience; the lock is what counts
	}
	_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", pid), 0) // likewise
}
