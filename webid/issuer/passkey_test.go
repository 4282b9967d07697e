package issuer_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kith/webid"
	"kith/webid/issuer"
)

// authenticator makes and uses one passkey, as a phone or a security key would.
// It shares no code with the library that checks it: CBOR by hand, from
// WebAuthn §6.1, §6.5 and RFC 8949.
type authenticator struct {
	key    *ecdsa.PrivateKey
	id     []byte
	handle []byte
	count  uint32
	origin string
	rp     string
	flags  byte // of what it says of the person
}

const (
	present  = 1 << 0
	verifies = 1 << 2
	attested = 1 << 6
)

func newAuthenticator(t *testing.T, origin string) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 20)
	rand.Read(id)
	return &authenticator{key: key, id: id, origin: origin, rp: "localhost", flags: present | verifies}
}

func head(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 256:
		return []byte{major<<5 | 24, byte(n)}
	}
	return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
}

func cborText(s string) []byte  { return append(head(3, len(s)), s...) }
func cborBytes(b []byte) []byte { return append(head(2, len(b)), b...) }

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// data is the authenticator data, with the key when it is made.
func (a *authenticator) data(t *testing.T, made bool) []byte {
	t.Helper()
	rp := sha256.Sum256([]byte(a.rp))
	flags := a.flags
	if made {
		flags |= attested
	}
	d := binary.BigEndian.AppendUint32(append(rp[:], flags), a.count)
	if !made {
		return d
	}
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	cose := join(head(5, 5), head(0, 1), head(0, 2), head(0, 3), head(1, 6), head(1, 0), head(0, 1),
		head(1, 1), cborBytes(point[1:33]), head(1, 2), cborBytes(point[33:]))
	return join(d, make([]byte, 16), []byte{0, byte(len(a.id))}, a.id, cose)
}

func (a *authenticator) client(typ, challenge string) []byte {
	text, err := json.Marshal(map[string]any{"type": typ, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	if err != nil {
		panic(err)
	}
	return text
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// create does what navigator.credentials.create does with the options.
func (a *authenticator) create(t *testing.T, challenge string) map[string]any {
	t.Helper()
	object := join(head(5, 3), cborText("fmt"), cborText("none"), cborText("attStmt"), head(5, 0), cborText("authData"), cborBytes(a.data(t, true)))
	return map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(a.client("webauthn.create", challenge)), "attestationObject": b64(object), "transports": []string{"internal"}}}
}

// get does what navigator.credentials.get does with the options.
func (a *authenticator) get(t *testing.T, challenge string) map[string]any {
	t.Helper()
	a.count++
	data, client := a.data(t, false), a.client("webauthn.get", challenge)
	sum := sha256.Sum256(client)
	signed := sha256.Sum256(append(append([]byte{}, data...), sum[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, signed[:])
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(sig), "userHandle": b64(a.handle)}}
}

// local serves h at a name, for which browsers make passkeys.
func local(t *testing.T, h *host) {
	t.Helper()
	h.Server.Close()
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.serve(w, r) }))
	t.Cleanup(h.Server.Close)
	h.URL = strings.Replace(h.URL, "127.0.0.1", "localhost", 1)
	h.pod = pod{owner: webid.ID(h.URL + "/alice/profile/card#me")}
	s, err := issuer.New(issuer.Config{
		Issuer: h.URL, Store: &h.kept, Secret: make([]byte, 32), Keys: []webid.PrivateKey{newKey(t)}, Now: func() time.Time { return h.now },
		Realms: realms(func(url string) (webid.Realm, bool) { return &h.pod, url == h.URL+"/alice/" }),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.issuer = s
}

// options returns what a browser is given, as it reads it.
func options(t *testing.T, given any) map[string]any {
	t.Helper()
	text, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ PublicKey map[string]any }
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m.PublicKey
}

