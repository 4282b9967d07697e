package issuer_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/webid"
)

// TestNothingIsRedirectedBeforeTheClientIsKnown: a person sees a page, and the
// browser stays here.
func TestNothingIsRedirectedBeforeTheClientIsKnown(t *testing.T) {
	h := newHost(t)
	a := h.app(t)
	other := h.app(t)
	for name, change := range map[string]func(url.Values){
		"no client":                  func(f url.Values) { f.Del("client_id") },
		"a client that nobody knows": func(f url.Values) { f.Set("client_id", "x.y") },
		"a client with another MAC": func(f url.Values) {
			f.Set("client_id", strings.Split(a.id, ".")[0]+"."+strings.Split(other.id, ".")[1])
		},
		"a document, where none is got": func(f url.Values) { f.Set("client_id", "https://app.example/id") },
		"no redirect URI":               func(f url.Values) { f.Del("redirect_uri") },
		"another one":                   func(f url.Values) { f.Set("redirect_uri", "https://evil.example/") },
		"a longer path":                 func(f url.Values) { f.Set("redirect_uri", redirect+"/more") },
		"a shorter one":                 func(f url.Values) { f.Set("redirect_uri", strings.TrimSuffix(redirect, "?x=1")) },
		"another query":                 func(f url.Values) { f.Set("redirect_uri", redirect+"&y=2") },
		"a fragment":                    func(f url.Values) { f.Set("redirect_uri", redirect+"#") },
		"another case":                  func(f url.Values) { f.Set("redirect_uri", strings.Replace(redirect, "app", "APP", 1)) },
		"another case of the path":      func(f url.Values) { f.Set("redirect_uri", strings.Replace(redirect, "back", "Back", 1)) },
		"credentials":                   func(f url.Values) { f.Set("redirect_uri", strings.Replace(redirect, "app", "app.example@evil", 1)) },
		"a way up":                      func(f url.Values) { f.Set("redirect_uri", strings.Replace(redirect, "back", "x/../back", 1)) },
		"an escaped way up":             func(f url.Values) { f.Set("redirect_uri", strings.Replace(redirect, "back", "x/%2e%2e/back", 1)) },
		"a port":                        func(f url.Values) { f.Set("redirect_uri", strings.Replace(redirect, ".example", ".example:443", 1)) },
		"http":                          func(f url.Values) { f.Set("redirect_uri", strings.Replace(redirect, "https", "http", 1)) },
		"a longer host": func(f url.Values) {
			f.Set("redirect_uri", strings.Replace(redirect, ".example", ".example.evil.example", 1))
		},
		"a script":          func(f url.Values) { f.Set("redirect_uri", "javascript:alert(1)") },
		"data":              func(f url.Values) { f.Set("redirect_uri", "data:text/html,x") },
		"a space before":    func(f url.Values) { f.Set("redirect_uri", " "+redirect) },
		"a line break":      func(f url.Values) { f.Set("redirect_uri", redirect+"\r\nX: y") },
		"two redirect URIs": func(f url.Values) { f.Add("redirect_uri", "https://evil.example/") },
		"two clients":       func(f url.Values) { f.Add("client_id", other.id) },
		"state twice":       func(f url.Values) { f.Add("state", "another") },
	} {
		form := a.asking()
		change(form)
		got := h.visit(t, "/authorize?"+form.Encode())
		if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
		if csp := got.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(got.body, "evil") {
			t.Errorf("%s: %s %s", name, csp, got.body)
		}
	}
}

