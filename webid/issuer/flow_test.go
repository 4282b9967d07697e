package issuer_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kith/internal/fetch"
	"kith/webid"
)

const verifier = "a-verifier-of-more-than-forty-three-characters-1234"

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// phone makes a device of alice's, whose list the pod has pinned.
func (h *host) phone(t *testing.T) webid.PrivateKey {
	t.Helper()
	person, device := newKey(t), newKey(t)
	list, err := webid.DeviceList{
		Label: person.Public().Label(), Gen: 1, Epoch: 1, Person: person.Public().String(),
		Devices: []webid.Device{{Kid: device.Public().String(), Name: "Phone", May: []string{"post", "admin"}}},
	}.Sign(webid.DeviceList{}, person)
	if err != nil {
		t.Fatal(err)
	}
	h.pod.lists.Devices = list
	return device
}

// app is a client that registered, and the key of its DPoP proofs.
type app struct {
	h          *host
	id, secret string
	key        webid.PrivateKey
	redirect   string
}

const redirect = "https://app.example/back?x=1"

func (h *host) app(t *testing.T) *app {
	t.Helper()
	a := send(t, h.json(t, "POST", "/register", map[string]any{"client_name": "Notes", "redirect_uris": []string{redirect}, "grant_types": []string{"authorization_code", "refresh_token"}}))
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	m := a.json(t)
	return &app{h, m["client_id"].(string), m["client_secret"].(string), newKey(t), redirect}
}

