package docker

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"

	"flightdeck/internal/release"
)

const (
	idA = "aaaaaaaaaaaabbbbbbbbbbbbccccccccccccddddddddddddeeeeeeeeeeeeffff"
	idB = "111111111111222222222222333333333333444444444444555555555555ffff"
)

// inspected is a container as an engine describes it, with what differs from one to the next.
func inspected(id, volume string) container.InspectResponse {
	return container.InspectResponse{
		ID: id, Name: "/shop-backend-1", Image: "sha256:1", State: &container.State{Status: container.StateRunning, Running: true},
		Config: &container.Config{
			Hostname: id[:12], Image: "shop:v1", Env: []string{"LEVEL=info", "PASSWORD=secret"}, Cmd: []string{"serve"},
			Labels: map[string]string{labelService: "backend", labelNumber: "1", labelDependsOn: "db:service_healthy:false,queue:service_started:true"},
		},
		HostConfig: &container.HostConfig{
			NetworkMode: "shop_default",
			Mounts:      []mount.Mount{{Type: mount.TypeVolume, Target: "/anonymous"}, {Type: mount.TypeVolume, Source: "shop_data", Target: "/data"}},
		},
		Mounts: []container.MountPoint{
			{Type: mount.TypeVolume, Name: "shop_data", Destination: "/data", RW: true},
			{Type: mount.TypeVolume, Name: volume, Destination: "/anonymous", RW: true},
		},
		NetworkSettings: &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{
			"shop_default": {Aliases: []string{"backend", id[:12], "shop-backend-1"}, NetworkID: "n" + id[:3], EndpointID: "e" + id[:3]},
		}},
	}
}

func TestHashIgnoresWhatChangesByItself(t *testing.T) {
	a := newSpec(inspected(idA, idA), nil, nil)
	again := inspected(idB, idB)
	// As restored: the anonymous volume has a source now, compose's own mark is gone.
	again.HostConfig.Mounts[0].Source = idB
	again.Config.Labels[labelReplace] = "shop-backend-1"
	again.Config.Image = "sha256:1"
	again.Config.Volumes = map[string]struct{}{"/anonymous": {}}
	if b := newSpec(again, nil, nil); a.hash() != b.hash() {
		t.Errorf("the same configuration has two hashes:\n%s\n%s", canonical(a), canonical(b))
	}
}

func TestHashSeesEveryChange(t *testing.T) {
	base := newSpec(inspected(idA, idA), nil, nil).hash()
	for name, change := range map[string]func(*container.InspectResponse){
		"environment":  func(c *container.InspectResponse) { c.Config.Env[0] = "LEVEL=debug" },
		"command":      func(c *container.InspectResponse) { c.Config.Cmd = []string{"other"} },
		"host name":    func(c *container.InspectResponse) { c.Config.Hostname = "mine" },
		"label":        func(c *container.InspectResponse) { c.Config.Labels["x"] = "y" },
		"memory":       func(c *container.InspectResponse) { c.HostConfig.Memory = 1 << 20 },
		"named volume": func(c *container.InspectResponse) { c.Mounts[0].Name = "other" },
		"read only":    func(c *container.InspectResponse) { c.Mounts[0].RW = false },
		"no volume":    func(c *container.InspectResponse) { c.Mounts = c.Mounts[:1] },
		"alias": func(c *container.InspectResponse) {
			c.NetworkSettings.Networks["shop_default"].Aliases = []string{"api"}
		},
		"network": func(c *container.InspectResponse) { c.NetworkSettings.Networks["more"] = &network.EndpointSettings{} },
		"port": func(c *container.InspectResponse) {
			c.Config.ExposedPorts = network.PortSet{network.MustParsePort("80/tcp"): {}}
		},
		"tmpfs": func(c *container.InspectResponse) { c.HostConfig.Tmpfs = map[string]string{"/tmp": ""} },
		"health check": func(c *container.InspectResponse) {
			c.Config.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
		},
	} {
		c := inspected(idA, idA)
		change(&c)
		if newSpec(c, nil, nil).hash() == base {
			t.Errorf("another %s has the same hash", name)
		}
	}
}

func TestSpecSurvivesTheLedger(t *testing.T) {
	peers := map[string]string{idB: "proxy/2"}
	c := inspected(idA, idA)
	c.HostConfig.NetworkMode = container.NetworkMode("container:" + idB)
	for _, want := range []spec{newSpec(inspected(idA, idA), nil, nil), newSpec(c, []byte(`{"Config":{"MacAddress":"02:42:00:00:00:01"}}`), peers)} {
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readSpec(data)
		if err != nil {
			t.Fatal(err)
		}
		if got.hash() != want.hash() || got.Mac != want.Mac {
			t.Errorf("read back: %s\nwritten: %s", canonical(got), canonical(want))
		}
	}
	s := newSpec(c, nil, peers)
	if d := cmp.Diff([]string{"db", "proxy", "queue"}, dependsOn(s)); d != "" {
		t.Error(d)
	}
	if len(s.Networks) > 0 {
		t.Error("it has no network of its own")
	}
}

