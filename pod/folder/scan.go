package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"kith/pod"
)

// look brings the index in line with the folder at a path: the entries of a
// container, or the bytes of a resource.
func (w *writeTx) look(p pod.Path) error {
	r, found, err := w.store.index.get(p)
	if err != nil || !found {
		return err
	}
	if p.IsContainer() {
		return w.scan(p)
	}
	if w.passing && w.store.follows(p) {
		return nil
	}
	err = w.store.in(p, func(d dir, name string) error {
		s, k, err := d.lstat(name)
		switch {
		case err == nil && r.owns(s, k):
			return w.reread(d, r)
		case w.passing && (absent(err) || err == nil):
			return nil // its follower decides
		case err == nil && (k == foreign || k == linked):
			return nil // not served, and not gone either
		}
		return w.lose(r)
	})
	if absent(err) {
		return w.look(p.Parent())
	}
	return err
}

// scan looks at a container and at what is new below it.
func (w *writeTx) scan(top pod.Path) error {
	for todo := []pod.Path{top}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		r, found, err := w.store.index.get(p)
		if err != nil || !found {
			return err
		}
		m := merge{w: w, rows: &cursor{index: w.store.index, dir: p.String()}}
		if err := m.container(known{p, r.mtime}); err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		todo = append(todo, m.made...)
	}
	return nil
}

// scanOne looks at one container, and returns those in it, and those of them that
// are new.
func (w *writeTx) scanOne(p pod.Path) (below, made []pod.Path, err error) {
	r, found, err := w.store.index.get(p)
	if err != nil || !found {
		return nil, nil, err
	}
	m := merge{w: w, rows: &cursor{index: w.store.index, dir: p.String()}}
	if err := m.container(known{p, r.mtime}); err != nil {
		return nil, nil, fmt.Errorf("scan: %w", err)
	}
	for _, k := range m.below {
		below = append(below, k.path)
	}
	return below, m.made, nil
}

// scanAll looks at the whole pod. It visits the containers in the byte order of
// their paths, in which one cursor yields the rows of them all.
func (w *writeTx) scanAll() error {
	root, _, err := w.store.index.get(pod.Root)
	if err != nil {
		return err
	}
	rows := &cursor{index: w.store.index, dir: pod.Root.String(), all: true}
	for todo := []known{{root.Path, root.mtime}}; len(todo) > 0; {
		container := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		m := merge{w: w, rows: rows}
		if err := m.container(container); err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		slices.SortFunc(m.below, func(a, b known) int { return -compare(a.path, b.path) })
		todo = append(todo, m.below...)
	}
	return nil
}

// known is what a scan keeps of a container until its turn comes.
type known struct {
	path  pod.Path
	mtime int64
}

// redate takes over the time of a directory that a hand has changed.
func (w *writeTx) redate(p pod.Path, s stamp, changed bool) error {
	r, found, err := w.store.index.get(p)
	if err != nil || !found {
		return err
	}
	r.mtime = s.mtime
	if changed {
		r.seq = w.next()
	}
	r.settle()
	return w.store.index.put(r)
}

// merge walks the names on the disk and the rows of the index together, both in
// byte order, for one container.
type merge struct {
	w     *writeTx
	p     pod.Path
	d     dir
	rows  *cursor
	below []known    // the containers in it
	made  []pod.Path // those of them that the index did not know
	late  bool       // something was left as it was in the index
}

// container compares the entries of a directory with the rows of a container.
func (m *merge) container(c known) error {
	d, err := m.w.store.tree.sub(rel(c.path))
	if absent(err) && (m.w.found != nil || m.w.passing || m.w.opening != nil) {
		return nil // a look at the container of this one will tell
	}
	if absent(err) {
		return m.w.losePath(c.path)
	}
	if err != nil {
		return err
	}
	defer d.close()
	m.p, m.d = c.path, d
	m.w.store.hand.forget(c.path)
	s, _, err := fstat(d.f) // before the names, so that a change meanwhile shows
	if err != nil {
		return err
	}
	names, err := d.names()
	if err != nil {
		return err
	}
	seq := m.w.head.Seq
	if err := m.w.cleanSidecars(d, names, s); err != nil {
		return err
	}
	if err := m.run(names); err != nil {
		return err
	}
	if changed := m.w.head.Seq > seq; !m.late && (changed || s.mtime != c.mtime) {
		return m.w.redate(c.path, s, changed)
	}
	return nil
}

