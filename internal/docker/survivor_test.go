//go:build unix

package docker

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestSurvivor: a compose whose flightdeck is gone is waited for, by name, and only while it lives.
func TestSurvivor(t *testing.T) {
	target := &Target{host: "unix:///nowhere.sock", project: Project{Name: "fdtest-" + t.Name()}}
	t.Cleanup(func() { _ = os.Remove(target.survivorFile()) })
	claim, err := target.claimCompose(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	compose := exec.Command("sleep", "60")
	compose.ExtraFiles = []*os.File{claim}
	if err := compose.Start(); err != nil {
		t.Fatal(err)
	}
	signClaim(claim, compose.Process.Pid)
	if err := claim.Close(); err != nil { // as the death of flightdeck does
		t.Fatal(err)
	}

	said := make(chan string, 10)
	ended := make(chan error, 1)
	go func() { ended <- target.settled(t.Context(), func(s string) { said <- s }) }()
	select {
	case s := <-said:
		if !strings.Contains(s, "still at work") || !strings.Contains(s, "process ") {
			t.Errorf("said %q", s)
		}
	case err := <-ended:
		t.Fatalf("it did not wait: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := target.settled(short, nil); err == nil {
		t.Error("a second one did not wait")
	}
	if err := compose.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = compose.Wait() // it was killed
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(said) > 0 {
		t.Errorf("said again: %q", <-said)
	}
}
