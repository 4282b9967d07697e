package folder

import (
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"

	"kith/pod"
)

// row is what the index knows of a resource.
type row struct {
	pod.Info
	stamp
	seq, created, access uint64
}

const columns = `dir, name, container, type, size, mtime, ctime, inode, etag, counter, device, id, acltag, seq, created, access`

// scanRow reads columns. container is the path of the row before, which is
// mostly the one of this row too.
func scanRow(s *sqlite.Stmt, container *pod.Path) (row, error) {
	p, err := joinPath(s.ColumnText(0), s.ColumnText(1), s.ColumnBool(2), container)
	if err != nil {
		return row{}, fmt.Errorf("read index: %w", err)
	}
	r := row{
		Info: pod.Info{
			Path:    p,
			Type:    s.ColumnText(3),
			ETag:    s.ColumnText(8),
			Version: pod.Version{Counter: uint64(s.ColumnInt64(9)), Device: s.ColumnText(10)},
			ID:      s.ColumnText(11),
			ACLTag:  s.ColumnText(12),
		},
		stamp:   stamp{size: s.ColumnInt64(4), mtime: s.ColumnInt64(5), ctime: s.ColumnInt64(6), inode: s.ColumnInt64(7)},
		seq:     uint64(s.ColumnInt64(13)),
		created: uint64(s.ColumnInt64(14)),
		access:  uint64(s.ColumnInt64(15)),
	}
	r.settle()
	return r, nil
}

// same reports whether a file is the one that the row knows, with the bytes that it knows: by its inode, size and
// time. The time of the inode may be another, as after somebody gave the file a further name.
func (r row) same(s stamp) bool {
	return s.inode == r.inode && s.size == r.stamp.size && s.mtime == r.mtime
}

// owns reports whether what has the name of a row is served under it: a plain file, or the very one that the row knows,
// whatever further names it has got since. A file that came with further names may be a link to somebody's secret.
func (r row) owns(s stamp, k kind) bool {
	return k == plain || k == linked && !r.Path.IsContainer() && r.same(s)
}

// settle brings Info in line with the stamp.
func (r *row) settle() {
	r.Modified = r.stamp.modified()
	if r.Path.IsContainer() {
		r.stamp.size = 0
	}
	r.Size = r.stamp.size
}

// splitPath returns the key of a path: where its row stands.
func splitPath(p pod.Path) (dir, name string) { return p.Parent().String(), p.Name() }

// joinPath undoes splitPath. The index is no more trusted than a URL.
func joinPath(dir, name string, isContainer bool, container *pod.Path) (pod.Path, error) {
	if dir == "" && name == "" {
		return pod.Root, nil
	}
	if container.String() != dir {
		*container = pod.Root
		for rest := dir[1:]; rest != ""; {
			segment, tail, _ := strings.Cut(rest, "/")
			child, err := container.Child(segment, true)
			if err != nil {
				return pod.Path{}, err
			}
			*container, rest = child, tail
		}
	}
	return container.Child(name, isContainer)
}

// get returns the row of a path. A row of the other kind, `/x` for `/x/`, is
// not found.
func (x *index) get(p pod.Path) (r row, found bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if r, found = x.cache.get(p); found {
		return r, true, nil
	}
	dir, name := splitPath(p)
	err = x.execLocked("SELECT "+columns+" FROM resource WHERE dir = ? AND name = ?", func(s *sqlite.Stmt) error {
		r, err = scanRow(s, new(pod.Path))
		return err
	}, dir, name)
	if err != nil || r.Path != p {
		return row{}, false, err
	}
	x.cache.put(r)
	return r, true, nil
}

// rows runs a query that selects columns.
func (x *index) rows(where string, args ...any) (rows []row, err error) {
	var container pod.Path
	err = x.exec("SELECT "+columns+" FROM resource WHERE "+where, func(s *sqlite.Stmt) error {
		r, err := scanRow(s, &container)
		rows = append(rows, r)
		return err
	}, args...)
	return rows, err
}

// A page is what is taken from the index at once. It is written into the
// statements, because SQLite prepares one anew each time it is given a limit.
const (
	page  = 512
	limit = " LIMIT 512"
)

// children returns a page of rows directly below a container, by name, the
// first one after a name. after "" begins at the beginning.
func (x *index) children(p pod.Path, after string) ([]row, error) {
	return x.rows("dir = ? AND name > ? ORDER BY name"+limit, p.String(), after)
}

// cursor walks rows in byte order of container and name, a page at a time, from
// the first one of a container on; with all, on to the next containers.
type cursor struct {
	index     *index
	dir, name string // of the row before
	all       bool
	rows      []row
	done      bool
}

