package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kith/sync/archive"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

var (
	// ErrPlace refuses a place for backups; the message says what would do.
	ErrPlace = errors.New("no backup can be kept there")
	// ErrBackup says that there is no such backup.
	ErrBackup = errors.New("there is no such backup")
	// errMoved says that the pod lives elsewhere.
	errMoved = errors.New("the pod has moved to another machine")
)

// What is known of a place.
const (
	placeBad  = -1 // nothing can be kept there
	placeNew  = 0  // nobody has looked yet
	placeGood = 1
	placeHeld = 2 // good, and something of the backup lies there, whole or not
)

// Backup is one place where a pod is kept a second time.
type Backup struct {
	ID       string         `json:"id"`
	Address  string         `json:"place"` // a folder, the https address of a WebDAV folder, or s3://BUCKET/PREFIX/
	Account  string         `json:"user,omitempty"`
	Every    time.Duration  `json:"-"`
	Tried    *time.Time     `json:"tried,omitempty"`       // when the last run began
	Done     *time.Time     `json:"done,omitempty"`        // when the place was last found to hold what the pod held
	Error    string         `json:"error,omitempty"`       // why the last run failed; "" when it did not
	Why      string         `json:"why,omitempty"`         // the same in one word for apps, where it is a known one
	Damage   string         `json:"damage,omitempty"`      // what was found damaged there, until a run has mended it
	Mended   int            `json:"mended,omitempty"`      // files that the last run found damaged, and stored again
	Unsure   bool           `json:"unconfirmed,omitempty"` // it came along from another machine: nothing is written there before the owner has confirmed it
	Running  archive.Report `json:"-"`                     // of a run under way
	secret   string
	afar     bool // it was named by a device: nobody leads this machine into its house from there
	kits     []string
	marks    []string
	checked  int // one of placeBad, placeNew, placeGood and placeHeld
	asked    bool
	progress bool // a run is under way
}

// remote reports whether the place is not on this machine.
func (b Backup) remote() bool { return strings.Contains(b.Address, "://") }

// place opens the place of a backup, wherever it is.
func (b Backup) place() (archive.Place, error) {
	patient := http.DefaultTransport.(*http.Transport).Clone()
	patient.ResponseHeaderTimeout = 5 * time.Minute
	return b.placeBy(patient)
}

// placeBy opens the place of a backup, by what makes requests.
func (b Backup) placeBy(asker http.RoundTripper) (archive.Place, error) {
	scheme, _, _ := strings.Cut(b.Address, ":")
	if scheme != "http" && scheme != "https" && scheme != "s3" {
		return archive.Folder(b.Address), nil
	}
	if scheme == "s3" {
		bucket, err := parseBucket(b.Address)
		if err != nil {
			return nil, err
		}
		bucket.Key, bucket.Secret = b.Account, b.secret
		return archive.S3(&http.Client{Transport: asker}, bucket, time.Now)
	}
	return archive.WebDAV(&http.Client{Transport: asker}, b.Address, b.Account, b.secret)
}

// reachedAs completes an address: what is reached as somebody is no folder.
func reachedAs(account, address string) string {
	if account == "" {
		return address
	}
	return withScheme(address)
}

// checkPlace returns the one spelling of an address, or ErrPlace.
func checkPlace(c Config, address string) (string, error) {
	scheme, _, remote := strings.Cut(address, "://")
	switch {
	case !remote:
		dir, err := filepath.Abs(address)
		if err != nil || address == "" {
			return "", fmt.Errorf("%w: name a folder, the https address of a WebDAV folder, or s3://BUCKET/PREFIX", ErrPlace)
		}
		if err := c.apartFrom(dir); err != nil {
			return "", err
		}
		return dir, nil
	case scheme == "davs" || scheme == "dav":
		address = strings.Replace(address, "dav", "http", 1)
	case scheme == "s3":
		bucket, err := parseBucket(address)
		if err == nil {
			err = c.secured(bucket.Endpoint)
		}
		return writeBucket(bucket), err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%w: %q is no address; name a folder, the https address of a WebDAV folder, or s3://BUCKET/PREFIX", ErrPlace, address)
	}
	if u.User != nil {
		return "", fmt.Errorf("%w: give the name by --user, and the password when you are asked for it", ErrPlace)
	}
	return strings.TrimSuffix(u.String(), "/") + "/", c.secured(u.String())
}

