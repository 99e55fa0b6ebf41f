package steps

import (
	"context"
	"fmt"
)

// checklist is a list of boxes, each ticked by a person.
func checklist() Kind {
	return Kind{Preview: func(_ context.Context, _ World, j Job) ([]string, error) {
		return []string{fmt.Sprintf("a person ticks %s; flightdeck does nothing", plural(len(j.Step.Items), "box", "boxes"))}, nil
	}}
}
