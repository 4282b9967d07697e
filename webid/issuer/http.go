package issuer

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"kith/webid"
)

const (
	metadataPath = "/.well-known/oauth-protected-resource/"
	serverPath   = "/.well-known/oauth-authorization-server" // where RFC 9728 leads to, by RFC 8414 §3
	maxForm      = 64 << 10                                  // bytes of a form
)

// route is what is answered at one path.
type route struct {
	methods string // as in Allow, without OPTIONS
	answer  func(*Server, http.ResponseWriter, *http.Request)
}

// routes are what has a path of its own. What starts with /authorize is for
// browsers that go there, and for the app of this host.
var routes = map[string]route{
	"/authorize":                        {"GET, POST", (*Server).authorize},
	"/register":                         {"POST", (*Server).register},
	"/userinfo":                         {"GET, POST", (*Server).userinfo},
	"/logout":                           {"GET, POST", (*Server).logout},
	"/token":                            {"POST", (*Server).token},
	"/.well-known/openid-configuration": {"GET, HEAD", (*Server).document},
	serverPath:                          {"GET, HEAD", (*Server).document},
	"/.well-known/lws-configuration":    {"GET, HEAD", (*Server).document},
	"/.well-known/jwks.json":            {"GET, HEAD", (*Server).document},
}

// find returns the route of a path.
func find(path string) (route, bool) {
	if podPath.MatchString(path) {
		return route{"GET, HEAD", (*Server).document}, true
	}
	if consentOf.MatchString(path) {
		return route{"GET, POST", (*Server).consent}, true
	}
	r, ok := routes[path]
	return r, ok
}

// consentOf matches the address of a request for consent.
var consentOf = regexp.MustCompile(`^` + consentPath + `[A-Za-z0-9_-]+(/passkey)?$`)

// open reports whether a path is open to pages of every origin. A person's
// decision is not, nor where a browser is led through.
func open(path string) bool {
	return path != "/logout" && path != "/authorize" && !strings.HasPrefix(path, consentPath)
}

// podPath is deliberately not asked whether such a pod exists.
var podPath = regexp.MustCompile(`^` + metadataPath + `([a-z0-9][a-z0-9-]*/)$`)

// Handles reports whether path is one that the Server answers.
func (s *Server) Handles(path string) bool {
	_, ok := find(path)
	return ok
}

// ServeHTTP answers the paths of Handles, and others with 404.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := find(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	allow := found.methods + ", OPTIONS"
	if open(r.URL.Path) {
		cors(w.Header(), r, allow)
	}
	switch {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
	case slices.Contains(strings.Split(found.methods, ", "), r.Method):
		found.answer(s, w, r)
	default:
		w.Header().Set("Allow", allow)
		fail(w, http.StatusMethodNotAllowed, "invalid_request", "use "+allow)
	}
}

// cors opens the answer to every origin. A file:// app has the origin "null",
// which "*" covers too. (Fetch §http-cors-protocol)
func cors(h http.Header, r *http.Request, allow string) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "DPoP-Nonce, WWW-Authenticate, Date")
	if r.Method == http.MethodOptions {
		h.Set("Allow", allow)
		h.Set("Access-Control-Allow-Methods", allow)
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
		h.Set("Access-Control-Max-Age", "86400")
	}
}

// readForm returns the form of r, each parameter of which may stand only once.
// Nothing stands in the URL, which logs and histories keep. (RFC 6749 §3.2)
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return nil, fault{"invalid_request", "Content-Type must be application/x-www-form-urlencoded"}
	}
	if r.URL.RawQuery != "" {
		return nil, fault{"invalid_request", "the parameters belong into the body"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, fault{"invalid_request", fmt.Sprintf("the form cannot be read, or has more than %d bytes", maxForm)}
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, fault{"invalid_request", fmt.Sprintf("%q stands more than once", name)}
		}
	}
	return r.PostForm, nil
}

// reason returns the verdict in err, which says nothing about who is known.
func reason(err error) string {
	var verdict webid.Verdict
	if errors.As(err, &verdict) {
		return verdict.Error()
	}
	return "malformed"
}

// fail answers with an error body. (RFC 6749 §5.2)
func fail(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": description})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "the server failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