// peek returns the row at hand if it stands in a container. Those of containers
// before it, which nobody has asked for, are passed by.
func (c *cursor) peek(p pod.Path) (r row, found bool, err error) {
	for {
		if len(c.rows) == 0 {
			if c.done {
				return row{}, false, nil
			}
			if err := c.fill(); err != nil {
				return row{}, false, err
			}
			continue
		}
		order := compare(c.rows[0].Path.Parent(), p)
		if order >= 0 {
			return c.rows[0], order == 0, nil
		}
		c.next()
	}
}

// next goes on to the row after the one that peek has returned.
func (c *cursor) next() { c.rows = c.rows[1:] }

func (c *cursor) fill() (err error) {
	where := "dir = ? AND name > ? ORDER BY name"
	if c.all {
		where = "(dir, name) > (?, ?) ORDER BY dir, name"
	}
	c.rows, err = c.index.rows(where+limit, c.dir, c.name)
	c.done = len(c.rows) < page
	if len(c.rows) > 0 {
		c.dir, c.name = splitPath(c.rows[len(c.rows)-1].Path)
	}
	return err
}

// below returns all rows below a container, at any depth.
func (x *index) below(p pod.Path) ([]row, error) {
	end := strings.TrimSuffix(p.String(), "/") + "0" // the byte after the slash
	return x.rows("dir >= ? AND dir < ?", p.String(), end)
}

// count returns how many resources and containers there are, auxiliaries among them.
func (x *index) count() (n int, err error) {
	err = x.exec("SELECT count(*) FROM resource", func(s *sqlite.Stmt) error {
		n = s.ColumnInt(0)
		return nil
	})
	return n, err
}

// since returns a page of rows above a Seq, in order.
func (x *index) since(seq uint64) ([]row, error) {
	return x.rows("seq > ? ORDER BY seq"+limit, int64(seq))
}

// holder returns the path of the live resource with a handle, or the zero Path.
func (x *index) holder(id string) (r row, err error) {
	rows, err := x.rows("id = ?", id)
	if err == nil && len(rows) > 0 {
		r = rows[0]
	}
	return r, err
}

// twins returns the siblings of a name that have the same folded name, itself
// included.
func (x *index) twins(container pod.Path, folded, name string) ([]row, error) {
	// Two queries in one, and the index named: SQLite would otherwise read the
	// whole container.
	return x.rows("dir = ?1 AND name IN (?2, ?3) UNION SELECT "+columns+
		" FROM resource INDEXED BY resource_fold WHERE dir = ?1 AND fold = ?2", container.String(), folded, name)
}

// put writes a row, new or changed.
func (x *index) put(r row) error {
	dir, name := splitPath(r.Path)
	fold := any(r.Path.FoldedName())
	if fold == name {
		fold = nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cache.drop(r.Path)
	x.wrote()
	return x.execLocked(`INSERT INTO resource (`+columns+`, fold) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (dir, name) DO UPDATE SET container = excluded.container, type = excluded.type,
		size = excluded.size, mtime = excluded.mtime, ctime = excluded.ctime, inode = excluded.inode,
		etag = excluded.etag, counter = excluded.counter, device = excluded.device, id = excluded.id,
		acltag = excluded.acltag, seq = excluded.seq, created = excluded.created, access = excluded.access`,
		nil, dir, name, r.Path.IsContainer(), r.Type, r.stamp.size, r.mtime, r.ctime, r.inode, r.ETag,
		int64(r.Version.Counter), r.Version.Device, r.ID, r.ACLTag, int64(r.seq), int64(r.created), int64(r.access), fold)
}

// drop removes a row; what the log keeps of it is to be scrubbed.
func (x *index) drop(p pod.Path) error {
	dir, name := splitPath(p)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cache.drop(p)
	x.wrote()
	x.forget = true
	return x.execLocked("DELETE FROM resource WHERE dir = ? AND name = ?", nil, dir, name)
}

// cache holds the rows that were asked for last, in two generations: what is
// found in the old one moves to the young one, and the old one is dropped when
// the young one is full. Its methods need the lock of the index.
type cache struct{ young, old map[pod.Path]row }

const cacheRows = 1024 // in a generation, about 400 bytes each

func (c *cache) get(p pod.Path) (row, bool) {
	if r, ok := c.young[p]; ok {
		return r, true
	}
	r, ok := c.old[p]
	if ok {
		c.put(r)
	}
	return r, ok
}

func (c *cache) put(r row) {
	if len(c.young) >= cacheRows || c.young == nil {
		c.old, c.young = c.young, make(map[pod.Path]row)
	}
	c.young[r.Path] = r
}

func (c *cache) drop(p pod.Path) {
	delete(c.young, p)
	delete(c.old, p)
}

func (c *cache) clear() { *c = cache{} }
