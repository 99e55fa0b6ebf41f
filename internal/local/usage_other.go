//go:build !linux

package local

import (
	"context"
	"fmt"
	"runtime"

	"flightdeck/internal/stack"
)

// Usage needs /proc.
func (t *Target) Usage(context.Context, string, func(stack.Usage)) error {
	return &stack.Error{What: fmt.Sprintf("the usage of local processes is not available on %s", runtime.GOOS), Do: "Use the system's own tools"}
}
