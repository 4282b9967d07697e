package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"kith/acl"
	"kith/sealed"
	"kith/webid"
)

// openSealed lets the pod be asked by sealed requests, as the device kid of its owner. A name that nobody has is
// given a key that nobody seals to.
func (h *home) openSealed(s *Server, kid string) {
	h.sealed = &sealed.Server{
		Label: h.label, Device: kid, Keys: h.openers, Invites: h.inviteKeys, Find: h.sender, Brings: h.newcomer, Handler: http.HandlerFunc(h.answerSealed), Now: s.config.Now,
		Done: doneOf{s.state, h.name},
	}
	if kid == "" {
		h.sealed.Invites, h.sealed.Done = nil, nil
		h.sealed.Keys = func() []sealed.Key { return []sealed.Key{{Key: s.nobody}} }
		h.sealed.Label = func() string { return "nobody" }
	}
}

// label names the owner, "" before a phone has paired.
func (h *home) label() string {
	p, err := h.realm.person(context.Background())
	if err != nil {
		slog.Error("read the owner", "err", err)
	}
	return p.label
}

// openers are the keys by which the friends of this pod seal requests to it.
func (h *home) openers() []sealed.Key {
	p, err := h.realm.person(context.Background())
	if err != nil {
		slog.Error("read the owner", "err", err)
		return nil
	}
	return p.keys.openers()
}

// inviteKeys are those by which who accepts an invite seals that to this pod.
func (h *home) inviteKeys() []sealed.Key {
	invites, err := h.state.invites(context.Background(), h.name)
	if err != nil {
		slog.Error("read invites", "err", err)
	}
	var keys []sealed.Key
	for _, i := range invites {
		if !i.Key.Public().IsZero() {
			keys = append(keys, sealed.Key{Key: i.Key, Until: i.expires})
		}
	}
	return keys
}

// sender returns who has the agreement key kid of the person with that label: one of the owner's devices, or of
// a contact's who is not blocked.
func (h *home) sender(ctx context.Context, label, kid string) (sealed.Peer, bool) {
	p, err := h.realm.person(ctx)
	if err != nil || !p.paired() {
		return sealed.Peer{}, false
	}
	if label == p.label {
		key, ok := sealed.Proving(p.lists, kid)
		return sealed.Peer{
			Agent: webid.OwnerAgent(h.realm.Owner(), key.Device), Label: label, KID: kid, Key: key.Key, Salt: sealed.OwnSalt(label), Until: key.Until,
		}, ok && key.Device != p.kid() && p.lists.Devices.Can(key.Device, "post")
	}
	c, err := h.realm.ByLabel(ctx, label)
	if err != nil || c.Blocked {
		return sealed.Peer{}, false
	}
	return contactSender(c, c.Lists, label, kid)
}

// newcomer returns the same for a device that a contact has only since, by the lists in its message, which
// have to follow those of the record. The record itself is the owner's app's to change, when it reads the message.
func (h *home) newcomer(ctx context.Context, label, kid string, message []byte) (sealed.Peer, bool) {
	var said struct {
		Object struct {
			Type       string `json:"type"`
			DeviceList string `json:"device_list"`
			Keys       string `json:"keys"`
		} `json:"object"`
	}
	if err := json.Unmarshal(message, &said); err != nil || said.Object.Type != "kith:Ways" {
		return sealed.Peer{}, false
	}
	c, err := h.realm.ByLabel(ctx, label)
	if err != nil || c.Blocked {
		return sealed.Peer{}, false
	}
	lists, err := c.Lists.Accept(said.Object.DeviceList, said.Object.Keys, h.state.now())
	if err != nil {
		return sealed.Peer{}, false
	}
	return contactSender(c, lists, label, kid)
}

// contactSender returns the device of a contact that has the agreement key kid by those lists.
func contactSender(c webid.Contact, lists webid.Lists, label, kid string) (sealed.Peer, bool) {
	key, ok := sealed.Proving(lists, kid)
	asks, answers := lists.Devices.Can(key.Device, "post"), lists.Devices.Can(key.Device, "answer")
	return sealed.Peer{
		Agent: webid.ContactAgent(c.ID, c.CID, c.Grant, key.Device, c.Accepts...), Label: label, KID: kid, Key: key.Key, Salt: c.Salt, Until: key.Until, Hints: !asks,
	}, ok && (asks || answers) && len(c.Salt) > 0
}

// patience is the key under which the context of a request from a relay holds who decides whether it may wait.
type patience struct{}

// answerSealed answers what was in an envelope as the same request by HTTPS would be. What it may ask for at all
// package sealed has decided.
func (h *home) answerSealed(w http.ResponseWriter, r *http.Request) {
	peer, ok := sealed.From(r.Context())
	if !ok {
		h.refuse(w, r, acl.ErrUnauthenticated)
		return
	}
	if p, ok := r.Context().Value(placed{}).(*placed); ok && (!p.turn(r.Context(), peer) || !safe(r.Method) && p.claim.held() != nil) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if limit, ok := r.Context().Value(patience{}).(func(url.Values)); ok {
		if query, err := url.ParseQuery(r.URL.RawQuery); err == nil && query.Has("wait") { // else it stays as it was asked
			limit(query)
			r.URL.RawQuery = query.Encode()
		}
	}
	rest := "/" + canonical(strings.TrimPrefix(r.URL.EscapedPath(), "/"))
	if err := h.answer(w, r, peer.Agent, rest); err != nil {
		h.refuse(w, r, err)
	}
}

// serveSealed takes an envelope over HTTPS.
func (h *home) serveSealed(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return allow(w, "POST, OPTIONS")
	}
	h.sealed.ServeHTTP(w, r)
	return nil
}

// serveHint answers a friend's responder, which says that there is something new there.
func (h *home) serveHint(w http.ResponseWriter, r *http.Request, agent webid.Agent) error {
	switch {
	case agent.Anonymous():
		return acl.ErrUnauthenticated
	case r.Method != http.MethodPost:
		return allow(w, "POST, OPTIONS")
	case agent.Contact() == "" && !agent.Device():
		return acl.ErrForbidden
	}
	if cid := agent.Contact(); cid != "" {
		h.heard.note(cid)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
