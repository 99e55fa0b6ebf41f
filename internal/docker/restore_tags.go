package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
)

// replacedTag starts the tag that keeps an image whose only tag was pointed back at another one.
const replacedTag = "replaced"

// references gives the recorded image ID for every reference of the record that can be re-used.
func references(wanted []slot) map[string]string {
	out := make(map[string]string)
	twice := make(map[string]bool)
	for _, w := range wanted {
		ref := w.spec.Config.Image
		if ref == "" || strings.HasPrefix(ref, "sha256:") || strings.Contains(ref, "@") {
			continue // an ID or digest cannot be re-used
		}
		if id, known := out[ref]; known && id != w.want.ImageID {
			twice[ref] = true // recorded in the middle of a deploy: nobody can say which one it ought to be
		}
		out[ref] = w.want.ImageID
	}
	maps.DeleteFunc(out, func(ref, _ string) bool { return twice[ref] })
	return out
}

// restoreTags points the references of the record at the recorded images again, if they have been
// re-used since: compose would otherwise bring the abandoned image back with its next `up`. It comes
// before the containers are made, since they are made by reference as long as that means the recorded
// image: made by ID, they would show an ID in `docker ps` and in every later record.
func (r *restore) restoreTags(ctx context.Context) error {
	want := references(r.wanted)
	for _, ref := range slices.Sorted(maps.Keys(want)) {
		if err := r.restoreTag(ctx, ref, want[ref]); err != nil {
			return err
		}
	}
	return nil
}

func (r *restore) restoreTag(ctx context.Context, ref, id string) error {
	now, err := r.t.image(ctx, ref)
	if err != nil && !errdefs.IsNotFound(err) {
		return r.t.sentence("cannot inspect image "+clean.Name(ref), err)
	}
	if err == nil && now.ID == id {
		return nil
	}
	if err == nil {
		other, err := r.t.usedElsewhere(ctx, ref, now.ID)
		if err != nil {
			return err
		}
		if other != "" {
			r.say(tagStays(ref, now.ID, other))
			return nil
		}
	}
	if err == nil && len(now.RepoTags) == 1 {
		keep := r.t.repository() + ":" + replacedTag + "-" + release.Short(now.ID)
		if err := r.act(ctx, requestSlack, "", func(ctx context.Context) error { return r.t.tag(ctx, now.ID, keep) }); err != nil {
			return failed("cannot keep image "+release.Short(now.ID), slotKey{}, err)
		}
	}
	text := fmt.Sprintf("pointing %s back at image %s", clean.Name(ref), release.Short(id))
	err = r.act(ctx, requestSlack, text, func(ctx context.Context) error { return r.t.tag(ctx, id, ref) })
	return failed("cannot tag image "+release.Short(id)+" as "+clean.Name(ref), slotKey{}, err)
}

func tagStays(ref, id, project string) string {
	return fmt.Sprintf("%s stays on image %s, because project %s uses it: the next 'compose up' here would bring that image", clean.Name(ref), release.Short(id), clean.Name(project))
}

// usedElsewhere gives another compose project, if there is one, that has a container of an image by
// this very reference: moving the tag would change what that project's next `up` brings.
func (t *Target) usedElsewhere(ctx context.Context, ref, id string) (project string, err error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", labelProject)})
	if err != nil {
		return "", t.sentence("cannot list containers", err)
	}
	for _, c := range res.Items {
		if p := c.Labels[labelProject]; p != t.project.Name && c.ImageID == id && fullReference(c.Image) == fullReference(ref) {
			return p, nil
		}
	}
	return "", nil
}

// fullReference makes the ways in which people write one reference equal.
func fullReference(ref string) string {
	ref = strings.TrimPrefix(strings.TrimPrefix(ref, "docker.io/"), "library/")
	if !strings.Contains(ref[strings.LastIndexByte(ref, '/')+1:], ":") {
		ref += ":latest"
	}
	return ref
}

// addTagNotes says of which services the reference cannot be pointed back.
func (t *Target) addTagNotes(ctx context.Context, r release.Release, changes []release.Change) error {
	wanted, _ := readRecord(r)
	want := references(wanted)
	for _, ref := range slices.Sorted(maps.Keys(want)) {
		now, err := t.image(ctx, ref)
		if errdefs.IsNotFound(err) || err == nil && now.ID == want[ref] {
			continue
		}
		if err != nil {
			return t.sentence("cannot inspect image "+clean.Name(ref), err)
		}
		other, err := t.usedElsewhere(ctx, ref, now.ID)
		if err != nil {
			return err
		}
		for i := range changes {
			if other != "" && slices.ContainsFunc(wanted, func(w slot) bool { return w.key.service == changes[i].Service && w.spec.Config.Image == ref }) {
				changes[i].Note = strings.TrimPrefix(changes[i].Note+"; "+tagStays(ref, now.ID, other), "; ")
			}
		}
	}
	return nil
}
