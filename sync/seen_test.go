package sync

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kith/acl"
	"kith/webid"
)

// couple are two responders of one person, each with a pod of its own: what is
// written at the first is at the second only when it has been carried there.
type couple struct {
	first, second *house
	carried       uint64 // Seq of the first up to which the second has it
}

func newCouple(t *testing.T) *couple {
	c := &couple{first: newHouse(t), second: newHouseOf(t, t.TempDir(), "did:key:zOther")}
	c.first.audience("mine", ana)
	c.first.audience("others", carl)
	c.first.post("p", "mine", "one")
	c.first.post("hidden", "others", "two")
	c.carry()
	return c
}

// carry brings the second what it lacks, as a device of the owner does.
func (c *couple) carry() {
	h := c.first
	h.t.Helper()
	here, there := c.first.rows("?limit=1000"), c.second.rows("?limit=1000")
	paths := map[string]string{}
	for _, r := range there.Rows {
		paths[r.ID] = r.Path
	}
	p := h.rows(fmt.Sprintf("?limit=1000&epoch=%s&after=%d", here.Epoch, c.carried))
	gone := map[string]string{} // with a tree goes what lies in it
	for _, r := range p.Rows {
		if r.Gone && paths[r.ID] != "" {
			gone[paths[r.ID]] = r.version()
		}
	}
	for _, path := range slices.Sorted(maps.Keys(gone)) {
		if s := c.second.drop(urlPath(path), gone[path]); s.err != nil {
			h.t.Fatalf("carry the end of %s: %v", path, s.err)
		}
	}
	containers := func(r wireRow) bool { return !r.Gone && r.Path != "/" && strings.HasSuffix(r.Path, "/") }
	resources := func(r wireRow) bool { return !r.Gone && !strings.HasSuffix(r.Path, "/") }
	for _, kind := range []func(wireRow) bool{containers, resources} {
		for _, r := range p.Rows {
			if kind(r) {
				c.bring(r)
			}
		}
	}
	c.carried = p.Seq
}

// bring brings the second one row of the first.
func (c *couple) bring(r wireRow) {
	c.first.t.Helper()
	body, at := "", urlPath(r.Path)
	if !strings.HasSuffix(at, "/") {
		body = c.first.fetch(at).body
	}
	more := []func(*http.Request){header("Content-Type", r.Type), header("Kith-Id", r.ID), header("Kith-Modified", r.Modified)}
	if s := c.second.bring(at, r.version(), body, more...); s.err != nil {
		c.first.t.Fatalf("carry %s: %v", r.Path, s.err)
	}
}

// urlPath is the path of a row in a URL.
func urlPath(p string) string { return strings.ReplaceAll(p, " ", "%20") }

// behind asks the second with what the friend has seen.
func (c *couple) behind(seen told) error {
	r, err := http.NewRequestWithContext(c.second.t.Context(), http.MethodGet, base+"social/posts/", nil)
	c.second.must(err)
	r.Header.Set("Kith-Seen", seen.Cursor)
	return c.second.feed.Behind(nopWriter{http.Header{}}, r, c.second.friend(ana))
}

type nopWriter struct{ header http.Header }

func (w nopWriter) Header() http.Header       { return w.header }
func (nopWriter) WriteHeader(int)             {}
func (nopWriter) Write(b []byte) (int, error) { return len(b), nil }

