package webid_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"kith/internal/fuzztest"
	"kith/webid"
)

// seed adds the member of every case in a file of vectors.
func seed(f *testing.F, file, member string) {
	f.Helper()
	text, err := os.ReadFile("../conformance/vectors/" + file)
	if err != nil {
		f.Fatal(err)
	}
	var cases []map[string]any
	if err := json.Unmarshal(text, &cases); err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		s, ok := c[member].(string)
		if !ok {
			f.Fatalf("%s has no text %q", file, member)
		}
		f.Add(s)
	}
}

func FuzzParseKey(f *testing.F) {
	seed(f, "keys.json", "did")
	f.Fuzz(func(t *testing.T, did string) {
		k, err := webid.ParseKey(did)
		fuzztest.Cheap(t, len(did), func() { webid.ParseKey(did) })
		if err == nil && k.String() != did {
			t.Errorf("%q is also %q", did, k)
		}
		if err != nil && (!errors.Is(err, webid.Malformed) || !k.IsZero()) {
			t.Errorf("key %s, error %v", k, err)
		}
	})
}

func FuzzParseID(f *testing.F) {
	f.Add("https://alice.example/profile/card#me")
	seed(f, "keys.json", "did")
	f.Fuzz(func(t *testing.T, s string) {
		fuzztest.Cheap(t, len(s), func() { webid.ParseID(s) })
		id, err := webid.ParseID(s)
		if err == nil && (string(id) != s || strings.ContainsAny(s, " \t\r\n<>\"\\")) {
			t.Errorf("%q is %q", s, id)
		}
	})
}

func FuzzJWK(f *testing.F) {
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var k, again webid.Key
		fuzztest.Cheap(t, len(text), func() { again.UnmarshalJSON(text) })
		if k.UnmarshalJSON(text) != nil {
			return
		}
		written, err := k.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalJSON(written); err != nil || again != k {
			t.Errorf("%s became %s: %v", text, written, err)
		}
	})
}

func FuzzParseDeviceList(f *testing.F) {
	seed(f, "device-lists.json", "list")
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Cheap(t, len(text), func() { webid.ParseDeviceList(text) })
		l, err := webid.ParseDeviceList(text)
		if err != nil {
			if !l.IsZero() {
				t.Errorf("list %+v, error %v", l, err)
			}
			return
		}
		if len(l.Devices) > 16 || len(l.Label) != 52 || l.Gen == 0 || l.Epoch == 0 || l.String() != text {
			t.Errorf("list %+v", l)
		}
		if again, err := l.Accept(text); err != nil || again.String() != text {
			t.Errorf("it does not accept itself: %v", err)
		}
	})
}

// FuzzAcceptDeviceList: whatever is accepted over a list that was pinned would
// hold by itself too, and comes from the person whose list it was.
func FuzzAcceptDeviceList(f *testing.F) {
	var cases []struct{ Pinned, List string }
	text, err := os.ReadFile("../conformance/vectors/device-lists.json")
	if err != nil {
		f.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		f.Add(c.Pinned, c.List)
	}
	f.Fuzz(func(t *testing.T, pinned, text string) {
		l, err := webid.ParseDeviceList(pinned)
		if err != nil && pinned != "" {
			return
		}
		fuzztest.Cheap(t, len(text), func() { l.Accept(text) })
		n, err := l.Accept(text)
		if err != nil {
			if !n.IsZero() {
				t.Errorf("list %+v, error %v", n, err)
			}
			return
		}
		if _, err := webid.ParseDeviceList(text); err != nil {
			t.Errorf("over %q it accepts %q: %v", pinned, text, err)
		}
		if !l.IsZero() && (n.Label != l.Label || n.Gen < l.Gen || n.Gen == l.Gen && n.Epoch < l.Epoch) {
			t.Errorf("%+v became %+v", l, n)
		}
	})
}

