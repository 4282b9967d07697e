package ldp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"kith/acl"
	"kith/internal/rdf"
	"kith/pod"
)

// put answers PUT (Solid Protocol §writing-resources).
func (h *Handler) put(w http.ResponseWriter, r *http.Request, view *acl.View, p pod.Path) error {
	pre, err := precondition(r.Header)
	if err != nil {
		return err
	}
	if err := h.checkBody(r, p.IsContainer()); err != nil {
		return err
	}
	if asksContainer(r.Header) && !p.IsContainer() {
		return refusal{http.StatusConflict, "The name of a container ends in a slash."}
	}
	info, created, err := h.place(r, view, p, pre)
	if err != nil {
		return err
	}
	h.placed(w, info, created)
	return nil
}

// placed answers 201 or 204.
func (h *Handler) placed(w http.ResponseWriter, info pod.Info, created bool) {
	h.tell(w.Header(), info)
	w.Header().Set("Allow", allowed(info.Path)) // Solid Protocol §server-allow-methods
	if !created {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Location", h.url(info.Path))
	w.WriteHeader(http.StatusCreated)
}

func (h *Handler) place(r *http.Request, view *acl.View, p pod.Path, pre pod.Precondition) (pod.Info, bool, error) {
	if !p.IsContainer() {
		info, created, err := view.Put(r.Context(), p, r.Header.Get("Content-Type"), r.Body, pre)
		if _, ok := rdf.SyntaxOf(r.Header.Get("Content-Type")); !ok && errors.Is(err, acl.ErrMalformed) {
			err = refusal{http.StatusUnsupportedMediaType, "An ACL resource is " + aclTypes + "."}
		}
		return info, created, err
	}
	if err := view.MayPut(r.Context(), p, pre); err != nil {
		return pod.Info{}, false, err
	}
	if err := checkEmpty(r, h.url(p)); err != nil {
		return pod.Info{}, false, err
	}
	info, err := view.MakeContainer(r.Context(), p, pre)
	return info, true, err
}

// post answers POST (Solid Protocol §writing-resources, LDP §5.2.3).
func (h *Handler) post(w http.ResponseWriter, r *http.Request, view *acl.View, p pod.Path) error {
	pre, err := precondition(r.Header)
	if err != nil {
		return err
	}
	asContainer := asksContainer(r.Header)
	if err := h.checkBody(r, asContainer); err != nil {
		return err
	}
	info, err := h.create(r, view, p, asContainer, pre)
	if err != nil {
		return err
	}
	h.tell(w.Header(), info)
	w.Header().Set("Allow", allowed(p))
	w.Header().Set("Location", h.url(info.Path))
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (h *Handler) create(r *http.Request, view *acl.View, p pod.Path, asContainer bool, pre pod.Precondition) (pod.Info, error) {
	name := slug(r.Header.Get("Slug"))
	auxiliary := isAuxiliary(p, name)
	if !asContainer && !auxiliary {
		return view.Create(r.Context(), p, name, r.Header.Get("Content-Type"), r.Body, pre)
	}
	if err := view.MayCreate(r.Context(), p, pre); err != nil {
		return pod.Info{}, err
	}
	if auxiliary { // Solid Protocol §server-post-slug-auxiliary-resource
		return pod.Info{}, refusal{http.StatusForbidden, "Slug names an auxiliary resource. Those are made by PUT or PATCH of the address that Link tells."}
	}
	if err := checkEmpty(r, unnamed); err != nil {
		return pod.Info{}, err
	}
	return view.CreateContainer(r.Context(), p, name, pre)
}

// isAuxiliary reports whether a name in a container is that of an auxiliary resource.
func isAuxiliary(container pod.Path, name string) bool {
	p, err := container.Child(name, false)
	return err == nil && p != p.Subject()
}

// tell names what a write has made.
func (h *Handler) tell(header http.Header, i pod.Info) {
	if i.ETag != "" {
		header.Set("ETag", i.ETag)
		header.Set("Last-Modified", i.Modified.UTC().Format(http.TimeFormat))
	}
	for _, t := range types(i.Path) {
		link(header, t, "type")
	}
	if !i.Path.IsACL() {
		link(header, h.url(i.Path.Subject().ACL()), "acl")
	}
}

// checkBody refuses bodies that cannot be stored, before a byte of them is read.
func (h *Handler) checkBody(r *http.Request, mayBeEmpty bool) error {
	typ := r.Header.Get("Content-Type")
	switch {
	case r.Header.Get("Content-Range") != "": // RFC 9110 §14.5
		return refusal{http.StatusBadRequest, "A part of a representation cannot be stored."}
	case encoded(r.Header):
		return errEncoded
	case r.ContentLength > h.config.MaxBody:
		return pod.ErrTooLarge
	case typ == "" && mayBeEmpty && r.ContentLength == 0:
		return nil
	case typ == "": // Solid Protocol §server-content-type-missing
		return refusal{http.StatusBadRequest, "A Content-Type is needed."}
	}
	if _, _, err := mime.ParseMediaType(typ); err != nil {
		return pod.ErrBadType
	}
	return nil
}

var errEncoded = refusal{http.StatusUnsupportedMediaType, "A body with a Content-Encoding cannot be stored."}

// encoded reports whether the body is not the representation itself.
func encoded(header http.Header) bool {
	encoding := header.Get("Content-Encoding")
	return encoding != "" && encoding != "identity"
}

const maxEmpty = 64 << 10

// unnamed stands for the URL of a container that is about to get one.
const unnamed = "http://container.invalid/"

// errSelf refuses what would be lost: a container is described by its description.
var errSelf = refusal{http.StatusConflict, "What a container says of itself cannot be written; its description (Link: describedby) can."}

// checkEmpty refuses a body that says more of a container, of the URL self, than
// that it is one. What it contains follows from the paths (Solid Protocol
// §server-protect-containment).
func checkEmpty(r *http.Request, self string) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, maxEmpty+1))
	switch {
	case err != nil:
		return fmt.Errorf("read body: %w: %w", acl.ErrBody, err)
	case len(text) > maxEmpty:
		return pod.ErrTooLarge
	case len(bytes.TrimSpace(text)) == 0:
		return nil
	}
	syntax, ok := rdf.SyntaxOf(r.Header.Get("Content-Type"))
	if !ok {
		return refusal{http.StatusUnsupportedMediaType, "The body of a new container is empty, or a graph that says nothing."}
	}
	g, err := rdf.Decode(bytes.NewReader(text), syntax, rdf.IRI(self), rdf.Limits{})
	switch {
	case errors.Is(err, rdf.ErrSyntax) || errors.Is(err, rdf.ErrTooLarge) || errors.Is(err, rdf.ErrContext):
		return refusal{http.StatusBadRequest, "The body is not well formed."}
	case err != nil:
		return fmt.Errorf("parse body: %w", err)
	}
	for t := range g.All() {
		if t.S != rdf.IRITerm(rdf.IRI(self)) || t.P != isA || !slices.Contains(containerTypes, t.O) {
			return errSelf
		}
	}
	return nil
}

// containerTypes are what every container says of itself.
var containerTypes = []rdf.Term{
	rdf.IRITerm(ldpNS + "Resource"), rdf.IRITerm(ldpNS + "Container"), rdf.IRITerm(ldpNS + "BasicContainer"),
}