// TestCursorsOfAnotherResponder takes a cursor of the first to the second.
func TestCursorsOfAnotherResponder(t *testing.T) {
	const folder = "/social/posts/p/"
	for name, c := range map[string]struct {
		before func(*house) // the friend lists
		after  func(*house)
		want   []string // what the second tells, once it has all
	}{
		"nothing happened":               {},
		"a post is new":                  {after: func(h *house) { h.post("q", "mine", "x") }, want: []string{"Add q"}},
		"a post for others is new":       {after: func(h *house) { h.post("q", "others", "x") }},
		"a post has changed":             {after: func(h *house) { h.write(folder+"post.jsonld", jsonld, note("y")) }, want: []string{"Update p"}},
		"a hidden post has changed":      {after: func(h *house) { h.write("/social/posts/hidden/post.jsonld", jsonld, note("y")) }},
		"a post is gone":                 {after: func(h *house) { h.erase(folder) }, want: []string{"Delete"}},
		"a hidden post is gone":          {after: func(h *house) { h.erase("/social/posts/hidden/") }},
		"a post is the friend's no more": {after: func(h *house) { h.show("p", "others") }, want: []string{"Remove"}},
		"a post may now be read":         {after: func(h *house) { h.show("hidden", "mine") }, want: []string{"Add hidden"}},
		"an audience lost the friend":    {after: func(h *house) { h.audience("mine", carl) }, want: []string{"Remove"}},
		"an audience got another":        {after: func(h *house) { h.audience("mine", ana, dora) }},
		"a picture was deleted": {
			before: func(h *house) { h.write(folder+"1.webp", "image/webp", "RIFF") },
			after:  func(h *house) { h.erase(folder + "1.webp") },
			want:   []string{"Update p"},
		},
		"a part was hidden": {
			before: func(h *house) { h.write(folder+"note.txt", "text/plain", "x") },
			after: func(h *house) {
				h.write(folder+"note.txt.acl", turtle, aclPre+"<#o> a acl:Authorization; acl:agent <../../../profile/card#me>;"+
					" acl:accessTo <note.txt>; acl:mode acl:Read, acl:Write, acl:Control.")
				h.write(folder+"note.txt", "text/plain", "hidden")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCouple(t)
			if c.before != nil {
				c.before(w.first)
				w.carry()
			}
			friend := w.first.friend(ana)
			listed := w.first.read(friend, "feed")
			if c.after != nil {
				c.after(w.first)
			}
			now := w.first.since(friend, listed)
			lags := len(now.Items) > 0
			s := w.second.ask(w.second.friend(ana), "GET", "social/feed?cursor="+now.Cursor)
			if lags {
				w.second.wantError("the second lags", s, acl.ErrBehind)
				if s.header.Get("Retry-After") != "30" {
					t.Errorf("Retry-After is %q", s.header.Get("Retry-After"))
				}
			} else if s.err != nil {
				t.Errorf("what is hidden keeps the second from answering: %v", s.err)
			}
			if err := w.behind(now); (err != nil) != lags {
				t.Errorf("Kith-Seen: %v", err)
			}
			w.second.wantKinds("what the second has", w.second.since(w.second.friend(ana), listed))
			w.carry()
			told := w.second.since(w.second.friend(ana), listed)
			w.second.wantKinds("what the second tells", told, c.want...)
			w.second.wantKinds("what it tells who knows it", w.second.since(w.second.friend(ana), now))
			w.second.wantKinds("what it tells next", w.second.since(w.second.friend(ana), told))
			w.first.wantKinds("what the first tells whom the second told", w.first.since(friend, told))
			for i, item := range told.Items {
				if i < len(now.Items) && item.ID != now.Items[i].ID {
					t.Errorf("the second calls it %s, the first %s", item.ID, now.Items[i].ID)
				}
			}
		})
	}
}

