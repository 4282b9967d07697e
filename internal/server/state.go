package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"kith/webid"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Errors of the state.
var (
	ErrName   = errors.New("no name for a pod")
	ErrPerson = errors.New("there is no such person here")
	ErrExists = errors.New("already there")
	ErrSecret = errors.New("secret is wrong, used or expired")
	ErrNewer  = errors.New("made by a newer version")
)

// stateName is the file's name in DIR.
const stateName = "state.db"

// busyTime is how long a transaction waits for another process or connection.
const busyTime = 10 * time.Second

// state is DIR/state.db. It is opened by the server and, at the same time, by the command line, so
// every method is one transaction and nothing is remembered between two of them. What is called inside a
// transaction is pure: it takes no other connection and no lock of a pod.
type state struct {
	pool  *sqlitex.Pool
	now   func() time.Time
	ahead offset       // of the clock, against those of relays
	close func() error // may be called again
}

// person is one row: who owns a pod, as far as the server must know it.
type person struct {
	name  string
	title string // what the owner calls themselves, told to friends at the door
	label string // "" until a phone has paired
	lists webid.Lists
	keys  podKeys
	// elsewhere tells that the owner signs in elsewhere with the WebID, and named that the profile
	// then tells the title to everybody.
	elsewhere, named bool
	kit              string // the document of the recovery kit, signed by the person key; "" until there is one
	quota            int64  // bytes that the pod may hold; 0: as much as the disk does
	moved            bool   // to another machine
}

// paired reports whether a phone has said who owns this pod.
func (p person) paired() bool { return p.label != "" }

// kid names the pod among its owner's devices.
func (p person) kid() string { return p.keys.signing.Public().String() }

func openState(dir string, now func() time.Time) (*state, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder %s: %w; name another with --data", dir, err)
	}
	if version, err := stateVersion(dir); err == nil && version > len(schemas) {
		return nil, newer(version)
	}
	if err := makeState(filepath.Join(dir, stateName)); err != nil {
		return nil, fmt.Errorf("make state.db in %s: %w", dir, err)
	}
	// A rollback journal with secure_delete: spent secrets leave neither free pages nor a log behind.
	pool, err := sqlitex.NewPool(filepath.Join(dir, stateName), sqlitex.PoolOptions{
		PoolSize:    2,
		Flags:       sqlite.OpenReadWrite | sqlite.OpenCreate,
		PrepareConn: prepare,
	})
	if err != nil {
		return nil, fmt.Errorf("open state.db in %s: %w", dir, err)
	}
	s := &state{pool: pool, now: now, close: sync.OnceValue(pool.Close)}
	if err := s.migrate(); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return s, os.Chmod(filepath.Join(dir, stateName), 0o600)
}

// makeState makes the file where there is none: SQLite would make it readable for all, and its journal has the mode of
// the file. One that is there is not opened, since closing it would take the locks of this process (see stateVersion).
func makeState(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func prepare(c *sqlite.Conn) error {
	c.SetBusyTimeout(busyTime)
	for _, pragma := range []string{"journal_mode = DELETE", "synchronous = FULL", "secure_delete = ON", "cache_size = -256"} {
		if err := sqlitex.ExecuteTransient(c, "PRAGMA "+pragma, nil); err != nil {
			return err
		}
	}
	return nil
}

func (s *state) write(ctx context.Context, fn func(*sqlite.Conn) error) (err error) {
	c, err := s.pool.Take(ctx)
	if err != nil {
		return fmt.Errorf("reach state.db: %w", err)
	}
	defer s.pool.Put(c)
	end, err := sqlitex.ImmediateTransaction(c)
	if err != nil {
		return fmt.Errorf("write state.db: %w", err)
	}
	defer end(&err)
	return fn(c)
}

func (s *state) read(ctx context.Context, query string, args []any, row func(*sqlite.Stmt) error) error {
	c, err := s.pool.Take(ctx)
	if err != nil {
		return fmt.Errorf("reach state.db: %w", err)
	}
	defer s.pool.Put(c)
	return sqlitex.Execute(c, query, &sqlitex.ExecOptions{Args: args, ResultFunc: row})
}

var namePattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$`)

// deviceName are names that no folder has on Windows, where pods may move to. (Microsoft, "Naming Files, Paths, and
// Namespaces")
var deviceName = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])$`)

