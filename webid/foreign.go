package webid

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

const (
	audience      = "solid"          // of every Solid-OIDC token (Solid-OIDC §tokens-id)
	maxAge        = 24 * time.Hour   // of a token of another issuer
	maxSkew       = 60 * time.Second // by which its clock may be ahead
	vouchedFor    = 2 * time.Minute  // after which its issuer is asked about it again
	maxAudiences  = 16
	discoveryPath = "/.well-known/openid-configuration"
)

// claimed is a token of another issuer as it is read, of which nothing is
// verified but that it could hold.
type claimed struct {
	access
	compact
	issuer string
	alg    string
	kid    string // of the issuer's key
}

// readClaims reads a token for Solid servers, an access token or an ID token, as
// another issuer makes it. (Solid-OIDC §tokens-id, RFC 9068 §2)
func (v *Verifier) readClaims(c compact) (claimed, error) {
	t := claimed{compact: c}
	if err := t.readHeader(); err != nil {
		return claimed{}, err
	}
	p := c.payload
	t.issuer = p.text("iss", maxID)
	t.sub = ID(p.text("webid", maxID))
	t.jkt = p.thumbprint()
	if t.client = p.optional("client_id", maxID); t.client == "" {
		t.client = p.optional("azp", maxID)
	}
	aud := p.texts("aud", maxAudiences)
	fresh := t.readTimes(v.Now())
	_, err := ParseID(string(t.sub))
	switch {
	case p.err != nil || err != nil || strings.HasPrefix(string(t.sub), "did:") || !plainURL(t.issuer) || t.jkt == "":
		return claimed{}, Malformed
	case !slices.Contains(aud, audience):
		return claimed{}, wrongAudience
	case !fresh:
		return claimed{}, notFresh
	}
	return t, nil
}

// readHeader refuses every way in which a token could bring a key along, or a
// meaning that is not understood here. (RFC 8725 §3.10; RFC 7515 §4.1.11)
func (t *claimed) readHeader() error {
	h := t.header
	t.alg, t.kid = h.text("alg", 16), h.text("kid", maxKeyID)
	_, known := algorithms[t.alg]
	typ := strings.TrimPrefix(strings.ToLower(h.optional("typ", 64)), "application/")
	if h.err != nil || !known || t.kid == "" || h.has("crit", "b64", "jwk", "jku", "x5c", "x5u") ||
		typ != "" && typ != "jwt" && typ != "at+jwt" {
		return wrongHeader
	}
	return nil
}

// readTimes reports whether the token holds now, and notes until when.
func (t *claimed) readTimes(now time.Time) bool {
	iat, exp := t.payload.seconds("iat"), t.payload.seconds("exp")
	if t.payload.has("nbf") && t.payload.seconds("nbf").After(now.Add(maxSkew)) {
		return false
	}
	t.exp = exp
	if end := iat.Add(maxAge); end.Before(exp) {
		t.exp = end
	}
	t.until = now.Add(vouchedFor)
	return t.exp.After(now) && !iat.After(now.Add(maxSkew))
}

// thumbprint returns cnf.jkt, the key that a token is bound to. (RFC 9449 §6.1)
func (m *members) thumbprint() string {
	var cnf struct {
		JKT string `json:"jkt"`
	}
	if m.get("cnf", &cnf) && len(cnf.JKT) != 43 {
		m.fail()
	}
	return cnf.JKT
}

// confirm asks the issuer for its keys, and the profile of the WebID whether that
// issuer may speak for it. The verdict says which part did not hold.
func (v *Verifier) confirm(ctx context.Context, t claimed) error {
	set, err := v.keySet(ctx, t.issuer, anyAge)
	if err != nil {
		return err
	}
	key, err := findKey(set, t.kid, t.alg)
	if errors.Is(err, unknownKey) {
		if set, err = v.keySet(ctx, t.issuer, keysAge); err == nil {
			key, err = findKey(set, t.kid, t.alg)
		}
	}
	if err != nil {
		return err
	}
	if err := key.verify(t.compact); err != nil {
		return err
	}
	return v.vouched(ctx, t.sub, t.issuer)
}

// keySet returns the JWK set of an issuer.
// (OpenID Connect Discovery 1.0 §4; RFC 7517 §5)
func (v *Verifier) keySet(ctx context.Context, issuer string, age time.Duration) ([]byte, error) {
	found, err := v.fetch(ctx, strings.TrimSuffix(issuer, "/")+discoveryPath, "application/json", anyAge)
	if err != nil {
		return nil, err
	}
	at, err := readDiscovery(found.Body, issuer)
	if err != nil {
		return nil, err
	}
	set, err := v.fetch(ctx, at, "application/jwk-set+json, application/json;q=0.9", age)
	return set.Body, err
}

// readDiscovery returns the jwks_uri of an issuer's configuration, whose issuer
// must be the one that it was asked of, byte for byte: so an issuer cannot pass
// for another one, nor "https://a" for "https://a/".
// (OpenID Connect Discovery 1.0 §4.3)
func readDiscovery(text []byte, issuer string) (jwks string, err error) {
	m, err := parseMembers(text)
	if err != nil {
		return "", err
	}
	named, at := m.text("issuer", maxID), m.text("jwks_uri", maxID)
	switch {
	case m.err != nil:
		return "", Malformed
	case named != issuer:
		return "", wrongIssuer
	}
	return at, nil
}
