package services

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"flightdeck/internal/clean"
	"flightdeck/internal/stack"
	"flightdeck/ui/kit"
)

// stand is how a container stands, in the cockpit's few meanings.
type stand uint8

const (
	well stand = iota
	done
	unchecked // runs, and nobody checks its health
	waiting
	odd // paused, or something docker has no plain word for
	broken
)

func standing(c stack.Container) stand {
	switch {
	case c.OneShot:
		return done
	case c.State == "running" && c.Health == "unhealthy", c.State == "exited", c.State == "dead":
		return broken
	case c.State == "running" && c.Health == "starting", c.State == "created", c.State == "restarting":
		return waiting
	case c.State == "running" && c.Health == "healthy":
		return well
	case c.State == "running" && c.Health == "":
		return unchecked
	}
	return odd
}

func (p *Pane) look(c stack.Container) (glyph string, style lipgloss.Style) {
	if p.down != "" {
		return "?", p.styles.Faint
	}
	switch standing(c) {
	case well:
		return "●", p.styles.Good
	case done:
		return "✓", p.styles.Dim
	case unchecked:
		return "○", p.styles.Text
	case waiting:
		return "◐", p.styles.Warn
	case broken:
		return "✗", p.styles.Bad
	}
	return "!", p.styles.Warn
}

// words say the state of a container, with its health or its exit code.
func words(c stack.Container) string {
	switch {
	case c.OneShot:
		return "done"
	case c.State == "exited" || c.State == "dead":
		return c.State + ", code " + strconv.Itoa(c.ExitCode)
	case c.State == "running" && c.Health != "":
		return clean.Name(c.Health)
	case c.State == "running":
		return "running"
	case c.State == "":
		return "unknown"
	}
	return clean.Name(c.State)
}

// Draw fills exactly w x h cells.
func (p *Pane) Draw(w, h int, focused bool, now time.Time) string {
	p.height, p.onScreen = h, nil
	if w <= 0 || h <= 0 {
		return ""
	}
	if len(p.all) == 0 {
		text := "nothing of the project runs here"
		if p.down != "" {
			text = "? the target does not answer: " + clean.Name(p.down)
		}
		return kit.Block([]string{p.styles.Dim.Render(kit.Clip(text, w))}, w, h)
	}
	head, lines := p.table(w, now)
	var rows []string
	var owner []int // of each row, the container it belongs to
	first, last := 0, 0
	for i, c := range p.all {
		line := lines[i]
		if i == p.cursor {
			first = len(rows)
			if focused {
				line = p.styles.Accent.Render("›") + line[1:]
			}
		}
		rows, owner = append(rows, line), append(owner, i)
		for _, l := range p.under(c, w, now) {
			rows, owner = append(rows, l), append(owner, i)
		}
		if i == p.cursor {
			last = len(rows) - 1
		}
	}
	var above []string
	if p.down != "" {
		above = append(above, p.styles.Unknown.Render(kit.Clip("? the target does not answer, this is old: "+clean.Name(p.down), w)))
	}
	if h > 6 {
		above = append(above, p.styles.Faint.Render(head))
	}
	room := h - len(above)
	// The whole of the chosen container, if it fits; its own row in any case.
	p.top = kit.Window(len(rows), last, p.top, room)
	p.top = kit.Window(len(rows), first, p.top, room)
	for i := p.top; i < len(rows) && i < p.top+room; i++ {
		p.attend(p.all[owner[i]])
	}
	return kit.Block(append(above, rows[min(p.top, len(rows)):]...), w, h)
}

func (p *Pane) attend(c stack.Container) {
	if c.State != "running" || len(p.onScreen) > 0 && p.onScreen[len(p.onScreen)-1] == c.ID {
		return
	}
	p.onScreen = append(p.onScreen, c.ID)
}

// column is one column of the table. rank says what goes first when it gets narrow: the highest.
type column struct {
	kit.Column
	rank int
	cell func(c stack.Container) string
}

func (p *Pane) columns(w int, now time.Time) []column {
	text := p.styles.Text
	if p.down != "" {
		text = p.styles.Faint
	}
	plain := func(f func(c stack.Container) string) func(stack.Container) string {
		return func(c stack.Container) string { return text.Render(f(c)) }
	}
	restarts := "RESTARTS"
	if w < 100 {
		restarts = "RST"
	}
	return []column{
		{kit.Column{}, 0, func(c stack.Container) string { g, st := p.look(c); return st.Render(g) }},
		{kit.Column{Head: "CONTAINER", Max: max(10, w/4)}, 0, plain(func(c stack.Container) string { return clean.Name(c.Label()) })},
		{kit.Column{Head: "STATE", Max: 16}, 0, func(c stack.Container) string { _, st := p.look(c); return st.Render(words(c)) }},
		{kit.Column{Head: "AGE", Right: true}, 1, plain(func(c stack.Container) string { return age(c, now) })},
		{kit.Column{Head: restarts, Right: true}, 4, p.restarts},
		{kit.Column{Head: "IMAGE", Grow: true}, 5, plain(func(c stack.Container) string { return kit.ClipMiddle(short(c.Image), max(12, w/3)) })},
		{kit.Column{Head: "CPU", Right: true}, 3, plain(func(c stack.Container) string { return p.cpu(c, now) })},
		{kit.Column{Head: "MEMORY", Right: true}, 2, plain(func(c stack.Container) string { return p.memory(c, now) })},
	}
}

