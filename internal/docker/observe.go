package docker

import (
	"context"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/clean"
)

// listContainers gives everything of the project, running or not, found by label.
func (t *Target) listContainers(ctx context.Context) ([]container.Summary, error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	res, err := t.api.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", labelProject+"="+t.project.Name),
	})
	if err != nil {
		return nil, t.sentence("cannot list the containers of project "+clean.Name(t.project.Name), err)
	}
	return res.Items, nil
}
