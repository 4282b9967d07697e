package issuer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"kith/webid"
)

var (
	// ErrUnknown is returned by a Store for what it does not have.
	ErrUnknown = errors.New("not known here")
	// ErrOff is returned by a Store where the owner does not sign in elsewhere.
	ErrOff = errors.New("the owner does not sign in elsewhere")
	// ErrFull is returned by a Store that takes no more of a kind.
	ErrFull = errors.New("too many are kept")
	// ErrSpent is returned by a Store for a refresh token that was used before.
	ErrSpent = errors.New("used before")
)

// Grant is what an owner allowed an app or a script: to act with the owner's
// WebID until the grant is removed. Its tokens carry its ID.
type Grant struct {
	ID     string    // random, 26 characters
	Pod    string    // URL of the owner's pod
	Kind   string    // KindApp or KindCredentials
	Client string    // client_id
	Name   string    // what the app calls itself, or the owner's label for a script
	Scope  string    // as granted, with spaces
	Secret []byte    // SHA-256 of a script's secret, nil for an app
	Key    string    // thumbprint of the key that refresh tokens are bound to, "" while there is none
	Turn   uint64    // number of the one refresh token that holds
	Signed time.Time // when the owner proved who they are (OpenID auth_time)
	Since  time.Time
	Used   time.Time // about when it was last used; zero: never
	Ends   time.Time // it is as good as removed from then on; zero: never
}

// The kinds of a Grant.
const (
	KindApp         = "app"
	KindCredentials = "credentials"
)

// Store keeps what outlives a restart. Each of its methods is one transaction,
// and they may be called from many goroutines.
type Store interface {
	// Grant returns the grant with an ID, or ErrUnknown; also for one that has
	// ended, and for one of an owner who does not sign in elsewhere any more.
	Grant(ctx context.Context, id string) (Grant, error)
	// AddGrant keeps a grant; where there are too many, it forgets the one of an
	// app that was used longest ago. ErrOff, ErrFull.
	AddGrant(ctx context.Context, g Grant) error
	// Turn sets the turn and the end of a grant to those of g, if its turn is the
	// one before; ErrSpent if it is another, or if there is no such grant any more.
	Turn(ctx context.Context, g Grant) error
	// Used notes that a grant was used.
	Used(ctx context.Context, g Grant) error
	// EndGrant removes a grant, if it is there.
	EndGrant(ctx context.Context, id string) error
	// Ready makes sure that the profile of a pod's owner can be read, without which
	// no token of theirs is worth anything. ErrOff, ErrUnknown.
	Ready(ctx context.Context, pod string) error
	// Passkeys returns the passkeys with a WebAuthn user handle, which are all of
	// one owner; none is no error.
	Passkeys(ctx context.Context, handle []byte) ([]Passkey, error)
	// KeepPasskey keeps what has become of a passkey by its use.
	KeepPasskey(ctx context.Context, p Passkey) error
}

// NewCredentials returns a grant for a script of the owner of pod, and its
// secret, which is kept nowhere: 43 characters. label is for the owner's list.
func NewCredentials(pod, label string, now time.Time) (Grant, string) {
	secret := randomSecret()
	g := Grant{ID: rand.Text(), Pod: pod, Kind: KindCredentials, Name: label, Scope: "webid", Secret: digest(secret), Since: now}
	g.Client = g.ID
	return g, secret
}

// randomSecret returns 256 random bits in base64url, 43 characters.
func randomSecret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// accessLife is how long an access token for a Solid server holds. A grant that
// is removed is refused here at once, and elsewhere when its last token ends.
const accessLife = 600 * time.Second

// accessToken returns a token with which the holder of key acts as the owner, at
// this host and at every Solid server. (Solid-OIDC §obtaining-access-token; RFC 9068 §2.2)
func (s *Server) accessToken(g Grant, key webid.Key) (string, error) {
	owner, err := s.owner(g.Pod)
	if err != nil {
		return "", err
	}
	now := s.now()
	return s.key.Token("at+jwt", map[string]any{
		"iss": s.issuer, "aud": "solid", "sub": owner, "webid": owner, "client_id": g.Client, "scope": g.Scope,
		"iat": now.Unix(), "exp": now.Add(accessLife).Unix(), "jti": rand.Text(),
		"cnf": map[string]string{"jkt": key.Thumbprint()}, "grant": g.ID,
	})
}

// owner returns the WebID of a pod's owner.
func (s *Server) owner(pod string) (webid.ID, error) {
	realm, ok := s.realms.Realm(pod)
	if !ok {
		return "", fmt.Errorf("find owner: %w", ErrUnknown)
	}
	return realm.Owner(), nil
}

// holds reports whether a grant has not been removed.
func (s *Server) holds(ctx context.Context, id string) bool {
	_, err := s.store.Grant(ctx, id)
	return err == nil
}
