package webid_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kith/webid"
)

func TestExchangeAdmits(t *testing.T) {
	for _, c := range []struct {
		name  string
		who   func(s *scene) webid.PrivateKey
		owner bool
	}{
		{"a contact's phone", func(s *scene) webid.PrivateKey { return s.ben.devices[0] }, false},
		{"a contact's other device", func(s *scene) webid.PrivateKey { return s.ben.devices[1] }, false},
		{"the owner's phone", func(s *scene) webid.PrivateKey { return s.alice.devices[0] }, true},
		{"a key that the owner accepts for a contact", func(s *scene) webid.PrivateKey {
			k := newKey(t)
			s.pod.contacts[0].Accepts = append(s.pod.contacts[0].Accepts, webid.ID(k.Public().String()))
			return k
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			k := c.who(s)
			a, err := s.Authenticate(s.get(t, k, s.token(t, k), "/"))
			if err != nil || a.Owner() != c.owner || a.Key() != k.Public().String() {
				t.Errorf("agent %+v, error %v", a, err)
			}
		})
	}
}

// TestTheTokenIsInProfile looks into an access token. (RFC 9068 §2.2)
func TestTheTokenIsInProfile(t *testing.T) {
	s := newScene(t)
	phone := s.ben.devices[0]
	parts := strings.Split(s.token(t, phone), ".")
	var head, claims map[string]any
	for i, into := range []*map[string]any{&head, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	if head["alg"] != "ES256" || head["typ"] != "at+jwt" || head["kid"] != s.Keys[0].Public().Thumbprint() || len(head) != 3 {
		t.Errorf("header %v", head)
	}
	kid := phone.Public().String()
	jti, ok := claims["jti"].(string)
	if !ok || len(jti) != 22 {
		t.Errorf("jti %v", claims["jti"])
	}
	want := map[string]any{
		"iss": issuerURL, "sub": aliceURL + "contacts/" + benCID + "/card#me", "aud": aliceURL, "client_id": kid, "kid": kid,
		"iat": float64(s.now.Unix()), "exp": float64(s.now.Unix() + 300), "jti": jti, "grant": 1.0,
	}
	cnf := claims["cnf"].(map[string]any)
	if cnf["jkt"] != phone.Public().Thumbprint() || len(cnf) != 1 {
		t.Errorf("cnf %v", cnf)
	}
	delete(claims, "cnf")
	for name, value := range want {
		if claims[name] != value {
			t.Errorf("%s is %v, want %v", name, claims[name], value)
		}
	}
	if len(claims) != len(want) {
		t.Errorf("claims %v", claims)
	}
}

// TestStrangersLookAlike: nothing in the error tells who is blocked, who is
// unknown, and which pods exist. (protocol §1.4)
func TestStrangersLookAlike(t *testing.T) {
	for _, c := range []struct {
		name     string
		key      func(s *scene) webid.PrivateKey
		resource string
	}{
		{"an unknown key", func(s *scene) webid.PrivateKey { return newKey(t) }, aliceURL},
		{"a blocked contact", func(s *scene) webid.PrivateKey {
			s.pod.contacts[0].Blocked = true
			return s.ben.devices[0]
		}, aliceURL},
		{"a contact who was removed", func(s *scene) webid.PrivateKey {
			s.pod.contacts = nil
			return s.ben.devices[0]
		}, aliceURL},
		{"a pod that does not exist", func(s *scene) webid.PrivateKey { return s.ben.devices[0] }, issuerURL + "/nobody/"},
		{"a pod without its slash", func(s *scene) webid.PrivateKey { return s.ben.devices[0] }, strings.TrimSuffix(aliceURL, "/")},
		{"a resource in the pod", func(s *scene) webid.PrivateKey { return s.ben.devices[0] }, aliceURL + "social/"},
		{"no pod at all", func(s *scene) webid.PrivateKey { return s.ben.devices[0] }, ""},
		{"the person key", func(s *scene) webid.PrivateKey { return s.ben.key }, aliceURL},
		{"the server's own key", func(s *scene) webid.PrivateKey { return s.Keys[0] }, aliceURL},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			token, err := s.exchange(t, c.key(s), c.resource, "")
			if token != "" || err == nil || err.Error() != webid.ErrUnknown.Error() {
				t.Errorf("token %q, error %v", token, err)
			}
		})
	}
}

