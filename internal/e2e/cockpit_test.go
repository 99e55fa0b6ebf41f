//go:build unix

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/termtest"
)

// The waits are limits, not times: everything that is waited for ends the wait.
const (
	soon  = 10 * time.Second
	later = 90 * time.Second
	// moment is how long a person looks at something new before pressing a key: the cockpit swallows
	// keys that come so soon that they must have been meant for what was there before.
	moment = 700 * time.Millisecond
)

var build = sync.OnceValues(termtest.Build)

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(code)
}

// world is one operator: a home directory, a state directory, a way to run the shop.
type world struct {
	t     *testing.T
	bin   string
	home  string
	env   []string
	local bool
}

// newWorld makes one. How is "v1" or "v2", the generation of compose, or "local".
func newWorld(t *testing.T, how string) *world {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, bin: bin, home: t.TempDir(), local: how == "local"}
	w.env = append(os.Environ(), "FLIGHTDECK_STATE="+filepath.Join(w.home, "state"), "FLIGHTDECK_OPERATOR=ops", "TERM=xterm-256color", "COLORTERM=truecolor")
	if !w.local {
		dockertest.Engine(t)
		w.env = append(w.env, "FLIGHTDECK_COMPOSE="+how)
	}
	t.Cleanup(w.clean)
	return w
}

// clean takes the demo away and checks that nothing of it is left.
func (w *world) clean() {
	name, unnamed := w.name(), w.unnamed()
	if out, err := w.run("demo", "--clean"); err != nil {
		w.t.Errorf("the demo does not clean up: %v\n%s", err, out)
	}
	if name == "" || w.local {
		return
	}
	for _, list := range [][]string{{"ps", "-a", "--format", "{{.Names}}"}, {"volume", "ls", "-q"}, {"network", "ls", "--format", "{{.Name}}"},
		{"images", "--format", "{{.Repository}}:{{.Tag}}"}} {
		for line := range strings.Lines(docker(w.t, list...)) {
			if strings.Contains(line, name) || slices.Contains(unnamed, strings.TrimSpace(line)) {
				w.t.Errorf("docker %s still lists %s", list[0], line)
			}
		}
	}
}

