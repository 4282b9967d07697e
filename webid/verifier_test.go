package webid_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/webid"
)

func TestAuthenticateKnowsAContact(t *testing.T) {
	s := newScene(t)
	phone := s.ben.devices[1]
	a, err := s.Authenticate(s.get(t, phone, s.token(t, phone), "/social/posts/?x=1"))
	if err != nil {
		t.Fatal(err)
	}
	kid := phone.Public().String()
	id := webid.ID(aliceURL + "contacts/" + benCID + "/card#me")
	if want := []webid.ID{id, webid.ID(kid), "https://ben.example/#me"}; !slices.Equal(a.IDs(), want) {
		t.Errorf("agent set %q, want %q", a.IDs(), want)
	}
	if a.Owner() || a.Anonymous() || a.Contact() != benCID || a.Grant() != 1 || a.Key() != kid {
		t.Errorf("agent %+v", a)
	}
}

func TestAuthenticateKnowsTheOwner(t *testing.T) {
	s := newScene(t)
	laptop := s.alice.devices[1]
	a, err := s.Authenticate(s.get(t, laptop, s.token(t, laptop), "/"))
	if err != nil {
		t.Fatal(err)
	}
	if !a.Owner() || a.Contact() != "" || !a.Has(ownerID) || !a.Has(webid.ID(laptop.Public().String())) {
		t.Errorf("agent %+v", a)
	}
}

func TestNoCredentialsAreNobody(t *testing.T) {
	s := newScene(t)
	r := httptest.NewRequest(http.MethodGet, "/alice/", nil)
	a, err := s.Authenticate(r)
	if err != nil || !a.Anonymous() || a.Owner() || a.Has("") {
		t.Errorf("agent %+v, error %v", a, err)
	}
}

