package docker

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// watchedEvents are the happenings after which a project may look different. Filtering is done by
// the engine: each health check alone makes three exec events, which would be noise.
func watchedEvents() []string {
	return []string{"create", "start", "die", "stop", "kill", "destroy", "health_status", "oom", "restart", "rename", "pause", "unpause"}
}

// subscription is a stream of events; after an error nothing more comes.
type subscription struct {
	events <-chan events.Message
	err    <-chan error
}

// subscribe opens the stream and returns when the engine has accepted it, so that nothing is missed
// between it and a look at the project afterwards. It ends with ctx.
func (t *Target) subscribe(ctx context.Context) (subscription, error) {
	opened := make(chan client.EventsResult, 1)
	go func() {
		// The call returns only when the engine has answered, and a frozen one never does.
		opened <- t.api.Events(ctx, client.EventsListOptions{Filters: make(client.Filters).
			Add("type", "container").Add("label", labelProject+"="+t.project.Name).Add("event", watchedEvents()...)})
	}()
	timer := time.NewTimer(t.patience())
	defer timer.Stop()
	select {
	case res := <-opened:
		select {
		case err := <-res.Err:
			return subscription{}, t.sentence("cannot listen to the engine's events", eventError(err))
		default:
		}
		return subscription{events: res.Messages, err: res.Err}, nil
	case <-timer.C:
		return subscription{}, t.sentence("cannot listen to the engine's events", context.DeadlineExceeded)
	case <-ctx.Done():
		return subscription{}, ctx.Err()
	}
}

// eventError names the end of the stream, which the engine itself never ends while it lives.
func eventError(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
