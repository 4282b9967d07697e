package acl

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/pod"
	"kith/webid"
)

// device is one of the owner's devices, as a replica sees the pod.
type device struct {
	w *world
	r *Replica
}

func (w *world) device() device {
	w.t.Helper()
	r, err := w.guard.As(owner).Replica(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return device{w, r}
}

// put sends a row and returns the text that stands at its path afterwards.
func (d device) put(p, typ, text string, v pod.Version, id string) (pod.Info, string, error) {
	d.w.t.Helper()
	row := pod.Info{Path: path(d.w.t, p), Type: typ, Version: v, ID: id, Modified: time.Unix(1700000000, 0).UTC()}
	info, err := d.r.Put(context.Background(), row, reader(text), nil)
	return info, d.read(p), err
}

// read returns the bytes at a path, or "(none)".
func (d device) read(p string) string {
	d.w.t.Helper()
	res, err := d.r.Open(context.Background(), path(d.w.t, p))
	if errors.Is(err, pod.ErrNotExist) {
		return "(none)"
	}
	if err != nil {
		d.w.t.Fatal(err)
	}
	defer res.Close()
	text, err := io.ReadAll(res)
	if err != nil {
		d.w.t.Fatal(err)
	}
	return string(text)
}

func at(counter uint64, device string) pod.Version {
	return pod.Version{Counter: counter, Device: device}
}

const (
	idA = "AAAAAAAAAAAAAAAAAAAAAA"
	idB = "BBBBBBBBBBBBBBBBBBBBBB"
)

func TestReplicaIsTheOwners(t *testing.T) {
	w := newWorld(t, Config{})
	_, err := w.guard.As(ben).Replica(context.Background())
	is(t, "a friend", err, ErrForbidden)
	_, err = w.guard.As(stranger).Replica(context.Background())
	is(t, "a stranger", err, ErrUnauthenticated)
	impostor := webid.ContactAgent(contactID(benCID), benCID, 1, "did:key:zBen", testOwner)
	_, err = w.guard.As(impostor).Replica(context.Background())
	is(t, "a friend who is also called the owner", err, ErrForbidden)
}

func TestReplicaPut(t *testing.T) {
	for _, c := range []struct {
		name    string
		there   pod.Version // of "old", unless zero
		version pod.Version
		text    string
		want    error
		stands  string
		row     pod.Version
	}{
		{"what is new is taken with its version", pod.Version{}, at(9, "b"), "new", nil, "new", at(9, "b")},
		{"a higher counter wins", at(5, "b"), at(6, "a"), "new", nil, "new", at(6, "a")},
		{"a lower counter loses", at(5, "a"), at(4, "b"), "new", ErrSuperseded, "old", at(5, "a")},
		{"of equal counters the higher device wins", at(5, "a"), at(5, "b"), "new", nil, "new", at(5, "b")},
		{"and the lower one loses", at(5, "b"), at(5, "a"), "new", ErrSuperseded, "old", at(5, "b")},
		{"one version with two texts is refused", at(5, "a"), at(5, "a"), "new", ErrSuperseded, "old", at(5, "a")},
		{"equal bytes join at the higher version", at(5, "a"), at(9, "b"), "old", nil, "old", at(9, "b")},
		{"from either side", at(9, "b"), at(5, "a"), "old", nil, "old", at(9, "b")},
		{"what is sent again is taken again", at(5, "a"), at(5, "a"), "old", nil, "old", at(5, "a")},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			d := w.device()
			if c.there != (pod.Version{}) {
				if _, _, err := d.put("/a/x", "text/plain", "old", c.there, idA); err != nil {
					t.Fatal(err)
				}
			}
			info, stands, err := d.put("/a/x", "text/plain", c.text, c.version, idA)
			is(t, "put", err, c.want)
			if stands != c.stands || info.Version != c.row || info.ID != idA {
				t.Errorf("%q stands, row %+v", stands, info)
			}
			now, err := w.guard.As(owner).Stat(context.Background(), path(t, "/a/x"))
			if err != nil || now.Info != info {
				t.Errorf("told of %+v, has %+v, %v", info, now.Info, err)
			}
		})
	}
}

