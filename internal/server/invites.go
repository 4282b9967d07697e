package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"kith/pod"
	"kith/webid"
	"kith/webid/invite"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Bounds of invites.
const (
	inviteTime  = 7 * 24 * time.Hour // longest life
	inviteBody  = 64 << 10
	invitesOpen = 64 // open at one time
)

var (
	// ErrInvites refuses one more open invite.
	ErrInvites = errors.New("too many invites are open; cancel one")
	// ErrInvite is the one answer for an invite that is wrong, used, expired or unknown.
	ErrInvite = errors.New("no such invite")
)

// openInvite is one row: this pod holds the private half of the invite's key, so that two people can
// never both win. Once used, the secret is gone, so that nobody else can be let in, and what was answered stays
// until it expires with the key, so that a friend whose answer was lost may ask again with the same bytes, by a
// sealed request too (protocol §7).
type openInvite struct {
	invite.Invite
	expires  time.Time
	contact  string // cid of who used it, "" while it is open
	accepted []byte // SHA-256 of the acceptance that was answered
	answer   []byte
	tries    int // other acceptances that came after that
}

// serveInvites answers `.invites/`, the owner's list, and `.invites/<id>`.
func (h *home) serveInvites(w http.ResponseWriter, r *http.Request, agent webid.Agent, id string) error {
	switch {
	case id != "" && r.Method == http.MethodPost:
		return h.accept(w, r, id)
	case id != "" && r.Method == http.MethodDelete:
		return asOwner(agent, func() error { return h.cancelInvite(w, r, id) })
	case id != "":
		return allow(w, "POST, DELETE, OPTIONS")
	case r.Method == http.MethodPost:
		return asOwner(agent, func() error { return h.makeInvite(w, r) })
	case r.Method == http.MethodGet:
		return asOwner(agent, func() error { return h.listInvites(w, r) })
	}
	return allow(w, "GET, POST, OPTIONS")
}

func (h *home) makeInvite(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		TTL int64 `json:"ttl"` // seconds; 0 or more than a week: a week
	}
	if err := readJSON(w, r, inviteBody, &req); err != nil {
		return err
	}
	life := time.Duration(req.TTL) * time.Second
	if req.TTL <= 0 || req.TTL > int64(inviteTime/time.Second) {
		life = inviteTime
	}
	i, err := invite.New()
	if err == nil {
		err = h.state.addInvite(r.Context(), h.name, openInvite{Invite: i, expires: h.state.now().Add(life)})
	}
	if err != nil {
		return err
	}
	h.reach.kick()
	return writeJSON(w, http.StatusCreated, map[string]any{
		"id": encode(i.ID), "ik": encode(i.Key.Public().Point()), "secret": encode(i.Secret), "expires": h.state.now().Add(life).UTC().Truncate(time.Second),
	})
}

func (h *home) listInvites(w http.ResponseWriter, r *http.Request) error {
	all, err := h.state.invites(r.Context(), h.name)
	if err != nil {
		return err
	}
	list := []map[string]any{}
	for _, i := range all {
		list = append(list, map[string]any{"id": encode(i.ID), "expires": i.expires.UTC(), "contact": i.contact, "tries": i.tries})
	}
	return writeJSON(w, http.StatusOK, map[string]any{"invites": list})
}

func (h *home) cancelInvite(w http.ResponseWriter, r *http.Request, id string) error {
	raw, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil {
		return ErrInvite
	}
	if err := h.state.removeInvite(r.Context(), h.name, raw); err != nil {
		return err
	}
	h.reach.kick()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// accept answers somebody who accepts an invite: the contact is made, without a circle and so without
// any post, and the confirmation goes back. Whatever is wrong has one answer. Once somebody has claimed the
// invite it is theirs alone, whatever happens to the connection or to this process: the same bytes again
// go on where it stopped.
func (h *home) accept(w http.ResponseWriter, r *http.Request, id string) error {
	raw, bad := base64.RawURLEncoding.DecodeString(id)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, inviteBody))
	if err != nil || bad != nil {
		return ErrInvite
	}
	ctx := context.WithoutCancel(r.Context())
	claimed, err := h.state.claimInvite(ctx, h.name, raw, body, strings.ToLower(rand.Text()[:20]))
	if err == nil && claimed.answer == nil {
		claimed.answer, err = h.confirm(ctx, claimed, body)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(claimed.answer)
	return dropped(err)
}

