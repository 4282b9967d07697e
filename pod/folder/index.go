package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"kith/pod"
)

const (
	indexName = "index.db"
	walName   = indexName + "-wal"
	layout    = 2 // of the tables; an index with another is rebuilt
)

// schema has no content and no titles in it, and after a delete no path either.
const schema = `
CREATE TABLE resource (
	dir TEXT NOT NULL,           -- decoded path of the parent, "" for the root's row
	name TEXT NOT NULL,
	fold TEXT,                   -- the folded name where it differs from the name
	container INTEGER NOT NULL,
	type TEXT NOT NULL,
	size INTEGER NOT NULL,
	mtime INTEGER NOT NULL,      -- size, mtime, ctime, inode: the stamp of the file
	ctime INTEGER NOT NULL,
	inode INTEGER NOT NULL,
	etag TEXT NOT NULL,
	counter INTEGER NOT NULL,
	device TEXT NOT NULL,
	id TEXT NOT NULL,
	acltag TEXT NOT NULL,
	seq INTEGER NOT NULL,
	created INTEGER NOT NULL,
	access INTEGER NOT NULL,
	PRIMARY KEY (dir, name)
) WITHOUT ROWID;
CREATE UNIQUE INDEX resource_seq ON resource (seq);
CREATE UNIQUE INDEX resource_id ON resource (id);
CREATE INDEX resource_fold ON resource (dir, fold) WHERE fold IS NOT NULL;
CREATE TABLE trace (
	seq INTEGER PRIMARY KEY,
	id TEXT NOT NULL,
	gone INTEGER NOT NULL,       -- 1: a tombstone; 0: a narrowing
	counter INTEGER NOT NULL,
	device TEXT NOT NULL,
	day INTEGER NOT NULL,        -- days since 1970
	readers TEXT NOT NULL        -- JSON array
);
CREATE INDEX trace_id ON trace (id);
CREATE TABLE head (
	one INTEGER PRIMARY KEY CHECK (one = 1),
	epoch TEXT NOT NULL,
	seq INTEGER NOT NULL,
	floor INTEGER NOT NULL,
	counter INTEGER NOT NULL,
	bytes INTEGER NOT NULL
);` + schemaKnown

const schemaKnown = `
CREATE TABLE known (
	device TEXT PRIMARY KEY,
	counter INTEGER NOT NULL     -- the highest of that device that was ever here
) WITHOUT ROWID;`

// fromLayout1 takes an index along that had no table of what is known: of what
// was replaced since it knows nothing.
const fromLayout1 = schemaKnown + `
INSERT INTO known SELECT device, max(counter) FROM
	(SELECT device, counter FROM resource UNION ALL SELECT device, counter FROM trace) WHERE counter > 0 GROUP BY device;
PRAGMA user_version = 2;`

// head is the state of the whole pod that the index keeps.
type head struct {
	pod.Head
	bytes int64 // of all resources
}

// index is the derived SQLite database of one pod, on one connection that no
// other process shares. mu guards the connection and the cache: each method
// runs its statements under it and yields nothing meanwhile.
type index struct {
	mu    sync.Mutex
	conn  *sqlite.Conn
	wal   string // path of the write-ahead log
	disk  *disk
	cache cache
	// forget is set when the log may hold what must not be found any more, and
	// stays set until a scrub has succeeded.
	forget  bool
	written int  // rows since the last scrub
	changed bool // something was written since begin
}

// openIndex opens the index in a state folder, or makes an empty one where there
// is none that can be read. With verify its structure is checked whole.
func openIndex(state string, k *disk, verify bool) (*index, head, error) {
	x, h, err := readIndex(state, k, verify)
	if err == nil || errors.Is(err, errNewer) {
		return x, h, err
	}
	if err := removeIndex(state); err != nil {
		return nil, head{}, err
	}
	if x, err = connect(state, k); err != nil {
		return nil, head{}, err
	}
	h = head{Head: pod.Head{Epoch: newID()}}
	if err := x.create(h); err != nil {
		return nil, head{}, errors.Join(err, x.conn.Close())
	}
	return x, h, nil
}

// errNewer keeps what only a newer index knows, handles and traces of deletes, from being made anew.
var errNewer = errors.New("the index was made by a newer version of this program; nothing was touched: use that one, or delete the index and lose what only it knows")

// ErrBusy is returned by Open while another process has the pod open.
var ErrBusy = errors.New("another process has this folder open; stop it first, or name another folder")

func readIndex(state string, k *disk, verify bool) (*index, head, error) {
	if _, err := os.Lstat(filepath.Join(state, indexName)); err != nil {
		return nil, head{}, err
	}
	x, err := connect(state, k)
	if err != nil {
		return nil, head{}, err
	}
	h, err := x.head()
	if err == nil && verify {
		err = x.verify()
	}
	if err != nil {
		return nil, head{}, errors.Join(err, x.conn.Close())
	}
	return x, h, nil
}

