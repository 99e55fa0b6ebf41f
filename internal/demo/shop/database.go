package shop

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// A request may be a megabyte, an answer ten thousand rows: this is a shop, not a warehouse.
const (
	maxRequest = 1 << 20
	maxRows    = 10000
)

// statement is one SQL statement with its parameters.
type statement struct {
	SQL  string `json:"sql"`
	Args []any  `json:"args,omitempty"`
}

// changed is what a statement did.
type changed struct {
	Rows int64 `json:"rowsAffected"`
	Last int64 `json:"lastInsertId"`
}

// rows is the answer to a query.
type rows struct {
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

// store is the open database: one connection that writes, a few that read.
type store struct {
	write, read *sql.DB
}

func runDatabase(ctx context.Context, e edge, args []string) error {
	fs := flags(e, "database")
	listen := fs.String("listen", databaseListen, "address to listen on")
	data := fs.String("data", "/data", "directory of the database file")
	if err := parse(fs, args); err != nil {
		return err
	}
	log := &journal{out: e.out}
	log.info("database %s starts on %s", e.version(), *data)
	s, err := openStore(ctx, *data)
	if err != nil {
		return err
	}
	// Requests have ended before serve returns, so nothing is cut off by the close.
	defer func() {
		if err := s.close(); err != nil {
			log.error("closing the database: %v", err)
		}
	}()
	m := migrator{db: s, out: e.out, limit: 1}
	if err := m.up(ctx, 1); err != nil {
		return err
	}
	return serve(ctx, *listen, s.routes(log), log)
}

func openStore(ctx context.Context, dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	open := func(pragmas ...string) (*sql.DB, error) {
		q := url.Values{"_pragma": append([]string{"busy_timeout(5000)", "foreign_keys(1)"}, pragmas...), "_txlock": {"immediate"}}
		return sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(dir, "shop.db"))+"?"+q.Encode())
	}
	write, err := open("journal_mode(WAL)", "synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open the database in %s: %w", dir, err), write.Close())
	}
	read, err := open("query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(4)
	return &store{write: write, read: read}, nil
}

func (s *store) close() error { return errors.Join(s.read.Close(), s.write.Close()) }

func (s *store) query(ctx context.Context, st statement) (rows, error) {
	got, err := s.read.QueryContext(ctx, st.SQL, st.Args...)
	if err != nil {
		return rows{}, err
	}
	defer got.Close()
	out := rows{Rows: [][]any{}}
	if out.Columns, err = got.Columns(); err != nil {
		return rows{}, err
	}
	for got.Next() {
		if len(out.Rows) == maxRows {
			return rows{}, fmt.Errorf("more than %d rows: add a LIMIT", maxRows)
		}
		row, into := make([]any, len(out.Columns)), make([]any, len(out.Columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := got.Scan(into...); err != nil {
			return rows{}, err
		}
		out.Rows = append(out.Rows, row)
	}
	return out, got.Err()
}

// tx does all statements or none.
func (s *store) tx(ctx context.Context, sts []statement) ([]changed, error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	out := make([]changed, 0, len(sts))
	for _, st := range sts {
		res, err := tx.ExecContext(ctx, st.SQL, st.Args...)
		if err != nil {
			return nil, err
		}
		var c changed
		if c.Rows, err = res.RowsAffected(); err != nil {
			return nil, err
		}
		if c.Last, err = res.LastInsertId(); err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, tx.Commit()
}

func (s *store) routes(log *journal) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /query", func(w http.ResponseWriter, r *http.Request) {
		var st statement
		if !decode(w, r, &st) {
			return
		}
		reply(w, log, st.SQL)(s.query(r.Context(), st))
	})
	mux.HandleFunc("POST /exec", func(w http.ResponseWriter, r *http.Request) {
		var st statement
		if !decode(w, r, &st) {
			return
		}
		got, err := s.tx(r.Context(), []statement{st})
		if err != nil {
			reply(w, log, st.SQL)(nil, err)
			return
		}
		answer(w, http.StatusOK, got[0])
	})
	mux.HandleFunc("POST /tx", func(w http.ResponseWriter, r *http.Request) {
		var sts []statement
		if !decode(w, r, &sts) {
			return
		}
		got, err := s.tx(r.Context(), sts)
		reply(w, log, "transaction")(got, err)
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		n, err := schemaVersion(ctx, s)
		if err != nil {
			refuse(w, http.StatusServiceUnavailable, "%v", err)
			return
		}
		answer(w, http.StatusOK, map[string]any{"status": "ok", "schema": n})
	})
	return mux
}

// reply answers with the value, or with the error, which also goes to the log.
func reply(w http.ResponseWriter, log *journal, what string) func(any, error) {
	return func(value any, err error) {
		if err == nil {
			answer(w, http.StatusOK, value)
			return
		}
		log.warn("%.60q: %v", what, err)
		refuse(w, http.StatusUnprocessableEntity, "%v", err)
	}
}

// decode reads the JSON body; whole numbers stay whole.
func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "unreadable request: %v", err)
		return false
	}
	switch v := into.(type) {
	case *statement:
		numbers(v.Args)
	case *[]statement:
		for _, st := range *v {
			numbers(st.Args)
		}
	}
	return true
}

// numbers replaces JSON numbers by int64 or float64, in place.
func numbers(values []any) {
	for i, v := range values {
		n, ok := v.(json.Number)
		if !ok {
			continue
		}
		if whole, err := n.Int64(); err == nil {
			values[i] = whole
		} else if f, err := n.Float64(); err == nil {
			values[i] = f
		}
	}
}
