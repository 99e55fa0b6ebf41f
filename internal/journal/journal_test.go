package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"flightdeck/internal/run"

	"github.com/google/go-cmp/cmp"
)

func start() time.Time { return time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC) }

func opened() run.Opened {
	return run.Opened{Run: "r1", Version: "0.1.0", Mode: run.ModeDeploy, Project: "shop", Environment: "production", Class: run.Production, Operator: "ana"}
}

// written makes a journal of n entries and closes it.
func written(t *testing.T, n int) (dir string, entries []run.Entry) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "runs", "r1")
	j, err := Create(dir, opened(), start())
	if err != nil {
		t.Fatal(err)
	}
	for i := 2; i <= n; i++ {
		if _, err := j.Append(start().Add(time.Duration(i)*time.Second), run.NoteAdded{Text: fmt.Sprintf("note %d \"quoted\",\"crc\":\"", i), By: "ana"}); err != nil {
			t.Fatal(err)
		}
	}
	entries = j.Entries()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, entries
}

func content(t *testing.T, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func overwrite(t *testing.T, dir string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, FileName), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsAppendedIsReadAgain(t *testing.T) {
	dir, entries := written(t, 5)
	got, rec, err := Read(filepath.Join(dir, FileName))
	if err != nil || rec != (Recovery{}) {
		t.Fatal(rec, err)
	}
	if d := cmp.Diff(entries, got); d != "" || len(got) != 5 {
		t.Errorf("%d entries: %s", len(got), d)
	}
	j, rec, err := Open(dir)
	if err != nil || rec != (Recovery{}) {
		t.Fatal(rec, err)
	}
	defer j.Close()
	local := time.FixedZone("here", 3600)
	e, err := j.Append(start().In(local), run.Resumed{By: "bob", Host: "h"})
	if err != nil || e.Seq != 6 || e.At.Location() != time.UTC {
		t.Errorf("%+v, %v", e, err)
	}
	again, _, err := Read(j.Path())
	if d := cmp.Diff(j.Entries(), again); d != "" || err != nil {
		t.Errorf("%v %s", err, d)
	}
}

func TestTornTailIsCutAtEveryByte(t *testing.T) {
	dir, entries := written(t, 6)
	data := content(t, dir)
	ends := []int{0}
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	for cut := ends[len(ends)-4] + 1; cut <= len(data); cut++ {
		overwrite(t, dir, data[:cut])
		want := bytes.Count(data[:cut], []byte("\n"))
		torn := cut - ends[want]
		j, rec, err := Open(dir)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if d := cmp.Diff(entries[:want], j.Entries()); d != "" {
			t.Fatalf("cut at %d: %s", cut, d)
		}
		notice := ""
		if torn > 0 {
			notice = fmt.Sprintf("a torn last line of %d bytes was dropped", torn)
		}
		if rec.Dropped != torn || rec.Notice != notice {
			t.Fatalf("cut at %d: %+v, want %q", cut, rec, notice)
		}
		if _, err := j.Append(start(), run.Noticed{Text: "on"}); err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if got, rec, err := Read(j.Path()); err != nil || rec.Dropped != 0 || len(got) != want+1 {
			t.Fatalf("cut at %d, gone on: %d entries, %+v, %v", cut, len(got), rec, err)
		}
	}
}

func TestReadNeverChangesTheFile(t *testing.T) {
	dir, _ := written(t, 3)
	data := content(t, dir)
	overwrite(t, dir, data[:len(data)-5])
	entries, rec, err := Read(filepath.Join(dir, FileName))
	if len(entries) != 2 || rec.Dropped == 0 || err != nil {
		t.Errorf("%d entries, %+v, %v", len(entries), rec, err)
	}
	if !bytes.Equal(content(t, dir), data[:len(data)-5]) {
		t.Error("Read changed the journal")
	}
}

func TestEveryFlippedByteIsFound(t *testing.T) {
	dir, entries := written(t, 20)
	data := content(t, dir)
	last := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	for i := range data {
		flip := byte(1) << (i % 8)
		bad := bytes.Clone(data)
		bad[i] ^= flip
		d, err := readAll("j", bytes.NewReader(bad))
		line := bytes.Count(data[:i], []byte("\n")) + 1
		var damaged *ErrDamaged
		switch {
		case errors.As(err, &damaged) && damaged.Line == line && len(d.entries) == line-1:
		case i >= last && err == nil && d.torn == len(data)-last && len(d.entries) == 19:
		default:
			t.Fatalf("byte %d (line %d) flipped by %#x: %d entries, torn %d, %v", i, line, flip, len(d.entries), d.torn, err)
		}
		if diff := cmp.Diff(entries[:len(d.entries)], d.entries); diff != "" && len(d.entries) > 0 {
			t.Fatalf("byte %d flipped by %#x: %s", i, flip, diff)
		}
	}
}

func TestDamageIsNamed(t *testing.T) {
	dir, _ := written(t, 5)
	lines := bytes.SplitAfter(content(t, dir), []byte("\n"))[:5]
	forged, _, err := seal(run.Entry{Seq: 3, At: start(), Event: run.NoteAdded{Text: "forged"}}, hashOf(bytes.TrimSuffix(lines[1], []byte("\n"))))
	if err != nil {
		t.Fatal(err)
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, tc := range []struct {
		name string
		data []byte
		line int
		why  string
	}{
		{"flipped", join(lines[0], bytes.Replace(lines[1], []byte("note"), []byte("nose"), 1), lines[2]), 2, "checksum"},
		{"line taken out", join(lines[0], lines[1], lines[3], lines[4]), 3, "entry 4 stands where entry 3 belongs"},
		{"line forged with good checksum", join(lines[0], lines[1], append(forged, '\n'), lines[3]), 4, "hash chain"},
		{"line twice", join(lines[0], lines[1], lines[1]), 3, "sequence gap"},
		{"empty line", join(lines[0], []byte("\n"), lines[1]), 2, "checksum"},
		{"last newline but one lost", join(lines[0], lines[1][:len(lines[1])-1], []byte(" "), lines[2]), 2, "checksum"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			overwrite(t, dir, tc.data)
			_, _, err := Open(dir)
			var d *ErrDamaged
			if !errors.As(err, &d) || d.Line != tc.line || !strings.Contains(d.Why, tc.why) {
				t.Fatalf("%v", err)
			}
			if want := fmt.Sprintf("%s:%d: ", filepath.Join(dir, FileName), tc.line); !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%q does not begin with %q", err, want)
			}
			if !bytes.Equal(content(t, dir), tc.data) {
				t.Error("a damaged journal was changed")
			}
			entries, _, err := Read(filepath.Join(dir, FileName))
			if !errors.As(err, &d) || len(entries) != tc.line-1 {
				t.Errorf("Read: %d entries, %v", len(entries), err)
			}
		})
	}
}

