package webid_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kith/internal/fetch"
	"kith/webid"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// provider is an OpenID provider and a server of profiles, on loopback.
type provider struct {
	*httptest.Server
	keys     map[string]crypto.Signer // by kid, which begins with the algorithm
	requests atomic.Int64

	mu    sync.Mutex
	pages map[string]page // by path
}

type page struct {
	mediaType, text, to string
}

var (
	generate sync.Once
	keyRing  map[string]crypto.Signer
)

// ring returns one key for each algorithm; they are slow to make.
func ring(t testing.TB) map[string]crypto.Signer {
	generate.Do(func() {
		p256, err0 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		p384, err1 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		rsaKey, err2 := rsa.GenerateKey(rand.Reader, 2048)
		_, ed, err3 := ed25519.GenerateKey(rand.Reader)
		if err := errors.Join(err0, err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		keyRing = map[string]crypto.Signer{"ES256-1": p256, "ES384-1": p384, "RS256-1": rsaKey, "PS256-1": rsaKey, "EdDSA-1": ed}
	})
	return keyRing
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	p := &provider{keys: ring(t), pages: map[string]page{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	p.put("/.well-known/openid-configuration", "application/json", fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, p.URL, p.URL+"/jwks"))
	p.put("/jwks", "application/json", jwksOf(t, p.keys))
	p.put("/bob", "text/turtle", fmt.Sprintf("<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <%s>.", p.URL))
	return p
}

func (p *provider) put(path, mediaType, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[path] = page{mediaType: mediaType, text: text}
}

func (p *provider) move(path, to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[path] = page{to: to}
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	p.mu.Lock()
	page, ok := p.pages[r.URL.Path]
	p.mu.Unlock()
	switch {
	case !ok:
		http.NotFound(w, r)
	case page.to != "":
		http.Redirect(w, r, page.to, http.StatusFound)
	default:
		w.Header().Set("Content-Type", page.mediaType)
		w.Write([]byte(page.text))
	}
}

func (p *provider) bob() webid.ID { return webid.ID(p.URL + "/bob#me") }

// jwksOf returns the public halves of keys as a JWK set.
func jwksOf(t testing.TB, keys map[string]crypto.Signer) string {
	t.Helper()
	set := []any{}
	for kid, k := range keys {
		set = append(set, jwkOf(t, kid, k))
	}
	text, err := json.Marshal(map[string]any{"keys": set})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func jwkOf(t testing.TB, kid string, k crypto.Signer) jwk.Key {
	t.Helper()
	key, err := jwk.Import(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	alg, _, _ := strings.Cut(kid, "-")
	if err := errors.Join(key.Set("kid", kid), key.Set("alg", alg)); err != nil {
		t.Fatal(err)
	}
	return key
}

// signed returns claims as a JWS by any key, with any header.
func signed(t testing.TB, alg string, key any, header, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	h := jws.NewHeaders()
	for name, value := range header {
		if err := h.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	a, ok := jwa.LookupSignatureAlgorithm(alg)
	if !ok {
		t.Fatalf("no algorithm %s", alg)
	}
	text, err := jws.Sign(payload, jws.WithKey(a, key, jws.WithProtectedHeaders(h)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docs are documents of a real guarded fetcher.
type docs struct {
	*fetch.Fetcher
	full atomic.Bool
}

func (d *docs) Admit(*http.Request) bool { return !d.full.Load() }

// abroad is a scene into which people with WebIDs come.
type abroad struct {
	*scene
	*provider
	docs *docs
	app  webid.PrivateKey // the key of Bob's app
}

func newAbroad(t testing.TB) *abroad {
	t.Helper()
	a := &abroad{scene: newScene(t), provider: newProvider(t), app: newKey(t)}
	f, err := fetch.New(fetch.Config{Allow: []string{a.Listener.Addr().String()}, Now: a.Verifier.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	a.docs = &docs{Fetcher: f}
	a.Verifier.Documents = a.docs
	a.Verifier.Strangers = webid.NewReplay(100, a.Verifier.Now)
	return a
}

// claims are those of a sound access token for Bob.
func (a *abroad) claims() map[string]any {
	return map[string]any{
		"iss": a.URL, "sub": a.bob(), "webid": a.bob(), "aud": "solid", "client_id": "https://app.example/id",
		"iat": a.now.Unix(), "exp": a.now.Add(time.Hour).Unix(), "jti": "x",
		"cnf": map[string]string{"jkt": a.app.Public().Thumbprint()},
	}
}

func (a *abroad) issue(t testing.TB, kid string, change func(header, claims map[string]any)) string {
	t.Helper()
	alg, _, _ := strings.Cut(kid, "-")
	header, claims := map[string]any{"kid": kid, "typ": "at+jwt"}, a.claims()
	if change != nil {
		change(header, claims)
	}
	return signed(t, alg, a.keys[kid], header, claims)
}

func (a *abroad) authenticate(t testing.TB, token string) (webid.Agent, error) {
	t.Helper()
	return a.Authenticate(a.scene.get(t, a.app, token, "/x"))
}

// check reports the verdict on a token.
func (a *abroad) check(t *testing.T, token string, want webid.Verdict) {
	t.Helper()
	agent, err := a.authenticate(t, token)
	switch {
	case want == "" && (err != nil || !agent.Has(a.bob()) || agent.Owner() || agent.Contact() != "" || agent.Anonymous()):
		t.Errorf("agent %+v, %v", agent, err)
	case want != "" && (!errors.Is(err, want) || !errors.Is(err, webid.ErrToken) && !errors.Is(err, webid.ErrProof) || !agent.Anonymous()):
		t.Errorf("agent %+v, %v; want %v", agent, err, want)
	}
}

func TestTokensOfOtherIssuers(t *testing.T) {
	type change = func(a *abroad, h, c map[string]any)
	for name, c := range map[string]struct {
		kid    string
		change change
		want   webid.Verdict
	}{
		"ES256": {"ES256-1", nil, ""}, "ES384": {"ES384-1", nil, ""}, "RS256": {"RS256-1", nil, ""}, "PS256": {"PS256-1", nil, ""}, "EdDSA": {"EdDSA-1", nil, ""},
		"type left out":        {"", func(_ *abroad, h, _ map[string]any) { delete(h, "typ") }, ""},
		"type in full":         {"", func(_ *abroad, h, _ map[string]any) { h["typ"] = "application/AT+JWT" }, ""},
		"thumbprint of a cert": {"", func(_ *abroad, h, _ map[string]any) { h["x5t"] = "abc" }, ""},
		"an ID token": {"", func(a *abroad, h, c map[string]any) {
			h["typ"] = "JWT"
			c["aud"] = []string{"app", "solid"}
			delete(c, "client_id")
			c["azp"] = "app"
		}, ""},
		"times with a fraction":  {"", func(a *abroad, _, c map[string]any) { c["iat"] = float64(a.now.Unix()) + 0.5 }, ""},
		"holds for a year":       {"", func(a *abroad, _, c map[string]any) { c["exp"] = a.now.Add(8760 * time.Hour).Unix() }, ""},
		"made 23 hours ago":      {"", func(a *abroad, _, c map[string]any) { c["iat"] = a.now.Add(-23 * time.Hour).Unix() }, ""},
		"made a day ago":         {"", func(a *abroad, _, c map[string]any) { c["iat"] = a.now.Add(-24 * time.Hour).Unix() }, "not fresh"},
		"has ended":              {"", func(a *abroad, _, c map[string]any) { c["exp"] = a.now.Unix() }, "not fresh"},
		"made in the future":     {"", func(a *abroad, _, c map[string]any) { c["iat"] = a.now.Add(2 * time.Minute).Unix() }, "not fresh"},
		"not yet":                {"", func(a *abroad, _, c map[string]any) { c["nbf"] = a.now.Add(2 * time.Minute).Unix() }, "not fresh"},
		"without iat":            {"", func(_ *abroad, _, c map[string]any) { delete(c, "iat") }, "malformed"},
		"without exp":            {"", func(_ *abroad, _, c map[string]any) { delete(c, "exp") }, "malformed"},
		"times as text":          {"", func(_ *abroad, _, c map[string]any) { c["exp"] = "9999999999" }, "malformed"},
		"without webid":          {"", func(_ *abroad, _, c map[string]any) { delete(c, "webid") }, "malformed"},
		"webid is a key":         {"", func(a *abroad, _, c map[string]any) { c["webid"] = a.app.Public().String() }, "malformed"},
		"webid with credentials": {"", func(_ *abroad, _, c map[string]any) { c["webid"] = "https://a:b@c.example/" }, "malformed"},
		"webid is a list":        {"", func(a *abroad, _, c map[string]any) { c["webid"] = []any{a.bob()} }, "malformed"},
		"bound to no key":        {"", func(_ *abroad, _, c map[string]any) { delete(c, "cnf") }, "malformed"},
		"bound to nothing":       {"", func(_ *abroad, _, c map[string]any) { c["cnf"] = map[string]string{"jkt": ""} }, "malformed"},
		"bound by certificate": {"", func(_ *abroad, _, c map[string]any) {
			c["cnf"] = map[string]string{"x5t#S256": strings.Repeat("a", 43)}
		}, "malformed"},
		"bound to another key":         {"", func(_ *abroad, _, c map[string]any) { c["cnf"] = map[string]string{"jkt": strings.Repeat("A", 43)} }, "wrong token"},
		"for another audience":         {"", func(_ *abroad, _, c map[string]any) { c["aud"] = "https://host.example" }, "wrong audience"},
		"for many others":              {"", func(_ *abroad, _, c map[string]any) { c["aud"] = []string{"a", "b"} }, "wrong audience"},
		"audience by another spelling": {"", func(_ *abroad, _, c map[string]any) { c["aud"] = "Solid" }, "wrong audience"},
		"without audience":             {"", func(_ *abroad, _, c map[string]any) { delete(c, "aud") }, "malformed"},
		"a key of its own":             {"", func(a *abroad, h, _ map[string]any) { h["jwk"] = must(jwk.Import(a.keys["ES256-1"].Public())) }, "wrong header"},
		"a key set of its own":         {"", func(_ *abroad, h, _ map[string]any) { h["jku"] = "https://evil.example/jwks" }, "wrong header"},
		"a certificate of its own":     {"", func(_ *abroad, h, _ map[string]any) { h["x5u"] = "https://evil.example/c" }, "wrong header"},
		"critical extension":           {"", func(_ *abroad, h, _ map[string]any) { h["crit"] = []string{"x"}; h["x"] = 1 }, "wrong header"},
		"another type":                 {"", func(_ *abroad, h, _ map[string]any) { h["typ"] = "dpop+jwt" }, "wrong header"},
		"without kid":                  {"", func(_ *abroad, h, _ map[string]any) { delete(h, "kid") }, "wrong header"},
		"unknown kid":                  {"", func(_ *abroad, h, _ map[string]any) { h["kid"] = "ES256-2" }, "unknown key"},
		"kid that is a path":           {"", func(_ *abroad, h, _ map[string]any) { h["kid"] = "../../../../dev/null" }, "unknown key"},
		"kid that is a query":          {"", func(_ *abroad, h, _ map[string]any) { h["kid"] = "x' UNION SELECT 'key" }, "unknown key"},
		"key of another algorithm":     {"", func(_ *abroad, h, _ map[string]any) { h["kid"] = "RS256-1" }, "unknown key"},
		"key of another curve":         {"", func(_ *abroad, h, _ map[string]any) { h["kid"] = "ES384-1" }, "wrong key"},
		"issuer with a slash":          {"", func(a *abroad, _, c map[string]any) { c["iss"] = a.URL + "/" }, "wrong issuer"},
		"issuer that is not there":     {"", func(a *abroad, _, c map[string]any) { c["iss"] = a.URL + "/nobody" }, "not reachable"},
		"issuer on a private address":  {"", func(_ *abroad, _, c map[string]any) { c["iss"] = "https://169.254.169.254" }, "not reachable"},
		"issuer without TLS":           {"", func(_ *abroad, _, c map[string]any) { c["iss"] = "http://a.example" }, "not reachable"},
		"issuer with a query":          {"", func(a *abroad, _, c map[string]any) { c["iss"] = a.URL + "?x" }, "bad signature"},
		"issuer that is a file":        {"", func(_ *abroad, _, c map[string]any) { c["iss"] = "file:///etc/passwd" }, "bad signature"},
		"calls itself ours":            {"", func(_ *abroad, _, c map[string]any) { c["iss"] = issuerURL }, "bad signature"},
		"webid of the owner":           {"", func(_ *abroad, _, c map[string]any) { c["webid"] = ownerID }, "not reachable"},
		"webid that names nobody":      {"", func(a *abroad, _, c map[string]any) { c["webid"] = a.URL + "/bob#you" }, "not vouched for"},
		"webid of another document":    {"", func(a *abroad, _, c map[string]any) { c["webid"] = a.URL + "/other#me" }, "not reachable"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAbroad(t)
			kid := c.kid
			if kid == "" {
				kid = "ES256-1"
			}
			token := a.issue(t, kid, func(h, claims map[string]any) {
				if c.change != nil {
					c.change(a, h, claims)
				}
			})
			a.check(t, token, c.want)
		})
	}
}

// must is for what cannot fail in a table.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAlgorithmsThatAreNotTaken(t *testing.T) {
	a := newAbroad(t)
	head := func(alg string) string {
		return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":%q,"kid":"ES256-1"}`, alg))
	}
	_, payload, _ := strings.Cut(a.issue(t, "ES256-1", nil), ".")
	payload, _, _ = strings.Cut(payload, ".")
	for _, alg := range []string{"none", "None", "NONE", "", "es256", "ES256K", "ES512", "RS1", "HS256"} {
		a.check(t, head(alg)+"."+payload+".", "wrong header")
		a.check(t, head(alg)+"."+payload+"."+strings.Repeat("A", 86), "wrong header")
	}
	// The public key as the secret of a MAC, in the spellings that verifiers of old fell for.
	for _, secret := range []string{jwksOf(t, a.keys), string(must(json.Marshal(jwkOf(t, "ES256-1", a.keys["ES256-1"]))))} {
		for _, alg := range []string{"HS256", "HS512"} {
			a.check(t, signed(t, alg, []byte(secret), map[string]any{"kid": "ES256-1"}, a.claims()), "wrong header")
		}
	}
	// A signature of one algorithm under the name of another.
	rs := a.issue(t, "RS256-1", func(h, _ map[string]any) { h["kid"] = "PS256-1" })
	a.check(t, rs, "wrong key")
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	a.check(t, signed(t, "ES256", other, map[string]any{"kid": "ES256-1"}, a.claims()), "bad signature")
	token := a.issue(t, "ES256-1", nil)
	a.check(t, token[:len(token)-4]+"AAAA", "bad signature")
	a.check(t, token+"A", "bad signature")
	a.check(t, token+"."+token, "malformed")
	a.check(t, strings.Repeat("a", 17<<10), "malformed")
}

func TestWhatIssuersPublish(t *testing.T) {
	es := func(t *testing.T, a *abroad) string {
		return jwksOf(t, map[string]crypto.Signer{"ES256-1": a.keys["ES256-1"]})
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, a *abroad)
		want   webid.Verdict
	}{
		"another issuer's name": {func(_ *testing.T, a *abroad) {
			a.put("/.well-known/openid-configuration", "application/json", `{"issuer":"https://good.example","jwks_uri":"`+a.URL+`/jwks"}`)
		}, "wrong issuer"},
		"a name that differs by case": {func(_ *testing.T, a *abroad) {
			a.put("/.well-known/openid-configuration", "application/json", `{"ISSUER":"`+a.URL+`","jwks_uri":"`+a.URL+`/jwks"}`)
		}, "malformed"},
		"keys on a private address": {func(_ *testing.T, a *abroad) {
			a.put("/.well-known/openid-configuration", "application/json", `{"issuer":"`+a.URL+`","jwks_uri":"https://127.0.0.1:1024/jwks"}`)
		}, "not reachable"},
		"keys in a file": {func(_ *testing.T, a *abroad) {
			a.put("/.well-known/openid-configuration", "application/json", `{"issuer":"`+a.URL+`","jwks_uri":"file:///etc/passwd"}`)
		}, "not reachable"},
		"no configuration": {func(_ *testing.T, a *abroad) { a.put("/.well-known/openid-configuration", "text/html", "<html>") }, "malformed"},
		"keys in a page":   {func(_ *testing.T, a *abroad) { a.put("/jwks", "text/html", "<html>") }, "malformed"},
		"no keys":          {func(_ *testing.T, a *abroad) { a.put("/jwks", "application/json", `{"keys":[]}`) }, "unknown key"},
		"keys of no kind":  {func(_ *testing.T, a *abroad) { a.put("/jwks", "application/json", `{"keys":[1,null,"x",{}]}`) }, "unknown key"},
		"two keys of one kid": {func(t *testing.T, a *abroad) {
			one := es(t, a)
			a.put("/jwks", "application/json", strings.Replace(one, "]}", ","+strings.TrimPrefix(one, `{"keys":[`), 1))
		}, "unknown key"},
		"too many keys": {func(t *testing.T, a *abroad) {
			a.put("/jwks", "application/json", `{"keys":[`+strings.Repeat(`{},`, 64)+strings.TrimPrefix(es(t, a), `{"keys":[`))
		}, "malformed"},
		"a huge set": {func(t *testing.T, a *abroad) {
			a.put("/jwks", "application/json", strings.Repeat(" ", 64<<10)+es(t, a))
		}, "not reachable"},
		"a key that is private": {func(t *testing.T, a *abroad) {
			a.put("/jwks", "application/json", strings.Replace(es(t, a), `"kid"`, `"d":"AAAA","kid"`, 1))
		}, "wrong key"},
		"a key for encryption": {func(t *testing.T, a *abroad) {
			a.put("/jwks", "application/json", strings.Replace(es(t, a), `"kid"`, `"use":"enc","kid"`, 1))
		}, "wrong key"},
		"a key that only signs": {func(t *testing.T, a *abroad) {
			a.put("/jwks", "application/json", strings.Replace(es(t, a), `"kid"`, `"key_ops":["sign"],"kid"`, 1))
		}, "wrong key"},
		"a point off the curve": {func(_ *testing.T, a *abroad) {
			a.put("/jwks", "application/json", `{"keys":[{"kty":"EC","crv":"P-256","kid":"ES256-1","x":"`+strings.Repeat("A", 42)+`E","y":"`+strings.Repeat("A", 42)+`E"}]}`)
		}, "wrong key"},
		"a profile in JSON-LD": {func(_ *testing.T, a *abroad) {
			a.put("/bob", "application/ld+json", `{"@id":"#me","http://www.w3.org/ns/solid/terms#oidcIssuer":{"@id":"`+a.URL+`"}}`)
		}, ""},
		"a Controlled Identifier document": {func(_ *testing.T, a *abroad) {
			a.put("/bob", "application/cid", `{}`)
			a.put("/bob", "application/ld+json", `{"@context":["https://www.w3.org/ns/cid/v1"],"id":"`+string(a.bob())+`","service":[{"type":"https://www.w3.org/ns/lws#OpenIdProvider","serviceEndpoint":"`+a.URL+`"}]}`)
		}, ""},
		"a Controlled Identifier document of another": {func(_ *testing.T, a *abroad) {
			a.put("/bob", "application/ld+json", `{"id":"`+a.URL+`/eve#me","service":[{"type":"https://www.w3.org/ns/lws#OpenIdProvider","serviceEndpoint":"`+a.URL+`"}]}`)
		}, "not vouched for"},
		"a profile that names another issuer": {func(_ *testing.T, a *abroad) {
			a.put("/bob", "text/turtle", "<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <https://good.example>.")
		}, "not vouched for"},
		"a profile that names it with a slash": {func(_ *testing.T, a *abroad) {
			a.put("/bob", "text/turtle", "<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <"+a.URL+"/>.")
		}, "not vouched for"},
		"a profile that names it as text": {func(_ *testing.T, a *abroad) {
			a.put("/bob", "text/turtle", "<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> \""+a.URL+"\".")
		}, "not vouched for"},
		"a profile that names it for another": {func(_ *testing.T, a *abroad) {
			a.put("/bob", "text/turtle", "<#you> <http://www.w3.org/ns/solid/terms#oidcIssuer> <"+a.URL+">.")
		}, "not vouched for"},
		"a profile that is a page": {func(_ *testing.T, a *abroad) { a.put("/bob", "text/html", "<#me>") }, "not vouched for"},
		"a profile that is broken": {func(_ *testing.T, a *abroad) { a.put("/bob", "text/turtle", "<#me> <") }, "not vouched for"},
		"a profile without a type": {func(_ *testing.T, a *abroad) { a.put("/bob", "", "<#me> <x:y> <x:z>.") }, "not vouched for"},
		"a profile that has moved and still names it": {func(_ *testing.T, a *abroad) {
			a.move("/bob", "/moved")
			a.put("/moved", "text/turtle", "</bob#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <"+a.URL+">.")
		}, ""},
		"a profile that has moved and speaks of itself": {func(_ *testing.T, a *abroad) {
			a.move("/bob", "/moved")
			a.put("/moved", "text/turtle", "<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <"+a.URL+">.")
		}, "not vouched for"},
		"a profile that has moved to a private address": {func(_ *testing.T, a *abroad) { a.move("/bob", "https://10.0.0.1/") }, "not reachable"},
		"a profile that is gone":                        {func(_ *testing.T, a *abroad) { a.move("/bob", "/nothing") }, "not reachable"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAbroad(t)
			c.change(t, a)
			a.check(t, a.issue(t, "ES256-1", nil), c.want)
		})
	}
}

func TestKeysChange(t *testing.T) {
	a := newAbroad(t)
	a.check(t, a.issue(t, "ES256-1", nil), "")
	fresh := map[string]crypto.Signer{"ES256-2": must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	a.put("/jwks", "application/json", jwksOf(t, fresh))
	a.keys = fresh
	token := a.issue(t, "ES256-2", nil)
	a.check(t, token, "unknown key") // its keys were asked for a moment ago
	a.now = a.now.Add(11 * time.Second)
	a.check(t, token, "")
}

func TestUnknownKeysAreAskedForSeldom(t *testing.T) {
	a := newAbroad(t)
	for i := range 30 {
		a.check(t, a.issue(t, "ES256-1", func(h, _ map[string]any) { h["kid"] = fmt.Sprintf("ES256-x%d", i) }), "unknown key")
	}
	if n := a.requests.Load(); n > 3 {
		t.Errorf("%d requests to the issuer", n)
	}
}

func TestKnownTokenNeedsNoRequests(t *testing.T) {
	a := newAbroad(t)
	token := a.issue(t, "ES256-1", nil)
	a.check(t, token, "")
	before := a.requests.Load()
	for range 10 {
		a.check(t, token, "")
	}
	if n := a.requests.Load() - before; n != 0 {
		t.Errorf("%d requests for a token that is known", n)
	}
	a.put("/bob", "text/turtle", "")
	a.now = a.now.Add(2*time.Minute + time.Second)
	a.check(t, token, "not vouched for")
}

func TestNobodyWithoutTheKeyCausesRequests(t *testing.T) {
	a := newAbroad(t)
	token, stranger := a.issue(t, "ES256-1", nil), newKey(t)
	for name, r := range map[string]*http.Request{
		"no proof":          a.scene.get(t, stranger, token, "/x"),
		"a stranger's":      a.scene.get(t, stranger, token, "/x"),
		"of another method": a.scene.get(t, a.app, token, "/x"),
		"as Bearer":         a.scene.get(t, a.app, token, "/x"),
		"of another URL":    a.scene.get(t, a.app, token, "/y"),
		"of another token":  a.scene.get(t, a.app, token+"x", "/x"),
	} {
		switch name {
		case "no proof":
			r.Header.Del("DPoP")
		case "of another method":
			r.Method = http.MethodPut
		case "as Bearer":
			r.Header.Set("Authorization", "Bearer "+token)
		case "of another URL":
			r.URL.Path = "/alice/x"
		case "of another token":
			r.Header.Set("Authorization", "DPoP "+token)
		}
		agent, err := a.Authenticate(r)
		if !agent.Anonymous() || !errors.Is(err, webid.ErrProof) && !errors.Is(err, webid.ErrToken) {
			t.Errorf("%s: %+v, %v", name, agent, err)
		}
	}
	if n := a.requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
	a.docs.full.Store(true)
	if _, err := a.authenticate(t, token); !errors.Is(err, webid.ErrBusy) || a.requests.Load() != 0 {
		t.Errorf("an asker over the limit: %v, %d requests", err, a.requests.Load())
	}
}

func TestProofsOfStrangers(t *testing.T) {
	a := newAbroad(t)
	token := a.issue(t, "ES256-1", nil)
	r := a.scene.get(t, a.app, token, "/x")
	if _, err := a.Authenticate(r); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Authenticate(r); !errors.Is(err, webid.ErrReplayed) {
		t.Errorf("a proof used twice: %v", err)
	}
	// The clients of Solid-OIDC send no ath.
	target := strings.TrimSuffix(aliceURL, "/") + "/x"
	r.Header.Set("DPoP", proofBy(t, a.app, http.MethodGet, target, "", "", a.now))
	if _, err := a.Authenticate(r); err != nil {
		t.Errorf("a proof without ath: %v", err)
	}
	own := a.scene.get(t, a.alice.devices[0], a.scene.token(t, a.alice.devices[0]), "/x")
	own.Header.Set("DPoP", proofBy(t, a.alice.devices[0], http.MethodGet, target, "", "", a.now))
	if _, err := a.Authenticate(own); !errors.Is(err, webid.Verdict("wrong token")) {
		t.Errorf("a device's proof without ath: %v", err)
	}
	for range 100 { // as many as the memory of a stranger holds
		a.authenticate(t, token)
	}
	if _, err := a.authenticate(t, token); !errors.Is(err, webid.ErrReplayFull) {
		t.Errorf("a stranger's memory is not bounded: %v", err)
	}
	if _, err := a.Authenticate(a.scene.get(t, a.alice.devices[0], a.scene.token(t, a.alice.devices[0]), "/x")); err != nil {
		t.Errorf("a stranger keeps the owner out: %v", err)
	}
}

func TestWhoSomebodyWithAWebIDIs(t *testing.T) {
	a := newAbroad(t)
	token := a.issue(t, "ES256-1", nil)
	c := contactOf(newPerson(t, 1), benCID, a.bob(), "https://bob.example/#other")
	a.pod.contacts = []webid.Contact{c}
	agent, err := a.authenticate(t, token)
	if err != nil || agent.Contact() != benCID || !agent.Has(c.ID) || !agent.Has(a.bob()) || !agent.Has("https://bob.example/#other") ||
		agent.Device() || agent.Owner() || agent.Key() != "" || agent.Client() != "https://app.example/id" || agent.Grant() != 1 {
		t.Errorf("a contact who is accepted by that WebID: %+v, %v", agent, err)
	}
	a.pod.contacts[0].Blocked = true
	agent, err = a.authenticate(t, token)
	if err != nil || agent.Anonymous() || agent.Contact() != "" || agent.Has(a.bob()) || agent.Has(c.ID) {
		t.Errorf("a blocked contact: %+v, %v", agent, err)
	}
	other := a.issue(t, "ES256-1", func(_, c map[string]any) { c["webid"], c["sub"] = a.URL+"/carl#me", a.URL+"/carl#me" })
	a.put("/carl", "text/turtle", fmt.Sprintf("<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <%s>.", a.URL))
	a.pod.contacts[0].Accepts = append(a.pod.contacts[0].Accepts, webid.ID(a.URL+"/carl#me"))
	if second, err := a.authenticate(t, other); err != nil || second.Anonymous() || second.Has(agent.IDs()[0]) {
		t.Errorf("by another WebID of the same: %+v, %v", second, err)
	}
	a.pod.contacts = nil
	a.check(t, token, "")
	// A pod that nobody has is one more whose owner does not know Bob.
	r := httptest.NewRequest(http.MethodGet, "/nobody/x", nil)
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", proofBy(t, a.app, http.MethodGet, issuerURL+"/nobody/x", token, "", a.now))
	if agent, err := a.Authenticate(r); err != nil || !agent.Has(a.bob()) {
		t.Errorf("at a pod that is not there: %+v, %v", agent, err)
	}
	a.pod.fault = errors.New("disk")
	a.pod.contacts = []webid.Contact{c}
	if agent, err := a.authenticate(t, token); !errors.Is(err, a.pod.fault) || !agent.Anonymous() {
		t.Errorf("when contacts cannot be read: %+v, %v", agent, err)
	}
}

func TestOtherIssuersAreRefusedByDefault(t *testing.T) {
	a := newAbroad(t)
	a.Verifier.Documents = nil
	a.check(t, a.issue(t, "ES256-1", nil), "not reachable")
	a = newAbroad(t)
	a.Verifier.Strangers = nil
	if agent, err := a.authenticate(t, a.issue(t, "ES256-1", nil)); !errors.Is(err, webid.ErrToken) || !agent.Anonymous() {
		t.Errorf("%+v, %v", agent, err)
	}
}

// own returns a token of our own provider.
func (a *abroad) own(t testing.TB, change func(c map[string]any)) string {
	t.Helper()
	c := a.claims()
	c["iss"], c["sub"], c["webid"], c["grant"] = issuerURL, ownerID, ownerID, "g1"
	if change != nil {
		change(c)
	}
	token, err := a.Keys[0].Token("at+jwt", c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokensOfOurOwnProvider(t *testing.T) {
	a := newAbroad(t)
	consents := map[string]bool{"g1": true}
	a.Grants = func(_ context.Context, grant string) bool { return consents[grant] }
	token := a.own(t, nil)
	agent, err := a.authenticate(t, token)
	if err != nil || !agent.Owner() || agent.Device() || agent.Key() != "" || agent.Client() != "https://app.example/id" || agent.Consent() != "g1" || len(agent.IDs()) != 1 || !agent.Has(ownerID) {
		t.Errorf("the owner by an app: %+v, %v", agent, err)
	}
	consents["g1"] = false
	if agent, err := a.authenticate(t, token); !errors.Is(err, webid.ErrToken) || !agent.Anonymous() {
		t.Errorf("after the consent is taken back: %+v, %v", agent, err)
	}
	consents["g1"] = true
	if n := a.requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
	for name, c := range map[string]struct {
		change func(c map[string]any)
		want   webid.Verdict
	}{
		"without consent":      {func(c map[string]any) { delete(c, "grant") }, "malformed"},
		"with a counter":       {func(c map[string]any) { c["grant"] = 1 }, "malformed"},
		"without webid":        {func(c map[string]any) { delete(c, "webid") }, "malformed"},
		"sub is somebody else": {func(c map[string]any) { c["sub"] = "https://b.example/" }, "malformed"},
		"bound to no key":      {func(c map[string]any) { delete(c, "cnf") }, "malformed"},
		"has ended":            {func(c map[string]any) { c["exp"] = a.now.Unix() }, "not fresh"},
		"for another pod":      {func(c map[string]any) { c["aud"] = issuerURL + "/bob/" }, "wrong audience"},
		"for several":          {func(c map[string]any) { c["aud"] = []string{aliceURL, "x"} }, "malformed"},
		"bound to another key": {func(c map[string]any) { c["cnf"] = map[string]string{"jkt": strings.Repeat("A", 43)} }, "wrong token"},
	} {
		t.Run(name, func(t *testing.T) { a.check(t, a.own(t, c.change), c.want) })
	}
	if agent, err := a.authenticate(t, a.own(t, func(c map[string]any) { c["aud"], c["grant"] = aliceURL, "g2" })); err == nil || !agent.Anonymous() {
		t.Errorf("a consent that never was: %+v", agent)
	}
	if agent, err := a.authenticate(t, a.own(t, func(c map[string]any) { c["aud"] = aliceURL; delete(c, "grant") })); err == nil || !agent.Anonymous() {
		t.Errorf("the owner by another issuer: %+v", agent)
	}
	// An ID token of ours is for Solid servers by the same consent, or for nobody.
	idToken := func(change func(c map[string]any)) string {
		c := a.claims()
		delete(c, "client_id")
		c["iss"], c["sub"], c["webid"], c["grant"], c["azp"], c["aud"] = issuerURL, ownerID, ownerID, "g1", "app", []string{"app", "solid"}
		change(c)
		return must(a.Keys[0].Token("JWT", c))
	}
	if agent, err := a.authenticate(t, idToken(func(map[string]any) {})); err != nil || !agent.Owner() || agent.Device() || agent.Client() != "app" {
		t.Errorf("an ID token: %+v, %v", agent, err)
	}
	a.check(t, idToken(func(c map[string]any) { delete(c, "grant") }), "malformed")
	a.check(t, idToken(func(c map[string]any) { c["aud"] = "app" }), "malformed")
	a.check(t, idToken(func(c map[string]any) { c["aud"] = aliceURL }), "malformed")
	a.check(t, idToken(func(c map[string]any) { delete(c, "cnf") }), "malformed")
	// The owner of another pod here is somebody with a WebID.
	carol := webid.ID(issuerURL + "/carol/profile/card#me")
	agent, err = a.authenticate(t, a.own(t, func(c map[string]any) { c["sub"], c["webid"] = carol, carol }))
	if err != nil || agent.Owner() || !agent.Has(carol) {
		t.Errorf("a neighbour: %+v, %v", agent, err)
	}
	a.Grants = nil
	if agent, err := a.authenticate(t, token); err == nil || !agent.Anonymous() {
		t.Errorf("without a provider: %+v", agent)
	}
}