func (m *merge) run(names []string) error {
	for _, name := range names {
		for {
			r, have, err := m.rows.peek(m.p)
			if err != nil {
				return err
			}
			if !have || r.Path.Name() >= name {
				break
			}
			if err := m.gone(r); err != nil {
				return err
			}
		}
		if err := m.entry(name); err != nil {
			return err
		}
	}
	for {
		r, have, err := m.rows.peek(m.p)
		if err != nil || !have {
			return err
		}
		if err := m.gone(r); err != nil {
			return err
		}
	}
}

// gone loses a row that has no entry, or tells the follower, or Open.
func (m *merge) gone(r row) error {
	m.rows.next()
	switch {
	case m.w.opening != nil:
		m.late = true
		*m.w.opening = append(*m.w.opening, r.Path)
		return nil
	case m.w.found == nil && !m.w.passing:
		return m.w.lose(r)
	case m.w.found == nil:
		m.late = true
		return nil
	case r.seq > m.w.store.head.Seq: // of this very look
		return nil
	}
	m.late = true
	if !m.w.store.hand.holds(r.Path) {
		m.w.found.missing = append(m.w.found.missing, r.Path)
	}
	return nil
}

// entry compares one name with the row at hand, if it has the same name.
func (m *merge) entry(name string) error {
	if strings.HasPrefix(name, sidecarPrefix) {
		return nil
	}
	s, k, err := m.d.lstat(name)
	if err != nil && !absent(err) {
		return err
	}
	there := err == nil
	r, known, err := m.rows.peek(m.p)
	if err != nil {
		return err
	}
	known = known && r.Path.Name() == name
	served := there && (k == folded || k == plain || known && r.owns(s, k))
	if known && served && r.Path.IsContainer() == (k == folded) {
		return m.same(r, s)
	}
	if there && !served {
		if known { // its row stays: something has its name, so nobody has deleted it
			m.rows.next()
			m.late = true
		}
		m.refuse(name, k, reasonOf(k))
		return nil
	}
	if known && m.w.opening != nil && !m.w.store.follows(r.Path) { // what is there is taken in now
		m.rows.next()
		if err := m.w.lose(r); err != nil {
			return err
		}
	} else if known {
		if err := m.gone(r); err != nil {
			return err
		}
	}
	if !there {
		return nil
	}
	return m.fresh(name, s, k, known)
}

// fresh takes in a name that the index does not know, if the pod serves it and it need not wait. It may replace a row of
// the other kind.
func (m *merge) fresh(name string, s stamp, k kind, replaces bool) error {
	p, err := m.p.Child(name, k == folded)
	if err != nil {
		m.refuse(name, k, BadName)
		return nil
	}
	if waits, err := m.waits(p, s, replaces); waits || err != nil {
		return err
	}
	if twin, err := m.collides(p, s); err != nil {
		return err
	} else if twin {
		m.refuse(name, k, Twin)
		return nil
	}
	if shut, err := m.shut(p); err != nil {
		return err
	} else if shut {
		m.refuse(name, k, Shut)
		return nil
	}
	if k == folded {
		return m.adoptContainer(p, s)
	}
	if m.w.found != nil {
		if err := m.w.shield(m.d, p); err != nil {
			return err
		}
	}
	return m.w.adopt(m.d, p)
}

// waits reports whether what is new at p is not to be taken in, or not yet: half
// of an upload, a conflict copy, and, where the store is followed, what only its
// follower takes in. ACLs need not wait: half of one grants less.
func (m *merge) waits(p pod.Path, s stamp, replaces bool) (bool, error) {
	store, name := m.w.store, p.Name()
	switch {
	case !store.follows(p) || store.fresh:
		return false, nil
	case litter.MatchString(name):
		return true, nil
	case partial.MatchString(name):
		m.refuse(name, kindOf(p), Unfinished)
		return true, nil
	case conflicting.MatchString(name):
		m.refuse(name, kindOf(p), Copy)
		return true, nil
	case m.w.found == nil:
		m.late = true
		store.hand.await(m.p)
		return true, nil
	}
	prompt, err := m.w.bare(row{Info: pod.Info{Path: p}})
	if err != nil {
		return false, err
	}
	if replaces || !p.IsContainer() && !prompt && !store.recovering && !store.settled(s) {
		m.late, m.w.found.unsettled = true, true
		m.refuse(name, kindOf(p), Unsettled)
		return true, nil
	}
	if p.IsACL() && !prompt { // of what comes later than it, or not at all
		if _, _, err := m.d.lstat(p.Subject().Name()); err == nil {
			m.late = true
			return true, nil
		}
	}
	_, known, err := store.index.get(p)
	return known, err
}

