package steps

import (
	"context"
)

// note is a text to be read and acknowledged.
func note() Kind {
	return Kind{Preview: func(context.Context, World, Job) ([]string, error) {
		return []string{"a person reads this and acknowledges it; flightdeck does nothing"}, nil
	}}
}
