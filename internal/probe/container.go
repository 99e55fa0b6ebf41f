package probe

import (
	"fmt"
	"time"
)

// Container is what the engine says of a container.
type Container struct {
	State        string // docker's word: created, running, paused, restarting, removing, exited, dead
	Health       string // "", starting, healthy or unhealthy
	HealthOutput string // of docker's last check, cleaned
	ExitCode     int
	// OneShot: ended with exit code 0 and is not restarted.
	OneShot bool
}

// FromContainer turns what the engine said at now into a sample. A container without a health
// check gives no data while it runs: that a process is there says nothing about its work.
func FromContainer(c Container, now time.Time) Sample {
	s := Sample{At: now, Outcome: Fail, Detail: c.State}
	switch c.State {
	case "running":
		s.Outcome, s.Detail = health(c)
	case "created":
		s.Outcome, s.Detail = NoData, "not started yet"
	case "exited", "dead":
		s.Code = c.ExitCode
		s.Detail = fmt.Sprintf("%s with code %d", c.State, c.ExitCode)
		if c.OneShot && c.ExitCode == 0 {
			s.Outcome, s.Detail = Pass, "done"
		}
	case "restarting":
		s.Code = c.ExitCode
		s.Detail = fmt.Sprintf("restarting after exit code %d", c.ExitCode)
	case "":
		s.Outcome, s.Detail = Error, "the engine does not say how the container is"
	}
	return s
}

func health(c Container) (Outcome, string) {
	switch c.Health {
	case "healthy":
		return Pass, ""
	case "starting":
		return NoData, "starting"
	case "", "none":
		return NoData, "no health check"
	case "unhealthy":
		if c.HealthOutput != "" {
			return Fail, "unhealthy: " + head(c.HealthOutput)
		}
		return Fail, "unhealthy"
	}
	return Error, fmt.Sprintf("unknown health %q", head(c.Health))
}
