package docker_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/docker"
	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

const shopFile = `
services:
  web:
    image: "REPO:${TAG:-v1}"
    command: ["serve", "-rate", "1"]
    env_file: [web.env]
    environment:
      LOG_LEVEL: info
      PRICE: "5$$"
    ports: ["127.0.0.1::8080"]
    depends_on: [db]
    labels: {team: shop}
    stop_grace_period: 1s
  db:
    image: "REPO:v1"
    volumes: ["rows:/data", "/cache"]
    command: serve -rows /data/rows
    stop_grace_period: 1s
  setup:
    image: "REPO:v1"
    command: ["exit", "0"]
volumes:
  rows: {}
`

// generations runs a test once for each installed generation of compose.
func generations(t *testing.T, test func(t *testing.T, generation string)) {
	dockertest.Engine(t)
	for _, g := range dockertest.Compose(t) {
		t.Run(g, func(t *testing.T) {
			t.Setenv("FLIGHTDECK_COMPOSE", g)
			test(t, g)
		})
	}
}

// shop makes the images and the project of shopFile.
func shop(t *testing.T) docker.Project {
	t.Helper()
	repo := dockertest.Name(t)
	dockertest.Image(t, "v1", dockertest.Repo(repo), dockertest.Line("ENV FROM_IMAGE=1"), dockertest.Label("from", "image"), dockertest.Health())
	dockertest.Image(t, "v2", dockertest.Repo(repo), dockertest.Line("ENV FROM_IMAGE=2"), dockertest.Health())
	p := dockertest.Project(t, strings.ReplaceAll(shopFile, "REPO", repo), nil)
	p.TagVariable = "TAG"
	dockertest.Write(t, p, "web.env", "SECRET=hush-hush\n")
	return p
}

func plan(t *testing.T, target *docker.Target, want stack.Want) (stack.Plan, map[string]release.Change) {
	t.Helper()
	p, err := target.Plan(context.Background(), want)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]release.Change{}
	for _, c := range p.Changes {
		by[c.Service] = c
	}
	return p, by
}

func kinds(p stack.Plan) map[string]release.ChangeKind {
	out := map[string]release.ChangeKind{}
	for _, c := range p.Changes {
		out[c.Service] = c.Kind
	}
	return out
}

func deploy(t *testing.T, target *docker.Target, want stack.Want) []string {
	t.Helper()
	var said []string
	if err := target.Deploy(context.Background(), want, func(s string) { said = append(said, s) }); err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(said, "\n"))
	}
	return said
}

