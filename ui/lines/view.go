package lines

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/tail"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// Options say what a View is for.
type Options struct {
	// Sources: lines come from several sources; each is named before its line, in its colour.
	Sources bool
	// Plain: the lines are our own sentences: wrapped between words, and no word in them says how
	// bad they are.
	Plain bool
	// Name is in the name of a saved file: "logs" gives flightdeck-logs-<time>.log.
	Name string
	// Dir is where files are saved; "" is the working directory.
	Dir string
	// Empty is what to say when there is no line.
	Empty string
	// Lines and Bytes bound what is kept; 0 means 50,000 lines and 16 MiB of text.
	Lines, Bytes int
}

// View is a window on a stream of lines. It is used from one goroutine.
type View struct {
	opt     Options
	win     *window
	sources []source
	byName  map[string]uint16
	widest  int // cells of the widest source label so far
	errs    uint64
	own     scan // the rows of our own, found as they come

	follow bool
	top    anchor // of a held view
	heldAt uint64 // the newest row when the hold began
	bottom uint64 // the last row on screen as last drawn
	wrap   bool
	times  bool
	shift  int // cells scrolled to the right, without wrap

	search, filter scan
	at             uint64 // the row that n and N stand on; 0 for none
	jump           bool   // go to the first hit when the search is through
	prompt         prompt

	styles   *theme.Styles
	zone     *time.Location
	paint    *painter
	w, h     int // as last drawn
	now      time.Time
	gen      uint64
	cached   cache
	measured measured
}

type anchor struct {
	n   uint64
	sub int
}

type source struct {
	name, label string
	cells       int
	drawn       string // styled and padded, for drawnCells cells
	drawnCells  int
}

type cache struct {
	gen     uint64
	w, h    int
	focused bool
	styles  *theme.Styles
	zone    *time.Location
	block   string
}

// New makes an empty View that follows.
func New(opt Options) *View {
	if opt.Lines <= 0 {
		opt.Lines = 50_000
	}
	if opt.Bytes <= 0 {
		opt.Bytes = 16 << 20
	}
	if opt.Empty == "" {
		opt.Empty = "no lines yet"
	}
	return &View{opt: opt, win: newWindow(opt.Lines, opt.Bytes), byName: map[string]uint16{}, follow: true,
		times: true, wrap: !opt.Sources, own: scan{live: true}}
}

func (v *View) dirty() { v.gen++ }

// Add takes the lines that are new and says whether what is shown may have changed. A batch that
// missed lines gets a row that says how many.
func (v *View) Add(b tail.Batch) bool {
	if len(b.Lines) == 0 && b.Missed == 0 {
		return false
	}
	before := v.win.low()
	if b.Missed > 0 {
		gap := tail.Line{Kind: tail.Gap, Text: Count(b.Missed) + " lines came too fast to be kept"}
		if len(b.Lines) > 0 {
			gap.At = b.Lines[0].At
		}
		v.put(gap)
	}
	for i := range b.Lines {
		v.put(b.Lines[i])
	}
	v.own.trim(v.win)
	v.search.trim(v.win)
	v.filter.trim(v.win)
	// The picture of a held view is the same unless it had room left below, or counts hits.
	if v.follow || v.bar() || v.bottom >= v.heldAt || v.win.low() != before && v.top.n < v.win.low() {
		v.dirty()
	}
	return true
}

func (v *View) put(l tail.Line) {
	r := row{text: l.Text, spans: l.Spans, kind: l.Kind, source: v.source(l.Source), plain: plainText(l.Text)}
	if !l.At.IsZero() {
		r.at = l.At.UnixNano()
	}
	if r.ours() {
		r.spans = nil
	} else {
		r.words = v.opt.Plain
		if !v.opt.Plain {
			r.level, _, _ = findLevel(r.text)
		}
		if r.level == failure {
			v.errs++
		}
	}
	v.win.push(r)
	n := v.win.last()
	if r.ours() {
		v.own.hits = append(v.own.hits, n)
	}
	if v.filter.m != nil && v.filter.live || v.search.m != nil && v.search.live {
		name := v.searched(r.source)
		shown := v.filter.m == nil || r.ours() || v.filter.m.shows(name, r.text)
		v.filter.take(n, shown)
		v.search.take(n, shown && v.search.m != nil && v.search.m.shows(name, r.text))
	}
}

// source gives the number of a source. More than 65,535 of them share the last one.
func (v *View) source(name string) uint16 {
	if i, ok := v.byName[name]; ok {
		return i
	}
	if len(v.sources) == 1<<16-1 {
		return uint16(len(v.sources) - 1)
	}
	label := row{text: name, plain: plainText(name)}
	var b strings.Builder
	writeRun(&b, label, 0, len(name), widestSource)
	s := source{name: name, label: b.String()}
	s.cells = kit.Width(s.label)
	if s.cells > v.widest {
		v.widest = s.cells
		v.redrawSources()
	}
	i := uint16(len(v.sources))
	v.sources = append(v.sources, s)
	v.byName[name] = i
	return i
}

// searched is the name of a source as far as searches go: what is not shown is not searched.
func (v *View) searched(source uint16) string {
	if !v.opt.Sources {
		return ""
	}
	return v.sources[source].name
}

// kept counts the lines of the stream that can still be read.
func (v *View) kept() uint64 {
	n := uint64(v.win.count + len(v.win.pinned))
	return n - min(n, uint64(len(v.own.hits)))
}

// shown counts those that the filter shows.
func (v *View) shown() uint64 {
	n := uint64(len(v.filter.hits))
	own := uint64(0)
	for _, o := range v.own.hits {
		if o < v.filter.upTo {
			own++
		}
	}
	return n - min(n, own)
}

// next and prev are the neighbours of a row among those that are shown.
func (v *View) next(n uint64) (uint64, bool) {
	if v.filter.m == nil {
		return v.win.next(n)
	}
	m, ok := v.filter.next(n)
	if g, gap := v.win.gap(); gap && n < g && (!ok || m > g) {
		return g, true
	}
	return m, ok
}

func (v *View) prev(n uint64) (uint64, bool) {
	if v.filter.m == nil {
		return v.win.prev(n)
	}
	m, ok := v.filter.prev(n)
	if g, gap := v.win.gap(); gap && n > g && (!ok || m < g) {
		return g, true
	}
	return m, ok
}

// Status says in a few words how the view stands: "following · 3 err", "held, 132 new below".
func (v *View) Status() string {
	s := "following"
	if !v.follow {
		s = "held"
		if n := v.newBelow(); n > 0 {
			s += ", " + Count(n) + " new below"
		}
	}
	if v.errs > 0 {
		s += " · " + Count(v.errs) + " err"
	}
	return s
}

// newBelow counts the lines that came since the hold began and that were not on screen yet.
func (v *View) newBelow() uint64 {
	from := max(v.heldAt, v.bottom)
	if v.filter.m != nil {
		return uint64(v.filter.below(from))
	}
	if last := v.win.last(); last > from {
		return last - from
	}
	return 0
}

// Empty says that not one line has come.
func (v *View) Empty() bool { return v.win.last() == 0 }

// Kept counts the lines that can still be read, without the rows of our own.
func (v *View) Kept() uint64 { return v.kept() }

// Typing says that a line to type into is open.
func (v *View) Typing() bool { return v.prompt.open }

// Receive takes the reports of the View's own commands, and pasted text while typing.
func (v *View) Receive(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case foundMsg:
		if msg.view == v {
			return v.found(msg)
		}
	case tea.PasteMsg:
		if v.prompt.open {
			v.prompt.add(msg.Content)
			v.dirty()
		}
	}
	return nil
}
