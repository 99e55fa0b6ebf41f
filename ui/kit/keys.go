package kit

import (
	"slices"
	"strings"

	"flightdeck/ui/theme"
)

// Key is one row of a key table: what hands press, what it does, and why it does not, if so. The
// same table handles the key, fills the hint line and is the help.
type Key struct {
	// Keys are the names as Bubble Tea gives them: "enter", "space", "R", "ctrl+r".
	Keys []string
	// Label is how the key is written; empty: the first of Keys.
	Label string
	// Does is one or two words for the hint line ("skip"); Help a longer form, if there is one.
	Does, Help string
	// Off is why the key does nothing now; empty when it works.
	Off string
	// Rank is the importance in the hint line: 1 is dropped last. 0 is never in the hint line.
	Rank int
	// Far puts the hint at the right end of the line.
	Far bool
}

// Name is how the key is written.
func (k Key) Name() string {
	if k.Label != "" || len(k.Keys) == 0 {
		return k.Label
	}
	return k.Keys[0]
}

// Is says whether a pressed key, by its Bubble Tea name, is this one.
func (k Key) Is(pressed string) bool { return slices.Contains(k.Keys, pressed) }

// Find looks a pressed key up; a key that works comes before one that does not.
func Find(keys []Key, pressed string) (Key, bool) {
	var off Key
	found := false
	for _, k := range keys {
		if !k.Is(pressed) {
			continue
		}
		if k.Off == "" {
			return k, true
		}
		if !found {
			off, found = k, true
		}
	}
	return off, found
}

// Hints is the line of keys that work now, exactly w cells. The least important ones are dropped
// until the rest fits; the order is that of the table.
func Hints(st *theme.Styles, keys []Key, w int) string {
	if w <= 0 {
		return ""
	}
	var live []Key
	for _, k := range keys {
		if k.Off == "" && k.Rank > 0 {
			live = append(live, k)
		}
	}
	for gap := 3; len(live) > 0; gap = 2 {
		if hintsWidth(live, gap) <= w {
			return drawHints(st, live, gap, w)
		}
		if gap == 3 {
			continue
		}
		worst := 0
		for i, k := range live {
			if k.Rank >= live[worst].Rank {
				worst = i
			}
		}
		live = slices.Delete(live, worst, worst+1)
	}
	return Spaces(w)
}

func hintsWidth(keys []Key, gap int) int {
	n := 0
	for i, k := range keys {
		if i > 0 {
			n += gap
		}
		n += Width(k.Name()) + 1 + Width(k.Does)
	}
	return n
}

func drawHints(st *theme.Styles, keys []Key, gap, w int) string {
	var near, far []string
	for _, k := range keys {
		s := st.Key.Render(k.Name()) + " " + st.Hint.Render(k.Does)
		if k.Far {
			far = append(far, s)
		} else {
			near = append(near, s)
		}
	}
	l, r := strings.Join(near, Spaces(gap)), strings.Join(far, Spaces(gap))
	return l + Spaces(w-Width(l)-Width(r)) + r
}
