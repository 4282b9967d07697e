package solid

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// foreignCases are about tokens of an issuer that the server has never heard of, the suite's own.
func foreignCases() []testCase {
	cases := []testCase{
		{"solid-oidc#oidc-issuer-discovery/an-issuer-that-the-WebID-names", func(t *trial) {
			carol := t.carol(nil)
			t.ask(carol, "GET", t.at("made")).is(403)
			t.allow(t.at("made"), grant{"accessTo", "acl:agent <" + carol.WebID + ">", "R"})
			t.ask(carol, "GET", t.at("made")).is(200)
			t.send(carol, "PUT", t.at("made"), plainText("x")).is(403)
		}},
		{"solid-oidc#oidc-issuer-discovery/an-issuer-that-it-does-not-name", func(t *trial) {
			if t.elsewhere == nil {
				t.skip("the server could not reach the suite")
				return
			}
			mallory := t.elsewhere.someone(t, "mallory", nil)
			t.allow(t.at("made"), grant{"accessTo", "acl:agent <" + mallory.WebID + ">", "R"})
			t.ask(mallory, "GET", t.at("made")).is(401)
		}},
		{"solid-oidc#oidc-issuer-discovery/another-ones-WebID", func(t *trial) {
			mallory := t.carol(func(p *tokenParts) { p.claims["webid"], p.claims["sub"] = t.alice.WebID, t.alice.WebID })
			t.ask(mallory, "GET", t.at("made")).is(401)
		}},
		{"solid-oidc#id-token-validation/aud-is-a-list", func(t *trial) {
			carol := t.carol(func(p *tokenParts) { p.claims["aud"] = []string{p.claims["azp"].(string), "solid"} })
			t.allow(t.at("made"), grant{"accessTo", "acl:agent <" + carol.WebID + ">", "R"})
			t.ask(carol, "GET", t.at("made")).is(200)
		}},
	}
	for _, bad := range []struct {
		id     string
		change func(*tokenParts)
	}{
		{"id-token-validation/of-another-audience", func(p *tokenParts) { p.claims["aud"] = "other" }},
		{"id-token-validation/expired", func(p *tokenParts) {
			p.claims["iat"], p.claims["exp"] = time.Now().Add(-48*time.Hour).Unix(), time.Now().Add(-47*time.Hour).Unix()
		}},
		{"id-token-validation/issued-tomorrow", func(p *tokenParts) {
			p.claims["iat"], p.claims["exp"] = time.Now().Add(24*time.Hour).Unix(), time.Now().Add(25*time.Hour).Unix()
		}},
		{"id-token-validation/without-exp", func(p *tokenParts) { delete(p.claims, "exp") }},
		{"id-token-validation/without-iss", func(p *tokenParts) { delete(p.claims, "iss") }},
		{"id-token-validation/without-webid", func(p *tokenParts) { delete(p.claims, "webid"); p.claims["sub"] = "carol" }},
		{"id-token-validation/of-an-unknown-key", func(p *tokenParts) { p.header["kid"] = "other" }},
		{"id-token-validation/unsigned", func(p *tokenParts) {
			p.method, p.key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
		}},
		{"id-token-validation/symmetric", func(p *tokenParts) { p.method, p.key = jwt.SigningMethodHS256, []byte(hmacKeyText) }},
		{"dpop-validation/bound-to-another-key", func(p *tokenParts) { p.claims["cnf"] = map[string]string{"jkt": tokenHash("other")} }},
		{"dpop-validation/bound-to-no-key", func(p *tokenParts) { delete(p.claims, "cnf") }},
	} {
		cases = append(cases, testCase{"solid-oidc#" + bad.id, func(t *trial) {
			t.refusesCarol(bad.change)
		}})
	}
	return append(cases, []testCase{
		{"solid-oidc#id-token-validation/signed-by-another-key", func(t *trial) {
			key, err := newKey()
			t.must(err)
			t.refusesCarol(func(p *tokenParts) { p.key = key })
		}},
		{"solid-oidc#dpop-validation/Bearer-bound-to-no-key", func(t *trial) {
			carol := t.carol(func(p *tokenParts) { delete(p.claims, "cnf") })
			t.allow(t.at("made"), grant{"accessTo", "acl:agent <" + carol.WebID + ">", "R"})
			t.ask(t.stranger, "GET", t.at("made"), "Authorization: Bearer "+t.token(carol)).is(401)
		}},
	}...)
}

// carol returns an agent of the suite's own issuer, whose tokens are changed; without one the case is skipped.
func (t *trial) carol(change func(*tokenParts)) *agent {
	if t.elsewhere == nil {
		t.skip("the server could not reach the suite")
		return t.stranger
	}
	return t.elsewhere.someone(t, "carol", change)
}

// refusesCarol asks that a changed token is refused where a good one is not.
func (t *trial) refusesCarol(change func(*tokenParts)) {
	good, bad := t.carol(nil), t.carol(change)
	t.allow(t.at("made"), grant{"accessTo", "acl:agent <" + good.WebID + ">", "R"})
	t.ask(good, "GET", t.at("made")).is(200)
	t.ask(bad, "GET", t.at("made")).is(401)
}
