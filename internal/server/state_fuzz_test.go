package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"kith/internal/fuzztest"
	"kith/sync/archive"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// FuzzState restores what a backup tells of a person: who gives away a backup with its kit may have written what they
// like. Whatever it is, the server can read all of its people afterwards, and the others are as they were.
func FuzzState(f *testing.F) {
	s, err := openState(f.TempDir(), newClock().now)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.close() })
	for _, name := range []string{"ana", "ben"} {
		if err := errors.Join(s.addPerson(f.Context(), name), fillRows(f, s, name)); err != nil {
			f.Fatal(err)
		}
	}
	ana, ben := allOf(f, s, "ana"), allOf(f, s, "ben")
	for _, seed := range [][]byte{ana, ben, []byte(`{}`), []byte(`{"person":[]}`), []byte(`{"person":null,"later":1}`), []byte(`{"from":"https://a.example/"}`),
		bytes.Replace(ana, []byte(`"signing":"`), []byte(`"signing":"x`), 1), bytes.Replace(ana, []byte(`"created":`), []byte(`"created":null,"x":`), 1),
		bytes.Replace(ana, []byte(`"kits":"[`), []byte(`"kits":"{`), 1), bytes.Replace(ana, []byte(`"every":`), []byte(`"every":"a","x":`), 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 64<<10 {
			return
		}
		var err error
		// Each row is a statement, with a set of its values.
		fuzztest.Cheap(t, 100*len(text), func() {
			if err := forgetRows(t, s, "ana"); err != nil {
				t.Fatal(err)
			}
			err = s.restore(t.Context(), "ana", text)
		})
		if err != nil && !errors.Is(err, archive.ErrDamaged) && !errors.Is(err, archive.ErrNewer) {
			t.Errorf("%v", err)
		}
		_, person := s.person(t.Context(), "ana")
		_, reach := s.reaching(t.Context(), "ana")
		_, backups := s.backups(t.Context(), "ana")
		if (err == nil) != (person == nil) || errors.Join(reach, backups) != nil {
			t.Errorf("restored with %v: %v, %v, %v", err, person, reach, backups)
		}
		if now := allOf(t, s, "ben"); !bytes.Equal(now, ben) {
			t.Errorf("of ben was told %s, and now %s", ben, now)
		}
	})
}

// fillRows gives a person a row in most tables.
func fillRows(t testing.TB, s *state, name string) error {
	return s.write(t.Context(), func(c *sqlite.Conn) error {
		return sqlitex.ExecuteScript(c, `
			INSERT INTO password VALUES (CAST('hash of `+name+`' AS BLOB), 'p-`+name+`', '`+name+`', 'laptop', 1, 2);
			INSERT INTO reach VALUES ('`+name+`', '', 'https://relay.example/', '');
			INSERT INTO backup (id, person, address, account, secret, every) VALUES ('b-`+name+`', '`+name+`', '/place', '', '', 86400);
			INSERT INTO done VALUES ('`+name+`', 'x', x'00', 1, 1, x'01', '');
		`, nil)
	})
}

// allOf returns what goes along with a person who moves.
func allOf(t testing.TB, s *state, name string) []byte {
	t.Helper()
	text, err := s.exportTables(t.Context(), name, goesAlong, map[string]any{})
	if err != nil || !json.Valid(text) {
		t.Fatal(err)
	}
	return text
}

// forgetRows deletes all rows of a person.
func forgetRows(t testing.TB, s *state, name string) error {
	return s.write(t.Context(), func(c *sqlite.Conn) (err error) {
		for _, e := range goesAlong {
			err = errors.Join(err, sqlitex.Execute(c, `DELETE FROM `+e.table+` WHERE `+e.person+` = ?`, &sqlitex.ExecOptions{Args: []any{name}}))
		}
		return err
	})
}
