package steps

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// membersAlive looks for members of the group that are not zombies: in a container without an
// init process the dead stay in the table, and no signal would ever empty the group.
func membersAlive(pgid int) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return true
	}
	want := []byte(strconv.Itoa(pgid))
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it ended while we looked
		}
		// The name in parentheses may hold anything; the fields are: state, parent, group.
		fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
		if len(fields) > 2 && bytes.Equal(fields[2], want) && fields[0][0] != 'Z' && fields[0][0] != 'X' {
			return true
		}
	}
	return false
}

// StillRunning lists the processes that a step of a run has left behind, by the variables that
// every command of a runbook sees. It is how a resume finds the command of a flightdeck that was
// killed. Processes of other users are not seen.
func StillRunning(run, step string) []int {
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil
	}
	wantRun, wantStep := []byte("FLIGHTDECK_RUN="+run), []byte("FLIGHTDECK_STEP="+step)
	var out []int
	for _, path := range all {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it ended while we looked, or is not ours to see
		}
		vars := bytes.Split(raw, []byte{0})
		has := func(want []byte) bool {
			return slices.ContainsFunc(vars, func(v []byte) bool { return bytes.Equal(v, want) })
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && has(wantRun) && has(wantStep) {
			out = append(out, pid)
		}
	}
	return out
}
