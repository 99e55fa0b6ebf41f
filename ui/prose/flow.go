package prose

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"flightdeck/ui/kit"
	"flightdeck/ui/theme"
)

// piece is a stretch of text with one style. Code is never broken at its spaces if it fits a line.
type piece struct {
	text  string
	style lipgloss.Style
	code  bool
}

// inline splits a line of Markdown into its pieces: `code`, **strong**, [text](target). What is
// not closed is text like any other.
func inline(st *theme.Styles, s string, base lipgloss.Style) []piece {
	var out []piece
	plain := func(t string) {
		if t != "" {
			out = append(out, piece{text: t, style: base})
		}
	}
	for s != "" {
		i := strings.IndexAny(s, "`*[")
		if i < 0 {
			break
		}
		p, n, ok := special(st, s[i:], base)
		if !ok {
			plain(s[:i+1])
			s = s[i+1:]
			continue
		}
		plain(s[:i])
		out = append(out, p)
		s = s[i+n:]
	}
	plain(s)
	return out
}

// special reads the piece at the start of s and gives how many bytes of the source it takes.
func special(st *theme.Styles, s string, base lipgloss.Style) (p piece, n int, ok bool) {
	switch {
	case s[0] == '`':
		ticks := len(s) - len(strings.TrimLeft(s, "`"))
		fence := s[:ticks]
		end := strings.Index(s[ticks:], fence)
		if end <= 0 {
			return piece{}, 0, false
		}
		return piece{text: strings.TrimSpace(s[ticks : ticks+end]), style: st.Code.Bold(true), code: true}, end + 2*ticks, true
	case strings.HasPrefix(s, "**"):
		end := strings.Index(s[2:], "**")
		if end <= 0 || s[2] == ' ' {
			return piece{}, 0, false
		}
		return piece{text: s[2 : 2+end], style: base.Bold(true)}, end + 4, true
	case s[0] == '[':
		mid := strings.Index(s, "](")
		if mid < 2 || strings.ContainsAny(s[1:mid], "[]") {
			return piece{}, 0, false
		}
		end := strings.IndexByte(s[mid:], ')')
		if end < 3 {
			return piece{}, 0, false
		}
		// A terminal cannot follow a link unseen: the target is part of the text.
		text, target := s[1:mid], s[mid+2:mid+end]
		if text != target {
			text += " (" + target + ")"
		}
		return piece{text: text, style: st.Accent}, mid + end + 1, true
	}
	return piece{}, 0, false
}

// word is what is not broken unless a line is too narrow for it; glued words follow the one before
// without a space.
type word struct {
	text  string
	style lipgloss.Style
	glued bool
}

func words(pieces []piece, w int) []word {
	var out []word
	glued := true
	for _, p := range pieces {
		if p.code && kit.Width(p.text) <= w {
			out = append(out, word{p.text, p.style, glued})
			glued = true
			continue
		}
		for i, t := range strings.Split(p.text, " ") {
			if i > 0 {
				glued = false
			}
			if t != "" {
				out = append(out, word{t, p.style, glued})
				glued = true
			}
		}
	}
	return out
}

// flow fills lines of at most w cells with words, behind first on the first line and rest on the
// others.
func flow(pieces []piece, first, rest string, w int) []string {
	if kit.Width(first) >= w {
		first, rest = "", ""
	}
	room := w - kit.Width(first)
	var out []string
	var b strings.Builder
	used := 0
	flush := func() {
		before := rest
		if len(out) == 0 {
			before = first
		}
		out = append(out, before+b.String())
		b.Reset()
		used = 0
	}
	for _, wd := range words(pieces, room) {
		space := 0
		if used > 0 && !wd.glued {
			space = 1
		}
		if used > 0 && used+space+kit.Width(wd.text) > room {
			flush()
			space = 0
		}
		for kit.Width(wd.text) > room {
			head := ansi.Truncate(wd.text, room, "")
			if head == "" {
				wd.text = "…"
				break
			}
			b.WriteString(wd.style.Render(head))
			used = room
			wd.text = wd.text[len(head):]
			if wd.text != "" {
				flush()
			}
		}
		if wd.text == "" {
			continue
		}
		b.WriteString(kit.Spaces(space) + wd.style.Render(wd.text))
		used += space + kit.Width(wd.text)
	}
	if used > 0 || len(out) == 0 {
		flush()
	}
	return out
}