// TestAnAppIsToldWhatIsWrong, at its own address, with its state and our name.
func TestAnAppIsToldWhatIsWrong(t *testing.T) {
	h := newHost(t)
	a := h.app(t)
	for _, c := range []struct {
		name   string
		change func(url.Values)
		code   string
	}{
		{"no PKCE", func(f url.Values) { f.Del("code_challenge"); f.Del("code_challenge_method") }, "invalid_request"},
		{"plain PKCE", func(f url.Values) { f.Set("code_challenge_method", "plain"); f.Set("code_challenge", verifier) }, "invalid_request"},
		{"PKCE of no method", func(f url.Values) { f.Del("code_challenge_method") }, "invalid_request"},
		{"a short challenge", func(f url.Values) { f.Set("code_challenge", "abc") }, "invalid_request"},
		{"no flow at all", func(f url.Values) { f.Del("response_type") }, "invalid_request"},
		{"an implicit flow", func(f url.Values) { f.Set("response_type", "token") }, "unsupported_response_type"},
		{"a hybrid flow", func(f url.Values) { f.Set("response_type", "code id_token") }, "unsupported_response_type"},
		{"an answer in the fragment", func(f url.Values) { f.Set("response_mode", "fragment") }, "invalid_request"},
		{"a request object", func(f url.Values) { f.Set("request", "x.y.z") }, "request_not_supported"},
		{"a request by reference", func(f url.Values) { f.Set("request_uri", "https://evil.example/") }, "request_uri_not_supported"},
		{"a thumbprint that is none", func(f url.Values) { f.Set("dpop_jkt", "abc") }, "invalid_request"},
		{"no scope", func(f url.Values) { f.Set("scope", "other") }, "invalid_scope"},
		{"in silence", func(f url.Values) { f.Set("prompt", "none") }, "interaction_required"},
		{"in silence and not", func(f url.Values) { f.Set("prompt", "none login") }, "invalid_request"},
	} {
		form := a.asking()
		c.change(form)
		got := h.visit(t, "/authorize?"+form.Encode())
		query, ok := strings.CutPrefix(got.Header.Get("Location"), redirect+"&")
		told, err := url.ParseQuery(query)
		if got.StatusCode != http.StatusSeeOther || !ok || err != nil || told.Get("error") != c.code || told.Get("state") != "the state" || told.Get("iss") != h.URL || told.Has("code") {
			t.Errorf("%s: %d %s", c.name, got.StatusCode, got.Header.Get("Location"))
		}
	}
}

// TestACodeIsForOneAppOnce. Each case has a code of its own, which is spent
// after the try, whatever was wrong with it.
func TestACodeIsForOneAppOnce(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	other := h.app(t)
	for _, c := range []struct {
		name string
		form func(url.Values)
		app  *app
		code string
	}{
		{"no verifier", func(f url.Values) { f.Del("code_verifier") }, a, "invalid_grant"},
		{"another verifier", func(f url.Values) { f.Set("code_verifier", verifier+"x") }, a, "invalid_grant"},
		{"the challenge as verifier", func(f url.Values) { f.Set("code_verifier", challenge(verifier)) }, a, "invalid_grant"},
		{"another redirect URI", func(f url.Values) { f.Set("redirect_uri", redirect+"/") }, a, "invalid_grant"},
		{"no redirect URI", func(f url.Values) { f.Del("redirect_uri") }, a, "invalid_grant"},
		{"another app", func(url.Values) {}, other, "invalid_grant"},
	} {
		code := h.allow(t, device, a.ask(t, a.asking())).Get("code")
		form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
		c.form(form)
		if got := send(t, c.app.tokens(t, form)); got.StatusCode != http.StatusBadRequest || got.json(t)["error"] != c.code {
			t.Errorf("%s: %d %s", c.name, got.StatusCode, got.body)
		}
		if got := send(t, a.redeeming(t, code)); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: the code is still good: %d %s", c.name, got.StatusCode, got.body)
		}
	}
	if len(h.kept.grants) != 0 {
		t.Errorf("granted %v", h.kept.grants)
	}
}

// TestACodeMayBeForOneKey: who asked with dpop_jkt gets nothing by another key (RFC 9449 §10).
func TestACodeMayBeForOneKey(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	asking := func(k webid.PrivateKey) string {
		form := a.asking()
		form.Set("dpop_jkt", k.Public().Thumbprint())
		return h.allow(t, device, a.ask(t, form)).Get("code")
	}
	if got := send(t, a.redeeming(t, asking(device))); got.StatusCode != http.StatusBadRequest || got.json(t)["error"] != "invalid_grant" {
		t.Errorf("by another key: %d %s", got.StatusCode, got.body)
	}
	if got := send(t, a.redeeming(t, asking(a.key))); got.StatusCode != http.StatusOK {
		t.Errorf("by that key: %d %s", got.StatusCode, got.body)
	}
}

