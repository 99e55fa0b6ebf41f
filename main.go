// flightdeck is a terminal cockpit for deploying docker-compose stacks.
package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"flightdeck/internal/cli"
	"flightdeck/internal/demo/shop"
)

// version is set by the release build (-X main.version=1.2.3).
var version = ""

func main() {
	os.Exit(start())
}

func start() int {
	// A cockpit lives beside what it deploys: half the memory is worth a little more collecting.
	debug.SetGCPercent(50)
	ctx := context.Background()
	args := os.Args[1:]
	// The sample shop's services are this same binary, so that its images need no registry.
	if len(args) > 0 && args[0] == "__shop" {
		return shop.Main(ctx, args[1:], os.Stdout, os.Stderr)
	}
	return cli.Main(ctx, cli.Env{
		Args: args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now, Version: buildVersion(),
	})
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}
