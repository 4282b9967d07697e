package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"kith/acl"
	"kith/ldp"
	podsync "kith/sync"
	"kith/webid"
)

// hookKey signs what this server sends to webhooks. Its public half is in the key set of the issuer.
type hookKey struct {
	id  string
	key *ecdsa.PrivateKey
}

// newHookKey returns the issuer's key for signatures over other texts than tokens: those begin with
// a letter of base64url, these with a quote.
func newHookKey(k webid.PrivateKey) (hookKey, error) {
	text, err := k.MarshalText()
	if err != nil {
		return hookKey{}, err
	}
	scalar, err := base64.RawURLEncoding.DecodeString(string(text))
	if err != nil {
		return hookKey{}, fmt.Errorf("read key: %w", err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	return hookKey{k.Public().Thumbprint(), key}, err
}

// sign returns the ECDSA P-256 SHA-256 signature of a text (RFC 9421 §3.3.4).
func (k hookKey) sign(text []byte) ([]byte, error) {
	sum := sha256.Sum256(text)
	r, s, err := ecdsa.Sign(rand.Reader, k.key, sum[:])
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

// openChannels makes the notification channels of the pod, none so far.
func (h *home) openChannels(s *Server) {
	h.channels = podsync.NewChannels(podsync.ChannelsConfig{
		Base: h.url, Client: s.fetcher.Client(), Plain: s.config.Fetch, Now: s.config.Now,
		Sender: s.config.Issuer() + "/.well-known/jwks.json", KeyID: s.hooks.id, Sign: s.hooks.sign,
	})
}

// serveChannels answers what goes on below <pod>.channels.
func (h *home) serveChannels(w http.ResponseWriter, r *http.Request, v *acl.View, below string) error {
	err := h.channels.Serve(w, r, v.From(r.Header.Get("Origin")), below)
	switch {
	case errors.Is(err, podsync.ErrMedia):
		ldp.Problem(w, http.StatusUnsupportedMediaType, "A subscription cannot be read: "+err.Error()+".")
	case errors.Is(err, podsync.ErrSubscription):
		ldp.Problem(w, http.StatusUnprocessableEntity, "No channel is opened: "+err.Error()+".")
	case errors.Is(err, podsync.ErrChannels):
		ldp.Problem(w, http.StatusTooManyRequests, "Too many channels are open. Close one, or come again later.")
	default:
		return err
	}
	return nil
}
