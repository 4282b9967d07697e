package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
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
)

// Backup is one place where a pod is kept a second time.
type Backup struct {
	ID       string         `json:"id"`
	Address  string         `json:"place"` // a folder, the https address of a WebDAV folder, or s3://BUCKET/PREFIX/
	Account  string         `json:"user,omitempty"`
	Every    time.Duration  `json:"-"`
	Tried    *time.Time     `json:"tried,omitempty"` // when the last run began
	Done     *time.Time     `json:"done,omitempty"`  // when the place was last found to hold what the pod held
	Error    string         `json:"error,omitempty"` // why the last run failed; "" when it did not
	Running  archive.Report `json:"-"`               // of a run under way
	secret   string
	afar     bool // it was named by a device: nobody leads this machine into its house from there
	kits     []string
	asked    bool
	progress bool // a run is under way
}

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
		if inside, err := filepath.Rel(c.Data, dir); err == nil && inside != ".." && !strings.HasPrefix(inside, ".."+string(filepath.Separator)) {
			return "", fmt.Errorf("%w: %s lies in the folder that is to be backed up; take another disk, or a folder that another program copies elsewhere", ErrPlace, dir)
		}
		return dir, nil
	case scheme == "davs" || scheme == "dav":
		address = strings.Replace(address, "dav", "http", 1)
	case scheme == "s3":
		bucket, err := parseBucket(address)
		return writeBucket(bucket), err
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%w: %q is no address; name a folder, the https address of a WebDAV folder, or s3://BUCKET/PREFIX", ErrPlace, address)
	}
	if u.User != nil {
		return "", fmt.Errorf("%w: give the name by --user, and the password when you are asked for it", ErrPlace)
	}
	return strings.TrimSuffix(u.String(), "/") + "/", nil
}

// vacant refuses a place where a backup of anybody here is kept, or will be.
func vacant(c *sqlite.Conn, address string) error {
	taken := false
	err := sqlitex.Execute(c, `SELECT 1 FROM backup WHERE address = ?`, &sqlitex.ExecOptions{
		Args: []any{address}, ResultFunc: func(*sqlite.Stmt) error { taken = true; return nil }})
	if err == nil && taken {
		err = fmt.Errorf("%w: it is the place of another backup already; name an empty folder", ErrPlace)
	}
	return err
}

// AddBackup keeps the pod at one more place from now on, every so often. The place is looked at, and nothing
// is written to it yet. Errors: ErrPerson, ErrPlace, archive.ErrKit when somebody else's backup is there.
func (o Person) AddBackup(ctx context.Context, address, account, secret string, every time.Duration) (b Backup, err error) {
	return o.addBackup(ctx, Backup{Address: address, Account: account, Every: every, secret: secret}, Backup.place)
}

