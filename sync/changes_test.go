package sync

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kith/acl"
	"kith/webid"
)

// TestChanges has one post and one friend in each case, with others around.
func TestChanges(t *testing.T) {
	const post = "2026-11-22-post"
	for name, c := range map[string]struct {
		before func(*house) // the cursor is taken
		after  func(*house)
		want   []string
	}{
		"a new post is created": {
			after: func(h *house) { h.post(post, "mine", "x") },
			want:  []string{"Create " + post},
		},
		"a new post for others is nothing": {
			after: func(h *house) { h.post(post, "others", "x") },
		},
		"a new post for nobody is nothing": {
			after: func(h *house) { h.post(post, "", "x") },
		},
		"an edit is an update": {
			before: func(h *house) { h.post(post, "mine", "x") },
			after:  func(h *house) { h.write("/social/posts/"+post+"/post.jsonld", jsonld, note("y")) },
			want:   []string{"Update " + post},
		},
		"an edit of a hidden post is nothing": {
			before: func(h *house) { h.post(post, "others", "x") },
			after:  func(h *house) { h.write("/social/posts/"+post+"/post.jsonld", jsonld, note("y")) },
		},
		"a new file in a post is an update": {
			before: func(h *house) { h.post(post, "mine", "x") },
			after:  func(h *house) { h.write("/social/posts/"+post+"/1.webp", "image/webp", "RIFF") },
			want:   []string{"Update " + post},
		},
		"a deleted file in a post is an update": {
			before: func(h *house) {
				h.post(post, "mine", "x")
				h.write("/social/posts/"+post+"/1.webp", "image/webp", "RIFF")
			},
			after: func(h *house) { h.erase("/social/posts/" + post + "/1.webp") },
			want:  []string{"Update " + post},
		},
		"several edits are one update": {
			before: func(h *house) { h.post(post, "mine", "x") },
			after: func(h *house) {
				for i := range 3 {
					h.write("/social/posts/"+post+"/post.jsonld", jsonld, note(fmt.Sprint(i)))
				}
			},
			want: []string{"Update " + post},
		},
		"a grant is an addition": {
			before: func(h *house) { h.post(post, "others", "x") },
			after:  func(h *house) { h.show(post, "mine") },
			want:   []string{"Add " + post},
		},
		"a grant by joining the audience is an addition": {
			before: func(h *house) { h.audience("few", dora); h.post(post, "few", "x") },
			after:  func(h *house) { h.audience("few", dora, ana) },
			want:   []string{"Add " + post},
		},
		"a revocation is a removal": {
			before: func(h *house) { h.post(post, "mine", "x") },
			after:  func(h *house) { h.show(post, "others") },
			want:   []string{"Remove"},
		},
		"a revocation by leaving the audience is a removal": {
			before: func(h *house) { h.post(post, "mine", "x") },
			after:  func(h *house) { h.audience("mine", carl) },
			want:   []string{"Remove"},
		},
		"a revocation and a grant are an addition": {
			before: func(h *house) { h.post(post, "mine", "x") },
			after:  func(h *house) { h.show(post, "others"); h.show(post, "mine") },
			want:   []string{"Add " + post},
		},
		"a deletion is told to who could read the post": {
			before: func(h *house) { h.post(post, "mine", "x") },
			after:  func(h *house) { h.erase("/social/posts/" + post + "/") },
			want:   []string{"Delete"},
		},
		"a deletion is not told to who could never read the post": {
			before: func(h *house) { h.post(post, "others", "x") },
			after:  func(h *house) { h.erase("/social/posts/" + post + "/") },
		},
		"a deletion after a revocation is only the removal": {
			before: func(h *house) { h.post(post, "mine", "x") },
			after:  func(h *house) { h.show(post, "others"); h.erase("/social/posts/" + post + "/") },
			want:   []string{"Remove"},
		},
		"a deletion is not told to who had been told of the removal": {
			before: func(h *house) { h.post(post, "mine", "x"); h.show(post, "others") },
			after:  func(h *house) { h.erase("/social/posts/" + post + "/") },
		},
		"an edit after a revocation is nothing": {
			before: func(h *house) { h.post(post, "mine", "x"); h.show(post, "others") },
			after:  func(h *house) { h.write("/social/posts/"+post+"/post.jsonld", jsonld, note("y")) },
		},
		"a change of who else reads the post is nothing": {
			before: func(h *house) { h.post(post, "mine", "x") },
			after:  func(h *house) { h.audience("mine", ana, dora); h.audience("mine", ana) },
		},
		"a file that is not in a post is nothing": {
			after: func(h *house) {
				h.write("/social/posts/stray.txt", "text/plain", "x")
				h.write("/circles/family", turtle, vcardPre+"<#members> a vcard:Group.")
				h.write("/notes.txt", "text/plain", "x")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.audience("mine", ana)
			h.audience("others", carl)
			h.post("2026-11-01-other", "others", "noise")
			if c.before != nil {
				c.before(h)
			}
			listed := h.read(h.friend(ana), "feed")
			h.wantKinds("at once", h.since(h.friend(ana), listed))
			c.after(h)
			h.post("2026-11-02-other", "others", "noise")
			p := h.since(h.friend(ana), listed)
			h.wantKinds("since", p, c.want...)
			if moved := p.Cursor != listed.Cursor; moved != (len(c.want) > 0) {
				t.Errorf("the cursor moved: %t", moved)
			}
			h.wantKinds("and since then", h.since(h.friend(ana), p))
			if p.Next != "" {
				t.Errorf("next is %q", p.Next)
			}
			for _, i := range p.Items {
				if (i.Type == "Remove" || i.Type == "Delete") && (i.Object+i.State+i.Published != "" || i.Post != nil) {
					t.Errorf("it tells more than that the post is gone: %+v", i)
				}
			}
		})
	}
}

