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

// claim is what a proof must say of the access token that comes with it: its
// hash, "" at the token endpoint, where there is none.
type claim struct {
	ath      string
	optional bool // it may be silent, but not say another
}

// proof checks the DPoP proof of r. (RFC 9449 §4.3)
func (v *Verifier) proof(r *http.Request, token claim) (proof, error) {
	fields := r.Header.Values("DPoP")
	if len(fields) != 1 {
		return proof{}, fmt.Errorf("%w: %w", ErrProof, Malformed)
	}
	c, key, claims, err := parseProof(fields[0])
	if err == nil {
		err = claims.fit(r.Method, v.Issuer+r.URL.EscapedPath(), token)
	}
	if err == nil {
		err = c.verify(key)
	}
	if err != nil {
		return proof{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	p := proof{key: key, id: hash64([]byte(key.Thumbprint() + " " + claims.jti))}
	if p.until, p.byNonce = v.window(claims.iat, claims.nonce); p.until.IsZero() {
		return proof{}, fmt.Errorf("%w: %w", ErrNonce, notFresh)
	}
	return p, nil
}

const maxJTI = 256 // bytes of a jti or nonce

// proofClaims are what a proof says. (RFC 9449 §4.2)
type proofClaims struct {
	htm, htu, jti, ath, nonce string
	iat                       time.Time
}

// parseProof reads a proof that has all its claims, and its key. Nothing is
// verified yet.
func parseProof(text string) (compact, Key, proofClaims, error) {
	c, err := parseCompact(text, maxToken)
	if err == nil {
		err = c.expect("dpop+jwt", "jwk")
	}
	if err != nil {
		return c, Key{}, proofClaims{}, err
	}
	var key Key
	if !c.header.get("jwk", &key) {
		return c, Key{}, proofClaims{}, wrongHeader
	}
	p := c.payload
	claims := proofClaims{
		htm:   p.text("htm", 32),
		htu:   p.text("htu", maxToken),
		jti:   p.text("jti", maxJTI),
		ath:   p.optional("ath", 43),
		nonce: p.optional("nonce", maxJTI),
		iat:   p.seconds("iat"),
	}
	if claims.jti == "" {
		p.fail()
	}
	return c, key, claims, p.err
}

// fit compares what the proof is for with what it came with.
func (c proofClaims) fit(method, address string, token claim) error {
	switch {
	case c.htm != method:
		return wrongMethod
	case !sameAddress(c.htu, address):
		return wrongAddress
	case token.optional && c.ath == "":
		return nil
	case token.ath != "" && c.ath != token.ath:
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