func removeIndex(state string) error {
	for _, name := range []string{indexName, walName, indexName + "-shm", indexName + "-journal"} {
		if err := os.Remove(filepath.Join(state, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// connect opens the connection. The log is synchronised with the disk at
// checkpoints only: what it may lose, the folder still has.
func connect(state string, k *disk) (*index, error) {
	file := filepath.Join(state, indexName)
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, fileMode) // SQLite would make it readable for all
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	conn, err := sqlite.OpenConn(file, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	x := &index{conn: conn, wal: filepath.Join(state, walName), disk: k}
	for _, pragma := range []string{
		"page_size = 4096",
		"auto_vacuum = NONE",       // no page is anything but a b-tree, overflow, or free
		"locking_mode = EXCLUSIVE", // no shared memory file, no second process
		"journal_mode = WAL",
		"synchronous = NORMAL",
		"wal_autocheckpoint = 0", // scrub does it
		"secure_delete = ON",
		"temp_store = MEMORY",
		"cache_size = -1024", // KiB
	} {
		if err := sqlitex.ExecuteTransient(conn, "PRAGMA "+pragma, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("set %s: %w", pragma, err), conn.Close())
		}
	}
	return x, nil
}

func (x *index) create(h head) error {
	if err := sqlitex.ExecuteScript(x.conn, schema, nil); err != nil {
		return fmt.Errorf("create index: %w", err)
	}
	if err := sqlitex.ExecuteTransient(x.conn, fmt.Sprintf("PRAGMA user_version = %d", layout), nil); err != nil {
		return fmt.Errorf("create index: %w", err)
	}
	return x.exec(`INSERT INTO head VALUES (1, ?, 0, 0, 0, 0)`, nil, h.Epoch)
}

// head reads the state of the pod, and whether the layout is ours.
func (x *index) head() (h head, err error) {
	found := 0
	err = x.exec("PRAGMA user_version", func(s *sqlite.Stmt) error {
		found = s.ColumnInt(0)
		return nil
	})
	if err != nil {
		return head{}, err
	}
	if found == 1 {
		if err := sqlitex.ExecuteScript(x.conn, fromLayout1, nil); err != nil {
			return head{}, fmt.Errorf("take index along: %w", err)
		}
		found = layout
	}
	if found > layout && found < layout+100 { // more than that is damage
		return head{}, errNewer
	}
	if found != layout {
		return head{}, fmt.Errorf("index has layout %d, not %d", found, layout)
	}
	err = x.exec("SELECT epoch, seq, floor, counter, bytes FROM head", func(s *sqlite.Stmt) error {
		h.Epoch = s.ColumnText(0)
		h.Seq, h.Floor, h.Counter = uint64(s.ColumnInt64(1)), uint64(s.ColumnInt64(2)), uint64(s.ColumnInt64(3))
		h.bytes = s.ColumnInt64(4)
		return nil
	})
	if err == nil && h.Epoch == "" {
		err = errors.New("index has no head")
	}
	return h, err
}

func (x *index) verify() error {
	verdict := ""
	err := x.exec("PRAGMA quick_check(1)", func(s *sqlite.Stmt) error {
		verdict = s.ColumnText(0)
		return nil
	})
	if err == nil && verdict != "ok" {
		err = fmt.Errorf("index is damaged: %s", verdict)
	}
	return err
}

// exec runs one statement under the lock; each collects a row.
func (x *index) exec(query string, each func(*sqlite.Stmt) error, args ...any) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.execLocked(query, each, args...)
}

func (x *index) execLocked(query string, each func(*sqlite.Stmt) error, args ...any) error {
	if each == nil {
		each = func(*sqlite.Stmt) error { return nil }
	}
	err := sqlitex.Execute(x.conn, query, &sqlitex.ExecOptions{Args: args, ResultFunc: each})
	if err != nil {
		return indexError(err)
	}
	return nil
}

// indexError adds the meaning of the package to an error of SQLite.
func indexError(err error) error {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull:
		return fmt.Errorf("write index: %w: %w", pod.ErrFull, err)
	case sqlite.ResultIOErr:
		return fmt.Errorf("query index: %w: %w", pod.ErrDisk, err)
	}
	return fmt.Errorf("query index: %w", err)
}

func (x *index) begin() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.changed = false
	return x.execLocked("BEGIN IMMEDIATE", nil)
}

// wrote notes that the transaction has written a row; the caller holds mu.
func (x *index) wrote() {
	x.written++
	x.changed = true
}

func (x *index) commit(h head) error {
	err := x.exec("UPDATE head SET epoch = ?, seq = ?, floor = ?, counter = ?, bytes = ?", nil,
		h.Epoch, int64(h.Seq), int64(h.Floor), int64(h.Counter), h.bytes)
	if err != nil {
		return err
	}
	return x.exec("COMMIT", nil)
}

// rollback ends a transaction that came to nothing, which SQLite has perhaps
// done already.
func (x *index) rollback() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cache.clear()
	if x.conn.AutocommitEnabled() {
		return nil
	}
	return x.execLocked("ROLLBACK", nil)
}

// close closes the connection. SQLite removes the log then; zeros take its
// place, which it reads as an empty log, so that the reserve outlives the
// process. Where there is no room for them, there is no reserve.
func (x *index) close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.conn.Close(); err != nil {
		return fmt.Errorf("close index: %w", err)
	}
	log, err := os.OpenFile(x.wal, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return ignoreExist(err)
	}
	err = x.disk.do("zero", func() error { return zero(log, logReserve) })
	if err = errors.Join(err, log.Close()); full(err) {
		err = os.Remove(x.wal)
	}
	return err
}

func ignoreExist(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
