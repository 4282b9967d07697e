package webid

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"kith/internal/fuzztest"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// anySigned signs any bytes under a header, which no device would do but a
// hostile one.
func anySigned(t *testing.T, k PrivateKey, head, payload []byte) (string, bool) {
	t.Helper()
	h := jws.NewHeaders()
	if json.Unmarshal(head, h) != nil {
		return "", false
	}
	text, err := jws.Sign(payload, jws.WithKey(jwa.ES256(), k.key, jws.WithProtectedHeaders(h)))
	return string(text), err == nil
}

// FuzzSignedClaims signs whatever the claims are: those who are known can send
// nonsense too. What comes through says what a sound one says.
func FuzzSignedClaims(f *testing.F) {
	var k PrivateKey // the same in all fuzzing processes
	if err := k.UnmarshalText([]byte("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")); err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1795348800, 0)
	v := &Verifier{Issuer: "https://host.example", Now: func() time.Time { return now }}
	me := k.Public().String()
	f.Add([]byte(`{"iss":"`+me+`","sub":"`+me+`","client_id":"`+me+`","aud":"https://host.example","iat":1795348800,"exp":1795348920,"jti":"AAAAAAAAAAAAAAAAAAAAAA"}`), 0)
	f.Add([]byte(`{"htm":"POST","htu":"https://host.example/token","iat":1795348800,"jti":"1","nonce":"x"}`), 1)
	f.Add([]byte(`{"htm":"POST","htu":"https://host.example/%2e./token","iat":1e3,"jti":1}`), 1)
	f.Add([]byte(`{"label":"a","gen":1,"epoch":1,"prev":"","person":"did:key:z","devices":[{"kid":"","name":"","may":[null]}]}`), 2)
	f.Add([]byte(`[[[[{}]]]]`), 0)
	f.Fuzz(func(t *testing.T, payload []byte, kind int) {
		head := []byte(`{"typ":"JWT","kid":"` + me + `"}`)
		switch kind {
		case 1:
			jwk, err := json.Marshal(k.Public())
			if err != nil {
				t.Fatal(err)
			}
			head = []byte(`{"typ":"dpop+jwt","jwk":` + string(jwk) + `}`)
		case 2:
			head = []byte(`{"typ":"kith-devices+jwt","kid":"` + me + `"}`)
		}
		text, ok := anySigned(t, k, head, payload)
		if !ok {
			return
		}
		fuzztest.Cheap(t, len(text), func() { v.readAny(text, kind) })
		switch kind {
		case 1:
			r := httptest.NewRequest("POST", "/token", nil)
			r.Header.Set("DPoP", text)
			if p, err := v.proof(r, claim{}); err == nil && (p.key != k.Public() || p.until.Before(now) || p.until.After(now.Add(2*time.Minute))) {
				t.Errorf("proof %+v", p)
			}
		case 2:
			if l, err := ParseDeviceList(text); err == nil && (l.Epoch > maxNumber || l.Label != l.person().Label()) {
				t.Errorf("list %+v", l)
			}
		default:
			a, err := v.assertion(text, proof{})
			if err == nil && (a.kid != me || a.until.Before(now) || a.until.After(now.Add(maxAssertion+proofFuture))) {
				t.Errorf("assertion %+v", a)
			}
		}
	})
}

// readAny reads a signed text as each thing that it may say it is.
func (v *Verifier) readAny(text string, kind int) {
	switch r := httptest.NewRequest("POST", "/token", nil); kind {
	case 1:
		r.Header.Set("DPoP", text)
		v.proof(r, claim{})
	case 2:
		ParseDeviceList(text)
	default:
		v.assertion(text, proof{})
	}
}

func (l DeviceList) person() Key {
	k, _ := ParseKey(l.Person)
	return k
}

func FuzzSameAddress(f *testing.F) {
	f.Add("https://host.example/a%2fb?c#d")
	f.Add("HTTPS://Host.example:443")
	f.Add("http://[::1]:80/%7e")
	f.Add("https://host.example/%")
	f.Fuzz(func(t *testing.T, s string) {
		fuzztest.Cheap(t, len(s), func() { normalAddress(s) })
		a, ok := normalAddress(s)
		if !ok {
			return
		}
		if b, ok := normalAddress(a); !ok || a != b {
			t.Errorf("%q becomes %q becomes %q", s, a, b)
		}
		if !sameAddress(s, a) {
			t.Errorf("%q is not the same as %q", s, a)
		}
	})
}
