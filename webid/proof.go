package webid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// A proof's iat may be this far behind or ahead of the server's clock.
const (
	proofPast   = 60 * time.Second
	proofFuture = 30 * time.Second
)

// proof is a DPoP proof that fits its request; whether it is new is for Replay
// to say.
type proof struct {
	key     Key
	id      string    // hash of key and jti
	until   time.Time // it fits no request after this
	byNonce bool      // it holds whatever its clock
}

// proof checks the DPoP proof of r, which carries the access token whose hash
// is ath; ath is "" at the token endpoint. (RFC 9449 §4.3)
func (v *Verifier) proof(r *http.Request, ath string) (proof, error) {
	fields := r.Header.Values("DPoP")
	if len(fields) != 1 {
		return proof{}, fmt.Errorf("%w: %w", ErrProof, Malformed)
	}
	c, key, err := parseProof(fields[0])
	if err == nil {
		err = c.fits(r.Method, v.Issuer+r.URL.EscapedPath(), ath)
	}
	if err == nil {
		err = c.verify(key)
	}
	if err != nil {
		return proof{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	p := proof{key: key, id: hash64([]byte(key.Thumbprint() + " " + c.payload.text("jti", maxJTI)))}
	iat := time.Unix(int64(c.payload.number("iat", 0)), 0)
	if p.until, p.byNonce = v.window(iat, c.payload.optional("nonce", maxJTI)); p.until.IsZero() {
		return proof{}, fmt.Errorf("%w: %w", ErrNonce, notFresh)
	}
	return p, nil
}

const maxJTI = 256 // bytes of a jti or nonce

// parseProof reads a proof whose claims are all there, and its key. Nothing is
// verified yet.
func parseProof(text string) (compact, Key, error) {
	c, err := parseCompact(text, maxToken)
	if err != nil {
		return c, Key{}, err
	}
	if err := c.expect("dpop+jwt", "jwk"); err != nil {
		return c, Key{}, err
	}
	var key Key
	if !c.header.get("jwk", &key) {
		return c, Key{}, wrongHeader
	}
	p := c.payload
	p.text("htm", 32)
	p.text("htu", maxToken)
	p.number("iat", 0)
	p.optional("ath", 43)
	p.optional("nonce", maxJTI)
	if p.text("jti", maxJTI) == "" {
		p.fail()
	}
	return c, key, p.err
}

// fits compares what the proof is for with what it came with.
func (c compact) fits(method, address, ath string) error {
	switch p := c.payload; {
	case p.text("htm", 32) != method:
		return wrongMethod
	case !sameAddress(p.text("htu", maxToken), address):
		return wrongAddress
	case ath != "" && p.optional("ath", 43) != ath:
		return wrongToken
	}
	return nil
}

// window returns until when a proof made at iat with nonce can be used, and
// whether that is by the nonce; zero when it cannot be used at this time.
func (v *Verifier) window(iat time.Time, nonce string) (until time.Time, byNonce bool) {
	now := v.Now()
	if !iat.Before(now.Add(-proofPast)) && !iat.After(now.Add(proofFuture)) {
		until = iat.Add(proofPast + time.Second)
	}
	if end := v.nonces.end(nonce, now); !end.IsZero() {
		byNonce = true
		if end.After(until) {
			until = end
		}
	}
	return until, byNonce
}

// once uses up the id of a proof or an assertion in the name of sub. For one
// that was used before the error is also sentinel.
func once(ctx context.Context, memory Replay, sentinel error, sub ID, id string, until time.Time) error {
	err := memory.Use(ctx, string(sub)+" "+id, until)
	if errors.Is(err, ErrReplayed) {
		return fmt.Errorf("%w: %w", sentinel, err)
	}
	if err != nil {
		return fmt.Errorf("remember proof: %w", err)
	}
	return nil
}
