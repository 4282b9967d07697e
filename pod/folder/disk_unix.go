//go:build unix

package folder

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// noFollow is the flag with which no symbolic link is opened.
const noFollow = unix.O_NOFOLLOW

func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func (k *disk) open(name string) (dir, error) {
	f, err := os.OpenFile(name, unix.O_DIRECTORY, 0)
	if err != nil {
		return dir{}, err
	}
	return dir{k, f}, nil
}

// sub opens a directory below d, "" being d itself, one segment at a time and
// never through a symbolic link. The caller closes it.
func (d dir) sub(rel string) (dir, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY
	segment, rest, more := strings.Cut(cmp.Or(rel, "."), "/")
	fd, err := d.openat(segment, flags, 0)
	for more && err == nil {
		above := fd
		segment, rest, more = strings.Cut(rest, "/")
		fd, err = openat(above, segment, flags, 0)
		unix.Close(above)
	}
	if err != nil {
		return dir{}, err
	}
	return dir{d.disk, os.NewFile(uintptr(fd), segment)}, nil
}

func (d dir) openat(name string, flags int, mode uint32) (int, error) {
	defer runtime.KeepAlive(d.f)
	return openat(int(d.f.Fd()), name, flags, mode)
}

func openat(above int, name string, flags int, mode uint32) (fd int, err error) {
	err = retry(func() error {
		fd, err = unix.Openat(above, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		return err
	})
	return fd, err
}

func stampOf(st *unix.Stat_t) (stamp, kind) {
	s := stamp{size: st.Size, mtime: unix.TimespecToNsec(st.Mtim), ctime: unix.TimespecToNsec(st.Ctim), inode: int64(st.Ino)}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return s, folded
	case st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink == 1:
		return s, plain
	case st.Mode&unix.S_IFMT == unix.S_IFREG:
		return s, linked
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

// openAny opens a name, of whatever kind it is. O_NONBLOCK keeps a pipe from holding us up until the
// caller refuses it.
func (d dir) openAny(name string, flags int) (*os.File, error) {
	fd, err := d.openat(name, flags|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
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
	ts := []unix.Timespec{{Nsec: utimeOmit}, unix.NsecToTimespec(t.UnixNano())}
	return d.at("utimensat", func(fd int) error { return unix.UtimesNanoAt(fd, name, ts, unix.AT_SYMLINK_NOFOLLOW) })
}

func (d dir) at(op string, call func(fd int) error) error {
	defer runtime.KeepAlive(d.f)
	return d.disk.do(op, func() error { return call(int(d.f.Fd())) })
}

// absent reports whether err says that there is nothing to serve at a name.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ENXIO)
}

// full reports whether err says that the disk, or the quota on it, is used up.
func full(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// failing reports whether err says that the disk cannot do what it is for.
func failing(err error) bool { return errors.Is(err, unix.EIO) }

// notEmpty reports whether err says that a directory to be removed holds something.
func notEmpty(err error) bool {
	return errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, fs.ErrExist)
}

func (d dir) chmod(name string) error {
	return d.at("chmod", func(fd int) error { return unix.Fchmodat(fd, name, fileMode, 0) })
}

// date sets the modification time of an open file.
func date(f *os.File, t time.Time) error {
	at := unix.NsecToTimeval(t.UnixNano())
	defer runtime.KeepAlive(f)
	return unix.Futimes(int(f.Fd()), []unix.Timeval{at, at})
}

// oneDisk reports whether a file can be renamed from one folder to the other.
func oneDisk(a, b string) (bool, error) {
	var x, y unix.Stat_t
	err := errors.Join(unix.Stat(a, &x), unix.Stat(b, &y))
	return x.Dev == y.Dev, err
}

// tryLock locks a file against every other process, or if it is not to be alone, against those that want to be. Errors:
// ErrBusy.
func tryLock(f *os.File, alone bool) error {
	how := unix.LOCK_SH | unix.LOCK_NB
	if alone {
		how = unix.LOCK_EX | unix.LOCK_NB
	}
	err := retry(func() error { return unix.Flock(int(f.Fd()), how) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrBusy
	}
	return err
}
