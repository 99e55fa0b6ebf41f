package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// Current is what runs now, as a release that has no ID yet. With no container running it is
// stack.ErrNothingRuns.
func (t *Target) Current(ctx context.Context) (release.Release, error) {
	list, err := t.containers(ctx)
	if err != nil {
		return release.Release{}, err
	}
	r, err := t.releaseOf(ctx, list)
	if err != nil {
		return release.Release{}, err
	}
	if !slices.ContainsFunc(list, present.up) {
		return r, stack.ErrNothingRuns
	}
	return r, nil
}

func (t *Target) releaseOf(ctx context.Context, list []present) (release.Release, error) {
	r := release.Release{Project: t.project.Name, Environment: t.project.Environment, Status: release.StatusRecorded}
	var err error
	if r.Networks, err = t.networks(ctx, list); err != nil {
		return release.Release{}, err
	}
	r.Services, _ = running(list)
	for _, p := range list {
		if v := p.spec.Config.Labels[labelVersion]; v != "" {
			r.Compose = clean.Name(v)
		}
	}
	return r, nil
}

// Record writes down what runs now and protects its images by a tag of ours. A state that is in
// the ledger already keeps its entry, which moves to the top of the list and is judged healthy if
// it now is; a release marked bad stays so until it is judged again by Judge.
func (t *Target) Record(ctx context.Context, meta stack.Meta) (release.Release, error) {
	if err := t.settled(ctx, nil); err != nil {
		return release.Release{}, err // what a compose is still changing is no release
	}
	list, err := t.containers(ctx)
	if err != nil {
		return release.Release{}, err
	}
	if !slices.ContainsFunc(list, present.up) {
		return release.Release{}, stack.ErrNothingRuns
	}
	r, err := t.releaseOf(ctx, list)
	if err != nil {
		return release.Release{}, err
	}
	if r.RecordedAt, err = t.clock(ctx); err != nil {
		return release.Release{}, err
	}
	known, last, err := t.accounts(ctx)
	if err != nil {
		return release.Release{}, err
	}
	r.ID = r.Identity()[:12]
	r.Environment, r.By, r.Run, r.Commit, r.Version = orElse(meta.Environment, r.Environment), meta.By, meta.Run, meta.Commit, orElse(meta.Version, tagVersion(r.Services))
	if i := slices.IndexFunc(known, func(a account) bool { return a.release.ID == r.ID }); i >= 0 {
		return t.recordAgain(ctx, known[i], i == 0, last, list, r.RecordedAt)
	}
	if wellAsWhole(list, r.Services) {
		r.Status, r.JudgedAt, r.Why = release.StatusHealthy, r.RecordedAt, "every container was running and healthy when it was recorded"
	}
	if err := t.digests(ctx, r.Services); err != nil {
		return release.Release{}, err
	}
	if err := t.write(ctx, r, last); err != nil {
		return release.Release{}, err
	}
	return r, t.protect(ctx, r)
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// write claims the release's own volume. Its name is made of the identity, so that of two
// operators who record the same state at once one writes and the other finds it written.
func (t *Target) write(ctx context.Context, r release.Release, last int) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("record of release %s: %w", r.ID, err)
	}
	text, err := pack(data)
	if err != nil {
		return fmt.Errorf("record of release %s: %w", r.ID, err)
	}
	_, err = t.claim(ctx, "flightdeck-ledger-"+t.project.Name+"-"+r.ID, map[string]string{
		ledgerKind: kindRelease, ledgerID: r.ID, ledgerSeq: strconv.Itoa(last + 1),
		ledgerAt: r.RecordedAt.Format(time.RFC3339Nano), ledgerRelease: text,
	})
	return err
}

func (t *Target) recordAgain(ctx context.Context, a account, newest bool, last int, list []present, at time.Time) (release.Release, error) {
	r := a.release
	if a.broken != nil {
		return r, brokenRecord(r.ID, a)
	}
	woken := awake(r.Services, list)
	if !newest || len(woken) > 0 {
		// It ran again after others: from now on it is the latest one to go back to.
		if err := t.note(ctx, kindSeen, r.ID, last, at, map[string]string{ledgerAwake: strings.Join(woken, ",")}); err != nil {
			return r, err
		}
		wake(r.Services, woken)
		last++
		r.RecordedAt = at
	}
	if r.Status == release.StatusRecorded && wellAsWhole(list, r.Services) {
		r.Status, r.JudgedAt, r.Why = release.StatusHealthy, at, "every container was running and healthy when it was recorded again"
		if err := t.note(ctx, kindJudged, r.ID, last, at, verdictLabels(r.Status, r.Why)); err != nil {
			return r, err
		}
	}
	return r, t.protect(ctx, r)
}

func verdictLabels(status release.Status, why string) map[string]string {
	return map[string]string{ledgerStatus: string(status), ledgerWhy: why}
}

