package conformance

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// relying is an app or a script of somebody else, with a key for its proofs.
type relying struct {
	w      *world
	key    Key
	id     string
	secret string
	token  string
	more   string // the refresh token

	idToken string
}

const (
	backTo   = "https://app.example/back"
	pkceText = "a-verifier-of-more-than-forty-three-characters-1234"
)

// form sends a token request with the client's secret, both halves encoded as forms are.
func (c *relying) form(f url.Values) Answer {
	c.w.t.Helper()
	r := Request{Method: "POST", Target: "/token", Body: []byte(f.Encode())}
	r.Header = fields("Content-Type", "application/x-www-form-urlencoded", "DPoP", c.proof(r, ""))
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(c.id) + ":" + url.QueryEscape(c.secret)))
	r.Header.Set("Authorization", "Basic "+basic)
	return c.w.ask(c.w.wire, r)
}

func (c *relying) proof(r Request, token string) string {
	c.w.t.Helper()
	return must(c.key.sign(proofHeader(c.key), proofClaims(c.w.wire, r, token)))(c.w.t)
}

// credentials asks for a token by client credentials.
func (c *relying) credentials() Answer {
	c.w.t.Helper()
	got := c.form(url.Values{"grant_type": {"client_credentials"}, "scope": {"webid"}})
	c.take(got)
	return got
}

// take keeps the tokens of an answer.
func (c *relying) take(a Answer) (id string) {
	c.w.t.Helper()
	var m struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		ID      string `json:"id_token"`
	}
	if err := json.Unmarshal(a.Body, &m); err != nil {
		c.w.t.Fatalf("%d %s", a.Status, a.Body)
	}
	c.token, c.more, c.idToken = m.Access, m.Refresh, m.ID
	return m.ID
}

// ask asks the host as the owner by this client.
func (c *relying) ask(method, target string, body []byte, header ...string) Answer {
	c.w.t.Helper()
	r := Request{Method: method, Target: target, Body: body, Header: fields(header...)}
	r.Header.Set("DPoP", c.proof(r, c.token))
	r.Header.Set("Authorization", "DPoP "+c.token)
	return c.w.ask(c.w.wire, r)
}

// verified reads a token of the host by golang-jwt and the keys that the host publishes.
func (w *world) verified(token, typ string, options ...jwt.ParserOption) claims {
	w.t.Helper()
	var keys struct{ Keys []map[string]string }
	if err := json.Unmarshal(w.ask(w.wire, Request{Method: "GET", Target: "/.well-known/jwks.json"}).Body, &keys); err != nil {
		w.t.Fatal(err)
	}
	options = append(options, jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(strings.TrimSuffix(base, "/")), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithAudience("solid"))
	got := claims{}
	parsed, err := jwt.NewParser(options...).ParseWithClaims(token, got, func(t *jwt.Token) (any, error) {
		for _, k := range keys.Keys {
			if k["kid"] == t.Header["kid"] {
				return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), must(fromJWK(k))(w.t))
			}
		}
		return nil, fmt.Errorf("no key %v", t.Header["kid"])
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if parsed.Header["typ"] != typ {
		w.t.Errorf("typ is %v, want %s", parsed.Header["typ"], typ)
	}
	return got
}

