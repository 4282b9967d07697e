package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// unfinished begins the name of a file that is being stored.
const unfinished = ".part-"

// Place holds files by names of letters, digits, dashes and slashes.
type Place interface {
	// Put stores a file. It may leave half of one when it fails.
	Put(ctx context.Context, name string, body io.Reader) error
	// Create is Put where no file has that name, else fs.ErrExist: of two machines that create one, one does. Some
	// servers cannot tell, and overwrite.
	Create(ctx context.Context, name string, body io.Reader) error
	// Get opens a file, or returns fs.ErrNotExist.
	Get(ctx context.Context, name string) (io.ReadCloser, error)
	// List returns the names of the files in a folder, "" for the one that holds
	// everything; none where there is no such folder. Folders end in a slash.
	List(ctx context.Context, folder string) ([]string, error)
	// Modified returns when a file was last stored, by the clock of the place: zero where that is not told.
	Modified(ctx context.Context, name string) (time.Time, error)
	// Delete removes a file; one that is not there is removed already.
	Delete(ctx context.Context, name string) error
}

// Folder returns a Place in a folder of this machine: a second disk, or one that another program copies elsewhere.
// Whoever looks after that may put there what they like: no link is followed, and what is no file or folder is ErrDamaged.
func Folder(dir string) Place {
	return &folder{dir: filepath.Clean(dir), sync: syncDir, lasting: map[string]bool{}}
}

// folder is a Place. One goroutine uses it at a time.
type folder struct {
	dir     string
	sync    func(at *os.Root) error // makes the names in a directory durable
	lasting map[string]bool         // directories whose own names are durable
}

// syncDir makes the names in a directory durable, as far as its file system has a way to: Windows has none, nor do
// some network drives.
func syncDir(at *os.Root) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := at.Open(".")
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

// Put implements Place: the file and its name are durable, and there as a whole or not at all.
func (f *folder) Put(_ context.Context, name string, body io.Reader) error {
	return f.place(name, body, (*os.Root).Rename)
}

// Create implements Place. Where the file system gives a file no second name, the name is taken first, and for a
// moment it is that of an empty file.
func (f *folder) Create(_ context.Context, name string, body io.Reader) error {
	return f.place(name, body, func(at *os.Root, from, to string) error {
		err := at.Link(from, to)
		if err == nil {
			return at.Remove(from)
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		taken, err := at.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(taken.Close(), at.Rename(from, to))
	})
}

// place stores a file under a name of its own, and has move give it the right one.
func (f *folder) place(name string, body io.Reader, move func(at *os.Root, from, to string) error) error {
	dir, to := path.Split(name)
	at, err := f.open(dir, true)
	if err != nil {
		return err
	}
	defer at.Close()
	from := unfinished + rand.Text()
	t, err := at.OpenFile(from, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(t, body)
	if err = errors.Join(err, t.Sync(), t.Close()); err == nil {
		err = move(at, from, to)
	}
	if err != nil {
		return errors.Join(err, at.Remove(from))
	}
	return f.sync(at)
}

// open opens a folder of the place, "" for the one that holds everything, and makes it where it is to be made.
func (f *folder) open(name string, makes bool) (at *os.Root, err error) {
	if makes {
		err = f.last(f.dir)
	}
	if err == nil {
		at, err = openDir(f.dir)
	}
	for _, step := range strings.FieldsFunc(name, func(r rune) bool { return r == '/' }) {
		if err != nil {
			break
		}
		at, err = f.enter(at, step, makes)
	}
	return at, err
}

// openDir opens a directory, and waits for no pipe.
func openDir(dir string) (*os.Root, error) {
	is, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !is.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	return os.OpenRoot(dir)
}

// enter opens a folder that is in another one, which it closes.
func (f *folder) enter(above *os.Root, name string, makes bool) (*os.Root, error) {
	defer above.Close()
	if makes {
		if err := f.lastIn(above, name); err != nil {
			return nil, err
		}
	}
	is, err := above.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !is.IsDir() {
		return nil, notOurs(above, name)
	}
	at, err := above.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if opened, err := at.Stat("."); err != nil || !os.SameFile(is, opened) {
		return nil, errors.Join(err, notOurs(above, name), at.Close())
	}
	return at, nil
}

// notOurs is the error for a link, a pipe or the like that has a name of the backup's.
func notOurs(at *os.Root, name string) error {
	return fmt.Errorf("%s is a link or the like, which no backup has: %w", filepath.Join(at.Name(), name), ErrDamaged)
}

// last makes a directory where there is none, and its name durable: once in the life of f, also of one that is
// there, since a process that was ended may have made it.
func (f *folder) last(dir string) error {
	if f.lasting[dir] {
		return nil
	}
	above := filepath.Dir(dir)
	if _, err := os.Stat(above); errors.Is(err, fs.ErrNotExist) && above != dir {
		if err := f.last(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	at, err := openDir(above)
	if err == nil {
		err = errors.Join(f.sync(at), at.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrPermission) { // what is above may be somebody else's
		return err
	}
	f.lasting[dir] = true
	return nil
}

// lastIn is last for a folder of the place.
func (f *folder) lastIn(above *os.Root, name string) error {
	dir := filepath.Join(above.Name(), name)
	if f.lasting[dir] {
		return nil
	}
	if err := above.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := f.sync(above); err != nil {
		return err
	}
	f.lasting[dir] = true
	return nil
}

// Get implements Place. A pipe keeps nobody waiting.
func (f *folder) Get(_ context.Context, name string) (io.ReadCloser, error) {
	dir, base := path.Split(name)
	at, err := f.open(dir, false)
	if err != nil {
		return nil, err
	}
	defer at.Close()
	is, err := at.Lstat(base)
	if err != nil {
		return nil, err
	}
	if is.IsDir() { // it cannot be read, and is no sign that the bytes are lost
		return nil, &fs.PathError{Op: "read", Path: filepath.Join(at.Name(), base), Err: syscall.EISDIR}
	}
	if !isFile(is) {
		return nil, notOurs(at, base)
	}
	file, err := at.OpenFile(base, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if opened, err := file.Stat(); err != nil || !isFile(opened) || !os.SameFile(is, opened) {
		return nil, errors.Join(err, notOurs(at, base), file.Close())
	}
	return file, nil
}

// isFile reports whether something has bytes of its own; on Windows what a cloud program keeps may be irregular.
func isFile(is fs.FileInfo) bool { return is.Mode().Type()&^fs.ModeIrregular == 0 }

// List implements Place. A link is listed as a file, wherever it leads.
func (f *folder) List(_ context.Context, name string) (names []string, err error) {
	at, err := f.open(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer at.Close()
	entries, err := fs.ReadDir(at.FS(), ".")
	for _, e := range entries {
		n := e.Name()
		if e.IsDir() {
			n += "/"
		}
		names = append(names, n)
	}
	return names, err
}

// Modified implements Place.
func (f *folder) Modified(_ context.Context, name string) (time.Time, error) {
	dir, base := path.Split(name)
	at, err := f.open(dir, false)
	if err != nil {
		return time.Time{}, err
	}
	defer at.Close()
	info, err := at.Lstat(base)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// Delete implements Place.
func (f *folder) Delete(_ context.Context, name string) error {
	dir, base := path.Split(name)
	at, err := f.open(dir, false)
	if err == nil {
		err = errors.Join(at.Remove(base), at.Close())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
