package kit

import "flightdeck/ui/theme"

// ListRow is a row of a list in a Flush frame, exactly w cells: its margin points at the row under
// the cursor of a focused list, so that it can be found without colours.
func ListRow(st *theme.Styles, line string, cursor bool, w int) string {
	if w < 2 {
		return Spaces(w)
	}
	if !cursor {
		return " " + Fit(line, w-1)
	}
	return OnBackground(st.Selected, st.Accent.Render("›")+Fit(line, w-1))
}

// Window keeps a cursor visible in a list: given the number of rows, the cursor, the first row
// shown last time and the height, it gives the first row to show now. It moves only as far as it
// must, so that nothing jumps.
func Window(rows, cursor, top, height int) int {
	if height <= 0 || rows <= height {
		return 0
	}
	if cursor < top {
		top = cursor
	}
	if cursor >= top+height {
		top = cursor - height + 1
	}
	return min(max(top, 0), rows-height)
}

// Clamp keeps an index inside 0..n-1; 0 when there is nothing.
func Clamp(i, n int) int { return max(0, min(i, n-1)) }

// Move gives the cursor after a list key and whether it was one: up k down j pgup pgdown home g
// end G ctrl+u ctrl+d.
func Move(key string, cursor, rows, height int) (int, bool) {
	switch key {
	case "up", "k":
		cursor--
	case "down", "j":
		cursor++
	case "pgup":
		cursor -= max(1, height-1)
	case "pgdown":
		cursor += max(1, height-1)
	case "ctrl+u":
		cursor -= max(1, height/2)
	case "ctrl+d":
		cursor += max(1, height/2)
	case "home", "g":
		cursor = 0
	case "end", "G":
		cursor = rows - 1
	default:
		return cursor, false
	}
	return Clamp(cursor, rows), true
}