func TestAScriptSignsInWithCredentials(t *testing.T) {
	t.Parallel()
	w := &world{t: t, data: filepath.Join(t.TempDir(), "data"), wire: &Wire{Base: base}}
	w.addPerson("alice") // no phone has paired with the pod, and none will
	w.start()
	t.Cleanup(func() { w.server.Kill() })
	card := Request{Method: "GET", Target: "/alice/profile/card"}
	w.want(w.ask(w.wire, card), card, 401)

	out, told, code := w.kith("credentials", "add", "alice", "--data", w.data, "--label", "backup")
	var made map[string]string
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != 0 || strings.Count(out, "\n") != 1 || len(made) != 4 {
		t.Fatalf("exit %d, printed %q: %v", code, out, err)
	}
	if made["webid"] != base+"alice/profile/card#me" || made["issuer"] != strings.TrimSuffix(base, "/") || !strings.Contains(told, base+"alice/profile/card") {
		t.Errorf("printed %v, told %s", made, told)
	}
	shown := w.want(w.ask(w.wire, card), card, 200)
	if text := string(shown.Body); !strings.Contains(text, "<"+made["issuer"]+">") || !strings.Contains(text, "<"+base+"alice/>") || strings.Contains(text, "name") {
		t.Errorf("the profile says %s", text)
	}
	for _, target := range []string{"/alice/", "/alice/profile/", "/alice/profile/card.acl", "/alice/inbox/", "/alice/.acl", "/alice/.grants", "/alice/.elsewhere"} {
		r := Request{Method: "GET", Target: target}
		w.want(w.ask(w.wire, r), r, 401)
	}

	c := &relying{w: w, key: must(newKey())(t), id: made["client_id"], secret: made["client_secret"]}
	if got := c.credentials(); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	says := w.verified(c.token, "at+jwt", jwt.WithSubject(made["webid"]))
	if cnf, _ := says["cnf"].(map[string]any); says["webid"] != made["webid"] || says["client_id"] != c.id || cnf["jkt"] != thumbprint(c.key.point()) || says["exp"].(float64)-says["iat"].(float64) != 600 {
		t.Errorf("the token says %v", says)
	}
	for _, a := range []struct {
		method, target string
		status         int
	}{
		{"PUT", "/alice/notes/a.ttl", 201}, {"GET", "/alice/notes/a.ttl", 200}, {"GET", "/alice/", 200}, {"GET", "/alice/.acl", 200}, {"DELETE", "/alice/notes/a.ttl", 204},
		{"GET", "/alice/.invites/", 403}, {"POST", "/alice/.invites/", 403}, {"GET", "/alice/.replica", 403}, {"GET", "/alice/.grants", 403}, {"GET", "/alice/.elsewhere", 403},
		{"POST", "/alice/.pair/links", 403}, {"POST", "/alice/.passkeys", 403},
	} {
		if got := c.ask(a.method, a.target, []byte("<#a> <#b> <#c>."), "Content-Type", "text/turtle"); got.Status != a.status {
			t.Errorf("%s %s: %d %s", a.method, a.target, got.Status, got.Body)
		}
	}

	list, _, code := w.kith("credentials", "list", "alice", "--data", w.data)
	if code != 0 || strings.Contains(list, c.secret) || !strings.Contains(list, c.id) || !strings.Contains(list, `"label":"backup"`) || !strings.Contains(list, `"used"`) {
		t.Errorf("exit %d, listed %s", code, list)
	}
	if _, told, code := w.kith("credentials", "revoke", "alice", c.id, "--data", w.data); code != 0 {
		t.Fatalf("exit %d: %s", code, told)
	}
	if got := c.ask("GET", "/alice/", nil); got.Status != 401 {
		t.Errorf("with a token from before: %d", got.Status)
	}
	if got := c.form(url.Values{"grant_type": {"client_credentials"}}); got.Status != 401 {
		t.Errorf("a new token: %d %s", got.Status, got.Body)
	}
}

func TestWrongCallsOfCredentials(t *testing.T) {
	t.Parallel()
	w := &world{t: t, data: filepath.Join(t.TempDir(), "data"), wire: &Wire{Base: base}}
	w.addPerson("alice")
	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"nothing to do":  {2, []string{}},
		"no label":       {2, []string{"add", "alice"}},
		"nobody":         {1, []string{"add", "zoe", "--label", "x"}},
		"a list of none": {1, []string{"list", "zoe"}},
		"unknown":        {1, []string{"revoke", "alice", "x"}},
		"too much":       {2, []string{"list", "alice", "x"}},
	} {
		if out, told, code := w.kith(append([]string{"credentials", "--data", w.data}, c.args...)...); code != c.code || out != "" || told == "" {
			t.Errorf("%s: exit %d, printed %q, told %q", name, code, out, told)
		}
	}
}

