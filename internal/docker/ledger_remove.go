package docker

import (
	"context"
	"errors"
)

// RemoveLedger removes every record of the project and our protective tags. After it there is no
// way back to any release: it is for projects that go as a whole, like the demo's. What is already
// gone is no error.
func (t *Target) RemoveLedger(ctx context.Context) error {
	tags, err := t.protectedTags(ctx)
	errs := []error{err}
	entries, err := t.entries(ctx)
	errs = append(errs, err)
	for _, refs := range tags {
		for _, ref := range refs {
			errs = append(errs, t.untag(ctx, ref))
		}
	}
	for i := range entries {
		errs = append(errs, t.forget(ctx, entries[len(entries)-1-i].volume))
	}
	return errors.Join(errs...)
}
