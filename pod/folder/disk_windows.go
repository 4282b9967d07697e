package folder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"

	"kith/pod"
)

// Windows has no call that opens a name in an open directory without following
// links, and is not one of many. So names are reached by the full path of the
// directory, each directory on the way is looked at first, and every file is
// opened as what it is (FILE_FLAG_OPEN_REPARSE_POINT): a link is refused, and
// who could put one there in between could as well write into the folder.
// Files can be replaced and removed while others read them, as elsewhere:
// FILE_SHARE_DELETE, and renames and removals with POSIX semantics. Directories
// cannot be made durable by themselves; NTFS keeps a journal of them.

// noFollow has no meaning here.
const noFollow = 0

// forbidden are the characters that no name can have; a colon would begin
// another stream of a file.
const forbidden = `<>:"|?*\/`

func retry(call func() error) error { return call() }

func (k *disk) open(name string) (dir, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return dir{}, err
	}
	f, err := openFile(name, windows.GENERIC_READ, windows.OPEN_EXISTING)
	if err != nil {
		return dir{}, err
	}
	if _, kind, err := fstat(f); err != nil || kind != folded {
		return dir{}, errors.Join(fs.ErrNotExist, err, f.Close())
	}
	return dir{k, f}, nil
}

// sub opens a directory below d, "" being d itself, one segment at a time and
// never through a link. The caller closes it.
func (d dir) sub(rel string) (dir, error) {
	if rel == "" {
		return d.disk.open(d.f.Name())
	}
	name, next, more := strings.Cut(rel, "/")
	full, err := d.place(name)
	if err != nil {
		return dir{}, err
	}
	child, err := d.disk.open(full)
	if err != nil || !more {
		return child, err
	}
	defer child.close()
	return child.sub(next)
}

// place returns the full path of a name in d.
func (d dir) place(name string) (string, error) {
	if name == "." {
		return d.f.Name(), nil
	}
	if strings.ContainsAny(name, forbidden) {
		return "", fmt.Errorf("%w: Windows has no such names", pod.ErrBadPath)
	}
	return filepath.Join(d.f.Name(), name), nil
}

