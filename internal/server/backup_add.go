package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kith/internal/fetch"
	"kith/sync/archive"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// AddBackup keeps the pod at one more place from now on, every so often. The place is looked at, and nothing
// is written to it yet. Errors: ErrPerson, ErrPlace, also where anything is already, and one that says so when the pod
// has moved.
func (o Person) AddBackup(ctx context.Context, address, account, secret string, every time.Duration) (Backup, error) {
	return o.addBackup(ctx, Backup{Address: address, Account: account, Every: every, secret: secret}, Backup.place)
}

// TakeOver is AddBackup for a place where a backup of this very pod is: it is gone on with, by the kit that opens it,
// and whatever other machine kept it is told so by its next run. Errors: those of AddBackup and of archive.Open.
func (o Person) TakeOver(ctx context.Context, address, account, secret, kit string, every time.Duration) (Backup, error) {
	return o.addBackup(ctx, Backup{Address: address, Account: account, Every: every, secret: secret, kits: []string{kit}}, Backup.place)
}

// addBackup is AddBackup for a place that open opens, or TakeOver where b has a kit.
func (o Person) addBackup(ctx context.Context, b Backup, open func(Backup) (archive.Place, error)) (_ Backup, err error) {
	if b, err = o.newBackup(ctx, b); err != nil {
		return Backup{}, err
	}
	place, err := b.reach(open)
	if err != nil {
		return Backup{}, err
	}
	short, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	if len(b.kits) == 0 {
		err = b.untouched(short, place)
	} else if _, _, err = archive.Survey(short, place); err == nil {
		b.marks, err = o.ownAt(ctx, place, b.kits[0])
	}
	if short.Err() != nil && ctx.Err() == nil && err != nil {
		err = fmt.Errorf("%w: %s has not answered for %s; see whether the address is right, and whether its server runs", ErrPlace, b.Address, lookTime)
	}
	if err != nil {
		return Backup{}, err
	}
	if b.checked = placeGood; len(b.kits) > 0 {
		b.checked = placeHeld
	}
	return b, o.keepBackup(ctx, b)
}

// keepBackup notes a backup. One that was refused at the same address makes way for it.
func (o Person) keepBackup(ctx context.Context, b Backup) error {
	return o.do(func(s *state) error {
		return s.write(ctx, func(c *sqlite.Conn) error {
			err := sqlitex.Execute(c, `DELETE FROM backup WHERE person = ? AND address = ? AND checked = ?`, &sqlitex.ExecOptions{Args: []any{o.Name, b.Address, placeBad}})
			if err == nil {
				err = vacant(c, b)
			}
			if err != nil {
				return err
			}
			return insertBackup(c, o.Name, b)
		})
	})
}

// nameBackup notes a place at which nobody has looked: the first run does. Errors: ErrPerson, ErrPlace where it can be
// told without looking, and one that says so when the pod has moved.
func (o Person) nameBackup(ctx context.Context, b Backup) (_ Backup, err error) {
	if b, err = o.newBackup(ctx, b); err != nil {
		return Backup{}, err
	}
	b.asked = true
	return b, o.keepBackup(ctx, b)
}

// newBackup returns a backup with an ID and the address by which it is kept, as far as can be told without looking there.
func (o Person) newBackup(ctx context.Context, b Backup) (_ Backup, err error) {
	if err := o.Here(ctx); err != nil {
		return Backup{}, err
	}
	b.ID = strings.ToLower(rand.Text()[:8])
	b.Address, err = checkPlace(o.Config, reachedAs(b.Account, b.Address))
	return b, err
}

// lookTime is how long finding out whether a place will do may take.
const lookTime = time.Minute

// lookAt finds out whether the place that a device has named will do. When the server stops meanwhile, the next one
// looks again.
func (h *home) lookAt(ctx context.Context, b Backup) error {
	short, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	place, failed := b.reach(h.placeOf)
	if failed == nil {
		failed = b.untouched(short, place)
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case failed == nil:
		return h.state.setBackup(ctx, b.ID, "checked = ?", placeGood)
	}
	text := failed.Error()
	if errors.Is(failed, fetch.ErrRefused) {
		text = notFromAfar
	}
	return h.state.setBackup(ctx, b.ID, "checked = ?, asked = 0, error = ?, why = ?", placeBad, text, whyOf(failed))
}

