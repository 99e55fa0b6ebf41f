package demo

import (
	"context"
	"runtime"
	"strings"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/docker"
)

// Pick chooses between containers and local processes and says why, in a sentence for the user.
// It waits a few seconds at most.
func Pick(ctx context.Context) (containers bool, why string) {
	const instead = ", so the demo runs as local processes"
	if runtime.GOOS != "linux" {
		return false, "images can only be made from a linux program and this is " + runtime.GOOS + instead
	}
	ctx, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	t, err := docker.Open(ctx, docker.Project{Name: "flightdeck-demo"})
	if err != nil {
		return false, "no docker engine answers" + instead + " (" + clean.Name(err.Error()) + ")"
	}
	defer t.Close() // a connection that was only used
	info, err := t.Info(ctx)
	switch {
	case err != nil:
		return false, "the docker engine does not say what it is" + instead + " (" + clean.Name(err.Error()) + ")"
	case !strings.HasPrefix(info.Host, "unix://"):
		return false, "the docker engine is on another machine (" + info.Host + ")" + instead
	case info.Compose == "" || strings.HasPrefix(info.Compose, "none"):
		return false, "a docker engine answers, but compose cannot be used" + instead + " (" + strings.TrimPrefix(info.Compose, "none: ") + ")"
	}
	return true, info.Engine + " answers, so the demo runs in containers"
}
