package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"kith/ldp"
	"kith/webid"
	"kith/webid/issuer"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	// passwordPrefix tells the IDs and consents of app passwords from those of grants.
	passwordPrefix = "password-"
	passwordsMost  = 32 // of one person
	mount          = ".dav"
)

// Password opens one pod as a network drive, and nothing else. Secret stands in it only when it is made: a
// hash of it is kept.
type Password struct {
	ID     string     `json:"id"`
	User   string     `json:"user"`
	Secret string     `json:"password,omitempty"`
	URL    string     `json:"url"` // of the drive
	Label  string     `json:"label,omitempty"`
	Since  *time.Time `json:"since,omitempty"`
	Used   *time.Time `json:"used,omitempty"` // to the hour
}

// Person is one person of the folder of a Config that is complete, whether or not a server runs there.
type Person struct {
	Config Config
	Name   string
}

// AddPassword makes an app password. Errors: ErrPerson, issuer.ErrFull.
func (o Person) AddPassword(ctx context.Context, label string) (p Password, err error) {
	err = o.do(func(s *state) error {
		p, err = s.addPassword(ctx, o.Config, o.Name, label)
		return err
	})
	return p, err
}

// Passwords returns the app passwords, the oldest first. Errors: ErrPerson.
func (o Person) Passwords(ctx context.Context) (all []Password, err error) {
	err = o.do(func(s *state) error {
		if _, err := s.person(ctx, o.Name); err != nil {
			return err
		}
		all, err = s.passwords(ctx, o.Config, o.Name)
		return err
	})
	return all, err
}

// RevokePassword ends an app password: the next request with it is refused. Errors: ErrPerson,
// issuer.ErrUnknown.
func (o Person) RevokePassword(ctx context.Context, id string) error {
	err := o.do(func(s *state) error {
		if _, err := s.person(ctx, o.Name); err != nil {
			return err
		}
		return s.removePassword(ctx, o.Name, id)
	})
	if errors.Is(err, issuer.ErrUnknown) {
		return fmt.Errorf("revoke %q of %s: %w; see `kith passwords list %s`", id, o.Name, err, o.Name)
	}
	return err
}

// do opens state.db for the command line.
func (o Person) do(act func(*state) error) error {
	s, err := openState(o.Config.Data, o.Config.Now)
	if err != nil {
		return err
	}
	return advise(errors.Join(act(s), s.close()), o.Name)
}

// addPassword makes a secret of 100 random bits, which needs no slow hash.
func (s *state) addPassword(ctx context.Context, c Config, name, label string) (Password, error) {
	text := strings.ToLower(rand.Text())
	secret := strings.Join([]string{text[:5], text[5:10], text[10:15], text[15:20]}, "-")
	id := strings.ToLower(rand.Text()[:16])
	err := s.keepPassword(ctx, name, hashedPassword{id, clip(label, maxTitle), s.now().Unix(), passwordHash(name, secret)})
	return Password{ID: id, User: name, Secret: secret, URL: c.PodURL(name) + mount + "/", Label: label}, err
}

// keepPassword keeps a password by its hash. Errors: ErrPerson, issuer.ErrFull.
func (s *state) keepPassword(ctx context.Context, name string, e hashedPassword) error {
	return s.write(ctx, func(conn *sqlite.Conn) error {
		if err := changePerson(conn, name, func(*person) error { return nil }); err != nil {
			return err
		}
		err := sqlitex.Execute(conn, `INSERT OR IGNORE INTO password (hash, id, person, label, since, used)
			SELECT ?1, ?2, ?3, ?4, ?5, 0 WHERE (SELECT count(*) FROM password WHERE person = ?3) < ?6`,
			&sqlitex.ExecOptions{Args: []any{e.Hash, e.ID, name, clip(e.Name, maxTitle), e.Since, passwordsMost}})
		if err == nil && conn.Changes() == 0 {
			err = issuer.ErrFull
		}
		return err
	})
}

func passwordHash(name, secret string) []byte {
	sum := sha256.Sum256([]byte("kith password 1\n" + name + "\n" + secret))
	return sum[:]
}

func (s *state) passwords(ctx context.Context, c Config, name string) (all []Password, err error) {
	const query = `SELECT id, label, since, used FROM password WHERE person = ? ORDER BY since, id`
	err = s.read(ctx, query, []any{name}, func(row *sqlite.Stmt) error {
		since := time.Unix(row.ColumnInt64(2), 0).UTC()
		p := Password{ID: row.ColumnText(0), User: name, URL: c.PodURL(name) + mount + "/", Label: row.ColumnText(1), Since: &since}
		if used := row.ColumnInt64(3); used != 0 {
			p.Used = known(time.Unix(used, 0).UTC())
		}
		all = append(all, p)
		return nil
	})
	return all, err
}

func (s *state) removePassword(ctx context.Context, name, id string) error {
	return s.write(ctx, func(conn *sqlite.Conn) error {
		err := sqlitex.Execute(conn, `DELETE FROM password WHERE person = ? AND id = ?`, &sqlitex.ExecOptions{Args: []any{name, id}})
		if err == nil && conn.Changes() == 0 {
			err = issuer.ErrUnknown
		}
		return err
	})
}

