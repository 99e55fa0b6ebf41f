//go:build !unix

package docker

import (
	"context"
	"os"

	"flightdeck/internal/stack"
)

// claimCompose has nothing to hold where files cannot be locked by a child.
func (t *Target) claimCompose(context.Context, stack.Say) (*os.File, error) { return nil, nil }

func (t *Target) settled(context.Context, stack.Say) error { return nil }

func signClaim(*os.File, int) {}
