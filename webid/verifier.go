package webid

import (
	"errors"
	"net/http"
	"time"
)

var (
	// ErrToken is returned for credentials that are no access token of ours
	// that holds: answer 401 with error="invalid_token" (RFC 6750 §3.1).
	ErrToken = errors.New("invalid_token")
	// ErrProof is returned for a DPoP proof that does not fit the request:
	// 401, or 400 at the token endpoint, "invalid_dpop_proof" (RFC 9449 §7.1).
	ErrProof = errors.New("invalid_dpop_proof")
	// ErrNonce is returned for a proof that is right but made by another
	// clock: "use_dpop_nonce", with the header DPoP-Nonce (RFC 9449 §8, §9).
	ErrNonce = errors.New("use_dpop_nonce")
)

const maxAssertion = 120 * time.Second

// Verifier checks the proofs that requests carry. Its fields are set once,
// before first use; its methods may be called by many goroutines at a time.
type Verifier struct {
	Issuer string                         // configured base URL without trailing slash; never from a request
	Keys   []PrivateKey                   // the server's: the first signs access tokens, all verify
	Realm  func(url string) (Realm, bool) // the pod with exactly this URL
	Replay Replay                         // for proofs
	Now    func() time.Time
}

// Authenticate returns who makes the request r. The zero Agent means that r
// carries no credentials. Credentials that do not hold are an error, never
// anonymous: ErrToken, ErrProof or ErrNonce, which wrap the reason.
func (v *Verifier) Authenticate(r *http.Request) (Agent, error) {
	if len(r.Header.Values("Authorization")) == 0 {
		return Agent{}, nil
	}
	return Agent{}, ErrToken
}
