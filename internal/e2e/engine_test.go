//go:build unix

package e2e

import (
	"testing"

	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/termtest"
)

// TestEndToEndWithoutTheEngine loses the engine in the middle of a run, while a step watches, and
// gets it back: the cockpit says so both times, nothing is decided meanwhile, and the rollback
// works afterwards.
func TestEndToEndWithoutTheEngine(t *testing.T) {
	t.Parallel()
	proxy := dockertest.NewProxy(t) // before the world, which needs it for its clean-up
	w := newWorld(t, "v2")
	w.env = append(w.env, "DOCKER_HOST="+proxy.Host())
	c := w.cockpit("demo", "--docker", "--keep", "--release", "v3", "--fault", "latency")
	c.confirm("v1", "v3")
	c.toDeploy()
	c.press(termtest.Enter)
	c.sees(later, "step 4 of 7", "● target answers")

	proxy.Cut()
	c.sees(later, "target does not answer")
	c.red()
	c.sees(later, "step 4 of 7") // neither done nor failed: silence is no verdict
	proxy.Restore()
	c.sees(later, "● target answers")
	c.press("R")
	c.sees(soon, "starting in")
	c.press(termtest.Enter)
	c.sees(later, "over: rolled back")
	c.press("q")
	c.ends(5)
	w.runs("v1")
}
