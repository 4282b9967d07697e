package webid_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"kith/webid"
)

func TestKeysKeepTheirForms(t *testing.T) {
	for range 50 {
		k := newKey(t).Public()
		again, err := webid.ParseKey(k.String())
		if err != nil || again != k {
			t.Fatalf("%s: %v", k, err)
		}
		text, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		var jwk, point webid.Key
		if err := json.Unmarshal(text, &jwk); err != nil || jwk != k {
			t.Fatalf("%s: %v", text, err)
		}
		if err := point.UnmarshalBinary(k.Point()); err != nil || point != k {
			t.Fatalf("%x: %v", k.Point(), err)
		}
		if len(k.Label()) != 52 || len(k.Thumbprint()) != 43 || len(k.String()) != 57 {
			t.Fatalf("%s %s %s", k.Label(), k.Thumbprint(), k)
		}
	}
}

// TestThumbprintOfRFC9449 takes the key of the example proof. (RFC 9449 §4.1, §6.1)
func TestThumbprintOfRFC9449(t *testing.T) {
	var k webid.Key
	text := `{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}`
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		t.Fatal(err)
	}
	if got, want := k.Thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"; got != want {
		t.Errorf("thumbprint %s, want %s", got, want)
	}
}

func TestPrivateKeysKeepTheirForm(t *testing.T) {
	k := newKey(t)
	text, err := k.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var again webid.PrivateKey
	if err := again.UnmarshalText(text); err != nil || again.Public() != k.Public() {
		t.Errorf("%v", err)
	}
	zero := strings.Repeat("A", 43)
	for _, bad := range []string{"", zero, zero[1:], string(text) + "=", "_" + strings.Repeat("_", 41) + "8"} {
		if err := again.UnmarshalText([]byte(bad)); !errors.Is(err, webid.Malformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAgreementIsMutual(t *testing.T) {
	a, b := newKey(t), newKey(t)
	shared := func(private webid.PrivateKey, public webid.Key) string {
		s, err := private.ECDH()
		if err != nil {
			t.Fatal(err)
		}
		p, err := public.ECDH()
		if err != nil {
			t.Fatal(err)
		}
		secret, err := s.ECDH(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(secret)
	}
	if shared(a, b.Public()) != shared(b, a.Public()) || shared(a, b.Public()) == shared(a, a.Public()) {
		t.Error("the two do not agree")
	}
}

// TestNoKeyDoesNothing: zero values deny.
func TestNoKeyDoesNothing(t *testing.T) {
	var k webid.PrivateKey
	if !k.Public().IsZero() || k.Public().String() != "" {
		t.Errorf("public half %q", k.Public())
	}
	_, proof := k.Proof("GET", aliceURL, "", "", time.Now())
	_, assertion := k.Assertion(issuerURL, time.Now())
	_, text := k.MarshalText()
	_, agree := k.ECDH()
	_, public := webid.Key{}.ECDH()
	_, jwk := webid.Key{}.MarshalJSON()
	_, list := webid.DeviceList{}.Sign(webid.DeviceList{}, k)
	_, keys := webid.KeysDocument{}.Sign(webid.DeviceList{}, k)
	for i, err := range []error{proof, assertion, text, agree, public, jwk, list, keys} {
		if err == nil {
			t.Errorf("case %d: no error", i)
		}
	}
}

func TestParseID(t *testing.T) {
	for _, s := range []string{
		"https://alice.example/profile/card#me", "http://localhost:8420/alice/profile/card#me", "https://alice.example", "https://bücher.example/é",
		"did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169", "https://[::1]:8420/a",
	} {
		if id, err := webid.ParseID(s); err != nil || string(id) != s {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	}
	for _, s := range []string{
		"", "alice", "/alice", "//alice.example/", "ftp://alice.example/", "https:", "https://", "https:///a", "https:alice.example", "https://:443/",
		"https://me@alice.example/", "https://me:pw@alice.example/", "https://alice.example/ b", "https://alice.example/\n", "https://alice.example/\x00",
		"https://alice.example/<b>", `https://alice.example/"`, "https://alice.example/{}", `https://alice.example\b`, "https://alice.example/^", "https://alice.example/`",
		"https://alice.example/\xff", "https://alice.example/\u0085", "https://alice.example/%zz", "mailto:a@alice.example", "did:web:alice.example",
		"did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", "did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169#a",
		"javascript:alert(1)", "https://alice.example/" + strings.Repeat("x", 2048),
	} {
		if id, err := webid.ParseID(s); !errors.Is(err, webid.Malformed) || id != "" {
			t.Errorf("%q: %q, %v", s, id, err)
		}
	}
}

func TestAgents(t *testing.T) {
	var nobody webid.Agent
	if !nobody.Anonymous() || nobody.Owner() || nobody.Has("") || len(nobody.IDs()) != 0 || nobody.Key() != "" || nobody.Contact() != "" {
		t.Errorf("nobody is %+v", nobody)
	}
	a := webid.ContactAgent("https://a.example/#me", "cid", 2, "did:key:x", "https://b.example/#me", "did:key:x", "")
	if a.Anonymous() || a.Owner() || len(a.IDs()) != 3 || !a.Has("https://b.example/#me") || a.Has("") || a.Grant() != 2 {
		t.Errorf("contact is %+v", a)
	}
	a.IDs()[0] = "https://evil.example/#me"
	if a.Has("https://evil.example/#me") {
		t.Error("the agent set can be changed from outside")
	}
	o := webid.OwnerAgent("https://o.example/#me", "did:key:y")
	if !o.Owner() || o.Anonymous() || o.Contact() != "" || !o.Has("did:key:y") || o.Key() != "did:key:y" {
		t.Errorf("owner is %+v", o)
	}
}
