package release

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// OK is the word in a ProofRow that means that the record and the target agree.
const OK = "ok"

// Running is one container as it was found when a release is proven.
type Running struct {
	Service    string
	Number     int
	Name       string
	ImageID    string
	ConfigHash string
	// State is docker's word: created, running, paused, restarting, exited, dead.
	State    string
	ExitCode int
	// Health is "", starting, healthy or unhealthy; "" means that there is no health check.
	Health string
	// Steady: it has been seen running, with the same start, over the time that a container
	// without health check is given to prove itself.
	Steady bool
}

// Prove compares what runs with the record, service by service, sorted by name. Whatever runs
// beyond the record is a row of its own, and not OK: a new version that still answers beside the
// old one is the failure that a rollback must never call success.
func Prove(record Release, found []Running) Proof {
	want := byName(record)
	have := make(map[string][]Running)
	for _, r := range found {
		have[r.Service] = append(have[r.Service], r)
	}
	names := slices.Collect(maps.Keys(want))
	for name := range have {
		if _, known := want[name]; !known {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	proof := Proof{Target: record.Ref(), OK: len(record.Services) > 0}
	for _, name := range names {
		service, known := want[name]
		row := proveService(service, have[name])
		if !known {
			row = extraRow(name, have[name])
		}
		proof.OK = proof.OK && row.OK
		proof.Rows = append(proof.Rows, row)
	}
	return proof
}

func extraRow(name string, found []Running) ProofRow {
	return ProofRow{
		Service: name, Replicas: fmt.Sprintf("%d of 0", len(found)),
		Image: "not in the record, still there", Config: "not in the record", Health: states(found),
	}
}

func states(found []Running) string {
	var out []string
	for _, r := range found {
		out = append(out, r.State)
	}
	sort.Strings(out)
	return strings.Join(slices.Compact(out), ", ")
}

func proveService(s Service, found []Running) ProofRow {
	row := ProofRow{Service: s.Name, Image: OK, Config: OK, Health: OK}
	slots := make(map[int][]Running)
	for _, r := range found {
		slots[r.Number] = append(slots[r.Number], r)
	}
	there := 0
	var image, config, health []string
	for _, c := range s.Containers {
		at := slots[c.Number]
		delete(slots, c.Number)
		label := s.Name + "-" + strconv.Itoa(c.Number)
		if len(at) == 0 {
			health = append(health, label+" is missing")
			continue
		}
		there++
		for _, r := range at {
			if r.ImageID != c.ImageID {
				image = append(image, fmt.Sprintf("%s runs %s, recorded %s", label, Short(r.ImageID), Short(c.ImageID)))
			}
			if r.ConfigHash != c.ConfigHash {
				config = append(config, label+" differs from the record")
			}
			if why := unwell(s, c, r); why != "" {
				health = append(health, label+" "+why)
			}
		}
		if len(at) > 1 {
			health = append(health, fmt.Sprintf("%s exists %d times", label, len(at)))
		}
	}
	for _, number := range slices.Sorted(maps.Keys(slots)) {
		there += len(slots[number])
		health = append(health, fmt.Sprintf("%s-%d is not in the record", s.Name, number))
	}
	row.Replicas = fmt.Sprintf("%d of %d", there, len(s.Containers))
	row.OK = len(image)+len(config)+len(health) == 0 && there == len(s.Containers)
	row.Image, row.Config, row.Health = verdict(image), verdict(config), verdict(health)
	return row
}

func verdict(wrong []string) string {
	if len(wrong) == 0 {
		return OK
	}
	return strings.Join(wrong, "; ")
}

func unwell(s Service, c Container, r Running) string {
	if s.OneShot {
		// Brought back without being run again, or still there from its own run. One that had not
		// ended well when it was recorded need not be better now.
		if r.State == "created" || r.State == "exited" && (r.ExitCode == 0 || c.Ended != "") {
			return ""
		}
		return "is " + r.State + ", but it had ended"
	}
	switch {
	case r.State == "exited" || r.State == "dead":
		return fmt.Sprintf("is %s with code %d", r.State, r.ExitCode)
	case r.State != "running":
		return "is " + r.State
	case r.Health != "" && r.Health != "healthy":
		return "is " + r.Health
	case r.Health == "" && !r.Steady:
		return "has not been seen running for long enough"
	}
	return ""
}

// Short is the usual short form of an image or container ID: twelve digits, without "sha256:".
func Short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	if len(id) > 12 {
		id = id[:12]
	}
	return id
}
