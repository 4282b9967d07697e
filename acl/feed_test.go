package acl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/pod"
	"kith/webid"
)

// follower polls the feed for one agent.
type follower struct {
	w  *world
	as webid.Agent
	at Place
}

func (w *world) follow(as webid.Agent) *follower {
	w.t.Helper()
	_, _, at, err := w.guard.As(as).Posts(context.Background(), "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return &follower{w, as, at}
}

// next returns what happened since, as "Kind name" for posts that may be seen
// and "Kind" for others.
func (f *follower) next() []string {
	f.w.t.Helper()
	events, at, err := f.w.guard.As(f.as).Changes(context.Background(), f.at, 100)
	if err != nil {
		f.w.t.Fatal(err)
	}
	f.at = at
	var out []string
	for _, e := range events {
		if e.ID == "" || (e.Path == pod.Path{}) != (e.State == "") {
			f.w.t.Errorf("%+v", e)
		}
		out = append(out, strings.TrimSpace(e.Kind+" "+e.Path.Name()))
	}
	return out
}

// groupLD is a group of one contact in JSON-LD.
func groupLD(cid string) string {
	return `{"@id": "#g", "http://www.w3.org/2006/vcard/ns#hasMember": {"@id": "` + string(contactID(cid)) + `"}}`
}

// TestFeed tells what each of three hears. A post that is new to an agent is a
// Create where it was made after all that the agent has heard of, else an Add.
func TestFeed(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("ben", benCID)
	w.audience("dan", danCID)
	w.audience("both", benCID, danCID)
	w.post("1", "ben")
	o, b, d := w.follow(owner), w.follow(ben), w.follow(dan)
	for _, c := range []struct {
		name             string
		do               func()
		owner, ben, danw []string
	}{
		{"nothing", func() {}, nil, nil, nil},
		{"a post for Ben", func() { w.post("2", "ben") }, []string{"Create 2"}, []string{"Create 2"}, nil},
		{"it changes", func() { w.put("/social/posts/2/post.jsonld", "application/ld+json", "{}") }, []string{"Update 2"}, []string{"Update 2"}, nil},
		{"a picture comes", func() { w.put("/social/posts/2/1.webp", "image/webp", "x") }, []string{"Update 2"}, []string{"Update 2"}, nil},
		{"a picture goes", func() { w.delete("/social/posts/2/1.webp") }, []string{"Update 2"}, []string{"Update 2"}, nil},
		{"Dan may see it too", func() { w.share("2", "both") }, nil, nil, []string{"Create 2"}},
		{"Ben may not any more", func() { w.share("2", "dan") }, nil, []string{"Remove"}, nil},
		{"it changes again", func() { w.put("/social/posts/2/post.jsonld", "application/ld+json", "{ }") }, []string{"Update 2"}, nil, []string{"Update 2"}},
		{"Ben may again", func() { w.share("2", "both") }, nil, []string{"Add 2"}, nil},
		{"a draft", func() { w.post("3", "") }, []string{"Create 3"}, nil, nil},
		{"it is shared with an audience that does not exist", func() { w.share("3", "new") }, nil, nil, nil},
		{"the audience is made", func() { w.audience("new", danCID) }, nil, nil, []string{"Create 3"}},
		{"the audience gets Ben", func() { w.audience("new", danCID, benCID) }, nil, []string{"Create 3"}, nil},
		{"the audience loses Dan", func() { w.audience("new", benCID) }, nil, nil, []string{"Remove"}},
		{"the audience is deleted", func() { w.delete("/social/audiences/new") }, nil, []string{"Remove"}, nil},
		{"a group in JSON-LD gets Dan", func() {
			w.put("/groups/ld", "application/ld+json", groupLD(danCID))
			w.acl("/social/posts/3/", ownerRule, allow(1, "acl:agentGroup <../../../groups/ld#g>", "acl:accessTo <./>; acl:default <./>", "acl:Read"))
		}, nil, nil, []string{"Add 3"}},
		{"and Ben in his place", func() { w.put("/groups/ld", "application/ld+json", groupLD(benCID)) }, nil, []string{"Add 3"}, []string{"Remove"}},
		{"and is deleted", func() { w.delete("/groups/ld") }, nil, []string{"Remove"}, nil},
		{"a hidden post is deleted", func() { w.deletePost("3") }, []string{"Delete"}, nil, nil},
		{"a post is deleted", func() { w.deletePost("2") }, []string{"Delete"}, []string{"Delete"}, []string{"Delete"}},
		{"all posts get a common reader, but for those with an ACL of their own", func() {
			w.put("/social/posts/4/post.jsonld", "application/ld+json", "{}")
			w.acl("/social/posts/", ownerRule, allow(1, agentOf(contactID(danCID)), "acl:default <./>", "acl:Read"))
		}, []string{"Create 4"}, nil, []string{"Create 4"}},
		{"and lose it", func() { w.acl("/social/posts/", ownerRule) }, nil, nil, []string{"Remove"}},
		{"a description is no news", func() { w.put("/social/posts/1/.meta", "text/turtle", "") }, nil, nil, nil},
		{"nor is what lies elsewhere", func() { w.put("/social/in/x", "text/plain", "x") }, nil, nil, nil},
		{"two things happen to one post", func() {
			w.put("/social/posts/1/post.jsonld", "application/ld+json", "[]")
			w.share("1", "both")
		}, []string{"Update 1"}, []string{"Update 1"}, []string{"Add 1"}},
	} {
		c.do()
		for _, who := range []struct {
			name string
			f    *follower
			want []string
		}{{"the owner", o, c.owner}, {"Ben", b, c.ben}, {"Dan", d, c.danw}} {
			got := who.f.next()
			if !slices.Equal(got, who.want) {
				t.Errorf("%s: %s hears %v, want %v", c.name, who.name, got, who.want)
			}
		}
	}
}

// TestGroupOfManyPosts changes one audience of several posts, in each way in
// which a group can change.
func TestGroupOfManyPosts(t *testing.T) {
	all := []string{"1", "2", "3"}
	for _, c := range []struct {
		name   string
		change func(*world)
	}{
		{"its members change", func(w *world) { w.audience("a", danCID) }},
		{"it is no longer Turtle", func(w *world) { w.put("/social/audiences/a", "text/plain", "x") }},
		{"it does not parse any more", func(w *world) { w.replace("/social/audiences/a", "text/turtle", "<") }},
		{"a replica deletes it", func(w *world) { w.deleteTree("/social/audiences/a") }},
		{"a replica deletes what it lies in", func(w *world) { w.deleteTree("/social/audiences/") }},
		{"and what that lies in", func(w *world) {
			w.put("/deep/er/x", "text/plain", "x")
			w.put("/deep/er/group", "text/turtle", prefix+"<#m> vcard:hasMember <"+string(contactID(benCID))+"> .")
			for _, p := range all {
				w.acl("/social/posts/"+p+"/", ownerRule, allow(1, "acl:agentGroup <"+testBase+"deep/er/group#m>", "acl:accessTo <./>", "acl:Read"))
			}
			w.deleteTree("/deep/")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.audience("a", benCID, danCID)
			for _, p := range all {
				w.post(p, "a")
			}
			w.post("4", "")
			w.acl("/social/posts/4/", ownerRule, allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>; acl:default <./>", "acl:Read"))
			f := w.follow(ben)
			c.change(w)
			if got := f.next(); !slices.Equal(got, []string{"Remove", "Remove", "Remove"}) {
				t.Errorf("Ben hears %v", got)
			}
			if names, err := w.names(ben, "/social/posts/4/"); err != nil || len(names) != 1 {
				t.Errorf("the other post: %v, %v", names, err)
			}
		})
	}
}

// deleteTree deletes as a replica does.
func (w *world) deleteTree(p string) {
	w.t.Helper()
	r, err := w.guard.As(owner).Replica(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := r.Delete(context.Background(), path(w.t, p), pod.Version{Counter: 1000, Device: "phone"}); err != nil {
		w.t.Fatal(err)
	}
}

// replace writes a resource as a device of the owner does, whatever its bytes say.
func (w *world) replace(p, typ, text string) {
	w.t.Helper()
	r, err := w.guard.As(owner).Replica(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	row := pod.Info{Path: path(w.t, p), Type: typ, Modified: time.Now(), Version: pod.Version{Counter: 1000, Device: "phone"}}
	if _, err := r.Put(context.Background(), row, strings.NewReader(text), nil); err != nil {
		w.t.Fatal(err)
	}
}

// deletePost deletes a post as an LDP client does: file by file.
func (w *world) deletePost(name string) {
	w.t.Helper()
	at := "/social/posts/" + name + "/"
	names, err := w.names(owner, at)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, n := range names {
		w.delete(at + n)
	}
	w.delete(at)
}

// TestPositionsDoNotMoveWithHiddenChanges compares Ben's positions before and
// after things happen that he may not see.
func TestPositionsDoNotMoveWithHiddenChanges(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("ben", benCID)
	w.audience("dan", danCID)
	w.post("1", "ben")
	before := w.follow(ben).at
	for i := range 5 {
		w.post(fmt.Sprintf("x%d", i), "dan")
		w.share(fmt.Sprintf("x%d", i), "")
		w.put("/private", "text/plain", fmt.Sprint(i))
		w.deletePost(fmt.Sprintf("x%d", i))
		f := w.follow(ben)
		if f.at != before {
			t.Fatalf("the position moved from %v to %v", before, f.at)
		}
		if got := f.next(); got != nil || f.at != before {
			t.Fatalf("heard %v, moved to %v", got, f.at)
		}
	}
	w.post("2", "ben")
	if after := w.follow(ben).at; after == before {
		t.Error("the position does not move with what Ben may see")
	}
}

// TestPositionsOfTwoGuards opens a second Guard of a pod, as after a restart.
func TestPositionsOfTwoGuards(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("ben", benCID)
	w.post("1", "ben")
	f := w.follow(ben)
	w.post("2", "ben")
	again := New(w.store, Config{Base: testBase, Owner: testOwner})
	defer again.Close()
	events, at, err := again.As(ben).Changes(context.Background(), f.at, 10)
	if err != nil || len(events) != 1 || events[0].Kind != "Create" {
		t.Fatalf("an old position tells %v, %v", events, err)
	}
	if events, _, err = again.As(ben).Changes(context.Background(), at, 10); err != nil || len(events) != 0 {
		t.Errorf("and then %v, %v", events, err)
	}
	_, _, fresh, err := again.As(ben).Posts(context.Background(), "", 10)
	if err != nil || fresh.Epoch == f.at.Epoch {
		t.Errorf("the positions of two Guards compare: %v and %v, %v", fresh, f.at, err)
	}
}

func TestPositionsThatAreGone(t *testing.T) {
	w := newWorld(t, Config{})
	at := w.follow(ben).at
	for _, c := range []struct {
		name string
		at   Place
	}{
		{"the zero place", Place{}},
		{"another epoch", with(at, func(p *Place) { p.Epoch = "x." + p.Epoch })},
		{"an epoch cut short", with(at, func(p *Place) { p.Epoch = p.Epoch[:5] })},
		{"an epoch without a Guard", with(at, func(p *Place) { p.Epoch = p.Epoch[:strings.Index(p.Epoch, ".")+1] })},
		{"too old", with(at, func(p *Place) { p.Day -= keepDays + 1 })},
		{"of the day after tomorrow", with(at, func(p *Place) { p.Day += 2 })},
		{"another's, and too old", with(at, func(p *Place) { p.Maker[0]++; p.Day -= keepDays + 1 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := w.guard.As(ben).Changes(context.Background(), c.at, 10)
			is(t, "changes", err, ErrGone)
		})
	}
	_, _, err := w.guard.As(ben).Changes(context.Background(), with(at, func(p *Place) { p.Seq += 1000 }), 10)
	is(t, "what has not happened here", err, ErrBehind)
	_, _, err = w.guard.As(stranger).Changes(context.Background(), at, 10)
	is(t, "a stranger", err, ErrUnauthenticated)
	_, _, _, err = w.guard.As(stranger).Posts(context.Background(), "", 10)
	is(t, "a stranger", err, ErrUnauthenticated)
}

// with returns a Place that is changed.
func with(at Place, change func(*Place)) Place {
	change(&at)
	return at
}

func TestPostsArePaged(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("ben", benCID)
	for i := range 7 {
		audience := "ben"
		if i%3 == 2 {
			audience = ""
		}
		w.post(fmt.Sprintf("2026-11-0%d", i+1), audience)
	}
	var got [][]string
	before, more := "", true
	for more {
		var events []Event
		var err error
		if events, more, _, err = w.guard.As(ben).Posts(context.Background(), before, 2); err != nil {
			t.Fatal(err)
		}
		var page []string
		for _, e := range events {
			page = append(page, e.Path.Name()[8:])
			a, err := w.guard.As(ben).Stat(context.Background(), e.Path)
			if err != nil || a.Info.ETag != e.State || e.ID != postID(a.Info.Path.Name()) || !a.Info.Modified.Equal(e.Modified) || e.Kind != "Add" {
				t.Errorf("%+v is listed as %+v, %v", a.Info, e, err)
			}
			before = e.Path.Name()
		}
		got = append(got, page)
	}
	if fmt.Sprint(got) != "[[07 05] [04 02] [01]]" {
		t.Errorf("pages %v", got)
	}
}

func TestChangesAreLimited(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("ben", benCID)
	f := w.follow(ben)
	for i := range 5 {
		w.post(fmt.Sprint(i), "ben")
	}
	var got []string
	for {
		events, at, err := w.guard.As(ben).Changes(context.Background(), f.at, 2)
		if err != nil {
			t.Fatal(err)
		}
		if f.at = at; len(events) == 0 {
			break
		}
		for _, e := range events {
			got = append(got, e.Path.Name())
		}
	}
	if !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) {
		t.Errorf("heard of %v", got)
	}
}

// TestFeedTellsOfDeletedTrees deletes posts as a replica does.
func TestFeedTellsOfDeletedTrees(t *testing.T) {
	for _, tree := range []string{"/social/posts/1/", "/social/posts/", "/social/"} {
		t.Run(tree, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.audience("ben", benCID)
			w.post("1", "ben")
			b, d := w.follow(ben), w.follow(dan)
			w.deleteTree(tree)
			if got := b.next(); !slices.Equal(got, []string{"Delete"}) {
				t.Errorf("Ben hears %v", got)
			}
			if got := d.next(); got != nil {
				t.Errorf("Dan hears %v", got)
			}
		})
	}
}

// TestWaitingCostsWhatHappened counts the rows that a friend's poll reads while
// things happen that the friend may not see.
func TestWaitingCostsWhatHappened(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("ben", benCID)
	w.post("1", "ben")
	f := w.follow(ben)
	for i := range 20 {
		w.put(fmt.Sprintf("/private/%d", i), "text/plain", "x")
	}
	f.next()
	err := w.store.View(context.Background(), func(tx pod.Tx) error {
		j := w.guard.judge(tx, ben, "", &elsewhere{})
		if h := j.horizon(); h.read != tx.Head().Seq || h.seen != f.at.Seq {
			t.Errorf("horizon %+v at head %+v, position %+v", h, tx.Head(), f.at)
		}
		return nil
	})
	if err != nil && !errors.Is(err, pod.ErrClosed) {
		t.Fatal(err)
	}
}

// TestReadersAreForgottenWhenAllReceiptsAreIn deletes what the owner's device keeps of a
// deleted post: from then on the pod knows no more who could read it.
func TestReadersAreForgottenWhenAllReceiptsAreIn(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("both", benCID, danCID)
	w.post("1", "both")
	w.post("2", "both")
	early := w.follow(ben)
	w.share("1", "")
	w.share("1", "both")
	for _, name := range []string{"1", "2"} {
		w.put("/social/deleted/"+postID(name), "application/ld+json", "{}")
		w.deletePost(name)
	}
	named := func() (all []string) {
		err := w.store.View(t.Context(), func(tx pod.Tx) error {
			for c, err := range tx.Changes(0) {
				if err != nil {
					return err
				}
				if id, ok := nameIn(c.Readers); ok && c.Gone() && strings.Contains(fmt.Sprint(c.Readers), benCID) {
					all = append(all, id)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	want := []string{postID("1"), postID("2")}
	slices.Sort(want)
	if got := named(); !slices.Equal(got, want) {
		t.Fatalf("before, traces name %v", got)
	}
	// Who lost a post that is still there is another matter.
	w.put("/social/deleted/narrowed-"+postID("1"), "application/ld+json", "{}")
	w.delete("/social/deleted/narrowed-" + postID("1"))
	if got := named(); !slices.Equal(got, want) {
		t.Errorf("after a narrowed one's record they name %v", got)
	}
	tombs := len(w.graves())
	w.delete("/social/deleted/" + postID("1"))
	if got := named(); !slices.Equal(got, []string{postID("2")}) {
		t.Errorf("then they name %v", got)
	}
	if now := len(w.graves()); now != tombs+1 { // the record's own
		t.Errorf("%d tombstones, and %d before: replicas have to hear of a delete", now, tombs)
	}
	if got := early.next(); !slices.Equal(got, []string{"Delete"}) {
		t.Errorf("who comes back after all has been told hears %v, want only of the other post", got)
	}
}

// graves returns the tombstones as replicas hear of them.
func (w *world) graves() (all []pod.Change) {
	w.t.Helper()
	r, err := w.guard.As(owner).Replica(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	rows, _, err := r.Rows(context.Background(), 0, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.DeleteFunc(rows, func(c pod.Change) bool { return !c.Gone() })
}
