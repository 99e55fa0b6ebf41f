package lines

import (
	"strings"
	"time"

	"flightdeck/internal/tail"
	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// widestSource bounds the cells of a source's name.
const widestSource = 18

// See takes the styles and the time zone to draw with.
func (v *View) See(st *theme.Styles, zone *time.Location) {
	if st != nil && st != v.styles {
		v.styles, v.paint = st, newPainter(st)
		v.redrawSources()
		v.dirty()
	}
	if zone != nil && zone != v.zone {
		v.zone = zone
		v.dirty()
	}
}

func (v *View) redrawSources() {
	for i := range v.sources {
		v.sources[i].drawn = ""
	}
}

// Draw fills exactly w x h cells.
func (v *View) Draw(w, h int, focused bool, now time.Time) string {
	v.now = now
	if w <= 0 || h <= 0 {
		return ""
	}
	if v.styles == nil {
		v.See(theme.New(true), time.UTC)
	}
	c := &v.cached
	if c.block != "" && c.gen == v.gen && c.w == w && c.h == h && c.focused == focused && c.styles == v.styles && c.zone == v.zone {
		return c.block
	}
	v.w, v.h = w, h
	block := v.draw(w, h, focused)
	*c = cache{gen: v.gen, w: w, h: h, focused: focused, styles: v.styles, zone: v.zone, block: block}
	return block
}

// shape is how a line is laid out at a width.
type shape struct {
	time, source int // cells before the text; 0 for not shown
	cells        int // of the text
}

// shape drops first the times, then the sources, when the text would get too narrow.
func (v *View) shape(w int) shape {
	var s shape
	if v.times {
		s.time = len("15:04:05 ")
	}
	if v.opt.Sources && v.widest > 0 {
		s.source = min(v.widest, max(8, w/4)) + 2
	}
	if w-s.time-s.source < 24 {
		s.time = 0
	}
	if w-s.source < 16 {
		s.source = 0
	}
	s.cells = w - s.time - s.source
	return s
}

// rows is how many rows are left for lines.
func (v *View) rows() int {
	if v.bar() && v.h > 1 {
		return v.h - 1
	}
	return v.h
}

func (v *View) draw(w, h int, focused bool) string {
	var b strings.Builder
	b.Grow(h * (w + 48))
	rows, sh := v.rows(), v.shape(w)
	v.bottom = 0
	if v.follow {
		v.top, _ = v.lowest()
	}
	drawn := v.fill(&b, sh, rows)
	if drawn < rows && !v.follow {
		// Less below than there is room for: show more above instead. While a filter still goes
		// through the lines that may change, so the place is not forgotten.
		b.Reset()
		held := v.top
		v.top, _ = v.lowest()
		drawn = v.fill(&b, sh, rows)
		if v.filter.m != nil && !v.filter.live {
			v.top = held
		}
	}
	if drawn == 0 {
		b.WriteString(v.nothing(w))
		drawn++
	}
	for ; drawn < rows; drawn++ {
		if drawn > 0 {
			b.WriteByte('\n')
		}
		spaces(&b, w)
	}
	if rows < h {
		b.WriteByte('\n')
		b.WriteString(v.drawBar(w, focused))
	}
	return b.String()
}

func (v *View) nothing(w int) string {
	s := v.opt.Empty
	if v.filter.m != nil && v.kept() > 0 {
		s = "no line passes the filter; esc takes it off"
		if !v.filter.live {
			s = "filtering …"
		}
	}
	return v.styles.Dim.Render(kit.Fit(s, w))
}

// fill draws from the top on until the rows are full or the lines at an end, and gives how many
// rows it drew.
func (v *View) fill(b *strings.Builder, sh shape, rows int) int {
	drawn := 0
	n, sub, ok := v.resolve()
	for ; ok && drawn < rows; n, ok = v.next(n) {
		r, _ := v.win.at(n)
		if r.ours() {
			newline(b, drawn)
			v.drawOwn(b, r, sh)
			drawn++
		} else {
			drawn += v.drawLine(b, r, n, sub, sh, rows-drawn, drawn)
		}
		sub = 0
		v.bottom = n
	}
	return drawn
}

func newline(b *strings.Builder, drawn int) {
	if drawn > 0 {
		b.WriteByte('\n')
	}
}

// resolve gives the row at the top, or the next one that is still there and shown.
func (v *View) resolve() (n uint64, sub int, ok bool) {
	n, sub = v.top.n, v.top.sub
	if _, there := v.win.at(n); there && v.passes(n) {
		return n, sub, true
	}
	if n > 0 {
		n--
	}
	n, ok = v.next(max(n, v.win.low()-1))
	return n, 0, ok
}

// passes says whether the filter shows a row that is there.
func (v *View) passes(n uint64) bool {
	if v.filter.m == nil {
		return true
	}
	if g, ok := v.win.gap(); ok && n == g {
		return true
	}
	m, ok := v.filter.next(n - 1)
	return ok && m == n
}

func (v *View) drawLine(b *strings.Builder, r row, n uint64, sub int, sh shape, room, drawn int) int {
	hits, kind := v.search.m.ranges(v.hitText(r), mostHits), someHit
	if n == v.at && v.search.m != nil {
		kind = thisHit
	}
	if !v.wrap {
		newline(b, drawn)
		v.before(b, r, sh, kind)
		v.drawCut(b, r, sh, hits, kind)
		return 1
	}
	from, to := r.part(sub, sh.cells)
	k := 0
	for ; k < room && (from < len(r.text) || k == 0); k++ {
		newline(b, drawn+k)
		if sub == 0 && k == 0 {
			v.before(b, r, sh, kind)
		} else {
			spaces(b, sh.time+sh.source)
		}
		v.paint.write(b, r, from, to, sh.cells, runs(r, from, to, hits, kind))
		from, to = to, r.advance(to, sh.cells)
	}
	return k
}

// drawCut draws the part of a line that fits; a sign at the edge says that it goes on.
func (v *View) drawCut(b *strings.Builder, r row, sh shape, hits [][2]int, kind hit) {
	from, cells := r.advanceOver(v.shift), sh.cells
	to := r.advanceHard(from, cells)
	on := to < len(r.text) && cells > 1
	if on {
		cells--
		to = r.advanceHard(from, cells)
	}
	v.paint.write(b, r, from, to, cells, runs(r, from, to, hits, kind))
	if on {
		b.WriteString(v.paint.dim() + "›" + reset)
	}
}

func (v *View) hitText(r row) string {
	if v.search.m == nil {
		return ""
	}
	return r.text
}

// advanceOver skips cells at the left; a wide character that is cut in two is skipped whole.
func (r row) advanceOver(cells int) int {
	if cells <= 0 {
		return 0
	}
	return r.advanceHard(0, cells)
}

// before draws the time and the source.
func (v *View) before(b *strings.Builder, r row, sh shape, kind hit) {
	if sh.time > 0 {
		v.drawTime(b, r)
	}
	if sh.source == 0 {
		return
	}
	s := &v.sources[r.source]
	if kind == thisHit && v.search.m.finds(s.name) {
		b.WriteString(v.styles.Source(service(s.name)).Reverse(true).Render(kit.Fit(s.label, sh.source-2)) + "  ")
		return
	}
	if s.drawn == "" || s.drawnCells != sh.source {
		s.drawnCells = sh.source
		s.drawn = v.styles.Source(service(s.name)).Render(kit.Fit(s.label, sh.source-2)) + "  "
	}
	b.WriteString(s.drawn)
}

// service is the name without the number of the replica, so that replicas share a colour.
func service(name string) string {
	i := len(name)
	for i > 0 && name[i-1] >= '0' && name[i-1] <= '9' {
		i--
	}
	if i > 1 && i < len(name) && name[i-1] == '-' {
		return name[:i-1]
	}
	return name
}

func (v *View) drawTime(b *strings.Builder, r row) {
	t, ok := r.stamp(v.zone)
	if !ok {
		spaces(b, len("15:04:05 "))
		return
	}
	var buf [9]byte
	b.WriteString(v.paint.dim())
	b.Write(t.AppendFormat(buf[:0], "15:04:05 "))
	b.WriteString(reset)
}

// drawOwn draws a row of our own over the whole width: "── backend-1 recreated ─────".
func (v *View) drawOwn(b *strings.Builder, r row, sh shape) {
	if sh.time > 0 {
		v.drawTime(b, r)
	}
	w := sh.source + sh.cells
	var t strings.Builder
	end := r.advanceHard(0, max(0, w-6))
	if end < len(r.text) {
		r.text = withoutRepository(r.text)
		end = r.advanceHard(0, max(0, w-6))
	}
	writeRun(&t, r, 0, end, max(0, w-6))
	text := t.String()
	if end < len(r.text) {
		text += "…"
	}
	line := kit.Fit("── "+text+" "+strings.Repeat("─", max(0, w-4-kit.Width(text))), w)
	st := v.styles.Mark
	if r.kind == tail.Gap {
		st = v.styles.Warn
	}
	b.WriteString(st.Render(line))
}

// withoutRepository shortens "web-1 recreated: host/shop/web:v1 → host/shop/web:v2" to
// "web-1 recreated: v1 → v2": where the row would be cut, it is the new image that must be seen.
func withoutRepository(text string) string {
	for _, arrow := range []string{" → ", " -> "} {
		before, to, ok := strings.Cut(text, arrow)
		if !ok {
			continue
		}
		at := strings.LastIndex(before, ": ")
		if at < 0 {
			return text
		}
		from := before[at+2:]
		image, _, _ := strings.Cut(from, " ")
		repository := image[:strings.LastIndex(image, ":")+1]
		if repository == "" || strings.Contains(image[len(repository):], "/") || !strings.HasPrefix(to, repository) {
			return text
		}
		return before[:at+2] + from[len(repository):] + arrow + to[len(repository):]
	}
	return text
}

func (p *painter) dim() string {
	a := attr{level: dimmed}
	s, ok := p.opened[a]
	if !ok {
		s = prefix(p.styles.Dim)
		p.opened[a] = s
	}
	return s
}

// dimmed is no level: it is the key of the times' look among the others.
const dimmed level = 255
