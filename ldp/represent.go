package ldp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"kith/acl"
	"kith/internal/rdf"
)

// representation is what a resource looks like in one media type.
type representation struct {
	content io.ReadSeeker
	typ     string
	etag    string
	page    *page // of a listing that comes in pages
}

// suffixes tell the ETags of representations that are made from the ETag of the
// state that they are made of. No ETag of a state has a dot.
var suffixes = map[string]string{
	typeTurtle:              ".ttl",
	"application/n-triples": ".nt",
	typeJSONLD:              ".jsonld",
	typeJSON:                ".json",
	typeLWS:                 ".lws",
}

// derived returns the strong ETag of a representation that is made of a state.
func derived(etag, typ string) string { return strings.TrimSuffix(etag, `"`) + suffixes[typ] + `"` }

// state returns the ETag of the state that a representation with an ETag is made
// of. Who has read any representation can so write on condition that what was
// read still stands (RFC 9110 §13.1.1).
func state(etag string) string {
	for _, s := range suffixes {
		if opaque, ok := strings.CutSuffix(etag, s+`"`); ok {
			return opaque + `"`
		}
	}
	return etag
}

// negotiate chooses between the representation stored and those that can be made.
func (h *Handler) negotiate(r *http.Request, a acl.Answer, stored representation, accept acceptable, room *acl.Room) (representation, error) {
	essence, _, _ := mime.ParseMediaType(a.Info.Type)
	offers := []string{essence, typeTurtle, typeJSONLD, rdf.NTriples.MediaType()}
	typ, ok := accept.choose(offers)
	switch {
	case !ok:
		return representation{}, notAcceptable(offers)
	case typ == essence:
		return stored, nil
	}
	return h.convert(r.Context(), a, typ, room)
}

// notAcceptable refuses a request that wants none of what there is.
func notAcceptable(offers []string) error {
	slices.Sort(offers)
	return refusal{http.StatusNotAcceptable, "This can be had as " + strings.Join(slices.Compact(offers), ", ") + "."}
}

// convert writes the graph of a in another syntax. What does not parse, which
// only a hand or a device can have put there, is sent as it is: no other
// representation would tell its owner what is wrong (RFC 9110 §12.5.1). So is what
// would become too long. What is made stays in the room until it has been sent.
func (h *Handler) convert(ctx context.Context, a acl.Answer, typ string, room *acl.Room) (representation, error) {
	if err := h.turn(ctx); err != nil {
		return representation{}, err
	}
	defer func() { <-h.turns }()
	from, _ := rdf.SyntaxOf(a.Info.Type)
	to, _ := rdf.SyntaxOf(typ)
	base := rdf.IRI(h.url(a.Info.Path))
	out := paid{room: room}
	g, err := rdf.Decode(a.Resource, from, base, rdf.Limits{})
	if err == nil {
		err = rdf.EncodeAs(&out, g, to, prefixes, base, "")
	}
	if errors.Is(err, acl.ErrBusy) {
		return representation{}, err
	}
	if err != nil {
		_, err := a.Resource.Seek(0, io.SeekStart)
		return representation{content: a.Resource, typ: a.Info.Type, etag: a.Info.ETag}, err
	}
	return representation{content: bytes.NewReader(out.text.Bytes()), typ: typ, etag: derived(a.Info.ETag, typ)}, nil
}

// paid is a text in memory, for which there has to be room before it grows.
type paid struct {
	room *acl.Room
	text bytes.Buffer
	have int
}

// roomStep is by how much room grows at least, in bytes.
const roomStep = 16 << 10

// Write adds p. The errors are those of [acl.Room.Take].
func (o *paid) Write(p []byte) (int, error) {
	if more := o.text.Len() + len(p) - o.have; more > 0 {
		more = max(more, roomStep)
		if err := o.room.Take(int64(more)); err != nil {
			return 0, err
		}
		o.have += more
	}
	return o.text.Write(p)
}

// turn waits until no more than one other graph is being read, since a graph
// takes many times the room of its text. Who gets the turn gives it back.
func (h *Handler) turn(ctx context.Context) error {
	select {
	case h.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// representContainer makes a listing.
func (h *Handler) representContainer(r *http.Request, a acl.Answer, room *acl.Room) (representation, error) {
	offers := []string{typeTurtle, typeJSONLD, typeLWS, typeJSON}
	typ, ok := parseAccept(r.Header.Values("Accept")).choose(offers)
	if !ok {
		return representation{}, notAcceptable(offers)
	}
	l := &listing{base: h.config.Base, answer: a, room: room, write: writeTurtle}
	rep := representation{content: l, typ: typ, etag: derived(a.Info.ETag, typ)}
	switch typ {
	case typeTurtle:
		rep.etag = a.Info.ETag
	case typeJSONLD:
		l.write = writeJSONLD
	default:
		rep.page = pageOf(a.Children, r.URL.Query())
		l.write = rep.page.write
	}
	return rep, nil
}
