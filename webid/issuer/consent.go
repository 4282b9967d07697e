package issuer

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kith/webid"
)

const (
	consentPath = "/authorize/"
	maxDecision = 64 << 10 // bytes
)

// consent answers `/authorize/<id>` and `/authorize/<id>/passkey` to the app of
// this host. They are not open to pages of other origins, and no cookie decides
// anything: who consents shows a proof by a key, or an assertion of a passkey
// over this very request.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	guarded(w.Header())
	id, passkey := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, consentPath), "/passkey")
	a, err := s.open(id)
	switch {
	case err != nil:
	case r.Method == http.MethodPost && passkey:
		err = s.decideByPasskey(w, r, a)
	case r.Method == http.MethodPost:
		err = s.decide(w, r, a)
	case !passkey:
		writeJSON(w, http.StatusOK, a.described())
	default:
		w.Header().Set("Allow", "POST")
		fail(w, http.StatusMethodNotAllowed, "invalid_request", "use POST")
	}
	if err != nil {
		s.refuseConsent(w, r, err)
	}
}

// described is what the owner is told before deciding.
func (a asked) described() map[string]any {
	kind, host := "registered", hostOf(a.Redirect)
	if a.Client.Document {
		kind, host = "document", hostOf(a.Client.ID)
	}
	app := map[string]string{"id": a.Client.ID, "host": host, "kind": kind}
	if a.Client.Name != "" {
		app["name"] = a.Client.Name
	}
	return map[string]any{
		"client": app, "redirect": map[string]string{"uri": a.Redirect, "host": hostOf(a.Redirect)},
		"scopes": strings.Fields(a.Scope), "expires": a.Ends.UTC().Truncate(time.Second),
	}
}

// Host returns by which host an app goes: that of its document, or of where its
// answers go; "" for what is no app's ID.
func (s *Server) Host(client string) string {
	if strings.HasPrefix(client, "https://") || strings.HasPrefix(client, "http://") {
		return hostOf(client)
	}
	c, err := s.registered(client)
	if err != nil || len(c.Redirects) == 0 {
		return ""
	}
	return hostOf(c.Redirects[0])
}

// hostOf returns the host of an address, or its scheme where it has none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if u.Host == "" {
		return u.Scheme + ":"
	}
	return u.Host
}

// decision is what the app of this host says for the owner.
type decision struct {
	Decision   string          `json:"decision"` // "allow" or "deny"
	Pod        string          `json:"pod"`
	Credential json.RawMessage `json:"credential"`
}

// decide takes the owner's decision from one of the owner's devices. To refuse
// needs no proof: it gives nothing away.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, a asked) error {
	var d decision
	if err := readDecision(w, r, &d); err != nil {
		return err
	}
	switch d.Decision {
	case "deny":
		s.denied.put(a.Tag, a.Tag, struct{}{}, a.Ends, s.now())
		writeJSON(w, http.StatusOK, map[string]string{"redirect": s.answer(a, url.Values{"error": {"access_denied"}})})
		return nil
	case "allow":
		if _, err := s.verifier.Device(r, d.Pod); err != nil {
			return err
		}
		return s.allow(w, r, a, d.Pod)
	}
	return fault{"invalid_request", "decision must be allow or deny"}
}

// readDecision reads JSON, which a form of another origin cannot send.
func readDecision(w http.ResponseWriter, r *http.Request, d *decision) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return fault{"invalid_request", "Content-Type must be application/json"}
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDecision))
	if err != nil || json.Unmarshal(text, d) != nil {
		return fault{"invalid_request", "the body is not the JSON that is expected here"}
	}
	return nil
}

// spend uses a request up for the owner of a pod: of two decisions one is ErrUnknown.
func (s *Server) spend(a asked, pod string) error {
	if !s.decided.put(pod, a.Tag, struct{}{}, a.Ends, s.now()) {
		return ErrUnknown
	}
	return nil
}

// allow answers the app with a code, for the owner of a pod.
func (s *Server) allow(w http.ResponseWriter, r *http.Request, a asked, pod string) error {
	if err := s.store.Ready(r.Context(), pod); err != nil {
		return err
	}
	if err := s.spend(a, pod); err != nil {
		return err
	}
	code, now := randomSecret(), s.now()
	if !s.codes.put(pod, code, pending{asked: a, pod: pod, signed: now, ends: now.Add(codeLife)}, now.Add(askedLife), now) {
		return ErrFull
	}
	writeJSON(w, http.StatusOK, map[string]string{"redirect": s.answer(a, url.Values{"code": {code}})})
	return nil
}

// refuseConsent answers the app of this host.
func (s *Server) refuseConsent(w http.ResponseWriter, r *http.Request, err error) {
	var f fault
	switch {
	case errors.Is(err, ErrOff):
		fail(w, http.StatusConflict, "elsewhere_off", "turn on signing in elsewhere first")
	case errors.As(err, &f):
		fail(w, http.StatusBadRequest, f.code, f.description)
	case errors.Is(err, errAssertion):
		fail(w, http.StatusForbidden, "access_denied", "this passkey does not open any pod here")
	case errors.Is(err, webid.ErrToken), errors.Is(err, webid.ErrProof), errors.Is(err, webid.ErrNonce):
		s.Challenge(w.Header(), s.issuer+"/", err)
		fail(w, http.StatusUnauthorized, "access_denied", "one of the owner's devices must allow this")
	case errors.Is(err, ErrUnknown):
		fail(w, http.StatusNotFound, "not_found", "there is no such request: it was decided, or is over")
	default:
		s.refuse(w, r, err)
	}
}
