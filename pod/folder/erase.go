package folder

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"kith/pod"
)

// newID returns 128 random bits in 22 base64url characters.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// erase overwrites a file with zeros, makes that durable, and removes it. A
// file with another name too is only unlinked: its bytes are in use there. On a
// file system that writes elsewhere than where the bytes lay, a full disk leaves
// no room to overwrite; then removing it is all that can be done, and the claim
// for such file systems is weaker anyway.
func erase(d dir, name string) error {
	f, s, err := d.open(name, os.O_RDWR)
	if errors.Is(err, fs.ErrPermission) {
		if err = d.chmod(name); err == nil {
			f, s, err = d.open(name, os.O_RDWR)
		}
	}
	if err != nil {
		return unlinkForeign(d, name, err)
	}
	defer f.Close()
	err = d.disk.do("overwrite", func() error { return overwrite(f, s.size) })
	if err == nil {
		err = d.disk.sync(f)
	}
	if err != nil && !full(err) {
		return fmt.Errorf("erase: %w", err)
	}
	if err := d.unlink(name); err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return nil
}

// unlinkForeign removes a name that open refused as no plain file.
func unlinkForeign(d dir, name string, err error) error {
	if _, k, lstatErr := d.lstat(name); errors.Is(lstatErr, fs.ErrNotExist) {
		return nil
	} else if k == foreign || k == linked {
		err = d.unlink(name)
	}
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return nil
}

func overwrite(f *os.File, size int64) error {
	zeros := make([]byte, min(size, 256<<10))
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return nil
}

// eraseAll erases what an earlier process left in a directory.
func eraseAll(d dir) error {
	names, err := d.names()
	if err != nil {
		return fmt.Errorf("erase leftovers: %w", err)
	}
	for _, name := range names {
		if err := erase(d, name); err != nil {
			return fmt.Errorf("erase leftovers: %w", err)
		}
	}
	return nil
}

// inodes returns those of the files in a directory.
func inodes(d dir) (map[int64]bool, error) {
	names, err := d.names()
	if err != nil {
		return nil, fmt.Errorf("find leftovers: %w", err)
	}
	all := map[int64]bool{}
	for _, name := range names {
		s, _, err := d.lstat(name)
		if err != nil {
			return nil, fmt.Errorf("find leftovers: %w", err)
		}
		all[s.inode] = true
	}
	return all, nil
}

// lease is held by the readers of one state of one resource. doomed is its
// name in the erase folder once it has been replaced or deleted.
type lease struct {
	path    pod.Path
	readers int
	doomed  string
}

// leases counts the readers of each resource. Its own lock is held for no
// system call.
type leases struct {
	mu   sync.Mutex
	live map[pod.Path]*lease
}

// take adds a reader to the present state of a path.
func (l *leases) take(p pod.Path) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live == nil {
		l.live = make(map[pod.Path]*lease)
	}
	held := l.live[p]
	if held == nil {
		held = &lease{path: p}
		l.live[p] = held
	}
	held.readers++
	return held
}

// release takes a reader away, and returns what is to be erased now, or "".
func (l *leases) release(held *lease) (doomed string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held.readers--
	if held.readers > 0 {
		return ""
	}
	if l.live[held.path] == held {
		delete(l.live, held.path)
	}
	return held.doomed
}

// detach ends the present state of a path: later readers take another lease.
func (l *leases) detach(p pod.Path) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.live[p]
	delete(l.live, p)
	return held
}

// attach undoes detach.
func (l *leases) attach(held *lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held != nil && held.readers > 0 && l.live[held.path] == nil {
		l.live[held.path] = held
	}
}

// doom says under which name a detached state lies in the erase folder. It
// reports whether it is to be erased now; else the last reader does it.
func (l *leases) doom(held *lease, name string) (now bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held == nil || held.readers == 0 {
		return true
	}
	held.doomed = name
	return false
}
