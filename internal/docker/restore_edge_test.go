package docker_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"

	"flightdeck/internal/docker/dockertest"
)

// awkward has what the engine gives back in another form than it was asked for: fixed addresses,
// a shared namespace, an image's own volume, a name of the operator's choice, limits and caps.
const awkward = `
services:
  gate:
    image: REPO:VERSION
    container_name: NAME-gate
    hostname: gate.example
    healthcheck: {disable: true}
    cap_add: [net_admin]
    mem_limit: 64m
    stop_signal: SIGINT
    stop_grace_period: 3s
    tmpfs: [/tmp]
    logging: {driver: json-file, options: {max-size: 1m}}
    ulimits: {nofile: 1024}
    extra_hosts: ["db.example:10.1.2.3"]
    networks: {fixed: {ipv4_address: SUBNET.77}, default: {aliases: [door]}}
  side:
    image: REPO:VERSION
    command: ["log", "-rate", "1", "-stay"]
    healthcheck: {disable: true}
    network_mode: "service:gate"
    depends_on: [gate]
    volumes: ["./compose.yaml:/compose.yaml:ro", "kept:/kept"]
networks:
  default: {}
  fixed:
    ipam: {config: [{subnet: SUBNET.0/24}]}
volumes: {kept: {}}
`

func TestRollbackOfAwkwardContainers(t *testing.T) {
	t.Parallel()
	bothGenerations(t, func(t *testing.T, generation string) {
		t.Parallel()
		f := newFleet(t, generation)
		subnet := map[string]string{"v1": "10.213.71", "v2": "10.213.72"}[generation]
		file := func(version string) string {
			return strings.NewReplacer("VERSION", version, "NAME", f.Name, "SUBNET", subnet).Replace(awkward)
		}
		f.up(t, file("v1"))
		older := f.healthy(t)
		f.up(t, file("v2"))
		f.healthy(t)
		ready, err := f.target.Ready(t.Context(), older.ID)
		if err != nil {
			t.Fatal(err)
		}
		f.restore(t, older.ID)
		f.proven(t, older.ID)
		before := ids(f.state(t))
		f.up(t, file("v1"))
		if generation == "v2" {
			// Its hash in compose's label is over the ID of the gate's container: compose recreates
			// it whenever the gate is another one. Ready must have said so.
			if note := ready.Changes[1].Note; !strings.Contains(note, "compose up") {
				t.Errorf("side's note is %q", note)
			}
			before["side-1"] = ids(f.state(t))["side-1"]
		}
		if d := cmp.Diff(before, ids(f.state(t))); d != "" {
			t.Errorf("compose up replaced containers:\n%s", d)
		}
		f.said = nil
		f.restore(t, older.ID)
		if d := cmp.Diff([]string{"everything runs as recorded already"}, f.said); d != "" {
			t.Error(d)
		}
	})
}

// TestRollbackMakesNetworksAgain: removed by `compose down`, and changed by the new release.
func TestRollbackMakesNetworksAgain(t *testing.T) {
	t.Parallel()
	bothGenerations(t, func(t *testing.T, generation string) {
		t.Parallel()
		f := newFleet(t, generation)
		f.up(t, smallOlder)
		older := f.healthy(t)
		f.exec(t, "backend-1", "rows", "/anonymous/rows", "before")
		dockertest.Run(t, generation, f.Project, nil, "down", "-t", "2")
		f.restore(t, older.ID)
		f.proven(t, older.ID)
		f.answers(t, "v1")
		if got := f.exec(t, "backend-1", "rows", "/anonymous/rows"); got != "1" {
			t.Errorf("the anonymous volume of a removed container has %s rows, want 1", got)
		}
		before := ids(f.state(t))
		f.up(t, smallOlder)
		if d := cmp.Diff(before, ids(f.state(t))); d != "" {
			t.Errorf("compose up replaced containers:\n%s", d)
		}

		// The new release makes one network internal.
		dockertest.Run(t, generation, f.Project, nil, "down", "-t", "2")
		f.up(t, strings.Replace(smallNewer, "back: {}, extra", "back: {internal: true}, extra", 1))
		f.healthy(t)
		f.restore(t, older.ID)
		f.proven(t, older.ID)
		res, err := f.api.NetworkInspect(t.Context(), f.Name+"_back", client.NetworkInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if res.Network.Internal {
			t.Error("the network is still the new release's")
		}
		before = ids(f.state(t))
		f.up(t, smallOlder)
		if d := cmp.Diff(before, ids(f.state(t))); d != "" {
			t.Errorf("compose up replaced containers:\n%s", d)
		}
	})
}
