package vectors_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kith/webid"
)

const (
	issuer = "https://host.example"
	anaPod = issuer + "/ana/"
	now    = 1795348800 // 2026-11-22T12:00:00Z
)

// benOnly is Ana's pod, who knows Ben by the did:key of his phone.
type benOnly struct{ contact webid.Contact }

func (r benOnly) Owner() webid.ID                             { return anaPod + "profile/card#me" }
func (r benOnly) Lists(context.Context) (webid.Lists, error)  { return webid.Lists{}, nil }
func (r benOnly) Pin(context.Context, webid.DeviceList) error { return webid.ErrUnknown }

func (r benOnly) ByDevice(context.Context, string) (webid.Contact, error) {
	return webid.Contact{}, webid.ErrUnknown
}

func (r benOnly) ByLabel(context.Context, string) (webid.Contact, error) {
	return webid.Contact{}, webid.ErrUnknown
}

func (r benOnly) ByID(_ context.Context, id webid.ID) (webid.Contact, error) {
	if r.contact.ID == id || r.contact.Proves(id) {
		return r.contact, nil
	}
	return webid.Contact{}, webid.ErrUnknown
}

// verifier returns a new Verifier at a moment.
func verifier(t *testing.T, at int64) *webid.Verifier {
	clock := func() time.Time { return time.Unix(at, 0) }
	pod := benOnly{webid.Contact{ID: card + "#me", CID: cid, Grant: 1, Accepts: []webid.ID{webid.ID(ben.did(t, "phone"))}}}
	return &webid.Verifier{
		Issuer: issuer, Keys: []webid.PrivateKey{key(t, "server")}, Now: clock,
		Realms:     func(url string) (webid.Realm, bool) { return pod, url == anaPod },
		Assertions: webid.NewReplay(16, clock), Proofs: webid.NewReplay(16, clock),
	}
}

type assertionCase struct {
	head
	JWT    string `json:"jwt"`
	Issuer string `json:"issuer"`
	Now    int64  `json:"now"`
	Kid    string `json:"kid,omitempty"`
}

func TestAssertions(t *testing.T) {
	hold(t, "assertions.json", assertionCases, func(t *testing.T, c assertionCase) assertionCase {
		proof, err := key(t, "proof").Proof(http.MethodPost, issuer+"/token", "", "", time.Unix(c.Now, 0))
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/token", nil)
		r.Header.Set("DPoP", proof)
		_, err = verifier(t, c.Now).Exchange(r, anaPod, c.JWT, "")
		out := assertionCase{head: head{c.Name, verdict(t, err)}, JWT: c.JWT, Issuer: c.Issuer, Now: c.Now}
		if err == nil {
			out.Kid = headed(t, c.JWT)["kid"].(string)
		}
		return out
	})
}