// TestASecretCannotBeGuessed: the answer is always the same, and soon there is none.
func TestASecretCannotBeGuessed(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	w.elsewhere(people[0], `{"on":true}`)
	c := &relying{w: w, key: must(newKey())(t), id: "guess"}
	for n := range 1000 {
		c.secret = fmt.Sprint(n)
		switch got := c.form(url.Values{"grant_type": {"client_credentials"}}); got.Status {
		case 401:
		case 429:
			return
		default:
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	t.Error("a thousand guesses were answered")
}

// elsewhere turns signing in elsewhere on or off.
func (w *world) elsewhere(p *resident, setting string) Answer {
	w.t.Helper()
	r := Request{Method: "PUT", Target: ".elsewhere", Body: []byte(setting), Header: fields("Content-Type", "application/json")}
	return w.want(w.ask(p, r), r, 200)
}

// register makes an app known to the host.
func (w *world) register() *relying {
	w.t.Helper()
	r := Request{Method: "POST", Target: "/register", Header: fields("Content-Type", "application/json"),
		Body: []byte(`{"client_name":"Notes","redirect_uris":["` + backTo + `"],"grant_types":["authorization_code","refresh_token"],"token_endpoint_auth_method":"client_secret_basic"}`)}
	var made struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.Unmarshal(w.want(w.ask(w.wire, r), r, 201).Body, &made); err != nil || made.Secret == "" {
		w.t.Fatal(err)
	}
	return &relying{w: w, key: must(newKey())(w.t), id: made.ID, secret: made.Secret}
}

// request is what an app asks for.
func (c *relying) request() string {
	sum := sha256.Sum256([]byte(pkceText))
	return "/authorize?" + url.Values{
		"client_id": {c.id}, "redirect_uri": {backTo}, "response_type": {"code"}, "state": {"s"}, "nonce": {"n"}, "prompt": {"consent"},
		"scope": {"openid offline_access webid"}, "code_challenge": {b64.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
}

// consent goes from the app to the owner and back: it returns the code.
func (c *relying) consent(p *resident) string {
	c.w.t.Helper()
	r := Request{Method: "GET", Target: c.request()}
	at := c.w.want(c.w.ask(c.w.wire, r), r, 303).Header.Get("Location")
	id, ok := strings.CutPrefix(at, base+"#consent=")
	if !ok {
		c.w.t.Fatalf("led to %s", at)
	}
	r = Request{Method: "POST", Target: "/authorize/" + id, Body: []byte(`{"decision":"allow","pod":"` + p.Pod.URL + `"}`)}
	token := must(p.Token(c.w.ctx()))(c.w.t)
	r.Header = fields("Content-Type", "application/json", "Authorization", "DPoP "+token, "DPoP", must(p.Device.proof(c.w.wire, r, token))(c.w.t))
	var answer struct{ Redirect string }
	if err := json.Unmarshal(c.w.want(c.w.ask(c.w.wire, r), r, 200).Body, &answer); err != nil {
		c.w.t.Fatal(err)
	}
	back := must(url.Parse(answer.Redirect))(c.w.t)
	if q := back.Query(); !strings.HasPrefix(answer.Redirect, backTo+"?") || q.Get("iss") != p.Pod.Issuer || q.Get("state") != "s" {
		c.w.t.Fatalf("leads back to %s", answer.Redirect)
	}
	return back.Query().Get("code")
}

func (c *relying) redeem(code string) Answer {
	c.w.t.Helper()
	return c.form(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {backTo}, "code_verifier": {pkceText}})
}

func (c *relying) refresh() Answer {
	c.w.t.Helper()
	return c.form(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.more}})
}

// signIn goes the whole way.
func (w *world) signIn(p *resident) *relying {
	w.t.Helper()
	c := w.register()
	got := c.redeem(c.consent(p))
	if got.Status != 200 {
		w.t.Fatalf("%d %s", got.Status, got.Body)
	}
	says := w.verified(c.take(got), "JWT", jwt.WithSubject(p.WebID()), jwt.WithAudience(c.id))
	if cnf, _ := says["cnf"].(map[string]any); says["webid"] != p.WebID() || says["azp"] != c.id || says["nonce"] != "n" || cnf["jkt"] != thumbprint(c.key.point()) {
		w.t.Errorf("the ID token says %v", says)
	}
	says = w.verified(c.token, "at+jwt", jwt.WithSubject(p.WebID()))
	if says["client_id"] != c.id || says["webid"] != p.WebID() {
		w.t.Errorf("the access token says %v", says)
	}
	return c
}

// WebID returns the owner's WebID.
func (r *resident) WebID() string { return r.Pod.URL + "profile/card#me" }

// grants lists what may act for the owner.
func (w *world) grants(p *resident) (list []struct{ ID, Kind, Name, Client, Since, Used string }) {
	w.t.Helper()
	answer := w.get(p, ".grants")
	if err := json.Unmarshal(answer.Body, &list); err != nil {
		w.t.Fatalf("%d %s", answer.Status, answer.Body)
	}
	return list
}

func TestAnAppSignsTheOwnerIn(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice", "zoe")
	alice, zoe := people[0], people[1]
	w.elsewhere(alice, `{"on":true}`)
	c := w.signIn(alice)
	if got := c.ask("PUT", "/alice/notes/b.ttl", []byte("<#a> <#b> <#c>."), "Content-Type", "text/turtle"); got.Status != 201 {
		t.Errorf("as the owner: %d %s", got.Status, got.Body)
	}
	access := c.token
	c.token = c.idToken
	if got := c.ask("GET", "/alice/notes/b.ttl", nil); got.Status != 200 {
		t.Errorf("by the ID token: %d %s", got.Status, got.Body)
	}
	c.token = access
	if got := c.ask("GET", "/zoe/", nil); got.Status != 403 {
		t.Errorf("at another pod of the host: %d", got.Status)
	}
	if got := c.ask("GET", "/userinfo", nil); got.Status != 200 || !bytes.Contains(got.Body, []byte(alice.WebID())) {
		t.Errorf("userinfo: %d %s", got.Status, got.Body)
	}
	if list := w.grants(alice); len(list) != 1 || list[0].Kind != "app" || list[0].Name != "Notes" || list[0].Client != c.id {
		t.Errorf("granted %+v", list)
	}
	if list := w.grants(zoe); len(list) != 0 {
		t.Errorf("zoe granted %+v", list)
	}
	gone := Request{Method: "DELETE", Target: ".grants/" + w.grants(alice)[0].ID}
	w.want(w.ask(zoe, gone), gone, 404)
	if got := c.refresh(); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	} else {
		c.take(got)
	}
	w.restart(func() {})
	if got := c.ask("GET", "/alice/notes/b.ttl", nil); got.Status != 200 {
		t.Errorf("after a restart: %d %s", got.Status, got.Body)
	}
	if got := c.refresh(); got.Status != 200 {
		t.Fatalf("after a restart: %d %s", got.Status, got.Body)
	} else {
		c.take(got)
	}
	w.want(w.ask(alice, gone), gone, 204)
	if got := c.ask("GET", "/alice/notes/b.ttl", nil); got.Status != 401 {
		t.Errorf("after it was removed: %d", got.Status)
	}
	if got := c.refresh(); got.Status != 400 {
		t.Errorf("refreshed after that: %d", got.Status)
	}
	w.want(w.ask(alice, gone), gone, 404)
}

