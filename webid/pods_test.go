package webid_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"kith/webid"
)

const (
	issuerURL = "https://host.example"
	aliceURL  = issuerURL + "/alice/"
	ownerID   = webid.ID(aliceURL + "profile/card#me")
)

// person is somebody with a person key and devices, the first of them an admin.
type person struct {
	key     webid.PrivateKey
	devices []webid.PrivateKey
	lists   webid.Lists
}

func newPerson(t testing.TB, devices int) person {
	t.Helper()
	p := person{key: newKey(t)}
	for range devices {
		p.devices = append(p.devices, newKey(t))
	}
	l := p.draft()
	signed, err := l.Sign(webid.DeviceList{}, p.key)
	if err != nil {
		t.Fatal(err)
	}
	p.lists.Devices = signed
	return p
}

// draft returns the first list of p, unsigned.
func (p person) draft() webid.DeviceList {
	l := webid.DeviceList{Label: p.key.Public().Label(), Gen: 1, Epoch: 1, Person: p.key.Public().String()}
	for i, d := range p.devices {
		may := []string{"answer", "post"}
		if i == 0 {
			may = append(may, "admin")
		}
		l.Devices = append(l.Devices, webid.Device{Kid: d.Public().String(), Name: "phone", May: may})
	}
	return l
}

// next returns the list after p's, with the devices given, signed by the first.
func (p person) next(t testing.TB, devices ...webid.PrivateKey) webid.DeviceList {
	t.Helper()
	l := person{key: p.key, devices: devices}.draft()
	l.Epoch = p.lists.Devices.Epoch + 1
	signed, err := l.Sign(p.lists.Devices, p.devices[0])
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func newKey(t testing.TB) webid.PrivateKey {
	t.Helper()
	k, err := webid.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pod is a Realm in memory, of Alice, with the contacts given.
type pod struct {
	owner    webid.Lists
	contacts []webid.Contact
	fault    error
}

func (p *pod) Owner() webid.ID { return ownerID }

func (p *pod) Lists(context.Context) (webid.Lists, error) { return p.owner, p.fault }

func (p *pod) find(is func(webid.Contact) bool) (webid.Contact, error) {
	for _, c := range p.contacts {
		if is(c) {
			return c, p.fault
		}
	}
	return webid.Contact{}, webid.ErrUnknown
}

func (p *pod) ByDevice(_ context.Context, kid string) (webid.Contact, error) {
	return p.find(func(c webid.Contact) bool { return c.Devices.Has(kid) })
}

func (p *pod) ByID(_ context.Context, id webid.ID) (webid.Contact, error) {
	return p.find(func(c webid.Contact) bool {
		for _, a := range c.Accepts {
			if a == id {
				return true
			}
		}
		return c.ID == id
	})
}

func (p *pod) ByLabel(_ context.Context, label string) (webid.Contact, error) {
	return p.find(func(c webid.Contact) bool { return c.Label == label })
}

func (p *pod) Pin(_ context.Context, next webid.DeviceList) (err error) {
	if next.Label == p.owner.Devices.Label {
		p.owner, err = p.owner.Accept(next.String(), "", time.Now())
		return err
	}
	for i := range p.contacts {
		if c := &p.contacts[i]; c.Label == next.Label {
			c.Lists, err = c.Lists.Accept(next.String(), "", time.Now())
		}
	}
	return err
}

// contactOf returns the record of p as a contact named cid.
func contactOf(p person, cid string, accepts ...webid.ID) webid.Contact {
	return webid.Contact{
		ID: webid.ID(aliceURL + "contacts/" + cid + "/card#me"), CID: cid,
		Label: p.lists.Devices.Label, Grant: 1, Lists: p.lists, Accepts: accepts,
	}
}

// scene is Alice's pod on a host with a clock that only a test moves.
type scene struct {
	*webid.Verifier
	now   time.Time
	pod   *pod
	alice person
	ben   person
}

const benCID = "benbenbenbenbenben22"

func newScene(t testing.TB) *scene {
	t.Helper()
	s := &scene{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), alice: newPerson(t, 2), ben: newPerson(t, 2)}
	s.pod = &pod{owner: s.alice.lists, contacts: []webid.Contact{contactOf(s.ben, benCID, "https://ben.example/#me")}}
	clock := func() time.Time { return s.now }
	s.Verifier = &webid.Verifier{
		Issuer: issuerURL,
		Keys:   []webid.PrivateKey{newKey(t)},
		Realms: func(url string) (webid.Realm, bool) { return s.pod, url == aliceURL },
		Now:    clock, Assertions: webid.NewReplay(1000, clock), Proofs: webid.NewReplay(1000, clock),
	}
	return s
}

// exchange asks for a token as the device k, at the device's time.
func (s *scene) exchange(t testing.TB, k webid.PrivateKey, resource, devices string) (string, error) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/token", nil)
	r.Header.Set("DPoP", proofBy(t, k, http.MethodPost, issuerURL+"/token", "", "", s.now))
	return s.Exchange(r, resource, assertionBy(t, k, s.now), devices)
}

func (s *scene) token(t testing.TB, k webid.PrivateKey) string {
	t.Helper()
	token, err := s.exchange(t, k, aliceURL, "")
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// get makes a signed GET of a path in Alice's pod.
func (s *scene) get(t testing.TB, k webid.PrivateKey, token, path string) *http.Request {
	t.Helper()
	target := strings.TrimSuffix(aliceURL, "/") + path
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, u.RequestURI(), nil)
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", proofBy(t, k, http.MethodGet, target, token, "", s.now))
	return r
}

func proofBy(t testing.TB, k webid.PrivateKey, method, url, token, nonce string, now time.Time) string {
	t.Helper()
	p, err := k.Proof(method, url, token, nonce, now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func assertionBy(t testing.TB, k webid.PrivateKey, now time.Time) string {
	t.Helper()
	a, err := k.Assertion(issuerURL, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
