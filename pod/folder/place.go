package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"kith/pod"
)

// in runs fn with the directory in which a path stands.
func (s *Store) in(p pod.Path, fn func(d dir, name string) error) error {
	d, err := s.tree.sub(relParent(p))
	if err != nil {
		return err
	}
	defer d.close()
	return fn(d, base(p))
}

// enter opens the directory of a path for a change of its entries, which Update
// makes durable. What a hand has changed there is found before that hides it.
func (w *writeTx) enter(p pod.Path, fn func(d dir, name string) error) error {
	container := p.Parent()
	d, err := w.store.tree.sub(relParent(p))
	if absent(err) {
		w.stale[container] = true
		w.stale[container.Parent()] = true
		return fmt.Errorf("the folder has changed: %w", pod.ErrConflict)
	}
	if err != nil {
		return err
	}
	defer d.close()
	if !w.dirty[container] {
		r, found, err := w.store.index.get(container)
		if err != nil {
			return err
		}
		s, _, err := fstat(d.f)
		if err != nil {
			return err
		}
		if found && s.mtime != r.mtime {
			w.stale[container] = true
		}
		w.dirty[container] = true
	}
	return meant(fn(d, p.Name()))
}

// mkdir makes the directory of a new container. One that a hand has made is
// taken as it is.
func (w *writeTx) mkdir(r *row) error {
	p := r.Path
	return w.enter(p, func(d dir, name string) error {
		err := d.mkdir(name)
		if errors.Is(err, fs.ErrExist) {
			if s, k, _ := d.lstat(name); k == folded {
				w.stale[p] = true // for what may lie in it
				r.mtime = s.mtime
				return w.shieldContainer(d, p)
			}
			w.stale[p.Parent()] = true
			return fmt.Errorf("something that is not known yet stands there: %w", pod.ErrConflict)
		}
		if err != nil {
			return err
		}
		w.undo = append(w.undo, func() error { return w.store.in(p, dir.rmdir) })
		w.dirty[p] = true
		r.mtime = w.later(r.Modified).UnixNano()
		return nil
	})
}

// place moves a staged file to the place of a row. The bytes that were there
// stay under another name until nobody reads them.
func (w *writeTx) place(st *staged, r *row, found bool) error {
	return w.enter(r.Path, func(d dir, name string) error {
		if !found {
			if _, _, err := d.lstat(name); !errors.Is(err, fs.ErrNotExist) {
				w.stale[r.Path.Parent()] = true
				return fmt.Errorf("something that is not known yet stands there: %w", errors.Join(pod.ErrConflict, err))
			}
		} else if err := errors.Join(w.untouched(d, *r), w.date(st, r)); err != nil {
			return err
		}
		if err := w.retype(d, name, st, r, found); err != nil {
			return err
		}
		replaced, err := w.setAside(d, r.Path, found)
		if err != nil {
			return err
		}
		if err := w.moveIn(d, name, st, r.Path, replaced); err != nil {
			return err
		}
		r.Type, r.ETag = st.mediaType, st.etag
		r.stamp, _, err = d.lstat(name)
		return err
	})
}

// untouched returns pod.ErrUnsettled where a hand has written the file of a row, and that is not taken in yet: whoever replaces
// or deletes it has not seen those bytes, and no condition was about them.
func (w *writeTx) untouched(d dir, r row) error {
	s, k, err := d.lstat(r.Path.Name())
	if err != nil || k != plain || r.same(s) || !w.store.follows(r.Path) {
		return ignoreAbsent(err)
	}
	w.stale[r.Path] = true
	if !w.store.settled(s) {
		return pod.ErrUnsettled
	}
	f, now, err := w.openFile(d, r)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil || now.ETag == r.ETag {
		return err
	}
	return pod.ErrUnsettled
}

// date sees to it that a replacement is not older than what it replaces, so
// that If-Modified-Since never hides it.
func (w *writeTx) date(st *staged, r *row) error {
	if st.dated || st.modified.After(r.Modified) {
		return nil
	}
	tmp := w.store.tmp
	if err := tmp.setTime(st.name, w.later(r.Modified)); err != nil {
		return err
	}
	f, _, err := tmp.open(st.name, os.O_RDWR)
	if err != nil {
		return err
	}
	return errors.Join(w.store.disk.sync(f), f.Close())
}

// setAside gives the present bytes of a path a second name in the erase folder,
// so that the new ones can take their place in one step. What is no plain file
// is moved out of the way.
func (w *writeTx) setAside(d dir, p pod.Path, found bool) (replaced bool, err error) {
	name, aside := p.Name(), newID()
	_, k, err := d.lstat(name)
	switch {
	case !found || errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case k == folded:
		w.stale[p.Parent()] = true
		return false, fmt.Errorf("a folder stands there: %w", pod.ErrConflict)
	case k == foreign:
		return false, w.moveOut(d, p, aside)
	}
	erase := w.store.erase
	if err := d.link(name, erase, aside); err != nil {
		return false, err
	}
	held := w.store.leases.detach(p)
	w.doomed, w.moved = append(w.doomed, doomed{held, aside}), append(w.moved, p)
	w.undo = append(w.undo, func() error {
		w.store.leases.attach(held)
		return w.store.in(p, func(d dir, name string) error {
			// When both names are still one file, rename does nothing.
			if err := erase.rename(aside, d, name); err != nil {
				return err
			}
			return ignoreAbsent(erase.unlink(aside))
		})
	})
	return true, nil
}