func insertBackup(c *sqlite.Conn, name string, b Backup) error {
	kits, err := json.Marshal(append([]string{}, b.kits...))
	if err != nil {
		return err
	}
	marks, err := json.Marshal(append([]string{}, b.marks...))
	if err != nil {
		return err
	}
	return sqlitex.Execute(c, `INSERT INTO backup (id, person, address, account, secret, every, afar, kits, marks, checked, asked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
		&sqlitex.ExecOptions{Args: []any{b.ID, name, b.Address, b.Account, b.secret, int64(b.Every / time.Second), b.afar, string(kits), string(marks), b.checked}})
}

// reach opens a place, of which the folder around it has to be there.
func (b Backup) reach(open func(Backup) (archive.Place, error)) (archive.Place, error) {
	if _, err := os.Stat(filepath.Dir(b.Address)); !b.remote() && err != nil {
		return nil, fmt.Errorf("%w: %w; plug in its disk, or make the folder first", ErrPlace, err)
	}
	place, err := open(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlace, err)
	}
	return place, nil
}

// vacant refuses a place where another backup of anybody here is kept, or will be.
func vacant(c *sqlite.Conn, b Backup) error {
	taken := false
	err := sqlitex.Execute(c, `SELECT 1 FROM backup WHERE address = ? AND id <> ?`, &sqlitex.ExecOptions{
		Args: []any{b.Address, b.ID}, ResultFunc: func(*sqlite.Stmt) error { taken = true; return nil }})
	if err == nil && taken {
		err = fmt.Errorf("%w: %w", ErrPlace, &inUse{"it is the place of another backup already; name an empty folder"})
	}
	return err
}

// untouched refuses a place where anything is: a backup fills what it is given, and sweeps it.
func (b Backup) untouched(ctx context.Context, place archive.Place) error {
	backup, others, err := archive.Survey(ctx, place)
	var unreached *url.Error // else the server has said what it is
	switch {
	case errors.As(err, &unreached):
		return fmt.Errorf("%w: %w; see whether the address is right, and whether its server runs", ErrPlace, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrPlace, err)
	case backup:
		return fmt.Errorf("%w: %w", ErrPlace, &inUse{"another backup is there already, or the beginning of one; name an empty folder, or, if it is this pod's, its newest kit too: --kit FILE"})
	case others:
		return fmt.Errorf("%w: %w", ErrPlace, &inUse{"other things are there; name a new folder within it, for example " + b.within()})
	}
	return nil
}

// within returns the address of a new folder in the place.
func (b Backup) within() string {
	if !b.remote() {
		return filepath.Join(b.Address, "kith")
	}
	path, query, asks := strings.Cut(b.Address, "?")
	if path = strings.TrimSuffix(path, "/") + "/kith"; asks {
		return path + "?" + query
	}
	return path
}

// ownAt returns the marks of the backup at a place, which the kit opens and which is of this very pod.
func (o Person) ownAt(ctx context.Context, place archive.Place, kit string) ([]string, error) {
	contents, err := archive.Open(ctx, place, kit)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPlace, err)
	}
	var there struct {
		Person []struct{ Name, Signing string }
	}
	if err := json.Unmarshal(contents.State, &there); err != nil || len(there.Person) != 1 {
		return nil, fmt.Errorf("%w: %w", ErrPlace, archive.ErrDamaged)
	}
	err = o.do(func(s *state) error {
		p, err := s.person(ctx, o.Name)
		if err != nil {
			return err
		}
		own, err := p.keys.signing.MarshalText()
		if err == nil && string(own) != there.Person[0].Signing {
			err = fmt.Errorf("%w: it is the backup of another pod, of %s; name an empty folder", ErrPlace, there.Person[0].Name)
		}
		return err
	})
	return marksAt(contents), err
}

// marksAt returns the marks by which what a place has counts as this machine's.
func marksAt(c archive.Contents) []string {
	if c.Mark == "" {
		return c.Begun
	}
	return append([]string{c.Mark}, c.Begun...)
}

// doubt has the places that came along from another machine wait until the owner has confirmed them: they may be
// folders that are others' here, or lead into this house. What a device has named is asked with care anyway.
func doubt(c *sqlite.Conn, name string) error {
	return sqlitex.Execute(c, `UPDATE backup SET unsure = 1, asked = 0, progress = '', error = ?, why = '' WHERE person = ? AND (afar = 0 OR instr(address, '://') = 0)`,
		&sqlitex.ExecOptions{Args: []any{"It came along from another machine, and waits until it is confirmed on this one.", name}})
}

// ConfirmBackup lets a place be written to that came along from another machine: what is there is this pod's backup,
// or nothing. Errors: ErrPerson, ErrBackup, ErrPlace.
func (o Person) ConfirmBackup(ctx context.Context, id string) error {
	b, err := o.backup(ctx, id)
	if err != nil || !b.Unsure {
		return err
	}
	if _, err := checkPlace(o.Config, b.Address); err != nil {
		return err
	}
	place, err := b.reach(Backup.place)
	if err != nil {
		return err
	}
	there, err := archive.Open(ctx, place, b.kits...)
	switch {
	case errors.Is(err, archive.ErrNone):
		b.Done, b.marks, b.checked = nil, nil, placeGood
		err = b.untouched(ctx, place)
	case errors.Is(err, archive.ErrDamaged):
		err = nil
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrPlace, err)
	case len(b.marks) == 0:
		b.marks = marksAt(there)
	default:
		b.marks = append(b.marks, there.Begun...)
	}
	if err != nil {
		return err
	}
	return o.do(func(s *state) error { return s.confirm(ctx, b) })
}

// confirm has a place written to from the next run on.
func (s *state) confirm(ctx context.Context, b Backup) error {
	marks, err := json.Marshal(append([]string{}, b.marks...))
	if err != nil {
		return err
	}
	return s.write(ctx, func(c *sqlite.Conn) error {
		if err := vacant(c, b); err != nil {
			return err
		}
		return sqlitex.Execute(c, `UPDATE backup SET unsure = 0, afar = 0, asked = 1, error = '', why = '', checked = ?, done = CASE ? WHEN 0 THEN 0 ELSE done END, marks = ? WHERE id = ?`,
			&sqlitex.ExecOptions{Args: []any{b.checked, b.Done != nil, string(marks), b.ID}})
	})
}

// VerifyBackup reads everything that a backup holds. What it finds damaged is remembered, and mended by the next run.
// Errors: ErrPerson, ErrBackup, one that says so where the place gives back an older backup than it was given,
// archive.ErrOther where it is another machine's, those of archive.Open and archive.Contents.
func (o Person) VerifyBackup(ctx context.Context, id string, progress func(archive.Report)) (made time.Time, r archive.Report, err error) {
	b, err := o.backup(ctx, id)
	if err != nil {
		return made, r, err
	}
	place, err := b.place()
	if err != nil {
		return made, r, err
	}
	made, r, err = o.verified(ctx, b, place, progress)
	if errors.Is(err, archive.ErrDamaged) {
		err = errors.Join(err, o.noteDamage(ctx, id, r))
	}
	return made, r, err
}

// verified reads the newest backup at a place. Where a run has made a newer one meanwhile, what it swept away is
// missing from the one before: then the newer one is read.
func (o Person) verified(ctx context.Context, b Backup, place archive.Place, progress func(archive.Report)) (made time.Time, r archive.Report, err error) {
	for {
		c, err := o.lastAt(ctx, b, place)
		if err != nil {
			return c.Made, r, err
		}
		r, err = c.Verify(ctx, progress)
		if !errors.Is(err, archive.ErrDamaged) {
			return c.Made, r, err
		}
		if newer, failed := o.lastAt(ctx, b, place); failed != nil || newer.Made.Equal(c.Made) {
			return c.Made, r, err
		}
	}
}

// errOlder says that a place was put back to what it held before.
var errOlder = errors.New("the place gives back an older backup than the last one made here")

// lastAt opens the backup at a place, which has to be what this machine has left there last. Errors: errOlder,
// archive.ErrOther, those of archive.Open.
func (o Person) lastAt(ctx context.Context, b Backup, place archive.Place) (archive.Contents, error) {
	for {
		c, failed := archive.Open(ctx, place, b.kits...)
		now, err := o.backup(ctx, b.ID)
		if err != nil {
			return c, err
		}
		if slices.Equal(now.marks, b.marks) && slices.Equal(now.kits, b.kits) {
			return c, errors.Join(failed, b.left(c))
		}
		b = now // a run has begun or ended meanwhile
	}
}

// left returns an error where a backup is another than this machine has left: errOlder or archive.ErrOther.
func (b Backup) left(c archive.Contents) error {
	switch {
	case c.Mark == "" || len(b.marks) == 0 || slices.Contains(b.marks, c.Mark):
		return nil
	case b.Done != nil && c.Made.Before(*b.Done):
		return fmt.Errorf("%w: it is of %s, and the last one of %s", errOlder, c.Made.Local().Format(time.DateTime), b.Done.Local().Format(time.DateTime))
	}
	return archive.ErrOther
}

// noteDamage remembers what is damaged at a place.
func (o Person) noteDamage(ctx context.Context, id string, r archive.Report) error {
	what := "its keyring was cut or altered"
	if r.Damaged > 0 {
		what = fmt.Sprintf("%d of %d files are missing, cut or altered", r.Damaged, r.Total)
	}
	return o.do(func(s *state) error { return s.setBackup(ctx, id, "damage = ?", what) })
}
