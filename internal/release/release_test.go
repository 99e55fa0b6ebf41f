package release_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/release"
)

// service makes one with replicas of one image and configuration: "backend", "sha256:a", "h1", 2.
func service(name, image, hash string, replicas int) release.Service {
	s := release.Service{Name: name, Image: name + ":" + image, ImageID: "sha256:" + image}
	for n := 1; n <= replicas; n++ {
		s.Containers = append(s.Containers, release.Container{
			Name: fmt.Sprintf("p-%s-%d", name, n), Number: n, ImageID: "sha256:" + image, ConfigHash: hash, Spec: json.RawMessage(`"` + hash + `"`),
		})
	}
	return s
}

func of(status release.Status, id string, services ...release.Service) release.Release {
	return release.Release{ID: id, Status: status, Services: services}
}

func TestDiff(t *testing.T) {
	aspects := func(spec json.RawMessage) map[string]string {
		return map[string]string{"environment LEVEL": string(spec), "command": "same"}
	}
	tests := []struct {
		name     string
		from, to []release.Service
		want     []string
	}{
		{"nothing", nil, nil, nil},
		{"same", []release.Service{service("a", "1", "h", 1)}, []release.Service{service("a", "1", "h", 1)}, []string{"a unchanged 1>1 []"}},
		{"image", []release.Service{service("a", "1", "h", 1)}, []release.Service{service("a", "2", "h", 1)}, []string{"a recreated 1>1 []"}},
		{"configuration", []release.Service{service("a", "1", "h", 1)}, []release.Service{service("a", "1", "i", 1)}, []string{"a recreated 1>1 [environment LEVEL]"}},
		{"scaled", []release.Service{service("a", "1", "h", 3)}, []release.Service{service("a", "1", "h", 1)}, []string{"a scaled 3>1 []"}},
		{"scaled and recreated", []release.Service{service("a", "1", "h", 1)}, []release.Service{service("a", "2", "i", 2)}, []string{"a recreated 1>2 [environment LEVEL]"}},
		{"added and removed, sorted", []release.Service{service("z", "1", "h", 1)}, []release.Service{service("b", "1", "h", 2)}, []string{"b added 0>2 []", "z removed 1>0 []"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, c := range release.Diff(release.Release{Services: tt.from}, release.Release{Services: tt.to}, aspects) {
				got = append(got, fmt.Sprintf("%s %s %d>%d %v", c.Service, c.Kind, c.FromReplicas, c.ToReplicas, c.Config))
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestDiffOfOneMixedReplica(t *testing.T) {
	// A deploy cut off in the middle leaves replica 2 on another image than the service's first.
	mixed := service("a", "1", "h", 2)
	mixed.Containers[1].ImageID = "sha256:2"
	got := release.Diff(release.Release{Services: []release.Service{mixed}}, release.Release{Services: []release.Service{service("a", "1", "h", 2)}}, nil)
	if got[0].Kind != release.ChangeRecreated || !release.Differs(got) {
		t.Errorf("%+v", got)
	}
}

func TestIdentity(t *testing.T) {
	a, b := service("a", "1", "h", 2), service("b", "1", "h", 1)
	base := release.Identity([]release.Service{a, b})
	renamed := service("a", "1", "h", 2)
	renamed.Containers[0].Name = "0123456789ab_p-a-1"
	if release.Identity([]release.Service{b, renamed}) != base {
		t.Error("order or names change the identity")
	}
	for name, other := range map[string][]release.Service{
		"image":    {service("a", "2", "h", 2), b},
		"config":   {service("a", "1", "i", 2), b},
		"replicas": {service("a", "1", "h", 3), b},
		"services": {a},
	} {
		if release.Identity(other) == base {
			t.Errorf("another %s has the same identity", name)
		}
	}
}

func TestPick(t *testing.T) {
	v1, v2, v3 := service("a", "1", "h", 1), service("a", "2", "h", 1), service("a", "3", "h", 1)
	healthy, bad, recorded := release.StatusHealthy, release.StatusBad, release.StatusRecorded
	tests := []struct {
		name    string
		list    []release.Release // newest first
		current release.Release
		want    string
		why     string
	}{
		{"the one before", []release.Release{of(healthy, "2", v2), of(healthy, "1", v1)}, of("", "", v2), "1", ""},
		{"what runs is not in the ledger", []release.Release{of(healthy, "2", v2), of(healthy, "1", v1)}, of("", "", v3), "2", ""},
		{"bad ones are passed", []release.Release{of(bad, "2", v2), of(healthy, "1", v1)}, of("", "", v3), "1", ""},
		{"unjudged ones are passed", []release.Release{of(recorded, "2", v2), of(healthy, "1", v1)}, of("", "", v3), "1", ""},
		{"nothing runs", []release.Release{of(healthy, "2", v2)}, release.Release{}, "2", ""},
		{"same images, other configuration", []release.Release{of(healthy, "1", service("a", "1", "i", 1))}, of("", "", v1), "1", ""},
		{"only what runs", []release.Release{of(healthy, "1", v1)}, of("", "", v1), "", "1 is what runs now"},
		{"only bad", []release.Release{of(bad, "1", v1)}, of("", "", v2), "", "1 was marked bad"},
		{"only unjudged", []release.Release{of(recorded, "1", v1)}, of("", "", v2), "", "1 was never judged healthy"},
		{"empty", nil, of("", "", v1), "", "the ledger is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := release.Pick(tt.list, tt.current)
			if got.ID != tt.want {
				t.Errorf("picked %q, want %q", got.ID, tt.want)
			}
			if tt.why != "" && (!errors.Is(err, release.ErrNoTarget) || !strings.Contains(err.Error(), tt.why)) {
				t.Errorf("error %v, want %q", err, tt.why)
			}
		})
	}
}

func TestKeep(t *testing.T) {
	var list []release.Release
	for n := 9; n >= 1; n-- {
		status := release.StatusHealthy
		if n%2 == 0 {
			status = release.StatusBad
		}
		id := fmt.Sprint(n)
		list = append(list, of(status, id, service("a", id, "h", 1)))
	}
	// Healthy are 9 7 5 3 1; what runs is 2, an old one that was marked bad.
	got := release.Keep(list, of("", "", service("a", "2", "h", 1)), 2)
	if d := cmp.Diff(map[string]bool{"9": true, "7": true, "2": true}, got); d != "" {
		t.Error(d)
	}
	// Even with a keep of 0 the way back stays.
	got = release.Keep(list, of("", "", service("a", "9", "h", 1)), 0)
	if !got["9"] || !got["7"] {
		t.Errorf("%v", got)
	}
}

func well(s release.Service) []release.Running {
	var out []release.Running
	for _, c := range s.Containers {
		out = append(out, release.Running{
			Service: s.Name, Number: c.Number, Name: c.Name, ImageID: c.ImageID, ConfigHash: c.ConfigHash, State: "running", Health: "healthy",
		})
	}
	return out
}

func TestProve(t *testing.T) {
	a, b := service("a", "1", "h", 2), service("b", "1", "h", 1)
	job := service("job", "1", "h", 1)
	job.OneShot = true
	failed := service("job", "1", "h", 1)
	failed.OneShot, failed.Containers[0].Ended = true, "exited with code 1"
	record := of(release.StatusHealthy, "1", a, b)
	both := append(well(a), well(b)...)
	change := func(f func([]release.Running)) []release.Running {
		out := append([]release.Running(nil), both...)
		f(out)
		return out
	}
	tests := []struct {
		name   string
		record release.Release
		found  []release.Running
		ok     bool
		want   string // in the rows
	}{
		{"all well", record, both, true, "2 of 2"},
		{"bad version still runs", record, change(func(r []release.Running) { r[1].ImageID = "sha256:2" }), false, "a-2 runs 2, recorded 1"},
		{"other configuration", record, change(func(r []release.Running) { r[0].ConfigHash = "i" }), false, "a-1 differs"},
		{"unhealthy", record, change(func(r []release.Running) { r[2].Health = "unhealthy" }), false, "b-1 is unhealthy"},
		{"starting", record, change(func(r []release.Running) { r[2].Health = "starting" }), false, "b-1 is starting"},
		{"ended", record, change(func(r []release.Running) { r[2].State, r[2].ExitCode = "exited", 3 }), false, "b-1 is exited with code 3"},
		{"restarting", record, change(func(r []release.Running) { r[2].State = "restarting" }), false, "b-1 is restarting"},
		{"no health check, just started", record, change(func(r []release.Running) { r[2].Health = "" }), false, "not been seen running for long"},
		{"no health check, steady", record, change(func(r []release.Running) { r[2].Health, r[2].Steady = "", true }), true, "ok"},
		{"replica missing", record, both[1:], false, "1 of 2"},
		{"replica too many", record, append(well(service("a", "1", "h", 3)), well(b)...), false, "a-3 is not in the record"},
		{"old and new side by side", record, append(well(service("a", "2", "h", 1)), both...), false, "a-1 exists 2 times"},
		{"service too many", record, append(well(service("c", "2", "h", 1)), both...), false, "not in the record, still there"},
		{"service missing", record, well(a), false, "0 of 1"},
		{"nothing runs", record, nil, false, "a-1 is missing"},
		{"an empty record proves nothing", release.Release{ID: "1"}, nil, false, ""},
		{"one-shot not run again", of("", "1", job), []release.Running{{Service: "job", Number: 1, ImageID: "sha256:1", ConfigHash: "h", State: "created"}}, true, "1 of 1"},
		{"one-shot done", of("", "1", job), []release.Running{{Service: "job", Number: 1, ImageID: "sha256:1", ConfigHash: "h", State: "exited"}}, true, "1 of 1"},
		{"one-shot failed", of("", "1", job), []release.Running{{Service: "job", Number: 1, ImageID: "sha256:1", ConfigHash: "h", State: "exited", ExitCode: 1}}, false, "it had ended"},
		{"one-shot failed before", of("", "1", failed), []release.Running{{Service: "job", Number: 1, ImageID: "sha256:1", ConfigHash: "h", State: "exited", ExitCode: 1}}, true, "1 of 1"},
		{"one-shot runs", of("", "1", failed), []release.Running{{Service: "job", Number: 1, ImageID: "sha256:1", ConfigHash: "h", State: "running"}}, false, "it had ended"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := release.Prove(tt.record, tt.found)
			if got.OK != tt.ok {
				t.Errorf("proven %v, want %v: %+v", got.OK, tt.ok, got.Rows)
			}
			if text := fmt.Sprint(got.Rows); !strings.Contains(text, tt.want) {
				t.Errorf("%q is missing in %s", tt.want, text)
			}
			all := len(got.Rows) > 0
			for _, r := range got.Rows {
				all = all && r.OK
			}
			if all != got.OK {
				t.Error("the verdict does not follow the rows")
			}
		})
	}
}
