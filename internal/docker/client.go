package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/docker/cli/cli/connhelper"
	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
)

// requestLimit is how long a request to the engine may take. A frozen engine gives no error, it is
// silent; without a limit one request would hang for ever.
const requestLimit = 10 * time.Second

// dialLimit is how long the first answer of an engine may take. ssh needs longer than a socket.
const (
	dialLimit    = 5 * time.Second
	sshDialLimit = 40 * time.Second
)

// Open connects to the project's engine and makes sure that it answers. The error is a
// *stack.Error; it wraps stack.ErrUnreachable when the engine does not answer.
func Open(ctx context.Context, p Project) (*Target, error) {
	t, err := dial(p)
	if err != nil {
		return nil, err
	}
	limit := dialLimit
	if strings.HasPrefix(t.host, "ssh://") {
		limit = sshDialLimit
	}
	if err := t.ping(ctx, limit); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Reachable says why the project's engine cannot be used; nil when it answers.
func Reachable(ctx context.Context, p Project) error {
	t, err := Open(ctx, p)
	if err != nil {
		return err
	}
	return t.Close()
}

// dial makes the client without asking the engine anything.
func dial(p Project) (*Target, error) {
	ep, err := chooseEndpoint(p)
	if err != nil {
		return nil, err
	}
	t := &Target{project: p, host: ep.host, context: ep.context, tlsDir: ep.tlsDir, verify: ep.verify}
	opts, err := t.clientOpts(ep)
	if err == nil {
		t.api, err = client.New(opts...)
	}
	if err != nil {
		e := &stack.Error{
			What: fmt.Sprintf("the docker engine's address %q cannot be used", clean.Name(ep.host)), Why: err.Error(),
			Do: "An address looks like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host; check DOCKER_HOST, the docker context or the host in flightdeck.yaml", Err: err,
		}
		return nil, errors.Join(e, t.Close())
	}
	return t, nil
}

func (t *Target) clientOpts(ep endpoint) ([]client.Opt, error) {
	opts := []client.Opt{client.WithUserAgent("flightdeck"), client.WithAPIVersionFromEnv()}
	if strings.HasPrefix(ep.host, "ssh://") {
		more, err := t.sshOpts(ep.host)
		return append(more, opts...), err
	}
	switch {
	case ep.fromEnv:
		// Order matters: the certificates replace the transport, the host then configures it.
		return append([]client.Opt{client.WithTLSClientConfigFromEnv(), client.WithHost(ep.host)}, opts...), nil
	case ep.tls != nil:
		more, err := ep.tls.ClientOpts()
		return append(more, opts...), err
	}
	return append([]client.Opt{client.WithHost(ep.host)}, opts...), nil
}

// sshOpts shares one ssh connection between all streams: each stream would otherwise be a
// connection of its own, slow to open and soon refused by sshd.
func (t *Target) sshOpts(host string) ([]client.Opt, error) {
	dir, err := os.MkdirTemp("", "flightdeck-ssh-")
	if err != nil {
		return nil, err
	}
	t.sshDir = dir
	helper, err := connhelper.GetConnectionHelperWithSSHOpts(host, []string{
		"-o", "ControlMaster=auto", "-o", "ControlPath=" + filepath.Join(dir, "%C"), "-o", "ControlPersist=10",
		// A password prompt would be written over the cockpit; keys and agents still work.
		"-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=5",
	})
	if err != nil {
		return nil, err
	}
	return []client.Opt{
		client.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: helper.Dialer}}),
		client.WithHost(helper.Host),
		client.WithDialContext(helper.Dialer),
	}, nil
}

// Close frees the connections. The target is of no use afterwards.
func (t *Target) Close() error {
	var errs []error
	if t.api != nil {
		errs = append(errs, t.api.Close())
	}
	if t.sshDir != "" {
		errs = append(errs, os.RemoveAll(t.sshDir))
	}
	return errors.Join(errs...)
}

// Project gives the project that the target was opened for.
func (t *Target) Project() Project { return t.project }

// within gives the context of one request to the engine: ctx with the request limit.
func (t *Target) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, requestLimit)
}

func (t *Target) ping(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	_, err := t.api.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	return t.sentence("the docker engine at "+clean.Name(t.host)+" refuses to answer", err)
}

// sentence turns an error of the engine into one for the operator. what says what was tried; it is
// used when the engine did answer, but with a no. nil stays nil.
func (t *Target) sentence(what string, err error) error {
	if err == nil {
		return nil
	}
	var known *stack.Error
	if errors.As(err, &known) {
		return err
	}
	host := clean.Name(t.host)
	if t.context != "" {
		host += " (docker context " + clean.Name(t.context) + ")"
	}
	choose := "choose another engine with DOCKER_HOST, DOCKER_CONTEXT, or `host:` or `context:` in flightdeck.yaml"
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return &stack.Error{
			What: "the docker engine at " + host + " does not answer", Why: "no answer in time",
			Do: "It may be frozen or behind a dead network: look at it with 'systemctl status docker', or " + choose, Err: errors.Join(stack.ErrUnreachable, err),
		}
	case !client.IsErrConnectionFailed(err) && !brokenStream(err):
		return &stack.Error{What: what, Why: engineSays(err), Err: err}
	}
	why := t.dialCause(err)
	if strings.Contains(why, "permission denied") {
		return &stack.Error{
			What: "not allowed to talk to the docker engine at " + host, Why: "permission denied",
			Do: "Add your user to the group that owns the socket (usually: sudo usermod -aG docker $USER, then log in again), or " + choose, Err: errors.Join(stack.ErrUnreachable, err),
		}
	}
	return &stack.Error{
		What: "no docker engine answers at " + host, Why: why,
		Do: "Start docker, or " + choose, Err: errors.Join(stack.ErrUnreachable, err),
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// brokenStream knows an answer that broke off in the middle, which the client does not mark.
func brokenStream(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrUnexpectedEOF)
}

// dialCause is why no connection comes about. The client drops the cause ("connection refused"),
// so it is found out again by dialling; where that is not possible the client's words must do.
func (t *Target) dialCause(err error) string {
	network, address, _ := strings.Cut(t.host, "://")
	if network == "unix" || network == "tcp" {
		conn, derr := net.DialTimeout(network, address, time.Second) //nolint:noctx // asked after a failure, when the context may be over
		var no syscall.Errno
		switch {
		case derr == nil:
			_ = conn.Close() // only a test whether it opens
		case errors.As(derr, &no):
			return no.Error()
		default:
			return clean.Text(derr.Error())
		}
	}
	s := clean.Text(err.Error())
	if _, after, ok := strings.Cut(s, "error during connect: "); ok {
		s = after
	}
	return strings.TrimPrefix(s, "stderr=")
}

// engineSays is the engine's own text without the client's decoration.
func engineSays(err error) string {
	return clean.Text(strings.TrimPrefix(err.Error(), "Error response from daemon: "))
}

func (t *Target) systemInfo(ctx context.Context) (system.Info, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.Info(ctx, client.InfoOptions{})
	return res.Info, t.sentence("cannot ask the docker engine about itself", err)
}
