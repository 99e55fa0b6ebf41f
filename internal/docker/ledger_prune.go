package docker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// protectedTags gives our tags by the release they protect.
func (t *Target) protectedTags(ctx context.Context) (map[string][]string, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("reference", t.repository()+":*")})
	if err != nil {
		return nil, t.sentence("cannot list images", err)
	}
	out := make(map[string][]string)
	for _, img := range res.Items {
		for _, ref := range img.RepoTags {
			if tag, ok := strings.CutPrefix(ref, t.repository()+":"); ok {
				id, _, _ := strings.Cut(tag, "-")
				out[id] = append(out[id], ref)
			}
		}
	}
	return out, nil
}

// Lost gives the releases whose images are still protected by our tags while their record is gone,
// sorted: somebody has removed volumes. Engines before 23 do that to the ledger with
// `docker volume prune`, as no container uses it.
func (t *Target) Lost(ctx context.Context) ([]string, error) {
	tags, err := t.protectedTags(ctx)
	if err != nil {
		return nil, err
	}
	known, _, err := t.accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range known {
		delete(tags, a.release.ID)
	}
	delete(tags, replacedTag)
	return slices.Sorted(maps.Keys(tags)), nil
}

// Prune removes the records and protective tags of old releases. It keeps the newest keep healthy
// ones, what runs now, and whatever a rollback would choose; images that have other tags stay.
func (t *Target) Prune(ctx context.Context, keep int) error {
	known, _, err := t.accounts(ctx)
	if err != nil {
		return err
	}
	current, err := t.Current(ctx)
	if err != nil && !errors.Is(err, stack.ErrNothingRuns) {
		return err
	}
	tags, err := t.protectedTags(ctx)
	if err != nil {
		return err
	}
	releases := make([]release.Release, 0, len(known))
	for _, a := range known {
		releases = append(releases, a.release)
	}
	kept := release.Keep(releases, current, keep)
	var errs []error
	for _, a := range known {
		if kept[a.release.ID] {
			continue
		}
		// The record goes last: cut off before, the release is still listed and pruned next time.
		for _, ref := range tags[a.release.ID] {
			errs = append(errs, t.untag(ctx, ref))
		}
		for i := range a.entries {
			errs = append(errs, t.forget(ctx, a.entries[len(a.entries)-1-i].volume))
		}
	}
	for _, ref := range tags[replacedTag] {
		errs = append(errs, t.untag(ctx, ref)) // images that no record ever named
	}
	return errors.Join(errs...)
}

func (t *Target) untag(ctx context.Context, ref string) error {
	ctx, cancel := t.within(ctx)
	defer cancel()
	// Without force: an image that a container uses by nothing but this tag is kept by the engine.
	_, err := t.api.ImageRemove(ctx, ref, client.ImageRemoveOptions{})
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil
	}
	return t.sentence("cannot remove tag "+clean.Name(ref), err)
}

func (t *Target) forget(ctx context.Context, volume string) error {
	ctx, cancel := t.within(ctx)
	defer cancel()
	_, err := t.api.VolumeRemove(ctx, volume, client.VolumeRemoveOptions{})
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return t.sentence("cannot remove "+clean.Name(volume)+" from the ledger", err)
}
