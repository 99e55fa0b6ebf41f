package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/moby/moby/api/types/container"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
	"flightdeck/internal/stack"
)

// Plan resolves what Deploy would do, changing nothing: the compose file as the tool itself
// resolves it, the tool's own configuration hashes, and the images on the engine, compared with the
// containers that are there.
func (t *Target) Plan(ctx context.Context, want stack.Want) (stack.Plan, error) {
	p, err := t.gather(ctx, want)
	if err != nil {
		return stack.Plan{}, err
	}
	chosen, err := p.chosen(want.Services)
	if err != nil {
		return stack.Plan{}, err
	}
	out := stack.Plan{}
	for _, name := range p.serviceNames() {
		out.Changes = append(out.Changes, p.change(name, chosen, want.RemoveOrphans))
	}
	p.spread(out.Changes, chosen)
	out.Version = want.Version
	if out.Version == "" {
		out.Version = p.version(out.Changes)
	}
	out.Digest = p.digest()
	return out, nil
}

// planning is everything that a plan is made from.
type planning struct {
	tool     tool
	config   []byte // compose's resolved model, as it printed it
	model    model
	hashes   map[string][]string                    // service -> compose's configuration hashes: any of them fits
	disabled map[string]bool                        // services whose profile is not active
	running  map[string][]container.InspectResponse // service -> its containers, one-offs left out
	wanted   map[string]imageFacts                  // service -> the image that it would get
	had      map[string]imageFacts                  // image ID -> the image that containers have
}

func (t *Target) gather(ctx context.Context, want stack.Want) (*planning, error) {
	p := &planning{
		disabled: map[string]bool{}, running: map[string][]container.InspectResponse{},
		wanted: map[string]imageFacts{}, had: map[string]imageFacts{},
	}
	var err error
	if p.tool, err = t.composeTool(ctx); err != nil {
		return nil, err
	}
	if err := t.fits(p.tool); err != nil {
		return nil, err
	}
	if err := t.readModel(ctx, p, want); err != nil {
		return nil, err
	}
	list, err := t.inspectAll(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		if strings.EqualFold(c.Config.Labels[labelOneOff], "true") {
			continue
		}
		service := c.Config.Labels[labelService]
		p.running[service] = append(p.running[service], c)
		if _, known := p.had[c.Image]; !known {
			if p.had[c.Image], err = t.imageFacts(ctx, c.Image); err != nil {
				return nil, err
			}
		}
	}
	for name, s := range p.model.Services {
		if p.wanted[name], err = t.imageFacts(ctx, p.model.image(name, s, p.tool.generation)); err != nil {
			return nil, err
		}
	}
	return p, t.findDisabled(ctx, p, want)
}

// readModel asks compose for its resolved model and its hashes.
func (t *Target) readModel(ctx context.Context, p *planning, want stack.Want) error {
	args := []string{"config"}
	if p.tool.generation == "v2" {
		args = []string{"config", "--format", "json"}
	}
	var err error
	if p.config, err = t.look(ctx, p.tool, lookup{want: want, args: args}); err != nil {
		return err
	}
	if p.model, err = parseModel(p.config, t.project.Name); err != nil {
		return &stack.Error{What: "cannot read what " + strings.Join(p.tool.command, " ") + " config printed", Why: err.Error(), Do: "Run it by hand in " + t.project.Dir, Err: err}
	}
	return t.readHashes(ctx, p, want)
}

// readHashes asks compose for its configuration hashes. The new generation's `config --hash` leaves
// out env files, although `up` counts them in: it is asked about the resolved model too, in which
// they are merged. Only its standard input sees that model, as it holds values.
func (t *Target) readHashes(ctx context.Context, p *planning, want stack.Want) error {
	ask := []lookup{{want: want, args: []string{"config", "--hash", "*"}}}
	if p.tool.generation == "v2" {
		ask = append(ask, lookup{want: want, model: p.config, args: []string{"config", "--hash", "*"}})
	}
	p.hashes = map[string][]string{}
	for _, l := range ask {
		out, err := t.look(ctx, p.tool, l)
		if err != nil {
			return err
		}
		for _, line := range strings.Split(string(out), "\n") {
			if f := strings.Fields(line); len(f) == 2 {
				p.hashes[f[0]] = append(p.hashes[f[0]], f[1])
			}
		}
	}
	return nil
}

