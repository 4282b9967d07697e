package ldp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"

	"kith/acl"
	"kith/internal/rdf"
	"kith/pod"
)

// maxPatch bounds a patch, in bytes.
const maxPatch = 1 << 20

const patchTypes = "text/n3, application/sparql-update"

type patchParser = func(io.Reader, rdf.IRI, rdf.Limits) (rdf.Patch, error)

// patchSyntaxes are what Accept-Patch names.
var patchSyntaxes = map[string]patchParser{
	"text/n3":                   rdf.ParseN3Patch,
	"application/sparql-update": rdf.ParseUpdate,
}

// patch answers PATCH (Solid Protocol §n3-patch, SPARQL 1.1 Update). The body is
// read only for those who may send one, and is held against the Read and Write
// that it needs before it is tried.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request, view *acl.View, p pod.Path) error {
	pre, err := precondition(r.Header)
	if err != nil {
		return err
	}
	parse, err := h.patchSyntax(w, r)
	if err != nil {
		return err
	}
	if err := view.MayPatch(r.Context(), p, pre); err != nil {
		return err
	}
	room := view.Room()
	defer room.Close()
	text, err := io.ReadAll(room.Of(http.MaxBytesReader(nil, r.Body, maxPatch)))
	if err != nil {
		return fmt.Errorf("read patch: %w: %w", acl.ErrBody, err) // acl.ErrBusy among them
	}
	patch, err := h.parsed(r.Context(), text, parse, p)
	if err != nil {
		return err
	}
	info, created, err := view.Patch(r.Context(), p, patch, pre)
	if err != nil {
		return err
	}
	h.placed(w, info, created)
	return nil
}

// patchSyntax returns what reads the body, or the refusal of one that is none.
func (h *Handler) patchSyntax(w http.ResponseWriter, r *http.Request) (patchParser, error) {
	w.Header().Set("Accept-Patch", patchTypes) // which stays where the answer is 415 (RFC 5789 §2.2)
	if err := h.checkBody(r, false); err != nil {
		return nil, err
	}
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	parse, ok := patchSyntaxes[t]
	if err != nil || !ok {
		return nil, refusal{http.StatusUnsupportedMediaType, "A patch is text/n3 or application/sparql-update."}
	}
	if r.ContentLength > maxPatch {
		return nil, pod.ErrTooLarge
	}
	return parse, nil
}

// parsed reads a patch of p that has come.
func (h *Handler) parsed(ctx context.Context, text []byte, parse patchParser, p pod.Path) (rdf.Patch, error) {
	if err := h.turn(ctx); err != nil {
		return rdf.Patch{}, err
	}
	defer func() { <-h.turns }()
	return parse(bytes.NewReader(text), rdf.IRI(h.url(p)), rdf.Limits{Bytes: maxPatch})
}
