package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"kith/pod"
)

// staged is a file in the scratch folder, durable and hashed.
type staged struct {
	store     *Store
	name      string
	size      int64
	mediaType string
	etag      string
	modified  time.Time
	dated     bool // the caller has given the time
	used      bool // put into the tree, or discarded
}

// Stage implements pod.Store.
func (s *Store) Stage(ctx context.Context, body io.Reader, o pod.StageOptions) (pod.Staged, error) {
	if o.Type == "" {
		o.Type = octets
	}
	if err := checkType(o.Type); err != nil {
		return nil, err
	}
	st := &staged{store: s, name: newID(), mediaType: o.Type}
	f, err := s.createScratch(st.name)
	if err != nil {
		return nil, fmt.Errorf("stage: %w", meant(err))
	}
	err = st.fill(f, contextReader{ctx, body}, o)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("stage: %w", meant(err)), st.Discard())
	}
	return st, nil
}

func (s *Store) createScratch(name string) (*os.File, error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return nil, pod.ErrClosed
	}
	return s.tmp.create(name)
}

// fill copies a body into the file and makes it durable.
func (st *staged) fill(f *os.File, body io.Reader, o pod.StageOptions) (err error) {
	sum := newDigest(o.Type)
	err = st.store.disk.do("write", func() error {
		st.size, err = io.Copy(io.MultiWriter(f, sum), io.LimitReader(body, o.Max))
		return err
	})
	if err != nil {
		return err
	}
	if n, err := io.ReadFull(body, make([]byte, 1)); n > 0 {
		return pod.ErrTooLarge
	} else if err != io.EOF {
		return err
	}
	st.etag = sum.etag()
	st.modified, st.dated = o.Modified, !o.Modified.IsZero()
	if !st.dated {
		st.modified = st.store.now()
	}
	st.modified = st.modified.UTC().Truncate(time.Millisecond)
	if err := date(f, st.modified); err != nil {
		return err
	}
	return st.store.disk.sync(f)
}

func (st *staged) Size() int64  { return st.size }
func (st *staged) ETag() string { return st.etag }

// Discard implements pod.Staged.
func (st *staged) Discard() error {
	if st.used {
		return nil
	}
	st.store.life.RLock()
	defer st.store.life.RUnlock()
	if st.store.closed {
		return nil // the next Open erases it
	}
	if err := erase(st.store.tmp, st.name); err != nil {
		return fmt.Errorf("discard: %w", err)
	}
	st.used = true
	return nil
}

// contextReader ends with the error of a context once that is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// resource is an open file of the tree.
type resource struct {
	file  *os.File
	known row // with the stamp that the file had when it was opened
	store *Store
	lease *lease
}

// Read implements io.Reader. Where a hand has written to the file since it was opened, it returns pod.ErrUnsettled: the bytes
// are not those that Info tells of.
func (r *resource) Read(b []byte) (int, error) {
	n, err := r.file.Read(b)
	s, _, failed := fstat(r.file)
	if failed != nil {
		return 0, fmt.Errorf("read: %w", failed)
	}
	if !r.known.same(s) {
		return 0, fmt.Errorf("read: %w", pod.ErrUnsettled)
	}
	return n, err
}

// Seek implements io.Seeker.
func (r *resource) Seek(offset int64, whence int) (int64, error) {
	return r.file.Seek(offset, whence)
}

func (r *resource) Info() pod.Info { return r.known.Info }

// Close implements pod.Resource: the last reader of what has been replaced or
// deleted erases it.
func (r *resource) Close() error {
	if err := r.file.Close(); err != nil {
		return err // closed before
	}
	doomed := r.store.leases.release(r.lease)
	if doomed == "" {
		return nil
	}
	r.store.life.RLock()
	defer r.store.life.RUnlock()
	if r.store.closed {
		return nil // the next Open erases it
	}
	return erase(r.store.erase, doomed)
}
