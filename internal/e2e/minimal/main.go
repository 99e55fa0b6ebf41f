// Package main is the least Bubble Tea program that there is: the floor that the first frame of
// flightdeck is measured against.
package main

import (
	"fmt"
	"os"

	tea "charm.land/bubbletea/v2"
)

type hello struct{}

func (hello) Init() tea.Cmd { return nil }

func (h hello) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if _, ok := msg.(tea.KeyPressMsg); ok {
		return h, tea.Quit
	}
	return h, nil
}

func (hello) View() tea.View {
	v := tea.NewView("hello")
	v.AltScreen = true
	return v
}

func main() {
	if _, err := tea.NewProgram(hello{}, tea.WithFPS(30)).Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
