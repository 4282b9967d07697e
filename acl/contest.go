package acl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"kith/pod"
	"kith/webid"
)

// contest decides between a replica's row and what the pod has at its path. It
// returns how to put the row, or the row that stands: with ErrSuperseded, or
// without an error where the two are equal.
func (g *Guard) contest(tx pod.Tx, row pod.Info, etag string, text []byte) (o pod.PutOptions, stands *pod.Info, err error) {
	now, ok, err := stat(tx, row.Path)
	if err != nil {
		return o, nil, err
	}
	if !ok {
		return g.revive(tx, row)
	}
	newer := now.Version.Less(row.Version)
	if now.ETag == etag {
		if newer {
			return over(now, row), nil, nil
		}
		return o, &now, nil
	}
	if isReplies(row.Path) {
		return g.gather(tx, row, now, text)
	}
	if unseen(row.Version, now.Version) && text != nil {
		order, err := g.compare(tx, row.Path, text)
		if err != nil {
			return o, nil, err
		}
		if order < 0 { // under a version above both, so that all replicas take it
			return pod.PutOptions{}, nil, nil
		}
		newer = newer && order == 0
	}
	if !newer {
		return o, &now, ErrSuperseded
	}
	return over(now, row), nil, nil
}

// gather decides between two documents of replies: the row's is taken if nothing
// that was said is lost by it, whatever its version. Else the device that brings
// it reads what stands, and brings both (protocol §3.4).
func (g *Guard) gather(tx pod.Tx, row, now pod.Info, text []byte) (o pod.PutOptions, stands *pod.Info, err error) {
	lost, err := loses(tx, row.Path, text)
	if err != nil {
		return o, nil, err
	}
	if lost {
		return o, &now, ErrSuperseded
	}
	if now.Version.Less(row.Version) {
		return over(now, row), nil, nil
	}
	return o, nil, nil
}

// over returns how to put a row over what the pod has now. What has no version
// was found by an index that knew nothing yet: then the handle is the one that
// the devices know, so that one's delete means the same to the others.
func over(now, row pod.Info) pod.PutOptions {
	o := pod.PutOptions{Version: row.Version}
	if now.Version == (pod.Version{}) {
		o.ID = row.ID
	}
	return o
}

// revive decides on a row whose path is not there. A delete beats an edit that
// did not see it.
func (g *Guard) revive(tx pod.Tx, row pod.Info) (pod.PutOptions, *pod.Info, error) {
	died, dead, err := g.graves.find(tx, row.ID)
	if err != nil {
		return pod.PutOptions{}, nil, err
	}
	if dead && (row.Version.Counter <= died.Counter || inContacts(row.Path)) {
		return pod.PutOptions{}, &pod.Info{ID: row.ID, Version: died}, ErrSuperseded
	}
	return pod.PutOptions{Version: row.Version, ID: row.ID}, nil, nil
}

// join brings a container to the state of a replica's row.
func (g *Guard) join(tx pod.WriteTx, row pod.Info) (pod.Info, error) {
	now, ok, err := stat(tx, row.Path)
	if err != nil {
		return now, err
	}
	o := pod.PutOptions{Version: row.Version}
	if !ok {
		var stands *pod.Info
		if o, stands, err = g.revive(tx, row); err != nil {
			return value(stands), err
		}
	} else if !now.Version.Less(row.Version) {
		return now, nil
	}
	return tx.MakeContainer(row.Path, o)
}

func value(i *pod.Info) pod.Info {
	if i == nil {
		return pod.Info{}
	}
	return *i
}

// unseen reports whether two writers may not have seen each other's write: who
// sees a version goes on with a higher counter.
func unseen(v, there pod.Version) bool {
	return v.Counter <= there.Counter && v.Device != there.Device
}