// TestListingsTellOfEverything lists at the first after all that could be known has happened, and asks the second.
func TestListingsTellOfEverything(t *testing.T) {
	for name, do := range map[string]func(*house){
		"a post":                  func(h *house) { h.post("q", "mine", "x") },
		"the end of a post":       func(h *house) { h.erase("/social/posts/p/") },
		"the loss of a post":      func(h *house) { h.show("p", "others") },
		"the end after a restart": func(h *house) { h.erase("/social/posts/p/"); h.close(); h.open() },
		"an edit of an old post, on a later page": func(h *house) {
			h.post("z", "mine", "x")
			h.write("/social/posts/p/post.jsonld", jsonld, note("y"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCouple(t)
			do(w.first)
			listed := w.first.read(w.first.friend(ana), "feed?limit=1")
			if err := w.behind(listed); err == nil {
				t.Error("the second does not lag")
			}
			w.carry()
			if err := w.behind(listed); err != nil {
				t.Errorf("it lags when it has all: %v", err)
			}
			w.second.wantKinds("what it tells then", w.second.since(w.second.friend(ana), listed))
		})
	}
}

// TestFewAtATime reads on from another's cursor one change at a time. What is new is
// an Add: the folders came before what is in them.
func TestFewAtATime(t *testing.T) {
	w := newCouple(t)
	p := w.first.read(w.first.friend(ana), "feed")
	for i := range 5 {
		w.first.post(fmt.Sprint(i), "mine", "x")
		w.first.post(fmt.Sprintf("%d-hidden", i), "others", "x")
	}
	w.carry()
	var got []string
	for range 6 {
		p = w.second.read(w.second.friend(ana), "feed?limit=1&cursor="+p.Cursor)
		got = append(got, kinds(p)...)
	}
	if fmt.Sprint(got) != "[Add 0 Add 1 Add 2 Add 3 Add 4]" {
		t.Errorf("told %v", got)
	}
	w.first.wantKinds("the first then", w.first.since(w.first.friend(ana), p))
}

// TestWhatWasReplacedIsKnown writes one resource at three devices; only the last has left a row.
func TestWhatWasReplacedIsKnown(t *testing.T) {
	w := newCouple(t)
	h, at := w.first, "/social/posts/p/post.jsonld"
	head := h.rows("?limit=1").Counter
	var seen []told
	for i, kid := range []string{"zPhone", "zLaptop", "zTablet"} {
		s := h.bring(at, fmt.Sprintf("%d.did:key:%s", head+uint64(i)+1, kid), note(kid), header("Content-Type", jsonld))
		h.must(s.err)
		seen = append(seen, h.read(h.friend(ana), "feed"))
	}
	for i, p := range seen {
		if err := w.behind(p); err == nil {
			t.Errorf("the second does not lag behind write %d", i)
		}
		h.close()
		h.open()
		if len(h.since(h.friend(ana), p).Items) > 1 {
			t.Errorf("the first does not know its own write %d", i)
		}
	}
}

// TestKithSeen is about what is no cursor of the agent's.
func TestKithSeen(t *testing.T) {
	h := newHouse(t)
	h.audience("mine", ana)
	h.post("p", "mine", "x")
	ask := func(v *acl.View, seen string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"social/posts/", nil)
		h.must(err)
		r.Header.Set("Kith-Seen", seen)
		return h.feed.Behind(nopWriter{http.Header{}}, r, v)
	}
	cursor := h.read(h.friend(ana), "feed").Cursor
	cursors := testSealer(t, "a key of thirty-two bytes, or so", base)
	at, err := cursors.open(h.friend(ana).Agent(), cursor)
	h.must(err)
	for name, change := range map[string]func(*acl.Place){
		"a device of which nothing is known":       func(p *acl.Place) { p.Seen[15].Device, p.Seen[15].Counter = [8]byte{0xff}, 1 },
		"a counter that the pod has not come to":   func(p *acl.Place) { p.Seen[0].Counter += 1 << 40 },
		"a Seq that the pod has not come to":       func(p *acl.Place) { p.Seq += 1000 },
		"the same, of another responder, long ago": func(p *acl.Place) { p.Maker, p.Day, p.Seen[0].Counter = [8]byte{1}, 3, 1<<40 },
	} {
		t.Run(name+" is more than the pod has", func(t *testing.T) {
			ahead := at
			change(&ahead)
			sealed, err := cursors.seal(h.friend(ana).Agent(), ahead)
			h.must(err)
			if err := ask(h.friend(ana), sealed); err == nil {
				t.Error("it is not")
			}
			if err := ask(h.friend(carl), sealed); err != nil {
				t.Errorf("a cursor of somebody else counts: %v", err)
			}
		})
	}
	for name, seen := range map[string]string{"none": "", "what is no cursor": "x", "what does not open": "AAAA", "what the pod gave": cursor} {
		if err := ask(h.friend(ana), seen); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ask(h.guard.As(webid.Agent{}), cursor); err != nil {
		t.Errorf("a stranger: %v", err)
	}
	t.Run("what the pod wrote under an index that is lost comes from nowhere else", func(t *testing.T) {
		h.close()
		h.must(os.RemoveAll(filepath.Join(h.dir, "state")))
		h.open()
		if err := ask(h.friend(ana), cursor); err != nil {
			t.Error(err)
		}
		there := at
		there.Seen[0].Device = [8]byte{1}
		sealed, err := cursors.seal(h.friend(ana).Agent(), there)
		h.must(err)
		if err := ask(h.friend(ana), sealed); err == nil {
			t.Error("but what a device wrote does")
		}
	})
}
