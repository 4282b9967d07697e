package issuer_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kith/webid/issuer"
)

func TestRegistrationRefuses(t *testing.T) {
	h := newHost(t)
	uris := func(u ...string) map[string]any { return map[string]any{"redirect_uris": u} }
	with := func(name string, value any) map[string]any {
		return map[string]any{"redirect_uris": []string{redirect}, name: value}
	}
	for _, c := range []struct {
		name string
		body any
		code string
	}{
		{"no redirect URI", uris(), "invalid_redirect_uri"},
		{"a script", uris("javascript:alert(1)"), "invalid_redirect_uri"},
		{"data", uris("data:text/html,x"), "invalid_redirect_uri"},
		{"a file", uris("file:///x"), "invalid_redirect_uri"},
		{"http elsewhere", uris("http://app.example/"), "invalid_redirect_uri"},
		{"http to a name that begins with localhost", uris("http://localhost.evil.example/"), "invalid_redirect_uri"},
		{"a fragment", uris(redirect + "#x"), "invalid_redirect_uri"},
		{"credentials", uris("https://a@app.example/"), "invalid_redirect_uri"},
		{"no host", uris("https:///x"), "invalid_redirect_uri"},
		{"a backslash", uris(`https://app.example\@evil.example/`), "invalid_redirect_uri"},
		{"a line break", uris("https://app.example/\r\n"), "invalid_redirect_uri"},
		{"relative", uris("/back"), "invalid_redirect_uri"},
		{"a parameter of the answer", uris("https://app.example/?code=x"), "invalid_redirect_uri"},
		{"an app's scheme on the web", uris("com.example.app:/back"), "invalid_redirect_uri"},
		{"nine of them", uris(strings.Fields(strings.Repeat(redirect+" ", 9))...), "invalid_redirect_uri"},
		{"a long one", uris(redirect + strings.Repeat("x", 2000)), "invalid_redirect_uri"},
		{"long together", uris(redirect+strings.Repeat("x", 800), redirect+strings.Repeat("y", 800)), "invalid_client_metadata"},
		{"a wrong way back after signing out", with("post_logout_redirect_uris", []string{"javascript:x"}), "invalid_redirect_uri"},
		{"an implicit flow", with("grant_types", []string{"implicit"}), "invalid_client_metadata"},
		{"a token at once", with("response_types", []string{"token"}), "invalid_client_metadata"},
		{"no algorithm", with("id_token_signed_response_alg", "none"), "invalid_client_metadata"},
		{"another sign-in", with("token_endpoint_auth_method", "private_key_jwt"), "invalid_client_metadata"},
		{"another kind", with("application_type", "x"), "invalid_client_metadata"},
		{"a name that is a number", with("client_name", 1), "invalid_client_metadata"},
		{"no object", []string{"x"}, "invalid_client_metadata"},
		{"too much", with("x", strings.Repeat("x", 16<<10)), "invalid_client_metadata"},
	} {
		if got := send(t, h.json(t, "POST", "/register", c.body)); got.StatusCode != http.StatusBadRequest || got.json(t)["error"] != c.code {
			t.Errorf("%s: %d %s", c.name, got.StatusCode, got.body)
		}
	}
	r := h.json(t, "POST", "/register", uris(redirect))
	r.Header.Set("Content-Type", "text/plain")
	if got := send(t, r); got.StatusCode != http.StatusBadRequest {
		t.Errorf("text: %d %s", got.StatusCode, got.body)
	}
}

