package lines

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"flightdeck/internal/tail"
	"flightdeck/ui/kit"
)

// mostCopied bounds what is given to the terminal's clipboard, in bytes: many terminals drop an
// OSC 52 beyond 100,000 bytes of base64 without a word.
const mostCopied = 74_000

// copy puts the line that the search stands on into the clipboard, else the lines on screen:
// whole lines, without colours, also where they are cut at the edge.
func (v *View) copy() tea.Cmd {
	var out []string
	if _, ok := v.win.at(v.at); ok && v.search.m != nil && v.at > 0 {
		out = append(out, v.plain(v.at))
	} else {
		n, _, ok := v.resolve()
		for ; ok && n <= v.bottom; n, ok = v.next(n) {
			out = append(out, v.plain(n))
		}
	}
	if len(out) == 0 {
		return kit.Notice("there is no line to copy", true)
	}
	s := strings.Join(out, "\n")
	if len(s) > mostCopied {
		return kit.Notice("too much for the terminal's clipboard ("+Count(uint64(len(s)))+" bytes); o saves to a file", true)
	}
	what := Count(uint64(len(out))) + " lines"
	if len(out) == 1 {
		what = "1 line"
	}
	return tea.Batch(tea.SetClipboard(s), kit.Notice("copied "+what+" to the terminal's clipboard", false))
}

// plain is a row as text, as it is copied.
func (v *View) plain(n uint64) string {
	r, _ := v.win.at(n)
	return v.written(r, "15:04:05")
}

func (v *View) written(r row, layout string) string {
	var b strings.Builder
	if t, ok := r.stamp(v.zone); ok {
		b.WriteString(t.Format(layout))
		b.WriteByte(' ')
	}
	if r.ours() {
		b.WriteString("── ")
	} else if v.opt.Sources {
		b.WriteString(v.sources[r.source].name)
		b.WriteByte(' ')
	}
	b.WriteString(r.text)
	return b.String()
}

// save writes every kept line to a new file, filter or not. The rows are copied here; the file is
// written by the command, so that a slow disk does not stop the screen.
func (v *View) save() tea.Cmd {
	rows := make([]row, 0, v.win.count+len(v.win.pinned))
	for n, ok := v.win.next(v.win.low() - 1); ok; n, ok = v.win.next(n) {
		r, _ := v.win.at(n)
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		return kit.Notice("there is no line to save", true)
	}
	names := &View{opt: v.opt, zone: v.zone, sources: append([]source(nil), v.sources...)}
	dir, stem := v.opt.Dir, "flightdeck-"+v.opt.Name+"-"+v.now.UTC().Format("20060102-150405")
	return func() tea.Msg {
		name, err := names.writeFile(dir, stem, rows)
		if err != nil {
			return kit.NoticeMsg{Text: "the lines were not saved: " + err.Error(), Bad: true}
		}
		return kit.NoticeMsg{Text: Count(count(rows)) + " lines saved to " + name}
	}
}

func count(rows []row) uint64 {
	n := uint64(0)
	for _, r := range rows {
		if r.kind != tail.Mark && r.kind != tail.Gap {
			n++
		}
	}
	return n
}

// writeFile writes rows to a file that did not exist before; only its owner may read it.
func (v *View) writeFile(dir, stem string, rows []row) (name string, err error) {
	var f *os.File
	for i := 1; i < 100; i++ {
		name = stem + ".log"
		if i > 1 {
			name = fmt.Sprintf("%s-%d.log", stem, i)
		}
		f, err = os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	for _, r := range rows {
		// A failed write stays in the writer until Flush tells it.
		_, _ = w.WriteString(v.written(r, time.RFC3339Nano))
		_ = w.WriteByte('\n')
	}
	return name, errors.Join(w.Flush(), f.Close())
}
