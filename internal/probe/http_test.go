package probe

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A probe that is to time out gets short; every other gets ample, for machines under load.
const (
	short = 300 * time.Millisecond
	ample = 20 * time.Second
)

func server(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func quiet(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if answer != nil {
				answer(c)
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return "http://" + l.Addr().String()
}

func TestHTTP(t *testing.T) {
	var logged bytes.Buffer // net/http must not write to our standard error
	log.SetOutput(&logged)
	t.Cleanup(func() {
		log.SetOutput(os.Stderr)
		if logged.Len() > 0 {
			t.Errorf("logged: %s", logged.String())
		}
	})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	stop := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") })
	mux.HandleFunc("/500", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "database \x1b[31mis\x1b[0m down\n"+strings.Repeat("é", 500), 500)
	})
	mux.HandleFunc("/418", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/hang", func(http.ResponseWriter, *http.Request) { <-stop })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "a")
		w.(http.Flusher).Flush()
		<-stop
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/short", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "ten bytes.")
	})
	mux.HandleFunc("/here", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://elsewhere.invalid/", http.StatusFound)
	})
	ok := server(t, mux.ServeHTTP)
	t.Cleanup(func() { close(stop) })
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)

	for _, tc := range []struct {
		name   string
		probe  Probe
		want   Outcome
		code   int
		detail string // a part of it; "" wants none
	}{
		{"good", Probe{URL: ok.URL + "/ok"}, Pass, 200, ""},
		{"500", Probe{URL: ok.URL + "/500"}, Fail, 500, "500 Internal Server Error: database"},
		{"other status wanted", Probe{URL: ok.URL + "/ok", Status: 204}, Fail, 200, "200 OK, not 204: fine"},
		{"odd status wanted", Probe{URL: ok.URL + "/418", Status: 418}, Pass, 418, ""},
		{"refused", Probe{URL: gone.URL}, Fail, 0, "connection refused"},
		{"hangs", Probe{URL: ok.URL + "/hang"}, Fail, 0, "no answer within 300ms"},
		{"accepts and says nothing", Probe{URL: quiet(t, nil)}, Fail, 0, "no answer within 300ms"},
		{"closes at once", Probe{URL: quiet(t, func(c net.Conn) { c.Close() })}, Fail, 0, "broke off"},
		{"no HTTP", Probe{URL: quiet(t, func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-x\x1b[2J\r\n\r\n") })}, Fail, 0, "malformed"},
		{"slow body", Probe{URL: ok.URL + "/slow"}, Fail, 200, "answered 200 OK, then: no answer within 300ms"},
		{"endless body", Probe{URL: ok.URL + "/endless"}, Pass, 200, "only the first 64 KiB"},
		{"body breaks off", Probe{URL: ok.URL + "/short"}, Fail, 200, "broke off"},
		{"redirect within", Probe{URL: ok.URL + "/here"}, Pass, 200, ""},
		{"redirect wanted", Probe{URL: ok.URL + "/here", Status: 302}, Pass, 302, ""},
		{"redirect without end", Probe{URL: ok.URL + "/loop"}, Fail, 0, "redirects without end"},
		{"redirect elsewhere", Probe{URL: ok.URL + "/away"}, Fail, 0, "redirects to elsewhere.invalid"},
		{"unknown certificate", Probe{URL: secure.URL}, Fail, 0, "TLS: "},
		{"no URL", Probe{}, Error, 0, "no http or https URL"},
		{"other scheme", Probe{URL: "ftp://x/"}, Error, 0, "no http or https URL"},
		{"broken URL", Probe{URL: "http://[::1"}, Error, 0, "no http or https URL"},
		{"no such name", Probe{URL: "http://flightdeck-test.invalid/"}, Error, 0, "name"},
		{"no route", Probe{URL: "http://255.255.255.255/"}, Error, 0, "cannot connect from here"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.probe.Timeout = ample
			if strings.Contains(tc.detail, short.String()) {
				tc.probe.Timeout = short
			}
			s := NewHTTP(nil).Sample(t.Context(), tc.probe)
			if s.Outcome != tc.want || s.Code != tc.code || !strings.Contains(s.Detail, tc.detail) || tc.detail == "" && s.Detail != "" {
				t.Errorf("got %s, code %d, %q", s.Outcome, s.Code, s.Detail)
			}
			if s.At.IsZero() || s.Took > tc.probe.Timeout+2*time.Second {
				t.Errorf("at %v, took %v", s.At, s.Took)
			}
			if len(s.Detail) > 300 || strings.ContainsAny(s.Detail, "\x1b\n\r") {
				t.Errorf("detail %q", s.Detail)
			}
		})
	}
}

func TestDetailPassesTheCleaner(t *testing.T) {
	s := server(t, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "\x1b]52;c;x\x07evil", http.StatusServiceUnavailable)
	})
	got := NewHTTP(func(text string) string { return "<" + strings.ReplaceAll(text, "\x1b]52;c;x\x07", "") + ">" }).
		Sample(t.Context(), Probe{URL: s.URL, Timeout: ample})
	if got.Detail != "<503 Service Unavailable>: <evil\n>" {
		t.Errorf("%q", got.Detail)
	}
}

func TestEverySampleIsAFreshConnection(t *testing.T) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	h := NewHTTP(nil)
	for range 5 {
		if got := h.Sample(t.Context(), Probe{URL: s.URL, Timeout: ample}); got.Outcome != Pass {
			t.Fatal(got)
		}
	}
	if n := connections.Load(); n != 5 {
		t.Errorf("%d connections for 5 samples", n)
	}
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	h := newHTTP(printable, &net.Dialer{}, roots)
	if got := h.Sample(t.Context(), Probe{URL: s.URL, Timeout: ample}); got.Outcome != Pass || got.Code != 200 {
		t.Errorf("%+v", got)
	}
	other := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	if got := h.Sample(t.Context(), Probe{URL: other, Timeout: ample}); got.Outcome != Fail || !strings.HasPrefix(got.Detail, "TLS: ") {
		t.Errorf("another name: %+v", got)
	}
	hang := strings.Replace(quiet(t, nil), "http:", "https:", 1)
	if got := h.Sample(t.Context(), Probe{URL: hang, Timeout: short}); got.Outcome != Fail || got.Took > 2*time.Second {
		t.Errorf("a handshake without an answer: %+v", got)
	}
}

// A name server that never answers is our trouble and not the target's.
func TestSilentNameServer(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	h := newHTTP(printable, &net.Dialer{Resolver: &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
		},
	}}, nil)
	s := h.Sample(t.Context(), Probe{URL: "http://shop.example/", Timeout: short})
	if s.Outcome != Error || !strings.Contains(s.Detail, "name") || s.Took > 2*time.Second {
		t.Errorf("%+v", s)
	}
}

func TestNoGoroutineStays(t *testing.T) {
	stop := make(chan struct{})
	hang := server(t, func(http.ResponseWriter, *http.Request) { <-stop })
	t.Cleanup(func() { close(stop) })
	h, before := NewHTTP(nil), runtime.NumGoroutine()
	for range 20 {
		if s := h.Sample(t.Context(), Probe{URL: hang.URL, Timeout: 5 * time.Millisecond}); s.Outcome != Fail {
			t.Fatal(s)
		}
	}
	// The hanging server keeps up to two goroutines of its own for each request.
	for until := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		n := runtime.NumGoroutine() - before
		if n <= 2*20+2 {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("%d goroutines more than before", n)
		}
	}
}
