//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flightdeck/internal/termtest"
)

// picture keeps the screen for the README when FLIGHTDECK_PICTURES names a directory.
func picture(t *testing.T, c *cockpit, name string) {
	t.Helper()
	dir := os.Getenv("FLIGHTDECK_PICTURES")
	if dir == "" || !strings.HasSuffix(t.Name(), "/v2") {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".svg"), []byte(c.Picture(termtest.Dark())), 0o644); err != nil {
		t.Error(err)
	}
}