// findDisabled sorts out services that the file has but no active profile: they are neither
// started nor orphans. The old generation prints them among the others, the new one leaves them out.
func (t *Target) findDisabled(ctx context.Context, p *planning, want stack.Want) error {
	active := append(strings.Split(os.Getenv("COMPOSE_PROFILES"), ","), t.project.Profiles...)
	for name, s := range p.model.Services {
		if len(s.Profiles) > 0 && p.tool.generation == "v1" && !slices.Contains(want.Services, name) &&
			!slices.ContainsFunc(s.Profiles, func(p string) bool { return slices.Contains(active, p) }) {
			p.disabled[name] = true
			delete(p.model.Services, name)
		}
	}
	if p.tool.generation == "v1" {
		return nil
	}
	for name := range p.running {
		if _, known := p.model.Services[name]; known {
			continue
		}
		out, err := t.look(ctx, p.tool, lookup{want: want, global: []string{"--profile", "*"}, args: []string{"config", "--services"}})
		if err != nil {
			return err
		}
		for _, s := range strings.Fields(string(out)) {
			if _, enabled := p.model.Services[s]; !enabled {
				p.disabled[s] = true
			}
		}
		return nil
	}
	return nil
}

func (p *planning) serviceNames() []string {
	var out []string
	for name := range p.model.Services {
		out = append(out, name)
	}
	for name := range p.running {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// chosen are the services that `up` would look at: the named ones and what they depend on.
func (p *planning) chosen(names []string) (map[string]bool, error) {
	out := map[string]bool{}
	if len(names) == 0 {
		for name := range p.model.Services {
			out[name] = true
		}
		return out, nil
	}
	var add func(name string)
	add = func(name string) {
		if out[name] {
			return
		}
		out[name] = true
		for _, d := range p.model.Services[name].dependencies() {
			add(d)
		}
	}
	for _, name := range names {
		if _, ok := p.model.Services[name]; !ok {
			var known []string
			for k := range p.model.Services {
				known = append(known, clean.Name(k))
			}
			sort.Strings(known)
			return nil, &stack.Error{What: fmt.Sprintf("the compose file has no service %q", clean.Name(name)), Do: "Its services are: " + strings.Join(known, ", ")}
		}
		add(name)
	}
	return out, nil
}

// change says what happens to one service.
func (p *planning) change(name string, chosen map[string]bool, removeOrphans bool) release.Change {
	s, inFile := p.model.Services[name]
	list := p.running[name]
	c := release.Change{Service: clean.Name(name), Kind: release.ChangeNone, FromReplicas: len(list), ToReplicas: len(list)}
	if len(list) > 0 {
		c.From, c.FromID = clean.Name(list[0].Config.Image), list[0].Image
		c.To, c.ToID = c.From, c.FromID
	}
	switch {
	case p.disabled[name]:
		c.Note = "its profile is not active, stays as it is"
		return c
	case !inFile && removeOrphans:
		c.Kind, c.To, c.ToID, c.ToReplicas = release.ChangeRemoved, "", "", 0
		c.Note = "not in the compose file any more"
		return c
	case !inFile:
		c.Kind, c.Note = release.ChangeRemoved, "not in the compose file any more, stays"
		return c
	case !chosen[name]:
		c.Note = "not part of this deploy"
		return c
	}
	image := p.wanted[name]
	c.To, c.ToID, c.ToReplicas = clean.Name(image.ref), image.id, s.replicas()
	notes := imageNotes(s, image)
	diverged, config := p.diverged(name, s)
	switch {
	case len(list) == 0 && c.ToReplicas == 0:
	case len(list) == 0:
		c.Kind = release.ChangeAdded
	case diverged:
		c.Kind, c.Config = release.ChangeRecreated, config
	case len(list) != c.ToReplicas:
		c.Kind = release.ChangeScaled
	}
	notes = append(notes, stateNote(c.Kind, list)...)
	if inline := p.model.inline(s); len(inline) > 0 {
		notes = append(notes, "has an inline config or secret ("+strings.Join(inline, ", ")+"): a rollback would not bring that file back")
	}
	c.Note = strings.Join(notes, "; ")
	return c
}

// diverged says whether compose would make the service's containers anew, and what changed.
func (p *planning) diverged(name string, s modelService) (bool, []string) {
	diverged := false
	var config []string
	for _, c := range p.running[name] {
		// Without a hash of its own (a service that config --hash did not print) only a look at
		// the parts is left.
		hashes, known := p.hashes[name]
		byHash := known && !slices.Contains(hashes, c.Config.Labels[labelConfigHash])
		byImage := p.wanted[name].id != c.Image
		if !byHash && !byImage {
			continue
		}
		diverged = true
		parts := changedParts(&p.model, s, c, p.had[c.Image])
		if len(parts) == 0 && byHash && !byImage && c.Config.Image == p.wanted[name].ref {
			parts = []string{"configuration"}
		}
		config = append(config, parts...)
	}
	sort.Strings(config)
	return diverged, slices.Compact(config)
}

// spread marks services that share a namespace or volumes with a container that is made anew:
// compose has to make them anew as well.
func (p *planning) spread(changes []release.Change, chosen map[string]bool) {
	kinds := map[string]release.ChangeKind{}
	for again := true; again; {
		again = false
		for _, c := range changes {
			kinds[c.Service] = c.Kind
		}
		for i, c := range changes {
			if (c.Kind != release.ChangeNone && c.Kind != release.ChangeScaled) || !chosen[c.Service] || c.FromReplicas == 0 {
				continue
			}
			for _, other := range p.model.Services[c.Service].shares() {
				if kinds[other] == release.ChangeRecreated {
					changes[i].Kind, again = release.ChangeRecreated, true
					changes[i].Note = strings.TrimPrefix(c.Note+"; shares with "+clean.Name(other), "; ")
					break
				}
			}
		}
	}
}

func imageNotes(s modelService, image imageFacts) []string {
	switch {
	case image.id == "" && s.builds():
		return []string{"image is not on the host, will be built"}
	case image.id == "":
		return []string{"image is not on the host, will be pulled"}
	case s.PullPolicy == "always":
		return []string{"image is pulled every time"}
	}
	return nil
}

// stateNote tells of containers that `up` starts although nothing about them changed.
func stateNote(kind release.ChangeKind, list []container.InspectResponse) []string {
	if kind == release.ChangeRecreated {
		return nil
	}
	for _, c := range list {
		if oneShot(c) {
			return []string{"had ended, runs again"}
		}
		if !c.State.Running {
			return []string{"is " + string(c.State.Status) + ", will be started"}
		}
	}
	return nil
}

// version names the release: the tag that the images share, their version label, or the image ID.
// What changes counts first, because a project also has images that follow no release.
func (p *planning) version(changes []release.Change) string {
	var changed, all []release.Change
	for _, c := range changes {
		if _, ok := p.model.Services[c.Service]; !ok || c.To == "" {
			continue
		}
		all = append(all, c)
		if c.FromID != c.ToID || c.From != c.To {
			changed = append(changed, c)
		}
	}
	label := func(c release.Change) string { return clean.Name(p.wanted[c.Service].version()) }
	for _, group := range [][]release.Change{all, changed} {
		if v := shared(group, func(c release.Change) string { return tagOf(c.To) }); v != "" && v != "latest" {
			return v
		}
		if v := shared(group, label); v != "" {
			return v
		}
	}
	for _, c := range append(changed, all...) {
		if c.ToID != "" {
			return shortID(c.ToID)
		}
	}
	return ""
}

// shared gives the value that all have in common, else "".
func shared(changes []release.Change, value func(release.Change) string) string {
	out := ""
	for i, c := range changes {
		v := value(c)
		if v == "" || (i > 0 && v != out) {
			return ""
		}
		out = v
	}
	return out
}

// digest is over everything that the plan was made from.
func (p *planning) digest() string {
	h := sha256.New()
	part := func(v any) {
		// Values of maps and strings only: they always encode, and always in the same order.
		_ = json.NewEncoder(h).Encode(v)
	}
	part(p.tool.String())
	part(string(p.config))
	part(p.hashes)
	images := map[string]string{}
	for name, i := range p.wanted {
		images[name] = i.ref + " " + i.id
	}
	part(images)
	containers := map[string]string{}
	for _, list := range p.running {
		for _, c := range list {
			containers[c.ID] = c.Image
		}
	}
	part(containers)
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
