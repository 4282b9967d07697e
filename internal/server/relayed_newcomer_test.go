package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"kith/sealed"
	"kith/webid"
)

// newDevice gives h another phone, in lists of that generation that by signs, and forgets the one before.
func (h *human) newDevice(gen uint64, by webid.PrivateKey) {
	h.t.Helper()
	h.signing, h.agree = freshKey(h.t), freshKey(h.t)
	next := webid.DeviceList{Label: h.label(), Gen: gen, Epoch: 1, Person: h.person.Public().String(),
		Devices: []webid.Device{{Kid: h.kid(), Name: "new phone", May: []string{"answer", "accept", "post", "admin"}}}}
	keys := webid.KeysDocument{Label: h.label(), Serial: h.lists.Keys.Serial + 1,
		Agree: []webid.AgreementKey{{Kid: "k2", Device: h.kid(), Key: h.agree.Public(), Until: h.clock.now().Add(14 * 24 * time.Hour)}}}
	var err error
	if h.lists.Devices, err = next.Sign(h.lists.Devices, by); err == nil {
		h.lists.Keys, err = keys.Sign(h.lists.Devices, h.signing)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// ways is the message that says where h is reached now.
func (h *human) ways(kind string) string {
	h.t.Helper()
	said, err := json.Marshal(map[string]any{"type": "Update", "object": map[string]any{
		"type": kind, "ways": []any{}, "device_list": h.lists.Devices.String(), "keys": h.lists.Keys.String(),
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	return string(said)
}

func TestAFriendsNewDeviceBringsTheListsInWhichItStands(t *testing.T) {
	c := newClock()
	b := newShared(t, c, newPost(t, c))
	before := b.ben.lists
	b.ben.newDevice(2, b.ben.person)
	line := b.ben.to(b.owner.label(), b.ana.Ways[0], b.ana.Salt, sealed.Recipients(b.ana.Lists)...)
	line.From.KID = "k2"
	inbox := "/social/in/" + b.ana.CID + "/"
	status := func(method, path, body string) (int, error) {
		t.Helper()
		message, _ := line.seal(nil, method, path, body, "If-None-Match", "*", "Content-Type", "application/ld+json")
		_, reply, err := b.me().sealed.Answer(context.Background(), message)
		return reply.Status, err
	}
	newer := b.ben.lists
	forged := newer
	forged.Devices = before.Devices
	for name, refused := range map[string]struct{ method, path, body string }{
		"a comment":            {"PUT", inbox + "aaaaaaaaaaaaaaaaaaaa", `{"type":"Note","content":"x"}`},
		"another message":      {"PUT", inbox + "aaaaaaaaaaaaaaaaaaab", b.ben.ways("kith:Other")},
		"another target":       {"GET", postOne, b.ben.ways("kith:Ways")},
		"without the lists":    {"PUT", inbox + "aaaaaaaaaaaaaaaaaaac", `{"type":"Update","object":{"type":"kith:Ways"}}`},
		"with the old ones":    {"PUT", inbox + "aaaaaaaaaaaaaaaaaaad", (&human{t: t, lists: before}).ways("kith:Ways")},
		"with half of them":    {"PUT", inbox + "aaaaaaaaaaaaaaaaaaae", (&human{t: t, lists: forged}).ways("kith:Ways")},
		"lists of a pretender": {"PUT", inbox + "aaaaaaaaaaaaaaaaaaaf", newHuman(t, c, "Eve").ways("kith:Ways")},
	} {
		if _, err := status(refused.method, refused.path, refused.body); !errors.Is(err, sealed.ErrDeclined) {
			t.Errorf("%s is answered: %v", name, err)
		}
	}
	if got, err := status("PUT", inbox+"aaaaaaaaaaaaaaaaaaag", b.ben.ways("kith:Ways")); err != nil || got != http.StatusCreated {
		t.Errorf("the new device says where it is reached: %d, %v", got, err)
	}
	if _, err := status("GET", "/social/door", ""); !errors.Is(err, sealed.ErrDeclined) {
		t.Errorf("it asks before the owner's app has read that: %v", err)
	}
}
