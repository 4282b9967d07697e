package folder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"kith/pod"
)

// View implements pod.Store.
func (s *Store) View(ctx context.Context, fn func(pod.Tx) error) error {
	stale, err := s.view(ctx, fn)
	_ = s.tidy(stale) // a read stands; what is left to scrub stays due
	return meant(err)
}

func (s *Store) view(ctx context.Context, fn func(pod.Tx) error) (stale map[pod.Path]bool, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, pod.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.Away() {
		return nil, pod.ErrAway
	}
	t := &tx{store: s, head: s.head, stale: make(map[pod.Path]bool)}
	err = fn(t)
	return t.stale, err
}

// Update implements pod.Store. If a write fails after it was begun, the Update
// does, even if fn goes on and returns nil.
func (s *Store) Update(ctx context.Context, fn func(pod.WriteTx) error) error {
	w, err := s.update(ctx, func(w *writeTx) error { return fn(w) })
	if err == nil {
		err = s.eraseAllDoomed(w)
	}
	return meant(errors.Join(err, s.tidy(w.stale)))
}

// update runs fn alone and commits, or undoes, what it did. The writeTx it
// returns is never nil.
func (s *Store) update(ctx context.Context, fn func(*writeTx) error) (w *writeTx, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w = &writeTx{tx: tx{store: s, head: s.head, stale: make(map[pod.Path]bool), dirty: make(map[pod.Path]bool)}, after: make(map[pod.Path]func() error), known: make(map[string]uint64)}
	switch {
	case s.closed || s.frozen:
		return w, pod.ErrClosed
	case s.Away():
		return w, pod.ErrAway
	case s.broken != nil:
		return w, fmt.Errorf("writes are refused until the next start: %w: %w", pod.ErrDisk, s.broken)
	case ctx.Err() != nil:
		return w, ctx.Err()
	}
	if err := s.index.begin(); err != nil {
		return w, err
	}
	committed := false
	defer func() {
		if !committed {
			err = errors.Join(err, w.rollback())
		}
	}()
	if err := w.prune(); err != nil {
		return w, err
	}
	if err := fn(w); err != nil {
		return w, err
	}
	if w.failed != nil {
		return w, w.failed
	}
	if err := w.commit(); err != nil {
		return w, err
	}
	committed = true
	return w, nil
}

// commit makes the folder durable, and then the index follow.
func (w *writeTx) commit() error {
	if w.lost {
		w.head.Epoch = newID()
	}
	w.store.pruned = w.store.today()
	if w.head == w.store.head && !w.store.index.changed {
		return w.store.index.rollback()
	}
	if err := w.syncAll(); err != nil {
		return err
	}
	if len(w.after) > 0 {
		for _, settle := range w.after {
			if err := settle(); err != nil {
				return err
			}
		}
		if err := w.syncAll(); err != nil {
			return err
		}
	}
	if err := w.store.index.know(w.known); err != nil {
		return err
	}
	if err := w.store.index.commit(w.head); err != nil {
		return err
	}
	told := w.head.Head != w.store.head.Head
	w.store.head = w.head
	if told {
		w.store.watchers.signal()
	}
	return nil
}

// syncAll gives the changed containers the time of their membership, and makes
// their entries durable.
func (w *writeTx) syncAll() error {
	for _, p := range slices.SortedFunc(maps.Keys(w.dirty), compare) {
		r, found, err := w.store.index.get(p)
		if err != nil {
			return err
		}
		if !found {
			continue // deleted since
		}
		d, err := w.store.tree.sub(rel(p))
		if err != nil {
			return fmt.Errorf("make durable: %w", err)
		}
		err = d.setTime(".", timeOf(r.mtime))
		err = errors.Join(err, w.store.syncDir(d), d.close())
		if err != nil {
			return fmt.Errorf("make durable: %w", err)
		}
	}
	return nil
}

// syncDir makes the entries of a directory durable. When that fails, nobody can
// tell any more what is on the disk, and a second attempt might succeed without
// reason: no write is acknowledged until the next Open has looked.
func (s *Store) syncDir(d dir) error {
	err := d.sync()
	if err != nil && s.broken == nil {
		s.broken = err
	}
	return err
}

