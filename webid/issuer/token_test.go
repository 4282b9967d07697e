package issuer_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kith/webid"
	"kith/webid/issuer"
)

// TestTokenRefuses compares the whole body of each refusal.
func TestTokenRefuses(t *testing.T) {
	const notKnown = `{"error":"invalid_grant","error_description":"not known here"}`
	wrong := func(code, why string) string { return `{"error":"` + code + `","error_description":"` + why + `"}` }
	for _, c := range []struct {
		name   string
		change func(h *host, form url.Values, r *http.Request)
		body   string
	}{
		{"another grant", func(h *host, f url.Values, r *http.Request) { f.Set("grant_type", "password") },
			wrong("unsupported_grant_type", "grant_type must be one of authorization_code, refresh_token, client_credentials, urn:ietf:params:oauth:grant-type:token-exchange")},
		{"no grant", func(h *host, f url.Values, r *http.Request) { f.Del("grant_type") },
			wrong("invalid_request", "grant_type is needed")},
		{"another type of token", func(h *host, f url.Values, r *http.Request) {
			f.Set("subject_token_type", "urn:ietf:params:oauth:token-type:saml2")
		}, wrong("invalid_request", "subject_token_type must be urn:ietf:params:oauth:token-type:jwt, urn:ietf:params:oauth:token-type:id_token or urn:ietf:params:oauth:token-type:access_token")},
		{"a device's token shown as an OpenID provider's", func(h *host, f url.Values, r *http.Request) {
			f.Set("subject_token_type", "urn:ietf:params:oauth:token-type:id_token")
		}, wrong("invalid_request", "malformed")},
		{"a parameter twice", func(h *host, f url.Values, r *http.Request) { f.Add("resource", h.URL+"/bob/") },
			wrong("invalid_request", `\"resource\" stands more than once`)},
		{"a form of another type", func(h *host, f url.Values, r *http.Request) { r.Header.Set("Content-Type", "application/json") },
			wrong("invalid_request", "Content-Type must be application/x-www-form-urlencoded")},
		{"a form that is too large", func(h *host, f url.Values, r *http.Request) { f.Set("more", strings.Repeat("x", 64<<10)) },
			wrong("invalid_request", "the form cannot be read, or has more than 65536 bytes")},
		{"no proof", func(h *host, f url.Values, r *http.Request) { r.Header.Del("DPoP") }, wrong("invalid_dpop_proof", "a DPoP proof is needed, in the header DPoP: there are no Bearer tokens here")},
		{"two proofs", func(h *host, f url.Values, r *http.Request) { r.Header.Add("DPoP", r.Header.Get("DPoP")) }, wrong("invalid_dpop_proof", "malformed")},
		{"a proof for another address", func(h *host, f url.Values, r *http.Request) {
			r.Header.Set("DPoP", h.proof(t, h.ben, "POST", "/alice/", "", "", h.now))
		}, wrong("invalid_dpop_proof", "wrong address")},
		{"a proof of an hour ago", func(h *host, f url.Values, r *http.Request) {
			r.Header.Set("DPoP", h.proof(t, h.ben, "POST", "/token", "", "", h.now.Add(-time.Hour)))
		}, wrong("use_dpop_nonce", "the clock is off: sign again with this nonce")},
		{"no token", func(h *host, f url.Values, r *http.Request) { f.Del("subject_token") }, wrong("invalid_request", "malformed")},
		{"a token for another issuer", func(h *host, f url.Values, r *http.Request) {
			assertion, err := h.ben.Assertion("https://other.example", h.now)
			if err != nil {
				t.Fatal(err)
			}
			f.Set("subject_token", assertion)
		}, wrong("invalid_request", "wrong audience")},
		{"a token that has ended", func(h *host, f url.Values, r *http.Request) {
			assertion, err := h.ben.Assertion(h.URL, h.now.Add(-120*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			f.Set("subject_token", assertion)
		}, wrong("invalid_request", "not fresh")},
		{"a broken device list", func(h *host, f url.Values, r *http.Request) { f.Set("device_list", "x") }, wrong("invalid_request", "malformed")},
		{"an unknown key", func(h *host, f url.Values, r *http.Request) { h.pod.friends = nil }, notKnown},
		{"a blocked contact", func(h *host, f url.Values, r *http.Request) { h.pod.friends[0].Blocked = true }, notKnown},
		{"an unknown pod", func(h *host, f url.Values, r *http.Request) { f.Set("resource", h.URL+"/nobody/") }, notKnown},
		{"no pod", func(h *host, f url.Values, r *http.Request) { f.Del("resource") }, notKnown},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t)
			form := h.form(t, h.ben)
			r := h.request(t, h.ben, nil)
			c.change(h, form, r)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form.Encode())), int64(len(form.Encode()))
			a := send(t, r)
			if a.StatusCode != http.StatusBadRequest || a.body != c.body+"\n" {
				t.Errorf("%d %s\nwant %s", a.StatusCode, a.body, c.body)
			}
			if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("headers %v", a.Header)
			}
			if asks := strings.Contains(c.body, "use_dpop_nonce"); asks != (a.Header.Get("DPoP-Nonce") != "") {
				t.Errorf("DPoP-Nonce %q", a.Header.Get("DPoP-Nonce"))
			}
		})
	}
}