// TestRegistrationTakes what apps really send.
func TestRegistrationTakes(t *testing.T) {
	h := newHost(t)
	for name, body := range map[string]map[string]any{
		"a page under development": {"redirect_uris": []string{"http://localhost:3000/"}, "application_type": "web"},
		"an app":                   {"redirect_uris": []string{"com.example.app:/back"}, "application_type": "native", "token_endpoint_auth_method": "none"},
		"as Inrupt's library does": {"redirect_uris": []string{redirect}, "client_name": "x", "application_type": "web", "subject_type": "public",
			"token_endpoint_auth_method": "client_secret_basic", "id_token_signed_response_alg": "ES256", "grant_types": []string{"authorization_code", "refresh_token"}},
	} {
		got := send(t, h.json(t, "POST", "/register", body))
		m := got.json(t)
		_, secret := m["client_secret"]
		if got.StatusCode != http.StatusCreated || m["client_id"] == "" || secret == (body["token_endpoint_auth_method"] == "none") || secret != (m["client_secret_expires_at"] == 0.0) {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
}

// TestNamesOfAppsCannotDeceive: what turns or hides text is left out.
func TestNamesOfAppsCannotDeceive(t *testing.T) {
	h := newHost(t)
	a := h.app(t)
	m := send(t, h.json(t, "POST", "/register", map[string]any{"client_name": "A\u202epp\u0000\n\u200b<b>" + strings.Repeat("é", 90), "redirect_uris": []string{redirect}})).json(t)
	a.id = m["client_id"].(string)
	shown := h.visit(t, "/authorize/"+a.ask(t, a.asking())).json(t)["client"].(map[string]any)
	if name := shown["name"].(string); !strings.HasPrefix(name, "App<b>é") || len(name) > 64 {
		t.Errorf("shown as %q", name)
	}
}

const documentID = "https://app.example/id"

// document is a sound client document, with changes.
func document(changes string) string {
	return `{"@context": ["https://www.w3.org/ns/solid/oidc-context.jsonld"], "client_id": "` + documentID + `", "client_name": "Cards",
		"redirect_uris": ["` + redirect + `", "http://localhost:3000/"], "scope": "openid webid"` + changes + `}`
}

func TestAClientByItsDocument(t *testing.T) {
	h := newHost(t)
	device := h.phone(t)
	h.issuer.Verifier().Documents = pages{documentID: document("")}
	a := &app{h: h, id: documentID, key: newKey(t), redirect: redirect}
	id := a.ask(t, a.asking())
	shown := h.visit(t, "/authorize/"+id).json(t)["client"].(map[string]any)
	if shown["kind"] != "document" || shown["host"] != "app.example" || shown["id"] != documentID || shown["name"] != "Cards" {
		t.Errorf("shown %v", shown)
	}
	r := h.request(t, a.key, url.Values{"grant_type": {"authorization_code"}, "code": {h.allow(t, device, id).Get("code")},
		"redirect_uri": {redirect}, "code_verifier": {verifier}, "client_id": {documentID}})
	got := send(t, r)
	if got.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	refresh := h.request(t, a.key, url.Values{"grant_type": {"refresh_token"}, "client_id": {documentID}, "refresh_token": {got.json(t)["refresh_token"].(string)}})
	if got := send(t, refresh); got.StatusCode != http.StatusOK {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	for _, g := range h.kept.grants {
		if g.Kind != issuer.KindApp || g.Name != "Cards" || g.Client != documentID {
			t.Errorf("granted %+v", g)
		}
	}
}

func TestClientDocumentsAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, redirect string }{
		"of another client":                   {strings.ReplaceAll(document(""), documentID, documentID+"2"), redirect},
		"without the context":                 {strings.ReplaceAll(document(""), "solid/oidc-context.jsonld", "x"), redirect},
		"no JSON":                             {"<html>", redirect},
		"JSON of another type":                {"[]", redirect},
		"a redirect URI that it has not":      {document(""), "https://evil.example/"},
		"this machine, for an app on the web": {document(""), "http://localhost:3000/"},
		"none at all":                         {"", redirect},
	} {
		h := newHost(t)
		h.issuer.Verifier().Documents = pages{documentID: c.text}
		a := &app{h: h, id: documentID, redirect: c.redirect}
		if got := h.visit(t, "/authorize?"+a.asking().Encode()); got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	h := newHost(t)
	h.issuer.Verifier().Documents = pages{documentID: document(`, "application_type": "native"`)}
	a := &app{h: h, id: documentID, redirect: "http://localhost:3000/"}
	a.ask(t, a.asking())
}
