package docker_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return string(data), err
}

// published asks for one fixed port on every address.
func published(port int) (*container.Config, *container.HostConfig) {
	inside := network.MustParsePort("8080/tcp")
	return &container.Config{ExposedPorts: network.PortSet{inside: {}}},
		&container.HostConfig{PortBindings: network.PortMap{inside: {{HostPort: strconv.Itoa(port)}}}}
}