// TestStrangersAnswersAreEqual compares whole answers, headers included.
func TestStrangersAnswersAreEqual(t *testing.T) {
	h := newHost(t)
	blocked := newKey(t)
	h.befriend(blocked, "annannannannannann22")
	h.pod.friends[1].Blocked = true
	ask := func(k webid.PrivateKey, resource string) answer {
		form := h.form(t, k)
		form.Set("resource", resource)
		a := send(t, h.request(t, k, form))
		a.Header.Del("Date")
		return a
	}
	want := ask(newKey(t), h.URL+"/alice/")
	for name, a := range map[string]answer{
		"blocked": ask(blocked, h.URL+"/alice/"), "no such pod": ask(h.ben, h.URL+"/nobody/"), "stranger at no pod": ask(newKey(t), h.URL+"/nobody/"),
	} {
		if a.StatusCode != want.StatusCode || a.body != want.body || len(a.Header) != len(want.Header) {
			t.Errorf("%s: %d %s %v\nwant %d %s %v", name, a.StatusCode, a.body, a.Header, want.StatusCode, want.body, want.Header)
		}
		for field := range want.Header {
			if a.Header.Get(field) != want.Header.Get(field) {
				t.Errorf("%s: %s is %q, want %q", name, field, a.Header.Get(field), want.Header.Get(field))
			}
		}
	}
}

