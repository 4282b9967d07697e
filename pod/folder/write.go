package folder

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"kith/pod"
)

// writeTx changes the pod while its Update runs: the folder at once, the index
// in one transaction. What it did to the folder it can undo, in reverse order.
type writeTx struct {
	tx
	undo    []func() error
	after   map[pod.Path]func() error // what must follow when the dirty containers are durable
	doomed  []doomed
	moved   []pod.Path        // whose files were given another name; back at it after an undo
	last    pod.Version       // that was given
	known   map[string]uint64 // counters that were given, by device
	found   *findings         // of a follower's look; nil in all other Updates
	opening *[]pod.Path       // at an Open of a store that is followed: the rows that have no file are left here
	passing bool              // another look while the store is followed: what its follower decides on is left to it
	lost    bool              // something was gone that nobody deleted through the pod
	failed  error             // of a write that was begun: nothing of this Update may stay
}

// doomed is a file in the erase folder, and the readers it still has.
type doomed struct {
	lease *lease
	name  string
}

// Put implements pod.WriteTx.
func (w *writeTx) Put(p pod.Path, content pod.Staged, o pod.PutOptions) (info pod.Info, err error) {
	defer w.fail(&err)
	st, ok := content.(*staged)
	if !ok || st.store != w.store || st.used {
		return pod.Info{}, errors.New("put what is not staged here")
	}
	if p.IsContainer() || p == (pod.Path{}) {
		return pod.Info{}, fmt.Errorf("put bytes to a container: %w", pod.ErrBadPath)
	}
	r, found, err := w.store.index.get(p)
	if err != nil {
		return pod.Info{}, err
	}
	if limit := w.store.o.MaxBytes; limit > 0 && w.head.bytes-r.Size+st.size > limit {
		return pod.Info{}, fmt.Errorf("put: the pod may hold %d bytes: %w", limit, pod.ErrFull)
	}
	if err := w.identity(&r, p, found, o); err != nil {
		return pod.Info{}, fmt.Errorf("put: %w", err)
	}
	w.head.bytes += st.size - r.Size
	if err := w.place(st, &r, found); err != nil {
		return pod.Info{}, fmt.Errorf("put: %w", err)
	}
	if err := w.record(&r, found); err != nil {
		return pod.Info{}, fmt.Errorf("put: %w", err)
	}
	return r.Info, nil
}

// MakeContainer implements pod.WriteTx.
func (w *writeTx) MakeContainer(p pod.Path, o pod.PutOptions) (info pod.Info, err error) {
	if !p.IsContainer() {
		return pod.Info{}, fmt.Errorf("make a container of another path: %w", pod.ErrBadPath)
	}
	r, found, err := w.store.index.get(p)
	if err != nil {
		return pod.Info{}, err
	}
	if found && o.Version == (pod.Version{}) {
		return pod.Info{}, fmt.Errorf("make container: %w", pod.ErrExist)
	}
	defer w.fail(&err)
	if err := w.identity(&r, p, found, o); err != nil {
		return pod.Info{}, fmt.Errorf("make container: %w", err)
	}
	if !found {
		if err := w.mkdir(&r); err != nil {
			return pod.Info{}, fmt.Errorf("make container: %w", err)
		}
	}
	if err := w.record(&r, found); err != nil {
		return pod.Info{}, fmt.Errorf("make container: %w", err)
	}
	return r.Info, nil
}

// fail remembers the error of a write, so that a caller who goes on after it
// cannot commit half of it.
func (w *writeTx) fail(err *error) {
	if w.failed == nil {
		w.failed = *err
	}
}

