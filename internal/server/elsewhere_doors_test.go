package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"kith/webid"
)

// TestNobodyElseSpeaksForThePeopleOfThisHost, not at the pods of others either, whatever their profiles say:
// no other provider, and no key. A WebID that is no owner's is another matter.
func TestNobodyElseSpeaksForThePeopleOfThisHost(t *testing.T) {
	s, h := host(t)
	key, err := webid.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	g, now := h.url+"guest", s.config.Now()
	x, y := key.Public().Coordinates()
	put(t, h, "/guest/.well-known/openid-configuration", "application/json", fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, g, g+"/jwks"))
	put(t, h, "/guest/jwks", "application/json", fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}]}`, key.Public().Thumbprint(), x, y))
	put(t, h, cardACL, "text/turtle", cardPublic)
	for path, want := range map[string]bool{"/guest/card": true, cardPath: false} {
		id := h.url + path[1:] + "#me"
		jwk := map[string]string{"kty": "EC", "crv": "P-256", "x": x, "y": y}
		profile, err := json.Marshal(map[string]any{
			"@id": id, "http://www.w3.org/ns/solid/terms#oidcIssuer": map[string]string{"@id": g}, "id": id,
			"authentication": []any{map[string]any{"id": key.Public().Thumbprint(), "type": "JsonWebKey", "controller": id, "publicKeyJwk": jwk}},
		})
		if err != nil {
			t.Fatal(err)
		}
		put(t, h, path, "application/ld+json", string(profile))
		claims := map[string]any{"iss": g, "webid": id, "sub": id, "aud": "solid", "client_id": g, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "cnf": map[string]string{"jkt": key.Public().Thumbprint()}}
		token := tokenOf(t, key, "at+jwt", claims)
		r := proven(t, s, key, http.MethodGet, "/zoe/x", token)
		r.Header.Set("Authorization", "DPoP "+token)
		if agent, err := s.verifier.Authenticate(r); (err == nil) != want || !want && !agent.Anonymous() {
			t.Errorf("%s by another provider: %+v, %v", path, agent, err)
		}
		for _, claims := range []map[string]any{
			claims,
			{"iss": id, "sub": id, "client_id": id, "aud": s.config.Issuer(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": "0123456789abcdef"},
		} {
			r := proven(t, s, key, http.MethodPost, "/token", "")
			exchange := s.verifier.ExchangeID
			if claims["iss"] == id {
				exchange = func(r *http.Request, resource, token string) (string, error) {
					return s.verifier.Exchange(r, resource, token, "")
				}
			}
			if token, err := exchange(r, s.config.PodURL("zoe"), tokenOf(t, key, "JWT", claims)); (err == nil) != want || (token != "") != want {
				t.Errorf("%s, a token by %s: %v", path, claims["iss"], err)
			}
		}
	}
}

func tokenOf(t *testing.T, key webid.PrivateKey, typ string, claims map[string]any) string {
	t.Helper()
	token, err := key.Token(typ, claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// proven is a request with a proof by key.
func proven(t *testing.T, s *Server, key webid.PrivateKey, method, path, token string) *http.Request {
	t.Helper()
	proof, err := key.Proof(method, s.config.Issuer()+path, token, "", s.config.Now())
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("DPoP", proof)
	return r
}
