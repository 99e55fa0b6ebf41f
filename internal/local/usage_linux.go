package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"flightdeck/internal/stack"
)

// ticksPerSecond is USER_HZ, which Linux keeps at 100 towards programs on every architecture.
const ticksPerSecond = 100

// Usage reads /proc once a second until ctx ends or the process does. The network is shared with
// everything on the machine, so nothing is said of it.
func (t *Target) Usage(ctx context.Context, id string, each func(stack.Usage)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var before float64
	var at time.Time
	for {
		pid, err := t.pidOf(id)
		if err != nil {
			return err
		}
		now := time.Now()
		u, seconds, err := usageOf(pid)
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("process %s has ended", id)
		}
		if err != nil {
			return err
		}
		u.At = now.UTC()
		if !at.IsZero() && seconds >= before {
			u.CPU = 100 * (seconds - before) / now.Sub(at).Seconds()
			each(u)
		}
		before, at = seconds, now
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (t *Target) pidOf(id string) (int, error) {
	all, err := t.dir.currents()
	if err != nil {
		return 0, err
	}
	for _, i := range all {
		if i.id == id && i.alive && i.state.PID > 0 {
			return i.state.PID, nil
		}
	}
	return 0, fmt.Errorf("process %s does not run", id)
}

// usageOf gives memory and disk traffic, and the seconds of processor time since the start.
func usageOf(pid int) (stack.Usage, float64, error) {
	var u stack.Usage
	proc := "/proc/" + strconv.Itoa(pid)
	raw, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return u, 0, err
	}
	// The name in parentheses may hold anything; what follows the last one is regular.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 22 {
		return u, 0, fmt.Errorf("%s/stat has %d fields", proc, len(fields))
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	pages, err3 := strconv.ParseUint(fields[21], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return u, 0, err
	}
	u.Memory = pages * uint64(os.Getpagesize())
	// Traffic may be forbidden to read; then it stays zero.
	if raw, err := os.ReadFile(proc + "/io"); err == nil {
		for line := range strings.Lines(string(raw)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			n, err := strconv.ParseUint(value, 10, 64)
			switch {
			case err != nil:
			case name == "read_bytes":
				u.BlockRead = n
			case name == "write_bytes":
				u.BlockWritten = n
			}
		}
	}
	return u, (user + system) / ticksPerSecond, nil
}
