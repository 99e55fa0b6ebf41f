package steps

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/release"
	"flightdeck/internal/stack"
	"flightdeck/runbook"
)

// past is a restorer with given answers; it notes what it is asked.
type past struct {
	ready            release.Readiness
	readyErr, resErr error
	proof            release.Proof
	proofErr         error
	asked            []string
}

func (p *past) Ready(context.Context, string) (release.Readiness, error) {
	p.asked = append(p.asked, "ready")
	return p.ready, p.readyErr
}

func (p *past) Restore(_ context.Context, id string, say stack.Say) error {
	p.asked = append(p.asked, "restore "+id)
	say("web-1\x1b[2J is back")
	return p.resErr
}

func (p *past) Verify(ctx context.Context, _ string) (release.Proof, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return release.Proof{}, errors.New("the waiting for health has no bound")
	}
	p.asked = append(p.asked, "verify")
	return p.proof, p.proofErr
}

func TestRollback(t *testing.T) {
	good := release.Proof{OK: true, Rows: []release.ProofRow{{Service: "web", OK: true}}}
	bad := release.Proof{Rows: []release.ProofRow{{Service: "web", Image: "ok", Config: "ok", Health: "is unhealthy"}}}
	for _, c := range []struct {
		name   string
		p      past
		asked  []string
		reason string
	}{
		{"good", past{ready: release.Readiness{Ready: true}, proof: good}, []string{"ready", "restore r1", "verify"}, ""},
		{"blocked", past{ready: release.Readiness{Reason: "image of web is missing"}}, []string{"ready"}, "rollback blocked: image of web is missing; nothing was changed"},
		{"not provable", past{readyErr: errors.New("no answer")}, []string{"ready"}, "no answer; nothing was changed"},
		{"cut short", past{ready: release.Readiness{Ready: true}, resErr: errors.New("port 80 is taken")}, []string{"ready", "restore r1"}, "port 80 is taken; what is there now: web-1 healthy, db-1 exited (1)"},
		{"disproven", past{ready: release.Readiness{Ready: true}, proof: bad}, []string{"ready", "restore r1", "verify"}, "v1 was restored, but the proof fails: web is unhealthy"},
		{"no proof", past{ready: release.Readiness{Ready: true}, proofErr: errors.New("gone")}, []string{"ready", "restore r1", "verify"}, "v1 was restored, but that could not be proven: gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &sky{}
			s.set(up("web", "healthy"), stack.Container{Service: "db", Number: 1, State: "exited", ExitCode: 1})
			var did []string
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // a rollback does not listen to it
			w := World{Observer: s, Restorer: &c.p, Back: release.Ref{ID: "r1", Version: "v1"}, Say: func(text string) { did = append(did, text) }}
			res, err := rollback().Do(ctx, w, Job{})
			if d := cmp.Diff(c.asked, c.p.asked); d != "" {
				t.Error(d)
			}
			if c.reason == "" && (err != nil || !res.Proof.OK || res.Evidence != "v1 is back, 1 service proven") || c.reason != "" && (err == nil || err.Error() != c.reason) {
				t.Errorf("got %+v, %v", res, err)
			}
			if len(c.asked) > 1 && (len(did) < 2 || did[1] != "web-1 is back") {
				t.Errorf("did %q", did)
			}
		})
	}
}

func TestRollbackToNothing(t *testing.T) {
	if _, err := rollback().Do(t.Context(), World{}, Job{}); err == nil || !strings.Contains(err.Error(), "no release to go back to") {
		t.Errorf("got %v", err)
	}
}

// future is a deployer that notes what it is asked.
type future struct {
	want stack.Want
	cut  bool
}

func (f *future) Plan(_ context.Context, want stack.Want) (stack.Plan, error) {
	f.want = want
	return stack.Plan{Changes: []release.Change{
		{Service: "db", Kind: release.ChangeNone},
		{Service: "web", Kind: release.ChangeRecreated, From: "shop:v1", To: "shop:v2", Config: []string{"environment LOG_LEVEL"}},
		{Service: "worker", Kind: release.ChangeScaled, FromReplicas: 1, ToReplicas: 3},
	}}, nil
}

func (f *future) Deploy(ctx context.Context, want stack.Want, say stack.Say) error {
	f.want, f.cut = want, ctx.Done() != nil
	say("pulling")
	return nil
}

func (f *future) Environ(stack.Want) []string { return nil }

func TestDeploy(t *testing.T) {
	f := &future{}
	w := World{Deployer: f, Want: stack.Want{Version: "v2"}}
	j := Job{Step: runbook.Step{With: map[string]string{"services": "web, worker", "remove-orphans": ""}}}
	said, err := deploy().Preview(t.Context(), w, j)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"web: recreated, shop:v1 -> shop:v2, environment LOG_LEVEL", "worker: 1 -> 3 containers", "unchanged: db"}, said); d != "" {
		t.Error(d)
	}
	want := stack.Want{Version: "v2", Services: []string{"web", "worker"}, RemoveOrphans: true}
	if d := cmp.Diff(want, f.want); d != "" {
		t.Error(d)
	}
	res, err := deploy().Do(t.Context(), w, j)
	if err != nil || f.cut || res.Evidence != "deployed v2 (only web, worker)" {
		t.Errorf("got %+v, %v; can be cut off: %t", res, err, f.cut)
	}
	j.Step.With["remove-orphans"] = "perhaps"
	if _, err := deploy().Do(t.Context(), w, j); err == nil {
		t.Error("nonsense is accepted")
	}
}

// TestEveryKindIsInTheTable: a kind without an entry would be a step that nobody can do.
func TestEveryKindIsInTheTable(t *testing.T) {
	for _, k := range []runbook.Kind{runbook.KindManual, runbook.KindChecklist, runbook.KindCommand, runbook.KindDeploy, runbook.KindMonitor, runbook.KindNote, runbook.KindRollback} {
		kind, ok := Kinds()[k]
		if !ok || kind.Preview == nil {
			t.Errorf("%s: not in the table", k)
		}
		if person := k == runbook.KindManual || k == runbook.KindChecklist || k == runbook.KindNote; person != (kind.Do == nil) {
			t.Errorf("%s: who does it?", k)
		}
	}
}
