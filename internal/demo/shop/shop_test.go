package shop_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"flightdeck/internal/demo/shop"
)

// The test binary is also the shop, so that services run as the real processes they are.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "__shop" {
		os.Exit(shop.Main(context.Background(), os.Args[2:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// process is one running service.
type process struct {
	cmd  *exec.Cmd
	url  string
	mu   sync.Mutex
	log  bytes.Buffer
	done chan struct{}
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// stop sends TERM and gives the exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.exit(t)
}

func (p *process) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		t.Fatalf("the process does not end; its log:\n%s", p.text())
	}
	return p.cmd.ProcessState.ExitCode()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// service starts one; health is the path that answers 200 when it is up, "" to wait for nothing.
func service(t *testing.T, health string, env []string, args ...string) *process {
	t.Helper()
	addr := freePort(t)
	p := &process{url: "http://" + addr, done: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], append([]string{"__shop", args[0], "--listen", addr}, args[1:]...)...)
	p.cmd.Env = append(os.Environ(), env...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		defer close(p.done)
		for in := bufio.NewReader(r); ; {
			line, err := in.ReadString('\n')
			p.mu.Lock()
			p.log.WriteString(line)
			p.mu.Unlock()
			if err != nil {
				break
			}
		}
		_ = p.cmd.Wait() // it is killed, or its end is looked at in ProcessState
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended by itself
		<-p.done
	})
	if health != "" {
		eventually(t, "a healthy "+args[0], func() bool { s, _ := get(p.url + health); return s == 200 })
	}
	return p
}

func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !yes(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 15 s in vain for %s", what)
		}
	}
}

func get(url string) (int, string) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw)
}

