package ldp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"kith/acl"
	"kith/pod"
	"kith/webid"
)

// Config says where a pod is and what surrounds it.
type Config struct {
	// Base is the pod's URL, with a trailing slash.
	Base string
	// Challenge is the WWW-Authenticate of a 401.
	Challenge string
	// Owner is named to who may read the root and is somebody; "" names nobody.
	Owner webid.ID
	// Description is the URL of the storage description; "" where there is none.
	Description string
	// Services are what the description says that the pod offers.
	Services []Service
	// MaxBody bounds what a request may announce, in bytes; what arrives is
	// bounded by acl. Zero stands for 1 GiB.
	MaxBody int64
}

// Handler answers requests on the resources of one pod.
type Handler struct {
	config Config
	turns  chan struct{} // at reading a graph
}

// New returns a Handler.
func New(c Config) *Handler {
	if c.MaxBody == 0 {
		c.MaxBody = 1 << 30
	}
	return &Handler{c, make(chan struct{}, 2)}
}

// Serve answers r for the agent of view. path is the escaped path of the URL
// within the pod and begins with a slash. Errors of the request are answered and
// not returned; an error that is returned was answered with 500, and is to be
// logged. When the right to read is lost while a body is being sent, Serve
// panics with http.ErrAbortHandler, which net/http expects.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, view *acl.View, path string) error {
	if h.Preflight(w, r, path) {
		return nil
	}
	p, err := pod.ParsePath(path)
	if err == nil {
		err = h.method(w, r, view.From(r.Header.Get("Origin")), p)
	}
	return h.Refuse(w, r, err)
}

// Preflight is [CORS] for a resource, of which the answer to OPTIONS tells what its
// name allows, whether or not it is a preflight.
func (h *Handler) Preflight(w http.ResponseWriter, r *http.Request, path string) (answered bool) {
	if r.Method == http.MethodOptions {
		if p, err := pod.ParsePath(path); err == nil {
			h.describe(w.Header(), p)
		}
	}
	return CORS(w, r)
}

// Refuse answers with the status and the problem detail that belong to err, and
// with the challenge where that is 401. It returns err if it is unexpected and
// was answered with 500. A nil err does nothing. The headers of [CORS] are left
// to the caller.
func (h *Handler) Refuse(w http.ResponseWriter, r *http.Request, err error) error {
	if err == nil {
		return nil
	}
	code, detail, expected := status(err)
	if code == http.StatusUnauthorized && h.config.Challenge != "" && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", h.config.Challenge)
	}
	if code == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" { // each passes by itself
		w.Header().Set("Retry-After", "5")
	}
	if errors.Is(err, errEncoded) { // RFC 9110 §12.5.3
		w.Header().Set("Accept-Encoding", "identity")
	}
	problem(w, code, detail, constraint(err))
	if !expected {
		return fmt.Errorf("serve %s: %w", r.Method, err)
	}
	return nil
}

func (h *Handler) method(w http.ResponseWriter, r *http.Request, view *acl.View, p pod.Path) error {
	if !strings.Contains(", "+allowed(p)+", PATCH,", ", "+r.Method+",") {
		if r.Method == http.MethodPost { // Solid Protocol §server-post-target-not-found
			if err := mustExist(r.Context(), view, p); err != nil {
				return err
			}
		}
		w.Header().Set("Allow", allowed(p))
		return refusal{http.StatusMethodNotAllowed, "The method is not allowed here."}
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if !reads && r.URL.RawQuery != "" { // it would be another resource that is written (RFC 9110 §4.2.2)
		return refusal{http.StatusBadRequest, "An address with a query is of nothing that can be written."}
	}
	switch r.Method {
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent) // described by Preflight, as the name alone demands
		return nil
	case http.MethodPut:
		return h.put(w, r, view, p)
	case http.MethodPatch:
		return h.patch(w, r, view, p)
	case http.MethodPost:
		return h.post(w, r, view, p)
	case http.MethodDelete:
		return h.delete(w, r, view, p)
	}
	if !p.IsContainer() {
		w.Header().Set("Accept-Patch", patchTypes) // where nothing is too: rdflib asks there how it may make a document
	}
	return h.get(w, r, view, p)
}

// mustExist returns what the agent is told of p unless it may read it.
func mustExist(ctx context.Context, view *acl.View, p pod.Path) error {
	a, err := view.Stat(ctx, p)
	if err == nil && isMoved(a, p) {
		err = pod.ErrNotExist
	}
	return errors.Join(err, a.Close())
}

// allowed returns the methods that a name allows, whoever asks and whether or
// not anything is there (RFC 9110 §10.2.1).
func allowed(p pod.Path) string {
	list := []string{"GET", "HEAD", "OPTIONS", "PUT", "PATCH"}
	if p.IsContainer() { // whose PATCH gets the 409 of Solid Protocol §server-protect-containment
		list[4] = "POST"
	}
	if p.Subject() != pod.Root || p.IsMeta() { // Solid Protocol §server-delete-protect-root-container
		list = append(list, "DELETE")
	}
	return strings.Join(list, ", ")
}

// describe sets the headers that depend on the name only.
func (h *Handler) describe(header http.Header, p pod.Path) {
	header.Del("Link") // of an answer that has been described already
	header.Set("Allow", allowed(p))
	header.Set("Accept-Put", "*/*")
	if p.IsACL() {
		header.Set("Accept-Put", aclTypes)
	}
	if p.IsContainer() {
		header.Set("Accept-Post", "*/*")
	} else {
		header.Set("Accept-Patch", patchTypes)
		header.Set("MS-Author-Via", "SPARQL") // by which rdflib knows that it may write
	}
	for _, t := range types(p) {
		link(header, t, "type")
	}
	if !p.IsACL() {
		link(header, h.url(p.Subject().ACL()), "acl")
	}
	switch {
	case p.IsMeta():
		link(header, h.url(p.Subject()), "describes")
	case p == p.Subject(): // also where there is none yet: how else could one be made
		link(header, h.url(p.Meta()), "describedby")
	}
	if p == p.Subject() && !p.IsRoot() {
		link(header, h.url(p.Parent()), "up") // LWS §containment-and-hierarchy
	}
	h.linkStorage(header)
}

// aclTypes are the media types as which an ACL resource is written.
const aclTypes = "text/turtle, application/ld+json, application/n-triples"

// types returns the types of what a name names (LDP §4.2.1.4, Solid Protocol §server-link-storage).
func types(p pod.Path) []string {
	list := []string{ldpNS + "Resource"}
	if p.IsContainer() {
		list = append(list, ldpNS+"Container", ldpNS+"BasicContainer")
	}
	if p.IsRoot() {
		list = append(list, pimStorage)
	}
	return list
}

func link(header http.Header, target, rel string) {
	header["Link"] = append(header["Link"], "<"+target+`>; rel="`+rel+`"`)
}

// url returns the URL of a path.
func (h *Handler) url(p pod.Path) string { return iri(h.config.Base, p) }

func iri(base string, p pod.Path) string { return base + strings.TrimPrefix(p.Escaped(), "/") }

// delete answers DELETE (Solid Protocol §deleting-resources).
func (h *Handler) delete(w http.ResponseWriter, r *http.Request, view *acl.View, p pod.Path) error {
	pre, err := precondition(r.Header)
	if err != nil {
		return err
	}
	if err := view.Delete(r.Context(), p, pre); err != nil {
		return err
	}
	w.Header().Set("Allow", allowed(p))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// isMoved reports whether an answer is about the other spelling of p.
func isMoved(a acl.Answer, p pod.Path) bool { return a.Info.Path != p }
