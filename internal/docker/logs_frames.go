package docker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"flightdeck/internal/tail"
)

const (
	// stampLength is the engine's fixed time format "2006-01-02T15:04:05.000000000Z" and a space.
	stampLength = 31
	// chunkLength is where the engine cuts long lines: each piece is a message of its own.
	chunkLength = 16 << 10
	// joinedMax is how much of a line is kept when its pieces are joined again.
	joinedMax = 256 << 10
	// frameMax is the longest frame that is believed; more means that the stream is out of step.
	frameMax = 8 << 20
)

// message is one piece of a log as the engine stores it: a line, or a part of a long one.
type message struct {
	kind    tail.Kind
	at      time.Time
	data    []byte // without its newline; valid until the next message is read
	partial bool   // the line goes on in the next message of this kind
}

// readFrames reads the multiplexed stream of a container without a terminal. Each frame is one
// message, which stdcopy does not show; and it copies its buffer once per frame, which halves the
// speed on short lines. A clean end of the stream gives nil, also in the middle of a frame: the
// caller reads it again.
func readFrames(r io.Reader, each func(message)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var long []byte
	for {
		header, err := in.Peek(8)
		if err != nil {
			return streamEnd(err)
		}
		size := int(binary.BigEndian.Uint32(header[4:]))
		stream := header[0]
		if stream > 3 || size > frameMax {
			return fmt.Errorf("the log stream is out of step (stream %d, %d bytes)", stream, size)
		}
		var body []byte
		if 8+size <= in.Size() {
			frame, err := in.Peek(8 + size)
			if err != nil {
				return streamEnd(err)
			}
			body = frame[8:]
		} else {
			long = append(long[:0], make([]byte, 8+size)...)
			if _, err := io.ReadFull(in, long); err != nil {
				return streamEnd(err)
			}
			body = long[8:]
		}
		if stream == 3 {
			return fmt.Errorf("the engine broke off the log: %s", bytes.TrimSpace(body))
		}
		m := message{kind: tail.Out, partial: true}
		if stream == 2 {
			m.kind = tail.Err
		}
		m.at, m.data = cutStamp(body)
		if n := len(m.data); n > 0 && m.data[n-1] == '\n' {
			m.data, m.partial = m.data[:n-1], false
		}
		each(m)
		if 8+size <= in.Size() {
			if _, err := in.Discard(8 + size); err != nil {
				return streamEnd(err)
			}
		}
	}
}

// readTerminal reads the raw stream of a container with a terminal: no frames, one stream. A
// message ends at its newline, or after chunkLength bytes where the next time stamp follows.
func readTerminal(r io.Reader, each func(message)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		head, err := in.Peek(stampLength)
		if err != nil {
			return streamEnd(err)
		}
		m := message{kind: tail.Out}
		if at, rest := cutStamp(head); len(rest) == 0 {
			m.at = at
			if _, err := in.Discard(stampLength); err != nil {
				return streamEnd(err)
			}
		}
		data, partial, err := terminalMessage(in)
		if err != nil {
			return streamEnd(err)
		}
		m.data, m.partial = data, partial
		length := len(data)
		if !partial {
			m.data, length = bytes.TrimSuffix(data, []byte{'\r'}), length+1
		}
		each(m)
		if _, err := in.Discard(length); err != nil {
			return streamEnd(err)
		}
	}
}

// terminalMessage finds the end of the message at the reader's place without moving it. A message
// whose end never comes is an error: it will be read again.
func terminalMessage(in *bufio.Reader) (data []byte, partial bool, err error) {
	for {
		n := min(in.Buffered(), chunkLength+1)
		got, err := in.Peek(n)
		if err != nil {
			return nil, false, err
		}
		if i := bytes.IndexByte(got, '\n'); i >= 0 {
			return got[:i], false, nil
		}
		if n > chunkLength {
			return got[:chunkLength], true, nil
		}
		if _, err := in.Peek(n + 1); err != nil {
			return nil, false, err
		}
	}
}

func streamEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// cutStamp takes the engine's time stamp off a message. What has none is given back whole, with the
// zero time.
func cutStamp(b []byte) (time.Time, []byte) {
	if len(b) < stampLength || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != '.' || b[29] != 'Z' || b[30] != ' ' {
		return time.Time{}, b
	}
	// time.Parse costs more than everything else that happens to a short line.
	year, month, day := digits(b[0:4]), digits(b[5:7]), digits(b[8:10])
	hour, minute, second, nano := digits(b[11:13]), digits(b[14:16]), digits(b[17:19]), digits(b[20:29])
	if year < 0 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || minute < 0 || second < 0 || nano < 0 {
		return time.Time{}, b
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nano, time.UTC), b[stampLength:]
}

// digits reads a number of digits only; -1 if there is anything else.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// joiner puts the pieces of long lines together again, one line at a time for each kind.
type joiner struct {
	parts [2]part
}

type part struct {
	data    []byte
	at      time.Time // of the first piece
	dropped int       // bytes beyond joinedMax
	open    bool
}

// take gives a line when the message completes one.
func (j *joiner) take(m message, line func(kind tail.Kind, at time.Time, raw []byte)) {
	p := &j.parts[m.kind&1]
	if !p.open && !m.partial {
		line(m.kind, m.at, m.data)
		return
	}
	if !p.open {
		p.open, p.at = true, m.at
	}
	room := min(joinedMax-len(p.data), len(m.data))
	p.data = append(p.data, m.data[:room]...)
	p.dropped += len(m.data) - room
	if !m.partial {
		p.flush(m.kind, line)
	}
}

// open says whether a line of this kind waits for its end.
func (j *joiner) open(kind tail.Kind) bool { return j.parts[kind&1].open }

// flush gives the lines that never got their newline.
func (j *joiner) flush(line func(kind tail.Kind, at time.Time, raw []byte)) {
	for k := range j.parts {
		if j.parts[k].open {
			j.parts[k].flush(tail.Kind(k), line)
		}
	}
}

func (p *part) flush(kind tail.Kind, line func(kind tail.Kind, at time.Time, raw []byte)) {
	if p.dropped > 0 {
		p.data = append(append(append(p.data, " … +"...), strconv.Itoa(p.dropped)...), " bytes"...)
	}
	line(kind, p.at, p.data)
	*p = part{}
}
