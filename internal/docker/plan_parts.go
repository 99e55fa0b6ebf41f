package docker

import (
	"slices"
	"sort"
	"strings"

	"github.com/moby/moby/api/types/container"

	"flightdeck/internal/clean"
)

// changedParts names the parts of the configuration in which a container differs from the model.
// had is the image that the container runs; what comes from there is no change. Values are never
// part of the answer: they may be secrets.
func changedParts(m *model, s modelService, c container.InspectResponse, had imageFacts) []string {
	out := changedEnvironment(s, c, had)
	out = append(out, changedCommand(s, c, had)...)
	if !slices.Equal(modelPorts(s), containerPorts(c)) {
		out = append(out, "ports")
	}
	out = append(out, changedVolumes(m, s, c)...)
	out = append(out, changedLabels(s, c, had)...)
	if changedNetworks(m, s, c) {
		out = append(out, "networks")
	}
	return append(out, changedRest(s, c, had)...)
}

func changedEnvironment(s modelService, c container.InspectResponse, had imageFacts) []string {
	now, brought := split(c.Config.Env), split(had.env)
	wanted := pairs(s.Environment)
	var out []string
	for k, v := range wanted {
		old, there := now[k]
		if (v == nil && there && old != brought[k]) || (v != nil && (!there || old != *v)) {
			out = append(out, "environment "+clean.Name(k))
		}
	}
	for k, v := range now {
		if _, stays := wanted[k]; stays || had.id == "" {
			continue
		}
		if from, ok := brought[k]; !ok || from != v {
			out = append(out, "environment "+clean.Name(k))
		}
	}
	return out
}

func split(env []string) map[string]string {
	out := make(map[string]string, len(env))
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		out[k] = v
	}
	return out
}

func changedCommand(s modelService, c container.InspectResponse, had imageFacts) []string {
	var out []string
	entry, cmd := words(s.Entrypoint), words(s.Command)
	wantCmd, wantEntry := cmd, entry
	if s.Entrypoint == nil {
		wantEntry = had.entrypoint
		if s.Command == nil {
			wantCmd = had.cmd
		}
	}
	known := had.id != ""
	if (s.Entrypoint != nil || known) && !sameWords(c.Config.Entrypoint, wantEntry) {
		out = append(out, "entrypoint")
	}
	if (s.Command != nil || known) && !sameWords(c.Config.Cmd, wantCmd) {
		out = append(out, "command")
	}
	return out
}

// sameWords compares without regard to quoting, which a command written as one string may have.
func sameWords(have, want []string) bool {
	plain := func(w []string) string {
		return strings.Join(strings.Fields(strings.NewReplacer(`"`, "", `'`, "").Replace(strings.Join(w, " "))), " ")
	}
	return plain(have) == plain(want)
}

// modelPorts gives "host ip:published->target/protocol" of the file, sorted.
func modelPorts(s modelService) []string {
	out := []string{}
	for _, p := range s.Ports {
		switch p := p.(type) {
		case map[string]any:
			out = append(out, portKey(scalar(p["host_ip"]), scalar(p["published"]), scalar(p["target"]), scalar(p["protocol"])))
		default:
			text, protocol, _ := strings.Cut(scalar(p), "/")
			i := strings.LastIndexByte(text, ':')
			target, rest := text[i+1:], ""
			if i >= 0 {
				rest = text[:i]
			}
			ip, published := "", rest
			if j := strings.LastIndexByte(rest, ':'); j >= 0 {
				ip, published = rest[:j], rest[j+1:]
			}
			out = append(out, portKey(ip, published, target, protocol))
		}
	}
	sort.Strings(out)
	return slices.Compact(out)
}

func containerPorts(c container.InspectResponse) []string {
	out := []string{}
	for p, bindings := range c.HostConfig.PortBindings {
		for _, b := range bindings {
			ip := ""
			if b.HostIP.IsValid() {
				ip = b.HostIP.String()
			}
			out = append(out, portKey(ip, b.HostPort, p.Port(), string(p.Proto())))
		}
	}
	sort.Strings(out)
	return slices.Compact(out)
}

func portKey(ip, published, target, protocol string) string {
	if published == "0" {
		published = ""
	}
	if ip == "0.0.0.0" || ip == "::" {
		ip = ""
	}
	if protocol == "" {
		protocol = "tcp"
	}
	return ip + ":" + published + "->" + target + "/" + protocol
}

// mountWanted is a volume of the file in the engine's words.
type mountWanted struct {
	source   string // "" for an anonymous one
	readOnly bool
}

