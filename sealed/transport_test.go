package sealed_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/sealed"
	"kith/webid"
)

func TestAFriendAsksAndIsAnswered(t *testing.T) {
	w := newWorld(t)
	response, body := ask(t, w.as("ben"), w.request("GET", "/social/door", ""))
	if response.StatusCode != 200 || body != `{"label":"ana"}` || response.ContentLength != int64(len(body)) {
		t.Errorf("answered %s with %q", response.Status, body)
	}
	want := http.Header{"Content-Type": {"text/plain"}, "Etag": {tagOf(w.files["/social/door"])}, "Accept-Ranges": {"bytes"}, "Kith-By": {did(t, "ana pod")}}
	for name, v := range want {
		if !slices.Equal(response.Header[name], v) {
			t.Errorf("%s is %q, want %q", name, response.Header[name], v)
		}
	}
	if len(response.Header) != len(want) {
		t.Errorf("header %v", response.Header)
	}
}

// TestTheHandlerKnowsWhoAsks: the agent of the context is the one whose key made
// the request, or nobody.
func TestTheHandlerKnowsWhoAsks(t *testing.T) {
	w := newWorld(t)
	var peers []sealed.Peer
	w.server.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p, ok := sealed.From(r.Context())
		if !ok {
			t.Error("not from an envelope")
		}
		peers = append(peers, p)
	})
	ask(t, w.as("ben"), w.request("GET", "/social/door", ""))
	ask(t, w.as("ana"), w.request("GET", "/.replica?after=1", ""))
	ask(t, w.as(""), w.request("POST", "/.pair", "{}"))
	if len(peers) != 3 || peers[0].Agent.Contact() != cid || peers[0].Agent.Key() != did(t, "ben phone") ||
		!peers[1].Agent.Device() || !peers[2].Agent.Anonymous() {
		t.Errorf("asked by %+v", peers)
	}
	if _, ok := sealed.From(t.Context()); ok {
		t.Error("a request without an envelope came in one")
	}
}

// TestPlainAndSealedAnswersAreEqual: the same handler, asked over HTTPS and by
// envelopes, gives the same status, content and fields.
func TestPlainAndSealedAnswersAreEqual(t *testing.T) {
	w := newWorld(t)
	w.files["/social/posts/a/1.webp"] = video(t, 300<<10)
	w.files["/social/posts/a/1.mp4"] = video(t, 3<<20+17)
	plain := httptest.NewServer(http.HandlerFunc(w.serve))
	defer plain.Close()
	pod := httptest.NewServer(w.server)
	defer pod.Close()
	direct, https := w.as("ben"), w.as("ben")
	https.Carrier = sealed.HTTPS{URL: pod.URL + "/.sealed", Client: pod.Client()}
	etag := tagOf(w.files["/social/posts/a/1.mp4"])
	for _, c := range []struct {
		name, method, path string
		header             []string
	}{
		{"a small file", "GET", "/social/door", nil},
		{"what is not there", "GET", "/social/nothing", nil},
		{"the head of a large file", "HEAD", "/social/posts/a/1.mp4", nil},
		{"a file of one answer", "GET", "/social/posts/a/1.webp", nil},
		{"a file of seven answers", "GET", "/social/posts/a/1.mp4", nil},
		{"a short range", "GET", "/social/posts/a/1.mp4", []string{"Range", "bytes=100-199"}},
		{"a range over several answers", "GET", "/social/posts/a/1.mp4", []string{"Range", "bytes=100-2000099"}},
		{"a range to the end", "GET", "/social/posts/a/1.mp4", []string{"Range", "bytes=1000000-"}},
		{"the last two million bytes", "GET", "/social/posts/a/1.mp4", []string{"Range", "bytes=-2000000"}},
		{"a range beyond the end", "GET", "/social/posts/a/1.mp4", []string{"Range", "bytes=99999999-"}},
		{"a range that goes over the end", "GET", "/social/posts/a/1.mp4", []string{"Range", "bytes=3000000-99999999"}},
		{"a range of the same representation", "GET", "/social/posts/a/1.mp4", []string{"Range", "bytes=5-", "If-Range", etag}},
		{"a range of another representation", "GET", "/social/posts/a/1.mp4", []string{"Range", "bytes=5-", "If-Range", `"other"`}},
		{"what is known already", "GET", "/social/posts/a/1.mp4", []string{"If-None-Match", etag}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequest(c.method, plain.URL+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(c.header); i += 2 {
				r.Header.Set(c.header[i], c.header[i+1])
			}
			want, wantBody := ask(t, plain.Client().Transport, r)
			for name, tr := range map[string]*sealed.Transport{"direct": direct, "https": https} {
				got, body := ask(t, tr, w.request(c.method, c.path, "", c.header...))
				if got.StatusCode != want.StatusCode || body != wantBody {
					t.Errorf("%s: answered %d with %d bytes, want %d with %d", name, got.StatusCode, len(body), want.StatusCode, len(wantBody))
				}
				for _, field := range []string{"Content-Type", "ETag", "Content-Range", "Accept-Ranges"} {
					if got.Header.Get(field) != want.Header.Get(field) {
						t.Errorf("%s: %s is %q, want %q", name, field, got.Header.Get(field), want.Header.Get(field))
					}
				}
			}
		})
	}
}