// TestTurningItOff signs everything out, and hides the profile at once.
func TestTurningItOff(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	card := Request{Method: "GET", Target: "/alice/profile/card"}
	w.want(w.ask(w.wire, card), card, 401)
	if got := w.get(alice, ".elsewhere"); !bytes.Contains(got.Body, []byte(`"on":false`)) {
		t.Errorf("at first %s", got.Body)
	}
	w.elsewhere(alice, `{"on":true}`)
	if got := w.want(w.ask(w.wire, card), card, 200); bytes.Contains(got.Body, []byte("name")) {
		t.Errorf("the profile says %s", got.Body)
	}
	w.elsewhere(alice, `{"on":true,"name":true}`)
	if got := w.want(w.ask(w.wire, card), card, 200); !bytes.Contains(got.Body, []byte(`foaf:name "alice"`)) {
		t.Errorf("with the name: %s", got.Body)
	}
	c := w.signIn(alice)
	late := w.register()
	code := late.consent(alice)
	if got := w.elsewhere(alice, `{"on":false}`); !bytes.Contains(got.Body, []byte(`"on":false`)) {
		t.Errorf("turned off: %s", got.Body)
	}
	w.want(w.ask(w.wire, card), card, 401)
	if got := c.ask("GET", "/alice/", nil); got.Status != 401 {
		t.Errorf("an app that was signed in: %d", got.Status)
	}
	if got := c.refresh(); got.Status != 400 {
		t.Errorf("its refresh token: %d", got.Status)
	}
	if got := late.redeem(code); got.Status == 200 {
		t.Errorf("a code from before: %s", got.Body)
	}
	w.restart(func() {})
	w.want(w.ask(w.wire, card), card, 401)
	w.elsewhere(alice, `{"on":true}`)
	if got := w.want(w.ask(w.wire, card), card, 200); bytes.Contains(got.Body, []byte("foaf:name")) {
		t.Errorf("on again, without the name: %s", got.Body)
	}
	if got := c.refresh(); got.Status != 400 {
		t.Errorf("a refresh token from before: %d", got.Status)
	}
}