func modelMounts(m *model, s modelService) map[string]mountWanted {
	out := map[string]mountWanted{}
	for _, v := range s.Volumes {
		switch v := v.(type) {
		case map[string]any:
			w := mountWanted{source: unescape(scalar(v["source"]))}
			w.readOnly, _ = v["read_only"].(bool)
			switch scalar(v["type"]) {
			case "volume":
				if w.source != "" {
					w.source = m.volumeName(w.source)
				}
			case "bind":
			default:
				continue // tmpfs and others are no volumes of the engine
			}
			out[unescape(scalar(v["target"]))] = w
		default:
			f := strings.Split(unescape(scalar(v)), ":")
			w := mountWanted{}
			target := f[0]
			if len(f) > 1 {
				w.source, target = f[0], f[1]
				if !strings.ContainsAny(w.source[:1], "/.~") {
					w.source = m.volumeName(w.source)
				}
			}
			w.readOnly = len(f) > 2 && slices.Contains(strings.Split(f[2], ","), "ro")
			out[target] = w
		}
	}
	return out
}

func changedVolumes(m *model, s modelService, c container.InspectResponse) []string {
	wanted := modelMounts(m, s)
	var out []string
	has := map[string]bool{}
	for _, mp := range c.Mounts {
		has[mp.Destination] = true
		w, ok := wanted[mp.Destination]
		source := mp.Source
		if mp.Type == "volume" {
			source = mp.Name
		}
		switch {
		case !ok && (len(mp.Name) == 64 || mp.Type == "tmpfs"):
			// A volume that the image declares, or memory: the file need not name it.
		case !ok, w.readOnly == mp.RW, w.source != "" && w.source != source:
			out = append(out, "volume "+clean.Name(mp.Destination))
		}
	}
	for target := range wanted {
		if !has[target] {
			out = append(out, "volume "+clean.Name(target))
		}
	}
	return out
}

func changedLabels(s modelService, c container.InspectResponse, had imageFacts) []string {
	wanted := pairs(s.Labels)
	var out []string
	for k, v := range wanted {
		want := ""
		if v != nil {
			want = *v
		}
		if have, ok := c.Config.Labels[k]; !ok || have != want {
			out = append(out, "label "+clean.Name(k))
		}
	}
	for k, v := range c.Config.Labels {
		_, stays := wanted[k]
		if stays || had.id == "" || strings.HasPrefix(k, "com.docker.compose.") || strings.HasPrefix(k, "desktop.docker.io/") {
			continue
		}
		if from, ok := had.labels[k]; !ok || from != v {
			out = append(out, "label "+clean.Name(k))
		}
	}
	return out
}

// changedNetworks compares names only; a service that shares another's network has none.
func changedNetworks(m *model, s modelService, c container.InspectResponse) bool {
	if s.NetworkMode != "" || c.NetworkSettings == nil {
		return false
	}
	var want, have []string
	keys := pairs(s.Networks)
	if len(keys) == 0 {
		keys = map[string]*string{"default": nil}
	}
	for k := range keys {
		name := m.project + "_" + k
		if n := m.Networks[k]; n.Name != "" {
			name = n.Name
		} else if external, ok := n.External.(bool); ok && external {
			name = k
		}
		want = append(want, name)
	}
	for name := range c.NetworkSettings.Networks {
		have = append(have, name)
	}
	sort.Strings(want)
	sort.Strings(have)
	return !slices.Equal(want, have)
}

func changedRest(s modelService, c container.InspectResponse, had imageFacts) []string {
	var out []string
	policy := string(c.HostConfig.RestartPolicy.Name)
	want, _, _ := strings.Cut(s.Restart, ":")
	if (policy == "" || policy == "no") != (want == "" || want == "no") || (want != "" && want != "no" && want != policy) {
		out = append(out, "restart")
	}
	if user := scalar(s.User); (user != "" || had.id != "") && c.Config.User != first(user, had.user) {
		out = append(out, "user")
	}
	if (s.WorkingDir != "" || had.id != "") && c.Config.WorkingDir != first(s.WorkingDir, had.workingDir) {
		out = append(out, "working_dir")
	}
	if test := words(s.Healthcheck.Test); len(test) > 0 && !s.Healthcheck.Disable {
		if c.Config.Healthcheck == nil || !sameWords(withoutShell(c.Config.Healthcheck.Test), withoutShell(test)) {
			out = append(out, "healthcheck")
		}
	}
	return out
}

// withoutShell drops the first word of a test ("CMD", "CMD-SHELL"), which a plain string lacks.
func withoutShell(test []string) []string {
	if len(test) > 0 && (test[0] == "CMD" || test[0] == "CMD-SHELL") {
		return test[1:]
	}
	return test
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
