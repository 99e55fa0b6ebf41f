//go:build unix

package termtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Build builds the flightdeck program, static, into a fresh directory that the caller removes.
func Build() (string, error) {
	dir, err := os.MkdirTemp("", "fdtest-build-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "flightdeck")
	cmd := exec.Command("go", "build", "-o", bin, "flightdeck")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
}
