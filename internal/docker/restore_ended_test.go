package docker_test

import (
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"

	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

const seedFile = `
services:
  backend:
    image: REPO:VERSION
    healthcheck: {disable: true}
  seed:
    image: REPO:VERSION
    healthcheck: {disable: true}
    command: ["exit", "CODE"]
`

func seed(version, code string) string {
	return strings.NewReplacer("VERSION", version, "CODE", code).Replace(seedFile)
}

// settle waits until a place is in a state and then records, whatever the verdict.
func (f *fleet) settle(t testing.TB, place, status string) release.Release {
	t.Helper()
	f.becomes(t, place, status)
	return f.record(t)
}

// TestRollbackRunsNoFailedJobAgain: it had failed when the release was recorded, and the release was
// judged good all the same.
func TestRollbackRunsNoFailedJobAgain(t *testing.T) {
	t.Parallel()
	bothGenerations(t, func(t *testing.T, generation string) {
		t.Parallel()
		f := newFleet(t, generation)
		f.up(t, seed("v1", "1"))
		older := f.settle(t, "seed-1", "Exited (1)")
		if older.Status != release.StatusRecorded {
			t.Errorf("with a job that failed it is %s by itself", older.Status)
		}
		if err := f.target.Judge(t.Context(), older.ID, release.StatusHealthy, "the seed is of no importance"); err != nil {
			t.Fatal(err)
		}
		f.restore(t, older.ID) // nothing to do, and nothing wrong
		f.proven(t, older.ID)
		f.up(t, seed("v2", "0"))
		f.settle(t, "seed-1", "Exited (0)")
		f.restore(t, older.ID)
		f.proven(t, older.ID)
		if is := f.state(t)["seed-1"]; is.State != container.StateCreated {
			t.Errorf("the job is %s", is.State)
		}
	})
}

// TestRollbackRunsNoWaitingJob: after a rollback a job stands there without having run. A release that
// is recorded then must be as good as any other.
func TestRollbackRunsNoWaitingJob(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, seed("v1", "0"))
	older := f.settle(t, "seed-1", "Exited (0)")
	f.up(t, seed("v2", "0"))
	f.settle(t, "seed-1", "Exited (0)")
	f.restore(t, older.ID)
	// One service is deployed alone, so that the job is not run.
	file := strings.Replace(seed("v1", "0"), "healthcheck", "environment: {LEVEL: debug}\n    healthcheck", 1)
	f.write(t, file)
	dockertest.Run(t, f.generation, f.Project, nil, "up", "-d", "-t", "2", "backend")
	waiting := f.settle(t, "seed-1", "Created")
	if waiting.ID == older.ID {
		t.Fatal("nothing was deployed")
	}
	f.up(t, seed("v2", "0"))
	f.settle(t, "seed-1", "Exited (0)")
	f.restore(t, waiting.ID)
	f.proven(t, waiting.ID)
	if is := f.state(t)["seed-1"]; is.State != container.StateCreated {
		t.Errorf("the job is %s", is.State)
	}
}

const stoppedFile = `
services:
  backend:
    image: REPO:VERSION
    healthcheck: {disable: true}
  extra:
    image: REPO:v1
    restart: always
    healthcheck: {disable: true}
`

// TestRollbackLeavesStoppedServicesStopped: one that an operator had stopped is stopped again, until
// the release is seen with it running.
func TestRollbackLeavesStoppedServicesStopped(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, strings.ReplaceAll(stoppedFile, "VERSION", "v1"))
	dockertest.Run(t, f.generation, f.Project, nil, "stop", "-t", "2", "extra")
	older := f.settle(t, "extra-1", "Exited")
	if older.Status != release.StatusRecorded {
		t.Errorf("with a service stopped it is %s by itself", older.Status)
	}
	f.up(t, strings.ReplaceAll(stoppedFile, "VERSION", "v2"))
	newer := f.settle(t, "extra-1", "Up")
	f.restore(t, older.ID)
	f.proven(t, older.ID)
	if is := f.state(t)["extra-1"]; is.State != container.StateExited {
		t.Errorf("the service is %s", is.State)
	}

	dockertest.Run(t, f.generation, f.Project, nil, "start", "extra")
	if again := f.settle(t, "extra-1", "Up"); again.ID != older.ID || again.Status != release.StatusHealthy {
		t.Errorf("recorded as %s (%s), want %s", again.ID, again.Status, older.ID)
	}
	f.restore(t, newer.ID)
	dockertest.Run(t, f.generation, f.Project, nil, "stop", "-t", "2", "extra")
	f.restore(t, older.ID)
	f.proven(t, older.ID)
	if is := f.state(t)["extra-1"]; is.State != container.StateRunning {
		t.Errorf("the service is %s", is.State)
	}
	if _, err := f.target.Record(t.Context(), stack.Meta{}); err != nil {
		t.Error(err)
	}
}
