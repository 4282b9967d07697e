package acl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"kith/pod"
	"kith/webid"
)

// ErrGone says that a position in a feed is of another epoch, or too old for the
// traces that the pod keeps (410, protocol §3.2).
var ErrGone = errors.New("the position is no longer kept")

// ErrBehind says that a position in a feed is ahead of this pod, which lacks
// what somebody has seen elsewhere or before a restore (503, protocol §3.2).
var ErrBehind = errors.New("the pod lags behind the position")

// Event is one post in a feed, or what happened to it.
type Event struct {
	// Kind is what happened: Create, Update, Add (it may now be read), Remove
	// (it may no longer be), Delete; the types of ActivityStreams.
	Kind string
	// ID is the post's handle.
	ID string
	// Path is the post's container; zero in Remove and Delete.
	Path pod.Path
	// State is the digest of the container as the agent sees it: the ETag of its
	// listing. "" in Remove and Delete.
	State string
	// Modified is when the newest visible resource of the post was written; zero
	// in Remove and Delete.
	Modified time.Time
}

// Posts returns the posts that the agent may read, the newest name first, at
// most limit of them (limit > 0): those with a name below before, or, where
// that is "", the newest. more tells that there are older ones. The Head is the
// position from which Changes tells what happens next; it moves with what the
// agent may see only.
func (v *View) Posts(ctx context.Context, before string, limit int) (events []Event, more bool, at pod.Head, err error) {
	err = v.feed(ctx, func(j *judge) error {
		events = nil
		var older []pod.Info
		for info, err := range j.posts() {
			if err != nil {
				return err
			}
			if before != "" && info.Path.Name() >= before {
				break
			}
			older = append(older, info)
		}
		more = len(older) > limit
		page := older[len(older)-min(limit, len(older)):]
		for _, info := range slices.Backward(page) {
			e, err := j.event("Add", info)
			if err != nil {
				return err
			}
			events = append(events, e)
		}
		at, err = j.end()
		return err
	})
	return events, more, at, err
}

// Changes returns what happened, as far as the agent may know, after a position
// that Posts or Changes returned: at most limit events (limit > 0), the oldest
// first, one for each post, and the position behind them. A Delete or a Remove
// goes to those only who could read the post. The error is ErrGone when the
// agent must ask for all Posts again, ErrBehind when it must ask again later.
//
// A change of a resource's own ACL inside a post counts as an Update of the
// post for those who may read the resource.
func (v *View) Changes(ctx context.Context, after pod.Head, limit int) (events []Event, at pod.Head, err error) {
	err = v.feed(ctx, func(j *judge) error {
		events = nil
		var found []news
		var err error
		if found, at, err = j.since(after); err != nil {
			return err
		}
		for _, n := range found[:min(limit, len(found))] {
			e := Event{Kind: n.kind, ID: n.info.ID}
			if n.kind != kindRemove && n.kind != kindDelete {
				if e, err = j.event(n.kind, n.info); err != nil {
					return err
				}
			}
			events, at.Seq = append(events, e), n.seq
		}
		return nil
	})
	return events, at, err
}

const (
	kindCreate = "Create"
	kindUpdate = "Update"
	kindAdd    = "Add"
	kindRemove = "Remove"
	kindDelete = "Delete"
)

// feed runs fn with the pod for an agent who is somebody, and still is when the
// pod has been read: what the groups name may be a contact no longer.
func (v *View) feed(ctx context.Context, fn func(*judge) error) error {
	if v.agent.Anonymous() {
		return ErrUnauthenticated
	}
	err := v.see(ctx, fn)
	if err == nil && !v.g.valid(ctx, v.agent) {
		return ErrUnauthenticated
	}
	return err
}

// event describes a post that the agent may read.
func (j *judge) event(kind string, info pod.Info) (Event, error) {
	a := Answer{Info: info}
	if err := j.list(&a); err != nil {
		return Event{}, err
	}
	e := Event{Kind: kind, ID: info.ID, Path: info.Path, State: a.Info.ETag}
	for _, c := range a.Children {
		if c.Modified.After(e.Modified) {
			e.Modified = c.Modified
		}
	}
	return e, nil
}

// news is what is new of one post.
type news struct {
	info pod.Info
	kind string
	seq  uint64
}

// trace gathers the changes of one post.
type trace struct {
	info          pod.Info // zero until its row is seen
	created, won  uint64
	lost, changed uint64
	files         []pod.Change
}

// changes returns what is new for the agent after a Seq, in order of Seq. Rows
// up to the Seq read, which is no lower, hold nothing new for the agent.
func (j *judge) changes(after, read uint64) ([]news, error) {
	var found []news
	traces := make(map[pod.Path]*trace)
	for c, err := range j.tx.Changes(read) {
		if err != nil {
			return nil, fmt.Errorf("read changes: %w", err)
		}
		if c.Gone() {
			found = append(found, j.gone(c)...)
			continue
		}
		p, ok := post(c.Path)
		if !ok {
			continue
		}
		t := traces[p]
		if t == nil {
			t = &trace{}
			traces[p] = t
		}
		t.add(c, p, after, j.agent)
	}
	for p, t := range traces {
		n, err := j.settle(p, t)
		if err != nil {
			return nil, err
		}
		if n.kind != "" {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(a, b news) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), strings.Compare(a.info.ID, b.info.ID))
	})
	return found, nil
}

