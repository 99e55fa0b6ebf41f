// Package shop is the sample shop that flightdeck is tried on: a storefront, a backend, a worker, a
// database with real tables and real migrations. It is part of the flightdeck binary, so that images
// can be built without a registry and the same services run as plain processes.
//
// Its one rule: it behaves like somebody else's software. It knows nothing of flightdeck, and a
// fault in it shows only in what it serves, logs and exits with.
package shop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"flightdeck/internal/local"
)

// program is one subcommand. It returns when ctx ends; an error makes the exit code 1.
type program func(ctx context.Context, e edge, args []string) error

// edge is what a program sees of the process around it.
type edge struct {
	out, err io.Writer
	env      func(string) string
}

// programs lists the subcommands; a function, because the package has no variables that change.
func programs() map[string]program {
	return map[string]program{
		"database":   runDatabase,
		"migrate":    runMigrate,
		"backend":    runBackend,
		"storefront": runStorefront,
		"worker":     runWorker,
		"health":     runHealth,
		"get":        runGet,
		"check":      runCheck,
	}
}

// Main runs one service or tool of the shop: `flightdeck __shop SERVICE [flags]`. It ends when ctx
// ends or on SIGINT or SIGTERM, and returns the exit code: 0 done or stopped on request, 1 failed,
// 2 wrong usage, 3 the crash that fault "crash" makes. The subcommands "supervise" and "compose"
// belong to package local.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(args) > 0 && args[0] == "supervise" {
		return local.Supervise(ctx, args[1:], stderr)
	}
	if len(args) > 0 && args[0] == "compose" {
		return local.Compose(ctx, args[1:], stdout, stderr)
	}
	known := programs()
	if len(args) == 0 || known[args[0]] == nil {
		var names []string
		for name := range known {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintf(stderr, "the sample shop needs the name of a service: %s\n", strings.Join(names, ", "))
		return 2
	}
	return exitCode(known[args[0]](ctx, edge{out: stdout, err: stderr, env: os.Getenv}, args[1:]), stderr)
}

// usageError is a wrong command line.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// crashError is the exit that the fault "crash" makes.
type crashError struct{ text string }

func (e crashError) Error() string { return e.text }

func exitCode(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, err)
	var wrong usageError
	var crash crashError
	switch {
	case errors.As(err, &wrong):
		return 2
	case errors.As(err, &crash):
		return 3
	}
	return 1
}
