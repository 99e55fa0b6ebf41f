package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flightdeck/internal/run"
)

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("FDTEST_JOURNAL_CHILD"); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child writes entries for ever and says which ones it was promised.
func child(dir string) error {
	j, _, err := Open(dir)
	if err != nil {
		return err
	}
	for {
		e, err := j.Append(start(), run.NoteAdded{Text: strings.Repeat("child ", 50)})
		if err != nil {
			return err
		}
		fmt.Println(e.Seq)
	}
}

func TestKillNineLosesNothingThatWasPromised(t *testing.T) {
	dir, _ := written(t, 1)
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "FDTEST_JOURNAL_CHILD="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		promised, lines := uint64(0), bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if promised, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
				t.Error(err)
			}
			if n == 20+7*round {
				if _, _, err := Open(dir); !errors.As(err, new(*ErrLocked)) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on ", cmd.Process.Pid)) {
					t.Errorf("a second writer: %v", err)
				}
				if h, live := held(filepath.Join(dir, lockName)); !live || h.PID != cmd.Process.Pid {
					t.Errorf("held: %+v, %v", h, live)
				}
				if err := cmd.Process.Kill(); err != nil {
					t.Error(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Error("the child ended by itself")
		}
		j, rec, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		got := j.Entries()
		t.Logf("promised %d, found %d, dropped %d bytes", promised, len(got), rec.Dropped)
		if uint64(len(got)) < promised || promised < 20 {
			t.Errorf("promised %d, found %d", promised, len(got))
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneWriterOfTwenty(t *testing.T) {
	dir, _ := written(t, 3)
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 20 {
		wg.Go(func() {
			j, _, err := Open(dir)
			if err == nil {
				won.Add(1)
				<-done
				if err := j.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if lost.Add(1); !errors.As(err, new(*ErrLocked)) {
				t.Error(err)
			}
		})
	}
	for until := time.Now().Add(10 * time.Second); lost.Load() < 19 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	close(done)
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 19 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
}

// A look at the list of runs must not make a writer believe that there is another one.
func TestLookingDoesNotLockOut(t *testing.T) {
	dir, _ := written(t, 2)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					held(filepath.Join(dir, lockName))
				}
			}
		})
	}
	for range 30 {
		j, _, err := Open(dir)
		if err != nil {
			t.Error(err)
			continue
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}

func TestEnvironmentLock(t *testing.T) {
	state := t.TempDir()
	release, err := LockEnvironment(state, "shop", "production", "unix:///sock", "ana")
	if err != nil {
		t.Fatal(err)
	}
	_, err = LockEnvironment(state, "shop", "production", "unix:///sock", "bob")
	var locked *ErrLocked
	if !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() || locked.Holder.Since.IsZero() {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"production of shop is in use by ana", fmt.Sprintf("process %d on ", os.Getpid()), "since 20", "wait until it ends"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	for _, other := range [][2]string{{"shop", "staging"}, {"shop/production", ""}, {"../shop", "production"}, {"SHOP", "production"}} {
		r, err := LockEnvironment(state, other[0], "production", other[1], "bob")
		if err != nil {
			t.Errorf("%v: %v", other, err)
			continue
		}
		r()
	}
	release()
	release, err = LockEnvironment(state, "shop", "production", "unix:///sock", "bob")
	if err != nil {
		t.Fatal(err)
	}
	release()
	files, err := os.ReadDir(filepath.Join(state, "locks"))
	if err != nil || len(files) != 5 {
		t.Errorf("%d lock files, %v", len(files), err)
	}
}

func TestSymlinksAreNotFollowed(t *testing.T) {
	for _, name := range []string{FileName, lockName} {
		dir, _ := written(t, 2)
		target := filepath.Join(t.TempDir(), "target")
		if err := os.Rename(filepath.Join(dir, name), target); err != nil {
			t.Fatal(err)
		}
		before, err := os.ReadFile(target)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "symbolic link") {
			t.Errorf("%s: %v", name, err)
		}
		if after, err := os.ReadFile(target); err != nil || string(after) != string(before) {
			t.Errorf("%s: the target was changed: %v", name, err)
		}
	}
}

func TestAFifoIsNoJournal(t *testing.T) {
	dir, _ := written(t, 1)
	path := filepath.Join(dir, FileName)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfifo", path).CombinedOutput(); err != nil {
		t.Skipf("no mkfifo here: %v %s", err, out)
	}
	if _, _, err := Read(path); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("%v", err)
	}
}