// addBackup is AddBackup for a place that open opens.
func (o Person) addBackup(ctx context.Context, b Backup, open func(Backup) (archive.Place, error)) (_ Backup, err error) {
	if b.Address, err = checkPlace(o.Config, reachedAs(b.Account, b.Address)); err != nil {
		return Backup{}, err
	}
	if _, err := os.Stat(filepath.Dir(b.Address)); !strings.Contains(b.Address, "://") && err != nil {
		return Backup{}, fmt.Errorf("%w: %w; plug in its disk, or make the folder first", ErrPlace, err)
	}
	b.ID = strings.ToLower(rand.Text()[:8])
	place, err := open(b)
	if err != nil {
		return Backup{}, fmt.Errorf("%w: %w", ErrPlace, err)
	}
	if _, err := archive.Open(ctx, place); err == nil || errors.Is(err, archive.ErrKit) {
		return Backup{}, fmt.Errorf("%w: another backup is there already; name an empty folder", ErrPlace)
	} else if !errors.Is(err, archive.ErrNone) {
		return Backup{}, fmt.Errorf("%w: %w", ErrPlace, err)
	}
	err = o.do(func(s *state) error {
		if _, err := s.person(ctx, o.Name); err != nil {
			return err
		}
		return s.write(ctx, func(c *sqlite.Conn) error {
			if err := vacant(c, b.Address); err != nil {
				return err
			}
			return sqlitex.Execute(c, `INSERT INTO backup (id, person, address, account, secret, every, afar, asked) VALUES (?, ?, ?, ?, ?, ?, ?, 1)`,
				&sqlitex.ExecOptions{Args: []any{b.ID, o.Name, b.Address, b.Account, b.secret, int64(b.Every / time.Second), b.afar}})
		})
	})
	return b, err
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

// AskBackup asks the server that runs, or the next one, for a run of every backup now.
func (o Person) AskBackup(ctx context.Context) error {
	return o.do(func(s *state) error {
		return s.write(ctx, func(c *sqlite.Conn) error {
			return sqlitex.Execute(c, `UPDATE backup SET asked = 1 WHERE person = ?`, &sqlitex.ExecOptions{Args: []any{o.Name}})
		})
	})
}

// Kit returns the newest kit of a backup, "" before its first run. Errors: ErrPerson, ErrBackup.
func (o Person) Kit(ctx context.Context, id string) (string, error) {
	b, err := o.backup(ctx, id)
	if err != nil || len(b.kits) == 0 {
		return "", err
	}
	return b.kits[0], nil
}

// VerifyBackup reads everything that a backup holds. Errors: ErrPerson, ErrBackup, those of archive.Open and
// archive.Contents.
func (o Person) VerifyBackup(ctx context.Context, id string, progress func(archive.Report)) (made time.Time, r archive.Report, err error) {
	b, err := o.backup(ctx, id)
	if err != nil {
		return made, r, err
	}
	place, err := b.place()
	if err != nil {
		return made, r, err
	}
	c, err := archive.Open(ctx, place, b.kits...)
	if err != nil {
		return made, r, err
	}
	r, err = c.Verify(ctx, progress)
	return c.Made, r, err
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

func (s *state) backups(ctx context.Context, name string) (all []Backup, err error) {
	const query = `SELECT id, address, account, secret, every, kits, asked, tried, done, error, progress, afar FROM backup WHERE person = ? ORDER BY address`
	moment := func(seconds int64) *time.Time {
		if seconds == 0 {
			return nil
		}
		t := time.Unix(seconds, 0).UTC()
		return &t
	}
	err = s.read(ctx, query, []any{name}, func(row *sqlite.Stmt) error {
		b := Backup{
			ID: row.ColumnText(0), Address: row.ColumnText(1), Account: row.ColumnText(2), secret: row.ColumnText(3),
			Every: time.Duration(row.ColumnInt64(4)) * time.Second, asked: row.ColumnInt64(6) != 0,
			afar: row.ColumnInt64(11) != 0, Tried: moment(row.ColumnInt64(7)), Done: moment(row.ColumnInt64(8)), Error: row.ColumnText(9),
		}
		if text := row.ColumnText(10); text != "" {
			b.progress = true
			if err := json.Unmarshal([]byte(text), &b.Running); err != nil {
				return err
			}
		}
		err := json.Unmarshal([]byte(row.ColumnText(5)), &b.kits)
		all = append(all, b)
		return err
	})
	return all, err
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
	all, err := k.state.backups(ctx, k.name)
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if b.ID == k.id {
			return b.kits, nil
		}
	}
	return nil, ErrBackup
}

func (k kitsOf) Keep(ctx context.Context, kits ...string) error {
	text, err := json.Marshal(kits)
	if err != nil {
		return err
	}
	if err := k.state.setBackup(ctx, k.id, "kits = ?", string(text)); err != nil {
		return err
	}
	return k.told(ctx)
}

// Waiting reports whether a run is asked for, or under way.
func (b Backup) Waiting() bool { return b.asked || b.progress }
