package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
)

// spec is everything that is kept of one container: enough to make it again. It is written into
// the ledger, so its field names may be added to but never change their meaning.
type spec struct {
	// Config is as inspected, but without a host name that the engine had made up. Image is the
	// reference of the compose file; the image ID is kept beside the spec.
	Config *container.Config     `json:"config"`
	Host   *container.HostConfig `json:"host"`
	// Networks has what was asked for on each network, by network name, not what the engine gave.
	Networks map[string]attachment  `json:"networks,omitempty"`
	Mounts   []container.MountPoint `json:"mounts,omitempty"`
	// Mac is a MAC address for the whole container, which engines before API 1.44 know.
	Mac string `json:"mac,omitempty"`
	// Created is the engine's time stamp; without dependency labels it tells the order.
	Created string `json:"created,omitempty"`
}

// attachment is one network of a container as it was asked for.
type attachment struct {
	Aliases    []string          `json:"aliases,omitempty"`
	Links      []string          `json:"links,omitempty"`
	IPv4       string            `json:"ipv4,omitempty"`
	IPv6       string            `json:"ipv6,omitempty"`
	LinkLocal  []string          `json:"linkLocal,omitempty"`
	DriverOpts map[string]string `json:"driverOpts,omitempty"`
	GwPriority int               `json:"gwPriority,omitempty"`
}

// peerPrefix marks a reference to another container of the project ("container:@backend/1"), whose
// ID is another one each time.
const peerPrefix = "@"

// newSpec turns an inspected container into its spec. peers gives "service/number" for the IDs of
// the project's containers. Nothing in c is changed.
func newSpec(c container.InspectResponse, raw json.RawMessage, peers map[string]string) spec {
	s := spec{Config: &container.Config{}, Host: &container.HostConfig{}, Created: c.Created, Mounts: slices.Clone(c.Mounts)}
	if c.Config != nil {
		*s.Config = *c.Config
	}
	if c.HostConfig != nil {
		*s.Host = *c.HostConfig
	}
	if s.Config.Hostname == shortID(c.ID) {
		s.Config.Hostname = ""
	}
	if s.Host.NetworkMode.IsContainer() || s.Host.UTSMode.IsHost() {
		s.Config.Hostname, s.Config.Domainname = "", "" // the other container's, or the host's
	}
	labels := make(map[string]string, len(s.Config.Labels))
	for k, v := range s.Config.Labels {
		if k != labelReplace { // only meant something while compose replaced the container
			labels[k] = v
		}
	}
	s.Config.Labels = labels
	s.Host.NetworkMode = container.NetworkMode(namePeer(string(s.Host.NetworkMode), peers))
	s.Host.IpcMode = container.IpcMode(namePeer(string(s.Host.IpcMode), peers))
	s.Host.PidMode = container.PidMode(namePeer(string(s.Host.PidMode), peers))
	s.Networks = attachments(c)
	sort.Slice(s.Mounts, func(i, j int) bool { return s.Mounts[i].Destination < s.Mounts[j].Destination })
	var more struct{ Config struct{ MacAddress string } }
	if json.Unmarshal(raw, &more) == nil {
		s.Mac = more.Config.MacAddress
	}
	return s
}

// peerSlot reads what namePeer wrote.
func peerSlot(mode string) (slotKey, bool) {
	peer, ok := strings.CutPrefix(mode, "container:"+peerPrefix)
	service, number, cut := strings.Cut(peer, "/")
	if !ok || !cut {
		return slotKey{}, false
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		n = 1
	}
	return slotKey{service, n}, true
}

func namePeer(mode string, peers map[string]string) string {
	if id, ok := strings.CutPrefix(mode, "container:"); ok {
		if peer, known := peers[id]; known {
			return "container:" + peerPrefix + peer
		}
	}
	return mode
}

