package shop

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Where the services listen in their containers, and find each other by name.
const (
	storefrontListen = ":8080"
	backendListen    = ":8081"
	workerListen     = ":8082"
	databaseListen   = ":8083"
	backendURL       = "http://backend:8081"
	databaseURL      = "http://database:8083"
)

// or gives the environment variable's value, or the default when it is empty.
func (e edge) or(name, fallback string) string {
	if v := e.env(name); v != "" {
		return v
	}
	return fallback
}

// version is the release that this process belongs to.
func (e edge) version() string { return e.or("SHOP_VERSION", "v1") }

// major is the number in "v2" or "v2.1.3"; what has no number counts as 1.
func major(version string) int {
	head, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(head)
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// flags makes a flag set that reports instead of exiting.
func flags(e edge, name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(e.err)
	return fs
}

func parse(fs *flag.FlagSet, args []string) error {
	if err := fs.Parse(args); err != nil {
		return usageError{fs.Name() + ": " + err.Error()}
	}
	return nil
}

// journal writes the service's log: one line an event, level word first.
type journal struct {
	mu  sync.Mutex
	out io.Writer
}

func (j *journal) say(level, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	// A log that cannot be written has nowhere to be reported.
	_, _ = fmt.Fprintf(j.out, "%-5s %s\n", level, fmt.Sprintf(format, args...))
}

func (j *journal) info(format string, args ...any)  { j.say("INFO", format, args...) }
func (j *journal) warn(format string, args ...any)  { j.say("WARN", format, args...) }
func (j *journal) error(format string, args ...any) { j.say("ERROR", format, args...) }

// serve answers on the address until ctx ends, then finishes what is being answered, 5 s at most.
func serve(ctx context.Context, listen string, h http.Handler, log *journal) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: %w", listen, err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	log.info("listening on %s", ln.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.info("stopping: finishing open requests")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(last); err != nil {
		return errors.Join(err, srv.Close())
	}
	log.info("stopped")
	return nil
}

// answer writes a value as JSON.
func answer(w http.ResponseWriter, status int, value any) {
	raw, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n')) // the caller may be gone
}

func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	answer(w, status, map[string]string{"error": fmt.Sprintf(format, args...)})
}

// recorder keeps the status that a handler gave, for the access log.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// logged writes one access line for each request; health checks are not logged while they pass.
func logged(log *journal, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		began := time.Now()
		h.ServeHTTP(rec, r)
		took := time.Since(began).Round(time.Millisecond)
		switch health := strings.HasPrefix(r.URL.Path, "/health"); {
		case rec.status >= 500:
			log.error("%s %s %d %s", r.Method, r.URL.Path, rec.status, took)
		case rec.status >= 400:
			log.warn("%s %s %d %s", r.Method, r.URL.Path, rec.status, took)
		case !health:
			log.info("%s %s %d %s", r.Method, r.URL.Path, rec.status, took)
		}
	})
}

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
