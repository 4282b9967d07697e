package issuer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// A registration is kept by who registers: the client_id is what the client said
// of itself, with a MAC, and its secret is a MAC over that. So anybody may
// register without end, and fills nothing. (RFC 7591 §A.5.2)
//
//	client_id      b64u JSON {t: random, n: name, r: redirect URIs, l: ..., s: has a secret} "." b64u MAC 16
//	client_secret  b64u MAC 32 of the client_id

const (
	maxRegistration = 16 << 10 // bytes of a request
	maxKept         = 1200     // bytes of what a client_id holds
	maxRedirects    = 8
)

// mac returns an HMAC for one purpose. The purposes are fixed texts.
func (s *Server) mac(purpose, text string) []byte {
	h := hmac.New(sha256.New, s.secret)
	h.Write([]byte(purpose + "\x00" + text))
	return h.Sum(nil)
}

// registered returns the client that a client_id of our own making holds.
func (s *Server) registered(id string) (client, error) {
	body, sum, ok := strings.Cut(id, ".")
	given, err := b64.DecodeString(sum)
	if !ok || err != nil || len(id) > maxClientID || !hmac.Equal(given, s.mac("client", body)[:16]) {
		return client{}, errNoClient
	}
	text, err := b64.DecodeString(body)
	var c client
	if err != nil || json.Unmarshal(text, &c) != nil {
		return client{}, errNoClient
	}
	c.ID = id
	return c, nil
}

// secretOf returns the secret of a registered client.
func (s *Server) secretOf(id string) string { return b64.EncodeToString(s.mac("secret", id)) }

var b64 = base64.RawURLEncoding.Strict()

// register takes a client in. (RFC 7591 §3; OpenID Connect Registration §3)
func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	m, err := readMetadata(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	c, err := m.client()
	if err == nil {
		err = s.name(&c)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusCreated, s.registration(c, m))
}

func readMetadata(w http.ResponseWriter, r *http.Request) (m metadata, err error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return m, badMetadata("Content-Type must be application/json")
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRegistration))
	if err != nil || json.Unmarshal(text, &m) != nil {
		return m, badMetadata("the body is not a JSON object of at most 16 KiB whose members are of the right types")
	}
	return m, nil
}

func badMetadata(why string) error { return fault{"invalid_client_metadata", why} }

// client checks what a client asks for, and fills in the defaults.
func (m *metadata) client() (client, error) {
	if m.Auth == "" {
		m.Auth = "client_secret_basic"
	}
	if len(m.Grants) == 0 {
		m.Grants = []string{"authorization_code"}
	}
	if len(m.Responses) == 0 {
		m.Responses = []string{"code"}
	}
	switch {
	case !slices.Contains(authMethods, m.Auth):
		return client{}, badMetadata("token_endpoint_auth_method must be one of " + strings.Join(authMethods, ", "))
	case slices.ContainsFunc(m.Grants, func(g string) bool { return g != "authorization_code" && g != "refresh_token" }):
		return client{}, badMetadata("grant_types may be authorization_code and refresh_token")
	case slices.ContainsFunc(m.Responses, func(t string) bool { return t != "code" }):
		return client{}, badMetadata("response_types may be code")
	case m.Alg != "" && m.Alg != "ES256":
		return client{}, badMetadata("id_token_signed_response_alg must be ES256")
	case m.Subject != "" && m.Subject != "public":
		return client{}, badMetadata("subject_type must be public")
	case m.Type != "" && m.Type != "web" && m.Type != "native":
		return client{}, badMetadata("application_type must be web or native")
	case len(m.Redirects) == 0 || len(m.Redirects) > maxRedirects || len(m.Logouts) > maxRedirects:
		return client{}, fault{"invalid_redirect_uri", "redirect_uris must have 1 to 8 entries"}
	}
	// A page under development calls itself web and runs at http://localhost.
	for _, uri := range slices.Concat(m.Redirects, m.Logouts) {
		if where := redirectKind(uri); where == nowhere || where == inApp && m.Type != "native" {
			return client{}, fault{"invalid_redirect_uri", "a redirect URI must be https, or http to localhost, or, for a native app, of a scheme of its own with a dot; without fragment, credentials, and parameters that the answer has"}
		}
	}
	return client{Name: plain(m.Name, maxTitle), Redirects: m.Redirects, Logouts: m.Logouts, Secret: m.Auth != "none"}, nil
}

var authMethods = []string{"client_secret_basic", "client_secret_post", "none"}

// name gives a client its ID.
func (s *Server) name(c *client) error {
	text, err := json.Marshal(struct {
		Tag string `json:"t"`
		client
	}{rand.Text()[:8], *c})
	if err != nil {
		return err
	}
	if len(text) > maxKept {
		return badMetadata("the name and the addresses are too long together")
	}
	body := b64.EncodeToString(text)
	c.ID = body + "." + b64.EncodeToString(s.mac("client", body)[:16])
	return nil
}

// registration is the answer to a client that registered. (RFC 7591 §3.2.1)
func (s *Server) registration(c client, m metadata) map[string]any {
	answer := map[string]any{
		"client_id": c.ID, "client_id_issued_at": s.now().Unix(),
		"redirect_uris": c.Redirects, "grant_types": m.Grants, "response_types": m.Responses,
		"token_endpoint_auth_method": m.Auth, "application_type": "web",
		"id_token_signed_response_alg": "ES256", "subject_type": "public",
	}
	if c.Secret {
		answer["client_secret"], answer["client_secret_expires_at"] = s.secretOf(c.ID), 0
	}
	for member, value := range map[string]string{"client_name": c.Name, "scope": m.Scope, "application_type": m.Type} {
		if value != "" {
			answer[member] = value
		}
	}
	if len(c.Logouts) > 0 {
		answer["post_logout_redirect_uris"] = c.Logouts
	}
	return answer
}