// TestARemovedDeviceIsToldSo: whoever shows a list of the owner's that names
// them hears by which they went, also where that begins a chain of its own. A
// replay, and who shows a list of somebody else's or none, hear nothing.
func TestARemovedDeviceIsToldSo(t *testing.T) {
	told := func(err error) string {
		var out interface{ DeviceList() string }
		if !errors.Is(err, webid.ErrUnknown) || !errors.As(err, &out) {
			return ""
		}
		return out.DeviceList()
	}
	s := newScene(t)
	before, lost := s.pod.owner.Devices.String(), s.alice.devices[1]
	s.pod.owner.Devices = s.alice.next(t, s.alice.devices[0])
	s.alice.lists.Devices = s.pod.owner.Devices
	now := s.pod.owner.Devices.String()
	r := httptest.NewRequest(http.MethodPost, "/token", nil)
	r.Header.Set("DPoP", proofBy(t, lost, http.MethodPost, issuerURL+"/token", "", "", s.now))
	assertion := assertionBy(t, lost, s.now)
	for turn, want := range []string{now, ""} {
		token, err := s.Exchange(r, aliceURL, assertion, before)
		if token != "" || !errors.Is(err, webid.ErrUnknown) || told(err) != want {
			t.Errorf("turn %d: token %q, error %v, told %q", turn, token, err, told(err))
		}
	}
	for name, c := range map[string]struct {
		k    webid.PrivateKey
		list string
	}{
		"no list": {lost, ""}, "a list of Ben's": {lost, s.ben.lists.Devices.String()}, "a key that is not in it": {newKey(t), before},
	} {
		if token, err := s.exchange(t, c.k, aliceURL, c.list); token != "" || !errors.Is(err, webid.ErrUnknown) || told(err) != "" {
			t.Errorf("%s: token %q, error %v, told %q", name, token, err, told(err))
		}
	}
}

// TestStrangersCostTheSame counts what the server does for each of those who
// must not learn more than the others, with and without their device list.
// (protocol §1.4)
func TestStrangersCostTheSame(t *testing.T) {
	cost := func(k webid.PrivateKey, s *scene, resource, devices string) float64 {
		assertion := assertionBy(t, k, s.now)
		r := httptest.NewRequest(http.MethodPost, "/token", nil)
		r.Header.Set("DPoP", proofBy(t, k, http.MethodPost, issuerURL+"/token", "", "", s.now))
		return testing.AllocsPerRun(50, func() {
			if _, err := s.Exchange(r, resource, assertion, devices); !errors.Is(err, webid.ErrUnknown) {
				t.Error(err)
			}
		})
	}
	s := newScene(t)
	stranger := newPerson(t, 2)
	s.pod.contacts[0].Blocked = true
	for name, list := range map[string]func(person) string{
		"no list":   func(person) string { return "" },
		"their own": func(p person) string { return p.lists.Devices.String() },
		"a new one": func(p person) string { return p.next(t, p.devices...).String() },
	} {
		unknown := cost(stranger.devices[0], s, aliceURL, list(stranger))
		blocked := cost(s.ben.devices[0], s, aliceURL, list(s.ben))
		nowhere := cost(s.ben.devices[0], s, issuerURL+"/nobody/", list(s.ben))
		if unknown < 100 || max(unknown, blocked, nowhere)-min(unknown, blocked, nowhere) > 2 {
			t.Errorf("allocations with %s: unknown key %v, blocked contact %v, unknown pod %v", name, unknown, blocked, nowhere)
		}
	}
}

