package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

const (
	maxBody      = 64 << 10 // read of an answer; what is longer is left
	maxDetail    = 200      // bytes kept of a failing body
	maxRedirects = 5
)

// HTTP measures with one GET request a sample, always over a fresh connection, because users'
// connections are fresh too and a kept one would hide that nobody accepts them any more. Proxies
// of the environment are ignored: they would answer for the target.
type HTTP struct {
	clean  func(string) string
	client *http.Client
}

// NewHTTP makes a sampler. clean makes a text from outside safe for one row of the terminal; with
// nil, only printable characters are kept.
func NewHTTP(clean func(string) string) *HTTP {
	if clean == nil {
		clean = printable
	}
	return newHTTP(clean, &net.Dialer{}, nil)
}

// newHTTP trusts the certificates in roots, or those of the system with nil.
func newHTTP(clean func(string) string, d *net.Dialer, roots *x509.CertPool) *HTTP {
	return &HTTP{clean: clean, client: &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxBody,
			DialContext:            dial(d),
			DialTLSContext:         dialTLS(d, roots),
		},
		CheckRedirect: redirect,
	}}
}

type elsewhere struct{ host string }

func (e elsewhere) Error() string { return "redirects to " + e.host }

var errTooManyRedirects = errors.New("redirects without end")

// redirect follows only within the host that was asked: what another host says is no word about
// the target.
func redirect(next *http.Request, via []*http.Request) error {
	if next.URL.Hostname() != via[0].URL.Hostname() {
		return elsewhere{next.URL.Host}
	}
	if len(via) > maxRedirects {
		return errTooManyRedirects
	}
	return nil
}

// Sample asks p.URL once and takes at most p.Timeout (below 1: DefaultTimeout).
func (h *HTTP) Sample(ctx context.Context, p Probe) Sample {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	s := h.ask(ctx, p)
	s.At, s.Took = began, time.Since(began)
	return s
}

func (h *HTTP) ask(ctx context.Context, p Probe) Sample {
	u, err := url.Parse(p.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return h.trouble(Error, fmt.Sprintf("%q is no http or https URL", p.URL))
	}
	var looking atomic.Bool // a name lookup has begun and not ended
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { looking.Store(true) },
		DNSDone:  func(httptrace.DNSDoneInfo) { looking.Store(false) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return h.trouble(Error, err.Error())
	}
	req.Header.Set("User-Agent", "flightdeck-probe")
	client := *h.client
	if p.Status >= 300 && p.Status <= 399 {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	res, err := client.Do(req)
	if err != nil {
		outcome, why := explain(err, looking.Load(), p.timeout())
		return h.trouble(outcome, why)
	}
	defer res.Body.Close()
	return h.judge(p, res)
}

func (h *HTTP) judge(p Probe, res *http.Response) Sample {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
	if err != nil {
		outcome, why := explain(err, false, p.timeout())
		s := h.trouble(outcome, "answered "+res.Status+", then: "+why)
		s.Code = res.StatusCode
		return s
	}
	good := res.StatusCode == p.Status || p.Status == 0 && res.StatusCode >= 200 && res.StatusCode <= 299
	s := Sample{Outcome: Pass, Code: res.StatusCode}
	if good {
		if len(body) > maxBody {
			s.Detail = fmt.Sprintf("only the first %d KiB were read", maxBody>>10)
		}
		return s
	}
	s.Outcome, s.Detail = Fail, h.clean(res.Status)
	if p.Status != 0 {
		s.Detail += fmt.Sprintf(", not %d", p.Status)
	}
	if text := strings.TrimSpace(h.clean(head(string(body)))); text != "" {
		s.Detail += ": " + text
	}
	return s
}

func (h *HTTP) trouble(o Outcome, why string) Sample {
	return Sample{Outcome: o, Detail: h.clean(head(why))}
}

// explain says whose fault an error is. In doubt it is ours: a wrong failure can turn a deploy
// back, a wrong error only makes somebody look.
func explain(err error, looking bool, timeout time.Duration) (Outcome, string) {
	var dns *net.DNSError
	var away elsewhere
	var op *net.OpError
	late := errors.Is(err, context.DeadlineExceeded) || isTimeout(err)
	switch {
	case looking && late:
		return Error, fmt.Sprintf("the name was not found within %v: the name server does not answer", timeout)
	case errors.As(err, &dns):
		return Error, "the name cannot be looked up: " + dns.Error()
	case errors.Is(err, context.Canceled):
		return Error, "the measurement was called off"
	case late:
		return Fail, fmt.Sprintf("no answer within %v", timeout)
	case errors.As(err, &away):
		return Fail, away.Error()
	case errors.Is(err, errTooManyRedirects):
		return Fail, errTooManyRedirects.Error()
	case refused(err):
		return Fail, "connection refused"
	case broken(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Fail, "the connection broke off"
	case certificate(err):
		return Fail, "TLS: " + inner(err)
	case errors.As(err, &op) && op.Op == "dial":
		return Error, "we cannot connect from here: " + inner(err)
	}
	return Fail, inner(err)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func certificate(err error) bool {
	return errors.As(err, new(x509.CertificateInvalidError)) || errors.As(err, new(x509.UnknownAuthorityError)) ||
		errors.As(err, new(x509.HostnameError))
}

// inner leaves out the "Get http://..." that the client puts before every error.
func inner(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err.Error()
}

// head is the first bytes of a text, cut between characters.
func head(s string) string {
	if len(s) <= maxDetail {
		return s
	}
	n := maxDetail
	for n > maxDetail-4 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
}
