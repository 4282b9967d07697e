package webid

import (
	"time"
)

// assertion is a self-issued JWT that its signer made for this issuer.
type assertion struct {
	kid   string // did:key of the device that signed
	id    string // hash of kid and jti
	until time.Time
}

// assertion checks a self-issued JWT that came with the proof p. When p holds
// by its nonce and is by the same key, it shows by itself that the device
// answers now, and the device's clock is not asked. (protocol §1.3)
func (v *Verifier) assertion(text string, p proof) (assertion, error) {
	c, signer, err := openSigned(text, "JWT", maxToken)
	if err != nil {
		return assertion{}, err
	}
	m, me := c.payload, signer.String()
	iat, exp := m.number("iat", 0), m.number("exp", 0)
	iss, sub, client, aud := m.text("iss", maxID), m.text("sub", maxID), m.text("client_id", maxID), m.text("aud", maxID)
	jti, known := decode64(m.text("jti", maxJTI))
	a := assertion{kid: me, id: hash64([]byte(me + " " + string(jti))), until: time.Unix(int64(exp), 0)}
	switch {
	case m.err != nil || !known || len(jti) < 16:
		return assertion{}, Malformed
	case iss != me || sub != me || client != me:
		return assertion{}, wrongSubject
	case aud != v.Issuer:
		return assertion{}, wrongAudience
	case p.byNonce && p.key == signer:
		a.until = p.until
	case !v.current(iat, exp):
		return assertion{}, notFresh
	}
	return a, nil
}

// current reports whether a JWT with these times, in seconds, holds now.
func (v *Verifier) current(iat, exp uint64) bool {
	now := v.Now()
	if exp <= iat || exp-iat > uint64(maxAssertion/time.Second) {
		return false
	}
	return !time.Unix(int64(iat), 0).After(now.Add(proofFuture)) && time.Unix(int64(exp), 0).After(now)
}
