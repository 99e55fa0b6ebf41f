package docker

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
)

// Observe looks at every container of the project once. Containers that vanish between the list
// and the look at them are left out.
func (t *Target) Observe(ctx context.Context) (stack.Snapshot, error) {
	list, err := t.inspectAll(ctx)
	if err != nil {
		return stack.Snapshot{}, err
	}
	return snapshot(list, time.Now()), nil
}

func snapshot(list []container.InspectResponse, at time.Time) stack.Snapshot {
	out := stack.Snapshot{At: at}
	for _, c := range list {
		out.Containers = append(out.Containers, seen(c))
	}
	sort.SliceStable(out.Containers, func(i, j int) bool {
		a, b := out.Containers[i], out.Containers[j]
		if a.Service != b.Service {
			return a.Service < b.Service
		}
		if a.Number != b.Number {
			return a.Number < b.Number
		}
		return a.ID < b.ID
	})
	return out
}

// listContainers gives everything of the project, running or not, found by label.
func (t *Target) listContainers(ctx context.Context) ([]container.Summary, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", labelProject+"="+t.project.Name),
	})
	if err != nil {
		return nil, t.sentence("cannot list the containers of project "+clean.Name(t.project.Name), err)
	}
	return res.Items, nil
}

// inspectAll gives the engine's full description of every container of the project.
func (t *Target) inspectAll(ctx context.Context) ([]container.InspectResponse, error) {
	list, err := t.listContainers(ctx)
	if err != nil {
		return nil, err
	}
	// Side by side, because over ssh each look costs a round trip.
	found := make([]container.InspectResponse, len(list))
	errs := make([]error, len(list))
	slots := make(chan struct{}, 6)
	var wait sync.WaitGroup
	for i, s := range list {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[i], errs[i] = t.inspect(ctx, s.ID)
		})
	}
	wait.Wait()
	out := make([]container.InspectResponse, 0, len(list))
	for i, err := range errs {
		switch {
		case err == nil:
			out = append(out, found[i])
		case !errdefs.IsNotFound(err):
			return nil, err
		}
	}
	return out, nil
}

// inspect looks at one container. errdefs.IsNotFound holds for its error if it is gone.
func (t *Target) inspect(ctx context.Context, id string) (container.InspectResponse, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return container.InspectResponse{}, t.sentence("cannot look at container "+shortID(id), err)
	}
	c := res.Container
	if c.Config == nil || c.State == nil || c.HostConfig == nil {
		return c, &stack.Error{What: "the engine's description of container " + shortID(id) + " is incomplete", Do: "The engine may be too old or damaged: try 'docker inspect " + shortID(id) + "'"}
	}
	return c, nil
}

// seen turns the engine's description of a container into ours.
func seen(c container.InspectResponse) stack.Container {
	labels := c.Config.Labels
	number, err := strconv.Atoi(labels[labelNumber])
	if err != nil {
		number = 1 // a container made by hand with compose's labels
	}
	out := stack.Container{
		ID: c.ID, Name: clean.Name(strings.TrimPrefix(c.Name, "/")),
		Service: clean.Name(labels[labelService]), Number: number,
		Image: clean.Name(c.Config.Image), ImageID: c.Image,
		State: string(c.State.Status), ExitCode: c.State.ExitCode,
		StartedAt: parseTime(c.State.StartedAt), Restarts: c.RestartCount,
		OneOff: strings.EqualFold(labels[labelOneOff], "true"),
		Ports:  portsText(c),
	}
	out.OneShot = oneShot(c)
	if h := c.State.Health; h != nil && h.Status != container.NoHealthcheck {
		out.Health = string(h.Status)
		for _, r := range h.Log {
			if r == nil {
				continue
			}
			out.HealthLog = append(out.HealthLog, stack.HealthResult{
				At: r.End, ExitCode: r.ExitCode, Output: strings.TrimSpace(clean.Text(r.Output)),
			})
		}
	}
	return out
}

// oneShot: done and not to be started again, so exited is its right state.
func oneShot(c container.InspectResponse) bool {
	policy := c.HostConfig.RestartPolicy.Name
	return c.State.Status == container.StateExited && c.State.ExitCode == 0 &&
		(policy == "" || policy == container.RestartPolicyDisabled || policy == container.RestartPolicyOnFailure)
}

// parseTime reads the engine's times; what never happened ("0001-01-01") and what is no time is
// the zero time.
func parseTime(s string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || at.Year() <= 1 {
		return time.Time{}
	}
	return at
}

// portsText is "127.0.0.1:8080->8080/tcp, 9000/tcp"; an address for everybody is left out, and a
// port published on both 0.0.0.0 and :: is named once.
func portsText(c container.InspectResponse) string {
	if c.NetworkSettings == nil {
		return ""
	}
	ports := make([]network.Port, 0, len(c.NetworkSettings.Ports))
	for p := range c.NetworkSettings.Ports {
		ports = append(ports, p)
	}
	sort.Slice(ports, func(i, j int) bool {
		if ports[i].Num() != ports[j].Num() {
			return ports[i].Num() < ports[j].Num()
		}
		return ports[i].Proto() < ports[j].Proto()
	})
	var out []string
	for _, p := range ports {
		bindings := c.NetworkSettings.Ports[p]
		if len(bindings) == 0 {
			out = append(out, p.String())
		}
		for _, b := range bindings {
			host := b.HostPort
			if b.HostIP.IsValid() && !b.HostIP.IsUnspecified() {
				host = b.HostIP.String() + ":" + b.HostPort
			}
			text := fmt.Sprintf("%s->%s", host, p)
			if !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	return clean.Name(strings.Join(out, ", "))
}

// shortID is the 12 characters that people know from docker ps.
func shortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	if len(id) > 12 {
		id = id[:12]
	}
	return clean.Name(id)
}
