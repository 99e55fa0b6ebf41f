// Package stacktest is the contract of stack.Target as a test: what every target must do, shown by
// flying the sample shop on it, from the first deploy to a proven rollback.
//
// Its one rule: it knows nothing of the target besides the interface and the shop's front door.
package stacktest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"flightdeck/internal/release"
	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
)

// Fixture is an environment of the sample shop on which nothing runs yet, with versions v1, v2 and
// v3. v3 must be bad soon after its start: SHOP_FAULT_AFTER=1s.
type Fixture struct {
	Target stack.Target
	// URL is the front door of the shop.
	URL string
	// Reopen opens the same environment once more, as another process would.
	Reopen func(t *testing.T) stack.Target
	// Slips counts the lines in the anonymous volume of the worker; nil when it cannot be reached.
	Slips func(t *testing.T) int
	// Break takes away something that the release needs and gives the words that the refusal must
	// have; nil when there is no such thing.
	Break func(t *testing.T, r release.Release) string
}

// patience is how long anything may take on a busy machine.
const patience = 90 * time.Second

// Run checks the contract. The parts build on each other, so the first failure ends it.
func Run(t *testing.T, f Fixture) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*patience)
	defer cancel()
	c := &contract{Fixture: f, ctx: ctx}
	for _, part := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"nothing runs", c.nothingRuns},
		{"first deploy", c.firstDeploy},
		{"recording is idempotent", c.recordOnce},
		{"second deploy keeps the rows", c.secondDeploy},
		{"a bad release shows", c.badRelease},
		{"rollback is proven", c.rollback},
		{"rollback again converges", c.rollbackAgain},
		{"the wrong version is seen", c.wrongVersion},
		{"a rollback that cannot work is refused", c.refused},
	} {
		if !t.Run(part.name, part.do) {
			return
		}
	}
}

type contract struct {
	Fixture
	ctx    context.Context
	v1, v2 release.Release
	orders []int64
	slips  int
}

func (c *contract) nothingRuns(t *testing.T) {
	snap, err := c.Target.Observe(c.ctx)
	if err != nil || len(snap.Containers) > 0 {
		t.Fatalf("Observe of nothing: %v, %v", snap.Containers, err)
	}
	if _, err := c.Target.Record(c.ctx, stack.Meta{}); !errors.Is(err, stack.ErrNothingRuns) {
		t.Errorf("Record of nothing: %v", err)
	}
	if all, err := c.Target.Releases(c.ctx); err != nil || len(all) > 0 {
		t.Errorf("Releases of nothing: %v, %v", all, err)
	}
	if _, err := c.Target.Ready(c.ctx, "rel-nothing"); !errors.Is(err, stack.ErrNoRelease) {
		t.Errorf("Ready of an unknown release: %v", err)
	}
	if err := c.Target.Restore(c.ctx, "rel-nothing", func(string) {}); !errors.Is(err, stack.ErrNoRelease) {
		t.Errorf("Restore of an unknown release: %v", err)
	}
}

func (c *contract) firstDeploy(t *testing.T) {
	plan := c.plan(t, "v1")
	if got := kinds(plan.Changes); got != "backend added, database added, storefront added, worker added" {
		t.Errorf("plan of the first deploy: %s", got)
	}
	if snap, err := c.Target.Observe(c.ctx); err != nil || len(snap.Containers) > 0 {
		t.Fatalf("Plan changed something: %v, %v", snap.Containers, err)
	}
	c.deploy(t, "v1")
	snap := c.healthy(t)
	if got := snap.Services(); !slices.Equal(got, []string{"backend", "database", "storefront", "worker"}) {
		t.Errorf("services: %v", got)
	}
	for _, s := range snap.Containers {
		if s.ID == "" || s.ImageID == "" || s.State != "running" || s.Number != 1 || s.StartedAt.IsZero() || !strings.HasSuffix(s.Image, ":v1") {
			t.Errorf("container is incomplete: %+v", s)
		}
	}
	if got := kinds(c.plan(t, "v1").Changes); got != "backend unchanged, database unchanged, storefront unchanged, worker unchanged" {
		t.Errorf("plan of what runs already: %s", got)
	}
	c.order(t)
}

