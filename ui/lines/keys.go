package lines

import (
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"flightdeck/ui/kit"
)

// prompt is the line to type a pattern into.
type prompt struct {
	open   bool
	filter bool // else search
	text   string
	wrong  string
}

// add takes typed or pasted text; only what can be seen goes in.
func (p *prompt) add(s string) {
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || len(p.text) > 500 {
			continue
		}
		p.text += string(r)
	}
	p.wrong = ""
}

func (p *prompt) rub() {
	_, n := utf8.DecodeLastRuneInString(p.text)
	p.text = p.text[:len(p.text)-n]
	p.wrong = ""
}

func (p *prompt) rubWord() {
	t := strings.TrimRight(p.text, " ")
	p.text = t[:strings.LastIndex(t, " ")+1]
	p.wrong = ""
}

// Key takes a key; the command may be nil.
func (v *View) Key(msg tea.KeyPressMsg) tea.Cmd {
	if v.prompt.open {
		return v.typed(msg)
	}
	key := msg.String()
	if v.scroll(key) {
		return nil
	}
	defer v.dirty()
	switch key {
	case "f":
		v.toggle()
	case "w":
		v.wrap, v.shift, v.top.sub = !v.wrap, 0, 0
	case "t":
		v.times = !v.times
	case "/":
		v.prompt = prompt{open: true}
	case "F":
		v.prompt = prompt{open: true, filter: true}
		if v.filter.m != nil {
			v.prompt.text = v.filter.m.pattern
		}
	case "n", "N":
		return v.jumpTo(key == "n")
	case "esc":
		return v.clear()
	case "y":
		return v.copy()
	case "o":
		return v.save()
	}
	return nil
}

// typed takes a key while the prompt is open: no letter ever means a command then.
func (v *View) typed(msg tea.KeyPressMsg) tea.Cmd {
	v.dirty()
	switch msg.String() {
	case "esc":
		v.prompt = prompt{}
	case "enter":
		return v.enter()
	case "backspace", "ctrl+h":
		v.prompt.rub()
	case "ctrl+w", "alt+backspace":
		v.prompt.rubWord()
	case "ctrl+u":
		v.prompt.text, v.prompt.wrong = "", ""
	default:
		v.prompt.add(msg.Text)
	}
	return nil
}

// enter takes the pattern over. An empty one ends the search or the filter.
func (v *View) enter() tea.Cmd {
	p := v.prompt
	var m *matcher
	if p.text != "" {
		var err error
		if m, err = newMatcher(p.text, p.filter); err != nil {
			v.prompt.wrong = err.Error()
			return nil
		}
	}
	v.prompt = prompt{}
	if p.filter {
		return v.setFilter(m)
	}
	v.at, v.jump = 0, m != nil
	v.search.start(m, v.win.low())
	return v.begin(&v.search)
}

// setFilter shows only some lines; a search that is on goes through those alone.
func (v *View) setFilter(m *matcher) tea.Cmd {
	v.filter.start(m, v.win.low())
	if v.search.m != nil {
		v.search.start(v.search.m, v.win.low())
	}
	v.dirty()
	return tea.Batch(v.begin(&v.filter), v.begin(&v.search))
}

// begin starts to look; with nothing to look through, the search is over at once.
func (v *View) begin(s *scan) tea.Cmd {
	cmd := v.look(s)
	if cmd == nil && s == &v.search {
		v.jump = false
	}
	return cmd
}

// clear takes the search off, then the filter.
func (v *View) clear() tea.Cmd {
	if v.search.m != nil {
		v.search.start(nil, 0)
		v.at = 0
		return nil
	}
	if v.filter.m != nil {
		return v.setFilter(nil)
	}
	return nil
}

// jumpTo goes to the next hit below or above.
func (v *View) jumpTo(down bool) tea.Cmd {
	if v.search.m == nil {
		return nil
	}
	from := v.at
	if from == 0 {
		return v.first()
	}
	n, ok := v.search.prev(from)
	where := "above"
	if down {
		n, ok = v.search.next(from)
		where = "below"
	}
	if !ok {
		return kit.Notice("no further match "+where, false)
	}
	v.at = n
	v.reveal(n)
	return nil
}

// Keys is the key table as it is now.
func (v *View) Keys() []kit.Key {
	if v.prompt.open {
		return []kit.Key{
			{Keys: []string{"enter"}, Does: "take it", Rank: 1},
			{Keys: []string{"esc"}, Does: "leave it", Rank: 2},
			{Keys: []string{"ctrl+u"}, Does: "empty", Rank: 3},
		}
	}
	follow := "hold"
	if !v.follow {
		follow = "follow"
	}
	wrap, times := "wrap", "times"
	if v.wrap {
		wrap = "cut"
	}
	keys := []kit.Key{
		{Keys: []string{"f"}, Does: follow, Help: "follow the newest line, or hold the view still", Rank: 3},
		{Keys: []string{"/"}, Does: "search", Help: "search; n and N go to the next match below and above", Rank: 3},
		{Keys: []string{"F"}, Does: "filter", Help: "show only the lines that match; a leading ! shows the others", Rank: 4},
	}
	if v.search.m != nil {
		keys = append(keys, kit.Key{Keys: []string{"n"}, Does: "next", Help: "next match below", Rank: 2},
			kit.Key{Keys: []string{"N"}, Does: "previous", Help: "next match above", Rank: 2})
	}
	switch {
	case v.search.m != nil:
		keys = append(keys, kit.Key{Keys: []string{"esc"}, Does: "end search", Rank: 2})
	case v.filter.m != nil:
		keys = append(keys, kit.Key{Keys: []string{"esc"}, Does: "all lines", Help: "take the filter off", Rank: 2})
	}
	none := ""
	if v.kept() == 0 {
		none = "there is no line yet"
	}
	keys = append(keys,
		kit.Key{Keys: []string{"w"}, Does: wrap, Help: "wrap long lines, or cut them at the edge", Rank: 6},
		kit.Key{Keys: []string{"t"}, Does: times, Help: "show or hide the times", Rank: 7},
		kit.Key{Keys: []string{"y"}, Does: "copy", Help: "copy the match, else the lines on screen, through the terminal", Off: none, Rank: 6},
		kit.Key{Keys: []string{"o"}, Does: "save", Help: "save all kept lines to a file in the working directory", Off: none, Rank: 7},
		kit.Key{Keys: []string{"up", "down", "k", "j"}, Label: "↑↓", Does: "scroll"},
		kit.Key{Keys: []string{"pgup", "pgdown", "ctrl+u", "ctrl+d", "b"}, Label: "pgup pgdn", Does: "page"},
		kit.Key{Keys: []string{"home", "g"}, Does: "oldest"},
		kit.Key{Keys: []string{"end", "G"}, Does: "newest, and follow"},
	)
	if !v.wrap {
		keys = append(keys, kit.Key{Keys: []string{"left", "right"}, Label: "←→", Does: "sideways"})
	}
	return keys
}
