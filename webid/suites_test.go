package webid_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"kith/webid"
)

// tokenRequest is a request to the token endpoint with a proof by the app.
func (a *abroad) tokenRequest(t testing.TB) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/token", nil)
	r.Header.Set("DPoP", proofBy(t, a.app, http.MethodPost, issuerURL+"/token", "", "", a.now))
	return r
}

func TestExchangeID(t *testing.T) {
	type change = func(a *abroad, h, c map[string]any)
	for name, c := range map[string]struct {
		resource string
		change   change
		want     error
	}{
		"an access token":   {aliceURL, func(_ *abroad, _, _ map[string]any) {}, nil},
		"for a pod unknown": {issuerURL + "/nobody/", func(_ *abroad, _, _ map[string]any) {}, nil},
		"an ID token for this server": {aliceURL, func(_ *abroad, h, c map[string]any) {
			h["typ"], c["aud"], c["azp"] = "JWT", []string{"app", issuerURL}, "app"
			for _, name := range []string{"cnf", "webid", "client_id"} {
				delete(c, name)
			}
		}, nil},
		"an ID token for this server, bound": {aliceURL, func(_ *abroad, _, c map[string]any) { c["aud"] = issuerURL }, nil},
		"bound to another": {aliceURL, func(_ *abroad, _, c map[string]any) {
			c["aud"], c["cnf"] = issuerURL, map[string]string{"jkt": newKey(t).Public().Thumbprint()}
		}, webid.Verdict("wrong token")},
		"an ID token for Solid servers, not bound": {aliceURL, func(_ *abroad, _, c map[string]any) { delete(c, "cnf") }, webid.Malformed},
		"for another server":                       {aliceURL, func(_ *abroad, _, c map[string]any) { c["aud"] = "https://other.example" }, webid.Verdict("wrong audience")},
		"for this server with a slash":             {aliceURL, func(_ *abroad, _, c map[string]any) { c["aud"] = issuerURL + "/" }, webid.Verdict("wrong audience")},
		"of no app":                                {aliceURL, func(_ *abroad, _, c map[string]any) { delete(c, "client_id") }, webid.Malformed},
		"sub is no WebID": {aliceURL, func(_ *abroad, _, c map[string]any) {
			c["sub"] = "248289761001"
			delete(c, "webid")
		}, webid.Malformed},
		"no pod":             {issuerURL + "/", func(_ *abroad, _, _ map[string]any) {}, webid.Verdict("wrong audience")},
		"a folder in a pod":  {aliceURL + "x/", func(_ *abroad, _, _ map[string]any) {}, webid.Verdict("wrong audience")},
		"another host's pod": {"https://host.example.org/alice/", func(_ *abroad, _, _ map[string]any) {}, webid.Verdict("wrong audience")},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAbroad(t)
			token, err := a.ExchangeID(a.tokenRequest(t), c.resource, a.issue(t, "ES256-1", func(h, claims map[string]any) { c.change(a, h, claims) }))
			if !errors.Is(err, c.want) || (err == nil) != (token != "") {
				t.Fatalf("%q, %v; want %v", token, err, c.want)
			}
			if err == nil && c.resource == aliceURL {
				a.check(t, token, "")
			}
		})
	}
}

