package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
)

// vacate takes everything of ours off a network and removes it.
func (r *restore) vacate(ctx context.Context, name string, is network.Inspect) error {
	for _, p := range r.list {
		if _, on := p.spec.Networks[name]; !on {
			continue
		}
		if err := r.setAside(ctx, p, ", whose network "+clean.Name(name)+" must be made again"); err != nil {
			return err
		}
		err := r.act(ctx, requestSlack, "", func(ctx context.Context) error {
			_, err := r.t.api.NetworkDisconnect(ctx, is.ID, client.NetworkDisconnectOptions{Container: p.id, Force: true})
			if errdefs.IsNotFound(err) || err != nil && strings.Contains(err.Error(), "is not connected") {
				return nil
			}
			return err
		})
		if err != nil {
			return failed("cannot take "+p.label()+" off network "+clean.Name(name), p.slot(), err)
		}
	}
	err := r.act(ctx, requestSlack, "removing network "+clean.Name(name)+", which has changed since", func(ctx context.Context) error {
		_, err := r.t.api.NetworkRemove(ctx, is.ID, client.NetworkRemoveOptions{})
		return err
	})
	return failed("cannot remove network "+clean.Name(name), slotKey{}, err)
}

func (r *restore) makeNetwork(ctx context.Context, name string, want netSpec, fixed bool) error {
	options := client.NetworkCreateOptions{
		Driver: want.Driver, Internal: want.Internal, Attachable: want.Attachable,
		Options: want.Options, Labels: want.Labels, IPAM: &want.IPAM,
	}
	if want.IPv6 {
		options.EnableIPv6 = &want.IPv6
	}
	create := func(ctx context.Context) error {
		_, err := r.t.api.NetworkCreate(ctx, name, options)
		return err
	}
	err := r.act(ctx, requestSlack, "making network "+clean.Name(name)+" from its record", create)
	if err != nil && !fixed && strings.Contains(strings.ToLower(err.Error()), "overlap") {
		// Somebody else has the subnet now; nothing of the record depends on it.
		options.IPAM = &network.IPAM{Driver: want.IPAM.Driver, Options: want.IPAM.Options}
		err = r.act(ctx, requestSlack, "its former subnet is taken, so that the engine chooses another one", create)
	}
	return failed("cannot make network "+clean.Name(name), slotKey{}, err)
}

// dropNetworks removes the project's networks that the record does not have. Engines sometimes
// keep a network for an endpoint that no longer exists; such a one is reported and left.
func (r *restore) dropNetworks(ctx context.Context) error {
	mine, err := r.t.projectNetworks(ctx)
	if err != nil {
		return err
	}
	for _, n := range mine {
		if slices.ContainsFunc(r.rel.Networks, func(o release.Network) bool { return o.Name == n.Name }) {
			continue
		}
		text := fmt.Sprintf("removing network %s, which %s does not have", clean.Name(n.Name), clean.Name(r.rel.Ref().String()))
		err := r.act(ctx, requestSlack, text, func(ctx context.Context) error {
			_, err := r.t.api.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
			return err
		})
		switch {
		case err == nil || errdefs.IsNotFound(err):
		case strings.Contains(err.Error(), "active endpoints"):
			r.tell(fmt.Sprintf("network %s stays: %s; remove it later with 'docker network rm %[1]s'", clean.Name(n.Name), engineSays(err)))
		default:
			return failed("cannot remove network "+clean.Name(n.Name), slotKey{}, err)
		}
	}
	return nil
}
