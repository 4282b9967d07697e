package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"kith/internal/fetch"
	"kith/internal/rdf"
	"kith/pod"
	"kith/webid"
)

const (
	maxPublished   = 64 << 10 // bytes of a document, as of one that is fetched
	groupMember    = rdf.IRI("http://www.w3.org/2006/vcard/ns#hasMember")
	acceptGroup    = "text/turtle, application/ld+json;q=0.9, application/n-triples;q=0.8"
	strangerProofs = 1024 // of one stranger, remembered at a time: 10 a second
)

// groupLimits bound what reading a group costs.
var groupLimits = rdf.Limits{Bytes: maxPublished, Triples: 5000, Depth: 16}

// openForeign lets the verifier ask other servers about their people.
func (s *Server) openForeign() {
	s.strangers = newRates(10, 50, s.config.Now)
	s.verifier.Documents = documents{s}
	s.verifier.Strangers = webid.NewReplay(strangerProofs, s.config.Now)
}

// documents are what other servers publish, and what this one does: that is read
// where it lies, as anybody may read it, since a server that called itself
// would wait for itself.
type documents struct{ *Server }

var _ webid.Documents = documents{}

// Admit reports whether the address that sent r may cause requests to other servers now.
func (d documents) Admit(r *http.Request) bool {
	return d.strangers.allow(address(r, d.config.BehindProxy))
}

// Fresh returns the document at url, fetched no longer than age ago.
func (d documents) Fresh(ctx context.Context, url, accept string, age time.Duration) (fetch.Document, error) {
	own, ok := strings.CutPrefix(url, d.config.URL)
	if !ok {
		leave, ok := d.mayAsk(ctx)
		if !ok {
			return fetch.Document{}, fmt.Errorf("fetch: %w", webid.ErrBusy)
		}
		defer leave()
		return d.fetcher.Fresh(ctx, url, accept, age)
	}
	own, _, _ = strings.Cut(own, "#")
	doc, err := d.published(ctx, own)
	if err != nil {
		return fetch.Document{}, fmt.Errorf("read %q of this host: %w", own, err)
	}
	return doc, nil
}

// published returns a resource of one of the pods as a stranger would get it; own is its URL below BASE.
func (s *Server) published(ctx context.Context, own string) (fetch.Document, error) {
	name, rest, _ := strings.Cut(own, "/")
	h, err := s.home(ctx, name)
	if err != nil {
		return fetch.Document{}, err
	}
	path, err := pod.ParsePath("/" + rest)
	if err != nil {
		return fetch.Document{}, err
	}
	answer, err := h.guard.As(webid.Agent{}).Get(ctx, path)
	if err != nil {
		return fetch.Document{}, err
	}
	defer answer.Close()
	if answer.Resource == nil || answer.Info.Path != path {
		return fetch.Document{}, pod.ErrNotExist
	}
	text, err := io.ReadAll(io.LimitReader(answer.Resource, maxPublished+1))
	if err == nil && len(text) > maxPublished {
		err = fetch.ErrTooLarge
	}
	return fetch.Document{URL: s.config.URL + own, Type: answer.Info.Type, Body: text}, err
}

// members returns who is in the group at iri, which lies in another pod or on another server. What it
// returns is at most a minute old. An error means that nobody is. (WAC §acl-agentgroup)
func (s *Server) members(ctx context.Context, iri string) ([]webid.ID, error) {
	if _, err := webid.ParseID(iri); err != nil {
		return nil, fmt.Errorf("read group: %w", err)
	}
	doc, err := documents{s}.Fresh(ctx, iri, acceptGroup, time.Minute)
	if err != nil {
		return nil, fmt.Errorf("read group: %w", err)
	}
	ids, err := readGroup(doc, iri)
	if err != nil {
		return nil, fmt.Errorf("read group: %w", err)
	}
	return ids, nil
}

var errGroup = errors.New("not a document about groups")

// readGroup returns the members that doc lists for the group iri. Those that are no agents are left out.
func readGroup(doc fetch.Document, iri string) ([]webid.ID, error) {
	syntax, ok := rdf.SyntaxOf(doc.Type)
	if !ok {
		return nil, errGroup
	}
	g, err := rdf.Decode(bytes.NewReader(doc.Body), syntax, rdf.IRI(doc.URL), groupLimits)
	if err != nil {
		return nil, err
	}
	var ids []webid.ID
	for _, member := range g.Objects(rdf.IRITerm(rdf.IRI(iri)), rdf.IRITerm(groupMember)) {
		if i, ok := member.IRI(); ok {
			if id, err := webid.ParseID(string(i)); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}