// tool runs a tool to its end.
func tool(env []string, args ...string) (string, int) {
	cmd := exec.Command(os.Args[0], append([]string{"__shop"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState.ExitCode()
}

// ask gives the first value of a query.
func ask(t *testing.T, db *process, sql string) string {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"sql": sql})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(db.url+"/query", "application/json", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		Rows  [][]any
		Error string
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || got.Error != "" {
		t.Fatalf("%s: %v %s", sql, err, got.Error)
	}
	return fmt.Sprint(got.Rows[0][0])
}

func database(t *testing.T, dir string) *process {
	return service(t, "/health", nil, "database", "--data", dir)
}

func placeOrder(t *testing.T, base string) {
	t.Helper()
	resp, err := http.Post(base+"/orders", "application/json", strings.NewReader(`{"customer":1,"product":3,"quantity":2,"note":"test"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		raw, _ := io.ReadAll(resp.Body)
		t.Fatalf("order: %s %s", resp.Status, raw)
	}
}

func TestMigrationsUpAndDownKeepTheRows(t *testing.T) {
	dir := t.TempDir()
	db := database(t, dir)
	if got := ask(t, db, "SELECT count(*) FROM orders"); got != "1200" {
		t.Fatalf("the seed has %s orders, not 1200", got)
	}
	env := func(v string) []string { return []string{"SHOP_VERSION=" + v, "SHOP_DATABASE_URL=" + db.url} }
	v1 := service(t, "/health/v2/ready", env("v1"), "backend")
	placeOrder(t, v1.url)

	if out, code := tool(env("v1"), "migrate", "up"); code != 0 || !strings.Contains(out, "nothing to migrate: schema is at 1") {
		t.Errorf("v1 must know migration 1 only: exit %d, %s", code, out)
	}
	if out, code := tool(env("v2"), "migrate", "up", "--dry-run"); code != 0 || !strings.Contains(out, "CREATE TABLE product_search") {
		t.Errorf("dry run: exit %d, %s", code, out)
	}
	if got := ask(t, db, "SELECT max(version) FROM schema_migrations"); got != "1" {
		t.Fatalf("a dry run changed the schema to %s", got)
	}
	out, code := tool(env("v2"), "migrate", "up")
	for _, want := range []string{"0002_search: 24 products made searchable", "0003_currency: 300 orders given", "0003_currency: 1201 orders given", "0003_currency: done in"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("up: exit %d, %q is missing in:\n%s", code, want, out)
		}
	}
	placeOrder(t, v1.url) // the old code goes on working on the new schema
	v2 := service(t, "/health/v2/ready", env("v2"), "backend")
	if s, body := get(v2.url + "/search?q=goggles"); s != 200 || strings.Count(body, "Goggles") != 2 {
		t.Errorf("search: %d %s", s, body)
	}
	placeOrder(t, v2.url)

	if out, code := tool(env("v1"), "migrate", "down", "--to", "1"); code != 0 || !strings.Contains(out, "0003_currency: taken back\n0002_search: taken back") {
		t.Errorf("down: exit %d, %s", code, out)
	}
	if s, body := get(v2.url + "/search?q=goggles"); s != 503 || !strings.Contains(body, "needs migration 2") {
		t.Errorf("search without its table: %d %s", s, body)
	}
	placeOrder(t, v2.url) // v2 works without its migrations
	if got := ask(t, db, "SELECT count(*) FROM orders WHERE note = 'test'"); got != "4" {
		t.Errorf("%s of 4 orders are left", got)
	}
	if code := db.stop(t); code != 0 {
		t.Errorf("the database ended with %d:\n%s", code, db.text())
	}
	again := database(t, dir)
	if got := ask(t, again, "SELECT count(*) FROM orders"); got != "1204" {
		t.Errorf("%s of 1204 orders after a restart", got)
	}
}

func TestAKilledBackfillGoesOnWhereItWas(t *testing.T) {
	db := database(t, t.TempDir())
	env := []string{"SHOP_VERSION=v2", "SHOP_DATABASE_URL=" + db.url}
	if out, code := tool(env, "migrate", "up"); code != 0 {
		t.Fatal(out)
	}
	// The state that a kill in the middle of the last backfill leaves.
	for _, sql := range []string{
		"UPDATE schema_migrations SET filled_at = NULL WHERE version = 3",
		"UPDATE orders SET currency = NULL WHERE id > 87500",
	} {
		raw, _ := json.Marshal(map[string]string{"sql": sql})
		resp, err := http.Post(db.url+"/exec", "application/json", bytes.NewReader(raw))
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
	}
	if out, _ := tool(env, "migrate", "status"); !strings.Contains(out, "backfill unfinished") {
		t.Errorf("status hides the unfinished backfill:\n%s", out)
	}
	out, code := tool(env, "migrate", "up")
	if code != 0 || !strings.Contains(out, "going on with the backfill") || !strings.Contains(out, "500 orders given a currency") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if got := ask(t, db, "SELECT count(*) FROM orders WHERE currency IS NULL"); got != "0" {
		t.Errorf("%s orders were left out", got)
	}
}

func TestTheWholeShopWorks(t *testing.T) {
	db := database(t, t.TempDir())
	env := []string{"SHOP_VERSION=v2", "SHOP_DATABASE_URL=" + db.url}
	back := service(t, "/health/v2/live", env, "backend")
	env = append(env, "SHOP_BACKEND_URL="+back.url)
	front := service(t, "/healthz", env, "storefront")
	spool := t.TempDir()
	work := service(t, "/health", env, "worker", "--spool", spool, "--every", "50ms")

	if s, body := get(front.url); s != 200 || !strings.Contains(body, "storefront v2, backend v2") || !strings.Contains(body, "Altimeter, brass</td><td>189.00") {
		t.Errorf("page: %d %s", s, body)
	}
	s, body := get(front.url + "/health/v2/detailed")
	var d struct {
		Status, Version string
		Database        struct {
			OK     bool
			Schema int
		}
		Disk struct {
			Free uint64 `json:"free_bytes"`
		}
	}
	if err := json.Unmarshal([]byte(body), &d); err != nil || s != 200 || d.Status != "ok" || d.Version != "v2" || !d.Database.OK || d.Database.Schema != 1 || d.Disk.Free == 0 {
		t.Errorf("detailed: %d %s (%v)", s, body, err)
	}
	if out, code := tool(nil, "check", front.url); code != 0 || strings.Count(out, "ok  ") != 5 {
		t.Errorf("smoke test: exit %d\n%s", code, out)
	}
	if out, code := tool(nil, "health", back.url+"/health/v2/ready"); code != 0 || !strings.Contains(out, "200") {
		t.Errorf("health: exit %d %s", code, out)
	}
	eventually(t, "a job in the worker's log", func() bool { return strings.Contains(work.text(), "INFO  job 88") })
	eventually(t, "a row of the worker", func() bool { return ask(t, db, "SELECT count(*) FROM shipments WHERE worker = 'worker v2'") != "0" })
	if code := work.stop(t); code != 0 {
		t.Errorf("the worker ended with %d", code)
	}
	slips, err := os.ReadFile(spool + "/slips.log")
	if err != nil || !strings.Contains(string(slips), "shipped by v2") {
		t.Errorf("slips: %q %v", slips, err)
	}

	if code := db.stop(t); code != 0 || !strings.Contains(db.text(), "INFO  stopped") {
		t.Errorf("database: exit %d\n%s", code, db.text())
	}
	if s, body := get(front.url + "/health/v2/ready"); s != 503 || !strings.Contains(body, "database does not answer") {
		t.Errorf("ready without a database: %d %s", s, body)
	}
	if s, _ := get(front.url + "/health/v2/live"); s != 200 {
		t.Errorf("live without a database: %d", s)
	}
	if out, code := tool(nil, "health", back.url+"/health/v2/ready"); code != 1 {
		t.Errorf("health of an ill backend: exit %d %s", code, out)
	}
	if code := front.stop(t); code != 0 {
		t.Errorf("storefront: exit %d", code)
	}
}

func TestTheFaultOfV3ShowsOnlyAfterItsDelay(t *testing.T) {
	db := database(t, t.TempDir())
	const after = 1500 * time.Millisecond
	start := func(kind string) *process {
		return service(t, "", []string{"SHOP_VERSION=v3", "SHOP_FAULT=" + kind, "SHOP_FAULT_AFTER=" + after.String(), "SHOP_DATABASE_URL=" + db.url}, "backend")
	}
	ready, errs, slow, crash := start(""), start("errors"), start("latency"), start("crash")
	began := time.Now()
	all := []*process{ready, errs, slow, crash}
	for _, p := range all {
		eventually(t, "a ready v3", func() bool { s, _ := get(p.url + "/health/v2/ready"); return s == 200 })
		if strings.Contains(p.text(), "ERROR") {
			t.Errorf("an error before the fault:\n%s", p.text())
		}
	}
	if time.Since(began) > after {
		t.Skipf("this machine needed %s to start four processes: the time before the fault was not seen", time.Since(began))
	}
	eventually(t, "500 from /ready", func() bool { s, _ := get(ready.url + "/health/v2/ready"); return s == 500 })
	eventually(t, "ERROR in the log", func() bool { return strings.Contains(ready.text(), "ERROR checkout: connection pool exhausted") })
	if s, _ := get(ready.url + "/health/v2/simple"); s != 200 {
		t.Errorf("simple must stay good, it is %d", s)
	}
	var statuses []int
	for range 3 {
		s, _ := get(errs.url + "/products")
		statuses = append(statuses, s)
	}
	if !slices.Contains(statuses, 500) || !slices.Contains(statuses, 200) {
		t.Errorf("with the fault errors some answers are 500: %v", statuses)
	}
	if s, _ := get(errs.url + "/health/v2/ready"); s != 200 {
		t.Errorf("with the fault errors /ready stays good, it is %d", s)
	}
	took := func() time.Duration {
		at := time.Now()
		get(slow.url + "/products")
		return time.Since(at)
	}
	if first := took(); first < 100*time.Millisecond {
		t.Errorf("with the fault latency an answer took %s only", first)
	}
	if code := crash.exit(t); code != 3 {
		t.Errorf("the crash has exit code %d:\n%s", code, crash.text())
	}
}

func TestWrongUsageSaysSo(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "needs the name of a service: backend, check, database"},
		{[]string{"nothing"}, "needs the name of a service"},
		{[]string{"migrate"}, "migrate needs one of: up, down, status"},
		{[]string{"health"}, "health needs one URL"},
		{[]string{"backend", "--colour"}, "flag provided but not defined"},
	} {
		out, code := tool(nil, c.args...)
		if code != 2 || !strings.Contains(out, c.want) {
			t.Errorf("%v: exit %d, %s", c.args, code, out)
		}
	}
	if out, code := tool([]string{"SHOP_VERSION=v3", "SHOP_FAULT=fire"}, "backend", "--listen", "127.0.0.1:0"); code != 2 || !strings.Contains(out, "SHOP_FAULT=fire is unknown") {
		t.Errorf("exit %d, %s", code, out)
	}
}