func attachments(c container.InspectResponse) map[string]attachment {
	if c.NetworkSettings == nil || c.HostConfig != nil && c.HostConfig.NetworkMode.IsContainer() {
		return nil
	}
	out := make(map[string]attachment, len(c.NetworkSettings.Networks))
	for name, e := range c.NetworkSettings.Networks {
		if e == nil {
			continue
		}
		a := attachment{Links: sorted(e.Links), DriverOpts: e.DriverOpts, GwPriority: e.GwPriority}
		for _, alias := range sorted(e.Aliases) {
			if alias != shortID(c.ID) { // the engine adds it by itself, and the next container's differs
				a.Aliases = append(a.Aliases, alias)
			}
		}
		if ip := e.IPAMConfig; ip != nil {
			a.IPv4, a.IPv6 = address(ip.IPv4Address), address(ip.IPv6Address)
			for _, l := range ip.LinkLocalIPs {
				a.LinkLocal = append(a.LinkLocal, l.String())
			}
		}
		out[name] = a
	}
	return out
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func sorted(in []string) []string {
	out := slices.Clone(in)
	sort.Strings(out)
	return slices.Compact(out)
}

// settings is the inverse of attachments for one network.
func (a attachment) settings() (*network.EndpointSettings, error) {
	e := &network.EndpointSettings{Aliases: a.Aliases, Links: a.Links, DriverOpts: a.DriverOpts, GwPriority: a.GwPriority}
	if a.IPv4 == "" && a.IPv6 == "" && len(a.LinkLocal) == 0 {
		return e, nil
	}
	e.IPAMConfig = &network.EndpointIPAMConfig{}
	var err error
	parse := func(text string) netip.Addr {
		if text == "" || err != nil {
			return netip.Addr{}
		}
		ip, bad := netip.ParseAddr(text)
		err = bad
		return ip
	}
	e.IPAMConfig.IPv4Address, e.IPAMConfig.IPv6Address = parse(a.IPv4), parse(a.IPv6)
	for _, l := range a.LinkLocal {
		e.IPAMConfig.LinkLocalIPs = append(e.IPAMConfig.LinkLocalIPs, parse(l))
	}
	return e, err
}

// anonymous says whether a volume has no name that a compose file could know: engines name such
// volumes with 64 hexadecimal digits.
func anonymous(m container.MountPoint) bool {
	if m.Type != mount.TypeVolume || len(m.Name) != 64 {
		return false
	}
	_, err := hex.DecodeString(m.Name)
	return err == nil
}

// mountFact is a mount without what changes from one container to the next: the name of an
// anonymous volume, and the form in which it was asked for.
type mountFact struct {
	Type, Name, Source, Destination, Propagation string
	RW                                           bool
}

func mountFacts(mounts []container.MountPoint) []mountFact {
	out := make([]mountFact, 0, len(mounts))
	for _, m := range mounts {
		f := mountFact{Type: string(m.Type), Destination: m.Destination, RW: m.RW}
		switch {
		case m.Type == mount.TypeVolume && !anonymous(m):
			f.Name = m.Name
		case m.Type != mount.TypeVolume:
			f.Source, f.Propagation = m.Source, string(m.Propagation)
		}
		out = append(out, f)
	}
	return out
}

// hash is over the normalised configuration: two containers with one hash differ in nothing that
// a compose file or an operator could have asked for. The image is compared by its ID, apart.
func (s spec) hash() string {
	cfg, host := *s.Config, *s.Host
	cfg.Image, cfg.Volumes = "", nil
	cfg.Env = sorted(cfg.Env)
	if s.countsPeers() {
		cfg.Labels = maps.Clone(cfg.Labels)
		delete(cfg.Labels, labelConfigHash)
	}
	host.Binds, host.VolumesFrom, host.ContainerIDFile = nil, nil, ""
	host.Mounts = slices.DeleteFunc(slices.Clone(host.Mounts), func(m mount.Mount) bool {
		return m.Type == mount.TypeVolume || m.Type == mount.TypeBind // they are in s.Mounts
	})
	host.CapAdd, host.CapDrop = capabilities(host.CapAdd), capabilities(host.CapDrop)
	if len(host.LogConfig.Config) == 0 {
		host.LogConfig.Config = nil
	}
	// By value and with the name first, so that a network without any setting counts as well.
	text := canonical(&cfg) + "\n" + canonical(&host) + "\n"
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		text += fmt.Sprintf("network %q %s\n", name, canonical(s.Networks[name]))
	}
	for _, m := range mountFacts(s.Mounts) {
		text += canonical(m) + "\n"
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// countsPeers says that compose's own hash in the label is over the ID of another container as
// well, so that it differs after each start from nothing although nothing was changed.
func (s spec) countsPeers() bool { return len(peersOf(s)) > 0 || len(s.Host.VolumesFrom) > 0 }

func capabilities(in []string) []string {
	out := make([]string, 0, len(in))
	for _, c := range in {
		c = strings.ToUpper(c)
		if c != "ALL" && !strings.HasPrefix(c, "CAP_") {
			c = "CAP_" + c
		}
		out = append(out, c)
	}
	return sorted(out)
}

// canonical is the JSON of a struct with sorted keys, without nulls and empty lists, and without
// fields that are empty objects: the engine answers with some of these where others were asked
// for. Further down an empty object has a meaning ("8080/tcp": {}) and stays.
func canonical(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("cannot be written: %v", err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		return string(data)
	}
	tree = withoutNothing(tree)
	if fields, ok := tree.(map[string]any); ok {
		for k, e := range fields {
			if inner, ok := e.(map[string]any); ok && len(inner) == 0 {
				delete(fields, k)
			}
		}
	}
	data, err = json.Marshal(tree)
	if err != nil {
		return fmt.Sprintf("cannot be written: %v", err)
	}
	return string(data)
}

func withoutNothing(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			if e = withoutNothing(e); e == nil {
				delete(x, k)
			} else {
				x[k] = e
			}
		}
	case []any:
		if len(x) == 0 {
			return nil
		}
		for i := range x {
			x[i] = withoutNothing(x[i])
		}
	}
	return v
}

// readSpec reads a spec out of the ledger.
func readSpec(data json.RawMessage) (spec, error) {
	var s spec
	if err := json.Unmarshal(data, &s); err != nil {
		return spec{}, fmt.Errorf("record of a container: %w", err)
	}
	if s.Config == nil || s.Host == nil {
		return spec{}, fmt.Errorf("record of a container: it has no configuration")
	}
	return s, nil
}

func (s spec) number() int {
	n, err := strconv.Atoi(s.Config.Labels[labelNumber])
	if err != nil {
		return 1 // both generations of compose write it; a hand-made container counts as the first
	}
	return n
}
