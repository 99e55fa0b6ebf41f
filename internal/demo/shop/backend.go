package shop

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// backend is the service that knows products and orders.
type backend struct {
	version string
	db      database
	disk    string // the directory whose file system is reported
	fault   fault
	log     *journal
	started time.Time
	served  atomic.Int64
}

func runBackend(ctx context.Context, e edge, args []string) error {
	fs := flags(e, "backend")
	listen := fs.String("listen", backendListen, "address to listen on")
	url := fs.String("database", e.or("SHOP_DATABASE_URL", databaseURL), "address of the database service")
	disk := fs.String("disk", ".", "directory whose free space is reported")
	if err := parse(fs, args); err != nil {
		return err
	}
	now := time.Now()
	f, err := faultOf(e, now)
	if err != nil {
		return err
	}
	b := &backend{
		version: e.version(), db: newRemote(*url), disk: *disk, fault: f, log: &journal{out: e.out}, started: now,
	}
	b.log.info("backend %s starts", b.version)
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- serve(inner, *listen, b.routes(), b.log) }()
	ill := make(chan error, 1)
	go func() { ill <- f.complain(inner, b.log) }()
	select {
	case err := <-ill:
		if err != nil {
			return err // a crash is not graceful
		}
		return <-served
	case err := <-served:
		return err
	}
}

func (b *backend) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/v2/{probe}", b.health)
	mux.Handle("GET /products", b.ailing(b.products))
	mux.Handle("GET /orders/{id}", b.ailing(b.order))
	mux.Handle("POST /orders", b.ailing(b.placeOrder))
	if major(b.version) >= 2 {
		mux.Handle("GET /search", b.ailing(b.search))
	}
	return logged(b.log, mux)
}

// ailing puts the fault of the release before a handler.
func (b *backend) ailing(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		if d := b.fault.delay(now); d > 0 && !sleep(r.Context(), d) {
			return
		}
		if _, on := b.fault.shows(now, faultReady, faultErrors); on && b.served.Add(1)%3 == 0 {
			refuse(w, http.StatusInternalServerError, "connection pool exhausted")
			return
		}
		h(w, r)
	})
}

func (b *backend) products(w http.ResponseWriter, r *http.Request) {
	b.list(w, r, statement{SQL: `SELECT id, name, price_cents, stock FROM products ORDER BY name`})
}

// search finds products by words; it needs migration 2 and says so without it.
func (b *backend) search(w http.ResponseWriter, r *http.Request) {
	n, err := number(r.Context(), b.db, `SELECT count(*) FROM sqlite_master WHERE name = 'product_search'`)
	if err == nil && n == 0 {
		refuse(w, http.StatusServiceUnavailable, "search needs migration 2: run `migrate up`")
		return
	}
	b.list(w, r, statement{
		SQL: `SELECT p.id, p.name, p.price_cents, p.stock FROM products p JOIN product_search s ON s.product_id = p.id
		      WHERE instr(s.words, ?) > 0 ORDER BY p.name`,
		Args: []any{strings.ToLower(r.URL.Query().Get("q"))},
	})
}

func (b *backend) list(w http.ResponseWriter, r *http.Request, st statement) {
	got, err := b.db.query(r.Context(), st)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, "%v", err)
		return
	}
	out := make([]map[string]any, 0, len(got.Rows))
	for _, row := range got.Rows {
		one := map[string]any{}
		for i, name := range got.Columns {
			one[name] = row[i]
		}
		out = append(out, one)
	}
	answer(w, http.StatusOK, map[string]any{"version": b.version, "products": out})
}

// order is what a customer sends.
type order struct {
	Customer int64  `json:"customer"`
	Product  int64  `json:"product"`
	Quantity int64  `json:"quantity"`
	Note     string `json:"note,omitempty"`
}