// weighed reads all of a body whose meaning decides which of two versions wins:
// an ACL, a contact record or replies. Other bodies are left alone.
func weighed(p pod.Path, body io.Reader) ([]byte, io.Reader, error) {
	if !p.IsACL() && !isCard(p) && !isReplies(p) {
		return nil, body, nil
	}
	text, err := io.ReadAll(io.LimitReader(arriving{body}, maxDocument+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read body: %w", err)
	}
	if len(text) > maxDocument {
		return nil, nil, fmt.Errorf("read body: %w", pod.ErrTooLarge)
	}
	return text, bytes.NewReader(text), nil
}

// compare returns a negative number if text grants less than what is at p now,
// a positive one if it grants more.
func (g *Guard) compare(tx pod.Tx, p pod.Path, text []byte) (int, error) {
	res, err := tx.Open(p)
	if err != nil {
		return 0, fmt.Errorf("open resource: %w", err)
	}
	defer res.Close()
	now, err := io.ReadAll(io.LimitReader(res, maxDocument))
	if err != nil {
		return 0, fmt.Errorf("read resource: %w", err)
	}
	weigh := g.weighCard
	if p.IsACL() {
		weigh = g.weighACL
	}
	a, err := weigh(tx, p, text)
	if err != nil {
		return 0, err
	}
	b, err := weigh(tx, p, now)
	return slices.Compare(a, b), err
}

// weighACL returns how many may read, and how much is granted in all. What does
// not parse grants nothing.
func (g *Guard) weighACL(tx pod.Tx, p pod.Path, text []byte) ([]int64, error) {
	d, err := g.scope.parse(bytes.NewReader(text), p.Subject())
	if errors.Is(err, ErrMalformed) {
		return []int64{0, 0}, nil
	}
	if err != nil {
		return nil, err
	}
	who, grants := readers{}, map[grant]struct{}{}
	c := g.census(tx)
	for _, r := range d.rules {
		found := readers{}
		if err := c.collect(found, r, p.Subject()); err != nil {
			return nil, err
		}
		for iri := range found {
			for _, given := range r.gives(iri, p.Subject()) {
				grants[given] = struct{}{}
				if given.mode == Read {
					who[iri] = struct{}{}
				}
			}
		}
	}
	return []int64{int64(len(who)), int64(len(grants))}, nil
}

// grant is one thing that an ACL gives to one agent.
type grant struct {
	who     string
	mode    Modes
	inherit bool
}

// gives returns what a rule of the ACL of a subject gives to one whom it is for.
func (r rule) gives(who string, subject pod.Path) []grant {
	var out []grant
	for _, w := range modeWords {
		for _, inherit := range []bool{false, true} {
			if r.modes.Has(w.modes) && r.covers(effect{subject: subject, inherit: inherit}) {
				out = append(out, grant{who, w.modes, inherit})
			}
		}
	}
	return out
}

// weighCard returns whether a contact proves anything, how low its grant is, and
// how much proves being that contact. What does not parse proves nothing.
func (g *Guard) weighCard(_ pod.Tx, p pod.Path, text []byte) ([]int64, error) {
	c, err := webid.ParseContact(g.scope.iri(p), text)
	if err != nil || c.Blocked {
		return []int64{0, 0, 0}, nil
	}
	return []int64{1, -int64(c.Grant), int64(len(c.Devices.Devices) + len(c.Accepts))}, nil
}

// isCard reports whether p is a contact record (protocol §1.2).
func isCard(p pod.Path) bool {
	return inContacts(p) && p.Name() == "card" && strings.Count(p.String(), "/") == 3
}

// contacts is where the records of the owner's contacts lie.
const contacts = "/contacts/"

// inContacts reports whether p is a contact or lies in one.
func inContacts(p pod.Path) bool {
	return strings.HasPrefix(p.String(), contacts) && p.String() != contacts
}

// graves remembers what was deleted, by handle. It reads the pod's tombstones
// once, and then those that came since.
type graves struct {
	mu   sync.Mutex
	seen uint64
	died map[string]pod.Version
}

// find returns the version at which the resource with a handle was deleted.
func (g *graves) find(tx pod.Tx, id string) (pod.Version, bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.died == nil {
		g.died = make(map[string]pod.Version)
	}
	for c, err := range tx.Changes(g.seen) {
		if err != nil {
			return pod.Version{}, false, fmt.Errorf("read tombstones: %w", err)
		}
		if c.Gone() && !isMark(c) {
			g.died[c.ID] = c.Version
		}
		g.seen = c.Seq
	}
	v, ok := g.died[id]
	return v, ok, nil
}
