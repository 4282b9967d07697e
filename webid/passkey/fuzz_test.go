package passkey_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"

	"kith/internal/fuzztest"
	"kith/webid/passkey"
)

// challengeOf is the one that all fuzzing processes ask.
var challengeOf = sha256.Sum256([]byte("challenge"))

// fixed is an authenticator that all fuzzing processes know: the key of an example.
func fixed(t testing.TB) (k passkey.Record, v vector) {
	t.Helper()
	v = vectors(t)[0]
	k, err := lax.Made(parsed(t, v.answer(v.Made)), unb64(t, v.Made.Challenge))
	if err != nil {
		t.Fatal(err)
	}
	return k, v
}

// FuzzParse reads whatever is called an answer of a browser.
func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.answer(v.Made))
		f.Add(v.answer(v.Shown))
	}
	f.Add([]byte(`{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"bnVsbA","userHandle":null}}`))
	k, _ := fixed(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		fuzztest.Cheap(t, len(text), func() { passkey.Parse(text) })
		r, err := passkey.Parse(text)
		if err != nil {
			if !errors.Is(err, passkey.ErrRefused) || r.ID != nil {
				t.Errorf("%+v, %v", r, err)
			}
			return
		}
		fuzztest.Cheap(t, len(text), func() { lax.Made(r, challengeOf[:]); r.Challenge() })
		if k, err := lax.Made(r, challengeOf[:]); err == nil && r.Challenge() != b64(challengeOf[:]) {
			t.Errorf("made %+v for %q", k, r.Challenge())
		}
		if after, err := lax.Shown(r, challengeOf[:], k); err == nil {
			t.Errorf("nobody signed %+v", after)
		}
	})
}

// FuzzMade lets an authenticator say whatever it likes of a new passkey. What is
// taken, another relying party reads likewise where it can.
func FuzzMade(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(unb64(f, v.Made.AttestationObject), unb64(f, v.ID))
	}
	f.Add(encoded(object{"none", map[string]any{"a": []any{1, -1, 1.5, true, nil, "b"}}, nil}), []byte("id"))
	f.Fuzz(func(t *testing.T, attestation, id []byte) {
		client := written(map[string]any{"type": "webauthn.create", "challenge": b64(challengeOf[:]), "origin": example.Origin})
		answer := written(map[string]any{"id": b64(id), "rawId": b64(id), "type": "public-key",
			"response": map[string]any{"clientDataJSON": b64(client), "attestationObject": b64(attestation)}})
		r, err := passkey.Parse(answer)
		if err != nil {
			return
		}
		fuzztest.Cheap(t, len(attestation), func() { lax.Made(r, challengeOf[:]) })
		k, err := lax.Made(r, challengeOf[:])
		if err != nil {
			if !errors.Is(err, passkey.ErrRefused) || k.ID != nil {
				t.Errorf("%+v, %v", k, err)
			}
			return
		}
		peer, err := protocol.ParseCredentialCreationResponseBytes(answer)
		if err != nil {
			return // it looks into the statement, which is passed over here
		}
		d := peer.Response.AttestationObject.AuthData
		if !slices.Equal(k.ID, d.AttData.CredentialID) || k.Authenticator.Uses != d.Counter || k.Flags.Verified != d.Flags.UserVerified() ||
			k.Flags.BackupEligible != d.Flags.HasBackupEligible() || k.Flags.BackedUp != d.Flags.HasBackupState() {
			t.Errorf("%x is %+v, and to the peer %+v", attestation, k, d)
		}
	})
}

// FuzzShown lets whoever wants answer for a passkey. Nobody is believed but the
// example's own signature over its own words, and what is believed the peer
// believes too.
func FuzzShown(f *testing.F) {
	k, v := fixed(f)
	record := written(k)
	f.Add(unb64(f, v.Shown.ClientDataJSON), unb64(f, v.Shown.AuthenticatorData), unb64(f, v.Shown.Signature))
	for _, v := range vectors(f)[1:] {
		f.Add(unb64(f, v.Shown.ClientDataJSON), unb64(f, v.Shown.AuthenticatorData), unb64(f, v.Shown.Signature))
	}
	theirs := newPeer(f, lax)
	challenge := unb64(f, v.Shown.Challenge)
	f.Fuzz(func(t *testing.T, client, data, signature []byte) {
		answer := written(map[string]any{"id": v.ID, "rawId": v.ID, "type": "public-key", "response": map[string]any{
			"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": "YQ"}})
		r := parsed(t, answer)
		fuzztest.Cheap(t, len(client)+len(data)+len(signature), func() { lax.Shown(r, challenge, k) })
		after, err := lax.Shown(r, challenge, k)
		if err != nil {
			if !errors.Is(err, passkey.ErrRefused) || after.ID != nil {
				t.Errorf("%+v, %v", after, err)
			}
			return
		}
		if b64(client) != v.Shown.ClientDataJSON || b64(data) != v.Shown.AuthenticatorData {
			t.Errorf("the key never signed %s, %x", client, data)
		}
		if _, err := theirs.shown(answer, challenge, record); err != nil {
			t.Errorf("%s, %x is believed; the peer: %v", client, data, err)
		}
	})
}

// FuzzKey reads whatever was kept as a key. Only the example's own has signed for it.
func FuzzKey(f *testing.F) {
	for _, a := range []*authenticator{newAuthenticator(f), withEdDSA(f), withRSA(f, 2048)} {
		f.Add(encoded(a.cose))
	}
	f.Add(encoded(modulus(4096)))
	signer, v := fixed(f)
	x, challenge := signer.PublicKey[10:42], unb64(f, v.Shown.Challenge)
	f.Add(signer.PublicKey)
	shown := parsed(f, v.answer(v.Shown))
	f.Fuzz(func(t *testing.T, key []byte) {
		k := passkey.Record{ID: unb64(t, v.ID), PublicKey: key, Flags: passkey.Flags{BackupEligible: true}}
		fuzztest.Cheap(t, len(key), func() { lax.Shown(shown, challenge, k) })
		if _, err := lax.Shown(shown, challenge, k); err == nil && !bytes.Contains(key, x) {
			t.Errorf("%x has signed what it never saw", key)
		}
	})
}
