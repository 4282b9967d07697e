package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// How large logs grow, and how often the same is said.
const (
	logBytes  = 1 << 20          // of one file
	logFiles  = 4                // kept beside the one that is written
	logRepeat = 10 * time.Minute // in which the same is counted, not written again
	logKinds  = 256              // that are counted at a time
)

// Log is a slog.Handler that keeps quiet about people: it writes what happened in this program's own words, why in
// words of this program or of the system, and numbers. Names, paths, addresses and bodies, which the texts of errors
// are full of, do not get into it. What repeats is counted. It is safe for several goroutines.
type Log struct {
	now    func() time.Time
	fixed  []slog.Attr
	shared *logged
}

var _ slog.Handler = (*Log)(nil)

// logged is what a Log and those derived from it have in common.
type logged struct {
	mu    sync.Mutex
	to    io.Writer
	close func() error
	seen  map[string]*repeated
}

// repeated is a line and how often it was not written since it was.
type repeated struct {
	at    time.Time
	times int
}

// OpenLog returns a Log that writes to file, which is renamed to FILE.1 when it has grown, up to FILE.4; or, where file is "", to w.
// The caller closes it.
func OpenLog(file string, w io.Writer, now func() time.Time) (*Log, error) {
	shared := &logged{to: w, close: func() error { return nil }, seen: map[string]*repeated{}}
	if file != "" {
		r, err := openRotating(file, logBytes)
		if err != nil {
			return nil, fmt.Errorf("open the log: %w", err)
		}
		shared.to, shared.close = r, r.Close
	}
	return &Log{now: now, shared: shared}, nil
}

// Enabled implements slog.Handler: what is only for those who look for a fault is left out, since it is not written
// with care for people.
func (l *Log) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// WithAttrs implements slog.Handler.
func (l *Log) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Log{now: l.now, fixed: append(slices.Clone(l.fixed), attrs...), shared: l.shared}
}

// WithGroup implements slog.Handler: groups are not named.
func (l *Log) WithGroup(string) slog.Handler { return l }

// Handle implements slog.Handler.
func (l *Log) Handle(_ context.Context, r slog.Record) error {
	what, numbers := r.Level.String()+" "+r.Message, ""
	each := func(a slog.Attr) bool {
		switch text, number := sayable(a); {
		case number:
			numbers += " " + a.Key + "=" + text
		case text != "":
			what += ": " + text
		}
		return true
	}
	for _, a := range l.fixed {
		each(a)
	}
	r.Attrs(each)
	return l.shared.write(l.now(), what, numbers)
}

// sayable returns what may be said of an attribute, and whether it is a number.
func sayable(a slog.Attr) (text string, number bool) {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindBool, slog.KindDuration, slog.KindTime:
		return v.String(), true
	}
	switch err, is := v.Any().(error); {
	case is:
		return reason(err), false
	case a.Key == "panic":
		return "panic", false
	case a.Key == "method" && slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete}, v.String()):
		return v.String(), false
	}
	return "", false
}

func (l *logged) write(now time.Time, what, numbers string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.seen[what]
	if before != nil && now.Sub(before.at) < logRepeat && !now.Before(before.at) {
		before.times++
		return nil
	}
	if before == nil && len(l.seen) >= logKinds {
		if err := l.settle(now); err != nil {
			return err
		}
	}
	if before != nil && before.times > 0 {
		numbers += fmt.Sprintf(" (and %d times since %s)", before.times, before.at.UTC().Format(time.RFC3339))
	}
	l.seen[what] = &repeated{at: now}
	return l.line(now, what+numbers)
}

// line writes one line. What was said in a message breaks no line.
func (l *logged) line(now time.Time, text string) error {
	_, err := fmt.Fprintf(l.to, "%s %s\n", now.UTC().Format(time.RFC3339), strings.ReplaceAll(text, "\n", " "))
	return err
}

// settle writes what was only counted so far, and forgets it.
func (l *logged) settle(now time.Time) (err error) {
	for what, r := range l.seen {
		if r.times > 0 {
			err = errors.Join(err, l.line(now, fmt.Sprintf("%s (%d times since %s)", what, r.times, r.at.UTC().Format(time.RFC3339))))
		}
	}
	clear(l.seen)
	return err
}

// Close writes what was only counted so far.
func (l *Log) Close() error {
	l.shared.mu.Lock()
	defer l.shared.mu.Unlock()
	return errors.Join(l.shared.settle(l.now()), l.shared.close())
}

// rotating is a file that is put aside when it has grown. It belongs to one goroutine at a time.
type rotating struct {
	name string
	most int64
	f    *os.File
	size int64
}

func openRotating(name string, most int64) (*rotating, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	r := &rotating{name: name, most: most}
	return r, r.open()
}

func (r *rotating) open() (err error) {
	if r.f, err = os.OpenFile(r.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	info, err := r.f.Stat()
	if err == nil {
		r.size = info.Size()
	}
	return err
}

// Write implements io.Writer.
func (r *rotating) Write(p []byte) (int, error) {
	if r.size > 0 && r.size+int64(len(p)) > r.most {
		if err := r.turn(); err != nil {
			return 0, err
		}
	}
	n, err := r.f.Write(p)
	r.size += int64(n)
	return n, err
}

// turn puts the file aside, and those that were put aside before it; the oldest goes.
func (r *rotating) turn() error {
	if err := r.f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	aside := func(n int) string { return fmt.Sprintf("%s.%d", r.name, n) }
	for n := logFiles; n > 0; n-- {
		from := r.name
		if n > 1 {
			from = aside(n - 1)
		}
		if err := os.Rename(from, aside(n)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return r.open()
}

// Close closes the file.
func (r *rotating) Close() error { return r.f.Close() }
