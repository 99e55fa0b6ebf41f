package home

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"flightdeck/internal/run"
	"flightdeck/ui/drawtest"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

type source struct{ err error }

func (s source) Rows(context.Context) ([]Row, error) {
	return []Row{
		{Environment: "production", Class: run.Production, Host: "prod-1", Release: "v1.4.1", Since: noon.Add(-74 * time.Hour), Healthy: 3, Services: 3,
			Last: Past{Run: "r1", Mode: run.ModeDeploy, Outcome: run.Done, By: "ops", At: noon.Add(-72 * time.Hour)}},
		{Environment: "staging", Class: run.Staging, Host: "staging-1", Release: "v1.5.0", Since: noon.Add(-26 * time.Hour), Healthy: 3, Services: 3, Open: "r2", Lock: "ci"},
		{Environment: "local", Class: run.Local, Release: "dev", Since: noon.Add(-4 * time.Minute), Healthy: 2, Services: 3,
			Last: Past{Run: "r3", Mode: run.ModeDeploy, Outcome: run.Failed, By: "you", At: noon.Add(-4 * time.Minute)}},
		{Environment: "qa", Class: run.Development, Err: "does not answer"},
	}, s.err
}

func (s source) History(_ context.Context, env string) ([]Past, error) {
	return []Past{{Run: env + "-2", Mode: run.ModeDeploy, Outcome: run.RolledBack, By: "ops", At: noon.Add(-time.Hour), From: "v1.4.1", To: "v1.5.0"},
		{Run: env + "-1", Mode: run.ModeDeploy, Outcome: run.Done, By: "ops", At: noon.Add(-72 * time.Hour), From: "v1.4.0", To: "v1.4.1"}}, nil
}

func open(t *testing.T, s source, w, h int) *Model {
	t.Helper()
	m := New(t.Context(), Options{Project: "shop", Source: s, Theme: "dark", Zone: time.UTC})
	m.View()
	m.Update(tea.WindowSizeMsg{Width: w, Height: h})
	m.Update(tickMsg(noon))
	m.Update(m.ask()())
	return m
}

func press(m *Model, keys ...tea.KeyPressMsg) bool {
	quit := false
	for _, k := range keys {
		_, cmd := m.Update(k)
		if cmd == nil {
			continue
		}
		msg := cmd()
		if _, ok := msg.(tea.QuitMsg); ok {
			quit = true
			continue
		}
		m.Update(msg)
	}
	return quit
}

func letter(s string) tea.KeyPressMsg { return tea.KeyPressMsg{Code: []rune(s)[0], Text: s} }

var enter, down = tea.KeyPressMsg{Code: tea.KeyEnter}, tea.KeyPressMsg{Code: tea.KeyDown}

func TestScreens(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}, {50, 7}} {
		for name, keys := range map[string][]tea.KeyPressMsg{"list": nil, "history": {letter("h")}, "help": {letter("?")}} {
			m := open(t, source{}, size[0], size[1])
			press(m, keys...)
			drawtest.Exact(t, m.View().Content, size[0], size[1], "home")
			if size[1] >= minHeight && !strings.Contains(ansi.Strip(m.View().Content), "PRODUCTION") {
				t.Errorf("%s at %v does not say PRODUCTION", name, size)
			}
			drawtest.Golden(t, fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), ansi.Strip(m.View().Content))
		}
	}
}

func TestEverySizeIsExact(t *testing.T) {
	m := open(t, source{}, 80, 24)
	for w := 0; w <= 250; w += 1 + w%17 {
		for _, h := range []int{0, 1, 2, 7, 8, 9, 24, 250} {
			m.Update(tea.WindowSizeMsg{Width: w, Height: h})
			drawtest.Exact(t, m.View().Content, w, h, "home")
		}
	}
}

func TestChoices(t *testing.T) {
	tests := []struct {
		keys []tea.KeyPressMsg
		want Choice
	}{
		{[]tea.KeyPressMsg{enter}, Choice{Verb: Deploy, Environment: "production"}},
		{[]tea.KeyPressMsg{down, letter("d")}, Choice{Verb: Deploy, Environment: "staging"}},
		{[]tea.KeyPressMsg{letter("R")}, Choice{Verb: RollBack, Environment: "production"}},
		{[]tea.KeyPressMsg{letter("h"), down, enter}, Choice{Verb: Show, Environment: "production", Run: "production-1"}},
		{[]tea.KeyPressMsg{down, letter("h"), letter("R")}, Choice{Verb: RollBack, Environment: "staging"}},
		{[]tea.KeyPressMsg{letter("q")}, Choice{}},
	}
	for _, tt := range tests {
		m := open(t, source{}, 80, 24)
		if !press(m, tt.keys...) {
			t.Errorf("%v did not end the screen", tt.keys)
		}
		if diff := cmp.Diff(tt.want, m.Choice()); diff != "" {
			t.Errorf("%v: %s", tt.keys, diff)
		}
	}
}

func TestErrorIsShown(t *testing.T) {
	m := open(t, source{err: errors.New("flightdeck.yaml:3:5: unknown field")}, 80, 24)
	if !strings.Contains(ansi.Strip(m.View().Content), "flightdeck.yaml:3:5: unknown field") {
		t.Fatal(m.View().Content)
	}
}

func TestTheBannerNamesTheSelectedEnvironmentWhileItLoads(t *testing.T) {
	for _, class := range []run.Class{"", run.Staging} {
		m := New(t.Context(), Options{Project: "shop", Source: source{}, Theme: "dark", Select: "staging", Class: class})
		m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
		first, _, _ := strings.Cut(ansi.Strip(m.View().Content), "\n")
		if !strings.Contains(first, "STAGING") {
			t.Errorf("class %q: %q", class, first)
		}
		drawtest.Exact(t, m.View().Content, 80, 24, "home")
	}
}
