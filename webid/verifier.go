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

	nonces  nonces
	tokens  recent[access]
	foreign recent[access] // by other issuers
	shown   recent[DeviceList]
}

// Authenticate returns who makes the request r, which must still have the URL
// that was asked for. The zero Agent means that r carries no credentials.
// Credentials that do not hold are an error, never anonymous: ErrToken,
// ErrProof or ErrNonce, which wrap the reason, ErrReplayFull or ErrBusy. Any
// other error is one of the Realm, or of the context.
// (RFC 9449 §7; Solid-OIDC §dpop-validation; protocol §1.2, §1.3, §1.6)
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
	t, err := v.present(token, sum)
	if err != nil {
		return Agent{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	// The clients of Solid-OIDC send no ath; the key binds their proofs. (protocol §1.3)
	p, err := v.proof(r, claim{ath: encode64(sum[:]), optional: t.kid == ""})
	if err != nil {
		return Agent{}, err
	}
	if p.key.Thumbprint() != t.jkt {
		return Agent{}, fmt.Errorf("%w: %w", ErrProof, wrongToken)
	}
	if t.rest != nil {
		if err := v.trust(r, *t.rest); err != nil {
			return Agent{}, err
		}
		v.foreign.put(sum, t.access, maxForeign)
	}
	return v.admitted(r, t.access, p)
}

// trust verifies a token of another issuer, for an asker who may cause requests.
func (v *Verifier) trust(r *http.Request, t claimed) error {
	if v.Documents != nil && !v.Documents.Admit(r) {
		return fmt.Errorf("verify token of another issuer: %w", ErrBusy)
	}
	err := v.confirm(r.Context(), t)
	var verdict Verdict
	if errors.As(err, &verdict) {
		return fmt.Errorf("%w: %w", ErrToken, verdict)
	}
	return err
}

// admitted returns whom a means, and uses the proof up in the memory that is
// that agent's share.
func (v *Verifier) admitted(r *http.Request, a access, p proof) (Agent, error) {
	agent, err := v.agent(r, a)
	if err != nil {
		return Agent{}, err
	}
	memory := v.Proofs
	if !agent.owner && agent.contact == "" {
		if memory = v.Strangers; memory == nil {
			return Agent{}, fmt.Errorf("%w: %w", ErrToken, ErrUnknown)
		}
	}
	if err := once(r.Context(), memory, ErrProof, a.sub, p.id, p.until); err != nil {
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
	if a.kid == "" {
		return v.named(r, a)
	}
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

// named returns whom a token for a WebID means to the pod that r asks. For a name
// that nobody has it is the same stranger as for a pod whose owner does not know
// the WebID. (protocol §1.2, §1.4)
func (v *Verifier) named(r *http.Request, a access) (Agent, error) {
	pod := v.podOf(r.URL.EscapedPath())
	if a.aud != "" && a.aud != pod {
		return Agent{}, fmt.Errorf("%w: %w", ErrToken, wrongAudience)
	}
	if a.consent != "" && (v.Grants == nil || !v.Grants(r.Context(), a.consent)) {
		return Agent{}, fmt.Errorf("%w: %w", ErrToken, ErrUnknown)
	}
	realm, ok := v.Realms(pod)
	if !ok {
		realm = nowhere{}
	}
	if a.sub == realm.Owner() {
		if a.consent == "" { // no other issuer speaks for the people of this host
			return Agent{}, fmt.Errorf("%w: %w", ErrToken, notVouched)
		}
		return AppAgent(a.sub, a.client, a.consent), nil
	}
	c, err := realm.ByID(r.Context(), a.sub)
	if known(err) != nil {
		return Agent{}, fmt.Errorf("find contact: %w", err)
	}
	agent := StrangerAgent(a.sub)
	switch {
	case err == nil && c.Proves(a.sub):
		agent = contactAgent(c, "")
	case err == nil:
		agent = StrangerAgent(blocked + a.sub)
	}
	agent.client, agent.consent = a.client, a.consent
	return agent, nil
}

// blocked begins the ID of a blocked contact: somebody whom no ACL can name, since
// it is no IRI. So what names the contact's own WebID does not hold either, and the
// answer is that for a stranger whom nothing names. Each WebID has its own, so that
// what is counted for an agent is not counted for all who are blocked.
const blocked ID = "a blocked contact: "

// podOf returns the URL of the pod that path lies in, whether there is one or not.
func (v *Verifier) podOf(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return v.Issuer + "/" + name + "/"
}

// Nonce returns a value for the header DPoP-Nonce, to go with an answer to
// ErrNonce. It holds for five minutes at this Verifier. (RFC 9449 §8.2)
func (v *Verifier) Nonce() string { return v.nonces.make(v.Now()) }
