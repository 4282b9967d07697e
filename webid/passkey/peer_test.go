package passkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"kith/webid/passkey"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// peer is another relying party, which shares no code with ours.
type peer struct{ party *webauthn.WebAuthn }

func newPeer(t testing.TB, p passkey.Party) peer {
	t.Helper()
	verification := protocol.VerificationRequired
	if p.PresenceIsEnough {
		verification = protocol.VerificationDiscouraged
	}
	party, err := webauthn.New(&webauthn.Config{
		RPID: p.ID, RPDisplayName: "Peer", RPOrigins: []string{p.Origin},
		AuthenticatorSelection: protocol.AuthenticatorSelection{UserVerification: verification},
	})
	if err != nil {
		t.Fatal(err)
	}
	return peer{party}
}

// owner is the one whom peers know.
type owner struct {
	handle []byte
	known  []webauthn.Credential
}

func (o owner) WebAuthnID() []byte                         { return o.handle }
func (o owner) WebAuthnName() string                       { return "owner" }
func (o owner) WebAuthnDisplayName() string                { return "owner" }
func (o owner) WebAuthnCredentials() []webauthn.Credential { return o.known }

func (p peer) session(challenge []byte) webauthn.SessionData {
	return webauthn.SessionData{
		Challenge: b64(challenge), RelyingPartyID: p.party.Config.RPID,
		UserVerification: p.party.Config.AuthenticatorSelection.UserVerification,
	}
}

// made returns the JSON that the peer keeps of a passkey just made.
func (p peer) made(answer, challenge, handle []byte) (record []byte, err error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, err
	}
	session := p.session(challenge)
	session.UserID, session.CredParams = handle, webauthn.CredentialParametersDefault()
	c, err := p.party.CreateCredential(owner{handle: handle}, session, parsed)
	if err != nil {
		return nil, err
	}
	return json.Marshal(c)
}

// shown returns the JSON that the peer keeps of a passkey after it was shown.
func (p peer) shown(answer, challenge, record []byte) ([]byte, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, err
	}
	var c webauthn.Credential
	if err := json.Unmarshal(record, &c); err != nil {
		return nil, err
	}
	_, used, err := p.party.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		return owner{handle, []webauthn.Credential{c}}, nil
	}, p.session(challenge), parsed)
	if err != nil {
		return nil, err
	}
	if used.Authenticator.CloneWarning {
		return nil, errors.New("it may be a copy")
	}
	return json.Marshal(used)
}

func read(t testing.TB, record []byte) (k passkey.Record) {
	t.Helper()
	if err := json.Unmarshal(record, &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestPeersReadEachOther: a record that one party keeps is one that the other goes
// on with, whoever made it, use by use.
func TestPeersReadEachOther(t *testing.T) {
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p521, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	synced := newAuthenticator(t)
	synced.flags |= be | bs
	counting := newAuthenticator(t)
	counting.count = 7
	extended := newAuthenticator(t)
	extended.flags |= ed
	extended.extensions = encoded(map[string]any{"credProtect": 2})
	stated := newAuthenticator(t)
	stated.attest = func(o object) any {
		o.Fmt, o.Statement = "packed", map[string]any{"alg": -7, "sig": []byte("of a key that nobody asks about"), "x5c": []any{[]byte("x")}}
		return o
	}
	for name, a := range map[string]*authenticator{
		"ES256": newAuthenticator(t), "ES384": withECDSA(t, p384, -35, 2, crypto.SHA384), "ES512": withECDSA(t, p521, -36, 3, crypto.SHA512),
		"EdDSA": withEdDSA(t), "RS256": withRSA(t, 2048), "copied to other devices": synced, "counting": counting, "with extensions": extended,
		"with a statement": stated,
	} {
		t.Run(name, func(t *testing.T) {
			theirs := newPeer(t, example)
			challenge := newChallenge()
			answer := a.create(challenge)
			k, err := example.Made(parsed(t, answer), challenge)
			if err != nil {
				t.Fatal(err)
			}
			record := written(k)
			if a != stated { // whose statement the peer would look at
				if record, err = theirs.made(answer, challenge, a.handle); err != nil {
					t.Fatal(err)
				}
				if of := read(t, record); !slices.Equal(of.ID, k.ID) || !slices.Equal(of.PublicKey, k.PublicKey) || of.Flags != k.Flags || of.Authenticator != k.Authenticator {
					t.Fatalf("the peer keeps %+v, and we %+v", of, k)
				}
			}
			for turn := range 4 {
				if a.count > 0 {
					a.count++
				}
				challenge := newChallenge()
				answer := a.get(challenge)
				after, err := example.Shown(parsed(t, answer), challenge, read(t, record))
				if err != nil {
					t.Fatalf("turn %d: %v", turn, err)
				}
				if k := written(after); turn%2 == 0 {
					if record, err = theirs.shown(answer, challenge, record); err != nil {
						t.Fatalf("turn %d: %v", turn, err)
					}
				} else {
					record = k
				}
			}
		})
	}
}

// TestAKeptRecordGoesOn: what go-webauthn 0.18.2 wrote of a passkey, byte by byte.
func TestAKeptRecordGoesOn(t *testing.T) {
	v := vectors(t)[9] // EdDSA
	const kept = `{"id":"zp+EDtllmVgM0UD7x7syMGM/UPYQQa/3Mwiuccqoor0=","publicKey":"pAEBAycgBiFYIETgbd0zHDao3GZ7q1K8rmNIbJFqpeM55qzrqoSTS/gy","attestationType":"none","attestationFormat":"none","transport":["internal"],` +
		`"flags":{"userPresent":true,"userVerified":true,"backupEligible":false,"backupState":false},` +
		`"authenticator":{"AAGUID":"AAAAAAAAAAAAAAAAAAAAAA==","attachment":"platform"},"attestation":{"clientDataJSON":"e30=","object":"oA=="}}`
	var k passkey.Record
	if err := json.Unmarshal([]byte(kept), &k); err != nil {
		t.Fatal(err)
	}
	after, err := lax.Shown(parsed(t, v.answer(v.Shown)), unb64(t, v.Shown.Challenge), k)
	if err != nil || !slices.Equal(after.ID, k.ID) {
		t.Fatalf("%+v, %v", after, err)
	}
}