func TestNothingToResume(t *testing.T) {
	dir, _ := written(t, 1)
	data := content(t, dir)
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"torn first entry": {data[:len(data)-1], "its run never began"},
		"empty":            {nil, "its run never began"},
	} {
		overwrite(t, dir, tc.data)
		if _, _, err := Open(dir); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(content(t, dir), tc.data) {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if _, _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}

func TestLaterVersionIsRefused(t *testing.T) {
	dir, _ := written(t, 1)
	j, _, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Append(start(), run.Unrecognised{Name: "warped", Raw: []byte(`{"x":1}`)}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err = Open(dir)
	if err == nil || !strings.Contains(err.Error(), `:2: the event "warped" is unknown`) || !strings.Contains(err.Error(), "version 0.1.0") {
		t.Errorf("%v", err)
	}
	if entries, _, err := Read(filepath.Join(dir, FileName)); err != nil || len(entries) != 2 {
		t.Errorf("reading only: %d entries, %v", len(entries), err)
	}
}

// badDisk fails at a chosen call.
type badDisk struct {
	file
	write, sync error
	half        bool
	calls       int
}

func (b *badDisk) Write(p []byte) (int, error) {
	b.calls++
	if b.write == nil {
		return b.file.Write(p)
	}
	n := 0
	if b.half {
		n, _ = b.file.Write(p[:len(p)/2])
	}
	return n, b.write
}

func (b *badDisk) Sync() error {
	if b.sync != nil {
		return b.sync
	}
	return b.file.Sync()
}

func TestADiskErrorIsTheEnd(t *testing.T) {
	for name, disk := range map[string]*badDisk{
		"full":           {write: syscall.ENOSPC},
		"full half-way":  {write: syscall.ENOSPC, half: true},
		"sync fails":     {sync: syscall.EIO},
		"write protects": {write: syscall.EROFS},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := written(t, 3)
			j, _, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			disk.file, j.file = j.file, disk
			_, err = j.Append(start(), run.Noticed{Text: "lost"})
			cause := errors.Join(disk.write, disk.sync)
			if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EIO) && !errors.Is(err, syscall.EROFS) {
				t.Fatalf("%v, want %v", err, cause)
			}
			disk.write, disk.sync = nil, nil // the disk is well again, but the journal knows better
			calls := disk.calls
			if _, again := j.Append(start(), run.Noticed{Text: "lost"}); again == nil || again.Error() != err.Error() || disk.calls != calls {
				t.Errorf("second Append: %v", again)
			}
			if len(j.Entries()) != 3 {
				t.Errorf("%d entries", len(j.Entries()))
			}
			if _, after := j.After(t.Context(), 3); after == nil || after.Error() != err.Error() {
				t.Errorf("After: %v", after)
			}
			if err := j.Close(); err != nil {
				t.Error(err)
			}
			j, rec, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			if n := len(j.Entries()); n != 3 && name != "sync fails" || n < 3 || (rec.Dropped > 0) != disk.half {
				t.Errorf("reopened: %d entries, %+v", n, rec)
			}
		})
	}
}

