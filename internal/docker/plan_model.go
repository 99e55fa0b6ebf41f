package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/goccy/go-yaml"

	"flightdeck/internal/clean"
)

// model is compose's own resolved model, as `config` prints it, in the parts that are compared.
// Both generations print the same words in different shapes, so that the shapes are any.
type model struct {
	project  string
	Services map[string]modelService `json:"services"`
	Volumes  map[string]modelNamed   `json:"volumes"`
	Networks map[string]modelNamed   `json:"networks"`
	Configs  map[string]modelInline  `json:"configs"`
	Secrets  map[string]modelInline  `json:"secrets"`
}

// modelInline is a config or secret. Compose copies those that are no file of the host into the
// container after it is made, so that no look at the container shows them.
type modelInline struct {
	Content     any `json:"content"`
	Environment any `json:"environment"`
}

type modelNamed struct {
	Name     string `json:"name"`
	External any    `json:"external"`
}

type modelService struct {
	Image       string          `json:"image"`
	Build       json.RawMessage `json:"build"`
	PullPolicy  string          `json:"pull_policy"`
	Command     any             `json:"command"`
	Entrypoint  any             `json:"entrypoint"`
	Environment any             `json:"environment"`
	Labels      any             `json:"labels"`
	Ports       []any           `json:"ports"`
	Volumes     []any           `json:"volumes"`
	Networks    any             `json:"networks"`
	NetworkMode string          `json:"network_mode"`
	IPC         string          `json:"ipc"`
	PID         string          `json:"pid"`
	VolumesFrom []string        `json:"volumes_from"`
	DependsOn   any             `json:"depends_on"`
	Links       []string        `json:"links"`
	Restart     string          `json:"restart"`
	User        any             `json:"user"`
	WorkingDir  string          `json:"working_dir"`
	Healthcheck struct {
		Test    any  `json:"test"`
		Disable bool `json:"disable"`
	} `json:"healthcheck"`
	Configs  any      `json:"configs"`
	Secrets  any      `json:"secrets"`
	Profiles []string `json:"profiles"`
	Scale    *int     `json:"scale"`
	Deploy   struct {
		Replicas *int `json:"replicas"`
	} `json:"deploy"`
}

// parseModel reads JSON or YAML: the one is also the other.
func parseModel(raw []byte, project string) (model, error) {
	m := model{project: project}
	text := raw
	if !strings.HasPrefix(strings.TrimSpace(string(raw)), "{") {
		converted, err := yaml.YAMLToJSON(raw)
		if err != nil {
			return m, err
		}
		text = converted
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, err
	}
	for name, s := range m.Services {
		if s.Scale == nil && s.Deploy.Replicas != nil {
			s.Scale = s.Deploy.Replicas
			m.Services[name] = s
		}
	}
	return m, nil
}

func (s modelService) replicas() int {
	if s.Scale != nil {
		return *s.Scale
	}
	return 1
}

// inline names the configs and secrets of a service that compose copies in, in the order of the file.
func (m *model) inline(s modelService) []string {
	var out []string
	for _, kind := range []struct {
		used  any
		known map[string]modelInline
	}{{s.Configs, m.Configs}, {s.Secrets, m.Secrets}} {
		list, _ := kind.used.([]any)
		for _, x := range list {
			name := scalar(x)
			if long, ok := x.(map[string]any); ok {
				name = scalar(long["source"])
			}
			if is := kind.known[name]; is.Content != nil || is.Environment != nil {
				out = append(out, clean.Name(name))
			}
		}
	}
	return out
}

func (s modelService) builds() bool { return len(s.Build) > 0 && string(s.Build) != "null" }

// image is the reference that the service's containers get; built services may leave it to compose,
// whose generations join the name differently.
func (m *model) image(name string, s modelService, generation string) string {
	if s.Image != "" {
		return unescape(s.Image)
	}
	join := "-"
	if generation == "v1" {
		join = "_"
	}
	return m.project + join + name
}

// dependencies are the services that `up` of this one also looks at.
func (s modelService) dependencies() []string {
	out := s.shares()
	for name := range pairs(s.DependsOn) {
		out = append(out, name)
	}
	for _, l := range s.Links {
		name, _, _ := strings.Cut(l, ":")
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// shares are the services whose containers this one is bound to.
func (s modelService) shares() []string {
	var out []string
	for _, mode := range []string{s.NetworkMode, s.IPC, s.PID} {
		if name, ok := strings.CutPrefix(mode, "service:"); ok {
			out = append(out, name)
		}
	}
	for _, v := range s.VolumesFrom {
		if strings.HasPrefix(v, "container:") {
			continue
		}
		name, _, _ := strings.Cut(v, ":")
		out = append(out, name)
	}
	return out
}

// volumeName is the engine's name of a volume of the file.
func (m *model) volumeName(key string) string {
	if v := m.Volumes[key]; v.Name != "" {
		return v.Name
	}
	if e, ok := m.Volumes[key].External.(map[string]any); ok {
		if name, ok := e["name"].(string); ok {
			return name
		}
	}
	if external, ok := m.Volumes[key].External.(bool); ok && external {
		return key
	}
	return m.project + "_" + key
}

// pairs reads what may be a map or a list of "key=value"; a list of plain words gives keys without
// values.
func pairs(v any) map[string]*string {
	out := map[string]*string{}
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if x == nil {
				out[k] = nil
				continue
			}
			s := unescape(scalar(x))
			out[k] = &s
		}
	case []any:
		for _, x := range v {
			k, val, has := strings.Cut(scalar(x), "=")
			out[k] = nil
			if has {
				val = unescape(val)
				out[k] = &val
			}
		}
	}
	return out
}

// words reads what may be a list or one string.
func words(v any) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		out := make([]string, len(v))
		for i, x := range v {
			out[i] = unescape(scalar(x))
		}
		return out
	}
	return strings.Fields(strings.NewReplacer(`"`, "", `'`, "").Replace(unescape(scalar(v))))
}

// scalar is a YAML or JSON scalar as compose hands it on.
func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		if v == float64(int64(v)) {
			return fmt.Sprint(int64(v))
		}
	}
	return fmt.Sprint(v)
}

// unescape undoes compose's doubling of $ in what `config` prints.
func unescape(s string) string { return strings.ReplaceAll(s, "$$", "$") }

// tagOf is the tag of an image reference; "" for one by digest or without a tag.
func tagOf(ref string) string {
	name, _, digest := strings.Cut(ref, "@")
	i := strings.LastIndexByte(name, ':')
	if i < 0 || i < strings.LastIndexByte(name, '/') {
		if digest {
			return ""
		}
		return "latest"
	}
	return name[i+1:]
}

// imageFacts is what an image brings into a container by itself.
type imageFacts struct {
	ref, id    string // id is "" when the image is not on the engine
	env        []string
	cmd        []string
	entrypoint []string
	labels     map[string]string
	user       string
	workingDir string
}

func (i imageFacts) version() string { return i.labels["org.opencontainers.image.version"] }

// imageFacts looks up an image; one that is missing gives facts without an ID.
func (t *Target) imageFacts(ctx context.Context, ref string) (imageFacts, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	out := imageFacts{ref: ref}
	res, err := t.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return out, nil
	}
	if err != nil {
		return out, t.sentence("cannot look up image "+clean.Name(ref), err)
	}
	out.id = res.ID
	if c := res.Config; c != nil {
		out.env, out.cmd, out.entrypoint, out.labels = c.Env, c.Cmd, c.Entrypoint, c.Labels
		out.user, out.workingDir = c.User, c.WorkingDir
	}
	return out, nil
}
