package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
)

// lastLines is how many lines of a failed command an error repeats, keptLines how many are searched
// for a known cause: after a failure compose may go on to report on other containers.
const (
	lastLines = 5
	keptLines = 60
)

// Deploy runs the compose tool's `up -d` to its end. It is never signalled: a compose that is
// interrupted leaves renamed and half-started containers. When ctx ends meanwhile, the error says
// so after compose has finished; errors.Is(err, ctx.Err()) holds for it.
func (t *Target) Deploy(ctx context.Context, want stack.Want, say stack.Say) error {
	c, err := t.composeTool(ctx)
	if err != nil {
		return err
	}
	if err := t.fits(c); err != nil {
		return err
	}
	line := append(t.commandLine(c), "up", "-d")
	if want.RemoveOrphans {
		line = append(line, "--remove-orphans")
	}
	// The separator keeps a service called "-x" from being read as a flag.
	if len(want.Services) > 0 {
		line = append(append(line, "--"), want.Services...)
	}
	if err := ctx.Err(); err != nil {
		return err // nothing has begun
	}
	say("running " + clean.Text(strings.Join(line, " ")))
	return t.runToEnd(ctx, line, t.environ(want), say)
}

// fits refuses what the old generation cannot do.
func (t *Target) fits(c tool) error {
	if c.generation == "v1" && len(t.project.EnvFiles) > 1 {
		return &stack.Error{What: c.String() + " reads one env file only, but the project has " + strings.Join(t.project.EnvFiles, ", "), Do: "Join the files into one"}
	}
	return nil
}

// runToEnd starts a command in its own process group and waits for its end whatever happens to
// ctx. Its output goes to a file, not to a pipe: if flightdeck is killed, a pipe would break and
// take compose down with it in the middle of its work.
func (t *Target) runToEnd(ctx context.Context, line, env []string, say stack.Say) error {
	out, err := os.CreateTemp("", "flightdeck-compose-*.log")
	if err != nil {
		return &stack.Error{What: "cannot make a file for compose's output", Why: err.Error(), Do: "Make room in " + os.TempDir(), Err: err}
	}
	defer os.Remove(out.Name()) // a left-over in the temporary directory does no harm
	defer out.Close()           // read to its end by then
	cmd := exec.CommandContext(context.WithoutCancel(ctx), line[0], line[1:]...)
	cmd.Dir, cmd.Env = t.project.Dir, append(env, "COMPOSE_PROGRESS=plain", "COMPOSE_ANSI=never", "BUILDKIT_PROGRESS=plain")
	cmd.Stdout, cmd.Stderr = out, out
	ownGroup(cmd)
	claim, err := t.claimCompose(ctx, say)
	if err != nil {
		return err
	}
	if claim != nil {
		cmd.ExtraFiles = []*os.File{claim}
	}
	err = cmd.Start()
	if claim != nil {
		if err == nil {
			signClaim(claim, cmd.Process.Pid)
		}
		_ = claim.Close() // compose holds it now
	}
	if err != nil {
		return composeError(line, "", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	text, err := followFile(ctx, out.Name(), ended, say)
	switch {
	case err != nil && ctx.Err() != nil:
		return errors.Join(composeError(line, text, err), ctx.Err())
	case err != nil:
		return composeError(line, text, err)
	case ctx.Err() != nil:
		return &stack.Error{What: "the deploy was asked to stop; compose had begun and was left to finish, and did so without an error", Do: "Look at the services before going on", Err: ctx.Err()}
	}
	return nil
}

// followFile gives the lines of a growing file to say until ended speaks, and returns its last
// part and what ended said.
func followFile(ctx context.Context, name string, ended <-chan error, say stack.Say) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		// Without its output the command must still be waited for.
		return err.Error(), <-ended
	}
	defer f.Close() // only read
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	p := progress{say: say}
	stopped := ctx.Done()
	for {
		select {
		case err := <-ended:
			p.read(f)
			p.flush()
			return strings.Join(p.last, "\n"), err
		case <-stopped:
			stopped = nil
			say("asked to stop: compose has begun and is left to finish")
		case <-tick.C:
			p.read(f)
		}
	}
}

// progress turns compose's output into sentences.
type progress struct {
	say  stack.Say
	rest []byte
	last []string
	prev string
}

func (p *progress) read(r io.Reader) {
	data, err := io.ReadAll(r)
	if err != nil {
		p.say("cannot read compose's output: " + err.Error())
	}
	p.rest = append(p.rest, data...)
	for {
		i := bytes.IndexAny(p.rest, "\r\n")
		if i < 0 {
			return
		}
		p.line(p.rest[:i])
		p.rest = p.rest[i+1:]
	}
}

func (p *progress) flush() {
	p.line(p.rest)
	p.rest = nil
}

func (p *progress) line(raw []byte) {
	text, _ := clean.Line(raw, 4096)
	text = strings.Join(strings.Fields(text), " ")
	if text == "" || text == p.prev {
		return // the plain progress repeats itself
	}
	p.prev = text
	p.last = append(p.last, text)
	if len(p.last) > keptLines {
		p.last = p.last[1:]
	}
	p.say(text)
}

// classic is a failure that people meet again and again, with its remedy. $1 is the first group.
type classic struct {
	pattern string
	do      string
}