func FuzzKeysDocument(f *testing.F) {
	seed(f, "keys-documents.json", "keys")
	p := newPerson(f, 1)
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Cheap(t, len(text), func() { p.lists.Devices.Keys(text) })
		if d, err := p.lists.Devices.Keys(text); err == nil {
			t.Errorf("somebody else's device list accepts %+v", d)
		}
	})
}

func FuzzParseContact(f *testing.F) {
	seed(f, "contacts.json", "record")
	f.Fuzz(func(t *testing.T, record string) {
		fuzztest.Cheap(t, len(record), func() { webid.ParseContact(benCard, []byte(record)) })
		c, err := webid.ParseContact(benCard, []byte(record))
		if err != nil {
			return
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 64<<10 {
			return // what it says by default made it too large
		}
		again, err := webid.ParseContact(benCard, text)
		if err != nil {
			t.Fatalf("%s cannot be read again: %v", text, err)
		}
		if twice, err := json.Marshal(again); err != nil || !bytes.Equal(text, twice) {
			t.Errorf("written %s, then %s: %v", text, twice, err)
		}
	})
}

// FuzzAuthenticate lets nobody in but by a token and a proof that a device
// really made. Those are in the vectors, so that all fuzzing processes know the
// same ones.
func FuzzAuthenticate(f *testing.F) {
	var cases []struct{ Verdict, Token, Proof string }
	text, err := os.ReadFile("../conformance/vectors/proofs.json")
	if err != nil {
		f.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		f.Fatal(err)
	}
	made := map[string]bool{}
	for _, c := range cases {
		f.Add("DPoP "+c.Token, c.Proof)
		f.Add("Bearer "+c.Token, c.Proof)
		f.Add("dpop  "+c.Proof, c.Token+", "+c.Token)
		if c.Verdict == "success" && c.Token != "" {
			made[c.Token] = true
		}
	}
	if len(made) == 0 {
		f.Fatal("no vector has a token that holds")
	}
	v := vectorsVerifier(f)
	f.Fuzz(func(t *testing.T, auth, proof string) {
		v.Proofs = webid.NewReplay(1, v.Now)
		r := httptest.NewRequest("GET", "/ana/social/door", nil)
		r.Header["Authorization"], r.Header["Dpop"] = []string{auth}, []string{proof}
		fuzztest.Cheap(t, len(auth)+len(proof), func() { v.Authenticate(r) })
		v.Proofs = webid.NewReplay(1, v.Now)
		agent, err := v.Authenticate(r)
		if err != nil && !agent.Anonymous() {
			t.Errorf("agent %+v, error %v", agent, err)
		}
		if err == nil && !made[auth[strings.LastIndexByte(auth, ' ')+1:]] {
			t.Errorf("%q with %q is %+v", auth, proof, agent)
		}
	})
}

// vectorsVerifier returns the Verifier before whom the vectors of proofs hold.
func vectorsVerifier(f *testing.F) *webid.Verifier {
	f.Helper()
	key := func(name string) webid.PrivateKey {
		var k webid.PrivateKey
		sum := sha256.Sum256([]byte("kith vector " + name))
		if err := k.UnmarshalText([]byte(base64.RawURLEncoding.EncodeToString(sum[:]))); err != nil {
			f.Fatal(err)
		}
		return k
	}
	const ana = issuerURL + "/ana/"
	p := &pod{contacts: []webid.Contact{{
		ID: ana + "contacts/a2b3c4d5e6f7a2b3c4d5/card#me", CID: "a2b3c4d5e6f7a2b3c4d5", Grant: 1,
		Accepts: []webid.ID{webid.ID(key("ben phone").Public().String())},
	}}}
	return &webid.Verifier{
		Issuer: issuerURL, Keys: []webid.PrivateKey{key("server")},
		Now:    func() time.Time { return time.Unix(1795348800, 0) },
		Realms: func(url string) (webid.Realm, bool) { return p, url == ana },
	}
}