// TestMessagesAndAnswersHaveFewSizes: whatever is asked, its envelope and its
// answer have one of the sizes that everybody's have.
func TestMessagesAndAnswersHaveFewSizes(t *testing.T) {
	w := newWorld(t)
	for _, size := range []int{0, 1, 100, 480, 1000, 3500, 4000, 16000, 60000, 65000, 65536, 66000, 130000, 262144} {
		w.files["/social/file"] = bytes.Repeat([]byte("x"), size)
		m, _ := message(t, w.as("ben"), w.request("PUT", "/social/in/"+cid+"/n1", string(w.files["/social/file"]), "If-None-Match", "*"))
		if !fits(len(m), size) {
			t.Errorf("%d bytes are sent in a message of %d", size, len(m))
		}
		if _, _, err := w.server.Answer(t.Context(), m); err != nil {
			t.Error(err)
		}
		m, p := message(t, w.as("ben"), w.request("GET", "/social/file", ""))
		answer, _, err := w.server.Answer(t.Context(), m)
		if err != nil || len(m) != 1024 || !fits(len(answer), size) {
			t.Errorf("%d bytes are answered in %d, asked in %d: %v", size, len(answer), len(m), err)
		}
		if response, err := p.Open(answer); err != nil || response.ContentLength != int64(size) {
			t.Errorf("opened %+v, %v", response, err)
		}
	}
}

// fits reports whether content of size bytes goes into a message of that length
// and not much less.
func fits(length, size int) bool {
	switch {
	case length == 1<<10, length == 4<<10, length == 16<<10, length == 64<<10:
		return length > size && size+2000 > length/4
	}
	return length%(64<<10) == 0 && length > size && length < size+(64<<10)+2000
}

