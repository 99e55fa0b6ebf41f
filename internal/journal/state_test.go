package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flightdeck/internal/run"
)

func env(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestStateDir(t *testing.T) {
	root := t.TempDir()
	for _, tc := range []struct {
		name string
		env  func(string) string
		want string
	}{
		{"ours first", env("FLIGHTDECK_STATE", root+"/own", "XDG_STATE_HOME", root+"/xdg", "HOME", root+"/home"), "/own"},
		{"XDG", env("XDG_STATE_HOME", root+"/xdg", "HOME", root+"/home"), "/xdg/flightdeck"},
		{"relative XDG is ignored", env("XDG_STATE_HOME", "xdg", "HOME", root+"/home"), "/home/.local/state/flightdeck"},
		{"home", env("HOME", root+"/home"), "/home/.local/state/flightdeck"},
	} {
		got, err := StateDir(tc.env)
		if err != nil || got != root+tc.want {
			t.Errorf("%s: %q, %v, want %q", tc.name, got, err, root+tc.want)
			continue
		}
		info, err := os.Stat(got)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", tc.name, info, err)
		}
		if left, err := os.ReadDir(got); err != nil || len(left) != 0 {
			t.Errorf("%s: %v left behind, %v", tc.name, left, err)
		}
	}
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]func(string) string{
		"no HOME":                      env(),
		"a file stands there":          env("FLIGHTDECK_STATE", file),
		"below a file":                 env("HOME", file),
		"a file system that is no one": env("FLIGHTDECK_STATE", "/proc/flightdeck"),
		"a read-only directory":        env("FLIGHTDECK_STATE", "/proc/self"),
	} {
		if got, err := StateDir(e); err == nil || !strings.Contains(err.Error(), "FLIGHTDECK_STATE") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestRuns(t *testing.T) {
	state := t.TempDir()
	if runs, err := Runs(state); err != nil || len(runs) != 0 {
		t.Fatal(runs, err)
	}
	make := func(id string, at time.Time) *Journal {
		o := opened()
		o.Run = id
		j, err := Create(filepath.Join(RunsDir(state), id), o, at)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	done := func(j *Journal) {
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
	a := make("a", start())
	if _, err := a.Append(start().Add(time.Minute), run.Closed{Outcome: run.Abandoned, Reason: "tea"}); err != nil {
		t.Fatal(err)
	}
	done(a)
	live := make("b", start().Add(2*time.Hour))
	defer live.Close()
	broken := make("c", start().Add(time.Hour))
	if _, err := broken.Append(start(), run.Noticed{Text: "x"}); err != nil {
		t.Fatal(err)
	}
	done(broken)
	dir := filepath.Join(RunsDir(state), "c")
	overwrite(t, dir, append(content(t, dir), []byte("rubbish\nmore\n")...))
	if err := os.MkdirAll(filepath.Join(RunsDir(state), "d"), 0o700); err != nil {
		t.Fatal(err)
	}

	runs, err := Runs(state)
	if err != nil || len(runs) != 4 {
		t.Fatal(runs, err)
	}
	ids := ""
	for _, r := range runs {
		ids += r.Run
	}
	if ids != "bcad" {
		t.Errorf("order %q", ids)
	}
	if r := runs[0]; !r.Live || r.Holder.PID != os.Getpid() || r.Holder.Who != "ana" || r.Stage != run.Planned || r.Over() || r.Err != nil {
		t.Errorf("live run: %+v", r)
	}
	if r := runs[1]; r.Live || r.Err == nil || !strings.Contains(r.Err.Error(), "journal.jsonl:3: ") || r.Opened.Project != "shop" || r.Entries != 2 {
		t.Errorf("broken run: %+v", r)
	}
	if r := runs[2]; r.Live || !r.Over() || r.Outcome != run.Abandoned || !r.LastAt.Equal(start().Add(time.Minute)) || r.Err != nil {
		t.Errorf("closed run: %+v", r)
	}
	if r := runs[3]; r.Err == nil {
		t.Errorf("empty directory: %+v", r)
	}
}