// moveOut moves a file to the erase folder.
func (w *writeTx) moveOut(d dir, p pod.Path, aside string) error {
	erase := w.store.erase
	if err := d.rename(p.Name(), erase, aside); err != nil {
		return err
	}
	held := w.store.leases.detach(p)
	w.doomed, w.moved = append(w.doomed, doomed{held, aside}), append(w.moved, p)
	w.undo = append(w.undo, func() error {
		w.store.leases.attach(held)
		return w.store.in(p, func(d dir, name string) error { return erase.rename(aside, d, name) })
	})
	return nil
}

// moveIn renames a staged file to its place. To undo it, the file gets its old
// name back; where it replaced another, that one takes the place afterwards.
func (w *writeTx) moveIn(d dir, name string, st *staged, p pod.Path, replaced bool) error {
	tmp := w.store.tmp
	if err := tmp.rename(st.name, d, name); err != nil {
		return err
	}
	st.used = true
	w.undo = append(w.undo, func() error {
		return w.store.in(p, func(d dir, name string) error {
			back := d.rename
			if replaced {
				back = d.link
			}
			err := back(name, tmp, st.name)
			st.used = err != nil
			return err
		})
	})
	return nil
}

// retype prepares the sidecar of a name for bytes of a staged type, and settles
// it after the bytes are in place.
func (w *writeTx) retype(d dir, name string, st *staged, r *row, found bool) error {
	before := sidecar{mediaType: pod.TypeByName(name)}
	if found {
		before.mediaType = r.Type
	}
	if before.mediaType == st.mediaType {
		return nil
	}
	p, tmp := r.Path, w.store.tmp
	first, last := sidecar{mediaType: st.mediaType}, sidecar{mediaType: st.mediaType}
	if found {
		first = sidecar{before.mediaType, st.etag, st.mediaType}
	}
	if err := writeSidecar(d, tmp, name, first); err != nil {
		return err
	}
	w.undo = append(w.undo, func() error {
		return w.store.in(p, func(d dir, name string) error { return writeSidecar(d, tmp, name, before) })
	})
	if !found {
		return nil
	}
	w.after[p] = func() error {
		return w.store.in(p, func(d dir, name string) error { return writeSidecar(d, tmp, name, last) })
	}
	return w.store.syncDir(d) // the sidecar before the bytes, also on the disk
}

// takeAway removes the file or directory of a row.
func (w *writeTx) takeAway(r row) error {
	if r.Path.IsContainer() {
		return w.rmdir(r)
	}
	return w.enter(r.Path, func(d dir, name string) error {
		if err := w.untouched(d, r); err != nil {
			return err
		}
		_, k, err := d.lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case k == folded:
			w.stale[r.Path.Parent()] = true
			return fmt.Errorf("a folder stands there: %w", pod.ErrConflict)
		default:
			if err := w.moveOut(d, r.Path, newID()); err != nil {
				return err
			}
		}
		if r.Type == pod.TypeByName(name) && w.after[r.Path] == nil {
			return nil
		}
		delete(w.after, r.Path)
		return ignoreAbsent(w.moveSidecarOut(d, r.Path))
	})
}

// moveSidecarOut moves the sidecar of a path to the erase folder, from where it
// can be brought back by a disk on which nothing can be written any more.
func (w *writeTx) moveSidecarOut(d dir, p pod.Path) error {
	erase, aside := w.store.erase, newID()
	if err := d.rename(sidecarName(p.Name()), erase, aside); err != nil {
		return err
	}
	w.doomed = append(w.doomed, doomed{name: aside})
	w.undo = append(w.undo, func() error {
		return w.store.in(p, func(d dir, name string) error { return erase.rename(aside, d, sidecarName(name)) })
	})
	return nil
}

// rmdir removes the directory of a container, in which only sidecars may be
// left. Anything else there was put there by a hand, and is not ours to delete.
func (w *writeTx) rmdir(r row) error {
	p := r.Path
	return w.enter(p, func(d dir, name string) error {
		err := d.rmdir(name)
		if notEmpty(err) {
			if err = sweep(d, name); err == nil {
				err = d.rmdir(name)
			}
		}
		switch {
		case notEmpty(err):
			w.stale[p] = true
			return fmt.Errorf("files that the pod does not serve are in the folder: %w", pod.ErrNotEmpty)
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		}
		w.undo = append(w.undo, func() error {
			return w.store.in(p, func(d dir, name string) error {
				return errors.Join(d.mkdir(name), d.setTime(name, r.Modified))
			})
		})
		return nil
	})
}

// sweep removes the store's own files from a directory in d.
func sweep(d dir, name string) error {
	inner, err := d.sub(name)
	if err != nil {
		return err
	}
	defer inner.close()
	names, err := inner.names()
	for _, n := range names {
		if strings.HasPrefix(n, sidecarPrefix) {
			err = errors.Join(err, inner.unlink(n))
		}
	}
	return err
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func compare(a, b pod.Path) int { return strings.Compare(a.String(), b.String()) }
