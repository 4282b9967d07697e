package issuer_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kith/webid"
	"kith/webid/issuer"
)

// script makes credentials for a script of alice's.
func (h *host) script(t *testing.T) (g issuer.Grant, secret string) {
	t.Helper()
	g, secret = issuer.NewCredentials(h.URL+"/alice/", "backup", h.now)
	h.kept.add(g)
	return g, secret
}

// asScript returns a sound request for a token by client credentials.
func (h *host) asScript(t *testing.T, k webid.PrivateKey, id, secret string) *http.Request {
	t.Helper()
	r := h.request(t, k, url.Values{"grant_type": {"client_credentials"}, "scope": {"webid"}})
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r
}

func TestAScriptSignsIn(t *testing.T) {
	h := newHost(t)
	g, secret := h.script(t)
	key := newKey(t)
	a := send(t, h.asScript(t, key, g.ID, secret))
	m := a.json(t)
	if a.StatusCode != http.StatusOK || m["token_type"] != "DPoP" || m["expires_in"] != 600.0 || m["scope"] != "webid" || len(m) != 4 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.Header)
	}
	token := strings.Split(m["access_token"].(string), ".")
	if head := decoded(t, token[0]); head["typ"] != "at+jwt" || head["alg"] != "ES256" || head["kid"] == "" || len(head) != 3 {
		t.Errorf("header %v", head)
	}
	claims := decoded(t, token[1])
	owner, now := h.URL+"/alice/profile/card#me", float64(h.now.Unix())
	for name, want := range map[string]any{
		"iss": h.URL, "sub": owner, "webid": owner, "aud": "solid", "client_id": g.ID, "scope": "webid",
		"iat": now, "exp": now + 600, "grant": g.ID,
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
	if jkt := claims["cnf"].(map[string]any)["jkt"]; jkt != key.Public().Thumbprint() {
		t.Errorf("bound to %v", jkt)
	}
	if len(h.kept.used) != 1 || h.kept.used[0] != g.ID {
		t.Errorf("used %v", h.kept.used)
	}
}

func TestAScriptMayPostItsSecret(t *testing.T) {
	h := newHost(t)
	g, secret := h.script(t)
	r := h.request(t, h.ben, url.Values{"grant_type": {"client_credentials"}, "client_id": {g.ID}, "client_secret": {secret}})
	if a := send(t, r); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestWhatIsNoScriptGetsOneAnswer: unknown, removed, of another kind, or with
// another secret, none can be told from another.
func TestWhatIsNoScriptGetsOneAnswer(t *testing.T) {
	h := newHost(t)
	g, secret := h.script(t)
	app := issuer.Grant{ID: "anapp", Pod: g.Pod, Kind: issuer.KindApp, Client: "anapp", Secret: g.Secret}
	h.kept.add(app)
	const want = `{"error":"invalid_client","error_description":"the client is not known here, or its secret is another"}` + "\n"
	for name, c := range map[string]struct{ id, secret string }{
		"another secret":   {g.ID, secret + "x"},
		"no secret":        {g.ID, ""},
		"unknown":          {"nobody", secret},
		"unknown, nothing": {"nobody", ""},
		"an app":           {app.ID, secret},
		"the hash":         {g.ID, string(g.Secret)},
		"a bad escape":     {g.ID, "%zz"},
	} {
		r := h.asScript(t, h.ben, c.id, c.secret)
		if name == "a bad escape" {
			r.SetBasicAuth(g.ID, c.secret)
		}
		a := send(t, r)
		if a.StatusCode != http.StatusUnauthorized || a.body != want || a.Header.Get("WWW-Authenticate") != `Basic realm="`+h.URL+`"` {
			t.Errorf("%s: %d %s %v", name, a.StatusCode, a.body, a.Header)
		}
	}
}

// TestARefusedClientIsToldHow: a 401 has a challenge however the client said who it is (RFC 9110 §15.5.2).
func TestARefusedClientIsToldHow(t *testing.T) {
	h := newHost(t)
	for _, form := range []url.Values{
		{"grant_type": {"client_credentials"}},
		{"grant_type": {"client_credentials"}, "client_id": {"nobody"}, "client_secret": {"x"}},
		{"grant_type": {"authorization_code"}, "client_id": {"nobody"}, "code": {"x"}},
	} {
		a := send(t, h.request(t, h.ben, form))
		if a.StatusCode != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") != `Basic realm="`+h.URL+`"` {
			t.Errorf("%v: %d %s %v", form, a.StatusCode, a.body, a.Header)
		}
	}
}

