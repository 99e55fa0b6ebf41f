package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
)

// Ready proves, changing nothing, that Restore of the release would work: the record can be read,
// every image is on the engine, volumes and outside networks exist, names and ports are free.
func (t *Target) Ready(ctx context.Context, id string) (release.Readiness, error) {
	known, _, err := t.accounts(ctx)
	if err != nil {
		return release.Readiness{}, err
	}
	a, err := t.find(ctx, known, id)
	if err != nil {
		return release.Readiness{}, err
	}
	list, err := t.containers(ctx)
	if err != nil {
		return release.Readiness{}, err
	}
	out := release.Readiness{
		Target: a.release.Ref(), HealthySince: a.since, RecordedAt: a.release.RecordedAt, LastTook: lastTook(known),
	}
	if out.CheckedAt, err = t.clock(ctx); err != nil {
		return release.Readiness{}, err
	}
	now, _ := running(list)
	out.Changes = release.Diff(release.Release{Services: now}, a.release, aspects)
	t.addNotes(a.release, out.Changes)
	if err := t.addTagNotes(ctx, a.release, out.Changes); err != nil {
		return release.Readiness{}, err
	}
	if out.Reason, err = t.obstacle(ctx, a, list); err != nil {
		return release.Readiness{}, err
	}
	out.Ready = out.Reason == ""
	return out, nil
}

// addNotes says what a rollback cannot bring back in full, service by service.
func (t *Target) addNotes(r release.Release, changes []release.Change) {
	wanted, _ := readRecord(r)
	for _, w := range wanted {
		note := ""
		switch {
		case w.spec.Mac != "" && !versions.GreaterThanOrEqualTo(t.api.ClientVersion(), "1.44"):
			// Engines before that take it in a field that later clients no longer send.
			note = "its fixed MAC address cannot be set again on this engine"
		case w.spec.countsPeers() && !strings.HasPrefix(r.Compose, "1."):
			note = "shares something with another container, whose ID compose counts: the next 'compose up' recreates it once more"
		}
		for i := range changes {
			if note != "" && changes[i].Service == w.key.service && changes[i].Kind != release.ChangeNone && changes[i].Kind != release.ChangeRemoved {
				changes[i].Note = note
			}
		}
	}
}

// lastTook is how long the newest rollback of the project took, whatever it went back to.
func lastTook(known []account) time.Duration {
	newest := account{}
	for _, a := range known {
		if a.tookSeq > newest.tookSeq {
			newest = a
		}
	}
	return newest.took
}

// obstacle says what forbids a restore; empty if nothing does. The error is for questions that the
// engine did not answer: then nothing is known.
func (t *Target) obstacle(ctx context.Context, a account, list []present) (string, error) {
	if a.broken != nil {
		return "its record cannot be read: " + clean.Name(a.broken.Error()), nil
	}
	if len(a.release.Services) == 0 {
		return "its record holds no service", nil
	}
	wanted, why := readRecord(a.release)
	if why != "" {
		return why, nil
	}
	for _, check := range []func(context.Context, release.Release, []slot, []present) (string, error){
		t.imagesThere, t.networksThere, t.volumesThere, t.nobodyInTheWay,
	} {
		if why, err := check(ctx, a.release, wanted, list); why != "" || err != nil {
			return why, err
		}
	}
	return "", nil
}

// slot is one container of the record, read.
type slot struct {
	key     slotKey
	want    release.Container
	spec    spec
	oneShot bool
}

func (s slot) image() string { return imageName(s.spec, s.want.ImageID) }

func readRecord(r release.Release) (out []slot, why string) {
	for _, service := range r.Services {
		for _, c := range service.Containers {
			s, err := readSpec(c.Spec)
			if err != nil {
				return nil, "the record of " + service.Name + " cannot be read: " + clean.Name(err.Error())
			}
			if s.hash() != c.ConfigHash {
				return nil, "the record of " + service.Name + " does not match its own hash; it was made by another version of flightdeck or is damaged"
			}
			out = append(out, slot{slotKey{service.Name, c.Number}, c, s, service.OneShot})
		}
	}
	return out, ""
}

func (t *Target) imagesThere(ctx context.Context, _ release.Release, wanted []slot, _ []present) (string, error) {
	seen := make(map[string]bool)
	for _, w := range wanted {
		if seen[w.want.ImageID] {
			continue
		}
		seen[w.want.ImageID] = true
		_, err := t.image(ctx, w.want.ImageID)
		if errdefs.IsNotFound(err) {
			return fmt.Sprintf("image %s of %s (%s) is missing from the engine", release.Short(w.want.ImageID), w.key.service, w.image()), nil
		}
		if err != nil {
			return "", t.sentence("cannot inspect image "+release.Short(w.want.ImageID), err)
		}
	}
	return "", nil
}

func (t *Target) networksThere(ctx context.Context, r release.Release, _ []slot, list []present) (string, error) {
	mine := make(map[string]bool)
	for _, p := range list {
		mine[p.id] = true
	}
	for _, n := range r.Networks {
		var want netSpec
		if err := json.Unmarshal(n.Spec, &want); err != nil {
			return "the record of network " + clean.Name(n.Name) + " cannot be read", nil
		}
		is, err := t.inspectNetwork(ctx, n.Name)
		if errdefs.IsNotFound(err) {
			if n.External {
				return fmt.Sprintf("network %s, which the project shares with others, is missing; create it with 'docker network create %[1]s'", clean.Name(n.Name)), nil
			}
			continue // ours: it will be made again
		}
		if err != nil {
			return "", t.sentence("cannot inspect network "+clean.Name(n.Name), err)
		}
		if n.External || sameNetwork(want, networkSpec(is), fixedAddresses(r, n.Name)) {
			continue
		}
		for id, c := range is.Containers {
			if !mine[id] {
				return fmt.Sprintf("network %s has changed since and must be made again, but container %s of somebody else is on it", clean.Name(n.Name), clean.Name(c.Name)), nil
			}
		}
	}
	return "", nil
}