func (h *host) json(t *testing.T, method, path string, body any) *http.Request {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(method, h.URL+path, strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

// asking returns the sound parameters of an authorization request.
func (a *app) asking() url.Values {
	return url.Values{
		"client_id": {a.id}, "redirect_uri": {a.redirect}, "response_type": {"code"}, "state": {"the state"}, "nonce": {"the nonce"},
		"scope": {"openid offline_access webid other"}, "code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}, "prompt": {"consent"},
	}
}

// visit follows a link as a browser, without following where it leads.
func (h *host) visit(t *testing.T, path string) answer {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, h.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return browse(t, r)
}

func browse(t *testing.T, r *http.Request) answer {
	t.Helper()
	before := http.DefaultClient.CheckRedirect
	http.DefaultClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { http.DefaultClient.CheckRedirect = before }()
	return send(t, r)
}

// ask makes a request for consent and returns its ID.
func (a *app) ask(t *testing.T, form url.Values) string {
	t.Helper()
	got := a.h.visit(t, "/authorize?"+form.Encode())
	id, ok := strings.CutPrefix(got.Header.Get("Location"), a.h.URL+"/#consent=")
	if got.StatusCode != http.StatusSeeOther || !ok {
		t.Fatalf("%d %s %s", got.StatusCode, got.Header.Get("Location"), got.body)
	}
	return id
}

// deviceToken returns a token for alice's pod.
func (h *host) deviceToken(t *testing.T, device webid.PrivateKey) string {
	t.Helper()
	a := send(t, h.request(t, device, h.form(t, device)))
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return a.json(t)["access_token"].(string)
}

// allowing is a decision by a device.
func (h *host) allowing(t *testing.T, device webid.PrivateKey, id string) *http.Request {
	t.Helper()
	r := h.json(t, "POST", "/authorize/"+id, map[string]string{"decision": "allow", "pod": h.URL + "/alice/"})
	token := h.deviceToken(t, device)
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", h.proof(t, device, "POST", "/authorize/"+id, token, "", h.now))
	return r
}

// allow lets the owner's device consent, and returns where the browser goes.
func (h *host) allow(t *testing.T, device webid.PrivateKey, id string) url.Values {
	t.Helper()
	a := send(t, h.allowing(t, device, id))
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	where, ok := strings.CutPrefix(a.json(t)["redirect"].(string), redirect+"&")
	if !ok {
		t.Fatalf("leads to %s", a.body)
	}
	told, err := url.ParseQuery(where)
	if err != nil {
		t.Fatal(err)
	}
	return told
}

// redeeming is a token request for a code.
func (a *app) redeeming(t *testing.T, code string) *http.Request {
	t.Helper()
	return a.tokens(t, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {a.redirect}, "code_verifier": {verifier}})
}

func (a *app) tokens(t *testing.T, form url.Values) *http.Request {
	t.Helper()
	r := a.h.request(t, a.key, form)
	r.SetBasicAuth(url.QueryEscape(a.id), url.QueryEscape(a.secret))
	return r
}

func (a *app) refreshing(t *testing.T, token string) *http.Request {
	t.Helper()
	return a.tokens(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// signIn goes the whole way.
func (a *app) signIn(t *testing.T, device webid.PrivateKey) map[string]any {
	t.Helper()
	got := send(t, a.redeeming(t, a.h.allow(t, device, a.ask(t, a.asking())).Get("code")))
	if got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	return got.json(t)
}

func TestAnAppSignsTheOwnerIn(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	id := a.ask(t, a.asking())
	shown := h.visit(t, "/authorize/"+id)
	m := shown.json(t)
	client, back := m["client"].(map[string]any), m["redirect"].(map[string]any)
	if client["name"] != "Notes" || client["kind"] != "registered" || client["host"] != "app.example" || back["uri"] != redirect || back["host"] != "app.example" {
		t.Errorf("shown %s", shown.body)
	}
	if scopes := m["scopes"].([]any); len(scopes) != 3 || scopes[0] != "openid" || m["expires"] != "2026-11-22T12:10:00Z" {
		t.Errorf("shown %s", shown.body)
	}
	told := h.allow(t, device, id)
	if told.Get("state") != "the state" || told.Get("iss") != h.URL || len(told) != 3 {
		t.Errorf("told %v", told)
	}
	got := send(t, a.redeeming(t, told.Get("code"))).json(t)
	if got["token_type"] != "DPoP" || got["scope"] != "openid offline_access webid" || got["refresh_token"] == "" {
		t.Fatalf("%v", got)
	}
	owner := h.URL + "/alice/profile/card#me"
	access := decoded(t, strings.Split(got["access_token"].(string), ".")[1])
	if access["webid"] != owner || access["aud"] != "solid" || access["client_id"] != a.id {
		t.Errorf("access token %v", access)
	}
	claims := decoded(t, strings.Split(got["id_token"].(string), ".")[1])
	for name, want := range map[string]any{"iss": h.URL, "sub": owner, "webid": owner, "azp": a.id, "nonce": "the nonce", "auth_time": float64(h.now.Unix())} {
		if claims[name] != want {
			t.Errorf("%s is %v", name, claims[name])
		}
	}
	if !contains(claims["aud"], a.id) || !contains(claims["aud"], "solid") || claims["cnf"].(map[string]any)["jkt"] != a.key.Public().Thumbprint() {
		t.Errorf("ID token %v", claims)
	}
}

// TestAConsentIsDecidedOnce, by whatever decision.
func TestAConsentIsDecidedOnce(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	deny := func(id string) answer {
		return send(t, h.json(t, "POST", "/authorize/"+id, map[string]string{"decision": "deny"}))
	}
	id := a.ask(t, a.asking())
	got := deny(id)
	if got.StatusCode != http.StatusOK || !strings.HasPrefix(got.json(t)["redirect"].(string), redirect+"&error=access_denied&iss=") {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	for name, again := range map[string]answer{"denied again": deny(id), "allowed": send(t, h.allowing(t, device, id)), "looked at": h.visit(t, "/authorize/"+id)} {
		if again.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s", name, again.StatusCode, again.body)
		}
	}
	late := a.ask(t, a.asking())
	h.now = h.now.Add(10 * time.Minute)
	if got := deny(late); got.StatusCode != http.StatusNotFound {
		t.Errorf("late: %d %s", got.StatusCode, got.body)
	}
}

// TestNobodyElseConsents: cookies, forms of other sites, apps, friends, devices
// of others, proofs for another request.
func TestNobodyElseConsents(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	appToken := a.signIn(t, device)["access_token"].(string)
	friendToken := h.deviceToken(t, h.ben)
	for _, c := range []struct {
		name   string
		change func(r *http.Request, id string)
		status int
	}{
		{"no proof at all", func(r *http.Request, id string) { r.Header.Del("Authorization"); r.Header.Del("DPoP") }, 401},
		{"a cookie", func(r *http.Request, id string) {
			r.Header.Set("Cookie", "session="+r.Header.Get("Authorization"))
			r.Header.Del("Authorization")
		}, 401},
		{"a token without a proof", func(r *http.Request, id string) { r.Header.Del("DPoP") }, 401},
		{"a token as Bearer", func(r *http.Request, id string) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "DPoP", "Bearer", 1))
		}, 401},
		{"the token of an app", func(r *http.Request, id string) {
			r.Header.Set("Authorization", "DPoP "+appToken)
			r.Header.Set("DPoP", h.proof(t, a.key, "POST", "/authorize/"+id, appToken, "", h.now))
		}, 401},
		{"a friend", func(r *http.Request, id string) {
			r.Header.Set("Authorization", "DPoP "+friendToken)
			r.Header.Set("DPoP", h.proof(t, h.ben, "POST", "/authorize/"+id, friendToken, "", h.now))
		}, 401},
		{"a proof for another request", func(r *http.Request, id string) {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP ")
			r.Header.Set("DPoP", h.proof(t, device, "POST", "/authorize/other", token, "", h.now))
		}, 401},
		{"a proof by another key", func(r *http.Request, id string) {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "DPoP ")
			r.Header.Set("DPoP", h.proof(t, h.ben, "POST", "/authorize/"+id, token, "", h.now))
		}, 401},
		{"a form", func(r *http.Request, id string) { r.Header.Set("Content-Type", "text/plain") }, 400},
	} {
		id := a.ask(t, a.asking())
		r := h.allowing(t, device, id)
		c.change(r, id)
		got := send(t, r)
		if got.StatusCode != c.status || strings.Contains(got.body, "code=") {
			t.Errorf("%s: %d %s", c.name, got.StatusCode, got.body)
		}
		if h.visit(t, "/authorize/"+id).StatusCode != http.StatusOK {
			t.Errorf("%s: the owner can decide no more", c.name)
		}
	}
}