// rollback undoes what was done to the folder, and leaves the index as it was.
func (w *writeTx) rollback() error {
	err := w.store.index.rollback()
	for _, undo := range slices.Backward(w.undo) {
		err = errors.Join(err, undo())
	}
	for p := range w.dirty {
		err = errors.Join(err, w.backdate(p))
	}
	if err = errors.Join(err, w.recognise()); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	return nil
}

// recognise tells the index of the files that the Update moved away and back:
// that has changed the times of their inodes, and nobody else did it.
func (w *writeTx) recognise() error {
	if len(w.moved) == 0 {
		return nil
	}
	x := w.store.index
	if err := x.begin(); err != nil {
		return err
	}
	for _, p := range w.moved {
		if err := w.restamp(p); err != nil {
			return errors.Join(err, x.rollback())
		}
	}
	if err := x.commit(w.store.head); err != nil {
		return errors.Join(err, x.rollback())
	}
	return nil
}

// restamp gives a row the stamp of its file, if only the inode's time differs.
func (w *writeTx) restamp(p pod.Path) error {
	r, found, err := w.store.index.get(p)
	if err != nil || !found {
		return err
	}
	return w.store.in(p, func(d dir, name string) error {
		s, k, err := d.lstat(name)
		if err != nil || k != plain && k != linked {
			return ignoreAbsent(err)
		}
		if same := (stamp{r.stamp.size, r.stamp.mtime, s.ctime, r.stamp.inode}); s != same || s == r.stamp {
			return nil
		}
		r.stamp = s
		return w.store.index.put(r)
	})
}

// backdate gives a directory the time back that its container has.
func (w *writeTx) backdate(p pod.Path) error {
	r, found, err := w.store.index.get(p)
	if err != nil || !found || w.stale[p] {
		return err
	}
	d, err := w.store.tree.sub(rel(p))
	if err != nil {
		return err
	}
	return errors.Join(d.setTime(".", timeOf(r.mtime)), d.close())
}

// eraseAllDoomed erases what an Update has moved out.
func (s *Store) eraseAllDoomed(w *writeTx) (err error) {
	for _, d := range w.doomed {
		err = errors.Join(err, s.eraseDoomed(d))
	}
	return err
}

// eraseDoomed erases what was replaced or deleted, unless it is being read.
func (s *Store) eraseDoomed(d doomed) error {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed || !s.leases.doom(d.lease, d.name) {
		return nil
	}
	return erase(s.erase, d.name)
}

// tidy does what a View or Update has found to be due: it brings the index in
// line with the folder where they differed, drops old traces, and scrubs. On a
// full disk the scrub waits for the next time.
func (s *Store) tidy(stale map[pod.Path]bool) error {
	s.mu.RLock()
	idle := s.closed || s.broken != nil
	differs := !idle && (len(stale) > 0 || s.pruned != s.today())
	due := !idle && s.index.due()
	s.mu.RUnlock()
	if differs {
		// What does not succeed is found again by the next read, and Rescan
		// reports what is in the way.
		_ = s.settle(stale)
	}
	if !due && !differs {
		return nil
	}
	return s.scrub()
}

// settle looks at what was found to differ, and tells the follower of it.
func (s *Store) settle(stale map[pod.Path]bool) error {
	_, err := s.update(context.Background(), func(w *writeTx) error {
		w.passing = s.followed()
		for _, p := range slices.SortedFunc(maps.Keys(stale), compare) {
			if err := w.look(p); err != nil {
				return err
			}
		}
		return nil
	})
	if s.followed() {
		for p := range stale {
			if !p.IsContainer() {
				p = p.Parent()
			}
			s.hand.nudge(p)
		}
	}
	return err
}

func (s *Store) scrub() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.broken != nil || !s.index.due() {
		return nil
	}
	if err := s.index.scrub(); !errors.Is(err, pod.ErrFull) {
		return err
	}
	return nil
}

// prune drops traces that have become too old, once a day.
func (w *writeTx) prune() error {
	today := w.store.today()
	if w.store.pruned == today {
		return nil
	}
	floor, err := w.store.index.prune(today)
	if err != nil {
		return err
	}
	w.head.Floor = max(w.head.Floor, floor)
	return nil
}