// TestAClockThatIsOffGetsIn follows what an app does: it is refused once and
// signs again with the nonce that came along.
func TestAClockThatIsOffGetsIn(t *testing.T) {
	h := newHost(t)
	skewed := h.now.Add(-24 * time.Hour)
	ask := func(nonce string) answer {
		form := h.form(t, h.ben)
		assertion, err := h.ben.Assertion(h.URL, skewed)
		if err != nil {
			t.Fatal(err)
		}
		form.Set("subject_token", assertion)
		r := h.request(t, h.ben, form)
		r.Header.Set("DPoP", h.proof(t, h.ben, "POST", "/token", "", nonce, skewed))
		return send(t, r)
	}
	refused := ask("")
	if refused.StatusCode != http.StatusBadRequest || refused.json(t)["error"] != "use_dpop_nonce" {
		t.Fatalf("%d %s", refused.StatusCode, refused.body)
	}
	if !strings.Contains(refused.Header.Get("Access-Control-Expose-Headers"), "DPoP-Nonce") {
		t.Error("no script can read the nonce")
	}
	got := ask(refused.Header.Get("DPoP-Nonce"))
	if got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	token := got.json(t)["access_token"].(string)
	get := func(nonce string) answer {
		r, err := http.NewRequest(http.MethodGet, h.URL+"/alice/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", h.proof(t, h.ben, "GET", "/alice/", token, nonce, skewed))
		return send(t, r)
	}
	at := get("")
	if challenge := at.Header.Get("WWW-Authenticate"); at.StatusCode != http.StatusUnauthorized || !strings.HasSuffix(challenge, `, error="use_dpop_nonce"`) {
		t.Errorf("%d %s", at.StatusCode, challenge)
	}
	if a := get(at.Header.Get("DPoP-Nonce")); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestAFullMemoryAnswers503(t *testing.T) {
	h := newHost(t)
	s, err := issuer.New(issuer.Config{
		Issuer: h.URL, Keys: []webid.PrivateKey{newKey(t)}, Now: func() time.Time { return h.now }, Store: &h.kept, Secret: make([]byte, 32),
		Replay: webid.NewReplay(0, func() time.Time { return h.now }),
		Realms: realms(func(url string) (webid.Realm, bool) { return &h.pod, true }),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.issuer = s
	a := send(t, h.request(t, h.ben, h.form(t, h.ben)))
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") != "60" || a.json(t)["error"] != "temporarily_unavailable" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// broken is a pod whose disk fails.
type broken struct{ *pod }

func (broken) ByID(context.Context, webid.ID) (webid.Contact, error) {
	return webid.Contact{}, errors.New("read /secret/path")
}

func TestAFailingDiskSaysNothing(t *testing.T) {
	h := newHost(t)
	s, err := issuer.New(issuer.Config{
		Issuer: h.URL, Keys: []webid.PrivateKey{newKey(t)}, Now: func() time.Time { return h.now }, Store: &h.kept, Secret: make([]byte, 32),
		Realms: realms(func(url string) (webid.Realm, bool) { return broken{&h.pod}, true }),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.issuer = s
	a := send(t, h.request(t, h.ben, h.form(t, h.ben)))
	if a.StatusCode != http.StatusInternalServerError || strings.Contains(a.body, "secret") || a.json(t)["error"] != "server_error" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestChallenge(t *testing.T) {
	h := newHost(t)
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"no credentials", nil, ""},
		{"a token that does not hold", webid.ErrToken, `, error="invalid_token"`},
		{"a proof that does not fit", webid.ErrProof, `, error="invalid_dpop_proof"`},
		{"another clock", webid.ErrNonce, `, error="use_dpop_nonce"`},
	} {
		header := http.Header{}
		h.issuer.Challenge(header, h.URL+"/alice/", c.err)
		want := `DPoP as_uri="` + h.URL + `", realm="` + h.URL + `/alice/", algs="ES256", resource_metadata="` + h.URL + `/.well-known/oauth-protected-resource/alice/"` + c.want
		if got := header.Get("WWW-Authenticate"); got != want {
			t.Errorf("%s: %s\nwant %s", c.name, got, want)
		}
		if nonce := header.Get("DPoP-Nonce"); (nonce != "") != (c.err == webid.ErrNonce) {
			t.Errorf("%s: DPoP-Nonce %q", c.name, nonce)
		}
	}
}

func TestAChallengeCannotBeBrokenOutOf(t *testing.T) {
	h := newHost(t)
	header := http.Header{}
	h.issuer.Challenge(header, h.URL+`/a", error="x\/`, nil)
	if got := header.Get("WWW-Authenticate"); !strings.Contains(got, `realm="`+h.URL+`/a\", error=\"x\\/"`) {
		t.Errorf("%s", got)
	}
}

func TestDocuments(t *testing.T) {
	h := newHost(t)
	for _, c := range []struct{ path, want string }{
		{"/.well-known/lws-configuration", `{"dpop_signing_alg_values_supported":["ES256"],"grant_types_supported":["urn:ietf:params:oauth:grant-type:token-exchange"],"issuer":"BASE","jwks_uri":"BASE/.well-known/jwks.json","response_types_supported":[],"subject_token_types_supported":["urn:ietf:params:oauth:token-type:jwt","urn:ietf:params:oauth:token-type:id_token","urn:ietf:params:oauth:token-type:access_token"],"token_endpoint":"BASE/token","token_endpoint_auth_methods_supported":["none"]}`},
		{"/.well-known/oauth-protected-resource/alice/", `{"authorization_servers":["BASE"],"bearer_methods_supported":[],"dpop_bound_access_tokens_required":true,"dpop_signing_alg_values_supported":["ES256"],"resource":"BASE/alice/"}`},
		{"/.well-known/oauth-protected-resource/nobody/", `{"authorization_servers":["BASE"],"bearer_methods_supported":[],"dpop_bound_access_tokens_required":true,"dpop_signing_alg_values_supported":["ES256"],"resource":"BASE/nobody/"}`},
	} {
		res, err := http.Get(h.URL + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if want := strings.ReplaceAll(c.want, "BASE", h.URL) + "\n"; err != nil || string(body) != want || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s\nwant %s", c.path, body, want)
		}
	}
}

// TestTheKeysVerifyTheTokens takes the public key from the key set and the
// thumbprint from the token's header.
func TestTheKeysVerifyTheTokens(t *testing.T) {
	h := newHost(t)
	r, err := http.NewRequest(http.MethodGet, h.URL+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := send(t, r).json(t)["keys"].([]any)
	if len(keys) != 1 {
		t.Fatalf("%d keys", len(keys))
	}
	k := keys[0].(map[string]any)
	if k["kty"] != "EC" || k["crv"] != "P-256" || k["alg"] != "ES256" || k["use"] != "sig" || len(k) != 7 {
		t.Errorf("key %v", k)
	}
	token := send(t, h.request(t, h.ben, h.form(t, h.ben))).json(t)["access_token"].(string)
	head := decoded(t, strings.Split(token, ".")[0])
	if head["kid"] != k["kid"] {
		t.Errorf("token by %v, key %v", head["kid"], k["kid"])
	}
	if err := verified(t, token, k); err != nil {
		t.Error(err)
	}
}

func TestEveryOriginMayAsk(t *testing.T) {
	h := newHost(t)
	for _, path := range []string{"/token", "/.well-known/lws-configuration", "/.well-known/jwks.json", "/.well-known/oauth-protected-resource/alice/"} {
		for _, origin := range []string{"null", "https://app.example"} {
			r, err := http.NewRequest(http.MethodOptions, h.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Origin", origin)
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "content-type, dpop")
			a := send(t, r)
			if a.StatusCode != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != "*" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s from %s: %d %v", path, origin, a.StatusCode, a.Header)
			}
			if got := a.Header.Get("Access-Control-Allow-Headers"); !strings.Contains(got, "DPoP") || !strings.Contains(got, "Content-Type") {
				t.Errorf("%s: allowed headers %q", path, got)
			}
		}
	}
}

func TestOtherMethodsAndPaths(t *testing.T) {
	h := newHost(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/token", 405, "POST, OPTIONS"},
		{"PUT", "/token", 405, "POST, OPTIONS"},
		{"POST", "/.well-known/jwks.json", 405, "GET, HEAD, OPTIONS"},
		{"DELETE", "/.well-known/oauth-protected-resource/alice/", 405, "GET, HEAD, OPTIONS"},
		{"HEAD", "/.well-known/jwks.json", 200, ""},
	} {
		w := httptest.NewRecorder()
		h.issuer.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		if w.Code != c.status || w.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q", c.method, c.path, w.Code, w.Header().Get("Allow"))
		}
	}
	for _, path := range []string{
		"/", "/token/", "/alice/", "/.well-known/", "/.well-known/oauth-protected-resource/", "/.well-known/oauth-protected-resource/alice",
		"/.well-known/oauth-protected-resource/alice/x/", "/.well-known/oauth-protected-resource/\"/", "/.well-known/oauth-protected-resource/../",
	} {
		w := httptest.NewRecorder()
		h.issuer.ServeHTTP(w, &http.Request{Method: "GET", URL: &url.URL{Path: path}, Header: http.Header{}})
		if h.issuer.Handles(path) || w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	sound := func() issuer.Config {
		return issuer.Config{
			Issuer: "http://localhost:8420", Keys: []webid.PrivateKey{newKey(t)}, Now: time.Now, Store: &store{}, Secret: make([]byte, 32),
			Realms: realms(func(string) (webid.Realm, bool) { return nil, false }),
		}
	}
	if _, err := issuer.New(sound()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*issuer.Config)
	}{
		{"a slash at the end", func(c *issuer.Config) { c.Issuer += "/" }},
		{"a path", func(c *issuer.Config) { c.Issuer += "/a" }},
		{"no scheme", func(c *issuer.Config) { c.Issuer = "localhost:8420" }},
		{"another scheme", func(c *issuer.Config) { c.Issuer = "ftp://localhost" }},
		{"no host", func(c *issuer.Config) { c.Issuer = "http://" }},
		{"credentials", func(c *issuer.Config) { c.Issuer = "http://a@localhost" }},
		{"a host that breaks out of the challenge", func(c *issuer.Config) { c.Issuer = `http://a",b` }},
		{"no keys", func(c *issuer.Config) { c.Keys = nil }},
		{"an empty key", func(c *issuer.Config) { c.Keys = append(c.Keys, webid.PrivateKey{}) }},
		{"no pods", func(c *issuer.Config) { c.Realms = nil }},
		{"no secret", func(c *issuer.Config) { c.Secret = nil }},
		{"no store", func(c *issuer.Config) { c.Store = nil }},
		{"no clock", func(c *issuer.Config) { c.Now = nil }},
	} {
		cfg := sound()
		c.change(&cfg)
		if s, err := issuer.New(cfg); err == nil || s != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
