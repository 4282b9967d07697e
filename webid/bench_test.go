package webid_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"kith/webid"
)

// BenchmarkAuthenticate is what who-asks costs a request with a token that was
// seen before; BenchmarkVerify is the one P-256 verification in it.
func BenchmarkAuthenticate(b *testing.B) {
	s := newScene(b)
	phone := s.ben.devices[0]
	token := s.token(b, phone)
	requests := make([]*http.Request, 2000)
	for i := range requests {
		requests[i] = s.get(b, phone, token, "/social/posts/")
	}
	clock := func() time.Time { return s.now }
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(requests) == 0 {
			s.Proofs = webid.NewReplay(len(requests), clock) // so that the same proofs are new
		}
		if _, err := s.Authenticate(requests[i%len(requests)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAuthenticateForeign is the same for somebody with a token of another
// issuer, and BenchmarkFirstForeign for a token that was not seen before, where
// the issuer's documents were.
func BenchmarkAuthenticateForeign(b *testing.B) {
	a := newAbroad(b)
	r := a.scene.get(b, a.app, a.issue(b, "RS256-1", nil), "/x")
	b.ReportAllocs()
	for b.Loop() {
		a.Strangers = webid.NewReplay(1, a.Verifier.Now) // so that the proof is new
		if _, err := a.Authenticate(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFirstForeign(b *testing.B) {
	a := newAbroad(b)
	requests := make([]*http.Request, 500)
	for i := range requests {
		token := a.issue(b, "ES256-1", func(_, c map[string]any) { c["jti"] = i })
		requests[i] = a.scene.get(b, a.app, token, "/x")
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(requests) == 0 {
			known := a.Verifier
			a.Verifier = &webid.Verifier{Issuer: known.Issuer, Keys: known.Keys, Realms: known.Realms, Now: known.Now, Documents: known.Documents}
			a.Strangers = webid.NewReplay(len(requests), known.Now)
		}
		if _, err := a.Authenticate(requests[i%len(requests)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256([]byte("proof"))
	sig, err := ecdsa.SignASN1(rand.Reader, k, sum[:])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !ecdsa.VerifyASN1(&k.PublicKey, sum[:], sig) {
			b.Fatal("does not verify")
		}
	}
}

// BenchmarkExchange is what a token costs: two verifications and a signature.
func BenchmarkExchange(b *testing.B) {
	s := newScene(b)
	phone := s.ben.devices[0]
	assertion := assertionBy(b, phone, s.now)
	r := httptest.NewRequest(http.MethodPost, "/token", nil)
	r.Header.Set("DPoP", proofBy(b, phone, http.MethodPost, issuerURL+"/token", "", "", s.now))
	clock := func() time.Time { return s.now }
	b.ReportAllocs()
	for b.Loop() {
		s.Proofs, s.Assertions = webid.NewReplay(1, clock), webid.NewReplay(1, clock) // so that both are new
		if _, err := s.Exchange(r, aliceURL, assertion, ""); err != nil {
			b.Fatal(err)
		}
	}
}
