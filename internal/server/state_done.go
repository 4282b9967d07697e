package server

import (
	"context"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

const (
	doneMost = 1024 // answers of one kind that are kept for one person
	doneEach = 128  // of them to one sender
)

// doneOf keeps what was done for those who ask one person. It implements sealed.Done.
type doneOf struct {
	state *state
	name  string
}

func (d doneOf) Recall(ctx context.Context, sender string, nonce []byte) (answer []byte, err error) {
	err = d.state.read(ctx, `SELECT answer FROM done WHERE person = ? AND sender = ? AND nonce = ? AND expires > ?`,
		[]any{d.name, sender, nonce, d.state.now().Unix()}, func(row *sqlite.Stmt) error {
			answer = column(row, 0)
			return nil
		})
	return answer, err
}

func (d doneOf) Keep(ctx context.Context, kind, sender string, nonce, answer []byte, expires time.Time) error {
	return d.state.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, `DELETE FROM done WHERE expires <= ?1 OR (person, sender, nonce) IN
			(SELECT person, sender, nonce FROM done WHERE person = ?2 AND kind = ?6 ORDER BY at DESC LIMIT -1 OFFSET ?3) OR (person, sender, nonce) IN
			(SELECT person, sender, nonce FROM done WHERE person = ?2 AND kind = ?6 AND sender = ?4 ORDER BY at DESC LIMIT -1 OFFSET ?5)`,
			&sqlitex.ExecOptions{Args: []any{d.state.now().Unix(), d.name, doneMost - 1, sender, doneEach - 1, kind}})
		if err != nil {
			return err
		}
		return sqlitex.Execute(c, `INSERT OR REPLACE INTO done (person, kind, sender, nonce, expires, at, answer) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			&sqlitex.ExecOptions{Args: []any{d.name, kind, sender, nonce, expires.Unix(), d.state.now().UnixNano(), answer}})
	})
}
