package server

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"kith/acl"
	"kith/pod"
	"kith/webid"
)

// published returns the pod of ana, whose profile was as given before she turned signing in elsewhere on.
func published(t *testing.T, mediaType, before string) (*Server, *home) {
	t.Helper()
	s := newServer(t, t.TempDir(), newClock(), "ana")
	h, err := s.home(t.Context(), "ana")
	if err != nil {
		t.Fatal(err)
	}
	if before != "" {
		if err := errors.Join(h.settle(t.Context()), h.write(t.Context(), cardPath, mediaType, before, pod.Precondition{})); err != nil {
			t.Fatal(err)
		}
	}
	turn(t, h, true, false)
	return s, h
}

func turn(t *testing.T, h *home, on, named bool) {
	t.Helper()
	if err := h.state.setElsewhere(t.Context(), h.name, on, named); err != nil {
		t.Fatal(err)
	}
	if got, err := h.publish(t.Context()); err != nil || got != on {
		t.Fatalf("on %t, %v", got, err)
	}
}

// read returns what an agent gets of a resource.
func (h *home) read(t *testing.T, a webid.Agent, path string) (string, error) {
	t.Helper()
	p, err := pod.ParsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.guard.As(a).Get(context.Background(), p)
	if err != nil {
		return "", err
	}
	defer got.Close()
	text, err := io.ReadAll(got.Resource)
	return string(text), err
}

