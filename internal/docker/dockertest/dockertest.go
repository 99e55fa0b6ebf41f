// Package dockertest gives tests real images and projects on the real engine.
//
// Its one rule: everything it makes is called fdtest-<random> and is gone when the test ends;
// it touches nothing else on the engine.
package dockertest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"flightdeck/internal/docker"
)

// Engine makes sure that a docker engine answers. Without one the test is skipped, or fails when
// FLIGHTDECK_REQUIRE_DOCKER=1.
func Engine(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := docker.Reachable(ctx, docker.Project{}); err != nil {
		refuse(t, "needs a docker engine: "+err.Error())
	}
}

func refuse(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("FLIGHTDECK_REQUIRE_DOCKER") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Compose lists the installed generations of compose, of "v2" and "v1", v2 first. With none the
// test is skipped, or fails as in Engine.
func Compose(t testing.TB) []string {
	t.Helper()
	out := installed()
	if len(out) == 0 {
		refuse(t, "needs docker compose or docker-compose")
	}
	if len(out) < 2 && os.Getenv("FLIGHTDECK_REQUIRE_DOCKER") == "1" {
		t.Fatalf("both generations of compose are needed, only %s is installed", out[0])
	}
	return out
}

// installed asks once: the Python tool takes a second of a whole core to say its version.
var installed = sync.OnceValue(func() []string {
	var out []string
	if exec.Command("docker", "compose", "version").Run() == nil {
		out = append(out, "v2")
	}
	if text, err := exec.Command("docker-compose", "version", "--short").Output(); err == nil && strings.HasPrefix(string(text), "1.") {
		out = append(out, "v1")
	}
	return out
})

// Name gives a fresh "fdtest-<random>".
func Name(t testing.TB) string {
	t.Helper()
	b := make([]byte, 5)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return "fdtest-" + hex.EncodeToString(b)
}

// Option changes what Image builds.
type Option func(*spec)

type spec struct {
	repo   string
	health bool
	lines  []string
	labels map[string]string
	noTidy bool
}

// Repo sets the repository, for several versions of one image; default: a fresh Name.
func Repo(name string) Option { return func(s *spec) { s.repo = name } }

// Health adds a HEALTHCHECK every second, for the app's serve.
func Health() Option { return func(s *spec) { s.health = true } }

// Line adds a line to the Dockerfile, such as `CMD ["log","-rate","10"]`, `ENV A=b`, `VOLUME /data`.
func Line(line string) Option { return func(s *spec) { s.lines = append(s.lines, line) } }

// Label adds a label to the image.
func Label(key, value string) Option { return func(s *spec) { s.labels[key] = value } }

// Keep leaves the removal of the image to the test.
func Keep() Option { return func(s *spec) { s.noTidy = true } }

// Image builds "<repo>:<version>" FROM scratch around the app (see app/main.go), whose default
// command is "serve". Two versions always have different image IDs. The tag is removed at the end.
func Image(t testing.TB, version string, opts ...Option) string {
	t.Helper()
	s := spec{labels: map[string]string{}}
	for _, o := range opts {
		o(&s)
	}
	if s.repo == "" {
		s.repo = Name(t)
	}
	text := "FROM scratch\nCOPY app /app\nENV VERSION=" + version + "\nENTRYPOINT [\"/app\"]\nCMD [\"serve\"]\n"
	if s.health {
		text += "HEALTHCHECK --interval=1s --timeout=3s --retries=2 CMD [\"/app\",\"health\"]\n"
	}
	text += strings.Join(s.lines, "\n") + "\n"
	tag := s.repo + ":" + version
	target := Open(t, docker.Project{Name: "fdtest-none"})
	if err := target.BuildImage(context.Background(), tag, text, map[string]docker.File{"app": {Data: App(t), Executable: true}}, s.labels); err != nil {
		t.Fatal(err)
	}
	if !s.noTidy {
		t.Cleanup(func() {
			if err := target.RemoveImage(context.Background(), tag); err != nil {
				t.Log("clean-up:", err)
			}
		})
	}
	return tag
}

// Open opens a target and closes it at the end.
func Open(t testing.TB, p docker.Project) *docker.Target {
	t.Helper()
	Engine(t)
	target, err := docker.Open(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Log("clean-up:", err)
		}
	})
	return target
}