// checkName refuses names that cannot be the first segment of a pod's URL.
func checkName(name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("%w: %q cannot be part of an address; use 1 to 32 of a-z, 0-9 and -", ErrName, name)
	}
	switch name {
	case "token", "authorize", "register", "userinfo", "logout", "assets", "icons", "app", "health", "q", "s", "f", "h", "ws":
		return fmt.Errorf("%w: %q is an address of the server itself; take another", ErrName, name)
	}
	if deviceName.MatchString(name) {
		return fmt.Errorf("%w: Windows keeps %q for a device, and could not have its folder; take another", ErrName, name)
	}
	return nil
}

// addPerson makes a person with fresh keys for their pod.
func (s *state) addPerson(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	signing, err := newKeyText()
	if err != nil {
		return err
	}
	agreement, err := newKeyText()
	if err != nil {
		return err
	}
	return s.write(ctx, func(c *sqlite.Conn) error {
		err := sqlitex.Execute(c, `INSERT INTO person (name, created, signing, agreement, agreed) VALUES (?1, ?2, ?3, ?4, ?2) ON CONFLICT DO NOTHING`,
			&sqlitex.ExecOptions{Args: []any{name, s.now().Unix(), signing, agreement}})
		if err == nil && c.Changes() == 0 {
			return fmt.Errorf("add %s: %w; for one more link say `kith pair %[1]s`", name, ErrExists)
		}
		return err
	})
}

func newKeyText() (string, error) {
	k, err := webid.GenerateKey()
	if err != nil {
		return "", err
	}
	text, err := k.MarshalText()
	return string(text), err
}

func (s *state) names(ctx context.Context) (names []string, err error) {
	err = s.read(ctx, `SELECT name FROM person ORDER BY created, name`, nil, func(row *sqlite.Stmt) error {
		names = append(names, row.ColumnText(0))
		return nil
	})
	return names, err
}

// person returns one row, or ErrPerson.
func (s *state) person(ctx context.Context, name string) (person, error) {
	c, err := s.pool.Take(ctx)
	if err != nil {
		return person{}, fmt.Errorf("reach state.db: %w", err)
	}
	defer s.pool.Put(c)
	return readPerson(c, name)
}

func readPerson(c *sqlite.Conn, name string) (p person, err error) {
	found := false
	err = sqlitex.Execute(c, `SELECT name, title, label, devices, keys, signing, agreement, elsewhere, named, quota, moved, agreed, came, kit FROM person WHERE name = ?`, &sqlitex.ExecOptions{
		Args: []any{name},
		ResultFunc: func(row *sqlite.Stmt) error {
			found = true
			p = person{name: row.ColumnText(0), title: row.ColumnText(1), label: row.ColumnText(2), kit: row.ColumnText(13),
				elsewhere: row.ColumnBool(7), named: row.ColumnBool(8),
				quota: row.ColumnInt64(9), moved: row.ColumnInt64(10) != 0,
				keys: podKeys{agreed: time.Unix(row.ColumnInt64(11), 0), came: strings.Fields(row.ColumnText(12))}}
			return errors.Join(
				p.readLists(row.ColumnText(3), row.ColumnText(4)),
				p.keys.signing.UnmarshalText([]byte(row.ColumnText(5))),
				p.keys.agreement.UnmarshalText([]byte(row.ColumnText(6))))
		}})
	if err == nil && !found {
		err = fmt.Errorf("%w: %s", ErrPerson, name)
	}
	if err != nil {
		return p, err
	}
	return p, p.keys.readOthers(c, name)
}

func (p *person) readLists(devices, keys string) (err error) {
	if devices != "" {
		if p.lists.Devices, err = webid.ParseDeviceList(devices); err != nil {
			return err
		}
	}
	if keys != "" {
		p.lists.Keys, err = p.lists.Devices.Keys(keys)
	}
	return err
}

// update changes what is recorded of a person, in one transaction.
func (s *state) update(ctx context.Context, name string, change func(*person) error) error {
	return s.write(ctx, func(c *sqlite.Conn) error { return changePerson(c, name, change) })
}

func changePerson(c *sqlite.Conn, name string, change func(*person) error) error {
	p, err := readPerson(c, name)
	if err != nil {
		return err
	}
	if err := change(&p); err != nil {
		return err
	}
	return sqlitex.Execute(c, `UPDATE person SET title = ?, label = ?, devices = ?, keys = ?, elsewhere = ?, named = ?, kit = ? WHERE name = ?`,
		&sqlitex.ExecOptions{Args: []any{p.title, p.label, p.lists.Devices.String(), p.lists.Keys.String(), p.elsewhere, p.named, p.kit, p.name}})
}

func hash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

func column(row *sqlite.Stmt, i int) []byte {
	b := make([]byte, row.ColumnLen(i))
	row.ColumnBytes(i, b)
	return b
}
