package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"kith/acl"
	"kith/sealed"
	"kith/webid"
)

// Bounds of descriptions: the longest, and how many addresses one may name. Who takes one looks for each of them.
const (
	maxOffer      = 16 << 10
	maxCandidates = 32
)

const (
	offerPath = "/.rtc"
	offerType = "application/sdp"
)

var errNoDirect = errors.New("no direct connection")

// serveOffer answers a friend's offer of a direct connection with this pod's description (docs/protocol.md, Direct
// connections). That there is to be none looks like anything that is out of reach.
func (h *home) serveOffer(w http.ResponseWriter, r *http.Request, agent webid.Agent) error {
	peer, ok := sealed.From(r.Context())
	switch {
	case agent.Anonymous():
		return acl.ErrUnauthenticated
	case r.Method != http.MethodPost:
		return allow(w, "POST, OPTIONS")
	case !ok || agent.Contact() == "": // who reaches this pod by HTTPS needs no other way
		return acl.ErrForbidden
	}
	offer, err := io.ReadAll(io.LimitReader(r.Body, maxOffer+1))
	if err != nil || !describes(string(offer)) || !h.showsAddress(r.Context(), peer.Label) {
		return acl.ErrForbidden
	}
	answer, err := h.direct.answer(r.Context(), peer.Label, string(offer))
	if err != nil {
		slog.Debug("an offer is not taken", "err", err)
		return acl.ErrForbidden
	}
	w.Header().Set("Content-Type", offerType)
	_, err = io.WriteString(w, answer)
	return err
}

// showsAddress reports whether the owner lets the contact with that label see network addresses.
func (h *home) showsAddress(ctx context.Context, label string) bool {
	c, err := h.realm.ByLabel(ctx, label)
	return err == nil && c.Direct && !c.Blocked
}

// declinesOffer reports whether an answer says no to an offer of a direct connection: it is kept back, since another
// of the owner's devices may take the offer.
func declinesOffer(r sealed.Reply) bool { return r.Path == offerPath && r.Status != http.StatusOK }

var ofChannel = regexp.MustCompile(`^m=application \d+ UDP/DTLS/SCTP `)

// describes reports whether a text may be taken as a description: it has one line of media, a data channel's, and
// not more addresses than somebody has.
func describes(text string) bool {
	candidates, media := 0, []string{}
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "a=candidate:"):
			candidates++
		case strings.HasPrefix(line, "m="):
			media = append(media, line)
		}
	}
	return len(text) <= maxOffer && candidates <= maxCandidates && len(media) == 1 && ofChannel.MatchString(media[0])
}