// wellAsWhole says that every container runs and is healthy, or was a one-shot and is done, and
// that no place is taken twice.
func wellAsWhole(list []present, services []release.Service) bool {
	oneShot := make(map[string]bool)
	for _, s := range services {
		oneShot[s.Name] = doneWell(s)
	}
	_, twice := running(list)
	return !twice && !slices.ContainsFunc(list, func(p present) bool {
		return !p.well() && (!oneShot[p.service] || !p.done() && !p.never())
	})
}

// tagVersion is the tag that most services' images share, as long as it says something; a release
// that nobody gave a version is called by it.
func tagVersion(services []release.Service) string {
	count := make(map[string]int)
	for _, s := range services {
		name := s.Image[strings.LastIndex(s.Image, "/")+1:]
		if _, tag, ok := strings.Cut(name, ":"); ok && tag != "latest" && !strings.Contains(tag, "@") {
			count[tag]++
		}
	}
	best, tie := "", false
	for tag, n := range count {
		switch {
		case best == "" || n > count[best]:
			best, tie = tag, false
		case n == count[best]:
			tie = true
		}
	}
	if tie {
		return ""
	}
	return best
}

func (t *Target) digests(ctx context.Context, services []release.Service) error {
	for i := range services {
		img, err := t.image(ctx, services[i].ImageID)
		if errdefs.IsNotFound(err) {
			continue // a container outlives its image; Ready says so
		}
		if err != nil {
			return t.sentence("cannot inspect image "+release.Short(services[i].ImageID), err)
		}
		if len(img.RepoDigests) > 0 {
			services[i].Digest = clean.Name(img.RepoDigests[0])
		}
	}
	return nil
}

func (t *Target) image(ctx context.Context, id string) (client.ImageInspectResult, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	return t.api.ImageInspect(ctx, id)
}

// repository is the name under which images of the project are protected.
func (t *Target) repository() string {
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(t.project.Name), "-"), "-")
	return "flightdeck/" + orElse(name, "project")
}

var (
	notInName = regexp.MustCompile(`[^a-z0-9]+`)
	notInTag  = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)
)

// protect gives every image of the release a tag of ours, so that neither a re-used tag nor an
// image clean-up takes it away.
func (t *Target) protect(ctx context.Context, r release.Release) error {
	for _, s := range r.Services {
		done := make(map[string]bool)
		for _, c := range s.Containers {
			if done[c.ImageID] {
				continue
			}
			tag := r.ID + "-" + notInTag.ReplaceAllString(s.Name, "-")
			if len(done) > 0 {
				tag += "-" + strconv.Itoa(c.Number) // cut-off deploys leave one service on two images
			}
			done[c.ImageID] = true
			err := t.tag(ctx, c.ImageID, t.repository()+":"+tag[:min(len(tag), 128)])
			if err != nil && !errdefs.IsNotFound(err) {
				return t.sentence("cannot protect image "+release.Short(c.ImageID)+" of "+clean.Name(s.Name), err)
			}
		}
	}
	return nil
}

func (t *Target) tag(ctx context.Context, id, name string) error {
	ctx, cancel := t.within(ctx)
	defer cancel()
	_, err := t.api.ImageTag(ctx, client.ImageTagOptions{Source: id, Target: name})
	return err
}

// Releases lists the ledger, newest first.
func (t *Target) Releases(ctx context.Context) ([]release.Release, error) {
	known, _, err := t.accounts(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]release.Release, 0, len(known))
	for _, a := range known {
		out = append(out, a.release)
	}
	return out, nil
}

// Judge writes a verdict on a release; the newest one counts.
func (t *Target) Judge(ctx context.Context, id string, status release.Status, why string) error {
	known, last, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	a, err := t.find(ctx, known, id)
	if err != nil {
		return err
	}
	if a.release.Status == status && a.release.Why == why {
		return nil
	}
	at, err := t.clock(ctx)
	if err != nil {
		return err
	}
	return t.note(ctx, kindJudged, id, last, at, verdictLabels(status, why))
}

func (t *Target) find(ctx context.Context, known []account, id string) (account, error) {
	if i := slices.IndexFunc(known, func(a account) bool { return a.release.ID == id }); i >= 0 {
		return known[i], nil
	}
	e := &stack.Error{
		What: "release " + clean.Name(id) + " is not in the ledger of project " + clean.Name(t.project.Name),
		Do:   "'flightdeck rollback --list' shows what is", Err: stack.ErrNoRelease,
	}
	lost, err := t.Lost(ctx)
	if err != nil {
		return account{}, errors.Join(e, err)
	}
	if slices.Contains(lost, id) {
		e.Why = "it was, but its volume has been removed from the engine ('docker volume prune' does that on engines before 23)"
		e.Do = "Its images are still there, under " + t.repository() + ":" + clean.Name(id) + "-*"
	}
	return account{}, e
}

func brokenRecord(id string, a account) error {
	return &stack.Error{What: "the record of release " + clean.Name(id) + " cannot be read", Why: a.broken.Error(), Do: "Choose another one with 'flightdeck rollback --list'", Err: a.broken}
}
