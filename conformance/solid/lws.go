package solid

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const lwsNS = "https://www.w3.org/ns/lws#"

// lwsTokenCases are about the authorization server of Linked Web Storage 1.0, as its drafts of 2026 have it. A
// server that does not offer it skips them all.
func lwsTokenCases() []testCase {
	return []testCase{
		{"lws10-core#authorization-server-discovery/challenge", func(t *trial) {
			as, realm := t.needLWS()
			t.check(t.over() || as != "" && strings.HasPrefix(t.base, realm), "as_uri is %q and realm %q", as, realm)
		}},
		{"lws10-core#authorization-server-metadata/document", func(t *trial) {
			as, _ := t.needLWS()
			p := t.authorizationServer(as)
			t.check(t.over() || p.text("issuer") == as || p.text("issuer") == strings.TrimSuffix(as, "/"), "issuer is %q", p.text("issuer"))
			t.check(t.over() || slices.Contains(p.list("grant_types_supported"), tokenExchange), "grant_types_supported is %q", p.list("grant_types_supported"))
			t.check(t.over() || len(p.list("subject_token_types_supported")) > 0, "no subject_token_types_supported")
		}},
		{"lws10-core#authorization-token-exchange-request/an-unknown-resource", func(t *trial) {
			carol := t.carol(nil)
			t.exchangeToken(carol, "https://other.example/", t.idToken(carol)).is(400, 401, 403)
		}},
		{"lws10-core#authorization-token-exchange-request/no-subject-token", func(t *trial) {
			_, realm := t.needLWS()
			t.exchangeToken(t.carol(nil), realm, "").is(400, 401)
		}},
		{"lws10-core#authorization-token-exchange-response/claims", func(t *trial) {
			_, realm := t.needLWS()
			carol := t.carol(nil)
			r := t.exchangeToken(carol, realm, t.idToken(carol)).is(200)
			var granted struct {
				Token string `json:"access_token"`
				Life  int    `json:"expires_in"`
			}
			r.check(t.over() || json.Unmarshal(r.body, &granted) == nil && granted.Token != "", "no access_token")
			claims := jwt.MapClaims{}
			if t.over() {
				return
			}
			_, _, err := jwt.NewParser().ParseUnverified(granted.Token, claims)
			t.must(err)
			aud, err := claims.GetAudience()
			t.must(err)
			t.check(slices.Equal(aud, []string{realm}), "aud is %q", aud)
			for _, name := range []string{"sub", "iss", "client_id", "exp", "iat", "jti"} {
				t.check(claims[name] != nil, "no %s", name)
			}
			t.check(granted.Life <= 3600, "expires_in is %d", granted.Life)
		}},
		{"lws10-core#authorization-token-validation-verification/a-token-of-the-exchange", func(t *trial) {
			_, realm := t.needLWS()
			carol := t.carol(nil)
			t.allow(t.at("made"), grant{"accessTo", "acl:agent <" + carol.WebID + ">", "R"})
			r := t.exchangeToken(carol, realm, t.idToken(carol)).is(200)
			var granted struct {
				Token string `json:"access_token"`
				Type  string `json:"token_type"`
			}
			r.check(t.over() || json.Unmarshal(r.body, &granted) == nil, "no JSON")
			t.ask(t.stranger, "GET", t.at("made"), "Authorization: "+granted.Type+" "+granted.Token, "DPoP: "+t.proof(carol, granted.Token, nil)).is(200)
		}},
		{"lws10-authn-openid#validation/a-Controlled-Identifier-that-names-the-issuer", func(t *trial) {
			_, realm := t.needLWS()
			dave := t.named("dave")
			t.exchangeToken(dave, realm, t.idToken(dave)).is(200)
		}},
		{"lws10-authn-ssi-cid#validation/a-key-of-the-document", func(t *trial) {
			_, realm := t.needLWS()
			erin := t.named("erin")
			t.exchangeToken(erin, realm, t.selfIssued(erin, "#key")).is(200)
		}},
		{"lws10-authn-ssi-cid#validation/a-key-that-is-not-there", func(t *trial) {
			_, realm := t.needLWS()
			erin := t.named("erin")
			t.exchangeToken(erin, realm, t.selfIssued(erin, "#key")).is(200)
			t.exchangeToken(erin, realm, t.selfIssued(erin, "#other")).is(400, 401, 403)
		}},
		badIDToken("lws10-authn-openid#validation/of-another-audience", func(c jwt.MapClaims) { c["aud"] = []string{"https://other.example"} }),
		badIDToken("lws10-authn-openid#validation/of-an-issuer-that-the-subject-does-not-name", func(c jwt.MapClaims) {
			c["sub"] = strings.Replace(c["sub"].(string), "/carol/", "/mallory/", 1)
		}),
		badIDToken("lws10-authn-openid#validation/expired", func(c jwt.MapClaims) { c["exp"], c["iat"] = int64(1000000600), int64(1000000000) }),
		badIDToken("lws10-authn-openid#serialization/without-sub", func(c jwt.MapClaims) { delete(c, "sub") }),
	}
}

