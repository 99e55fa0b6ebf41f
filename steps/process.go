package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// pollGroup is how often a process group that is being ended is looked at, once its leader is gone.
const pollGroup = 20 * time.Millisecond

// run starts the process and waits for its end: the exit of the shell itself, and at most
// Patience.Pipe for those that still hold its output.
func (p *process) run(ctx context.Context) (Result, error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), p.args[0], p.args[1:]...) // await ends it, gently at first
	cmd.Env, cmd.Dir = p.environ, p.dir
	stream, err := p.start(cmd)
	if err != nil {
		return Result{ExitCode: -1}, fmt.Errorf("the command could not be started: %w", err)
	}
	drained, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(drained)
		p.out.read(stream)
	}()
	go p.out.watch(p.patience.Partial, drained)
	var waited error
	go func() {
		defer close(ended)
		waited = cmd.Wait()
	}()
	end := p.await(ctx, cmd.Process.Pid, ended)
	p.drain(stream, drained)
	end.code, end.signal = exitOf(cmd.ProcessState)
	if p.out.broken != "" {
		p.out.say(p.out.broken)
	}
	var exit *exec.ExitError
	if waited != nil && !errors.As(waited, &exit) {
		end.err = waited
	}
	return p.judged(end)
}

// await gives back when the shell has exited, and ends it when it must.
func (p *process) await(ctx context.Context, pid int, ended <-chan struct{}) ending {
	var late <-chan time.Time
	if p.timeout > 0 {
		timer := time.NewTimer(p.timeout)
		defer timer.Stop()
		late = timer.C
	}
	end := ending{}
	select {
	case <-ended:
		return end
	case <-ctx.Done():
		end.cause = causeStop
	case <-late:
		end.cause = causeTimeout
		p.out.say("the command ran longer than its timeout of " + p.timeout.String() + " and is being ended")
	}
	if !p.escalate(pid, ended) {
		end.remains = "; some of its processes could not be ended and still run"
	}
	<-ended
	return end
}

// escalate asks the whole process group to end, harder each time, and says whether nothing of it
// is left. Each signal is told before it is sent.
func (p *process) escalate(pid int, ended <-chan struct{}) bool {
	for _, s := range signals(p.patience) {
		if gone(pid, ended) {
			return true
		}
		p.signals = append(p.signals, s.name)
		if p.signalled != nil {
			p.signalled(s.name)
		}
		p.out.say("sent " + s.name + " to the command")
		if err := s.send(pid); err != nil {
			p.out.say("the signal " + s.name + " could not be sent: " + err.Error())
		}
		if waitGone(pid, ended, s.wait) {
			return true
		}
	}
	return gone(pid, ended)
}

func gone(pid int, ended <-chan struct{}) bool {
	select {
	case <-ended:
		return !groupAlive(pid)
	default:
		return false
	}
}

// waitGone waits until the shell has exited and its group is empty, at most d.
func waitGone(pid int, ended <-chan struct{}, d time.Duration) bool {
	deadline := time.NewTimer(d)
	defer deadline.Stop()
	select {
	case <-ended:
	case <-deadline.C:
		return false
	}
	tick := time.NewTicker(pollGroup)
	defer tick.Stop()
	for groupAlive(pid) {
		select {
		case <-tick.C:
		case <-deadline.C:
			return !groupAlive(pid)
		}
	}
	return true
}

// signal is one stage of an escalation.
type signal struct {
	name string
	send func(pid int) error
	wait time.Duration
}

// drain reads what is still in the pipe. Whoever the command left behind and still holds the
// other end is no longer listened to.
func (p *process) drain(stream io.Closer, drained <-chan struct{}) {
	select {
	case <-drained:
		_ = stream.Close() // at its end already: nothing can be lost by an error here
	case <-time.After(p.patience.Pipe):
		p.out.say("a process that the command left behind still holds its output open; it is not followed any more")
		_ = stream.Close() // only this unblocks the reader
		<-drained
	}
	p.out.end()
}

// pipes gives the command one pipe for both outputs: two would lose the order between them, and
// the order is what tells which command an error belongs to. Its stdin is empty.
func pipes(cmd *exec.Cmd) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	_ = w.Close() // the command has its own copy
	if err != nil {
		_ = r.Close() // nobody writes to it
		return nil, err
	}
	return r, nil
}
