package local

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// A log line is kept to 256 KB and a log file to 16 MB, with one file before it.
const (
	maxLine = 256 << 10
	maxLog  = 16 << 20
)

// logFile is the log of one instance: "<time> o|e <text>" a line.
type logFile struct {
	mu   sync.Mutex
	path string
	f    *os.File
	size int64
}

func openLog(path string) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &logFile{path: path, f: f, size: info.Size()}, nil
}

func (l *logFile) close() { _ = l.f.Close() } // at the end of the process; nobody is left to tell

// line writes one line. A log that cannot be written must not stop the service.
func (l *logFile) line(kind byte, text []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size > maxLog {
		if os.Rename(l.path, l.path+".1") == nil {
			if f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err == nil {
				_ = l.f.Close()
				l.f, l.size = f, 0
			}
		}
	}
	n, _ := fmt.Fprintf(l.f, "%s %c %s\n", time.Now().UTC().Format(time.RFC3339Nano), kind, text)
	l.size += int64(n)
}

// copy writes the lines of a stream until it ends, or until a second after the process has: a
// daemon that it left in another session may hold the pipe for ever.
func (l *logFile) copy(kind byte, from *os.File, over <-chan struct{}) {
	defer from.Close() // it was only read
	read := make(chan struct{})
	defer close(read)
	go func() {
		select {
		case <-read:
			return
		case <-over:
		}
		// A pipe can always have a deadline; an error would only mean that it is closed already.
		_ = from.SetReadDeadline(time.Now().Add(time.Second))
	}()
	r := bufio.NewReaderSize(from, 64<<10)
	var text []byte
	dropped := 0
	for {
		part, err := r.ReadSlice('\n')
		room := maxLine - len(text)
		text = append(text, part[:min(len(part), room)]...)
		dropped += len(part) - min(len(part), room)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if len(text) > 0 {
			text = bytesTrimNewline(text)
			if dropped > 0 {
				text = fmt.Appendf(text, " … +%d bytes", dropped)
			}
			l.line(kind, text)
		}
		if err != nil {
			return
		}
		text, dropped = text[:0], 0
	}
}

func bytesTrimNewline(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		return b[:n-1]
	}
	return b
}
