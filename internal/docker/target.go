// Package docker is the hands: the only importer of the engine client. It looks at a compose
// project through the engine's API, changes it through the compose tool that made it, keeps the
// ledger of releases on the engine, and restores containers from their record.
//
// Its one rule: containers are found by their compose labels, never by name, and everything that
// the engine says passes package clean before it leaves.
package docker

import (
	"sync"

	"github.com/moby/moby/client"

	"flightdeck/internal/stack"
)

// Project says which compose project on which engine.
type Project struct {
	Name  string   // compose project name
	Dir   string   // working directory of compose: where the compose file lies
	Files []string // compose files, relative to Dir or absolute; empty: compose's own default
	// EnvFiles are given to compose with --env-file; empty: compose's own .env.
	EnvFiles []string
	Profiles []string
	// TagVariable is the variable of the compose file that chooses the version; "" if none.
	TagVariable string
	Environment string // name of the environment, written into the ledger
	// Host or Context chooses the engine; both empty: DOCKER_HOST, DOCKER_CONTEXT, current context.
	Host    string
	Context string
}

// Target is a compose project on an engine. Open makes one (client.go).
type Target struct {
	project Project
	api     *client.Client
	host    string // the endpoint really used
	context string // the docker context really used; "" if none
	tlsDir  string // directory with ca.pem, cert.pem, key.pem for the compose tool; "" if none
	sshDir  string // directory of the ssh control socket, removed by Close; "" if none
	verify  bool   // whether the compose tool has to check the engine's certificate

	toolsLock sync.Mutex
	tools     []tool // the installed compose commands, once known
	allTools  bool   // tools are all that are installed, not only up to the preferred one
}

var _ stack.Target = (*Target)(nil)
