package docker

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// hostAspect gives words to the parts of the host configuration that people change; the rest go
// by the engine's own name.
func hostAspect(key string) string {
	switch key {
	case "PortBindings", "PublishAllPorts":
		return "ports"
	case "RestartPolicy":
		return "restart policy"
	case "LogConfig":
		return "logging"
	case "Memory", "MemorySwap", "MemoryReservation":
		return "memory limit"
	case "NanoCpus", "CpuShares", "CpuQuota", "CpuPeriod", "CpusetCpus":
		return "cpu limit"
	case "NetworkMode":
		return "network mode"
	case "Binds", "Mounts", "VolumesFrom", "Tmpfs":
		return "volumes"
	case "ExtraHosts":
		return "extra hosts"
	case "CapAdd", "CapDrop":
		return "capabilities"
	}
	return "host configuration " + key
}

func configAspect(key string) string {
	switch key {
	case "Cmd":
		return "command"
	case "Entrypoint":
		return "entrypoint"
	case "Healthcheck":
		return "health check"
	case "ExposedPorts":
		return "ports"
	case "StopSignal", "StopTimeout":
		return "stop signal and grace"
	case "WorkingDir":
		return "working directory"
	case "User":
		return "user"
	case "Hostname", "Domainname":
		return "host name"
	}
	return "configuration " + key
}

// aspects takes a recorded container apart into named parts whose values can be compared. Only the
// names are ever shown.
func aspects(data json.RawMessage) map[string]string {
	out := make(map[string]string)
	s, err := readSpec(data)
	if err != nil {
		return out
	}
	for _, pair := range s.Config.Env {
		name, value, _ := strings.Cut(pair, "=")
		out["environment "+name] = value
	}
	for k, v := range s.Config.Labels {
		if !strings.HasPrefix(k, "com.docker.compose.") {
			out["label "+k] = v
		}
	}
	for _, f := range mountFacts(s.Mounts) {
		out["volumes"] += canonical(f)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		out["network "+name] = canonical(s.Networks[name])
	}
	cfg, host := *s.Config, *s.Host
	cfg.Env, cfg.Labels, cfg.Volumes, cfg.Image = nil, nil, nil, ""
	host.Binds, host.Mounts, host.VolumesFrom = nil, nil, nil
	parts(out, canonical(cfg), configAspect)
	parts(out, canonical(host), hostAspect)
	return out
}

func parts(out map[string]string, text string, name func(string) string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &fields) != nil {
		return
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		out[name(k)] += k + string(fields[k])
	}
}
