package solid

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// agent is somebody who asks: with credentials, with tokens made elsewhere, or, without either, a stranger.
type agent struct {
	name string
	Credentials
	client *http.Client
	key    *ecdsa.PrivateKey
	mint   func(context.Context) (string, error) // makes tokens, in place of an issuer

	mu      sync.Mutex
	token   string
	expires time.Time
}

var b64 = base64.RawURLEncoding

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func newAgent(name string, c Credentials, client *http.Client) (*agent, error) {
	key, err := newKey()
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return &agent{name: name, Credentials: c, client: client, key: key}, nil
}

// random returns n random bytes in base64url.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand)
	return b64.EncodeToString(b)
}

// jwk returns the public half of a key (RFC 7518 §6.2.1).
func jwk(k *ecdsa.PrivateKey) map[string]any {
	b, err := k.PublicKey.Bytes()
	if err != nil {
		panic(err) // a generated key is a point of its curve
	}
	return map[string]any{"kty": "EC", "crv": "P-256", "x": b64.EncodeToString(b[1:33]), "y": b64.EncodeToString(b[33:])}
}

// thumbprint returns the RFC 7638 thumbprint of a key.
func thumbprint(k *ecdsa.PrivateKey) string {
	j := jwk(k)
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, j["x"], j["y"]))
	return b64.EncodeToString(sum[:])
}

// signJWT returns a JWS by any method, with header members besides alg.
func signJWT(method jwt.SigningMethod, key any, header map[string]any, claims jwt.MapClaims) (string, error) {
	t := jwt.NewWithClaims(method, claims)
	for name, value := range header {
		t.Header[name] = value
	}
	text, err := t.SignedString(key)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return text, nil
}

// proofClaims returns the claims of a DPoP proof for a request with a token, if any (RFC 9449 §4.2).
func proofClaims(method, target, token string) jwt.MapClaims {
	target, _, _ = strings.Cut(target, "#")
	target, _, _ = strings.Cut(target, "?")
	c := jwt.MapClaims{"jti": random(16), "htm": method, "htu": target, "iat": time.Now().Unix()}
	if token != "" {
		c["ath"] = tokenHash(token)
	}
	return c
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return b64.EncodeToString(sum[:])
}

// prove returns a DPoP proof by the agent's key.
func (a *agent) prove(c jwt.MapClaims) (string, error) {
	return signJWT(jwt.SigningMethodES256, a.key, map[string]any{"typ": "dpop+jwt", "jwk": jwk(a.key)}, c)
}

// sign adds the agent's token and a proof to a request.
func (a *agent) sign(r *http.Request) error {
	if a.Issuer == "" || r.Header.Get("Authorization") != "" {
		return nil
	}
	token, err := a.access(r.Context())
	if err != nil {
		return err
	}
	proof, err := a.prove(proofClaims(r.Method, r.URL.String(), token))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", proof)
	return nil
}

// errToken says that an issuer gave no token.
var errToken = errors.New("no access token")

// access returns an access token that holds for a while yet.
func (a *agent) access(ctx context.Context) (string, error) {
	if a.mint != nil {
		return a.mint(ctx)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Until(a.expires) > 30*time.Second {
		return a.token, nil
	}
	token, life, err := a.newToken(ctx)
	if err != nil {
		return "", fmt.Errorf("sign in as %s at %s: %w", a.name, a.Issuer, err)
	}
	a.token, a.expires = token, time.Now().Add(life)
	return token, nil
}

// newToken fetches a token by client credentials (Solid-OIDC §client-credentials).
func (a *agent) newToken(ctx context.Context) (string, time.Duration, error) {
	meta, err := a.discover(ctx)
	if err != nil {
		return "", 0, err
	}
	res, err := a.grant(ctx, meta, url.Values{"grant_type": {"client_credentials"}, "scope": {"webid"}})
	if err != nil {
		return "", 0, err
	}
	if res.status != http.StatusOK {
		return "", 0, fmt.Errorf("%w: %d %.200s", errToken, res.status, res.body)
	}
	var granted struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
		Life  int    `json:"expires_in"`
	}
	if err := json.Unmarshal(res.body, &granted); err != nil || granted.Token == "" || !strings.EqualFold(granted.Type, "DPoP") {
		return "", 0, fmt.Errorf("%w in %.200s", errToken, res.body)
	}
	return granted.Token, time.Duration(max(granted.Life, 60)) * time.Second, nil
}

// provider is what an issuer says of itself.
type provider map[string]any

func (p provider) text(name string) string {
	s, _ := p[name].(string)
	return s
}

func (p provider) list(name string) []string {
	var found []string
	values, _ := p[name].([]any)
	for _, v := range values {
		if s, ok := v.(string); ok {
			found = append(found, s)
		}
	}
	return found
}

func (a *agent) discover(ctx context.Context) (provider, error) {
	where := strings.TrimSuffix(a.Issuer, "/") + "/.well-known/openid-configuration"
	res, err := exchange(ctx, a.client, request{method: http.MethodGet, url: where}, unsigned)
	if err != nil {
		return nil, err
	}
	var p provider
	if err := json.Unmarshal(res.body, &p); err != nil || res.status != http.StatusOK {
		return nil, fmt.Errorf("read %s: status %d: %w", where, res.status, errors.Join(errToken, err))
	}
	return p, nil
}

func unsigned(*http.Request) error { return nil }

// grant posts a form to the token endpoint, with the client's name and secret and a proof.
func (a *agent) grant(ctx context.Context, p provider, form url.Values) (answer, error) {
	endpoint := p.text("token_endpoint")
	body := content{"application/x-www-form-urlencoded", []byte(form.Encode())}
	return exchange(ctx, a.client, request{method: http.MethodPost, url: endpoint, body: body}, func(r *http.Request) error {
		proof, err := a.prove(proofClaims(r.Method, endpoint, ""))
		r.SetBasicAuth(url.QueryEscape(a.ID), url.QueryEscape(a.Secret))
		r.Header.Set("DPoP", proof)
		return err
	})
}
