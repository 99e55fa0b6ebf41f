package docker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

const smallOlder = `
services:
  backend:
    image: REPO:v1
    restart: always
    healthcheck: {interval: 200ms, timeout: 3s, retries: 10}
    volumes: ["/anonymous"]
    ports: ["127.0.0.1:PORT:8080"]
    networks: {front: {aliases: [api]}, back: {}}
networks: {front: {}, back: {}}
`

const smallNewer = `
services:
  backend:
    image: REPO:v2
    restart: always
    healthcheck: {interval: 200ms, timeout: 3s, retries: 10}
    volumes: ["/anonymous"]
    ports: ["127.0.0.1:PORT:8080"]
    networks: {front: {aliases: [api]}, back: {}}
  added:
    image: REPO:v2
    healthcheck: {interval: 200ms, timeout: 3s, retries: 10}
    networks: [extra]
networks: {front: {}, back: {}, extra: {}}
`

var errCable = errors.New("the cable was pulled")

// TestInterruptedRollbackConverges pulls the cable before the k-th change of the engine, for every
// k, and then rolls back again.
func TestInterruptedRollbackConverges(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, smallOlder)
	older := f.healthy(t)
	f.exec(t, "backend-1", "rows", "/anonymous/rows", "first")
	f.up(t, smallNewer)
	newer := f.healthy(t)
	rows := 1
	for k := 1; ; k++ {
		if k > 40 {
			t.Fatal("a rollback of two containers takes more than 40 changes")
		}
		// Back and forth by rollback itself: it works in both directions.
		f.said = nil
		f.restore(t, newer.ID)
		rows++
		f.exec(t, "backend-1", "rows", "/anonymous/rows", "between")

		cut := f.cutAt(t, k)
		err := cut.Restore(t.Context(), older.ID, f.say)
		if err == nil {
			t.Logf("%d changes in all", k-1)
			f.proven(t, older.ID)
			break
		}
		var sentence *stack.Error
		if !errors.As(err, &sentence) || !strings.Contains(err.Error(), "again") {
			t.Fatalf("cut at %d: the error says nothing of going on: %v", k, err)
		}
		f.restore(t, older.ID)
		f.proven(t, older.ID)
		if got := f.exec(t, "backend-1", "rows", "/anonymous/rows"); got != strconv.Itoa(rows) {
			t.Fatalf("cut at %d: %s rows, want %d", k, got, rows)
		}
		if left := f.state(t); len(left) != 1 {
			t.Fatalf("cut at %d: left over: %v", k, ids(left))
		}
	}
	before := ids(f.state(t))
	f.up(t, smallOlder)
	if d := cmp.Diff(before, ids(f.state(t))); d != "" {
		t.Errorf("compose up replaced containers:\n%s", d)
	}
}

// restorer is as much of a target as these tests cut off.
type restorer interface {
	Restore(ctx context.Context, id string, say stack.Say) error
}

