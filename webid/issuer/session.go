package issuer

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
)

// userinfo tells an app whose token it holds: nothing that it does not know.
// (OpenID Connect Core §5.3; RFC 9449 §7.1)
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	owner, _, err := s.verifier.Consented(r)
	if err != nil {
		s.Challenge(w.Header(), s.issuer+"/", err)
		fail(w, http.StatusUnauthorized, "invalid_token", "a DPoP-bound access token of this issuer is needed")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"sub": owner, "webid": owner})
}

// logout ends the grant of an app that shows an ID token of it, and leads back
// only to an address that this app has told before. There is no session beyond
// that, and so nothing that a link could end without a token.
// (OpenID Connect RP-Initiated Logout §2, §3)
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	form, err := requestForm(w, r)
	if err != nil {
		s.page(w, http.StatusBadRequest, err)
		return
	}
	grant, azp := s.hint(form.Get("id_token_hint"))
	if grant != "" {
		if err := s.store.EndGrant(r.Context(), grant); err != nil {
			s.page(w, http.StatusInternalServerError, err)
			return
		}
	}
	back := form.Get("post_logout_redirect_uri")
	if back == "" || grant == "" {
		s.page(w, http.StatusOK, nil)
		return
	}
	c, err := s.client(r, azp)
	if err != nil || !slices.Contains(slices.Concat(c.Logouts, c.Redirects), back) || redirectKind(back) == nowhere {
		s.page(w, http.StatusOK, nil)
		return
	}
	told := url.Values{}
	if state := form.Get("state"); state != "" && len(state) <= maxState {
		told.Set("state", state)
	}
	s.send(w, r, with(back, told))
}

// hint returns the grant and the app of an ID token of ours, also one that has
// ended; nothing for anything else.
func (s *Server) hint(token string) (grant, app string) {
	claims, err := s.verifier.Read(token, "JWT")
	if err != nil {
		return "", ""
	}
	if json.Unmarshal(claims["grant"], &grant) != nil || json.Unmarshal(claims["azp"], &app) != nil {
		return "", ""
	}
	return grant, app
}
