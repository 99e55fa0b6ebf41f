//go:build !linux

package cli

import "os"

// forget has no portable way to drop what was typed ahead.
func forget(*os.File) {}
