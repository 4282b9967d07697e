package issuer

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// asked is a request for consent that waits for the owner. It is kept by who
// asks, sealed into its own name, so that asking without end fills nothing.
type asked struct {
	ID        string    `json:"-"`
	Tag       string    `json:"t"` // random: no two are the same
	Client    client    `json:"a"`
	Redirect  string    `json:"r"`
	State     string    `json:"s,omitempty"`
	Nonce     string    `json:"n,omitempty"`
	Challenge string    `json:"c"`           // PKCE
	Key       string    `json:"k,omitempty"` // thumbprint of the one key that may use the code
	Scope     string    `json:"p"`
	Ends      time.Time `json:"e"`
}

const (
	askedLife = 10 * time.Minute
	maxState  = 1024 // bytes of a state, and of a nonce
)

// scopes are those that mean something here; others are left out of a grant.
var scopes = []string{"openid", "profile", "offline_access", "webid"}

// authorize takes an app's request to sign an owner in, and hands it to the
// app of this host, where the owner decides. Nothing is redirected before the
// client is known and the redirect URI is its own.
// (OpenID Connect Core §3.1.2; RFC 9700 §4.11; RFC 9207)
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	form, err := requestForm(w, r)
	if err != nil {
		s.page(w, http.StatusBadRequest, err)
		return
	}
	c, err := s.client(r, form.Get("client_id"))
	if err != nil {
		s.page(w, http.StatusBadRequest, err)
		return
	}
	redirect := form.Get("redirect_uri")
	if !slices.Contains(c.Redirects, redirect) || redirectKind(redirect) == nowhere {
		s.page(w, http.StatusBadRequest, errRedirect)
		return
	}
	c.Redirects, c.Logouts = nil, nil // not needed any more
	a := asked{
		Tag: rand.Text(), Client: c, Redirect: redirect, State: form.Get("state"), Nonce: form.Get("nonce"),
		Challenge: form.Get("code_challenge"), Key: form.Get("dpop_jkt"), Scope: known(form.Get("scope")), Ends: s.now().Add(askedLife),
	}
	err = a.check(form)
	if err == nil {
		err = s.seal(&a)
	}
	var f fault
	switch {
	case errors.As(err, &f):
		s.send(w, r, s.answer(a, url.Values{"error": {f.code}, "error_description": {f.description}}))
	case err != nil:
		s.send(w, r, s.answer(a, url.Values{"error": {"server_error"}}))
	default:
		s.send(w, r, s.issuer+"/#consent="+a.ID)
	}
}

// errRedirect keeps whoever made a link from sending a person elsewhere.
var errRedirect = fault{"invalid_request", "The app asks to send you back to an address that it has not told before. That can be a mistake of the app, or somebody is trying to get in by its name."}

// requestForm returns the parameters of an authorization request, from the URL
// or from a form, each of which may stand only once. (RFC 6749 §3.1)
func requestForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if r.Method == http.MethodPost {
		form, err := readForm(w, r)
		if err != nil { // whose words are the sender's, and are shown to nobody here
			return nil, fault{"invalid_request", "The form cannot be read, or says something twice."}
		}
		return form, nil
	}
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(r.URL.RawQuery) > maxForm {
		return nil, fault{"invalid_request", "The link cannot be read."}
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, fault{"invalid_request", "The link says something twice."}
		}
	}
	return form, nil
}

