package solid

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// providerCases are about the issuer that Alice signs in at, if it is on the server under test.
func providerCases() []testCase {
	return []testCase{
		{"solid-oidc#discovery/scope-webid", func(t *trial) {
			p := t.provider()
			t.check(slices.Contains(p.list("scopes_supported"), "webid"), "scopes_supported is %q", p.list("scopes_supported"))
		}},
		{"openid-connect-discovery#ProviderMetadata/what-clients-need", func(t *trial) {
			p := t.provider()
			for _, name := range []string{"authorization_endpoint", "token_endpoint", "jwks_uri"} {
				t.check(t.over() || strings.HasPrefix(p.text(name), "http"), "%s is %q", name, p.text(name))
			}
			for _, name := range []string{"response_types_supported", "subject_types_supported", "claims_supported", "id_token_signing_alg_values_supported"} {
				t.check(t.over() || len(p.list(name)) > 0, "%s is empty", name)
			}
		}},
		{"openid-connect-discovery#ProviderMetadata/issuer-byte-for-byte", func(t *trial) {
			p := t.provider()
			t.check(t.over() || p.text("issuer") == t.alice.Issuer, "issuer is %q, the credentials say %q", p.text("issuer"), t.alice.Issuer)
		}},
		{"openid-connect-discovery#ProviderMetadata/keys-are-public-only", func(t *trial) {
			r := t.ask(t.stranger, "GET", t.provider().text("jwks_uri")).is(200)
			var set struct{ Keys []map[string]any }
			r.check(t.over() || json.Unmarshal(r.body, &set) == nil && len(set.Keys) > 0, "no keys")
			for _, key := range set.Keys {
				r.check(key["d"] == nil && key["k"] == nil, "a private key is published")
				r.check(key["kid"] != nil, "a key without kid")
			}
		}},
		{"openid-connect-discovery#ProviderMetadata/readable-by-applications", func(t *trial) {
			r := t.ask(t.stranger, "GET", strings.TrimSuffix(t.alice.Issuer, "/")+"/.well-known/openid-configuration", "Origin: https://app.example").is(200)
			got := r.header.Get("Access-Control-Allow-Origin")
			r.check(got == "*" || got == "https://app.example", "Access-Control-Allow-Origin is %q", got)
		}},
		{"solid-oidc#iss-check/announced", func(t *trial) {
			p := t.provider()
			t.check(t.over() || p["authorization_response_iss_parameter_supported"] == true, "authorization_response_iss_parameter_supported is %v", p["authorization_response_iss_parameter_supported"])
		}},
		{"solid-oidc#client-credentials-discovery/announced", func(t *trial) {
			p := t.provider()
			t.check(t.over() || slices.Contains(p.list("grant_types_supported"), "client_credentials"), "grant_types_supported is %q", p.list("grant_types_supported"))
		}},
		{"solid-oidc#client-credentials/token", func(t *trial) {
			t.provider()
			claims := jwt.MapClaims{}
			token := t.token(t.alice)
			if t.over() {
				return
			}
			if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
				t.skip("the access token is opaque")
				return
			}
			t.check(claims["webid"] == t.alice.WebID, "webid is %v", claims["webid"])
			t.check(claims["iss"] == t.alice.Issuer, "iss is %v", claims["iss"])
			aud, err := claims.GetAudience()
			t.must(err)
			t.check(slices.Contains(aud, "solid"), "aud is %q", aud)
			cnf, _ := claims["cnf"].(map[string]any)
			t.check(cnf["jkt"] == thumbprint(t.alice.key), "cnf is %v", claims["cnf"])
			end, err := claims.GetExpirationTime()
			t.must(err)
			t.check(t.over() || end != nil && time.Until(end.Time) < 24*time.Hour, "exp is %v", end)
		}},
		badGrant("client-credentials-token-instantiation/a-wrong-secret", []int{400, 401}, func(a *agent, _ url.Values) { a.Secret = "wrong" }),
		badGrant("client-credentials-token-instantiation/an-unknown-client", []int{400, 401}, func(a *agent, _ url.Values) { a.ID = "nobody" }),
		badGrant("client-credentials-token-instantiation/another-ones-secret", []int{400, 401}, nil),
		badGrant("client-credentials/an-unknown-grant", []int{400, 401}, func(_ *agent, form url.Values) { form.Set("grant_type", "password") }),
		{"solid-oidc#tokens-id/no-token-without-a-proof", func(t *trial) {
			p := t.provider()
			form := url.Values{"grant_type": {"client_credentials"}, "scope": {"webid"}, "client_id": {t.alice.ID}, "client_secret": {t.alice.Secret}}
			r := t.send(t.stranger, "POST", p.text("token_endpoint"), content{"application/x-www-form-urlencoded", []byte(form.Encode())})
			var granted struct {
				Type string `json:"token_type"`
			}
			bearer := r.status == 200 && json.Unmarshal(r.body, &granted) == nil && strings.EqualFold(granted.Type, "Bearer")
			r.check(r.status >= 400 || bearer, "a DPoP token without a proof")
		}},
	}
}

