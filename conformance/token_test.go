package conformance

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// stand is a friend's request with everything that can be forged about it.
type stand struct {
	w      *world
	friend *Friend
	other  Key    // of nobody
	server []byte // point of the key in the JWKS
	kid    string // of that key
	token  string
	sub    claims // of the token
	foreign,
	foreignIssuer string // the friend's tokens for another pod and of another server
}

// TestOnlyAProofForThisRequestLetsAnybodyIn sends one request with every fault that a token or its proof
// can have. The request is right at first, so that each refusal is for its fault.
func TestOnlyAProofForThisRequestLetsAnybodyIn(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	w := s.w
	good := func() Request { return s.request(s.token, s.friend.Device.Key, nil) }
	if got := w.ask(w.wire, good()); got.Status != http.StatusOK {
		t.Fatalf("the request without a fault: %d %s", got.Status, got.Body)
	}
	plain := w.ask(w.wire, Request{Method: "GET", Target: s.target()})
	challenge := plain.Header.Get("WWW-Authenticate")
	for _, part := range []string{`DPoP `, `as_uri="` + strings.TrimSuffix(base, "/"), `realm="` + s.friend.Pod.URL + `"`, `algs="ES256"`, `resource_metadata="` + base + `.well-known/oauth-protected-resource/alice/"`} {
		if !strings.Contains(challenge, part) {
			t.Errorf("the challenge %q lacks %q", challenge, part)
		}
	}
	if plain.Status != http.StatusUnauthorized || strings.Contains(challenge, "error=") {
		t.Errorf("without any token: %d %q", plain.Status, challenge)
	}
	for name, r := range s.faults() {
		got := w.ask(w.wire, r)
		challenge := got.Header.Get("WWW-Authenticate")
		if got.Status != http.StatusUnauthorized || !strings.HasPrefix(challenge, "DPoP ") || !strings.Contains(challenge, "error=") {
			t.Errorf("%s: %d %q %s", name, got.Status, challenge, got.Body)
		}
		if bytes.Contains(got.Body, []byte("ben")) || strings.Contains(challenge, s.friend.CID) {
			t.Errorf("%s: the refusal tells who asks: %s", name, got.Body)
		}
	}
	once := good()
	w.want(w.ask(w.wire, once), once, http.StatusOK)
	w.want(w.ask(w.wire, once), once, http.StatusUnauthorized)
	if got := w.ask(w.wire, good()); got.Status != http.StatusOK {
		t.Errorf("a new proof after a replayed one: %d %s", got.Status, got.Body)
	}
}

func newStand(t *testing.T) *stand {
	t.Helper()
	w, people := newWorld(t, "alice", "zoe")
	alice, zoe := people[0], people[1]
	ben := must(newPerson("ben"))(t)
	s := &stand{w: w, friend: w.befriend(alice, ben), other: must(newKey())(t)}
	s.token = must(s.friend.Token(w.ctx()))(t)
	s.checkToken(t)
	s.foreign = must(w.befriend(zoe, ben).Token(w.ctx()))(t)
	elsewhere, others := newWorld(t, "alice")
	s.foreignIssuer = must(elsewhere.befriend(others[0], ben).Token(w.ctx()))(t)
	return s
}

// checkToken verifies the access token with the server's public key, as any resource server would.
func (s *stand) checkToken(t *testing.T) {
	t.Helper()
	var keys struct{ Keys []map[string]string }
	answer := s.w.ask(s.w.wire, Request{Method: "GET", Target: "/.well-known/jwks.json"})
	if err := json.Unmarshal(answer.Body, &keys); err != nil || len(keys.Keys) == 0 {
		t.Fatalf("the JWKS: %d %s", answer.Status, answer.Body)
	}
	s.server, s.kid = must(fromJWK(keys.Keys[0]))(t), keys.Keys[0]["kid"]
	public := must(ecdsa.ParseUncompressedPublicKey(elliptic.P256(), s.server))(t)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(s.friend.Pod.Issuer), jwt.WithAudience(s.friend.Pod.URL),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithSubject(s.friend.WebID))
	s.sub = claims{}
	token, err := parser.ParseWithClaims(s.token, s.sub, func(*jwt.Token) (any, error) { return public, nil })
	if err != nil {
		t.Fatal(err)
	}
	life := s.sub["exp"].(float64) - s.sub["iat"].(float64)
	cnf, _ := s.sub["cnf"].(map[string]any)
	if token.Header["typ"] != "at+jwt" || token.Header["kid"] != s.kid || life != 300 || cnf["jkt"] != thumbprint(s.friend.Device.Key.point()) || s.sub["jti"] == "" ||
		s.sub["client_id"] != s.friend.Device.kid {
		t.Errorf("the access token says %v and %v", token.Header, s.sub)
	}
}

