package webid

import (
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
// it. The proof is used up in the name of whose, which should be known by then.
// The error is ErrProof, ErrNonce or ErrReplayFull. (RFC 9449 §5)
func (v *Verifier) Prove(r *http.Request, whose ID) (Key, error) {
	p, err := v.proof(r, claim{})
	if err != nil {
		return Key{}, err
	}
	if err := once(r.Context(), v.Proofs, ErrProof, whose, p.id, p.until); err != nil {
		return Key{}, fmt.Errorf("use proof: %w", err)
	}
	return p.key, nil
}
