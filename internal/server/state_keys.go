package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"strconv"
	"time"

	"kith/webid"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// The keys that sign tokens change at a start of the server, from keyLife on. The next one is
// published from the beginning, so that whoever remembers our keys has it by then; the one before stays for
// as long as tokens by it can be around.
const (
	keyLife = 90 * 24 * time.Hour
	keyRest = 24 * time.Hour
)

// Names of what is kept of the issuer's keys.
const (
	keyNow    = "issuer key"
	keyNext   = "issuer key next"
	keyBefore = "issuer key before"
	keySince  = "issuer key since" // in seconds
)

// issuerKeys returns the keys of the issuer: the first signs, all verify.
func (s *state) issuerKeys(ctx context.Context) (keys []webid.PrivateKey, err error) {
	err = s.write(ctx, func(c *sqlite.Conn) error {
		if err := s.turnKeys(c); err != nil {
			return err
		}
		for _, name := range []string{keyNow, keyNext, keyBefore} {
			text, err := value(c, name)
			if err != nil {
				return err
			}
			if text == "" {
				continue
			}
			var k webid.PrivateKey
			if err := k.UnmarshalText([]byte(text)); err != nil {
				return err
			}
			keys = append(keys, k)
		}
		return nil
	})
	return keys, err
}

// turnKeys makes the keys that are missing, and moves them on when it is time.
func (s *state) turnKeys(c *sqlite.Conn) error {
	stamp := func() (string, error) { return strconv.FormatInt(s.now().Unix(), 10), nil }
	now, err := keptIn(c, keyNow, newKeyText)
	if err != nil {
		return err
	}
	next, err := keptIn(c, keyNext, newKeyText)
	if err != nil {
		return err
	}
	text, err := keptIn(c, keySince, stamp)
	if err != nil {
		return err
	}
	since, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return err
	}
	switch age := s.now().Sub(time.Unix(since, 0)); {
	case age >= keyLife:
		fresh, err := newKeyText()
		if err != nil {
			return err
		}
		text, _ := stamp()
		return setValues(c, keyBefore, now, keyNow, next, keyNext, fresh, keySince, text)
	case age < -keyRest: // the clock was wrong then, and the keys would rest until it shows that again
		text, _ := stamp()
		return setValues(c, keySince, text)
	case age >= keyRest:
		return setValues(c, keyBefore, "")
	}
	return nil
}

// kept returns the value kept under name, made by fresh at first use.
func (s *state) kept(ctx context.Context, name string, fresh func() (string, error)) (text string, err error) {
	err = s.write(ctx, func(c *sqlite.Conn) error {
		text, err = keptIn(c, name, fresh)
		return err
	})
	return text, err
}

func keptIn(c *sqlite.Conn, name string, fresh func() (string, error)) (string, error) {
	text, err := value(c, name)
	if err != nil || text != "" {
		return text, err
	}
	if text, err = fresh(); err != nil {
		return "", err
	}
	return text, setValues(c, name, text)
}

// value returns what is kept under name, "" for nothing.
func value(c *sqlite.Conn, name string) (text string, err error) {
	err = sqlitex.Execute(c, `SELECT value FROM server WHERE name = ?`, &sqlitex.ExecOptions{Args: []any{name},
		ResultFunc: func(row *sqlite.Stmt) error { text = row.ColumnText(0); return nil }})
	return text, err
}

// setValues keeps texts under their names, which come in pairs; "" keeps nothing.
func setValues(c *sqlite.Conn, pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		query, args := `INSERT OR REPLACE INTO server VALUES (?, ?)`, []any{pairs[i], pairs[i+1]}
		if pairs[i+1] == "" {
			query, args = `DELETE FROM server WHERE name = ?`, args[:1]
		}
		if err := sqlitex.Execute(c, query, &sqlitex.ExecOptions{Args: args}); err != nil {
			return err
		}
	}
	return nil
}

// cursorKey returns the 32 bytes that seal feed cursors.
func (s *state) cursorKey(ctx context.Context) ([]byte, error) {
	return s.kept32(ctx, "cursor key")
}

// kept32 returns the 32 secret bytes kept under name.
func (s *state) kept32(ctx context.Context, name string) ([]byte, error) {
	text, err := s.kept(ctx, name, func() (string, error) { return rand.Text() + rand.Text(), nil })
	sum := sha256.Sum256([]byte(text))
	return sum[:], err
}