func TestReplicaKeepsTimes(t *testing.T) {
	w := newWorld(t, Config{})
	info, _, err := w.device().put("/a/x", "text/plain", "x", at(3, "a"), idA)
	if err != nil || !info.Modified.Equal(time.Unix(1700000000, 0)) {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestReplicaContainers(t *testing.T) {
	w := newWorld(t, Config{})
	d := w.device()
	put := func(v pod.Version) (pod.Info, error) {
		return d.r.Put(context.Background(), pod.Info{Path: path(t, "/a/"), Version: v, ID: idA}, nil, nil)
	}
	for _, c := range []struct {
		name      string
		send, row pod.Version
	}{
		{"a new one is made", at(5, "a"), at(5, "a")},
		{"an older one changes nothing", at(4, "b"), at(5, "a")},
		{"a newer one joins", at(7, "b"), at(7, "b")},
	} {
		info, err := put(c.send)
		if err != nil || info.Version != c.row || info.ID != idA {
			t.Errorf("%s: %+v, %v", c.name, info, err)
		}
	}
	if _, err := d.r.Delete(context.Background(), path(t, "/a/"), at(8, "a")); err != nil {
		t.Fatal(err)
	}
	info, err := put(at(8, "b"))
	is(t, "made again by who had not seen the delete", err, ErrSuperseded)
	if info.Path != (pod.Path{}) || info.ID != idA {
		t.Errorf("the delete stands as %+v", info)
	}
}

func TestReplicaDelete(t *testing.T) {
	for _, c := range []struct {
		name, path string
		version    pod.Version
		want       error
		stands     string
	}{
		{"a delete that saw the edit wins", "/a/x", at(6, "b"), nil, "(none)"},
		{"a delete at the same time wins", "/a/x", at(5, "0"), nil, "(none)"},
		{"an older delete loses", "/a/x", at(4, "z"), ErrSuperseded, "old"},
		{"of a contact it wins", "/contacts/" + benCID + "/card", at(1, "z"), nil, "(none)"},
		{"what is absent is deleted", "/a/none", at(1, "z"), nil, "(none)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			d := w.device()
			if c.path != "/a/none" {
				if _, _, err := d.put(c.path, "text/plain", "old", at(5, "a"), idA); err != nil {
					t.Fatal(err)
				}
			}
			stands, err := d.r.Delete(context.Background(), path(t, c.path), c.version)
			is(t, "delete", err, c.want)
			if got := d.read(c.path); got != c.stands {
				t.Errorf("%q stands", got)
			}
			if err != nil && (stands.Path.String() != c.path || stands.Version != at(5, "a")) {
				t.Errorf("told of %+v", stands)
			}
		})
	}
	t.Run("the root and its ACL stay", func(t *testing.T) {
		w := newWorld(t, Config{})
		d := w.device()
		_, err := d.r.Delete(context.Background(), pod.Root, at(1000, "z"))
		is(t, "the root", err, pod.ErrReserved)
		_, err = d.r.Delete(context.Background(), pod.Root.ACL(), at(1000, "z"))
		is(t, "its ACL", err, ErrLockout)
	})
}

func TestReplicaDeleteBeatsEdit(t *testing.T) {
	for _, c := range []struct {
		name, path string
		version    pod.Version
		want       error
	}{
		{"an edit that had not seen the delete loses", "/a/x", at(7, "b"), ErrSuperseded},
		{"one at a higher counter comes back", "/a/x", at(8, "b"), nil},
		{"but not as a contact", "/contacts/" + benCID + "/card", at(99, "b"), ErrSuperseded},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			d := w.device()
			if _, _, err := d.put(c.path, "text/plain", "old", at(5, "a"), idA); err != nil {
				t.Fatal(err)
			}
			if _, err := d.r.Delete(context.Background(), path(t, c.path), at(7, "a")); err != nil {
				t.Fatal(err)
			}
			info, _, err := d.put(c.path, "text/plain", "edited", c.version, idA)
			is(t, "edit", err, c.want)
			if err != nil && (info.Path != pod.Path{} || info.ID != idA || info.Version != at(7, "a")) {
				t.Errorf("the delete stands as %+v", info)
			}
		})
	}
}

func TestReplicaNarrowerACLWins(t *testing.T) {
	narrow := prefix + ownerRule
	wide := narrow + allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>", "acl:Read")
	writes := narrow + allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>", "acl:Read, acl:Write")
	group := narrow + allow(1, "acl:agentGroup <../g#members>", "acl:accessTo <./>", "acl:Read")
	for _, c := range []struct {
		name          string
		there         string
		thereAt       pod.Version
		text          string
		version       pod.Version
		want          error
		stands, wider bool // that the text sent stands; that its version was raised
	}{
		{"a narrower one wins against an equal counter", wide, at(5, "b"), narrow, at(5, "a"), nil, true, true},
		{"and against a higher one of another device", wide, at(6, "b"), narrow, at(5, "a"), nil, true, true},
		{"but not of its own device, which has seen it", wide, at(6, "a"), narrow, at(5, "a"), ErrSuperseded, false, false},
		{"a wider one loses against an equal counter", narrow, at(5, "a"), wide, at(5, "b"), ErrSuperseded, false, false},
		{"a wider one wins when it has seen the narrower", narrow, at(5, "a"), wide, at(6, "b"), nil, true, false},
		{"more modes for the same reader are wider", writes, at(5, "b"), wide, at(5, "a"), nil, true, true},
		{"a group counts as its members", group, at(5, "b"), wide, at(5, "a"), nil, true, true},
		{"of equally wide ones the higher device wins", wide, at(5, "b"), strings.ReplaceAll(wide, benCID, danCID), at(5, "c"), nil, true, false},
		{"and the lower loses", wide, at(5, "b"), strings.ReplaceAll(wide, benCID, danCID), at(5, "a"), ErrSuperseded, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.put("/g", "text/turtle", prefix+"<#members> vcard:hasMember <"+string(contactID(benCID))+">, <"+string(contactID(danCID))+"> .")
			d := w.device()
			if _, _, err := d.put("/a/.acl", "text/turtle", c.there, c.thereAt, idA); err != nil {
				t.Fatal(err)
			}
			info, now, err := d.put("/a/.acl", "text/turtle", c.text, c.version, idA)
			is(t, "put", err, c.want)
			if (now == c.text) != c.stands {
				t.Errorf("stands: %q", now)
			}
			if raised := c.thereAt.Less(info.Version) && info.Version != c.version; raised != c.wider {
				t.Errorf("stands at %+v", info.Version)
			}
		})
	}
}