// classics in the order in which they are tried.
func classics() []classic {
	return []classic{
		{`(?i)no space left on device`, "The engine's disk is full: look at it with 'docker system df', make room, then retry. Do not prune images that a rollback needs"},
		{`(?i)(?:0\.0\.0\.0|127\.0\.0\.1|\[::\]|\S):(\d+)\S* failed: port is already allocated`, "Another container has port $1: find it with 'docker ps --filter publish=$1', stop it or change the port, then retry"},
		{`(?i):(\d+): bind: address already in use`, "Another program has port $1: find it with 'ss -ltnp sport = :$1', stop it or change the port, then retry"},
		{`(?i)port is already allocated|address already in use`, "Another container or program has the port: find it with 'docker ps' or 'ss -ltnp', stop it or change the port, then retry"},
		{`(?i)pull access denied|manifest (?:for \S+ )?(?:unknown|not found)|no such image|repository does not exist|failed to resolve reference|unauthorized: |requested access to the resource is denied`, "The image is neither on the engine nor can it be pulled: check its name and version, build or push it, or log in with 'docker login'"},
		{`(?i)(?:no such host|connection refused|i/o timeout|TLS handshake timeout).*registry|registry.*(?:no such host|connection refused|i/o timeout)|Get "https?://[^"]*/v2/`, "The registry cannot be reached from the engine: check the network, or load the image with 'docker load'"},
		{`(?i)no configuration file provided|can't find a suitable configuration file|open \S*compose\S*: no such file|\.FileNotFoundError: .*compose`, "There is no compose file here: run flightdeck where the file lies, or name it in flightdeck.yaml (compose: [FILE])"},
		{`(?i)env file \S+ not found|couldn't find env file`, "Make the env file, or correct its name"},
		{`(?i)required variable (\S+) is missing|mandatory variable "?(\w+)|missing (?:a required|mandatory) value`, "Set the variable in the environment or in the env file"},
		{`(?i)no such service`, "Correct the service's name: 'docker compose config --services' lists them"},
		{`(?i)yaml: |while (?:parsing|scanning)|is invalid because|additional propert|unsupported config option|validating \S+|undefined (?:service|volume|network)|refers to undefined|depends on undefined|must be a |did not find expected|invalid (?:spec|interpolation|reference format|compose)`, "Correct the compose file; 'docker compose config -q' checks it"},
		{`(?i)dependency failed to start|is unhealthy|didn't complete successfully`, "A service that others wait for did not come up: look at its log and its health check"},
		{`(?i)network \S+ declared as external|external volume|could not find an available, non-overlapping`, "Make the network or volume that the project expects, or free unused ones ('docker network ls')"},
		{`(?i)container name "?\S+"? is already in use`, "A container with that name is left over: look at it with 'docker ps -a', remove it if nobody needs it, then retry"},
	}
}

// composeError says what failed with its last lines, and a remedy where one is known.
func composeError(line []string, text string, err error) error {
	name := subcommand(line)
	e := &stack.Error{What: name + " failed", Err: err}
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		e.What, e.Do = name+" cannot be started", "Install "+line[0]+", or put it into the PATH; the project's directory must exist as well"
		e.Why = clean.Text(err.Error())
		return e
	case errors.As(err, &exit):
		e.What = fmt.Sprintf("%s failed (%s)", name, exitText(exit))
	default:
		e.Why = clean.Text(err.Error())
	}
	if last := tailOf(text); last != "" {
		e.Why = last
	}
	if regexp.MustCompile(`(?i)cannot connect to the docker daemon|couldn't connect to docker daemon|error during connect|connection aborted`).MatchString(text) {
		e.Do, e.Err = "The engine went away: bring it back, look at the services, then retry", errors.Join(stack.ErrUnreachable, err)
		return e
	}
	for _, c := range classics() {
		re := regexp.MustCompile(c.pattern)
		if m := re.FindStringSubmatchIndex(text); m != nil {
			e.Do = string(re.ExpandString(nil, c.do, text, m))
			e.Why = matched(text, m) // the cause alone: the rest stands in the step's output
			break
		}
	}
	return e
}

// matched is the line of the text in which a pattern was found, with the next one where it ends in a
// colon: there the cause follows.
func matched(text string, m []int) string {
	from := strings.LastIndexByte(text[:m[0]], '\n') + 1
	line, rest, _ := strings.Cut(text[from:], "\n")
	if strings.HasSuffix(strings.TrimSpace(line), ":") {
		next, _, _ := strings.Cut(rest, "\n")
		line += " " + next
	}
	return clean.Cut(strings.TrimSpace(clean.Name(line)), 300)
}

// exitText tells an exit code from a signal, which has none.
func exitText(exit *exec.ExitError) string {
	if exit.ExitCode() < 0 {
		return exit.String()
	}
	return fmt.Sprintf("exit code %d", exit.ExitCode())
}

// subcommand is "docker compose up" without the flags in between.
func subcommand(line []string) string {
	words := []string{line[0]}
	for _, w := range line[1:] {
		switch w {
		case "compose", "up", "config", "version":
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// tailOf is the last lines of a text, cleaned, without warnings that are not the cause.
func tailOf(text string) string {
	var out []string
	for _, l := range strings.Split(clean.Text(text), "\n") {
		l = strings.TrimSpace(l)
		if l == "" || strings.Contains(l, "level=warning") || strings.Contains(l, "variable is not set. Defaulting to a blank string") {
			continue
		}
		out = append(out, l)
	}
	if len(out) > lastLines {
		out = out[len(out)-lastLines:]
	}
	return strings.Join(out, "; ")
}
