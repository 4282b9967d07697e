package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"kith/acl"
	"kith/ldp"
	"kith/pod"
	"kith/webid"
)

// ServeHTTP answers one request: the app's files, the issuer, or a pod.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start, answer := time.Now(), &counted{ResponseWriter: w}
	defer func() {
		failure := recover()
		slog.Debug("answered", "method", r.Method, "status", answer.status, "bytes", answer.bytes, "took", time.Since(start))
		if failure == nil {
			return
		}
		if failure != http.ErrAbortHandler {
			slog.Error("request failed", "panic", failure)
		}
		panic(http.ErrAbortHandler) // whatever was being sent must not look whole
	}()
	who := address(r, s.config.BehindProxy)
	leave, ok := s.requests.enter(who)
	if !ok {
		crowded(answer, r, "Too many requests of this address are under way. Wait until one is answered.")
		return
	}
	defer leave()
	s.route(answer, r.WithContext(context.WithValue(r.Context(), asker{}, who)))
}

// crowded answers whoever has too much under way.
func crowded(w http.ResponseWriter, r *http.Request, why string) {
	ldp.CORS(w, r)
	w.Header().Set("Retry-After", "2")
	ldp.Problem(w, http.StatusTooManyRequests, why)
}

// maxURI bounds an address with its query, in bytes, as RFC 9110 §4.1 has it.
const maxURI = 8000

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(s.config.URL, "https:") {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	path := r.URL.EscapedPath()
	switch {
	case !strings.HasPrefix(path, "/"): // OPTIONS *, CONNECT
		ldp.Problem(w, http.StatusBadRequest, "The request names no resource.")
	case len(r.RequestURI) > maxURI: // RFC 9112 §3
		if !ldp.CORS(w, r) {
			ldp.Problem(w, http.StatusRequestURITooLong, "The address is too long.")
		}
	case s.app.serve(w, r):
	case s.relay != nil && relayed(path):
		s.relay.ServeHTTP(w, r)
	case path == "/"+relayWellKnown: // apps ask every host whether it is a relay: that this is none is an answer, and no failure
		if !ldp.CORS(w, r) {
			w.WriteHeader(http.StatusNoContent)
		}
	case s.issuer.Handles(path) || strings.HasPrefix(path, "/.well-known/"):
		if s.limited(w, r) {
			return
		}
		s.issuer.ServeHTTP(w, r)
	default:
		s.servePod(w, r, path)
	}
}

// relayed reports whether a path is one of a relay at this origin. No pod can have such a name.
func relayed(path string) bool {
	top, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains(relayNames, top) || path == "/.well-known/kith-relay"
}

// relayNames are the first segments of a relay's paths.
var relayNames = []string{"q", "s", "f", "h", "ws"}

func (s *Server) servePod(w http.ResponseWriter, r *http.Request, path string) {
	name, rest, slash := strings.Cut(path[1:], "/")
	rest = canonical(rest)
	h := s.find(r, name)
	switch {
	case !slash:
		if !ldp.CORS(w, r) {
			h.refuse(w, r, acl.ErrUnauthenticated)
		}
	case h.away():
		h.serveAway(w, r)
	case h.left.Load():
		s.serveLeft(w, r, h, rest)
	case costly(rest) && s.limited(w, r):
	case rest == mount || strings.HasPrefix(rest, mount+"/"):
		h.serveDrive(w, r, func() bool { return s.limited(w, r) })
	case rest == "profile/card" && h.appear(w, r): // the command line may just have made it public
	default:
		h.serve(w, r, "/"+rest)
	}
}

// canonical returns the one spelling of a path within a pod, so that what is no resource cannot be gone by
// under another. What is no path stays as it is: ldp refuses it.
func canonical(rest string) string {
	if !strings.Contains(rest, "%") {
		return rest
	}
	p, err := pod.ParsePath("/" + rest)
	if err != nil {
		return rest
	}
	return p.Escaped()[1:]
}

// costly reports whether a path of a pod makes the server work for people whom it does not know yet.
func costly(rest string) bool {
	return strings.HasPrefix(rest, ".pair") || strings.HasPrefix(rest, ".invites/") || strings.HasPrefix(rest, ".channels/") || rest == ".sealed"
}

// find returns the pod called name. For a name that nobody has it returns a pod that is always empty
// and knows nobody, so that names cannot be found out by trying (protocol §1.4).
func (s *Server) find(r *http.Request, name string) *home {
	h, err := s.home(r.Context(), name)
	if err == nil {
		return h
	}
	if !errors.Is(err, ErrPerson) && !errors.Is(err, pod.ErrAway) { // of which the start has told
		slog.Error("open a pod", "err", err)
	}
	h = s.stranger(name)
	h.absent = errors.Is(err, pod.ErrAway)
	return h
}

// limited answers 429 when the address asks too often for what costs most before anybody is known.
func (s *Server) limited(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodOptions || s.rates.allow(address(r, s.config.BehindProxy)) {
		return false
	}
	crowded(w, r, "Too many requests from this address. Wait a moment.")
	return true
}

