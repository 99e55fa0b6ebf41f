package docker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/pkg/stdcopy"

	"flightdeck/internal/stack"
	"flightdeck/internal/tail"
)

func frame(stream byte, text string) []byte {
	out := make([]byte, 8, 8+len(text))
	out[0] = stream
	binary.BigEndian.PutUint32(out[4:], uint32(len(text)))
	return append(out, text...)
}

const stampFormat = "2006-01-02T15:04:05.000000000Z"

func TestReadFramesAgreesWithStdcopy(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	for range 500 {
		size := random.IntN(200)
		if random.IntN(50) == 0 {
			size = random.IntN(200_000)
		}
		stream = append(stream, frame(byte(1+random.IntN(2)), strings.Repeat("é", size)+"\n")...)
	}
	var out, err bytes.Buffer
	if _, e := stdcopy.StdCopy(&out, &err, bytes.NewReader(stream)); e != nil {
		t.Fatal(e)
	}
	var mine [2]bytes.Buffer
	e := readFrames(bytes.NewReader(stream), func(m message) {
		mine[m.kind].Write(m.data)
		if !m.partial {
			mine[m.kind].WriteByte('\n')
		}
	})
	if e != nil || !bytes.Equal(mine[0].Bytes(), out.Bytes()) || !bytes.Equal(mine[1].Bytes(), err.Bytes()) {
		t.Errorf("%v; %d and %d bytes, stdcopy has %d and %d", e, mine[0].Len(), mine[1].Len(), out.Len(), err.Len())
	}
}

func TestReadFramesBrokenStreams(t *testing.T) {
	whole := frame(1, "2026-11-20T10:00:00.000000001Z one\n")
	for name, test := range map[string]struct {
		stream []byte
		lines  int
		fails  bool
	}{
		"empty":            {nil, 0, false},
		"cut in a header":  {append(bytes.Clone(whole), 1, 0, 0), 1, false},
		"cut in a frame":   {append(bytes.Clone(whole), whole[:20]...), 1, false},
		"out of step":      {append(bytes.Clone(whole), "this is no header"...), 1, true},
		"engine's own":     {append(bytes.Clone(whole), frame(3, "disk on fire")...), 1, true},
		"impossible frame": {[]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, 0, true},
	} {
		n := 0
		err := readFrames(bytes.NewReader(test.stream), func(message) { n++ })
		if n != test.lines || (err != nil) != test.fails {
			t.Errorf("%s: %d lines, %v", name, n, err)
		}
	}
}

func TestCutStamp(t *testing.T) {
	at := time.Date(2026, 2, 28, 23, 59, 58, 123456789, time.UTC)
	got, rest := cutStamp([]byte(at.Format(stampFormat) + " text"))
	if !got.Equal(at) || string(rest) != "text" {
		t.Errorf("%s %q", got, rest)
	}
	for _, s := range []string{"", "text", "2026-02-28T23:59:58.12345678xZ text", "2026-13-28T23:59:58.123456789Z text", strings.Repeat("x", 40)} {
		if at, rest := cutStamp([]byte(s)); !at.IsZero() || string(rest) != s {
			t.Errorf("%q is taken for a stamp", s)
		}
	}
}

// lines is a sink that only keeps lines and gaps.
type lines struct{ got []string }

func (l *lines) Line(_ string, _ tail.Kind, _ time.Time, raw []byte) {
	l.got = append(l.got, string(raw))
}
func (l *lines) Mark(_ string, _ tail.Kind, _ time.Time, text string) { l.got = append(l.got, text) }
func (l *lines) Seen(stack.Snapshot)                                  {}
func (l *lines) Down(error)                                           {}

