package dockertest

import (
	"context"
	"strconv"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Container makes and starts a container with compose's labels, without compose: for tests that
// only look. change may alter what the engine is asked for; it may be nil. The container is removed
// at the end.
func Container(t testing.TB, project, service string, number int, image string, cmd []string, change func(*container.Config, *container.HostConfig)) string {
	t.Helper()
	api := API(t)
	config := &container.Config{Image: image, Cmd: cmd, Labels: map[string]string{
		"com.docker.compose.project": project, "com.docker.compose.service": service,
		"com.docker.compose.container-number": strconv.Itoa(number), "com.docker.compose.oneoff": "False",
		"com.docker.compose.version": "2.40.3",
	}}
	host := &container.HostConfig{}
	if change != nil {
		change(config, host)
	}
	ctx := context.Background()
	made, err := api.ContainerCreate(ctx, client.ContainerCreateOptions{Config: config, HostConfig: host, Name: Name(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { Remove(t, made.ID) })
	if _, err := api.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// Remove removes a container at once, running or not; one that is gone is fine.
func Remove(t testing.TB, id string) {
	t.Helper()
	api, err := client.New(client.FromEnv)
	if err != nil {
		t.Log("clean-up:", err)
		return
	}
	defer api.Close() // used for one request
	_, err = api.ContainerRemove(context.Background(), id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !errdefs.IsNotFound(err) {
		t.Log("clean-up:", err)
	}
}