func (b *backend) placeOrder(w http.ResponseWriter, r *http.Request) {
	var o order
	if !decode(w, r, &o) {
		return
	}
	if o.Quantity < 1 || o.Quantity > 99 {
		refuse(w, http.StatusBadRequest, "quantity must be 1 to 99, not %d", o.Quantity)
		return
	}
	// Every column is named: the row is the same before and after the migrations of v2.
	did, err := b.db.tx(r.Context(), []statement{{
		SQL: `INSERT INTO orders (customer_id, product_id, quantity, total_cents, note)
		      SELECT ?, id, ?, price_cents * ?, ? FROM products WHERE id = ?`,
		Args: []any{o.Customer, o.Quantity, o.Quantity, o.Note, o.Product},
	}})
	switch {
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, "%v", err)
	case did[0].Rows == 0:
		refuse(w, http.StatusNotFound, "there is no product %d", o.Product)
	default:
		answer(w, http.StatusCreated, map[string]any{"order": did[0].Last})
	}
}

func (b *backend) order(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		refuse(w, http.StatusBadRequest, "an order has a number, not %q", r.PathValue("id"))
		return
	}
	got, err := b.db.query(r.Context(), statement{SQL: `SELECT state, note FROM orders WHERE id = ?`, Args: []any{id}})
	switch {
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, "%v", err)
	case len(got.Rows) == 0:
		refuse(w, http.StatusNotFound, "there is no order %d", id)
	default:
		answer(w, http.StatusOK, map[string]any{"order": id, "state": got.Rows[0][0], "note": got.Rows[0][1]})
	}
}

// detail is the answer of /health/v2/detailed.
type detail struct {
	Status   string        `json:"status"` // ok or degraded
	Version  string        `json:"version"`
	Uptime   string        `json:"uptime"`
	Database databaseState `json:"database"`
	Disk     diskState     `json:"disk"`
	Reasons  []string      `json:"reasons,omitempty"`
}

type databaseState struct {
	OK        bool   `json:"ok"`
	LatencyMS int64  `json:"latency_ms"`
	Schema    int64  `json:"schema"`
	Error     string `json:"error,omitempty"`
}

type diskState struct {
	FreeBytes uint64 `json:"free_bytes"`
	Error     string `json:"error,omitempty"`
}

// minDisk is the free space below which the backend calls itself degraded.
const minDisk = 64 << 20

func (b *backend) health(w http.ResponseWriter, r *http.Request) {
	switch r.PathValue("probe") {
	case "simple":
		answer(w, http.StatusOK, map[string]string{"status": "ok", "version": b.version})
	case "live":
		answer(w, http.StatusOK, map[string]string{"status": "alive"})
	case "ready":
		d := b.look(r.Context())
		if _, on := b.fault.shows(time.Now(), faultReady); on {
			// The answer gets slower too, yet stays below the time limit of a usual probe.
			sleep(r.Context(), min(b.fault.delay(time.Now()), 900*time.Millisecond))
			refuse(w, http.StatusInternalServerError, "not ready: %s", strings.Join(d.Reasons, ", "))
			return
		}
		if !d.Database.OK {
			refuse(w, http.StatusServiceUnavailable, "not ready: %s", strings.Join(d.Reasons, ", "))
			return
		}
		answer(w, http.StatusOK, map[string]string{"status": "ready", "version": b.version})
	case "detailed":
		d := b.look(r.Context())
		status := http.StatusOK
		if d.Status != "ok" {
			status = http.StatusServiceUnavailable
		}
		answer(w, status, d)
	default:
		http.NotFound(w, r)
	}
}

// look measures everything that the backend depends on.
func (b *backend) look(ctx context.Context) detail {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	began := time.Now()
	d := detail{Status: "ok", Version: b.version, Uptime: began.Sub(b.started).Round(time.Second).String()}
	n, err := schemaVersion(ctx, b.db)
	d.Database = databaseState{OK: err == nil, LatencyMS: time.Since(began).Milliseconds(), Schema: n}
	if err != nil {
		d.Database.Error = err.Error()
		d.Reasons = append(d.Reasons, err.Error())
	}
	free, err := diskFree(b.disk)
	d.Disk.FreeBytes = free
	switch {
	case err != nil:
		d.Disk.Error = err.Error()
		d.Reasons = append(d.Reasons, "disk: "+err.Error())
	case free < minDisk:
		d.Reasons = append(d.Reasons, fmt.Sprintf("disk: only %d MB free", free>>20))
	}
	if _, on := b.fault.shows(time.Now(), faultReady); on {
		d.Reasons = append(d.Reasons, "connection pool exhausted")
	}
	if len(d.Reasons) > 0 {
		d.Status = "degraded"
	}
	return d
}
