package server

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kith/pod"
)

func TestALogSaysWhyAndNotWho(t *testing.T) {
	c, out := newClock(), &bytes.Buffer{}
	l, err := OpenLog("", out, c.now)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(l)
	secret := errors.New("open /home/ana/kith/pods/ana/social/posts/holiday-with-ben: https://relay.of.ben.example/")
	log.Error("request failed", "err", fmt.Errorf("%w: %w", secret, pod.ErrFull))
	log.Error("make backups", "err", &fs.PathError{Op: "open", Path: "/media/anas-stick", Err: syscall.ENOENT})
	log.Warn("a relay gives no queue", "err", fmt.Errorf("%w: %w", secret, &net.DNSError{Name: "relay.of.ben.example", Err: "no such host", IsNotFound: true}))
	log.Error("request failed", "err", secret)
	log.Error("request failed", "panic", "index of ana's holiday")
	log.With("who", "ana").WithGroup("ben").Info("answered", "method", "GET", "status", 200, "path", "/ana/holiday", "took", time.Second)
	log.Info("answered", "method", "ANA")
	log.Debug("ana asks from 203.0.113.7")
	want := `2026-11-22T10:00:00Z ERROR request failed: no space is left
2026-11-22T10:00:00Z ERROR make backups: no such file or directory
2026-11-22T10:00:00Z WARN a relay gives no queue: the name of a host is not known
2026-11-22T10:00:00Z ERROR request failed: another reason
2026-11-22T10:00:00Z ERROR request failed: panic
2026-11-22T10:00:00Z INFO answered: GET status=200 took=1s
2026-11-22T10:00:00Z INFO answered
`
	if out.String() != want {
		t.Errorf("the log is\n%s", out)
	}
}

func TestALogCountsWhatRepeats(t *testing.T) {
	c, out := newClock(), &bytes.Buffer{}
	l, err := OpenLog("", out, c.now)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(l)
	for range 1000 {
		log.Error("request failed", "err", pod.ErrFull)
	}
	c.pass(logRepeat)
	log.Error("request failed", "err", pod.ErrFull)
	log.Error("request failed", "err", pod.ErrFull)
	c.pass(-24 * time.Hour) // a clock that goes back makes nothing silent
	log.Error("request failed", "err", pod.ErrFull)
	for i := range 2 * logKinds {
		log.Info(fmt.Sprint("kind ", i))
	}
	log.Info("last")
	log.Info("last")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{"no space is left (and 999 times since 2026-11-22T10:00:00Z)\n", "2026-11-21T10:10:00Z ERROR request failed: no space is left (and 1 times", "INFO last (1 times since"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q stands %d times in the log", want, strings.Count(text, want))
		}
	}
	if lines := strings.Count(text, "\n"); lines != 3+2*logKinds+2 {
		t.Errorf("%d lines", lines)
	}
	if n := len(l.shared.seen); n > logKinds {
		t.Errorf("%d kinds are remembered", n)
	}
}

func TestALogGrowsSoFar(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	r, err := openRotating(filepath.Join(dir, "kith.log"), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if _, err := fmt.Fprintf(r, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err = openRotating(filepath.Join(dir, "kith.log"), 1000); err != nil { // it goes on where it was
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(r, "the last"); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	all, err := os.ReadDir(dir)
	if err != nil || len(all) != 1+logFiles {
		t.Fatalf("%v, %v", all, err)
	}
	joined := ""
	for _, name := range []string{"kith.log.4", "kith.log.3", "kith.log.2", "kith.log.1", "kith.log"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		info, failed := os.Stat(filepath.Join(dir, name))
		if err != nil || failed != nil || len(text) > 1000 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, %v, %v", name, len(text), err, failed)
		}
		joined += string(text)
	}
	if !strings.HasSuffix(joined, "line 998\nline 999\nthe last\n") || strings.Count(joined, "\n") < 400 {
		t.Errorf("%d lines: …%s", strings.Count(joined, "\n"), joined[max(0, len(joined)-60):])
	}
	for i, line := range strings.Split(strings.TrimSuffix(joined, "\nthe last\n"), "\n") {
		first := 1000 - strings.Count(joined, "\n") + 1
		if line != fmt.Sprintf("line %d", first+i) {
			t.Fatalf("%q is where line %d should be", line, first+i)
		}
	}
}
