package issuer

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Passkey is a WebAuthn credential by which an owner consents in a browser that
// has none of the owner's keys.
type Passkey struct {
	ID         []byte // the credential's
	Pod        string // URL of the owner's pod
	Handle     []byte // the owner's WebAuthn user handle, 32 random bytes
	Name       string // as the owner calls it
	Credential []byte // public key, counter and flags, as JSON
	Since      time.Time
	Used       time.Time // zero: never
}

// ErrPasskey refuses a passkey that was not made as it was asked for.
var ErrPasskey = errors.New("the passkey is not accepted")

// errAssertion is the one answer for a passkey that is unknown or does not sign
// the request.
var errAssertion = errors.New("passkey not accepted")

const passkeyTime = 5 * time.Minute

// newPasskeys returns the relying party of a host: its ID is the host of BASE,
// and only pages of BASE itself may use it. Where that is an IP address there are
// no passkeys, and it is nil. (WebAuthn Level 3 §5.1.2)
func newPasskeys(base *url.URL) (*webauthn.WebAuthn, error) {
	if _, err := netip.ParseAddr(base.Hostname()); err == nil {
		return nil, nil
	}
	return webauthn.New(&webauthn.Config{
		RPID: base.Hostname(), RPDisplayName: "Kith", RPOrigins: []string{base.Scheme + "://" + base.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
	})
}

// keyholder is an owner as WebAuthn sees one.
type keyholder struct {
	pod    string
	handle []byte
	known  []Passkey
}

func (k keyholder) WebAuthnID() []byte          { return k.handle }
func (k keyholder) WebAuthnName() string        { return k.pod }
func (k keyholder) WebAuthnDisplayName() string { return k.pod }

func (k keyholder) WebAuthnCredentials() []webauthn.Credential {
	var all []webauthn.Credential
	for _, p := range k.known {
		var c webauthn.Credential
		if json.Unmarshal(p.Credential, &c) == nil {
			all = append(all, c)
		}
	}
	return all
}

// NewPasskey returns the options with which a browser makes a passkey for the
// owner of a pod, who has those that are known. (WebAuthn Level 3 §5.4)
func (s *Server) NewPasskey(pod string, known []Passkey) (options any, err error) {
	if s.passkeys == nil {
		return nil, fmt.Errorf("%w: browsers make none for an address of numbers", ErrPasskey)
	}
	owner := keyholder{pod: pod, handle: make([]byte, 32), known: known}
	rand.Read(owner.handle)
	var have []protocol.CredentialDescriptor
	for _, p := range known {
		owner.handle = p.Handle
		have = append(have, protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: p.ID})
	}
	creation, session, err := s.passkeys.BeginRegistration(owner, webauthn.WithExclusions(have))
	if err != nil {
		return nil, fmt.Errorf("begin passkey: %w", err)
	}
	now := s.now()
	session.Expires = time.Time{} // the clock here is another
	if !s.made.put(pod, pod+session.Challenge, *session, now.Add(passkeyTime), now) {
		return nil, fmt.Errorf("begin passkey: %w", ErrFull)
	}
	return creation, nil
}

// AddPasskey returns the passkey that a browser made by the options of
// NewPasskey: credential is what navigator.credentials.create gave, as JSON.
// ErrPasskey for anything else, and for options that are used, too old, or another
// pod's.
func (s *Server) AddPasskey(pod, name string, known []Passkey, credential []byte) (Passkey, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(credential)
	if err != nil {
		return Passkey{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	session, ok := s.made.take(pod+parsed.Response.CollectedClientData.Challenge, s.now())
	owner := keyholder{pod: pod, handle: session.UserID, known: known}
	if !ok {
		return Passkey{}, fmt.Errorf("%w: it was not asked for, or too long ago", ErrPasskey)
	}
	made, err := s.passkeys.CreateCredential(owner, session, parsed)
	if err != nil {
		return Passkey{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	text, err := json.Marshal(made)
	if err != nil {
		return Passkey{}, err
	}
	return Passkey{ID: made.ID, Pod: pod, Handle: session.UserID, Name: plain(name, maxTitle), Credential: text, Since: s.now()}, nil
}

// decideByPasskey answers `/authorize/<id>/passkey`: first with the options for
// navigator.credentials.get, then, to their result, with where to go back to. The
// challenge is a digest of the request's ID, so an assertion allows that request
// and no other.
func (s *Server) decideByPasskey(w http.ResponseWriter, r *http.Request, a asked) error {
	var d decision
	if err := readDecision(w, r, &d); err != nil {
		return err
	}
	if s.passkeys == nil {
		return errAssertion
	}
	challenge := sha256.Sum256([]byte("kith passkey 1\x00" + a.ID))
	options, session, err := s.passkeys.BeginDiscoverableLogin(webauthn.WithChallenge(challenge[:]), webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return fmt.Errorf("begin assertion: %w", err)
	}
	if len(d.Credential) == 0 {
		writeJSON(w, http.StatusOK, options)
		return nil
	}
	if d.Decision != "allow" {
		return fault{"invalid_request", "decision must be allow"}
	}
	session.Expires = time.Time{} // the request's own end counts
	pod, err := s.assert(r, *session, d.Credential)
	if err != nil {
		return err
	}
	return s.allow(w, r, a, pod)
}

// assert returns the pod of the owner whose passkey signed the session's
// challenge. (WebAuthn Level 3 §7.2)
func (s *Server) assert(r *http.Request, session webauthn.SessionData, credential []byte) (pod string, err error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(credential)
	if err != nil {
		return "", errAssertion
	}
	var broken error
	user, used, err := s.passkeys.ValidatePasskeyLogin(func(_, handle []byte) (webauthn.User, error) {
		known, err := s.store.Passkeys(r.Context(), handle)
		if err != nil || len(known) == 0 {
			broken = err
			return nil, errAssertion
		}
		return keyholder{pod: known[0].Pod, handle: handle, known: known}, nil
	}, session, parsed)
	if broken != nil {
		return "", broken
	}
	owner, ok := user.(keyholder)
	if err != nil || !ok || used.Authenticator.CloneWarning {
		return "", errAssertion
	}
	return owner.pod, s.noteAssertion(r, owner, used)
}

// noteAssertion keeps the counter of a passkey that was used.
func (s *Server) noteAssertion(r *http.Request, owner keyholder, used *webauthn.Credential) (err error) {
	for _, p := range owner.known {
		if !bytes.Equal(p.ID, used.ID) {
			continue
		}
		if p.Credential, err = json.Marshal(used); err != nil {
			return err
		}
		p.Used = s.now()
		return s.store.KeepPasskey(r.Context(), p)
	}
	return errAssertion
}
