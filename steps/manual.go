package steps

import (
	"context"
)

// manual is a thing that a person does and then says is done.
func manual() Kind {
	return Kind{Preview: func(context.Context, World, Job) ([]string, error) {
		return []string{"a person does this and says that it is done; flightdeck does nothing"}, nil
	}}
}
