package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"kith/pod"
)

// heldName is a file of State/ that is there while something waits for the owner's word. Whoever opens the pod next holds
// all that is missing then. It has no content: what is missing is what has a row and no file.
const heldName = "held"

// markHeld makes the file heldName say whether something is held. Where the disk is full, that is remembered for as long as
// the store is open.
func (s *Store) markHeld() (err error) {
	h := &s.hand
	h.mu.Lock()
	defer h.mu.Unlock()
	held, name := len(h.held) > 0, filepath.Join(s.o.State, heldName)
	if held == h.marked {
		return nil
	}
	if held {
		err = os.WriteFile(name, nil, fileMode)
	} else {
		err = ignoreAbsent(os.Remove(name))
	}
	if full(err) {
		return nil
	}
	if err == nil {
		h.marked = held
	}
	return err
}

// holdRows holds what counts among some rows; what goes along with it, that is held too.
func (w *writeTx) holdRows(rows []row) error {
	counted, err := w.counted(rows)
	for _, r := range counted {
		w.store.hand.hold([]pod.Path{r.Path}, true)
	}
	return err
}

// judge decides, at an Open of a store that is followed, on rows that have no file, as a follower does while it runs: much,
// or whatever is missing where something was held before, is held. Else it is lost, which is no delete: few, which count for an
// hour, or all there was, where replicas bring it. What a delete has moved out, before the process was killed, counts for nothing.
func (w *writeTx) judge(gone []pod.Path) error {
	s := w.store
	if !s.followed() {
		return nil
	}
	_, err := os.Lstat(filepath.Join(s.o.State, heldName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.hand.marked = err == nil
	rows, err := w.without(gone)
	if err != nil || len(rows) == 0 {
		return err
	}
	lost, err := w.lossOf(slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !r.Path.IsContainer() && s.dying[r.inode] }))
	if err != nil {
		return err
	}
	before, err := s.lostWithin()
	if err != nil {
		return err
	}
	hold, much := s.hand.marked, !lost.few(len(before))
	if !hold && much {
		if hold, err = w.remains(rows); err != nil {
			return err
		}
	}
	if hold {
		return w.holdRows(rows)
	}
	for _, p := range gone {
		if err := w.scan(p.Parent()); err != nil {
			return err
		}
	}
	left, err := w.left(rows)
	if err != nil || much || lost.files <= left {
		return err
	}
	for range lost.files - left {
		before = append(before, s.now())
	}
	return s.writeLost(before)
}

// left counts the rows that are still there: the follower decides on them, and counts them.
func (w *writeTx) left(rows []row) (n int, err error) {
	for _, r := range rows {
		_, known, err := w.store.index.get(r.Path)
		if err != nil {
			return 0, err
		}
		if known {
			n++
		}
	}
	return n, nil
}

// remains reports whether there is any resource but those that are missing, and but access lists and descriptions, which who
// empties a folder often leaves behind. Where replicas fill no empty folder there always is.
func (w *writeTx) remains(missing []row) (bool, error) {
	if !w.store.o.Refilled {
		return true, nil
	}
	gone := map[pod.Path]bool{}
	for _, r := range missing {
		gone[r.Path] = true
	}
	all, err := w.store.index.below(pod.Root)
	return slices.ContainsFunc(all, func(r row) bool {
		return r.Path.Subject() == r.Path && !r.Path.IsContainer() && !gone[r.Path]
	}), err
}

// Lacking returns what is held, with all that is in it and belongs to it and has no file, containers before what is in
// them: the rows as they were.
func (s *Store) Lacking(ctx context.Context) (all []pod.Info, err error) {
	var paths []pod.Path
	for _, p := range s.Troubles().Held {
		paths = append(paths, p, p.ACL(), p.Meta())
	}
	_, err = s.update(ctx, func(w *writeTx) error {
		rows, err := w.without(paths)
		for _, r := range slices.Backward(rows) {
			all = append(all, r.Info)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find what is missing: %w", err)
	}
	return all, nil
}

// PutBack gives something that is held its bytes again, as was names it in a copy of the pod; content is nil for a
// container. With the bytes that it had, it is what it was. Others have the version of the copy, so that a replica that
// has a newer one brings that. What is not missing any more stays as it is.
func (s *Store) PutBack(ctx context.Context, was pod.Info, content pod.Staged) error {
	_, err := s.update(ctx, func(w *writeTx) error {
		rows, err := w.without([]pod.Path{was.Path})
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := w.putContainersBack(was.Path); err != nil {
			return err
		}
		if content == nil {
			return nil
		}
		r, _, err := s.index.get(was.Path)
		if err != nil {
			return err
		}
		return w.fill(r, was, content)
	})
	if err != nil {
		return fmt.Errorf("put back: %w", err)
	}
	s.hand.hold([]pod.Path{was.Path}, false)
	return errors.Join(s.markHeld(), s.tidy(nil))
}

// fill writes the file of a row. Its sidecar has gone with it.
func (w *writeTx) fill(r row, was pod.Info, content pod.Staged) error {
	err := w.store.in(r.Path, func(d dir, name string) error {
		w.undo = append(w.undo, func() error {
			return ignoreAbsent(w.store.in(r.Path, func(d dir, name string) error { return d.unlink(sidecarName(name)) }))
		})
		return writeSidecar(d, w.store.tmp, name, sidecar{mediaType: r.Type})
	})
	if err != nil {
		return err
	}
	version := r.Version
	if was.ETag != r.ETag {
		version, w.lost = was.Version, true
	}
	if _, err = w.Put(r.Path, content, pod.PutOptions{Version: version}); err != nil || version != (pod.Version{}) {
		return err
	}
	if r, _, err = w.store.index.get(r.Path); err != nil { // it has no version that is known
		return err
	}
	r.Version = version
	return w.store.index.put(r)
}

// putContainersBack makes the directories of p and of the containers above it, where they are missing.
func (w *writeTx) putContainersBack(p pod.Path) error {
	if p.IsRoot() {
		return nil
	}
	if err := w.putContainersBack(p.Parent()); err != nil || !p.IsContainer() {
		return err
	}
	r, found, err := w.store.index.get(p)
	if err != nil || !found {
		return err
	}
	_, err = w.putBack(r)
	w.store.hand.hold([]pod.Path{p}, false)
	return err
}