// TestAShownListIsVerifiedOnce: a phone shows its list at each request. Many
// runs, so that what a garbage collection takes from the pools does not count.
func TestAShownListIsVerifiedOnce(t *testing.T) {
	s := newScene(t)
	k := newKey(t)
	cost := func(devices string) float64 {
		return testing.AllocsPerRun(50, func() {
			if _, err := s.exchange(t, k, aliceURL, devices); !errors.Is(err, webid.ErrUnknown) {
				t.Error(err)
			}
		})
	}
	p := newPerson(t, 2)
	for range 8 {
		p.lists.Devices = p.next(t, p.devices...)
	}
	without, with := cost(""), cost(p.lists.Devices.String())
	if with > without+20 {
		t.Errorf("allocations with a list %v, without %v", with, without)
	}
}

func TestARecordedTokenRequestIsWorthless(t *testing.T) {
	s := newScene(t)
	phone := s.ben.devices[0]
	assertion := assertionBy(t, phone, s.now)
	ask := func(proof string) error {
		r := httptest.NewRequest(http.MethodPost, "/token", nil)
		r.Header.Set("DPoP", proof)
		_, err := s.Exchange(r, aliceURL, assertion, "")
		return err
	}
	proof := func(k webid.PrivateKey) string {
		return proofBy(t, k, http.MethodPost, issuerURL+"/token", "", "", s.now)
	}
	first := proof(phone)
	if err := ask(first); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]string{"the same request": first, "another proof": proof(phone), "a thief's proof": proof(newKey(t))} {
		if err := ask(p); !errors.Is(err, webid.ErrUnknown) || !errors.Is(err, webid.ErrReplayed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	assertion = assertionBy(t, phone, s.now)
	if err := ask(first); !errors.Is(err, webid.ErrReplayed) {
		t.Errorf("another assertion with the same proof: %v", err)
	}
}

// TestANewDeviceShowsItsList: protocol §1.3, parameter device_list.
func TestANewDeviceShowsItsList(t *testing.T) {
	s := newScene(t)
	old, phone := s.ben.devices[1], newKey(t)
	next := s.ben.next(t, s.ben.devices[0], phone)
	if _, err := s.exchange(t, phone, aliceURL, ""); !errors.Is(err, webid.ErrUnknown) {
		t.Fatalf("without the list: %v", err)
	}
	if _, err := s.exchange(t, phone, aliceURL, next.String()); err != nil {
		t.Fatalf("with the list: %v", err)
	}
	if _, err := s.exchange(t, phone, aliceURL, ""); err != nil {
		t.Errorf("once the list is pinned: %v", err)
	}
	if _, err := s.exchange(t, old, aliceURL, s.ben.lists.Devices.String()); !errors.Is(err, webid.ErrUnknown) {
		t.Errorf("a device that the list dropped, with the list before: %v", err)
	}
}

func TestAnOwnersNewDeviceShowsItsList(t *testing.T) {
	s := newScene(t)
	tablet := newKey(t)
	next := s.alice.next(t, s.alice.devices[0], tablet)
	if _, err := s.exchange(t, tablet, aliceURL, next.String()); err != nil {
		t.Fatal(err)
	}
	if !s.pod.owner.Devices.Has(tablet.Public().String()) {
		t.Error("the list is not pinned")
	}
}

func TestListsOfOthersOpenNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		list func(s *scene, k webid.PrivateKey) string
		want error
	}{
		{"of a stranger", func(s *scene, k webid.PrivateKey) string {
			p := newPerson(t, 1)
			return p.next(t, p.devices[0], k).String()
		}, webid.ErrUnknown},
		{"of a contact, without its chain", func(s *scene, k webid.PrivateKey) string {
			list, _, _ := strings.Cut(s.ben.next(t, s.ben.devices[0], k).String(), "~")
			return list
		}, webid.ErrToken},
		{"that claims the place of the one that is pinned", func(s *scene, k webid.PrivateKey) string {
			other := s.ben.next(t, s.ben.devices[0], k).String()
			if _, err := s.exchange(t, s.ben.devices[0], aliceURL, s.ben.next(t, s.ben.devices[0]).String()); err != nil {
				t.Fatal(err)
			}
			return other
		}, webid.ErrUnknown},
		{"without the device", func(s *scene, k webid.PrivateKey) string {
			return s.ben.next(t, s.ben.devices[0]).String()
		}, webid.ErrUnknown},
		{"that is broken", func(s *scene, k webid.PrivateKey) string { return "e30.e30.e30" }, webid.ErrToken},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			k := newKey(t)
			if _, err := s.exchange(t, k, aliceURL, c.list(s, k)); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestAPodWithoutAnOwnerAdmitsNobody(t *testing.T) {
	s := newScene(t)
	s.pod.owner, s.pod.contacts = webid.Lists{}, nil
	if _, err := s.exchange(t, s.alice.devices[0], aliceURL, s.alice.lists.Devices.String()); !errors.Is(err, webid.ErrUnknown) {
		t.Errorf("error %v", err)
	}
}

func TestAFullMemoryRefuses(t *testing.T) {
	s := newScene(t)
	phone := s.ben.devices[0]
	token := s.token(t, phone)
	clock := func() time.Time { return s.now }
	s.Proofs = webid.NewReplay(2, clock)
	for range 2 {
		if _, err := s.Authenticate(s.get(t, phone, token, "/")); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := s.Authenticate(s.get(t, phone, token, "/")); !errors.Is(err, webid.ErrReplayFull) || !a.Anonymous() {
		t.Errorf("agent %+v, error %v", a, err)
	}
	owner := s.alice.devices[0]
	if _, err := s.Authenticate(s.get(t, owner, s.token(t, owner), "/")); err != nil {
		t.Errorf("the owner meanwhile: %v", err)
	}
	s.now = s.now.Add(62 * time.Second)
	if _, err := s.Authenticate(s.get(t, phone, token, "/")); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

// TestOfManyCopiesOneHolds sends one request many times at once.
func TestOfManyCopiesOneHolds(t *testing.T) {
	s := newScene(t)
	phone := s.ben.devices[0]
	token := s.token(t, phone)
	r := s.get(t, phone, token, "/")
	var held atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			a, err := s.Authenticate(r)
			if err == nil && !a.Anonymous() {
				held.Add(1)
			} else if !errors.Is(err, webid.ErrReplayed) {
				t.Errorf("error %v", err)
			}
		})
	}
	all.Wait()
	if n := held.Load(); n != 1 {
		t.Errorf("%d of 16 held", n)
	}
}

func TestARotatedServerKeyStillVerifies(t *testing.T) {
	s := newScene(t)
	phone := s.ben.devices[0]
	token := s.token(t, phone)
	s.Keys = append([]webid.PrivateKey{newKey(t)}, s.Keys...)
	for _, token := range []string{token, s.token(t, phone)} {
		if _, err := s.Authenticate(s.get(t, phone, token, "/")); err != nil {
			t.Error(err)
		}
	}
}

// TestACachedTokenEnds takes the server's keys away, so that a token can hold
// from the cache only.
func TestACachedTokenEnds(t *testing.T) {
	s := newScene(t)
	phone := s.ben.devices[0]
	first := s.token(t, phone)
	if _, err := s.Authenticate(s.get(t, phone, first, "/")); err != nil {
		t.Fatal(err)
	}
	s.Keys = nil
	if _, err := s.Authenticate(s.get(t, phone, first, "/")); err != nil {
		t.Errorf("from the cache: %v", err)
	}
	s.now = s.now.Add(300 * time.Second)
	if _, err := s.Authenticate(s.get(t, phone, first, "/")); !errors.Is(err, webid.Verdict("not fresh")) {
		t.Errorf("from the cache, ended: %v", err)
	}
}
