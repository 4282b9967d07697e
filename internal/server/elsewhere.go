package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"kith/acl"
	"kith/internal/rdf"
	"kith/ldp"
	"kith/pod"
)

// Where the owner's public profile lies in the pod.
const (
	cardPath = "/profile/card"
	cardACL  = "/profile/card.acl"
)

// cardPublic lets everybody read the profile, and that alone (protocol §1.4).
const cardPublic = `@prefix acl: <http://www.w3.org/ns/auth/acl#>.

<#owner> a acl:Authorization;
  acl:agent <card#me>;
  acl:accessTo <card>;
  acl:mode acl:Read, acl:Write, acl:Control.

<#everybody> a acl:Authorization;
  acl:agentClass <http://xmlns.com/foaf/0.1/Agent>;
  acl:accessTo <card>;
  acl:mode acl:Read.
`

// inboxPath is where other people's Solid apps leave notifications (LDN §receiver).
const inboxPath = "/inbox/"

// friendsInboxACL lets contacts leave something there, and nobody but the owner read it.
const friendsInboxACL = `@prefix acl: <http://www.w3.org/ns/auth/acl#>.

<#owner> a acl:Authorization;
  acl:agent <../profile/card#me>;
  acl:accessTo <./>; acl:default <./>;
  acl:mode acl:Read, acl:Write, acl:Control.

<#friends> a acl:Authorization;
  acl:agentClass acl:AuthenticatedAgent;
  acl:accessTo <./>;
  acl:mode acl:Append.
`

// publication is whether the folder shows that the owner signs in elsewhere. What ought to be is in
// state.db, which the command line writes too.
type publication struct {
	mu    sync.Mutex // held while the folder is brought up to date
	named bool
	known bool
	on    atomic.Bool
}

// forget lets the next publish look after the folder whatever it was.
func (p *publication) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = false
}

// publish brings the profile to what state.db says, and reports whether the owner signs in elsewhere.
func (h *home) publish(ctx context.Context) (on bool, err error) {
	p, err := h.state.person(ctx, h.name)
	if err != nil {
		return false, err
	}
	h.shown.mu.Lock()
	defer h.shown.mu.Unlock()
	if h.shown.known && h.shown.on.Load() == p.elsewhere && h.shown.named == p.named {
		return p.elsewhere, nil
	}
	ctx = context.WithoutCancel(ctx)
	if p.elsewhere {
		err = h.showProfile(ctx, p)
	} else {
		err = h.hideProfile(ctx)
	}
	if err != nil {
		return false, fmt.Errorf("publish profile: %w", err)
	}
	h.shown.known, h.shown.named = true, p.named
	h.shown.on.Store(p.elsewhere)
	return p.elsewhere, nil
}

// showProfile writes the profile and lets everybody read it. A pod that no phone has paired with gets
// its root ACL first.
func (h *home) showProfile(ctx context.Context, p person) error {
	if err := h.settle(ctx); err != nil {
		return err
	}
	if err := h.write(ctx, inboxPath+".acl", "text/turtle", friendsInboxACL, absent); err != nil {
		return err
	}
	if err := h.writeCard(ctx, p); err != nil {
		return err
	}
	return h.write(ctx, cardACL, "text/turtle", cardPublic, pod.Precondition{})
}

// hideProfile makes the profile the owner's alone again. It stays, for apps may have written in it.
func (h *home) hideProfile(ctx context.Context) error {
	path, err := pod.ParsePath(cardACL)
	if err != nil {
		return err
	}
	v, err := h.owner(ctx)
	if err != nil {
		return err
	}
	if err := v.Delete(ctx, path, pod.Precondition{}); !errors.Is(err, pod.ErrNotExist) {
		return err
	}
	return nil
}

