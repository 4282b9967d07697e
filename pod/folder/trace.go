package folder

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"

	"zombiezen.com/go/sqlite"

	"kith/pod"
)

// keepDays is how long a trace is kept. // protocol §3.2
const keepDays = 90

// trace is what a delete or a narrowing leaves: a handle, a date, and names that
// only acl understands.
type trace struct {
	seq     uint64
	id      string
	gone    bool        // a tombstone; else a narrowing
	version pod.Version // of the delete, or of the write that narrowed
	day     int64
	readers []string
}

const traceColumns = "seq, id, gone, counter, device, day, readers"

func (x *index) traces(where string, args ...any) (found []trace, err error) {
	err = x.exec("SELECT "+traceColumns+" FROM trace WHERE "+where, func(s *sqlite.Stmt) error {
		t := trace{
			seq: uint64(s.ColumnInt64(0)), id: s.ColumnText(1), gone: s.ColumnBool(2),
			version: pod.Version{Counter: uint64(s.ColumnInt64(3)), Device: s.ColumnText(4)},
			day:     s.ColumnInt64(5),
		}
		if err := json.Unmarshal([]byte(s.ColumnText(6)), &t.readers); err != nil {
			return fmt.Errorf("read trace: %w", err)
		}
		found = append(found, t)
		return nil
	}, args...)
	return found, err
}

func (x *index) putTrace(t trace) error {
	readers, err := json.Marshal(t.readers)
	if err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	return x.exec("INSERT OR REPLACE INTO trace ("+traceColumns+") VALUES (?,?,?,?,?,?,?)", nil,
		int64(t.seq), t.id, t.gone, int64(t.version.Counter), t.version.Device, t.day, string(readers))
}

// forgetTombstone removes the tombstone of a handle that lives again.
func (x *index) forgetTombstone(id string) error {
	return x.exec("DELETE FROM trace WHERE id = ? AND gone = 1", nil, id)
}

// forgetReaders takes the readers out of the traces of a handle.
func (x *index) forgetReaders(id string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.wrote()
	x.forget = true
	err := x.execLocked("DELETE FROM trace WHERE id = ? AND gone = 0", nil, id)
	if err != nil {
		return err
	}
	return x.execLocked("UPDATE trace SET readers = '[]' WHERE id = ?", nil, id)
}

// withdraw takes readers out of the narrowings of a handle, because they lose it
// at a later Seq, so that each reader stands at one Seq only.
func (x *index) withdraw(id string, readers []string) error {
	narrowings, err := x.traces("id = ? AND gone = 0", id)
	if err != nil {
		return err
	}
	for _, n := range narrowings {
		left := slices.DeleteFunc(slices.Clone(n.readers), func(r string) bool { return slices.Contains(readers, r) })
		switch {
		case len(left) == len(n.readers):
			continue
		case len(left) == 0:
			err = x.exec("DELETE FROM trace WHERE seq = ?", nil, int64(n.seq))
		default:
			n.readers = left
			err = x.putTrace(n)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// prune removes the traces that are too old, and returns the highest Seq that
// went, or 0.
func (x *index) prune(today int64) (floor uint64, err error) {
	err = x.exec("SELECT max(seq) FROM trace WHERE day <= ?", func(s *sqlite.Stmt) error {
		floor = uint64(s.ColumnInt64(0))
		return nil
	}, today-keepDays)
	if err != nil || floor == 0 {
		return 0, err
	}
	x.mu.Lock()
	x.wrote()
	x.forget = true
	x.mu.Unlock()
	return floor, x.exec("DELETE FROM trace WHERE day <= ?", nil, today-keepDays)
}

// changes returns a page of the rows and traces above a Seq, merged in order,
// and whether there may be more.
func (t *tx) changes(after uint64) (found []pod.Change, more bool, err error) {
	rows, err := t.store.index.since(after)
	if err != nil {
		return nil, false, err
	}
	last := int64(math.MaxInt64)
	if len(rows) == page { // traces beyond the cut would be read for nothing
		last = int64(rows[page-1].seq)
	}
	traces, err := t.store.index.traces("seq > ? AND seq <= ? ORDER BY seq"+limit, int64(after), last)
	if err != nil {
		return nil, false, err
	}
	for _, r := range rows {
		found = append(found, pod.Change{Seq: r.seq, Info: r.Info, Created: r.created, Access: r.access})
	}
	for _, tr := range traces {
		c, err := t.traced(tr)
		if err != nil {
			return nil, false, err
		}
		found = append(found, c)
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Seq < found[j].Seq })
	if len(rows) < page && len(traces) < page {
		return found, false, nil
	}
	// Where one kind was cut off, the other may lie beyond the cut.
	return found[:min(len(found), page)], true, nil
}

// traced turns a trace into a Change.
func (t *tx) traced(tr trace) (pod.Change, error) {
	c := pod.Change{Seq: tr.seq, Info: pod.Info{ID: tr.id, Version: tr.version}, Readers: tr.readers}
	if tr.gone {
		return c, nil
	}
	c.Access, c.By, c.Version = tr.seq, tr.version, pod.Version{}
	r, err := t.store.index.holder(tr.id)
	if err != nil || r.ID != "" {
		c.Info, c.Created = r.Info, r.created
		return c, err
	}
	tombstones, err := t.store.index.traces("id = ? AND gone = 1", tr.id)
	if err == nil && len(tombstones) > 0 {
		c.Version = tombstones[0].version
	}
	return c, err
}
