package runbook

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuiltinRunbooksAreClean(t *testing.T) {
	want := map[string][]Kind{
		"deploy":   {KindChecklist, KindDeploy, KindMonitor, KindChecklist},
		"rollback": {KindNote, KindRollback, KindMonitor, KindChecklist},
	}
	for _, name := range BuiltinNames() {
		source, ok := Builtin(name)
		if !ok {
			t.Fatalf("no built-in runbook %q", name)
		}
		book := Parse(name+".md", source)
		if len(book.Problems) > 0 {
			t.Errorf("%s: %v", name, book.Problems)
		}
		var kinds []Kind
		for _, s := range book.Steps() {
			kinds = append(kinds, s.Kind)
		}
		if diff := cmp.Diff(want[name], kinds); diff != "" {
			t.Errorf("%s: steps (-want +got):\n%s", name, diff)
		}
		checkInvariants(t, source, book)
	}
}

func TestBuiltinDeployKeepsTheWayBackApart(t *testing.T) {
	source, _ := Builtin("deploy")
	book := Parse("deploy.md", source)
	if len(book.Procedures) != 1 || book.Procedures[0].Kind != ProcedureRollback {
		t.Fatalf("procedures: %+v", book.Procedures)
	}
	var kinds []Kind
	for _, s := range book.Procedures[0].Phases[0].Steps {
		kinds = append(kinds, s.Kind)
	}
	if diff := cmp.Diff([]Kind{KindRollback, KindMonitor}, kinds); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestBuiltinUnknown(t *testing.T) {
	for _, name := range []string{"", "hotfix", "../builtin/deploy", "deploy.md"} {
		if _, ok := Builtin(name); ok {
			t.Errorf("Builtin(%q) gives a document", name)
		}
	}
}