// writeCard puts into the profile what others need in order to let the owner in, and leaves the rest of it.
func (h *home) writeCard(ctx context.Context, p person) error {
	g, etag, err := h.readCard(ctx)
	if err != nil {
		return err
	}
	before := g.Len()
	changed, err := h.completeCard(g, p)
	if err != nil || !changed {
		return err
	}
	var text bytes.Buffer
	if err := rdf.Encode(&text, g, cardPrefixes, rdf.IRI(h.cardURL())); err != nil {
		return err
	}
	pre := pod.Precondition{IfMatch: []string{etag}}
	if before == 0 && etag == "" {
		pre = absent
	}
	return h.write(ctx, cardPath, "text/turtle", text.String(), pre)
}

func (h *home) cardURL() string { return h.url + strings.TrimPrefix(cardPath, "/") }

// readCard returns the profile as it is, an empty one with ETag "" where there is none.
func (h *home) readCard(ctx context.Context) (g *rdf.Graph, etag string, err error) {
	path, err := pod.ParsePath(cardPath)
	if err != nil {
		return nil, "", err
	}
	v, err := h.owner(ctx)
	if err != nil {
		return nil, "", err
	}
	a, err := v.Get(ctx, path)
	if errors.Is(err, pod.ErrNotExist) {
		return &rdf.Graph{}, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	defer a.Close()
	text, err := io.ReadAll(io.LimitReader(a.Resource, cardLimits.Bytes+1))
	if err != nil {
		return nil, "", err
	}
	g, err = h.parseCard(a.Info.Type, text)
	if errors.Is(err, acl.ErrProtected) || !h.onlyOurs(a.Info.Type, text) { // something else lies there: it makes way
		return &rdf.Graph{}, a.Info.ETag, nil
	}
	return g, a.Info.ETag, err
}

// cardLimits bound the profile.
var cardLimits = rdf.Limits{Bytes: 64 << 10, Triples: 4000, Depth: 8}

func (h *home) parseCard(mediaType string, text []byte) (*rdf.Graph, error) {
	kind, _, _ := strings.Cut(mediaType, ";")
	syntax := cardSyntaxes[strings.ToLower(strings.TrimSpace(kind))]
	if syntax == 0 {
		return nil, fmt.Errorf("%w: the profile is RDF", acl.ErrProtected)
	}
	g, err := rdf.Decode(bytes.NewReader(text), syntax, rdf.IRI(h.cardURL()), cardLimits)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", acl.ErrProtected, err)
	}
	return g, nil
}

var cardSyntaxes = map[string]rdf.Syntax{
	"text/turtle": rdf.Turtle, "application/n-triples": rdf.NTriples, "application/ld+json": rdf.JSONLD,
}

const (
	solidNS = "http://www.w3.org/ns/solid/terms#"
	spaceNS = "http://www.w3.org/ns/pim/space#"
	foafNS  = "http://xmlns.com/foaf/0.1/"
	didNS   = "https://www.w3.org/ns/did#"
	lwsNS   = "https://www.w3.org/ns/lws#"
	rdfType = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
)

var (
	oidcIssuer   = rdf.IRITerm(solidNS + "oidcIssuer")
	foafName     = rdf.IRITerm(foafNS + "name")
	ldpInbox     = rdf.IRITerm("http://www.w3.org/ns/ldp#inbox")
	cardPrefixes = map[string]rdf.IRI{"solid": solidNS, "space": spaceNS, "foaf": foafNS, "did": didNS, "lws": lwsNS, "ldp": "http://www.w3.org/ns/ldp#"}
)

