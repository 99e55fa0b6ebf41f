package lines

import tea "charm.land/bubbletea/v2"

// pinBack is how many rows above a held view are kept with it.
const pinBack = 200

// subs is how many screen rows a row takes.
func (v *View) subs(n uint64) int {
	r, ok := v.win.at(n)
	if !ok || !v.wrap || r.ours() {
		return 1
	}
	cells := v.shape(v.w).cells
	if m := &v.measured; m.n != n || m.cells != cells {
		*m = measured{n, cells, r.height(cells, 1<<20)}
	}
	return v.measured.subs
}

// measured remembers the height of one row: scrolling inside a very long line asks for it again
// and again.
type measured struct {
	n     uint64
	cells int
	subs  int
}

// lowest is the place of the top row when the newest line is at the bottom.
func (v *View) lowest() (anchor, bool) {
	left := v.rows()
	n, ok := v.prev(v.win.last() + 1)
	if !ok {
		return anchor{}, false
	}
	for {
		k := v.subs(n)
		if k >= left {
			return anchor{n, k - left}, true
		}
		left -= k
		up, ok := v.prev(n)
		if !ok {
			return anchor{n, 0}, true
		}
		n = up
	}
}

func (a anchor) before(b anchor) bool { return a.n < b.n || a.n == b.n && a.sub < b.sub }

// move scrolls by screen rows, down if by is above zero. Reaching the bottom resumes following.
func (v *View) move(by int) {
	if v.w <= 0 || v.h <= 0 {
		return
	}
	end, ok := v.lowest()
	if !ok {
		return
	}
	n, sub, ok := v.resolve()
	if v.follow || !ok {
		n, sub = end.n, end.sub
	}
	pos := anchor{n, min(sub, v.subs(n)-1)}
	down := by > 0
	for ; by < 0; by++ {
		if pos.sub > 0 {
			pos.sub--
		} else if up, ok := v.prev(pos.n); ok {
			pos = anchor{up, v.subs(up) - 1}
		} else {
			break
		}
	}
	for ; by > 0 && pos.before(end); by-- {
		if pos.sub+1 < v.subs(pos.n) {
			pos.sub++
		} else if down, ok := v.next(pos.n); ok {
			pos = anchor{down, 0}
		} else {
			break
		}
	}
	// The one rule of following: above the bottom the view is held, reaching the bottom it follows.
	switch {
	case pos.before(end):
		v.holdAt(pos)
	case down:
		v.resume()
	}
}

// holdAt stops following, with this row on top.
func (v *View) holdAt(pos anchor) {
	if v.follow {
		v.heldAt = v.win.last()
	}
	v.follow, v.top = false, pos
	v.win.hold(pos.n - min(pos.n, pinBack))
	v.dirty()
}

func (v *View) resume() {
	v.follow = true
	v.win.release()
	v.own.trim(v.win)
	v.search.trim(v.win)
	v.filter.trim(v.win)
	v.dirty()
}

// toggle is the follow key.
func (v *View) toggle() {
	if !v.follow {
		v.resume()
		return
	}
	if end, ok := v.lowest(); ok {
		v.holdAt(end)
	}
}

// reveal brings a row onto the screen, a third from the top, if it is not there already; the view
// is held, so that it stays there.
func (v *View) reveal(n uint64) {
	end, ok := v.lowest()
	if !ok {
		return
	}
	top := v.top
	if v.follow {
		top = end
	}
	if n > top.n && n < v.bottom || n == top.n && top.sub == 0 || n == v.bottom && !v.wrap {
		v.holdAt(top)
		return
	}
	pos := anchor{n, 0}
	for i := v.rows() / 3; i > 0; i-- {
		up, ok := v.prev(pos.n)
		if !ok {
			break
		}
		pos = anchor{up, 0}
	}
	if !pos.before(end) {
		pos = end
	}
	v.holdAt(pos)
}

// scroll handles the moving keys and says whether it was one.
func (v *View) scroll(key string) bool {
	page := max(1, v.rows()-1)
	switch key {
	case "up", "k":
		v.move(-1)
	case "down", "j":
		v.move(1)
	case "pgup", "b":
		v.move(-page)
	case "pgdown":
		v.move(page)
	case "ctrl+u":
		v.move(-max(1, page/2))
	case "ctrl+d":
		v.move(max(1, page/2))
	case "home", "g":
		v.home()
	case "end", "G":
		v.resume()
	case "left":
		v.shift = max(0, v.shift-16)
		v.dirty()
	case "right":
		if !v.wrap {
			v.shift = min(v.shift+16, 1<<16)
			v.dirty()
		}
	default:
		return false
	}
	return true
}

func (v *View) home() {
	end, ok := v.lowest()
	if !ok {
		return
	}
	n, ok := v.next(v.win.low() - 1)
	if top := (anchor{n, 0}); ok && top.before(end) {
		v.holdAt(top)
	}
}

// first goes to the hit nearest above the bottom of the screen, where a reader of logs looks
// first; if there is none, to the first one below.
func (v *View) first() tea.Cmd {
	from := v.win.last() + 1
	if !v.follow && v.bottom > 0 {
		from = v.bottom + 1
	}
	n, ok := v.search.prev(from)
	if !ok {
		n, ok = v.search.next(v.bottom)
	}
	if ok {
		v.at = n
		v.reveal(n)
	}
	v.dirty()
	return nil
}
