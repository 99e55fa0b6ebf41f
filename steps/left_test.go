//go:build linux

package steps

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// TestStillRunning: a command that outlives its flightdeck is found by what it was given.
func TestStillRunning(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	cmd.Env = append(os.Environ(), "FLIGHTDECK_RUN=left-test", "FLIGHTDECK_STEP=a/b-1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seen := func() bool { return slices.Equal(StillRunning("left-test", "a/b-1"), []int{cmd.Process.Pid}) }
	for deadline := time.Now().Add(5 * time.Second); !seen(); { // the variables are there once it has executed
		if time.Now().After(deadline) {
			t.Fatalf("process %d is not found: %v", cmd.Process.Pid, StillRunning("left-test", "a/b-1"))
		}
	}
	if others := StillRunning("left-test", "a/b"); others != nil {
		t.Errorf("another step: %v", others)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if left := StillRunning("left-test", "a/b-1"); left != nil {
		t.Errorf("after its end: %v", left)
	}
}