// completeCard brings a profile to what the server answers for: the issuer, the storage, and the owner's
// name where it is to be told. It reports whether anything was missing.
func (h *home) completeCard(g *rdf.Graph, p person) (changed bool, err error) {
	me := rdf.IRITerm(rdf.IRI(h.realm.Owner()))
	want := []rdf.Triple{
		{S: me, P: oidcIssuer, O: rdf.IRITerm(rdf.IRI(h.issuer))},
		{S: me, P: rdf.IRITerm(spaceNS + "storage"), O: rdf.IRITerm(rdf.IRI(h.url))},
	}
	if g.Len() == 0 {
		want = append(h.freshCard(me), want...)
	}
	if len(g.Objects(me, ldpInbox)) == 0 { // an app may have named another
		want = append(want, rdf.Triple{S: me, P: ldpInbox, O: h.term(inboxPath)})
	}
	name := rdf.Triple{S: me, P: foafName, O: rdf.Literal(p.title)}
	switch {
	case p.named && p.title != "":
		want = append(want, name)
	case g.Has(name):
		g.Remove(name)
		changed = true
	}
	for _, o := range g.Objects(me, oidcIssuer) {
		if !h.answersFor(o) {
			g.Remove(rdf.Triple{S: me, P: oidcIssuer, O: o})
			changed = true
		}
	}
	for _, t := range h.otherWays(g, me) {
		g.Remove(t)
		changed = true
	}
	for _, t := range want {
		if !g.Has(t) {
			changed = true
			err = errors.Join(err, g.Add(t))
		}
	}
	return changed, err
}

// freshCard is what a profile begins with: what it is, and the issuer once more, as those who read
// Controlled Identifiers look for it (W3C CID §services; LWS OpenID suite).
func (h *home) freshCard(me rdf.Term) []rdf.Triple {
	card, service := h.term(cardPath), h.term(cardPath+"#issuer")
	isA := rdf.IRITerm(rdfType)
	return []rdf.Triple{
		{S: card, P: isA, O: rdf.IRITerm(foafNS + "PersonalProfileDocument")},
		{S: card, P: rdf.IRITerm(foafNS + "primaryTopic"), O: me},
		{S: me, P: isA, O: rdf.IRITerm(foafNS + "Person")},
		{S: me, P: rdf.IRITerm(didNS + "service"), O: service},
		{S: service, P: isA, O: rdf.IRITerm(lwsNS + "OpenIdProvider")},
		{S: service, P: rdf.IRITerm(didNS + "serviceEndpoint"), O: rdf.IRITerm(rdf.IRI(h.issuer))},
	}
}

// term returns the term for a path in the pod.
func (h *home) term(path string) rdf.Term {
	return rdf.IRITerm(rdf.IRI(h.url + strings.TrimPrefix(path, "/")))
}

// answersFor reports whether a term names this host's issuer, byte for byte.
func (h *home) answersFor(o rdf.Term) bool { return o == rdf.IRITerm(rdf.IRI(h.issuer)) }

// vet refuses what would change by whom the owner signs in elsewhere: whoever could add an issuer or a key
// of their own could act as the owner everywhere. Nothing else in the profile is the server's.
// (Solid WebID Profile, protected triples)
func (h *home) vet(mediaType string, text []byte) error {
	if !h.shown.on.Load() {
		return nil
	}
	if mediaType == "" {
		return fmt.Errorf("%w: the profile cannot go while it is needed", acl.ErrProtected)
	}
	g, err := h.parseCard(mediaType, text)
	if err != nil {
		return err
	}
	me := rdf.IRITerm(rdf.IRI(h.realm.Owner()))
	issuers := g.Objects(me, oidcIssuer)
	if len(issuers) != 1 || !h.answersFor(issuers[0]) {
		return fmt.Errorf("%w: solid:oidcIssuer", acl.ErrProtected)
	}
	if len(h.otherWays(g, me)) > 0 || !h.onlyOurs(mediaType, text) {
		return fmt.Errorf("%w: a key or a provider to sign in by", acl.ErrProtected)
	}
	return nil
}

// appear brings the profile up to date before it is asked for. It reports whether it answered, which it
// does only when that fails.
func (h *home) appear(w http.ResponseWriter, r *http.Request) bool {
	if h.store == nil { // a pod that nobody has
		return false
	}
	if _, err := h.publish(r.Context()); err != nil {
		ldp.CORS(w, r)
		h.refuse(w, r, err)
		return true
	}
	if h.shown.on.Load() { // a refusal drops it again
		w.Header().Add("Link", fmt.Sprintf("<%s>; rel=%q", h.issuer, solidNS+"oidcIssuer"))
	}
	return false
}
