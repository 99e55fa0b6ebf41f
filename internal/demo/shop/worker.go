package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// worker ships what was ordered, and orders a little itself so that the shop is alive.
type worker struct {
	version string
	db      database
	backend string
	spool   *os.File
	http    *http.Client
	log     *journal
	done    atomic.Int64
}

func runWorker(ctx context.Context, e edge, args []string) error {
	fs := flags(e, "worker")
	listen := fs.String("listen", workerListen, "address to listen on")
	url := fs.String("database", e.or("SHOP_DATABASE_URL", databaseURL), "address of the database service")
	back := fs.String("backend", e.or("SHOP_BACKEND_URL", backendURL), "address of the backend service")
	spool := fs.String("spool", "/spool", "directory where a slip for each shipment is kept")
	every := fs.Duration("every", time.Second, "pause between two rounds")
	if err := parse(fs, args); err != nil {
		return err
	}
	if err := os.MkdirAll(*spool, 0o700); err != nil {
		return err
	}
	slips, err := os.OpenFile(filepath.Join(*spool, "slips.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	w := &worker{
		version: e.version(), db: newRemote(*url), backend: *back, spool: slips,
		http: &http.Client{Timeout: 5 * time.Second}, log: &journal{out: e.out},
	}
	w.log.info("worker %s starts", w.version)
	worked := make(chan struct{})
	inner, cancel := context.WithCancel(ctx)
	go func() {
		defer close(worked)
		w.rounds(inner, *every)
	}()
	err = serve(ctx, *listen, w.routes(), w.log)
	cancel()
	<-worked
	if cerr := slips.Close(); err == nil {
		err = cerr
	}
	return err
}

func (w *worker) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, http.StatusOK, map[string]any{"status": "ok", "version": w.version, "jobs_done": w.done.Load()})
	})
	return mux
}

// rounds works until ctx ends. A round that has begun is finished.
func (w *worker) rounds(ctx context.Context, every time.Duration) {
	for sleep(ctx, every) {
		round, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
		if rand.IntN(10) < 7 {
			if err := w.order(round); err != nil {
				w.log.warn("an order was not taken: %v", err)
			}
		}
		if err := w.ship(round); err != nil {
			w.log.warn("nothing shipped in this round: %v", err)
		}
		cancel()
	}
}

// order places one order the way a customer does.
func (w *worker) order(ctx context.Context) error {
	body, err := json.Marshal(order{Customer: 1 + rand.Int64N(120), Product: 1 + rand.Int64N(24), Quantity: 1 + rand.Int64N(3)})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.backend+"/orders", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return statusError(resp.Status)
	}
	return nil
}

// ship does the oldest few orders that are new: a row and a slip for each.
func (w *worker) ship(ctx context.Context) error {
	got, err := w.db.query(ctx, statement{SQL: `SELECT id FROM orders WHERE state = 'new' ORDER BY id LIMIT 5`})
	if err != nil {
		return err
	}
	for _, row := range got.Rows {
		began := time.Now()
		_, err := w.db.tx(ctx, []statement{
			{SQL: `INSERT INTO shipments (order_id, worker) VALUES (?, ?)`, Args: []any{row[0], "worker " + w.version}},
			{SQL: `UPDATE orders SET state = 'done' WHERE id = ?`, Args: []any{row[0]}},
		})
		if err != nil {
			return fmt.Errorf("job %v: %w", row[0], err)
		}
		if _, err := fmt.Fprintf(w.spool, "order %v shipped by %s\n", row[0], w.version); err != nil {
			return fmt.Errorf("slip of job %v: %w", row[0], err)
		}
		sleep(ctx, time.Duration(5+rand.IntN(60))*time.Millisecond)
		w.done.Add(1)
		w.log.info("job %v done in %s", row[0], time.Since(began).Round(time.Millisecond))
	}
	return nil
}
