package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"text/tabwriter"
	"time"

	"flightdeck/internal/stack"
)

// optionsVariable hands the options from Environ to Compose.
const optionsVariable = "FLIGHTDECK_LOCAL"

// Environ makes `$FLIGHTDECK_COMPOSE_COMMAND run --rm -T TOOL` of a runbook mean the tools of
// local.yaml.
func (t *Target) Environ(want stack.Want) []string {
	raw, err := json.Marshal(t.opts)
	if err != nil {
		raw = []byte("{}") // texts only; Compose would say that a project is missing
	}
	out := []string{
		"FLIGHTDECK_COMPOSE_COMMAND=" + strings.Join(append(append([]string{}, t.opts.Self...), "compose"), " "),
		optionsVariable + "=" + string(raw),
		"COMPOSE_PROJECT_NAME=" + t.opts.Project,
	}
	if t.opts.TagVariable != "" && want.Version != "" {
		out = append(out, t.opts.TagVariable+"="+want.Version)
	}
	return out
}

// Compose understands the two lines of compose that a runbook needs for local processes: `run
// [--rm] [-T] [--no-deps] TOOL [ARGUMENTS]` and `ps`. It returns the exit code of the tool.
func Compose(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	code, err := compose(ctx, args, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
	}
	return code
}

func compose(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var o Options
	if err := json.Unmarshal([]byte(os.Getenv(optionsVariable)), &o); err != nil {
		return 2, errors.New("this only works in a step of a runbook that flightdeck runs: " + optionsVariable + " is not set")
	}
	t, err := Open(o)
	if err != nil {
		return 1, err
	}
	switch {
	case len(args) > 0 && args[0] == "ps":
		return t.ps(ctx, stdout)
	case len(args) > 0 && args[0] == "run":
		args = args[1:]
		for len(args) > 0 && strings.HasPrefix(args[0], "-") {
			if args[0] != "--rm" && args[0] != "-T" && args[0] != "--no-TTY" && args[0] != "--no-deps" {
				return 2, fmt.Errorf("run %s does not work for local processes: only --rm, -T and --no-deps do", args[0])
			}
			args = args[1:]
		}
		if len(args) > 0 {
			return t.runTool(ctx, args[0], args[1:], stdout, stderr)
		}
	}
	return 2, errors.New("local processes know only `run [--rm] [-T] TOOL [ARGUMENTS]` and `ps`")
}

func (t *Target) ps(ctx context.Context, stdout io.Writer) (int, error) {
	snap, err := t.Observe(ctx)
	if err != nil {
		return 1, err
	}
	w := tabwriter.NewWriter(stdout, 0, 4, 2, ' ', 0)
	for _, c := range snap.Containers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.Label(), c.Image, c.State, c.Health, c.Ports)
	}
	return 0, w.Flush()
}

// runTool runs a tool of local.yaml in the foreground. Its version is the one in the environment.
func (t *Target) runTool(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (int, error) {
	f, err := readFile(t.opts.file())
	if err != nil {
		return 1, err
	}
	tool, ok := f.Tools[name]
	if !ok || len(tool.Command) == 0 {
		return 1, fmt.Errorf("%s has no tool %q", t.opts.file(), name)
	}
	vars, err := t.vars(stack.Want{})
	if err != nil {
		return 1, err
	}
	argv, err := expandAll("tool "+name, tool.Command, vars)
	if err != nil {
		return 1, err
	}
	env, err := environment("tool "+name, tool.Environment, vars)
	if err != nil {
		return 1, err
	}
	if argv[0] == self {
		argv[0] = t.opts.Binary
	}
	cmd := exec.CommandContext(ctx, argv[0], append(argv[1:], args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.Cancel = func() error { return terminate(cmd.Process.Pid) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exitCode(exit.ProcessState), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