func TestWhatChangesTell(t *testing.T) {
	h := newHouse(t)
	h.audience("a", ana)
	start := h.read(h.friend(ana), "feed")

	t.Run("an item is that of the listing but for its type", func(t *testing.T) {
		h.post("p", "a", "hello")
		got := h.read(h.friend(ana), "feed?inline=1&cursor="+start.Cursor).Items[0]
		want := h.read(h.friend(ana), "feed?inline=1").Items[0]
		want.Type = "Create"
		if fmt.Sprint(got) != fmt.Sprint(want) || got.Post == nil {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("a post keeps its handle until the end", func(t *testing.T) {
		id := h.read(h.friend(ana), "feed").Items[0].ID
		p := h.read(h.friend(ana), "feed")
		h.erase("/social/posts/p/")
		if got := h.since(h.friend(ana), p).Items; len(got) != 1 || got[0].ID != id {
			t.Errorf("got %v, want %s", got, id)
		}
	})
	t.Run("what is hidden moves no cursor, however much it is", func(t *testing.T) {
		h.audience("c", carl)
		before := h.read(h.friend(ana), "feed").Cursor
		for i := range 20 {
			h.post(fmt.Sprintf("hidden-%d", i), "c", "x")
		}
		h.erase("/social/posts/hidden-3/")
		h.show("hidden-4", "")
		if got := h.read(h.friend(ana), "feed").Cursor; got != before {
			t.Error("that of the listing moved")
		}
		if got := h.read(h.friend(ana), "feed?cursor="+before).Cursor; got != before {
			t.Error("that of the changes moved")
		}
	})
	t.Run("the cursor of the listing and that of the changes are one", func(t *testing.T) {
		p := h.read(h.friend(ana), "feed")
		h.post("q", "a", "x")
		if a, b := h.since(h.friend(ana), p).Cursor, h.read(h.friend(ana), "feed").Cursor; a != b {
			t.Errorf("got %s and %s", a, b)
		}
	})
	t.Run("an old cursor is good after many changes", func(t *testing.T) {
		h.wantKinds("since the start", h.since(h.friend(ana), start), "Delete", "Create q")
	})
}

const day = 24 * time.Hour

func TestAge(t *testing.T) {
	h := newHouse(t)
	h.audience("mine", ana)
	h.audience("others", carl)
	h.post("p", "mine", "x")
	h.post("hidden", "others", "x")
	pass := func(days int) {
		h.clock.at.Add(int64(days) * day.Milliseconds())
		h.write("/notes/today", "text/plain", fmt.Sprint(h.clock.now()))
	}
	ask := func(p told) said { return h.ask(h.friend(ana), "GET", "social/feed?cursor="+p.Cursor) }
	first := h.read(h.friend(ana), "feed")

	t.Run("a cursor is made anew each day, and the old one stays good", func(t *testing.T) {
		h.erase("/social/posts/hidden/")
		pass(1)
		p := h.since(h.friend(ana), first)
		if p.Cursor == first.Cursor || len(p.Items) > 0 || p.Cursor != h.since(h.friend(ana), first).Cursor {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("it is good for 80 days and gone on the day after", func(t *testing.T) {
		pass(79)
		if s := ask(first); s.err != nil {
			t.Error(s.err)
		}
		pass(1)
		h.wantError("day 81", ask(first), acl.ErrGone)
	})
	t.Run("that a hidden post was deleted long ago ends no cursor", func(t *testing.T) {
		p := h.read(h.friend(ana), "feed")
		for range 4 {
			pass(10) // the trace of the hidden post goes on the way
			if s := ask(p); s.err != nil {
				t.Error(s.err)
			}
		}
		h.erase("/social/posts/p/")
		h.wantKinds("what is visible is still told", h.since(h.friend(ana), p), "Delete")
	})
}

func TestManyChanges(t *testing.T) {
	h := newHouse(t)
	h.audience("a", carl)
	for i := range maxChanges + 7 {
		h.write(fmt.Sprintf("/social/posts/%04d/post.jsonld", i), jsonld, note("x"))
	}
	start := h.read(h.friend(ana), "feed")
	for i := range maxChanges + 7 {
		h.show(fmt.Sprintf("%04d", i), "a")
	}
	h.audience("a", carl, ana)

	seen := map[string]int{}
	sizes := []int{}
	p := h.since(h.friend(ana), start)
	for ; ; p = h.read(h.friend(ana), p.Next) {
		sizes = append(sizes, len(p.Items))
		for _, k := range kinds(p) {
			seen[k]++
		}
		if p.Next == "" {
			break
		}
	}
	if fmt.Sprint(sizes) != fmt.Sprint([]int{maxChanges, 7}) {
		t.Errorf("pages of %v", sizes)
	}
	for i := range maxChanges + 7 {
		if n := seen[fmt.Sprintf("Add %04d", i)]; n != 1 {
			t.Errorf("post %d was told %d times", i, n)
		}
	}
	h.wantKinds("behind the last page", h.since(h.friend(ana), p))

	t.Run("fewer may be asked for, and the page behind is asked for alike", func(t *testing.T) {
		p := h.read(h.friend(ana), "feed?limit=100&inline=1&cursor="+start.Cursor)
		q := h.read(h.friend(ana), p.Next)
		if len(p.Items) != 100 || len(q.Items) != 100 || q.Items[99].Post == nil {
			t.Errorf("pages of %d and %d", len(p.Items), len(q.Items))
		}
	})
}

func TestCursorsThatAreNone(t *testing.T) {
	h := newHouse(t)
	h.audience("a", ana)
	h.post("p", "a", "x")
	cursor := h.read(h.friend(ana), "feed").Cursor
	ask := func(v *acl.View, cursor string) said { return h.ask(v, "GET", "social/feed?cursor="+cursor) }

	cursors := testSealer(t, "a key of thirty-two bytes, or so", base)
	t.Run("that of another agent is gone", func(t *testing.T) {
		h.wantError("carl", ask(h.friend(carl), cursor), acl.ErrGone)
		h.wantError("owner", ask(h.owner(), cursor), acl.ErrGone)
	})
	t.Run("that under another key is gone: the owner has taken a device away", func(t *testing.T) {
		at, err := cursors.open(h.friend(ana).Agent(), cursor)
		h.must(err)
		before, err := testSealer(t, "the key of before, as long as it", base).seal(h.friend(ana).Agent(), at)
		h.must(err)
		h.wantError("before", ask(h.friend(ana), before), acl.ErrGone)
	})
	t.Run("an altered one does not open", func(t *testing.T) {
		for i := range cursor {
			b := []byte(cursor)
			b[i] ^= 1
			want := acl.ErrGone
			if _, ok := decode(string(b)); !ok {
				want = ErrCursor
			}
			h.wantError(string(b), ask(h.friend(ana), string(b)), want)
		}
	})
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"an empty one is refused":         {"", ErrCursor},
		"a short one is refused":          {cursor[:len(cursor)-1], ErrCursor},
		"one in other letters is refused": {"%25%25", ErrCursor},
		"a shorter one is gone":           {cursor[:len(cursor)-2], acl.ErrGone},
		"a longer one is gone":            {cursor + "AA", acl.ErrGone},
	} {
		t.Run(name, func(t *testing.T) {
			h.wantError(c.text, ask(h.friend(ana), c.text), c.want)
		})
	}
	t.Run("one of an earlier grant is gone", func(t *testing.T) {
		again := webid.ContactAgent(contactID(ana), ana, 2, "did:key:z"+ana)
		h.wantError("grant 2", ask(h.guard.As(again), cursor), acl.ErrGone)
	})
	t.Run("one of another device of the friend is gone", func(t *testing.T) {
		other := webid.ContactAgent(contactID(ana), ana, 1, "did:key:zTablet")
		h.wantError("tablet", ask(h.guard.As(other), cursor), acl.ErrGone)
	})
	t.Run("one of before the owner accepted another name for the friend is gone", func(t *testing.T) {
		h.wantError("accepted", ask(h.friend(ana, "https://ana.example/#me"), cursor), acl.ErrGone)
	})
	t.Run("one that is ahead of the pod is asked to come again", func(t *testing.T) {
		at, err := cursors.open(h.friend(ana).Agent(), cursor)
		h.must(err)
		at.Seq += 1000
		ahead, err := cursors.seal(h.friend(ana).Agent(), at)
		h.must(err)
		s := ask(h.friend(ana), ahead)
		h.wantError("ahead", s, acl.ErrBehind)
		if got := s.header.Get("Retry-After"); got != "30" {
			t.Errorf("Retry-After is %q", got)
		}
	})
	t.Run("one of before a restart is good", func(t *testing.T) {
		h.close()
		h.open()
		h.wantKinds("since", h.read(h.friend(ana), "feed?cursor="+cursor))
		h.post("q", "a", "x")
		h.wantKinds("since", h.read(h.friend(ana), "feed?cursor="+cursor), "Create q")
	})
	t.Run("one of before the index was made anew is gone, and the listing is the same", func(t *testing.T) {
		before := h.read(h.friend(ana), "feed")
		h.close()
		h.must(os.RemoveAll(filepath.Join(h.dir, "state")))
		h.open()
		h.wantError("since", ask(h.friend(ana), cursor), acl.ErrGone)
		after := h.read(h.friend(ana), "feed")
		h.wantKinds("listing", after, kinds(before)...)
		for i := range after.Items {
			if after.Items[i].State != before.Items[i].State {
				t.Errorf("the state of %s changed", after.Items[i].Object)
			}
		}
	})
}
