package solid

import (
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenCases are about proofs and tokens of the issuer that Alice signs in at.
func tokenCases() []testCase {
	return []testCase{
		{"solid-oidc#dpop-validation/bound-token-as-Bearer", func(t *trial) {
			t.ask(t.stranger, "GET", t.at("made"), "Authorization: Bearer "+t.token(t.alice)).is(401)
		}},
		{"solid-oidc#dpop-validation/no-proof", func(t *trial) {
			t.ask(t.stranger, "GET", t.at("made"), "Authorization: DPoP "+t.token(t.alice)).is(401)
		}},
		{"solid-oidc#dpop-validation/two-proofs", func(t *trial) {
			token := t.token(t.alice)
			one, two := t.proof(t.alice, token, nil), t.proof(t.alice, token, nil)
			r := t.ask(t.stranger, "GET", t.at("made"), "Authorization: DPoP "+token, "DPoP: "+one, "DPoP: "+two)
			r.is(400, 401)
		}},
		{"solid-oidc#dpop-validation/a-proof-holds-once", func(t *trial) {
			token := t.token(t.alice)
			proof := t.proof(t.alice, token, nil)
			t.present(token, proof).is(200)
			t.present(token, proof).is(401)
		}},
		{"solid-oidc#dpop-validation/query-is-not-in-htu", func(t *trial) {
			token := t.token(t.alice)
			r := t.ask(t.stranger, "GET", t.at("made")+"?a=b", "Authorization: DPoP "+token, "DPoP: "+t.proof(t.alice, token, nil))
			r.check(r.status != 401, "401: a query has made the proof invalid")
		}},
		{"solid-oidc#dpop-validation/iat-may-have-a-fraction", func(t *trial) {
			token := t.token(t.alice)
			half := func(c jwt.MapClaims) { c["iat"] = float64(time.Now().Unix()) - 0.5 } // RFC 7519 §2
			t.present(token, t.proof(t.alice, token, half)).is(200)
		}},
		badProof("htu-of-another-resource", func(c jwt.MapClaims) { c["htu"] = c["htu"].(string) + "/other" }),
		badProof("htu-of-another-host", func(c jwt.MapClaims) { c["htu"] = "https://other.example/" }),
		badProof("htm-of-another-method", func(c jwt.MapClaims) { c["htm"] = "PUT" }),
		badProof("ath-of-another-token", func(c jwt.MapClaims) { c["ath"] = tokenHash("other") }),
		badProof("without-ath", func(c jwt.MapClaims) { delete(c, "ath") }),
		badProof("without-jti", func(c jwt.MapClaims) { delete(c, "jti") }),
		badProof("without-htu", func(c jwt.MapClaims) { delete(c, "htu") }),
		badProof("without-htm", func(c jwt.MapClaims) { delete(c, "htm") }),
		badProof("without-iat", func(c jwt.MapClaims) { delete(c, "iat") }),
		badProof("an-hour-old", func(c jwt.MapClaims) { c["iat"] = time.Now().Add(-time.Hour).Unix() }),
		badProof("an-hour-early", func(c jwt.MapClaims) { c["iat"] = time.Now().Add(time.Hour).Unix() }),
		{"solid-oidc#dpop-validation/proof-of-another-key", func(t *trial) {
			token := t.token(t.alice)
			t.present(token, t.proof(t.bob, token, nil)).is(401)
		}},
		{"solid-oidc#dpop-validation/key-in-the-header-that-did-not-sign", func(t *trial) {
			token := t.token(t.alice)
			t.forged(token, jwt.SigningMethodES256, t.bob.key, map[string]any{"typ": "dpop+jwt", "jwk": jwk(t.alice.key)})
		}},
		{"solid-oidc#dpop-validation/unsigned", func(t *trial) {
			token := t.token(t.alice)
			t.forged(token, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, map[string]any{"typ": "dpop+jwt", "jwk": jwk(t.alice.key)})
		}},
		{"solid-oidc#dpop-validation/symmetric", func(t *trial) {
			token := t.token(t.alice)
			secret := []byte("0123456789abcdef0123456789abcdef")
			t.forged(token, jwt.SigningMethodHS256, secret, map[string]any{"typ": "dpop+jwt", "jwk": map[string]string{"kty": "oct", "k": b64.EncodeToString(secret)}})
		}},
		{"solid-oidc#dpop-validation/of-another-type", func(t *trial) {
			token := t.token(t.alice)
			t.forged(token, jwt.SigningMethodES256, t.alice.key, map[string]any{"typ": "JWT", "jwk": jwk(t.alice.key)})
		}},
		{"solid-oidc#dpop-validation/with-the-private-key", func(t *trial) {
			token := t.token(t.alice)
			private := jwk(t.alice.key)
			d, err := t.alice.key.Bytes()
			t.must(err)
			private["d"] = b64.EncodeToString(d)
			t.forged(token, jwt.SigningMethodES256, t.alice.key, map[string]any{"typ": "dpop+jwt", "jwk": private})
		}},
		{"solid-oidc#dpop-validation/a-changed-token", func(t *trial) {
			parts := strings.Split(t.token(t.alice), ".")
			if len(parts) != 3 {
				t.skip("the access token is opaque")
				return
			}
			claims := jwt.MapClaims{}
			if _, _, err := jwt.NewParser().ParseUnverified(strings.Join(parts, "."), claims); err != nil {
				t.skip("the access token is opaque")
				return
			}
			claims["webid"], claims["sub"] = t.bob.WebID, t.bob.WebID
			parts[1] = b64.EncodeToString(mustJSON(claims))
			token := strings.Join(parts, ".")
			t.present(token, t.proof(t.alice, token, nil)).is(401)
		}},
		{"solid-oidc#authorization-server-discovery/as_uri-unless-DPoP", func(t *trial) {
			r := t.ask(t.stranger, "GET", t.at("made")).is(401)
			challenge := strings.Join(r.header.Values("WWW-Authenticate"), ", ")
			r.check(strings.Contains(challenge, "as_uri") || strings.Contains(challenge, "DPoP"), "WWW-Authenticate is %q", challenge)
		}},
	}
}

// token returns an access token of an agent.
func (t *trial) token(who *agent) string {
	if t.over() {
		return ""
	}
	token, err := who.access(t.ctx)
	t.must(err)
	return token
}

// proof returns a proof for GET of made, changed.
func (t *trial) proof(who *agent, token string, change func(jwt.MapClaims)) string {
	c := proofClaims("GET", t.at("made"), token)
	if change != nil {
		change(c)
	}
	proof, err := who.prove(c)
	t.must(err)
	return proof
}

// present reads made with a token and a proof.
func (t *trial) present(token, proof string) *reply {
	return t.ask(t.stranger, "GET", t.at("made"), "Authorization: DPoP "+token, "DPoP: "+proof)
}

// badProof presents a proof whose claims are wrong.
func badProof(id string, change func(jwt.MapClaims)) testCase {
	return testCase{"solid-oidc#dpop-validation/" + id, func(t *trial) {
		token := t.token(t.alice)
		t.present(token, t.proof(t.alice, token, change)).is(401)
	}}
}

// forged presents a proof that is signed in a wrong way.
func (t *trial) forged(token string, method jwt.SigningMethod, key any, header map[string]any) {
	proof, err := signJWT(method, key, header, proofClaims("GET", t.at("made"), token))
	t.must(err)
	t.present(token, proof).is(400, 401)
}
