//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/termtest"
)

// BenchmarkFlood opens the cockpit on a container that writes lines of 120 bytes, a million as fast
// as the engine takes them or 10,000 a second, and presses keys all the while. It reports how long a key takes to show (the
// help opens), what the cockpit's process costs, and what it weighs at the end.
//
//	go test ./internal/e2e -run XXX -bench Flood -benchtime 1x
func BenchmarkFlood(b *testing.B) {
	bin, err := build()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("unbound", func(b *testing.B) { flood(b, bin, 1_000_000, 0) })
	b.Run("10000", func(b *testing.B) { flood(b, bin, 150_000, 10_000) })
}

func flood(b *testing.B, bin string, lines, rate int) {
	b.Helper()
	for range b.N {
		p := dockertest.Project(b, floodCompose(dockertest.Image(b, "v1"), lines, rate), nil)
		book := "# Flood\n\n## Watch\n\n1. Watch the logs\n"
		dockertest.Write(b, p, "flood.md", book)
		env := append(os.Environ(), "FLIGHTDECK_STATE="+filepath.Join(p.Dir, "state"), "TERM=xterm-256color", "COMPOSE_PROJECT_NAME="+p.Name)
		up := exec.Command("docker", "compose", "up", "-d")
		up.Dir, up.Env = p.Dir, env
		if out, err := up.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		cmd := exec.Command(bin, "run", "flood.md")
		cmd.Dir, cmd.Env = p.Dir, env
		underFlood(b, cmd, lines)
	}
}

func floodCompose(image string, lines, rate int) string {
	return fmt.Sprintf(`services:
  flood:
    image: %s
    command: [log, -count, "%d", -rate, "%d", -pad, "110", -stay]
    logging: {driver: json-file, options: {max-size: 1g, max-file: "1"}}
`, image, lines, rate)
}

func underFlood(b *testing.B, cmd *exec.Cmd, lines int) {
	b.Helper()
	term, err := termtest.Start(cmd, 200, 60)
	if err != nil {
		b.Fatal(err)
	}
	defer term.Close()
	if err := term.WaitFor(soon, "not confirmed"); err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(term.Send(termtest.Enter), term.WaitFor(soon, "not now"), term.Send("y"), term.WaitFor(soon, "step 1 of 1")); err != nil {
		b.Fatal(err)
	}
	began, cpu := time.Now(), processor(b, term.Pid())
	var keys []time.Duration
	for end := fmt.Sprintf("end %d", lines); !strings.Contains(term.Screen(), end); {
		keys = append(keys, key(b, term, "?"))
		key(b, term, termtest.Escape) // not counted: every program waits whether more follows an escape
		if time.Since(began) > 2*time.Minute {
			b.Fatalf("the flood does not end:\n%s", term.Screen())
		}
	}
	took := time.Since(began)
	slices.Sort(keys)
	b.ReportMetric(float64(lines)/took.Seconds(), "lines/s")
	b.ReportMetric(100*(processor(b, term.Pid())-cpu).Seconds()/took.Seconds(), "cpu-%")
	b.ReportMetric(float64(keys[len(keys)/2].Microseconds())/1000, "key-p50-ms")
	b.ReportMetric(float64(keys[len(keys)*99/100].Microseconds())/1000, "key-p99-ms")
	b.ReportMetric(memory(b, term.Pid()), "rss-MB")
}

// key presses one and waits until the help is there, or gone.
func key(b *testing.B, term *termtest.Terminal, press string) time.Duration {
	b.Helper()
	open := press == "?"
	began := time.Now()
	if err := term.Send(press); err != nil {
		b.Fatal(err)
	}
	shows := func(screen string) bool { return strings.Contains(screen, "╭─ Help") == open }
	if err := term.Until(soon, "the help to come or go", shows); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// processor is the CPU time that a process has used.
func processor(b *testing.B, pid int) time.Duration {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(raw)[strings.LastIndexByte(string(raw), ')')+2:])
	var ticks int
	for _, f := range fields[11:13] { // utime, stime, in hundredths of a second
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// memory is the resident set of a process in MB.
func memory(b *testing.B, pid int) float64 {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	if err != nil {
		b.Fatal(err)
	}
	return float64(pages) * float64(os.Getpagesize()) / 1e6
}