// password returns the id of the password that a secret is, "" for none, and notes the hour of its use.
func (s *state) password(ctx context.Context, name, secret string) (id string, err error) {
	var used int64
	err = s.read(ctx, `SELECT id, used FROM password WHERE hash = ?`, []any{passwordHash(name, secret)}, func(row *sqlite.Stmt) error {
		id, used = row.ColumnText(0), row.ColumnInt64(1)
		return nil
	})
	now := s.now()
	if err != nil || id == "" || now.Sub(time.Unix(used, 0)) < usedEvery {
		return id, err
	}
	return id, s.write(ctx, func(conn *sqlite.Conn) error {
		return sqlitex.Execute(conn, `UPDATE password SET used = ? WHERE id = ?`, &sqlitex.ExecOptions{Args: []any{now.Unix(), id}})
	})
}

// consents reports whether the owner's consent still stands by which an app, or who has an app password, acts.
func (h *home) consents(granted func(context.Context, string) bool) func(context.Context, string) bool {
	return func(ctx context.Context, consent string) bool {
		id, ok := strings.CutPrefix(consent, passwordPrefix)
		if !ok {
			return granted != nil && granted(ctx, consent)
		}
		all, err := h.state.passwords(ctx, h.config, h.name)
		return err == nil && slices.ContainsFunc(all, func(p Password) bool { return p.ID == id })
	}
}

// serveDrive answers WebDAV at `.dav/`. Who asks shows an app password, since no such client knows more than
// names and passwords; it is the owner by an app, and no device.
func (h *home) serveDrive(w http.ResponseWriter, r *http.Request, tooOften func() bool) {
	_, secret, ok := r.BasicAuth()
	id := ""
	if ok {
		var err error
		if id, err = h.state.password(r.Context(), h.name, secret); err != nil {
			h.refuse(w, r, err)
			return
		}
	}
	switch {
	case id != "" && h.drive != nil:
		if err := h.root(r.Context()); err != nil {
			h.refuse(w, r, err)
			return
		}
		owner := webid.AppAgent(h.realm.Owner(), mount, passwordPrefix+id)
		h.drive.Serve(w, r, h.guard.As(owner))
	case ok && tooOften():
	default:
		w.Header().Set("WWW-Authenticate", `Basic realm="Kith", charset="UTF-8"`)
		ldp.Problem(w, http.StatusUnauthorized, "A drive opens with an app password. Make one in the app, or by `kith passwords add`.")
	}
}

// root gives a pod that no phone has paired with its root ACL, without which its owner may do nothing.
func (h *home) root(ctx context.Context) error {
	if h.rooted.Load() {
		return nil
	}
	if err := h.settle(ctx); err != nil {
		return err
	}
	h.rooted.Store(true)
	return nil
}

// servePasswords answers `.passwords` to the owner's devices: GET lists the app passwords; POST keeps one that a device
// has made, or takes one back that was revoked; DELETE `.passwords/<id>` revokes one, and answers with what takes it
// back. `.grants` lists and ends them too. No answer has a secret in it: answers are remembered and wait at relays.
func (h *home) servePasswords(w http.ResponseWriter, r *http.Request, agent webid.Agent, below string) error {
	return asOwner(agent, func() error {
		switch {
		case below == "" && r.Method == http.MethodGet:
			all, err := h.state.passwords(r.Context(), h.config, h.name)
			if err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, append([]Password{}, all...))
		case below == "" && r.Method == http.MethodPost:
			return h.asAdmin(r.Context(), agent, func() error { return h.takePassword(w, r) })
		case below != "" && r.Method == http.MethodDelete:
			ended, err := h.state.endPassword(r.Context(), h.name, below)
			if err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, ended)
		}
		return allow(w, "GET, POST, DELETE, OPTIONS")
	})
}

// hashedPassword is a password without its secret, as a device brings one, and as one that was revoked is taken back.
type hashedPassword struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Since int64  `json:"since"` // seconds since 1970
	Hash  []byte `json:"hash"`  // passwordHash of the secret
}

// takePassword keeps the password that the body tells of.
func (h *home) takePassword(w http.ResponseWriter, r *http.Request) error {
	var p hashedPassword
	if err := readJSON(w, r, inviteBody, &p); err != nil {
		return err
	}
	if len(p.Hash) != sha256.Size || !namePattern.MatchString(p.ID) || p.Since < 0 {
		return errBody
	}
	if err := h.state.keepPassword(r.Context(), h.name, p); err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, Password{ID: p.ID, User: h.name, URL: h.url + mount + "/", Label: clip(p.Name, maxTitle), Since: known(time.Unix(p.Since, 0).UTC())})
}

// endPassword revokes a password. Errors: issuer.ErrUnknown.
func (s *state) endPassword(ctx context.Context, name, id string) (e hashedPassword, err error) {
	const query = `SELECT hash, label, since FROM password WHERE person = ? AND id = ?`
	err = s.read(ctx, query, []any{name, id}, func(row *sqlite.Stmt) error {
		e = hashedPassword{ID: id, Name: row.ColumnText(1), Since: row.ColumnInt64(2), Hash: make([]byte, row.ColumnLen(0))}
		row.ColumnBytes(0, e.Hash)
		return nil
	})
	if err != nil {
		return e, err
	}
	return e, s.removePassword(ctx, name, id)
}
