package stacktest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
)

// Sink keeps what a Watcher saw.
type Sink struct {
	mu   sync.Mutex
	rows map[tail.Kind][]string
	snap stack.Snapshot
	err  error
}

// Line implements stack.Sink.
func (s *Sink) Line(source string, kind tail.Kind, _ time.Time, raw []byte) {
	s.add(kind, source+" "+string(raw))
}

// Mark implements stack.Sink.
func (s *Sink) Mark(source string, kind tail.Kind, _ time.Time, text string) {
	s.add(kind, source+" "+text)
}

func (s *Sink) add(kind tail.Kind, row string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = map[tail.Kind][]string{}
	}
	s.rows[kind] = append(s.rows[kind], row)
}

// Seen implements stack.Sink.
func (s *Sink) Seen(snap stack.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.snap = snap
}

// Down implements stack.Sink.
func (s *Sink) Down(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Rows gives the rows of a kind, each as "source text".
func (s *Sink) Rows(kind tail.Kind) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.rows[kind])
}

// Snapshot gives the last one.
func (s *Sink) Snapshot() stack.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snap
}

// doubled counts the rows with the text.
func (s *Sink) doubled(text string) int {
	n := 0
	for _, r := range s.Rows(tail.Out) {
		if strings.Contains(r, text) {
			n++
		}
	}
	return n
}
