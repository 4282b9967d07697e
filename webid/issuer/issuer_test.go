package issuer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kith/webid"
	"kith/webid/issuer"
)

// host is a real server with one pod, alice's, who knows ben.
type host struct {
	*httptest.Server
	issuer *issuer.Server
	now    time.Time
	pod    pod
	ben    webid.PrivateKey
	kept   store
}

// pod is a Realm of two plain did:key contacts.
type pod struct {
	owner   webid.ID
	friends []webid.Contact
	lists   webid.Lists
}

func (p *pod) Owner() webid.ID                             { return p.owner }
func (p *pod) Lists(context.Context) (webid.Lists, error)  { return p.lists, nil }
func (p *pod) Pin(context.Context, webid.DeviceList) error { return webid.ErrUnknown }
func (p *pod) ByLabel(context.Context, string) (webid.Contact, error) {
	return webid.Contact{}, webid.ErrUnknown
}
func (p *pod) ByDevice(context.Context, string) (webid.Contact, error) {
	return webid.Contact{}, webid.ErrUnknown
}

func (p *pod) ByID(_ context.Context, id webid.ID) (webid.Contact, error) {
	for _, c := range p.friends {
		if c.ID == id || c.Accepts[0] == id {
			return c, nil
		}
	}
	return webid.Contact{}, webid.ErrUnknown
}

type realms func(string) (webid.Realm, bool)

func (r realms) Realm(url string) (webid.Realm, bool) { return r(url) }

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), ben: newKey(t)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.serve(w, r) }))
	t.Cleanup(h.Close)
	h.pod = pod{owner: webid.ID(h.URL + "/alice/profile/card#me")}
	h.befriend(h.ben, "benbenbenbenbenben22")
	s, err := issuer.New(issuer.Config{
		Issuer: h.URL, Store: &h.kept, Secret: make([]byte, 32), Keys: []webid.PrivateKey{newKey(t)}, Now: func() time.Time { return h.now },
		Realms: realms(func(url string) (webid.Realm, bool) { return &h.pod, url == h.URL+"/alice/" }),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.issuer = s
	return h
}

// serve is the least that a server of pods does with the issuer.
func (h *host) serve(w http.ResponseWriter, r *http.Request) {
	if h.issuer.Handles(r.URL.Path) {
		h.issuer.ServeHTTP(w, r)
		return
	}
	agent, err := h.issuer.Verifier().Authenticate(r)
	if err != nil || agent.Anonymous() {
		h.issuer.Challenge(w.Header(), h.URL+"/alice/", err)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	io.WriteString(w, agent.Contact())
}

func (h *host) befriend(k webid.PrivateKey, cid string) {
	h.pod.friends = append(h.pod.friends, webid.Contact{
		ID: webid.ID(h.URL + "/alice/contacts/" + cid + "/card#me"), CID: cid, Grant: 3,
		Accepts: []webid.ID{webid.ID(k.Public().String())},
	})
}

func newKey(t testing.TB) webid.PrivateKey {
	t.Helper()
	k, err := webid.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// form returns a sound token request by k.
func (h *host) form(t *testing.T, k webid.PrivateKey) url.Values {
	t.Helper()
	assertion, err := k.Assertion(h.URL, h.now)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"resource":           {h.URL + "/alice/"},
		"subject_token":      {assertion},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
	}
}

func (h *host) request(t *testing.T, k webid.PrivateKey, form url.Values) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, h.URL+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("DPoP", h.proof(t, k, r.Method, "/token", "", "", h.now))
	return r
}

func (h *host) proof(t *testing.T, k webid.PrivateKey, method, path, token, nonce string, now time.Time) string {
	t.Helper()
	p, err := k.Proof(method, h.URL+path, token, nonce, now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// answer is what came back, its body whole.
type answer struct {
	*http.Response
	body string
}

func send(t *testing.T, r *http.Request) answer {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(body)}
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return m
}

// decoded returns the JSON object in one part of a JWT.
func decoded(t *testing.T, part string) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// verified checks a JWT by a JWK with the standard library alone.
func verified(t *testing.T, token string, jwk map[string]any) error {
	t.Helper()
	part := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	end := strings.LastIndex(token, ".")
	sum, sig := sha256.Sum256([]byte(token[:end])), part(token[end+1:])
	point := append(append([]byte{4}, part(jwk["x"].(string))...), part(jwk["y"].(string))...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return err
	}
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return errors.New("the key does not verify the token")
	}
	return nil
}

func TestATokenOpensThePod(t *testing.T) {
	h := newHost(t)
	a := send(t, h.request(t, h.ben, h.form(t, h.ben)))
	m := a.json(t)
	if a.StatusCode != http.StatusOK || m["token_type"] != "DPoP" || m["expires_in"] != 300.0 ||
		m["issued_token_type"] != "urn:ietf:params:oauth:token-type:access_token" || len(m) != 4 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", a.Header)
	}
	token := m["access_token"].(string)
	r, err := http.NewRequest(http.MethodGet, h.URL+"/alice/social/door?x=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", h.proof(t, h.ben, "GET", "/alice/social/door", token, "", h.now))
	if a := send(t, r); a.StatusCode != http.StatusOK || a.body != "benbenbenbenbenben22" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
