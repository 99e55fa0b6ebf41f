package docker

import (
	"context"
	"time"

	"flightdeck/internal/release"
)

// steadyFor is how long a container without health check must be seen running before it counts:
// most programs that cannot run end within it.
const steadyFor = 2 * time.Second

// verifyEvery is how often the engine is asked while a proof waits for health checks.
const verifyEvery = 250 * time.Millisecond

// Verify compares what runs with the record until everything agrees, ctx ends or every health check
// has had its time, and gives the last table either way. It returns early when what is wrong cannot mend itself: another image,
// another configuration, a container too many. The error is for an engine that did not answer.
func (t *Target) Verify(ctx context.Context, id string) (release.Proof, error) {
	known, _, err := t.accounts(ctx)
	if err != nil {
		return release.Proof{}, err
	}
	a, err := t.find(ctx, known, id)
	if err != nil {
		return release.Proof{}, err
	}
	if a.broken != nil {
		return release.Proof{}, brokenRecord(id, a)
	}
	ctx, cancel := context.WithTimeout(ctx, proofLimit(a.release))
	defer cancel()
	var last release.Proof
	seen := make(map[string]time.Time)
	for looked := false; ; looked = true {
		list, err := t.containers(ctx)
		if ctx.Err() != nil && looked {
			return last, nil // the time for the health checks is over; the table says what is missing
		}
		if err != nil {
			return last, err
		}
		last = release.Prove(a.release, runningNow(list, seen, time.Now()))
		if last.OK || hopeless(last) {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return last, nil
		case <-time.After(verifyEvery):
		}
	}
}

// proofLimit is how long the slowest health check of the record may take, and a little more: past
// it nothing is still to be waited for.
func proofLimit(r release.Release) time.Duration {
	limit := steadyFor
	wanted, _ := readRecord(r)
	for _, w := range wanted {
		limit = max(limit, healthLimit(w.spec))
	}
	return limit + 10*time.Second
}

// runningNow turns containers into what a proof looks at. seen remembers since when each one has
// been running with its present start.
func runningNow(list []present, seen map[string]time.Time, now time.Time) []release.Running {
	out := make([]release.Running, 0, len(list))
	for _, p := range list {
		key := p.id + " " + p.startedAt.String()
		if !p.well() {
			delete(seen, key)
		} else if seen[key].IsZero() {
			seen[key] = now
		}
		out = append(out, release.Running{
			Service: p.service, Number: p.number, Name: p.name, ImageID: p.imageID, ConfigHash: p.hash,
			State: string(p.state.Status), ExitCode: p.state.ExitCode, Health: p.health(),
			Steady: p.well() && now.Sub(seen[key]) >= steadyFor,
		})
	}
	return out
}

// hopeless says that waiting cannot make the table good.
func hopeless(p release.Proof) bool {
	for _, row := range p.Rows {
		if row.Image != release.OK || row.Config != release.OK {
			return true
		}
	}
	return len(p.Rows) == 0
}
