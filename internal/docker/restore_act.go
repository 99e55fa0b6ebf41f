package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
)

// stepError is an action that failed, with the place it was for.
type stepError struct {
	what string
	slot slotKey
	err  error
}

func (e *stepError) Error() string { return e.what + ": " + engineSays(e.err) }
func (e *stepError) Unwrap() error { return e.err }

func failed(what string, k slotKey, err error) error {
	if err == nil || errors.Is(err, errCutOff) {
		return err
	}
	return &stepError{what, k, err}
}

// stop stops with the container's own signal and grace period.
func (r *restore) stop(ctx context.Context, p *present, why string) error {
	grace := 10 * time.Second // the engine's own default
	if s := p.spec.Config.StopTimeout; s != nil {
		grace = time.Duration(*s) * time.Second
	}
	text := fmt.Sprintf("stopping %s (%s)%s", p.label(), p.image(), why)
	err := r.act(ctx, grace+requestSlack, text, func(ctx context.Context) error {
		_, err := r.t.api.ContainerStop(ctx, p.id, client.ContainerStopOptions{})
		if errdefs.IsNotFound(err) {
			return nil
		}
		return err
	})
	if err == nil {
		p.state.Running, p.state.Restarting, p.state.Paused = false, false, false
	}
	return failed("cannot stop "+p.label()+" ("+p.image()+")", p.slot(), err)
}

// setAside stops a container and moves it out of the way of its successor.
func (r *restore) setAside(ctx context.Context, p *present, why string) error {
	if p.up() {
		if err := r.stop(ctx, p, why); err != nil {
			return err
		}
	}
	if !p.aside() {
		if err := r.rename(ctx, p, asidePrefix+p.name+"-"+shortID(p.id)); err != nil {
			return err
		}
	}
	return r.disarm(ctx, p)
}

// disarm keeps the engine from starting a stopped container again when it is restarted itself: it
// would take the port of its successor. "on-failure" does that as well, after a stop by signal.
func (r *restore) disarm(ctx context.Context, p *present) error {
	if !p.armed() || p.disarmed || r.serving(p.slot()) == p {
		return nil
	}
	err := r.act(ctx, requestSlack, "", func(ctx context.Context) error {
		_, err := r.t.api.ContainerUpdate(ctx, p.id, client.ContainerUpdateOptions{RestartPolicy: &container.RestartPolicy{Name: container.RestartPolicyDisabled}})
		if errdefs.IsNotFound(err) {
			return nil
		}
		return err
	})
	p.disarmed = err == nil
	return failed("cannot keep the former "+p.label()+" from being restarted", p.slot(), err)
}

func (r *restore) rename(ctx context.Context, p *present, name string) error {
	err := r.act(ctx, requestSlack, "", func(ctx context.Context) error {
		_, err := r.t.api.ContainerRename(ctx, p.id, client.ContainerRenameOptions{NewName: name})
		return err
	})
	if err == nil {
		p.name = name
	}
	return failed("cannot rename "+clean.Name(p.name)+" to "+clean.Name(name), p.slot(), err)
}

func (r *restore) start(ctx context.Context, w slot, p *present) error {
	text := fmt.Sprintf("starting %s (%s)", w.key, w.image())
	err := r.act(ctx, requestSlack, text, func(ctx context.Context) error {
		if p.state.Paused {
			_, err := r.t.api.ContainerUnpause(ctx, p.id, client.ContainerUnpauseOptions{})
			return err
		}
		_, err := r.t.api.ContainerStart(ctx, p.id, client.ContainerStartOptions{})
		return err
	})
	if err == nil {
		p.state.Running, p.state.Paused = true, false
	}
	return failed("cannot start "+w.key.String()+" ("+w.image()+")", w.key, err)
}

func (r *restore) remove(ctx context.Context, p *present, why string) error {
	text := fmt.Sprintf("removing the stopped %s (%s)%s", p.label(), p.image(), why)
	err := r.act(ctx, requestSlack, text, func(ctx context.Context) error {
		// Without its volumes: an anonymous one may be the only place of somebody's data.
		_, err := r.t.api.ContainerRemove(ctx, p.id, client.ContainerRemoveOptions{})
		if errdefs.IsNotFound(err) {
			return nil
		}
		return err
	})
	return failed("cannot remove "+p.label()+" ("+p.image()+")", p.slot(), err)
}

// healthLimit is how long a container may take from its start until it is healthy, by its own
// health check; zero if it has none.
func healthLimit(s spec) time.Duration {
	h := s.Config.Healthcheck
	if h == nil || len(h.Test) == 0 || h.Test[0] == "NONE" {
		return 0
	}
	or := func(d, def time.Duration) time.Duration {
		if d <= 0 {
			return def
		}
		return d
	}
	retries := h.Retries
	if retries <= 0 {
		retries = 3
	}
	return h.StartPeriod + time.Duration(retries)*(or(h.Interval, 30*time.Second)+or(h.Timeout, 30*time.Second)) + 5*time.Second
}

// pollEvery is how often a container that is being waited for is looked at: an inspect costs the
// engine less than half a millisecond.
const pollEvery = 50 * time.Millisecond

