package release

import (
	"encoding/json"
	"maps"
	"slices"
	"sort"
)

// Aspects turns a container's Spec into named parts with comparable values: "environment
// LOG_LEVEL", "command", "ports". The target that wrote the Spec supplies it; nil compares
// configuration hashes only and says "configuration".
type Aspects func(spec json.RawMessage) map[string]string

// Diff says what would happen to every service on the way from one release to another, sorted by
// name. Only names of configuration appear in it, never values.
func Diff(from, to Release, aspects Aspects) []Change {
	before, after := byName(from), byName(to)
	names := slices.Collect(maps.Keys(before))
	for name := range after {
		if _, both := before[name]; !both {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	out := make([]Change, 0, len(names))
	for _, name := range names {
		a, hadIt := before[name]
		b, hasIt := after[name]
		out = append(out, change(name, a, hadIt, b, hasIt, aspects))
	}
	return out
}

// Differs says whether any change in the list is one.
func Differs(changes []Change) bool {
	return slices.ContainsFunc(changes, func(c Change) bool { return c.Kind != ChangeNone })
}

func byName(r Release) map[string]Service {
	out := make(map[string]Service, len(r.Services))
	for _, s := range r.Services {
		out[s.Name] = s
	}
	return out
}

func change(name string, a Service, hadIt bool, b Service, hasIt bool, aspects Aspects) Change {
	c := Change{
		Service: name, Kind: ChangeNone,
		From: a.Image, To: b.Image, FromID: a.ImageID, ToID: b.ImageID,
		FromReplicas: len(a.Containers), ToReplicas: len(b.Containers),
	}
	switch {
	case !hasIt:
		c.Kind = ChangeRemoved
		return c
	case !hadIt:
		c.Kind = ChangeAdded
		return c
	}
	recreated := a.ImageID != b.ImageID
	// Replicas of one service share their configuration but for the number, so that comparing
	// those with the same number is enough.
	older := byNumber(a)
	for _, after := range b.Containers {
		before, ok := older[after.Number]
		if !ok {
			continue
		}
		if before.ImageID != after.ImageID {
			recreated = true
		}
		if before.ConfigHash != after.ConfigHash {
			recreated = true
			c.Config = merge(c.Config, changedAspects(before.Spec, after.Spec, aspects))
		}
	}
	switch {
	case recreated:
		c.Kind = ChangeRecreated
	case !sameNumbers(a, b):
		c.Kind = ChangeScaled
	}
	return c
}

func byNumber(s Service) map[int]Container {
	out := make(map[int]Container, len(s.Containers))
	for _, c := range s.Containers {
		out[c.Number] = c
	}
	return out
}

func sameNumbers(a, b Service) bool {
	x, y := byNumber(a), byNumber(b)
	return len(x) == len(y) && maps.EqualFunc(x, y, func(Container, Container) bool { return true })
}

func changedAspects(before, after json.RawMessage, aspects Aspects) []string {
	if aspects == nil {
		return []string{"configuration"}
	}
	a, b := aspects(before), aspects(after)
	var out []string
	for name, value := range a {
		if other, ok := b[name]; !ok || other != value {
			out = append(out, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		// The hashes differ although no named part does: say so rather than hide it.
		return []string{"configuration"}
	}
	sort.Strings(out)
	return out
}

func merge(a, b []string) []string {
	out := append(slices.Clone(a), b...)
	sort.Strings(out)
	return slices.Compact(out)
}
