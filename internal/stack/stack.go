// Package stack says what a target can do, in small interfaces and plain values. internal/docker
// implements them for compose projects, internal/demo for local processes.
//
// Its one rule: nothing in it knows an engine.
package stack

import (
	"context"
	"strconv"
	"strings"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/release"
	"flightdeck/internal/tail"
)

// Info says what is at the other end.
type Info struct {
	Kind    string `json:"kind"`    // "compose" or "local"
	Host    string `json:"host"`    // "unix:///var/run/docker.sock", "ssh://deploy@prod-1"
	Name    string `json:"name"`    // what the target calls itself (engine host name)
	Context string `json:"context"` // docker context, if one is used
	Engine  string `json:"engine"`  // "docker 20.10.24 (API 1.41)"
	Compose string `json:"compose"` // "docker compose 2.40.3", "docker-compose 1.29.2"
	Project string `json:"project"`
}

// Snapshot is one look at everything of the project that exists on the target.
type Snapshot struct {
	At         time.Time   `json:"at"`
	Containers []Container `json:"containers"` // by service, then number
}

// Services gives the names of the services in the snapshot, sorted, each once.
func (s Snapshot) Services() []string {
	var out []string
	for _, c := range s.Containers {
		if len(out) == 0 || out[len(out)-1] != c.Service {
			out = append(out, c.Service)
		}
	}
	return out
}

// Container is one container (or local process) as last seen.
type Container struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Service string `json:"service"`
	Number  int    `json:"number"`
	Image   string `json:"image"`
	ImageID string `json:"imageId"`
	// State is docker's word: created, running, paused, restarting, exited, dead.
	State     string    `json:"state"`
	ExitCode  int       `json:"exitCode"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	Restarts  int       `json:"restarts"`
	// Health is "", starting, healthy or unhealthy; "" means that there is no health check.
	Health    string         `json:"health,omitempty"`
	HealthLog []HealthResult `json:"healthLog,omitempty"`
	// OneOff: made by `compose run`; not part of a release.
	OneOff bool `json:"oneOff,omitempty"`
	// OneShot: ended with exit code 0 and is not restarted: done, not broken.
	OneShot bool   `json:"oneShot,omitempty"`
	Ports   string `json:"ports,omitempty"` // "127.0.0.1:8080->8080/tcp"
}

// Label is the short name used in logs and lists: "backend-1".
func (c Container) Label() string {
	return c.Service + "-" + strconv.Itoa(c.Number)
}

// HealthResult is one of docker's own last health checks.
type HealthResult struct {
	At       time.Time `json:"at"`
	ExitCode int       `json:"exitCode"`
	Output   string    `json:"output"` // cleaned
}

// Usage is what a container uses, computed exactly as `docker stats` does.
type Usage struct {
	At           time.Time
	CPU          float64 // per cent of one core
	Memory       uint64  // bytes, page cache subtracted
	MemoryLimit  uint64  // bytes
	NetIn        uint64  // bytes since start
	NetOut       uint64
	BlockRead    uint64
	BlockWritten uint64
}

// Want is what a deploy is asked to bring.
type Want struct {
	// Version sets the project's tag variable, if there is one and Version is not empty.
	Version string
	// Services limits the deploy; empty means all.
	Services []string
	// RemoveOrphans removes containers of services that the compose file no longer has.
	RemoveOrphans bool
}

// Plan is what a deploy would do, resolved.
type Plan struct {
	Version string           `json:"version"` // what the new release will be called
	Changes []release.Change `json:"changes"` // every service, sorted by name
	// Digest identifies everything the plan was made from; a different one later means that
	// something moved and the operator must be asked again.
	Digest string `json:"digest"`
}

// Say takes progress in plain sentences; they are cleaned before they are shown.
type Say func(text string)

// Observer looks.
type Observer interface {
	Info(ctx context.Context) (Info, error)
	Observe(ctx context.Context) (Snapshot, error)
}

// Deployer changes the target forward.
type Deployer interface {
	// Plan resolves what Deploy would do, changing nothing.
	Plan(ctx context.Context, want Want) (Plan, error)
	// Deploy brings it. It is never interrupted half-way: when ctx ends, what has begun is
	// finished first, and the error says so.
	Deploy(ctx context.Context, want Want, say Say) error
	// Environ is what commands of a runbook see of the target (DOCKER_HOST, COMPOSE_FILE, ...).
	Environ(want Want) []string
}

// Meta goes with a recorded release.
type Meta struct {
	Environment, Version, Commit, By, Run string
}

// Ledger keeps releases on the target.
type Ledger interface {
	// Record writes down what runs now and protects it from clean-up. Recording a state that is
	// already in the ledger returns that entry. With nothing running it returns ErrNothingRuns.
	Record(ctx context.Context, meta Meta) (release.Release, error)
	// Current is what runs now, as a release that has no ID: its Identity tells which one of the
	// ledger it is. With nothing running it returns ErrNothingRuns.
	Current(ctx context.Context) (release.Release, error)
	// Releases lists them, newest first.
	Releases(ctx context.Context) ([]release.Release, error)
	// Judge writes a verdict on a release.
	Judge(ctx context.Context, id string, status release.Status, why string) error
}

// Restorer changes the target back.
type Restorer interface {
	// Ready proves, changing nothing, that Restore of this release would work.
	Ready(ctx context.Context, id string) (release.Readiness, error)
	// Restore brings the release back from its record. It may be called again after it was cut
	// off at any moment and converges.
	Restore(ctx context.Context, id string, say Say) error
	// Verify compares what runs with the record, service by service; it waits for health checks
	// until ctx ends.
	Verify(ctx context.Context, id string) (release.Proof, error)
}

// Sink takes what a Watcher sees.
type Sink interface {
	// Line takes one raw line without its newline.
	Line(source string, kind tail.Kind, at time.Time, raw []byte)
	// Mark takes an inline row of our own ("backend-1 recreated: shop:v1 -> shop:v2").
	Mark(source string, kind tail.Kind, at time.Time, text string)
	// Seen takes a fresh snapshot after anything changed.
	Seen(s Snapshot)
	// Down says that the target does not answer, with the reason; nil when it answers, again or
	// still: a target that is quiet must not look like one that is gone.
	Down(err error)
}

// Watcher looks all the time.
type Watcher interface {
	// Watch follows logs and events until ctx ends. It survives the engine going away.
	Watch(ctx context.Context, sink Sink) error
	// Usage streams what one container uses until ctx ends.
	Usage(ctx context.Context, id string, each func(Usage)) error
}

// Target is everything a run needs of the place it changes.
type Target interface {
	Observer
	Deployer
	Ledger
	Restorer
	Watcher
	Close() error
}

// Error is a problem with a remedy, said in the operator's words.
type Error struct {
	What string // what went wrong and where
	Why  string // the cause, if known
	Do   string // what to do about it
	Err  error  // what is underneath, for errors.Is
}

func (e *Error) Error() string {
	s := e.What
	if e.Why != "" {
		s += ": " + e.Why
	}
	if e.Do != "" {
		s += ". " + strings.ToUpper(e.Do[:1]) + e.Do[1:]
	}
	return clean.Text(s)
}

func (e *Error) Unwrap() error { return e.Err }
