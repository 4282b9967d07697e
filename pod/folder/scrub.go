package folder

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"zombiezen.com/go/sqlite"
)

const (
	pageSize   = 4096
	scrubAt    = 64      // rows written after which the log is moved into the index
	logReserve = 2 << 20 // bytes that the log keeps on the disk, so that a delete works on a full one
)

// scrub moves the log into the index and leaves nothing in either that was
// deleted.
//
// SQLite's secure_delete zeroes what it frees, but not the gap of a page from
// which cells have moved to a sibling page, where about 3 in 1,000 deleted paths
// were found again; and the log keeps old pages until it happens to overwrite
// them. So, first, the gap of each page that the log holds is zeroed through
// SQLite itself (the sqlite_dbpage table); then a checkpoint moves the log into
// the index; then the log is zeroed in place. No checkpoint runs but this one,
// so that no page reaches the index unscrubbed.
func (x *index) scrub() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	log, err := os.OpenFile(x.wal, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was written yet
	}
	if err != nil {
		return fmt.Errorf("scrub index: %w", err)
	}
	defer log.Close()
	pages, err := loggedPages(log)
	if err != nil {
		return fmt.Errorf("scrub index: %w", err)
	}
	if err := x.scrubPages(pages); err != nil {
		return err
	}
	if err := x.checkpoint(); err != nil {
		return err
	}
	if err := x.disk.do("zero", func() error { return zero(log, logReserve) }); err != nil {
		return fmt.Errorf("scrub index: %w", meant(err))
	}
	x.forget = false
	return nil
}

// due reports whether a scrub is to be made: for the sake of what was deleted,
// or because the log has grown.
func (x *index) due() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.forget || x.written >= scrubAt
}

// loggedPages returns the numbers of the pages in a log, of this round or an
// earlier one. // SQLite file format §4.1
func loggedPages(log *os.File) ([]int64, error) {
	const head, frameHead = 32, 24
	var pages []int64
	frame := make([]byte, frameHead)
	for at := int64(head); ; at += frameHead + pageSize {
		_, err := log.ReadAt(frame, at)
		page := int64(binary.BigEndian.Uint32(frame))
		if err == io.EOF || page == 0 {
			slices.Sort(pages)
			return slices.Compact(pages), nil
		}
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
}

// scrubPages zeroes the gaps of pages, in one transaction.
func (x *index) scrubPages(pages []int64) error {
	if err := x.execLocked("BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	for _, n := range pages {
		if err := x.scrubPage(n); err != nil {
			return errors.Join(err, x.execLocked("ROLLBACK", nil))
		}
	}
	return x.execLocked("COMMIT", nil)
}

func (x *index) scrubPage(n int64) error {
	page := make([]byte, pageSize)
	err := x.execLocked("SELECT data FROM sqlite_dbpage WHERE pgno = ?", func(s *sqlite.Stmt) error {
		page = page[:s.ColumnBytes(0, page)]
		return nil
	}, n)
	if err != nil {
		return err
	}
	start, end := gap(page, n)
	if len(bytes.Trim(page[start:end], "\x00")) == 0 {
		return nil
	}
	clear(page[start:end])
	return x.execLocked("UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?", nil, page, n)
}

// gap returns where the bytes of a b-tree page lie that belong to no cell:
// between the pointers to the cells and the first cell. Other pages have none.
// // SQLite file format §1.6
func gap(page []byte, n int64) (start, end int) {
	const fileHead = 100
	if len(page) != pageSize {
		return 0, 0
	}
	at := 0
	if n == 1 {
		at = fileHead
	}
	headSize := 8
	switch page[at] {
	case 2, 5: // interior pages
		headSize = 12
	case 10, 13: // leaves
	default:
		return 0, 0
	}
	cells := int(binary.BigEndian.Uint16(page[at+3:]))
	start = at + headSize + 2*cells
	end = int(binary.BigEndian.Uint16(page[at+5:]))
	if start > end || end > len(page) {
		return 0, 0
	}
	return start, end
}

// checkpoint moves the whole log into the index and makes it durable; the next
// transaction begins the log anew.
func (x *index) checkpoint() error {
	busy := false
	err := x.execLocked("PRAGMA wal_checkpoint(RESTART)", func(s *sqlite.Stmt) error {
		busy = s.ColumnInt(0) != 0
		return nil
	})
	if err == nil && busy {
		err = errors.New("checkpoint index: something reads it")
	}
	if err == nil {
		x.written = 0
	}
	return err
}

// zero overwrites a file in place, as far as it is not zero yet, makes it
// durable, and brings it to size. It needs new space only to grow.
func zero(f *os.File, size int64) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	zeros, old := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); at < max(end, size); {
		n := min(int64(len(zeros)), max(end, size)-at)
		if got, err := f.ReadAt(old[:n], at); err != nil && err != io.EOF {
			return err
		} else if int64(got) < n || !bytes.Equal(old[:n], zeros[:n]) {
			if _, err := f.WriteAt(zeros[:n], at); err != nil {
				return err
			}
		}
		at += n
	}
	if err := f.Sync(); err != nil || end <= size {
		return err
	}
	return f.Truncate(size)
}
