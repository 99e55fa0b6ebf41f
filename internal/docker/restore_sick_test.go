package docker_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/docker/dockertest"
)

// preyFile has a database that no release changes, and a backend whose new version makes it sick for
// as long as that version runs.
const preyFile = `
services:
  db:
    image: REPO:v1
    command: ["serve", "-sick-while", "/shared/rows"]
    healthcheck: {interval: 200ms, timeout: 3s, retries: 2}
    volumes: ["shared:/shared"]
  backend:
    image: REPO:VERSION
    command: COMMAND
    healthcheck: {interval: 200ms, timeout: 3s, retries: 2}
    volumes: ["shared:/shared"]
    depends_on: {db: {condition: service_healthy}}
volumes: {shared: {}}
`

func prey(version, command string) string {
	return strings.NewReplacer("VERSION", version, "COMMAND", command).Replace(preyFile)
}

// becomes waits until the engine's own word about a place contains a text.
func (f *fleet) becomes(t testing.TB, place, text string) {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	for !strings.Contains(f.state(t)[place].Status, text) {
		if time.Now().After(end) {
			t.Fatalf("%s is %q, want %q", place, f.state(t)[place].Status, text)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestRollbackHealsWhatTheBadReleaseMadeSick: the database itself is as recorded and stays, but waits
// for the rollback of what makes it sick.
func TestRollbackHealsWhatTheBadReleaseMadeSick(t *testing.T) {
	t.Parallel()
	bothGenerations(t, func(t *testing.T, generation string) {
		t.Parallel()
		f := newFleet(t, generation)
		f.up(t, prey("v1", `["serve"]`))
		older := f.healthy(t)
		db := f.state(t)["db-1"].ID
		f.up(t, prey("v2", `["serve", "-rows", "/shared/rows", "-every", "50ms"]`))
		f.becomes(t, "db-1", "(unhealthy)")

		f.restore(t, older.ID)
		f.proven(t, older.ID)
		if is := f.state(t)["db-1"].ID; is != db {
			t.Errorf("the database was replaced: %s, was %s", is, db)
		}
	})
}

// TestRollbackDoesNotFailForWhatItDidNotTouch: somebody outside keeps the database sick for ever. The
// backend comes back all the same, and the proof names the database.
func TestRollbackDoesNotFailForWhatItDidNotTouch(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, prey("v1", `["serve"]`))
	older := f.healthy(t)
	f.up(t, prey("v2", `["serve"]`))
	f.healthy(t)
	dockertest.Container(t, f.Name+"-other", "other", 1, f.repo+":v2", []string{"serve", "-rows", "/shared/rows", "-every", "50ms"}, func(_ *container.Config, host *container.HostConfig) {
		host.Binds = []string{f.Name + "_shared:/shared"}
	})
	f.becomes(t, "db-1", "(unhealthy)")
	f.restore(t, older.ID)
	if is := f.state(t)["backend-1"]; is.Image != f.repo+":v1" || is.State != container.StateRunning {
		t.Errorf("the backend is %s, %s", is.Image, is.State)
	}
	proof := f.verify(t, older.ID)
	if proof.OK || !proof.Rows[0].OK || proof.Rows[1].Health != "db-1 is unhealthy" {
		t.Errorf("%+v", proof.Rows)
	}
}

// TestRollbackSwitchesAllBeforeItJudges: a restored database stays sick; the backend is switched all
// the same, and the rollback fails in the end with the database's name.
func TestRollbackSwitchesAllBeforeItJudges(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, prey("v1", `["serve"]`))
	older := f.healthy(t)
	f.up(t, strings.Replace(prey("v2", `["serve"]`), "image: REPO:v1", "image: REPO:v2", 1))
	f.healthy(t)
	dockertest.Container(t, f.Name+"-other", "other", 1, f.repo+":v2", []string{"serve", "-rows", "/shared/rows", "-every", "50ms"}, func(_ *container.Config, host *container.HostConfig) {
		host.Binds = []string{f.Name + "_shared:/shared"}
	})
	err := f.target.Restore(t.Context(), older.ID, f.say)
	if err == nil || !strings.Contains(err.Error(), "db-1 ("+f.repo+":v1) is back, but unhealthy") {
		t.Errorf("restore says %v", err)
	}
	res, err := f.api.ContainerList(t.Context(), client.ContainerListOptions{Filters: make(client.Filters).Add("label", "com.docker.compose.project="+f.Name, "com.docker.compose.service=backend")})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Items) != 1 || res.Items[0].Image != f.repo+":v1" {
		t.Errorf("backends that run: %+v", res.Items)
	}
}

var containerInspect = regexp.MustCompile(`/containers/[0-9a-f]{64}/json$`)

// TestRollbackBearsAnEngineThatStutters: while it waits, the engine fails to answer some questions.
func TestRollbackBearsAnEngineThatStutters(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, smallOlder)
	older := f.healthy(t)
	f.up(t, smallNewer)
	f.healthy(t)
	target := dockertest.Open(t, f.Project)
	var started atomic.Bool
	var asked atomic.Int64
	err := target.Hooked(func(req *http.Request) error {
		if strings.HasSuffix(req.URL.Path, "/start") {
			started.Store(true)
		}
		if started.Load() && req.Method == http.MethodGet && containerInspect.MatchString(req.URL.Path) && asked.Add(1) <= 3 {
			return errors.New("the line is bad")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Restore(t.Context(), older.ID, f.say); err != nil {
		t.Error(err)
	}
	if asked.Load() <= 3 {
		t.Errorf("only %d questions: nothing was stuttered at", asked.Load())
	}
	f.proven(t, older.ID)
}

// TestStoppedContainersStayStopped: what a rollback stopped is not started by an engine that restarts.
func TestStoppedContainersStayStopped(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	const port = "    ports: [\"127.0.0.1:PORT:8080\"]\n"
	f.up(t, strings.ReplaceAll(smallOlder, "restart: always", "restart: \"on-failure:3\""))
	older := f.healthy(t)
	newer := strings.ReplaceAll(smallNewer, "restart: always", "restart: \"on-failure:3\"")
	newer = strings.Replace(newer, port, "", 1)
	f.up(t, strings.Replace(newer, "    networks: [extra]\n", port+"    restart: unless-stopped\n    networks: [extra]\n", 1))
	f.healthy(t)
	target := dockertest.Open(t, f.Project)
	if err := target.Hooked(func(req *http.Request) error {
		if strings.HasSuffix(req.URL.Path, "/start") {
			return errors.New("no start today")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	err := target.Restore(t.Context(), older.ID, f.say)
	if err == nil || !strings.Contains(err.Error(), "docker update --restart=on-failure:3") {
		t.Errorf("restore says %v", err)
	}
	res, err := f.api.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", "com.docker.compose.project="+f.Name).Add("status", "exited")})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Items) != 2 {
		t.Errorf("stopped: %+v", res.Items)
	}
	for _, c := range res.Items {
		is, err := f.api.ContainerInspect(t.Context(), c.ID, client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if policy := is.Container.HostConfig.RestartPolicy.Name; policy != container.RestartPolicyDisabled {
			t.Errorf("%v has restart policy %q", c.Names, policy)
		}
	}
	f.said = nil
	f.restore(t, older.ID)
	f.proven(t, older.ID)
	f.answers(t, "v1")
}
