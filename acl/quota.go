package acl

import (
	"context"
	"fmt"
	"io"
	"sync"

	"kith/pod"
)

// weight is what each member costs beside its bytes, so that the quota bounds
// their number too.
const weight = 1 << 10

// maxIntakes bounds how many bodies of one contact are taken at a time for one
// container.
const maxIntakes = 4

// bounded returns the container by whose ACL the agent may only add to a
// container: what lies below it is bounded by Config.Quota, such as in its own
// inbox.
func (j *judge) bounded(container pod.Path) (top pod.Path, ok bool, err error) {
	m, err := j.underOwn(container)
	if err != nil || m&(Write|Control) != Append {
		return top, false, err
	}
	own, _, err := stat(j.tx, container.ACL())
	if err != nil {
		return top, false, err
	}
	e, err := effective(j.tx, container, own.ETag)
	return e.subject, err == nil, err
}

// withinQuota decides whether the agent may add p, of a size. Nothing has been
// written in the transaction.
func (j *judge) withinQuota(p pod.Path, size int64) error {
	top, ok, err := j.bounded(p.Parent())
	if err != nil || !ok {
		return err
	}
	left, err := j.left(top)
	if err == nil && size > left {
		err = fmt.Errorf("check quota: %w", pod.ErrFull)
	}
	return err
}

// left returns how many bytes one more member below a container may have.
func (j *judge) left(top pod.Path) (int64, error) {
	kept, err := j.kept(top)
	return j.g.config.Quota - kept - weight, err
}

// tally is what lay below a container when the pod stood at a position.
type tally struct {
	epoch string
	seq   uint64
	bytes int64 // with the weight of each member
}

// kept returns what lies below a container. Once it is known, what has been
// added since is added to it: walking a long inbox for each message would keep
// all others waiting.
func (j *judge) kept(top pod.Path) (int64, error) {
	head := j.tx.Head()
	t, ok := j.g.tallies.get(top)
	ok = ok && t.epoch == head.Epoch && t.seq >= head.Floor && t.seq <= head.Seq
	var err error
	if ok {
		var more int64
		more, ok, err = j.added(top, t.seq)
		t.bytes += more
	}
	if err == nil && !ok {
		t.bytes, err = j.weigh(top)
	}
	if err == nil {
		j.g.tallies.put(top, tally{head.Epoch, head.Seq, t.bytes})
	}
	return t.bytes, err
}

// added returns what has been added below a container after a Seq. only reports
// that nothing there can have been replaced or deleted.
func (j *judge) added(top pod.Path, seq uint64) (bytes int64, only bool, err error) {
	for c, err := range j.tx.Changes(seq) {
		switch {
		case err != nil:
			return 0, false, fmt.Errorf("read changes: %w", err)
		case isMark(c):
		case c.Gone():
			return 0, false, nil
		case !top.Contains(c.Path) || c.Path.Subject() != c.Path:
		case c.Created > seq:
			bytes += c.Size + weight
		case !c.Path.IsContainer():
			return 0, false, nil
		}
	}
	return bytes, true, nil
}

// weigh walks through all that lies below a container.
func (j *judge) weigh(container pod.Path) (bytes int64, err error) {
	if _, ok, err := stat(j.tx, container); !ok || err != nil {
		return 0, err
	}
	for c, err := range j.tx.List(container) {
		if err != nil {
			return 0, fmt.Errorf("list members: %w", err)
		}
		bytes += c.Size + weight
		if !c.Path.IsContainer() {
			continue
		}
		below, err := j.weigh(c.Path)
		if err != nil {
			return 0, err
		}
		bytes += below
	}
	return bytes, nil
}

// intakes are the bodies that are being taken from those who may only add.
type intakes struct {
	mu   sync.Mutex
	open map[intakeKey]*share
}

// intakeKey names whose bodies, by cid or "" for who is no contact, are taken
// for which container.
type intakeKey struct {
	contact string
	top     pod.Path
}

// share is what the bodies of one key have together.
type share struct {
	bodies int
	bytes  int64
}

// intake is one body that is being taken.
type intake struct {
	all  *intakes // nil where nothing bounds it
	key  intakeKey
	left int64 // for all bodies of the key together
	took int64
}

// admit decides before any byte is taken whether a body may come for a member
// of a container. The intake is closed when the body lies nowhere but in the pod.
func (v *View) admit(ctx context.Context, container pod.Path, may func(*judge) error) (*intake, error) {
	in := &intake{}
	err := v.see(ctx, func(j *judge) error {
		if err := may(j); err != nil {
			return err
		}
		top, ok, err := j.bounded(container)
		if err != nil || !ok {
			return err
		}
		in.all, in.key = &v.g.intakes, intakeKey{v.agent.Contact(), top}
		in.left, err = j.left(top)
		return err
	})
	if err != nil || in.all == nil {
		return in, err
	}
	return in, in.all.enter(in.key)
}

func (a *intakes) enter(k intakeKey) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = make(map[intakeKey]*share)
	}
	s := a.open[k]
	if s == nil {
		s = &share{}
		a.open[k] = s
	}
	if s.bodies == maxIntakes {
		return fmt.Errorf("take body: %w: %d others are on their way", pod.ErrFull, maxIntakes)
	}
	s.bodies++
	return nil
}

// close gives back what the body had. It must be called once.
func (in *intake) close() {
	if in.all == nil {
		return
	}
	in.all.mu.Lock()
	defer in.all.mu.Unlock()
	s := in.all.open[in.key]
	s.bodies--
	s.bytes -= in.took
	if s.bodies == 0 {
		delete(in.all.open, in.key)
	}
}

// take counts bytes, unless they are more than what is left.
func (in *intake) take(n int64) error {
	if in.all == nil {
		return nil
	}
	in.all.mu.Lock()
	defer in.all.mu.Unlock()
	s := in.all.open[in.key]
	if s.bytes+n > in.left {
		return fmt.Errorf("take body: %w", pod.ErrFull)
	}
	s.bytes += n
	in.took += n
	return nil
}

// of returns a body that ends in pod.ErrFull where it would be too much.
func (in *intake) of(body io.Reader) io.Reader { return counted{body, in} }

// counted is a body of an intake.
type counted struct {
	body io.Reader
	in   *intake
}

// Read is the body's, or pod.ErrFull.
func (c counted) Read(b []byte) (int, error) {
	n, err := c.body.Read(b)
	if full := c.in.take(int64(n)); full != nil {
		return 0, full
	}
	return n, err
}
