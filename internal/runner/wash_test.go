package runner

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"flightdeck/internal/release"
	"flightdeck/internal/run"
)

// TestNothingDirtyIsStored fills every sentence of every event with an escape sequence. What names
// things (IDs, people) and the text of commands is not a sentence.
func TestNothingDirtyIsStored(t *testing.T) {
	sentences := map[string]bool{"Why": true, "Reason": true, "Text": true, "Evidence": true}
	for _, zero := range run.Events() {
		if _, resumed := zero.(run.Resumed); resumed {
			continue
		}
		v := reflect.New(reflect.TypeOf(zero)).Elem()
		found := false
		for i := range v.NumField() {
			if sentences[v.Type().Field(i).Name] {
				v.Field(i).SetString("a\x1b[2Jb")
				found = true
			}
			if v.Field(i).Type() == reflect.TypeFor[release.Readiness]() && zero.Kind() != "opened" {
				v.Field(i).FieldByName("Reason").SetString("a\x1b[2Jb")
				found = true
			}
		}
		if !found {
			continue
		}
		raw, err := json.Marshal(washed(v.Interface().(run.Event)))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), `\u001b`) || !strings.Contains(string(raw), `"ab"`) {
			t.Errorf("%s: %s", zero.Kind(), raw)
		}
	}
	edit := run.CommandEdited{New: "printf '\x1b[2J'"}
	if washed(edit) != run.Event(edit) {
		t.Error("the text of a command was changed: what is stored is not what runs")
	}
}