// lwsStorageCases are about descriptions and listings.
func lwsStorageCases() []testCase {
	return []testCase{
		{"lws10-core#storage-description-binding/linked", func(t *trial) {
			t.needLWS()
			r := t.get("made").is(200)
			r.check(len(r.links(lwsNS+"storageDescription"))+len(r.links(lwsNS+"storage")) == 1, "no link to the storage")
		}},
		{"lws10-core#storage-description-data-model/members", func(t *trial) {
			t.needLWS()
			r := t.get("made").is(200)
			where := append(r.links(lwsNS+"storageDescription"), r.links(lwsNS+"storage")...)
			r.check(len(where) > 0, "no link to the storage")
			if t.over() {
				return
			}
			said := t.lws(where[0])
			kind, _ := said["type"].(string)
			t.check(kind == "Storage" || listed(said["type"], "Storage"), "type is %v", said["type"])
			t.check(said["id"] != nil, "no id")
		}},
		{"lws10-core#container-representation/members", func(t *trial) {
			t.needLWS()
			t.put("c/a", plainText("12345"))
			t.put("c/d/b", plainText("b"))
			said := t.lws(t.at("c/"))
			items, _ := said["items"].([]any)
			t.check(said["id"] == t.at("c/") || strings.HasSuffix(t.at("c/"), text(said["id"])), "id is %v", said["id"])
			t.check(said["type"] == "Container", "type is %v", said["type"])
			t.check(said["totalItems"] == 2.0, "totalItems is %v", said["totalItems"])
			t.check(len(items) == 2, "%d items", len(items))
			for _, i := range items {
				item, _ := i.(map[string]any)
				container := strings.HasSuffix(text(item["id"]), "/")
				t.check(container == listed(item["type"], "Container") && container != listed(item["type"], "DataResource"), "the item %v has type %v", item["id"], item["type"])
				t.check(container || item["mediaType"] == "text/plain" || item["format"] == "text/plain", "the item %v has no media type", item["id"])
				t.check(container || item["size"] == 5.0, "the item %v has size %v", item["id"], item["size"])
			}
		}},
		{"lws10-core#container-representation/nothing-of-what-may-not-be-read", func(t *trial) {
			t.needLWS()
			t.put("c/open", plainText("open"))
			t.put("c/letter-to-carol", plainText("closed"))
			t.allow(t.at("c/"), grant{"accessTo", "bob", "R"})
			t.allow(t.at("c/open"), grant{"accessTo", "bob", "R"})
			r := t.ask(t.bob, "GET", t.at("c/"), "Accept: application/lws+json").is(200).contains("open").lacks("letter-to-carol")
			var said map[string]any
			r.check(json.Unmarshal(r.body, &said) == nil && said["totalItems"] == 1.0, "totalItems is %v", said["totalItems"])
		}},
	}
}

const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"

func text(v any) string {
	s, _ := v.(string)
	return s
}

// listed tells whether a value is a word, or a list that has it.
func listed(v any, word string) bool {
	list, ok := v.([]any)
	return v == word || ok && slices.Contains(list, any(word))
}

var challengeParam = regexp.MustCompile(`(as_uri|realm)="([^"]*)"`)

