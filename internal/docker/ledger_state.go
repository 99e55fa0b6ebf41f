package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
)

const labelDependsOn = "com.docker.compose.depends_on"

// netSpec is what is kept of a network of the project.
type netSpec struct {
	Driver     string            `json:"driver,omitempty"`
	IPv6       bool              `json:"ipv6,omitempty"`
	Internal   bool              `json:"internal,omitempty"`
	Attachable bool              `json:"attachable,omitempty"`
	Options    map[string]string `json:"options,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	IPAM       network.IPAM      `json:"ipam"`
}

// builtinNetwork says whether a network belongs to the engine itself.
func builtinNetwork(name string) bool {
	return name == "bridge" || name == "host" || name == "none" || name == "default"
}

// running is the release that the containers make up, without a name or a verdict. Twice says
// that one place of the project is taken by two containers, as after a deploy that was cut off.
func running(list []present) (services []release.Service, twice bool) {
	slots := make(map[slotKey]present)
	for _, p := range list {
		if p.service == "" || p.fresh() {
			continue
		}
		best, taken := slots[p.slot()]
		if taken {
			twice = true
		}
		if !taken || better(p, best) {
			slots[p.slot()] = p
		}
	}
	keys := slices.SortedFunc(maps.Keys(slots), compareSlots)
	for _, k := range keys {
		p := slots[k]
		if len(services) == 0 || services[len(services)-1].Name != k.service {
			services = append(services, release.Service{
				Name: k.service, Image: imageName(p.spec, p.imageID), ImageID: p.imageID, DependsOn: dependsOn(p.spec), OneShot: true,
			})
		}
		s := &services[len(services)-1]
		s.OneShot = s.OneShot && !p.up()
		s.Containers = append(s.Containers, recorded(p))
	}
	return services, twice
}

// doneWell says that a service had done its work when it was recorded.
func doneWell(s release.Service) bool {
	return s.OneShot && !slices.ContainsFunc(s.Containers, func(c release.Container) bool { return c.Ended != "" })
}

// awake gives the services of a record that did not run when it was made, as after a deploy that
// had failed half-way, and that run well now: from then on a rollback has to start them.
func awake(services []release.Service, list []present) []string {
	var out []string
	for _, s := range services {
		if !s.OneShot || doneWell(s) {
			continue
		}
		mine := slices.DeleteFunc(slices.Clone(list), func(p present) bool { return p.service != s.Name })
		if len(mine) > 0 && !slices.ContainsFunc(mine, func(p present) bool { return !p.well() }) {
			out = append(out, s.Name)
		}
	}
	return out
}

// wake notes in a record what awake has found.
func wake(services []release.Service, names []string) {
	for i := range services {
		if !slices.Contains(names, services[i].Name) {
			continue
		}
		services[i].OneShot = false
		for k := range services[i].Containers {
			services[i].Containers[k].Ended = ""
		}
	}
}

func compareSlots(a, b slotKey) int {
	if c := strings.Compare(a.service, b.service); c != 0 {
		return c
	}
	return a.number - b.number
}

// better chooses which of two containers in one place stands for it.
func better(a, b present) bool {
	switch {
	case a.up() != b.up():
		return a.up()
	case a.aside() != b.aside():
		return b.aside()
	}
	return a.startedAt.After(b.startedAt)
}

// temporaryName is how compose calls a container while it replaces another one; a deploy that was
// cut off leaves it behind.
var temporaryName = regexp.MustCompile(`^[0-9a-f]{12}_`)

func recorded(p present) release.Container {
	name := p.name
	if p.aside() {
		name = strings.TrimPrefix(name[:max(len(name)-13, len(asidePrefix))], asidePrefix)
	}
	c := release.Container{
		Name: temporaryName.ReplaceAllString(name, ""), Number: p.number, ImageID: p.imageID, ConfigHash: p.hash,
	}
	switch {
	case p.up() || p.done():
	case p.state.Status == container.StateExited:
		c.Ended = fmt.Sprintf("exited with code %d", p.state.ExitCode)
	default:
		c.Ended = orElse(string(p.state.Status), "not running")
	}
	for _, m := range p.spec.Mounts {
		if m.Name != "" {
			c.Volumes = append(c.Volumes, release.Mount{Name: m.Name, Destination: m.Destination, Anonymous: anonymous(m)})
		}
	}
	if data, err := json.Marshal(p.spec); err == nil {
		c.Spec = data
	}
	return c
}

// dependency is one entry of compose's label: what is waited for before a start.
type dependency struct {
	service, condition string
}

// dependencies reads the label "db:service_healthy:false,queue:service_started:true"; generation 1
// of compose does not write it.
func dependencies(s spec) []dependency {
	var out []dependency
	for _, part := range strings.Split(s.Config.Labels[labelDependsOn], ",") {
		fields := strings.Split(part, ":")
		if fields[0] == "" {
			continue
		}
		d := dependency{service: fields[0]}
		if len(fields) > 1 {
			d.condition = fields[1]
		}
		out = append(out, d)
	}
	return out
}

func dependsOn(s spec) []string {
	var out []string
	for _, d := range dependencies(s) {
		out = append(out, d.service)
	}
	for _, peer := range peersOf(s) {
		out = append(out, peer.service)
	}
	return sorted(out)
}

// peersOf gives the places of the containers whose namespaces it shares.
func peersOf(s spec) []slotKey {
	var out []slotKey
	for _, mode := range []string{string(s.Host.NetworkMode), string(s.Host.IpcMode), string(s.Host.PidMode)} {
		if k, ok := peerSlot(mode); ok {
			out = append(out, k)
		}
	}
	return out
}

// networks gives the networks that the containers are on, and those of the project.
func (t *Target) networks(ctx context.Context, list []present) ([]release.Network, error) {
	names := make(map[string]bool)
	for _, p := range list {
		for name := range p.spec.Networks {
			names[name] = !builtinNetwork(name)
		}
	}
	mine, err := t.projectNetworks(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range mine {
		names[n.Name] = true
	}
	var out []release.Network
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !names[name] {
			continue
		}
		n, err := t.inspectNetwork(ctx, name)
		if errdefs.IsNotFound(err) {
			continue // of a stopped container; it cannot have been needed
		}
		if err != nil {
			return nil, t.sentence("cannot inspect network "+clean.Name(name), err)
		}
		spec, err := json.Marshal(networkSpec(n))
		if err != nil {
			return nil, err
		}
		out = append(out, release.Network{Name: name, External: n.Labels[labelProject] != t.project.Name, Spec: spec})
	}
	return out, nil
}

func networkSpec(n network.Inspect) netSpec {
	return netSpec{
		Driver: n.Driver, IPv6: n.EnableIPv6, Internal: n.Internal, Attachable: n.Attachable,
		Options: n.Options, Labels: n.Labels, IPAM: n.IPAM,
	}
}

func (t *Target) inspectNetwork(ctx context.Context, name string) (network.Inspect, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.NetworkInspect(ctx, name, client.NetworkInspectOptions{})
	return res.Network, err
}

func (t *Target) projectNetworks(ctx context.Context) ([]network.Summary, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.NetworkList(ctx, client.NetworkListOptions{Filters: make(client.Filters).Add("label", labelProject+"="+t.project.Name)})
	return res.Items, t.sentence("cannot list the networks of project "+clean.Name(t.project.Name), err)
}
