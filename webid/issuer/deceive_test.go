package issuer_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"kith/internal/fetch"
	"kith/webid/issuer"
)

// TestHostsAreShownAsTheyAreAskedFor: an address whose escapes hide letters that look like others is refused,
// since the owner decides by the host that is shown.
func TestHostsAreShownAsTheyAreAskedFor(t *testing.T) {
	h := newHost(t)
	for _, uri := range []string{
		"https://%D0%B0pple.example/back",            // Cyrillic а
		"https://good.example%E3%80%82evil.example/", // a full stop of CJK
		"https://%E2%80%AEelpmaxe.doog.evil.example/",
		"https://good.example%2eevil.example/",
		"https://bücher.example/",
	} {
		got := send(t, h.json(t, "POST", "/register", map[string]any{"redirect_uris": []string{uri}}))
		if got.StatusCode != http.StatusBadRequest || got.json(t)["error"] != "invalid_redirect_uri" {
			t.Errorf("%s: %d %s", uri, got.StatusCode, got.body)
		}
	}
	got := send(t, h.json(t, "POST", "/register", map[string]any{"redirect_uris": []string{"https://xn--bcher-kva.example/b%C3%BCcher"}}))
	if got.StatusCode != http.StatusCreated {
		t.Errorf("as it is asked for: %d %s", got.StatusCode, got.body)
	}
}

// moved are documents that are found elsewhere than they were asked for.
type moved struct {
	pages
	to string
}

func (m moved) Fresh(ctx context.Context, url, accept string, age time.Duration) (fetch.Document, error) {
	doc, err := m.pages.Fresh(ctx, url, accept, age)
	doc.URL = m.to
	return doc, err
}

// TestAClientDocumentOfAnotherHost: a host that leads on to any address does not lend its name to an app.
func TestAClientDocumentOfAnotherHost(t *testing.T) {
	h := newHost(t)
	a := &app{h: h, id: documentID, redirect: redirect}
	for to, want := range map[string]int{
		"https://evil.example/id": http.StatusBadRequest, "https://app.example:8443/id": http.StatusBadRequest, "https://app.example/newer": http.StatusSeeOther,
	} {
		h.issuer.Verifier().Documents = moved{pages{documentID: document("")}, to}
		if got := h.visit(t, "/authorize?"+a.asking().Encode()); got.StatusCode != want {
			t.Errorf("%s: %d %s", to, got.StatusCode, got.Header.Get("Location"))
		}
	}
}

// TestAPasskeyIsMadeForThePodThatAsked.
func TestAPasskeyIsMadeForThePodThatAsked(t *testing.T) {
	h := newHost(t)
	local(t, h)
	given, err := h.issuer.NewPasskey(h.URL+"/alice/", nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(newAuthenticator(t, h.URL).create(t, options(t, given)["challenge"].(string)))
	if err != nil {
		t.Fatal(err)
	}
	if made, err := h.issuer.AddPasskey(h.URL+"/bob/", "", text); !errors.Is(err, issuer.ErrPasskey) {
		t.Errorf("at another pod: %+v, %v", made, err)
	}
	if _, err := h.issuer.AddPasskey(h.URL+"/alice/", "", text); err != nil {
		t.Errorf("at the pod that asked: %v", err)
	}
}

// TestOneOwnerCrowdsNoOtherOut of what is kept for a while.
func TestOneOwnerCrowdsNoOtherOut(t *testing.T) {
	h := newHost(t)
	local(t, h)
	var last error
	for range 4200 {
		_, last = h.issuer.NewPasskey(h.URL+"/bob/", nil)
	}
	if !errors.Is(last, issuer.ErrFull) {
		t.Errorf("who asks without end: %v", last)
	}
	if _, err := h.enrol(t, newAuthenticator(t, h.URL)); err != nil {
		t.Errorf("another: %v", err)
	}
	h.now = h.now.Add(5 * time.Minute)
	if _, err := h.issuer.NewPasskey(h.URL+"/bob/", nil); err != nil {
		t.Errorf("later: %v", err)
	}
}
