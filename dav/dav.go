package dav

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

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
}

// New returns a Handler for requests whose paths begin with prefix, such as
// "/alice/.dav", to the pod with the URL base.
func New(prefix, base string) *Handler {
	return &Handler{prefix: prefix, base: base, locks: webdav.NewMemLS()}
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

// Serve answers one request for one agent.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, v *acl.View) {
	if r.Method == "PROPFIND" && r.Header.Get("Depth") != "0" && r.Header.Get("Depth") != "1" {
		finite(w)
		return
	}
	if r.Method != http.MethodPut {
		r.Body = http.MaxBytesReader(w, r.Body, maxXML)
	}
	c := &call{base: h.base, view: v, body: &body{ReadCloser: r.Body}, typ: r.Header.Get("Content-Type")}
	if r.Method == http.MethodPut || r.Method == http.MethodDelete {
		c.pre = pod.Precondition{IfMatch: tags(r.Header, "If-Match"), IfNoneMatch: tags(r.Header, "If-None-Match")}
	}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	r.Body = c.body
	dav := webdav.Handler{Prefix: h.prefix, FileSystem: files{}, LockSystem: locks{h.locks, r.Context(), c}}
	dav.ServeHTTP(&answer{ResponseWriter: w, call: c}, r)
}

// locks are the Handler's, for one call: the webdav package leaves it to them to
// compare the entity tags of an If header (RFC 4918 §10.4), but does not do so in
// its own.
type locks struct {
	webdav.LockSystem
	ctx  context.Context
	call *call
}

// Confirm implements webdav.LockSystem.
func (l locks) Confirm(now time.Time, name0, name1 string, conditions ...webdav.Condition) (func(), error) {
	var left []webdav.Condition
	for _, c := range conditions {
		if c.ETag == "" {
			left = append(left, c)
			continue
		}
		info, err := l.call.find(l.ctx, name0)
		if (err == nil && info.ETag == c.ETag) == c.Not {
			return nil, webdav.ErrConfirmationFailed
		}
	}
	return l.LockSystem.Confirm(now, name0, name1, left...)
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
	instead string // of the words for another status
}

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	if a.instead == "" {
		return a.ResponseWriter.Write(p)
	}
	_, err := io.WriteString(a.ResponseWriter, a.instead)
	return len(p), err
}

func (a *answer) WriteHeader(status int) {
	if status >= 400 && a.call.err != nil {
		status = statusOf(a.call.err)
		a.instead = webdav.StatusText(status)
	}
	h := a.Header()
	h.Set("Cache-Control", "no-store, private")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap gives http.ResponseController the writer below.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

var statuses = []struct {
	err    error
	status int
}{
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
