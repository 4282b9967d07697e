package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

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

// holdRows holds the resources among some rows.
func (h *hand) holdRows(rows []row) {
	for _, r := range rows {
		if r.Path.Subject() == r.Path {
			h.hold([]pod.Path{r.Path}, true)
		}
	}
}

// judge decides, at an Open of a store that is followed, on rows that have no file, as a follower does while it runs: much,
// or whatever is missing where something was held before, is held. Else it is lost, which is no delete.
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
	lost := lossOf(rows)
	if lost.all, err = s.index.count(); err != nil {
		return err
	}
	before, err := s.lostWithin()
	if err != nil {
		return err
	}
	if s.hand.marked || !lost.few(len(before)) {
		s.hand.holdRows(rows)
		return nil
	}
	for _, p := range gone {
		if err := w.scan(p.Parent()); err != nil {
			return err
		}
	}
	for range lost.files {
		before = append(before, s.now())
	}
	return s.writeLost(before)
}
