//go:build unix

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"flightdeck/internal/termtest"
)

// BenchmarkFirstFrame is the time from the start of the process to the first cell on the screen:
// flightdeck's home screen beside the least Bubble Tea program.
//
//	go test ./internal/e2e -run XXX -bench FirstFrame -benchtime 20x
func BenchmarkFirstFrame(b *testing.B) {
	bin, err := build()
	if err != nil {
		b.Fatal(err)
	}
	minimal := filepath.Join(b.TempDir(), "minimal")
	cmd := exec.Command("go", "build", "-o", minimal, "flightdeck/internal/e2e/minimal")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	project := b.TempDir()
	compose := "services: {web: {image: shop:v1}}\n"
	if err := os.WriteFile(filepath.Join(project, "compose.yaml"), []byte(compose), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, p := range []struct{ name, bin, text string }{{"minimal", minimal, "hello"}, {"flightdeck", bin, "Looking"}, {"flightdeck with all rows", bin, "ENVIRONMENT"}} {
		b.Run(p.name, func(b *testing.B) {
			for range b.N {
				firstFrame(b, p.bin, project, p.text)
			}
		})
	}
}

func firstFrame(b *testing.B, bin, dir, text string) {
	b.Helper()
	cmd := exec.Command(bin)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "FLIGHTDECK_STATE="+filepath.Join(dir, "state"))
	term, err := termtest.Start(cmd, 120, 40)
	if err != nil {
		b.Fatal(err)
	}
	if err := term.WaitFor(soon, text); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	if err := term.Close(); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
}
