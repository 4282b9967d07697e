package webid

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

var (
	// ErrToken is returned for credentials that do not hold: answer 401 with
	// error="invalid_token" (RFC 6750 §3.1).
	ErrToken = errors.New("invalid_token")
	// ErrProof is returned for a DPoP proof that does not fit its request: 401,
	// or 400 at the token endpoint, "invalid_dpop_proof" (RFC 9449 §7.1, §5).
	ErrProof = errors.New("invalid_dpop_proof")
	// ErrNonce is returned for a proof that is right but for its clock: answer
	// "use_dpop_nonce" and the header DPoP-Nonce (RFC 9449 §8, §9).
	ErrNonce = errors.New("use_dpop_nonce")
)

const maxAssertion = 120 * time.Second

// Verifier checks the proofs that requests carry. Its fields are set before its
// first use and not changed; its methods may run in many goroutines at once.
type Verifier struct {
	Issuer     string                         // configured base URL without trailing slash; never from a request
	Keys       []PrivateKey                   // the server's: the first signs access tokens, all verify
	Realms     func(url string) (Realm, bool) // the pod with exactly this URL
	Assertions Replay                         // for self-issued JWTs; best kept over a restart
	Proofs     Replay                         // for DPoP proofs
	Now        func() time.Time

	// Strangers remembers the DPoP proofs of those who are neither the owner nor a
	// contact, who must not fill the memory of those who are; nil refuses them.
	Strangers Replay
	// Documents gets the keys of other issuers and the profiles of their people;
	// nil refuses tokens of other issuers.
	Documents Documents
	// Grants reports whether the owner's consent with this id, the grant of a token
	// of our own provider, still holds; nil refuses such tokens.
	Grants func(ctx context.Context, grant string) bool

	nonces nonces
	tokens recent[access]
	shown  recent[DeviceList]
}

// Authenticate returns who makes the request r, which must still have the URL
// that was asked for. The zero Agent means that r carries no credentials.
// Credentials that do not hold are an error, never anonymous: ErrToken,
// ErrProof or ErrNonce, which wrap the reason, or ErrReplayFull. Any other error is
// one of the Realm. (RFC 9449 §7; protocol §1.2, §1.3)
func (v *Verifier) Authenticate(r *http.Request) (Agent, error) {
	fields := r.Header.Values("Authorization")
	if len(fields) == 0 {
		return Agent{}, nil
	}
	token, ok := credentials(fields)
	if !ok {
		return Agent{}, fmt.Errorf("%w: %w", ErrToken, Malformed)
	}
	sum := sha256.Sum256([]byte(token))
	a, err := v.access(token, sum)
	if err != nil {
		return Agent{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	p, err := v.proof(r, encode64(sum[:]))
	if err != nil {
		return Agent{}, err
	}
	if p.key.Thumbprint() != a.jkt {
		return Agent{}, fmt.Errorf("%w: %w", ErrProof, wrongToken)
	}
	agent, err := v.agent(r, a)
	if err != nil {
		return Agent{}, err
	}
	if err := once(r.Context(), v.Proofs, ErrProof, a.sub, p.id, p.until); err != nil {
		return Agent{}, err
	}
	return agent, nil
}

// credentials returns the token of the one Authorization field, of scheme DPoP.
// Any other scheme is refused: a Bearer token is bound to no key.
func credentials(fields []string) (string, bool) {
	scheme, token, ok := strings.Cut(fields[0], " ")
	token = strings.TrimLeft(token, " ")
	return token, ok && len(fields) == 1 && len(token) <= maxToken && strings.EqualFold(scheme, "DPoP")
}

// agent returns whom the access token a means at this moment, for the pod that
// r asks: the contact's record, or the owner's device list, is looked at anew.
func (v *Verifier) agent(r *http.Request, a access) (Agent, error) {
	realm, ok := v.Realms(a.aud)
	if !ok || !strings.HasPrefix(v.Issuer+r.URL.EscapedPath(), a.aud) {
		return Agent{}, fmt.Errorf("%w: %w", ErrToken, wrongAudience)
	}
	if a.sub == realm.Owner() {
		lists, err := realm.Lists(r.Context())
		if err != nil {
			return Agent{}, fmt.Errorf("find owner's devices: %w", err)
		}
		if !lists.Devices.Can(a.kid, mayPost) {
			return Agent{}, fmt.Errorf("%w: %w", ErrToken, ErrUnknown)
		}
		return OwnerAgent(a.sub, a.kid), nil
	}
	c, err := realm.ByID(r.Context(), a.sub)
	if known(err) != nil {
		return Agent{}, fmt.Errorf("find contact: %w", err)
	}
	if err != nil || c.ID != a.sub || c.Grant != a.grant || !c.Proves(ID(a.kid)) {
		return Agent{}, fmt.Errorf("%w: %w", ErrToken, ErrUnknown)
	}
	return contactAgent(c, a.kid), nil
}

// Nonce returns a value for the header DPoP-Nonce, to go with an answer to
// ErrNonce. It holds for five minutes at this Verifier. (RFC 9449 §8.2)
func (v *Verifier) Nonce() string { return v.nonces.make(v.Now()) }
