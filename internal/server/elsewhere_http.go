package server

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"kith/webid"
	"kith/webid/issuer"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// serveElsewhere answers `.elsewhere`, `.grants` and `.passkeys` to the owner's devices: whether the owner
// signs in elsewhere, which apps and scripts may, and by which passkeys the owner consents.
func (h *home) serveElsewhere(w http.ResponseWriter, r *http.Request, agent webid.Agent, own, below string) error {
	return asOwner(agent, func() error {
		switch {
		case own == ".elsewhere" && below == "" && r.Method == http.MethodGet:
			return h.tellElsewhere(w, r)
		case own == ".elsewhere" && below == "" && r.Method == http.MethodPut:
			return h.setElsewhere(w, r)
		case own == ".elsewhere":
			return allow(w, "GET, PUT, OPTIONS")
		case own == ".passkeys" && below == "" && r.Method == http.MethodPost:
			return h.asAdmin(r.Context(), agent, func() error { return h.makePasskey(w, r) })
		case own == ".passkeys":
			return allow(w, "POST, OPTIONS")
		case below != "" && r.Method == http.MethodDelete:
			return h.endGrant(w, r, below)
		case below == "" && r.Method == http.MethodGet:
			return h.listGrants(w, r)
		}
		return allow(w, "GET, DELETE, OPTIONS")
	})
}

func (h *home) tellElsewhere(w http.ResponseWriter, r *http.Request) error {
	p, err := h.state.person(r.Context(), h.name)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"on": p.elsewhere, "name": p.named, "webid": h.realm.Owner(), "issuer": h.issuer})
}

// setElsewhere turns signing in elsewhere on or off. Off, every app and script is signed out: what they
// hold ends with it, and the profile is the owner's alone again.
func (h *home) setElsewhere(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		On   *bool `json:"on"`
		Name bool  `json:"name"` // tell everybody the owner's name too
	}
	if err := readJSON(w, r, inviteBody, &req); err != nil {
		return err
	}
	if req.On == nil {
		return errBody
	}
	ctx := context.WithoutCancel(r.Context())
	if err := h.state.setElsewhere(ctx, h.name, *req.On, *req.On && req.Name); err != nil {
		return err
	}
	if _, err := h.publish(ctx); err != nil {
		return err
	}
	return h.tellElsewhere(w, r)
}

func (s *state) setElsewhere(ctx context.Context, name string, on, named bool) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		err := changePerson(c, name, func(p *person) error { p.elsewhere, p.named = on, named; return nil })
		if err != nil || on {
			return err
		}
		return sqlitex.Execute(c, `DELETE FROM granted WHERE person = ?`, &sqlitex.ExecOptions{Args: []any{name}})
	})
}

// shownGrant is what the owner is told of a grant or a passkey.
type shownGrant struct {
	ID     string     `json:"id"`
	Kind   string     `json:"kind"`
	Name   string     `json:"name"`
	Client string     `json:"client,omitempty"`
	Host   string     `json:"host,omitempty"` // of an app
	Since  time.Time  `json:"since"`
	Used   *time.Time `json:"used,omitempty"` // of apps and scripts to the hour
}

// passkeyPrefix tells the IDs of passkeys from those of grants.
const passkeyPrefix = "passkey-"

func shownPasskey(k issuer.Passkey) shownGrant {
	return shownGrant{passkeyPrefix + encode(k.ID), "passkey", k.Name, "", "", k.Since, known(k.Used)}
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (h *home) listGrants(w http.ResponseWriter, r *http.Request) error {
	grants, err := h.state.grants(r.Context(), h.config, `g.person = ?`, h.name)
	if err != nil {
		return err
	}
	passkeys, err := h.state.passkeys(r.Context(), h.config, `person = ?`, h.name)
	if err != nil {
		return err
	}
	list := []shownGrant{}
	for _, g := range grants {
		list = append(list, shownGrant{g.ID, g.Kind, g.Name, g.Client, h.provider.Host(g.Client), g.Since, known(g.Used)})
	}
	for _, k := range passkeys {
		list = append(list, shownPasskey(k))
	}
	passwords, err := h.state.passwords(r.Context(), h.config, h.name)
	if err != nil {
		return err
	}
	for _, p := range passwords {
		list = append(list, shownGrant{passwordPrefix + p.ID, "password", p.Label, "", "", *p.Since, p.Used})
	}
	return writeJSON(w, http.StatusOK, list)
}

// endGrant removes what listGrants told, by its ID.
func (h *home) endGrant(w http.ResponseWriter, r *http.Request, id string) (err error) {
	if password, ok := strings.CutPrefix(id, passwordPrefix); ok {
		err = h.state.removePassword(r.Context(), h.name, password)
	} else if key, ok := strings.CutPrefix(id, passkeyPrefix); !ok {
		err = h.state.removeGrant(r.Context(), h.name, id)
	} else if raw, bad := base64.RawURLEncoding.DecodeString(key); bad != nil {
		err = issuer.ErrUnknown
	} else {
		err = h.state.removePasskey(r.Context(), h.name, raw)
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
