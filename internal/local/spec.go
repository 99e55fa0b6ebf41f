package local

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// self in the place of a program means flightdeck itself. It is run from a copy in the data
// directory: the binary of `go run` is gone when flightdeck ends, and a rollback must not depend on it.
const self = "flightdeck"

// spec is the complete description of one process, enough to start it again.
type spec struct {
	Service   string        `json:"service"`
	Image     string        `json:"image"`
	Version   string        `json:"version"`
	Binary    string        `json:"binary"` // "sha256:..." of the program
	Command   []string      `json:"command"`
	Env       []string      `json:"env,omitempty"`
	Restart   string        `json:"restart,omitempty"`
	StopGrace time.Duration `json:"stopGrace"`
	Health    *healthSpec   `json:"health,omitempty"`
	Volumes   []volume      `json:"volumes,omitempty"`
	Ports     []string      `json:"ports,omitempty"`
	DependsOn []string      `json:"dependsOn,omitempty"`
}

type healthSpec struct {
	HTTP     string        `json:"http"`
	Interval time.Duration `json:"interval"`
	Timeout  time.Duration `json:"timeout"`
	Retries  int           `json:"retries"`
}

// volume is a directory that outlives the process. Key is its name in local.yaml, Name that of
// the directory.
type volume struct {
	Key       string `json:"key"`
	Name      string `json:"name"`
	Anonymous bool   `json:"anonymous,omitempty"`
}

// imageID says which program in which version: the two things that an image is here.
func (s spec) imageID() string {
	return digest([]byte(s.Binary + "\n" + s.Version))
}

// hash is over the whole configuration; the names of anonymous volumes are accidental.
func (s spec) hash() string {
	s.Volumes = slices.Clone(s.Volumes)
	for i := range s.Volumes {
		if s.Volumes[i].Anonymous {
			s.Volumes[i].Name = ""
		}
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return "unhashable: " + err.Error() // a struct of texts and numbers; cannot happen
	}
	return digest(raw)
}

// keep takes the directories of anonymous volumes from the process that is being replaced.
func (s spec) keep(old []volume) spec {
	s.Volumes = slices.Clone(s.Volumes)
	for i, v := range s.Volumes {
		for _, o := range old {
			if v.Anonymous && o.Anonymous && o.Key == v.Key {
				s.Volumes[i].Name = o.Name
			}
		}
	}
	return s
}

func (s spec) mounts() []release.Mount {
	var out []release.Mount
	for _, v := range s.Volumes {
		out = append(out, release.Mount{Name: v.Name, Destination: v.Key, Anonymous: v.Anonymous})
	}
	return out
}

// differences names what differs in the configuration, without values.
func (s spec) differences(o spec) []string {
	var out []string
	names := map[string]bool{}
	env := func(list []string) map[string]string {
		m := map[string]string{}
		for _, kv := range list {
			k, v, _ := strings.Cut(kv, "=")
			m[k], names[k] = v, true
		}
		return m
	}
	a, b := env(s.Env), env(o.Env)
	for k := range names {
		va, ina := a[k]
		vb, inb := b[k]
		if va != vb || ina != inb {
			out = append(out, "environment "+k)
		}
	}
	slices.Sort(out)
	add := func(name string, same bool) {
		if !same {
			out = append(out, name)
		}
	}
	bare := func(x spec) []volume {
		l := slices.Clone(x.Volumes)
		for i := range l {
			if l[i].Anonymous {
				l[i].Name = ""
			}
		}
		return l
	}
	add("command", slices.Equal(s.Command, o.Command))
	add("restart", s.Restart == o.Restart)
	add("stop_grace_period", s.StopGrace == o.StopGrace)
	add("health", (s.Health == nil) == (o.Health == nil) && (s.Health == nil || *s.Health == *o.Health))
	add("volumes", slices.Equal(bare(s), bare(o)))
	add("ports", slices.Equal(s.Ports, o.Ports))
	add("depends_on", slices.Equal(s.DependsOn, o.DependsOn))
	return out
}

// vars is where ${NAME} gets its value: the wanted version, the environment of flightdeck, the
// env files, in this order, as compose does it.
func (t *Target) vars(want stack.Want) (variables, error) {
	fromFiles := map[string]string{}
	for _, f := range t.opts.EnvFiles {
		if !filepath.IsAbs(f) {
			f = filepath.Join(t.opts.Dir, f)
		}
		m, err := readEnvFile(f)
		if err != nil {
			return nil, err
		}
		for k, v := range m {
			fromFiles[k] = v
		}
	}
	return func(name string) (string, bool) {
		if want.Version != "" && name == t.opts.TagVariable {
			return want.Version, true
		}
		if v, ok := os.LookupEnv(name); ok {
			return v, true
		}
		v, ok := fromFiles[name]
		return v, ok
	}, nil
}

