package ldp

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"kith/acl"
	"kith/internal/rdf"
	"kith/pod"
)

// get answers GET and HEAD.
func (h *Handler) get(w http.ResponseWriter, r *http.Request, view *acl.View, p pod.Path) error {
	a, err := view.Get(r.Context(), p)
	if err != nil {
		return err
	}
	defer a.Close()
	if isMoved(a, p) {
		h.redirect(w, r, a.Info.Path)
		return nil
	}
	h.describe(w.Header(), p)
	if p.IsRoot() && h.config.Owner != "" && !view.Agent().Anonymous() { // Solid Protocol §server-storage-link-owner
		link(w.Header(), string(h.config.Owner), solidNS+"owner")
	}
	w.Header().Set("WAC-Allow", `user="`+a.User.String()+`",public="`+a.Public.String()+`"`)
	room := view.Room()
	defer room.Close()
	if err := room.Take(int64(len(a.Children)) * memberRoom); err != nil {
		return err
	}
	return h.send(w, r, a, room)
}

// memberRoom is about what a member of a container takes in memory, in bytes.
const memberRoom = 256

// redirect sends the client to the other spelling, which it may read
// (Solid Protocol §server-authorization-redirect). The address is relative: the
// same whichever address of the pod was asked.
func (h *Handler) redirect(w http.ResponseWriter, r *http.Request, to pod.Path) {
	target := below(to.Parent(), to)
	if !to.IsContainer() { // asked for as one, of which the dot is then the inside
		target = "." + target
	}
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusMovedPermanently)
}

// send answers with the representation of a, under the conditions and for the
// ranges of r (RFC 9110 §13, §14).
func (h *Handler) send(w http.ResponseWriter, r *http.Request, a acl.Answer, room *acl.Room) error {
	rep, err := h.represent(r, a, room)
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", rep.typ)
	header.Set("ETag", rep.etag)
	if rep.page != nil {
		rep.page.link(header, h.url(a.Info.Path), a.Children)
	}
	protect(header, rep.typ)
	at := a.Info.Modified
	if p := a.Info.Path; p.IsContainer() {
		if !at.IsZero() {
			header.Set("Last-Modified", at.UTC().Format(http.TimeFormat))
		}
		at = time.Time{} // no condition depends on it
	}
	if r.Method != http.MethodGet || a.Resource != nil && a.Info.Size == 0 || !onePart(r.Header.Get("Range")) {
		r.Header.Del("Range") // which may be ignored (RFC 9110 §14.2)
	}
	out := &outflow{ResponseWriter: w, ctx: a.Context()}
	stop := context.AfterFunc(a.Context(), out.unblock)
	http.ServeContent(out, r, "", at, rep.content)
	stop()
	if a.Context().Err() != nil && out.began {
		panic(http.ErrAbortHandler)
	}
	if l, ok := rep.content.(*listing); ok && l.err != nil {
		return l.err
	}
	return out.refused
}

// represent chooses what to send of a: the representation stored, or for a
// container the Turtle, unless another is wanted more.
func (h *Handler) represent(r *http.Request, a acl.Answer, room *acl.Room) (representation, error) {
	if a.Resource == nil {
		return h.representContainer(r, a, room)
	}
	stored := representation{content: a.Resource, typ: a.Info.Type, etag: a.Info.ETag}
	accept := r.Header.Values("Accept")
	if len(accept) == 0 || len(accept) == 1 && accept[0] == "*/*" {
		return stored, nil
	}
	if _, ok := rdf.SyntaxOf(a.Info.Type); !ok { // there is nothing to choose from (RFC 9110 §12.5.1)
		return stored, nil
	}
	return h.negotiate(r, a, stored, parseAccept(accept), room)
}

// onePart reports whether a Range asks for one part of the bytes (RFC 9110
// §14.1.2). Of several parts, which would come with a boundary that no two
// responders have in common, of the last none and of what is malformed, the
// answer is all.
func onePart(ranges string) bool {
	part, ok := strings.CutPrefix(ranges, "bytes=")
	from, to, dash := strings.Cut(part, "-")
	switch {
	case !ok || !dash || strings.Trim(from+to, "0123456789") != "" || max(len(from), len(to)) > maxDigits:
		return false
	case from == "":
		return strings.Trim(to, "0") != ""
	case to == "":
		return true
	}
	first, _ := strconv.ParseInt(from, 10, 64)
	last, _ := strconv.ParseInt(to, 10, 64)
	return first <= last
}

// maxDigits are those of a number that JSON and JavaScript keep.
const maxDigits = 15

// protect keeps content from acting in the origin of the pod or the app.
func protect(header http.Header, typ string) {
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	if !inert(typ) {
		header.Set("Content-Disposition", "attachment")
	}
}

// inert reports whether a browser shows a media type without running anything
// of it. What is not known to be inert is not.
func inert(typ string) bool {
	t, _, err := mime.ParseMediaType(typ)
	if err != nil {
		return false
	}
	switch t {
	case "image/svg+xml":
		return false
	case "text/plain", "text/turtle", "text/n3", "application/n-triples", "application/json",
		"application/ld+json", "application/lws+json", "application/activity+json", "application/jose":
		return true
	}
	kind, _, _ := strings.Cut(t, "/")
	return (kind == "image" || kind == "audio" || kind == "video") && !strings.HasSuffix(t, "+xml")
}

// outflow is a response that stops when its context ends, and that turns the
// plain errors of http.ServeContent into refusals.
type outflow struct {
	http.ResponseWriter
	ctx     context.Context
	began   bool
	refused error
}

// unblock makes a write that waits for a slow reader return.
func (o *outflow) unblock() {
	// Where deadlines are not supported, the next Write sees the context.
	_ = http.NewResponseController(o.ResponseWriter).SetWriteDeadline(time.Unix(1, 0))
}

func (o *outflow) WriteHeader(code int) {
	switch code {
	case http.StatusPreconditionFailed:
		o.refused = pod.ErrPrecondition
	case http.StatusRequestedRangeNotSatisfiable:
		o.refused = refusal{code, "The range lies outside of the representation."}
	case http.StatusInternalServerError:
		o.refused = errors.New("find the size of the representation")
	default:
		o.began = true
		o.ResponseWriter.WriteHeader(code)
	}
}

func (o *outflow) Write(b []byte) (int, error) {
	if o.refused != nil {
		return len(b), nil // the text of http.Error
	}
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	return o.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find the connection.
func (o *outflow) Unwrap() http.ResponseWriter { return o.ResponseWriter }
