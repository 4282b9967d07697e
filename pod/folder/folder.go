package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"kith/pod"
)

// Options say where a pod lies.
type Options struct {
	Tree     string           // the folder that a person can read
	State    string           // the store's own folder, on the same file system, not inside Tree
	Device   string           // the pod's kid, for the versions that it gives
	MaxBytes int64            // of all resources together; 0: as much as the disk holds
	Now      func() time.Time // the clock; nil: time.Now
	Followed Followed         // with it, Follow has to run
	Empty    bool             // a folder that is missing or empty is meant so
	Known    bool             // the pod has been here before: a folder that is missing or empty is pod.ErrAway
	Refilled bool             // replicas fill a folder that is missing or empty: it is begun anew for them
}

// Store is a pod in a folder. It implements pod.Store.
type Store struct {
	o    Options
	disk *disk

	tree, tmp, erase dir
	lock             *os.File
	index            *index
	leases           leases
	watchers         watchers
	hand             hand
	fresh            bool           // the index knew nothing when it was opened
	unclean          bool           // the process before did not close
	dying            map[int64]bool // until Open returns: inodes that it was about to erase
	recovering       bool           // until TakeIn: what is new may be what that process wrote, so it is whole

	mu     sync.RWMutex // Views share it, Updates exclude
	head   head         // guarded by mu
	broken error        // guarded by mu: a directory could not be made durable
	pruned int64        // guarded by mu: the day of the last prune
	frozen bool         // guarded by mu: no write is taken any more

	life   sync.RWMutex // held shared, and shortly, by what uses tmp and erase outside of mu
	closed bool         // written with mu and life held

	away atomic.Bool // the folder is not where it was
}

// Open opens a pod, and makes it where there is none. It erases what a process
// that was killed has left, and brings the index in line with the folder. Only
// one process at a time can hold a pod. A folder that is missing or empty, where
// the pod was before, is pod.ErrAway, unless replicas fill it: neither is it made
// anew, nor is anything taken for lost.
func Open(o Options) (*Store, error) {
	s, err := open(o, &disk{})
	if err != nil {
		return nil, fmt.Errorf("open pod: %w", err)
	}
	return s, nil
}

