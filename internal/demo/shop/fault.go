package shop

import (
	"context"
	"fmt"
	"time"
)

// The faults that a bad release can have.
const (
	faultReady   = "ready"   // errors in the log, 500 from /ready, and answers slower and slower
	faultErrors  = "errors"  // errors in the log, every third answer a 500; /ready stays good
	faultLatency = "latency" // answers slower and slower, nothing else
	faultCrash   = "crash"   // the process ends with exit code 3
)

// fault is what is wrong with this release, and from when on.
type fault struct {
	kind string // "" when the release is good
	from time.Time
}

// faultOf decides from the version and the environment. Releases 1 and 2 are good whatever the
// environment says; from release 3 on SHOP_FAULT chooses and SHOP_FAULT_AFTER delays.
func faultOf(e edge, now time.Time) (fault, error) {
	if major(e.version()) < 3 {
		return fault{}, nil
	}
	f := fault{kind: e.or("SHOP_FAULT", faultReady)}
	switch f.kind {
	case faultReady, faultErrors, faultLatency, faultCrash:
	case "none":
		return fault{}, nil
	default:
		return fault{}, usageError{fmt.Sprintf("SHOP_FAULT=%s is unknown: use ready, errors, latency, crash or none", f.kind)}
	}
	after, err := time.ParseDuration(e.or("SHOP_FAULT_AFTER", "8s"))
	if err != nil {
		return fault{}, usageError{"SHOP_FAULT_AFTER: " + err.Error()}
	}
	f.from = now.Add(after)
	return f, nil
}

// shows says whether the fault is of one of the kinds and has begun, and for how long.
func (f fault) shows(now time.Time, kinds ...string) (time.Duration, bool) {
	for _, k := range kinds {
		if f.kind == k && !now.Before(f.from) {
			return now.Sub(f.from), true
		}
	}
	return 0, false
}

// delay is how much slower an answer is: 80 ms more for every second, 4 s at most.
func (f fault) delay(now time.Time) time.Duration {
	since, on := f.shows(now, faultReady, faultLatency)
	if !on {
		return 0
	}
	return min(100*time.Millisecond+since*80/1000, 4*time.Second)
}

// complain writes what such a release writes, until ctx ends. For a crash it returns the error
// that ends the process.
func (f fault) complain(ctx context.Context, log *journal) error {
	if f.kind == "" {
		<-ctx.Done()
		return nil
	}
	if !sleep(ctx, time.Until(f.from)) {
		return nil
	}
	if f.kind == faultCrash {
		log.error("checkout: cart total is nil, cannot go on")
		return crashError{"fatal: backend ends: nil cart in checkout"}
	}
	for n := 1; ; n++ {
		switch {
		case f.kind == faultLatency:
			log.warn("checkout: slow query, %s", f.delay(time.Now()).Round(time.Millisecond))
		case n%3 == 0:
			log.error("checkout: deadline exceeded while waiting for a connection")
		default:
			log.error("checkout: connection pool exhausted, %d waiting", 4+n*3)
		}
		if !sleep(ctx, 800*time.Millisecond) {
			return nil
		}
	}
}
