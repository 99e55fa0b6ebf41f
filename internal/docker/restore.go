package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/moby/moby/api/types/container"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// restore is one rollback under way. Everything it needs to know it reads from the engine, so that
// another one can go on after it was cut off at any moment.
type restore struct {
	t       *Target
	rel     release.Release
	say     stack.Say
	wanted  []slot // in the order in which they start
	list    []*present
	kept    map[slotKey]*present // runs as recorded already, or has been started
	fresh   map[slotKey]*present // as recorded, waiting for its turn to start
	started map[slotKey]bool     // by this call
	mu      sync.Mutex           // for say and changed, while actions of several places run together
	changed bool
	// remade are networks that had to be made again: whatever was on them is not as recorded.
	remade map[string]bool
}

// Restore brings the release back from its record: containers by image ID and recorded
// configuration, with the volumes that are there now. Unless everything that is needed is there it
// refuses before it changes anything. New containers are made first, beside the running ones; then
// each takes the place of its predecessor, which is kept, stopped, until all restored ones are
// well. When ctx ends, the action in hand is finished and the rest left for another call.
func (t *Target) Restore(ctx context.Context, id string, say stack.Say) error {
	if err := t.settled(ctx, say); err != nil {
		return err
	}
	known, _, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	a, err := t.find(ctx, known, id)
	if err != nil {
		return err
	}
	r := &restore{t: t, rel: a.release, say: say, kept: map[slotKey]*present{}, fresh: map[slotKey]*present{}, started: map[slotKey]bool{}, remade: map[string]bool{}}
	if r.say == nil {
		r.say = func(string) {}
	}
	list, err := t.containers(ctx)
	if err != nil {
		return err
	}
	why, err := t.obstacle(ctx, a, list)
	if err != nil {
		return err
	}
	if why != "" {
		return &stack.Error{What: "rollback to " + clean.Name(a.release.Ref().String()) + " refused, nothing was changed", Why: why, Do: "Choose another release with 'flightdeck rollback --list'", Err: errRefused}
	}
	for i := range list {
		r.list = append(r.list, &list[i])
	}
	wanted, _ := readRecord(a.release)
	r.wanted = inOrder(wanted)
	return r.run(ctx)
}

func (r *restore) run(ctx context.Context) error {
	begun := time.Now()
	for _, phase := range []func(context.Context) error{
		r.restoreNetworks, r.restoreTags, r.choose, r.makeAll, r.switchAll, r.waitAll, r.cleanUp, r.dropNetworks,
	} {
		if err := phase(ctx); err != nil {
			return r.explain(ctx, err)
		}
	}
	if !r.changed {
		r.say("everything runs as recorded already")
		return nil
	}
	if err := r.t.noteRestored(ctx, r.rel.ID, time.Since(begun)); err != nil {
		// The release is back; a missing note must not turn that into a failure.
		r.tell("how long it took could not be noted in the ledger: " + err.Error())
	}
	return nil
}

// noteRestored keeps how long it took, for the dialog before the next rollback.
func (t *Target) noteRestored(ctx context.Context, id string, took time.Duration) error {
	_, last, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	at, err := t.clock(ctx)
	if err != nil {
		return err
	}
	return t.note(ctx, kindRestored, id, last, at, map[string]string{ledgerTook: strconv.FormatInt(took.Milliseconds(), 10)})
}

// requestSlack is what an engine under load may need beyond the time that an action takes.
const requestSlack = 60 * time.Second

// errCutOff marks a rollback that was asked to stop between two actions.
var errCutOff = errors.New("rollback interrupted")

// act does one action. Once begun it is not cut off when ctx ends, so that the engine is never
// left with an action of which nobody knows whether it happened.
func (r *restore) act(ctx context.Context, limit time.Duration, sentence string, do func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", errCutOff, err)
	}
	r.tell(sentence)
	inner, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	return do(inner)
}

func (r *restore) tell(sentence string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = true
	if sentence != "" {
		r.say(sentence)
	}
}

// choose finds, for every place of the record, the container that is as recorded already.
func (r *restore) choose(context.Context) error {
	for _, w := range r.wanted {
		var best *present
		for _, p := range r.list {
			if p.slot() == w.key && r.identical(w, p) && (best == nil || better(*p, *best)) {
				best = p
			}
		}
		switch {
		case best == nil:
		case w.oneShot && !best.fresh(), best.up() && !best.state.Paused:
			r.kept[w.key] = best
		default:
			r.fresh[w.key] = best
		}
	}
	return nil
}

