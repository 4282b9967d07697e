package ldp_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"kith/internal/rdf"
	"kith/ldp"
	"kith/webid"
)

const notify = "http://www.w3.org/ns/solid/notifications#"

// described makes a pod that has a description.
func described(t *testing.T) *server {
	s := shared(t)
	s.handler = ldp.New(ldp.Config{Base: base, Owner: ownerID, Challenge: challenge, Description: base + ".storage", Services: []ldp.Service{
		{ID: base + ".channels/websocket", Type: notify + "WebSocketChannel2023", Features: []string{"state"}},
		{ID: base + ".index", Type: "TypeIndexService"},
	}})
	return s
}

func (s *server) description(who, method string, headers ...string) response {
	s.t.Helper()
	return s.descriptionFor(agents[who], method, headers...)
}

func (s *server) descriptionFor(who webid.Agent, method string, headers ...string) response {
	s.t.Helper()
	r := httptest.NewRequest(method, base+".storage", nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return s.record(r, func(w *httptest.ResponseRecorder) error {
		return s.handler.ServeDescription(w, r, s.guard.As(who))
	})
}

func TestStorageDescriptionIsDescribed(t *testing.T) {
	s := described(t)
	res := s.description("reader", "GET")
	links := strings.Join(res.header.Values("Link"), ", ")
	if !strings.Contains(links, `<`+base+`.storage>; rel="http://www.w3.org/ns/solid/terms#storageDescription"`) {
		t.Errorf("Link is %s", links)
	}
	if again := s.description("reader", "GET", "If-None-Match: "+res.header.Get("ETag")); again.status != 304 {
		t.Errorf("a description with the same ETag: %d", again.status)
	}
	if other := s.description("reader", "GET", "Accept: "+turtle).header.Get("ETag"); other == res.header.Get("ETag") || other == "" {
		t.Errorf("two representations with the ETag %s", other)
	}
}

func TestStorageDescription(t *testing.T) {
	s := described(t)
	term := func(iri string) rdf.Term { return rdf.IRITerm(rdf.IRI(iri)) }
	channel := term(base + ".channels/websocket")
	for _, typ := range []string{"", jsonLD, turtle} {
		res := s.description("reader", "GET", "Accept: "+typ, "Origin: null")
		syntax, _ := rdf.SyntaxOf(res.header.Get("Content-Type"))
		g, err := rdf.Decode(strings.NewReader(res.body), syntax, base+".storage", rdf.Limits{})
		if err != nil || res.status != 200 || res.header.Get("Access-Control-Allow-Origin") != "null" {
			t.Fatalf("%d %v %s: %v", res.status, res.header, res.body, err)
		}
		for _, want := range []rdf.Triple{
			{S: term(base), P: term("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"), O: term("http://www.w3.org/ns/pim/space#Storage")},
			{S: term(base), P: term(notify + "subscription"), O: channel},
			{S: channel, P: term(notify + "channelType"), O: term(notify + "WebSocketChannel2023")},
			{S: channel, P: term(notify + "feature"), O: term(notify + "state")},
		} {
			if !g.Has(want) {
				t.Errorf("%q does not say %v: %s", typ, want, res.body)
			}
		}
	}
	var l struct {
		Context []string `json:"@context"`
		ID      string
		Type    string
		Service []struct{ Type, ServiceEndpoint string }
	}
	res := s.description("owner", "GET", "Accept: "+lws)
	if err := json.Unmarshal([]byte(res.body), &l); err != nil || res.header.Get("Content-Type") != lws {
		t.Fatalf("%v: %s", err, res.body)
	}
	if l.ID != base || l.Type != "Storage" || len(l.Service) != 3 || l.Service[0].Type != "StorageRoot" || l.Service[0].ServiceEndpoint != base ||
		l.Service[1].Type != "NotificationService" || l.Service[2].Type != "TypeIndexService" {
		t.Errorf("%+v", l)
	}
}

// TestStorageDescriptionIsForSome compares the answers to others with those for a
// name that nothing has.
func TestStorageDescriptionIsForSome(t *testing.T) {
	s := described(t)
	s.raw("/.storage", "text/plain", "x") // a hand can, but it is not to be had
	for _, who := range []string{"owner", "reader", "none"} {
		if got := s.description(who, "GET"); got.status != 200 {
			t.Errorf("%s gets %d", who, got.status)
		}
	}
	want := s.do("stranger", "GET", "/none", "")
	if got := s.description("stranger", "GET"); got.head() != want.head() || got.body != want.body || got.status != 401 {
		t.Errorf("a stranger gets %s%s, want %s%s", got.head(), got.body, want.head(), want.body)
	}
	s.raw("/settings/classes", "application/json", `{"/": ["http://xmlns.com/foaf/0.1/Agent"]}`)
	s.acl("/.acl", "<#all> a acl:Authorization; acl:agentClass foaf:Agent; acl:default <./>; acl:mode acl:Read .")
	if got := s.description("stranger", "GET"); got.status != 404 {
		t.Errorf("who may know what is absent gets %d", got.status)
	}
	s.acl("/.acl", "<#all> a acl:Authorization; acl:agentClass foaf:Agent; acl:accessTo <./>; acl:mode acl:Read .")
	if got := s.description("stranger", "GET"); got.status != 200 {
		t.Errorf("who may read the root gets %d", got.status)
	}
	if got := s.description("reader", "PUT"); got.status != 405 || got.header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("PUT gets %d %v", got.status, got.header)
	}
	if got := s.description("reader", "GET", "Accept: image/png"); got.status != 406 {
		t.Errorf("a picture: %d", got.status)
	}
	if got := s.description("stranger", "OPTIONS"); got.status != 204 {
		t.Errorf("OPTIONS gets %d", got.status)
	}
}

