package passkey_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"kith/webid/passkey"
)

// vector is one of the examples of WebAuthn Level 3 §16: a passkey is made, and
// shown. The verdict is that of a party that wants the person verified: "success",
// "not verified", or "within another" page.
type vector struct {
	Name, Section, ID string
	Made, Shown       ceremony
}

type ceremony struct {
	Verdict, Challenge string
	ClientDataJSON     string
	AttestationObject  string
	AuthenticatorData  string
	Signature          string
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	text, err := os.ReadFile("testdata/specification.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil || len(all) != 14 {
		t.Fatalf("%d vectors, %v", len(all), err)
	}
	return all
}

// answer writes what a browser would send.
func (v vector) answer(c ceremony) []byte {
	response := map[string]any{"clientDataJSON": c.ClientDataJSON}
	if c.AttestationObject != "" {
		response["attestationObject"] = c.AttestationObject
	} else {
		response["authenticatorData"], response["signature"], response["userHandle"] = c.AuthenticatorData, c.Signature, "YQ"
	}
	return written(map[string]any{"id": v.ID, "rawId": v.ID, "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
}

func written(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parsed(t testing.TB, text []byte) passkey.Response {
	t.Helper()
	r, err := passkey.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// example is the party of all vectors; a touch is enough for the lax one.
var (
	example = passkey.Party{ID: "example.org", Origin: "https://example.org"}
	lax     = passkey.Party{ID: "example.org", Origin: "https://example.org", PresenceIsEnough: true}
)

// TestSpecification holds the check against the specification's own examples.
func TestSpecification(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			made, shown := parsed(t, v.answer(v.Made)), parsed(t, v.answer(v.Shown))
			_, err := example.Made(made, unb64(t, v.Made.Challenge))
			wantVerdict(t, "made", err, v.Made.Verdict)
			k, err := lax.Made(made, unb64(t, v.Made.Challenge))
			wantVerdict(t, "made", err, laxly(v.Made.Verdict))
			if err != nil {
				return
			}
			if !slices.Equal(k.ID, unb64(t, v.ID)) || k.Authenticator.Uses != 0 {
				t.Errorf("made %+v", k)
			}
			_, err = example.Shown(shown, unb64(t, v.Shown.Challenge), k)
			wantVerdict(t, "shown", err, v.Shown.Verdict)
			after, err := lax.Shown(shown, unb64(t, v.Shown.Challenge), k)
			wantVerdict(t, "shown", err, laxly(v.Shown.Verdict))
			if !slices.Equal(after.PublicKey, k.PublicKey) || after.Flags.BackupEligible != k.Flags.BackupEligible {
				t.Errorf("%+v became %+v", k, after)
			}
		})
	}
}

func laxly(verdict string) string {
	if verdict == "not verified" {
		return "success"
	}
	return verdict
}

func wantVerdict(t *testing.T, what string, err error, verdict string) {
	t.Helper()
	if verdict == "success" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if !errors.Is(err, passkey.ErrRefused) || !strings.Contains(err.Error(), verdict) {
		t.Errorf("%s: %v, want %q", what, err, verdict)
	}
}

// TestNoByteMayDiffer flips one bit in each byte of what the examples' keys signed,
// and of the signature, and cuts each where it can be cut.
func TestNoByteMayDiffer(t *testing.T) {
	held := 0
	for _, v := range vectors(t) {
		k, err := lax.Made(parsed(t, v.answer(v.Made)), unb64(t, v.Made.Challenge))
		if err != nil {
			continue // within another page: no key to sign with
		}
		held++
		for name, part := range map[string]*string{
			"client data": &v.Shown.ClientDataJSON, "authenticator data": &v.Shown.AuthenticatorData, "signature": &v.Shown.Signature,
		} {
			good := *part
			bytes := unb64(t, good)
			refuse := func(what string, i int, text []byte) {
				*part = base64.RawURLEncoding.EncodeToString(text)
				if _, err := lax.Shown(parsed(t, v.answer(v.Shown)), unb64(t, v.Shown.Challenge), k); !errors.Is(err, passkey.ErrRefused) {
					t.Errorf("%s: %s %s at %d: %v", v.Name, name, what, i, err)
				}
			}
			for i := range bytes {
				flipped := slices.Clone(bytes)
				flipped[i] ^= 1 << (i % 8)
				refuse("flipped", i, flipped)
			}
			for i := range bytes {
				refuse("cut", i, bytes[:i])
			}
			refuse("longer", len(bytes), append(slices.Clone(bytes), 0))
			*part = good
		}
	}
	if held != 12 {
		t.Errorf("%d keys, want 12", held)
	}
}
