package acl

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sort"
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
	// ID names the post on every responder: base64url(SHA-256("kith post 1\n" ‖
	// the name of its folder)[:16]).
	ID string
	// Path is the post's container; zero in Remove and Delete.
	Path pod.Path
	// State is the digest of the container as the agent sees it: the ETag of its
	// listing. "" in Remove and Delete.
	State string
	// Modified is when the newest visible resource of the post was written; zero
	// in Remove and Delete.
	Modified time.Time

	versions []pod.Version // of the resources that the agent may read in it
}

// postID names the post in a folder.
func postID(folder string) string {
	sum := sha256.Sum256([]byte("kith post 1\n" + folder))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Posts returns the posts that the agent may read, the newest name first, at
// most limit of them (limit > 0): those with a name below before, or, where
// that is "", the newest. more tells that there are older ones. Where before is
// "", the Place is that from which Changes tells what happens next to whom reads
// all pages; it moves with what the agent may see only.
func (v *View) Posts(ctx context.Context, before string, limit int) (events []Event, more bool, at Place, err error) {
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
		if before != "" {
			return nil
		}
		seen, err := j.told(older)
		if err == nil {
			at, err = j.end(seen)
		}
		return err
	})
	return events, more, at, err
}

// Changes returns what happened, as far as the agent may know, after a Place
// that Posts or Changes returned, here or at another responder of the owner: at most
// limit events (limit > 0), the oldest first, one for each post, and the Place
// behind them. A Delete or a Remove goes to those only who could read the post.
// The error is ErrGone when the agent must ask for all Posts again, ErrBehind
// when it must ask again later. After a Place of another responder some events
// may be told that the agent knows.
//
// A change of a resource's own ACL inside a post counts as an Update of the
// post for those who may read the resource.
func (v *View) Changes(ctx context.Context, after Place, limit int) (events []Event, at Place, err error) {
	err = v.feed(ctx, func(j *judge) error {
		events = nil
		var found []news
		var err error
		if found, at, err = j.since(after); err != nil {
			return err
		}
		seen := after.Seen.vector()
		for _, n := range found[:min(limit, len(found))] {
			e := Event{Kind: n.kind, ID: n.id}
			if n.kind != kindRemove && n.kind != kindDelete {
				if e, err = j.event(n.kind, n.info); err != nil {
					return err
				}
			}
			for _, w := range append(e.versions, n.causes...) {
				seen.add(tagOf(w.Device), w.Counter)
			}
			events, at.Seq, at.Seen = append(events, e), n.seq, seen.seen()
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
	e := Event{Kind: kind, ID: postID(info.Path.Name()), Path: info.Path, State: a.Info.ETag}
	for _, c := range a.Children {
		if c.Modified.After(e.Modified) {
			e.Modified = c.Modified
		}
	}
	var err error
	e.versions, err = j.versions(a.Children)
	return e, err
}

// versions returns the versions of the resources that the agent sees, at any depth.
func (j *judge) versions(members []pod.Info) (all []pod.Version, err error) {
	for _, c := range members {
		if !c.Path.IsContainer() {
			all = append(all, c.Version)
			continue
		}
		a := Answer{Info: c}
		if err := j.list(&a); err != nil {
			return nil, err
		}
		below, err := j.versions(a.Children)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

// news is what is new of one post.
type news struct {
	info   pod.Info
	id     string // as in Event
	kind   string
	seq    uint64
	causes []pod.Version // of what took the post, or a part of it, or gave it
}

// trace gathers the changes of one post.
type trace struct {
	info          pod.Info // zero until its row is seen
	created, won  uint64
	lost, changed uint64
	files         []pod.Change
	causes        []pod.Version
}

// changes returns what is new for the agent after a Seq, in order of Seq. Rows
// up to the Seq read, which is no lower, hold nothing new for the agent.
func (j *judge) changes(after, read uint64) ([]news, error) {
	var found []news
	names, traces := make(map[string]string), make(map[pod.Path]*trace)
	for c, err := range j.tx.Changes(read) {
		if err != nil {
			return nil, fmt.Errorf("read changes: %w", err)
		}
		if id, ok := nameIn(c.Readers); ok {
			names[c.ID] = id
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
	for i := range found { // the newest trace of a handle has the name
		found[i].id = names[found[i].info.ID]
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
	sort.Slice(found, func(i, j int) bool {
		a, b := found[i], found[j]
		return cmp.Or(cmp.Compare(a.seq, b.seq), strings.Compare(a.id, b.id)) < 0
	})
	return found, nil
}

// gone tells of a deleted post whom it concerns. Who lost the post before it was
// deleted hears of the loss only.
func (j *judge) gone(c pod.Change) []news {
	switch {
	case meant(c.Readers, signErased, j.agent):
		return []news{{info: c.Info, kind: kindDelete, seq: c.Seq, causes: []pod.Version{c.Version}}}
	case meant(c.Readers, signLost, j.agent):
		return []news{{info: c.Info, kind: kindRemove, seq: c.Seq, causes: []pod.Version{c.By}}}
	}
	return nil
}

// add gathers one row of the post p.
func (t *trace) add(c pod.Change, p pod.Path, after uint64, a webid.Agent) {
	switch {
	case len(c.Readers) > 0:
		if concerns(c.Readers, a) {
			t.causes = append(t.causes, c.By)
		}
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
	told := news{info: info, id: postID(p.Name()), causes: t.causes}
	if !m.Has(Read) {
		if t.lost > 0 {
			told.kind, told.seq = kindRemove, t.lost
		}
		return told, nil
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
	told.seq = seq
	switch {
	case seq == 0:
	case t.created > 0:
		told.kind = kindCreate
	case t.won > 0:
		told.kind = kindAdd
	default:
		told.kind = kindUpdate
	}
	return told, nil
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