func TestACodeEndsAfterAMinute(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	code := h.allow(t, device, a.ask(t, a.asking())).Get("code")
	h.now = h.now.Add(60 * time.Second)
	if got := send(t, a.redeeming(t, code)); got.StatusCode != http.StatusBadRequest || got.json(t)["error"] != "invalid_grant" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

// TestACodeUsedTwiceTakesEverythingBack: one of the two stole it.
func TestACodeUsedTwiceTakesEverythingBack(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	code := h.allow(t, device, a.ask(t, a.asking())).Get("code")
	first := send(t, a.redeeming(t, code))
	if first.StatusCode != http.StatusOK || len(h.kept.grants) != 1 {
		t.Fatalf("%d %s", first.StatusCode, first.body)
	}
	if got := send(t, a.redeeming(t, code)); got.StatusCode != http.StatusBadRequest || len(h.kept.grants) != 0 {
		t.Errorf("%d %s, granted %v", got.StatusCode, got.body, h.kept.grants)
	}
	if got := send(t, a.refreshing(t, first.json(t)["refresh_token"].(string))); got.StatusCode != http.StatusBadRequest {
		t.Errorf("refreshed: %d %s", got.StatusCode, got.body)
	}
}

// TestManyRaceForACode: however they interleave, nobody keeps a grant.
func TestManyRaceForACode(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	code := h.allow(t, device, a.ask(t, a.asking())).Get("code")
	var all sync.WaitGroup
	won := make(chan struct{}, 20)
	for range cap(won) {
		r := a.redeeming(t, code)
		all.Go(func() {
			if res, err := http.DefaultClient.Do(r); err == nil {
				res.Body.Close()
				if res.StatusCode == http.StatusOK {
					won <- struct{}{}
				}
			}
		})
	}
	all.Wait()
	if len(won) > 1 || len(h.kept.grants) != 0 {
		t.Errorf("%d got tokens, %d grants hold", len(won), len(h.kept.grants))
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	token := a.signIn(t, device)["refresh_token"].(string)
	for range 3 {
		got := send(t, a.refreshing(t, token))
		m := got.json(t)
		if got.StatusCode != http.StatusOK || m["refresh_token"] == token || m["id_token"] == "" || m["access_token"] == "" {
			t.Fatalf("%d %s", got.StatusCode, got.body)
		}
		token = m["refresh_token"].(string)
	}
}

// TestAStolenRefreshToken: by another key it is worth nothing, and harms nobody;
// used a second time it takes the grant back.
func TestAStolenRefreshToken(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	first := a.signIn(t, device)["refresh_token"].(string)
	thief := *a
	thief.key = newKey(t)
	if got := send(t, thief.refreshing(t, first)); got.StatusCode != http.StatusBadRequest || len(h.kept.grants) != 1 {
		t.Fatalf("by another key: %d %s, granted %v", got.StatusCode, got.body, h.kept.grants)
	}
	other := h.app(t)
	other.key = a.key
	if got := send(t, other.refreshing(t, first)); got.StatusCode != http.StatusBadRequest || len(h.kept.grants) != 1 {
		t.Fatalf("by another app: %d %s", got.StatusCode, got.body)
	}
	second := send(t, a.refreshing(t, first)).json(t)["refresh_token"].(string)
	for name, forged := range map[string]string{
		"another turn": strings.Replace(second, ".1.", ".0.", 1), "a later turn": strings.Replace(second, ".1.", ".2.", 1),
		"no MAC": second[:strings.LastIndexByte(second, '.')+1], "nothing": "", "two parts": "a.b", "letters": "a.b.c",
		"a turn of another spelling": strings.Replace(second, ".1.", ".01.", 1),
	} {
		if got := send(t, a.refreshing(t, forged)); got.StatusCode != http.StatusBadRequest || len(h.kept.grants) != 1 {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	if got := send(t, a.refreshing(t, first)); got.StatusCode != http.StatusBadRequest || len(h.kept.grants) != 0 {
		t.Errorf("used again: %d %s, granted %v", got.StatusCode, got.body, h.kept.grants)
	}
	if got := send(t, a.refreshing(t, second)); got.StatusCode != http.StatusBadRequest {
		t.Errorf("after that: %d %s", got.StatusCode, got.body)
	}
}

// TestWithoutOfflineAccess there is no refresh token, and without openid no ID token.
func TestWithoutOfflineAccess(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	form := a.asking()
	form.Set("scope", "webid")
	m := send(t, a.redeeming(t, h.allow(t, device, a.ask(t, form)).Get("code"))).json(t)
	if m["refresh_token"] != nil || m["id_token"] != nil || m["access_token"] == nil || m["scope"] != "webid" {
		t.Errorf("%v", m)
	}
}

func TestAnAppMustShowItsSecret(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	code := h.allow(t, device, a.ask(t, a.asking())).Get("code")
	for name, change := range map[string]func(*http.Request){
		"another":   func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(a.id), "x") },
		"none":      func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(a.id), "") },
		"of no app": func(r *http.Request) { r.SetBasicAuth("x.y", a.secret) },
	} {
		r := a.redeeming(t, code)
		change(r)
		if got := send(t, r); got.StatusCode != http.StatusUnauthorized || got.json(t)["error"] != "invalid_client" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	if got := send(t, a.redeeming(t, code)); got.StatusCode != http.StatusOK {
		t.Errorf("the right one: %d %s", got.StatusCode, got.body)
	}
}

// TestAFloodKeepsNothing: registering and asking without end takes no memory here.
func TestAFloodKeepsNothing(t *testing.T) {
	h := newHost(t)
	first := h.app(t)
	id := first.ask(t, first.asking())
	for range 300 {
		a := h.app(t)
		a.ask(t, a.asking())
	}
	if got := h.visit(t, "/authorize/"+id); got.StatusCode != http.StatusOK {
		t.Errorf("the first request is gone: %d", got.StatusCode)
	}
}

// TestDenialsCrowdNobodyOut: anybody may deny, as often as they like, and the owner still decides.
func TestDenialsCrowdNobodyOut(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	mine := a.ask(t, a.asking())
	w := httptest.NewRecorder()
	for range 4200 {
		ask := httptest.NewRequest(http.MethodGet, "/authorize?"+a.asking().Encode(), nil)
		w = httptest.NewRecorder()
		h.issuer.ServeHTTP(w, ask)
		_, id, _ := strings.Cut(w.Header().Get("Location"), "#consent=")
		deny := httptest.NewRequest(http.MethodPost, "/authorize/"+id, strings.NewReader(`{"decision":"deny"}`))
		deny.Header.Set("Content-Type", "application/json")
		w = httptest.NewRecorder()
		h.issuer.ServeHTTP(w, deny)
	}
	if w.Code != http.StatusOK {
		t.Errorf("the last denial: %d %s", w.Code, w.Body)
	}
	if told := h.allow(t, device, mine); told.Get("code") == "" {
		t.Errorf("told %v", told)
	}
}

// TestAPageShowsNoWordsOfTheSender.
func TestAPageShowsNoWordsOfTheSender(t *testing.T) {
	h := newHost(t)
	form := url.Values{"Call this number": {"a", "b"}, "client_id": {"<b>x</b>"}}
	r, err := http.NewRequest(http.MethodPost, h.URL+"/authorize", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got := browse(t, r); got.StatusCode != http.StatusBadRequest || strings.Contains(got.body, "number") || strings.Contains(got.body, "<b>") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestUserinfo(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	token := a.signIn(t, device)["access_token"].(string)
	ask := func(change func(*http.Request)) answer {
		r, err := http.NewRequest(http.MethodGet, h.URL+"/userinfo", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", h.proof(t, a.key, "GET", "/userinfo", token, "", h.now))
		change(r)
		return send(t, r)
	}
	if got := ask(func(*http.Request) {}); got.StatusCode != http.StatusOK || got.json(t)["webid"] != h.URL+"/alice/profile/card#me" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	for name, change := range map[string]func(*http.Request){
		"in the URL":      func(r *http.Request) { r.Header.Del("Authorization"); r.URL.RawQuery = "access_token=" + token },
		"as Bearer":       func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
		"without a proof": func(r *http.Request) { r.Header.Del("DPoP") },
		"of another key": func(r *http.Request) {
			r.Header.Set("DPoP", h.proof(t, h.ben, "GET", "/userinfo", token, "", h.now))
		},
		"of a device": func(r *http.Request) {
			own := h.deviceToken(t, device)
			r.Header.Set("Authorization", "DPoP "+own)
			r.Header.Set("DPoP", h.proof(t, device, "GET", "/userinfo", own, "", h.now))
		},
		"after it was taken back": func(*http.Request) { clear(h.kept.grants) },
	} {
		if name == "after it was taken back" {
			continue
		}
		if got := ask(change); got.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "DPoP ") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	clear(h.kept.grants)
	if got := ask(func(*http.Request) {}); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("after it was taken back: %d %s", got.StatusCode, got.body)
	}
}

// TestSigningOut ends what the ID token belongs to, and leads nowhere that the
// app has not told.
func TestSigningOut(t *testing.T) {
	h := newHost(t)
	device, a := h.phone(t), h.app(t)
	hint := a.signIn(t, device)["id_token"].(string)
	for name, query := range map[string]url.Values{
		"without a token": {"post_logout_redirect_uri": {redirect}},
		"with another":    {"id_token_hint": {hint[:len(hint)-8] + "AAAAAAAA"}, "post_logout_redirect_uri": {redirect}},
	} {
		got := h.visit(t, "/logout?"+query.Encode())
		if got.StatusCode != http.StatusOK || got.Header.Get("Location") != "" || len(h.kept.grants) != 1 {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	got := h.visit(t, "/logout?"+url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {"https://evil.example/"}}.Encode())
	if got.StatusCode != http.StatusOK || got.Header.Get("Location") != "" || len(h.kept.grants) != 0 {
		t.Errorf("elsewhere: %d %s, granted %v", got.StatusCode, got.Header.Get("Location"), h.kept.grants)
	}
	hint = a.signIn(t, device)["id_token"].(string)
	got = h.visit(t, "/logout?"+url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {redirect}, "state": {"s"}}.Encode())
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != redirect+"&state=s" || len(h.kept.grants) != 0 {
		t.Errorf("%d %s", got.StatusCode, got.Header.Get("Location"))
	}
}