func (m *merge) same(r row, s stamp) error {
	m.rows.next()
	if m.w.found != nil {
		m.w.store.hand.hold([]pod.Path{r.Path}, false) // it is there again
	}
	if r.Path.IsContainer() {
		m.below = append(m.below, known{r.Path, r.mtime})
		return nil
	}
	if s == r.stamp {
		return nil
	}
	// At Open all counts as settled: a folder that was put back has fresh times.
	opening := m.w.found == nil && !m.w.passing
	if store := m.w.store; !opening && store.waitsFor(r, s) {
		m.late = true
		if m.w.found != nil {
			m.w.found.unsettled = true
		}
		return nil
	}
	return m.w.reread(m.d, r)
}

// adoptContainer takes in a directory that a hand has made.
func (m *merge) adoptContainer(p pod.Path, s stamp) error {
	m.below = append(m.below, known{p, s.mtime})
	m.made = append(m.made, p)
	if m.w.found != nil {
		if err := m.w.shieldContainer(m.d, p); err != nil {
			return ignoreAbsent(err)
		}
	}
	return m.w.adoptContainer(p, s)
}

func (w *writeTx) adoptContainer(p pod.Path, s stamp) error {
	r := row{Info: pod.Info{Path: p, ID: newID(), Version: w.seen()}, stamp: stamp{mtime: s.mtime}}
	return w.take(&r)
}

// adopt takes in a file that a hand has put into the folder.
func (w *writeTx) adopt(d dir, p pod.Path) error {
	r := row{Info: pod.Info{Path: p}}
	if err := w.read(d, &r); err != nil || r.ETag == "" {
		return err
	}
	r.ID, r.Version = newID(), w.seen()
	w.head.bytes += r.Size
	return w.take(&r)
}

// reread takes in what has become of a file. If its bytes are the same, nobody
// is told.
func (w *writeTx) reread(d dir, r row) error {
	before := r
	if err := w.read(d, &r); err != nil {
		return err
	}
	w.head.bytes += r.Size - before.Size
	if r.ETag == before.ETag {
		return w.store.index.put(r)
	}
	r.Version = w.seen()
	r.seq = w.next()
	if err := w.store.index.put(r); err != nil {
		return err
	}
	return w.consequences(r.Path, r.ETag, false)
}

// read fills in type, entity tag and stamp of a row from its file. A file that
// is being written is left for the next time.
func (w *writeTx) read(d dir, r *row) error {
	f, _, err := d.openOnly(r.Path.Name(), os.O_RDONLY, r.owns)
	if err == nil {
		err = errors.Join(identifyRow(d, f, r), f.Close())
	}
	if absent(err) || errors.Is(err, pod.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// seen returns the version of what came into the folder by a hand: this pod's
// next one; and an unknown one for what an index finds that knew nothing yet.
func (w *writeTx) seen() pod.Version {
	if w.store.fresh {
		return pod.Version{}
	}
	return w.version(pod.Version{})
}

// take writes the row of what a hand has put into the folder. The time of the
// container is the one on the disk, which redate reads.
func (w *writeTx) take(r *row) error {
	if err := w.write(r, false); err != nil {
		return err
	}
	return w.consequences(r.Path, r.ETag, false)
}

// cleanSidecars removes the sidecars of files that are not there, and gives the
// directory its time back.
func (w *writeTx) cleanSidecars(d dir, names []string, s stamp) error {
	cleaned := false
	for _, name := range names {
		of, ok := strings.CutPrefix(name, sidecarPrefix)
		if !ok {
			continue
		}
		if _, found := slices.BinarySearch(names, of); found && !w.store.unclean {
			continue
		} else if found {
			if err := w.settleSidecar(d, of); err != nil {
				return err
			}
		} else if err := d.unlink(name); err != nil {
			return err
		}
		cleaned = true
	}
	if !cleaned {
		return nil
	}
	return d.setTime(".", timeOf(s.mtime))
}

// settleSidecar ends the change of a type that a crash has interrupted.
func (w *writeTx) settleSidecar(d dir, name string) error {
	c, err := readSidecar(d, name)
	if err != nil || c.nextTag == "" {
		return err
	}
	f, _, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return ignoreAbsent(err)
	}
	mediaType, _, err := c.identify(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return writeSidecar(d, w.store.tmp, name, sidecar{mediaType: mediaType})
}