func TestReplicaNarrowerContactWins(t *testing.T) {
	card := func(change func(*webid.Contact)) string {
		c := webid.Contact{Name: "Ben", Grant: 1, Since: time.Unix(1700000000, 0), Accepts: []webid.ID{"https://ben.example/#me"}}
		change(&c)
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	plain := card(func(*webid.Contact) {})
	for _, c := range []struct {
		name, text string
		narrower   bool
	}{
		{"a block", card(func(c *webid.Contact) { c.Blocked = true }), true},
		{"a raised grant", card(func(c *webid.Contact) { c.Grant = 2 }), true},
		{"an identifier less", card(func(c *webid.Contact) { c.Accepts = nil }), true},
		{"an identifier more", card(func(c *webid.Contact) { c.Accepts = append(c.Accepts, "https://b.example/#me") }), false},
		{"what is no record", "{", true},
		{"another name", card(func(c *webid.Contact) { c.Name = "Benjamin" }), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			d := w.device()
			at5 := "/contacts/" + benCID + "/card"
			if _, _, err := d.put(at5, "application/ld+json", plain, at(5, "b"), idA); err != nil {
				t.Fatal(err)
			}
			_, now, err := d.put(at5, "application/ld+json", c.text, at(5, "a"), idA)
			if won := err == nil && now == c.text; won != c.narrower {
				t.Errorf("won %v, %v", won, err)
			}
		})
	}
}

func TestReplicaChecksACLs(t *testing.T) {
	w := newWorld(t, Config{})
	d := w.device()
	for _, c := range []struct {
		name, path, typ, text string
		want                  error
	}{
		{"what does not parse", "/a/.acl", "text/turtle", "<", ErrMalformed},
		{"what is not Turtle", "/a/.acl", "text/plain", "", ErrMalformed},
		{"a class", "/a/.acl", "text/turtle", prefix + allow(1, "acl:agentClass foaf:Agent", "acl:accessTo <./>", "acl:Read"), ErrClass},
		{"the owner's end", "/.acl", "text/turtle", "", ErrLockout},
		{"what is too large", "/a/.acl", "text/turtle", strings.Repeat(" ", maxDocument+1), pod.ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := d.put(c.path, c.typ, c.text, at(1000, "z"), "")
			is(t, "put", err, c.want)
		})
	}
}

// TestReplicaActsAtOnce writes through the replica what an ACL gives, and reads
// as the friend.
func TestReplicaActsAtOnce(t *testing.T) {
	w := newWorld(t, Config{})
	d := w.device()
	w.put("/social/posts/1/post.jsonld", "application/ld+json", "{}")
	f := w.follow(ben)
	for i, c := range []struct {
		text string
		want error
		hear []string
	}{
		{prefix + ownerRule + allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>; acl:default <./>", "acl:Read"), nil, []string{"Add 1"}},
		{prefix + ownerRule, ErrForbidden, []string{"Remove"}},
	} {
		if _, _, err := d.put("/social/posts/1/.acl", "text/turtle", c.text, at(100+uint64(i), "a"), ""); err != nil {
			t.Fatal(err)
		}
		_, err := w.read(ben, "/social/posts/1/post.jsonld")
		is(t, "read", err, c.want)
		if got := f.next(); !slices.Equal(got, c.hear) {
			t.Errorf("Ben hears %v, want %v", got, c.hear)
		}
	}
}

func TestRows(t *testing.T) {
	w := newWorld(t, Config{})
	d := w.device()
	w.audience("ben", benCID)
	w.post("1", "ben")
	w.share("1", "")
	w.put("/x", "text/plain", "x")
	w.delete("/x")
	rows := map[string]pod.Change{}
	gone := 0
	for after := uint64(0); ; {
		page, head, err := d.r.Rows(context.Background(), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			if after > head.Seq {
				t.Errorf("read to %d of %d", after, head.Seq)
			}
			break
		}
		for _, c := range page {
			if c.Seq <= after || c.Readers != nil {
				t.Errorf("after %d comes %+v", after, c)
			}
			after = c.Seq
			if c.Gone() {
				gone++
				continue
			}
			if _, ok := rows[c.Path.String()]; ok {
				t.Errorf("%s comes twice", c.Path)
			}
			rows[c.Path.String()] = c
		}
	}
	for _, p := range []string{"/", "/.acl", "/social/", "/social/posts/1/", "/social/posts/1/.acl", "/social/posts/1/post.jsonld", "/social/audiences/ben"} {
		if rows[p].ID == "" {
			t.Errorf("no row of %s", p)
		}
	}
	if gone != 1 {
		t.Errorf("%d tombstones, want 1", gone)
	}
}
