package server

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// schemas of DIR/state.db, each after the one before: what cannot be derived from a pod's folder and
// must not lie in it. It holds no posts, no names of friends and no titles of posts. Secrets that only
// need to be compared are stored hashed.
var schemas = []string{`
CREATE TABLE server (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE person (
  name TEXT PRIMARY KEY, created INTEGER NOT NULL,
  signing TEXT NOT NULL, agreement TEXT NOT NULL,
  title TEXT NOT NULL DEFAULT '', label TEXT NOT NULL DEFAULT '',
  devices TEXT NOT NULL DEFAULT '', keys TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE TABLE pairing (
  hash BLOB PRIMARY KEY, person TEXT NOT NULL, kind TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE joining (
  person TEXT NOT NULL, kid TEXT NOT NULL, name TEXT NOT NULL,
  agree TEXT NOT NULL, mac TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (person, kid)) STRICT, WITHOUT ROWID;
CREATE TABLE invite (
  id BLOB PRIMARY KEY, person TEXT NOT NULL, expires INTEGER NOT NULL,
  key TEXT NOT NULL, secret BLOB NOT NULL,
  contact TEXT NOT NULL DEFAULT '', accepted BLOB NOT NULL DEFAULT x'', answer BLOB NOT NULL DEFAULT x'',
  tries INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;
`, `
ALTER TABLE person ADD COLUMN elsewhere INTEGER NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN named INTEGER NOT NULL DEFAULT 0;
CREATE TABLE granted (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, kind TEXT NOT NULL,
  client TEXT NOT NULL, name TEXT NOT NULL, scope TEXT NOT NULL,
  secret BLOB NOT NULL, key TEXT NOT NULL, turn INTEGER NOT NULL,
  signed INTEGER NOT NULL, since INTEGER NOT NULL, used INTEGER NOT NULL, ends INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX granted_person ON granted (person);
CREATE TABLE passkey (
  id BLOB PRIMARY KEY, person TEXT NOT NULL, handle BLOB NOT NULL, name TEXT NOT NULL,
  credential TEXT NOT NULL, since INTEGER NOT NULL, used INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_person ON passkey (person);
`, `
CREATE TABLE reach (
  person TEXT PRIMARY KEY,
  draft TEXT NOT NULL DEFAULT '', given TEXT NOT NULL DEFAULT '', push TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE TABLE relay (url TEXT PRIMARY KEY, app INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE told (
  person TEXT NOT NULL, relay TEXT NOT NULL, queue TEXT NOT NULL, send BLOB NOT NULL,
  PRIMARY KEY (person, relay, queue, send)) STRICT, WITHOUT ROWID;
CREATE TABLE queued (
  relay TEXT NOT NULL, cancel TEXT NOT NULL, send BLOB NOT NULL,
  person TEXT NOT NULL, contact TEXT NOT NULL, path TEXT NOT NULL, expires INTEGER NOT NULL,
  PRIMARY KEY (relay, cancel)) STRICT, WITHOUT ROWID;
CREATE INDEX queued_person ON queued (person);
`, `
CREATE TABLE password (
  hash BLOB PRIMARY KEY, id TEXT NOT NULL UNIQUE, person TEXT NOT NULL,
  label TEXT NOT NULL, since INTEGER NOT NULL, used INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX password_person ON password (person);
CREATE TABLE backup (
  id TEXT PRIMARY KEY, person TEXT NOT NULL,
  address TEXT NOT NULL, account TEXT NOT NULL, secret TEXT NOT NULL, every INTEGER NOT NULL,
  kits TEXT NOT NULL DEFAULT '[]',
  asked INTEGER NOT NULL DEFAULT 0, tried INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,
  error TEXT NOT NULL DEFAULT '', progress TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
CREATE INDEX backup_person ON backup (person);
`, `
ALTER TABLE person ADD COLUMN quota INTEGER NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;
CREATE TABLE asked (
  id TEXT PRIMARY KEY, person TEXT NOT NULL, verb TEXT NOT NULL, since INTEGER NOT NULL,
  told TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID;
`, `
CREATE TABLE done (
  person TEXT NOT NULL, sender TEXT NOT NULL, nonce BLOB NOT NULL,
  expires INTEGER NOT NULL, at INTEGER NOT NULL, answer BLOB NOT NULL,
  PRIMARY KEY (person, sender, nonce)) STRICT, WITHOUT ROWID;
CREATE INDEX done_person ON done (person, at);
`, `
ALTER TABLE backup ADD COLUMN afar INTEGER NOT NULL DEFAULT 0;
`, `
ALTER TABLE backup ADD COLUMN marks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE backup ADD COLUMN damage TEXT NOT NULL DEFAULT '';
ALTER TABLE backup ADD COLUMN mended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backup ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;
`, `
ALTER TABLE person ADD COLUMN agreed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN came TEXT NOT NULL DEFAULT '';
CREATE TABLE agreement (
  person TEXT NOT NULL, key TEXT NOT NULL, until INTEGER NOT NULL,
  PRIMARY KEY (person, key)) STRICT, WITHOUT ROWID;
ALTER TABLE backup ADD COLUMN checked INTEGER NOT NULL DEFAULT 1;
`, `
ALTER TABLE done ADD COLUMN kind TEXT NOT NULL DEFAULT '';
`, `
ALTER TABLE backup ADD COLUMN why TEXT NOT NULL DEFAULT '';
`, `
ALTER TABLE person ADD COLUMN kit TEXT NOT NULL DEFAULT '';
`}

// migrate brings the file to the newest schema, by one transaction.
func (s *state) migrate() error {
	return s.write(context.Background(), func(c *sqlite.Conn) error {
		version, err := sqlitex.ResultInt(c.Prep("PRAGMA user_version"))
		if err != nil {
			return err
		}
		if version > len(schemas) {
			return newer(version)
		}
		for ; version < len(schemas); version++ {
			if err := sqlitex.ExecuteScript(c, schemas[version], nil); err != nil {
				return err
			}
			if err := sqlitex.ExecuteTransient(c, fmt.Sprintf("PRAGMA user_version = %d", version+1), nil); err != nil {
				return err
			}
		}
		return nil
	})
}