// unnamed lists the anonymous volumes of the demo's containers.
func (w *world) unnamed() []string {
	if w.name() == "" || w.local {
		return nil
	}
	var out []string
	for _, env := range []string{"production", "staging"} {
		for id := range strings.FieldsSeq(docker(w.t, "ps", "-aq", "--filter", "label=com.docker.compose.project="+w.name()+"-"+env)) {
			for name := range strings.FieldsSeq(docker(w.t, "inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", id)) {
				if len(name) == 64 {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// name is the demo's project, as its configuration says: "flightdeck-demo-ab12cd".
func (w *world) name() string {
	raw, err := os.ReadFile(filepath.Join(w.project(), "flightdeck.yaml"))
	if err != nil {
		return ""
	}
	return regexp.MustCompile(`flightdeck-demo-[0-9a-z]+`).FindString(string(raw))
}

// project is the directory of the demo's project.
func (w *world) project() string {
	kind := "docker"
	if w.local {
		kind = "local"
	}
	return filepath.Join(w.home, "state", "demo", kind, "shop")
}

func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(w.bin, args...)
	cmd.Env, cmd.Dir = w.env, w.home
	if _, err := os.Stat(w.project()); err == nil {
		cmd.Dir = w.project()
	}
	return cmd
}

// run runs a command that asks nothing.
func (w *world) run(args ...string) (string, error) {
	out, err := w.command(args...).CombinedOutput()
	return string(out), err
}

func (w *world) demoFlag() string {
	if w.local {
		return "--local"
	}
	return "--docker"
}

// cockpit starts flightdeck on a terminal of 120x40.
func (w *world) cockpit(args ...string) *cockpit {
	w.t.Helper()
	term, err := termtest.Start(w.command(args...), 120, 40)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = term.Close() })
	return &cockpit{t: w.t, Terminal: term}
}

// url is where the storefront of production answers.
func (w *world) url() string {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.project(), "flightdeck.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	_, production, _ := strings.Cut(string(raw), "production:")
	return regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`).FindString(production)
}

// ask asks the shop until it answers: a port that has just been published refuses for a second.
func (w *world) ask(into any, request func(*http.Client) (*http.Response, error)) int {
	w.t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	var last error
	for deadline := time.Now().Add(2 * soon); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		resp, err := request(client)
		if err != nil {
			last = err
			continue
		}
		raw, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if last = err; err != nil {
			continue
		}
		if into != nil {
			if err := json.Unmarshal(raw, into); err != nil {
				w.t.Fatalf("%s: %v", raw, err)
			}
		}
		return resp.StatusCode
	}
	w.t.Fatalf("the shop does not answer: %v", last)
	return 0
}

// order places an order in the shop and gives its number.
func (w *world) order() int {
	w.t.Helper()
	var placed struct{ Order int }
	status := w.ask(&placed, func(c *http.Client) (*http.Response, error) {
		body := strings.NewReader(`{"customer":1,"product":1,"quantity":2,"note":"e2e"}`)
		return c.Post(w.url()+"/api/orders", "application/json", body)
	})
	if placed.Order == 0 {
		w.t.Fatalf("no order was placed: status %d", status)
	}
	return placed.Order
}

// holds checks that every order is still there.
func (w *world) holds(orders ...int) {
	w.t.Helper()
	for _, n := range orders {
		status := w.ask(nil, func(c *http.Client) (*http.Response, error) {
			return c.Get(fmt.Sprintf("%s/api/orders/%d", w.url(), n))
		})
		if status != http.StatusOK {
			w.t.Errorf("order %d is lost: status %d", n, status)
		}
	}
}

// serves checks which version answers at the front door.
func (w *world) serves(version string) {
	w.t.Helper()
	var health struct{ Version string }
	w.ask(&health, func(c *http.Client) (*http.Response, error) { return c.Get(w.url() + "/health/v2/detailed") })
	if health.Version != version {
		w.t.Errorf("the shop serves %q, want %q", health.Version, version)
	}
}

// images asks the engine for the image ID of every container of production.
func (w *world) images() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	ids := docker(w.t, "ps", "-q", "--no-trunc", "--filter", "label=com.docker.compose.project="+w.name()+"-production")
	for id := range strings.FieldsSeq(ids) {
		service, image, _ := strings.Cut(docker(w.t, "inspect", "--format", `{{index .Config.Labels "com.docker.compose.service"}} {{.Image}}`, id), " ")
		out[service] = image
	}
	return out
}

// runs checks with the engine that every container of production runs the image of a version.
func (w *world) runs(version string) {
	w.t.Helper()
	w.serves(version)
	if w.local {
		return
	}
	want := docker(w.t, "image", "inspect", "--format", "{{.Id}}", w.name()+":"+version)
	got := w.images()
	if len(got) != 4 {
		w.t.Errorf("%d containers run, want 4: %v", len(got), got)
	}
	for service, image := range got {
		if image != want {
			w.t.Errorf("%s runs image %s, want that of %s, %s", service, image, version, want)
		}
	}
}

type cockpit struct {
	t *testing.T
	*termtest.Terminal
}

func (c *cockpit) sees(limit time.Duration, texts ...string) {
	c.t.Helper()
	if err := c.WaitFor(limit, texts...); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cockpit) press(keys ...string) {
	c.t.Helper()
	time.Sleep(moment)
	for _, k := range keys {
		if err := c.Send(k); err != nil {
			c.t.Fatal(err)
		}
	}
}

// red checks that the banner is white on red and says PRODUCTION in words.
func (c *cockpit) red() {
	c.t.Helper()
	top, _, _ := strings.Cut(c.Screen(), "\n")
	if !strings.Contains(top, "PRODUCTION") {
		c.t.Errorf("the banner does not say PRODUCTION:\n%s", c.Screen())
	}
	var r, g, b int
	bg := c.Background(2, 0)
	if _, err := fmt.Sscanf(bg, "#%02x%02x%02x", &r, &g, &b); err != nil || r < 140 || g > 80 || b > 80 {
		c.t.Errorf("the banner is %q, want red", bg)
	}
}

// ends waits for the program's end with an exit code and checks that the terminal is restored.
func (c *cockpit) ends(code int) {
	c.t.Helper()
	got, err := c.Wait(later)
	if err != nil {
		c.t.Fatal(err)
	}
	if got != code {
		c.t.Errorf("exit code %d, want %d\n%s", got, code, c.Screen())
	}
	if c.AltScreen() {
		c.t.Error("the alternate screen is still on")
	}
}

// confirm passes the plan of production.
func (c *cockpit) confirm(from, to string) {
	c.t.Helper()
	c.sees(later, "PRODUCTION", from+" → "+to, "not confirmed")
	c.red()
	c.press(termtest.Enter)
	c.sees(soon, "Type production to confirm")
	c.press("prod", termtest.Enter)
	c.sees(soon, "Type production to confirm") // a part of the name is not enough
	c.press("uction", termtest.Enter)
	c.sees(later, "step 1 of 7")
}

// tick ticks all boxes of a checklist and ends it.
func (c *cockpit) tick(boxes int) {
	c.t.Helper()
	for i := range boxes {
		if i > 0 {
			c.press(termtest.Down)
		}
		c.press(" ")
		c.sees(soon, fmt.Sprintf("%d of %d", i+1, boxes))
	}
	c.press(termtest.Enter)
}

// toDeploy flies the steps before the deploy.
func (c *cockpit) toDeploy() {
	c.t.Helper()
	c.tick(3)
	c.sees(soon, "step 2 of 7")
	c.press(termtest.Enter)
	c.sees(later, "step 3 of 7", "Press enter to deploy")
}

// TestEndToEnd flies what the README promises: v1 to v2 through the cockpit, then the bad v3, and
// back by one key.
func TestEndToEnd(t *testing.T) {
	for _, how := range []string{"v2", "v1", "local"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel() // they wait far more than they work
			story(t, newWorld(t, how))
		})
	}
}

func story(t *testing.T, w *world) {
	c := w.cockpit("demo", w.demoFlag(), "--keep")
	c.confirm("v1", "v2")
	w.runs("v1")
	orders := []int{w.order()}
	goodDeploy(w, c)
	picture(t, c, "done")
	c.press("q")
	c.ends(0)
	w.runs("v2")
	w.holds(orders...)
	orders = append(orders, w.order())

	c = w.cockpit("deploy", "production", "--release", "v3")
	c.confirm("v2", "v3")
	c.toDeploy()
	c.press(termtest.Enter)
	c.sees(later, "step 4 of 7")
	w.serves("v3")
	orders = append(orders, w.order())
	c.sees(later, "connection pool exhausted", "✗ ready", "✗  backend-1")
	c.red()
	picture(t, c, "failing")
	rollBack(t, c)
	picture(t, c, "rolled-back")
	c.press("q")
	c.ends(5)
	w.runs("v2")
	w.holds(orders...)
	w.holds(w.order())
	untouched(w)
	recorded(w)
}

func goodDeploy(w *world, c *cockpit) {
	c.t.Helper()
	c.toDeploy()
	picture(c.t, c, "deploy")
	c.press(termtest.Enter)
	c.sees(later, "step 4 of 7") // the monitor begins by itself
	c.sees(later, "step 5 of 7")
	c.press(termtest.Enter)
	c.sees(later, "step 6 of 7")
	c.press(termtest.Enter)
	c.sees(later, "step 7 of 7")
	c.tick(2)
	c.sees(later, "over: done")
}

// rollBack presses R, looks at what it would do, cancels, presses again and lets the count-down run.
func rollBack(t *testing.T, c *cockpit) {
	t.Helper()
	c.press("R")
	c.sees(soon, "ROLL BACK", "v3  →  v2", "starting in")
	picture(t, c, "rollback")
	c.press(termtest.Escape)
	gone := func(screen string) bool { return !strings.Contains(screen, "starting in") }
	if err := c.Until(soon, "no dialog", gone); err != nil {
		t.Fatal(err)
	}
	c.press("R")
	c.sees(soon, "starting in")
	c.sees(later, "TURNING BACK")
	c.red()
	c.sees(later, "over: rolled back", "✓  backend", "✓  database", "✓  storefront", "✓  worker")
}

// untouched: compose still manages the project, and has nothing to do.
func untouched(w *world) {
	w.t.Helper()
	if w.local {
		return
	}
	before := w.images()
	out, err := w.run("deploy", "production", "--release", "v2", "--dry-run", "--json")
	if err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	var plan struct {
		Changes []struct{ Service, Kind string }
	}
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range plan.Changes {
		if c.Kind != "unchanged" {
			w.t.Errorf("after the rollback a deploy of v2 would leave %s %s", c.Service, c.Kind)
		}
	}
	if after := w.images(); fmt.Sprint(after) != fmt.Sprint(before) {
		w.t.Errorf("a dry run changed something: %v, then %v", before, after)
	}
}

// recorded: history, the ledger and the record of the run agree with what happened.
func recorded(w *world) {
	w.t.Helper()
	for _, want := range []struct{ args, text string }{
		{"history", "✓ rolled back"}, {"rollback production --list", "bad"}, {"show last", "4 of 4 services match the record"}, {"status", "v2"},
	} {
		out, err := w.run(strings.Fields(want.args)...)
		if err != nil || !strings.Contains(out, want.text) {
			w.t.Errorf("flightdeck %s does not say %q (%v):\n%s", want.args, want.text, err, out)
		}
	}
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("docker", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(string(out))
}
