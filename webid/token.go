package webid

import (
	"fmt"
	"slices"
	"time"
)

const (
	tokenLife  = 300 * time.Second // how long an access token holds
	maxTokens  = 4096              // verified tokens in one generation of the cache
	maxForeign = 512               // the same for those of other issuers, whom strangers may be
)

// access is what an access token says: who a device acts for, or whom a WebID
// names. (RFC 9068 §2.2; Solid-OIDC §tokens-id)
type access struct {
	sub     ID     // the owner's or a contact's WebID, or for Solid-OIDC anybody's
	aud     string // the pod's URL; "" for Solid-OIDC, which means every pod
	kid     string // did:key of the device; "" for a WebID
	jkt     string // thumbprint of the key whose proofs go with it
	grant   uint64
	client  string // the app, for a WebID
	consent string // the owner's consent to that app, for a token of our own provider
	exp     time.Time
	until   time.Time // what was verified is verified again after this
}

func (v *Verifier) issue(a access) (string, error) {
	if len(v.Keys) == 0 {
		return "", fmt.Errorf("issue token: %w", errNoKey)
	}
	now := v.Now()
	return v.Keys[0].sign("at+jwt", "kid", v.Keys[0].Public().Thumbprint(), map[string]any{
		"iss": v.Issuer, "sub": a.sub, "aud": a.aud, "client_id": a.kid,
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "jti": nonce(),
		"cnf": map[string]string{"jkt": a.jkt}, "grant": a.grant, "kid": a.kid,
	})
}

// issueNamed returns a token for somebody whom a WebID names, at one pod.
func (v *Verifier) issueNamed(a access) (string, error) {
	if len(v.Keys) == 0 {
		return "", fmt.Errorf("issue token: %w", errNoKey)
	}
	now := v.Now()
	claims := map[string]any{
		"iss": v.Issuer, "sub": a.sub, "webid": a.sub, "aud": a.aud, "client_id": a.client,
		"iat": now.Unix(), "exp": now.Add(tokenLife).Unix(), "jti": nonce(),
		"cnf": map[string]string{"jkt": a.jkt},
	}
	if a.consent != "" {
		claims["grant"] = a.consent
	}
	return v.Keys[0].Token("at+jwt", claims)
}

// presented is a token that came with a request. rest is what is left to verify
// once the proof of possession holds, nil when nothing is.
type presented struct {
	access
	rest *claimed
}

// present reads a token, or finds it among those verified before; sum is its
// SHA-256. A token of this issuer is verified, one of another is only read:
// verifying it costs requests to other servers, which nobody should cause who
// does not hold its key.
func (v *Verifier) present(token string, sum [32]byte) (presented, error) {
	now := v.Now()
	if a, ok := v.remembered(sum); ok {
		if !a.exp.After(now) {
			return presented{}, notFresh
		}
		return presented{access: a}, nil
	}
	c, err := splitCompact(token, maxToken)
	if err != nil {
		return presented{}, err
	}
	if iss := c.payload.optional("iss", maxID); iss == v.Issuer || !plainURL(iss) {
		a, err := v.readToken(c)
		if err == nil && !a.exp.After(now) {
			err = notFresh
		}
		if err == nil {
			v.tokens.put(sum, a, maxTokens)
		}
		return presented{access: a}, err
	}
	t, err := v.readClaims(c)
	return presented{access: t.access, rest: &t}, err
}

// remembered returns a token that was verified before and need not be again.
func (v *Verifier) remembered(sum [32]byte) (access, bool) {
	if a, ok := v.tokens.get(sum); ok {
		return a, true
	}
	a, ok := v.foreign.get(sum)
	return a, ok && a.until.After(v.Now())
}

// readToken verifies and reads an access token of this issuer, or an ID token of
// its provider, which some clients send in the place of one (Solid-OIDC §tokens-id).
func (v *Verifier) readToken(c compact) (access, error) {
	if len(c.signature) != 64 {
		return access{}, Malformed
	}
	key := v.tokenKey(c.header.optional("kid", 64))
	id := c.expect("JWT", "kid") == nil && !key.IsZero()
	if err := c.expect("at+jwt", "kid"); err != nil && !id {
		return access{}, err
	}
	if err := c.verify(key); err != nil {
		return access{}, err
	}
	p := c.payload
	a := access{
		sub: ID(p.text("sub", maxID)),
		jkt: p.thumbprint(),
		exp: time.Unix(int64(p.number("exp", 0)), 0),
	}
	a.until = a.exp
	if p.has("webid") {
		a.readNamed(p)
	} else {
		a.aud, a.kid, a.grant = p.text("aud", maxID), p.text("kid", 64), p.number("grant", 0)
	}
	if p.text("iss", maxID) != v.Issuer || p.err != nil || a.jkt == "" || id && (a.consent == "" || a.aud != "") {
		return access{}, Malformed
	}
	return a, nil
}

// readNamed reads what tells a token for a WebID: of our own provider, for every
// Solid server and by the owner's consent; or for one pod, got in exchange for
// the token of another issuer.
func (a *access) readNamed(p *members) {
	a.sub = ID(p.text("webid", maxID))
	if a.client = p.optional("client_id", maxID); a.client == "" {
		a.client = p.optional("azp", maxID)
	}
	a.consent = p.optional("grant", maxID)
	switch aud := p.texts("aud", maxAudiences); {
	case slices.Contains(aud, audience):
		if a.consent == "" {
			p.fail()
		}
	case len(aud) == 1:
		a.aud = aud[0]
	default:
		p.fail()
	}
	if a.sub == "" || p.optional("sub", maxID) != string(a.sub) {
		p.fail()
	}
}

// tokenKey returns the server key with the thumbprint kid, or the zero Key.
func (v *Verifier) tokenKey(kid string) Key {
	for _, k := range v.Keys {
		if p := k.Public(); p.Thumbprint() == kid {
			return p
		}
	}
	return Key{}
}
