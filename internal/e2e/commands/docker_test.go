//go:build unix

package commands

import (
	"os/exec"
	"strings"
	"testing"

	"flightdeck/internal/docker/dockertest"
)

const containersYAML = `services:
  api:
    image: IMAGE:${TAG:-v1}
    init: true
  web:
    image: IMAGE:${TAG:-v1}
    ports: ["127.0.0.1:${PORT:-0}:8080"]
    depends_on:
      api: {condition: service_healthy}
`

const composeDeckYAML = `version: 1
project: PROJECT
runbooks: {deploy: deploy.md, rollback: rollback.md}
environments:
  staging: {kind: staging, project: PROJECT, tag_variable: TAG}
`

// containers is a project of two services on the real engine with images of v1 and v2, for one
// generation of compose.
func containers(t *testing.T, generation string) *project {
	t.Helper()
	made := dockertest.Project(t, "services: {}\n", nil)
	p := projectIn(t, made.Dir, made.Name, files{"flightdeck.yaml": composeDeckYAML, "deploy.md": deployMD, "rollback.md": rollbackMD,
		"compose.yaml": strings.ReplaceAll(containersYAML, "IMAGE", made.Name+"-image")})
	for _, version := range []string{"v1", "v2"} {
		dockertest.Image(t, version, dockertest.Repo(made.Name+"-image"), dockertest.Health())
	}
	p.env = append(p.env, "FLIGHTDECK_COMPOSE="+generation)
	return p
}

// engine says what the engine runs of the project: "api v1, web v1".
func (p *project) engine() string {
	p.t.Helper()
	out, err := exec.Command("docker", "ps", "--filter", "label=com.docker.compose.project="+p.name,
		"--format", `{{.Label "com.docker.compose.service"}} {{.Image}}`).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	lines := strings.Fields(strings.NewReplacer(p.name+"-image:", "", " ", "·").Replace(string(out)))
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "·", " ")
	}
	if len(lines) == 2 && lines[0] > lines[1] {
		lines[0], lines[1] = lines[1], lines[0]
	}
	return strings.Join(lines, ", ")
}

// TestNoEngine: neither a missing engine nor a missing context begins anything.
func TestNoEngine(t *testing.T) {
	t.Parallel()
	const compose = "services: {web: {image: fdtest-nothing:v1}}\n"
	for _, c := range []struct {
		name string
		fs   files
		env  string
		says []string
	}{
		{"engine down", nil, "DOCKER_HOST=unix:///nonexistent.sock", []string{"no docker engine answers at unix:///nonexistent.sock", "Start docker"}},
		{"engine refuses", nil, "DOCKER_HOST=tcp://127.0.0.1:1", []string{"no docker engine answers at tcp://127.0.0.1:1", "Start docker"}},
		{"an address that is none", nil, "DOCKER_HOST=bogus", []string{`"bogus"`, "DOCKER_HOST"}},
		{"wrong DOCKER_CONTEXT", nil, "DOCKER_CONTEXT=nope", []string{`no docker context "nope"`, "DOCKER_CONTEXT", "Known contexts: default"}},
		{"wrong context of the environment", files{"flightdeck.yaml": "version: 1\nenvironments: {staging: {kind: staging, context: nope}}\n"}, "",
			[]string{`no docker context "nope"`, "Known contexts: default"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProject(t, files{"compose.yaml": compose})
			for name, text := range c.fs {
				p.write(name, text)
			}
			env := []string{"DOCKER_CONFIG=" + t.TempDir()}
			if c.env != "" {
				env = append(env, c.env)
			}
			for _, command := range []string{"deploy --yes", "deploy --dry-run", "rollback --yes", "rollback --list"} {
				p.with(env, strings.Fields(command)...).refuses(1, c.says...)
			}
			status := p.with(env, "status").is(1)
			if !strings.Contains(status.out, c.says[0]) {
				t.Errorf("status does not say %q:\n%s", c.says[0], status.out)
			}
			p.untouched()
			if c.env != "" {
				p.with(env, "demo", "--docker", "--yes").refuses(1, c.says[0])
			}
		})
	}
}

// TestWhatTheEngineRefuses: an image that is not there and a port that is taken. The step says so,
// and the release that ran is not lost.
func TestWhatTheEngineRefuses(t *testing.T) {
	t.Parallel()
	dockertest.Compose(t)
	p := containers(t, "v2")
	p.run("deploy", "--yes").is(0)
	if got := p.engine(); got != "api v1, web v1" {
		t.Fatalf("the engine runs %q", got)
	}
	ids := p.ids()

	missing := p.run("deploy", "--release", "v9", "--yes")
	missing.is(1)
	if said := missing.out + missing.err; !strings.Contains(said, p.name+"-image:v9") {
		t.Errorf("it does not name the image that is missing:\n%s", said)
	}
	if got := p.ids(); got != ids {
		t.Errorf("an image is missing, and the containers changed: %q, before %q", got, ids)
	}

	port := dockertest.Name(t)
	taken := exec.Command("docker", "run", "-d", "--rm", "--name", port, "-p", "127.0.0.1:0:8080", p.name+"-image:v1")
	if out, err := taken.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", port).Run() })
	out, err := exec.Command("docker", "port", port, "8080").Output()
	if err != nil {
		t.Fatal(err)
	}
	number := strings.TrimSpace(string(out))
	number = number[strings.LastIndex(number, ":")+1:]
	r := p.with([]string{"PORT=" + number}, "deploy", "--release", "v2", "--yes").is(1, "Deploy the new release failed", number)
	if !strings.Contains(r.out, "already allocated") && !strings.Contains(r.out, "in use") && !strings.Contains(r.out, "taken") {
		t.Errorf("it does not say that the port is taken:\n%s", r.out)
	}
	p.run("rollback", "--yes").is(5, "✓  api", "✓  web")
	if got := p.engine(); got != "api v1, web v1" {
		t.Errorf("after the rollback the engine runs %q", got)
	}
}

// ids are the containers of the project.
func (p *project) ids() string {
	p.t.Helper()
	out, err := exec.Command("docker", "ps", "-q", "--no-trunc", "--filter", "label=com.docker.compose.project="+p.name).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	return string(out)
}

// TestKilledWhileComposeWorks: the next start says that the outcome is unknown and gets to the end.
func TestKilledWhileComposeWorks(t *testing.T) {
	t.Parallel()
	for _, generation := range dockertest.Compose(t) {
		t.Run(generation, func(t *testing.T) {
			t.Parallel()
			p := containers(t, generation)
			p.run("deploy", "--yes").is(0)
			s := p.terminal("deploy", "--release", "v2", "--yes", "--plain")
			// web waits for api to be healthy, so that this is the middle.
			until(t, "the first container replaced", func() bool { return strings.Contains(p.engine(), "api v2") })
			s.dies()
			p.run("status").is(0, "? deploy, ops, interrupted")
			s = p.terminal("deploy", "--plain")
			s.sees("v1 → v2", `"Deploy the new release", which had begun: its outcome is unknown`)
			s.says("r")
			s.sees("Deploy the new release: outcome unknown")
			s.says("r")
			s.ends(0)
			if got := p.engine(); got != "api v2, web v2" {
				t.Errorf("the engine runs %q", got)
			}
			if got := p.read("prepared.txt"); got != "prepared\nprepared\n" {
				t.Errorf("the command before the deploy ran like this: %q", got)
			}
			p.run("rollback", "--yes").is(5, "✓  api", "✓  web")
			if got := p.engine(); got != "api v1, web v1" {
				t.Errorf("after the rollback the engine runs %q", got)
			}
		})
	}
}
