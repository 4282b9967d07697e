package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kith/pod"

	"zombiezen.com/go/sqlite"
)

// Checked is what Check has found and done.
type Checked struct {
	Resources int   // that were read, each to its end
	Bytes     int64 // of them
	// Damaged are resources whose bytes are others than were written, though size and
	// times of the file are the same, and those that the disk does not give. Nothing
	// here can tell the right bytes: a replica or a backup can.
	Damaged  []pod.Path
	Repaired int  // rows and sums of the index that said something else than the folder
	Rebuild  bool // the index itself is damaged: it is made anew by the next Open, and until then writes are refused
}

// Check reads every resource to its end and compares it with its entity tag, and the
// index with itself. What is derived is put right, what is not is told. Others are served
// meanwhile. report is called after each resource. A file that is being written is passed by.
func (s *Store) Check(ctx context.Context, report func(Checked)) (c Checked, err error) {
	if sound, err := s.checkIndex(); err != nil || !sound {
		c.Rebuild = err == nil
		return c, err
	}
	for seq := uint64(0); ; {
		rows, err := s.index.since(seq)
		if err != nil {
			return c, fmt.Errorf("check: %w", err)
		}
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			seq = r.seq
			if err := s.checkRow(ctx, r, &c); err != nil {
				return c, fmt.Errorf("check: %w", err)
			}
			report(c)
		}
	}
	return c, s.checkSums(ctx, &c)
}

// checkIndex reports whether the index is sound. One that is not will be found so by
// the next Open, which makes another; the mark tells it to look.
func (s *Store) checkIndex() (sound bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, pod.ErrClosed
	}
	bad := s.index.verify()
	if bad == nil {
		return true, nil
	}
	if s.broken == nil {
		s.broken = bad
	}
	return false, writeMark(s.o.State, s.disk, "check")
}

// checkRow reads the bytes of a row, and puts right what other rows tell of it.
func (s *Store) checkRow(ctx context.Context, r row, c *Checked) error {
	if err := s.checkACLTag(ctx, r, c); err != nil || r.Path.IsContainer() {
		return err
	}
	var res pod.Resource
	err := s.View(ctx, func(t pod.Tx) (err error) {
		res, err = t.Open(r.Path)
		return err
	})
	switch {
	case errors.Is(err, pod.ErrNotExist) || errors.Is(err, pod.ErrUnsettled):
		return nil // a hand's work, which other looks take in
	case errors.Is(err, pod.ErrClosed) || ctx.Err() != nil:
		return err
	case err != nil:
		c.Damaged = append(c.Damaged, r.Path)
		return nil
	}
	defer res.Close()
	sum := newDigest(res.Info().Type)
	n, err := io.Copy(sum, readUntil{ctx, res})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, pod.ErrUnsettled) {
		return nil
	}
	c.Resources++
	c.Bytes += n
	if err != nil || sum.etag() != res.Info().ETag {
		c.Damaged = append(c.Damaged, r.Path)
	}
	return nil
}

// readUntil reads until a context ends.
type readUntil struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r readUntil) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// checkACLTag makes a row name the ACL resource that there is.
func (s *Store) checkACLTag(ctx context.Context, r row, c *Checked) error {
	if r.Path.Subject() != r.Path {
		return nil
	}
	right, err := s.aclTag(r.Path)
	if err != nil || right == r.ACLTag {
		return err
	}
	_, err = s.update(ctx, func(w *writeTx) error {
		now, found, err := s.index.get(r.Path)
		if err != nil || !found {
			return err
		}
		if right, err = s.aclTag(r.Path); err != nil || right == now.ACLTag {
			return err
		}
		c.Repaired++
		now.ACLTag, now.seq = right, w.next()
		now.access = now.seq
		return s.index.put(now)
	})
	return err
}

func (s *Store) aclTag(p pod.Path) (string, error) {
	a, _, err := s.index.get(p.ACL())
	return a.ETag, err
}

// checkSums puts right what the index has added up.
func (s *Store) checkSums(ctx context.Context, c *Checked) error {
	_, err := s.update(ctx, func(w *writeTx) error {
		var bytes, counter int64
		err := s.index.exec("SELECT sum(size), max(counter) FROM resource", func(row *sqlite.Stmt) error {
			bytes, counter = row.ColumnInt64(0), row.ColumnInt64(1)
			return nil
		})
		if err != nil {
			return err
		}
		if w.head.bytes != bytes {
			w.head.bytes = bytes
			c.Repaired++
		}
		if w.head.Counter < uint64(counter) {
			w.head.Counter = uint64(counter)
			c.Repaired++
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	return nil
}

// Bytes returns how many bytes all resources have together.
func (s *Store) Bytes() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.head.bytes
}

// Limit sets how many bytes all resources may have together, from the next write on;
// 0: as much as the disk holds. What is there stays.
func (s *Store) Limit(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.o.MaxBytes = bytes
}

// Freeze ends all writes, those under way included: Updates return pod.ErrClosed from then on, and what is read
// stays as it is.
func (s *Store) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = true
}

// Lock locks a folder that is there against every other process, until it is closed: Busy tells of it. Errors: ErrBusy.
func Lock(dir string) (io.Closer, error) {
	f, err := lockFile(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Busy reports whether a process has a pod open, of which state is the store's own folder, or has locked that folder. Others who ask do not count.
func Busy(state string) bool {
	f, err := os.OpenFile(filepath.Join(state, lockName), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	busy := errors.Is(tryLock(f, false), ErrBusy)
	return f.Close() == nil && busy
}
