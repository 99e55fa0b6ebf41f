package docker_test

import (
	"slices"
	"strings"
	"testing"

	"flightdeck/internal/docker/dockertest"
)

// TestRollbackLeavesTagsThatOthersUse: another project runs the image that the tag means by now.
func TestRollbackLeavesTagsThatOthersUse(t *testing.T) {
	t.Parallel()
	bothGenerations(t, func(t *testing.T, generation string) {
		t.Parallel()
		f := newFleet(t, generation)
		file := "services:\n  backend:\n    image: REPO:live\n    healthcheck: {disable: true}\n"
		f.tag(t, "v1", "live")
		f.up(t, file)
		older := f.healthy(t)
		f.tag(t, "v2", "live")
		f.up(t, file)
		newer := f.healthy(t)
		other := f.Name + "-other"
		id := dockertest.Container(t, other, "web", 1, f.repo+":live", nil, nil)

		ready, err := f.target.Ready(t.Context(), older.ID)
		if err != nil {
			t.Fatal(err)
		}
		if note := ready.Changes[0].Note; !ready.Ready || !strings.Contains(note, "because project "+other+" uses it") {
			t.Errorf("ready %v, the note is %q", ready.Ready, note)
		}
		f.restore(t, older.ID)
		f.proven(t, older.ID)
		f.means(t, "live", newer.Services[0].ImageID)
		if !slices.ContainsFunc(f.said, func(s string) bool { return strings.Contains(s, "because project "+other+" uses it") }) {
			t.Errorf("it does not say that the tag stays: %q", f.said)
		}
		f.said = nil
		f.restore(t, older.ID)
		if len(f.said) != 2 || f.said[1] != "everything runs as recorded already" {
			t.Errorf("once more: %q", f.said)
		}

		dockertest.Remove(t, id)
		f.restore(t, older.ID)
		f.means(t, "live", older.Services[0].ImageID)
	})
}

// means checks what image a tag stands for.
func (f *fleet) means(t testing.TB, tag, id string) {
	t.Helper()
	is, err := f.api.ImageInspect(t.Context(), f.repo+":"+tag)
	if err != nil {
		t.Fatal(err)
	}
	if is.ID != id {
		t.Errorf("%s is image %s, want %s", tag, is.ID, id)
	}
}
