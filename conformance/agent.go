package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Pod is where a person can be reached.
type Pod struct {
	URL    string `json:"pod"`    // with a trailing slash; also the realm of its tokens
	Issuer string `json:"issuer"` // byte for byte as tokens name it
}

// Agent is a device that asks one pod, or, without a Device, somebody without any key. It may be used by
// several goroutines.
type Agent struct {
	*Wire
	Device *Device
	Pod    Pod

	mu      sync.Mutex
	token   string
	expires time.Time
}

// Do sends a request to the pod, signed if the agent has a device, and reads the answer. The Target is
// relative to the pod's URL.
func (a *Agent) Do(ctx context.Context, r Request) (Answer, error) {
	r, err := a.sign(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	return a.Wire.Do(ctx, r)
}

// Open is Do for an answer whose body the caller reads and closes.
func (a *Agent) Open(ctx context.Context, r Request) (*http.Response, error) {
	r, err := a.sign(ctx, r)
	if err != nil {
		return nil, err
	}
	return a.Wire.Open(ctx, r)
}

// sign completes the target, and adds the access token and a proof for this request.
func (a *Agent) sign(ctx context.Context, r Request) (Request, error) {
	r.Target = a.path() + r.Target
	if a.Device == nil {
		return r, nil
	}
	token, err := a.Token(ctx)
	if err != nil {
		return r, err
	}
	proof, err := a.Device.proof(a.Wire, r, token)
	if err != nil {
		return r, err
	}
	r.Header = r.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", proof)
	return r, nil
}

// path returns the path of the pod, with both slashes.
func (a *Agent) path() string { return "/" + strings.TrimPrefix(a.Pod.URL, a.Base) }

// proof returns the DPoP proof for a request, with the hash of the token where there is one (RFC 9449 §4.2).
func (d *Device) proof(w *Wire, r Request, token string) (string, error) {
	return d.sign(proofHeader(d.Key), proofClaims(w, r, token))
}

func proofHeader(k Key) map[string]any {
	return map[string]any{"typ": "dpop+jwt", "jwk": jwk(k.point())}
}

func proofClaims(w *Wire, r Request, token string) claims {
	path, _, _ := strings.Cut(r.Target, "?")
	c := claims{"jti": random(16), "htm": r.Method, "htu": strings.TrimSuffix(w.Base, "/") + path, "iat": time.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		c["ath"] = b64.EncodeToString(sum[:])
	}
	return c
}

// Token returns an access token for the pod that holds for a while yet, the same as long as there is one.
// A refusal is a *refused.
func (a *Agent) Token(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Until(a.expires) > 30*time.Second {
		return a.token, nil
	}
	assertion, err := a.Device.sign(assertionHeader(a.Device.Key), a.Device.assertion(a.Pod.Issuer))
	if err != nil {
		return "", err
	}
	answer, err := a.exchange(ctx, assertion)
	for err == nil && answer.Status == http.StatusTooManyRequests { // one address speaks for many people here
		select {
		case <-ctx.Done():
			return "", &refused{answer}
		case <-time.After(time.Second):
		}
		answer, err = a.exchange(ctx, assertion)
	}
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusOK {
		return "", &refused{answer}
	}
	var granted struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
		Life  int    `json:"expires_in"`
	}
	if err := json.Unmarshal(answer.Body, &granted); err != nil || granted.Type != "DPoP" || granted.Token == "" {
		return "", fmt.Errorf("read token: %s: %w", answer.Body, err)
	}
	a.token, a.expires = granted.Token, time.Now().Add(time.Duration(granted.Life)*time.Second)
	return a.token, nil
}

// exchange asks for a token once.
func (a *Agent) exchange(ctx context.Context, assertion string) (Answer, error) {
	r := exchange(a.Pod.URL, assertion, nil)
	proof, err := a.Device.proof(a.Wire, r, "")
	if err != nil {
		return Answer{}, err
	}
	r.Header.Set("DPoP", proof)
	return a.Wire.Do(ctx, r)
}

// Forget makes the agent fetch a new token for its next request.
func (a *Agent) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.token, a.expires = "", time.Time{}
}

// refused is an answer that is not what was asked for.
type refused struct{ Answer }

func (r *refused) Error() string { return fmt.Sprintf("refused with %d: %s", r.Status, r.Body) }

func assertionHeader(k Key) map[string]any {
	return map[string]any{"typ": "JWT", "kid": k.DID()}
}

// assertion returns the claims of a self-issued JWT (protocol §1.3).
func (d *Device) assertion(issuer string) claims {
	now := time.Now().Unix()
	return claims{"iss": d.kid, "sub": d.kid, "client_id": d.kid, "aud": issuer, "iat": now, "exp": now + 120, "jti": random(16)}
}

// exchange returns a request for a token, without its proof (RFC 8693 §2.1). more replaces or adds
// parameters.
func exchange(realm, assertion string, more url.Values) Request {
	form := url.Values{
		"grant_type":         {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"resource":           {realm},
		"subject_token":      {assertion},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
	}
	for name, values := range more {
		form[name] = values
	}
	return Request{
		Method: http.MethodPost, Target: "/token", Body: []byte(form.Encode()),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
}