func (c *contract) recordOnce(t *testing.T) {
	meta := stack.Meta{Environment: "production", Version: "v1", Commit: "abc1234", By: "ann", Run: "run-1"}
	c.v1 = c.record(t, meta)
	if c.v1.ID == "" || c.v1.Version != "v1" || c.v1.Commit != "abc1234" || c.v1.By != "ann" || len(c.v1.Services) != 4 {
		t.Errorf("record of %d services: %+v", len(c.v1.Services), c.v1.Ref())
	}
	if c.v1.Status != release.StatusHealthy {
		t.Errorf("every service is healthy, and yet the record is %s: %s", c.v1.Status, c.v1.Why)
	}
	if again := c.record(t, meta); again.ID != c.v1.ID {
		t.Errorf("the same state has two records: %s and %s", c.v1.ID, again.ID)
	}
	if err := c.Target.Judge(c.ctx, c.v1.ID, release.StatusHealthy, "monitored for 15s"); err != nil {
		t.Fatal(err)
	}
	other := c.Reopen(t)
	all, err := other.Releases(c.ctx)
	if err != nil || len(all) != 1 || all[0].Status != release.StatusHealthy || all[0].Why != "monitored for 15s" {
		t.Errorf("another process sees %s, %v", brief(all), err)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Target.Judge(c.ctx, "rel-nothing", release.StatusBad, ""); !errors.Is(err, stack.ErrNoRelease) {
		t.Errorf("Judge of an unknown release: %v", err)
	}
}

func (c *contract) secondDeploy(t *testing.T) {
	plan := c.plan(t, "v2")
	if got := kinds(plan.Changes); got != "backend recreated, database recreated, storefront recreated, worker recreated" {
		t.Errorf("plan of v2: %s", got)
	}
	for _, ch := range plan.Changes {
		if !strings.HasSuffix(ch.From, ":v1") || !strings.HasSuffix(ch.To, ":v2") || ch.FromID == "" || ch.FromID == ch.ToID {
			t.Errorf("change says too little: %+v", ch)
		}
	}
	if again := c.plan(t, "v2"); again.Digest != plan.Digest {
		t.Error("two plans of the same have different digests")
	}
	if other := c.plan(t, "v3"); other.Digest == plan.Digest {
		t.Error("plans of v2 and v3 have the same digest")
	}
	c.countSlips(t)
	c.deploy(t, "v2")
	c.healthy(t)
	c.order(t)
	c.rowsAreThere(t)
	c.v2 = c.record(t, stack.Meta{Environment: "production", Version: "v2", By: "ann"})
	if c.v2.ID == c.v1.ID {
		t.Fatal("v1 and v2 have the same record")
	}
	if err := c.Target.Judge(c.ctx, c.v2.ID, release.StatusHealthy, ""); err != nil {
		t.Fatal(err)
	}
	all, err := c.Target.Releases(c.ctx)
	if err != nil || len(all) != 2 || all[0].ID != c.v2.ID {
		t.Errorf("releases, newest first: %s, %v", brief(all), err)
	}
	proof, err := c.verify()
	if err != nil || !proof.OK {
		t.Errorf("v2 runs and is not proven: %+v, %v", proof, err)
	}
}

func (c *contract) badRelease(t *testing.T) {
	sink := &Sink{}
	watching, stop := context.WithCancel(c.ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.Target.Watch(watching, sink) }()
	Eventually(t, "the first snapshot of Watch", func() bool { return len(sink.Snapshot().Containers) == 4 })
	c.deploy(t, "v3")
	Eventually(t, "500 from /ready", func() bool { s, _ := get(c.URL + "/health/v2/ready"); return s == http.StatusInternalServerError })
	Eventually(t, "the mark of the new backend", func() bool {
		return slices.ContainsFunc(sink.Rows(tail.Mark), func(s string) bool { return strings.HasPrefix(s, "backend-1 backend-1 recreated") })
	})
	Eventually(t, "an ERROR line of the backend", func() bool {
		return slices.ContainsFunc(sink.Rows(tail.Out), func(s string) bool {
			return strings.HasPrefix(s, "backend-1 ERROR checkout: connection pool exhausted")
		})
	})
	Eventually(t, "an unhealthy backend", func() bool {
		return slices.ContainsFunc(sink.Snapshot().Containers, func(s stack.Container) bool { return s.Service == "backend" && s.Health == "unhealthy" })
	})
	stop()
	select {
	case err := <-ended:
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Watch ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Watch does not end with its context")
	}
	if doubled := sink.doubled("INFO  backend v3 starts"); doubled != 1 {
		t.Errorf("the first line of the new backend came %d times", doubled)
	}
	c.countSlips(t)
}

func (c *contract) rollback(t *testing.T) {
	c.order(t)
	ready, err := c.Target.Ready(c.ctx, c.v2.ID)
	if err != nil || !ready.Ready || ready.Reason != "" || ready.Target.Version != "v2" || ready.CheckedAt.IsZero() || ready.HealthySince.IsZero() {
		t.Fatalf("readiness: %+v, %v", ready, err)
	}
	if got := kinds(ready.Changes); got != "backend recreated, database recreated, storefront recreated, worker recreated" {
		t.Errorf("changes of the rollback: %s", got)
	}
	var said []string
	if err := c.Target.Restore(c.ctx, c.v2.ID, func(s string) { said = append(said, s) }); err != nil {
		t.Fatal(err)
	}
	if len(said) < 4 {
		t.Errorf("a rollback of four services said only %q", said)
	}
	proof, err := c.verify()
	if err != nil || !proof.OK || len(proof.Rows) != 4 || proof.Target.Version != "v2" {
		t.Fatalf("proof: %+v, %v", proof, err)
	}
	c.runs(t, c.v2)
	c.order(t)
	c.rowsAreThere(t)
	c.countSlips(t)
	if got := c.record(t, stack.Meta{Version: "v2"}); got.ID != c.v2.ID {
		t.Errorf("the restored state is not the recorded one: %s instead of %s", got.ID, c.v2.ID)
	}
	if got := kinds(c.plan(t, "v2").Changes); got != "backend unchanged, database unchanged, storefront unchanged, worker unchanged" {
		t.Errorf("a deploy of what was restored would change something: %s", got)
	}
}

func (c *contract) rollbackAgain(t *testing.T) {
	before, err := c.Target.Observe(c.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Reopen(t).Restore(c.ctx, c.v2.ID, func(string) {}); err != nil {
		t.Fatal(err)
	}
	after, err := c.Target.Observe(c.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range after.Containers {
		if i >= len(before.Containers) || s.ID != before.Containers[i].ID {
			t.Errorf("%s was replaced although it was right", s.Label())
		}
	}
	// One service of another release, as a rollback that was cut off leaves it.
	if err := c.Target.Deploy(c.ctx, stack.Want{Version: "v3", Services: []string{"worker"}}, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if err := c.Target.Restore(c.ctx, c.v2.ID, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if proof, err := c.verify(); err != nil || !proof.OK {
		t.Errorf("proof: %+v, %v", proof, err)
	}
	c.runs(t, c.v2)
}

func (c *contract) wrongVersion(t *testing.T) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	began := time.Now()
	proof, err := c.Target.Verify(ctx, c.v1.ID)
	if err != nil || proof.OK {
		t.Fatalf("v2 was taken for v1: %+v, %v", proof, err)
	}
	for _, row := range proof.Rows {
		if row.OK || row.Image == "ok" || row.Image == "" {
			t.Errorf("row does not tell what runs: %+v", row)
		}
	}
	if time.Since(began) > patience/2 {
		t.Errorf("a wrong image cannot become right by waiting, and yet %s were waited", time.Since(began))
	}
}

func (c *contract) refused(t *testing.T) {
	if c.Break == nil {
		t.Skip("this target has nothing that the test could take away")
	}
	words := c.Break(t, c.v1)
	ready, err := c.Target.Ready(c.ctx, c.v1.ID)
	if err != nil || ready.Ready || !strings.Contains(ready.Reason, words) {
		t.Errorf("readiness: %+v, %v; want the words %q", ready, err, words)
	}
	err = c.Target.Restore(c.ctx, c.v1.ID, func(string) {})
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("Restore must refuse with %q: %v", words, err)
	}
	c.runs(t, c.v2)
}

func (c *contract) plan(t *testing.T, version string) stack.Plan {
	t.Helper()
	p, err := c.Target.Plan(c.ctx, stack.Want{Version: version})
	if err != nil {
		t.Fatal(err)
	}
	if p.Version != version || p.Digest == "" {
		t.Errorf("plan: %+v", p)
	}
	return p
}

func (c *contract) deploy(t *testing.T, version string) {
	t.Helper()
	if err := c.Target.Deploy(c.ctx, stack.Want{Version: version}, func(s string) { t.Log(s) }); err != nil {
		t.Fatal(err)
	}
}

func (c *contract) record(t *testing.T, m stack.Meta) release.Release {
	t.Helper()
	r, err := c.Target.Record(c.ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c *contract) verify() (release.Proof, error) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	return c.Target.Verify(ctx, c.v2.ID)
}

// healthy waits until everything is.
func (c *contract) healthy(t *testing.T) (snap stack.Snapshot) {
	t.Helper()
	Eventually(t, "health of all services", func() bool {
		var err error
		if snap, err = c.Target.Observe(c.ctx); err != nil {
			t.Fatal(err)
		}
		return !slices.ContainsFunc(snap.Containers, func(s stack.Container) bool { return s.Health != "healthy" })
	})
	return snap
}

// runs checks that every service runs the image of the record.
func (c *contract) runs(t *testing.T, r release.Release) {
	t.Helper()
	snap, err := c.Target.Observe(c.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(snap.Containers) != len(r.Services) {
		t.Errorf("%d processes run instead of %d", len(snap.Containers), len(r.Services))
	}
	for _, s := range snap.Containers {
		at := slices.IndexFunc(r.Services, func(x release.Service) bool { return x.Name == s.Service })
		if at < 0 || r.Services[at].ImageID != s.ImageID || s.State != "running" {
			t.Errorf("%s is %s with image %s (%s)", s.Label(), s.State, s.Image, s.ImageID)
		}
	}
}

// order writes a row through the front door; a shop that is just being replaced is asked again.
func (c *contract) order(t *testing.T) {
	t.Helper()
	note := fmt.Sprintf("contract %d", len(c.orders))
	body := fmt.Sprintf(`{"customer":1,"product":1,"quantity":1,"note":%q}`, note)
	var got struct{ Order int64 }
	Eventually(t, "an order to be taken", func() bool {
		resp, err := http.Post(c.URL+"/api/orders", "application/json", strings.NewReader(body))
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusCreated && json.NewDecoder(resp.Body).Decode(&got) == nil
	})
	c.orders = append(c.orders, got.Order)
}

// rowsAreThere reads every order back.
func (c *contract) rowsAreThere(t *testing.T) {
	t.Helper()
	for n, id := range c.orders {
		Eventually(t, fmt.Sprintf("order %d", id), func() bool {
			s, body := get(fmt.Sprintf("%s/api/orders/%d", c.URL, id))
			return s == http.StatusOK && strings.Contains(body, fmt.Sprintf(`"note":"contract %d"`, n))
		})
	}
}

// countSlips checks that the anonymous volume has lost nothing since the last count.
func (c *contract) countSlips(t *testing.T) {
	t.Helper()
	if c.Slips == nil {
		return
	}
	Eventually(t, "more slips than before", func() bool { return c.Slips(t) > c.slips })
	c.slips = c.Slips(t)
}

// brief writes releases without their specifications, which are long.
func brief(all []release.Release) string {
	var out []string
	for _, r := range all {
		out = append(out, fmt.Sprintf("%s %s %s (%s)", r.ID, r.Version, r.Status, r.Why))
	}
	return strings.Join(out, ", ")
}

// kinds writes changes as "backend recreated, worker added".
func kinds(changes []release.Change) string {
	var out []string
	for _, c := range changes {
		out = append(out, c.Service+" "+string(c.Kind))
	}
	return strings.Join(out, ", ")
}

// Eventually asks until the answer is yes, for as long as a busy machine may need.
func Eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !yes(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain for %s", patience, what)
		}
	}
}

func get(url string) (int, string) {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(bytes.TrimSpace(raw))
}
