package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Existing returns an error unless c.Data holds pods, of a version that this program knows. It touches nothing.
// Errors: ErrConfig, ErrNewer.
func (c Config) Existing() error {
	version, err := stateVersion(c.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there are no pods in %s; name the folder with --data DIR", ErrConfig, c.Data)
	}
	if err == nil && version > len(schemas) {
		return newer(version)
	}
	return nil // whoever opens it says what else is wrong with it
}

// People returns the names of the people of a folder, the first of them first, and last those whose pods are not whole.
// Errors: ErrNewer.
func (c Config) People(ctx context.Context) (names []string, err error) {
	s, err := openState(c.Data, c.Now)
	if err != nil {
		return nil, err
	}
	names, err = s.names(ctx)
	halves, failed := s.arrivals(ctx, c)
	names = append(names, slices.Sorted(maps.Keys(halves))...)
	return names, errors.Join(err, failed, s.close())
}

// errAccount says that what this process would make in a folder is not for the account to which the folder belongs.
var errAccount = errors.New("the folder belongs to another account")

// mine returns errAccount where files that this process makes in c.Data belong to another account than state.db, as with
// root and the folder of a service: that one could not read them, and would start no more. It tries it out, since
// on some mounts all files belong to one account, whoever makes them.
func (c Config) mine() error {
	if os.Geteuid() != 0 {
		return nil // whoever may not give files away may not open what is not theirs either
	}
	is, err := os.Stat(filepath.Join(c.Data, stateName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(c.Data, ".try-")
	if err != nil {
		return err
	}
	made, err := f.Stat()
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return err
	}
	theirs, known := accountOf(is)
	if ours, _ := accountOf(made); known && ours != theirs {
		return fmt.Errorf("%w, number %[2]d: what this one makes there, that one could not read. Say it as that one, sudo -u '#%[2]d' kith …, or give the folder to this one: chown -R %[3]d %[4]s", errAccount, theirs, ours, c.Data)
	}
	return nil
}

func newer(version int) error {
	return fmt.Errorf("open the folder: %w of kith (its layout is %d, this one knows %d); nothing was touched: use the newer program", ErrNewer, version, len(schemas))
}

// stateVersion returns the layout of DIR/state.db, 0 for a file that SQLite has yet to write. It is read as immutable
// (SQLite, "URI Filenames"), because opening it to write might change it: a rollback belongs to whoever knows the
// layout. And it is read by SQLite: a process that closes a file of its own loses the locks of all its connections to
// that file (SQLite, "How To Corrupt", §2.2). fs.ErrNotExist when there is none.
func stateVersion(dir string) (version int, err error) {
	file := filepath.Join(dir, stateName)
	if _, err := os.Stat(file); err != nil {
		return 0, err
	}
	c, err := sqlite.OpenConn("file:"+(&url.URL{Path: filepath.ToSlash(file)}).EscapedPath()+"?immutable=1", sqlite.OpenReadOnly, sqlite.OpenURI)
	if err != nil {
		return 0, fmt.Errorf("look at state.db: %w", err)
	}
	err = sqlitex.ExecuteTransient(c, "PRAGMA user_version", &sqlitex.ExecOptions{ResultFunc: func(row *sqlite.Stmt) error {
		version = row.ColumnInt(0)
		return nil
	}})
	return version, errors.Join(err, c.Close())
}
