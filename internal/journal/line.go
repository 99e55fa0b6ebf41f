package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"flightdeck/internal/run"
)

// A line is the entry's JSON with two seals at its end:
//
//	{"seq":2,"at":"…","kind":"…","event":{…},"prev":"<32 hex digits>","crc":"<8 hex digits>"}
//
// prev is the hash of the line before (without its newline), crc the CRC-32C of all bytes of this
// line that stand before `,"crc"`.
const (
	noHash    = "00000000000000000000000000000000"
	prevKey   = `,"prev":"`
	crcKey    = `,"crc":"`
	sealBytes = len(crcKey) + 8 + len(`"}`)
)

// ErrDamaged says which line of a journal is not what was once written, and why.
type ErrDamaged struct {
	Path string
	Line int // from 1
	Why  string
}

func (e *ErrDamaged) Error() string {
	return fmt.Sprintf("%s:%d: the journal is damaged: %s; it is left as it is: keep a copy, and look at it with `flightdeck show`", e.Path, e.Line, e.Why)
}

func seal(e run.Entry, prev string) (line []byte, hash string, err error) {
	line, err = e.MarshalJSON()
	if err != nil {
		return nil, "", err
	}
	line = append(line[:len(line)-1], prevKey...)
	line = append(line, prev...)
	line = append(line, '"')
	line = append(line, crcKey+checksum(line)+`"}`...)
	return line, hashOf(line), nil
}

func checksum(b []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:16])
}

// whole says that the line carries its own checksum.
func whole(line []byte) bool {
	n := len(line) - sealBytes
	return n > 0 && string(line[n:]) == crcKey+checksum(line[:n])+`"}`
}

// joined says that a broken line is two lines whose newline was overwritten: its first seal stands
// in the middle. No text in an entry can look so, because JSON escapes quotes.
func joined(line []byte) bool {
	i := bytes.Index(line, []byte(crcKey))
	return i >= 0 && i+sealBytes < len(line)
}

type document struct {
	entries []run.Entry
	prev    string // hash of the last whole line
	good    int64  // bytes up to its end
	torn    int    // bytes after it
}

func (d document) recovery() Recovery {
	if d.torn == 0 {
		return Recovery{}
	}
	return Recovery{Notice: fmt.Sprintf("a torn last line of %d bytes was dropped", d.torn), Dropped: d.torn}
}

// Read reads a journal and changes nothing, whether it is being written or not. With *ErrDamaged
// it still gives the entries before the damage. A torn last line is left out, and Recovery says so;
// in the journal of a live run that is a line that is just being written.
func Read(path string) ([]run.Entry, Recovery, error) {
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return nil, Recovery{}, fmt.Errorf("the journal cannot be read: %w", err)
	}
	d, err := readAll(path, f)
	return d.entries, d.recovery(), errors.Join(err, f.Close())
}

func readAll(path string, r io.Reader) (document, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return document{}, fmt.Errorf("the journal cannot be read: %w", err)
	}
	d := document{prev: noHash}
	for rest := data; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if !ended || !whole(line) {
			if len(after) > 0 || joined(line) {
				return d, &ErrDamaged{Path: path, Line: len(d.entries) + 1, Why: "its checksum does not fit (crc)"}
			}
			d.torn = len(rest)
			return d, nil
		}
		if err := d.take(path, line); err != nil {
			return d, err
		}
		d.good += int64(len(line)) + 1
		rest = after
	}
	return d, nil
}

// take checks a line that has its checksum against the lines before it.
func (d *document) take(path string, line []byte) error {
	n := len(d.entries) + 1
	damaged := func(format string, args ...any) error {
		return &ErrDamaged{Path: path, Line: n, Why: fmt.Sprintf(format, args...)}
	}
	var e run.Entry
	if err := e.UnmarshalJSON(line); err != nil {
		return damaged("it cannot be read: %v", err)
	}
	if e.Seq != uint64(n) {
		return damaged("entry %d stands where entry %d belongs (sequence gap)", e.Seq, n)
	}
	if at := len(line) - sealBytes; !bytes.HasSuffix(line[:at], []byte(prevKey+d.prev+`"`)) {
		return damaged("it does not continue the line before it (hash chain)")
	}
	d.entries = append(d.entries, e)
	d.prev = hashOf(line)
	return nil
}
