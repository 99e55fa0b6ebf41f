package docker

import (
	"slices"
	"sync"
)

// togetherLimit is how many places are worked on at once.
const togetherLimit = 8

// together does something for n places at once, so that one that is slow to stop does not add its
// time to all others. It returns when all have ended, with the first error in order.
func together(n int, do func(i int) error) error {
	errs := make([]error, n)
	room := make(chan struct{}, togetherLimit)
	var all sync.WaitGroup
	for i := range n {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			errs[i] = do(i)
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// groups cuts the ordered places into those that may be worked on together: the replicas of one
// service, and services that do not depend on each other. Containers without compose's dependency
// label (generation 1) keep to their order, service by service.
func groups(ordered []slot) [][]slot {
	level := make(map[string]int)
	deepest := 0
	var out [][]slot
	for _, w := range ordered {
		l, known := level[w.key.service]
		if !known {
			l = 0
			for _, d := range dependsOn(w.spec) {
				if at, ok := level[d]; ok {
					l = max(l, at+1)
				}
			}
			if _, labelled := w.spec.Config.Labels[labelDependsOn]; !labelled {
				l = deepest
			}
			level[w.key.service] = l
			if _, labelled := w.spec.Config.Labels[labelDependsOn]; !labelled {
				deepest = l + 1
			}
			deepest = max(deepest, l)
		}
		for len(out) <= l {
			out = append(out, nil)
		}
		out[l] = append(out[l], w)
	}
	return slices.DeleteFunc(out, func(g []slot) bool { return len(g) == 0 })
}

// inOrder sorts the places so that each comes after what it depends on. Among those that are free
// of each other, and in a circle, the order in which they had been created counts: generation 1 of
// compose leaves no other trace of the dependencies.
func inOrder(wanted []slot) []slot {
	byAge := slices.Clone(wanted)
	slices.SortStableFunc(byAge, func(a, b slot) int {
		if c := parseTime(a.spec.Created).Compare(parseTime(b.spec.Created)); c != 0 {
			return c
		}
		return compareSlots(a.key, b.key)
	})
	done := make(map[string]bool)
	var out []slot
	var visit func(service string)
	visit = func(service string) {
		if done[service] {
			return
		}
		done[service] = true
		for _, w := range byAge {
			if w.key.service != service {
				continue
			}
			for _, d := range dependsOn(w.spec) {
				visit(d)
			}
		}
		first := len(out)
		for _, w := range byAge {
			if w.key.service == service {
				out = append(out, w)
			}
		}
		slices.SortFunc(out[first:], func(a, b slot) int { return compareSlots(a.key, b.key) })
	}
	for _, w := range byAge {
		visit(w.key.service)
	}
	return out
}
