package dav

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/webdav"

	"kith/acl"
	"kith/internal/rdf"
	"kith/pod"
)

// maxXML bounds the body of a request that is no PUT, in bytes.
const maxXML = 64 << 10

// Handler answers WebDAV for one pod. It holds the locks.
type Handler struct {
	prefix, base string
	locks        webdav.LockSystem
	tokens       string // what those of locks begin with
}

// New returns a Handler for requests whose paths begin with prefix, such as
// "/alice/.dav", to the pod with the URL base.
func New(prefix, base string) *Handler {
	return &Handler{prefix: prefix, base: base, locks: webdav.NewMemLS(), tokens: newTokens()}
}

// call is one request on its way through the webdav package, which gives to
// files and gets back from them nothing but a context.
type call struct {
	base string // of the pod
	view *acl.View
	body *body
	typ  string           // media type of the request
	pre  pod.Precondition // of a PUT or DELETE
	err  error            // the first refusal

	orphan   bool // there is no container above what was to be made
	replaced bool // there was something where a representation was stored
}

type callKey struct{}

func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// refuse remembers why, and returns what the webdav package understands.
func (c *call) refuse(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pod.ErrNotExist):
		return errNotExist
	case c.err == nil:
		c.err = err
	}
	return err
}

// body remembers how reading a request's body ended: a file that was not sent
// whole is not stored.
type body struct {
	io.ReadCloser
	err error
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// methods are what the webdav package answers.
var methods = []string{"OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "PROPFIND", "PROPPATCH"}

// Serve answers one request for one agent.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, v *acl.View) {
	c := &call{base: h.base, view: v, body: &body{ReadCloser: r.Body}, typ: r.Header.Get("Content-Type")}
	out := &answer{ResponseWriter: w, call: c, ctx: r.Context(), name: strings.TrimPrefix(r.URL.Path, h.prefix)}
	depth := strings.ToLower(r.Header.Get("Depth"))
	switch {
	case !slices.Contains(methods, r.Method):
		out.WriteHeader(http.StatusMethodNotAllowed)
		return
	case r.Method == http.MethodPut && r.Header.Get("Content-Range") != "": // RFC 9110 §14.5
		out.WriteHeader(http.StatusBadRequest)
		return
	case h.swallows(r, out.name):
		out.WriteHeader(http.StatusConflict)
		return
	case r.Method == "PROPFIND" && (depth == "" || depth == "infinity"):
		finite(w)
		return
	case r.Method == "PROPFIND" && depth != "0" && depth != "1":
		out.WriteHeader(http.StatusBadRequest)
		return
	}
	h.pass(out, r)
}

// swallows reports whether a request would move something into itself, or put it
// in the place of what it lies in, which is removed first.
func (h *Handler) swallows(r *http.Request, from string) bool {
	u, err := url.Parse(r.Header.Get("Destination"))
	if err != nil || r.Method != "MOVE" && r.Method != "COPY" {
		return false
	}
	to := strings.TrimPrefix(u.Path, h.prefix)
	return inside(from, to) || r.Method == "MOVE" && inside(to, from)
}

// inside reports whether a name lies in another.
func inside(name, container string) bool {
	container = strings.TrimRight(container, "/") + "/"
	return len(name) > len(container) && strings.HasPrefix(name, container)
}

// pass hands a request to the webdav package.
func (h *Handler) pass(out *answer, r *http.Request) {
	c := out.call
	switch r.Method {
	case http.MethodPut, http.MethodDelete:
		c.pre = pod.Precondition{IfMatch: tags(r.Header, "If-Match"), IfNoneMatch: tags(r.Header, "If-None-Match")}
	case "LOCK":
		r.Header.Set("Timeout", bounded(r.Header.Get("Timeout")))
	}
	if r.Method != http.MethodPut {
		text, err := io.ReadAll(http.MaxBytesReader(out, r.Body, maxXML))
		if err != nil || undeclares(text) {
			out.WriteHeader(http.StatusBadRequest)
			return
		}
		c.body.ReadCloser = io.NopCloser(bytes.NewReader(text))
	}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	r.Body = c.body
	deep := r.Method == http.MethodDelete || r.Method == "MOVE" || r.Method == "COPY"
	dav := webdav.Handler{Prefix: h.prefix, FileSystem: files{}, LockSystem: locks{h.locks, r.Context(), c, h.tokens, deep}}
	dav.ServeHTTP(out, r)
}

// undeclares reports whether a body declares a prefix as nothing, which encoding/xml lets
// pass (Namespaces in XML 1.0 §5, No Prefix Undeclaring).
func undeclares(text []byte) bool {
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.RawToken()
		if err != nil {
			return false // the webdav package says what is wrong with it
		}
		e, ok := token.(xml.StartElement)
		if ok && slices.ContainsFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Space == "xmlns" && a.Value == "" }) {
			return true
		}
	}
}

