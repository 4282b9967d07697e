package issuer

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"kith/webid/passkey"
)

// Passkey is a WebAuthn credential by which an owner consents in a browser that
// has none of the owner's keys.
type Passkey struct {
	ID         []byte // the credential's
	Pod        string // URL of the owner's pod
	Handle     []byte // the owner's WebAuthn user handle, 32 random bytes
	Name       string // as the owner calls it
	Credential []byte // passkey.Record, as JSON
	Since      time.Time
	Used       time.Time // zero: never
}

// ErrPasskey refuses a passkey that was not made as it was asked for.
var ErrPasskey = errors.New("the passkey is not accepted")

// errAssertion is the one answer for a passkey that is unknown or does not sign
// the request.
var errAssertion = errors.New("passkey not accepted")

const passkeyTime = 5 * time.Minute

// making is a passkey under way.
type making struct{ challenge, handle []byte }

// newPasskeys returns the relying party of a host: its ID is the host of base,
// and only pages of base itself may use it. Where that is an IP address there are
// no passkeys, and it is nil. (WebAuthn Level 3 §5.1.2)
func newPasskeys(base *url.URL) *passkey.Party {
	if _, err := netip.ParseAddr(base.Hostname()); err == nil {
		return nil
	}
	return &passkey.Party{ID: strings.ToLower(base.Hostname()), Origin: origin(base)}
}

// origin writes an address's origin as browsers do. (HTML §ascii-serialisation-of-an-origin)
func origin(u *url.URL) string {
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}

// NewPasskey returns the options with which a browser makes a passkey for the
// owner of a pod, who has those that are known. (WebAuthn Level 3 §5.4)
func (s *Server) NewPasskey(pod string, known []Passkey) (options any, err error) {
	if s.passkeys == nil {
		return nil, fmt.Errorf("%w: browsers make none for an address of numbers", ErrPasskey)
	}
	m := making{make([]byte, 32), make([]byte, 32)}
	rand.Read(m.challenge)
	rand.Read(m.handle)
	var have [][]byte
	for _, p := range known {
		m.handle = p.Handle
		have = append(have, p.ID)
	}
	now := s.now()
	if !s.made.put(pod, pod+base64.RawURLEncoding.EncodeToString(m.challenge), m, now.Add(passkeyTime), now) {
		return nil, fmt.Errorf("begin passkey: %w", ErrFull)
	}
	return s.passkeys.CreationOptions(m.challenge, m.handle, pod, have), nil
}

// AddPasskey returns the passkey that a browser made by the options of
// NewPasskey: credential is what navigator.credentials.create gave, as JSON.
// ErrPasskey for anything else, and for options that are used, too old, or another
// pod's.
func (s *Server) AddPasskey(pod, name string, credential []byte) (Passkey, error) {
	made, err := passkey.Parse(credential)
	if err != nil {
		return Passkey{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	m, ok := s.made.take(pod+made.Challenge(), s.now())
	if !ok {
		return Passkey{}, fmt.Errorf("%w: it was not asked for, or too long ago", ErrPasskey)
	}
	record, err := s.passkeys.Made(made, m.challenge)
	if err != nil {
		return Passkey{}, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	text, err := json.Marshal(record)
	if err != nil {
		return Passkey{}, err
	}
	return Passkey{ID: record.ID, Pod: pod, Handle: m.handle, Name: plain(name, maxTitle), Credential: text, Since: s.now()}, nil
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
	if len(d.Credential) == 0 {
		writeJSON(w, http.StatusOK, s.passkeys.RequestOptions(challenge[:]))
		return nil
	}
	if d.Decision != "allow" {
		return fault{"invalid_request", "decision must be allow"}
	}
	pod, err := s.assert(r, challenge[:], d.Credential)
	if err != nil {
		return err
	}
	return s.allow(w, r, a, pod)
}

// assert returns the pod of the owner whose passkey signed the challenge, and keeps
// what has become of the passkey. (WebAuthn Level 3 §7.2)
func (s *Server) assert(r *http.Request, challenge, credential []byte) (pod string, err error) {
	shown, err := passkey.Parse(credential)
	if err != nil || len(shown.Handle) == 0 {
		return "", errAssertion
	}
	known, err := s.store.Passkeys(r.Context(), shown.Handle)
	if err != nil {
		return "", err
	}
	for _, p := range known {
		if !bytes.Equal(p.ID, shown.ID) || !bytes.Equal(p.Handle, shown.Handle) {
			continue
		}
		if p.Credential, err = s.used(p, shown, challenge); err != nil {
			return "", err
		}
		p.Used = s.now()
		return p.Pod, s.store.KeepPasskey(r.Context(), p)
	}
	return "", errAssertion
}

// used returns the record of a passkey that signed the challenge, as it is from then on.
func (s *Server) used(p Passkey, shown passkey.Response, challenge []byte) ([]byte, error) {
	var record passkey.Record
	if json.Unmarshal(p.Credential, &record) != nil {
		return nil, errAssertion
	}
	record, err := s.passkeys.Shown(shown, challenge, record)
	if err != nil {
		return nil, errAssertion
	}
	return json.Marshal(record)
}
