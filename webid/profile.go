package webid

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"

	"kith/internal/fetch"
	"kith/internal/rdf"
)

const (
	oidcIssuer    = rdf.IRI("http://www.w3.org/ns/solid/terms#oidcIssuer")
	openProvider  = "https://www.w3.org/ns/lws#OpenIdProvider"
	acceptProfile = "text/turtle, application/ld+json;q=0.9, application/n-triples;q=0.8"
	maxServices   = 32
)

// profileLimits bound what reading a profile costs.
var profileLimits = rdf.Limits{Bytes: 64 << 10, Triples: 5000, Depth: 16}

// fetch returns a document of another server. Why there is none is not told: who
// chose the address would learn what can be reached from here.
func (v *Verifier) fetch(ctx context.Context, url, accept string, age time.Duration) (fetch.Document, error) {
	if v.Documents == nil {
		return fetch.Document{}, notReachable
	}
	doc, err := v.Documents.Fresh(ctx, url, accept, age)
	if ctx.Err() != nil {
		return fetch.Document{}, fmt.Errorf("fetch document: %w", ctx.Err())
	}
	if errors.Is(err, ErrBusy) {
		return fetch.Document{}, fmt.Errorf("fetch document: %w", ErrBusy)
	}
	if err != nil {
		return fetch.Document{}, notReachable
	}
	return doc, nil
}

// vouched returns nil when the profile of the WebID id names issuer. A profile
// that has moved elsewhere must still name the WebID that was asked for.
func (v *Verifier) vouched(ctx context.Context, id ID, issuer string) error {
	doc, err := v.fetch(ctx, string(id), acceptProfile, anyAge)
	if err != nil {
		return err
	}
	if v.here(id) || !names(doc, id, issuer) {
		return notVouched
	}
	return nil
}

// here reports whether id is the owner of a pod of this host, for whom its own
// provider and the owner's devices speak and nobody else, whatever a document
// says. It is asked once that document was read, so that the answer tells
// nothing about pods. (protocol §1.6)
func (v *Verifier) here(id ID) bool {
	path, ok := strings.CutPrefix(string(id), v.Issuer)
	if !ok {
		return false
	}
	realm, ok := v.Realms(v.podOf(path))
	return ok && realm.Owner() == id
}

// names reports whether doc says that issuer may speak for id: as a WebID profile
// or as a Controlled Identifier document. What cannot be read says nothing.
// (Solid-OIDC §oidc-issuer-discovery; LWS 1.0 Authentication Suite OpenID Connect §validation)
func names(doc fetch.Document, id ID, issuer string) bool {
	if isJSON(doc.Type) && serves(doc.Body, id, issuer) {
		return true
	}
	syntax, ok := rdf.SyntaxOf(doc.Type)
	if !ok {
		return false
	}
	g, err := rdf.Decode(bytes.NewReader(doc.Body), syntax, rdf.IRI(doc.URL), profileLimits)
	if err != nil {
		return false
	}
	return g.Has(rdf.Triple{S: rdf.IRITerm(rdf.IRI(id)), P: rdf.IRITerm(oidcIssuer), O: rdf.IRITerm(rdf.IRI(issuer))})
}

func isJSON(mediaType string) bool {
	media, _, err := mime.ParseMediaType(mediaType)
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

// serves reports whether a Controlled Identifier document is about id and has
// the service that makes issuer its OpenID provider. (W3C CID 1.0 §2.1.4)
func serves(text []byte, id ID, issuer string) bool {
	m, err := parseMembers(text)
	if err != nil || m.optional("id", maxID) != string(id) {
		return false
	}
	for _, raw := range m.list("service", maxServices) {
		s, err := parseMembers(raw)
		if err == nil && slices.Contains(s.texts("type", 8), openProvider) && s.optional("serviceEndpoint", maxID) == issuer {
			return true
		}
	}
	return false
}