// tags returns the entity tags of a header, without the marks of weak ones.
func tags(h http.Header, name string) (all []string) {
	for tag := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag != "" {
			all = append(all, tag)
		}
	}
	return all
}

// finite refuses to list a whole pod in one answer.
func finite(w http.ResponseWriter) {
	w.Header().Set("Content-Type", `application/xml; charset="utf-8"`)
	w.WriteHeader(http.StatusForbidden)
	io.WriteString(w, `<?xml version="1.0" encoding="utf-8"?><D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>`)
}

// answer gives a refusal the status of its reason, and the words for it.
type answer struct {
	http.ResponseWriter
	call    *call
	ctx     context.Context
	name    string // what was asked for
	instead string // of the words for another status
	mute    bool   // the status has no words
}

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	if a.mute {
		return len(p), nil
	}
	if a.instead == "" {
		return a.ResponseWriter.Write(p)
	}
	_, err := io.WriteString(a.ResponseWriter, a.instead)
	return len(p), err
}

func (a *answer) WriteHeader(status int) {
	h := a.Header()
	switch {
	case status >= 400 && a.call.err != nil:
		status = statusOf(a.call.err)
		a.instead = webdav.StatusText(status)
	case status == http.StatusInternalServerError && a.call.orphan: // RFC 4918 §9.10.6
		status = http.StatusConflict
		a.instead = webdav.StatusText(status)
	case status == http.StatusCreated && a.call.replaced: // RFC 9110 §9.3.4
		status, a.mute = http.StatusNoContent, true
		h.Del("Content-Type")
	}
	if status == http.StatusMethodNotAllowed {
		h.Set("Allow", a.call.allowed(a.ctx, a.name)) // RFC 9110 §15.5.6
	}
	h.Set("Cache-Control", "no-store, private")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	a.ResponseWriter.WriteHeader(status)
}

// allowed returns the methods that a name has.
func (c *call) allowed(ctx context.Context, name string) string {
	info, err := c.find(ctx, name)
	switch {
	case err != nil:
		return "OPTIONS, LOCK, PUT, MKCOL"
	case info.Path.IsContainer():
		return "OPTIONS, LOCK, DELETE, PROPPATCH, COPY, MOVE, UNLOCK, PROPFIND"
	}
	return "OPTIONS, LOCK, GET, HEAD, POST, DELETE, PROPPATCH, COPY, MOVE, UNLOCK, PROPFIND, PUT"
}

// Unwrap gives http.ResponseController the writer below.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

var statuses = []struct {
	err    error
	status int
}{
	{webdav.ErrLocked, http.StatusLocked},
	{acl.ErrUnauthenticated, http.StatusUnauthorized},
	{acl.ErrForbidden, http.StatusForbidden},
	{acl.ErrMalformed, http.StatusUnprocessableEntity},
	{acl.ErrClass, http.StatusUnprocessableEntity},
	{acl.ErrLockout, http.StatusUnprocessableEntity},
	{rdf.ErrSyntax, http.StatusUnprocessableEntity},
	{acl.ErrReplica, http.StatusForbidden},
	{acl.ErrProtected, http.StatusForbidden},
	{acl.ErrContainment, http.StatusConflict},
	{pod.ErrConflict, http.StatusConflict},
	{pod.ErrNotEmpty, http.StatusConflict},
	{pod.ErrBadPath, http.StatusForbidden},
	{pod.ErrReserved, http.StatusForbidden},
	{pod.ErrBadType, http.StatusUnsupportedMediaType},
	{pod.ErrPrecondition, http.StatusPreconditionFailed},
	{pod.ErrTooLarge, http.StatusRequestEntityTooLarge},
	{rdf.ErrTooLarge, http.StatusRequestEntityTooLarge},
	{pod.ErrFull, http.StatusInsufficientStorage},
	{pod.ErrUnsettled, http.StatusServiceUnavailable},
	{pod.ErrClosed, http.StatusServiceUnavailable},
	{pod.ErrExist, http.StatusMethodNotAllowed},
	{acl.ErrBody, http.StatusBadRequest},
}

func statusOf(err error) int {
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			return s.status
		}
	}
	return http.StatusInternalServerError
}
