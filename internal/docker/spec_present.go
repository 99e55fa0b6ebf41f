package docker

import (
	"context"
	"encoding/json"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
)

// The names of containers that a rollback is in the middle of: the abandoned one that is kept
// until the restored one is well, and the restored one before its turn to start. A label cannot
// say it, because labels of a container never change.
const (
	asidePrefix = "flightdeck-aside-"
	freshPrefix = "flightdeck-new-"
)

// present is one container of the project as it is now, fully inspected. Containers made by
// `compose run` are left out: they are no part of a release.
type present struct {
	id, name, service string
	number            int
	imageID           string
	state             container.State
	startedAt         time.Time
	restart           container.RestartPolicyMode
	disarmed          bool // its restart policy has been switched off since it was looked at
	ports             []heldPort
	spec              spec
	hash              string
	peerIDs           []string // IDs of project containers whose namespaces it shares
}

func (p present) label() string { return p.service + "-" + strconv.Itoa(p.number) }
func (p present) slot() slotKey { return slotKey{p.service, p.number} }
func (p present) aside() bool   { return strings.HasPrefix(p.name, asidePrefix) }
func (p present) fresh() bool   { return strings.HasPrefix(p.name, freshPrefix) }

// up says that its process runs or is about to, so that it must be stopped before another one can
// take its place.
func (p present) up() bool { return p.state.Running || p.state.Restarting || p.state.Paused }

// never says that it has not run yet, so that it has neither logs nor data of its own.
func (p present) never() bool { return p.startedAt.IsZero() && !p.up() }

// armed says that the engine may start it again by itself.
func (p present) armed() bool {
	return p.restart != "" && p.restart != container.RestartPolicyDisabled
}

// done says that it has ended by itself and well, and that nothing will start it again.
func (p present) done() bool {
	again := p.restart == container.RestartPolicyAlways || p.restart == container.RestartPolicyUnlessStopped
	return p.state.Status == container.StateExited && p.state.ExitCode == 0 && !again
}

func (p present) health() string {
	if p.state.Health == nil || p.state.Health.Status == container.NoHealthcheck {
		return ""
	}
	return string(p.state.Health.Status)
}

// well says that it runs, and is healthy if it has a health check.
func (p present) well() bool {
	return p.state.Running && !p.state.Restarting && !p.state.Paused && (p.health() == "" || p.health() == string(container.Healthy))
}

// image is how people call the image: the reference, else a short ID.
func (p present) image() string { return imageName(p.spec, p.imageID) }

func imageName(s spec, id string) string {
	if ref := s.Config.Image; ref != "" && !strings.HasPrefix(ref, "sha256:") {
		return clean.Name(ref)
	}
	return release.Short(id)
}

// slotKey is the place of a container in its project.
type slotKey struct {
	service string
	number  int
}

func (k slotKey) String() string { return k.service + "-" + strconv.Itoa(k.number) }

// containers inspects every container of the project, sorted by service, number, and newest start
// first. A container that vanishes meanwhile is left out.
func (t *Target) containers(ctx context.Context) ([]present, error) {
	list, err := t.listContainers(ctx)
	if err != nil {
		return nil, err
	}
	peers := make(map[string]string, len(list))
	for _, c := range list {
		peers[c.ID] = c.Labels[labelService] + "/" + c.Labels[labelNumber]
	}
	var out []present
	for _, c := range list {
		// Without a service it was made by hand, and is nobody's to touch.
		if strings.EqualFold(c.Labels[labelOneOff], "true") || c.State == container.StateRemoving || c.Labels[labelService] == "" {
			continue
		}
		p, err := t.lookAt(ctx, c.ID, peers)
		if errdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, t.sentence("cannot inspect container "+c.ID, err)
		}
		out = append(out, p)
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.service != b.service {
			return a.service < b.service
		}
		if a.number != b.number {
			return a.number < b.number
		}
		return a.startedAt.After(b.startedAt)
	})
	return out, nil
}

func (t *Target) lookAt(ctx context.Context, id string, peers map[string]string) (present, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return present{}, err
	}
	return newPresent(res.Container, res.Raw, peers), nil
}

func newPresent(c container.InspectResponse, raw json.RawMessage, peers map[string]string) present {
	p := present{id: c.ID, name: strings.TrimPrefix(c.Name, "/"), imageID: c.Image, spec: newSpec(c, raw, peers)}
	p.service, p.number = p.spec.Config.Labels[labelService], p.spec.number()
	p.hash = p.spec.hash()
	p.restart = p.spec.Host.RestartPolicy.Name
	if c.State != nil {
		p.state = *c.State
		// The engine writes the year 1 for "never".
		if at, err := time.Parse(time.RFC3339Nano, c.State.StartedAt); err == nil && at.Year() > 1 {
			p.startedAt = at
		}
	}
	p.ports = askedPorts(p.spec.Host)
	if c.HostConfig != nil {
		for _, mode := range []string{string(c.HostConfig.NetworkMode), string(c.HostConfig.IpcMode), string(c.HostConfig.PidMode)} {
			if id, ok := strings.CutPrefix(mode, "container:"); ok && peers[id] != "" {
				p.peerIDs = append(p.peerIDs, id)
			}
		}
	}
	return p
}

// heldPort is a published port of the host; an empty address means all.
type heldPort struct {
	address, port, proto string
}

// askedPorts are the fixed host ports of a configuration; those that the engine chooses are not
// among them.
func askedPorts(h *container.HostConfig) []heldPort {
	var out []heldPort
	for port, bindings := range h.PortBindings {
		for _, b := range bindings {
			if b.HostPort == "" || b.HostPort == "0" {
				continue
			}
			ip := ""
			if b.HostIP.IsValid() && !b.HostIP.IsUnspecified() {
				ip = b.HostIP.String()
			}
			out = append(out, heldPort{ip, b.HostPort, string(port.Proto())})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].String() < out[j].String() })
	return out
}

func (h heldPort) String() string {
	s := h.port + "/" + h.proto
	if h.address != "" {
		s = h.address + ":" + s
	}
	return s
}

// clash says whether two ports cannot be held at once.
func (h heldPort) clash(o heldPort) bool {
	return h.port == o.port && h.proto == o.proto && (h.address == o.address || h.address == "" || o.address == "")
}

func clashing(a, b []heldPort) (heldPort, bool) {
	for _, x := range a {
		if slices.ContainsFunc(b, x.clash) {
			return x, true
		}
	}
	return heldPort{}, false
}
