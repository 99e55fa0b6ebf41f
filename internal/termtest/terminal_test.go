//go:build unix

package termtest

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestScreenKeysAndExitCode(t *testing.T) {
	term, err := Start(exec.Command("sh", "-c", `printf 'name? \033[31mred\033[0m 世\n'; read x; echo "hello $x"; exit 7`), 40, 5)
	if err != nil {
		t.Fatal(err)
	}
	defer term.Close()
	if err := term.WaitFor(5*time.Second, "name? red 世"); err != nil {
		t.Fatal(err)
	}
	if svg := term.Picture(Dark()); !strings.Contains(svg, `>red</text>`) {
		t.Errorf("no red text in the picture:\n%s", svg)
	}
	if err := term.Send("you" + Enter); err != nil {
		t.Fatal(err)
	}
	if err := term.WaitFor(5*time.Second, "hello you"); err != nil {
		t.Fatal(err)
	}
	if code, err := term.Wait(5 * time.Second); err != nil || code != 7 {
		t.Errorf("exit code %d, %v; want 7", code, err)
	}
	if err := term.WaitFor(time.Second, "never"); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("waiting on an ended program: %v", err)
	}
}