func TestExchangeIDOfOurOwn(t *testing.T) {
	a := newAbroad(t)
	holds := true
	a.Grants = func(context.Context, string) bool { return holds }
	token, err := a.ExchangeID(a.tokenRequest(t), aliceURL, a.own(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if agent, err := a.authenticate(t, token); err != nil || !agent.Owner() || agent.Device() || agent.Consent() != "g1" {
		t.Errorf("%+v, %v", agent, err)
	}
	holds = false
	if agent, err := a.authenticate(t, token); err == nil {
		t.Errorf("it outlives the consent: %+v", agent)
	}
	if token, err := a.ExchangeID(a.tokenRequest(t), aliceURL, a.own(t, nil)); !errors.Is(err, webid.ErrToken) {
		t.Errorf("%q, %v", token, err)
	}
	holds = true
	device := a.scene.token(t, a.alice.devices[0])
	for name, subject := range map[string]string{"a device's token": device, "a token that was exchanged": token, "nothing": "", "a JWT by a device": assertionBy(t, a.app, a.now)} {
		if token, err := a.ExchangeID(a.tokenRequest(t), aliceURL, subject); !errors.Is(err, webid.ErrToken) {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
	replayed := a.tokenRequest(t)
	for i, want := range []error{nil, webid.ErrReplayed} {
		if _, err := a.ExchangeID(replayed, aliceURL, a.own(t, nil)); !errors.Is(err, want) {
			t.Errorf("use %d of a proof: %v", i+1, err)
		}
	}
	if n := a.requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// cid is the Controlled Identifier document of Bob, with the key of his app.
func (a *abroad) cid() map[string]any {
	id := a.URL + "/bob"
	return map[string]any{
		"@context": []string{"https://www.w3.org/ns/cid/v1"}, "id": id,
		"verificationMethod": []any{a.method(id+"#k", id)},
		"authentication":     []any{id + "#k"},
	}
}

func (a *abroad) method(id, controller string) map[string]any {
	return map[string]any{"id": id, "type": "JsonWebKey", "controller": controller, "publicKeyJwk": a.app.Public()}
}

func TestSelfSignedWithAControlledIdentifier(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *abroad, doc, h, c map[string]any)
		want   error
	}{
		"as it should be":      {func(*abroad, map[string]any, map[string]any, map[string]any) {}, nil},
		"kid as a fragment":    {func(_ *abroad, _, h, _ map[string]any) { h["kid"] = "#k" }, nil},
		"method as a fragment": {func(a *abroad, d, _, _ map[string]any) { d["verificationMethod"] = []any{a.method("#k", a.URL+"/bob")} }, nil},
		"method in place":      {func(a *abroad, d, _, _ map[string]any) { d["authentication"] = []any{a.method("#k", a.URL+"/bob")} }, nil},
		"several audiences":    {func(_ *abroad, _, _, c map[string]any) { c["aud"] = []string{"x", issuerURL} }, nil},
		"not yet expired":      {func(a *abroad, d, _, _ map[string]any) { a.put1(d, "expires", "2027-01-01T00:00:00Z") }, nil},
		"expired":              {func(a *abroad, d, _, _ map[string]any) { a.put1(d, "expires", "2026-01-01T00:00:00Z") }, webid.Verdict("wrong key")},
		"expires never":        {func(a *abroad, d, _, _ map[string]any) { a.put1(d, "expires", nil) }, webid.Verdict("wrong key")},
		"revoked":              {func(a *abroad, d, _, _ map[string]any) { a.put1(d, "revoked", "2030-01-01T00:00:00Z") }, webid.Verdict("wrong key")},
		"private key in it": {func(a *abroad, d, _, _ map[string]any) {
			a.put1(d, "publicKeyJwk", map[string]string{"kty": "EC", "crv": "P-256", "d": "AA"})
		}, webid.Verdict("wrong key")},
		"for signing only": {func(_ *abroad, d, _, _ map[string]any) {
			d["assertionMethod"] = d["authentication"]
			delete(d, "authentication")
		}, webid.Verdict("unknown key")},
		"controlled by another":   {func(a *abroad, d, _, _ map[string]any) { a.put1(d, "controller", "https://evil.example/") }, webid.Verdict("unknown key")},
		"another method is named": {func(_ *abroad, d, _, _ map[string]any) { d["authentication"] = []string{"#other"} }, webid.Verdict("unknown key")},
		"document of another":     {func(_ *abroad, d, _, _ map[string]any) { d["id"] = "https://good.example/" }, webid.Malformed},
		"wrong kid":               {func(_ *abroad, _, h, _ map[string]any) { h["kid"] = "#other" }, webid.Verdict("unknown key")},
		"a key in the header":     {func(a *abroad, _, h, _ map[string]any) { h["jku"] = a.URL }, webid.Verdict("wrong header")},
		"for another server":      {func(_ *abroad, _, _, c map[string]any) { c["aud"] = "https://other.example" }, webid.Verdict("wrong audience")},
		"issuer is another":       {func(_ *abroad, _, _, c map[string]any) { c["iss"] = "https://other.example" }, webid.Verdict("wrong subject")},
		"client is another":       {func(_ *abroad, _, _, c map[string]any) { c["client_id"] = "https://app.example" }, webid.Verdict("wrong subject")},
		"for too long":            {func(a *abroad, _, _, c map[string]any) { c["exp"] = a.now.Add(121 * time.Second).Unix() }, webid.Verdict("not fresh")},
		"ended":                   {func(a *abroad, _, _, c map[string]any) { c["exp"] = a.now.Unix() }, webid.Verdict("not fresh")},
		"short jti":               {func(_ *abroad, _, _, c map[string]any) { c["jti"] = "1" }, webid.Malformed},
		"no document": {func(a *abroad, _, _, c map[string]any) {
			c["iss"], c["sub"], c["client_id"] = a.URL+"/x", a.URL+"/x", a.URL+"/x"
		}, webid.Verdict("not reachable")},
		"on a private address": {func(_ *abroad, _, _, c map[string]any) {
			c["iss"], c["sub"], c["client_id"] = "https://10.0.0.1/x", "https://10.0.0.1/x", "https://10.0.0.1/x"
		}, webid.Verdict("not reachable")},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAbroad(t)
			id, doc := a.URL+"/bob", a.cid()
			header := map[string]any{"typ": "JWT", "kid": id + "#k"}
			claims := map[string]any{"iss": id, "sub": id, "client_id": id, "aud": issuerURL, "iat": a.now.Unix(), "exp": a.now.Add(2 * time.Minute).Unix(), "jti": "0123456789abcdef"}
			c.change(a, doc, header, claims)
			a.put("/bob", "application/ld+json", string(must(json.Marshal(doc))))
			subject := signed(t, "ES256", standard(t, a.app), header, claims)
			token, err := a.Exchange(a.tokenRequest(t), aliceURL, subject, "")
			if !errors.Is(err, c.want) || (err == nil) != (token != "") {
				t.Fatalf("%q, %v; want %v", token, err, c.want)
			}
			if err != nil {
				return
			}
			if agent, err := a.authenticate(t, token); err != nil || !agent.Has(webid.ID(id)) || agent.Contact() != "" {
				t.Errorf("%+v, %v", agent, err)
			}
			if _, err := a.Exchange(a.tokenRequest(t), aliceURL, subject, ""); !errors.Is(err, webid.ErrReplayed) {
				t.Errorf("used twice: %v", err)
			}
			a.docs.full.Store(true)
			if _, err := a.Exchange(a.tokenRequest(t), aliceURL, subject, ""); !errors.Is(err, webid.ErrBusy) {
				t.Errorf("an asker over the limit: %v", err)
			}
		})
	}
}

// standard returns k as the standard library has it.
func standard(t testing.TB, k webid.PrivateKey) *ecdsa.PrivateKey {
	t.Helper()
	text, err := k.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), must(base64.RawURLEncoding.DecodeString(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// put1 changes one member of the first verification method of doc.
func (a *abroad) put1(doc map[string]any, name string, value any) {
	method := a.method(a.URL+"/bob#k", a.URL+"/bob")
	method[name] = value
	doc["verificationMethod"] = []any{method}
}
