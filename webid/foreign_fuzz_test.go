package webid

import (
	"strings"
	"testing"
	"time"

	"kith/internal/fetch"
	"kith/internal/fuzztest"
)

// FuzzForeignToken reads whatever somebody calls a token, before anything of it is verified.
func FuzzForeignToken(f *testing.F) {
	head := encode64([]byte(`{"alg":"ES256","kid":"k","typ":"at+jwt"}`))
	for _, claims := range []string{
		`{"iss":"https://a.example","webid":"https://b.example/#me","aud":["solid"],"iat":1795348800,"exp":1795349000,"cnf":{"jkt":"0123456789012345678901234567890123456789012"},"client_id":"c"}`,
		`{"iss":"https://a.example","sub":"https://b.example/#me","aud":"https://host.example","iat":1.7953488e9,"exp":1e300,"azp":"c"}`,
		`{"iss":"https://host.example","webid":"x","sub":"x","aud":[["solid"]],"cnf":[]}`,
		`{"sub":"https://b.example/","aud":"https://host.example","iat":-1,"exp":9007199254740993,"jti":null}`,
	} {
		f.Add(head + "." + encode64([]byte(claims)) + ".")
	}
	f.Add("e30.e30.")
	f.Add(strings.Repeat("e30.", 6000))
	now := time.Unix(1795348800, 0)
	key, err := GenerateKey()
	if err != nil {
		f.Fatal(err)
	}
	v := &Verifier{Issuer: "https://host.example", Keys: []PrivateKey{key}, Now: func() time.Time { return now }}
	f.Fuzz(func(t *testing.T, token string) {
		fuzztest.Cheap(t, len(token), func() { v.present(token, [32]byte{1}) })
		p, err := v.present(token, [32]byte{1})
		if err == nil && (p.rest == nil || p.sub == "" || len(p.jkt) != 43 || p.kid != "" || !p.exp.After(now) || p.rest.issuer == v.Issuer) {
			t.Errorf("%+v", p)
		}
		if err != nil && p.rest != nil && p.rest.sub != "" {
			t.Errorf("%+v, %v", p, err)
		}
		c, err := splitCompact(token, maxToken)
		if err != nil {
			return
		}
		if i, err := v.readIdentity(c, key.Public()); err == nil && (i.jkt != key.Public().Thumbprint() || i.client == "") {
			t.Errorf("%+v", i)
		}
		if s, err := v.readSelfIssued(token); err == nil && (s.until.Before(now) || s.until.After(now.Add(maxAssertion+proofFuture))) {
			t.Errorf("%+v", s)
		}
	})
}

// FuzzPublished reads whatever another server publishes: configuration, keys,
// profile and Controlled Identifier document.
func FuzzPublished(f *testing.F) {
	for _, doc := range []string{
		`{"issuer":"https://a.example","jwks_uri":"https://a.example/jwks"}`,
		`{"keys":[{"kty":"EC","crv":"P-256","kid":"k","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
		`{"keys":[{"kty":"RSA","kid":"k","n":"` + strings.Repeat("_", 342) + `8","e":"AQAB"},{"kty":"OKP","crv":"Ed25519","kid":"k","x":"` + strings.Repeat("A", 43) + `"}]}`,
		`{"keys":[` + strings.Repeat(`{"kid":"k"},`, 63) + `{}]}`,
		`<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <https://a.example>.`,
		`{"@id":"#me","http://www.w3.org/ns/solid/terms#oidcIssuer":{"@id":"https://a.example"}}`,
		`{"@context":["https://www.w3.org/ns/cid/v1"],"id":"https://b.example/#me","service":[{"type":"https://www.w3.org/ns/lws#OpenIdProvider","serviceEndpoint":"https://a.example"}]}`,
		`{"id":"https://b.example/#me","authentication":["#k"],"verificationMethod":[{"id":"#k","controller":"https://b.example/#me","publicKeyJwk":{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}]}`,
		strings.Repeat("[", 1000), strings.Repeat("<x:a> ", 1000), `{"@context":` + strings.Repeat(`[{"a":`, 100),
	} {
		f.Add(doc)
	}
	const id, issuer = ID("https://b.example/#me"), "https://a.example"
	s := selfIssued{sub: id, alg: "ES256", kid: "#k"}
	now := time.Unix(1795348800, 0)
	f.Fuzz(func(t *testing.T, doc string) {
		if len(doc) > 64<<10 {
			return
		}
		fuzztest.Cheap(t, len(doc), func() { readDiscovery([]byte(doc), issuer) })
		for alg := range algorithms {
			fuzztest.Cheap(t, len(doc), func() { findKey([]byte(doc), "k", alg) })
			if k, err := findKey([]byte(doc), "k", alg); err == nil && (k.key == nil || k.alg != alg) {
				t.Errorf("%+v", k)
			}
		}
		for _, media := range []string{"text/turtle", "application/ld+json", "application/n-triples", "application/json"} {
			page := fetch.Document{URL: "https://b.example/", Type: media, Body: []byte(doc)}
			fuzztest.Cheap(t, len(doc), func() { names(page, id, issuer) })
			if names(page, id, issuer) && !strings.Contains(doc, "oidcIssuer") && !strings.Contains(doc, "\\") && !strings.Contains(doc, "OpenIdProvider") && !strings.Contains(doc, "solid/terms") {
				t.Errorf("%s names the issuer: %q", media, doc)
			}
			fuzztest.Cheap(t, len(doc), func() { methodKey(page, s, now) })
		}
	})
}
