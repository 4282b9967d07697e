package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

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

func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// dir is an open directory. Names in it are reached from its descriptor, one
// segment at a time and never through a symbolic link. os.Root would follow a
// link that stays inside, and so show one resource under the access rules of
// another; nor can it rename from one root to another.
type dir struct {
	disk *disk
	f    *os.File
}

func (k *disk) open(name string) (dir, error) {
	f, err := os.OpenFile(name, unix.O_DIRECTORY, 0)
	if err != nil {
		return dir{}, err
	}
	return dir{k, f}, nil
}

// sub opens a directory below d, "" being d itself. The caller closes it.
func (d dir) sub(rel string) (dir, error) {
	rel, next, more := strings.Cut(rel, "/")
	if rel == "" {
		rel = "."
	}
	fd, err := d.openat(rel, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return dir{}, err
	}
	child := dir{d.disk, os.NewFile(uintptr(fd), rel)}
	if !more {
		return child, nil
	}
	defer child.close()
	return child.sub(next)
}

func (d dir) openat(name string, flags int, mode uint32) (fd int, err error) {
	err = retry(func() error {
		fd, err = unix.Openat(int(d.f.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		return err
	})
	runtime.KeepAlive(d.f)
	return fd, err
}

func (d dir) close() error { return d.f.Close() }

// kind is what a name in a directory stands for.
type kind int

const (
	foreign kind = iota // a link, a device, a pipe, a file with other names: nothing to serve
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

func stampOf(st *unix.Stat_t) (stamp, kind) {
	s := stamp{size: st.Size, mtime: unix.TimespecToNsec(st.Mtim), ctime: unix.TimespecToNsec(st.Ctim), inode: int64(st.Ino)}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return s, folded
	case st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink == 1:
		return s, plain
	default:
		return s, foreign
	}
}

// lstat tells what a name stands for, without following it.
func (d dir) lstat(name string) (stamp, kind, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstatat(int(d.f.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	runtime.KeepAlive(d.f)
	if err != nil {
		return stamp{}, foreign, err
	}
	s, k := stampOf(&st)
	return s, k, nil
}

func fstat(f *os.File) (stamp, kind, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstat(int(f.Fd()), &st) })
	runtime.KeepAlive(f)
	if err != nil {
		return stamp{}, foreign, err
	}
	s, k := stampOf(&st)
	return s, k, nil
}

// open opens a plain file. O_NONBLOCK keeps a pipe from holding us up until the
// check below refuses it. Anything but a plain file is fs.ErrNotExist.
func (d dir) open(name string, flags int) (*os.File, stamp, error) {
	fd, err := d.openat(name, flags|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, stamp{}, err
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, stamp{}, err
	}
	f := os.NewFile(uintptr(fd), name)
	s, k, err := fstat(f)
	if err == nil && k != plain {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, stamp{}, err
	}
	return f, s, nil
}

// create makes a new file, for writing.
func (d dir) create(name string) (f *os.File, err error) {
	err = d.disk.do("create", func() error {
		fd, err := d.openat(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, fileMode)
		if err == nil {
			f = os.NewFile(uintptr(fd), name)
		}
		return err
	})
	return f, err
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

func (d dir) sync() error { return d.disk.sync(d.f) }

func (d dir) rename(name string, to dir, newName string) error {
	defer runtime.KeepAlive(to.f)
	return d.at("rename", func(fd int) error { return unix.Renameat(fd, name, int(to.f.Fd()), newName) })
}

func (d dir) link(name string, to dir, newName string) error {
	defer runtime.KeepAlive(to.f)
	return d.at("link", func(fd int) error { return unix.Linkat(fd, name, int(to.f.Fd()), newName, 0) })
}

func (d dir) unlink(name string) error {
	return d.at("unlink", func(fd int) error { return unix.Unlinkat(fd, name, 0) })
}

func (d dir) rmdir(name string) error {
	return d.at("rmdir", func(fd int) error { return unix.Unlinkat(fd, name, unix.AT_REMOVEDIR) })
}

func (d dir) mkdir(name string) error {
	return d.at("mkdir", func(fd int) error { return unix.Mkdirat(fd, name, dirMode) })
}

// setTime sets the modification time of a name in d; "." is d itself.
func (d dir) setTime(name string, t time.Time) error {
	ts := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(t.UnixNano())}
	return d.at("utimensat", func(fd int) error { return unix.UtimesNanoAt(fd, name, ts, unix.AT_SYMLINK_NOFOLLOW) })
}

func (d dir) at(op string, call func(fd int) error) error {
	defer runtime.KeepAlive(d.f)
	return d.disk.do(op, func() error { return call(int(d.f.Fd())) })
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

// absent reports whether err says that there is nothing to serve at a name.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR)
}

// full reports whether err says that the disk, or the quota on it, is used up.
func full(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// asFull adds the meaning of pod.ErrFull to an error of a full disk.
func asFull(err error) error {
	if full(err) && !errors.Is(err, pod.ErrFull) {
		return fmt.Errorf("%w: %w", pod.ErrFull, err)
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