// needLWS returns the authorization server and the realm of the challenge, or skips the case.
func (t *trial) needLWS() (as, realm string) {
	r := t.ask(t.stranger, "GET", t.at("made")).is(401)
	for _, m := range challengeParam.FindAllStringSubmatch(strings.Join(r.header.Values("WWW-Authenticate"), ", "), -1) {
		if m[1] == "as_uri" {
			as = m[2]
		} else {
			realm = m[2]
		}
	}
	if as == "" {
		t.skip("the server does not offer Linked Web Storage: its challenge has no as_uri")
	}
	return as, realm
}

func (t *trial) authorizationServer(as string) provider {
	r := t.ask(t.stranger, "GET", strings.TrimSuffix(as, "/")+"/.well-known/lws-configuration").is(200)
	var p provider
	r.check(t.over() || json.Unmarshal(r.body, &p) == nil, "no JSON")
	return p
}

// lws reads a representation in the media type of LWS as Alice.
func (t *trial) lws(url string) map[string]any {
	r := t.ask(t.alice, "GET", url, "Accept: application/lws+json").is(200).media("application/lws+json")
	var said map[string]any
	r.check(t.over() || json.Unmarshal(r.body, &said) == nil, "no JSON")
	return said
}

// idToken returns an ID token of the suite's issuer for an agent, with changes.
func (t *trial) idToken(who *agent, changes ...func(jwt.MapClaims)) string {
	as, _ := t.needLWS()
	if t.over() {
		return ""
	}
	p := tokenParts{method: jwt.SigningMethodES256, key: t.elsewhere.key, header: map[string]any{"typ": "JWT", "kid": keyID}}
	p.claims = proofClaims("", "", "")
	for _, name := range []string{"htm", "htu"} {
		delete(p.claims, name)
	}
	p.claims["sub"], p.claims["iss"], p.claims["azp"] = who.WebID, t.elsewhere.base, who.ID
	p.claims["aud"] = []string{who.ID, as, strings.TrimSuffix(as, "/")}
	p.claims["exp"] = p.claims["iat"].(int64) + 300
	for _, change := range changes {
		change(p.claims)
	}
	token, err := signJWT(p.method, p.key, p.header, p.claims)
	t.must(err)
	return token
}

// named returns an agent of the suite's own web.
func (t *trial) named(name string) *agent {
	if t.elsewhere == nil {
		t.skip("the server could not reach the suite")
		return t.stranger
	}
	return t.elsewhere.someone(t, name, nil)
}

// selfIssued returns a token that an agent has signed for itself with a key of its document.
func (t *trial) selfIssued(who *agent, key string) string {
	as, _ := t.needLWS()
	if t.over() {
		return ""
	}
	now := time.Now().Unix()
	document, _, _ := strings.Cut(who.WebID, "#")
	token, err := signJWT(jwt.SigningMethodES256, t.elsewhere.key, map[string]any{"typ": "JWT", "kid": document + key}, jwt.MapClaims{
		"sub": who.WebID, "iss": who.WebID, "client_id": who.WebID, "aud": as, "iat": now, "exp": now + 60, "jti": random(16),
	})
	t.must(err)
	return token
}

// exchangeToken asks the authorization server for a token for a realm (RFC 8693 §2.1).
func (t *trial) exchangeToken(who *agent, realm, subject string) *reply {
	kind := "urn:ietf:params:oauth:token-type:id_token"
	if who.name == "erin" { // who signs for herself
		kind = "urn:ietf:params:oauth:token-type:jwt"
	}
	as, _ := t.needLWS()
	endpoint := t.authorizationServer(as).text("token_endpoint")
	form := url.Values{"grant_type": {tokenExchange}, "resource": {realm}, "subject_token": {subject}, "subject_token_type": {kind}}
	if subject == "" {
		form.Del("subject_token")
	}
	proof, err := who.prove(proofClaims("POST", endpoint, ""))
	t.must(err)
	return t.send(t.stranger, "POST", endpoint, content{"application/x-www-form-urlencoded", []byte(form.Encode())}, "DPoP: "+proof)
}

// badIDToken exchanges an ID token whose claims are wrong, after a good one has been taken.
func badIDToken(id string, change func(jwt.MapClaims)) testCase {
	return testCase{id, func(t *trial) {
		_, realm := t.needLWS()
		carol := t.carol(nil)
		t.exchangeToken(carol, realm, t.idToken(carol)).is(200)
		t.exchangeToken(carol, realm, t.idToken(carol, change)).is(400, 401, 403)
	}}
}
