package issuer

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kith/webid"
)

const (
	codeLife    = 60 * time.Second
	refreshLife = 30 * 24 * time.Hour
)

// pending is what a code stands for. It is remembered for a while after it was
// used: who shows it again has stolen it, or it was stolen before.
type pending struct {
	asked  asked
	pod    string
	signed time.Time
	ends   time.Time
	used   bool
	grant  string // what came of it
}

// errGrant is the one answer for a code or refresh token that does not hold.
var errGrant error = fault{"invalid_grant", "it is unknown, used, ended, or was given to another app or key"}

// authenticate returns the ID of the client that makes a token request: one that
// has a secret must show it. (RFC 6749 §3.2.1)
func (s *Server) authenticate(r *http.Request, form url.Values) (string, error) {
	c, err := callerOf(r, form)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(c.id, "https://") || strings.HasPrefix(c.id, "http://") {
		if c.secret != "" {
			return "", errClient
		}
		return c.id, nil // proved by nothing but the code and PKCE (Solid-OIDC §clientids-document)
	}
	app, err := s.registered(c.id)
	if err != nil {
		return "", errClient
	}
	want := ""
	if app.Secret {
		want = s.secretOf(c.id)
	}
	if subtle.ConstantTimeCompare([]byte(c.secret), []byte(want)) != 1 {
		return "", errClient
	}
	return c.id, nil
}

// tokenForCode gives an app what the owner allowed. A code is good for one try,
// by the app that asked; the second try takes back what the first one got.
// (RFC 6749 §4.1.3; RFC 9700 §2.1.1; Solid-OIDC §tokens)
func (s *Server) tokenForCode(w http.ResponseWriter, r *http.Request, form url.Values) error {
	id, err := s.authenticate(r, form)
	if err != nil {
		return err
	}
	key, use, err := s.verifier.Prove(r)
	if err != nil {
		return err
	}
	p, err := s.redeem(r.Context(), form.Get("code"))
	if err != nil {
		return err
	}
	if p.asked.Client.ID != id || p.asked.Redirect != form.Get("redirect_uri") || !verifies(form.Get("code_verifier"), p.asked.Challenge) {
		return errGrant
	}
	if p.asked.Key != "" && p.asked.Key != key.Thumbprint() { // RFC 9449 §10
		return errGrant
	}
	now := s.now()
	g := Grant{
		ID: rand.Text(), Pod: p.pod, Kind: KindApp, Client: id, Name: p.asked.Client.Name, Scope: p.asked.Scope,
		Key: key.Thumbprint(), Signed: p.signed, Since: now, Used: now, Ends: now.Add(accessLife),
	}
	if g.Name == "" {
		g.Name = hostOf(p.asked.Redirect)
	}
	if has(g.Scope, "offline_access") {
		g.Ends = now.Add(refreshLife)
	}
	if err := s.use(g, use); err != nil {
		return err
	}
	if err := s.store.AddGrant(r.Context(), g); err != nil {
		return err
	}
	if stolen := s.remember(form.Get("code"), g.ID); stolen {
		return errors.Join(errGrant, s.store.EndGrant(r.Context(), g.ID))
	}
	return s.give(w, g, key, p.asked.Nonce)
}

// redeem uses a code up. Used again, it ends the grant that came of it.
func (s *Server) redeem(ctx context.Context, code string) (p pending, err error) {
	now, again := s.now(), false
	found := s.codes.change(code, now, func(v *pending) {
		again, v.used = v.used, true
		p = *v
		if again {
			v.grant = stolenCode
		}
	})
	if again && p.grant != "" && p.grant != stolenCode {
		err = s.store.EndGrant(ctx, p.grant)
	}
	if again || !found || !p.ends.After(now) {
		return pending{}, errors.Join(errGrant, err)
	}
	return p, nil
}

// stolenCode stands for the grant of a code that was shown twice.
const stolenCode = "stolen"

// remember notes the grant that came of a code. It reports whether somebody else
// showed the code meanwhile.
func (s *Server) remember(code, grant string) (stolen bool) {
	s.codes.change(code, s.now(), func(v *pending) {
		if stolen = v.grant == stolenCode; !stolen {
			v.grant = grant
		}
	})
	return stolen
}

