package relay

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestFolderIsOfOneRelay(t *testing.T) {
	st := start(t)
	if s, err := Open(st.config); err == nil {
		s.Close()
		t.Error("two relays in one folder")
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	if _, err := Open(Config{Data: t.TempDir(), Queues: "anybody"}); !errors.Is(err, ErrConfig) {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Data: file}); err == nil {
		t.Error("a file is taken for a folder")
	}
}

// TestTornRecord: the process ended within a write. What was whole is there, the rest is cut off, and
// what comes next is in order.
func TestTornRecord(t *testing.T) {
	st := start(t)
	b := st.queue()
	st.leave(b, []byte("whole"))
	st.close()
	name := only(t, st.config.Data, messagesName)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, extra := range [][]byte{{'L'}, {'L', 0, 116, 0, 0, 16, 0}, append([]byte{'L', 0, 116, 0, 0, 16, 0}, make([]byte, 200)...), make([]byte, 4096)} {
		if err := os.WriteFile(name, append(bytes.Clone(text), extra...), 0o600); err != nil {
			t.Fatal(err)
		}
		st.open()
		if n := st.counter("now_messages"); n != 1 {
			t.Errorf("%d messages after %d torn bytes", n, len(extra))
		}
		st.leave(b, []byte("next"))
		m := st.follow(b)
		for _, want := range []string{"whole", "next"} {
			got := next(t, m)
			if string(got.Body) != want {
				t.Errorf("got %q, want %q", got.Body, want)
			}
			if want == "next" {
				if err := m.Ack(soon(t), got.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		m.Close()
		st.close()
	}
}

// only returns the one file of a kind.
func only(t testing.TB, dir, kind string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, kind+"*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", kind, found, err)
	}
	return found[0]
}

// TestDamagedRecord: the disk has flipped a bit. That message is erased and counted; others are there.
func TestDamagedRecord(t *testing.T) {
	for _, at := range []int{recordHead + 20, recordHead + messageMeta + sealExtra + 20} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			st := start(t)
			b := st.queue()
			st.leave(b, bytes.Repeat([]byte("bad"), 100))
			st.leave(b, []byte("good"))
			st.close()
			name := only(t, st.config.Data, messagesName)
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text[at] ^= 1
			if err := os.WriteFile(name, text, 0o600); err != nil {
				t.Fatal(err)
			}
			st.open()
			m := st.follow(b)
			if got := next(t, m); string(got.Body) != "good" {
				t.Errorf("got %q", got.Body)
			}
			until(t, "counted", func() bool { return st.counter("damaged") == 1 })
		})
	}
}

// TestHalfErasedRecord: the power failed while a record was being overwritten. The next start ends that.
func TestHalfErasedRecord(t *testing.T) {
	st := start(t)
	b := st.queue()
	st.leave(b, bytesOfSize(200_000))
	st.close()
	name := only(t, st.config.Data, messagesName)
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text[0] = stateErased
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	st.open()
	left := files(t, st.config.Data)[name]
	if n := len(left) - bytes.Count(left, []byte{0}); n > recordHead {
		t.Errorf("%d bytes are left", n)
	}
}

// TestCrashWhileMoving: a message stands twice, since the process ended between its copy and the
// erasure. It comes once.
func TestCrashWhileMoving(t *testing.T) {
	st := start(t)
	b := st.queue()
	st.leave(b, []byte("x"))
	for _, m := range st.server.messages {
		text, err := st.server.disk.body(m.place)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.server.disk.put(m.meta(), text); err != nil {
			t.Fatal(err)
		}
	}
	st.restart()
	if n := st.counter("now_messages"); n != 1 {
		t.Fatalf("%d messages", n)
	}
	m := st.follow(b)
	if err := m.Ack(soon(t), next(t, m).ID); err != nil {
		t.Fatal(err)
	}
	if n := len(opened(t, st.config.Data)); n != 0 {
		t.Errorf("%d copies are left", n)
	}
}

