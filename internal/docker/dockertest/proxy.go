package dockertest

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Proxy stands between a client and the engine's socket and can fail in the ways an engine does.
type Proxy struct {
	t      testing.TB
	socket string
	engine string

	lock     sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	thawed   chan struct{} // closed while data may flow
}

// NewProxy starts a proxy in front of the local engine's socket.
func NewProxy(t testing.TB) *Proxy {
	t.Helper()
	Engine(t)
	dir, err := os.MkdirTemp("", "fdproxy-") //nolint:usetesting // t.TempDir is too long a path for a socket
	if err != nil {
		t.Fatal(err)
	}
	engine := "/var/run/docker.sock"
	if h := os.Getenv("DOCKER_HOST"); h != "" {
		path, ok := strings.CutPrefix(h, "unix://")
		if !ok {
			t.Skip("the proxy needs an engine on a unix socket, not " + h)
		}
		engine = path
	}
	p := &Proxy{t: t, socket: filepath.Join(dir, "d.sock"), engine: engine, conns: map[net.Conn]bool{}, thawed: make(chan struct{})}
	close(p.thawed)
	p.Restore()
	t.Cleanup(func() {
		p.Thaw()
		p.Cut()
		_ = os.RemoveAll(dir)
	})
	return p
}

// Host is the address for clients.
func (p *Proxy) Host() string { return "unix://" + p.socket }

// Cut breaks every connection and refuses new ones, as a stopped engine does.
func (p *Proxy) Cut() {
	p.lock.Lock()
	defer p.lock.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for c := range p.conns {
		_ = c.Close()
	}
	p.conns = map[net.Conn]bool{}
}

// Restore listens again after a Cut.
func (p *Proxy) Restore() {
	l, err := net.Listen("unix", p.socket)
	if err != nil {
		p.t.Error(err)
		return
	}
	p.lock.Lock()
	p.listener = l
	p.lock.Unlock()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
}

// Freeze holds everything without closing anything, as a stopped process does.
func (p *Proxy) Freeze() {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.thawed = make(chan struct{})
}

// Thaw lets everything flow again.
func (p *Proxy) Thaw() {
	p.lock.Lock()
	defer p.lock.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

func (p *Proxy) wait() {
	p.lock.Lock()
	thawed := p.thawed
	p.lock.Unlock()
	<-thawed
}

func (p *Proxy) serve(c net.Conn) {
	p.wait()
	e, err := net.Dial("unix", p.engine)
	if err != nil {
		_ = c.Close()
		return
	}
	p.lock.Lock()
	p.conns[c], p.conns[e] = true, true
	p.lock.Unlock()
	var both sync.WaitGroup
	pump := func(to, from net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := from.Read(buf)
			p.wait()
			if n > 0 {
				if _, werr := to.Write(buf[:n]); werr != nil {
					err = werr
				}
			}
			if err != nil {
				if u, ok := to.(*net.UnixConn); ok && errors.Is(err, io.EOF) {
					_ = u.CloseWrite()
				} else {
					_ = to.Close()
				}
				return
			}
		}
	}
	both.Go(func() { pump(e, c) })
	both.Go(func() { pump(c, e) })
	both.Wait()
	_ = c.Close()
	_ = e.Close()
	p.lock.Lock()
	delete(p.conns, c)
	delete(p.conns, e)
	p.lock.Unlock()
}
