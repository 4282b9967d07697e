package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kith/internal/fetch"
	"kith/pod"
	"kith/webid"
)

// site is a server of somebody else, which answers with what is in pages.
type site struct {
	*httptest.Server
	pages    map[string]string // Turtle by path
	requests atomic.Int64
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{pages: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		text, ok := s.pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/turtle")
		w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s
}

// host opens a server with one pod, whose folder /guest/ everybody may read.
func host(t *testing.T, fetches ...string) (*Server, *home) {
	t.Helper()
	ctx, c := t.Context(), newClock()
	s, err := Open(ctx, Config{Data: t.TempDir(), URL: "http://localhost:8420/", Listen: "127.0.0.1:0", Fetch: fetches, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	h, err := s.home(ctx, DefaultName)
	if err == nil {
		err = h.settle(ctx)
	}
	if err == nil {
		err = SetClasses(ctx, s.config, DefaultName, Openness{Path: "/guest/", Everybody: true})
	}
	if err == nil {
		err = h.write(ctx, "/guest/.acl", "text/turtle", strings.ReplaceAll(publicACL, "%s", "<"+everybody+">"), pod.Precondition{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, h
}

func put(t *testing.T, h *home, path, mediaType, text string) {
	t.Helper()
	if err := h.write(t.Context(), path, mediaType, text, pod.Precondition{}); err != nil {
		t.Fatal(err)
	}
}

func TestDocumentsOfThisHost(t *testing.T) {
	s, h := host(t)
	put(t, h, "/guest/card", "text/turtle", "<#me> a <x:y>.")
	put(t, h, "/guest/large", "text/plain", strings.Repeat("a", maxPublished+1))
	put(t, h, "/private", "text/turtle", "<#me> a <x:y>.")
	doc, err := documents{s}.Fresh(t.Context(), h.url+"guest/card#me", "text/turtle", time.Hour)
	if err != nil || doc.Type != "text/turtle" || string(doc.Body) != "<#me> a <x:y>." || doc.URL != h.url+"guest/card" {
		t.Errorf("%+v, %v", doc, err)
	}
	for _, url := range []string{
		h.url + "private", h.url + "guest/none", h.url + "guest/", h.url + "guest/card/", h.url + "guest/card.acl", h.url + "guest/.acl", h.url + "guest/../guest/card",
		h.url + "guest/card?x", h.url + "guest%2fcard", h.url, strings.TrimSuffix(h.url, "/"), s.config.URL, s.config.URL + "nobody/card", s.config.URL + ".well-known/jwks.json",
		h.url + ".replica", h.url + "settings/classes",
	} {
		if doc, err := (documents{s}).Fresh(t.Context(), url, "*/*", time.Hour); err == nil {
			t.Errorf("%s is published: %q", url, doc.Body)
		}
	}
	if _, err := (documents{s}).Fresh(t.Context(), h.url+"guest/large", "*/*", time.Hour); !errors.Is(err, fetch.ErrTooLarge) {
		t.Errorf("a large document: %v", err)
	}
}

// TestGuestFilesAtThisHost: an issuer and a WebID that lie in a pod here are
// read there; a request to this server itself would be refused as private.
func TestGuestFilesAtThisHost(t *testing.T) {
	s, h := host(t)
	key, err := webid.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	g := h.url + "guest"
	x, y := key.Public().Coordinates()
	put(t, h, "/guest/card", "text/turtle", fmt.Sprintf("<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <%s>.", g))
	put(t, h, "/guest/.well-known/openid-configuration", "application/json", fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, g, g+"/jwks"))
	put(t, h, "/guest/jwks", "application/json", fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":%q,"x":%q,"y":%q}]}`, key.Public().Thumbprint(), x, y))
	now := s.config.Now()
	token, err := key.Token("at+jwt", map[string]any{
		"iss": g, "webid": g + "/card#me", "sub": g + "/card#me", "aud": []string{"solid"}, "client_id": g, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"cnf": map[string]string{"jkt": key.Public().Thumbprint()},
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func() (webid.Agent, error) {
		r := httptest.NewRequest(http.MethodGet, "/me/x", nil)
		proof, err := key.Proof(http.MethodGet, h.url+"x", token, "", s.config.Now())
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "DPoP "+token)
		r.Header.Set("DPoP", proof)
		return s.verifier.Authenticate(r)
	}
	if agent, err := ask(); err != nil || !agent.Has(webid.ID(g+"/card#me")) || agent.Owner() || agent.Contact() != "" {
		t.Fatalf("%+v, %v", agent, err)
	}
	c := webid.Contact{ID: webid.ID(h.url + "contacts/aaaaaaaaaaaaaaaaaaaa/card#me"), Accepts: []webid.ID{webid.ID(g + "/card#me")}, Grant: 1, Since: now}
	record, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	put(t, h, "/contacts/aaaaaaaaaaaaaaaaaaaa/card", "application/ld+json", string(record))
	agent, err := ask()
	if err != nil || agent.Contact() != "aaaaaaaaaaaaaaaaaaaa" {
		t.Errorf("a contact: %+v, %v", agent, err)
	}
	checkValid(t, h, agent, c)
}

// checkValid asks that an agent is somebody until the record c, by which it is, changes.
func checkValid(t *testing.T, h *home, agent webid.Agent, c webid.Contact) {
	t.Helper()
	valid := func(a webid.Agent, want bool, when string) {
		t.Helper()
		if got := h.realm.valid(t.Context(), a); got != want {
			t.Errorf("%s: %t", when, got)
		}
	}
	stranger := webid.StrangerAgent(c.Accepts[0])
	valid(agent, true, "the contact")
	valid(stranger, false, "who was a stranger and is a contact")
	valid(webid.StrangerAgent("https://x.example/#me"), true, "a stranger")
	c.Accepts = nil
	record, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	put(t, h, "/contacts/aaaaaaaaaaaaaaaaaaaa/card", "application/ld+json", string(record))
	valid(agent, false, "the contact whose WebID is accepted no more")
	valid(stranger, true, "who is a stranger again")
	consents := map[string]bool{"g": true}
	h.realm.grants = func(_ context.Context, grant string) bool { return consents[grant] }
	app := webid.AppAgent(h.realm.Owner(), "https://app.example/", "g")
	valid(app, true, "an app")
	consents["g"] = false
	valid(app, false, "an app whose consent is over")
	h.realm.grants = nil
	valid(app, false, "an app without a provider")
}

func TestGroupsElsewhere(t *testing.T) {
	other := newSite(t)
	const has = " <http://www.w3.org/2006/vcard/ns#hasMember> "
	other.pages["/group"] = "<#g>" + has + "<https://a.example/#me>, <#b>, \"c\", <mailto:d@e.f>, [], <did:key:z1>. <#h>" + has + "<https://h.example/>."
	other.pages["/broken"] = "<#g>"
	s, h := host(t, other.Listener.Addr().String())
	put(t, h, "/guest/group", "text/turtle", "<#g>"+has+"<https://here.example/#me>.")
	put(t, h, "/private", "text/turtle", "<#g>"+has+"<https://here.example/#me>.")
	for iri, want := range map[string]string{
		other.URL + "/group#g":       "[https://a.example/#me " + other.URL + "/group#b]",
		other.URL + "/group#nobody":  "[]",
		other.URL + "/group":         "[]",
		h.url + "guest/group#g":      "[https://here.example/#me]",
		other.URL + "/broken#g":      "error",
		other.URL + "/none#g":        "error",
		h.url + "private#g":          "error",
		"http://127.0.0.1:1/group#g": "error",
		"https://10.0.0.1/group#g":   "error",
		"file:///etc/passwd":         "error",
		"did:key:z1":                 "error",
		"":                           "error",
	} {
		ids, err := s.members(t.Context(), iri)
		got := fmt.Sprint(ids)
		if err != nil {
			got = "error"
		}
		if got != want || err != nil && ids != nil {
			t.Errorf("%s: %s, %v; want %s", iri, got, err, want)
		}
	}
	before := other.requests.Load()
	if _, err := s.members(t.Context(), other.URL+"/group#h"); err != nil || other.requests.Load() != before {
		t.Errorf("%d requests for a document that was read a moment ago, %v", other.requests.Load()-before, err)
	}
}

func TestStrangersAreAdmittedSlowly(t *testing.T) {
	s, _ := host(t)
	r := httptest.NewRequest(http.MethodGet, "/me/x", nil)
	admitted := 0
	for range 1000 {
		if (documents{s}).Admit(r) {
			admitted++
		}
	}
	if admitted != 50 {
		t.Errorf("%d of 1000", admitted)
	}
	r.RemoteAddr = "198.51.100.7:1"
	if !(documents{s}).Admit(r) {
		t.Error("another address waits too")
	}
}

func TestWhoAsksTooMuchIsToldWhenToComeAgain(t *testing.T) {
	_, h := host(t)
	for err, want := range map[error]int{webid.ErrBusy: http.StatusTooManyRequests, webid.ErrReplayFull: http.StatusServiceUnavailable} {
		w := httptest.NewRecorder()
		h.refuse(w, httptest.NewRequest(http.MethodGet, "/me/x", nil), fmt.Errorf("authenticate: %w", err))
		if w.Code != want || w.Header().Get("Retry-After") == "" {
			t.Errorf("%v: %d, Retry-After %q", err, w.Code, w.Header().Get("Retry-After"))
		}
	}
}