// apartFrom refuses a folder that lies where the pods are, whatever links lead there. The error is ErrPlace.
func (c Config) apartFrom(dir string) error {
	home, real := standing(c.Data), standing(dir)
	is, failed := os.Stat(home)
	for at := real; ; at = filepath.Dir(at) {
		there, err := os.Stat(at)
		if at == home || failed == nil && err == nil && os.SameFile(is, there) {
			return fmt.Errorf("%w: %s lies in the folder that is to be backed up; take another disk, or a folder that another program copies elsewhere", ErrPlace, dir)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// standing returns a path of which as much as exists is without links.
func standing(dir string) string {
	for at, rest := dir, ""; ; at, rest = filepath.Dir(at), filepath.Join(filepath.Base(at), rest) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(real, rest)
		}
		if at == filepath.Dir(at) {
			return dir
		}
	}
}

// secured refuses a place to which requests go in the clear, with the password or what stands for it; on this machine they
// may, and to what the operator has excepted. The error is ErrPlace.
func (c Config) secured(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" || isLocal(u.Hostname()) {
		return err
	}
	host := net.JoinHostPort(u.Hostname(), or(u.Port(), "80"))
	if slices.Contains(c.Fetch, u.Host) || slices.Contains(c.Fetch, host) {
		return nil
	}
	return fmt.Errorf("%w: %s is not https, so others on the way could read the password, or ask in your name; give the https address. If nobody else is on the way, write fetch = [%q] in %s",
		ErrPlace, address, host, filepath.Join(c.Data, "kith.toml"))
}

// Backups returns the places where the pod is kept, by their addresses. Errors: ErrPerson.
func (o Person) Backups(ctx context.Context) (all []Backup, err error) {
	err = o.do(func(s *state) error {
		if _, err := s.person(ctx, o.Name); err != nil {
			return err
		}
		all, err = s.backups(ctx, o.Name)
		return err
	})
	return all, err
}

// RemoveBackup forgets a place, and the kit of what is there: nobody opens that any more, unless the kit was
// kept elsewhere. Errors: ErrPerson, ErrBackup.
func (o Person) RemoveBackup(ctx context.Context, id string) error {
	return o.do(func(s *state) error {
		return s.write(ctx, func(c *sqlite.Conn) error {
			err := sqlitex.Execute(c, `DELETE FROM backup WHERE person = ? AND id = ?`, &sqlitex.ExecOptions{Args: []any{o.Name, id}})
			if err == nil && c.Changes() == 0 {
				err = o.noBackup(id)
			}
			return err
		})
	})
}

// AskBackup asks the server that runs, or the next one, for a run of every backup now, but of those that are not
// confirmed. Errors: ErrPerson, and one that says so when the pod has moved.
func (o Person) AskBackup(ctx context.Context) error {
	return o.do(func(s *state) error {
		if err := o.here(ctx, s); err != nil {
			return err
		}
		return s.write(ctx, func(c *sqlite.Conn) error {
			return sqlitex.Execute(c, `UPDATE backup SET asked = 1 WHERE person = ? AND unsure = 0 AND checked <> ?`, &sqlitex.ExecOptions{Args: []any{o.Name, placeBad}})
		})
	})
}

// Here returns an error when there is no such person, or when their pod has moved to another machine.
func (o Person) Here(ctx context.Context) error {
	return o.do(func(s *state) error { return o.here(ctx, s) })
}

func (o Person) here(ctx context.Context, s *state) error {
	p, err := s.person(ctx, o.Name)
	if err == nil && p.moved {
		err = fmt.Errorf("%w: %s is kept on the machine where it was moved in, and its backups are made there; `kith move undo %[2]s` opens it here again", errMoved, o.Name)
	}
	return err
}

// Kit returns the newest kit of a backup, "" before its first run. Errors: ErrPerson, ErrBackup.
func (o Person) Kit(ctx context.Context, id string) (string, error) {
	b, err := o.backup(ctx, id)
	if err != nil || len(b.kits) == 0 {
		return "", err
	}
	return b.kits[0], nil
}

