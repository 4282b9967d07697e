package invite_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"kith/webid"
	"kith/webid/invite"
)

// friend is somebody who can invite and accept.
type friend struct {
	invite.Introduction
	device webid.PrivateKey
	agree  webid.PrivateKey
}

func newFriend(t testing.TB, name string) friend {
	t.Helper()
	person, f := newKey(t), friend{device: newKey(t), agree: newKey(t)}
	devices, err := webid.DeviceList{
		Label: person.Public().Label(), Gen: 1, Epoch: 1, Person: person.Public().String(),
		Devices: []webid.Device{{Kid: f.device.Public().String(), Name: "phone", May: []string{"admin"}}},
	}.Sign(webid.DeviceList{}, person)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := webid.KeysDocument{Label: devices.Label, Serial: 1, Agree: []webid.AgreementKey{{
		Kid: "k1", Device: f.device.Public().String(), Key: f.agree.Public(), Until: time.Date(2026, 12, 6, 0, 0, 0, 0, time.UTC),
	}}}.Sign(devices, f.device)
	if err != nil {
		t.Fatal(err)
	}
	f.Introduction = invite.Introduction{
		Lists: webid.Lists{Devices: devices, Keys: keys}, Name: name,
		Ways: []webid.Way{{Pod: "https://host.example/" + strings.ToLower(name) + "/", Issuer: "https://host.example"}},
	}
	return f
}

