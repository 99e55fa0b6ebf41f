package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
)

// labelProject and its kin are the labels that both generations of compose write.
const (
	labelProject    = "com.docker.compose.project"
	labelService    = "com.docker.compose.service"
	labelNumber     = "com.docker.compose.container-number"
	labelOneOff     = "com.docker.compose.oneoff"
	labelConfigHash = "com.docker.compose.config-hash"
	labelVersion    = "com.docker.compose.version"
	labelReplace    = "com.docker.compose.replace"
)

// File is one file of a build context.
type File struct {
	Data       []byte
	Executable bool
}

// BuildImage builds an image on the engine from files in memory, with the classic builder, so that
// neither a registry nor a build plugin is needed. The dockerfile should start FROM scratch.
func (t *Target) BuildImage(ctx context.Context, tag, dockerfile string, files map[string]File, labels map[string]string) error {
	content, err := buildContext(dockerfile, files)
	if err != nil {
		return &stack.Error{What: "cannot pack the files of image " + clean.Name(tag), Why: err.Error(), Err: err}
	}
	res, err := t.api.ImageBuild(ctx, content, client.ImageBuildOptions{
		Tags: []string{tag}, Dockerfile: "Dockerfile", Remove: true, ForceRemove: true, Labels: labels, Version: build.BuilderV1,
	})
	if err != nil {
		return t.sentence("the engine refuses to build image "+clean.Name(tag), err)
	}
	defer res.Body.Close() // everything of value was read before
	return t.sentence("image "+clean.Name(tag)+" cannot be built", buildResult(res.Body))
}

func buildContext(dockerfile string, files map[string]File) (io.Reader, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	all := map[string]File{"Dockerfile": {Data: []byte(dockerfile)}}
	names := []string{"Dockerfile"}
	for name, f := range files {
		all[name] = f
		names = append(names, name)
	}
	sort.Strings(names[1:])
	for _, name := range names {
		mode := int64(0o644)
		if all[name].Executable {
			mode = 0o755
		}
		// A fixed time: the same files give the same layer, and the builder's cache holds.
		h := &tar.Header{Name: name, Mode: mode, Size: int64(len(all[name].Data)), ModTime: time.Unix(0, 0)}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(all[name].Data); err != nil {
			return nil, err
		}
	}
	return &buf, w.Close()
}

// buildResult reads the builder's messages to their end: a failed build has status 200 and tells
// of its failure only there.
func buildResult(r io.Reader) error {
	dec := json.NewDecoder(r)
	for {
		var m struct {
			Error string `json:"error"`
		}
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if m.Error != "" {
			return errors.New(m.Error)
		}
	}
}

// ImageID resolves a reference to the ID ("sha256:...") of an image on the engine; "" if it is not
// there.
func (t *Target) ImageID(ctx context.Context, ref string) (string, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", t.sentence("cannot look up image "+clean.Name(ref), err)
	}
	return res.ID, nil
}

// RemoveImage removes an image or a tag of one; one that is not there is no error.
func (t *Target) RemoveImage(ctx context.Context, ref string) error {
	ctx, cancel := t.within(ctx)
	defer cancel()
	_, err := t.api.ImageRemove(ctx, ref, client.ImageRemoveOptions{PruneChildren: true})
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	return t.sentence("cannot remove image "+clean.Name(ref), err)
}

// RemoveProject removes the containers and networks that carry the project's compose label, with
// volumes also its volumes, named and anonymous; nothing else. What is already gone is no error.
func (t *Target) RemoveProject(ctx context.Context, volumes bool) error {
	if t.project.Name == "" {
		return &stack.Error{What: "will not remove a project without a name"}
	}
	mine := make(client.Filters).Add("label", labelProject+"="+t.project.Name)
	var errs []error
	list, err := t.listContainers(ctx)
	errs = append(errs, err)
	for _, c := range list {
		errs = append(errs, t.removing(ctx, "container "+strings.Join(c.Names, " "), func(ctx context.Context) error {
			_, err := t.api.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: volumes})
			return err
		}))
	}
	lctx, cancel := t.within(ctx)
	defer cancel()
	nets, err := t.api.NetworkList(lctx, client.NetworkListOptions{Filters: mine})
	errs = append(errs, t.sentence("cannot list networks", err))
	for _, n := range nets.Items {
		errs = append(errs, t.removing(ctx, "network "+n.Name, func(ctx context.Context) error {
			_, err := t.api.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
			return err
		}))
	}
	if volumes {
		errs = append(errs, t.removeVolumes(ctx, mine), t.removeAnonymous(ctx, list))
	}
	return errors.Join(errs...)
}

// removeAnonymous removes the volumes without a name that the containers had. The engine does it
// with a container only for the first one that had them: a volume that was carried over to the next
// container counts as named from then on, though nobody ever named it.
func (t *Target) removeAnonymous(ctx context.Context, list []container.Summary) error {
	var errs []error
	for _, c := range list {
		for _, m := range c.Mounts {
			if !anonymous(m) {
				continue
			}
			errs = append(errs, t.removing(ctx, "volume "+m.Name, func(ctx context.Context) error {
				_, err := t.api.VolumeRemove(ctx, m.Name, client.VolumeRemoveOptions{})
				return err
			}))
		}
	}
	return errors.Join(errs...)
}

func (t *Target) removeVolumes(ctx context.Context, mine client.Filters) error {
	lctx, cancel := t.within(ctx)
	defer cancel()
	vols, err := t.api.VolumeList(lctx, client.VolumeListOptions{Filters: mine})
	errs := []error{t.sentence("cannot list volumes", err)}
	for _, v := range vols.Items {
		errs = append(errs, t.removing(ctx, "volume "+v.Name, func(ctx context.Context) error {
			_, err := t.api.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{})
			return err
		}))
	}
	return errors.Join(errs...)
}

// removing runs one removal with a limit of its own, as a busy engine may need long for one.
func (t *Target) removing(ctx context.Context, what string, remove func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	err := remove(ctx)
	// A conflict here is "removal already in progress": somebody else is doing the same.
	if err == nil || errdefs.IsNotFound(err) || (errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress")) {
		return nil
	}
	return t.sentence(fmt.Sprintf("cannot remove %s", clean.Name(what)), err)
}