// enrol makes a passkey for alice.
func (h *host) enrol(t *testing.T, a *authenticator) (issuer.Passkey, error) {
	t.Helper()
	given, err := h.issuer.NewPasskey(h.URL+"/alice/", h.kept.passkeys)
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, given)
	a.handle, err = base64.RawURLEncoding.DecodeString(o["user"].(map[string]any)["id"].(string))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(a.create(t, o["challenge"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	return h.issuer.AddPasskey(h.URL+"/alice/", "Laptop", text)
}

// withPasskey is a host whose owner has a passkey, and an app.
func withPasskey(t *testing.T) (*host, *authenticator, *app) {
	t.Helper()
	h := newHost(t)
	local(t, h)
	a := newAuthenticator(t, h.URL)
	made, err := h.enrol(t, a)
	if err != nil {
		t.Fatal(err)
	}
	h.kept.passkeys = append(h.kept.passkeys, made)
	return h, a, h.app(t)
}

func (h *host) challengeOf(t *testing.T, id string) string {
	t.Helper()
	a := send(t, h.json(t, "POST", "/authorize/"+id+"/passkey", map[string]any{}))
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	o := a.json(t)["publicKey"].(map[string]any)
	if o["rpId"] != "localhost" || o["userVerification"] != "required" || o["allowCredentials"] != nil {
		t.Errorf("options %v", o)
	}
	return o["challenge"].(string)
}

func (h *host) show(t *testing.T, id string, credential any) answer {
	t.Helper()
	return send(t, h.json(t, "POST", "/authorize/"+id+"/passkey", map[string]any{"decision": "allow", "credential": credential}))
}

func TestAPasskeyConsents(t *testing.T) {
	h, key, a := withPasskey(t)
	if p := h.kept.passkeys[0]; p.Name != "Laptop" || p.Pod != h.URL+"/alice/" || len(p.Handle) != 32 || !p.Used.IsZero() {
		t.Errorf("kept %+v", p)
	}
	id := a.ask(t, a.asking())
	got := h.show(t, id, key.get(t, h.challengeOf(t, id)))
	if got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	told, err := url.ParseQuery(strings.TrimPrefix(got.json(t)["redirect"].(string), redirect+"&"))
	if err != nil {
		t.Fatal(err)
	}
	tokens := send(t, a.redeeming(t, told.Get("code")))
	if tokens.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", tokens.StatusCode, tokens.body)
	}
	if h.kept.passkeys[0].Used.IsZero() {
		t.Error("its use is not noted")
	}
	if got := h.show(t, id, key.get(t, "x")); got.StatusCode != http.StatusNotFound {
		t.Errorf("the same request again: %d %s", got.StatusCode, got.body)
	}
}

// TestPasskeysAreRefused: each way in which an assertion can be wrong, with one answer.
func TestPasskeysAreRefused(t *testing.T) {
	h, key, a := withPasskey(t)
	first := a.ask(t, a.asking())
	replayed := key.get(t, h.challengeOf(t, first))
	if got := h.show(t, first, replayed); got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	for name, assert := range map[string]func(challenge string) map[string]any{
		"for another request": func(string) map[string]any { return replayed },
		"of another page": func(c string) map[string]any {
			other := *key
			other.origin = "https://evil.example"
			return other.get(t, c)
		},
		"for another host": func(c string) map[string]any {
			other := *key
			other.rp = "evil.example"
			return other.get(t, c)
		},
		"without verifying the person": func(c string) map[string]any {
			other := *key
			other.flags = present
			return other.get(t, c)
		},
		"by another key": func(c string) map[string]any {
			other := newAuthenticator(t, h.URL)
			other.id, other.handle = key.id, key.handle
			return other.get(t, c)
		},
		"of somebody who has none": func(c string) map[string]any {
			other := *key
			other.handle = []byte("another handle")
			return other.get(t, c)
		},
		"without a handle": func(c string) map[string]any {
			other := *key
			other.handle = nil
			return other.get(t, c)
		},
		"by a copy that counts anew": func(c string) map[string]any {
			other := *key
			other.count = 0
			return other.get(t, c)
		},
		"that is no assertion": func(c string) map[string]any { return key.create(t, c) },
		"that is nothing":      func(string) map[string]any { return map[string]any{"x": 1} },
	} {
		id := a.ask(t, a.asking())
		if got := h.show(t, id, assert(h.challengeOf(t, id))); got.StatusCode != http.StatusForbidden || got.json(t)["error"] != "access_denied" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
		if h.visit(t, "/authorize/"+id).StatusCode != http.StatusOK {
			t.Errorf("%s: the owner can decide no more", name)
		}
	}
}

func TestPasskeysAreMadeAsAskedFor(t *testing.T) {
	h := newHost(t)
	local(t, h)
	for name, change := range map[string]func(a *authenticator){
		"at another page":              func(a *authenticator) { a.origin = "https://evil.example" },
		"for another host":             func(a *authenticator) { a.rp = "evil.example" },
		"without verifying the person": func(a *authenticator) { a.flags = present },
	} {
		a := newAuthenticator(t, h.URL)
		change(a)
		if _, err := h.enrol(t, a); !errors.Is(err, issuer.ErrPasskey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	given, err := h.issuer.NewPasskey(h.URL+"/alice/", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, given)
	if s := o["authenticatorSelection"].(map[string]any); s["residentKey"] != "required" || s["userVerification"] != "required" || o["attestation"] == "direct" {
		t.Errorf("options %v", o)
	}
	a := newAuthenticator(t, h.URL)
	text, err := json.Marshal(a.create(t, o["challenge"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(5 * time.Minute)
	for name, credential := range map[string]string{"too late": string(text), "nothing": "{}", "no JSON": "x"} {
		if _, err := h.issuer.AddPasskey(h.URL+"/alice/", "", []byte(credential)); !errors.Is(err, issuer.ErrPasskey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestARecordWithMoreInIt: go-webauthn keeps of a passkey what Kith does and more, which hinders nobody.
func TestARecordWithMoreInIt(t *testing.T) {
	h, key, a := withPasskey(t)
	var record map[string]any
	if err := json.Unmarshal(h.kept.passkeys[0].Credential, &record); err != nil {
		t.Fatal(err)
	}
	record["attestationType"], record["attestationFormat"], record["transport"] = "none", "none", []string{"internal"}
	record["attestation"] = map[string]any{"clientDataJSON": "e30=", "object": "oA==", "publicKeyAlgorithm": -7}
	record["authenticator"].(map[string]any)["AAGUID"] = "AAAAAAAAAAAAAAAAAAAAAA=="
	text, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	h.kept.passkeys[0].Credential = text
	for range 2 {
		id := a.ask(t, a.asking())
		if got := h.show(t, id, key.get(t, h.challengeOf(t, id))); got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", got.StatusCode, got.body)
		}
	}
}

// TestPasskeysAreOfTheOriginThatBrowsersWrite: in small letters, without the port that everybody knows.
func TestPasskeysAreOfTheOriginThatBrowsersWrite(t *testing.T) {
	for address, want := range map[string]string{
		"https://Pod.Example": "https://pod.example", "https://pod.example:443": "https://pod.example", "http://localhost:80": "http://localhost",
		"https://pod.example:8443": "https://pod.example:8443", "http://localhost:443": "http://localhost:443",
	} {
		h := newHost(t)
		s, err := issuer.New(issuer.Config{
			Issuer: address, Store: &h.kept, Secret: make([]byte, 32), Keys: []webid.PrivateKey{newKey(t)}, Now: func() time.Time { return h.now },
			Realms: realms(func(string) (webid.Realm, bool) { return nil, false }),
		})
		if err != nil {
			t.Logf("%s is no issuer: %v", address, err)
			continue
		}
		given, err := s.NewPasskey(address+"/alice/", nil)
		if err != nil {
			t.Fatal(err)
		}
		o := options(t, given)
		a := newAuthenticator(t, want)
		a.rp = o["rp"].(map[string]any)["id"].(string)
		text, err := json.Marshal(a.create(t, o["challenge"].(string)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddPasskey(address+"/alice/", "", text); err != nil || a.rp != strings.ToLower(a.rp) {
			t.Errorf("%s for %q: %v", address, a.rp, err)
		}
	}
}
