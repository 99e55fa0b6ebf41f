package steps

import (
	"fmt"
	"io"
	"sync"
	"time"

	"flightdeck/internal/clean"
)

// output turns the bytes of a command into cleaned lines. A line that waits for its newline (a
// prompt, a progress bar) is shown when it has been quiet for a moment, or now and then while it
// changes; when it is completed unchanged it is not shown twice.
type output struct {
	mu    sync.Mutex
	lines *clean.Assembler
	out   func(Line)
	shown string // the partial line as last shown
	seen  string // the partial line at the last tick
	wait  int    // ticks since a changed partial line was shown
	// broken is a fault of ours that ended the reading; it is set before the reader is done.
	broken string
}

// progressTicks is how many ticks a line that keeps changing waits before it is shown again.
const progressTicks = 6

func newOutput(out func(Line)) *output {
	if out == nil {
		out = func(Line) {}
	}
	return &output{lines: clean.NewAssembler(0), out: out}
}

// read takes everything until the stream ends or is closed. A fault of ours in it must not block
// the command on a full pipe: the rest is read and thrown away, and that is said.
func (o *output) read(r io.Reader) {
	defer func() {
		if p := recover(); p != nil {
			o.broken = fmt.Sprintf("a fault in flightdeck itself: %v; the rest of the output is not shown", p)
			_, _ = io.Copy(io.Discard, r) // its end, good or bad, is all that is waited for
		}
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			o.write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

func (o *output) write(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines.Write(p, o.whole)
}

func (o *output) whole(text string, spans []clean.Span) {
	if text != "" && text == o.shown {
		o.shown = ""
		return
	}
	o.shown = ""
	o.out(Line{Text: text, Spans: spans})
}

// peek shows the partial line, if it has something new to say.
func (o *output) peek() {
	o.mu.Lock()
	defer o.mu.Unlock()
	text, spans, ok := o.lines.Partial()
	if !ok || text == "" || text == o.shown {
		o.seen, o.wait = text, 0
		return
	}
	o.wait++
	if text == o.seen || o.wait >= progressTicks {
		o.shown, o.wait = text, 0
		o.out(Line{Text: text, Spans: spans})
	}
	o.seen = text
}

// end shows a last line that has no newline.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines.Flush(o.whole)
}

// say puts a sentence of ours between the lines.
func (o *output) say(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.out(Line{Text: clean.Name(text), Ours: true})
}

// watch peeks every interval until done is closed.
func (o *output) watch(every time.Duration, done <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			o.peek()
		case <-done:
			return
		}
	}
}