func TestAProfileOfBeforeStays(t *testing.T) {
	const evil = "<https://evil.example>"
	for name, c := range map[string]struct{ mediaType, text, stays string }{
		"none":                {"", "", ""},
		"an app's":            {"text/turtle", `<#me> <http://xmlns.com/foaf/0.1/nick> "Annie".`, "Annie"},
		"with another issuer": {"text/turtle", `<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> ` + evil + `; <http://xmlns.com/foaf/0.1/nick> "Annie".`, "Annie"},
		"with its own inbox":  {"text/turtle", `<#me> <http://www.w3.org/ns/ldp#inbox> <../letters/>.`, "letters/"},
		"as JSON-LD":          {"application/ld+json", `{"@id":"#me","http://xmlns.com/foaf/0.1/nick":"Annie"}`, "Annie"},
		"something else":      {"text/plain", "hello", ""},
		"Turtle that is none": {"application/octet-stream", "<#me", ""},
	} {
		_, h := published(t, c.mediaType, c.text)
		text, err := h.read(t, webid.Agent{}, cardPath)
		if err != nil || !strings.Contains(text, "oidcIssuer <http://localhost:8420>") || !strings.Contains(text, "storage <http://localhost:8420/ana/>") ||
			!strings.Contains(text, c.stays) || strings.Contains(text, evil) || strings.Contains(text, "hello") {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		if inboxes := strings.Count(text, "inbox"); inboxes == 0 || name == "with its own inbox" && strings.Contains(text, "/ana/inbox/") {
			t.Errorf("%s: inboxes in\n%s", name, text)
		}
	}
}

// TestNoOtherWayIn: nobody may write into the profile by which else the owner could be signed in as, and
// what is there already goes when it is published.
func TestNoOtherWayIn(t *testing.T) {
	const (
		mine     = `"http://www.w3.org/ns/solid/terms#oidcIssuer":{"@id":"http://localhost:8420"}`
		me       = `"@id":"http://localhost:8420/ana/profile/card#me",` + mine
		named    = `"id":"http://localhost:8420/ana/profile/card#me"`
		turtle   = `<#me> <http://www.w3.org/ns/solid/terms#oidcIssuer> <http://localhost:8420>; `
		provider = `<https://www.w3.org/ns/did#service> [a <https://www.w3.org/ns/lws#OpenIdProvider>; <https://www.w3.org/ns/did#serviceEndpoint> `
		context  = `"@context":"https://www.w3.org/ns/cid/v1",`
	)
	_, h := published(t, "", "")
	for name, c := range map[string]struct{ mediaType, text string }{
		"a key":                  {"text/turtle", turtle + "<https://w3id.org/security#authenticationMethod> <#key>."},
		"a key for TLS":          {"text/turtle", turtle + "<http://www.w3.org/ns/auth/cert#key> <#key>."},
		"a provider":             {"text/turtle", turtle + provider + "<https://evil.example>]."},
		"two providers":          {"text/turtle", turtle + provider + "<http://localhost:8420>, <https://evil.example>]."},
		"a key in JSON":          {"application/ld+json", `{` + me + `,` + named + `,"authentication":[{"id":"#key"}]}`},
		"a provider in JSON":     {"application/ld+json", `{` + me + `,` + named + `,"service":[{"type":"https://www.w3.org/ns/lws#OpenIdProvider","serviceEndpoint":"https://evil.example"}]}`},
		"one of several types":   {"application/ld+json", `{` + me + `,` + named + `,"service":[{"type":["x:y","https://www.w3.org/ns/lws#\u004fpenIdProvider"],"serviceEndpoint":"https://evil.example"}]}`},
		"a single service":       {"application/ld+json", `{` + me + `,` + named + `,"service":{"type":"https://www.w3.org/ns/lws#OpenIdProvider","serviceEndpoint":["https://evil.example"]}}`},
		"a key with its context": {"application/ld+json", `{` + context + named + `,` + mine + `,"authentication":["#key"]}`},
	} {
		if err := h.write(t.Context(), cardPath, c.mediaType, c.text, pod.Precondition{}); !errors.Is(err, acl.ErrProtected) {
			t.Errorf("%s: %v", name, err)
		}
		_, before := published(t, c.mediaType, c.text)
		if text, err := before.read(t, webid.Agent{}, cardPath); err != nil || strings.Contains(strings.ReplaceAll(text, "did:service <#issuer>", ""), "did:service ") || strings.Contains(text, `"service"`) || strings.Contains(text, "#key") {
			t.Errorf("%s, from before: %v\n%s", name, err, text)
		}
	}
	ours := `{` + me + `,` + named + `,"service":[{"type":"https://www.w3.org/ns/lws#OpenIdProvider","serviceEndpoint":"http://localhost:8420"},{"type":"Feed","serviceEndpoint":"https://feed.example"}]}`
	if err := h.write(t.Context(), cardPath, "application/ld+json", ours, pod.Precondition{}); err != nil {
		t.Errorf("this provider, and a service that is none: %v", err)
	}
}

// TestOffIsOff for strangers; the owner keeps the profile.
func TestOffIsOff(t *testing.T) {
	_, h := published(t, "", "")
	if _, err := h.read(t, webid.Agent{}, cardPath); err != nil {
		t.Fatal(err)
	}
	turn(t, h, false, false)
	if _, err := h.read(t, webid.Agent{}, cardPath); !errors.Is(err, acl.ErrUnauthenticated) {
		t.Errorf("a stranger: %v", err)
	}
	p, err := h.realm.person(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	device := webid.OwnerAgent(h.realm.Owner(), p.kid())
	if text, err := h.read(t, device, cardPath); err != nil || !strings.Contains(text, "oidcIssuer") {
		t.Errorf("the owner: %v %s", err, text)
	}
	if err := h.write(t.Context(), cardPath, "text/turtle", `<#me> a <#Ana>.`, pod.Precondition{}); err != nil {
		t.Errorf("what was protected is the owner's again: %v", err)
	}
	turn(t, h, true, false)
	if text, err := h.read(t, webid.Agent{}, cardPath); err != nil || !strings.Contains(text, "oidcIssuer") || !strings.Contains(text, "#Ana") {
		t.Errorf("on again: %v %s", err, text)
	}
}

// TestAnAppHidesTheProfile, and the next sign-in shows it again.
func TestAnAppHidesTheProfile(t *testing.T) {
	s, h := published(t, "", "")
	path, err := pod.ParsePath(cardACL)
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.owner(t.Context())
	if err == nil {
		err = v.Delete(t.Context(), path, pod.Precondition{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.read(t, webid.Agent{}, cardPath); !errors.Is(err, acl.ErrUnauthenticated) {
		t.Fatalf("hidden: %v", err)
	}
	if err := (provider{s}).Ready(t.Context(), h.url); err != nil {
		t.Fatal(err)
	}
	if _, err := h.read(t, webid.Agent{}, cardPath); err != nil {
		t.Errorf("shown again: %v", err)
	}
}

// TestAnotherProcessTurnsItOn: the command line writes state.db only, and the server takes it from there.
func TestAnotherProcessTurnsItOn(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := newServer(t, dir, c, "ana")
	if _, err := AddCredentials(t.Context(), s.config, "ana", "backup"); err != nil {
		t.Fatal(err)
	}
	h, err := s.home(t.Context(), "ana")
	if err != nil {
		t.Fatal(err)
	}
	if err := (provider{s}).Ready(t.Context(), s.config.PodURL("ana")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.read(t, webid.Agent{}, cardPath); err != nil {
		t.Errorf("the profile: %v", err)
	}
	if _, err := h.read(t, webid.Agent{}, "/.acl"); !errors.Is(err, acl.ErrUnauthenticated) {
		t.Errorf("the rest: %v", err)
	}
}

// TestFriendsLeaveNotifications and read none.
func TestFriendsLeaveNotifications(t *testing.T) {
	_, h := published(t, "", "")
	cid := strings.Repeat("b", 20)
	c := webid.Contact{CID: cid, ID: webid.ID(h.url + "contacts/" + cid + "/card#me"), Name: "Ben", Grant: 1, Since: h.state.now()}
	if err := h.writeContact(t.Context(), c, absent); err != nil {
		t.Fatal(err)
	}
	inbox, err := pod.ParsePath(inboxPath)
	if err != nil {
		t.Fatal(err)
	}
	friend := webid.ContactAgent(c.ID, c.CID, c.Grant, "did:key:zBen")
	info, err := h.guard.As(friend).Create(t.Context(), inbox, "hello", "application/ld+json", strings.NewReader(`{}`), pod.Precondition{})
	if err != nil || info.Path.Name() == "hello" {
		t.Fatalf("%s: %v", info.Path, err)
	}
	for _, path := range []string{inboxPath, info.Path.String()} {
		if _, err := h.read(t, friend, path); !errors.Is(err, acl.ErrForbidden) {
			t.Errorf("%s read by a friend: %v", path, err)
		}
	}
	for name, a := range map[string]webid.Agent{"a stranger": {}, "somebody with a WebID": webid.StrangerAgent("https://eve.example/#me")} {
		if _, err := h.guard.As(a).Create(t.Context(), inbox, "", "application/ld+json", strings.NewReader(`{}`), pod.Precondition{}); err == nil {
			t.Errorf("%s left something", name)
		}
	}
}
