package server

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"kith/webid"
	"kith/webid/invite"
)

// TestWhoWasAwayIsToldTheListsAndPairs: a device that shows lists that are older than what the pod knows is told the newest,
// by which the same link works then. Whoever has no link, or is of another person, is told nothing.
func TestWhoWasAwayIsToldTheListsAndPairs(t *testing.T) {
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	old := b.owner.lists
	here, err := b.me().realm.person(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.owner.list(webid.AgreementKey{Kid: "p1", Device: here.kid(), Key: here.keys.agreement.Public()})
	b.owner.put(b.phone, "/profile/devices", "application/jose", b.owner.lists.Devices.String())
	b.owner.put(b.phone, "/profile/keys", "application/jose", b.owner.lists.Keys.String())
	newest := b.owner.lists
	made, err := Pair(t.Context(), b.config, DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	link, err := invite.ParsePairing(made.Link)
	if err != nil {
		t.Fatal(err)
	}
	pair := func(secret string, l webid.Lists) answer {
		body, err := json.Marshal(map[string]any{"secret": secret, "device_list": l.Devices.String(), "keys": l.Keys.String(), "name": "Ana"})
		if err != nil {
			t.Fatal(err)
		}
		anonymous := b.owner.to(b.owner.label(), link.Via[0], nil, webid.AgreementKey{Key: link.Key})
		a, err := anonymous.ask("POST", "/.pair", string(body), "Content-Type", "application/json")
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	var told struct {
		List string `json:"device_list"`
		Keys string `json:"keys"`
	}
	for name, a := range map[string]answer{"without the link": pair("AAAAAAAAAAAAAAAAAAAAAA", old), "as somebody else": pair(link.Secret, b.ben.lists)} {
		if err := json.Unmarshal([]byte(a.body), &told); err != nil || a.status < 400 || told.List != "" || told.Keys != "" {
			t.Errorf("%s: %d %s, %v", name, a.status, a.body, err)
		}
	}
	a := pair(link.Secret, old)
	if err := json.Unmarshal([]byte(a.body), &told); err != nil || a.status != http.StatusConflict {
		t.Fatalf("%d %s, %v", a.status, a.body, err)
	}
	caught, err := old.Accept(told.List, told.Keys, time.Now())
	if err != nil || caught.Devices.String() != newest.Devices.String() || caught.Keys.String() != newest.Keys.String() {
		t.Fatalf("it is told %s, %v", a.body, err)
	}
	if a := pair(link.Secret, caught); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := pair(link.Secret, caught); a.status != http.StatusForbidden {
		t.Errorf("a link that was used: %d %s", a.status, a.body)
	}
}