// TestNobodyAddsAnIssuer: neither an app nor a device of the owner's changes by whom the owner signs in;
// the rest of the profile is theirs.
func TestNobodyAddsAnIssuer(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	w.elsewhere(alice, `{"on":true}`)
	c := w.signIn(alice)
	const terms = "@prefix solid: <http://www.w3.org/ns/solid/terms#>. "
	mine := "<#me> solid:oidcIssuer <" + alice.Pod.Issuer + ">"
	for name, r := range map[string]Request{
		"another issuer":  {Method: "PUT", Body: []byte(terms + "<#me> solid:oidcIssuer <https://evil.example>."), Header: fields("Content-Type", "text/turtle")},
		"one more":        {Method: "PUT", Body: []byte(terms + mine + ", <https://evil.example>."), Header: fields("Content-Type", "text/turtle")},
		"with a slash":    {Method: "PUT", Body: []byte(terms + "<#me> solid:oidcIssuer <" + alice.Pod.Issuer + "/>."), Header: fields("Content-Type", "text/turtle")},
		"none":            {Method: "PUT", Body: []byte("<#me> a <#Person>."), Header: fields("Content-Type", "text/turtle")},
		"nothing":         {Method: "PUT", Header: fields("Content-Type", "text/turtle")},
		"no RDF":          {Method: "PUT", Body: []byte("hello"), Header: fields("Content-Type", "text/plain")},
		"by JSON-LD":      {Method: "PUT", Body: []byte(`{"@id":"#me","http://www.w3.org/ns/solid/terms#oidcIssuer":{"@id":"https://evil.example"}}`), Header: fields("Content-Type", "application/ld+json")},
		"by SPARQL":       {Method: "PATCH", Body: []byte("INSERT DATA { <#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <https://evil.example> }"), Header: fields("Content-Type", "application/sparql-update")},
		"away, by SPARQL": {Method: "PATCH", Body: []byte("DELETE DATA { <#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <" + alice.Pod.Issuer + "> }"), Header: fields("Content-Type", "application/sparql-update")},
		"by N3":           {Method: "PATCH", Body: []byte(terms + "<#p> a solid:InsertDeletePatch; solid:inserts { <#me> solid:oidcIssuer <https://evil.example> }."), Header: fields("Content-Type", "text/n3")},
		"by deleting it":  {Method: "DELETE"},
	} {
		for who, ask := range map[string]func(Request) Answer{
			"app":    func(r Request) Answer { return c.askAs(r) },
			"device": func(r Request) Answer { return w.ask(alice, r) },
		} {
			r.Target = "profile/card"
			if got := ask(r); got.Status != 409 {
				t.Errorf("%s by %s: %d %s", name, who, got.Status, got.Body)
			}
		}
	}
	r := Request{Method: "PATCH", Target: "profile/card", Body: []byte(`INSERT DATA { <#me> <http://xmlns.com/foaf/0.1/nick> "Al" }`), Header: fields("Content-Type", "application/sparql-update")}
	if got := c.askAs(r); got.Status < 200 || got.Status > 299 {
		t.Errorf("what is the app's: %d %s", got.Status, got.Body)
	}
	card := w.want(w.ask(w.wire, Request{Method: "GET", Target: "/alice/profile/card"}), Request{}, 200)
	if !bytes.Contains(card.Body, []byte(`"Al"`)) || bytes.Contains(card.Body, []byte("evil")) || !bytes.Contains(card.Body, []byte("<"+alice.Pod.Issuer+">")) {
		t.Errorf("the profile says %s", card.Body)
	}
}

