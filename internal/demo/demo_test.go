//go:build unix

package demo

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flightdeck/internal/config"
	"flightdeck/internal/demo/shop"
	"flightdeck/internal/docker"
	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/local"
	"flightdeck/internal/stack"
	"flightdeck/internal/stack/stacktest"
	"flightdeck/runbook"
)

// The test binary is also the shop, in containers and as processes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "__shop" {
		os.Exit(shop.Main(context.Background(), os.Args[2:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func dockerCommand(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// prepare sets the demo up and removes it at the end of the test.
func prepare(t *testing.T, o Options) *Workspace {
	t.Helper()
	o.Say = func(s string) { t.Log(s) }
	w, err := Prepare(t.Context(), o)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := w.Remove(ctx); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func page(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// looksRight checks what a user of the demo relies on.
func looksRight(t *testing.T, w *Workspace) {
	t.Helper()
	if got := page(w.URLs[Production]); !strings.Contains(got, "storefront v1, backend v1") {
		t.Errorf("production: %.300s", got)
	}
	if got := page(w.URLs[Staging]); !strings.Contains(got, "storefront v2, backend v2") {
		t.Errorf("staging: %.300s", got)
	}
	if got := page(w.URLs[Staging] + "/api/search?q=compass"); !strings.Contains(got, "Compass, floating") {
		t.Errorf("staging has no migrations: %.300s", got)
	}
	p, err := config.Load(w.Dir, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	env, err := p.Environment(Production)
	if err != nil || env.URL != w.URLs[Production] || env.ComposeProject != w.Project+"-production" || (env.Stack == config.StackCompose) != w.Docker {
		t.Errorf("flightdeck.yaml says %+v, %v", env, err)
	}
	for _, file := range p.Runbooks {
		raw, err := os.ReadFile(filepath.Join(w.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if book := runbook.Parse(file, raw); len(book.Problems) > 0 || len(book.Steps()) == 0 {
			t.Errorf("%s: %d steps, problems %v", file, len(book.Steps()), book.Problems)
		}
	}
}

func TestTheLocalDemo(t *testing.T) {
	state := t.TempDir()
	w := prepare(t, Options{StateDir: state})
	looksRight(t, w)
	if _, err := Prepare(t.Context(), Options{StateDir: state}); err == nil || !strings.Contains(err.Error(), "another demo is running") {
		t.Errorf("a second demo at the same time: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	found, there, err := Find(state, false)
	if err != nil || !there || found.Project != w.Project || found.URLs[Staging] != w.URLs[Staging] {
		t.Fatalf("not found again: %+v, %v, %v", found, there, err)
	}
	if err := found.Close(); err != nil {
		t.Fatal(err)
	}
	if _, there, err := Find(state, true); there || err != nil {
		t.Errorf("there is no docker demo here: %v, %v", there, err)
	}
	began := time.Now()
	again, err := Prepare(t.Context(), Options{StateDir: state})
	if err != nil {
		t.Fatal(err)
	}
	if !again.Reused || again.Project != w.Project {
		t.Errorf("not taken up again: %+v", again)
	}
	t.Logf("taken up again in %s", time.Since(began))
	looksRight(t, again)
	if err := again.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(state, "demo", "local")); !os.IsNotExist(err) {
		t.Errorf("files are left: %v", err)
	}
	if got := page(w.URLs[Production]); !strings.Contains(got, "refused") {
		t.Errorf("something still answers: %.100s", got)
	}
}

func TestPickSaysWhy(t *testing.T) {
	ctx := t.Context()
	t.Setenv("DOCKER_CONTEXT", "")
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "nobody.sock"))
	if containers, why := Pick(ctx); containers || !strings.HasPrefix(why, "no docker engine answers, so the demo runs as local processes") {
		t.Errorf("without an engine: %v, %s", containers, why)
	}
	t.Setenv("DOCKER_HOST", "")
	dockertest.Engine(t)
	if containers, why := Pick(ctx); !containers || !strings.Contains(why, "answers, so the demo runs in containers") {
		t.Errorf("with an engine: %v, %s", containers, why)
	}
	t.Setenv("PATH", t.TempDir())
	if containers, why := Pick(ctx); containers || !strings.Contains(why, "compose") {
		t.Errorf("without compose: %v, %s", containers, why)
	}
}

func TestTheDockerDemo(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	state := t.TempDir()
	w := prepare(t, Options{StateDir: state, Docker: true})
	looksRight(t, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Prepare(t.Context(), Options{StateDir: state, Docker: true})
	if err != nil {
		t.Fatal(err)
	}
	if !again.Reused {
		t.Error("not taken up again")
	}
	t.Run("contract", func(t *testing.T) { dockerContract(t, again) })
	if err := again.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]string{
		{"ps", "-aq", "--filter", "name=" + w.Project},
		{"network", "ls", "-q", "--filter", "name=" + w.Project},
		{"volume", "ls", "-q", "--filter", "name=" + w.Project},
		{"volume", "ls", "-q", "--filter", "label=flightdeck.project=" + w.Project + "-production"},
		{"volume", "ls", "-q", "--filter", "label=flightdeck.project=" + w.Project + "-staging"},
		{"images", "-q", "--filter", "label=" + demoLabel + "=" + w.Project},
	} {
		if left := dockerCommand(t, list...); left != "" {
			t.Errorf("docker %s: left behind %s", strings.Join(list, " "), left)
		}
	}
}

// dockerContract flies the contract in a third project beside the demo's two.
func dockerContract(t *testing.T, w *Workspace) {
	ports, err := freePorts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	k := kept{Project: w.Project, Docker: true, Ports: ports}
	env := strings.Replace(k.environment(Production), "SHOP_HEALTH_EVERY=2s", "SHOP_HEALTH_EVERY=1s\nSHOP_FAULT_AFTER=1s", 1)
	if err := os.WriteFile(filepath.Join(w.Dir, ".env.contract"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T) stack.Target {
		target, err := w.openDocker(t.Context(), "contract")
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	t.Cleanup(func() {
		if err := w.removeEnvironment(context.Background(), "contract"); err != nil {
			t.Error(err)
		}
	})
	stacktest.Run(t, stacktest.Fixture{
		Target: open(t), Reopen: open,
		URL: "http://127.0.0.1:" + strings.TrimPrefix(strings.Split(env[strings.Index(env, "SHOP_PORT="):], "\n")[0], "SHOP_PORT="),
	})
}

// TestProgramsOfBothKindsRunInAnImage: `go run` may link dynamically, a release is static.
func TestProgramsOfBothKindsRunInAnImage(t *testing.T) {
	t.Parallel()
	dockertest.Engine(t)
	for _, cgo := range []string{"0", "1"} {
		t.Run("CGO_ENABLED="+cgo, func(t *testing.T) {
			dir := t.TempDir()
			source := "package main\n\nimport (\n\t\"fmt\"\n\t\"net\"\n\t\"os\"\n)\n\nfunc main() {\n\t_, err := net.LookupPort(\"tcp\", \"80\")\n\tfmt.Println(os.Args[1], os.Getenv(\"SHOP_VERSION\"), err)\n}\n"
			if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600); err != nil {
				t.Fatal(err)
			}
			program := filepath.Join(dir, "program")
			build := exec.Command("go", "build", "-o", program, filepath.Join(dir, "main.go"))
			build.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
			if out, err := build.CombinedOutput(); err != nil {
				if cgo == "1" {
					t.Skipf("no C compiler here: %s", out)
				}
				t.Fatalf("%v\n%s", err, out)
			}
			interpreter, needs, err := linkage(program)
			if err != nil || (interpreter != "") != (cgo == "1") {
				t.Fatalf("interpreter %q, libraries %v, %v", interpreter, needs, err)
			}
			name := "fdtest-" + suffix()
			target, err := docker.Open(t.Context(), docker.Project{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				for _, v := range []string{"v1", "v2", "base"} {
					if err := target.RemoveImage(context.Background(), name+":"+v); err != nil {
						t.Error(err)
					}
				}
				target.Close()
			})
			if err := buildImages(t.Context(), target, program, name, []string{"v1", "v2"}, func(string) {}); err != nil {
				t.Fatal(err)
			}
			if got := dockerCommand(t, "run", "--rm", name+":v2"); got != "__shop v2 <nil>" {
				t.Errorf("the program in the image says %q", got)
			}
			if got := dockerCommand(t, "image", "inspect", "-f", `{{index .Config.Labels "org.opencontainers.image.version"}}`, name+":v2"); got != "v2" {
				t.Errorf("version label %q", got)
			}
		})
	}
}

var _ stack.Target = (*local.Target)(nil)