func TestAScriptIsRefused(t *testing.T) {
	h := newHost(t)
	g, secret := h.script(t)
	for _, c := range []struct {
		name   string
		change func(r *http.Request)
		status int
		code   string
	}{
		{"no proof", func(r *http.Request) { r.Header.Del("DPoP") }, 400, "invalid_dpop_proof"},
		{"a proof for another address", func(r *http.Request) {
			r.Header.Set("DPoP", h.proof(t, h.ben, "POST", "/alice/", "", "", h.now))
		}, 400, "invalid_dpop_proof"},
		{"the secret in the URL too", func(r *http.Request) { r.URL.RawQuery = "client_secret=" + secret }, 400, "invalid_request"},
		{"two Authorization fields", func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) }, 401, "invalid_client"},
		{"a Bearer token", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }, 401, "invalid_client"},
		{"a cookie", func(r *http.Request) {
			r.Header.Del("Authorization")
			r.AddCookie(&http.Cookie{Name: "client_secret", Value: secret})
		}, 401, "invalid_client"},
	} {
		r := h.asScript(t, h.ben, g.ID, secret)
		c.change(r)
		if a := send(t, r); a.StatusCode != c.status || a.json(t)["error"] != c.code {
			t.Errorf("%s: %d %s", c.name, a.StatusCode, a.body)
		}
	}
}

func TestAProofOfAScriptIsGoodOnce(t *testing.T) {
	h := newHost(t)
	g, secret := h.script(t)
	r := h.asScript(t, h.ben, g.ID, secret)
	proof := r.Header.Get("DPoP")
	if a := send(t, r); a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	again := h.asScript(t, h.ben, g.ID, secret)
	again.Header.Set("DPoP", proof)
	if a := send(t, again); a.StatusCode != http.StatusBadRequest || a.json(t)["error"] != "invalid_dpop_proof" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

// TestDiscovery holds what clients insist on: Inrupt's throws where one of the
// endpoints, claims_supported or subject_types_supported is missing.
func TestDiscovery(t *testing.T) {
	h := newHost(t)
	r, err := http.NewRequest(http.MethodGet, h.URL+"/.well-known/openid-configuration", nil)
	if err != nil {
		t.Fatal(err)
	}
	a := send(t, r)
	m := a.json(t)
	if a.StatusCode != http.StatusOK || m["issuer"] != h.URL {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	r.URL.Path = "/.well-known/oauth-authorization-server" // where who was told of the issuer by RFC 9728 looks
	if other := send(t, r); other.StatusCode != http.StatusOK || other.body != a.body {
		t.Errorf("by RFC 8414 %d %s", other.StatusCode, other.body)
	}
	for name, path := range map[string]string{
		"authorization_endpoint": "/authorize", "token_endpoint": "/token", "registration_endpoint": "/register",
		"userinfo_endpoint": "/userinfo", "end_session_endpoint": "/logout", "jwks_uri": "/.well-known/jwks.json",
	} {
		if m[name] != h.URL+path {
			t.Errorf("%s is %v", name, m[name])
		}
	}
	for name, want := range map[string]string{
		"scopes_supported": "webid", "code_challenge_methods_supported": "S256", "response_types_supported": "code",
		"grant_types_supported": "client_credentials", "claims_supported": "webid", "subject_types_supported": "public",
		"token_endpoint_auth_methods_supported": "client_secret_basic", "id_token_signing_alg_values_supported": "ES256",
	} {
		if !contains(m[name], want) {
			t.Errorf("%s is %v", name, m[name])
		}
	}
	if methods := m["code_challenge_methods_supported"].([]any); len(methods) != 1 {
		t.Errorf("PKCE by %v", methods)
	}
}

func contains(list any, want string) bool {
	items, _ := list.([]any)
	for _, i := range items {
		if i == want {
			return true
		}
	}
	return false
}
