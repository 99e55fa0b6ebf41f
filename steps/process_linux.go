package steps

import (
	"bytes"
	"os"
	"path/filepath"
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
