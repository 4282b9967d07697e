package solid

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// elsewhere is what the suite itself has on the web: an issuer, two people, groups, traps that nobody should
// walk into, and receivers of webhooks.
//
//	/.well-known/openid-configuration   the issuer's metadata, /jwks its keys
//	/carol/card#me                      a WebID that names this issuer
//	/mallory/card#me                    a WebID that names another issuer
//	/dave/card#me                       a Controlled Identifier document that names this issuer
//	/erin/card#me                       a Controlled Identifier document with a key of its own
//	/<random>                           a group, a trap or a receiver
type elsewhere struct {
	base   string // URL with a slash; also the issuer
	key    *ecdsa.PrivateKey
	server *http.Server
	served chan struct{} // closed when the server has ended

	mu    sync.Mutex
	paths map[string]http.Handler
}

const (
	keyID       = "conformance-1"
	hmacKeyText = "an issuer's public key is no secret"
)

func newElsewhere(l net.Listener, base string) (*elsewhere, error) {
	key, err := newKey()
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	e := &elsewhere{base: base, key: key, served: make(chan struct{}), paths: map[string]http.Handler{}}
	public := jwk(key)
	public["kid"], public["alg"], public["use"] = keyID, "ES256", "sig"
	e.paths["/.well-known/openid-configuration"] = jsonDocument(map[string]any{
		"issuer": e.base, "jwks_uri": e.base + "jwks", "authorization_endpoint": e.base + "authorize", "token_endpoint": e.base + "token",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"}, "scopes_supported": []string{"openid", "webid"},
	})
	e.paths["/jwks"] = jsonDocument(map[string]any{"keys": []any{public}})
	e.paths["/carol/card"] = turtleDocument("<#me> <" + solidNS + "oidcIssuer> <" + e.base + ">.")
	e.paths["/mallory/card"] = turtleDocument("<#me> <" + solidNS + "oidcIssuer> <https://issuer.example/>.")
	e.paths["/dave/card"] = jsonDocument(map[string]any{
		"@context": []string{"https://www.w3.org/ns/cid/v1"}, "id": e.base + "dave/card#me",
		"service": []any{map[string]string{"type": lwsNS + "OpenIdProvider", "serviceEndpoint": e.base}},
	})
	erin := e.base + "erin/card#me"
	e.paths["/erin/card"] = jsonDocument(map[string]any{
		"@context": []string{"https://www.w3.org/ns/cid/v1"}, "id": erin,
		"authentication": []any{map[string]any{"id": e.base + "erin/card#key", "type": "JsonWebKey", "controller": erin, "publicKeyJwk": public}},
	})
	e.server = &http.Server{Handler: e, ReadHeaderTimeout: requestTime}
	go func() {
		defer close(e.served)
		if err := e.server.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			panic(err) // nothing that it could find would be there
		}
	}()
	return e, nil
}

func (e *elsewhere) close() {
	e.server.Close() // closes every connection; what it reports of them is of no use
	<-e.served
}

func (e *elsewhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	h := e.paths[r.URL.Path]
	e.mu.Unlock()
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h.ServeHTTP(w, r)
}

// serve answers at a new URL and returns that.
func (e *elsewhere) serve(h http.Handler) string {
	path := random(9)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.paths["/"+path] = h
	return e.base + path
}

func jsonDocument(v any) http.Handler { return document("application/json", mustJSON(v)) }

func turtleDocument(text string) http.Handler { return document("text/turtle", []byte(text)) }

func document(media string, text []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		if _, err := w.Write(text); err != nil {
			return // who asked is gone
		}
	})
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of strings have a JSON form
	}
	return text
}

// group returns the IRI of a new group of agents.
func (e *elsewhere) group(members ...string) string {
	text := "<#group> a <" + vcardNS + "Group>.\n"
	for _, m := range members {
		text += "<#group> <" + vcardNS + "hasMember> <" + m + ">.\n"
	}
	return e.serve(turtleDocument(text)) + "#group"
}

// trap is an address that a server should never ask.
type trap struct {
	url  string
	hits atomic.Int32
}

func (e *elsewhere) trap() *trap {
	t := new(trap)
	t.url = e.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.hits.Add(1)
		document("application/ld+json", []byte(`{"@context": {"name": "http://xmlns.com/foaf/0.1/name"}}`)).ServeHTTP(w, r)
	}))
	return t
}

// delivery is one request that a webhook has received.
type delivery struct {
	header http.Header
	target string
	body   []byte
}

// hook returns the URL of a new receiver, and what arrives there.
func (e *elsewhere) hook() (string, <-chan delivery) {
	arrived := make(chan delivery, 64)
	url := e.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		select {
		case arrived <- delivery{r.Header.Clone(), r.URL.Path, body}:
			w.WriteHeader(http.StatusNoContent)
		default:
			w.WriteHeader(http.StatusInsufficientStorage)
		}
	}))
	return url, arrived
}

// tokenParts is an access token in the making.
type tokenParts struct {
	method jwt.SigningMethod
	key    any
	header map[string]any
	claims jwt.MapClaims
}

// someone returns an agent of this issuer. change alters each of its tokens.
func (e *elsewhere) someone(t *trial, name string, change func(*tokenParts)) *agent {
	webid := e.base + name + "/card#me"
	a, err := newAgent(name, Credentials{WebID: webid, Issuer: e.base, ID: e.base + "app"}, t.client)
	if err != nil {
		t.must(err)
		return t.stranger
	}
	a.mint = func(context.Context) (string, error) {
		now := time.Now().Unix()
		p := tokenParts{
			method: jwt.SigningMethodES256, key: e.key,
			header: map[string]any{"typ": "at+jwt", "kid": keyID},
			claims: jwt.MapClaims{
				"webid": webid, "sub": webid, "iss": e.base, "aud": "solid", "client_id": a.ID, "azp": a.ID,
				"iat": now, "exp": now + 300, "jti": random(16), "cnf": map[string]string{"jkt": thumbprint(a.key)},
			},
		}
		if change != nil {
			change(&p)
		}
		return signJWT(p.method, p.key, p.header, p.claims)
	}
	return a
}
