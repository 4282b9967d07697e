package webid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"kith/internal/fetch"
)

// This file has the LWS 1.0 authentication suites by which an https WebID gets an
// access token for one pod: OpenID Connect, and self-signed with a Controlled
// Identifier. The suite of did:key is Exchange itself.
//
// Whoever proves a WebID gets a token, whether the owner knows it, has blocked
// it, or there is no such pod: so a token tells nothing, and neither does the
// time that fetching takes. What the token opens is decided at each request.

const (
	acceptCID  = "application/cid, application/ld+json;q=0.9, application/json;q=0.8"
	maxMethods = 64
)

// ExchangeID gives whoever token names an access token for the pod with the URL
// resource. token is an ID token or an access token of an OpenID provider that
// the profile of its WebID names; it must be bound to the key of the proof that r
// carries, or be made for this server. The errors are those of Authenticate.
// (LWS 1.0 Authentication Suite OpenID Connect §serialization, §validation; RFC 8693 §2; protocol §1.3)
func (v *Verifier) ExchangeID(r *http.Request, resource, token string) (string, error) {
	p, err := v.proof(r, claim{})
	if err != nil {
		return "", err
	}
	a, err := v.identity(r, token, p.key)
	if err != nil {
		return "", err
	}
	return v.issueAt(r.Context(), resource, a, p)
}

// issueAt issues a token for a at the pod resource, and uses up the proof.
func (v *Verifier) issueAt(ctx context.Context, resource string, a access, p proof) (string, error) {
	if pod, ok := strings.CutPrefix(resource, v.Issuer); !ok || resource != v.podOf(pod) {
		return "", fmt.Errorf("%w: resource: %w", ErrToken, wrongAudience)
	}
	if v.Strangers == nil {
		return "", ErrUnknown
	}
	if err := once(ctx, v.Strangers, ErrProof, a.sub, p.id, p.until); err != nil {
		return "", err
	}
	a.aud, a.jkt = resource, p.key.Thumbprint()
	return v.issueNamed(a)
}

// refusedSubject is the error for a subject token that does not hold.
func refusedSubject(err error) error {
	var verdict Verdict
	if errors.As(err, &verdict) || errors.Is(err, ErrUnknown) {
		return fmt.Errorf("%w: subject token: %w", ErrToken, err)
	}
	return err
}

// identity returns whom a token of an OpenID provider names, ours or another.
func (v *Verifier) identity(r *http.Request, token string, by Key) (access, error) {
	c, err := splitCompact(token, maxToken)
	if err != nil {
		return access{}, refusedSubject(err)
	}
	if c.payload.optional("iss", maxID) == v.Issuer {
		a, err := v.ownIdentity(r.Context(), c, by)
		return a, refusedSubject(err)
	}
	t, err := v.readIdentity(c, by)
	if err != nil {
		return access{}, refusedSubject(err)
	}
	return t.access, v.trust(r, t)
}

// ownIdentity reads an access token of our own provider, which is for every Solid
// server and holds by a consent.
func (v *Verifier) ownIdentity(ctx context.Context, c compact, by Key) (access, error) {
	a, err := v.readToken(c)
	switch {
	case err != nil:
		return access{}, err
	case a.kid != "" || a.aud != "":
		return access{}, wrongAudience
	case !a.exp.After(v.Now()):
		return access{}, notFresh
	case a.jkt != by.Thumbprint():
		return access{}, wrongToken
	case v.Grants == nil || !v.Grants(ctx, a.consent):
		return access{}, ErrUnknown
	}
	return a, nil
}

// readIdentity is readClaims for a token that may name its subject as LWS does, by
// sub, and that is either bound to the key by or made for this issuer.
func (v *Verifier) readIdentity(c compact, by Key) (claimed, error) {
	p := c.payload
	if !p.has("webid") {
		p.raw["webid"] = p.raw["sub"]
	}
	if slices.Contains(p.texts("aud", maxAudiences), v.Issuer) {
		p.raw["aud"] = json.RawMessage(`"` + audience + `"`)
		if !p.has("cnf") {
			p.raw["cnf"] = json.RawMessage(`{"jkt":"` + by.Thumbprint() + `"}`)
		}
	}
	t, err := v.readClaims(c)
	switch {
	case err != nil:
		return claimed{}, err
	case t.client == "":
		return claimed{}, Malformed
	case t.jkt != by.Thumbprint():
		return claimed{}, wrongToken
	}
	return t, nil
}

// selfIssued is a JWT that the holder of a WebID signed with a key of their own.
type selfIssued struct {
	compact
	sub      ID
	alg, kid string
	id       string // hash of sub and jti
	until    time.Time
}

