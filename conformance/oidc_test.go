package conformance

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// provider is an OpenID provider of somebody else, with the WebIDs of its people, made with another
// library than the server that is tested.
type provider struct {
	*httptest.Server
	host     string // host:port
	key      Key
	rsa      *rsa.PrivateKey
	ed       ed25519.PrivateKey
	requests atomic.Int64

	mu    sync.Mutex
	pages map[string][2]string // media type and text by path
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	p := &provider{key: must(newKey())(t), rsa: must(rsa.GenerateKey(rand.Reader, 2048))(t), ed: must(ed, err)(t), pages: map[string][2]string{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	p.host = p.Listener.Addr().String()
	p.publish("/.well-known/openid-configuration", "application/json", must(json.Marshal(map[string]string{"issuer": p.URL, "jwks_uri": p.URL + "/jwks"}))(t))
	ec := jwk(p.key.point())
	ec["kid"], ec["alg"] = "ec", "ES256"
	p.publish("/jwks", "application/json", must(json.Marshal(map[string]any{"keys": []any{
		ec,
		map[string]string{"kty": "RSA", "kid": "rsa", "n": b64.EncodeToString(p.rsa.N.Bytes()), "e": "AQAB"},
		map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64.EncodeToString(p.ed.Public().(ed25519.PublicKey))},
	}}))(t))
	p.publish("/bob", "text/turtle", fmt.Appendf(nil, "<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <%s>.", p.URL))
	return p
}

func (p *provider) publish(path, mediaType string, text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages[path] = [2]string{mediaType, string(text)}
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.requests.Add(1)
	p.mu.Lock()
	page, ok := p.pages[r.URL.Path]
	p.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", page[0])
	w.Header().Set("Cache-Control", "no-store")
	w.Write([]byte(page[1]))
}

func (p *provider) bob() string { return p.URL + "/bob#me" }

// visitor is Bob, who signs in at the provider by an app.
type visitor struct {
	w    *world
	home *provider
	app  Key
}

func newVisitor(t *testing.T, w *world, p *provider) *visitor {
	t.Helper()
	return &visitor{w, p, must(newKey())(t)}
}

// claims are those of a sound access token.
func (v *visitor) claims() claims {
	now := time.Now().Unix()
	return claims{
		"iss": v.home.URL, "sub": v.home.bob(), "webid": v.home.bob(), "aud": []string{"solid"}, "client_id": "https://app.example/id",
		"iat": now, "exp": now + 600, "jti": random(16), "cnf": map[string]string{"jkt": thumbprint(v.app.point())},
	}
}

func (v *visitor) token(t *testing.T, edit claims) string {
	t.Helper()
	c := v.claims()
	maps.Copy(c, edit)
	return must(v.home.key.sign(map[string]any{"typ": "at+jwt", "kid": "ec"}, c))(t)
}

// request asks for a path with a token, and a proof that says nothing of the token, as the clients of
// Solid-OIDC make them.
func (v *visitor) request(t *testing.T, method, target, token string) Request {
	t.Helper()
	r := Request{Method: method, Target: target}
	r.Header = fields("Authorization", "DPoP "+token, "DPoP", must(v.app.sign(proofHeader(v.app), proofClaims(v.w.wire, r, "")))(t))
	return r
}

func (v *visitor) get(t *testing.T, target string) Answer {
	t.Helper()
	return v.w.ask(v.w.wire, v.request(t, http.MethodGet, target, v.token(t, nil)))
}

// abroad starts a server that may fetch from a provider.
func abroad(t *testing.T) (*world, *resident, *visitor) {
	t.Helper()
	w, people := newWorld(t, "alice")
	p := newProvider(t)
	w.fetches(p.host)
	return w, people[0], newVisitor(t, w, p)
}

// fetches starts the server again, with leave to fetch from an address.
func (w *world) fetches(address string) {
	w.t.Helper()
	if err := w.server.Stop(); err != nil {
		w.t.Fatal(err)
	}
	s, err := Start(binary, w.data, base, "--fetch", address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.server, w.wire.Address = s, s.Address
}

// lend lets agents, an ACL's words for them, read a note in a folder of Alice's.
func (w *world) lend(alice *resident, agents string) {
	w.t.Helper()
	w.put(alice, "notes/one.ttl", "text/turtle", []byte("<> <https://x.example/says> \"hello\"."), http.StatusCreated, http.StatusNoContent, http.StatusOK)
	w.put(alice, "notes/.acl", "text/turtle", fmt.Appendf(nil, `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent <../profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.
<#guests> a acl:Authorization; %s; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.`, agents), http.StatusCreated, http.StatusNoContent, http.StatusOK)
}

func TestAWebIDOfAnotherServerGetsInWhereAnACLNamesIt(t *testing.T) {
	t.Parallel()
	w, alice, bob := abroad(t)
	if got := bob.get(t, "/alice/notes/one.ttl"); got.Status != http.StatusForbidden {
		t.Errorf("before it is shared: %d %s", got.Status, got.Body)
	}
	w.lend(alice, "acl:agent <"+bob.home.bob()+">")
	if got := bob.get(t, "/alice/notes/one.ttl"); got.Status != http.StatusOK || !bytes.Contains(got.Body, []byte("hello")) {
		t.Errorf("when it is shared: %d %s", got.Status, got.Body)
	}
	for target, want := range map[string]int{
		"/alice/": http.StatusForbidden, "/alice/profile/devices": http.StatusForbidden, "/alice/none": http.StatusForbidden, "/nobody/none": http.StatusForbidden,
		"/alice/social/door": http.StatusForbidden, "/alice/social/feed": http.StatusForbidden, "/alice/.replica": http.StatusForbidden, "/alice/.invites/": http.StatusForbidden,
		"/alice/notes/.acl": http.StatusForbidden, "/alice/social/posts/": http.StatusForbidden,
	} {
		if got := bob.get(t, target); got.Status != want {
			t.Errorf("%s: %d %s", target, got.Status, got.Body)
		}
	}
	put := bob.request(t, http.MethodPut, "/alice/notes/two.ttl", bob.token(t, nil))
	put.Header.Set("Content-Type", "text/turtle")
	w.want(w.ask(w.wire, put), put, http.StatusForbidden)
	w.lend(alice, "acl:agent <https://somebody.example/#else>")
	if got := bob.get(t, "/alice/notes/one.ttl"); got.Status != http.StatusForbidden {
		t.Errorf("after it is shared no more: %d", got.Status)
	}
}

func TestAGroupOfAnotherServer(t *testing.T) {
	t.Parallel()
	w, alice, bob := abroad(t)
	group := func(members string) {
		bob.home.publish("/group", "text/turtle", fmt.Appendf(nil, "<#g> <http://www.w3.org/2006/vcard/ns#hasMember> %s. <#other> <http://www.w3.org/2006/vcard/ns#hasMember> <%s>.", members, bob.home.bob()))
	}
	reads := func() bool { return bob.get(t, "/alice/notes/one.ttl").Status == http.StatusOK }
	group("<https://x.example/#me>")
	w.lend(alice, "acl:agentGroup <"+bob.home.URL+"/group#g>")
	if reads() {
		t.Error("who is in another group of the document gets in")
	}
	group("<https://x.example/#me>, <" + bob.home.bob() + ">")
	eventually(t, time.Minute, "a new member gets in", reads)
	group("<https://x.example/#me>")
	eventually(t, time.Minute, "a former member is out", func() bool { return !reads() })
	group("<" + bob.home.bob() + ">")
	eventually(t, time.Minute, "a member gets in", reads)
	bob.home.publish("/group", "text/html", []byte("<html>"))
	eventually(t, time.Minute, "a group that cannot be read is nobody", func() bool { return !reads() })
}

// TestTokensOfOtherIssuersThatDoNotHold sends one request with every fault that such a token can have.
func TestTokensOfOtherIssuersThatDoNotHold(t *testing.T) {
	t.Parallel()
	w, alice, bob := abroad(t)
	w.lend(alice, "acl:agent <"+bob.home.bob()+">")
	const target = "/alice/notes/one.ttl"
	as := func(method jwt.SigningMethod, key any, header map[string]any, edit claims) string {
		c := bob.claims()
		maps.Copy(c, edit)
		return must(bob.app.signAs(method, key, header, c))(t)
	}
	for name, token := range map[string]string{
		"ES256": bob.token(t, nil),
		"RS256": as(jwt.SigningMethodRS256, bob.home.rsa, map[string]any{"kid": "rsa"}, nil),
		"PS256": as(jwt.SigningMethodPS256, bob.home.rsa, map[string]any{"kid": "rsa"}, nil),
		"EdDSA": as(jwt.SigningMethodEdDSA, bob.home.ed, map[string]any{"kid": "ed"}, nil),
		"an ID token": as(jwt.SigningMethodES256, bob.home.key.private, map[string]any{"kid": "ec"},
			claims{"aud": []string{"app", "solid"}, "azp": "app"}),
	} {
		if got := w.ask(w.wire, bob.request(t, http.MethodGet, target, token)); got.Status != http.StatusOK {
			t.Errorf("%s: %d %s %s", name, got.Status, got.Header.Get("WWW-Authenticate"), got.Body)
		}
	}
	public := must(x509.MarshalPKIXPublicKey(&bob.home.rsa.PublicKey))(t)
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	ec := map[string]any{"kid": "ec"}
	own := bob.home.key.private
	for name, token := range map[string]string{
		"no algorithm":            as(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, ec, nil),
		"a MAC by the public key": as(jwt.SigningMethodHS256, asPEM, map[string]any{"kid": "rsa"}, nil),
		"a MAC by the point":      as(jwt.SigningMethodHS256, bob.home.key.point(), ec, nil),
		"another algorithm":       as(jwt.SigningMethodRS512, bob.home.rsa, map[string]any{"kid": "rsa"}, nil),
		"another key":             as(jwt.SigningMethodES256, bob.app.private, ec, nil),
		"a kid that is a path":    as(jwt.SigningMethodES256, own, map[string]any{"kid": "../../dev/null"}, nil),
		"no kid":                  as(jwt.SigningMethodES256, own, nil, nil),
		"a key along with it":     as(jwt.SigningMethodES256, bob.app.private, map[string]any{"kid": "ec", "jwk": jwk(bob.app.point())}, nil),
		"a key set along with it": as(jwt.SigningMethodES256, own, map[string]any{"kid": "ec", "jku": bob.home.URL + "/jwks"}, nil),
		"a critical extension":    as(jwt.SigningMethodES256, own, map[string]any{"kid": "ec", "crit": []string{"exp"}}, nil),
		"another audience":        bob.token(t, claims{"aud": base}),
		"no audience":             bob.token(t, claims{"aud": nil}),
		"the issuer with a slash": bob.token(t, claims{"iss": bob.home.URL + "/"}),
		"another issuer":          bob.token(t, claims{"iss": "https://issuer.invalid"}),
		"our own issuer":          bob.token(t, claims{"iss": strings.TrimSuffix(base, "/")}),
		"a WebID that names none": bob.token(t, claims{"webid": bob.home.URL + "/bob#you"}),
		"the owner's WebID":       bob.token(t, claims{"webid": alice.Pod.URL + "profile/card#me"}),
		"no WebID":                bob.token(t, claims{"webid": nil}),
		"ended":                   bob.token(t, claims{"exp": time.Now().Unix() - 1}),
		"too old":                 bob.token(t, claims{"iat": time.Now().Add(-25 * time.Hour).Unix()}),
		"of tomorrow":             bob.token(t, claims{"iat": time.Now().Add(time.Hour).Unix()}),
		"not yet":                 bob.token(t, claims{"nbf": time.Now().Add(time.Hour).Unix()}),
		"bound to no key":         bob.token(t, claims{"cnf": nil}),
		"bound to another key":    bob.token(t, claims{"cnf": map[string]string{"jkt": thumbprint(bob.home.key.point())}}),
		"nonsense":                "e30.e30.e30",
	} {
		got := w.ask(w.wire, bob.request(t, http.MethodGet, target, token))
		challenge := got.Header.Get("WWW-Authenticate")
		if got.Status != http.StatusUnauthorized || !strings.HasPrefix(challenge, "DPoP ") || !strings.Contains(challenge, `error="invalid_`) || !strings.Contains(challenge, "error_description=") {
			t.Errorf("%s: %d %q %s", name, got.Status, challenge, got.Body)
		}
	}
	token := bob.token(t, nil)
	bearer := bob.request(t, http.MethodGet, target, token)
	bearer.Header.Set("Authorization", "Bearer "+token)
	w.want(w.ask(w.wire, bearer), bearer, http.StatusUnauthorized)
	w.want(w.ask(w.wire, bob.request(t, http.MethodHead, target, token)), Request{}, http.StatusOK)
	moved := bob.request(t, http.MethodGet, "/alice/notes/", token)
	moved.Target = target
	w.want(w.ask(w.wire, moved), moved, http.StatusUnauthorized)
	once := bob.request(t, http.MethodGet, target, token)
	w.want(w.ask(w.wire, once), once, http.StatusOK)
	w.want(w.ask(w.wire, once), once, http.StatusUnauthorized)
}

func TestTheServerCallsNoAddressOfItsOwnNetwork(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	closed := newProvider(t)
	bob := newVisitor(t, w, closed)
	w.lend(people[0], "acl:agent <"+closed.bob()+">; acl:agentGroup <"+closed.URL+"/group#g>")
	if got := bob.get(t, "/alice/notes/one.ttl"); got.Status != http.StatusUnauthorized {
		t.Errorf("without leave to fetch: %d", got.Status)
	}
	open := newProvider(t)
	w.fetches(open.host)
	bob = newVisitor(t, w, open)
	for name, edit := range map[string]claims{
		"the WebID":  {"webid": closed.bob()},
		"the issuer": {"iss": closed.URL},
	} {
		if got := w.ask(w.wire, bob.request(t, http.MethodGet, "/alice/notes/one.ttl", bob.token(t, edit))); got.Status != http.StatusUnauthorized {
			t.Errorf("%s on a private address: %d", name, got.Status)
		}
	}
	if got := bob.get(t, "/alice/notes/one.ttl"); got.Status != http.StatusForbidden {
		t.Errorf("a group on a private address: %d", got.Status)
	}
	if n := closed.requests.Load(); n != 0 {
		t.Errorf("%d requests to a private address", n)
	}
}

func TestAFriendWhoSignsInElsewhere(t *testing.T) {
	t.Parallel()
	w, alice, bob := abroad(t)
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	card := "contacts/" + ben.CID + "/card"
	must(alice.Rows(w.ctx(), "", 0))(t) // her phone learns what the server has written
	if got := bob.get(t, "/alice/social/door"); got.Status != http.StatusForbidden {
		t.Errorf("before the owner accepts the WebID: %d", got.Status)
	}
	w.edit(alice, card, `"kith:accepts":[]`, `"kith:accepts":["`+bob.home.bob()+`"]`)
	got := bob.get(t, "/alice/social/door")
	if got.Status != http.StatusOK || !bytes.Contains(got.Body, []byte("../"+strings.TrimPrefix(ben.WebID, alice.Pod.URL))) {
		t.Errorf("when the owner accepts it: %d %s", got.Status, got.Body)
	}
	w.lend(alice, "acl:agent <"+bob.home.bob()+">")
	if got := w.get(ben, "notes/one.ttl"); got.Status != http.StatusOK {
		t.Errorf("the friend's own device, where an ACL names the WebID: %d", got.Status)
	}
	w.edit(alice, card, `"kith:blocked":false`, `"kith:blocked":true`)
	for _, target := range []string{"/alice/social/door", "/alice/notes/one.ttl", "/alice/none"} {
		blocked := bob.get(t, target)
		eve := newVisitor(t, w, bob.home)
		bob.home.publish("/eve", "text/turtle", fmt.Appendf(nil, "<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <%s>.", bob.home.URL))
		id := bob.home.URL + "/eve#me"
		unknown := w.ask(w.wire, eve.request(t, http.MethodGet, target, eve.token(t, claims{"sub": id, "webid": id})))
		if blocked.Status != http.StatusForbidden || unknown.Status != blocked.Status || !bytes.Equal(unknown.Body, blocked.Body) {
			t.Errorf("%s: blocked %d %s, unknown %d %s", target, blocked.Status, blocked.Body, unknown.Status, unknown.Body)
		}
	}
}

// TestTheSuitesOfLWS exchanges what proves a WebID for a token of the server.
func TestTheSuitesOfLWS(t *testing.T) {
	t.Parallel()
	w, alice, bob := abroad(t)
	w.lend(alice, "acl:agent <"+bob.home.bob()+">")
	const idToken, accessToken = "urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:access_token"
	issuer := strings.TrimSuffix(base, "/")
	exchanged := func(pod, subject string, more url.Values) Answer {
		r := exchange(pod, subject, more)
		r.Header.Set("DPoP", must(bob.app.sign(proofHeader(bob.app), proofClaims(w.wire, r, "")))(t))
		return w.ask(w.wire, r)
	}
	for name, c := range map[string]struct {
		kind  string
		token string
	}{
		"an ID token made for the server": {idToken, must(bob.home.key.sign(map[string]any{"typ": "JWT", "kid": "ec"}, claims{
			"sub": bob.home.bob(), "iss": bob.home.URL, "azp": "https://app.example/id", "aud": []string{"https://app.example/id", issuer},
			"iat": time.Now().Unix(), "exp": time.Now().Unix() + 300,
		}))(t)},
		"an access token for Solid servers": {accessToken, bob.token(t, nil)},
	} {
		answer := exchanged(alice.Pod.URL, c.token, url.Values{"subject_token_type": {c.kind}})
		w.opens(name, bob, answer)
	}
	// A Controlled Identifier, with a key of Bob's own.
	bob.home.publish("/cid", "application/json", must(json.Marshal(map[string]any{
		"@context": "https://www.w3.org/ns/cid/v1", "id": bob.home.URL + "/cid",
		"verificationMethod": []any{map[string]any{"id": bob.home.URL + "/cid#k", "type": "JsonWebKey", "controller": bob.home.URL + "/cid", "publicKeyJwk": jwk(bob.app.point())}},
		"authentication":     []string{"#k"},
	}))(t))
	cid := bob.home.URL + "/cid"
	w.lend(alice, "acl:agent <"+cid+">")
	self := func(key Key, edit claims) string {
		c := claims{"sub": cid, "iss": cid, "client_id": cid, "aud": issuer, "iat": time.Now().Unix(), "exp": time.Now().Unix() + 100, "jti": random(16)}
		maps.Copy(c, edit)
		return must(key.sign(map[string]any{"typ": "JWT", "kid": cid + "#k"}, c))(t)
	}
	once := self(bob.app, nil)
	w.opens("self-signed", bob, exchanged(alice.Pod.URL, once, nil))
	for name, answer := range map[string]Answer{
		"used twice":            exchanged(alice.Pod.URL, once, nil),
		"by another key":        exchanged(alice.Pod.URL, self(bob.home.key, nil), nil),
		"for another server":    exchanged(alice.Pod.URL, self(bob.app, claims{"aud": "https://other.example"}), nil),
		"for too long":          exchanged(alice.Pod.URL, self(bob.app, claims{"exp": time.Now().Unix() + 600}), nil),
		"of another document":   exchanged(alice.Pod.URL, self(bob.app, claims{"sub": bob.home.bob(), "iss": bob.home.bob(), "client_id": bob.home.bob()}), nil),
		"for no pod":            exchanged(base, self(bob.app, nil), nil),
		"for a page in a pod":   exchanged(alice.Pod.URL+"notes/", self(bob.app, nil), nil),
		"for another host":      exchanged("https://other.example/alice/", self(bob.app, nil), nil),
		"an ID token unbound":   exchanged(alice.Pod.URL, bob.token(t, claims{"cnf": nil}), url.Values{"subject_token_type": {idToken}}),
		"a token as a JWT":      exchanged(alice.Pod.URL, bob.token(t, nil), nil),
		"a JWT as an ID token":  exchanged(alice.Pod.URL, self(bob.app, nil), url.Values{"subject_token_type": {idToken}}),
		"an ID token of others": exchanged(alice.Pod.URL, bob.token(t, claims{"aud": "app", "azp": "app"}), url.Values{"subject_token_type": {idToken}}),
	} {
		if answer.Status != http.StatusBadRequest || bytes.Contains(answer.Body, []byte("access_token\"")) {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
	// A pod that is not there gives tokens like one that is, and they open as little.
	none := exchanged(base+"nobody/", self(bob.app, nil), nil)
	var granted struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(none.Body, &granted); err != nil || none.Status != http.StatusOK {
		t.Fatalf("at a pod that is not there: %d %s", none.Status, none.Body)
	}
	for target, want := range map[string]int{"/nobody/x": http.StatusForbidden, "/alice/notes/one.ttl": http.StatusUnauthorized} {
		if got := w.ask(w.wire, bob.request(t, http.MethodGet, target, granted.Token)); got.Status != want {
			t.Errorf("a token for that pod at %s: %d", target, got.Status)
		}
	}
}

// opens asks that a token that was exchanged is one for Alice's note.
func (w *world) opens(name string, v *visitor, answer Answer) {
	w.t.Helper()
	var granted struct {
		Token  string `json:"access_token"`
		Issued string `json:"issued_token_type"`
		Type   string `json:"token_type"`
	}
	if err := json.Unmarshal(answer.Body, &granted); err != nil || answer.Status != http.StatusOK || granted.Type != "DPoP" || granted.Issued != "urn:ietf:params:oauth:token-type:access_token" {
		w.t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		return
	}
	if got := w.ask(w.wire, v.request(w.t, http.MethodGet, "/alice/notes/one.ttl", granted.Token)); got.Status != http.StatusOK {
		w.t.Errorf("%s: the token opens nothing: %d %s", name, got.Status, got.Header.Get("WWW-Authenticate"))
	}
}