// gone tells of a deleted post whom it concerns. Who lost the post before it was
// deleted hears of the loss only.
func (j *judge) gone(c pod.Change) []news {
	switch {
	case meant(c.Readers, signErased, j.agent):
		return []news{{c.Info, kindDelete, c.Seq}}
	case meant(c.Readers, signLost, j.agent):
		return []news{{c.Info, kindRemove, c.Seq}}
	}
	return nil
}

// add gathers one row of the post p.
func (t *trace) add(c pod.Change, p pod.Path, after uint64, a webid.Agent) {
	switch {
	case len(c.Readers) > 0:
		if meant(c.Readers, signLost, a) {
			t.lost = c.Seq
		}
		if meant(c.Readers, signWon, a) {
			t.won = c.Seq
		}
		if meant(c.Readers, signChanged, a) {
			t.changed = c.Seq
		}
	case c.Path == p:
		t.info = c.Info
		if c.Created > after {
			t.created = c.Created
		}
	case c.Path.Subject() == c.Path && !c.Path.IsContainer():
		t.files = append(t.files, c)
	}
}

// settle decides what a trace is to the agent. A post's own row moves with what
// is hidden in it, so only its creation counts, and the rows of what the agent
// may read.
func (j *judge) settle(p pod.Path, t *trace) (news, error) {
	info := t.info
	if info.Path != p {
		var ok bool
		var err error
		if info, ok, err = stat(j.tx, p); err != nil || !ok {
			return news{}, err
		}
	}
	m, err := j.allowed(info)
	if err != nil {
		return news{}, err
	}
	if !m.Has(Read) {
		if t.lost > 0 {
			return news{info, kindRemove, t.lost}, nil
		}
		return news{}, nil
	}
	seq := max(t.created, t.won, t.changed)
	for _, f := range t.files {
		if f.Seq <= seq {
			continue
		}
		m, err := j.allowed(f.Info)
		if err != nil {
			return news{}, err
		}
		if m.Has(Read) {
			seq = f.Seq
		}
	}
	switch {
	case seq == 0:
		return news{}, nil
	case t.created > 0:
		return news{info, kindCreate, seq}, nil
	case t.won > 0:
		return news{info, kindAdd, seq}, nil
	}
	return news{info, kindUpdate, seq}, nil
}

// horizon says that an agent may see no change above the Seq quiet, up to and
// including the Seq read. seen is the place in the feed behind all that the agent
// may see; it differs from quiet where the past has been looked at since.
type horizon struct{ read, quiet, seen uint64 }

// horizon returns the agent's horizon. At first it is where the pod stood when
// the Guard was first asked, so that nobody pays for the whole past.
func (j *judge) horizon() horizon {
	h, ok := j.g.horizons.get(j.key())
	if ok {
		return h
	}
	j.g.first.Do(func() {
		seq := j.tx.Head().Seq
		j.g.start = horizon{seq, seq, seq}
	})
	return j.g.start
}

// keepDays is for how long a position is good. The pod keeps traces for 90 days,
// so what is missing below its Floor had been told when any such position was
// given, and where that is does not matter: it depends on all of the pod.
const keepDays = 80

// day is the number of the day, as positions have it.
func (j *judge) day() int64 { return j.g.config.Now().Unix() / (24 * 60 * 60) }

// position returns the place in the feed behind a Seq, in the Epoch that name
// adds to:
//
//	<epoch of the pod>.<name of a Guard>.<day>
//
// The Guard is in it because where a Guard starts depends on all of the pod: the
// positions of two Guards differ whether or not anything happened between them.
// The day is in it because which traces are too old does, too: a position ends
// by its own age.
func (j *judge) position(name string, seq uint64) pod.Head {
	return pod.Head{Epoch: fmt.Sprintf("%s.%s.%d", j.tx.Head().Epoch, name, j.day()), Seq: seq}
}

// given returns the name of the Guard that gave a position.
func (j *judge) given(at pod.Head) (name string, err error) {
	rest, ok := strings.CutPrefix(at.Epoch, j.tx.Head().Epoch+".")
	name, digits, _ := strings.Cut(rest, ".")
	day, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || j.day()-day > keepDays {
		return "", ErrGone
	}
	return name, nil
}

// end returns the position behind all that the agent may see. It moves with
// what the agent may see only, and once a day.
func (j *judge) end() (pod.Head, error) {
	if _, err := j.news(j.horizon().seen); err != nil {
		return pod.Head{}, err
	}
	return j.position(j.g.name, j.horizon().seen), nil
}

// since returns what is new for the agent after a position, and the position as
// it is given today.
func (j *judge) since(at pod.Head) ([]news, pod.Head, error) {
	name, err := j.given(at)
	if err != nil {
		return nil, at, err
	}
	if at.Seq > j.tx.Head().Seq {
		return nil, at, ErrBehind
	}
	found, err := j.news(at.Seq)
	return found, j.position(name, at.Seq), err
}

// news returns what is new for the agent after a Seq, and moves its horizon, so
// that a friend who waits costs no more than what has changed since.
func (j *judge) news(after uint64) ([]news, error) {
	h, read := j.horizon(), after
	if h.quiet <= after {
		read = max(read, h.read)
	}
	found, err := j.changes(after, read)
	if err != nil {
		return nil, err
	}
	if len(j.elsewhere.wanted) > 0 { // asked again when more is known
		return found, nil
	}
	if after > h.read { // what lies between is not known here
		h.quiet, h.seen = after, after
	}
	h.read = j.tx.Head().Seq
	h.quiet = min(h.quiet, after)
	if len(found) > 0 {
		h.quiet = found[len(found)-1].seq
		h.seen = max(h.seen, h.quiet)
	}
	j.g.horizons.put(j.key(), h)
	return found, nil
}
