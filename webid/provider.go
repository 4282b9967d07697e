package webid

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
)

// This file has what a token endpoint needs of the keys and proofs of this
// package, beside Exchange: package issuer decides who gets a token.

// Token returns claims as a JWT of the media type typ, for example at+jwt. It is
// signed by ES256, with the thumbprint of k as its kid. (RFC 7519, RFC 9068 §2.1)
func (k PrivateKey) Token(typ string, claims map[string]any) (string, error) {
	return k.sign(typ, "kid", k.Public().Thumbprint(), claims)
}

// Prove checks the DPoP proof of a token request and returns the key that made
// it. use uses the proof up in the name of somebody; it is called once it is known
// who that is, so that strangers fill no memory. The errors are ErrProof and
// ErrNonce, and of use ErrProof and ErrReplayFull. (RFC 9449 §5)
func (v *Verifier) Prove(r *http.Request) (key Key, use func(whose ID) error, err error) {
	p, err := v.proof(r, claim{})
	if err != nil {
		return Key{}, nil, err
	}
	return p.key, func(whose ID) error {
		return once(r.Context(), v.Proofs, ErrProof, whose, p.id, p.until)
	}, nil
}

// Device returns the did:key of the device of a pod's owner that makes the
// request r. The request carries a token for that pod, though its address lies
// in none: the owner decides there about something of the host. What an app
// shows, or another person, is ErrToken; the other errors are those of
// Authenticate. No credentials are ErrToken too.
func (v *Verifier) Device(r *http.Request, pod string) (kid string, err error) {
	a, p, err := v.bound(r)
	if err != nil {
		return "", err
	}
	realm, ok := v.Realms(pod)
	if !ok || a.kid == "" || a.aud != pod || a.sub != realm.Owner() {
		return "", fmt.Errorf("%w: %w", ErrToken, wrongAudience)
	}
	lists, err := realm.Lists(r.Context())
	if err != nil {
		return "", fmt.Errorf("find owner's devices: %w", err)
	}
	if !lists.Devices.Can(a.kid, mayPost) {
		return "", fmt.Errorf("%w: %w", ErrToken, ErrUnknown)
	}
	return a.kid, once(r.Context(), v.Proofs, ErrProof, a.sub, p.id, p.until)
}

// Consented returns whose consent the request r carries: the WebID of an owner
// and the consent's id, from a token of our own provider. The errors are those
// of Authenticate; anything else that is shown, or nothing, is ErrToken.
func (v *Verifier) Consented(r *http.Request) (owner ID, consent string, err error) {
	a, p, err := v.bound(r)
	if err != nil {
		return "", "", err
	}
	if a.consent == "" || v.Grants == nil || !v.Grants(r.Context(), a.consent) {
		return "", "", fmt.Errorf("%w: %w", ErrToken, ErrUnknown)
	}
	return a.sub, a.consent, once(r.Context(), v.Proofs, ErrProof, a.sub, p.id, p.until)
}

// bound returns the access token of this issuer that r carries, and the proof by
// the key that it is bound to.
func (v *Verifier) bound(r *http.Request) (access, proof, error) {
	fields := r.Header.Values("Authorization")
	if len(fields) == 0 {
		return access{}, proof{}, fmt.Errorf("%w: %w", ErrToken, Malformed)
	}
	token, ok := credentials(fields)
	if !ok {
		return access{}, proof{}, fmt.Errorf("%w: %w", ErrToken, Malformed)
	}
	sum := sha256.Sum256([]byte(token))
	t, err := v.present(token, sum)
	if err == nil && t.rest != nil {
		err = wrongAudience
	}
	if err != nil {
		return access{}, proof{}, fmt.Errorf("%w: %w", ErrToken, err)
	}
	p, err := v.proof(r, claim{ath: encode64(sum[:]), optional: t.kid == ""})
	if err == nil && p.key.Thumbprint() != t.jkt {
		err = fmt.Errorf("%w: %w", ErrProof, wrongToken)
	}
	return t.access, p, err
}

// Read returns the claims of a JWT that was signed by one of the server's keys
// for the purpose typ, whatever its times say. The error is a Verdict.
func (v *Verifier) Read(token, typ string) (map[string]json.RawMessage, error) {
	c, err := parseCompact(token, maxToken)
	if err == nil {
		err = c.expect(typ, "kid")
	}
	if err == nil {
		err = c.verify(v.tokenKey(c.header.text("kid", 64)))
	}
	if err != nil {
		return nil, err
	}
	return c.payload.raw, nil
}
