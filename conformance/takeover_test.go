package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// shown asks for a token as a device that shows its person's list, and returns the WebID it is for; "" when it
// is refused.
func (w *world) shown(p Pod, d *Device, list string) string {
	w.t.Helper()
	r := exchange(p.URL, must(d.sign(assertionHeader(d.Key), d.assertion(p.Issuer)))(w.t), url.Values{"device_list": {list}})
	r.Header.Set("DPoP", must(d.proof(w.wire, r, ""))(w.t))
	answer := must(w.wire.Do(w.ctx(), r))(w.t)
	var granted struct {
		Token string `json:"access_token"`
	}
	if json.Unmarshal(answer.Body, &granted) != nil || granted.Token == "" {
		return ""
	}
	raw := must(b64.DecodeString(strings.Split(granted.Token, ".")[1]))(w.t)
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil {
		w.t.Fatal(err)
	}
	sub, _ := c["sub"].(string)
	return sub
}

// TestAKeyInAStrangersListStaysItsOwners: a friend may write another friend's key into a list of their own,
// which nobody but the key's holder could deny.
func TestAKeyInAStrangersListStaysItsOwners(t *testing.T) {
	w, people := newWorld(t, "ana", "ben", "mal")
	ana, ben, mal := people[0], people[1], people[2]
	asBen, asMal := w.befriend(ana, ben.Person), w.befriend(ana, mal.Person)
	stolen := &Device{Name: "not mine", May: everything, kid: ben.Devices[0].kid, point: ben.Devices[0].point}
	if err := mal.Announce(mal.Devices[0], stolen); err != nil {
		t.Fatal(err)
	}
	if got := w.shown(ana.Pod, mal.Devices[0], mal.List); got != asMal.WebID {
		t.Fatalf("mal with the list is %q, want %q", got, asMal.WebID)
	}
	for range 4 { // the records are read anew after each new friend
		if got := w.shown(ana.Pod, ben.Devices[0], ben.List); got != asBen.WebID {
			t.Errorf("ben is %q, want %q", got, asBen.WebID)
		}
		asBen.Forget()
		if answer, err := asBen.Do(w.ctx(), Request{Method: http.MethodGet, Target: "social/door"}); err == nil && strings.Contains(string(answer.Body), asMal.CID) {
			t.Errorf("ben's door is mal's: %s", answer.Body)
		}
		w.befriend(ana, must(newPerson("somebody"))(t))
	}
}

// TestADeviceDoesWhatItsListAllows: a person's pod holds a key of theirs, and is not them.
func TestADeviceDoesWhatItsListAllows(t *testing.T) {
	w, people := newWorld(t, "ana", "ben")
	ana, ben := people[0], people[1]
	asBen := w.befriend(ana, ben.Person)
	box := must(newDevice("box", "answer", "accept"))(t)
	if err := ben.Announce(ben.Devices[0], box); err != nil {
		t.Fatal(err)
	}
	if err := ben.publish(w.ctx(), ben.Person); err != nil {
		t.Fatal(err)
	}
	if got := w.shown(ana.Pod, ben.Devices[0], ben.List); got != asBen.WebID {
		t.Fatalf("ben's phone is %q, want %q", got, asBen.WebID)
	}
	if got := w.shown(ana.Pod, box, ben.List); got != "" {
		t.Errorf("ben's box is %q at ana's pod", got)
	}
	if got := w.shown(ben.Pod, box, ben.List); got != "" {
		t.Errorf("ben's box is %q at his own", got)
	}
}
