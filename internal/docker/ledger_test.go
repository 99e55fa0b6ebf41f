package docker_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"

	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

const oneService = `
services:
  backend:
    image: REPO:v1
    healthcheck: {disable: true}
    environment: {LEVEL: "LEVELHERE"}
`

func (f *fleet) level(t testing.TB, level string) release.Release {
	t.Helper()
	f.up(t, strings.Replace(oneService, "LEVELHERE", level, 1))
	return f.healthy(t)
}

func (f *fleet) list(t testing.TB) []string {
	t.Helper()
	list, err := f.target.Releases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range list {
		out = append(out, r.ID+" "+string(r.Status))
	}
	return out
}

func TestLedger(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	if _, err := f.target.Record(t.Context(), stack.Meta{}); !errors.Is(err, stack.ErrNothingRuns) {
		t.Fatalf("with nothing running: %v", err)
	}
	a := f.level(t, "a")
	if a.Version != "v1" || a.RecordedAt.IsZero() || a.Environment != "production" || a.Compose == "" || a.By != "tester" {
		t.Errorf("%+v", a)
	}
	if again := f.record(t); again.ID != a.ID {
		t.Errorf("the same state is recorded as %s and %s", a.ID, again.ID)
	}
	b := f.level(t, "b")
	if d := cmp.Diff([]string{b.ID + " healthy", a.ID + " healthy"}, f.list(t)); d != "" {
		t.Error(d)
	}
	if err := f.target.Judge(t.Context(), b.ID, release.StatusBad, "it was slow"); err != nil {
		t.Fatal(err)
	}
	// What is bad stays bad until somebody judges it again, however well it looks.
	if r := f.record(t); r.Status != release.StatusBad || r.Why != "it was slow" || r.JudgedAt.IsZero() {
		t.Errorf("recorded again as %s (%s)", r.Status, r.Why)
	}
	if err := f.target.Judge(t.Context(), b.ID, release.StatusHealthy, "it was the network"); err != nil {
		t.Fatal(err)
	}
	// A state that runs again is the newest again.
	f.level(t, "a")
	if d := cmp.Diff([]string{a.ID + " healthy", b.ID + " healthy"}, f.list(t)); d != "" {
		t.Error(d)
	}
	if err := f.target.Judge(t.Context(), "nowhere", release.StatusBad, ""); !errors.Is(err, stack.ErrNoRelease) {
		t.Errorf("a release that is not there was judged: %v", err)
	}
	f.sayWhatWasLost(t, b.ID)
}

// sayWhatWasLost removes a record as `docker volume prune` would.
func (f *fleet) sayWhatWasLost(t *testing.T, id string) {
	t.Helper()
	if lost, err := f.target.Lost(t.Context()); err != nil || len(lost) > 0 {
		t.Errorf("lost %v, %v", lost, err)
	}
	if _, err := f.api.VolumeRemove(t.Context(), "flightdeck-ledger-"+f.Name+"-"+id, client.VolumeRemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if lost, err := f.target.Lost(t.Context()); err != nil || !slices.Equal(lost, []string{id}) {
		t.Errorf("lost %v (%v), want %s", lost, err, id)
	}
	if _, err := f.target.Ready(t.Context(), id); !errors.Is(err, stack.ErrNoRelease) || !strings.Contains(err.Error(), "volume prune") {
		t.Errorf("the loss is not said: %v", err)
	}
}

func TestManyRecordAtOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	f.up(t, strings.Replace(oneService, "LEVELHERE", "a", 1))
	var wg sync.WaitGroup
	got := make([]string, 8)
	for i := range got {
		wg.Go(func() {
			r, err := f.target.Record(t.Context(), stack.Meta{})
			if err != nil {
				t.Error(err)
			}
			if err := f.target.Judge(t.Context(), r.ID, release.StatusHealthy, "operator "+string(rune('a'+i))); err != nil {
				t.Error(err)
			}
			got[i] = r.ID
		})
	}
	wg.Wait()
	if list := f.list(t); len(list) != 1 || len(slices.Compact(got)) != 1 {
		t.Errorf("eight recorders made %v", list)
	}
}

func TestPruneKeepsTheWayBack(t *testing.T) {
	t.Parallel()
	f := newFleet(t, dockertest.Compose(t)[0])
	a, b, c := f.level(t, "a"), f.level(t, "b"), f.level(t, "c")
	if err := f.target.Judge(t.Context(), b.ID, release.StatusBad, "slow"); err != nil {
		t.Fatal(err)
	}
	if err := f.target.Prune(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{c.ID + " healthy", a.ID + " healthy"}, f.list(t)); d != "" {
		t.Errorf("what runs and the way back must stay, the rest must go:\n%s", d)
	}
	if lost, err := f.target.Lost(t.Context()); err != nil || len(lost) > 0 {
		t.Errorf("tags without a record: %v, %v", lost, err)
	}
	if ready, err := f.target.Ready(t.Context(), a.ID); err != nil || !ready.Ready {
		t.Errorf("%+v, %v", ready, err)
	}
	img, err := f.api.ImageInspect(t.Context(), f.repo+":v1")
	if err != nil {
		t.Fatalf("an image that has another tag was removed: %v", err)
	}
	for _, tag := range img.RepoTags {
		if strings.Contains(tag, b.ID) {
			t.Errorf("%s is still there", tag)
		}
	}
	if err := f.target.RemoveLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := f.list(t); len(list) > 0 {
		t.Errorf("not forgotten: %v", list)
	}
	if lost, err := f.target.Lost(t.Context()); err != nil || len(lost) > 0 {
		t.Errorf("tags are left: %v, %v", lost, err)
	}
	if len(f.state(t)) != 1 {
		t.Error("forgetting the ledger touched what runs")
	}
}
