package ldp

import (
	"net/http"
	"strings"
)

// exposed are the response headers that scripts of other origins may read: all that
// there are (Solid Protocol §server-cors-aceh). "*" would not do for requests with
// credentials (Fetch §http-access-control-expose-headers).
const exposed = "Accept-Encoding, Accept-Patch, Accept-Post, Accept-Put, Accept-Ranges, Allow, Cache-Control, Content-Disposition, Content-Length, " +
	"Content-Range, Content-Security-Policy, Content-Type, Date, DPoP-Nonce, ETag, Kith-Id, Kith-Version, Last-Modified, Link, Location, " +
	"MS-Author-Via, Referrer-Policy, Retry-After, Strict-Transport-Security, Vary, WAC-Allow, WWW-Authenticate, X-Content-Type-Options"

// sendable are the request headers that mean something here; a preflight is told of
// those that it asks for (WAC §server-cors-acao-acah).
const sendable = "Accept, Authorization, Content-Type, DPoP, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Link, Range, Slug"

const methods = "GET, HEAD, OPTIONS, PUT, PATCH, POST, DELETE"

// CORS sets the headers that let scripts of any origin read the response, and
// Vary. It reports whether r was a preflight, which it then has answered: no
// credentials are needed for one (Solid Protocol §server-cors). No cookie means
// anything to a pod, so any origin may send them.
func CORS(w http.ResponseWriter, r *http.Request) (answered bool) {
	h := w.Header()
	h.Set("Vary", "Accept, Authorization, Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", exposed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		h.Set("Access-Control-Allow-Headers", sendable)
		return false
	}
	h.Add("Vary", "Access-Control-Request-Headers")
	h.Set("Access-Control-Allow-Methods", methods)
	if asked := r.Header.Values("Access-Control-Request-Headers"); len(asked) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(asked, ", "))
	}
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
	return true
}
