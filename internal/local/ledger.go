package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// entry is one file of the ledger. Key is over what runs, so that the same state is recorded once;
// Last is when that state was recorded last, by which the ledger is sorted.
type entry struct {
	Key     string          `json:"key"`
	Last    time.Time       `json:"last"`
	Release release.Release `json:"release"`
}

// Record writes down what runs now. The programs are in the data directory already, by digest, and
// nothing ever removes those that the ledger names. What is healthy at this moment is judged so,
// for it is what a rollback should bring back; a release marked bad stays bad until Judge.
func (t *Target) Record(_ context.Context, meta stack.Meta) (release.Release, error) {
	now, r, err := t.current()
	if err != nil {
		return r, err
	}
	r.Commit, r.Environment, r.By, r.Run, r.RecordedAt = meta.Commit, meta.Environment, meta.By, meta.Run, time.Now().UTC()
	if meta.Version != "" {
		r.Version = meta.Version
	}
	var identity []string
	for _, i := range now {
		identity = append(identity, i.spec.Service, i.spec.imageID(), i.spec.hash())
	}
	key := digest([]byte(strings.Join(identity, "\n")))
	all, err := t.entries()
	if err != nil {
		return r, err
	}
	e := entry{Key: key, Release: r}
	if at := slices.IndexFunc(all, func(e entry) bool { return e.Key == key }); at >= 0 {
		e = all[at]
	} else {
		e.Release.ID = "rel-" + r.RecordedAt.Format("20060102-150405") + "-" + newID()[:4]
	}
	e.Last = r.RecordedAt
	if e.Release.Status == release.StatusRecorded && allWell(now) {
		e.Release.Status, e.Release.JudgedAt, e.Release.Why = release.StatusHealthy, r.RecordedAt, "every process was running and healthy when it was recorded"
	}
	return e.Release, writeJSON(t.dir.release(e.Release.ID), e, true)
}

// Current is what runs now, as a release that has no ID.
func (t *Target) Current(context.Context) (release.Release, error) {
	_, r, err := t.current()
	return r, err
}

func (t *Target) current() ([]instance, release.Release, error) {
	r := release.Release{Project: t.opts.Project, Environment: t.opts.Environment, Status: release.StatusRecorded}
	now, err := t.dir.currents()
	if err != nil {
		return nil, r, err
	}
	if len(now) == 0 {
		return nil, r, stack.ErrNothingRuns
	}
	for _, i := range now {
		s, err := recorded(i)
		if err != nil {
			return nil, r, err
		}
		r.Services = append(r.Services, s)
		if r.Version == "" {
			r.Version = i.spec.Version
		}
	}
	return now, r, nil
}

func allWell(now []instance) bool {
	return !slices.ContainsFunc(now, func(i instance) bool {
		return !oneShot(i) && (i.state.State != "running" || i.state.Health != "healthy" && i.state.Health != "")
	})
}

func recorded(i instance) (release.Service, error) {
	raw, err := json.Marshal(i.spec)
	if err != nil {
		return release.Service{}, err
	}
	return release.Service{
		Name: i.spec.Service, Image: i.spec.Image, ImageID: i.spec.imageID(), Digest: i.spec.Binary,
		DependsOn: i.spec.DependsOn, OneShot: oneShot(i),
		Containers: []release.Container{{
			Name: i.spec.Service + "-1", Number: 1, ImageID: i.spec.imageID(), ConfigHash: i.spec.hash(),
			Volumes: i.spec.mounts(), Spec: raw,
		}},
	}, nil
}

// entries reads the ledger, newest first.
func (t *Target) entries() ([]entry, error) {
	files, err := filepath.Glob(filepath.Join(t.dir.ledger(), "*.json"))
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, f := range files {
		var e entry
		if err := readJSON(f, &e); err != nil {
			return nil, &stack.Error{What: "the ledger cannot be read", Why: err.Error(), Do: "Move the damaged file away and try again", Err: err}
		}
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b entry) int { return b.Last.Compare(a.Last) })
	return out, nil
}

// Releases lists the ledger, newest first.
func (t *Target) Releases(context.Context) ([]release.Release, error) {
	all, err := t.entries()
	if err != nil {
		return nil, err
	}
	out := make([]release.Release, 0, len(all))
	for _, e := range all {
		out = append(out, e.Release)
	}
	return out, nil
}

// find reads one release.
func (t *Target) find(id string) (entry, error) {
	var e entry
	if id == "" || filepath.Base(id) != id {
		return e, fmt.Errorf("%w: %q", stack.ErrNoRelease, id)
	}
	err := readJSON(t.dir.release(id), &e)
	if errors.Is(err, fs.ErrNotExist) {
		return e, fmt.Errorf("%w: %s", stack.ErrNoRelease, id)
	}
	return e, err
}

// Judge writes a verdict on a release.
func (t *Target) Judge(_ context.Context, id string, status release.Status, why string) error {
	e, err := t.find(id)
	if err != nil {
		return err
	}
	e.Release.Status, e.Release.Why, e.Release.JudgedAt = status, why, time.Now().UTC()
	return writeJSON(t.dir.release(id), e, true)
}

// took is how long the last rollback took.
type took struct {
	Took time.Duration `json:"took"`
}

// lastTook is zero when there was no rollback.
func (t *Target) lastTook() (time.Duration, error) {
	var l took
	err := readJSON(t.dir.lastRollback(), &l)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return l.Took, err
}