// identical says whether a container is what the record asks for. One that was set aside is not:
// it keeps its data and logs for the operator and is never used again.
func (r *restore) identical(w slot, p *present) bool {
	if p.aside() || p.imageID != w.want.ImageID || p.hash != w.want.ConfigHash {
		return false
	}
	if w.oneShot && w.want.Ended == "" && p.state.Status == container.StateExited && p.state.ExitCode != 0 {
		return false // it had done its work, but a later run of it has failed
	}
	for name := range p.spec.Networks {
		if r.remade[name] {
			return false
		}
	}
	for i, id := range p.peerIDs {
		// Its namespace is that of one certain container; a successor of that one has another.
		peers := peersOf(w.spec)
		if i >= len(peers) {
			return false
		}
		if k := r.serving(peers[i]); k == nil || k.id != id {
			return false
		}
	}
	return true
}

// serving gives the container that is, or will be, in a place.
func (r *restore) serving(k slotKey) *present {
	if p := r.kept[k]; p != nil {
		return p
	}
	return r.fresh[k]
}

// switchAll gives every place to its recorded container, dependencies first.
func (r *restore) switchAll(ctx context.Context) error {
	for _, group := range groups(r.wanted) {
		for _, w := range group {
			if r.serving(w.key) == nil {
				return fmt.Errorf("no container was made for %s", w.key)
			}
			if err := r.clearTheWay(ctx, w, r.serving(w.key)); err != nil {
				return err
			}
		}
		// Who stands where is found out before anything moves.
		former := make([][]*present, len(group))
		for i, w := range group {
			for _, p := range r.list {
				if p.slot() == w.key && p != r.serving(w.key) {
					former[i] = append(former[i], p)
				}
			}
		}
		if err := together(len(group), func(i int) error {
			return r.switchOver(ctx, group[i], former[i], r.serving(group[i].key))
		}); err != nil {
			return err
		}
		for _, w := range group {
			r.started[w.key] = r.kept[w.key] == nil && !w.oneShot
			r.kept[w.key] = r.serving(w.key)
			delete(r.fresh, w.key)
		}
		for _, w := range group {
			if !r.awaited(w) {
				continue
			}
			// It may be sick because of the very release that is being left: only when that one is
			// gone can it be judged.
			if ill, err := r.wait(ctx, w, time.Now(), true); err != nil {
				return err
			} else if ill != nil {
				r.tell("going on without it, and judging it at the end: " + ill.Error())
			}
		}
	}
	return nil
}

// awaited says that another service of the record starts only when this one is healthy.
func (r *restore) awaited(w slot) bool {
	return !w.oneShot && slices.ContainsFunc(r.wanted, func(o slot) bool {
		return !o.oneShot && r.fresh[o.key] != nil && slices.ContainsFunc(dependencies(o.spec), func(d dependency) bool {
			return d.service == w.key.service && d.condition == "service_healthy"
		})
	})
}

// switchOver touches no container of another place, so that several may run together.
func (r *restore) switchOver(ctx context.Context, w slot, former []*present, next *present) error {
	for _, p := range former {
		if err := r.setAside(ctx, p, ""); err != nil {
			return err
		}
	}
	if next.name != w.want.Name {
		if err := r.rename(ctx, next, w.want.Name); err != nil {
			return err
		}
	}
	switch {
	case w.oneShot && next.up() && next.armed():
		// A job that runs ends by itself and must not be cut off; a service does not end.
		return r.stop(ctx, next, ", which did not run when it was recorded")
	case r.kept[w.key] != nil || w.oneShot:
		return nil
	}
	return r.start(ctx, w, next)
}

// clearTheWay stops whatever of the abandoned release holds a port that this container needs, and
// frees its name. What the release itself runs is never touched by it.
func (r *restore) clearTheWay(ctx context.Context, w slot, next *present) error {
	for _, p := range r.list {
		if p == next || p.slot() == w.key || r.serving(p.slot()) == p && r.kept[p.slot()] != nil {
			continue
		}
		if port, taken := clashing(askedPorts(w.spec.Host), p.ports); taken && p.up() && !w.oneShot {
			if err := r.stop(ctx, p, fmt.Sprintf(", which holds port %s of %s", port, w.key)); err != nil {
				return err
			}
			if err := r.disarm(ctx, p); err != nil {
				return err
			}
		}
		if p.name == w.want.Name {
			if err := r.setAside(ctx, p, ", whose name "+w.key.String()+" needs"); err != nil {
				return err
			}
		}
	}
	return nil
}

// cleanUp removes what was set aside and what the record does not have. Volumes stay, all of them.
func (r *restore) cleanUp(ctx context.Context) error {
	var drop []*present
	for _, p := range r.list {
		if r.kept[p.slot()] != p {
			drop = append(drop, p)
		}
	}
	return together(len(drop), func(i int) error {
		p, why := drop[i], ""
		if !slices.ContainsFunc(r.wanted, func(w slot) bool { return w.key == p.slot() }) {
			why = ", which " + clean.Name(r.rel.Ref().String()) + " does not have"
		}
		if p.up() {
			if err := r.stop(ctx, p, why); err != nil {
				return err
			}
			why = ""
		}
		return r.remove(ctx, p, why)
	})
}