// TestStorageDescriptionIsForWhoReadsTheProfile and has shown who they are.
func TestStorageDescriptionIsForWhoReadsTheProfile(t *testing.T) {
	s := described(t)
	abroad := webid.StrangerAgent("https://elsewhere.example/bob#me")
	s.want("owner", "PUT", "/profile/card", "", 201, "Content-Type: text/turtle")
	if got := s.descriptionFor(abroad, "GET"); got.status != 403 {
		t.Errorf("before they may read it: %d", got.status)
	}
	s.raw("/settings/classes", "application/json", `{"/profile/": ["http://xmlns.com/foaf/0.1/Agent"]}`)
	s.acl("/profile/card.acl", "<#all> a acl:Authorization; acl:agentClass foaf:Agent; acl:accessTo <card>; acl:mode acl:Read .")
	if got := s.descriptionFor(abroad, "GET"); got.status != 200 {
		t.Errorf("somebody gets %d", got.status)
	}
	if got := s.description("stranger", "GET"); got.status != 401 {
		t.Errorf("nobody gets %d", got.status)
	}
}

// TestWhoseThePodIs is told at the root to who may read it and is somebody.
func TestWhoseThePodIs(t *testing.T) {
	s := described(t)
	s.raw("/settings/classes", "application/json", `{"/": ["http://xmlns.com/foaf/0.1/Agent"]}`)
	s.acl("/.acl", "<#all> a acl:Authorization; acl:agentClass foaf:Agent; acl:accessTo <./>; acl:mode acl:Read .")
	for who, want := range map[string]string{"owner": string(ownerID), "reader": string(ownerID), "stranger": ""} {
		if got := rel(s.want(who, "GET", "/", "", 200), "http://www.w3.org/ns/solid/terms#owner"); got != want {
			t.Errorf("%s is told %q", who, got)
		}
	}
	if got := rel(s.want("owner", "GET", "/box/", "", 200), "http://www.w3.org/ns/solid/terms#owner"); got != "" {
		t.Errorf("a container below tells %q", got)
	}
	links := s.do("stranger", "OPTIONS", "/box/note", "").header["Link"]
	for _, r := range []string{"http://www.w3.org/ns/solid/terms#storageDescription", "https://www.w3.org/ns/lws#storageDescription"} {
		if !slices.Contains(links, `<`+base+`.storage>; rel="`+r+`"`) {
			t.Errorf("links %q", links)
		}
	}
}
