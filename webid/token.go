package webid

import (
	"fmt"
	"time"
)

const (
	tokenLife = 300 * time.Second // how long an access token holds
	maxTokens = 4096              // verified tokens in one generation of the cache
)

// access is what an access token says. (RFC 9068 §2.2)
type access struct {
	sub   ID     // the owner's or a contact's WebID
	aud   string // the pod's URL
	kid   string // did:key of the device
	jkt   string // thumbprint of the key whose proofs go with it
	grant uint64
	exp   time.Time
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

// access verifies an access token, or finds it among those verified before.
// sum is its SHA-256.
func (v *Verifier) access(token string, sum [32]byte) (access, error) {
	a, ok := v.tokens.get(sum)
	if !ok {
		var err error
		if a, err = v.readToken(token); err != nil {
			return access{}, err
		}
		v.tokens.put(sum, a, maxTokens)
	}
	if !a.exp.After(v.Now()) {
		return access{}, notFresh
	}
	return a, nil
}

func (v *Verifier) readToken(token string) (access, error) {
	c, err := parseCompact(token, maxToken)
	if err != nil {
		return access{}, err
	}
	if err := c.expect("at+jwt", "kid"); err != nil {
		return access{}, err
	}
	if err := c.verify(v.tokenKey(c.header.text("kid", 64))); err != nil {
		return access{}, err
	}
	p := c.payload
	var cnf struct {
		JKT string `json:"jkt"`
	}
	p.get("cnf", &cnf)
	a := access{
		sub:   ID(p.text("sub", maxID)),
		aud:   p.text("aud", maxID),
		kid:   p.text("kid", 64),
		jkt:   cnf.JKT,
		grant: p.number("grant", 0),
		exp:   time.Unix(int64(p.number("exp", 0)), 0),
	}
	if p.text("iss", maxID) != v.Issuer || a.jkt == "" || p.err != nil {
		return access{}, Malformed
	}
	return a, nil
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
