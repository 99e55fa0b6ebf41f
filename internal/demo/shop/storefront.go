package shop

import (
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

//go:embed storefront.html
var storefrontHTML string

// storefront is the page that customers see, and the one door to the backend.
type storefront struct {
	version string
	backend *url.URL
	http    *http.Client
	page    *template.Template
	log     *journal
}

func runStorefront(ctx context.Context, e edge, args []string) error {
	fs := flags(e, "storefront")
	listen := fs.String("listen", storefrontListen, "address to listen on")
	back := fs.String("backend", e.or("SHOP_BACKEND_URL", backendURL), "address of the backend service")
	if err := parse(fs, args); err != nil {
		return err
	}
	target, err := url.Parse(*back)
	if err != nil {
		return usageError{"storefront: " + err.Error()}
	}
	page, err := template.New("page").Parse(storefrontHTML)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		ResponseHeaderTimeout: 6 * time.Second,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       20 * time.Second,
	}
	s := &storefront{
		version: e.version(), backend: target, page: page, log: &journal{out: e.out},
		http: &http.Client{Transport: transport, Timeout: 6 * time.Second},
	}
	s.log.info("storefront %s starts", s.version)
	return serve(ctx, *listen, s.routes(transport), s.log)
}

func (s *storefront) routes(transport http.RoundTripper) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(s.backend); r.SetXForwarded() },
		Transport: transport,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			refuse(w, http.StatusBadGateway, "backend does not answer: %v", err)
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok", "version": s.version})
	})
	mux.Handle("/health/v2/", proxy)
	mux.Handle("/api/", http.StripPrefix("/api", proxy))
	return logged(s.log, mux)
}

// listing is what the backend says about its products.
type listing struct {
	Version  string    `json:"version"`
	Products []product `json:"products"`
}

type product struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Cents int64  `json:"price_cents"`
}

// Price is in whole units of money, for the page.
func (p product) Price() float64 { return float64(p.Cents) / 100 }

func (s *storefront) home(w http.ResponseWriter, r *http.Request) {
	view := struct {
		listing
		Storefront, Trouble string
	}{Storefront: s.version}
	status := http.StatusOK
	if err := s.fetch(r.Context(), &view.listing); err != nil {
		s.log.error("the page has no products: %v", err)
		view.Trouble, status = "The shop is taking a short break. Please try again in a moment.", http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := s.page.Execute(w, view); err != nil {
		s.log.warn("the page was cut off: %v", err)
	}
}

func (s *storefront) fetch(ctx context.Context, into *listing) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.backend.JoinPath("products").String(), nil)
	if err != nil {
		return err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &url.Error{Op: "Get", URL: req.URL.String(), Err: statusError(resp.Status)}
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// statusError is an answer that is not a success.
type statusError string

func (e statusError) Error() string { return "answered " + string(e) }
