package ldp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"

	"kith/acl"
	"kith/internal/rdf"
	"kith/pod"
)

// refusal is an error that this package finds in a request by itself.
type refusal struct {
	status int
	detail string
}

func (r refusal) Error() string { return r.detail }

// statuses maps errors to what is answered. The texts are fixed, so that none
// tells more than its status; those with said set are followed by the error.
var statuses = []struct {
	err    error
	status int
	detail string
	said   bool
}{
	{acl.ErrUnauthenticated, http.StatusUnauthorized, "Credentials are needed; WWW-Authenticate says whose, and what was wrong with any that came.", false},
	{acl.ErrForbidden, http.StatusForbidden, "Access is denied.", false},
	{acl.ErrMalformed, http.StatusUnprocessableEntity, "The document is not well formed", true},
	{acl.ErrClass, http.StatusUnprocessableEntity, "The owner has not allowed this class of agents here (kith classes allow NAME PATH, where the pod runs, does so)", true},
	{acl.ErrLockout, http.StatusUnprocessableEntity, "The ACL of the root must give its owner Control.", false},
	{acl.ErrSuperseded, http.StatusConflict, "A newer version is here.", false},
	{acl.ErrReplica, http.StatusConflict, "This is written by the owner's own devices only, through the replica of the pod.", false},
	{acl.ErrProtected, http.StatusConflict, "By whom the owner signs in cannot be changed in the profile", true},
	{acl.ErrContainment, http.StatusConflict, "What a container holds follows from its members, and cannot be written.", false},
	{acl.ErrNoGraph, http.StatusConflict, "What is here is not written as a graph, so it cannot be patched.", false},
	{rdf.ErrConflict, http.StatusConflict, "The patch does not fit", true},
	{rdf.ErrPatch, http.StatusUnprocessableEntity, "The patch cannot be accepted", true},
	{rdf.ErrSyntax, http.StatusBadRequest, "The body is not well formed", true},
	{rdf.ErrTooLarge, http.StatusRequestEntityTooLarge, "The document is too large", true},
	{acl.ErrGone, http.StatusGone, "The position is no longer kept.", false},
	{acl.ErrBusy, http.StatusServiceUnavailable, "Too much is under way here. Ask again in a few seconds.", false},
	{acl.ErrBehind, http.StatusServiceUnavailable, "This pod lacks what has been seen elsewhere.", false},
	{pod.ErrNotExist, http.StatusNotFound, "There is no such resource.", false},
	{pod.ErrExist, http.StatusConflict, "The container exists; its members are changed one by one.", false},
	{pod.ErrNotEmpty, http.StatusConflict, "The container is not empty.", false},
	{pod.ErrConflict, http.StatusConflict, "The name collides with another one.", false},
	{pod.ErrBadPath, http.StatusBadRequest, "The path names nothing that a pod can hold.", false},
	{pod.ErrReserved, http.StatusBadRequest, "The name is reserved.", false},
	{pod.ErrBadType, http.StatusBadRequest, "The Content-Type is not a media type.", false},
	{pod.ErrPrecondition, http.StatusPreconditionFailed, "What is here is not what If-Match or If-None-Match asks for.", false},
	{pod.ErrTooLarge, http.StatusRequestEntityTooLarge, "The body is too large.", false},
	{pod.ErrFull, http.StatusInsufficientStorage, "No space is left: on the disk, or of what this pod may hold.", false},
	{pod.ErrDisk, http.StatusInternalServerError, "The disk of this pod reports an error, so it is not sure that this is stored. Reading goes on.", false},
	{pod.ErrUnsettled, http.StatusServiceUnavailable, "Another program is writing this file. Ask again in a few seconds.", false},
	{pod.ErrAway, http.StatusServiceUnavailable, "The folder of this pod is not where it was, so nothing can be said of what is in it. Its owner has to bring it back.", false},
	{pod.ErrClosed, http.StatusServiceUnavailable, "The server is stopping.", false},
	{context.DeadlineExceeded, http.StatusRequestTimeout, "The request took too long.", false},
	{os.ErrDeadlineExceeded, http.StatusRequestTimeout, "The request stood still for too long.", false},
	{context.Canceled, http.StatusRequestTimeout, "The request was abandoned.", false},
	{io.ErrUnexpectedEOF, http.StatusBadRequest, "The body ended early.", false},
	{acl.ErrBody, http.StatusBadRequest, "The body did not arrive whole.", false}, // after what says more of why
}

// status returns what is answered for an error, and whether it was expected.
func status(err error) (code int, detail string, expected bool) {
	var own refusal
	if errors.As(err, &own) {
		return own.status, own.detail, true
	}
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		err = pod.ErrTooLarge
	}
	for _, s := range statuses {
		if !errors.Is(err, s.err) {
			continue
		}
		if s.said {
			return s.status, s.detail + ": " + err.Error(), true
		}
		return s.status, s.detail, s.status != http.StatusInternalServerError
	}
	return http.StatusInternalServerError, "Something went wrong here.", false
}

// constraints name the clauses that clients run into (LDP §4.2.1.6). They are the
// same for what is hidden and what is absent, since they go with a status that is.
var constraints = []struct {
	err    error
	clause string
}{
	{acl.ErrContainment, "https://solidproject.org/TR/protocol#server-protect-containment"},
	{pod.ErrExist, "https://solidproject.org/TR/protocol#server-protect-containment"},
	{errSelf, "https://solidproject.org/TR/protocol#server-protect-containment"},
	{pod.ErrNotEmpty, "https://solidproject.org/TR/protocol#deleting-resources"},
	{rdf.ErrPatch, "https://solidproject.org/TR/protocol#n3-patch"},
	{acl.ErrLockout, "https://solidproject.org/TR/wac#effective-acl-resource"},
}

// constraint returns the clause that an error comes from, "" for none.
func constraint(err error) string {
	for _, c := range constraints {
		if errors.Is(err, c.err) {
			return c.clause
		}
	}
	return ""
}

// describing are the headers that tell of a resource; an error has none of them.
var describing = []string{
	"Accept-Post", "Accept-Put", "Accept-Ranges", "Content-Disposition", "Content-Length",
	"Content-Security-Policy", "ETag", "Last-Modified", "Link", "MS-Author-Via", "WAC-Allow",
}

// Problem answers with a status and a problem detail (RFC 9457). The headers of
// [CORS] are left to the caller.
func Problem(w http.ResponseWriter, code int, detail string) { problem(w, code, detail, "") }

// problem is Problem for what a clause demands, or "".
func problem(w http.ResponseWriter, code int, detail, clause string) {
	body, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(code), code, detail})
	if err != nil { // no string is refused by Marshal
		body = []byte("{}")
	}
	h := w.Header()
	for _, name := range describing {
		h.Del(name)
	}
	if code != http.StatusMethodNotAllowed {
		h.Del("Allow")
	}
	if code != http.StatusUnsupportedMediaType && code != http.StatusNotFound {
		h.Del("Accept-Patch")
	}
	if code != http.StatusRequestedRangeNotSatisfiable {
		h.Del("Content-Range")
	}
	if clause != "" {
		link(h, clause, ldpNS+"constrainedBy")
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	// A client that is gone cannot be told; there is no one to return this to.
	_, _ = w.Write(append(body, '\n'))
}
