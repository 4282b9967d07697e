package archive

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

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

// Folder returns a Place in a folder of this machine: a second disk, or one that
// another program copies elsewhere.
func Folder(dir string) Place {
	return &folder{dir: filepath.Clean(dir), sync: syncDir, lasting: map[string]bool{}}
}

// folder is a Place. One goroutine uses it at a time.
type folder struct {
	dir     string
	sync    func(dir string) error // makes the names in a directory durable
	lasting map[string]bool        // directories whose own names are durable
}

// syncDir makes the names in a directory durable, as far as its file system has a way to: Windows has none, nor do
// some network drives.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

func (f *folder) at(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// Put implements Place: the file and its name are durable, and there as a whole or not at all.
func (f *folder) Put(_ context.Context, name string, body io.Reader) error {
	return f.place(name, body, os.Rename)
}

// Create implements Place. Where the file system gives a file no second name, the name is taken first, and for a
// moment it is that of an empty file.
func (f *folder) Create(_ context.Context, name string, body io.Reader) error {
	return f.place(name, body, func(from, to string) error {
		err := os.Link(from, to)
		if err == nil {
			return os.Remove(from)
		}
		if errors.Is(err, fs.ErrExist) {
			return err
		}
		taken, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(taken.Close(), os.Rename(from, to))
	})
}

// place stores a file under a name of its own, and has move give it the right one.
func (f *folder) place(name string, body io.Reader, move func(from, to string) error) error {
	to := f.at(name)
	if err := f.last(filepath.Dir(to)); err != nil {
		return err
	}
	t, err := os.CreateTemp(filepath.Dir(to), ".part-")
	if err != nil {
		return err
	}
	_, err = io.Copy(t, body)
	if err = errors.Join(err, t.Sync(), t.Close()); err == nil {
		err = move(t.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(t.Name()))
	}
	return f.sync(filepath.Dir(to))
}

// last makes a directory where there is none, and its name durable: once in the life of f, also of one that is
// there, since a process that was ended may have made it.
func (f *folder) last(dir string) error {
	if f.lasting[dir] {
		return nil
	}
	above, within := filepath.Dir(dir), len(dir) > len(f.dir)
	if _, err := os.Stat(above); within || errors.Is(err, fs.ErrNotExist) && above != dir {
		if err := f.last(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	err := f.sync(above)
	if err != nil && (within || !errors.Is(err, fs.ErrPermission)) { // what is above may be somebody else's
		return err
	}
	f.lasting[dir] = true
	return nil
}

func (f *folder) Get(_ context.Context, name string) (io.ReadCloser, error) {
	file, err := os.Open(f.at(name))
	if err != nil {
		return nil, err
	}
	return file, nil
}

func (f *folder) List(_ context.Context, name string) (names []string, err error) {
	entries, err := os.ReadDir(f.at(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
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
	info, err := os.Stat(f.at(name))
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func (f *folder) Delete(_ context.Context, name string) error {
	if err := os.Remove(f.at(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
