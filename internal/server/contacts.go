package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"kith/pod"
	"kith/webid"

	"zombiezen.com/go/sqlite"
)

// record is a contact and the ETag of the bytes that say so.
type record struct {
	webid.Contact
	etag string
}

// realm is one pod as proofs see it: whose it is, and whom the owner knows. It is read from the
// contact records in the pod's folder and kept in memory; each question first takes in what has
// changed since, so that a friend who was removed is unknown from the commit on.
type realm struct {
	url   string
	name  string
	store pod.Store
	state *state
	// change rewrites the record of the contact with a label, through the guard.
	change func(ctx context.Context, label string, change func(*webid.Contact) error) error
	// grants reports whether the owner's consent to an app still holds; nil: none does.
	grants func(ctx context.Context, grant string) bool

	mu        sync.Mutex
	head      pod.Head
	owner     person
	contacts  map[pod.Path]record
	forgotten int                   // how often owner was forgotten
	byKid     map[string][]pod.Path // more than one where a list names a key of somebody else
	byID      map[webid.ID]pod.Path
}

var _ webid.Realm = (*realm)(nil)

const contactsFolder = "/contacts/"

func newRealm(url, name string, store pod.Store, state *state) *realm {
	return &realm{url: url, name: name, store: store, state: state}
}

// Owner returns the owner's WebID.
func (r *realm) Owner() webid.ID { return webid.ID(r.url + "profile/card#me") }

// Lists returns what the owner's phone pinned here, the zero Lists before it paired.
func (r *realm) Lists(ctx context.Context) (webid.Lists, error) {
	p, err := r.person(ctx)
	return p.lists, err
}

