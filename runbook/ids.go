package runbook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// names hands out identifiers: the wish itself for the first, "wish-2" for the next equal one.
type names map[string]int

func (n names) take(wish string) string {
	n[wish]++
	id := wish
	for i := n[wish]; i > 1; i++ {
		id = fmt.Sprintf("%s-%d", wish, i)
		if n[id] == 0 {
			n[id] = 1
			break
		}
	}
	return id
}

// identify gives every phase, step and box its identifier. It runs once, over the finished
// reading, so that the ordinals follow the document's order.
func identify(book *Runbook) {
	taken := names{}
	for i := range book.Phases {
		identifyPhase(&book.Phases[i], taken)
	}
	for i := range book.Procedures {
		for j := range book.Procedures[i].Phases {
			identifyPhase(&book.Procedures[i].Phases[j], taken)
		}
	}
}

func identifyPhase(p *Phase, taken names) {
	section := slug(p.Title)
	p.ID = taken.take(section)
	for i := range p.Steps {
		s := &p.Steps[i]
		s.ID = taken.take(fmt.Sprintf("%s/%s-%s", section, s.Kind, digest(identity(*s))))
		for j := range s.Items {
			s.Items[j].ID = taken.take(fmt.Sprintf("%s/item-%s", section, digest(s.Items[j].Text)))
		}
	}
}

// identity is the text that makes a step the same step after an edit elsewhere. A command is its
// text, because another command is another step; a checklist is its title, so that a box more
// does not lose the ticks of the others.
func identity(s Step) string {
	if s.Command != nil {
		return s.Command.Text
	}
	var b strings.Builder
	b.WriteString(s.Title)
	for _, k := range slices.Sorted(maps.Keys(s.With)) {
		fmt.Fprintf(&b, "\n%s=%s", k, s.With[k])
	}
	return b.String()
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

// maxSlug is the longest slug in characters.
const maxSlug = 40

// slug makes an identifier that can be typed and read: lower case letters, digits, hyphens.
func slug(s string) string {
	var out []rune
	for _, c := range strings.ToLower(s) {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			out = append(out, c)
		} else if len(out) > 0 && out[len(out)-1] != '-' {
			out = append(out, '-')
		}
		if len(out) >= maxSlug {
			break
		}
	}
	if id := strings.Trim(string(out), "-"); id != "" {
		return id
	}
	return "section"
}
