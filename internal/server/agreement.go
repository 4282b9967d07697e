package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"kith/sealed"
	"kith/webid"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// The key to which requests to the pod are sealed is another every week (protocol §1.2). The pod makes the next one
// when a device of the owner's asks for it; the device names it in the keys document, from which friends and the
// other devices learn it; and from the moment at which the pod sees that document, the key before rests.
//
//	made       opens, is not named; one at most
//	named      opens and proves: person.agreement
//	superseded opens what was on its way, for agreeRest; then it is destroyed
//
// A device that knows no newer key than a destroyed one does not find a pod behind a NAT any more. So the next key
// waits for devices that have not come since the last one, though not for long: one that lies in a drawer must not
// keep all others from changing keys.
const (
	agreeEvery = 7 * 24 * time.Hour
	agreeLate  = 60 * 24 * time.Hour // when the next key waits for nobody any more
	agreeRest  = 15 * 24 * time.Hour // a request waits for 14 days at most
	agreeBeat  = time.Hour           // between two looks for keys whose time is over
)

// podKeys are the keys of the pod as one of its owner's devices (protocol §1.1).
type podKeys struct {
	signing, agreement webid.PrivateKey
	agreed             time.Time    // when agreement became the one that is named
	came               []string     // the owner's devices that have come since
	others             []sealed.Key // superseded, until their time; and the one that is not named yet, without any
}

// next returns the key that was made and is not named yet.
func (k podKeys) next() (next webid.PrivateKey, ok bool) {
	i := slices.IndexFunc(k.others, func(k sealed.Key) bool { return k.Until.IsZero() })
	if i < 0 {
		return next, false
	}
	return k.others[i].Key, true
}

// openers returns all keys by which the pod opens requests.
func (k podKeys) openers() []sealed.Key {
	return append([]sealed.Key{{Key: k.agreement}}, k.others...)
}

// agreed returns the key that the owner's keys document names as the pod's, the zero Key where it names none.
func (p person) agreed() webid.Key {
	for _, a := range p.lists.Keys.Agree {
		if k, ok := sealed.Proving(p.lists, a.Kid); ok && a.Device == p.kid() && k.Until.IsZero() {
			return k.Key
		}
	}
	return webid.Key{}
}

// tired reports whether it is time for another agreement key.
func (p person) tired(now time.Time) bool {
	age := now.Sub(p.keys.agreed)
	away := slices.ContainsFunc(p.lists.Devices.Devices, func(d webid.Device) bool {
		return p.lists.Devices.Can(d.Kid, "post") && !slices.Contains(p.keys.came, d.Kid)
	})
	return age < 0 || age >= agreeLate || age >= agreeEvery && !away // before it was named: the clock was wrong then
}

// readOthers reads the agreement keys beside the one that is named.
func (k *podKeys) readOthers(c *sqlite.Conn, name string) error {
	return sqlitex.Execute(c, `SELECT key, until FROM agreement WHERE person = ? ORDER BY until DESC`, &sqlitex.ExecOptions{Args: []any{name},
		ResultFunc: func(row *sqlite.Stmt) error {
			var other sealed.Key
			if until := row.ColumnInt64(1); until != 0 {
				other.Until = time.Unix(until, 0)
			}
			err := other.Key.UnmarshalText([]byte(row.ColumnText(0)))
			k.others = append(k.others, other)
			return err
		}})
}

// keyToName returns the agreement key that the owner's next keys document shall name as the pod's.
func (s *state) keyToName(ctx context.Context, name string) (key webid.PrivateKey, err error) {
	err = s.write(ctx, func(c *sqlite.Conn) error {
		p, err := readPerson(c, name)
		if err != nil {
			return err
		}
		next, made := p.keys.next()
		if key = p.keys.agreement; made {
			key = next
		}
		if made || !p.tired(s.now()) {
			return nil
		}
		if key, err = webid.GenerateKey(); err != nil {
			return err
		}
		return keepAgreement(c, name, key, 0)
	})
	return key, err
}