// confirm makes the contact and returns the sealed answer as it is stored: only that is ever sent, since
// it is sealed under a key that is good for one message.
func (h *home) confirm(ctx context.Context, i openInvite, body []byte) ([]byte, error) {
	a, err := i.Open(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvite, err)
	}
	c, err := h.befriend(ctx, a, i.contact)
	if err != nil {
		return nil, err
	}
	p, err := h.realm.person(ctx)
	if err != nil {
		return nil, err
	}
	ways, err := h.waysFor(ctx, nameContact(c))
	if err != nil {
		return nil, err
	}
	answer, err := a.Confirm(invite.Confirmation{
		Introduction: invite.Introduction{Lists: p.lists, Ways: ways, Name: p.title},
		CID:          c.CID, WebID: c.ID, Salt: c.Salt,
	})
	if err != nil {
		return nil, err
	}
	return h.state.answerInvite(ctx, h.name, i.ID, c.CID, answer)
}

// befriend records who accepted, as cid. Somebody who is a contact already stays the contact they are.
func (h *home) befriend(ctx context.Context, a invite.Acceptance, cid string) (webid.Contact, error) {
	p, err := h.realm.person(ctx)
	label := a.Lists.Devices.Label
	if err != nil || label == p.label {
		return webid.Contact{}, errors.Join(ErrInvite, err)
	}
	known := func(c *webid.Contact) (err error) {
		c.Ways = a.Ways
		c.Lists, err = c.Lists.Accept(a.Lists.Devices.String(), a.Lists.Keys.String(), h.state.now())
		return err
	}
	if err := h.changeContact(ctx, label, known); err == nil {
		return h.realm.ByLabel(ctx, label)
	} else if !errors.Is(err, webid.ErrUnknown) {
		return webid.Contact{}, err
	}
	c := webid.Contact{
		CID: cid, Name: clip(a.Name, maxTitle), Label: label, Grant: 1,
		Lists: a.Lists, Ways: a.Ways, Salt: make([]byte, 32), Since: h.state.now(),
	}
	rand.Read(c.Salt)
	c.ID = webid.ID(h.url + "contacts/" + c.CID + "/card#me")
	// The inbox comes first: whoever is a contact has one.
	if err := h.write(ctx, "/social/in/"+c.CID+"/.acl", "text/turtle", fmt.Sprintf(inboxACL, c.CID), absent); err != nil {
		return webid.Contact{}, err
	}
	return c, h.writeContact(ctx, c, absent)
}

// addInvite keeps a new invite, and forgets those that have expired.
func (s *state) addInvite(ctx context.Context, name string, i openInvite) error {
	key, err := i.Key.MarshalText()
	if err != nil {
		return err
	}
	return s.write(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, `DELETE FROM invite WHERE expires <= ?`, &sqlitex.ExecOptions{Args: []any{s.now().Unix()}}); err != nil {
			return err
		}
		err := sqlitex.Execute(c, `INSERT INTO invite (id, person, expires, key, secret) SELECT ?, ?, ?, ?, ?
			WHERE (SELECT count(*) FROM invite WHERE person = ? AND contact = '') < ?`,
			&sqlitex.ExecOptions{Args: []any{i.ID, name, i.expires.Unix(), string(key), i.Secret, name, invitesOpen}})
		if err == nil && c.Changes() == 0 {
			return ErrInvites
		}
		return err
	})
}

const inviteColumns = `SELECT id, expires, key, secret, contact, accepted, answer, tries FROM invite WHERE person = ? AND expires > ?`

