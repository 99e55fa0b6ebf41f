package steps

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"flightdeck/internal/clean"
)

// command runs the text of a shell fence.
func command() Kind {
	return Kind{Preview: previewCommand, Do: doCommand, Stoppable: true, Undo: func(_ World, j Job) string {
		if j.Step.Command == nil || j.Step.Command.Undo == "" {
			return ""
		}
		return "taken back by: " + clean.Name(j.Step.Command.Undo)
	}}
}

func previewCommand(_ context.Context, w World, j Job) ([]string, error) {
	if err := filledIn(w, j); err != nil {
		return nil, err
	}
	args, err := shell(w.Environ, j.Command)
	if err != nil {
		return nil, err
	}
	return announced(w, args), nil
}

// announced says exactly what is run, the text last and as it stands.
func announced(w World, args []string) []string {
	text := args[len(args)-1]
	out := []string{"runs with " + strings.Join(args[:len(args)-1], " ") + " in " + dirOf(w.Dir) + ":"}
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		out = append(out, "$ "+clean.Name(strings.TrimRight(line, "\n")))
	}
	if clean.Hides(text) {
		out = append(out, "careful: the command holds control characters that cannot be shown here")
	}
	return out
}

func dirOf(dir string) string {
	if dir == "" {
		return "the current directory"
	}
	return dir
}

// shell chooses bash when there is one, because runbooks are written for it and pipefail keeps a
// failure inside a pipe from being lost; else sh. With -e the first command of a fence that fails
// ends it: what comes after was written for the case that it had worked.
func shell(environ []string, text string) ([]string, error) {
	if path, err := lookPath(environ, "bash"); err == nil {
		return []string{path, "-e", "-o", "pipefail", "-c", text}, nil
	}
	if path, err := lookPath(environ, "sh"); err == nil {
		return []string{path, "-e", "-c", text}, nil
	}
	return nil, errors.New("neither bash nor sh is on the PATH, so no command can be run; do the step by hand and skip it with a reason")
}

// lookPath searches the PATH that the command itself will see.
func lookPath(environ []string, name string) (string, error) {
	path := ""
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	if path == "" {
		return exec.LookPath(name)
	}
	for _, dir := range filepath.SplitList(path) {
		if dir == "" || !filepath.IsAbs(dir) {
			continue
		}
		if found, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return found, nil
		}
	}
	return "", exec.ErrNotFound
}

// filledIn refuses a text that still has a placeholder in it. "$NAME" is filled in by a variable
// of that name.
func filledIn(w World, j Job) error {
	if j.Step.Command == nil {
		return nil
	}
	var open []string
	for _, p := range j.Step.Command.Placeholders {
		if strings.Contains(j.Command, p) && !set(w.Environ, p) {
			open = append(open, p)
		}
	}
	if len(open) == 0 {
		return nil
	}
	return fmt.Errorf("%s must be filled in first: press e to edit the command", strings.Join(open, ", "))
}

func set(environ []string, placeholder string) bool {
	name, ok := strings.CutPrefix(placeholder, "$")
	if !ok {
		return false
	}
	name = strings.Trim(name, "{}")
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok && v != "" {
			return true
		}
	}
	return false
}

func doCommand(ctx context.Context, w World, j Job) (Result, error) {
	if strings.TrimSpace(j.Command) == "" {
		return Result{}, errors.New("the command is empty")
	}
	if err := filledIn(w, j); err != nil {
		return Result{}, err
	}
	args, err := shell(w.Environ, j.Command)
	if err != nil {
		return Result{}, err
	}
	if ctx.Err() != nil {
		return Result{Stopped: true}, errors.New("stopped before the command was started")
	}
	p := process{args: args, environ: w.Environ, dir: w.Dir, patience: w.Patience.filled(), signalled: w.Signalled, out: newOutput(w.Out)}
	if c := j.Step.Command; c != nil {
		p.terminal, p.timeout = c.Terminal, c.Timeout
	}
	for _, line := range announced(w, args) {
		p.out.say(line)
	}
	return p.run(ctx)
}

// judged turns the end of a process into a result and the sentence for it.
func (p *process) judged(end ending) (Result, error) {
	res := Result{ExitCode: end.code, Stopped: end.cause == causeStop}
	how := exitWords(end)
	switch {
	case end.cause == causeStop:
		return res, fmt.Errorf("stopped: %s %s%s", p.sent(), how, end.remains)
	case end.cause == causeTimeout:
		return res, fmt.Errorf("it ran longer than its timeout of %s and was ended: %s %s%s", p.timeout, p.sent(), how, end.remains)
	case end.err != nil:
		return res, fmt.Errorf("how the command ended could not be seen: %w", end.err)
	case end.code != 0:
		return res, errors.New(how)
	}
	res.Evidence = "exit code 0"
	return res, nil
}

func (p *process) sent() string {
	if len(p.signals) == 0 {
		return "no signal was needed;"
	}
	return "after " + strings.Join(p.signals, ", ")
}

// exitWords explains an exit code as shells mean it.
func exitWords(end ending) string {
	if end.signal != "" {
		return "it was ended by the signal " + end.signal + killHint(end)
	}
	s := fmt.Sprintf("exit code %d", end.code)
	switch {
	case end.code == 126:
		s += ": a command was found but cannot be executed (permission? wrong architecture?)"
	case end.code == 127:
		s += ": a command was not found (is it installed here and on the PATH?)"
	case end.code == 130:
		s += ": interrupted (SIGINT)"
	case end.code == 137:
		s += ": killed (SIGKILL), often for want of memory"
	case end.code == 143:
		s += ": terminated (SIGTERM)"
	case end.code > 128 && end.code < 160:
		s += fmt.Sprintf(": ended by signal %d", end.code-128)
	}
	return s
}

func killHint(end ending) string {
	if end.signal == "killed" && end.cause == causeSelf {
		return ", often for want of memory"
	}
	return ""
}

// cause is why a process is being ended.
type cause int

const (
	causeSelf cause = iota // it ends by itself
	causeStop
	causeTimeout
)

// ending is how a process ended.
type ending struct {
	code    int
	signal  string // by which it died, "" if it exited
	cause   cause
	err     error
	remains string // what could not be ended, as the end of a sentence
}

// process is one run of a shell.
type process struct {
	args      []string
	environ   []string
	dir       string
	terminal  bool
	timeout   time.Duration
	patience  Patience
	signalled func(string)
	out       *output
	signals   []string
}
