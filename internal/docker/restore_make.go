package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
)

// makeAll makes every missing container beside the running ones, so that a record the engine does
// not accept is found out while everything still runs.
func (r *restore) makeAll(ctx context.Context) error {
	for _, group := range groups(r.wanted) {
		var missing []slot
		for _, w := range group {
			// A peer further up may have been made anew, so that "identical" is judged here again.
			if p := r.serving(w.key); p != nil && r.identical(w, p) {
				continue
			}
			delete(r.kept, w.key)
			delete(r.fresh, w.key)
			missing = append(missing, w)
		}
		if err := r.dropHalfMade(ctx); err != nil {
			return err
		}
		made := make([]*present, len(missing))
		err := together(len(missing), func(i int) (err error) {
			made[i], err = r.makeOne(ctx, missing[i])
			return err
		})
		for i, p := range made {
			if p != nil {
				r.list = append(r.list, p)
				r.fresh[missing[i].key] = p
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropHalfMade removes what an interrupted rollback left half made. It has never run, and so holds
// nothing.
func (r *restore) dropHalfMade(ctx context.Context) error {
	half := func(p *present) bool { return p.fresh() && p.never() && r.serving(p.slot()) != p }
	for _, p := range r.list {
		if half(p) {
			if err := r.remove(ctx, p, ", which was only half made"); err != nil {
				return err
			}
		}
	}
	r.list = slices.DeleteFunc(r.list, half)
	return nil
}

// makeOne changes nothing of r, so that several may run together.
func (r *restore) makeOne(ctx context.Context, w slot) (*present, error) {
	options, others, err := r.options(ctx, w)
	if err != nil {
		return nil, failed("cannot make "+w.key.String()+" from its record", w.key, err)
	}
	var id string
	err = r.act(ctx, requestSlack, fmt.Sprintf("making %s (%s) from its record", w.key, w.image()), func(ctx context.Context) error {
		res, err := r.t.api.ContainerCreate(ctx, options)
		id = res.ID
		return err
	})
	if err != nil {
		return nil, failed("cannot make "+w.key.String()+" ("+w.image()+")", w.key, err)
	}
	// Engines before API 1.44 take one network at creation; the others follow before the start.
	for _, name := range others {
		settings, err := w.spec.Networks[name].settings()
		if err == nil {
			err = r.act(ctx, requestSlack, "", func(ctx context.Context) error {
				_, err := r.t.api.NetworkConnect(ctx, name, client.NetworkConnectOptions{Container: id, EndpointConfig: settings})
				return err
			})
		}
		if err != nil {
			return nil, failed("cannot connect "+w.key.String()+" to network "+clean.Name(name), w.key, err)
		}
	}
	made, err := r.t.lookAt(ctx, id, r.peers())
	if err != nil {
		return nil, failed("cannot look at the new "+w.key.String(), w.key, err)
	}
	if made.imageID != w.want.ImageID {
		if err := r.remove(ctx, &made, ", whose tag moved at this very moment"); err != nil {
			return nil, err
		}
		return nil, failed("cannot make "+w.key.String(), w.key, fmt.Errorf("%s is image %s and not %s", w.image(), release.Short(made.imageID), release.Short(w.want.ImageID)))
	}
	return &made, nil
}

// peers gives "service/number" for the IDs of all containers known here.
func (r *restore) peers() map[string]string {
	out := make(map[string]string, len(r.list))
	for _, p := range r.list {
		out[p.id] = fmt.Sprintf("%s/%d", p.service, p.number)
	}
	return out
}

// options turns a record into what the engine is asked for; others are the networks that have to
// be connected after the creation.
func (r *restore) options(ctx context.Context, w slot) (o client.ContainerCreateOptions, others []string, err error) {
	cfg, host := *w.spec.Config, *w.spec.Host
	cfg.Image = w.want.ImageID
	// The reference, as long as it means the recorded image: compose and `docker ps` show it.
	if ref := w.spec.Config.Image; ref != "" {
		if img, err := r.t.image(ctx, ref); err == nil && img.ID == w.want.ImageID {
			cfg.Image = ref
		}
	}
	list := make([]present, 0, len(r.list))
	for _, p := range r.list {
		list = append(list, *p)
	}
	mounts(&host, w, carriedVolumes(w, list))
	for _, mode := range []*string{(*string)(&host.NetworkMode), (*string)(&host.IpcMode), (*string)(&host.PidMode)} {
		if k, ok := peerSlot(*mode); ok {
			p := r.serving(k)
			if p == nil {
				return o, nil, fmt.Errorf("it shares a namespace with %s, which is not in the record", k)
			}
			*mode = "container:" + p.id
		}
	}
	if host.NetworkMode.IsContainer() {
		cfg.ExposedPorts = nil // the image's own come back by themselves; the engine refuses them here
	}
	primary := string(host.NetworkMode)
	networking := &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{}}
	for _, name := range slices.Sorted(maps.Keys(w.spec.Networks)) {
		switch {
		case builtinNetwork(name):
		case name != primary:
			others = append(others, name)
		default:
			if networking.EndpointsConfig[name], err = w.spec.Networks[name].settings(); err != nil {
				return o, nil, err
			}
		}
	}
	if mac, err := net.ParseMAC(w.spec.Mac); err == nil && networking.EndpointsConfig[primary] != nil {
		networking.EndpointsConfig[primary].MacAddress = network.HardwareAddr(mac) // older engines ignore it: see addNotes
	}
	return client.ContainerCreateOptions{
		Name: freshPrefix + w.want.Name, Config: &cfg, HostConfig: &host, NetworkingConfig: networking,
	}, others, nil
}

// mounts fills in the volumes by name: named ones as recorded, anonymous ones as carried over.
// Left to itself the engine would make new, empty volumes for the anonymous ones.
func mounts(host *container.HostConfig, w slot, carried map[string]string) {
	volume := make(map[string]string)
	anonymousAt := make(map[string]bool)
	for _, m := range w.want.Volumes {
		volume[m.Destination], anonymousAt[m.Destination] = m.Name, m.Anonymous
		if name := carried[m.Destination]; name != "" && m.Anonymous {
			volume[m.Destination] = name
		}
	}
	covered := make(map[string]bool)
	host.Binds = slices.Clone(host.Binds)
	for i, bind := range host.Binds {
		parts := strings.SplitN(bind, ":", 3)
		if len(parts) < 2 {
			continue
		}
		covered[parts[1]] = true
		if anonymousAt[parts[1]] {
			parts[0] = volume[parts[1]]
			host.Binds[i] = strings.Join(parts, ":")
		}
	}
	host.Mounts = slices.Clone(host.Mounts)
	for i, m := range host.Mounts {
		covered[m.Target] = true
		if name := volume[m.Target]; m.Type == mount.TypeVolume && name != "" {
			host.Mounts[i].Source = name
		}
	}
	// What came from the image, from Config.Volumes or from another container's volumes.
	for _, m := range w.spec.Mounts {
		if covered[m.Destination] {
			continue
		}
		add := mount.Mount{Type: m.Type, Target: m.Destination, ReadOnly: !m.RW}
		switch m.Type {
		case mount.TypeVolume:
			add.Source = volume[m.Destination]
		case mount.TypeBind:
			add.Source, add.BindOptions = m.Source, &mount.BindOptions{Propagation: m.Propagation}
		default:
			continue // a tmpfs is in the host configuration in its own form
		}
		host.Mounts = append(host.Mounts, add)
	}
	host.VolumesFrom = nil
}

// restoreNetworks makes the project's networks that are missing, and makes again those that have
// changed since.
func (r *restore) restoreNetworks(ctx context.Context) error {
	for _, n := range r.rel.Networks {
		if n.External {
			continue
		}
		var want netSpec
		if err := json.Unmarshal(n.Spec, &want); err != nil {
			return fmt.Errorf("record of network %s: %w", clean.Name(n.Name), err)
		}
		fixed := fixedAddresses(r.rel, n.Name)
		is, err := r.t.inspectNetwork(ctx, n.Name)
		switch {
		case errdefs.IsNotFound(err):
		case err != nil:
			return r.t.sentence("cannot inspect network "+clean.Name(n.Name), err)
		case sameNetwork(want, networkSpec(is), fixed):
			continue
		default:
			if err := r.vacate(ctx, n.Name, is); err != nil {
				return err
			}
		}
		r.remade[n.Name] = true
		if err := r.makeNetwork(ctx, n.Name, want, fixed); err != nil {
			return err
		}
	}
	return nil
}