// TestARequestForSeveralDevices: each opens it by its own slot, and the asker can
// tell whose answer it got.
func TestARequestForSeveralDevices(t *testing.T) {
	for _, n := range []int{1, 2, 4, 5, 8} {
		w := newWorld(t)
		tr := w.as("ben")
		tr.To = nil
		for i := range n {
			name := "ana device " + string(rune('a'+i))
			tr.To = append(tr.To, webid.AgreementKey{Kid: name, Device: did(t, name), Key: key(t, name+" k").Public()})
		}
		m, p := message(t, tr, w.request("GET", "/social/door", ""))
		if slots := 4 + 4*(n/5); int(m[3]) != slots {
			t.Errorf("%d recipients are in %d slots", n, m[3])
		}
		for i := range n {
			name := "ana device " + string(rune('a'+i))
			w.server.Device, w.keys = did(t, name), []sealed.Key{{Key: key(t, name+" k")}}
			answer, _, err := w.server.Answer(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			response, err := p.Open(answer)
			if err != nil || response.Header.Get("Kith-By") != did(t, name) {
				t.Errorf("device %d of %d: %v", i, n, err)
			}
			w.server.Device = did(t, "ana device z")
			if answer, _, err = w.server.Answer(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Open(answer); !errors.Is(err, sealed.ErrAnswer) {
				t.Errorf("an answer in another device's name: %v", err)
			}
		}
	}
	w := newWorld(t)
	tr := w.as("ben")
	for _, n := range []int{0, 9} {
		tr.To = slices.Repeat([]webid.AgreementKey{{Key: key(t, "x").Public()}}, n)
		if _, _, err := tr.Seal(w.request("GET", "/social/door", "")); err == nil {
			t.Errorf("sealed to %d devices", n)
		}
	}
}

// TestAnAnswerComesLater: the asker stores what opens it, and opens it after the
// program that asked has ended.
func TestAnAnswerComesLater(t *testing.T) {
	w := newWorld(t)
	tr := w.as("ben")
	tr.Reply = queue
	m, p := message(t, tr, w.request("GET", "/social/door", ""))
	stored, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(10 * 24 * time.Hour)
	answer, reply, err := w.server.Answer(t.Context(), m)
	if err != nil || reply.URL != queue || reply.Method != "GET" || reply.Path != "/social/door" || reply.Status != 200 || reply.Peer.Agent.Contact() != cid ||
		!reply.Expires.Equal(w.now.Add(4*24*time.Hour)) {
		t.Fatalf("answered to %+v, %v", reply, err)
	}
	var again sealed.Pending
	if err := json.Unmarshal(stored, &again); err != nil {
		t.Fatal(err)
	}
	if response, err := again.Open(answer); err != nil || response.StatusCode != 200 {
		t.Errorf("opened %+v, %v", response, err)
	}
	for _, text := range []string{`{}`, `{"id":"AA"}`, `{"id":"AAECAwQFBgcICQoLDA0ODw=="}`, `[]`, `{"id":"AAECAwQFBgcICQoLDA0ODw","slots":[{"enc":"+"}]}`} {
		if err := json.Unmarshal([]byte(text), &again); !errors.Is(err, webid.Malformed) && err == nil {
			t.Errorf("%s was read", text)
		}
	}
	var none sealed.Pending
	if _, err := none.Open(answer); !errors.Is(err, sealed.ErrAnswer) {
		t.Errorf("nothing pending opens an answer: %v", err)
	}
}

func TestATransportRefusesWhatItCannotSend(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name string
		r    *http.Request
	}{
		{"a request to another host", w.request("GET", "/social/door", "")},
		{"a nonce that is none", w.request("GET", "/social/door", "", "Kith-Nonce", "x")},
		{"an end that is none", w.request("GET", "/social/door", "", "Kith-Expires", "tomorrow")},
		{"more than 32 MiB", w.request("PUT", "/.replica/x", strings.Repeat("x", 32<<20+1))},
	} {
		if c.name == "a request to another host" {
			c.r.URL.Host = "host.example"
		}
		body := &closing{Reader: c.r.Body}
		c.r.Body = body
		if _, err := w.as("ben").RoundTrip(c.r); err == nil || !body.closed {
			t.Errorf("%s: %v, body closed %t", c.name, err, body.closed)
		}
	}
	if w.executed() > 0 {
		t.Error("something was executed")
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// TestHTTPSCarrier: what a pod may answer to a POST.
func TestHTTPSCarrier(t *testing.T) {
	w := newWorld(t)
	pod := httptest.NewServer(w.server)
	defer pod.Close()
	carrier := sealed.HTTPS{URL: pod.URL + "/.sealed", Client: pod.Client()}
	m, _ := message(t, w.as("ben"), w.request("GET", "/social/door", ""))
	if answer, err := carrier.Carry(t.Context(), m); err != nil || len(answer) != 1024 {
		t.Errorf("carried %d bytes, %v", len(answer), err)
	}
	for _, bad := range [][]byte{nil, m[:1000], append(bytes.Clone(m[:1023]), m[1023]^1)} {
		if _, err := carrier.Carry(t.Context(), bad); !errors.Is(err, sealed.ErrDeclined) {
			t.Errorf("a message of %d bytes: %v", len(bad), err)
		}
	}
	if _, err := carrier.Carry(t.Context(), make([]byte, 2<<20)); err == nil || errors.Is(err, sealed.ErrDeclined) {
		t.Errorf("a message of 2 MiB: %v", err)
	}
	w.server.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") })
	if _, err := carrier.Carry(t.Context(), m); err == nil || errors.Is(err, sealed.ErrDeclined) {
		t.Errorf("a handler that fails: %v", err)
	}
	response, err := pod.Client().Get(carrier.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "POST" {
		t.Errorf("GET is answered %s", response.Status)
	}
	r, err := http.NewRequest("POST", carrier.URL, io.MultiReader(bytes.NewReader(m)))
	if err != nil {
		t.Fatal(err)
	}
	if response, err = pod.Client().Do(r); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusLengthRequired {
		t.Errorf("a message of unknown length is answered %s", response.Status)
	}
}