// target is what the request asks for.
func (s *stand) target() string { return s.friend.path() + "social/door" }

// request asks with a token and a proof by a key, whose claims are changed by edit.
func (s *stand) request(token string, k Key, edit claims) Request {
	return s.forged(token, jwt.SigningMethodES256, k.private, proofHeader(k), edit)
}

func (s *stand) forged(token string, method jwt.SigningMethod, key any, header map[string]any, edit claims) Request {
	r := Request{Method: "GET", Target: s.target()}
	c := proofClaims(s.w.wire, r, token)
	for name, value := range edit {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	proof := must(Key{}.signAs(method, key, header, c))(s.w.t)
	r.Header = http.Header{"Authorization": {"DPoP " + token}, "Dpop": {proof}}
	return r
}

// minted is a token like the server's by another key or method.
func (s *stand) minted(method jwt.SigningMethod, key any, header map[string]any, edit claims) Request {
	c := claims{}
	for name, value := range s.sub {
		c[name] = value
	}
	for name, value := range edit {
		c[name] = value
	}
	token := must(Key{}.signAs(method, key, header, c))(s.w.t)
	return s.request(token, s.friend.Device.Key, nil)
}

// faults returns requests each of which has one fault, by a name for it.
func (s *stand) faults() map[string]Request {
	device, now := s.friend.Device.Key, time.Now()
	at := map[string]any{"typ": "at+jwt", "kid": s.kid}
	parts := strings.Split(s.token, ".")
	header := func(edit func(http.Header)) Request {
		r := s.request(s.token, device, nil)
		edit(r.Header)
		return r
	}
	proof := func(edit claims) Request { return s.request(s.token, device, edit) }
	with := func(extra map[string]any) map[string]any {
		h := proofHeader(device)
		for name, value := range extra {
			h[name] = value
		}
		return h
	}
	embedded := jwk(device.point())
	embedded["d"] = random(32)
	return map[string]Request{
		"a token and no proof":           header(func(h http.Header) { h.Del("DPoP") }),
		"two proofs":                     header(func(h http.Header) { h["Dpop"] = append(h["Dpop"], h["Dpop"]...) }),
		"an empty proof":                 header(func(h http.Header) { h.Set("DPoP", "") }),
		"a proof that is none":           header(func(h http.Header) { h.Set("DPoP", "x.y.z") }),
		"a proof of 20 kB":               header(func(h http.Header) { h.Set("DPoP", strings.Repeat("a", 20<<10)) }),
		"two tokens":                     header(func(h http.Header) { h["Authorization"] = append(h["Authorization"], "DPoP "+s.token) }),
		"two schemes":                    header(func(h http.Header) { h["Authorization"] = append(h["Authorization"], "Bearer "+s.token) }),
		"a DPoP token as Bearer":         header(func(h http.Header) { h.Set("Authorization", "Bearer "+s.token) }),
		"a DPoP token as Basic":          header(func(h http.Header) { h.Set("Authorization", "Basic "+s.token) }),
		"no token":                       header(func(h http.Header) { h.Set("Authorization", "DPoP ") }),
		"a token that is none":           s.request("nonsense", device, nil),
		"a token without its signature":  s.request(parts[0]+"."+parts[1]+".", device, nil),
		"a token with another payload":   s.request(parts[0]+"."+b64.EncodeToString([]byte(`{"sub":"x"}`))+"."+parts[2], device, nil),
		"a token with four parts":        s.request(s.token+".x", device, nil),
		"a token for another pod":        s.request(s.foreign, device, nil),
		"a token of another server":      s.request(s.foreignIssuer, device, nil),
		"a self-issued JWT as token":     s.request(must(device.sign(assertionHeader(device), s.friend.Device.assertion(s.friend.Pod.Issuer)))(s.w.t), device, nil),
		"a token by another key":         s.minted(jwt.SigningMethodES256, s.other.private, at, nil),
		"a token by the friend's key":    s.minted(jwt.SigningMethodES256, device.private, map[string]any{"typ": "at+jwt", "kid": device.DID()}, nil),
		"a token that brings its key":    s.minted(jwt.SigningMethodES256, s.other.private, map[string]any{"typ": "at+jwt", "kid": s.kid, "jwk": jwk(s.other.point())}, nil),
		"a token for the owner":          s.minted(jwt.SigningMethodES256, s.other.private, at, claims{"sub": s.friend.Pod.URL + "profile/card#me"}),
		"a token that is not signed":     s.minted(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, at, nil),
		"a token by the public key":      s.minted(jwt.SigningMethodHS256, s.server, at, nil),
		"a proof by another key":         s.request(s.token, s.other, nil),
		"a proof with another key in it": s.forged(s.token, jwt.SigningMethodES256, s.other.private, proofHeader(device), nil),
		"a proof that is not signed":     s.forged(s.token, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, proofHeader(device), nil),
		"a proof by HS256":               s.forged(s.token, jwt.SigningMethodHS256, device.point(), proofHeader(device), nil),
		"a proof of another type":        s.forged(s.token, jwt.SigningMethodES256, device.private, with(map[string]any{"typ": "JWT"}), nil),
		"a proof with crit":              s.forged(s.token, jwt.SigningMethodES256, device.private, with(map[string]any{"crit": []string{"exp"}}), nil),
		"a proof with a private key":     s.forged(s.token, jwt.SigningMethodES256, device.private, with(map[string]any{"jwk": embedded}), nil),
		"a proof for another method":     proof(claims{"htm": "PUT"}),
		"a proof for another name":       proof(claims{"htu": s.friend.Pod.URL + "social/feed"}),
		"a proof for another host":       proof(claims{"htu": "https://elsewhere.example" + s.target()}),
		"a proof for where it listens":   proof(claims{"htu": "http://" + s.w.wire.Address + s.target()}),
		"a proof for another token":      proof(claims{"ath": random(32)}),
		"a proof for no token":           proof(claims{"ath": nil}),
		"a proof without a jti":          proof(claims{"jti": nil}),
		"a proof without a time":         proof(claims{"iat": nil}),
		"a proof of two minutes ago":     proof(claims{"iat": now.Add(-2 * time.Minute).Unix()}),
		"a proof of the next minute":     proof(claims{"iat": now.Add(time.Minute).Unix()}),
		"a proof of the year 1970":       proof(claims{"iat": 0}),
	}
}

// TestTheTokenEndpointRefusesWhatDoesNotHold sends one token request with every fault, and asks that what
// would tell who is known gets one answer.
func TestTheTokenEndpointRefusesWhatDoesNotHold(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	alice := people[0]
	ben := w.befriend(alice, must(newPerson("ben"))(t))
	e := &desk{w: w, friend: ben, stranger: must(newPerson("dora"))(t).Devices[0]}
	blocked := w.befriend(alice, must(newPerson("cleo"))(t))
	w.edit(alice, "contacts/"+blocked.CID+"/card", `"kith:blocked":false`, `"kith:blocked":true`)
	removed := w.befriend(alice, must(newPerson("evan"))(t))
	must(0, alice.Delete(w.ctx(), "contacts/"+removed.CID+"/"))(t)

	if got := e.ask(e.whole(ben.Device, nil, nil)); got.Status != http.StatusOK || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the request without a fault: %d %v %s", got.Status, got.Header, got.Body)
	}
	used := e.whole(ben.Device, nil, nil)
	w.want(e.ask(used), used, http.StatusOK)
	again := e.prove(ben.Device, Request{Method: used.Method, Target: used.Target, Body: used.Body, Header: fields("Content-Type", "application/x-www-form-urlencoded")}, nil)

	unknown := e.ask(e.whole(e.stranger, nil, nil))
	if unknown.Status != http.StatusBadRequest || !strings.Contains(string(unknown.Body), `"invalid_grant"`) {
		t.Errorf("an unknown key: %d %s", unknown.Status, unknown.Body)
	}
	for name, r := range map[string]Request{
		"a blocked contact":           e.whole(blocked.Device, nil, nil),
		"a removed contact":           e.whole(removed.Device, nil, nil),
		"a pod of nobody":             e.whole(ben.Device, nil, url.Values{"resource": {base + "nobody/"}}),
		"a pod of nobody, by nobody":  e.whole(e.stranger, nil, url.Values{"resource": {base + "nobody/"}}),
		"a pod elsewhere":             e.whole(ben.Device, nil, url.Values{"resource": {"https://elsewhere.example/alice/"}}),
		"a pod without its slash":     e.whole(ben.Device, nil, url.Values{"resource": {strings.TrimSuffix(ben.Pod.URL, "/")}}),
		"a part of a pod":             e.whole(ben.Device, nil, url.Values{"resource": {ben.Pod.URL + "social/"}}),
		"the server":                  e.whole(ben.Device, nil, url.Values{"resource": {base}}),
		"a self-issued JWT once more": again,
		"a stranger's own list":       e.whole(e.stranger, nil, url.Values{"device_list": {must(newPerson("x"))(t).List}}),
	} {
		if d := difference(unknown, e.ask(r)); d != "" {
			t.Errorf("%s is told from an unknown key: %s", name, d)
		}
	}
	for name, r := range e.faults() {
		if got := e.ask(r); got.Status != http.StatusBadRequest || !strings.Contains(string(got.Body), `"error"`) || bytes.Contains(got.Body, []byte(`"access_token":`)) {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	for method, want := range map[string]int{"GET": 405, "PUT": 405, "DELETE": 405, "HEAD": 405, "OPTIONS": 204} {
		r := Request{Method: method, Target: "/token"}
		w.want(w.patiently(w.wire, r), r, want)
	}
}

// desk asks at the token endpoint.
type desk struct {
	w        *world
	friend   *Friend
	stranger *Device
}

// ask sends a request, which is signed anew by nobody: too many requests leave it unused.
func (e *desk) ask(r Request) Answer {
	e.w.t.Helper()
	return e.w.patiently(e.w.wire, r)
}

// whole returns a token request for a device, with claims of the JWT and parameters of the form changed.
func (e *desk) whole(d *Device, edit claims, more url.Values) Request {
	e.w.t.Helper()
	c := d.assertion(e.friend.Pod.Issuer)
	for name, value := range edit {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return e.prove(d, exchange(e.friend.Pod.URL, must(d.sign(assertionHeader(d.Key), c))(e.w.t), more), nil)
}

func (e *desk) prove(d *Device, r Request, edit claims) Request {
	e.w.t.Helper()
	c := proofClaims(e.w.wire, r, "")
	for name, value := range edit {
		c[name] = value
	}
	r.Header.Set("DPoP", must(d.sign(proofHeader(d.Key), c))(e.w.t))
	return r
}

func (e *desk) faults() map[string]Request {
	d, now, form := e.friend.Device, time.Now().Unix(), "application/x-www-form-urlencoded"
	signed := func(method jwt.SigningMethod, key any, header map[string]any) Request {
		text := must(Key{}.signAs(method, key, header, d.assertion(e.friend.Pod.Issuer)))(e.w.t)
		return e.prove(d, exchange(e.friend.Pod.URL, text, nil), nil)
	}
	body := func(mediaType, text string) Request {
		return e.prove(d, Request{Method: "POST", Target: "/token", Body: []byte(text), Header: fields("Content-Type", mediaType)}, nil)
	}
	whole := string(e.whole(d, nil, nil).Body)
	faults := map[string]Request{
		"a JWT that holds for an hour":      e.whole(d, claims{"exp": now + 3600}, nil),
		"a JWT that holds for 121 s":        e.whole(d, claims{"exp": now + 121}, nil),
		"a JWT that is over":                e.whole(d, claims{"iat": now - 200, "exp": now - 100}, nil),
		"a JWT of tomorrow":                 e.whole(d, claims{"iat": now + 86400, "exp": now + 86460}, nil),
		"a JWT that ends before it":         e.whole(d, claims{"exp": now - 1}, nil),
		"a JWT without an end":              e.whole(d, claims{"exp": nil}, nil),
		"a JWT for the base":                e.whole(d, claims{"aud": base}, nil),
		"a JWT for another server":          e.whole(d, claims{"aud": "https://elsewhere.example"}, nil),
		"a JWT about somebody else":         e.whole(d, claims{"sub": e.stranger.kid}, nil),
		"a JWT by somebody else":            e.whole(d, claims{"iss": e.stranger.kid}, nil),
		"a JWT of another client":           e.whole(d, claims{"client_id": e.stranger.kid}, nil),
		"a JWT without a jti":               e.whole(d, claims{"jti": nil}, nil),
		"a JWT with a short jti":            e.whole(d, claims{"jti": "AAAA"}, nil),
		"a JWT that is not signed":          signed(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, assertionHeader(d.Key)),
		"a JWT by HS256":                    signed(jwt.SigningMethodHS256, d.Key.point(), assertionHeader(d.Key)),
		"a JWT signed by somebody else":     signed(jwt.SigningMethodES256, e.stranger.private, assertionHeader(d.Key)),
		"a JWT of another type":             signed(jwt.SigningMethodES256, d.private, map[string]any{"typ": "dpop+jwt", "kid": d.kid}),
		"a JWT without its key":             signed(jwt.SigningMethodES256, d.private, map[string]any{"typ": "JWT"}),
		"no JWT":                            e.whole(d, nil, url.Values{"subject_token": {""}}),
		"a JWT of another kind":             e.whole(d, nil, url.Values{"subject_token_type": {"urn:ietf:params:oauth:token-type:saml2"}}),
		"another grant":                     e.whole(d, nil, url.Values{"grant_type": {"password"}}),
		"a parameter twice":                 body(form, whole+"&resource="+url.QueryEscape(base+"zoe/")),
		"a broken form":                     body(form, "%zz"),
		"JSON":                              body("application/json", `{}`),
		"a form of 200 kB":                  body(form, whole+"&x="+strings.Repeat("x", 200<<10)),
		"a broken device list":              e.whole(d, nil, url.Values{"device_list": {"x.y.z"}}),
		"a proof for another method":        e.prove(d, e.whole(d, nil, nil), claims{"htm": "GET"}),
		"a proof for another address":       e.prove(d, e.whole(d, nil, nil), claims{"htu": base + "alice/"}),
		"a proof of two minutes ago":        e.prove(d, e.whole(d, nil, nil), claims{"iat": now - 120}),
		"a proof of an hour ahead":          e.prove(d, e.whole(d, nil, nil), claims{"iat": now + 3600}),
		"an old proof with a made-up nonce": e.prove(d, e.whole(d, nil, nil), claims{"iat": now - 120, "nonce": random(24)}),
	}
	for _, name := range []string{"two proofs", "no proof"} {
		r := e.whole(d, nil, nil)
		if name == "no proof" {
			r.Header.Del("DPoP")
		} else {
			r.Header["Dpop"] = append(r.Header["Dpop"], r.Header["Dpop"][0])
		}
		faults[name] = r
	}
	return faults
}

// TestADeviceWithAWrongClockIsGivenANonce asks as a phone whose clock is an hour ahead.
func TestADeviceWithAWrongClockIsGivenANonce(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	ben := w.befriend(people[0], must(newPerson("ben"))(t))
	e := &desk{w: w, friend: ben}
	later := time.Now().Add(time.Hour).Unix()
	jwt := claims{"iat": later, "exp": later + 120}
	refused := e.ask(e.prove(ben.Device, e.whole(ben.Device, jwt, nil), claims{"iat": later}))
	nonce := refused.Header.Get("DPoP-Nonce")
	if refused.Status != http.StatusBadRequest || !strings.Contains(string(refused.Body), `"use_dpop_nonce"`) || nonce == "" {
		t.Fatalf("a proof by a wrong clock: %d %q %s", refused.Status, nonce, refused.Body)
	}
	granted := e.ask(e.prove(ben.Device, e.whole(ben.Device, jwt, nil), claims{"iat": later, "nonce": nonce}))
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(granted.Body, &answer); err != nil || granted.Status != http.StatusOK {
		t.Fatalf("the same with the nonce: %d %s", granted.Status, granted.Body)
	}
	s := &stand{w: w, friend: ben}
	late := s.request(answer.Token, ben.Device.Key, claims{"iat": later})
	refused = w.ask(w.wire, late)
	if refused.Status != http.StatusUnauthorized || !strings.Contains(refused.Header.Get("WWW-Authenticate"), `error="use_dpop_nonce"`) || refused.Header.Get("DPoP-Nonce") == "" {
		t.Errorf("a request by a wrong clock: %d %v", refused.Status, refused.Header)
	}
	in := s.request(answer.Token, ben.Device.Key, claims{"iat": later, "nonce": refused.Header.Get("DPoP-Nonce")})
	w.want(w.ask(w.wire, in), in, http.StatusOK)
	w.want(w.ask(w.wire, in), in, http.StatusUnauthorized)
}

// TestAFriendWithANewPhoneIsLetInByTheNewList shows a newer device list at the token endpoint.
func TestAFriendWithANewPhoneIsLetInByTheNewList(t *testing.T) {
	t.Parallel()
	w, people := newWorld(t, "alice")
	person := must(newPerson("ben"))(t)
	ben := w.befriend(people[0], person)
	first := must(ben.Token(w.ctx()))(t)
	e := &desk{w: w, friend: ben}

	old, older := person.Devices[0], person.List
	phone := must(newDevice("new phone", everything...))(t)
	if got := e.ask(e.whole(phone, nil, nil)); got.Status != http.StatusBadRequest {
		t.Fatalf("a phone that no list names: %d %s", got.Status, got.Body)
	}
	must(0, person.Announce(old, phone))(t)
	forger := *person
	forger.List = older
	forged := must(forger.signList(phone.Key, 3))(t)
	forger.List = ""
	alone := must(forger.signList(phone.Key, 4))(t)
	for name, list := range map[string]string{"an older list": older, "a list that the new phone signed": forged, "a list that only the new phone speaks for": alone, "a list without those before it": strings.Split(person.List, "~")[0]} {
		if got := e.ask(e.whole(phone, nil, url.Values{"device_list": {list}})); got.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	shown := e.whole(phone, nil, url.Values{"device_list": {person.List}})
	w.want(e.ask(shown), shown, http.StatusOK)
	pinned := e.whole(phone, nil, nil)
	w.want(e.ask(pinned), pinned, http.StatusOK)

	// The old phone is lost: the list without it ends what it holds.
	person.Devices[0], person.Devices[1] = phone, old // the new one signs
	must(0, person.Announce(phone))(t)
	shown = e.whole(phone, nil, url.Values{"device_list": {person.List}})
	w.want(e.ask(shown), shown, http.StatusOK)
	lost := e.whole(old, nil, nil)
	w.want(e.ask(lost), lost, http.StatusBadRequest)
	if got := w.get(ben.fixed(t), "social/door"); got.Status != http.StatusUnauthorized {
		t.Errorf("the lost phone's token %.20s…: %d %s", first, got.Status, fmt.Sprintf("%.200s", got.Body))
	}
}