func newKey(t testing.TB) webid.PrivateKey {
	t.Helper()
	k, err := webid.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// invited returns an invite of f's, and its link as a friend reads it.
func (f friend) invited(t testing.TB) (invite.Invite, invite.Link) {
	t.Helper()
	i, err := invite.New()
	if err != nil {
		t.Fatal(err)
	}
	url, err := invite.Link{
		Label: f.Lists.Devices.Label, Key: i.Key.Public(), Secret: i.Secret, ID: i.ID, Name: f.Name, Pods: []string{f.Ways[0].Pod},
	}.URL("https://host.example/")
	if err != nil {
		t.Fatal(err)
	}
	l, err := invite.ParseLink(url)
	if err != nil {
		t.Fatal(err)
	}
	return i, l
}

func TestTwoPeopleMeet(t *testing.T) {
	ana, ben := newFriend(t, "Ana"), newFriend(t, "Ben")
	i, link := ana.invited(t)
	if link.Label != ana.Lists.Devices.Label || link.Name != "Ana" || link.Pods[0] != ana.Ways[0].Pod {
		t.Fatalf("link %+v", link)
	}
	pending, err := link.Accept(ben.Introduction, "k1", ben.agree)
	if err != nil {
		t.Fatal(err)
	}
	a, err := i.Open(pending.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a.Introduction, ben.Introduction) {
		t.Errorf("accepted %+v\nsent %+v", a.Introduction, ben.Introduction)
	}
	c := invite.Confirmation{Introduction: ana.Introduction, CID: "a2b3c4d5e6f7a2b3c4d5", WebID: "https://host.example/ana/contacts/a2b3c4d5e6f7a2b3c4d5/card#me", Salt: make([]byte, 32)}
	sealed, err := a.Confirm(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pending.Open(sealed)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, c) {
		t.Errorf("confirmed %+v\nsent %+v", got, c)
	}
}

// TestTheLongestListsFit: two people whose chains are as long as chains may be.
func TestTheLongestListsFit(t *testing.T) {
	ana, ben := newFriend(t, "Ana").grown(t), newFriend(t, "Ben").grown(t)
	if n := len(ben.Lists.Devices.String()); n < 30<<10 {
		t.Fatalf("the chain has %d bytes", n)
	}
	i, link := ana.invited(t)
	pending, err := link.Accept(ben.Introduction, "k1", ben.agree)
	if err != nil {
		t.Fatal(err)
	}
	a, err := i.Open(pending.Body)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := a.Confirm(invite.Confirmation{Introduction: ana.Introduction, CID: "a2b3c4d5e6f7a2b3c4d5", WebID: "https://host.example/#me", Salt: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := pending.Open(sealed); err != nil || !reflect.DeepEqual(c.Introduction, ana.Introduction) {
		t.Errorf("confirmed %+v: %v", c, err)
	}
}

// grown returns f with one device list after another, until no more are taken.
func (f friend) grown(t testing.TB) friend {
	t.Helper()
	d := f.Lists.Devices
	next := d
	for range 2 {
		next.Devices = append(next.Devices, webid.Device{Kid: newKey(t).Public().String(), Name: strings.Repeat("x", 64)})
	}
	for {
		next.Epoch++
		l, err := next.Sign(d, f.device)
		if errors.Is(err, webid.Malformed) {
			f.Lists.Devices = d
			return f
		}
		if err != nil {
			t.Fatal(err)
		}
		d = l
	}
}

func TestInvitesDiffer(t *testing.T) {
	ana := newFriend(t, "Ana")
	a, _ := ana.invited(t)
	b, _ := ana.invited(t)
	if bytes.Equal(a.ID, b.ID) || bytes.Equal(a.Secret, b.Secret) || a.Key.Public() == b.Key.Public() || bytes.Equal(a.ID, a.Secret) {
		t.Error("two invites share a part")
	}
}

// TestNobodyElseOpensTheAcceptance: another invite of the same person does not.
func TestNobodyElseOpensTheAcceptance(t *testing.T) {
	ana, ben := newFriend(t, "Ana"), newFriend(t, "Ben")
	i, link := ana.invited(t)
	other, _ := ana.invited(t)
	pending, err := link.Accept(ben.Introduction, "k1", ben.agree)
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]invite.Invite{
		"another invite":   other,
		"another id":       {ID: other.ID, Secret: i.Secret, Key: i.Key},
		"another key":      {ID: i.ID, Secret: i.Secret, Key: other.Key},
		"no invite at all": {},
	} {
		if _, err := wrong.Open(pending.Body); err == nil {
			t.Errorf("%s opens it", name)
		}
	}
	if _, err := (invite.Invite{ID: i.ID, Secret: other.Secret, Key: i.Key}).Open(pending.Body); !errors.Is(err, webid.Verdict("bad proof")) {
		t.Errorf("another secret: %v", err)
	}
}

// TestAnEavesdropperOfTheLinkCannotConfirm: the secret alone makes no confirmation.
func TestAnEavesdropperOfTheLinkCannotConfirm(t *testing.T) {
	ana, ben, eve := newFriend(t, "Ana"), newFriend(t, "Ben"), newFriend(t, "Eve")
	_, link := ana.invited(t)
	theirs, _ := eve.invited(t)
	pending, err := link.Accept(ben.Introduction, "k1", ben.agree)
	if err != nil {
		t.Fatal(err)
	}
	forged := link
	forged.Key = theirs.Key.Public()
	own, err := forged.Accept(eve.Introduction, "k1", eve.agree)
	if err != nil {
		t.Fatal(err)
	}
	a, err := (invite.Invite{ID: link.ID, Secret: link.Secret, Key: theirs.Key}).Open(own.Body)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := a.Confirm(invite.Confirmation{Introduction: ana.Introduction, WebID: "https://e.example/", Salt: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pending.Open(sealed); !errors.Is(err, webid.Malformed) {
		t.Errorf("error %v", err)
	}
}

func TestLinksThatCannotBeMade(t *testing.T) {
	ana := newFriend(t, "Ana")
	_, sound := ana.invited(t)
	long := "https://host.example/" + strings.Repeat("x", 80) + "/"
	for _, c := range []struct {
		name   string
		change func(*invite.Link)
	}{
		{"no label", func(l *invite.Link) { l.Label = "" }},
		{"a label of another alphabet", func(l *invite.Link) { l.Label = strings.Repeat("1", 52) }},
		{"no key", func(l *invite.Link) { l.Key = webid.Key{} }},
		{"a short secret", func(l *invite.Link) { l.Secret = l.Secret[1:] }},
		{"a long id", func(l *invite.Link) { l.ID = append(l.ID, 0) }},
		{"a name of 25 bytes", func(l *invite.Link) { l.Name = strings.Repeat("x", 25) }},
		{"a name that is not UTF-8", func(l *invite.Link) { l.Name = "\xff" }},
		{"four pods", func(l *invite.Link) {
			l.Pods = []string{"https://a.example/", "https://b.example/", "https://c.example/", "https://d.example/"}
		}},
		{"a pod without its slash", func(l *invite.Link) { l.Pods = []string{"https://a.example"} }},
		{"more than 400 characters", func(l *invite.Link) { l.Pods = []string{long, long, long} }},
	} {
		l := sound
		c.change(&l)
		if url, err := l.URL("https://host.example/"); !errors.Is(err, invite.ErrLink) || url != "" {
			t.Errorf("%s: %q, %v", c.name, url, err)
		}
	}
}

func TestPairingsKeepTheirForm(t *testing.T) {
	label := newKey(t).Public().Label()
	way := webid.Way{Pod: "http://localhost:8420/ana/", Issuer: "http://localhost:8420"}
	for _, p := range []invite.Pairing{
		{Way: way, Secret: "AAAAAAAAAAAAAAAAAAAAAA"},
		{Way: way, Secret: "AAAAAAAAAAAAAAAAAAAAAA", Label: label, Name: "Ana <&> Ωμέγα"},
		{Way: way, Secret: "AAAAAAAAAAAAAAAAAAAAAA", Label: label},
	} {
		url, err := p.URL("http://localhost:8420/")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := invite.ParsePairing(url); err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s: %+v, %v", url, got, err)
		}
	}
	for _, p := range []invite.Pairing{
		{}, {Way: way}, {Way: way, Secret: "short"}, {Secret: "AAAAAAAAAAAAAAAAAAAAAA"}, {Way: way, Secret: "AAAAAAAAAAAAAAAAAAAAAA", Label: "x"},
		{Way: way, Secret: "AAAAAAAAAAAAAAAAAAAAAA", Label: label, Name: strings.Repeat("x", 161)},
		{Way: way, Secret: "AAAAAAAAAAAAAAAAAAAAAB"},
	} {
		if url, err := p.URL("http://localhost:8420/"); !errors.Is(err, invite.ErrLink) || url != "" {
			t.Errorf("%+v: %q, %v", p, url, err)
		}
	}
}

func TestWords(t *testing.T) {
	a, b, c := newKey(t).Public().Label(), newKey(t).Public().Label(), newKey(t).Public().Label()
	if invite.Words(a, b) != invite.Words(b, a) {
		t.Error("the order matters")
	}
	if invite.Words(a, b) == invite.Words(a, c) {
		t.Error("the people do not matter")
	}
}