// serve answers a request below the pod's URL; rest is the escaped path inside, with its first slash.
func (h *home) serve(w http.ResponseWriter, r *http.Request, rest string) {
	if r.Method == http.MethodOptions && h.preflight(w, r, rest) {
		return
	}
	agent, err := h.who.Authenticate(r)
	if err != nil {
		ldp.CORS(w, r)
		h.challenge(w.Header(), h.url, err)
		h.refuse(w, r, asRefusal(err))
		return
	}
	if err := h.answer(w, r, agent, rest); err != nil {
		h.refuse(w, r, err)
	}
}

// preflight answers a preflight, for which nobody signs in.
func (h *home) preflight(w http.ResponseWriter, r *http.Request, rest string) (answered bool) {
	if own, _, _ := strings.Cut(rest[1:], "/"); slices.Contains(doors, own) || rest == "/.storage" || r.Header.Get("Access-Control-Request-Method") == "" {
		return ldp.CORS(w, r)
	}
	return h.ldp.Preflight(w, r, rest)
}

// place takes a place for one more request of the agent, unless it is the owner or nobody in particular.
func (h *home) place(agent webid.Agent) (leave func(), ok bool) {
	if agent.Owner() || agent.Anonymous() {
		return func() {}, true
	}
	return h.friends.enter(h.name + " " + string(agent.IDs()[0]))
}

// asRefusal turns credentials that do not hold into the refusal of a stranger; other errors stay.
func asRefusal(err error) error {
	for _, known := range []error{webid.ErrToken, webid.ErrProof, webid.ErrNonce} {
		if errors.Is(err, known) {
			return acl.ErrUnauthenticated
		}
	}
	return err
}

func (h *home) answer(w http.ResponseWriter, r *http.Request, agent webid.Agent, rest string) error {
	leave, ok := h.place(agent)
	if !ok {
		crowded(w, r, "Too many of your requests are under way. Wait until one is answered.")
		return nil
	}
	defer leave()
	from, _ := r.Context().Value(asker{}).(string)
	v := h.guard.As(agent).At(from)
	own, below, _ := strings.Cut(rest[1:], "/")
	if agent.Device() {
		if err := h.came(r.Context(), agent.Key()); err != nil {
			return err
		}
	}
	if slices.Contains(doors, own) {
		ldp.CORS(w, r)
		return h.answerOwn(w, r, agent, own, below)
	}
	if safe(r.Method) && strings.HasPrefix(rest, "/social/") {
		if err := h.feed.Behind(w, r, v); err != nil {
			ldp.CORS(w, r)
			return err
		}
	}
	switch rest {
	case "/social/door":
		ldp.CORS(w, r)
		return h.feed.ServeDoor(w, r, v)
	case "/social/feed":
		ldp.CORS(w, r)
		return h.feed.Serve(w, r, v)
	}
	if err := h.resource(w, r, v, rest); err != nil {
		slog.Error("request failed", "err", err)
	}
	return nil
}

// resource answers for a resource of the pod, or for what describes the pod.
func (h *home) resource(w http.ResponseWriter, r *http.Request, v *acl.View, rest string) error {
	if rest == "/.storage" {
		return h.ldp.ServeDescription(w, r, v)
	}
	return h.ldp.Serve(w, r, v, rest)
}

// doors are the first names of what is not a resource of the pod but a way to it. Which of them sealed requests reach
// is said in sealed/allow.go, and a test holds the two together.
var doors = []string{
	".pair", ".invites", ".replica", ".channels", ".elsewhere", ".grants", ".passkeys", ".sealed",
	".hint", ".hints", ".rtc", ".push", ".keys", ".trouble", ".passwords", ".backups",
}

// single are the doors behind which lies nothing more.
var single = []string{".sealed", ".hint", ".hints", ".rtc", ".push", ".keys"}

// answerOwn answers at a door.
func (h *home) answerOwn(w http.ResponseWriter, r *http.Request, agent webid.Agent, own, below string) error {
	if below != "" && slices.Contains(single, own) {
		return acl.ErrForbidden
	}
	switch own {
	case ".pair":
		return h.servePair(w, r, agent, below)
	case ".invites":
		return h.serveInvites(w, r, agent, below)
	case ".elsewhere", ".grants", ".passkeys":
		return h.serveElsewhere(w, r, agent, own, below)
	case ".passwords":
		return h.servePasswords(w, r, agent, below)
	case ".backups":
		return h.serveBackups(w, r, agent, below)
	case ".trouble":
		return asOwner(agent, func() error { return h.serveTrouble(w, r, below) })
	case ".channels":
		return h.serveChannels(w, r, h.guard.As(agent), below)
	case ".sealed":
		return h.serveSealed(w, r)
	case ".hint":
		return h.serveHint(w, r, agent)
	case ".hints":
		return h.serveHeard(w, r, agent)
	case ".push":
		return h.servePush(w, r, agent)
	case ".keys":
		return h.serveKeys(w, r, agent)
	case ".rtc":
		return h.serveOffer(w, r, agent)
	}
	if agent.Device() {
		defer h.present.enter(h.config.Now)()
	}
	return h.replica.Serve(w, r, h.guard.As(agent), "/"+below)
}

// counted remembers what was answered, for the log.
type counted struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (c *counted) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(p)
	c.bytes += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController the writer below.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }
