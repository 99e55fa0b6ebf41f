// Package journal is the memory of a run: one file of JSON lines, each with its sequence number, a
// checksum and the hash of the line before it.
//
// Its one rule: what Append has returned is on the disk, and nothing is ever read as if it were
// whole when it is not.
package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"flightdeck/internal/run"
)

// FileName is the journal's name within the directory of its run.
const FileName = "journal.jsonl"

const lockName = "journal.lock"

// file is what a journal needs of the operating system, so that tests can let the disk fail.
type file interface {
	Write(p []byte) (int, error)
	Sync() error
	Close() error
}

// Journal is a run's journal, open for writing. At most one exists for a directory at any time,
// on one machine. All methods may be used by several goroutines.
type Journal struct {
	dir  string
	lock *lock

	writing sync.Mutex // one Append at a time; held across the sync, which readers must not wait for
	file    file
	prev    string // hash of the last line

	mu      sync.Mutex
	entries []run.Entry
	more    chan struct{} // closed, and replaced, when entries or dead change
	dead    error
}

// Recovery says what was wrong with a journal and could be mended.
type Recovery struct {
	// Notice is a sentence for the operator: "a torn last line of 37 bytes was dropped". Empty when
	// nothing was wrong.
	Notice string
	// Dropped is the bytes of the torn line.
	Dropped int
}

// Create begins a journal in dir, which is made if need be (0700), with opened as its entry 1.
// It fails when the directory holds a journal already.
func Create(dir string, opened run.Opened, at time.Time) (*Journal, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	l, err := takeLock(filepath.Join(dir, lockName), Holder{Who: opened.Operator})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, FileName)
	f, err := openFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL)
	if err != nil {
		l.release()
		if errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("%s is there already: a run writes a journal of its own", path)
		}
		return nil, fmt.Errorf("the journal cannot be created: %w", err)
	}
	j := newJournal(dir, f, l, nil, noHash)
	if _, err := j.Append(at, opened); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	// The name of the file must outlive a power cut as well as its content.
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := syncDir(d); err != nil {
			return nil, errors.Join(err, j.Close())
		}
	}
	return j, nil
}

// Open takes up the journal in dir for writing. A torn last line is cut off, and Recovery says so.
// It fails with *ErrLocked when another process writes it, with *ErrDamaged when a line before the
// last is not whole, and when it holds events of a later flightdeck.
func Open(dir string) (*Journal, Recovery, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Lstat(path); err != nil {
		return nil, Recovery{}, fmt.Errorf("no journal to go on with: %w", err)
	}
	l, err := takeLock(filepath.Join(dir, lockName), Holder{})
	if err != nil {
		return nil, Recovery{}, err
	}
	j, rec, err := open(dir, path, l)
	if err != nil {
		l.release()
	}
	return j, rec, err
}

func open(dir, path string, l *lock) (*Journal, Recovery, error) {
	f, err := openFile(path, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("the journal cannot be opened for writing: %w", err)
	}
	d, err := readAll(path, f)
	if err == nil {
		err = resumable(path, d.entries)
	}
	if err == nil && d.torn > 0 {
		err = cutTail(f, d.good)
	}
	if err != nil {
		return nil, Recovery{}, errors.Join(err, f.Close())
	}
	return newJournal(dir, f, l, d.entries, d.prev), d.recovery(), nil
}

// resumable refuses what this flightdeck could only go on with by guessing.
func resumable(path string, entries []run.Entry) error {
	if len(entries) == 0 {
		return fmt.Errorf("%s holds no whole entry: its run never began, nothing was changed; delete %s", path, filepath.Dir(path))
	}
	opened, ok := entries[0].Event.(run.Opened)
	if !ok {
		return &ErrDamaged{Path: path, Line: 1, Why: fmt.Sprintf("a journal begins with %q, not %q", run.Opened{}.Kind(), entries[0].Event.Kind())}
	}
	for i, e := range entries {
		if u, ok := e.Event.(run.Unrecognised); ok {
			return fmt.Errorf("%s:%d: the event %q is unknown to this flightdeck, the run was begun by version %s: go on with that version or a later one",
				path, i+1, u.Name, opened.Version)
		}
	}
	return nil
}

func cutTail(f *os.File, good int64) error {
	if err := f.Truncate(good); err != nil {
		return fmt.Errorf("the torn last line cannot be cut off: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("the torn last line cannot be cut off: %w", err)
	}
	return nil
}

func newJournal(dir string, f file, l *lock, entries []run.Entry, prev string) *Journal {
	return &Journal{dir: dir, file: f, lock: l, entries: entries, prev: prev, more: make(chan struct{})}
}

// Dir is the directory of the run.
func (j *Journal) Dir() string { return j.dir }

// Path is the journal file.
func (j *Journal) Path() string { return filepath.Join(j.dir, FileName) }

// Entries is everything written so far, oldest first. It is not to be changed.
func (j *Journal) Entries() []run.Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.entries[:len(j.entries):len(j.entries)]
}

// Append writes one event and returns when it is on the disk. The entry is what a later reader of
// the file will get. After an error of the disk the journal is dead: every later Append gives the
// same error, for nobody can know what such a disk has kept.
func (j *Journal) Append(at time.Time, ev run.Event) (run.Entry, error) {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	seq, dead := uint64(len(j.entries))+1, j.dead
	j.mu.Unlock()
	if dead != nil {
		return run.Entry{}, dead
	}
	line, hash, err := seal(run.Entry{Seq: seq, At: at, Event: ev}, j.prev)
	if err != nil {
		return run.Entry{}, fmt.Errorf("entry %d cannot be written down: %w", seq, err)
	}
	var entry run.Entry
	if err := entry.UnmarshalJSON(line); err != nil {
		return run.Entry{}, fmt.Errorf("entry %d could not be read again: %w", seq, err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return run.Entry{}, j.die(seq, "written", err)
	}
	if err := j.file.Sync(); err != nil {
		return run.Entry{}, j.die(seq, "synced", err)
	}
	j.prev = hash
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
	j.wake()
	return entry, nil
}

func (j *Journal) die(seq uint64, verb string, cause error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dead = fmt.Errorf("the journal %s could not be %s at entry %d: %w; nothing more is started: free or repair the disk, then start flightdeck again to resume",
		j.Path(), verb, seq, cause)
	j.wake()
	return j.dead
}

func (j *Journal) wake() {
	close(j.more)
	j.more = make(chan struct{})
}

// After gives the entries after seq, waiting for the first of them. It ends with the context's
// error, or with the journal's own when it is closed or dead and has no more.
func (j *Journal) After(ctx context.Context, seq uint64) ([]run.Entry, error) {
	for {
		j.mu.Lock()
		n := uint64(len(j.entries))
		entries, more, dead := j.entries[min(seq, n):n:n], j.more, j.dead
		j.mu.Unlock()
		if len(entries) > 0 {
			return entries, nil
		}
		if dead != nil {
			return nil, dead
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close ends writing and lets go of the lock. Entries that were read stay; After and Append say
// that the journal is closed.
func (j *Journal) Close() error {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	closed := j.lock == nil
	l := j.lock
	j.lock = nil
	if j.dead == nil {
		j.dead = fmt.Errorf("the journal %s: %w", j.Path(), os.ErrClosed)
		j.wake()
	}
	j.mu.Unlock()
	if closed {
		return nil
	}
	err := j.file.Close()
	l.release()
	return err
}