// check refuses what is not supported, in a way that the app is told.
func (a *asked) check(form url.Values) error {
	prompts := strings.Fields(form.Get("prompt"))
	mode := form.Get("response_mode")
	switch {
	case form.Has("request"):
		return fault{"request_not_supported", "request objects are not supported"}
	case form.Has("request_uri"):
		return fault{"request_uri_not_supported", "request objects are not supported"}
	case form.Get("response_type") == "":
		return fault{"invalid_request", "response_type is needed"}
	case form.Get("response_type") != "code":
		return fault{"unsupported_response_type", "response_type must be code"}
	case mode != "" && mode != "query":
		return fault{"invalid_request", "response_mode must be query"}
	case len(a.State) > maxState || len(a.Nonce) > maxState:
		a.State = ""
		return fault{"invalid_request", "state and nonce may have 1024 bytes each"}
	case form.Get("code_challenge_method") != "S256" || !isDigest(a.Challenge):
		return fault{"invalid_request", "PKCE with code_challenge_method S256 is required"}
	case form.Has("dpop_jkt") && !isDigest(a.Key): // RFC 9449 §10
		return fault{"invalid_request", "dpop_jkt must be the SHA-256 thumbprint of a key"}
	case a.Scope == "":
		return fault{"invalid_scope", "scope must have openid or webid"}
	case slices.Contains(prompts, "none") && len(prompts) > 1:
		return fault{"invalid_request", "prompt none stands alone"}
	case slices.Contains(prompts, "none"):
		// There is no session here that could answer for the owner: each sign-in is
		// decided by a key or a passkey, which also satisfies every max_age.
		return fault{"interaction_required", "the owner decides each time"}
	}
	return nil
}

// isDigest reports whether text is 32 bytes in base64url. (RFC 7636 §4.2)
func isDigest(text string) bool {
	b, err := b64.DecodeString(text)
	return err == nil && len(b) == 32
}

// known returns the scopes of a list that mean something, "" where neither
// openid nor webid is among them.
func known(list string) string {
	var found []string
	for _, scope := range scopes {
		if slices.Contains(strings.Fields(list), scope) {
			found = append(found, scope)
		}
	}
	if !slices.Contains(found, "openid") && !slices.Contains(found, "webid") {
		return ""
	}
	return strings.Join(found, " ")
}

// has reports whether a granted scope has a part.
func has(scope, part string) bool { return slices.Contains(strings.Fields(scope), part) }

// answer returns the redirect URI with what the app is told. Which issuer
// answered is always said, so that no app mixes two up. (RFC 9207 §2)
func (s *Server) answer(a asked, told url.Values) string {
	told.Set("iss", s.issuer)
	if a.State != "" {
		told.Set("state", a.State)
	}
	return with(a.Redirect, told)
}

// with returns an address with more parameters, the rest of it as it is.
func with(address string, more url.Values) string {
	separator := "?"
	switch {
	case len(more) == 0 || strings.HasSuffix(address, "?") || strings.HasSuffix(address, "&"):
		separator = ""
	case strings.Contains(address, "?"):
		separator = "&"
	}
	return address + separator + more.Encode()
}

// send leads the browser on, and tells nobody where it came from.
func (s *Server) send(w http.ResponseWriter, r *http.Request, address string) {
	guarded(w.Header())
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}

// guarded keeps an answer to a browser out of frames, caches and Referer fields.
func guarded(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// seal gives a its ID, from which it can be read again, by this process alone:
// AES-256-GCM.
func (s *Server) seal(a *asked) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	a.ID = b64.EncodeToString(s.sealer.Seal(nil, nil, text, []byte(sealedAsk)))
	return nil
}

const sealedAsk = "kith consent 1"

// open returns the request with an ID, or ErrUnknown when it was not made here,
// has ended or was decided.
func (s *Server) open(id string) (a asked, err error) {
	sealed, err := b64.DecodeString(id)
	if err != nil {
		return a, ErrUnknown
	}
	text, err := s.sealer.Open(nil, nil, sealed, []byte(sealedAsk))
	if err != nil || json.Unmarshal(text, &a) != nil || !a.Ends.After(s.now()) || s.decided.has(a.Tag, s.now()) || s.denied.has(a.Tag, s.now()) {
		return asked{}, ErrUnknown
	}
	a.ID = id
	return a, nil
}

// newSealer returns an AEAD under a key that ends with the process.
func newSealer() (cipher.AEAD, error) {
	var key [32]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	return sealerWith(key[:])
}
