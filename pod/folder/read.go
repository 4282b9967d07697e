package folder

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"kith/pod"
)

// tx reads the pod while its View or Update runs.
type tx struct {
	store *Store
	head  head
	stale map[pod.Path]bool // where the folder was found to differ from the index
	dirty map[pod.Path]bool // containers that this Update has changed
}

// Head implements pod.Tx.
func (t *tx) Head() pod.Head { return t.head.Head }

// Stat implements pod.Tx.
func (t *tx) Stat(p pod.Path) (pod.Info, error) {
	r, err := t.find(p)
	if err != nil {
		return pod.Info{}, fmt.Errorf("stat: %w", err)
	}
	d, err := t.store.tree.sub(relParent(p))
	if err != nil {
		return pod.Info{}, t.missing("stat", p, err)
	}
	defer d.close()
	s, k, err := d.lstat(base(p))
	switch {
	case err != nil:
		return pod.Info{}, t.missing("stat", p, err)
	case p.IsContainer() && k == folded:
		return r.Info, nil
	case p.IsContainer() || !r.owns(s, k):
		return pod.Info{}, t.missing("stat", p, pod.ErrNotExist)
	case s == r.stamp:
		return r.Info, nil
	case t.store.waitsFor(r, s):
		t.stale[p] = true
		return r.Info, nil
	}
	f, info, err := t.openFile(d, r)
	if err != nil {
		return pod.Info{}, t.missing("stat", p, err)
	}
	return info, f.Close()
}

// Open implements pod.Tx.
func (t *tx) Open(p pod.Path) (pod.Resource, error) {
	r, err := t.find(p)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if p.IsContainer() {
		return nil, fmt.Errorf("open a container: %w", pod.ErrNotExist)
	}
	d, err := t.store.tree.sub(relParent(p))
	if err != nil {
		return nil, t.missing("open", p, err)
	}
	defer d.close()
	f, info, err := t.openFile(d, r)
	if err != nil {
		return nil, t.missing("open", p, err)
	}
	s, _, err := fstat(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open: %w", err), f.Close())
	}
	return &resource{file: f, known: row{Info: info, stamp: s}, store: t.store, lease: t.store.leases.take(p)}, nil
}

// find returns the row of a path, or pod.ErrNotExist.
func (t *tx) find(p pod.Path) (row, error) {
	r, found, err := t.store.index.get(p)
	if err == nil && !found {
		err = pod.ErrNotExist
		t.notice(p)
	}
	return r, err
}

// notice remembers a file that has no row where other processes of the pod's own write: the time of its
// directory need not show it, for two changes can have one time.
func (t *tx) notice(p pod.Path) {
	if !t.store.followed() || t.store.follows(p) {
		return
	}
	d, err := t.store.tree.sub(relParent(p))
	if err != nil {
		return
	}
	defer d.close()
	if _, k, err := d.lstat(base(p)); err != nil || k != plain {
		return
	}
	at := p.Parent()
	for known := false; !known && at != pod.Root; {
		if _, known, err = t.store.index.get(at); err != nil {
			return
		}
		if !known {
			at = at.Parent()
		}
	}
	t.stale[at] = true
}

// missing turns the error of a file that has a row into what the caller is
// told, and remembers that the two disagree.
func (t *tx) missing(op string, p pod.Path, err error) error {
	if absent(err) || errors.Is(err, pod.ErrNotExist) {
		t.stale[p.Parent()] = true
		err = pod.ErrNotExist
	}
	return fmt.Errorf("%s: %w", op, err)
}

// openFile opens the bytes of a row. If they are not those that the row knows,
// they are read once to find out what they are.
func (t *tx) openFile(d dir, r row) (*os.File, pod.Info, error) {
	f, s, err := d.openOnly(r.Path.Name(), os.O_RDONLY, r.owns)
	if err != nil {
		return nil, pod.Info{}, err
	}
	if s == r.stamp {
		return f, r.Info, nil
	}
	t.stale[r.Path] = true
	if t.store.waitsFor(r, s) {
		f.Close()
		return nil, pod.Info{}, pod.ErrUnsettled
	}
	if err := identifyRow(d, f, &r); err != nil {
		f.Close()
		return nil, pod.Info{}, err
	}
	return f, r.Info, nil
}

// identifyRow brings a row in line with an open file, which it leaves at its
// beginning. A file that is being written has no state to tell: ErrNotExist.
func identifyRow(d dir, f *os.File, r *row) error {
	c, err := readSidecar(d, r.Path.Name())
	if err != nil {
		return err
	}
	before, _, err := fstat(f)
	if err != nil {
		return err
	}
	if r.Type, r.ETag, err = c.identify(f); err != nil {
		return err
	}
	after, _, err := fstat(f)
	if err != nil {
		return err
	}
	if after != before {
		return pod.ErrNotExist
	}
	r.stamp = after
	r.settle()
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// List implements pod.Tx.
func (t *tx) List(p pod.Path) iter.Seq2[pod.Info, error] {
	return func(yield func(pod.Info, error) bool) {
		d, check, err := t.openList(p)
		if err != nil {
			yield(pod.Info{}, err)
			return
		}
		defer d.close()
		for r, err := range t.children(p) {
			if err == nil && (r.Path.Subject() != r.Path || check && !there(d, r)) {
				continue
			}
			if !yield(r.Info, err) || err != nil {
				return
			}
		}
	}
}

// openList opens the directory of a container. If a hand has changed what is in
// it since the index has seen it, check says to look at each child.
func (t *tx) openList(p pod.Path) (d dir, check bool, err error) {
	if !p.IsContainer() {
		return dir{}, false, fmt.Errorf("list what is no container: %w", pod.ErrNotExist)
	}
	r, err := t.find(p)
	if err != nil {
		return dir{}, false, fmt.Errorf("list: %w", err)
	}
	d, err = t.store.tree.sub(rel(p))
	if err != nil {
		return dir{}, false, t.missing("list", p, err)
	}
	s, _, err := fstat(d.f)
	if err != nil {
		return dir{}, false, errors.Join(fmt.Errorf("list: %w", err), d.close())
	}
	if s.mtime != r.mtime && !t.dirty[p] {
		t.stale[p] = true
		check = true
	}
	return d, check, nil
}

// children yields the rows directly below a container, by name.
func (t *tx) children(p pod.Path) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for after := ""; ; {
			rows, err := t.store.index.children(p, after)
			if err != nil {
				yield(row{}, fmt.Errorf("list: %w", err))
				return
			}
			for _, r := range rows {
				if !yield(r, nil) {
					return
				}
			}
			if len(rows) < page {
				return
			}
			after = rows[len(rows)-1].Path.Name()
		}
	}
}

// there reports whether a child is still what its row says.
func there(d dir, r row) bool {
	s, k, err := d.lstat(r.Path.Name())
	if r.Path.IsContainer() {
		return err == nil && k == folded
	}
	return err == nil && r.owns(s, k)
}

// base returns the name of a path in its parent's directory; "." for the root.
func base(p pod.Path) string {
	if p.IsRoot() {
		return "."
	}
	return p.Name()
}

// Changes implements pod.Tx.
func (t *tx) Changes(after uint64) iter.Seq2[pod.Change, error] {
	return func(yield func(pod.Change, error) bool) {
		for {
			found, more, err := t.changes(after)
			if err != nil {
				yield(pod.Change{}, fmt.Errorf("read changes: %w", err))
				return
			}
			for _, c := range found {
				if !yield(c, nil) {
					return
				}
				after = c.Seq
			}
			if !more {
				return
			}
		}
	}
}