// keepAgreement keeps a key until a time in seconds, 0 for one that is not named yet.
func keepAgreement(c *sqlite.Conn, name string, key webid.PrivateKey, until int64) error {
	text, err := key.MarshalText()
	if err != nil {
		return err
	}
	return sqlitex.Execute(c, `INSERT INTO agreement (person, key, until) VALUES (?, ?, ?)`, &sqlitex.ExecOptions{Args: []any{name, string(text), until}})
}

// followKeys makes the key that the owner's devices name the pod's, if the pod has it, and destroys those whose time
// is over.
func (s *state) followKeys(c *sqlite.Conn, name string) error {
	p, err := readPerson(c, name)
	if err != nil {
		return err
	}
	named := p.agreed()
	if i := slices.IndexFunc(p.keys.others, func(k sealed.Key) bool { return k.Key.Public() == named }); i >= 0 {
		if err := s.supersede(c, p, p.keys.others[i].Key); err != nil {
			return err
		}
	}
	return sqlitex.Execute(c, `DELETE FROM agreement WHERE person = ? AND until > 0 AND until <= ?`, &sqlitex.ExecOptions{Args: []any{name, s.now().Unix()}})
}

// supersede has a key take the place of the one that was named.
func (s *state) supersede(c *sqlite.Conn, p person, by webid.PrivateKey) error {
	text, err := by.MarshalText()
	if err != nil {
		return err
	}
	err = sqlitex.Execute(c, `DELETE FROM agreement WHERE person = ? AND key = ?`, &sqlitex.ExecOptions{Args: []any{p.name, string(text)}})
	if err == nil {
		err = keepAgreement(c, p.name, p.keys.agreement, s.now().Add(agreeRest).Unix())
	}
	if err != nil {
		return err
	}
	return sqlitex.Execute(c, `UPDATE person SET agreement = ?, agreed = ?, came = '' WHERE name = ?`,
		&sqlitex.ExecOptions{Args: []any{string(text), s.now().Unix(), p.name}})
}

// pin changes what is recorded of a person, lists among it, and follows the keys that these name.
func (s *state) pin(c *sqlite.Conn, name string, change func(*person) error) error {
	if err := changePerson(c, name, change); err != nil {
		return err
	}
	return s.followKeys(c, name)
}

// came notes that a device of the owner's has come since the pod's agreement key is the one that it is.
func (h *home) came(ctx context.Context, kid string) error {
	p, err := h.realm.person(ctx)
	if err != nil || slices.Contains(p.keys.came, kid) {
		return err
	}
	defer h.realm.forget()
	return h.state.write(ctx, func(c *sqlite.Conn) error {
		p, err := readPerson(c, h.name)
		if err != nil || slices.Contains(p.keys.came, kid) {
			return err
		}
		all := slices.DeleteFunc(p.keys.came, func(kid string) bool { return !p.lists.Devices.Has(kid) })
		return sqlitex.Execute(c, `UPDATE person SET came = ? WHERE name = ?`,
			&sqlitex.ExecOptions{Args: []any{strings.Join(append(all, kid), " "), h.name}})
	})
}

// serveKeys answers POST `.keys` to the owner's devices that may sign a keys document: which key it shall name as the
// pod's. Until it does, the answer is the same.
func (h *home) serveKeys(w http.ResponseWriter, r *http.Request, agent webid.Agent) error {
	return asOwner(agent, func() error {
		if r.Method != http.MethodPost {
			return allow(w, "POST, OPTIONS")
		}
		return h.asAdmin(r.Context(), agent, func() error {
			defer h.realm.forget()
			key, err := h.state.keyToName(r.Context(), h.name)
			if err != nil {
				return err
			}
			p, err := h.realm.person(r.Context())
			if err != nil {
				return err
			}
			return writeJSON(w, http.StatusOK, map[string]any{"kid": p.kid(), "agree": key.Public()})
		})
	})
}

// tendKeys destroys agreement keys whose time is over.
func (s *Server) tendKeys(ctx context.Context) {
	names, err := s.state.names(ctx)
	for _, name := range names {
		err = errors.Join(err, s.state.write(ctx, func(c *sqlite.Conn) error { return s.state.followKeys(c, name) }))
		if h := s.opened(name); h != nil {
			h.realm.forget()
		}
	}
	if err != nil && ctx.Err() == nil {
		slog.Error("look after agreement keys", "err", err)
	}
}
