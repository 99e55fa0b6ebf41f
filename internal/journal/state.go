package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/run"
)

// StateDir finds the directory that keeps runs and locks, makes it (0700) and proves that it can be
// written: $FLIGHTDECK_STATE, else $XDG_STATE_HOME/flightdeck, else ~/.local/state/flightdeck
// (%LOCALAPPDATA%\flightdeck on Windows).
func StateDir(getenv func(string) string) (string, error) {
	dir, err := stateDir(getenv)
	if err != nil {
		return "", err
	}
	const hint = "set FLIGHTDECK_STATE to a directory that you can write"
	if err := makeDir(dir); err != nil {
		return "", fmt.Errorf("%w: %s", err, hint)
	}
	f, err := os.CreateTemp(dir, ".can-write-*")
	if err != nil {
		return "", fmt.Errorf("the state directory %s cannot be written: %w: %s", dir, err, hint)
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return "", fmt.Errorf("the state directory %s cannot be written: %w: %s", dir, err, hint)
	}
	return dir, nil
}

func stateDir(getenv func(string) string) (string, error) {
	if dir := getenv("FLIGHTDECK_STATE"); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("FLIGHTDECK_STATE=%s: %w", dir, err)
		}
		return abs, nil
	}
	// The XDG rules want a relative path to be ignored.
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "flightdeck"), nil
	}
	if dir := getenv("LOCALAPPDATA"); runtime.GOOS == "windows" && filepath.IsAbs(dir) {
		return filepath.Join(dir, "flightdeck"), nil
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "flightdeck"), nil
	}
	return "", errors.New("no place for the journals: HOME is not set: set FLIGHTDECK_STATE to a directory that you can write")
}

// makeDir makes a directory of ours and what is missing above it, for nobody else to read.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the directory %s cannot be made: %w", dir, err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("the directory %s cannot be read: %w", dir, err)
	}
	return ours(dir, info)
}

// RunsDir is where the runs of a state directory are, one directory each.
func RunsDir(stateDir string) string { return filepath.Join(stateDir, "runs") }

// RunInfo is one run of the past or the present, as its journal tells it.
type RunInfo struct {
	Run    string // the run's ID; the directory's name when the journal cannot be read
	Dir    string
	Path   string // of the journal
	Opened run.Opened
	// OpenedAt, StartedAt (the operator's yes), LastAt and ClosedAt are zero for what has not happened.
	OpenedAt, StartedAt, LastAt, ClosedAt time.Time
	Stage                                 run.Stage
	Outcome                               run.Outcome
	Entries                               int
	// Live: a process has the journal open for writing; Holder is that process.
	Live   bool
	Holder Holder
	// Notice is Recovery.Notice of a run that is not live.
	Notice string
	// Err is why the journal cannot be read as a whole; the other fields then come from what is
	// before the damage.
	Err error
}

// Over says that the run was closed.
func (r RunInfo) Over() bool { return r.Stage == run.Over }

// Runs lists the runs of a state directory, newest first. A broken journal does not hide the
// others: its RunInfo has the error. No runs is no error.
func Runs(stateDir string) ([]RunInfo, error) {
	root := RunsDir(stateDir)
	dirs, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the runs cannot be listed: %w", err)
	}
	var runs []RunInfo
	for _, d := range dirs {
		if d.IsDir() {
			runs = append(runs, Info(filepath.Join(root, d.Name())))
		}
	}
	slices.SortStableFunc(runs, func(a, b RunInfo) int {
		if c := b.OpenedAt.Compare(a.OpenedAt); c != 0 {
			return c
		}
		return strings.Compare(b.Run, a.Run)
	})
	return runs, nil
}

// Info reads the run in one directory.
func Info(dir string) RunInfo {
	info := RunInfo{Run: filepath.Base(dir), Dir: dir, Path: filepath.Join(dir, FileName)}
	info.Holder, info.Live = held(filepath.Join(dir, lockName))
	entries, rec, err := Read(info.Path)
	info.Err = err
	if err == nil && len(entries) == 0 {
		info.Err = fmt.Errorf("%s holds no whole entry: its run never began", info.Path)
	}
	if !info.Live {
		info.Notice = rec.Notice
	}
	s := run.Fold(entries)
	if s.Opened.Run != "" {
		info.Run = s.Opened.Run
	}
	info.StartedAt = s.StartedAt
	info.Opened, info.OpenedAt, info.LastAt, info.ClosedAt = s.Opened, s.OpenedAt, s.LastAt, s.ClosedAt
	info.Stage, info.Outcome, info.Entries = s.Stage, s.Outcome, len(entries)
	return info
}