// TestAuthenticateRefuses changes one thing about a request that holds.
func TestAuthenticateRefuses(t *testing.T) {
	type change func(s *scene, r *http.Request, token string)
	phone := func(s *scene) webid.PrivateKey { return s.ben.devices[0] }
	reprove := func(method, url, token string, after time.Duration) change {
		return func(s *scene, r *http.Request, real string) {
			if token == "real" {
				token = real
			}
			r.Header.Set("DPoP", proofBy(t, phone(s), method, url, token, "", s.now.Add(after)))
		}
	}
	const target = aliceURL + "social/door"
	for _, c := range []struct {
		name   string
		change change
		want   error
		why    error
	}{
		{"a token sent as Bearer", func(s *scene, r *http.Request, token string) {
			r.Header.Set("Authorization", "Bearer "+token)
		}, webid.ErrToken, webid.Malformed},
		{"a scheme of another kind", func(s *scene, r *http.Request, token string) {
			r.Header.Set("Authorization", "Basic YTpi")
		}, webid.ErrToken, webid.Malformed},
		{"a scheme alone", func(s *scene, r *http.Request, token string) {
			r.Header.Set("Authorization", "DPoP")
		}, webid.ErrToken, webid.Malformed},
		{"an empty field", func(s *scene, r *http.Request, token string) {
			r.Header.Set("Authorization", "")
		}, webid.ErrToken, webid.Malformed},
		{"two Authorization fields", func(s *scene, r *http.Request, token string) {
			r.Header.Add("Authorization", "DPoP "+token)
		}, webid.ErrToken, webid.Malformed},
		{"two credentials in one field", func(s *scene, r *http.Request, token string) {
			r.Header.Set("Authorization", "DPoP "+token+", DPoP "+token)
		}, webid.ErrToken, webid.Malformed},
		{"an oversized token", func(s *scene, r *http.Request, token string) {
			r.Header.Set("Authorization", "DPoP "+token+strings.Repeat("A", 16<<10))
		}, webid.ErrToken, webid.Malformed},
		{"a token whose end is altered", func(s *scene, r *http.Request, token string) {
			r.Header.Set("Authorization", "DPoP "+flip(token, len(token)-10))
		}, webid.ErrToken, webid.Verdict("bad signature")},
		{"a self-issued JWT instead of a token", func(s *scene, r *http.Request, token string) {
			r.Header.Set("Authorization", "DPoP "+assertionBy(t, phone(s), s.now))
		}, webid.ErrToken, webid.Verdict("wrong header")},
		{"a token of another server's key", func(s *scene, r *http.Request, token string) {
			s.Keys = []webid.PrivateKey{newKey(t)}
		}, webid.ErrToken, webid.Verdict("bad signature")},
		{"no proof", func(s *scene, r *http.Request, token string) { r.Header.Del("DPoP") }, webid.ErrProof, webid.Malformed},
		{"two proofs", func(s *scene, r *http.Request, token string) {
			r.Header.Add("DPoP", r.Header.Get("DPoP"))
		}, webid.ErrProof, webid.Malformed},
		{"a proof by another key", func(s *scene, r *http.Request, token string) {
			r.Header.Set("DPoP", proofBy(t, s.ben.devices[1], "GET", target, token, "", s.now))
		}, webid.ErrProof, webid.Verdict("wrong token")},
		{"a proof without ath", reprove("GET", target, "", 0), webid.ErrProof, webid.Verdict("wrong token")},
		{"a proof for another token", reprove("GET", target, "other", 0), webid.ErrProof, webid.Verdict("wrong token")},
		{"a proof for another method", reprove("PUT", target, "real", 0), webid.ErrProof, webid.Verdict("wrong method")},
		{"a proof for a method in lower case", reprove("get", target, "real", 0), webid.ErrProof, webid.Verdict("wrong method")},
		{"a proof for another resource", reprove("GET", aliceURL+"social/feed", "real", 0), webid.ErrProof, webid.Verdict("wrong address")},
		{"a proof for another host", reprove("GET", "https://evil.example/alice/social/door", "real", 0), webid.ErrProof, webid.Verdict("wrong address")},
		{"a proof for another scheme", reprove("GET", "http://host.example/alice/social/door", "real", 0), webid.ErrProof, webid.Verdict("wrong address")},
		{"a proof 61 seconds old", reprove("GET", target, "real", -61*time.Second), webid.ErrNonce, webid.Verdict("not fresh")},
		{"a proof 31 seconds ahead", reprove("GET", target, "real", 31*time.Second), webid.ErrNonce, webid.Verdict("not fresh")},
		{"a proof whose signature is altered", func(s *scene, r *http.Request, token string) {
			p := r.Header.Get("DPoP")
			r.Header.Set("DPoP", flip(p, len(p)-10))
		}, webid.ErrProof, webid.Verdict("bad signature")},
		{"the token after five minutes", func(s *scene, r *http.Request, token string) {
			s.now = s.now.Add(300 * time.Second)
		}, webid.ErrToken, webid.Verdict("not fresh")},
		{"a contact removed since", func(s *scene, r *http.Request, token string) { s.pod.contacts = nil }, webid.ErrToken, webid.ErrUnknown},
		{"a contact blocked since", func(s *scene, r *http.Request, token string) { s.pod.contacts[0].Blocked = true }, webid.ErrToken, webid.ErrUnknown},
		{"a contact of a newer grant", func(s *scene, r *http.Request, token string) { s.pod.contacts[0].Grant = 2 }, webid.ErrToken, webid.ErrUnknown},
		{"a device that its person revoked", func(s *scene, r *http.Request, token string) {
			if err := s.pod.Pin(t.Context(), s.ben.next(t, s.ben.devices[1])); err != nil {
				t.Fatal(err)
			}
		}, webid.ErrToken, webid.ErrUnknown},
		{"another pod of the host", func(s *scene, r *http.Request, token string) {
			r.URL.Path = "/bob/social/door"
			r.Header.Set("DPoP", proofBy(t, phone(s), "GET", issuerURL+"/bob/social/door", token, "", s.now))
		}, webid.ErrToken, webid.Verdict("wrong audience")},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			token := s.token(t, phone(s))
			r := s.get(t, phone(s), token, "/social/door")
			c.change(s, r, token)
			a, err := s.Authenticate(r)
			if !errors.Is(err, c.want) || !errors.Is(err, c.why) || !a.Anonymous() {
				t.Errorf("agent %+v, error %v; want %v because %v", a, err, c.want, c.why)
			}
		})
	}
}

// flip changes one character of base64url text, at i.
func flip(s string, i int) string {
	c := byte('A')
	if s[i] == c {
		c = 'B'
	}
	return s[:i] + string(c) + s[i+1:]
}

func TestAProofHoldsOnce(t *testing.T) {
	s := newScene(t)
	phone := s.ben.devices[0]
	r := s.get(t, phone, s.token(t, phone), "/social/door")
	if _, err := s.Authenticate(r); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, 59 * time.Second, 60 * time.Second} {
		at := s.now
		s.now = s.now.Add(after)
		if _, err := s.Authenticate(r); !errors.Is(err, webid.ErrProof) || !errors.Is(err, webid.ErrReplayed) {
			t.Errorf("again after %v: %v", after, err)
		}
		s.now = at
	}
}

