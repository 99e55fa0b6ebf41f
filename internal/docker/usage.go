package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"flightdeck/internal/stack"
)

// Usage streams what a container uses, about once a second, until ctx ends or the container does;
// then it returns nil. An engine that goes away meanwhile is waited for.
func (t *Target) Usage(ctx context.Context, id string, each func(stack.Usage)) error {
	pause := 250 * time.Millisecond
	for {
		n, err := t.usageStream(ctx, id, each)
		if ctx.Err() != nil {
			return nil
		}
		if errdefs.IsNotFound(err) {
			return nil
		}
		if err != nil && !errors.Is(err, stack.ErrUnreachable) {
			return err
		}
		c, err := t.inspect(ctx, id)
		if errdefs.IsNotFound(err) || (err == nil && !c.State.Running) {
			return nil
		}
		if n > 0 {
			pause = 250 * time.Millisecond
		}
		if !sleep(ctx, pause) {
			return nil
		}
		pause = min(2*pause, 4*time.Second)
	}
}

// usageStream reads one stream and says how many samples it gave.
func (t *Target) usageStream(ctx context.Context, id string, each func(stack.Usage)) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// A frozen engine keeps the stream open and silent: two seconds without a sample is what docker
	// stats calls an error, here there is more patience.
	silence := time.AfterFunc(requestLimit, cancel)
	defer silence.Stop()
	res, err := t.api.ContainerStats(ctx, id, client.ContainerStatsOptions{Stream: true})
	if err != nil {
		return 0, t.sentence("cannot read the usage of container "+shortID(id), err)
	}
	defer res.Body.Close() // a stream that is only read
	dec := json.NewDecoder(res.Body)
	for n := 0; ; {
		var s container.StatsResponse
		err := dec.Decode(&s)
		switch {
		case errors.Is(err, io.EOF), err != nil && ctx.Err() != nil:
			return n, nil
		case err != nil:
			return n, t.sentence("cannot read the usage of container "+shortID(id), errors.Join(io.ErrUnexpectedEOF, err))
		}
		silence.Reset(requestLimit)
		// The first sample has nothing before it to compare with, and a container that has ended
		// gives empty ones.
		if s.Read.IsZero() || s.PreRead.IsZero() || s.PreCPUStats.SystemUsage == 0 {
			continue
		}
		n++
		each(usageOf(s))
	}
}

// usageOf is the arithmetic of the docker stats command: the processor against what all processors
// did, times their number; memory without the part of the page cache that can be dropped at once.
func usageOf(s container.StatsResponse) stack.Usage {
	u := stack.Usage{At: s.Read, Memory: s.MemoryStats.Usage, MemoryLimit: s.MemoryStats.Limit}
	cpu := float64(s.CPUStats.CPUUsage.TotalUsage) - float64(s.PreCPUStats.CPUUsage.TotalUsage)
	system := float64(s.CPUStats.SystemUsage) - float64(s.PreCPUStats.SystemUsage)
	count := float64(s.CPUStats.OnlineCPUs)
	if count == 0 {
		count = float64(len(s.CPUStats.CPUUsage.PercpuUsage))
	}
	if system > 0 && cpu > 0 {
		u.CPU = cpu / system * count * 100
	}
	for _, key := range []string{"total_inactive_file", "inactive_file"} { // cgroup v1, then v2
		if v, ok := s.MemoryStats.Stats[key]; ok && v < s.MemoryStats.Usage {
			u.Memory -= v
			break
		}
	}
	for _, n := range s.Networks {
		u.NetIn += n.RxBytes
		u.NetOut += n.TxBytes
	}
	for _, b := range s.BlkioStats.IoServiceBytesRecursive {
		switch strings.ToLower(b.Op) {
		case "read":
			u.BlockRead += b.Value
		case "write":
			u.BlockWritten += b.Value
		}
	}
	return u
}
