package local

import "testing"

// PIDs gives the numbers of a service's supervisor and process, for tests that kill them.
func PIDs(t *testing.T, target *Target, service string) (supervisor, process int) {
	t.Helper()
	i, ok, err := target.dir.currentOf(service)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return i.state.Supervisor, i.state.PID
}
