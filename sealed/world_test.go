package sealed_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/sealed"
	"kith/webid"
)

const (
	cid   = "a2b3c4d5e6f7a2b3c4d5"
	queue = "https://relay.example/s/AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
)

// key returns the key with a name.
func key(t testing.TB, name string) webid.PrivateKey {
	t.Helper()
	sum := sha256.Sum256([]byte("kith sealed " + name))
	var k webid.PrivateKey
	if err := k.UnmarshalText([]byte(base64.RawURLEncoding.EncodeToString(sum[:]))); err != nil {
		t.Fatal(err)
	}
	return k
}

func did(t testing.TB, name string) string { return key(t, name).Public().String() }

func label(t testing.TB, name string) string { return key(t, name+" person").Public().Label() }

// world is Ana's pod, which serves a few files and an inbox, and Ben, whom she
// knows. Its fields may be changed before it is asked anything.
type world struct {
	t      testing.TB
	now    time.Time
	server *sealed.Server
	keys   []sealed.Key
	peers  map[string]sealed.Peer // by label and kid
	salt   []byte

	mu    sync.Mutex
	files map[string][]byte
	tags  map[*byte]string // of files by their first byte, which tells one content from another
	inbox map[string]string
	asked []string // method and path of what the handler was asked
}

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), salt: bytes.Repeat([]byte{7}, 32),
		files: map[string][]byte{"/social/door": []byte(`{"label":"ana"}`)}, tags: map[*byte]string{}, inbox: map[string]string{}, peers: map[string]sealed.Peer{},
	}
	w.keys = []sealed.Key{{Key: key(t, "ana k1")}}
	ana := label(t, "ana")
	w.server = &sealed.Server{
		Label: func() string { return ana }, Device: did(t, "ana pod"),
		Keys: func() []sealed.Key { return w.keys },
		Find: func(_ context.Context, label, kid string) (sealed.Peer, bool) {
			p, ok := w.peers[label+" "+kid]
			return p, ok
		},
		Handler: http.HandlerFunc(w.serve), Now: func() time.Time { return w.now },
	}
	w.know("ben", webid.ContactAgent("https://a.example/contacts/"+cid+"/card#me", cid, 1, did(t, "ben phone")), w.salt)
	w.know("ana", webid.OwnerAgent("https://a.example/profile/card#me", did(t, "ana phone")), sealed.OwnSalt(label(t, "ana")))
	return w
}

// know makes the world know the key "k2" of somebody.
func (w *world) know(name string, agent webid.Agent, salt []byte) {
	p := sealed.Peer{Agent: agent, Label: label(w.t, name), KID: "k2", Key: key(w.t, name+" k2").Public(), Salt: salt}
	w.peers[p.Label+" k2"] = p
}

// serve is a handler like that of a pod, as far as these tests go.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Error(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, r.Method+" "+r.URL.RequestURI())
	switch r.Method {
	case "PUT":
		if _, there := w.inbox[r.URL.Path]; there {
			rw.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		w.inbox[r.URL.Path] = string(body)
		rw.Header().Set("ETag", `"new"`)
		rw.WriteHeader(http.StatusCreated)
	case "POST":
		rw.WriteHeader(http.StatusNoContent)
	default:
		file, ok := w.files[r.URL.Path]
		if !ok {
			http.Error(rw, "not there", http.StatusNotFound)
			return
		}
		rw.Header().Set("ETag", w.tag(file))
		rw.Header().Set("Content-Type", "text/plain")
		rw.Header().Set("X-Private", "of the server")
		http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(file))
	}
}

// tag returns the ETag of a file; w.mu is held.
func (w *world) tag(file []byte) string {
	if len(file) == 0 {
		return tagOf(file)
	}
	if w.tags[&file[0]] == "" {
		w.tags[&file[0]] = tagOf(file)
	}
	return w.tags[&file[0]]
}

func tagOf(file []byte) string {
	sum := sha256.Sum256(file)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`
}

// executed returns how often the handler was asked something.
func (w *world) executed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked)
}

// Carry is the shortest way: straight into the Server.
func (w *world) Carry(ctx context.Context, message []byte) ([]byte, error) {
	answer, _, err := w.server.Answer(ctx, message)
	return answer, err
}

// as returns the Transport by which somebody asks Ana.
func (w *world) as(name string) *sealed.Transport {
	p := w.peers[label(w.t, name)+" k2"]
	tr := &sealed.Transport{
		To: []webid.AgreementKey{{Kid: "k1", Device: did(w.t, "ana pod"), Key: key(w.t, "ana k1").Public()}}, Label: label(w.t, "ana"),
		Carrier: w, Now: func() time.Time { return w.now },
		From: &sealed.Sender{Label: label(w.t, name), KID: "k2", Key: key(w.t, name+" k2"), Salt: p.Salt},
	}
	if name == "" {
		tr.From = nil
	}
	return tr
}

func (w *world) request(method, path, content string, header ...string) *http.Request {
	w.t.Helper()
	r, err := http.NewRequest(method, "https://"+label(w.t, "ana")+".kith.invalid"+path, strings.NewReader(content))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// comment is a friend's write under a nonce of its own.
func (w *world) comment(nonce byte, text string) *http.Request {
	return w.request("PUT", "/social/in/"+cid+"/n1", text, "If-None-Match", "*",
		"Kith-Nonce", base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{nonce}, 16)))
}

// ask sends r and returns the answer with its whole content.
func ask(t testing.TB, tr http.RoundTripper, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// message returns a request in its envelope, and what opens the answer.
func message(t testing.TB, tr *sealed.Transport, r *http.Request) ([]byte, sealed.Pending) {
	t.Helper()
	m, p, err := tr.Seal(r)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

// declined asks that a message gets no answer, for the reason given, and that
// nothing was executed.
func (w *world) declined(m []byte, reason webid.Verdict) {
	w.t.Helper()
	before := w.executed()
	answer, _, err := w.server.Answer(w.t.Context(), m)
	var v webid.Verdict
	if !errors.Is(err, sealed.ErrDeclined) || !errors.As(err, &v) || v != reason || answer != nil {
		w.t.Errorf("answered %d bytes, %v; meant to be declined as %q", len(answer), err, reason)
	}
	if n := w.executed() - before; n != 0 {
		w.t.Errorf("%d requests were executed", n)
	}
}

func video(t testing.TB, size int) []byte {
	t.Helper()
	b := make([]byte, size)
	rand.Read(b)
	return b
}
