package acl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"kith/pod"
)

// Replica is a pod as the owner's own devices keep it: every row with its
// version, whatever the ACLs say (protocol §3.4). ACLs are still checked before
// they are written, and feeds told of what they change.
type Replica struct {
	v     *View
	after *pod.Version
}

// Replica returns the raw pod to the owner's devices; others are refused with
// ErrUnauthenticated or ErrForbidden.
func (v *View) Replica(ctx context.Context) (*Replica, error) {
	switch {
	case v.agent.Anonymous() || !v.g.valid(ctx, v.agent):
		return nil, ErrUnauthenticated
	case !v.agent.Device():
		return nil, ErrForbidden
	}
	return &Replica{v: v}, nil
}

// After returns a Replica whose Put takes a row to be an edit of that version:
// where other bytes stand in another version, these are ones that the writer did
// not see, and the row loses to them, also with the higher version. The writer
// reads what stands, and decides.
func (r *Replica) After(version pod.Version) *Replica {
	return &Replica{v: r.v, after: &version}
}

// contest decides between a row and what stands at its path.
func (r *Replica) contest(tx pod.Tx, row pod.Info, etag string, text []byte) (pod.PutOptions, *pod.Info, error) {
	now, ok, err := stat(tx, row.Path)
	if err != nil {
		return pod.PutOptions{}, nil, err
	}
	if ok && r.after != nil && now.Version != *r.after && now.ETag != etag {
		return pod.PutOptions{}, &now, ErrSuperseded
	}
	return r.v.g.contest(tx, row, etag, text)
}

// Rows returns at most limit rows after a Seq (limit > 0), in ascending order,
// and where the pod stands. Tombstones have no Path. Readers are left out.
func (r *Replica) Rows(ctx context.Context, after uint64, limit int) (rows []pod.Change, head pod.Head, err error) {
	err = r.v.g.store.View(ctx, func(tx pod.Tx) error {
		head = tx.Head()
		for c, err := range tx.Changes(after) {
			if err != nil {
				return fmt.Errorf("read changes: %w", err)
			}
			if isMark(c) {
				continue
			}
			c.Readers = nil
			if rows = append(rows, c); len(rows) == limit {
				break
			}
		}
		return nil
	})
	return rows, head, err
}

// Open returns the bytes and the row of p. The caller closes them.
func (r *Replica) Open(ctx context.Context, p pod.Path) (res pod.Resource, err error) {
	err = r.v.g.store.View(ctx, func(tx pod.Tx) error {
		res, err = tx.Open(p)
		return err
	})
	return res, err
}

// Put brings a resource or, with no body, a container to the state of row, of
// which Path, Type, Modified, Version and ID count. It returns the row that the
// pod has then.
//
// The higher version wins; a loser gets ErrSuperseded with the row that stands,
// whose Path is zero where a delete stands. Equal bytes join at the higher
// version. Of ACLs and contact records of which neither writer saw the other's,
// the narrower wins: a version counts as unseen when its counter is not above
// that of the row and the devices differ. Replies to a post win if they hold all
// that was said, whatever their version, and lose otherwise. A delete stands against writes of no
// higher counter, and for contacts against all. The other errors are those of
// [View.Put].
//
// accept, unless nil, is called once it is known that a resource wins or joins,
// before it is placed; its error refuses the write. No lock is held, so it may
// take any. What is written between accept and the placing is contested again:
// who needs the two to be one keeps such writes apart.
func (r *Replica) Put(ctx context.Context, row pod.Info, body io.Reader, accept func() error) (now pod.Info, err error) {
	g := r.v.g
	if row.Path.IsContainer() {
		err = r.v.update(ctx, func(tx pod.WriteTx, _ *judge) error {
			now, err = g.join(tx, row)
			return err
		})
		return now, err
	}
	text, body, err := weighed(row.Path, body)
	if err != nil {
		return now, err
	}
	staged, err := g.stage(ctx, row.Path, arriving{body}, pod.StageOptions{Max: g.config.MaxBody, Type: row.Type, Modified: row.Modified})
	if err != nil {
		return now, err
	}
	defer func() { err = errors.Join(err, staged.Discard()) }()
	if accept != nil {
		if now, err = r.wins(ctx, row, staged.ETag(), text); err != nil {
			return now, err
		}
		if err := accept(); err != nil {
			return pod.Info{}, err
		}
	}
	err = r.v.update(ctx, func(tx pod.WriteTx, _ *judge) error {
		o, stands, err := r.contest(tx, row, staged.ETag(), text)
		if err != nil || stands != nil {
			now = value(stands)
			return err
		}
		now, err = g.put(tx, row.Path, row.Type, staged, o)
		return err
	})
	return now, err
}

// wins contests a row without placing it.
func (r *Replica) wins(ctx context.Context, row pod.Info, etag string, text []byte) (stands pod.Info, err error) {
	err = r.v.g.store.View(ctx, func(tx pod.Tx) error {
		_, row, err := r.contest(tx, row, etag, text)
		stands = value(row)
		return err
	})
	return stands, err
}

// Head returns where the pod stands.
func (r *Replica) Head(ctx context.Context) (head pod.Head, err error) {
	err = r.v.g.store.View(ctx, func(tx pod.Tx) error {
		head = tx.Head()
		return nil
	})
	return head, err
}

// Delete deletes p and all below it, if the counter of the version is no lower
// than that of the row, or p is a contact. It returns ErrSuperseded with the row
// that stands otherwise, and for what is pinned or has that in it: by it everybody
// knows who the owner is, so no version takes it away, whichever device says so.
// What is absent already is deleted.
func (r *Replica) Delete(ctx context.Context, p pod.Path, version pod.Version) (stands pod.Info, err error) {
	err = r.v.update(ctx, func(tx pod.WriteTx, _ *judge) error {
		info, ok, err := stat(tx, p)
		if !ok || err != nil {
			return err
		}
		stays, err := holdsPinned(tx, p)
		if err != nil {
			return err
		}
		if stays {
			stands = info
			return ErrSuperseded
		}
		if version.Counter < info.Version.Counter {
			if !inContacts(p) {
				stands = info
				return ErrSuperseded
			}
			version = pod.Version{}
		}
		return r.v.g.remove(tx, p, version, true)
	})
	return stands, err
}

// holdsPinned reports whether p is pinned, or a container, other than the root, that
// has something of that in it.
func holdsPinned(tx pod.Tx, p pod.Path) (bool, error) {
	for _, name := range pinned {
		list, err := pod.ParsePath(name)
		if err != nil {
			return false, err
		}
		if p != list && (p.IsRoot() || !p.Contains(list)) {
			continue
		}
		if _, ok, err := stat(tx, list); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// Changed returns a channel that is closed at the next commit of the pod.
func (r *Replica) Changed() <-chan struct{} { return r.v.Changed() }

// isMark reports whether a change tells of readers and of nothing else.
func isMark(c pod.Change) bool {
	return len(c.Readers) > 0 && !strings.HasPrefix(c.Readers[0], string(signErased))
}