// cutAt gives a target whose connection breaks before the k-th change and stays broken for changes.
func (f *fleet) cutAt(t *testing.T, k int) restorer {
	t.Helper()
	target := dockertest.Open(t, f.Project)
	var n atomic.Int64
	err := target.Hooked(func(req *http.Request) error {
		if req.Method == http.MethodGet || req.Method == http.MethodHead || strings.Contains(req.URL.Path, "/volumes/") {
			return nil // looking, and the ledger's own entry at the end
		}
		if n.Add(1) >= int64(k) {
			return errCable
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// TestCancelledRollbackGoesOn ends the context after the first sentences.
func TestCancelledRollbackGoesOn(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, smallOlder)
	older := f.healthy(t)
	f.up(t, smallNewer)
	newer := f.healthy(t)
	for k := 1; k <= 3; k++ {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		err := f.target.Restore(ctx, older.ID, func(string) {
			if n++; n == k {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at sentence %d: %v", k, err)
		}
		f.restore(t, older.ID)
		f.proven(t, older.ID)
		f.restore(t, newer.ID)
	}
}

func TestRollbackRefusesBeforeItStopsAnything(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, smallOlder)
	older := f.healthy(t)
	f.up(t, smallNewer)
	f.healthy(t)
	before := ids(f.state(t))
	refused := func(t *testing.T, word string) {
		t.Helper()
		ready, err := f.target.Ready(t.Context(), older.ID)
		if err != nil {
			t.Fatal(err)
		}
		if ready.Ready || !strings.Contains(ready.Reason, word) {
			t.Errorf("ready %v: %q, want a reason with %q", ready.Ready, ready.Reason, word)
		}
		f.said = nil
		if err := f.target.Restore(t.Context(), older.ID, f.say); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("restore says %v, want a refusal with %q", err, word)
		}
		if len(f.said) > 0 {
			t.Errorf("it did something: %v", f.said)
		}
		if d := cmp.Diff(before, ids(f.state(t))); d != "" {
			t.Error(d)
		}
		for place, c := range f.state(t) {
			if c.State != container.StateRunning {
				t.Errorf("%s is %s", place, c.State)
			}
		}
	}
	volume := older.Services[0].Containers[0].Volumes[0]
	if !volume.Anonymous {
		t.Fatalf("not seen as anonymous: %+v", volume)
	}
	t.Run("port held by a stranger", func(t *testing.T) {
		// A stranger can only hold it after the project gave it up.
		file := strings.Replace(smallNewer, "    ports: [\"127.0.0.1:PORT:8080\"]\n", "", 1)
		f.up(t, file)
		before = ids(f.state(t))
		name := dockertest.Name(t)
		cfg, host := published(f.port)
		cfg.Image = f.repo + ":v2"
		made, err := f.api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Name: name, Config: cfg, HostConfig: host})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := f.api.ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
				t.Error(err)
			}
		})
		if _, err := f.api.ContainerStart(t.Context(), made.ID, client.ContainerStartOptions{}); err != nil {
			t.Fatal(err)
		}
		refused(t, name)
	})
	t.Run("image gone", func(t *testing.T) {
		id := older.Services[0].ImageID
		img, err := f.api.ImageInspect(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(img.RepoTags, func(tag string) bool { return strings.HasPrefix(tag, "flightdeck/"+f.Name+":"+older.ID) }) {
			t.Errorf("the image has no protective tag: %v", img.RepoTags)
		}
		for _, tag := range img.RepoTags {
			if _, err := f.api.ImageRemove(t.Context(), tag, client.ImageRemoveOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, release.Short(id))
	})
	t.Run("unknown release", func(t *testing.T) {
		if err := f.target.Restore(t.Context(), "000000000000", nil); !errors.Is(err, stack.ErrNoRelease) {
			t.Error(err)
		}
	})
}

// TestRollbackThatFailsSaysWhatIsLeft: the port is taken between the check and the start.
func TestRollbackThatFailsSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, smallOlder)
	older := f.healthy(t)
	f.up(t, smallNewer)
	f.healthy(t)
	target := dockertest.Open(t, f.Project)
	err := target.Hooked(func(req *http.Request) error {
		if strings.HasSuffix(req.URL.Path, "/start") {
			return errors.New("port is already allocated")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = target.Restore(t.Context(), older.ID, f.say)
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{"cannot start backend-1", "port is already allocated", "docker logs", "docker rename flightdeck-aside-", "docker start", "--restart=always", "again"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is missing in: %v", word, err)
		}
	}
	if proof := f.verify(t, older.ID); proof.OK {
		t.Error("proven although nothing was started")
	}
	f.said = nil
	f.restore(t, older.ID)
	f.proven(t, older.ID)
	f.answers(t, "v1")
}

// TestProofSeesTheBadVersion: the failure that every peer has had.
func TestProofSeesTheBadVersion(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, smallOlder)
	older := f.healthy(t)
	f.up(t, smallNewer)
	begun := time.Now()
	proof := f.verify(t, older.ID)
	if proof.OK || time.Since(begun) > 10*time.Second {
		t.Errorf("proven %v after %s: %+v", proof.OK, time.Since(begun), proof.Rows)
	}
	for _, row := range proof.Rows {
		if row.OK || !strings.Contains(fmt.Sprint(row), "record") {
			t.Errorf("%+v", row)
		}
	}
}