func TestProofAddressesAreNormalised(t *testing.T) {
	for _, c := range []struct{ name, htu, target string }{
		{"the same", "https://host.example/alice/a", "/alice/a"},
		{"query and fragment left out", "https://host.example/alice/a?q#f", "/alice/a?z=1"},
		{"scheme and host in capitals", "HTTPS://Host.Example/alice/a", "/alice/a"},
		{"the default port", "https://host.example:443/alice/a", "/alice/a"},
		{"escapes in lower case", "https://host.example/alice/%c3%a9", "/alice/%C3%A9"},
		{"characters of the IRI", "https://host.example/alice/é", "/alice/%C3%A9"},
		{"an escape that is not needed", "https://host.example/alice/%61", "/alice/a"},
		{"a space", "https://host.example/alice/a b", "/alice/a%20b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			phone := s.ben.devices[0]
			token := s.token(t, phone)
			r := httptest.NewRequest(http.MethodGet, c.target, nil)
			r.Host = "evil.example"
			r.Header.Set("Authorization", "dpop  "+token)
			r.Header.Set("DPoP", proofBy(t, phone, "GET", c.htu, token, "", s.now))
			if _, err := s.Authenticate(r); err != nil {
				t.Error(err)
			}
		})
	}
	for _, htu := range []string{
		"https://host.example/alice/a%2Fb", "https://host.example/alice", "https://host.example:8443/alice/a/b",
		"https://me@host.example/alice/a/b", "//host.example/alice/a/b", "/alice/a/b", "ftp://host.example/alice/a/b", "https:alice/a/b", "",
	} {
		s := newScene(t)
		phone := s.ben.devices[0]
		token := s.token(t, phone)
		r := s.get(t, phone, token, "/a/b")
		r.Header.Set("DPoP", proofBy(t, phone, "GET", htu, token, "", s.now))
		if _, err := s.Authenticate(r); !errors.Is(err, webid.ErrProof) {
			t.Errorf("htu %q: %v", htu, err)
		}
	}
}

// TestAWrongClockIsHelpedByANonce: clocks off by an hour and by ten years
// (protocol §8).
func TestAWrongClockIsHelpedByANonce(t *testing.T) {
	for _, off := range []time.Duration{time.Hour, -time.Hour, 87600 * time.Hour, -87600 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			s := newScene(t)
			phone := s.ben.devices[0]
			clock := s.now.Add(off)
			ask := func(nonce string) (string, error) {
				r := httptest.NewRequest(http.MethodPost, "/token", nil)
				r.Header.Set("DPoP", proofBy(t, phone, "POST", issuerURL+"/token", "", nonce, clock))
				return s.Exchange(r, aliceURL, assertionBy(t, phone, clock), "")
			}
			if _, err := ask(""); !errors.Is(err, webid.ErrNonce) {
				t.Fatalf("without a nonce: %v", err)
			}
			nonce := s.Nonce()
			token, err := ask(nonce)
			if err != nil {
				t.Fatal(err)
			}
			get := func(nonce string) (*http.Request, error) {
				r := s.get(t, phone, token, "/")
				r.Header.Set("DPoP", proofBy(t, phone, "GET", aliceURL, token, nonce, clock))
				_, err := s.Authenticate(r)
				return r, err
			}
			if _, err := get(""); !errors.Is(err, webid.ErrNonce) {
				t.Errorf("without a nonce: %v", err)
			}
			if _, err := get(flip(nonce, 20)); !errors.Is(err, webid.ErrNonce) {
				t.Errorf("with an altered nonce: %v", err)
			}
			r, err := get(nonce)
			if err != nil {
				t.Errorf("with a nonce: %v", err)
			}
			s.now = s.now.Add(299 * time.Second)
			if _, err := s.Authenticate(r); !errors.Is(err, webid.ErrReplayed) {
				t.Errorf("the same proof before its nonce ends: %v", err)
			}
			s.now = s.now.Add(time.Second)
			if _, err := s.Authenticate(r); err == nil {
				t.Error("the same proof after its nonce ended holds again")
			}
		})
	}
}

func TestAnotherKeysProofDoesNotHelpTheClock(t *testing.T) {
	s := newScene(t)
	phone, other := s.ben.devices[0], newKey(t)
	r := httptest.NewRequest(http.MethodPost, "/token", nil)
	r.Header.Set("DPoP", proofBy(t, other, "POST", issuerURL+"/token", "", s.Nonce(), s.now))
	_, err := s.Exchange(r, aliceURL, assertionBy(t, phone, s.now.Add(-time.Hour)), "")
	if !errors.Is(err, webid.ErrToken) || !errors.Is(err, webid.Verdict("not fresh")) {
		t.Errorf("error %v", err)
	}
}

func TestAFailingStoreIsNotARefusal(t *testing.T) {
	s := newScene(t)
	phone := s.ben.devices[0]
	token := s.token(t, phone)
	s.pod.fault = errors.New("disk")
	_, err := s.Authenticate(s.get(t, phone, token, "/"))
	_, also := s.exchange(t, phone, aliceURL, "")
	for _, err := range []error{err, also} {
		if !errors.Is(err, s.pod.fault) || errors.Is(err, webid.ErrToken) || errors.Is(err, webid.ErrUnknown) {
			t.Errorf("error %v", err)
		}
	}
}
