package issuer

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"

	"kith/webid"
)

const (
	metadataPath = "/.well-known/oauth-protected-resource/"
	maxForm      = 64 << 10 // bytes of a token request
	exchange     = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeJWT      = "urn:ietf:params:oauth:token-type:jwt"
	typeAccess   = "urn:ietf:params:oauth:token-type:access_token"
)

// Handles reports whether path is one that the Server answers.
func (s *Server) Handles(path string) bool {
	switch path {
	case "/token", "/.well-known/lws-configuration", "/.well-known/jwks.json":
		return true
	}
	return podPath.MatchString(path)
}

// podPath is deliberately not asked whether such a pod exists.
var podPath = regexp.MustCompile(`^` + metadataPath + `([a-z0-9][a-z0-9-]*/)$`)

// ServeHTTP answers the paths of Handles, and others with 404.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.Handles(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	allow := "GET, HEAD, OPTIONS"
	if r.URL.Path == "/token" {
		allow = "POST, OPTIONS"
	}
	cors(w.Header(), r, allow)
	switch {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && r.URL.Path == "/token":
		s.token(w, r)
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.URL.Path != "/token":
		s.document(w, r)
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

// document answers with one of the public documents, which hold for an hour.
func (s *Server) document(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	switch r.URL.Path {
	case "/.well-known/lws-configuration":
		writeJSON(w, http.StatusOK, s.metadata())
	case "/.well-known/jwks.json":
		writeJSON(w, http.StatusOK, s.jwks())
	default:
		pod := s.issuer + "/" + podPath.FindStringSubmatch(r.URL.Path)[1]
		writeJSON(w, http.StatusOK, map[string]any{ // RFC 9728 §2
			"resource":                          pod,
			"authorization_servers":             []string{s.issuer},
			"bearer_methods_supported":          []string{},
			"dpop_bound_access_tokens_required": true,
			"dpop_signing_alg_values_supported": []string{"ES256"},
		})
	}
}

func (s *Server) metadata() map[string]any { // RFC 8414 §2
	return map[string]any{
		"issuer":                                s.issuer,
		"token_endpoint":                        s.issuer + "/token",
		"jwks_uri":                              s.issuer + "/.well-known/jwks.json",
		"grant_types_supported":                 []string{exchange},
		"response_types_supported":              []string{},
		"token_endpoint_auth_methods_supported": []string{"none"},
		"dpop_signing_alg_values_supported":     []string{"ES256"},
		"subject_token_types_supported":         []string{typeJWT},
	}
}

func (s *Server) jwks() map[string]any { // RFC 7517 §4, §5
	keys := []map[string]string{}
	for _, k := range s.keys {
		x, y := k.Coordinates()
		keys = append(keys, map[string]string{
			"kty": "EC", "crv": "P-256", "x": x, "y": y,
			"kid": k.Thumbprint(), "alg": "ES256", "use": "sig",
		})
	}
	return map[string]any{"keys": keys}
}

// token answers a token request. (RFC 8693 §2)
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	form, err := readForm(w, r)
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
		return
	}
	if form.Get("grant_type") != exchange {
		fail(w, http.StatusBadRequest, "unsupported_grant_type", "grant_type must be "+exchange)
		return
	}
	if form.Get("subject_token_type") != typeJWT {
		fail(w, http.StatusBadRequest, "invalid_request", "subject_token_type must be "+typeJWT)
		return
	}
	token, err := s.verifier.Exchange(r, form.Get("resource"), form.Get("subject_token"), form.Get("device_list"))
	if err != nil {
		s.refuse(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": token, "issued_token_type": typeAccess, "token_type": "DPoP", "expires_in": 300,
	})
}

// readForm returns the form of r, each parameter of which may stand only once.
// (RFC 6749 §3.2)
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return nil, errors.New("Content-Type must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("the form cannot be read, or has more than %d bytes", maxForm)
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return nil, fmt.Errorf("%q stands more than once", name)
		}
	}
	return r.PostForm, nil
}

// refuse answers why there is no token. Who is unknown, who is blocked, and who
// asks for a pod that does not exist get the same bytes. (protocol §1.4)
func (s *Server) refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, webid.ErrUnknown):
		fail(w, http.StatusBadRequest, "invalid_grant", "not known here")
	case errors.Is(err, webid.ErrNonce):
		w.Header().Set("DPoP-Nonce", s.verifier.Nonce())
		fail(w, http.StatusBadRequest, "use_dpop_nonce", "the clock is off: sign again with this nonce")
	case errors.Is(err, webid.ErrProof):
		fail(w, http.StatusBadRequest, "invalid_dpop_proof", reason(err))
	case errors.Is(err, webid.ErrToken):
		fail(w, http.StatusBadRequest, "invalid_request", reason(err)) // RFC 8693 §2.2.2
	case errors.Is(err, webid.ErrReplayFull):
		w.Header().Set("Retry-After", "60")
		fail(w, http.StatusServiceUnavailable, "temporarily_unavailable", "too many requests in a minute")
	default:
		fail(w, http.StatusInternalServerError, "server_error", "the server failed")
	}
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
