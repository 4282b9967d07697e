package issuer_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kith/internal/fuzztest"
	"kith/webid"
	"kith/webid/issuer"
)

// target is a provider without a network.
func target(f *testing.F) (*issuer.Server, *store) {
	f.Helper()
	key, err := webid.GenerateKey()
	if err != nil {
		f.Fatal(err)
	}
	kept := &store{}
	s, err := issuer.New(issuer.Config{
		Issuer: "https://pod.example", Keys: []webid.PrivateKey{key}, Store: kept, Secret: make([]byte, 32), Now: time.Now,
		Realms: realms(func(url string) (webid.Realm, bool) {
			return &pod{owner: "https://pod.example/alice/profile/card#me"}, true
		}),
	})
	if err != nil {
		f.Fatal(err)
	}
	return s, kept
}

// cheap answers a request at little cost, which is no failure of the server.
func cheap(t *testing.T, s *issuer.Server, method, address, mediaType, body string) (w *httptest.ResponseRecorder) {
	t.Helper()
	fuzztest.Cheap(t, len(address)+len(body), func() {
		r, err := http.NewRequest(method, address, strings.NewReader(body))
		if err != nil {
			t.Skip("no request can have this address")
		}
		r.Header.Set("Content-Type", mediaType)
		w = httptest.NewRecorder()
		s.ServeHTTP(w, r)
	})
	if w.Code >= 500 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	return w
}

// FuzzProvider: nothing that a stranger sends gets a token, fails, costs much, or leads away.
func FuzzProvider(f *testing.F) {
	s, kept := target(f)
	g, secret := issuer.NewCredentials("https://pod.example/alice/", "x", time.Now())
	kept.add(g)
	paths := []string{"/authorize", "/token", "/register", "/userinfo", "/logout", "/authorize/x", "/authorize/x/passkey", "/.well-known/openid-configuration"}
	for i := range paths {
		f.Add(uint8(i), true, "a=b")
		f.Add(uint8(i), false, "grant_type=client_credentials&client_id="+g.ID+"&client_secret="+secret)
		f.Add(uint8(i), false, "client_id=https%3A%2F%2Fapp.example%2Fid&redirect_uri=https%3A%2F%2Fapp.example%2F&response_type=code&id_token_hint=a.b.c")
		f.Add(uint8(i), false, `{"decision":"allow","pod":"https://pod.example/alice/","redirect_uris":["https://app.example/"]}`)
		f.Add(uint8(i), false, "grant_type=refresh_token&refresh_token="+g.ID+".0.x&client_id=a.b")
	}
	f.Fuzz(func(t *testing.T, which uint8, get bool, text string) {
		path := paths[int(which)%len(paths)]
		method, address, mediaType := "POST", "https://pod.example"+path, "application/x-www-form-urlencoded"
		switch {
		case get:
			method, address, text = "GET", address+"?"+text, ""
		case strings.HasPrefix(path, "/authorize/") || path == "/register":
			mediaType = "application/json"
		}
		w := cheap(t, s, method, address, mediaType, text)
		if w.Header().Get("Location") != "" || strings.Contains(w.Body.String(), "access_token\":") || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s %s: %d %v %s", method, path, w.Code, w.Header(), w.Body)
		}
	})
}

// FuzzRegister: what is registered can be asked for, and leads to nothing but the web, this machine, or an app.
func FuzzRegister(f *testing.F) {
	s, _ := target(f)
	for _, uri := range []string{"https://app.example/", "http://localhost:3000/cb?x", "com.example.app:/cb", "javascript:alert(1)", "https://a@b/", "https://a.example\\@b", "http://[::1]:1/"} {
		f.Add(`{"redirect_uris":["` + uri + `"],"application_type":"native","client_name":"x"}`)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := cheap(t, s, "POST", "https://pod.example/register", "application/json", body)
		if w.Code != http.StatusCreated {
			return
		}
		var m struct {
			ID   string   `json:"client_id"`
			URIs []string `json:"redirect_uris"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || len(m.ID) > 2048 || len(m.URIs) == 0 {
			t.Fatalf("%s: %v", w.Body, err)
		}
		for _, uri := range m.URIs {
			leadsSafely(t, uri)
			got := cheap(t, s, "GET", "https://pod.example/authorize?"+askingFor(m.ID, uri).Encode(), "", "")
			if !strings.HasPrefix(got.Header().Get("Location"), "https://pod.example/#consent=") {
				t.Errorf("%s: %d %s", uri, got.Code, got.Header().Get("Location"))
			}
		}
	})
}

// leadsSafely asks that an address leads where a redirect URI may.
func leadsSafely(t *testing.T, uri string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil || u.User != nil || strings.ContainsAny(uri, "#\\ \r\n\t\"<>") {
		t.Fatalf("%q: %v", uri, err)
	}
	web := u.Scheme == "https" && u.Hostname() != ""
	machine := u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
	app := strings.Contains(u.Scheme, ".") && u.Host == ""
	if !web && !machine && !app {
		t.Errorf("%q leads elsewhere", uri)
	}
}

func askingFor(client, redirect string) url.Values {
	return url.Values{"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"webid"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}}
}

// FuzzClientDocument: whatever an app publishes, the browser stays here unless the address is the app's own.
func FuzzClientDocument(f *testing.F) {
	s, _ := target(f)
	f.Add(document(""), redirect)
	f.Add(document(`,"application_type":"native"`), "http://localhost:3000/")
	f.Add(`{"@context":"https://www.w3.org/ns/solid/oidc-context.jsonld","client_id":"`+documentID+`","redirect_uris":["javascript:x"]}`, "javascript:x")
	f.Fuzz(func(t *testing.T, text, uri string) {
		s.Verifier().Documents = pages{documentID: text}
		w := cheap(t, s, "GET", "https://pod.example/authorize?"+askingFor(documentID, uri).Encode(), "", "")
		at := w.Header().Get("Location")
		if at == "" {
			return
		}
		leadsSafely(t, uri)
		var m struct {
			ID   string   `json:"client_id"`
			URIs []string `json:"redirect_uris"`
		}
		if !strings.HasPrefix(at, "https://pod.example/#consent=") || json.Unmarshal([]byte(text), &m) != nil || m.ID != documentID || !contains(toAny(m.URIs), uri) {
			t.Errorf("%q with %s leads to %s", uri, text, at)
		}
	})
}

func toAny(texts []string) any {
	var all []any
	for _, t := range texts {
		all = append(all, t)
	}
	return all
}

// FuzzPasskey: no assertion and no credential that nobody's key made is accepted.
func FuzzPasskey(f *testing.F) {
	s, _ := target(f)
	f.Add(`{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA","authenticatorData":"","signature":"","userHandle":"YQ"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Cheap(t, len(text), func() {
			if p, err := s.AddPasskey("https://pod.example/alice/", "x", []byte(text)); err == nil {
				t.Errorf("made %+v", p)
			}
		})
	})
}
