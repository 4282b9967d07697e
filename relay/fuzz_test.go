package relay

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kith/internal/fuzztest"
)

func FuzzMessageFrame(f *testing.F) {
	f.Add(appendMessage(nil, id{1}, sendMark{2}, true, time.Unix(1<<31, 0), []byte("x")))
	f.Add(make([]byte, messageHead))
	f.Fuzz(func(t *testing.T, frame []byte) {
		fuzztest.Cheap(t, len(frame), func() {
			m, err := readMessage(frame)
			if err != nil {
				return
			}
			var i id
			if err := i.UnmarshalText([]byte(m.ID)); err != nil {
				t.Fatal(err)
			}
			again, err := readMessage(appendMessage(nil, i, m.Send, m.Waits, m.Expires, m.Body))
			if err != nil || again.ID != m.ID || again.Waits != m.Waits || !again.Expires.Equal(m.Expires) || !bytes.Equal(again.Body, m.Body) {
				t.Fatalf("%+v, then %+v, %v", m, again, err)
			}
		})
	})
}

func FuzzReplyFrame(f *testing.F) {
	f.Add(appendReply(nil, id{1}, []byte("answer")))
	f.Add([]byte{kindReply})
	f.Fuzz(func(t *testing.T, frame []byte) {
		fuzztest.Cheap(t, len(frame), func() {
			i, answer, err := readReply(frame)
			if err == nil && !bytes.Equal(appendReply(nil, i, answer), frame) {
				t.Fatalf("%x is read as another frame", frame)
			}
		})
	})
}

// FuzzTextFrame runs whatever is an operation at a relay with one queue and one message, as somebody who
// follows nothing, as a reader and as a poll. None of them may make more than there was.
func FuzzTextFrame(f *testing.F) {
	for _, text := range []string{`{"sub":"AAAAAAAAAAAAAAAAAAAAAA","token":"AAAAAAAAAAAAAAAAAAAAAA"}`, `{"claim":"AAAAAAAAAAAAAAAAAAAAAA"}`, `{"ack":"AAAAAAAAAAAAAAAAAAAAAA"}`,
		`{"decline":"AAAAAAAAAAAAAAAAAAAAAA","release":"AAAAAAAAAAAAAAAAAAAAAA"}`, `{"ping":18446744073709551615}`,
		`{"do":1,"queue":"AAAAAAAAAAAAAAAAAAAAAA","op":"send.add","hashes":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]}`,
		`{"do":2,"queue":"AAAAAAAAAAAAAAAAAAAAAA","op":"push","push":{"endpoint":"https://a/"}}`, `{"do":3,"queue":"AAAAAAAAAAAAAAAAAAAAAA","op":"delete"}`, `[[[[[[[[[[`, `{"do":-1}`} {
		f.Add([]byte(text))
	}
	s, err := Open(Config{Data: f.TempDir(), Queues: "open"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > maxText {
			return
		}
		fuzztest.Cheap(t, len(text), func() {
			var q request
			if json.Unmarshal(text, &q) != nil {
				return
			}
			said := make(chan response, 1)
			if err := s.operate(q, poller{failed: make(chan struct{}, 1)}, func(r response) { said <- r }); err != nil {
				return
			}
			select {
			case <-said:
			case <-time.After(time.Minute):
				t.Fatalf("%s is not answered", text)
			}
		})
		if all := s.Counters(); all["now_queues"]+all["now_messages"] > 0 {
			t.Fatalf("%s made something", text)
		}
	})
}

