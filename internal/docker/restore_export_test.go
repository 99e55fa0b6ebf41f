package docker

import (
	"net/http"

	"github.com/moby/moby/client"
)

// Hooked replaces the target's connection by one that asks before every request, so that a
// test can cut it off anywhere.
func (t *Target) Hooked(before func(*http.Request) error) error {
	api, err := client.New(client.WithHost(t.host), client.WithHTTPRequestHook(before))
	if err != nil {
		return err
	}
	if err := t.api.Close(); err != nil {
		return err
	}
	t.api = api
	return nil
}
