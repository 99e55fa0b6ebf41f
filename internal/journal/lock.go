package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Holder is who holds a lock, from what the holder wrote into the lock file.
type Holder struct {
	PID  int    `json:"pid"`
	Host string `json:"host"`
	Who  string `json:"who,omitempty"`
	// Since is when the lock was taken, by the clock of the file system.
	Since time.Time `json:"-"`
}

func (h Holder) String() string {
	s := fmt.Sprintf("process %d on %s since %s", h.PID, h.Host, h.Since.Format("2006-01-02 15:04:05 MST"))
	if h.PID == 0 {
		s = "a process that has not said who it is yet"
	}
	if h.Who != "" {
		s = h.Who + ", " + s
	}
	return s
}

// ErrLocked says that another process holds what was wanted.
type ErrLocked struct {
	Path   string // of the lock file
	What   string // "this run", "production of shop"
	Holder Holder
}

func (e *ErrLocked) Error() string {
	return fmt.Sprintf("%s is in use by %s: watch it there, or wait until it ends; if that process hangs, end it and start again (%s)", e.What, e.Holder, e.Path)
}

// lock is an advisory lock of the operating system, which ends with its process however that ends,
// on a file that says who holds it. The file stays when the lock goes: to remove it would let two
// processes lock two files of one name.
type lock struct{ file *os.File }

// A look at a lock (held) takes it for some microseconds, so that one refusal proves nothing.
const (
	lockTries = 10
	lockPause = 5 * time.Millisecond
)

func takeLock(path string, h Holder) (*lock, error) {
	f, err := openFile(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, fmt.Errorf("the lock file cannot be opened: %w", err)
	}
	for try := 1; ; try++ {
		err = lockFile(f)
		if err == nil {
			break
		}
		if errors.Is(err, errHeld) && try < lockTries {
			time.Sleep(lockPause)
			continue
		}
		defer f.Close()
		if errors.Is(err, errHeld) {
			return nil, &ErrLocked{Path: path, What: "this run", Holder: readHolder(f)}
		}
		return nil, fmt.Errorf("%s cannot be locked: %w: put the state directory on a local file system ($FLIGHTDECK_STATE)", path, err)
	}
	if err := writeHolder(f, h); err != nil {
		return nil, errors.Join(fmt.Errorf("the lock file %s cannot be written: %w", path, err), f.Close())
	}
	return &lock{file: f}, nil
}

func (l *lock) release() {
	// Closing the file is what unlocks it; that the text goes first is only tidy, so that neither
	// can fail in a way that matters.
	_ = l.file.Truncate(0)
	_ = l.file.Close()
}

// held says who holds the lock, if anybody does.
func held(path string) (Holder, bool) {
	f, err := openFile(path, os.O_RDWR)
	if err != nil {
		return Holder{}, false
	}
	defer f.Close()
	if err := lockFile(f); errors.Is(err, errHeld) {
		return readHolder(f), true
	}
	return Holder{}, false
}

func writeHolder(f *os.File, h Holder) error {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	h.PID, h.Host = os.Getpid(), host
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(append(text, '\n'), 0)
	return err
}

// readHolder gives what the file says; a holder that has not written yet is the zero Holder.
func readHolder(f *os.File) Holder {
	var h Holder
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err != nil || json.Unmarshal(text, &h) != nil {
		h = Holder{}
	}
	if info, err := f.Stat(); err == nil {
		h.Since = info.ModTime()
	}
	return h
}

// LockEnvironment claims an environment of a project for one process of this machine; who is the
// operator. release lets go of it; so does the end of the process. It fails with *ErrLocked when
// somebody else has it.
func LockEnvironment(stateDir, project, environment, where, who string) (release func(), err error) {
	dir := filepath.Join(stateDir, "locks")
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	l, err := takeLock(filepath.Join(dir, lockFileName(project, where)), Holder{Who: who})
	if err != nil {
		var locked *ErrLocked
		if errors.As(err, &locked) {
			locked.What = environment + " of " + project
		}
		return nil, err
	}
	return l.release, nil
}

// lockFileName is readable, and different for different names whatever characters they have.
func lockFileName(project, environment string) string {
	readable := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, project+"-"+environment)
	sum := sha256.Sum256([]byte(project + "\x00" + environment))
	return readable[:min(len(readable), 80)] + "-" + hex.EncodeToString(sum[:4]) + ".lock"
}