// TestPositionLosesAndDoublesNothing plays logs whose stamps are slightly out of order, with long
// lines in pieces, cut off at random places and asked for again, as the engine would answer.
func TestPositionLosesAndDoublesNothing(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 7))
		var log []message
		var want []string
		at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
		for n := range 300 {
			at = at.Add(time.Duration(random.IntN(60)) * time.Millisecond)
			shown := at.Add(-time.Duration(random.IntN(3)) * time.Millisecond)
			text := fmt.Sprint("line ", n)
			if random.IntN(10) == 0 {
				log = append(log, message{at: shown, data: fmt.Appendf(nil, "part %d of ", n), partial: true})
				text = fmt.Sprintf("part %d of ", n) + text
			}
			log = append(log, message{at: shown, data: []byte(fmt.Sprint("line ", n))})
			want = append(want, text)
		}
		sink := &lines{}
		f := &follower{sink: sink}
		for stored := 0; stored < len(log); {
			stored = min(len(log), stored+random.IntN(60))
			skip := 0
			if f.begun {
				skip = f.position.old.count
			}
			// The time that the stream is opened with; the anchor moves meanwhile.
			take, left, since := f.taker(skip), random.IntN(400), f.position.old.at
			for _, m := range log[:stored] {
				if m.at.Before(since) || left == 0 {
					continue
				}
				left--
				take(m)
			}
		}
		skip := f.position.old.count
		since, take := f.position.old.at, f.taker(skip)
		for _, m := range log {
			if !m.at.Before(since) {
				take(m)
			}
		}
		if d := cmp.Diff(want, sink.got); d != "" {
			t.Fatalf("seed %d (-want +got): %s", seed, d)
		}
	}
}

func TestRecentKnowsRepeats(t *testing.T) {
	var r recent
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	m := func(n int) message {
		return message{at: at.Add(time.Duration(n) * time.Microsecond), data: []byte(fmt.Sprint(n))}
	}
	newest := time.Time{}
	for n := range 10_000 {
		if r.repeats(m(n), newest, false) {
			t.Fatalf("%d counts as repeated", n)
		}
		newest = m(n).at
	}
	if !r.repeats(m(9_998), newest, false) || !r.repeats(m(7_000), newest, false) {
		t.Error("a repeated message is not known")
	}
	if r.repeats(m(9_999), newest, false) {
		t.Error("an equal line with the newest stamp counts as repeated, but this clock is coarse")
	}
	// A long line of three pieces and a short one, sent twice.
	for i, partial := range []bool{true, true, false, false, true, true, false, false} {
		p := message{at: at.Add(time.Second + time.Nanosecond), data: []byte("xxx"), partial: partial}
		if i%4 == 3 {
			p.data = []byte("short")
		}
		if got := r.repeats(p, newest, i == 1 || i == 2); got != (i >= 4) {
			t.Errorf("piece %d: repeated is %v", i, got)
		}
		newest = p.at
	}
	late := message{at: m(9_000).at, data: []byte("from the other stream")}
	if r.repeats(late, newest, false) {
		t.Error("a late message counts as repeated")
	}
}

func TestJoinerCapsLongLines(t *testing.T) {
	var j joiner
	var got []string
	line := func(_ tail.Kind, _ time.Time, raw []byte) { got = append(got, string(raw)) }
	chunk := bytes.Repeat([]byte("y"), chunkLength)
	for range 100 {
		j.take(message{data: chunk, partial: true}, line)
		j.take(message{kind: tail.Err, data: []byte("between")}, line)
	}
	j.take(message{data: []byte("end")}, line)
	if len(got) != 101 || got[0] != "between" {
		t.Fatalf("%d lines", len(got))
	}
	want := fmt.Sprintf(" … +%d bytes", 100*chunkLength+3-joinedMax)
	if long := got[100]; !strings.HasSuffix(long, want) || len(long) != joinedMax+len(want) {
		t.Errorf("the long line has %d bytes and ends with %q", len(long), long[len(long)-30:])
	}
	j.take(message{data: []byte("never ended"), partial: true}, line)
	j.flush(line)
	j.flush(line)
	if len(got) != 102 || got[101] != "never ended" {
		t.Errorf("flushed: %q", got[101:])
	}
}
