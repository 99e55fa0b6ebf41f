package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
)

// Options say which processes, described where, and kept where.
type Options struct {
	Project     string   `json:"project"`
	Environment string   `json:"environment"`
	Dir         string   `json:"dir"`                // where local.yaml and the env files lie
	File        string   `json:"file,omitempty"`     // the description; "" means local.yaml
	EnvFiles    []string `json:"envFiles,omitempty"` // relative to Dir or absolute
	TagVariable string   `json:"tagVariable,omitempty"`
	// Data is the directory of the environment's processes, volumes and ledger; absolute. Two
	// environments never share one.
	Data string `json:"data"`
	// Binary is flightdeck's own program, run for services whose command begins with "flightdeck";
	// "" means the running one.
	Binary string `json:"binary,omitempty"`
	// Self is the command line that reaches Supervise and Compose; nil means Binary "__shop".
	Self []string `json:"self,omitempty"`
}

func (o Options) file() string {
	name := o.File
	if name == "" {
		name = "local.yaml"
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(o.Dir, name)
}

// Target is an environment made of local processes.
type Target struct {
	opts Options
	dir  layout

	mu      sync.Mutex
	digests map[string]fileDigest // by path
}

type fileDigest struct {
	size    int64
	changed time.Time
	digest  string
}

var _ stack.Target = (*Target)(nil)

// Open checks the options; it starts nothing and makes only the data directory.
func Open(o Options) (*Target, error) {
	if !supported {
		return nil, &stack.Error{
			What: "local processes are not supported on " + runtime.GOOS,
			Why:  "they need file locks and sessions that this system does not have", Do: "Use a docker engine",
		}
	}
	if o.Data == "" || o.Dir == "" || o.Project == "" {
		return nil, &stack.Error{What: "a local environment needs a project, a directory and a data directory"}
	}
	var err error
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if o.Data, err = filepath.Abs(o.Data); err != nil {
		return nil, err
	}
	if o.Binary == "" {
		if o.Binary, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	if len(o.Self) == 0 {
		o.Self = []string{o.Binary, "__shop"}
	}
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, &stack.Error{What: "cannot make the data directory of the local processes", Why: err.Error(), Do: "Make room or choose another directory", Err: err}
	}
	return &Target{opts: o, dir: layout(o.Data), digests: map[string]fileDigest{}}, nil
}

// Close ends nothing: the processes live on.
func (t *Target) Close() error { return nil }

// Info says where the processes run.
func (t *Target) Info(context.Context) (stack.Info, error) {
	host, err := os.Hostname()
	if err != nil {
		return stack.Info{}, err
	}
	return stack.Info{
		Kind: "local", Host: "this machine", Name: clean.Name(host), Project: t.opts.Project,
		Engine: fmt.Sprintf("local processes (%s/%s)", runtime.GOOS, runtime.GOARCH),
	}, nil
}

// Observe reads what the supervisors wrote and looks at the locks.
func (t *Target) Observe(context.Context) (stack.Snapshot, error) {
	all, err := t.dir.currents()
	if err != nil {
		return stack.Snapshot{}, &stack.Error{What: "cannot look at the local processes", Why: err.Error(), Do: "Check " + t.opts.Data, Err: errors.Join(stack.ErrUnreachable, err)}
	}
	out := stack.Snapshot{At: time.Now().UTC()}
	for _, i := range all {
		out.Containers = append(out.Containers, t.container(i))
	}
	return out, nil
}

func (t *Target) container(i instance) stack.Container {
	st := i.state
	restarts := i.spec.Restart != "" && i.spec.Restart != "no"
	return stack.Container{
		ID: i.id, Name: t.opts.Project + "-" + i.spec.Service + "-1", Service: i.spec.Service, Number: 1,
		Image: clean.Name(i.spec.Image), ImageID: i.spec.imageID(), State: st.State, ExitCode: st.ExitCode,
		StartedAt: st.StartedAt, Restarts: st.Restarts, Health: st.Health, HealthLog: st.HealthLog,
		OneShot: st.State == "exited" && st.ExitCode == 0 && !restarts,
		Ports:   clean.Name(strings.Join(i.spec.Ports, ", ")),
	}
}
