package sealed_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"kith/internal/fuzztest"
	"kith/sealed"
	"kith/sealed/bhttp"
	"kith/webid"
)

// vectors reads a file of vectors into cases.
func vectors(t testing.TB, file string, cases any) {
	t.Helper()
	text, err := os.ReadFile("../conformance/vectors/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, cases); err != nil {
		t.Fatal(err)
	}
}

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzMessage: whatever comes is declined, unless it is one of the messages of the
// vectors that hold.
func FuzzMessage(f *testing.F) {
	var cases []struct {
		Verdict, Label, Message string
		Now                     int64
		Zeros                   int
		Keys                    []string
		People                  []struct{ Label, Kid, DID, Salt string }
	}
	vectors(f, "sealed-messages.json", &cases)
	made := map[string]bool{}
	place := cases[0]
	for _, c := range cases {
		m := unb64(f, c.Message)
		f.Add(m)
		elsewhere := c.Zeros > 0 || c.Label != place.Label || len(c.People) != len(place.People) // the message itself is sound
		if c.Verdict == "success" || elsewhere {
			made[string(m)] = true
		}
	}
	if len(made) < 10 {
		f.Fatalf("%d vectors hold", len(made))
	}
	s := &sealed.Server{
		Label: func() string { return place.Label }, Device: did(f, "ana pod"), Now: func() time.Time { return time.Unix(place.Now, 0) },
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	}
	var keys []sealed.Key
	for _, text := range place.Keys {
		var k webid.PrivateKey
		if err := k.UnmarshalText([]byte(text)); err != nil {
			f.Fatal(err)
		}
		keys = append(keys, sealed.Key{Key: k})
	}
	s.Keys = func() []sealed.Key { return keys }
	peers := map[string]sealed.Peer{}
	for _, p := range place.People {
		k, err := webid.ParseKey(p.DID)
		if err != nil {
			f.Fatal(err)
		}
		peers[p.Label+" "+p.Kid] = sealed.Peer{Agent: webid.ContactAgent("https://a.example/#b", cid, 1, p.DID), Key: k, Salt: unb64(f, p.Salt)}
	}
	s.Find = func(_ context.Context, label, kid string) (sealed.Peer, bool) {
		p, ok := peers[label+" "+kid]
		return p, ok
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		fuzztest.Cheap(t, len(m), func() { s.Answer(t.Context(), m) })
		answer, _, err := s.Answer(t.Context(), m)
		var v webid.Verdict
		switch {
		case err == nil && !made[string(m)]:
			t.Errorf("a message that nobody made is answered by %d bytes", len(answer))
		case err != nil && (!errors.Is(err, sealed.ErrDeclined) || !errors.As(err, &v) || answer != nil):
			t.Errorf("%d bytes, %v", len(answer), err)
		}
	})
}

// FuzzInner: a friend may put anything into an envelope. What reaches the handler
// is something that a friend may ask.
func FuzzInner(f *testing.F) {
	var cases []struct{ Inner string }
	vectors(f, "sealed-messages.json", &cases)
	for _, c := range cases {
		f.Add(unb64(f, c.Inner))
	}
	w := newWorld(f)
	var asked *http.Request
	w.server.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r })
	to := forger{key(f, "ana k1"), key(f, "ben k2").Public(), w.salt}
	f.Fuzz(func(t *testing.T, inner []byte) {
		if len(inner) > 480 {
			return
		}
		m := to.forge(t, inner)
		asked = nil
		fuzztest.Cheap(t, len(m), func() { w.server.Answer(t.Context(), m) })
		_, reply, err := w.server.Answer(t.Context(), m)
		if err != nil && (!errors.Is(err, sealed.ErrDeclined) || asked != nil) {
			t.Errorf("%v, asked %+v", err, asked)
		}
		if asked == nil {
			return
		}
		path := asked.URL.Path
		known := strings.HasPrefix(path, "/social/") || path == "/.hint" || path == "/social"
		anonymous := path == "/.pair" || strings.HasPrefix(path, "/.invites/")
		if !known && !anonymous || strings.Contains(path, "/.acl") || strings.Contains(path, "/../") || strings.Contains(path, "//") {
			t.Errorf("%s %q reaches the handler", asked.Method, path)
		}
		if anonymous != reply.Peer.Agent.Anonymous() {
			t.Errorf("%q is asked by %+v", path, reply.Peer)
		}
		for name := range asked.Header {
			if name != strings.TrimSpace(name) || strings.HasPrefix(name, "Authorization") || name == "Kith-From" || name == "Cookie" {
				t.Errorf("the handler is given %q", name)
			}
		}
		if q, err := bhttp.ParseRequest(inner); err != nil || q.Method != asked.Method || q.Authority != label(t, "ana")+".kith.invalid" {
			t.Errorf("it says %+v, %v", q, err)
		}
	})
}

// FuzzAnswer: nothing opens but the answers of the vectors that hold.
func FuzzAnswer(f *testing.F) {
	var cases []struct {
		Verdict, ID, Answer string
		Slots               json.RawMessage
	}
	vectors(f, "sealed-answers.json", &cases)
	made := map[string]bool{}
	for _, c := range cases {
		a := unb64(f, c.Answer)
		f.Add(a)
		if c.Verdict == "success" {
			made[string(a)] = true
		}
	}
	var p sealed.Pending
	if err := json.Unmarshal(append(append([]byte(`{"id":"`+cases[0].ID+`","slots":`), cases[0].Slots...), '}'), &p); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		before := bytes.Clone(answer)
		fuzztest.Cheap(t, len(answer), func() { p.Open(answer) })
		response, err := p.Open(answer)
		switch {
		case err == nil && !made[string(answer)]:
			t.Errorf("an answer that nobody made is %+v", response)
		case err != nil && (!errors.Is(err, sealed.ErrAnswer) || response != nil):
			t.Errorf("%+v, %v", response, err)
		}
		if !bytes.Equal(answer, before) {
			t.Error("the bytes of the answer were changed")
		}
	})
}