// identity gives a row its path, handle and version. For a new one it makes the
// parents, after it has seen that the name is free.
func (w *writeTx) identity(r *row, p pod.Path, found bool, o pod.PutOptions) error {
	if !found {
		if err := w.free(p); err != nil {
			return err
		}
		if err := w.parents(p, o.Version); err != nil {
			return err
		}
		r.Path, r.ID = p, newID()
	}
	if o.ID != "" && o.ID != r.ID {
		holder, err := w.store.index.holder(o.ID)
		if err != nil {
			return err
		}
		if holder.ID != "" {
			return fmt.Errorf("the handle belongs to another resource: %w", pod.ErrConflict)
		}
		r.ID = o.ID
		if err := w.store.index.forgetTombstone(r.ID); err != nil {
			return err
		}
	}
	r.Version = w.version(o.Version)
	return nil
}

// version returns v, or the next version of this pod for the zero one.
func (w *writeTx) version(v pod.Version) pod.Version {
	if v == (pod.Version{}) {
		v = pod.Version{Counter: w.head.Counter + 1, Device: w.store.o.Device}
	}
	w.head.Counter = max(w.head.Counter, v.Counter)
	w.last = v
	w.known[v.Device] = max(w.known[v.Device], v.Counter)
	return v
}

// next returns the Seq of the next change.
func (w *writeTx) next() uint64 {
	w.head.Seq++
	return w.head.Seq
}

// free returns pod.ErrConflict if a new path collides with a sibling. An
// auxiliary stands for its subject: there is no `/x.acl` beside `/x/`.
func (w *writeTx) free(p pod.Path) error {
	like, err := w.like(p)
	if err == nil && len(like) > 0 {
		err = fmt.Errorf("a sibling has this name, or one like it: %w", pod.ErrConflict)
	}
	return err
}

// like returns the siblings with which a new path collides.
func (w *writeTx) like(p pod.Path) (rows []row, err error) {
	subject := p.Subject()
	names := []pod.Path{p}
	if subject != p && subject.Parent() == p.Parent() {
		names = append(names, subject)
	}
	if p.IsContainer() {
		same, err := p.Parent().Child(p.Name(), false)
		if err != nil {
			return nil, err
		}
		names = append(names, same.ACL(), same.Meta())
	}
	for _, n := range names {
		twins, err := w.store.index.twins(p.Parent(), n.FoldedName(), n.Name())
		if err != nil {
			return nil, err
		}
		rows = append(rows, slices.DeleteFunc(twins, func(r row) bool { return r.Path == n && !p.IsContainer() })...)
	}
	return rows, nil
}

// parents makes the missing containers above a path. They have the version of
// the write only if that is this pod's own: a replica names its containers.
func (w *writeTx) parents(p pod.Path, v pod.Version) error {
	parent := p.Parent()
	_, found, err := w.store.index.get(parent)
	if err != nil || found {
		return err
	}
	if err := w.free(parent); err != nil {
		return err
	}
	if err := w.parents(parent, v); err != nil {
		return err
	}
	r := row{Info: pod.Info{Path: parent, ID: newID()}}
	if v == (pod.Version{}) {
		r.Version = w.version(v)
	}
	if err := w.mkdir(&r); err != nil {
		return err
	}
	return w.record(&r, false)
}

// record writes a row, and what follows for its subject, if it is an auxiliary,
// or for its container.
func (w *writeTx) record(r *row, found bool) error {
	if err := w.write(r, found); err != nil {
		return err
	}
	return w.consequences(r.Path, r.ETag, !found)
}

// write writes a row at a new Seq.
func (w *writeTx) write(r *row, found bool) error {
	r.settle()
	r.seq = w.next()
	if !found {
		r.created, r.access = r.seq, r.seq
		acl, _, err := w.store.index.get(r.Path.ACL())
		if err != nil {
			return err
		}
		r.ACLTag = acl.ETag
	}
	return w.store.index.put(*r)
}

// consequences follow from a write or delete of p, now with the entity tag.
func (w *writeTx) consequences(p pod.Path, etag string, membership bool) error {
	subject := p.Subject()
	switch {
	case p.IsACL():
		r, found, err := w.store.index.get(subject)
		if err != nil || !found {
			return err
		}
		r.ACLTag = etag
		r.seq = w.next()
		r.access = r.seq
		return w.store.index.put(r)
	case subject != p || !membership || p.IsRoot():
		return nil
	}
	r, found, err := w.store.index.get(p.Parent())
	if err != nil || !found {
		return err
	}
	r.mtime = w.later(r.Modified).UnixNano()
	r.seq = w.next()
	return w.store.index.put(r)
}