func TestAspectsShowNames(t *testing.T) {
	data, err := json.Marshal(newSpec(inspected(idA, idA), nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	got := aspects(data)
	for _, name := range []string{"environment LEVEL", "environment PASSWORD", "command", "volumes", "network shop_default", "network mode"} {
		if _, ok := got[name]; !ok {
			t.Errorf("no %q in %v", name, got)
		}
	}
	for name := range got {
		if strings.Contains(name, "secret") || strings.Contains(name, "compose") {
			t.Errorf("%q is shown", name)
		}
	}
}

func TestMountsCarryAnonymousVolumes(t *testing.T) {
	c := inspected(idA, idA)
	c.HostConfig.Mounts = nil
	c.HostConfig.Binds = []string{idA + ":/anonymous:rw", "shop_data:/data:rw", "/etc/shop:/etc/shop:ro"} // as generation 1 carries them
	c.Mounts = append(c.Mounts, container.MountPoint{Type: mount.TypeVolume, Name: idA[:63] + "0", Destination: "/of-the-image", RW: true})
	p := newPresent(c, nil, nil)
	w := slot{slotKey{"backend", 1}, recorded(p), p.spec, false}
	now := newPresent(inspected(idB, idB), nil, nil)
	now.startedAt = time.Unix(2, 0)
	older := newPresent(inspected(idA, idA), nil, nil)
	older.startedAt = time.Unix(1, 0)
	carried := carriedVolumes(w, []present{older, now})
	if d := cmp.Diff(map[string]string{"/anonymous": idB}, carried); d != "" {
		t.Fatal(d)
	}
	host := *w.spec.Host
	mounts(&host, w, carried)
	if d := cmp.Diff([]string{idB + ":/anonymous:rw", "shop_data:/data:rw", "/etc/shop:/etc/shop:ro"}, host.Binds); d != "" {
		t.Error(d)
	}
	want := []mount.Mount{{Type: mount.TypeVolume, Source: idA[:63] + "0", Target: "/of-the-image"}}
	if d := cmp.Diff(want, host.Mounts); d != "" {
		t.Error(d)
	}
	if w.spec.Host.Binds[0] != idA+":/anonymous:rw" {
		t.Error("the record itself was changed")
	}
}

func TestInOrder(t *testing.T) {
	at := func(service string, number int, created, needs string) slot {
		s := spec{Config: &container.Config{Labels: map[string]string{labelDependsOn: needs}}, Host: &container.HostConfig{}, Created: created}
		return slot{key: slotKey{service, number}, spec: s, want: release.Container{Number: number}}
	}
	tests := []struct {
		name string
		in   []slot
		want string
	}{
		{"by dependency", []slot{at("a", 1, "2026-01-01T00:00:01Z", "b:service_started:true"), at("b", 1, "2026-01-01T00:00:02Z", "")}, "b-1 a-1"},
		{"by age without labels", []slot{at("a", 1, "2026-01-01T00:00:02Z", ""), at("b", 1, "2026-01-01T00:00:01Z", "")}, "b-1 a-1"},
		{"replicas by number", []slot{at("a", 2, "2026-01-01T00:00:01Z", ""), at("a", 1, "2026-01-01T00:00:02Z", "")}, "a-1 a-2"},
		{"a circle ends", []slot{at("a", 1, "", "b:service_started:true"), at("b", 1, "", "a:service_started:true")}, "b-1 a-1"},
		{"a service that is not recorded", []slot{at("a", 1, "", "gone:service_started:true")}, "a-1"},
	}
	for _, tt := range tests {
		var got []string
		for _, w := range inOrder(tt.in) {
			got = append(got, w.key.String())
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}

func TestClash(t *testing.T) {
	tests := []struct {
		a, b heldPort
		want bool
	}{
		{heldPort{"", "80", "tcp"}, heldPort{"127.0.0.1", "80", "tcp"}, true},
		{heldPort{"127.0.0.1", "80", "tcp"}, heldPort{"127.0.0.1", "80", "tcp"}, true},
		{heldPort{"127.0.0.1", "80", "tcp"}, heldPort{"127.0.0.2", "80", "tcp"}, false},
		{heldPort{"", "80", "tcp"}, heldPort{"", "80", "udp"}, false},
		{heldPort{"", "80", "tcp"}, heldPort{"", "81", "tcp"}, false},
	}
	for _, tt := range tests {
		if tt.a.clash(tt.b) != tt.want || tt.b.clash(tt.a) != tt.want {
			t.Errorf("%v and %v: want %v", tt.a, tt.b, tt.want)
		}
	}
}

func TestPackAndUnpack(t *testing.T) {
	for _, text := range []string{`{"id":"1"}`, `{"id":"` + strings.Repeat("long ", plainLimit) + `"}`} {
		packed, err := pack([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if len(packed) > plainLimit {
			t.Errorf("%d bytes packed to %d", len(text), len(packed))
		}
		got, err := unpack(packed)
		if err != nil || string(got) != text {
			t.Errorf("%d bytes came back as %d, %v", len(text), len(got), err)
		}
	}
	for _, bad := range []string{"gzip:!", "gzip:AAAA"} {
		if _, err := unpack(bad); err == nil {
			t.Errorf("%q was unpacked", bad)
		}
	}
}

func TestTagVersion(t *testing.T) {
	tests := []struct {
		images []string
		want   string
	}{
		{[]string{"shop/backend:v2", "shop/worker:v2", "postgres:16"}, "v2"},
		{[]string{"shop:v2", "postgres:16"}, ""},
		{[]string{"shop:latest", "shop"}, ""},
		{[]string{"registry:5000/shop"}, ""},
		{[]string{"registry:5000/shop:v1"}, "v1"},
	}
	for _, tt := range tests {
		var services []release.Service
		for _, i := range tt.images {
			services = append(services, release.Service{Image: i})
		}
		if got := tagVersion(services); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.images, got, tt.want)
		}
	}
}
