package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync"
)

// patient is a connection on which nothing is heard before something was said. net/http reads ahead
// of its request; a target that speaks or hangs up first would otherwise get another explanation
// each time, and a line on our standard error, which belongs to the cockpit.
type patient struct {
	net.Conn
	asked chan struct{}
	once  sync.Once
}

func newPatient(c net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return &patient{Conn: c, asked: make(chan struct{})}, nil
}

func (p *patient) Read(b []byte) (int, error) {
	<-p.asked
	return p.Conn.Read(b)
}

func (p *patient) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	p.once.Do(func() { close(p.asked) })
	return n, err
}

func (p *patient) Close() error {
	p.once.Do(func() { close(p.asked) })
	return p.Conn.Close()
}

func dial(d *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return newPatient(d.DialContext(ctx, network, address))
	}
}

func dialTLS(d *net.Dialer, roots *x509.CertPool) func(ctx context.Context, network, address string) (net.Conn, error) {
	secure := &tls.Dialer{NetDialer: d, Config: &tls.Config{RootCAs: roots, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return newPatient(secure.DialContext(ctx, network, address))
	}
}