// wanted resolves local.yaml into the specs of all its services, in the order of their
// dependencies, and the version that this is.
func (t *Target) wanted(want stack.Want) ([]spec, string, error) {
	f, err := readFile(t.opts.file())
	if err != nil {
		return nil, "", err
	}
	vars, err := t.vars(want)
	if err != nil {
		return nil, "", err
	}
	refuse := func(err error) error {
		return &stack.Error{What: t.opts.file() + " cannot be used", Why: err.Error(), Do: "Correct it and try again", Err: err}
	}
	version, err := expand(f.Version, vars)
	if err != nil {
		return nil, "", refuse(fmt.Errorf("version: %w", err))
	}
	depends := map[string][]string{}
	for name, s := range f.Services {
		depends[name] = s.DependsOn
	}
	order, err := ordered(depends)
	if err != nil {
		return nil, "", refuse(err)
	}
	for _, name := range want.Services {
		if !slices.Contains(order, name) {
			return nil, "", refuse(fmt.Errorf("there is no service %s", name))
		}
	}
	var out []spec
	for _, name := range order {
		s, err := t.resolve(name, f.Services[name], version, vars)
		if err != nil {
			return nil, "", refuse(err)
		}
		out = append(out, s)
	}
	return out, version, nil
}

func (t *Target) resolve(name string, fs fileService, version string, vars variables) (spec, error) {
	where := "service " + name
	s := spec{Service: name, Version: version, Restart: fs.Restart, DependsOn: fs.DependsOn}
	var err error
	if s.Image, err = expand(fs.Image, vars); err != nil {
		return s, fmt.Errorf("%s: image: %w", where, err)
	}
	if s.Command, err = expandAll(where+": command", fs.Command, vars); err != nil {
		return s, err
	}
	if len(s.Command) == 0 {
		return s, fmt.Errorf("%s has no command", where)
	}
	if s.Env, err = environment(where, fs.Environment, vars); err != nil {
		return s, err
	}
	if s.Ports, err = expandAll(where+": ports", fs.Ports, vars); err != nil {
		return s, err
	}
	if s.StopGrace, err = duration(where+": stop_grace_period", fs.StopGrace, 10*time.Second); err != nil {
		return s, err
	}
	if !slices.Contains([]string{"", "no", "on-failure", "always", "unless-stopped"}, s.Restart) {
		return s, fmt.Errorf("%s: restart %q is not one of no, on-failure, always", where, s.Restart)
	}
	if fs.Health != nil {
		if s.Health, err = fs.Health.resolve(where+": health", vars); err != nil {
			return s, err
		}
	}
	for _, v := range fs.Volumes {
		s.Volumes = append(s.Volumes, volume{Key: v, Name: v})
	}
	for _, v := range fs.Anonymous {
		s.Volumes = append(s.Volumes, volume{Key: v, Anonymous: true})
	}
	for _, v := range s.Volumes {
		if !plainName(v.Key) {
			return s, fmt.Errorf("%s: volume %q: use letters, digits, - and _", where, v.Key)
		}
	}
	if !plainName(name) {
		return s, fmt.Errorf("%s: use letters, digits, - and _ in the name", where)
	}
	s.Binary, err = t.program(&s.Command[0])
	return s, err
}

func (h fileHealth) resolve(where string, vars variables) (*healthSpec, error) {
	out := &healthSpec{Retries: max(h.Retries, 1)}
	var err error
	if out.HTTP, err = expand(h.HTTP, vars); err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if out.Interval, err = duration(where+": interval", h.Interval, 2*time.Second); err != nil {
		return nil, err
	}
	out.Timeout, err = duration(where+": timeout", h.Timeout, 2*time.Second)
	return out, err
}

// plainName says that a name is safe as the name of a directory.
func plainName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// program gives the digest of the program and makes its path absolute, unless it is flightdeck.
func (t *Target) program(name *string) (string, error) {
	if *name == self {
		return t.digestOf(t.opts.Binary)
	}
	path, err := exec.LookPath(*name)
	if err != nil {
		return "", err
	}
	if *name, err = filepath.Abs(path); err != nil {
		return "", err
	}
	return t.digestOf(*name)
}

// digestOf hashes a file; a file that has not changed since the last time is not read again.
func (t *Target) digestOf(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.digests[path]
	if ok && known.size == info.Size() && known.changed.Equal(info.ModTime()) {
		return known.digest, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	d := "sha256:" + hex.EncodeToString(h.Sum(nil))
	t.digests[path] = fileDigest{size: info.Size(), changed: info.ModTime(), digest: d}
	return d, nil
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
