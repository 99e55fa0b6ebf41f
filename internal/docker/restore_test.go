package docker_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/docker"
	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// fleet is a project with everything that a rollback has to get right.
type fleet struct {
	docker.Project
	generation string
	repo       string
	port       int
	target     *docker.Target
	api        *client.Client
	said       []string
}

const olderFile = `
services:
  backend:
    image: REPO:v1
    command: ["serve"]
    scale: 2
    environment: {LEVEL: info}
    networks: {front: {aliases: [api]}, back: {}}
    restart: always
  worker:
    image: REPO:v1
    command: ["log", "-rate", "1", "-stay"]
    healthcheck: {disable: true}
    depends_on: {backend: {condition: service_healthy}}
    networks: [back]
  writer:
    image: REPO:v1
    command: ["serve", "-rows", "/data/rows", "-every", "20ms"]
    volumes: ["data:/data", "/anonymous"]
    networks: [back]
  edge:
    image: REPO:v1
    ports: ["127.0.0.1:PORT:8080"]
    depends_on: [backend]
    networks: [front]
  setup:
    image: REPO:v1
    command: ["exit", "0"]
    networks: [back]
  legacy:
    image: REPO:v1
    networks: [back]
networks: {front: {}, back: {}}
volumes: {data: {}}
`

// newerFile changes images, environment and replicas, adds and removes a service and a network,
// and moves the published port to the added service.
const newerFile = `
services:
  backend:
    image: REPO:v2
    command: ["serve"]
    scale: 3
    environment: {LEVEL: debug}
    networks: {front: {aliases: [api]}, back: {}}
    restart: always
  worker:
    image: REPO:v2
    command: ["log", "-rate", "1", "-stay"]
    healthcheck: {disable: true}
    depends_on: {backend: {condition: service_healthy}}
    networks: [back]
  writer:
    image: REPO:v2
    command: ["serve", "-rows", "/data/rows", "-every", "20ms"]
    volumes: ["data:/data", "/anonymous"]
    networks: [back]
  edge:
    image: REPO:v2
    depends_on: [backend]
    networks: [front]
  added:
    image: REPO:v2
    ports: ["127.0.0.1:PORT:8080"]
    depends_on: [edge]
    networks: [extra]
  setup:
    image: REPO:v2
    command: ["exit", "0"]
    networks: [back]
networks: {front: {}, back: {}, extra: {}}
volumes: {data: {}}
`

// bothGenerations runs a test with both generations of compose.
func bothGenerations(t *testing.T, test func(t *testing.T, generation string)) {
	dockertest.Engine(t)
	for _, g := range dockertest.Compose(t) {
		t.Run(g, func(t *testing.T) { test(t, g) })
	}
}

