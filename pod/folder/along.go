package folder

import (
	"errors"
	"io/fs"

	"kith/pod"
)

// along takes away the ACL and the description of a file that is gone: neither is for whatever gets its name next. Where the
// file was deleted, they leave tombstones, too.
func (w *writeTx) along(r row, deleted bool) error {
	if r.Path.IsContainer() || r.Path.Subject() != r.Path || !w.store.followed() {
		return nil // those of a container lay in it
	}
	for _, p := range []pod.Path{r.Path.ACL(), r.Path.Meta()} {
		if err := w.takeOut(p, deleted); err != nil {
			return err
		}
	}
	return nil
}

// takeOut removes an auxiliary, its file and its row, whatever a hand has made of it.
func (w *writeTx) takeOut(p pod.Path, deleted bool) error {
	r, known, err := w.store.index.get(p)
	if err != nil || !known {
		return err
	}
	err = w.store.in(p, func(d dir, name string) error {
		if _, k, err := d.lstat(name); err != nil || k == folded {
			return ignoreAbsent(err)
		}
		if err := w.moveOut(d, p, newID()); err != nil {
			return err
		}
		return errors.Join(ignoreAbsent(w.moveSidecarOut(d, p)), w.store.syncDir(d))
	})
	if ignoreAbsent(err) != nil {
		return err
	}
	return w.unlist(r, deleted)
}

// unlist drops the row of what has no file. Friends are told by a new Epoch: who could read it is not known any more.
func (w *writeTx) unlist(r row, deleted bool) error {
	w.lost = true
	w.head.bytes -= r.Size
	if err := w.store.index.drop(r.Path); err != nil || !deleted {
		return err
	}
	return w.leaveTrace(trace{seq: w.next(), id: r.ID, gone: true, version: w.version(pod.Version{}), day: w.store.today()})
}

// bare reports whether a row is an ACL of something that the pod has.
func (w *writeTx) bare(r row) (bool, error) {
	if !r.Path.IsACL() || !w.store.followed() {
		return false, nil
	}
	_, known, err := w.store.index.get(r.Path.Subject())
	return known, err
}

// enclose replaces an ACL by one that lets nobody in but the owner, or takes it away where nobody else would be let in without.
// Where it was lost, and not deleted, replicas bring what they have.
func (w *writeTx) enclose(r row, deleted bool) error {
	subject := r.Path.Subject()
	var text []byte
	var err error
	if private := w.store.o.Followed.Private; private != nil {
		text, err = private(w, subject)
	}
	if err != nil {
		return err
	}
	if text == nil {
		if err := w.takeOut(r.Path, deleted); err != nil {
			return err
		}
		return w.consequences(r.Path, "", true)
	}
	w.lost = true
	err = w.store.in(r.Path, func(d dir, name string) error {
		if _, _, err := d.lstat(name); err == nil {
			if err := w.moveOut(d, r.Path, newID()); err != nil {
				return err
			}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return w.layACL(d, name, text, r)
	})
	if err != nil || deleted {
		return err
	}
	if r, _, err = w.store.index.get(r.Path); err != nil {
		return err
	}
	r.Version = pod.Version{}
	return w.store.index.put(r)
}

// layACL writes the file of an ACL that has a row and no file.
func (w *writeTx) layACL(d dir, name string, text []byte, r row) error {
	w.undo = append(w.undo, func() error {
		return ignoreAbsent(w.store.in(r.Path, func(d dir, name string) error { return d.unlink(name) }))
	})
	sidecar := ignoreAbsent(w.moveSidecarOut(d, r.Path))
	if err := errors.Join(sidecar, d.write(name, text), w.store.syncDir(d)); err != nil {
		return err
	}
	return w.reread(d, r)
}

// counted returns those of rows that count by themselves: resources, and auxiliaries of resources that are not missing.
func (w *writeTx) counted(rows []row) (all []row, err error) {
	gone := map[pod.Path]bool{}
	for _, r := range rows {
		gone[r.Path] = true
	}
	for _, r := range rows {
		subject := r.Path.Subject()
		if subject != r.Path {
			_, known, err := w.store.index.get(subject)
			if err != nil {
				return nil, err
			}
			if !known || gone[subject] || w.store.hand.holds(subject) {
				continue
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// lose drops the rows of what a hand has removed from the folder. That is no
// delete: it leaves no trace, for a replica would delete there too what was only
// lost here. A new Epoch tells everybody to compare. The row of an ACL stays where its subject is there: nobody is let in by
// what is missing, until it is decided on. One that a request was deleting when the process was killed goes.
func (w *writeTx) lose(r row) error {
	if _, known, err := w.store.index.get(r.Path); err != nil || !known { // it went along with something
		return err
	}
	if bare, err := w.bare(r); err != nil || bare && !w.store.dying[r.inode] {
		return err
	}
	rows := []row{r}
	if r.Path.IsContainer() {
		below, err := w.store.index.below(r.Path)
		if err != nil {
			return err
		}
		rows = append(below, r)
	}
	for _, r := range rows {
		if err := w.unlist(r, false); err != nil {
			return err
		}
	}
	if err := w.along(r, false); err != nil {
		return err
	}
	if r.Path.IsRoot() {
		return errors.New("the folder of the pod is gone")
	}
	return w.consequences(r.Path, "", false)
}

func (w *writeTx) losePath(p pod.Path) error {
	r, found, err := w.store.index.get(p)
	if err != nil || !found {
		return err
	}
	return w.lose(r)
}