// exchangeSelf gives the holder of an https WebID, who signed text, a token.
// (LWS 1.0 Authentication Suite Self-signed Identity using Controlled Identifiers §serialization, §validation)
func (v *Verifier) exchangeSelf(r *http.Request, resource, text string, p proof) (string, error) {
	s, err := v.readSelfIssued(text)
	if err != nil {
		return "", refusedSubject(err)
	}
	if v.Documents != nil && !v.Documents.Admit(r) {
		return "", fmt.Errorf("verify self-issued token: %w", ErrBusy)
	}
	doc, err := v.fetch(r.Context(), string(s.sub), acceptCID, anyAge)
	if err != nil {
		return "", refusedSubject(err)
	}
	key, err := methodKey(doc, s, v.Now())
	if err == nil {
		err = key.verify(s.compact)
	}
	if err == nil && v.here(s.sub) {
		err = notVouched
	}
	if err != nil {
		return "", refusedSubject(err)
	}
	if v.Strangers == nil {
		return "", ErrUnknown
	}
	if err := once(r.Context(), v.Strangers, ErrToken, s.sub, s.id, s.until); err != nil {
		return "", err
	}
	return v.issueAt(r.Context(), resource, access{sub: s.sub, client: string(s.sub)}, p)
}

func (v *Verifier) readSelfIssued(text string) (selfIssued, error) {
	c, err := splitCompact(text, maxToken)
	if err != nil {
		return selfIssued{}, err
	}
	t := claimed{compact: c}
	if err := t.readHeader(); err != nil {
		return selfIssued{}, err
	}
	m := c.payload
	sub, jti := m.text("sub", maxID), m.text("jti", maxJTI)
	iat, exp := m.number("iat", 0), m.number("exp", 0)
	aud := m.texts("aud", maxAudiences)
	_, err = ParseID(sub)
	switch {
	case m.err != nil || err != nil || len(jti) < 16:
		return selfIssued{}, Malformed
	case m.optional("iss", maxID) != sub || m.optional("client_id", maxID) != sub:
		return selfIssued{}, wrongSubject
	case !slices.Contains(aud, v.Issuer):
		return selfIssued{}, wrongAudience
	case !v.current(iat, exp):
		return selfIssued{}, notFresh
	}
	return selfIssued{c, ID(sub), t.alg, t.kid, hash64([]byte(sub + " " + jti)), time.Unix(int64(exp), 0)}, nil
}

// methodKey returns the key that a Controlled Identifier document lets its subject
// authenticate with and that s names by its kid. (W3C CID 1.0 §2.2, §2.3.1, §3.3)
func methodKey(doc fetch.Document, s selfIssued, now time.Time) (publicKey, error) {
	m, err := parseMembers(doc.Body)
	if err != nil || !isJSON(doc.Type) || m.optional("id", maxID) != string(s.sub) {
		return publicKey{}, Malformed
	}
	for _, raw := range authenticating(m, s) {
		method, err := parseMembers(raw)
		if err != nil || s.absolute(method.optional("id", maxID)) != s.absolute(s.kid) || method.optional("controller", maxID) != string(s.sub) {
			continue
		}
		if method.has("revoked") || method.has("expires") && !method.moment("expires").After(now) {
			return publicKey{}, wrongKey
		}
		jwk, err := parseMembers(method.raw["publicKeyJwk"])
		if err != nil {
			return publicKey{}, err
		}
		return readPublic(jwk, s.alg)
	}
	return publicKey{}, unknownKey
}

// authenticating returns the verification methods in m among which the one that s
// names may be: those that stand under authentication, and if one is named there,
// all others too.
func authenticating(m *members, s selfIssued) []json.RawMessage {
	var methods []json.RawMessage
	named := false
	for _, raw := range m.list("authentication", maxMethods) {
		var id string
		if json.Unmarshal(raw, &id) != nil {
			methods = append(methods, raw)
		} else if s.absolute(id) == s.absolute(s.kid) {
			named = true
		}
	}
	if named {
		methods = append(methods, m.list("verificationMethod", maxMethods)...)
	}
	return methods
}

// absolute returns the IRI of a verification method, which may be written as a
// fragment of the subject's document.
func (s selfIssued) absolute(id string) string {
	if !strings.HasPrefix(id, "#") {
		return id
	}
	document, _, _ := strings.Cut(string(s.sub), "#")
	return document + id
}

// byWebID reports whether a self-issued JWT is that of an https WebID.
func byWebID(text string) bool {
	c, err := splitCompact(text, maxToken)
	return err == nil && plainScheme(c.payload.optional("sub", maxID))
}

func plainScheme(id string) bool {
	return strings.HasPrefix(id, "https:") || strings.HasPrefix(id, "http:")
}
