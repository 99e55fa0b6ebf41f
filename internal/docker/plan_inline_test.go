package docker_test

import (
	"slices"
	"strings"
	"testing"

	"flightdeck/internal/docker/dockertest"
	"flightdeck/internal/stack"
)

// TestPlanWarnsOfInlineConfigs: what compose copies into a container is in no record of it.
func TestPlanWarnsOfInlineConfigs(t *testing.T) {
	if !slices.Contains(dockertest.Compose(t), "v2") {
		t.Skip("only the new generation of compose knows inline configs")
	}
	t.Setenv("FLIGHTDECK_COMPOSE", "v2")
	t.Setenv("FDTEST_TOKEN", "hush-hush")
	p := dockertest.Project(t, `
services:
  web:
    image: fdtest-nowhere:v1
    configs: [{source: greeting, target: /greeting}, plain]
    secrets: [token, {source: filed}]
  db:
    image: fdtest-nowhere:v1
    configs: [plain]
    secrets: [filed]
configs:
  greeting: {content: hello}
  plain: {file: ./compose.yaml}
secrets:
  token: {environment: FDTEST_TOKEN}
  filed: {file: ./compose.yaml}
`, nil)
	_, by := plan(t, dockertest.Open(t, p), stack.Want{})
	const want = "has an inline config or secret (greeting, token): a rollback would not bring that file back"
	if note := by["web"].Note; !strings.HasSuffix(note, want) {
		t.Errorf("web's note is %q", note)
	}
	if note := by["db"].Note; strings.Contains(note, "inline") {
		t.Errorf("db's note is %q", note)
	}
}
