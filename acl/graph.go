package acl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"kith/internal/rdf"
	"kith/pod"
)

// ErrContainment refuses a write by which a container, or its description, would
// say what follows from its members (409, Solid Protocol
// §server-protect-containment).
var ErrContainment = errors.New("what a container holds follows from its members")

// ErrNoGraph refuses a patch of what holds no graph that could be changed (409).
var ErrNoGraph = errors.New("there is no graph to change")

// maxGraph bounds the text of a graph, in bytes: that of [rdf.Limits].
const maxGraph = 4 << 20

// prefixes shorten what Solid documents are made of.
var prefixes = map[string]rdf.IRI{
	"acl":     aclNS,
	"as":      "https://www.w3.org/ns/activitystreams#",
	"dcterms": "http://purl.org/dc/terms/",
	"foaf":    "http://xmlns.com/foaf/0.1/",
	"ldp":     ldpNS,
	"pim":     "http://www.w3.org/ns/pim/space#",
	"rdfs":    "http://www.w3.org/2000/01/rdf-schema#",
	"schema":  "http://schema.org/",
	"solid":   "http://www.w3.org/ns/solid/terms#",
	"vcard":   "http://www.w3.org/2006/vcard/ns#",
	"xsd":     "http://www.w3.org/2001/XMLSchema#",
}

// turns lets one document of a pod be read at a time, since a graph takes many
// times the room of its text.
type turns chan struct{}

func (t turns) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turns) give() { <-t }

// queues let one patch of each resource be made at a time. Who may change one can
// make its patches slow, such as by groups elsewhere, and not those of others.
type queues struct {
	mu   sync.Mutex
	open map[pod.Path]*queue
}

// queue is who patches a resource and who waits for it.
type queue struct {
	turns turns
	all   int
}

// enter waits until it is the caller's turn, which ends with leave.
func (q *queues) enter(ctx context.Context, p pod.Path) (leave func(), err error) {
	q.mu.Lock()
	if q.open == nil {
		q.open = make(map[pod.Path]*queue)
	}
	one := q.open[p]
	if one == nil {
		one = &queue{turns: make(turns, 1)}
		q.open[p] = one
	}
	one.all++
	q.mu.Unlock()
	if err := one.turns.take(ctx); err != nil {
		q.quit(p, one)
		return nil, err
	}
	return func() { one.turns.give(); q.quit(p, one) }, nil
}

// quit forgets a queue when the last one has left it.
func (q *queues) quit(p pod.Path, one *queue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if one.all--; one.all == 0 {
		delete(q.open, p)
	}
}

// checked reads a body that claims to be RDF and refuses what is not, so that
// every such resource can be given in each syntax (Solid Protocol
// §server-representation-turtle-jsonld), but for JSON-LD whose context nobody
// here knows. Other bodies are left alone.
func (g *Guard) checked(ctx context.Context, p pod.Path, typ string, body io.Reader) (io.Reader, error) {
	syntax, ok := rdf.SyntaxOf(typ)
	if !ok || p.IsACL() { // an ACL has a check of its own
		return body, nil
	}
	text, err := io.ReadAll(io.LimitReader(body, maxGraph+1))
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	if err := g.turns.take(ctx); err != nil {
		return nil, err
	}
	defer g.turns.give()
	graph, err := rdf.Decode(bytes.NewReader(text), syntax, rdf.IRI(g.scope.iri(p)), rdf.Limits{})
	if errors.Is(err, rdf.ErrContext) && !p.IsMeta() {
		return bytes.NewReader(text), nil // it stays the only representation
	}
	if err != nil {
		return nil, fmt.Errorf("check document: %w", err)
	}
	return bytes.NewReader(text), g.checkDescription(p, graph)
}

// inTurtle returns an ACL that came in another syntax as Turtle, in which ACLs are
// kept: the responders of a person read no other.
func (g *Guard) inTurtle(ctx context.Context, p pod.Path, typ string, body io.Reader) (io.Reader, error) {
	syntax, ok := rdf.SyntaxOf(typ)
	if !ok {
		return nil, fmt.Errorf("read ACL: %w: its media type is of no RDF", ErrMalformed)
	}
	text, err := readDocument(body)
	if err != nil {
		return nil, err
	}
	if err := g.turns.take(ctx); err != nil {
		return nil, err
	}
	defer g.turns.give()
	base := rdf.IRI(g.scope.iri(p))
	graph, err := rdf.Decode(bytes.NewReader(text), syntax, base, limits)
	switch {
	case errors.Is(err, rdf.ErrSyntax) || errors.Is(err, rdf.ErrTooLarge) || errors.Is(err, rdf.ErrContext):
		return nil, fmt.Errorf("read ACL: %w: %w", ErrMalformed, err)
	case err != nil:
		return nil, fmt.Errorf("read ACL: %w", err)
	}
	var out bytes.Buffer
	if err := rdf.EncodeAs(&out, graph, rdf.Turtle, prefixes, base, rdf.IRI(g.config.Base)); err != nil {
		return nil, fmt.Errorf("write ACL: %w", err)
	}
	return &out, nil
}

// readDocument reads an ACL that is being sent.
func readDocument(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("read ACL: %w", err)
	}
	if len(text) > maxDocument {
		return nil, fmt.Errorf("read ACL: %w", pod.ErrTooLarge)
	}
	return text, nil
}

// ldpNS and the words that only the server says of a container and its members.
const (
	ldpNS   = "http://www.w3.org/ns/ldp#"
	mediaNS = "http://www.w3.org/ns/iana/media-types/"
)

var protected = map[rdf.Term]bool{
	rdf.IRITerm(ldpNS + "contains"):                      true,
	rdf.IRITerm("http://www.w3.org/ns/posix/stat#size"):  true,
	rdf.IRITerm("http://www.w3.org/ns/posix/stat#mtime"): true,
	rdf.IRITerm("http://purl.org/dc/terms/modified"):     true,
}

// checkDescription refuses a description of a container that says which members
// it has or how these are (Solid Protocol §server-protect-containment,
// §server-protect-contained-resource-metadata).
func (g *Guard) checkDescription(p pod.Path, graph *rdf.Graph) error {
	container := p.Subject()
	if !p.IsMeta() || !container.IsContainer() {
		return nil
	}
	for t := range graph.All() {
		about, ok := g.scope.path(t.S.Value())
		if t.S.Kind() != rdf.KindIRI || !ok || about != container && !container.Contains(about) {
			continue
		}
		if protected[t.P] || t.P == rdfType && strings.HasPrefix(t.O.Value(), mediaNS) {
			return fmt.Errorf("check description: %w", ErrContainment)
		}
	}
	return nil
}