// backup returns one backup. Errors: ErrPerson, ErrBackup.
func (o Person) backup(ctx context.Context, id string) (Backup, error) {
	all, err := o.Backups(ctx)
	if err != nil {
		return Backup{}, err
	}
	if at := slices.IndexFunc(all, func(b Backup) bool { return b.ID == id }); at >= 0 {
		return all[at], nil
	}
	return Backup{}, o.noBackup(id)
}

func (o Person) noBackup(id string) error {
	return fmt.Errorf("%w as %q; see `kith backup list %s`", ErrBackup, id, o.Name)
}

// backupsOf selects the rows that scanBackup reads.
const backupsOf = `SELECT id, address, account, secret, every, kits, asked, tried, done, error, progress, afar, marks, damage, mended, unsure, checked, why FROM backup WHERE person = ? ORDER BY address`

func (s *state) backups(ctx context.Context, name string) (all []Backup, err error) {
	err = s.read(ctx, backupsOf, []any{name}, func(row *sqlite.Stmt) error {
		b, err := scanBackup(row)
		all = append(all, b)
		return err
	})
	return all, err
}

func scanBackup(row *sqlite.Stmt) (Backup, error) {
	moment := func(seconds int64) *time.Time {
		if seconds == 0 {
			return nil
		}
		t := time.Unix(seconds, 0).UTC()
		return &t
	}
	b := Backup{
		ID: row.ColumnText(0), Address: row.ColumnText(1), Account: row.ColumnText(2), secret: row.ColumnText(3),
		Every: time.Duration(row.ColumnInt64(4)) * time.Second, asked: row.ColumnInt64(6) != 0,
		afar: row.ColumnInt64(11) != 0, Tried: moment(row.ColumnInt64(7)), Done: moment(row.ColumnInt64(8)), Error: row.ColumnText(9),
		Damage: row.ColumnText(13), Mended: row.ColumnInt(14), Unsure: row.ColumnInt64(15) != 0, checked: row.ColumnInt(16), Why: row.ColumnText(17),
	}
	if text := row.ColumnText(10); text != "" {
		b.progress = true
		if err := json.Unmarshal([]byte(text), &b.Running); err != nil {
			return b, err
		}
	}
	return b, errors.Join(json.Unmarshal([]byte(row.ColumnText(5)), &b.kits), json.Unmarshal([]byte(row.ColumnText(12)), &b.marks))
}

// backup returns one backup, or ErrBackup.
func (s *state) backup(ctx context.Context, name, id string) (Backup, error) {
	all, err := s.backups(ctx, name)
	if at := slices.IndexFunc(all, func(b Backup) bool { return b.ID == id }); at >= 0 {
		return all[at], err
	}
	return Backup{}, errors.Join(err, ErrBackup)
}

// setBackup changes columns of a backup.
func (s *state) setBackup(ctx context.Context, id, set string, args ...any) error {
	return s.write(ctx, func(c *sqlite.Conn) error {
		return sqlitex.Execute(c, `UPDATE backup SET `+set+` WHERE id = ?`, &sqlitex.ExecOptions{Args: append(args, id)})
	})
}

// kitsOf keeps the kits of one backup in state.db. It implements archive.Kits.
type kitsOf struct {
	state *state
	name  string
	id    string
	told  func(ctx context.Context) error // when the kits have changed
}

func (k kitsOf) Kits(ctx context.Context) ([]string, error) {
	b, err := k.state.backup(ctx, k.name, k.id)
	return b.kits, err
}

func (k kitsOf) Keep(ctx context.Context, kits ...string) error {
	if err := k.set(ctx, "kits = ?", kits); err != nil {
		return err
	}
	return k.told(ctx)
}

func (k kitsOf) Marks(ctx context.Context) ([]string, error) {
	b, err := k.state.backup(ctx, k.name, k.id)
	return b.marks, err
}

func (k kitsOf) Mark(ctx context.Context, marks ...string) error {
	return k.set(ctx, "marks = ?", marks)
}

func (k kitsOf) set(ctx context.Context, set string, list []string) error {
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return k.state.setBackup(ctx, k.id, set, string(text))
}

// Waiting reports whether a run is asked for, or under way.
func (b Backup) Waiting() bool { return b.asked || b.progress }
