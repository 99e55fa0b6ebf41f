package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/containerd/errdefs"
	cx "github.com/docker/cli/cli/context/docker"
	"github.com/docker/cli/cli/context/store"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
)

// endpoint is the engine that was chosen, and by what.
type endpoint struct {
	host    string       // never empty
	context string       // the docker context it came from; "" if it came from a host
	tls     *cx.Endpoint // set when a context brings certificates
	tlsDir  string       // where those certificates lie, for the compose tool
	verify  bool         // whether the engine's certificate is checked
	fromEnv bool         // the DOCKER_HOST of the environment, with its DOCKER_CERT_PATH
}

// chooseEndpoint follows the order of the docker command line, with the project's own wish first:
// host, context, DOCKER_HOST, DOCKER_CONTEXT, current context, default socket.
func chooseEndpoint(p Project) (endpoint, error) {
	switch {
	case p.Host != "":
		return endpoint{host: p.Host}, nil
	case p.Context != "":
		return contextEndpoint(p.Context, "the environment's context")
	case os.Getenv(client.EnvOverrideHost) != "":
		return endpoint{host: os.Getenv(client.EnvOverrideHost), fromEnv: true}, nil
	case os.Getenv("DOCKER_CONTEXT") != "":
		return contextEndpoint(os.Getenv("DOCKER_CONTEXT"), "DOCKER_CONTEXT")
	}
	current, err := currentContext()
	if err != nil {
		return endpoint{}, err
	}
	if current != "" {
		return contextEndpoint(current, "the current context of "+filepath.Join(configDir(), "config.json"))
	}
	return endpoint{host: client.DefaultDockerHost}, nil
}

// configDir is where the docker command keeps its configuration.
func configDir() string {
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".docker"
	}
	return filepath.Join(home, ".docker")
}

// currentContext reads the one field of docker's config.json that matters here; no file means "".
func currentContext() (string, error) {
	path := filepath.Join(configDir(), "config.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", &stack.Error{What: "cannot read docker's configuration " + path, Why: err.Error(), Do: "Make it readable, or choose the engine with DOCKER_HOST", Err: err}
	}
	var c struct {
		CurrentContext string `json:"currentContext"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", &stack.Error{What: "cannot read docker's configuration " + path, Why: err.Error(), Do: "Repair the file, or choose the engine with DOCKER_HOST", Err: err}
	}
	return c.CurrentContext, nil
}

// contextMeta is the part of a context that has no use here but that the store must decode.
type contextMeta struct {
	Description string `json:",omitempty"`
}

func contextStore() *store.ContextStore {
	return store.New(filepath.Join(configDir(), "contexts"), store.NewConfig(
		func() any { return &contextMeta{} },
		store.EndpointTypeGetter(cx.DockerEndpoint, func() any { return &cx.EndpointMeta{} }),
	))
}

// contextEndpoint resolves a docker context. asked says who named it, for the error.
func contextEndpoint(name, asked string) (endpoint, error) {
	if name == "default" {
		if host := os.Getenv(client.EnvOverrideHost); host != "" {
			return endpoint{host: host, context: name, fromEnv: true}, nil
		}
		return endpoint{host: client.DefaultDockerHost, context: name}, nil
	}
	s := contextStore()
	meta, err := s.GetMetadata(name)
	if err != nil {
		return endpoint{}, contextError(s, name, asked, err)
	}
	em, err := cx.EndpointFromContext(meta)
	if err != nil {
		return endpoint{}, contextError(s, name, asked, err)
	}
	full, err := cx.WithTLSData(s, name, em)
	if err != nil {
		return endpoint{}, contextError(s, name, asked, err)
	}
	ep := endpoint{host: em.Host, context: name, verify: !em.SkipTLSVerify}
	if ep.host == "" {
		ep.host = client.DefaultDockerHost
	}
	if full.TLSData != nil || em.SkipTLSVerify {
		ep.tls = &full
	}
	if full.TLSData != nil {
		ep.tlsDir = filepath.Join(s.GetStorageInfo(name).TLSPath, cx.DockerEndpoint)
	}
	return ep, nil
}

// contextError says which contexts there are, because a wrong name is most often a typing error.
func contextError(s *store.ContextStore, name, asked string, err error) error {
	e := &stack.Error{What: fmt.Sprintf("docker context %q (from %s) cannot be used", clean.Name(name), asked), Why: err.Error(), Err: err}
	if errdefs.IsNotFound(err) || errors.Is(err, fs.ErrNotExist) {
		e.What = fmt.Sprintf("there is no docker context %q (asked for by %s)", clean.Name(name), asked)
		e.Why = ""
	}
	known := []string{"default"}
	if list, lerr := s.List(); lerr == nil {
		for _, m := range list {
			known = append(known, clean.Name(m.Name))
		}
	}
	sort.Strings(known[1:])
	e.Do = "Known contexts: " + strings.Join(known, ", ") + ". Choose one of them, or make it with 'docker context create'"
	return e
}
