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

// How many bodies are taken at a time for one container: of one contact or, of who is
// none, from one address; and of all together who are no contacts, who may also have
// so many times the bytes on their way that one of them may.
const (
	maxIntakes = 4
	maxCrowd   = 4
)

// bounded returns the container by whose ACL the agent may only add to a
// container: what lies below it is bounded by Config.Quota, such as in its own
// inbox.
func (j *judge) bounded(container pod.Path) (top pod.Path, ok bool, err error) {
	e, err := effectiveOwn(j.tx, container)
	if err != nil {
		return top, false, err
	}
	m, err := j.by(e, container)
	return e.subject, err == nil && m&(Write|Control) == Append, err
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

// intakeKey names whose bodies are taken for which container; who is "" for all
// together who are no contacts.
type intakeKey struct {
	who string
	top pod.Path
}

// share is what the bodies of one key have together.
type share struct {
	bodies int
	bytes  int64
}

// intake is one body that is being taken.
type intake struct {
	all    *intakes // nil where nothing bounds it
	shares []bound
	left   int64
	took   int64
}

// bound is a key in whose share an intake is, which may be so many times as large.
type bound struct {
	key   intakeKey
	times int
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
		in.all, in.shares = &v.g.intakes, []bound{{intakeKey{v.who(), top}, 1}}
		if rankOf(v.agent) == rankOutsider {
			in.shares = append(in.shares, bound{intakeKey{"", top}, maxCrowd})
		}
		in.left, err = j.left(top)
		return err
	})
	if err != nil || in.all == nil {
		return in, err
	}
	return in, in.enter()
}

// enter counts the body, unless there are too many.
func (in *intake) enter() error {
	in.all.mu.Lock()
	defer in.all.mu.Unlock()
	if in.all.open == nil {
		in.all.open = make(map[intakeKey]*share)
	}
	for _, b := range in.shares {
		if s := in.all.open[b.key]; s != nil && s.bodies >= maxIntakes*b.times {
			return fmt.Errorf("take body: %w: %d others are on their way", ErrBusy, s.bodies)
		}
	}
	for _, b := range in.shares {
		if in.all.open[b.key] == nil {
			in.all.open[b.key] = &share{}
		}
		in.all.open[b.key].bodies++
	}
	return nil
}

// close gives back what the body had. It must be called once.
func (in *intake) close() {
	if in.all == nil {
		return
	}
	in.all.mu.Lock()
	defer in.all.mu.Unlock()
	for _, b := range in.shares {
		s := in.all.open[b.key]
		s.bodies--
		s.bytes -= in.took
		if s.bodies == 0 {
			delete(in.all.open, b.key)
		}
	}
}

// take counts bytes, unless they are more than what is left.
func (in *intake) take(n int64) error {
	if in.all == nil {
		return nil
	}
	in.all.mu.Lock()
	defer in.all.mu.Unlock()
	for _, b := range in.shares {
		if in.all.open[b.key].bytes+n > in.left*int64(b.times) {
			return fmt.Errorf("take body: %w", pod.ErrFull)
		}
	}
	for _, b := range in.shares {
		in.all.open[b.key].bytes += n
	}
	in.took += n
	return nil
}

// of returns a body that ends in pod.ErrFull where it would be too much.
func (in *intake) of(body io.Reader) io.Reader { return metered{body, in.take} }