// headed returns the JOSE header of a JWS.
func headed(t *testing.T, jws string) header {
	t.Helper()
	text, _, _ := strings.Cut(jws, ".")
	var h header
	if err := json.Unmarshal(unb64(t, text), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

func assertionCases(t *testing.T) []assertionCase {
	me := ben.did(t, "phone")
	top := header{"alg": "ES256", "typ": "JWT", "kid": me}
	claims := header{"iss": me, "sub": me, "client_id": me, "aud": issuer, "iat": now, "exp": now + 120, "jti": b64(scalar("jti")[:16])}
	one := func(name, verdict, jwt string) assertionCase {
		return assertionCase{head: head{name, verdict}, JWT: jwt, Issuer: issuer, Now: now}
	}
	claimed := func(name, verdict string, more header) assertionCase {
		return one(name, verdict, jws(t, "ben phone", top, with(claims, more)))
	}
	headed := func(name string, more header) assertionCase {
		return one(name, "wrong header", jws(t, "ben phone", with(top, more), claims))
	}
	whole := jws(t, "ben phone", top, claims)
	later := one("when it has ended", "not fresh", whole)
	later.Now += 120
	end := one("in its last second", "success", whole)
	end.Now += 119
	return []assertionCase{
		one("a device that says who it is", "success", whole),
		end,
		claimed("a clock that is 30 seconds ahead", "success", header{"iat": now + 30, "exp": now + 150}),
		claimed("claims that mean nothing here", "success", header{"nbf": now, "more": true}),
		later,
		claimed("a clock that is 31 seconds ahead", "not fresh", header{"iat": now + 31, "exp": now + 151}),
		claimed("a life of 121 seconds", "not fresh", header{"exp": now + 121}),
		claimed("an end before the beginning", "not fresh", header{"iat": now + 10, "exp": now + 5}),
		claimed("another issuer", "wrong audience", header{"aud": "https://other.example"}),
		claimed("the issuer with a slash at its end", "wrong audience", header{"aud": issuer + "/"}),
		claimed("the issuer in capitals", "wrong audience", header{"aud": "https://Host.example"}),
		claimed("another sub", "wrong subject", header{"sub": ben.did(t, "laptop")}),
		claimed("another iss", "wrong subject", header{"iss": ben.did(t, "laptop")}),
		claimed("another client", "wrong subject", header{"client_id": ben.did(t, "laptop")}),
		one("signed by another key than it names", "bad signature", jws(t, "ben laptop", top, claims)),
		one("an altered signature", "bad signature", flipped(whole)),
		headed("alg none", header{"alg": "none"}),
		headed("alg HS256", header{"alg": "HS256"}),
		headed("critical extensions", header{"crit": []string{"exp"}}),
		headed("an unencoded payload", header{"b64": false}),
		headed("the type of an access token", header{"typ": "at+jwt"}),
		headed("the type of a proof", header{"typ": "dpop+jwt"}),
		headed("a key instead of a kid", header{"kid": nil, "jwk": ben.key(t, "phone").Public()}),
		headed("a kid with a fragment", header{"kid": me + "#" + strings.TrimPrefix(me, "did:key:")}),
		claimed("two audiences", "malformed", header{"aud": []string{issuer, "https://other.example"}}),
		claimed("no jti", "malformed", header{"jti": nil}),
		claimed("a jti of 15 bytes", "malformed", header{"jti": b64(make([]byte, 15))}),
		claimed("no exp", "malformed", header{"exp": nil}),
		claimed("an exp that is a text", "malformed", header{"exp": "1795348920"}),
		claimed("a negative iat", "malformed", header{"iat": -1}),
		claimed("more than 16 KiB", "malformed", header{"more": strings.Repeat("x", 13000)}),
		one("no signature", "malformed", whole[:strings.LastIndex(whole, ".")+1]),
		one("a token inside", "malformed", jws(t, "ben phone", top, whole)),
		one("five parts", "malformed", "e30.e30.e30.e30.e30"),
		one("nothing", "malformed", ""),
	}
}

type proofCase struct {
	head
	Proof      string `json:"proof"`
	Method     string `json:"method"`
	URL        string `json:"url"`
	Token      string `json:"token"`
	Now        int64  `json:"now"`
	Thumbprint string `json:"thumbprint,omitempty"`
}

func TestProofs(t *testing.T) {
	hold(t, "proofs.json", proofCases, func(t *testing.T, c proofCase) proofCase {
		r := httptest.NewRequest(c.Method, strings.TrimPrefix(c.URL, issuer), nil)
		r.Header.Set("DPoP", c.Proof)
		out := proofCase{head: head{c.Name, ""}, Proof: c.Proof, Method: c.Method, URL: c.URL, Token: c.Token, Now: c.Now}
		out.Verdict = verdict(t, proved(verifier(t, c.Now), r, c.Token))
		if out.Verdict == "success" {
			var k webid.Key
			text, err := json.Marshal(headed(t, c.Proof)["jwk"])
			if err != nil {
				t.Fatal(err)
			}
			if err := k.UnmarshalJSON(text); err != nil {
				t.Fatal(err)
			}
			out.Thumbprint = k.Thumbprint()
		}
		return out
	})
}

// proved returns why the proof in r does not hold: at the token endpoint, where
// r lacks everything else, or before a pod.
func proved(v *webid.Verifier, r *http.Request, token string) error {
	if token == "" {
		_, err := v.Exchange(r, anaPod, "", "")
		if errors.Is(err, webid.ErrProof) || errors.Is(err, webid.ErrNonce) {
			return err
		}
		return nil
	}
	r.Header.Set("Authorization", "DPoP "+token)
	_, err := v.Authenticate(r)
	return err
}

func proofCases(t *testing.T) []proofCase {
	public := ben.key(t, "phone").Public()
	token := jws(t, "server", header{"alg": "ES256", "typ": "at+jwt", "kid": key(t, "server").Public().Thumbprint()}, header{
		"iss": issuer, "sub": card + "#me", "aud": anaPod, "client_id": public.String(), "kid": public.String(), "grant": 1,
		"iat": now, "exp": now + 300, "jti": b64(scalar("token")[:16]), "cnf": header{"jkt": public.Thumbprint()},
	})
	top := header{"alg": "ES256", "typ": "dpop+jwt", "jwk": public}
	claims := header{"htm": "POST", "htu": issuer + "/token", "iat": now, "jti": b64(scalar("proof")[:16])}
	reading := with(claims, header{"htm": "GET", "htu": anaPod + "social/door", "ath": hashed(token)})
	one := func(name, verdict, proof string) proofCase {
		return proofCase{head: head{name, verdict}, Proof: proof, Method: "POST", URL: issuer + "/token", Now: now}
	}
	claimed := func(name, verdict string, more header) proofCase {
		return one(name, verdict, jws(t, "ben phone", top, with(claims, more)))
	}
	headed := func(name string, more header) proofCase {
		return one(name, "wrong header", jws(t, "ben phone", with(top, more), claims))
	}
	get := func(name, verdict, signer string, top, claims header) proofCase {
		return proofCase{head: head{name, verdict}, Proof: jws(t, signer, top, claims), Method: "GET", URL: anaPod + "social/door?x=1", Token: token, Now: now}
	}
	at := func(name, verdict string, htu, url string) proofCase {
		c := claimed(name, verdict, header{"htu": htu, "htm": "GET"})
		c.Method, c.URL = "GET", url
		return c
	}
	whole := jws(t, "ben phone", top, claims)
	private := header{"kty": "EC", "crv": "P-256", "d": b64(scalar("ben phone"))}
	x, y := public.Coordinates()
	private["x"], private["y"] = x, y
	other := with(top, header{"jwk": ben.key(t, "laptop").Public()})
	return []proofCase{
		one("a proof at the token endpoint", "success", whole),
		get("a proof with an access token", "success", "ben phone", top, reading),
		claimed("a proof that is 60 seconds old", "success", header{"iat": now - 60}),
		claimed("a proof that is 30 seconds ahead", "success", header{"iat": now + 30}),
		at("scheme and host in capitals", "success", "HTTPS://HOST.example/ana/", anaPod),
		at("the default port", "success", "https://host.example:443/ana/", anaPod),
		at("a query and a fragment", "success", anaPod+"?a=b#c", anaPod+"?d=e"),
		at("an escape in lower case", "success", anaPod+"%c3%a9", anaPod+"%C3%A9"),
		at("an escape that is not needed", "success", anaPod+"%7Ea", anaPod+"~a"),
		claimed("a proof that is 61 seconds old", "not fresh", header{"iat": now - 61}),
		claimed("a proof that is 31 seconds ahead", "not fresh", header{"iat": now + 31}),
		claimed("another method", "wrong method", header{"htm": "GET"}),
		claimed("a method in lower case", "wrong method", header{"htm": "post"}),
		at("another path", "wrong address", anaPod+"a", anaPod+"b"),
		at("an escaped slash", "wrong address", anaPod+"a/b", anaPod+"a%2Fb"),
		at("another host", "wrong address", "https://other.example/ana/", anaPod),
		at("another port", "wrong address", "https://host.example:8443/ana/", anaPod),
		at("another scheme", "wrong address", "http://host.example/ana/", anaPod),
		at("credentials", "wrong address", "https://me@host.example/ana/", anaPod),
		at("no scheme", "wrong address", "//host.example/ana/", anaPod),
		get("no hash of the access token", "wrong token", "ben phone", top, with(reading, header{"ath": nil})),
		get("the hash of another access token", "wrong token", "ben phone", top, with(reading, header{"ath": hashed("other")})),
		get("a proof by another key than the token's", "wrong token", "ben laptop", other, reading),
		one("a signature by another key", "bad signature", jws(t, "ben laptop", top, claims)),
		one("an altered signature", "bad signature", flipped(whole)),
		headed("alg none", header{"alg": "none"}),
		headed("alg HS256", header{"alg": "HS256"}),
		headed("critical extensions", header{"crit": []string{"jti"}}),
		headed("an unencoded payload", header{"b64": false}),
		headed("another type", header{"typ": "JWT"}),
		headed("a kid instead of a key", header{"jwk": nil, "kid": public.String()}),
		headed("a kid beside the key", header{"kid": public.String()}),
		headed("a private key", header{"jwk": private}),
		headed("a key of another curve", header{"jwk": with(private, header{"d": nil, "crv": "P-384"})}),
		headed("a symmetric key", header{"jwk": header{"kty": "oct", "k": "AAAA"}}),
		headed("a key that is a text", header{"jwk": public.String()}),
		claimed("no jti", "malformed", header{"jti": nil}),
		claimed("an empty jti", "malformed", header{"jti": ""}),
		claimed("a jti of 257 bytes", "malformed", header{"jti": strings.Repeat("x", 257)}),
		claimed("no iat", "malformed", header{"iat": nil}),
		claimed("no htm", "malformed", header{"htm": nil}),
		claimed("no htu", "malformed", header{"htu": nil}),
		claimed("a method that is a list", "malformed", header{"htm": []string{"POST"}}),
		claimed("more than 16 KiB", "malformed", header{"more": strings.Repeat("x", 13000)}),
		one("no signature", "malformed", whole[:strings.LastIndex(whole, ".")+1]),
		one("two proofs in one field", "malformed", whole+", "+whole),
		one("nothing", "malformed", ""),
	}
}
