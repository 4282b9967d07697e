package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kith/sealed"
	"kith/webid"
)

const day = 24 * time.Hour

// podKey asks the pod, by a relay, which key it wants to be named.
func (b *befriended) podKey(id string) webid.AgreementKey {
	b.t.Helper()
	var told struct {
		Kid   string    `json:"kid"`
		Agree webid.Key `json:"agree"`
	}
	if err := json.Unmarshal([]byte(b.phone.must(http.StatusOK, "POST", "/.keys", "").body), &told); err != nil {
		b.t.Fatal(err)
	}
	return webid.AgreementKey{Kid: id, Device: told.Kid, Key: told.Agree, Until: b.clock.now().Add(22 * day)}
}

// name has the phone sign a keys document in which a key of the pod stands beside those of before, and bring it.
func (b *befriended) name(key webid.AgreementKey) {
	b.t.Helper()
	h := b.owner
	next := webid.KeysDocument{Label: h.label(), Serial: h.lists.Keys.Serial + 1, Agree: append(h.lists.Keys.Agree[:len(h.lists.Keys.Agree):len(h.lists.Keys.Agree)], key)}
	var err error
	if h.lists.Keys, err = next.Sign(h.lists.Devices, h.signing); err != nil {
		b.t.Fatal(err)
	}
	h.put(b.phone, "/profile/keys", "application/jose", h.lists.Keys.String())
}

// opens reports whether the pod opens what is sealed to a key.
func (b *befriended) opens(key webid.AgreementKey) bool {
	b.t.Helper()
	asking := &line{t: b.t, Transport: b.phone.Transport}
	asking.To, asking.Carrier = []webid.AgreementKey{key}, straight{b.me()}
	_, err := asking.ask("GET", "/.trouble", "")
	if err != nil && !errors.Is(err, sealed.ErrDeclined) {
		b.t.Fatal(err)
	}
	return err == nil
}

// TestTheAgreementKeyIsAnotherEveryWeek: the pod makes the next key when a device asks for it, opens by both while
// what was sealed to the old one may be on its way, and has no trace of that one afterwards.
func TestTheAgreementKeyIsAnotherEveryWeek(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newShared(t, c, newPost(t, c))
	first := b.phone.To[0]
	secret, err := b.row().keys.agreement.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	if c.pass(6 * day); b.podKey("p2").Key != first.Key {
		t.Fatal("another key before its week is over")
	}
	c.pass(day)
	second := b.podKey("p2")
	if second.Key == first.Key || b.podKey("p2").Key != second.Key {
		t.Fatal("after a week there has to be one other key")
	}
	if !b.opens(first) || !b.opens(second) {
		t.Fatal("both keys open while the new one is not named")
	}
	late, _ := b.ana.seal(nil, "GET", postOne, "")
	b.name(second)
	b.phone.To = []webid.AgreementKey{second}
	b.stop()
	b.start()
	if p := b.row(); p.keys.agreement.Public() != second.Key || b.podKey("p3").Key != second.Key {
		t.Fatal("the named key is the pod's, over a restart")
	}
	if from, err := b.me().asSender(t.Context(), b.ana.Salt); err != nil || from.KID != "p2" {
		t.Fatalf("the pod proves by %+v, %v", from, err)
	}
	c.pass(14*day - time.Hour)
	if _, reply, err := b.me().sealed.Answer(t.Context(), late); err != nil || reply.Status != http.StatusOK {
		t.Errorf("what waited for a fortnight: %d, %v", reply.Status, err)
	}
	if b.tendKeys(t.Context()); !b.opens(first) {
		t.Error("the old key opens for fifteen days")
	}
	if c.pass(day + time.Hour); b.opens(first) {
		t.Error("the old key opens after fifteen days")
	}
	if !bytes.Contains(b.stateBytes(), secret) {
		t.Fatal("the old key was not in state.db: the next check would see nothing")
	}
	if b.tendKeys(t.Context()); bytes.Contains(b.stateBytes(), secret) || !b.opens(second) {
		t.Error("the old key is in state.db after its time")
	}
}

// row is the owner's in state.db.
func (b *befriended) row() person {
	b.t.Helper()
	p, err := b.state.person(b.t.Context(), DefaultName)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *befriended) stateBytes() []byte {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "state.db"))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// TestTheNextKeyWaitsForDevices: a device that knows only a destroyed key would find the pod no more; but one that
// never comes does not keep the others from changing keys.
func TestTheNextKeyWaitsForDevices(t *testing.T) {
	t.Parallel()
	c := newClock()
	b := newFriends(t, c, newPost(t, c))
	tablet := freshKey(t)
	next := b.owner.lists.Devices
	next.Epoch++
	next.Devices = append(next.Devices[:len(next.Devices):len(next.Devices)], webid.Device{Kid: tablet.Public().String(), Name: "tablet", May: []string{"post"}})
	list, err := next.Sign(b.owner.lists.Devices, b.owner.signing)
	if err != nil {
		t.Fatal(err)
	}
	b.owner.lists.Devices = list
	b.owner.put(b.phone, "/profile/devices", "application/jose", list.String())
	first := b.phone.To[0]
	if c.pass(20 * day); b.podKey("p2").Key != first.Key {
		t.Fatal("a device that knows the old key alone would be shut out")
	}
	c.pass(39 * day)
	if b.podKey("p2").Key != first.Key {
		t.Fatal("before sixty days")
	}
	c.pass(day)
	second := b.podKey("p2")
	if second.Key == first.Key {
		t.Fatal("after sixty days nobody is waited for")
	}
	b.name(second)
	b.phone.To = []webid.AgreementKey{second}
	if c.pass(8 * day); b.podKey("p3").Key != second.Key {
		t.Fatal("the tablet is waited for again")
	}
	if err := b.me().came(t.Context(), tablet.Public().String()); err != nil {
		t.Fatal(err)
	}
	if b.podKey("p3").Key == second.Key {
		t.Error("all have come, and there is no other key")
	}
	if p := b.row(); strings.Count(strings.Join(p.keys.came, " "), "did:key:") != 2 {
		t.Errorf("came: %v", p.keys.came)
	}
}