// wait waits until a container is healthy, or just runs if it has no health check; ill says what it
// is instead. With turning it ends as soon as the container is known to be unhealthy, else it gives it
// all its time, counted from begun, to recover. The error is only for a call that was cut off.
func (r *restore) wait(ctx context.Context, w slot, begun time.Time, turning bool) (ill, err error) {
	p := r.kept[w.key]
	limit := healthLimit(w.spec)
	if limit == 0 {
		limit = 5 * time.Second
	}
	// A container that had started before this call has its time too.
	end := begun.Add(limit)
	said := false
	for {
		now, err := r.t.lookAt(ctx, p.id, nil)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w: %w", errCutOff, ctx.Err())
		}
		if err == nil && now.well() {
			return nil, nil
		}
		if ill, last := r.illness(w, now, err, limit); last || time.Now().After(end) || turning && now.health() == string(container.Unhealthy) {
			return ill, nil
		}
		if !said {
			r.tell("waiting for " + w.key.String() + " to become healthy")
			said = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollEvery):
		}
	}
}

// illness says what keeps a container from being well, and whether waiting cannot mend it. An engine
// that does not answer once is no verdict on the container.
func (r *restore) illness(w slot, now present, err error, limit time.Duration) (ill error, last bool) {
	name := w.key.String() + " (" + w.image() + ")"
	switch {
	case err != nil:
		return failed("cannot look at "+w.key.String(), w.key, err), errdefs.IsNotFound(err)
	case !now.up():
		return failed(name+" does not stay up", w.key, fmt.Errorf("it ended with exit code %d", now.state.ExitCode)), true
	case now.health() == string(container.Unhealthy):
		return failed(name+" is back, but unhealthy", w.key, errors.New(lastHealth(now))), false
	}
	return failed(name+" is back, but not well in time", w.key, fmt.Errorf("after %s it is %s", limit, orElse(now.health(), string(now.state.Status)))), false
}

func lastHealth(p present) string {
	if h := p.state.Health; h != nil && len(h.Log) > 0 && h.Log[len(h.Log)-1] != nil {
		return "its last health check said: " + clean.Name(h.Log[len(h.Log)-1].Output)
	}
	return "its health check fails"
}

// waitAll gives every container its time to become well. One that this rollback did not touch never
// makes it fail: the proof that follows says what it is.
func (r *restore) waitAll(ctx context.Context) error {
	begun := time.Now()
	var wrong error
	for _, w := range r.wanted {
		if w.oneShot {
			continue
		}
		ill, err := r.wait(ctx, w, begun, false)
		switch {
		case err != nil:
			return err
		case ill == nil:
		case !r.touched(w.key):
			r.tell("not touched by the rollback: " + ill.Error())
		case wrong == nil:
			wrong = ill
		default:
			wrong = fmt.Errorf("%w; %w", wrong, ill)
		}
	}
	return wrong
}

// touched says that a rollback put the container of a place there: this call, or one that was cut off
// and left the predecessor set aside.
func (r *restore) touched(k slotKey) bool {
	return r.started[k] || slices.ContainsFunc(r.list, func(p *present) bool { return p.slot() == k && p.aside() })
}

// explain makes the operator's sentence of an error: what is left, and how to go on by hand.
func (r *restore) explain(ctx context.Context, err error) error {
	to := clean.Name(r.rel.Ref().String())
	if errors.Is(err, errCutOff) {
		return &stack.Error{What: "rollback to " + to + " was interrupted", Why: r.left(ctx), Do: "Start it again: it goes on where it stopped", Err: err}
	}
	e := &stack.Error{What: "rollback to " + to + " stopped", Why: err.Error(), Do: r.left(ctx), Err: err}
	var step *stepError
	if errors.As(err, &step) {
		e.Do += r.byHand(step.slot)
	}
	e.Do += " Starting the rollback again goes on where it stopped."
	return e
}

// left says which places have their recorded container running, and which do not.
func (r *restore) left(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestSlack)
	defer cancel()
	list, err := r.t.containers(ctx)
	if err != nil {
		return "What is left cannot be said: " + err.Error() + "."
	}
	text := "Now:"
	for i, p := range list {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %s (%s) %s", clean.Name(p.name), p.image(), p.state.Status)
		if h := p.health(); h != "" {
			text += " " + h
		}
	}
	return text + "."
}

// byHand gives the commands that undo the rollback of one place.
func (r *restore) byHand(k slotKey) string {
	var old, next *present
	for _, p := range r.list {
		switch {
		case p.slot() != k:
		case p.aside() && (old == nil || p.startedAt.After(old.startedAt)):
			old = p
		case r.serving(k) == p:
			next = p
		}
	}
	text := ""
	if next != nil {
		text += fmt.Sprintf(" To see why: docker logs %s.", clean.Name(next.name))
	}
	if old != nil && next != nil {
		former := recorded(*old).Name
		text += fmt.Sprintf(" To take %s back to %s by hand: docker rm -f %s && docker rename %s %s && docker start %[5]s.", k, old.image(), clean.Name(next.name), clean.Name(old.name), clean.Name(former))
		if old.armed() {
			policy := string(old.restart)
			if n := old.spec.Host.RestartPolicy.MaximumRetryCount; n > 0 {
				policy += fmt.Sprintf(":%d", n)
			}
			text += fmt.Sprintf(" Then: docker update --restart=%s %s.", policy, clean.Name(former))
		}
	}
	return text
}
