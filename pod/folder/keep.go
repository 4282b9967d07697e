package folder

import (
	"errors"
	"io/fs"
	"slices"

	"kith/pod"
)

// kept parts rows into those that a hand may not delete, which are what Followed.Keep
// tells of and the containers of that, and the rest.
func (f Followed) kept(rows []row) (kept, rest []row) {
	var files []pod.Path
	for _, r := range rows {
		if f.Keep == nil || r.Path.IsContainer() {
			continue
		}
		if _, keep := f.Keep(r.Path); keep {
			files = append(files, r.Path)
		}
	}
	for _, r := range rows {
		if slices.Contains(files, r.Path) || slices.ContainsFunc(files, r.Path.Contains) {
			kept = append(kept, r)
		} else {
			rest = append(rest, r)
		}
	}
	return kept, rest
}

// restore puts back what a hand has removed and may not delete. What cannot be put
// back is taken for lost, which leaves no tombstone: replicas bring it.
func (w *writeTx) restore(kept []row) error {
	for _, r := range slices.Backward(kept) { // containers come last
		_, found, err := w.store.index.get(r.Path)
		if err != nil {
			return err
		}
		if !found { // lost with its container
			continue
		}
		back, err := w.putBack(r)
		if err != nil {
			return err
		}
		if back {
			continue
		}
		if err := w.lose(r); err != nil {
			return err
		}
	}
	return nil
}

// putBack makes the directory or the file of a row, and reports whether it could.
// Followed.Keep knows the bytes of a file: nil when it does not.
func (w *writeTx) putBack(r row) (back bool, err error) {
	err = w.store.in(r.Path, func(d dir, name string) error {
		if _, _, err := d.lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return err // something else is in its place
		}
		if back = r.Path.IsContainer(); back {
			w.undo = append(w.undo, func() error { return ignoreAbsent(w.store.in(r.Path, dir.rmdir)) })
			return errors.Join(d.mkdir(name), w.store.syncDir(d))
		}
		text, _ := w.store.o.Followed.Keep(r.Path)
		if back = len(text) > 0; !back {
			return nil
		}
		w.undo = append(w.undo, func() error { return ignoreAbsent(w.store.in(r.Path, dir.unlink)) })
		return errors.Join(writeSidecar(d, w.store.tmp, name, sidecar{mediaType: r.Type}), d.write(name, text), w.store.syncDir(d))
	})
	return back, err
}