// fixedAddresses says whether the record asks for addresses of its own on a network.
func fixedAddresses(r release.Release, name string) bool {
	wanted, _ := readRecord(r)
	return slices.ContainsFunc(wanted, func(w slot) bool {
		a := w.spec.Networks[name]
		return a.IPv4 != "" || a.IPv6 != ""
	})
}

// sameNetwork says whether a network serves the record as it is. The subnet counts only where
// the record has fixed addresses: else the engine had chosen it, and chooses another one each time.
func sameNetwork(want, is netSpec, fixed bool) bool {
	const hash = labelConfigHash
	a, b := want, is
	if !fixed {
		a.IPAM, b.IPAM = is.IPAM, is.IPAM
	}
	if want.Labels[hash] != is.Labels[hash] && want.Labels[hash] != "" && is.Labels[hash] != "" {
		return false
	}
	a.Labels, b.Labels = nil, nil
	if len(a.IPAM.Options) == 0 && len(b.IPAM.Options) == 0 {
		a.IPAM.Options, b.IPAM.Options = nil, nil
	}
	return canonical(a) == canonical(b)
}

func (t *Target) volumesThere(ctx context.Context, _ release.Release, wanted []slot, list []present) (string, error) {
	seen := make(map[string]bool)
	for _, w := range wanted {
		carried := carriedVolumes(w, list)
		for _, m := range w.want.Volumes {
			name := orElse(carried[m.Destination], m.Name)
			if seen[name] {
				continue
			}
			seen[name] = true
			missing, err := t.volumeMissing(ctx, name)
			if err != nil {
				return "", err
			}
			if missing {
				return fmt.Sprintf("volume %s of %s (%s) is missing; if it may start empty, create it with 'docker volume create %[1]s'", clean.Name(name), w.key, m.Destination), nil
			}
		}
	}
	return "", nil
}

func (t *Target) volumeMissing(ctx context.Context, name string) (bool, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	_, err := t.api.VolumeInspect(ctx, name, client.VolumeInspectOptions{})
	if errdefs.IsNotFound(err) {
		return true, nil
	}
	return false, t.sentence("cannot inspect volume "+clean.Name(name), err)
}

// carriedVolumes gives the anonymous volumes, by destination, that the place's present container
// hands over: those of the container that was started last, since it has the newest data. The
// compose file does not know their names, so creating the container anew without them would lose
// what they hold.
func carriedVolumes(w slot, list []present) map[string]string {
	out := make(map[string]string)
	var from present
	for _, p := range list {
		if p.slot() == w.key && !p.fresh() && (from.id == "" || p.startedAt.After(from.startedAt)) {
			from = p
		}
	}
	for _, m := range from.spec.Mounts {
		if anonymous(m) && slices.ContainsFunc(w.want.Volumes, func(v release.Mount) bool { return v.Anonymous && v.Destination == m.Destination }) {
			out[m.Destination] = m.Name
		}
	}
	return out
}

// nobodyInTheWay looks for containers outside the project that hold a name or port of the record.
func (t *Target) nobodyInTheWay(ctx context.Context, _ release.Release, wanted []slot, list []present) (string, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return "", t.sentence("cannot list containers", err)
	}
	ours := make(map[string]bool)
	for _, p := range list {
		ours[p.id] = true
	}
	names, ports := make(map[string]slotKey), make(map[slotKey][]heldPort)
	for _, w := range wanted {
		names["/"+w.want.Name] = w.key
		if !w.oneShot {
			ports[w.key] = askedPorts(w.spec.Host)
		}
	}
	for _, c := range res.Items {
		if ours[c.ID] {
			continue
		}
		for _, name := range c.Names {
			if k, taken := names[name]; taken {
				return fmt.Sprintf("the name %s of %s is taken by a container outside the project (%s)", clean.Name(strings.TrimPrefix(name, "/")), k, shortID(c.ID)), nil
			}
		}
		held := heldPorts(c)
		for _, k := range slices.SortedFunc(maps.Keys(ports), compareSlots) {
			if port, taken := clashing(ports[k], held); taken {
				return fmt.Sprintf("port %s of %s is held by container %s, which is not part of the project", port, k, clean.Name(strings.TrimPrefix(strings.Join(c.Names, " "), "/"))), nil
			}
		}
	}
	return "", nil
}

func heldPorts(c container.Summary) []heldPort {
	var out []heldPort
	for _, p := range c.Ports {
		if p.PublicPort == 0 {
			continue
		}
		h := heldPort{port: fmt.Sprint(p.PublicPort), proto: p.Type}
		if p.IP.IsValid() && !p.IP.IsUnspecified() {
			h.address = p.IP.String()
		}
		out = append(out, h)
	}
	return out
}

// errRefused is underneath every refusal of Restore that came before anything was changed.
var errRefused = errors.New("rollback refused")