func open(o Options, k *disk) (s *Store, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	s = &Store{o: o, disk: k, hand: newHand()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	vacant, err := Vacant(o.Tree)
	if err == nil && vacant && o.Known {
		err = pod.ErrAway
	}
	if err != nil {
		return s, err
	}
	_, missing := os.Lstat(o.Tree)
	if err := s.openFolders(); err != nil {
		return s, err
	}
	boot := bootID()
	before, unclean, err := readMark(o.State)
	if err != nil {
		return s, err
	}
	s.unclean, s.recovering = unclean, unclean
	mayLag := unclean && (boot == "" || before != boot)
	if s.index, s.head, err = openIndex(o.State, k, mayLag); err != nil {
		return s, err
	}
	if vacant && s.followed() && !o.Empty && !o.Refilled {
		made := ""
		if missing != nil {
			made = o.Tree
		}
		if err := s.refuseVacant(made); err != nil {
			return s, err
		}
	}
	if s.dying, err = inodes(s.erase); err != nil {
		return s, err
	}
	if err := errors.Join(eraseAll(s.tmp), eraseAll(s.erase)); err != nil {
		return s, err
	}
	if err := s.catchUp(mayLag); err != nil {
		return s, err
	}
	return s, writeMark(o.State, k, boot) // last: a new Epoch is in the index by now
}

// catchUp brings the index in line with the folder. What has no file any more is judged.
func (s *Store) catchUp(mayLag bool) error {
	w, err := s.update(context.Background(), func(w *writeTx) error {
		w.lost = mayLag
		if err := w.plantRoot(); err != nil {
			return err
		}
		var gone []pod.Path
		if s.followed() {
			w.opening = &gone
		}
		if err := w.scanAll(); err != nil {
			return err
		}
		w.opening = nil
		return w.judge(gone)
	})
	if err != nil {
		return err
	}
	s.fresh, s.unclean, s.dying = false, false, nil
	if err := errors.Join(s.eraseAllDoomed(w), s.markHeld()); err != nil {
		return err
	}
	if err := s.index.scrub(); !errors.Is(err, pod.ErrFull) {
		return err
	}
	return nil
}

// plantRoot makes the row of the root container in a fresh index.
func (w *writeTx) plantRoot() error {
	_, found, err := w.store.index.get(pod.Root)
	if err != nil || found {
		return err
	}
	w.store.fresh = true
	s, _, err := fstat(w.store.tree.f)
	if err != nil {
		return err
	}
	return w.adoptContainer(pod.Root, s)
}

// openFolders opens the folders, and makes them where there are none.
func (s *Store) openFolders() (err error) {
	tmp, erase := filepath.Join(s.o.State, "tmp"), filepath.Join(s.o.State, "erase")
	for _, name := range []string{s.o.Tree, s.o.State, tmp, erase} {
		if err := os.MkdirAll(name, dirMode); err != nil {
			return err
		}
	}
	if err := apart(s.o.Tree, s.o.State); err != nil {
		return err
	}
	if s.lock, err = lockFile(filepath.Join(s.o.State, lockName)); err != nil {
		return err
	}
	if s.tree, err = s.disk.open(s.o.Tree); err != nil {
		return err
	}
	if s.tmp, err = s.disk.open(tmp); err != nil {
		return err
	}
	s.erase, err = s.disk.open(erase)
	return err
}

// apart refuses folders between which no file can be renamed, and a state
// folder that the pod would serve.
func apart(tree, state string) error {
	tree, err := realPath(tree)
	if err != nil {
		return err
	}
	if state, err = realPath(state); err != nil {
		return err
	}
	if inside, err := filepath.Rel(tree, state); err != nil || !strings.HasPrefix(filepath.ToSlash(inside)+"/", "../") {
		return errors.New("the state folder lies inside the tree")
	}
	one, err := oneDisk(tree, state)
	if err != nil {
		return err
	}
	if !one {
		return errors.New("the tree and the state folder lie on two file systems")
	}
	return nil
}

func realPath(name string) (string, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(name)
}

// lockName is the file in a folder by which it is locked.
const lockName = "lock"

// lockTime is how long an Open tries to lock a pod: who asks whether it is Busy holds the lock for a moment.
const lockTime = 2 * time.Second

func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	err = tryLock(f, true)
	for errors.Is(err, ErrBusy) && time.Since(began) < lockTime {
		time.Sleep(lockTime / 200)
		err = tryLock(f, true)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Rescan brings the index in line with the whole folder, one container at a
// time, so that others are served meanwhile. A store that is followed needs none.
func (s *Store) Rescan(ctx context.Context) error {
	for todo := []pod.Path{pod.Root}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		w, err := s.update(ctx, func(w *writeTx) error {
			below, _, err := w.scanOne(p)
			todo = append(todo, below...)
			return err
		})
		if err == nil {
			err = s.eraseAllDoomed(w)
		}
		if err != nil {
			return fmt.Errorf("rescan: %w", err)
		}
	}
	return s.tidy(nil)
}

// Watch implements pod.Store.
func (s *Store) Watch() (<-chan struct{}, func()) { return s.watchers.add() }

// Close implements pod.Store. Readers may go on; what they hold is erased by
// the next Open if it was replaced or deleted.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life.Lock()
	defer s.life.Unlock()
	if s.closed {
		return pod.ErrClosed
	}
	s.closed = true
	scrubbed := s.index.scrub()
	err := s.index.close()
	if err == nil && scrubbed == nil && s.broken == nil {
		err = writeMark(s.o.State, s.disk, markClosed)
	}
	s.index = nil
	if errors.Is(scrubbed, pod.ErrFull) {
		scrubbed = nil // the mark stays, and the next Open scrubs
	}
	if err = errors.Join(err, scrubbed, s.release()); err != nil {
		return fmt.Errorf("close pod: %w", err)
	}
	return nil
}

// release closes what is open.
func (s *Store) release() (err error) {
	s.closed = true
	if s.index != nil {
		err = s.index.close()
	}
	for _, f := range []*os.File{s.tree.f, s.tmp.f, s.erase.f, s.lock} {
		if f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}

func (s *Store) now() time.Time { return s.o.Now() }

// today returns the number of days since 1970.
func (s *Store) today() int64 { return s.now().Unix() / (24 * 60 * 60) }

func timeOf(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds) }
