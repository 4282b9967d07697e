package issuer

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"kith/webid"
)

const (
	exchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
	credentials = "client_credentials"
	typeJWT     = "urn:ietf:params:oauth:token-type:jwt"
	typeAccess  = "urn:ietf:params:oauth:token-type:access_token"
	typeID      = "urn:ietf:params:oauth:token-type:id_token"
)

// grantTypes are what the token endpoint takes, and what answers them.
var grantTypes = []struct {
	name   string
	answer func(*Server, http.ResponseWriter, *http.Request, url.Values) error
}{
	{"authorization_code", (*Server).tokenForCode},
	{"refresh_token", (*Server).tokenForRefresh},
	{credentials, (*Server).tokenForScript},
	{exchange, (*Server).tokenForDevice},
}

// token answers a token request. (RFC 6749 §3.2)
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache") // RFC 6749 §5.1
	form, err := readForm(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if form.Get("grant_type") == "" { // RFC 6749 §5.2
		s.refuse(w, r, fault{"invalid_request", "grant_type is needed"})
		return
	}
	var names []string
	for _, g := range grantTypes {
		if g.name == form.Get("grant_type") {
			if err := g.answer(s, w, r, form); err != nil {
				s.refuse(w, r, err)
			}
			return
		}
		names = append(names, g.name)
	}
	s.refuse(w, r, fault{"unsupported_grant_type", "grant_type must be one of " + strings.Join(names, ", ")})
}

// tokenForDevice answers whoever can show who they are: by a JWT that they signed
// themselves, or by the token of an OpenID provider. (RFC 8693 §2)
func (s *Server) tokenForDevice(w http.ResponseWriter, r *http.Request, form url.Values) (err error) {
	var token string
	switch form.Get("subject_token_type") {
	case typeJWT:
		token, err = s.verifier.Exchange(r, form.Get("resource"), form.Get("subject_token"), form.Get("device_list"))
	case typeID, typeAccess:
		token, err = s.verifier.ExchangeID(r, form.Get("resource"), form.Get("subject_token"))
	default:
		return fault{"invalid_request", "subject_token_type must be " + typeJWT + ", " + typeID + " or " + typeAccess}
	}
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": token, "issued_token_type": typeAccess, "token_type": "DPoP", "expires_in": 300,
	})
	return nil
}

// tokenForScript answers whoever has credentials that the owner made.
// (RFC 6749 §4.4; Solid-OIDC §client-credentials)
func (s *Server) tokenForScript(w http.ResponseWriter, r *http.Request, form url.Values) error {
	c, err := callerOf(r, form)
	if err != nil {
		return err
	}
	g, err := s.store.Grant(r.Context(), c.id)
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	// What is unknown is compared too, so that it takes as long.
	same := subtle.ConstantTimeCompare(digest(c.secret), g.Secret) == 1
	if err != nil || g.Kind != KindCredentials || !same {
		return errClient
	}
	key, use, err := s.verifier.Prove(r)
	if err != nil {
		return err
	}
	if err := s.use(g, use); err != nil {
		return err
	}
	if err := s.store.Ready(r.Context(), g.Pod); err != nil {
		return err
	}
	if err := s.store.Used(r.Context(), g); err != nil {
		return err
	}
	token, err := s.accessToken(g, key)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": token, "token_type": "DPoP", "expires_in": int(accessLife.Seconds()), "scope": g.Scope,
	})
	return nil
}

// use uses a proof up in the name of the owner who made a grant.
func (s *Server) use(g Grant, use func(webid.ID) error) error {
	owner, err := s.owner(g.Pod)
	if err != nil {
		return err
	}
	return use(owner)
}

// caller is who a client says it is at the token endpoint.
type caller struct {
	id     string
	secret string // "" for a client that has none
}

// callerOf reads client_secret_basic, whose two halves are form-encoded,
// client_secret_post, or the bare client_id of a client without a secret.
// (RFC 6749 §2.3.1)
func callerOf(r *http.Request, form url.Values) (caller, error) {
	posted := caller{form.Get("client_id"), form.Get("client_secret")}
	fields := r.Header.Values("Authorization")
	if len(fields) == 0 {
		if posted.id == "" {
			return caller{}, errClient
		}
		return posted, nil
	}
	id, secret, ok := r.BasicAuth()
	if !ok || len(fields) > 1 {
		return caller{}, errClient
	}
	id, err := url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	if err := errors.Join(err, err2); err != nil || id == "" {
		return caller{}, errClient
	}
	if posted.secret != "" || posted.id != "" && posted.id != id {
		return caller{}, fault{"invalid_request", "the client says twice who it is"}
	}
	return caller{id, secret}, nil
}

// fault is a refusal that an OAuth client understands. (RFC 6749 §5.2)
type fault struct{ code, description string }

func (f fault) Error() string { return f.code + ": " + f.description }

// errClient is the one answer for a client that is unknown, removed, of another
// kind, or shows another secret.
var errClient error = fault{"invalid_client", "the client is not known here, or its secret is another"}

// refuse answers why there is no token. Who is unknown, who is blocked, and who
// asks for a pod that does not exist get the same bytes. (protocol §1.4)
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var f fault
	var out interface{ DeviceList() string }
	switch {
	case errors.As(err, &out):
		writeJSON(w, http.StatusBadRequest, map[string]any{
			"error": "invalid_grant", "error_description": "the owner removed this device", "device_list": out.DeviceList(),
		})
	case errors.As(err, &f) && f.code == "invalid_client":
		w.Header().Set("WWW-Authenticate", `Basic realm="`+quotable.Replace(s.issuer)+`"`) // RFC 9110 §15.5.2
		fail(w, http.StatusUnauthorized, f.code, f.description)
	case errors.As(err, &f):
		fail(w, http.StatusBadRequest, f.code, f.description)
	case errors.Is(err, webid.ErrUnknown):
		fail(w, http.StatusBadRequest, "invalid_grant", "not known here")
	case errors.Is(err, webid.ErrNonce):
		w.Header().Set("DPoP-Nonce", s.verifier.Nonce())
		fail(w, http.StatusBadRequest, "use_dpop_nonce", "the clock is off: sign again with this nonce")
	case errors.Is(err, webid.ErrProof) && r.Header.Get("DPoP") == "":
		fail(w, http.StatusBadRequest, "invalid_dpop_proof", "a DPoP proof is needed, in the header DPoP: there are no Bearer tokens here")
	case errors.Is(err, webid.ErrProof):
		fail(w, http.StatusBadRequest, "invalid_dpop_proof", reason(err))
	case errors.Is(err, webid.ErrToken):
		fail(w, http.StatusBadRequest, "invalid_request", reason(err)) // RFC 8693 §2.2.2
	case errors.Is(err, webid.ErrBusy):
		w.Header().Set("Retry-After", "2")
		fail(w, http.StatusTooManyRequests, "temporarily_unavailable", "too many sign-ins from elsewhere: wait a moment")
	case errors.Is(err, webid.ErrReplayFull):
		w.Header().Set("Retry-After", "60")
		fail(w, http.StatusServiceUnavailable, "temporarily_unavailable", "too many requests in a minute")
	default:
		fail(w, http.StatusInternalServerError, "server_error", "the server failed")
	}
}