func (i *openInvite) scan(row *sqlite.Stmt) error {
	i.ID, i.expires, i.Secret = column(row, 0), time.Unix(row.ColumnInt64(1), 0), column(row, 3)
	i.contact, i.accepted, i.tries = row.ColumnText(4), column(row, 5), row.ColumnInt(7)
	if i.answer = column(row, 6); len(i.answer) == 0 {
		i.answer = nil
	}
	return i.Key.UnmarshalText([]byte(row.ColumnText(2)))
}

func (s *state) invites(ctx context.Context, name string) (all []openInvite, err error) {
	err = s.read(ctx, inviteColumns+` ORDER BY expires DESC`, []any{name, s.now().Unix()}, func(row *sqlite.Stmt) error {
		all = append(all, openInvite{})
		return all[len(all)-1].scan(row)
	})
	return all, err
}

func (s *state) removeInvite(ctx context.Context, name string, id []byte) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `DELETE FROM invite WHERE person = ? AND id = ?`, &sqlitex.ExecOptions{Args: []any{name, id}})
	})
}

// claimInvite gives the invite to the first acceptance that opens, whose person is to be the contact cid.
// The same bytes again get the invite, or the answer if there is one; other bytes get ErrInvite, and are
// counted for the owner.
func (s *state) claimInvite(ctx context.Context, name string, id, body []byte, cid string) (i openInvite, err error) {
	sum, late := hash(string(body)), false
	err = s.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, inviteColumns+` AND id = ?`, &sqlitex.ExecOptions{Args: []any{name, s.now().Unix(), id}, ResultFunc: i.scan})
		switch {
		case err != nil:
			return err
		case i.ID == nil:
			return ErrInvite
		case i.contact != "" && bytes.Equal(i.accepted, sum):
			return nil
		case i.contact != "":
			late = true
			return sqlitex.Execute(c, `UPDATE invite SET tries = min(tries + 1, 1000) WHERE id = ?`, &sqlitex.ExecOptions{Args: []any{id}})
		}
		if _, err := i.Open(body); err != nil {
			return fmt.Errorf("%w: %w", ErrInvite, err)
		}
		i.contact = cid
		return sqlitex.Execute(c, `UPDATE invite SET contact = ?, accepted = ? WHERE id = ?`, &sqlitex.ExecOptions{Args: []any{cid, sum, id}})
	})
	if late {
		err = ErrInvite
	}
	return i, err
}

// answerInvite stores the answer to a claimed invite, if none is stored yet, drops its secret, and
// returns the answer that stands.
func (s *state) answerInvite(ctx context.Context, name string, id []byte, cid string, answer []byte) (stands []byte, err error) {
	err = s.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, `UPDATE invite SET contact = ?, answer = ?, secret = x'' WHERE person = ? AND id = ? AND answer = x''`,
			&sqlitex.ExecOptions{Args: []any{cid, answer, name, id}})
		if err != nil {
			return err
		}
		return sqlitex.Execute(c, `SELECT answer FROM invite WHERE person = ? AND id = ?`, &sqlitex.ExecOptions{Args: []any{name, id},
			ResultFunc: func(row *sqlite.Stmt) error { stands = column(row, 0); return nil }})
	})
	if err == nil && stands == nil {
		err = ErrInvite // it was cancelled meanwhile
	}
	return stands, err
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// changeContact changes the record of the contact with the label, or returns webid.ErrUnknown.
func (h *home) changeContact(ctx context.Context, label string, change func(*webid.Contact) error) error {
	c, etag, err := h.realm.record(ctx, label)
	if err != nil {
		return err
	}
	if err := change(&c); err != nil {
		return err
	}
	return h.writeContact(ctx, c, pod.Precondition{IfMatch: []string{etag}})
}

func (h *home) writeContact(ctx context.Context, c webid.Contact, pre pod.Precondition) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return h.write(ctx, "/contacts/"+c.CID+"/card", "application/ld+json", string(text), pre)
}
