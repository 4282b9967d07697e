package dav

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/webdav"

	"kith/acl"
	"kith/internal/rdf"
	"kith/pod"
)

// Handler answers WebDAV for one pod. It holds the locks.
type Handler struct {
	prefix, base string
	locks        *table
}

// New returns a Handler for requests whose paths begin with prefix, such as
// "/alice/.dav", to the pod with the URL base. Locks end by the clock now.
func New(prefix, base string, now func() time.Time) *Handler {
	return &Handler{prefix: prefix, base: base, locks: newTable(now)}
}

// call is one request on its way through the webdav package.
type call struct {
	drive     *Handler
	view      *acl.View // what it makes is the owner's alone
	plain     *acl.View
	method    string
	from, to  string // the names asked for and of the Destination, "" for none
	condition string // the If header as it was sent
	body      *body
	typ       string           // media type of the request
	pre       pod.Precondition // of a PUT or DELETE
	err       error            // the first refusal

	blocker  string   // the root of the lock in the way, as a path of the address
	named    bool     // a PROPFIND names the properties
	listed   pod.Path // whose properties the webdav package knows the names of
	replaced bool     // there was something where a representation was stored
	// stood is what lay where something is copied or moved to, with its entity tags, nil for nothing; came is what
	// has come there.
	stood map[pod.Path]string
	came  map[pod.Path]bool
}

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
	c := &call{
		drive: h, view: v.Alone(), plain: v, method: r.Method, from: h.name(r.URL.Path), condition: r.Header.Get("If"),
		body: &body{ReadCloser: r.Body}, typ: r.Header.Get("Content-Type"), came: map[pod.Path]bool{},
	}
	if u, err := url.Parse(r.Header.Get("Destination")); err == nil && strings.HasPrefix(u.Path, h.prefix) {
		c.to = h.name(u.Path)
	}
	out := &answer{ResponseWriter: w, call: c, ctx: r.Context()}
	if status := c.absurd(r); status != 0 {
		out.WriteHeader(status)
		return
	}
	if depth := r.Header.Get("Depth"); r.Method == "PROPFIND" && (depth == "" || strings.EqualFold(depth, "infinity")) {
		out.explain(http.StatusForbidden, "<D:propfind-finite-depth/>")
		return
	}
	c.pass(out, r)
}

// name returns the name of a path of the address.
func (h *Handler) name(path string) string { return clean(strings.TrimPrefix(path, h.prefix)) }

// href returns the path of the address that a name has, escaped.
func (h *Handler) href(name string, container bool) string {
	if container && name != "/" {
		name += "/"
	}
	return (&url.URL{Path: h.prefix + name}).EscapedPath()
}

// absurd returns the status of a request that cannot be meant, 0 for any other.
func (c *call) absurd(r *http.Request) int {
	depth := r.Header.Get("Depth")
	moves := r.Method == "MOVE"
	takes := c.to != "" && (moves || r.Method == "COPY")
	switch {
	case !slices.Contains(methods, r.Method):
		return http.StatusMethodNotAllowed
	case len(c.condition) > maxIf:
		return http.StatusRequestHeaderFieldsTooLarge
	case r.Method == http.MethodPut && r.Header.Get("Content-Range") != "": // RFC 9110 §14.5
		return http.StatusBadRequest
	case takes && c.from == c.to: // RFC 4918 §9.8.5, §9.9.4
		return http.StatusForbidden
	case takes && (inside(c.from, c.to) || moves && inside(c.to, c.from)): // what is replaced is removed first
		return http.StatusConflict
	case r.Method == "PROPFIND" && depth != "" && depth != "0" && depth != "1" && !strings.EqualFold(depth, "infinity"):
		return http.StatusBadRequest
	}
	return 0
}

// pass has a request answered: by the webdav package, but for locks.
func (c *call) pass(out *answer, r *http.Request) {
	var text []byte
	if r.Method != http.MethodPut {
		var err error
		if text, err = io.ReadAll(http.MaxBytesReader(out, r.Body, maxXML)); err == nil {
			err = check(text, r.Method)
		}
		if err != nil {
			out.WriteHeader(bodyStatus(err))
			return
		}
		c.body.ReadCloser = io.NopCloser(bytes.NewReader(text))
	}
	switch r.Method {
	case "LOCK":
		c.lock(out, r, text)
		return
	case "UNLOCK":
		c.unlock(out, r)
		return
	case "PROPFIND":
		c.named = names(text)
	case http.MethodPut, http.MethodDelete:
		c.pre = pod.Precondition{IfMatch: tags(r.Header, "If-Match"), IfNoneMatch: tags(r.Header, "If-None-Match")}
	}
	r.Header.Set("If", always)
	if c.condition != "" { // tags may be paths (RFC 4918 §8.3), which the webdav package takes for another host's
		r.Header.Set("If", strings.ReplaceAll(c.condition, "</", "<//"+r.Host+"/"))
	}
	if r.Header.Get("Overwrite") == "" { // RFC 4918 §10.6
		r.Header.Set("Overwrite", "T")
	}
	r.Body = c.body
	dav := webdav.Handler{Prefix: c.drive.prefix, FileSystem: files{c}, LockSystem: locks{c, r.Context()}}
	dav.ServeHTTP(out, r)
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

// answer gives a refusal the status of its reason, and the words for it.
type answer struct {
	http.ResponseWriter
	call    *call
	ctx     context.Context
	begun   bool   // the status is written
	instead string // of what the webdav package says
	mute    bool   // there is nothing to say, or nothing more
}

// Write implements io.Writer.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.mute {
		return len(p), nil
	}
	if a.instead == "" {
		return a.ResponseWriter.Write(p)
	}
	a.mute = true
	_, err := io.WriteString(a.ResponseWriter, a.instead)
	return len(p), err
}

func (a *answer) WriteHeader(status int) {
	if a.begun {
		return
	}
	a.begun = true
	if status < 300 && a.call.stood != nil {
		if err := a.call.refuse(a.call.clear(a.ctx)); err != nil {
			status = http.StatusInternalServerError // unless there is a better one
		}
	}
	h := a.Header()
	switch {
	case status >= 400 && a.call.err != nil:
		status = statusOf(a.call.err)
		a.instead = webdav.StatusText(status)
	case status == http.StatusCreated && a.call.replaced: // RFC 9110 §9.3.4
		status, a.mute = http.StatusNoContent, true
		h.Del("Content-Type")
	}
	if status == http.StatusLocked && a.call.blocker != "" {
		h.Set("Content-Type", `application/xml; charset="utf-8"`)
		a.instead = a.call.blocked()
	}
	if status == http.StatusMethodNotAllowed {
		h.Set("Allow", a.call.allowed(a.ctx, a.call.from)) // RFC 9110 §15.5.6
	}
	h.Set("Cache-Control", "no-store, private")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	a.ResponseWriter.WriteHeader(status)
}

// explain answers with the element that tells which condition does not hold.
func (a *answer) explain(status int, condition string) {
	a.Header().Set("Content-Type", `application/xml; charset="utf-8"`)
	a.WriteHeader(status)
	_, _ = io.WriteString(a, errorXML(condition)) // whoever asked is gone if this fails
}

// fail answers with the status of a refusal.
func (a *answer) fail(err error) {
	a.call.err = err
	a.WriteHeader(statusOf(err))
	_, _ = io.WriteString(a, http.StatusText(statusOf(err))) // whoever asked is gone if this fails
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
	{webdav.ErrForbidden, http.StatusForbidden},
	{errXML, http.StatusBadRequest},
	{errScope, http.StatusUnprocessableEntity},
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