// verifies checks PKCE. (RFC 7636 §4.1, §4.6)
func verifies(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(b64.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// give answers with the tokens of a grant.
func (s *Server) give(w http.ResponseWriter, g Grant, key webid.Key, nonce string) error {
	access, err := s.accessToken(g, key)
	if err != nil {
		return err
	}
	answer := map[string]any{
		"access_token": access, "token_type": "DPoP", "expires_in": int(accessLife.Seconds()), "scope": g.Scope,
	}
	if has(g.Scope, "openid") {
		if answer["id_token"], err = s.idToken(g, key, nonce); err != nil {
			return err
		}
	}
	if has(g.Scope, "offline_access") {
		answer["refresh_token"] = s.refreshToken(g)
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// idToken tells an app who signed in. (OpenID Connect Core §2; Solid-OIDC §tokens-id)
func (s *Server) idToken(g Grant, key webid.Key, nonce string) (string, error) {
	owner, err := s.owner(g.Pod)
	if err != nil {
		return "", err
	}
	now := s.now()
	claims := map[string]any{
		"iss": s.issuer, "sub": owner, "webid": owner, "aud": []string{g.Client, "solid"}, "azp": g.Client,
		"iat": now.Unix(), "exp": now.Add(accessLife).Unix(), "auth_time": g.Signed.Unix(), "jti": rand.Text(),
		"cnf": map[string]string{"jkt": key.Thumbprint()}, "grant": g.ID,
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return s.key.Token("JWT", claims)
}

// refreshToken returns the one refresh token of a grant that holds: it is a MAC,
// so that nothing secret is kept, and an old one is known for what it is.
//
//	<grant> "." <turn> "." b64u MAC 32 of grant, turn and the thumbprint of the key
func (s *Server) refreshToken(g Grant) string {
	body := g.ID + "." + strconv.FormatUint(g.Turn, 10)
	return body + "." + b64.EncodeToString(s.mac("refresh", body+"."+g.Key))
}

// tokenForRefresh gives an app new tokens for its refresh token, by the key that
// the first one was given to. One that was used before takes the grant back.
// (RFC 6749 §6; RFC 9449 §5; RFC 9700 §4.14)
func (s *Server) tokenForRefresh(w http.ResponseWriter, r *http.Request, form url.Values) error {
	id, err := s.authenticate(r, form)
	if err != nil {
		return err
	}
	key, use, err := s.verifier.Prove(r)
	if err != nil {
		return err
	}
	g, turn, err := s.refreshed(r.Context(), form.Get("refresh_token"))
	if err != nil {
		return err
	}
	if g.Client != id || g.Key != key.Thumbprint() {
		return errGrant
	}
	if err := s.use(g, use); err != nil {
		return err
	}
	g.Turn, g.Ends = turn+1, s.now().Add(refreshLife)
	err = s.store.Turn(r.Context(), g)
	if errors.Is(err, ErrSpent) {
		return errors.Join(errGrant, s.store.EndGrant(r.Context(), g.ID))
	}
	if err != nil {
		return unknownGrant(err)
	}
	return s.give(w, g, key, "")
}

// refreshed returns the grant of a refresh token that was given out here, be it
// spent or not, and its turn.
func (s *Server) refreshed(ctx context.Context, token string) (Grant, uint64, error) {
	part := strings.Split(token, ".")
	if len(part) != 3 {
		return Grant{}, 0, errGrant
	}
	given, err := b64.DecodeString(part[2])
	turn, err2 := strconv.ParseUint(part[1], 10, 62)
	if err != nil || err2 != nil {
		return Grant{}, 0, errGrant
	}
	g, err := s.store.Grant(ctx, part[0])
	if err != nil {
		return Grant{}, 0, unknownGrant(err)
	}
	if g.Kind != KindApp || !hmac.Equal(given, s.mac("refresh", part[0]+"."+part[1]+"."+g.Key)) {
		return Grant{}, 0, errGrant
	}
	return g, turn, nil
}

func unknownGrant(err error) error {
	if errors.Is(err, ErrUnknown) {
		return errGrant
	}
	return err
}
