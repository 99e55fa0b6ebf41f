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

// ask sends one request and gives the status and the first 64 KB of the answer.
func ask(ctx context.Context, method, url string, body []byte, limit time.Duration) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, usageError{err.Error()}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return resp.StatusCode, raw, err
}

// runHealth is the health check of a container: exit 0 when the URL answers with a 2xx.
func runHealth(ctx context.Context, e edge, args []string) error {
	if len(args) != 1 {
		return usageError{"health needs one URL"}
	}
	status, raw, err := ask(ctx, http.MethodGet, args[0], nil, 3*time.Second)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%d %.160s", status, bytes.TrimSpace(raw))
	if status/100 != 2 {
		return statusError(text)
	}
	_, err = fmt.Fprintln(e.out, text)
	return err
}

// runGet prints what the URL answers; it fails when that is not a 2xx.
func runGet(ctx context.Context, e edge, args []string) error {
	if len(args) != 1 {
		return usageError{"get needs one URL"}
	}
	status, raw, err := ask(ctx, http.MethodGet, args[0], nil, 10*time.Second)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(e.out, "%s\n", bytes.TrimSpace(raw)); err != nil {
		return err
	}
	if status/100 != 2 {
		return statusError(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	}
	return nil
}

// runCheck is a smoke test of the whole shop through its front door: the page, the list, and an
// order that can be read back.
func runCheck(ctx context.Context, e edge, args []string) error {
	if len(args) != 1 {
		return usageError{"check needs the URL of the storefront"}
	}
	base := strings.TrimRight(args[0], "/")
	step := func(want int, method, path string, body []byte) ([]byte, error) {
		began := time.Now()
		status, raw, err := ask(ctx, method, base+path, body, 10*time.Second)
		if err != nil {
			return nil, fmt.Errorf("FAIL  %s %s: %w", method, path, err)
		}
		if status != want {
			return nil, fmt.Errorf("FAIL  %s %s: %d instead of %d: %.200s", method, path, status, want, bytes.TrimSpace(raw))
		}
		_, err = fmt.Fprintf(e.out, "ok    %-4s %-26s %d in %s\n", method, path, status, time.Since(began).Round(time.Millisecond))
		return raw, err
	}
	for _, path := range []string{"/", "/health/v2/ready", "/api/products"} {
		if _, err := step(http.StatusOK, http.MethodGet, path, nil); err != nil {
			return err
		}
	}
	raw, err := step(http.StatusCreated, http.MethodPost, "/api/orders", []byte(`{"customer":1,"product":1,"quantity":1,"note":"smoke test"}`))
	if err != nil {
		return err
	}
	var placed struct {
		Order int64 `json:"order"`
	}
	if err := json.Unmarshal(raw, &placed); err != nil {
		return fmt.Errorf("FAIL  the answer to an order is unreadable: %w", err)
	}
	_, err = step(http.StatusOK, http.MethodGet, fmt.Sprintf("/api/orders/%d", placed.Order), nil)
	return err
}