func newFleet(t testing.TB, generation string) *fleet {
	t.Helper()
	f := &fleet{generation: generation, repo: dockertest.Name(t), port: freePort(t), api: dockertest.API(t)}
	// Released tags are removed by the engine only when no container uses the image any more, and
	// clean-ups run last in, first out: images first, then the project that uses them.
	for _, v := range []string{"v1", "v2"} {
		// The label makes image IDs of its own: equal ones would be shared with other tests.
		dockertest.Image(t, v, dockertest.Repo(f.repo), dockertest.Health(), dockertest.Label("fdtest", f.repo))
	}
	f.Project = dockertest.Project(t, "services: {}\n", nil)
	f.Environment = "production"
	f.target = dockertest.Open(t, f.Project)
	return f
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (f *fleet) write(t testing.TB, file string) {
	t.Helper()
	file = strings.NewReplacer("REPO", f.repo, "PORT", strconv.Itoa(f.port)).Replace(file)
	dockertest.Write(t, f.Project, "compose.yaml", file)
}

func (f *fleet) up(t testing.TB, file string) {
	t.Helper()
	f.write(t, file)
	dockertest.Run(t, f.generation, f.Project, nil, "up", "-d", "-t", "2", "--remove-orphans")
}

func (f *fleet) record(t testing.TB) release.Release {
	t.Helper()
	r, err := f.target.Record(t.Context(), stack.Meta{Environment: "production", By: "tester"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// healthy waits until everything that runs is well, and records it as healthy.
func (f *fleet) healthy(t testing.TB) release.Release {
	t.Helper()
	end := time.Now().Add(30 * time.Second)
	for {
		if r := f.record(t); r.Status == release.StatusHealthy {
			return r
		} else if time.Now().After(end) {
			t.Fatalf("release %s is not healthy in time: %+v", r.ID, f.state(t))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (f *fleet) restore(t testing.TB, id string) {
	t.Helper()
	if err := f.target.Restore(t.Context(), id, f.say); err != nil {
		t.Fatalf("%v\nsaid:\n%s", err, strings.Join(f.said, "\n"))
	}
}

func (f *fleet) say(text string) { f.said = append(f.said, text) }

func (f *fleet) verify(t testing.TB, id string) release.Proof {
	t.Helper()
	proof, err := f.target.Verify(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

func (f *fleet) proven(t testing.TB, id string) {
	t.Helper()
	if proof := f.verify(t, id); !proof.OK {
		t.Fatalf("not proven: %+v\nsaid:\n%s", proof.Rows, strings.Join(f.said, "\n"))
	}
}

// state asks the engine itself: "service-number" to container, one-offs included.
func (f *fleet) state(t testing.TB) map[string]container.Summary {
	t.Helper()
	res, err := f.api.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", "com.docker.compose.project="+f.Name)})
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]container.Summary)
	for _, c := range res.Items {
		key := c.Labels["com.docker.compose.service"] + "-" + c.Labels["com.docker.compose.container-number"]
		if before, twice := out[key]; twice {
			t.Fatalf("%s exists twice: %v and %v", key, before.Names, c.Names)
		}
		out[key] = c
	}
	return out
}

func ids(state map[string]container.Summary) map[string]string {
	out := make(map[string]string)
	for k, c := range state {
		out[k] = c.ID
	}
	return out
}

// exec runs the app inside a container and gives what it says.
func (f *fleet) exec(t testing.TB, place string, args ...string) string {
	t.Helper()
	c, ok := f.state(t)[place]
	if !ok {
		t.Fatalf("no container %s", place)
	}
	made, err := f.api.ExecCreate(t.Context(), c.ID, client.ExecCreateOptions{Cmd: append([]string{"/app"}, args...), AttachStdout: true, AttachStderr: true, TTY: true})
	if err != nil {
		t.Fatal(err)
	}
	att, err := f.api.ExecAttach(t.Context(), made.ID, client.ExecAttachOptions{TTY: true})
	if err != nil {
		t.Fatal(err)
	}
	defer att.Close()
	var b strings.Builder
	if _, err := att.Reader.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func (f *fleet) rows(t testing.TB, file string) int {
	t.Helper()
	n, err := strconv.Atoi(f.exec(t, "writer-1", "rows", file))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (f *fleet) answers(t testing.TB, want string) {
	t.Helper()
	end := time.Now().Add(10 * time.Second)
	for {
		got, err := get(t.Context(), fmt.Sprintf("http://127.0.0.1:%d/", f.port))
		if err == nil && got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("port %d answers %q (%v), want %q", f.port, got, err, want)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestRollbackBringsEverythingBack(t *testing.T) {
	t.Parallel()
	bothGenerations(t, func(t *testing.T, generation string) {
		t.Parallel()
		f := newFleet(t, generation)
		f.up(t, olderFile)
		older := f.healthy(t)
		before := f.state(t)
		f.exec(t, "writer-1", "rows", "/anonymous/rows", "before")

		f.up(t, newerFile)
		f.exec(t, "writer-1", "rows", "/anonymous/rows", "during")
		newer := f.healthy(t)
		if newer.ID == older.ID {
			t.Fatal("two releases have one identity")
		}
		ready, err := f.target.Ready(t.Context(), older.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !ready.Ready {
			t.Fatalf("not ready: %s", ready.Reason)
		}
		checkChanges(t, ready.Changes)
		atRollback := f.rows(t, "/data/rows")

		f.restore(t, older.ID)
		f.proven(t, older.ID)
		f.answers(t, "v1")
		f.exec(t, "writer-1", "rows", "/anonymous/rows", "after")
		if got := f.rows(t, "/anonymous/rows"); got != 3 {
			t.Errorf("the anonymous volume has %d rows, want 3", got)
		}
		if got := f.rows(t, "/data/rows"); got < atRollback {
			t.Errorf("the named volume has %d rows, had %d", got, atRollback)
		}
		after := f.state(t)
		if job := after["setup-1"]; job.State != container.StateCreated {
			t.Errorf("the one-shot service is %s: it must be there again and not have been run", job.State)
		}
		first := slices.Index(f.said, "starting worker-1 ("+f.repo+":v1)")
		last := slices.Index(f.said, "starting backend-2 ("+f.repo+":v1)")
		if first < 0 || last < 0 || first < last {
			t.Errorf("worker-1 was started before what it depends on:\n%s", strings.Join(f.said, "\n"))
		}
		for place, was := range before {
			is := after[place]
			if is.ImageID != was.ImageID || !slices.Equal(is.Names, was.Names) || is.Image != was.Image {
				t.Errorf("%s is %v %s (%s), was %v %s (%s)", place, is.Names, is.Image, is.ImageID, was.Names, was.Image, was.ImageID)
			}
		}
		if len(after) != len(before) {
			t.Errorf("%d containers, had %d", len(after), len(before))
		}
		if again := f.record(t); again.ID != older.ID {
			t.Errorf("what runs is recorded as %s, want %s", again.ID, older.ID)
		}
		f.composeAccepts(t)
		if took, err := f.target.Ready(t.Context(), newer.ID); err != nil || took.LastTook <= 0 {
			t.Errorf("the ledger does not know how long the rollback took: %v, %v", took.LastTook, err)
		}
		f.downLeavesTheLedger(t, older.ID)
	})
}

func checkChanges(t *testing.T, changes []release.Change) {
	t.Helper()
	kinds := make(map[string]release.ChangeKind)
	for _, c := range changes {
		kinds[c.Service] = c.Kind
		if c.Service == "backend" {
			if !slices.Contains(c.Config, "environment LEVEL") || c.FromReplicas != 3 || c.ToReplicas != 2 {
				t.Errorf("backend's change is %+v", c)
			}
			if text := fmt.Sprint(c); strings.Contains(text, "debug") || strings.Contains(text, "info") {
				t.Errorf("a value of the configuration is shown: %s", text)
			}
		}
	}
	want := map[string]release.ChangeKind{
		"backend": release.ChangeRecreated, "worker": release.ChangeRecreated, "writer": release.ChangeRecreated, "edge": release.ChangeRecreated,
		"setup": release.ChangeRecreated, "added": release.ChangeRemoved, "legacy": release.ChangeAdded,
	}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Error(d)
	}
}

// composeAccepts: with the old file, compose finds nothing to do.
func (f *fleet) composeAccepts(t *testing.T) {
	t.Helper()
	before := ids(f.state(t))
	f.up(t, olderFile)
	if d := cmp.Diff(before, ids(f.state(t))); d != "" {
		t.Errorf("compose up replaced containers after the rollback:\n%s", d)
	}
}

func (f *fleet) downLeavesTheLedger(t *testing.T, id string) {
	t.Helper()
	dockertest.Run(t, f.generation, f.Project, nil, "down", "-v", "-t", "2")
	if left := f.state(t); len(left) > 0 {
		t.Errorf("compose down left %v", ids(left))
	}
	nets, err := f.api.NetworkList(t.Context(), client.NetworkListOptions{Filters: make(client.Filters).Add("label", "com.docker.compose.project="+f.Name)})
	if err != nil {
		t.Fatal(err)
	}
	if len(nets.Items) > 0 {
		t.Errorf("compose down left networks: %+v", nets.Items)
	}
	list, err := f.target.Releases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(list, func(r release.Release) bool { return r.ID == id }) {
		t.Error("compose down -v removed the ledger")
	}
}

// TestRollbackFromAnywhere: no compose file, another HOME, the tag re-used, a release that crashes.
func TestRollbackFromAnywhere(t *testing.T) {
	bothGenerations(t, func(t *testing.T, generation string) {
		f := newFleet(t, generation)
		file := "services:\n  backend:\n    image: REPO:live\n    restart: always\n    environment: {LEVEL: \"${LEVEL:-info}\"}\n    ports: [\"127.0.0.1:PORT:8080\"]\n    command: [\"${WHAT:-serve}\"]\n"
		f.tag(t, "v1", "live")
		f.up(t, file)
		older := f.healthy(t)
		f.answers(t, "v1")

		// The tag now means the new image, which crashes at once.
		f.tag(t, "v2", "live")
		f.write(t, file)
		dockertest.Run(t, f.generation, f.Project, []string{"WHAT=crash"}, "up", "-d", "-t", "2")
		if err := os.Remove(filepath.Join(f.Dir, "compose.yaml")); err != nil {
			t.Fatal(err)
		}
		home := os.Getenv("HOME")
		t.Setenv("HOME", t.TempDir())
		f.target = dockertest.Open(t, docker.Project{Name: f.Name})
		list, err := f.target.Releases(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		current, err := f.target.Current(t.Context())
		if err != nil && current.Services == nil {
			t.Fatal(err)
		}
		pick, err := release.Pick(list, current)
		if err != nil || pick.ID != older.ID {
			t.Fatalf("picked %q (%v), want %s", pick.ID, err, older.ID)
		}
		f.restore(t, pick.ID)
		f.proven(t, pick.ID)
		f.answers(t, "v1")

		t.Setenv("HOME", home) // docker finds its compose plugin there
		before := ids(f.state(t))
		f.up(t, file)
		if d := cmp.Diff(before, ids(f.state(t))); d != "" {
			t.Errorf("the re-used tag brought the bad image back:\n%s", d)
		}
		f.answers(t, "v1")
	})
}

func (f *fleet) tag(t testing.TB, from, to string) {
	t.Helper()
	if _, err := f.api.ImageTag(t.Context(), client.ImageTagOptions{Source: f.repo + ":" + from, Target: f.repo + ":" + to}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// By another name it may be gone already; the images themselves have their own clean-up.
		_, _ = f.api.ImageRemove(context.Background(), f.repo+":"+to, client.ImageRemoveOptions{})
	})
}
