package server

import (
	"context"
	"errors"
	"time"

	"kith/webid/issuer"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// provider keeps in state.db what the OpenID provider must not forget.
type provider struct{ s *Server }

var _ issuer.Store = provider{}

// Grant implements issuer.Store.
func (p provider) Grant(ctx context.Context, id string) (issuer.Grant, error) {
	all, err := p.s.state.grants(ctx, p.s.config, `g.id = ?`, id)
	if err == nil && len(all) == 0 {
		err = issuer.ErrUnknown
	}
	if err != nil {
		return issuer.Grant{}, err
	}
	return all[0], nil
}

// Ready implements issuer.Store.
func (p provider) Ready(ctx context.Context, pod string) error {
	name, ok := p.s.podName(pod)
	if !ok {
		return issuer.ErrUnknown
	}
	h, err := p.s.home(ctx, name)
	if errors.Is(err, ErrPerson) {
		return issuer.ErrUnknown
	}
	if err != nil {
		return err
	}
	if on, err := h.publish(ctx); err != nil || !on {
		return errors.Join(err, issuer.ErrOff)
	}
	if _, err := p.s.published(ctx, name+cardPath); err == nil {
		return nil
	}
	h.shown.forget() // an app has taken the profile out of sight
	_, err = h.publish(ctx)
	return err
}

// usedEvery is how exactly it is noted when a grant was last used.
const usedEvery = time.Hour

// Used implements issuer.Store.
func (p provider) Used(ctx context.Context, g issuer.Grant) error {
	now := p.s.config.Now()
	if now.Sub(g.Used) < usedEvery {
		return nil
	}
	return p.s.state.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `UPDATE granted SET used = ? WHERE id = ?`, &sqlitex.ExecOptions{Args: []any{now.Unix(), g.ID}})
	})
}

// AddGrant implements issuer.Store.
func (p provider) AddGrant(ctx context.Context, g issuer.Grant) error {
	name, ok := p.s.podName(g.Pod)
	if !ok {
		return issuer.ErrUnknown
	}
	return p.s.state.write(ctx, func(c *sqlite.Conn) error {
		who, err := readPerson(c, name)
		if err != nil {
			return err
		}
		if !who.elsewhere {
			return issuer.ErrOff
		}
		err = sqlitex.Execute(c, `DELETE FROM granted WHERE id = (SELECT id FROM granted WHERE person = ?1 AND kind = ?2 ORDER BY used, since LIMIT 1)
			AND (SELECT count(*) FROM granted WHERE person = ?1) >= ?3`, &sqlitex.ExecOptions{Args: []any{name, issuer.KindApp, grantsMost}})
		if err != nil {
			return err
		}
		return p.s.state.addGrant(c, name, g)
	})
}

// Turn implements issuer.Store.
func (p provider) Turn(ctx context.Context, g issuer.Grant) error {
	return p.s.state.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, `UPDATE granted SET turn = ?1, ends = ?2, used = ?3 WHERE id = ?4 AND turn = ?1 - 1`,
			&sqlitex.ExecOptions{Args: []any{int64(g.Turn), seconds(g.Ends), p.s.config.Now().Unix(), g.ID}})
		if err != nil || c.Changes() > 0 {
			return err
		}
		return issuer.ErrSpent // one that was removed meanwhile is as good as spent
	})
}

// EndGrant implements issuer.Store.
func (p provider) EndGrant(ctx context.Context, id string) error {
	return p.s.state.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `DELETE FROM granted WHERE id = ?`, &sqlitex.ExecOptions{Args: []any{id}})
	})
}

// grants returns the grants that hold of people who sign in elsewhere, the oldest first, narrowed by a
// condition on granted, g.
func (s *state) grants(ctx context.Context, c Config, condition string, args ...any) (all []issuer.Grant, err error) {
	query := `SELECT g.id, g.person, g.kind, g.client, g.name, g.scope, g.secret, g.key, g.turn, g.signed, g.since, g.used, g.ends
		FROM granted g JOIN person p ON p.name = g.person
		WHERE p.elsewhere AND (g.ends = 0 OR g.ends > ?) AND ` + condition + ` ORDER BY g.since, g.id`
	err = s.read(ctx, query, append([]any{s.now().Unix()}, args...), func(row *sqlite.Stmt) error {
		all = append(all, issuer.Grant{
			ID: row.ColumnText(0), Pod: c.PodURL(row.ColumnText(1)), Kind: row.ColumnText(2),
			Client: row.ColumnText(3), Name: row.ColumnText(4), Scope: row.ColumnText(5),
			Secret: column(row, 6), Key: row.ColumnText(7), Turn: uint64(row.ColumnInt64(8)),
			Signed: moment(row, 9), Since: moment(row, 10), Used: moment(row, 11), Ends: moment(row, 12),
		})
		return nil
	})
	return all, err
}

// moment reads a time in seconds; 0 is the zero Time.
func moment(row *sqlite.Stmt, i int) time.Time {
	if at := row.ColumnInt64(i); at != 0 {
		return time.Unix(at, 0).UTC()
	}
	return time.Time{}
}

// seconds is what moment reads.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// grantsMost bounds what one person has granted at one time.
const grantsMost = 200

// addGrant keeps a grant of a person, and forgets those that have ended.
func (s *state) addGrant(c *sqlite.Conn, person string, g issuer.Grant) error {
	if err := sqlitex.Execute(c, `DELETE FROM granted WHERE ends != 0 AND ends <= ?`, &sqlitex.ExecOptions{Args: []any{s.now().Unix()}}); err != nil {
		return err
	}
	if g.Secret == nil {
		g.Secret = []byte{}
	}
	err := sqlitex.Execute(c, `INSERT INTO granted (id, person, kind, client, name, scope, secret, key, turn, signed, since, used, ends)
		SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM granted WHERE person = ?) < ?`,
		&sqlitex.ExecOptions{Args: []any{g.ID, person, g.Kind, g.Client, g.Name, g.Scope, g.Secret, g.Key, int64(g.Turn),
			seconds(g.Signed), seconds(g.Since), seconds(g.Used), seconds(g.Ends), person, grantsMost}})
	if err == nil && c.Changes() == 0 {
		return issuer.ErrFull
	}
	return err
}

// removeGrant removes a grant of a person, or returns issuer.ErrUnknown. Its tokens are refused from then on.
func (s *state) removeGrant(ctx context.Context, person, id string) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, `DELETE FROM granted WHERE person = ? AND id = ?`, &sqlitex.ExecOptions{Args: []any{person, id}})
		if err == nil && c.Changes() == 0 {
			return issuer.ErrUnknown
		}
		return err
	})
}