func TestAfterWaits(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r1")
	j, err := Create(dir, opened(), start())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		// The channel of a journal made outside cannot be waited for in here.
		j.more = make(chan struct{})
		if got, err := j.After(t.Context(), 0); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
		type result struct {
			entries []run.Entry
			err     error
		}
		results := make(chan result, 3)
		for range 3 {
			go func() {
				e, err := j.After(t.Context(), 1)
				results <- result{e, err}
			}()
		}
		synctest.Wait()
		if len(results) != 0 {
			t.Error("After did not wait")
		}
		if _, err := j.Append(start(), run.Noticed{Text: "x"}); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if r := <-results; r.err != nil || len(r.entries) != 1 || r.entries[0].Seq != 2 {
				t.Errorf("%+v", r)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if got, err := j.After(ctx, 2); !errors.Is(err, context.DeadlineExceeded) || got != nil {
			t.Errorf("%v, %v", got, err)
		}
		go func() {
			e, err := j.After(t.Context(), 99)
			results <- result{e, err}
		}()
		synctest.Wait()
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if r := <-results; !errors.Is(r.err, os.ErrClosed) {
			t.Errorf("after Close: %+v", r)
		}
	})
	if err := j.Close(); err != nil {
		t.Error("closing twice:", err)
	}
	if _, err := j.Append(start(), run.Noticed{}); !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
}

func TestCreateNeedsAnEmptyPlace(t *testing.T) {
	dir, _ := written(t, 2)
	before := content(t, dir)
	if _, err := Create(dir, opened(), start()); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Error(err)
	}
	if !bytes.Equal(before, content(t, dir)) {
		t.Error("the old journal was changed")
	}
}