// person returns the owner's row. Once paired it is kept in memory: only this process changes it
// from then on, through pin.
func (r *realm) person(ctx context.Context) (person, error) {
	r.mu.Lock()
	p, forgotten := r.owner, r.forgotten
	r.mu.Unlock()
	if p.paired() {
		return p, nil
	}
	p, err := r.state.person(ctx, r.name)
	if err != nil {
		return person{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgotten == forgotten { // or it may have changed since it was read
		r.owner = p
	}
	return p, nil
}

// forget makes the next question read the owner's row again.
func (r *realm) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.owner, r.forgotten = person{}, r.forgotten+1
}

// pinLists records the owner's newer lists; what is not acceptable after those pinned is refused
// with webid's verdict.
func (r *realm) pinLists(ctx context.Context, devices, keys string) error {
	defer r.forget()
	return r.state.write(ctx, func(c *sqlite.Conn) error {
		return r.state.pin(c, r.name, func(p *person) (err error) {
			p.lists, err = p.lists.Accept(devices, keys, r.state.now())
			return err
		})
	})
}

// valid reports whether an agent is still who it was when it proved itself: a device that the owner's
// list names, an app whose consent holds, a contact of the same grant, or somebody whom the owner still
// does not know.
func (r *realm) valid(ctx context.Context, a webid.Agent) bool {
	switch {
	case a.Device():
		p, err := r.person(ctx)
		return err == nil && (a.Key() == p.kid() || p.lists.Devices.Can(a.Key(), "post"))
	case a.Owner():
		return r.grants != nil && r.grants(ctx, a.Consent())
	}
	for _, id := range a.IDs() {
		c, err := r.ByID(ctx, id)
		switch {
		case err == nil:
			return c.CID == a.Contact() && c.Grant == a.Grant() && !c.Blocked && vouched(c, a)
		case !errors.Is(err, webid.ErrUnknown):
			return false
		}
	}
	return a.Contact() == ""
}

// vouched reports whether everything by which the agent a may be named still means the contact c, where
// no device of that contact made the proof.
func vouched(c webid.Contact, a webid.Agent) bool {
	for _, id := range a.IDs() {
		if id != c.ID && a.Key() == "" && !c.Proves(id) {
			return false
		}
	}
	return true
}

// Pin stores a device list that a token request brought along, the owner's or a contact's.
func (r *realm) Pin(ctx context.Context, next webid.DeviceList) error {
	owner, err := r.person(ctx)
	if err != nil {
		return err
	}
	if next.Label == owner.label {
		return r.pinLists(ctx, next.String(), "")
	}
	return r.change(ctx, next.Label, func(c *webid.Contact) (err error) {
		c.Lists, err = c.Lists.Accept(next.String(), "", r.state.now())
		return err
	})
}

// ByDevice returns the contact whose pinned device list names kid. Where several do, for anybody can
// write another person's key into a list of their own, those that are blocked do not count; if several are
// left it is nobody.
func (r *realm) ByDevice(ctx context.Context, kid string) (webid.Contact, error) {
	return r.find(ctx, func() (pod.Path, bool) {
		all := r.byKid[kid]
		if len(all) > 1 {
			all = slices.DeleteFunc(slices.Clone(all), func(p pod.Path) bool { return r.contacts[p].Blocked })
		}
		if len(all) == 1 {
			return all[0], true
		}
		return pod.Path{}, false
	})
}

// ByID returns the contact whose WebID is id or whose record accepts it.
func (r *realm) ByID(ctx context.Context, id webid.ID) (webid.Contact, error) {
	return r.find(ctx, func() (pod.Path, bool) { p, ok := r.byID[id]; return p, ok })
}

// record returns the contact with the label and the ETag of its record.
func (r *realm) record(ctx context.Context, label string) (c webid.Contact, etag string, err error) {
	c, err = r.ByLabel(ctx, label)
	if err != nil {
		return c, "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return c, r.contacts[r.byID[c.ID]].etag, nil
}

// ByLabel returns the contact with the label.
func (r *realm) ByLabel(ctx context.Context, label string) (webid.Contact, error) {
	return r.find(ctx, func() (pod.Path, bool) {
		for path, c := range r.contacts {
			if c.Label == label {
				return path, true
			}
		}
		return pod.Path{}, false
	})
}

// all returns every contact, in no order.
func (r *realm) all(ctx context.Context) (contacts []webid.Contact, err error) {
	_, err = r.find(ctx, func() (pod.Path, bool) {
		for _, c := range r.contacts {
			contacts = append(contacts, c.Contact)
		}
		return pod.Path{}, false
	})
	if errors.Is(err, webid.ErrUnknown) {
		err = nil
	}
	return contacts, err
}

func (r *realm) find(ctx context.Context, which func() (pod.Path, bool)) (webid.Contact, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.refresh(ctx); err != nil {
		return webid.Contact{}, fmt.Errorf("find contact: %w", err)
	}
	if path, ok := which(); ok {
		return r.contacts[path].Contact, nil
	}
	return webid.Contact{}, webid.ErrUnknown
}

// refresh takes in the contact records that changed since the last time. A tombstone does not tell
// its path, so after one all records are looked at; those whose ETag is known are not read again.
func (r *realm) refresh(ctx context.Context) error {
	return r.store.View(ctx, func(tx pod.Tx) error {
		head := tx.Head()
		if head.Epoch == r.head.Epoch && head.Seq == r.head.Seq {
			return nil
		}
		changed, complete, err := r.changedRecords(tx, head)
		if err == nil && !complete {
			changed, err = r.allRecords(tx)
		}
		if err != nil {
			return err
		}
		if err := r.readAll(tx, changed); err != nil {
			return err
		}
		r.head = head
		return nil
	})
}

func (r *realm) changedRecords(tx pod.Tx, head pod.Head) (changed []pod.Path, complete bool, err error) {
	if head.Epoch != r.head.Epoch || r.head.Seq < head.Floor {
		return nil, false, nil
	}
	for c, err := range tx.Changes(r.head.Seq) {
		switch {
		case err != nil:
			return nil, false, err
		case c.Gone():
			return nil, false, nil
		case isRecord(c.Path):
			changed = append(changed, c.Path)
		}
	}
	return changed, true, nil
}

// allRecords returns the records in the folder, and those that were there.
func (r *realm) allRecords(tx pod.Tx) ([]pod.Path, error) {
	folder, err := pod.ParsePath(contactsFolder)
	if err != nil {
		return nil, err
	}
	all := slices.Collect(maps.Keys(r.contacts))
	for info, err := range tx.List(folder) {
		if errors.Is(err, pod.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		card, err := info.Path.Child("card", false)
		if _, known := r.contacts[card]; err == nil && !known && info.Path.IsContainer() {
			all = append(all, card)
		}
	}
	return all, nil
}

func (r *realm) readAll(tx pod.Tx, paths []pod.Path) error {
	if len(paths) == 0 && r.contacts != nil {
		return nil
	}
	if r.contacts == nil {
		r.contacts = map[pod.Path]record{}
	}
	for _, path := range paths {
		if err := r.read(tx, path); err != nil {
			return err
		}
	}
	r.index()
	return nil
}

func isRecord(p pod.Path) bool {
	return strings.HasPrefix(p.String(), contactsFolder) && p.Name() == "card" && strings.Count(p.String(), "/") == 3
}

// read takes in one record. One that does not parse proves nothing for anybody, which is safe, and
// the owner's app shows it as damaged.
func (r *realm) read(tx pod.Tx, path pod.Path) error {
	info, err := tx.Stat(path)
	if known := r.contacts[path]; err == nil && known.etag == info.ETag {
		return nil
	}
	delete(r.contacts, path)
	if errors.Is(err, pod.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	res, err := tx.Open(path)
	if err != nil {
		return err
	}
	defer res.Close()
	text, err := io.ReadAll(io.LimitReader(res, maxRecord+1))
	if err != nil {
		return err
	}
	c, err := webid.ParseContact(strings.TrimSuffix(r.url, "/")+path.Escaped(), text)
	if err == nil {
		r.contacts[path] = record{c, info.ETag}
	}
	return nil
}

// maxRecord bounds what is read of a contact record; webid refuses larger ones.
const maxRecord = 64 << 10

func (r *realm) index() {
	r.byKid, r.byID = map[string][]pod.Path{}, map[webid.ID]pod.Path{}
	for path, c := range r.contacts {
		r.byID[c.ID] = path
		for _, d := range c.Devices.Devices {
			r.byKid[d.Kid] = append(r.byKid[d.Kid], path)
		}
		for _, id := range c.Accepts {
			r.byID[id] = path
		}
	}
}
