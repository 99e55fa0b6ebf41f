package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// ErrNoTarget is what Pick gives when there is nothing to go back to; the error that wraps it
// says why.
var ErrNoTarget = errors.New("no healthy release to go back to")

// Identity is a hash over what runs: every service with the image ID and configuration hash of
// every container. Two looks at an unchanged stack have one identity, whatever the container IDs,
// the time or the order in which they were listed.
func Identity(services []Service) string {
	var rows []string
	for _, s := range services {
		for _, c := range s.Containers {
			rows = append(rows, fmt.Sprintf("%q %d %s %s", s.Name, c.Number, c.ImageID, c.ConfigHash))
		}
	}
	sort.Strings(rows)
	sum := sha256.Sum256([]byte(strings.Join(rows, "\n")))
	return hex.EncodeToString(sum[:])
}

// Identity of the release; see the function of that name.
func (r Release) Identity() string { return Identity(r.Services) }

// Pick chooses the release to go back to: in recorded order (newest first, as the ledger lists
// them; clocks play no part), the first one judged healthy that is not what runs now. A release
// that was marked bad is never chosen. Current may be the zero Release: then nothing runs.
func Pick(releases []Release, current Release) (Release, error) {
	now := current.Identity()
	var passed []string
	for _, r := range releases {
		switch {
		case len(current.Services) > 0 && r.Identity() == now:
			passed = append(passed, r.Ref().String()+" is what runs now")
		case r.Status == StatusBad:
			passed = append(passed, r.Ref().String()+" was marked bad")
		case r.Status != StatusHealthy:
			passed = append(passed, r.Ref().String()+" was never judged healthy")
		default:
			return r, nil
		}
	}
	if len(passed) == 0 {
		return Release{}, fmt.Errorf("%w: the ledger is empty", ErrNoTarget)
	}
	return Release{}, fmt.Errorf("%w: %s", ErrNoTarget, strings.Join(passed, ", "))
}

// Keep says which releases retention must not touch: the newest healthy ones up to n (at least
// one), what runs now, and whatever Pick would choose. Releases are newest first.
func Keep(releases []Release, current Release, n int) map[string]bool {
	keep := make(map[string]bool)
	if len(current.Services) > 0 {
		now := current.Identity()
		if i := slices.IndexFunc(releases, func(r Release) bool { return r.Identity() == now }); i >= 0 {
			keep[releases[i].ID] = true
		}
	}
	if target, err := Pick(releases, current); err == nil {
		keep[target.ID] = true
	}
	healthy := 0
	for i, r := range releases {
		// The newest entry may be the one that a run has recorded this minute and not yet judged.
		if i == 0 {
			keep[r.ID] = true
		}
		if r.Status == StatusHealthy && healthy < max(n, 1) {
			keep[r.ID] = true
			healthy++
		}
	}
	return keep
}