// askAs sends a request whose target lies in alice's pod.
func (c *relying) askAs(r Request) Answer {
	c.w.t.Helper()
	r.Target, r.Header = "/alice/"+r.Target, r.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("DPoP", c.proof(r, c.token))
	r.Header.Set("Authorization", "DPoP "+c.token)
	return c.w.ask(c.w.wire, r)
}

// TestCookiesDecideNothing: what a browser adds by itself is never looked at, and none is ever set.
func TestCookiesDecideNothing(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	w.elsewhere(alice, `{"on":true}`)
	c := w.signIn(alice)
	for _, target := range []string{c.request(), "/alice/", "/token", "/userinfo", "/logout", "/", "/.well-known/openid-configuration"} {
		r := Request{Method: "GET", Target: target, Header: fields("Cookie", "token="+c.token+"; session="+c.token)}
		got := w.ask(w.wire, r)
		if got.Header.Get("Set-Cookie") != "" || got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", target, got.Header)
		}
		if (target == "/alice/" || target == "/userinfo") && got.Status != 401 {
			t.Errorf("%s with a cookie: %d", target, got.Status)
		}
	}
	if got := w.ask(w.wire, Request{Method: "GET", Target: "/alice/?access_token=" + c.token}); got.Status != 401 {
		t.Errorf("a token in the URL: %d", got.Status)
	}
}

// TestPasskeysAreOffered to the owner's devices, for this host. That they consent is held against an
// authenticator in webid/issuer, and against a browser's in pwa/e2e.
func TestPasskeysAreOffered(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	post := func(body string) Request {
		return Request{Method: "POST", Target: ".passkeys", Body: []byte(body), Header: fields("Content-Type", "application/json")}
	}
	var given struct {
		PublicKey struct {
			Challenge string
			RP        struct{ ID string }
			User      struct{ ID string }
		}
	}
	r := post("{}")
	if err := json.Unmarshal(w.want(w.ask(people[0], r), r, 200).Body, &given); err != nil || given.PublicKey.RP.ID != "localhost" || len(given.PublicKey.Challenge) < 22 || len(given.PublicKey.User.ID) != 43 {
		t.Errorf("offered %+v, %v", given, err)
	}
	r = post(`{"name":"x","credential":{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}}`)
	w.want(w.ask(people[0], r), r, 422)
	r = post("{}")
	w.want(w.ask(w.stranger(people[0].Pod), r), r, 401)
	gone := Request{Method: "DELETE", Target: ".grants/passkey-YQ"}
	w.want(w.ask(people[0], gone), gone, 404)
}