// later returns the time of a change, which is after the one before.
func (w *writeTx) later(before time.Time) time.Time {
	t := w.store.now().UTC().Truncate(time.Millisecond)
	if !t.After(before) {
		t = before.Add(time.Millisecond)
	}
	return t
}

// Delete implements pod.WriteTx.
func (w *writeTx) Delete(p pod.Path, o pod.DeleteOptions) error {
	r, err := w.deletable(p)
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	rows := []row{r}
	if p.IsContainer() {
		for child, err := range w.children(p) {
			if err != nil {
				return fmt.Errorf("delete: %w", err)
			}
			if child.Path.Subject() == child.Path {
				return fmt.Errorf("delete: %w", pod.ErrNotEmpty)
			}
			rows = append(rows, child)
		}
	} else if p.Subject() == p {
		for _, aux := range []pod.Path{p.ACL(), p.Meta()} {
			if r, found, err := w.store.index.get(aux); err != nil {
				return fmt.Errorf("delete: %w", err)
			} else if found {
				rows = append(rows, r)
			}
		}
	}
	return w.remove(p, rows, o)
}

// DeleteTree implements pod.WriteTx.
func (w *writeTx) DeleteTree(p pod.Path, o pod.DeleteOptions) error {
	if !p.IsContainer() {
		return w.Delete(p, o)
	}
	r, err := w.deletable(p)
	if err != nil {
		return fmt.Errorf("delete tree: %w", err)
	}
	rows, err := w.store.index.below(p)
	if err != nil {
		return fmt.Errorf("delete tree: %w", err)
	}
	return w.remove(p, append(rows, r), o)
}

func (w *writeTx) deletable(p pod.Path) (row, error) {
	if p.IsRoot() {
		return row{}, fmt.Errorf("the root container: %w", pod.ErrReserved)
	}
	return w.find(p)
}

// remove deletes the rows of a subject and all that goes with it, what is below
// a container before the container.
func (w *writeTx) remove(subject pod.Path, rows []row, o pod.DeleteOptions) (err error) {
	defer w.fail(&err)
	sort.Slice(rows, func(i, j int) bool { return compare(rows[i].Path, rows[j].Path) > 0 })
	version := w.version(o.Version)
	for _, r := range rows {
		if err := w.takeAway(r); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		if err := w.store.index.drop(r.Path); err != nil {
			return err
		}
		w.head.bytes -= r.Size
		t := trace{seq: w.next(), id: r.ID, gone: true, version: version, day: w.store.today()}
		if r.Path == subject {
			t.readers = unique(o.Readers)
		}
		if err := w.leaveTrace(t); err != nil {
			return err
		}
	}
	return w.consequences(subject, "", true)
}

// Touch implements pod.WriteTx.
func (w *writeTx) Touch(p pod.Path, lost []string) (err error) {
	r, err := w.find(p)
	if err != nil {
		return fmt.Errorf("touch: %w", err)
	}
	defer w.fail(&err)
	r.seq = w.next()
	r.access = r.seq
	if err := w.store.index.put(r); err != nil {
		return err
	}
	if len(lost) == 0 {
		return nil
	}
	return w.leaveTrace(trace{seq: w.next(), id: r.ID, version: w.last, day: w.store.today(), readers: unique(lost)})
}

// Forget implements pod.WriteTx.
func (w *writeTx) Forget(id string) (err error) {
	defer w.fail(&err)
	if err := w.store.index.forgetReaders(id); err != nil {
		return fmt.Errorf("forget readers: %w", err)
	}
	return nil
}

func (w *writeTx) leaveTrace(t trace) error {
	if err := w.store.index.withdraw(t.id, t.readers); err != nil {
		return err
	}
	return w.store.index.putTrace(t)
}

func unique(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}