// FuzzHeaders runs what strangers write into paths and headers.
func FuzzHeaders(f *testing.F) {
	f.Add("25", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Bearer AAAAAAAAAAAAAAAAAAAAAA", "https://r.example/", "AAAA")
	f.Add("-1", "", "bearer x", "http://[::1]:0/", "====")
	f.Add("99999999999999999999", "%2e%2e", "Basic", "https://a.example/?x/", "\x00")
	s, err := Open(Config{Data: f.TempDir(), Out: refusing{}, Client: func(r *http.Request) string { return r.RemoteAddr }})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, wait, send, authorization, forward, cancel string) {
		fuzztest.Cheap(t, len(wait)+len(send)+len(authorization)+len(forward)+len(cancel), func() {
			r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/s/" + send, RawQuery: "wait=" + url.QueryEscape(wait)},
				Header: http.Header{"Authorization": {authorization}, "Kith-Cancel": {cancel}}, RemoteAddr: wait}
			if d, err := waitOf(r); err == nil && (d < 0 || d > maxWait) {
				t.Fatalf("%q waits %v", wait, d)
			}
			if p, err := s.reader(r, s.visitors.of(r), send); err == nil {
				t.Fatalf("%q reads %v", authorization, p.queue)
			}
			if to, err := s.target(forward); err == nil {
				u, err := url.Parse(to + "h")
				if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
					t.Fatalf("%q is forwarded to %q", forward, to)
				}
			}
			if err := s.withdraw(t.Context(), s.visitors.of(r), []byte(send), cancel); err == nil {
				t.Fatal("nothing was cancelled")
			}
		})
	})
}

func FuzzHop(f *testing.F) {
	key, err := kem().GenerateKey()
	if err != nil {
		f.Fatal(err)
	}
	good, answers, err := sealHop(key.PublicKey().Bytes(), hop{make([]byte, sendSize), 25, []byte("x")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:encSize])
	f.Add(sealHopAnswer(answers, 200, []byte("x")))
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzztest.Cheap(t, len(text), func() {
			if h, _, err := openHop(key, text); err == nil && (len(h.send) != sendSize || !bytes.Equal(text, good)) {
				t.Fatalf("%x opens", text)
			}
			if _, body, err := openHopAnswer(answers, text); err == nil && len(body) > len(text) {
				t.Fatalf("%x opens", text)
			}
		})
	})
}

func FuzzPoll(f *testing.F) {
	frame := appendMessage(nil, id{1}, sendMark{2}, true, time.Unix(1<<31, 0), []byte("x"))
	f.Add(append([]byte{0, 0, 0, byte(len(frame))}, frame...))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzztest.Cheap(t, len(text), func() {
			m := &Mailbox{fresh: make(chan struct{})}
			p := newPolls(m)
			if p.read(Box{}, text) == nil && m.size > len(text) {
				t.Fatalf("%x brings %d bytes", text, m.size)
			}
		})
	})
}

// FuzzJournal opens files that a disk has spoilt.
func FuzzJournal(f *testing.F) {
	dir := f.TempDir()
	key := make([]byte, 32)
	j, err := openJournal(filepath.Join(dir, "seed"), 1, key)
	if err != nil {
		f.Fatal(err)
	}
	for range 2 {
		if _, err := j.append(make([]byte, messageMeta), []byte("body")); err != nil {
			f.Fatal(err)
		}
	}
	seed, err := os.ReadFile(filepath.Join(dir, "seed"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:len(seed)-1])
	f.Add([]byte{'L', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add(append([]byte{'E', 0, 28, 0, 0, 0, 0}, make([]byte, 28)...))
	f.Fuzz(func(t *testing.T, text []byte) {
		name := filepath.Join(t.TempDir(), "journal")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal(name, 1, key)
		if err != nil {
			t.Fatal(err)
		}
		defer j.file.Close()
		var first, second int
		fuzztest.Cheap(t, len(text), func() {
			first = 0
			if err := j.scan(func(head []byte, _ place) error {
				if head != nil {
					first++
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
		if err := j.scan(func(head []byte, p place) error {
			if head == nil {
				t.Fatal("what does not open is found twice")
			}
			second++
			return nil
		}); err != nil || first != second || j.end > int64(len(text)) {
			t.Fatalf("%d records, then %d, %v", first, second, err)
		}
	})
}

func FuzzQueueRequest(f *testing.F) {
	f.Add([]byte(`{"tokens":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],"work":{"challenge":"AAAA","nonce":"AAAAAAAAAAA"}}`))
	f.Add([]byte(`{"tokens":[],"invite":"AAAA"}`))
	s, err := Open(Config{Data: f.TempDir(), Queues: "work"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzztest.Cheap(t, len(text), func() {
			var want newQueue
			if json.Unmarshal(text, &want) != nil {
				return
			}
			if by, err := s.admit(1, want); err == nil {
				t.Fatalf("%s makes a queue of %v", text, by)
			}
		})
	})
}
