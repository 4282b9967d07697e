package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kith/relay"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// reaching is what is kept of how a person is reached, beside what the pod says.
type reaching struct {
	draft relays              // the settings, until a phone has paired; the zero relays after that
	given []string            // relays of --reach that the person was given once: what is taken off again stays off
	push  *relay.Subscription // where the owner's phone is woken, or nil
}

// reachOf selects the row that scan reads.
const reachOf = `SELECT draft, given, push FROM reach WHERE person = ?`

// reaching returns a row, the zero reaching for a person who has none.
func (s *state) reaching(ctx context.Context, name string) (r reaching, err error) {
	err = s.read(ctx, reachOf, []any{name}, func(row *sqlite.Stmt) error { return r.scan(row) })
	return r, err
}

func (r *reaching) scan(row *sqlite.Stmt) (err error) {
	r.given = strings.Fields(row.ColumnText(1))
	if text := row.ColumnText(0); text != "" {
		r.draft, err = parseRelays([]byte(text))
	}
	if text := row.ColumnText(2); text != "" {
		err = errors.Join(err, json.Unmarshal([]byte(text), &r.push))
	}
	return err
}

// setReaching changes a row, in one transaction.
func (s *state) setReaching(ctx context.Context, name string, change func(*reaching) error) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		var r reaching
		err := sqlitex.Execute(c, reachOf, &sqlitex.ExecOptions{Args: []any{name}, ResultFunc: r.scan})
		if err == nil {
			err = change(&r)
		}
		if err != nil {
			return err
		}
		draft, push := []byte{}, []byte{}
		if r.draft.Secret != (secret{}) {
			draft, err = json.Marshal(r.draft)
		}
		if r.push != nil {
			text, failed := json.Marshal(r.push)
			push, err = text, errors.Join(err, failed)
		}
		if err != nil {
			return fmt.Errorf("keep relays: %w", err)
		}
		return sqlitex.Execute(c, `INSERT OR REPLACE INTO reach (person, draft, given, push) VALUES (?, ?, ?, ?)`,
			&sqlitex.ExecOptions{Args: []any{name, string(draft), strings.Join(r.given, " "), string(push)}})
	})
}

// setRelays keeps which relays this server reaches its people by, for the command line.
func (s *state) setRelays(ctx context.Context, urls []string) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		var gone []string
		err := sqlitex.Execute(c, `SELECT url FROM relay`, &sqlitex.ExecOptions{ResultFunc: func(row *sqlite.Stmt) error {
			if !slices.Contains(urls, row.ColumnText(0)) {
				gone = append(gone, row.ColumnText(0))
			}
			return nil
		}})
		for _, url := range gone {
			err = errors.Join(err, sqlitex.Execute(c, `DELETE FROM relay WHERE url = ?`, &sqlitex.ExecOptions{Args: []any{url}}))
		}
		for _, url := range urls {
			err = errors.Join(err, sqlitex.Execute(c, `INSERT INTO relay (url, app) VALUES (?, 0) ON CONFLICT DO NOTHING`, &sqlitex.ExecOptions{Args: []any{url}}))
		}
		return err
	})
}

// setApp keeps whether a relay serves the app.
func (s *state) setApp(ctx context.Context, url string, app bool) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `UPDATE relay SET app = ? WHERE url = ?`, &sqlitex.ExecOptions{Args: []any{app, url}})
	})
}

// relays returns the relays that this server reaches its people by, and those of them that serve the app.
func (s *state) relays(ctx context.Context) (all, app []string, err error) {
	err = s.read(ctx, `SELECT url, app FROM relay ORDER BY url`, nil, func(row *sqlite.Stmt) error {
		all = append(all, row.ColumnText(0))
		if row.ColumnBool(1) {
			app = append(app, row.ColumnText(0))
		}
		return nil
	})
	return all, app, err
}

// told returns the sends of a queue that its relay was told of, and was not told to forget.
func (s *state) told(ctx context.Context, name string, q queue) (sends [][]byte, err error) {
	err = s.read(ctx, `SELECT send FROM told WHERE person = ? AND relay = ? AND queue = ?`, []any{name, q.URL, q.Queue}, func(row *sqlite.Stmt) error {
		sends = append(sends, column(row, 0))
		return nil
	})
	return sends, err
}

// tell keeps that a relay is being told of sends, before it is; forget that it has forgotten others.
func (s *state) tell(ctx context.Context, name string, q queue, add, forget [][]byte) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		for _, send := range add {
			err := sqlitex.Execute(c, `INSERT INTO told (person, relay, queue, send) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
				&sqlitex.ExecOptions{Args: []any{name, q.URL, q.Queue, send}})
			if err != nil {
				return err
			}
		}
		for _, send := range forget {
			err := sqlitex.Execute(c, `DELETE FROM told WHERE person = ? AND relay = ? AND queue = ? AND send = ?`,
				&sqlitex.ExecOptions{Args: []any{name, q.URL, q.Queue, send}})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// queuedAnswer is an answer that waits at a relay for the friend who asked.
type queuedAnswer struct {
	relay, cancel string
	send          []byte
	contact       string // cid and grant, as in the name of a send
	path          string // what was asked for, escaped, without its query
	expires       time.Time
}

// queuedMost bounds the answers of one person that can be taken back; the oldest are forgotten.
const queuedMost = 4096

// queuedEach bounds those of one friend, so that who asks for much has no other's forgotten.
const queuedEach = queuedMost / 8

// addQueued keeps by what an answer is taken back.
func (s *state) addQueued(ctx context.Context, name string, a queuedAnswer) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, `DELETE FROM queued WHERE expires <= ?1 OR (relay, cancel) IN
			(SELECT relay, cancel FROM queued WHERE person = ?2 ORDER BY expires DESC LIMIT -1 OFFSET ?3) OR (relay, cancel) IN
			(SELECT relay, cancel FROM queued WHERE person = ?2 AND contact = ?4 ORDER BY expires DESC LIMIT -1 OFFSET ?5)`,
			&sqlitex.ExecOptions{Args: []any{s.now().Unix(), name, queuedMost - 1, a.contact, queuedEach - 1}})
		if err != nil {
			return err
		}
		return sqlitex.Execute(c, `INSERT OR REPLACE INTO queued (relay, cancel, send, person, contact, path, expires) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			&sqlitex.ExecOptions{Args: []any{a.relay, a.cancel, a.send, name, a.contact, a.path, a.expires.Unix()}})
	})
}

func (s *state) queued(ctx context.Context, name string) (all []queuedAnswer, err error) {
	err = s.read(ctx, `SELECT relay, cancel, send, contact, path, expires FROM queued WHERE person = ? AND expires > ? ORDER BY expires`, []any{name, s.now().Unix()},
		func(row *sqlite.Stmt) error {
			all = append(all, queuedAnswer{relay: row.ColumnText(0), cancel: row.ColumnText(1), send: column(row, 2),
				contact: row.ColumnText(3), path: row.ColumnText(4), expires: time.Unix(row.ColumnInt64(5), 0)})
			return nil
		})
	return all, err
}

func (s *state) removeQueued(ctx context.Context, a queuedAnswer) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `DELETE FROM queued WHERE relay = ? AND cancel = ?`, &sqlitex.ExecOptions{Args: []any{a.relay, a.cancel}})
	})
}