// table lays the containers out. Each line begins with one blank cell, for the cursor.
func (p *Pane) table(w int, now time.Time) (head string, lines []string) {
	cols := p.columns(w, now)
	rows := make([][]string, len(p.all))
	for i, c := range p.all {
		for _, col := range cols {
			rows[i] = append(rows[i], col.cell(c))
		}
	}
	for {
		worst := widest(cols, rows, w-1)
		if worst < 0 {
			break
		}
		cols = slices.Delete(cols, worst, worst+1)
		for i := range rows {
			rows[i] = slices.Delete(rows[i], worst, worst+1)
		}
	}
	shown := make([]kit.Column, len(cols))
	for i, c := range cols {
		shown[i] = c.Column
	}
	head, lines = kit.Columns(shown, rows, max(0, w-1))
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return " " + head, lines
}

// widest gives the column to leave out because all of them do not fit; -1 when they do, or when
// only those that never go are left.
func widest(cols []column, rows [][]string, w int) int {
	total, worst := 0, 0
	for i, c := range cols {
		cells := kit.Width(c.Head)
		for _, r := range rows {
			cells = max(cells, kit.Width(r[i]))
		}
		if c.Max > 0 {
			cells = min(cells, c.Max)
		}
		total += cells
		if i > 0 {
			total += 2
		}
		if c.rank > cols[worst].rank {
			worst = i
		}
	}
	if total <= w || cols[worst].rank == 0 {
		return -1
	}
	return worst
}

func age(c stack.Container, now time.Time) string {
	if c.StartedAt.IsZero() || c.State == "created" {
		return ""
	}
	return kit.Age(now.Sub(c.StartedAt))
}

func (p *Pane) restarts(c stack.Container) string {
	if c.Restarts == 0 || p.down != "" {
		return p.styles.Faint.Render(strconv.Itoa(c.Restarts))
	}
	return p.styles.Warn.Render("! " + strconv.Itoa(c.Restarts))
}

// short is an image reference without its registry.
func short(image string) string {
	image = clean.Name(image)
	if i := strings.LastIndexByte(image, '/'); i >= 0 {
		return image[i+1:]
	}
	return image
}

// live is the usage of a container if it is new enough to be called that.
func (p *Pane) live(c stack.Container, now time.Time) (stack.Usage, bool) {
	u, ok := p.usage[c.ID]
	return u, ok && c.State == "running" && p.down == "" && now.Sub(u.At) < freshFor
}

func (p *Pane) cpu(c stack.Container, now time.Time) string {
	if u, ok := p.live(c, now); ok {
		return strconv.FormatFloat(u.CPU, 'f', 1, 64) + " %"
	}
	return ""
}

func (p *Pane) memory(c stack.Container, now time.Time) string {
	if u, ok := p.live(c, now); ok {
		return bytes(u.Memory)
	}
	return ""
}

// bytes writes a size with its unit, in steps of 1024.
func bytes(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1000 && i < len(units)-1 {
		v /= 1024
		i++
	}
	digits := 0
	if i > 0 && v < 10 {
		digits = 1
	}
	return strconv.FormatFloat(v, 'f', digits, 64) + " " + units[i]
}

// shownResults is how many of docker's own last health results an open row shows.
const shownResults = 5

// under are the rows below a container: docker's own last result when its health is bad, and when
// the row is open its last results and what it was made of.
func (p *Pane) under(c stack.Container, w int, now time.Time) []string {
	var out []string
	add := func(st lipgloss.Style, s string) { out = append(out, "    "+st.Render(kit.Clip(s, max(0, w-4)))) }
	if !p.open[c.ID] {
		if n := len(c.HealthLog); n > 0 && (c.Health == "unhealthy" || c.Health == "starting" && c.HealthLog[n-1].ExitCode != 0) {
			r := c.HealthLog[n-1]
			st := p.styles.Bad
			if c.Health == "starting" {
				st = p.styles.Warn
			}
			add(st, "docker's last check "+kit.Age(now.Sub(r.At))+" ago: exit code "+strconv.Itoa(r.ExitCode)+output(r))
		}
		return out
	}
	add(p.styles.Dim, "image "+clean.Name(c.Image)+"  "+kit.ShortID(c.ImageID))
	if c.Ports != "" {
		add(p.styles.Dim, "ports "+clean.Name(c.Ports))
	}
	if u, ok := p.live(c, now); ok {
		add(p.styles.Dim, "memory "+bytes(u.Memory)+limit(u)+"  network "+bytes(u.NetIn)+" in, "+bytes(u.NetOut)+" out")
	}
	switch {
	case c.Health == "":
		add(p.styles.Dim, "no health check: docker cannot say whether it is well")
	case len(c.HealthLog) == 0:
		add(p.styles.Dim, "no health result yet")
	}
	for _, r := range c.HealthLog[max(0, len(c.HealthLog)-shownResults):] {
		glyph, st := "✓", p.styles.Dim
		if r.ExitCode != 0 {
			glyph, st = "✗", p.styles.Bad
		}
		add(st, glyph+" "+r.At.In(p.zone).Format("15:04:05")+" exit code "+strconv.Itoa(r.ExitCode)+output(r))
	}
	return out
}

func limit(u stack.Usage) string {
	if u.MemoryLimit == 0 {
		return ""
	}
	return " of " + bytes(u.MemoryLimit)
}

func output(r stack.HealthResult) string {
	s := strings.TrimSpace(clean.Name(r.Output))
	if s == "" {
		return ""
	}
	return ": " + s
}