// openFile opens a file or a directory as what it is, and shares it for all.
func openFile(name string, access, disposition uint32) (*os.File, error) {
	wide, err := windows.UTF16PtrFromString(extended(name))
	if err != nil {
		return nil, err
	}
	h, err := windows.CreateFile(wide, access, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, disposition,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}

// extended lets a path be longer than 260 characters.
func extended(name string) string {
	if len(name) < 240 || strings.HasPrefix(name, `\\`) {
		return name
	}
	return `\\?\` + name
}

// fstat tells what is open.
func fstat(f *os.File) (stamp, kind, error) {
	var i windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &i); err != nil {
		return stamp{}, foreign, err
	}
	s := stamp{
		size:  int64(i.FileSizeHigh)<<32 | int64(i.FileSizeLow),
		mtime: i.LastWriteTime.Nanoseconds(),
		ctime: i.CreationTime.Nanoseconds(),
		inode: int64(uint64(i.FileIndexHigh)<<32 | uint64(i.FileIndexLow)),
	}
	switch {
	case i.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0:
		return s, foreign, nil
	case i.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0:
		s.size = 0
		return s, folded, nil
	case i.NumberOfLinks == 1:
		return s, plain, nil
	}
	return s, linked, nil
}

// lstat tells what a name stands for, without following it.
func (d dir) lstat(name string) (_ stamp, _ kind, err error) {
	full, err := d.place(name)
	if err != nil {
		return stamp{}, foreign, errors.Join(fs.ErrNotExist, err)
	}
	f, err := openFile(full, windows.FILE_READ_ATTRIBUTES, windows.OPEN_EXISTING)
	if err != nil {
		return stamp{}, foreign, err
	}
	defer f.Close()
	return fstat(f)
}

// openAny opens a name, of whatever kind it is.
func (d dir) openAny(name string, flags int) (*os.File, error) {
	full, err := d.place(name)
	if err != nil {
		return nil, errors.Join(fs.ErrNotExist, err)
	}
	access := uint32(windows.GENERIC_READ)
	if flags&os.O_RDWR != 0 {
		access |= windows.GENERIC_WRITE
	}
	return openFile(full, access, windows.OPEN_EXISTING)
}

// create makes a new file, for writing.
func (d dir) create(name string) (f *os.File, err error) {
	full, err := d.place(name)
	if err != nil {
		return nil, err
	}
	err = d.disk.do("create", func() (err error) {
		f, err = openFile(full, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.CREATE_NEW)
		return err
	})
	return f, err
}

// sync does nothing: see above.
func (d dir) sync() error { return d.disk.do("fsync", func() error { return nil }) }

func (d dir) rename(name string, to dir, newName string) error {
	target, err := to.place(newName)
	if err != nil {
		return err
	}
	return d.at("rename", name, windows.DELETE, func(f *os.File) error { return renameTo(f, target) })
}

// renameTo gives an open file another name, in the place of what has that name
// already.
func renameTo(f *os.File, target string) error {
	const replace, posix = 1, 2
	err := setName(f, target, windows.FileRenameInfoEx, replace|posix)
	if !unknown(err) {
		return err
	}
	return setName(f, target, windows.FileRenameInfo, replace)
}

// setName hands over a FILE_RENAME_INFO.
func setName(f *os.File, target string, class uint32, flags uint64) error {
	name := utf16.Encode([]rune(extended(target)))
	info := binary.LittleEndian.AppendUint64(nil, flags) // and the gap before the next field
	info = binary.LittleEndian.AppendUint64(info, 0)     // of no directory: the name is a full path
	info = binary.LittleEndian.AppendUint32(info, uint32(2*len(name)))
	for _, c := range append(name, 0) {
		info = binary.LittleEndian.AppendUint16(info, c)
	}
	return windows.SetFileInformationByHandle(windows.Handle(f.Fd()), class, &info[0], uint32(len(info)))
}

// unknown reports whether err says that a file system, such as FAT, has no names
// that outlive their removal: there, what is being read cannot be replaced.
func unknown(err error) bool {
	return errors.Is(err, windows.ERROR_INVALID_PARAMETER) || errors.Is(err, windows.ERROR_NOT_SUPPORTED) || errors.Is(err, windows.ERROR_INVALID_FUNCTION)
}

func (d dir) link(name string, to dir, newName string) error {
	from, err := d.place(name)
	if err != nil {
		return err
	}
	target, err := to.place(newName)
	if err != nil {
		return err
	}
	return d.disk.do("link", func() error { return os.Link(extended(from), extended(target)) })
}

func (d dir) unlink(name string) error { return d.at("unlink", name, windows.DELETE, remove) }

func (d dir) rmdir(name string) error { return d.at("rmdir", name, windows.DELETE, remove) }

// remove takes the name away, where it can at once, also while others have the
// file open.
func remove(f *os.File) error {
	flags := uint32(windows.FILE_DISPOSITION_DELETE | windows.FILE_DISPOSITION_POSIX_SEMANTICS)
	err := windows.SetFileInformationByHandle(windows.Handle(f.Fd()), windows.FileDispositionInfoEx, (*byte)(unsafe.Pointer(&flags)), 4)
	if !unknown(err) {
		return err
	}
	whenClosed := byte(1)
	return windows.SetFileInformationByHandle(windows.Handle(f.Fd()), windows.FileDispositionInfo, &whenClosed, 1)
}

func (d dir) mkdir(name string) error {
	full, err := d.place(name)
	if err != nil {
		return err
	}
	return d.disk.do("mkdir", func() error { return os.Mkdir(extended(full), dirMode) })
}

// setTime sets the modification time of a name in d; "." is d itself.
func (d dir) setTime(name string, t time.Time) error {
	return d.at("settime", name, windows.FILE_WRITE_ATTRIBUTES, func(f *os.File) error { return date(f, t) })
}

// chmod lets a file be written again.
func (d dir) chmod(name string) error {
	full, err := d.place(name)
	if err != nil {
		return err
	}
	return d.disk.do("chmod", func() error { return os.Chmod(extended(full), fileMode) })
}

// at opens a name, as what it is, for one change.
func (d dir) at(op, name string, access uint32, change func(*os.File) error) error {
	full, err := d.place(name)
	if err != nil {
		return err
	}
	return d.disk.do(op, func() error {
		f, err := openFile(full, access|windows.SYNCHRONIZE, windows.OPEN_EXISTING)
		if err != nil {
			return err
		}
		return errors.Join(change(f), f.Close())
	})
}

// absent reports whether err says that there is nothing to serve at a name.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, windows.ERROR_DIRECTORY) || errors.Is(err, windows.ERROR_INVALID_NAME)
}

// full reports whether err says that the disk, or the quota on it, is used up.
func full(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// failing reports whether err says that the disk cannot do what it is for.
func failing(err error) bool {
	return errors.Is(err, windows.ERROR_IO_DEVICE) || errors.Is(err, windows.ERROR_CRC)
}

// notEmpty reports whether err says that a directory to be removed holds something.
func notEmpty(err error) bool { return errors.Is(err, windows.ERROR_DIR_NOT_EMPTY) }

// date sets the modification time of an open file.
func date(f *os.File, t time.Time) error {
	at := windows.NsecToFiletime(t.UnixNano())
	return windows.SetFileTime(windows.Handle(f.Fd()), nil, nil, &at)
}

// oneDisk reports whether a file can be renamed from one folder to the other.
func oneDisk(a, b string) (bool, error) {
	return strings.EqualFold(filepath.VolumeName(a), filepath.VolumeName(b)), nil
}

// tryLock locks a file against every other process, or if it is not to be alone, against those that want to be. Errors:
// ErrBusy.
func tryLock(f *os.File, alone bool) error {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if alone {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrBusy
	}
	return err
}

// bootID is not known: an index that was not closed counts as one that may lag.
func bootID() string { return "" }