// TestNearlyEmptyJournalIsGivenBack: who posts and cancels for ever does not fill the disk.
func TestNearlyEmptyJournalIsGivenBack(t *testing.T) {
	st := start(t, generous)
	b := st.queue()
	st.leave(b, []byte("stays"))
	big := bytesOfSize(maxMessage)
	for range journalBytes/maxMessage + 2 {
		r := st.leave(b, big)
		if err := st.client.Cancel(soon(t), st.url, b.send, r.Cancel); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the full journal is gone", func() bool {
		st.server.sweep()
		var size int64
		for name := range files(t, st.config.Data) {
			if info, err := os.Stat(name); err == nil {
				size += info.Size()
			}
		}
		return size < journalBytes/2
	})
	st.restart()
	m := st.follow(b)
	if got := next(t, m); string(got.Body) != "stays" {
		t.Errorf("got %q", got.Body)
	}
}

// TestJournalsRollByTheHour: what came in different hours is under different keys.
func TestJournalsRollByTheHour(t *testing.T) {
	st := start(t, generous)
	b := st.queue()
	for range 5 {
		st.leave(b, []byte("x"))
		st.clock.forward(journalTime)
	}
	if n := len(keysOf(t, st.config.Data)); n != 6 {
		t.Errorf("%d keys", n)
	}
	before := len(keysOf(t, st.config.Data))
	for range 10 {
		st.restart()
	}
	if n := len(keysOf(t, st.config.Data)); n != before {
		t.Errorf("%d keys after restarts", n)
	}
}

// TestKeySlotsRunOut: then keys last longer, and nothing is refused.
func TestKeySlotsRunOut(t *testing.T) {
	st := start(t, generous)
	b := st.queue()
	d := st.server.disk
	for i, used := range d.keys.used {
		if free, ok := d.keys.free(slotSpare + 2); ok && used == 0 && i != free {
			d.keys.used[i] = 1 << 60
		}
	}
	for i := range 40 {
		if i%4 == 0 {
			st.clock.forward(journalTime)
		}
		if _, err := st.client.Post(soon(t), st.url, b.send, []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.server.rewrite(); err != nil {
		t.Error(err)
	}
}

func TestRelayIsFull(t *testing.T) {
	st := start(t, generous, func(c *Config) { c.Space = 100_000 })
	b := st.queue()
	st.leave(b, bytesOfSize(60_000))
	if _, err := st.client.Post(soon(t), st.url, b.send, bytesOfSize(60_000), 0); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if n := st.counter("relay_full"); n != 1 {
		t.Errorf("counted %d times", n)
	}
	m := st.follow(b)
	if err := m.Ack(soon(t), next(t, m).ID); err != nil {
		t.Fatal(err)
	}
	st.leave(b, bytesOfSize(60_000))
}

// TestClosedRelay gives 503 to who comes late.
func TestClosedRelay(t *testing.T) {
	st := start(t)
	b := st.queue()
	if err := st.server.Close(); err != nil {
		t.Fatal(err)
	}
	answer, text := ask(t, "POST", st.url+"s/"+b64u(b.send), "x")
	if answer.StatusCode != 503 || !strings.Contains(text, "closing") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	st.http.Close()
	st.server = nil
}

// TestStartIsQuick: a relay with many messages is ready soon.
func TestStartIsQuick(t *testing.T) {
	st := start(t, generous)
	b := st.queue()
	m := st.follow(b)
	for range 4 {
		send := bytesOfSize(sendSize)
		if err := m.AddSends(soon(t), b.Queue, send); err != nil {
			t.Fatal(err)
		}
		for range 250 {
			st.leave(box{b.Box, send}, bytesOfSize(4<<10))
		}
	}
	m.Close()
	best := time.Hour
	for range 3 { // the machine may be busy elsewhere
		began := time.Now()
		st.restart()
		best = min(best, time.Since(began))
	}
	if best > 2*time.Second {
		t.Errorf("a restart with 1,000 messages took %v", best)
	}
}