func TestPlanAndDeploy(t *testing.T) {
	generations(t, func(t *testing.T, generation string) {
		p := shop(t)
		target := dockertest.Open(t, p)

		first, by := plan(t, target, stack.Want{})
		if d := cmp.Diff(map[string]release.ChangeKind{"db": "added", "setup": "added", "web": "added"}, kinds(first)); d != "" {
			t.Fatal("first deploy (-want +got):", d)
		}
		if first.Version != "v1" || by["web"].ToID == "" || by["web"].ToReplicas != 1 {
			t.Fatalf("plan of a first deploy: %+v", first)
		}
		said := deploy(t, target, stack.Want{})
		if len(said) < 3 {
			t.Errorf("compose's progress is missing: %q", said)
		}

		same, by := plan(t, target, stack.Want{})
		none := map[string]release.ChangeKind{"db": "unchanged", "setup": "unchanged", "web": "unchanged"}
		if d := cmp.Diff(none, kinds(same)); d != "" {
			t.Fatalf("nothing changed (-want +got): %s\n%+v", d, same.Changes)
		}
		if by["setup"].Note != "had ended, runs again" {
			t.Errorf("note on the one-shot service: %q", by["setup"].Note)
		}
		if again, _ := plan(t, target, stack.Want{}); again.Digest != same.Digest || same.Digest == first.Digest {
			t.Errorf("digests: first %s, then %s and %s", first.Digest, same.Digest, again.Digest)
		}

		up, by := plan(t, target, stack.Want{Version: "v2"})
		if d := cmp.Diff(map[string]release.ChangeKind{"db": "unchanged", "setup": "unchanged", "web": "recreated"}, kinds(up)); d != "" {
			t.Fatal("new image (-want +got):", d)
		}
		web := by["web"]
		if !strings.HasSuffix(web.From, ":v1") || !strings.HasSuffix(web.To, ":v2") || web.FromID == web.ToID || web.ToID == "" || len(web.Config) != 0 || up.Version != "v2" {
			t.Errorf("change of the image: %+v, version %q", web, up.Version)
		}
		deploy(t, target, stack.Want{Version: "v2"})
		snap, err := target.Observe(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range snap.Containers {
			if c.Service == "web" && (c.ImageID != web.ToID || c.State != "running") {
				t.Errorf("after the deploy of v2: %+v", c)
			}
		}
	})
}

func TestPlanNamesWhatChanges(t *testing.T) {
	generations(t, func(t *testing.T, generation string) {
		p := shop(t)
		target := dockertest.Open(t, p)
		deploy(t, target, stack.Want{})
		repo := strings.Split(dockertestImage(t, target), ":")[0]
		text := strings.ReplaceAll(shopFile, "REPO", repo)
		for _, test := range []struct {
			name, old, new string
			service        string
			kind           release.ChangeKind
			config         []string
		}{
			{"environment", "LOG_LEVEL: info", "LOG_LEVEL: topsecret\n      NEW: x", "web", "recreated", []string{"environment LOG_LEVEL", "environment NEW"}},
			{"environment gone", "      PRICE: \"5$$\"\n", "", "web", "recreated", []string{"environment PRICE"}},
			{"command", `"-rate", "1"`, `"-rate", "2"`, "web", "recreated", []string{"command"}},
			{"ports", "127.0.0.1::8080", "127.0.0.1::8081", "web", "recreated", []string{"ports"}},
			{"label", "team: shop", "team: shed", "web", "recreated", []string{"label team"}},
			{"volume", "rows:/data", "rows:/store", "db", "recreated", []string{"volume /data", "volume /store"}},
			{"scale", `command: serve -rows /data/rows`, "command: serve -rows /data/rows\n    scale: 2", "db", "scaled", nil},
			{"something else", "labels: {team: shop}", "labels: {team: shop}\n    shm_size: 80m", "web", "recreated", []string{"configuration"}},
			{"added", "volumes:\n  rows: {}", "  extra: {image: \"" + repo + ":v1\"}\nvolumes:\n  rows: {}", "extra", "added", nil},
			{"removed", "  setup:\n    image: \"" + repo + ":v1\"\n    command: [\"exit\", \"0\"]\n", "", "setup", "removed", nil},
		} {
			changed := strings.Replace(text, test.old, test.new, 1)
			if changed == text {
				t.Fatalf("%s: the test changes nothing", test.name)
			}
			dockertest.Write(t, p, "compose.yaml", changed)
			all, by := plan(t, target, stack.Want{})
			c := by[test.service]
			if c.Kind != test.kind || !cmp.Equal(c.Config, test.config) {
				t.Errorf("%s: %+v", test.name, c)
			}
			for name, c := range by {
				if name != test.service && c.Kind != release.ChangeNone {
					t.Errorf("%s: also %+v", test.name, c)
				}
			}
			raw, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(raw), "topsecret") || strings.Contains(string(raw), "hush") {
				t.Errorf("%s: the plan shows a value: %s", test.name, raw)
			}
		}
		dockertest.Write(t, p, "compose.yaml", text)
		dockertest.Write(t, p, "web.env", "SECRET=other\n")
		if _, by := plan(t, target, stack.Want{}); !cmp.Equal(by["web"].Config, []string{"environment SECRET"}) {
			t.Errorf("env file: %+v", by["web"])
		}
	})
}

// dockertestImage is the image that web runs now.
func dockertestImage(t *testing.T, target *docker.Target) string {
	t.Helper()
	snap, err := target.Observe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range snap.Containers {
		if c.Service == "web" {
			return c.Image
		}
	}
	t.Fatal("web does not run")
	return ""
}

func TestRemovedServiceAndSelection(t *testing.T) {
	generations(t, func(t *testing.T, generation string) {
		p := shop(t)
		target := dockertest.Open(t, p)
		deploy(t, target, stack.Want{})
		deploy(t, target, stack.Want{Version: "v2", Services: []string{"db"}})
		if image := dockertestImage(t, target); !strings.HasSuffix(image, ":v1") {
			t.Errorf("a deploy of db brought web to %s", image)
		}
		_, by := plan(t, target, stack.Want{Version: "v2", Services: []string{"db"}})
		if by["web"].Kind != release.ChangeNone || by["web"].Note != "not part of this deploy" {
			t.Errorf("a service that was not chosen: %+v", by["web"])
		}
		if _, err := target.Plan(context.Background(), stack.Want{Services: []string{"nonsense"}}); err == nil || !strings.Contains(err.Error(), "db, setup, web") {
			t.Errorf("unknown service: %v", err)
		}
		image := dockertestImage(t, target)
		dockertest.Write(t, p, "compose.yaml", "services:\n  web:\n    image: "+image+"\n    profiles: [\"quiet\"]\n  solo:\n    image: "+image+"\n    stop_grace_period: 1s\n")
		_, by = plan(t, target, stack.Want{})
		if c := by["db"]; c.Kind != release.ChangeRemoved || c.Note != "not in the compose file any more, stays" || c.ToReplicas != 1 {
			t.Errorf("removed: %+v", c)
		}
		if c := by["web"]; c.Kind != release.ChangeNone || !strings.Contains(c.Note, "profile") {
			t.Errorf("profile not active: %+v", c)
		}
		_, by = plan(t, target, stack.Want{RemoveOrphans: true})
		if c := by["db"]; c.Kind != release.ChangeRemoved || c.To != "" || c.ToReplicas != 0 {
			t.Errorf("removed with RemoveOrphans: %+v", c)
		}
		deploy(t, target, stack.Want{RemoveOrphans: true})
		snap, err := target.Observe(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"solo", "web"}, snap.Services()); d != "" {
			t.Error("services after the removal (-want +got):", d)
		}
	})
}
