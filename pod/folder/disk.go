package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"kith/pod"
)

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// disk makes all changes to the file system, so that a test can fail one, or
// end the process before it.
type disk struct {
	before func(op string) error // nil outside of tests
}

// do runs one system call that changes the disk, or makes it durable.
func (k *disk) do(op string, call func() error) error {
	if k.before != nil {
		if err := k.before(op); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
	if err := retry(call); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// dir is an open directory. What can be done in one depends on the system:
// disk_unix.go, disk_windows.go. os.Root would follow a link that stays inside,
// and so show one resource under the access rules of another; nor can it rename
// from one root to another.
type dir struct {
	disk *disk
	f    *os.File
}

func (d dir) close() error { return d.f.Close() }

// kind is what a name in a directory stands for.
type kind int

const (
	foreign kind = iota // a link, a device, a pipe: nothing to serve
	linked              // a file with further names: served where its row knows it, see row.owns
	plain
	folded // a directory
)

// stamp tells two states of one file apart without reading it.
type stamp struct {
	size  int64
	mtime int64 // nanoseconds since 1970
	ctime int64
	inode int64
}

// modified is the time that a resource with this stamp reports.
func (s stamp) modified() time.Time {
	return time.Unix(0, s.mtime).UTC().Truncate(time.Millisecond)
}

// open opens a plain file with one name. Anything else is fs.ErrNotExist.
func (d dir) open(name string, flags int) (*os.File, stamp, error) {
	return d.openOnly(name, flags, func(_ stamp, k kind) bool { return k == plain })
}

// openOnly opens what serves says is to be served. Anything else is fs.ErrNotExist.
func (d dir) openOnly(name string, flags int, serves func(stamp, kind) bool) (*os.File, stamp, error) {
	f, err := d.openAny(name, flags)
	if err != nil {
		return nil, stamp{}, err
	}
	s, k, err := fstat(f)
	if err == nil && !serves(s, k) {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, stamp{}, err
	}
	return f, s, nil
}

// write makes a new durable file with the given bytes.
func (d dir) write(name string, content []byte) error {
	f, err := d.create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, d.disk.sync(f), f.Close())
}

func (k *disk) sync(f *os.File) error {
	return k.do("fsync", f.Sync)
}

// names returns all names in d, in byte order. d belongs to one goroutine then.
func (d dir) names() ([]string, error) {
	if _, err := d.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	names, err := d.f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// meant adds the meaning of pod.ErrFull to an error of a full disk, and that of
// pod.ErrDisk to one of a disk that fails.
func meant(err error) error {
	switch {
	case errors.Is(err, pod.ErrFull) || errors.Is(err, pod.ErrDisk):
		return err
	case full(err):
		return fmt.Errorf("%w: %w", pod.ErrFull, err)
	case failing(err):
		return fmt.Errorf("%w: %w", pod.ErrDisk, err)
	}
	return err
}

// rel returns the place of a path below the tree; "" for the root.
func rel(p pod.Path) string { return strings.Trim(p.String(), "/") }

// relParent returns the place of the container of a path.
func relParent(p pod.Path) string {
	if d := path.Dir(rel(p)); d != "." {
		return d
	}
	return ""
}
