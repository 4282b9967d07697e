package issuer

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// client is an app that asks an owner for consent. It says of itself what it
// likes; only its redirect URIs bind it.
type client struct {
	ID        string   `json:"i,omitempty"`
	Name      string   `json:"n,omitempty"`
	Redirects []string `json:"r,omitempty"`
	Logouts   []string `json:"l,omitempty"` // where it may be gone back to after signing out
	Secret    bool     `json:"s,omitempty"` // it must show one
	Document  bool     `json:"d,omitempty"` // its ID is the address of its document
}

const (
	maxClientID = 2048 // bytes
	maxRedirect = 1024
	maxTitle    = 64 // bytes of a client's name
)

// errNoClient is told to the person whose browser came: nothing is known of who
// sent it, so there is nowhere to go back to.
var errNoClient = fault{"invalid_client", "This app is not known here, or what it publishes about itself cannot be read."}

// client returns the app with an ID: one that registered here, or one whose
// document is at that address, which costs a request. (Solid-OIDC §clientids-document)
func (s *Server) client(r *http.Request, id string) (client, error) {
	if !strings.HasPrefix(id, "https://") && !strings.HasPrefix(id, "http://") {
		return s.registered(id)
	}
	documents := s.verifier.Documents
	if documents == nil || len(id) > maxClientID || !documents.Admit(r) {
		return client{}, errNoClient
	}
	c, err := s.published(r.Context(), id)
	if err != nil {
		return client{}, errNoClient
	}
	return c, nil
}

// documentAge is how old a client's document may be.
const documentAge = time.Minute

func (s *Server) published(ctx context.Context, id string) (client, error) {
	doc, err := s.verifier.Documents.Fresh(ctx, id, "application/ld+json, application/json;q=0.9", documentAge)
	if err != nil {
		return client{}, err
	}
	if hostOf(doc.URL) != hostOf(id) {
		return client{}, errNoClient // its host leads on: another wrote it
	}
	return parseDocument(id, doc.Body)
}

// metadata is what a client says of itself, in a document or to be registered.
// (OpenID Connect Registration §2; Solid-OIDC §clientids-oidc)
type metadata struct {
	Context   json.RawMessage `json:"@context"`
	ID        string          `json:"client_id"`
	Name      string          `json:"client_name"`
	Redirects []string        `json:"redirect_uris"`
	Logouts   []string        `json:"post_logout_redirect_uris"`
	Type      string          `json:"application_type"`
	Auth      string          `json:"token_endpoint_auth_method"`
	Grants    []string        `json:"grant_types"`
	Responses []string        `json:"response_types"`
	Scope     string          `json:"scope"`
	Alg       string          `json:"id_token_signed_response_alg"`
	Subject   string          `json:"subject_type"`
}

// solidContext is what makes a client's document one.
const solidContext = "https://www.w3.org/ns/solid/oidc-context.jsonld"

// parseDocument reads the document of a client at its own address. As JSON-LD
// it has one shape only, which the context fixes. An app on the web that goes
// back to the person's own machine could be any program there, so only one that
// declares itself native may.
func parseDocument(id string, text []byte) (client, error) {
	var m metadata
	if !utf8.Valid(text) || json.Unmarshal(text, &m) != nil || m.ID != id || !m.inContext() {
		return client{}, errNoClient
	}
	c := client{ID: id, Name: plain(m.Name, maxTitle), Logouts: m.Logouts, Document: true}
	for _, uri := range m.Redirects {
		if where := redirectKind(uri); where == onWeb || where != nowhere && m.Type == "native" {
			c.Redirects = append(c.Redirects, uri)
		}
	}
	return c, nil
}

func (m metadata) inContext() bool {
	var one string
	var many []json.RawMessage
	if json.Unmarshal(m.Context, &one) == nil {
		return one == solidContext
	}
	if json.Unmarshal(m.Context, &many) != nil {
		return false
	}
	return slices.ContainsFunc(many, func(c json.RawMessage) bool {
		return bytes.Equal(c, []byte(`"`+solidContext+`"`))
	})
}

// Where a redirect URI leads. The zero kind is one that is refused.
type where int

const (
	nowhere   where = iota
	onWeb           // https
	onMachine       // http to this machine alone
	inApp           // a scheme of an app's own (RFC 8252 §7.1)
)

// redirectKind refuses every redirect URI that could be read in two ways, that
// runs something, or that would be overwritten by what is added to it. A host
// must come as it is asked for: one whose escapes hide letters of other scripts
// would be shown as another.
func redirectKind(uri string) where {
	u, err := url.Parse(uri)
	if err != nil || len(uri) > maxRedirect || strings.ContainsFunc(uri+u.Host, notInURI) || strings.Contains(uri, "#") || u.User != nil || u.Opaque != "" {
		return nowhere
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || slices.ContainsFunc(answered, query.Has) {
		return nowhere
	}
	host := u.Hostname()
	switch {
	case u.Scheme == "https" && host != "":
		return onWeb
	case u.Scheme == "http" && slices.Contains(loopback, host):
		return onMachine
	case strings.Contains(u.Scheme, ".") && host == "":
		return inApp
	}
	return nowhere
}

var (
	loopback = []string{"localhost", "127.0.0.1", "::1"}
	answered = []string{"code", "state", "iss", "error", "error_description"}
)

func notInURI(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\"{}|\\^`", r) }

// plain makes a text that somebody unknown wrote fit to be shown beside others:
// no control characters, nothing that turns the direction of writing, and not
// more than size bytes.
func plain(text string, size int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	for len(text) > size {
		_, last := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-last]
	}
	return strings.TrimSpace(text)
}
