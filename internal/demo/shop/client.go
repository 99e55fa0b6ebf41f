package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// database is what the other services need of it; store and remote both have it.
type database interface {
	query(ctx context.Context, st statement) (rows, error)
	tx(ctx context.Context, sts []statement) ([]changed, error)
}

// remote is the database service over HTTP.
type remote struct {
	base string
	http *http.Client
}

func newRemote(base string) *remote {
	return &remote{base: strings.TrimRight(base, "/"), http: &http.Client{Timeout: 10 * time.Second}}
}

func (d *remote) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.http.Do(req)
	if err != nil {
		return fmt.Errorf("database does not answer: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("database broke off: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		var said struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(raw, &said) != nil || said.Error == "" {
			said.Error = resp.Status
		}
		return fmt.Errorf("database refused: %s", said.Error)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(out)
}

func (d *remote) query(ctx context.Context, st statement) (rows, error) {
	var out rows
	err := d.post(ctx, "/query", st, &out)
	for _, row := range out.Rows {
		numbers(row)
	}
	return out, err
}

func (d *remote) tx(ctx context.Context, sts []statement) ([]changed, error) {
	var out []changed
	err := d.post(ctx, "/tx", sts, &out)
	return out, err
}

// number asks for a single whole number.
func number(ctx context.Context, db database, sql string) (int64, error) {
	got, err := db.query(ctx, statement{SQL: sql})
	if err != nil {
		return 0, err
	}
	if len(got.Rows) == 0 || len(got.Rows[0]) == 0 {
		return 0, fmt.Errorf("no row for %q", sql)
	}
	n, ok := got.Rows[0][0].(int64)
	if !ok {
		return 0, fmt.Errorf("%v is not a whole number", got.Rows[0][0])
	}
	return n, nil
}