// Project writes composeYAML as compose.yaml and vars as .env into a fresh directory, and removes
// everything of the project at the end, volumes included.
func Project(t testing.TB, composeYAML string, vars map[string]string) docker.Project {
	t.Helper()
	Engine(t)
	p := docker.Project{Name: Name(t), Dir: t.TempDir(), Files: []string{"compose.yaml"}}
	Write(t, p, "compose.yaml", composeYAML)
	var env []string
	for k, v := range vars {
		env = append(env, k+"="+v+"\n")
	}
	sort.Strings(env)
	Write(t, p, ".env", strings.Join(env, ""))
	t.Cleanup(func() { remove(t, p) })
	return p
}

// Write writes a file into the project's directory.
func Write(t testing.TB, p docker.Project, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.Dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// API is a bare engine client, for asking the engine behind the back of the code under test.
func API(t testing.TB) *client.Client {
	t.Helper()
	api, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	return api
}

// remove removes the project, and every volume and image tag that is marked with its name: the
// ledger lives outside the project's own labels.
func remove(t testing.TB, p docker.Project) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	target, err := docker.Open(ctx, p)
	if err != nil {
		t.Log("clean-up:", err)
		return
	}
	defer target.Close() // the process ends soon
	if err := target.RemoveProject(ctx, true); err != nil {
		t.Log("clean-up:", err)
	}
	api, err := client.New(client.FromEnv)
	if err != nil {
		t.Log("clean-up:", err)
		return
	}
	defer api.Close() // as above
	vols, err := api.VolumeList(ctx, client.VolumeListOptions{})
	if err != nil {
		t.Log("clean-up:", err)
	}
	for _, v := range vols.Items {
		mine := strings.Contains(v.Name, p.Name)
		for _, value := range v.Labels {
			mine = mine || value == p.Name
		}
		if mine {
			if _, err := api.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{}); err != nil {
				t.Log("clean-up:", err)
			}
		}
	}
	images, err := api.ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		t.Log("clean-up:", err)
	}
	for _, img := range images.Items {
		for _, tag := range img.RepoTags {
			if strings.Contains(tag, p.Name) {
				if _, err := api.ImageRemove(ctx, tag, client.ImageRemoveOptions{PruneChildren: true}); err != nil {
					t.Log("clean-up:", err)
				}
			}
		}
	}
}

// App is the static program, built once per version of its source into the user's cache.
func App(t testing.TB) []byte {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("cannot find the source of the test program")
	}
	dir := filepath.Join(filepath.Dir(here), "app")
	source, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "flightdeck-dockertest")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(cache, fmt.Sprintf("app-%x", sha256.Sum256(append(source, runtime.Version()...))))
	if data, err := os.ReadFile(file); err == nil {
		return data
	}
	tmp := file + "." + Name(t)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", tmp, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the test program: %v\n%s", err, text)
	}
	data, err := os.ReadFile(tmp)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, file); err != nil {
		t.Fatal(err)
	}
	return data
}

// Run runs a compose generation ("v1" or "v2") on the project, outside of the code under test, and
// gives its output.
func Run(t testing.TB, generation string, p docker.Project, env []string, args ...string) string {
	t.Helper()
	line := []string{"docker", "compose"}
	if generation == "v1" {
		line = []string{"docker-compose"}
	}
	line = append(line, "-p", p.Name)
	for _, f := range p.Files {
		line = append(line, "-f", f)
	}
	cmd := exec.Command(line[0], append(line[1:], args...)...)
	cmd.Dir = p.Dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}
