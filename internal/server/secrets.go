package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// pairingTime is how long a pairing link works.
const pairingTime = 15 * time.Minute

// The kinds of pairing secrets: the person's phone pairs with the pod, or another device joins it.
const (
	kindPhone  = "phone"
	kindDevice = "device"
)

// newPairing makes a secret with which a person's phone pairs once, until the returned time.
func (s *state) newPairing(ctx context.Context, name string) (secret string, expires time.Time, err error) {
	raw := make([]byte, 16)
	rand.Read(raw)
	secret = base64.RawURLEncoding.EncodeToString(raw)
	expires, err = s.keepPairing(ctx, name, kindPhone, secret)
	return secret, expires, err
}

// keepPairing lets secret pair once, until the returned time. Only its hash is stored.
func (s *state) keepPairing(ctx context.Context, name, kind, secret string) (expires time.Time, err error) {
	expires = s.now().Add(pairingTime)
	err = s.write(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, `DELETE FROM pairing WHERE expires <= ?`, &sqlitex.ExecOptions{Args: []any{s.now().Unix()}}); err != nil {
			return err
		}
		return sqlitex.Execute(c, `INSERT OR REPLACE INTO pairing (hash, person, kind, expires) VALUES (?, ?, ?, ?)`, &sqlitex.ExecOptions{Args: []any{hash(secret), name, kind, expires.Unix()}})
	})
	return expires, err
}

// pairingKind says what a secret is for. It returns ErrSecret when the secret is wrong, used or expired.
func (s *state) pairingKind(ctx context.Context, name, secret string) (kind string, err error) {
	err = s.read(ctx, `SELECT kind FROM pairing WHERE hash = ? AND person = ? AND expires > ?`, []any{hash(secret), name, s.now().Unix()},
		func(row *sqlite.Stmt) error { kind = row.ColumnText(0); return nil })
	if err == nil && kind == "" {
		err = ErrSecret
	}
	return kind, err
}

// spend uses a secret up inside a transaction: of two that race, one gets ErrSecret.
func (s *state) spend(c *sqlite.Conn, name, secret string) error {
	err := sqlitex.Execute(c, `DELETE FROM pairing WHERE hash = ? AND person = ? AND expires > ?`,
		&sqlitex.ExecOptions{Args: []any{hash(secret), name, s.now().Unix()}})
	if err == nil && c.Changes() == 0 {
		return ErrSecret
	}
	return err
}

// pairPhone spends the secret and records what the phone said of its person, both or neither.
func (s *state) pairPhone(ctx context.Context, name, secret string, change func(*person) error) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		if err := s.spend(c, name, secret); err != nil {
			return err
		}
		return s.pin(c, name, change)
	})
}

// joining is a device that holds a device link and waits for an admin device to let it in. The mac
// ties its keys to the link; only the device that made the link can check it.
type joining struct {
	Kid   string          `json:"kid"`
	Name  string          `json:"name"`
	Agree json.RawMessage `json:"agree"`
	MAC   string          `json:"mac"`
	At    time.Time       `json:"at"`
}

// joiningTime is how long a device waits to be let in.
const joiningTime = 24 * time.Hour

// addJoining spends the secret and records who waits, both or neither.
func (s *state) addJoining(ctx context.Context, name, secret string, j joining) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		if err := s.spend(c, name, secret); err != nil {
			return err
		}
		return sqlitex.Execute(c, `INSERT OR REPLACE INTO joining (person, kid, name, agree, mac, at) VALUES (?, ?, ?, ?, ?, ?)`,
			&sqlitex.ExecOptions{Args: []any{name, j.Kid, j.Name, string(j.Agree), j.MAC, s.now().Unix()}})
	})
}

// joinings returns who waits, and forgets those who have waited too long.
func (s *state) joinings(ctx context.Context, name string) (all []joining, err error) {
	err = s.write(ctx, func(c *sqlite.Conn) error {
		if err := sqlitex.Execute(c, `DELETE FROM joining WHERE at < ?`, &sqlitex.ExecOptions{Args: []any{s.now().Add(-joiningTime).Unix()}}); err != nil {
			return err
		}
		return sqlitex.Execute(c, `SELECT kid, name, agree, mac, at FROM joining WHERE person = ? ORDER BY at, kid LIMIT 16`, &sqlitex.ExecOptions{Args: []any{name},
			ResultFunc: func(row *sqlite.Stmt) error {
				all = append(all, joining{Kid: row.ColumnText(0), Name: row.ColumnText(1), Agree: json.RawMessage(row.ColumnText(2)),
					MAC: row.ColumnText(3), At: time.Unix(row.ColumnInt64(4), 0).UTC()})
				return nil
			}})
	})
	return all, err
}