// clientCases are about clients and where they are sent back to.
func clientCases() []testCase {
	return []testCase{
		{"solid-oidc#clientids-oidc/registers", func(t *trial) {
			r := t.register(map[string]any{"client_name": "Conformance", "redirect_uris": []string{"https://app.example/callback"}, "scope": "openid offline_access webid"})
			var made map[string]any
			r.is(200, 201).check(t.over() || json.Unmarshal(r.body, &made) == nil && made["client_id"] != nil, "no client_id")
			r.check(t.over() || made["client_secret"] == nil || made["client_secret_expires_at"] != nil, "a secret without client_secret_expires_at")
		}},
		{"solid-oidc#clientids-oidc/no-script-as-redirect", func(t *trial) {
			t.register(map[string]any{"redirect_uris": []string{"javascript:alert(1)"}}).is(400)
			t.register(map[string]any{"redirect_uris": []string{"https://app.example/callback#fragment"}}).is(400)
		}},
		{"solid-oidc#clientids-document/no-redirect-to-who-is-not-known", func(t *trial) {
			p := t.provider()
			q := url.Values{"response_type": {"code"}, "scope": {"openid webid"}, "client_id": {"https://nobody.invalid/app"}, "redirect_uri": {"https://thief.example/"},
				"state": {"s"}, "code_challenge": {tokenHash("verifier")}, "code_challenge_method": {"S256"}, "prompt": {"none"}}
			r := t.ask(t.stranger, "GET", p.text("authorization_endpoint")+"?"+q.Encode())
			r.check(!strings.Contains(r.header.Get("Location"), "thief.example"), "it redirects to %s", r.header.Get("Location"))
		}},
		{"solid-oidc#clientids-oidc/no-redirect-that-is-not-registered", func(t *trial) {
			p := t.provider()
			r := t.register(map[string]any{"redirect_uris": []string{"https://app.example/callback"}, "scope": "openid webid"}).is(200, 201)
			var made struct {
				ID string `json:"client_id"`
			}
			r.check(t.over() || json.Unmarshal(r.body, &made) == nil, "no JSON")
			q := url.Values{"response_type": {"code"}, "scope": {"openid webid"}, "client_id": {made.ID}, "redirect_uri": {"https://thief.example/"},
				"state": {"s"}, "code_challenge": {tokenHash("verifier")}, "code_challenge_method": {"S256"}, "prompt": {"none"}}
			answer := t.ask(t.stranger, "GET", p.text("authorization_endpoint")+"?"+q.Encode())
			answer.check(!strings.Contains(answer.header.Get("Location"), "thief.example"), "it redirects to %s", answer.header.Get("Location"))
		}},
	}
}

// provider returns what the issuer says of itself, if it is on the server under test.
func (t *trial) provider() provider {
	if !t.ours(t.alice.Issuer) {
		t.skip("the issuer is another server")
	}
	if t.over() {
		return nil
	}
	p, err := t.alice.discover(t.ctx)
	t.must(err)
	return p
}

// register asks for a client by dynamic registration, or skips the case.
func (t *trial) register(client map[string]any) *reply {
	p := t.provider()
	endpoint := p.text("registration_endpoint")
	if endpoint == "" {
		t.skip("the issuer has no registration_endpoint")
	}
	return t.send(t.stranger, "POST", endpoint, content{"application/json", mustJSON(client)})
}

// badGrant asks for a token with Alice's credentials, changed; with no change, her name goes with Bob's secret.
func badGrant(id string, status []int, change func(*agent, url.Values)) testCase {
	return testCase{"solid-oidc#" + id, func(t *trial) {
		p := t.provider()
		a, err := newAgent("somebody", t.Alice, t.client)
		t.must(err)
		form := url.Values{"grant_type": {"client_credentials"}, "scope": {"webid"}}
		if t.over() {
			return
		}
		if change == nil {
			a.Secret = t.Bob.Secret
		} else {
			change(a, form)
		}
		got, err := a.grant(t.ctx, p, form)
		t.must(err)
		t.check(slices.Contains(status, got.status), "status %d, expected %s: %.200s", got.status, either(status), got.body)
	}}
}