// TestOtherOriginsCannotDecide: the browser is told nothing that would let a
// page of another origin send a decision, read one, or show it in a frame.
func TestOtherOriginsCannotDecide(t *testing.T) {
	h := newHost(t)
	a := h.app(t)
	id := a.ask(t, a.asking())
	for _, path := range []string{"/authorize?" + a.asking().Encode(), "/authorize/" + id, "/authorize/" + id + "/passkey", "/authorize", "/logout"} {
		for _, method := range []string{"OPTIONS", "GET"} {
			r, err := http.NewRequest(method, h.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", "null")
			r.Header.Set("Access-Control-Request-Method", "POST")
			got := browse(t, r)
			if got.Header.Get("Access-Control-Allow-Origin") != "" || got.Header.Get("Access-Control-Allow-Headers") != "" {
				t.Errorf("%s %s: %v", method, path, got.Header)
			}
			if method == "GET" && (got.Header.Get("X-Frame-Options") != "DENY" || got.Header.Get("Referrer-Policy") != "no-referrer" || got.Header.Get("Cache-Control") != "no-store") {
				t.Errorf("%s %s: %v", method, path, got.Header)
			}
		}
	}
}

// TestConsentNeedsSigningInElsewhere: where it is off, no code is made.
func TestConsentNeedsSigningInElsewhere(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	id := a.ask(t, a.asking())
	h.kept.off = true
	got := send(t, h.allowing(t, device, id))
	if got.StatusCode != http.StatusConflict || got.json(t)["error"] != "elsewhere_off" {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	h.kept.off = false
	if told := h.allow(t, device, id); told.Get("code") == "" {
		t.Errorf("told %v", told)
	}
}

// pages are documents on other hosts.
type pages map[string]string

func (p pages) Admit(*http.Request) bool { return true }

func (p pages) Fresh(_ context.Context, url, _ string, _ time.Duration) (fetch.Document, error) {
	text, ok := p[url]
	if !ok {
		return fetch.Document{}, errors.New("no document")
	}
	return fetch.Document{URL: url, Body: []byte(text)}, nil
}
