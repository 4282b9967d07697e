package sealed_test

import (
	"slices"
	"testing"
	"time"

	"kith/sealed"
	"kith/webid"
)

// rolled returns the lists of a person with three devices, of which the tablet may
// not answer, and the keys of each.
func rolled(t *testing.T, agree ...webid.AgreementKey) webid.Lists {
	t.Helper()
	person, phone := key(t, "ana person"), key(t, "ana phone")
	list := webid.DeviceList{Label: person.Public().Label(), Gen: 1, Epoch: 1, Person: person.Public().String(), Devices: []webid.Device{
		{Kid: did(t, "ana phone"), Name: "Phone", May: []string{"answer", "accept", "post", "admin"}},
		{Kid: did(t, "ana pod"), Name: "Pod", May: []string{"answer", "accept"}},
		{Kid: did(t, "ana tablet"), Name: "Tablet", May: []string{"post"}},
	}}
	devices, err := list.Sign(webid.DeviceList{}, person)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := webid.KeysDocument{Label: list.Label, Serial: 1, Agree: agree}.Sign(devices, phone)
	if err != nil {
		t.Fatal(err)
	}
	return webid.Lists{Devices: devices, Keys: keys}
}

func agreement(t *testing.T, device, kid string, until time.Time) webid.AgreementKey {
	return webid.AgreementKey{Kid: kid, Device: did(t, device), Key: key(t, device+kid).Public(), Until: until}
}

func kids(keys []webid.AgreementKey) (all []string) {
	for _, k := range keys {
		all = append(all, k.Kid)
	}
	return all
}

// TestRequestsAreSealedToTheNewestKeyOfWhoMayAnswer: and superseded keys, and
// those of a device that only posts, are left out.
func TestRequestsAreSealedToTheNewestKeyOfWhoMayAnswer(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }
	l := rolled(t,
		agreement(t, "ana phone", "p1", day(10)), agreement(t, "ana phone", "p3", day(24)), agreement(t, "ana phone", "p2", day(17)),
		agreement(t, "ana pod", "a", day(28)), agreement(t, "ana pod", "b", day(28)),
		agreement(t, "ana tablet", "t", day(29)),
	)
	if got := kids(sealed.Recipients(l)); !slices.Equal(got, []string{"b", "p3"}) {
		t.Errorf("sealed to %q", got)
	}
	for _, c := range []struct {
		kid   string
		until time.Time
		ok    bool
	}{
		{"p1", day(10), true}, {"p2", day(17), true}, {"p3", time.Time{}, true}, {"a", day(28), true}, {"b", time.Time{}, true},
		{"t", time.Time{}, true}, {"x", time.Time{}, false}, {"", time.Time{}, false},
	} {
		if k, ok := sealed.Proving(l, c.kid); ok != c.ok || !k.Until.Equal(c.until) || ok && k.Kid != c.kid {
			t.Errorf("%q proves until %v, %t", c.kid, k.Until, ok)
		}
	}
	// The next list is without the phone: its keys are worth nothing at once, even
	// those of a document that still has them.
	next := l.Devices
	next.Epoch, next.Devices = 2, next.Devices[1:]
	revoked, err := next.Sign(l.Devices, key(t, "ana phone"))
	if err != nil {
		t.Fatal(err)
	}
	l.Devices = revoked
	if got := kids(sealed.Recipients(l)); !slices.Equal(got, []string{"b"}) {
		t.Errorf("after the phone was lost, sealed to %q", got)
	}
	if _, ok := sealed.Proving(l, "p3"); ok {
		t.Error("a lost phone still proves who it was")
	}
	if got := sealed.Recipients(webid.Lists{}); len(got) != 0 {
		t.Errorf("nobody is sealed to %q", kids(got))
	}
}

func TestAPersonWithManyDevicesIsAskedAtEight(t *testing.T) {
	var l webid.Lists
	for i := range 12 {
		name := string(rune('a' + i))
		l.Devices.Devices = append(l.Devices.Devices, webid.Device{Kid: did(t, name), May: []string{"answer"}})
		l.Keys.Agree = append(l.Keys.Agree, agreement(t, name, name, time.Unix(int64(i), 0)))
	}
	if got := kids(sealed.Recipients(l)); !slices.Equal(got, []string{"l", "k", "j", "i", "h", "g", "f", "e"}) {
		t.Errorf("sealed to %q", got)
	}
}

// TestInvitesAreTriedOnTheFirstSlotOnly.
func TestInvitesAreTriedOnTheFirstSlotOnly(t *testing.T) {
	w := newWorld(t)
	w.server.Invites = func() []sealed.Key {
		return []sealed.Key{{Key: key(t, "ended"), Until: w.now}, {Key: key(t, "invite"), Until: w.now.Add(time.Second)}}
	}
	to := func(names ...string) []byte {
		tr := w.as("")
		tr.To = nil
		for _, name := range names {
			tr.To = append(tr.To, webid.AgreementKey{Key: key(t, name).Public()})
		}
		return first(message(t, tr, w.request("POST", "/.invites/x", "accepted")))
	}
	if _, reply, err := w.server.Answer(t.Context(), to("invite")); err != nil || reply.Status != 204 {
		t.Errorf("an acceptance is answered %d, %v", reply.Status, err)
	}
	w.declined(to("other", "invite"), "no slot")
	w.declined(to("ended"), "no slot")
	w.server.Invites = func() []sealed.Key { t.Error("invites are asked for though the device's key opens it"); return nil }
	ask(t, w.as("ben"), w.request("GET", "/social/door", ""))
}
