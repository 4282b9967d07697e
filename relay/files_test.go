package relay

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// secret is something that a search may find, with the forms in which it may lie.
type secret struct {
	name  string
	forms [][]byte
}

func searched(name string, raw []byte) secret {
	return secret{name, [][]byte{raw, []byte(b64u(raw)), []byte(fmt.Sprintf("%x", raw))}}
}

// files returns the bytes of every file of a relay.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// search reports in which files a secret lies.
func search(t testing.TB, dir string, secrets ...secret) {
	t.Helper()
	for path, text := range files(t, dir) {
		for _, s := range secrets {
			for _, form := range s.forms {
				if bytes.Contains(text, form) {
					t.Errorf("%s lies in %s", s.name, filepath.Base(path))
				}
			}
		}
	}
}

// opened decrypts, with the keys that lie beside them, every record of messages that still opens: what
// somebody has who takes the disk.
func opened(t testing.TB, dir string) (bodies [][]byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range slotCount {
		n, key, ok := readSlot(text[i*slotSize : (i+1)*slotSize])
		name := filepath.Join(dir, fmt.Sprint(messagesName, n))
		if _, err := os.Stat(name); !ok || err != nil {
			continue
		}
		j, err := openJournal(name, n, key)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.scan(func(_ []byte, p place) error {
			body, err := j.body(p)
			bodies = append(bodies, body)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		j.file.Close()
	}
	return bodies
}

// posted is a message as an asker makes it: a clear text that only the other end can open.
func posted(clear []byte, size int) []byte {
	block, _ := aes.NewCipher(make([]byte, 16))
	gcm, _ := cipher.NewGCM(block)
	return gcm.Seal(nil, make([]byte, 12), append(clear, make([]byte, size)...), nil)
}

// TestNoCiphertextInTheFilesAfterAck searches the relay's files after a message was acknowledged, and
// after one was cancelled.
func TestNoCiphertextInTheFilesAfterAck(t *testing.T) {
	for _, size := range []int{100, 4 << 10, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			st := start(t, func(c *Config) { c.Client = func(r *http.Request) string { return r.Header.Get("Test-As") } })
			st.client.HTTP = &http.Client{Transport: as{"203.0.113.77"}}
			b := st.queue()
			label := strings.Repeat("abcdefgh2345", 4)
			one, two := posted([]byte(label+" one"), size), posted([]byte(label+" two"), size)
			st.leave(b, one)
			cancelled := st.leave(b, two)
			if n := len(opened(t, st.config.Data)); n != 2 {
				t.Fatalf("%d messages wait; the search would find nothing anyway", n)
			}
			all := []secret{searched("the first message", one[:64]), searched("its end", one[len(one)-64:]), searched("the second message", two[:64]),
				searched("the send", b.send), searched("the token", b.Token), searched("the label", []byte(label)), searched("the address", []byte("203.0.113.77"))}
			search(t, st.config.Data, all...)

			if err := st.client.Cancel(soon(t), st.url, b.send, cancelled.Cancel); err != nil {
				t.Fatal(err)
			}
			m := st.follow(b)
			got := next(t, m)
			if !bytes.Equal(got.Body, one) {
				t.Fatal("the cancelled one came")
			}
			if err := m.Ack(soon(t), got.ID); err != nil {
				t.Fatal(err)
			}
			if bodies := opened(t, st.config.Data); len(bodies) != 0 {
				t.Errorf("with its keys the disk tells %d messages", len(bodies))
			}
			search(t, st.config.Data, all...)
			for path, text := range files(t, st.config.Data) {
				if left := len(text) - bytes.Count(text, []byte{0}); strings.Contains(path, messagesName) && left > 2*recordHead {
					t.Errorf("%d bytes of %s are not zero", left, filepath.Base(path))
				}
			}
		})
	}
}

func TestKeyIsForgottenWithItsMessages(t *testing.T) {
	st := start(t)
	b := st.queue()
	for range 3 {
		st.leave(b, bytesOfSize(1<<10))
	}
	before := keysOf(t, st.config.Data)
	st.clock.forward(journalTime + time.Minute)
	m := st.follow(b)
	for range 3 {
		if err := m.Ack(soon(t), next(t, m).ID); err != nil {
			t.Fatal(err)
		}
	}
	st.server.sweep()
	after := keysOf(t, st.config.Data)
	if len(before) != 2 || len(after) != 1 {
		t.Fatalf("%d keys before, %d after", len(before), len(after))
	}
	for name := range files(t, st.config.Data) {
		if strings.Contains(name, messagesName) {
			t.Errorf("%s is left", filepath.Base(name))
		}
	}
}

func keysOf(t testing.TB, dir string) map[uint64][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[uint64][]byte{}
	for i := range slotCount {
		if n, key, ok := readSlot(text[i*slotSize : (i+1)*slotSize]); ok {
			all[n] = key
		}
	}
	return all
}

// TestRemovedSecretsLeaveTheList asks that what a queue no more has is under a key that is forgotten, also
// where it is little of the list.
func TestRemovedSecretsLeaveTheList(t *testing.T) {
	st := start(t, generous)
	b := st.queue()
	for range 20 {
		st.queue()
	}
	m := st.follow(b)
	if err := m.setPush(soon(t), b.Queue, subscription(t, "https://push.example/x").Subscription()); err != nil {
		t.Fatal(err)
	}
	if err := m.setPush(soon(t), b.Queue, nil); err != nil {
		t.Fatal(err)
	}
	if err := m.RemoveSends(soon(t), b.Queue, b.send); err != nil {
		t.Fatal(err)
	}
	before := keysOf(t, st.config.Data)
	st.clock.forward(journalTime)
	st.server.sweep()
	for n, key := range keysOf(t, st.config.Data) {
		if bytes.Equal(before[n], key) {
			t.Errorf("journal %d keeps its key", n)
		}
	}
	st.restart()
	if _, err := st.client.Post(soon(t), st.url, b.send, []byte("x"), 0); err == nil {
		t.Error("a removed send works after a restart")
	}
}
