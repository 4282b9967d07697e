// Package issuer is the token endpoint of a host of pods, the OpenID provider of
// their owners, and the public documents by which an app finds both. What a proof
// must be is decided in package webid; here it is put on HTTP. It keeps nothing
// by itself over a restart: grants and passkeys are kept by a Store.
//
//	POST /token                                      token exchange, codes, refresh tokens, client credentials;
//	                                                 all DPoP-bound (RFC 8693, RFC 6749, RFC 9449)
//	GET  /authorize                                  an app asks; the browser goes on to /#consent=<id> (OpenID Connect Core §3.1.2)
//	     /authorize/<id>, /authorize/<id>/passkey    the owner decides, by a device's key or a passkey
//	POST /register                                   dynamic registration (RFC 7591)
//	GET  /userinfo, /logout                          (OpenID Connect Core §5.3, RP-Initiated Logout §2)
//	GET  /.well-known/openid-configuration           OpenID Connect Discovery §3
//	GET  /.well-known/lws-configuration              RFC 8414 metadata
//	GET  /.well-known/oauth-protected-resource/NAME/ RFC 9728 metadata of one pod
//	GET  /.well-known/jwks.json                      public keys of tokens (RFC 7517)
//
// All but what leads a browser, or takes a decision, are open to every web origin,
// "null" included. No cookie is set or looked at.
//
// What anybody may cause is kept by whoever causes it: a client_id is what the
// client said of itself with a MAC, and the id of a request for consent is that
// request, sealed. What takes memory here is codes, for ten minutes, and which
// requests are decided: at most 4096 each. Who denies needs no proof, so denials
// have a memory of their own, and are forgotten where it is full.
//
//	asked     sealed {client, redirect, state, nonce, PKCE, scope, end}    10 minutes, one decision
//	code      b64u of 32 random bytes, for one asked and one pod           60 s, one try
//	refresh   <grant> "." <turn> "." b64u MAC                              30 days from its last use, one use
//	access    JWT, at+jwt, with the grant; ID token likewise               600 s, and only while the grant holds
//
// A Server owns no goroutine.
package issuer

import (
	"crypto/cipher"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kith/webid"
	"kith/webid/passkey"
)

// Realms finds the pods of the host.
type Realms interface {
	// Realm returns the pod whose URL, with its trailing slash, is exactly url.
	Realm(url string) (webid.Realm, bool)
}

// Config is what New needs. All fields but Replay and Proofs are required.
type Config struct {
	Issuer string             // configured base URL without trailing slash, for example http://localhost:8420
	Keys   []webid.PrivateKey // kept by the caller; the first signs access tokens, all verify
	Realms Realms
	Store  Store
	Secret []byte       // 32 bytes, kept by the caller: makes client IDs and refresh tokens
	Replay webid.Replay // for self-issued JWTs; nil: in memory
	Proofs webid.Replay // for DPoP proofs; nil: in memory
	Now    func() time.Time
}

// proofsEach is how many proofs of one agent are remembered at a time: more
// than 40 requests a second for as long as a proof can be repeated.
const proofsEach = 4096

// Server answers at the token endpoint and the provider's others.
type Server struct {
	issuer   string
	key      webid.PrivateKey // signs
	keys     []webid.Key
	realms   Realms
	store    Store
	now      func() time.Time
	verifier *webid.Verifier
	secret   []byte
	sealer   cipher.AEAD    // of requests for consent
	passkeys *passkey.Party // nil: no browser makes any for this address

	decided memory[struct{}] // requests for consent that an owner allowed, by their tag
	denied  memory[struct{}] // and others, by anybody: as far as there is room
	codes   memory[pending]  // by the code
	made    memory[making]   // passkeys under way, by their pod and challenge
}

// New returns a Server. The error says which field of c cannot be used.
func New(c Config) (*Server, error) {
	base, err := url.Parse(c.Issuer)
	if err != nil || !(webid.Way{Pod: c.Issuer + "/", Issuer: c.Issuer}).Valid() || base.Scheme+"://"+base.Host != c.Issuer {
		return nil, fmt.Errorf("open issuer: %q is not scheme://host without a path", c.Issuer)
	}
	if len(c.Keys) == 0 || c.Realms == nil || c.Store == nil || len(c.Secret) != 32 || c.Now == nil {
		return nil, errors.New("open issuer: Keys, Realms, Store, a Secret of 32 bytes and Now are required")
	}
	s := &Server{
		issuer: c.Issuer, key: c.Keys[0], realms: c.Realms, store: c.Store, secret: c.Secret, now: c.Now,
		passkeys: newPasskeys(base),
	}
	if s.sealer, err = newSealer(); err != nil {
		return nil, fmt.Errorf("open issuer: %w", err)
	}
	for _, k := range c.Keys {
		if k.Public().IsZero() {
			return nil, errors.New("open issuer: a key is empty")
		}
		s.keys = append(s.keys, k.Public())
	}
	if c.Replay == nil {
		c.Replay = webid.NewReplay(proofsEach, c.Now)
	}
	if c.Proofs == nil {
		c.Proofs = webid.NewReplay(proofsEach, c.Now)
	}
	s.verifier = &webid.Verifier{
		Issuer: c.Issuer, Keys: c.Keys, Realms: c.Realms.Realm,
		Assertions: c.Replay, Proofs: c.Proofs, Now: c.Now, Grants: s.holds,
	}
	return s, nil
}

// Verifier returns what authenticates requests that carry this issuer's tokens.
func (s *Server) Verifier() *webid.Verifier { return s.verifier }

// Challenge sets the headers of a 401 answer for the pod at realm, its URL with
// a trailing slash. err is what Verifier.Authenticate returned, nil when there were
// no credentials. (protocol §1.3; RFC 9449 §7.1; RFC 9728 §5.1)
func (s *Server) Challenge(h http.Header, realm string, err error) {
	realm = quotable.Replace(realm)
	name := strings.TrimPrefix(realm, s.issuer+"/")
	value := fmt.Sprintf(`DPoP as_uri="%s", realm="%s", algs="ES256", resource_metadata="%s"`,
		s.issuer, realm, s.issuer+metadataPath+name)
	for _, known := range []error{webid.ErrNonce, webid.ErrProof, webid.ErrToken} {
		if errors.Is(err, known) {
			value += fmt.Sprintf(`, error="%s"`, known)
			var verdict webid.Verdict
			if errors.As(err, &verdict) && known != webid.ErrNonce {
				value += fmt.Sprintf(`, error_description="%s"`, verdict)
			}
			break
		}
	}
	h.Set("WWW-Authenticate", value)
	if errors.Is(err, webid.ErrNonce) {
		h.Set("DPoP-Nonce", s.verifier.Nonce())
	}
}

// quotable makes a text fit between quotes. (RFC 9110 §5.6.4)
var quotable = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
