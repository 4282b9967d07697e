package acl

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"kith/pod"
	"kith/webid"
)

func TestListingIsFiltered(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("ben", benCID)
	w.audience("dan", danCID)
	w.audience("both", benCID, danCID)
	w.post("1", "ben")
	w.post("2", "dan")
	w.post("3", "both")
	w.post("4", "")
	w.acl("/social/posts/", ownerRule, allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>", "acl:Read"))
	for _, c := range []struct {
		name string
		as   webid.Agent
		want []string
	}{
		{"the owner sees all", owner, []string{"1", "2", "3", "4"}},
		{"Ben sees his", ben, []string{"1", "3"}},
		{"Dan sees his", dan, []string{"2", "3"}},
		{"another contact sees none", contact("cccccccccccccccccccc"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := w.names(c.as, "/social/posts/")
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("sees %v, %v", got, err)
			}
		})
	}
	_, err := w.names(stranger, "/social/posts/")
	is(t, "a stranger", err, ErrUnauthenticated)
}

// TestListingDoesNotMoveWithHiddenMembers compares what Ben is told of a
// container before and after things happen in it that he may not see.
func TestListingDoesNotMoveWithHiddenMembers(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/box/seen", "text/plain", "x")
	w.put("/box/album/1", "text/plain", "x")
	w.acl("/box/", ownerRule, allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>; acl:default <./>", "acl:Read"))
	look := func() Answer {
		a, err := w.guard.As(ben).Stat(context.Background(), path(t, "/box/"))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first := look()
	hide := func(p string) {
		w.acl(p, allow(1, agentOf(testOwner), "acl:accessTo <"+path(t, p).Name()+">", "acl:Read, acl:Write"))
	}
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"a hidden ACL comes before its subject", func() { hide("/box/hidden") }},
		{"a hidden member comes", func() { w.put("/box/hidden", "text/plain", "x") }},
		{"it changes", func() { w.put("/box/hidden", "text/plain", "longer") }},
		{"it gets a description", func() { w.put("/box/hidden.meta", "text/turtle", "") }},
		{"a hidden member comes into a member", func() { hide("/box/album/2"); w.put("/box/album/2", "text/plain", "x") }},
		{"it goes", func() { w.delete("/box/hidden") }},
		{"another agent gets a rule", func() {
			w.acl("/box/", ownerRule, allow(1, agentOf(contactID(benCID))+", <"+string(contactID(danCID))+">", "acl:accessTo <./>; acl:default <./>", "acl:Read"))
		}},
	} {
		c.do()
		now := look()
		if now.Info.ETag != first.Info.ETag || !now.Info.Modified.Equal(first.Info.Modified) || len(now.Children) != len(first.Children) {
			t.Errorf("%s: %+v became %+v", c.name, first, now)
		}
	}
	w.put("/box/seen", "text/plain", "longer")
	if now := look(); now.Info.ETag == first.Info.ETag {
		t.Error("a visible change does not change the digest")
	}
}

func TestDigestCoversMembers(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/box/a", "text/plain", "x")
	seen := map[string]string{}
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"at first", func() {}},
		{"a member comes", func() { w.put("/box/b", "text/plain", "x") }},
		{"a member changes", func() { w.put("/box/b", "text/plain", "y") }},
		{"a member changes its type", func() { w.put("/box/b", "text/html", "y") }},
		{"a member goes", func() { w.delete("/box/a") }},
		{"a container comes", func() { w.put("/box/c/x", "text/plain", "x") }},
	} {
		c.do()
		a, err := w.guard.As(owner).Stat(context.Background(), path(t, "/box/"))
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := seen[a.Info.ETag]; ok {
			t.Errorf("%s: the digest is that of %q", c.name, before)
		}
		seen[a.Info.ETag] = c.name
	}
}

func TestAnswer(t *testing.T) {
	w := newWorld(t, Config{})
	w.allow(`{"/": ["` + everybody + `"]}`)
	w.put("/box/f", "text/plain", "x")
	w.acl("/box/", ownerRule,
		allow(1, agentOf(contactID(benCID)), "acl:default <./>", "acl:Read, acl:Write"),
		allow(2, "acl:agentClass foaf:Agent", "acl:default <./>", "acl:Read"))
	a, err := w.guard.As(ben).Get(context.Background(), path(t, "/box/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if a.User != Read|Write || a.Public != Read || a.Info.Type != "text/plain" || a.Info.Size != 1 {
		t.Errorf("%+v", a)
	}
	if a.Context().Err() != nil {
		t.Error("the answer is cut")
	}
	acl, err := w.guard.As(owner).Stat(context.Background(), path(t, "/box/.acl"))
	if err != nil || acl.User != all || acl.Public != 0 {
		t.Errorf("of the ACL: %+v, %v", acl, err)
	}
}

func TestOtherSpelling(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/box/dir/f", "text/plain", "x")
	w.put("/box/f", "text/plain", "x")
	w.acl("/box/", ownerRule, allow(1, agentOf(contactID(benCID)), "acl:default <./>", "acl:Read"))
	for _, c := range []struct {
		name, ask, get string
		as             webid.Agent
		want           error
	}{
		{"a container without its slash", "/box/dir", "/box/dir/", ben, nil},
		{"a resource with one", "/box/f/", "/box/f", ben, nil},
		{"is not told to who may not read it", "/box/dir", "", dan, ErrForbidden},
		{"an auxiliary has no other spelling", "/box/.acl", "/box/.acl", owner, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := w.guard.As(c.as).Get(context.Background(), path(t, c.ask))
			is(t, "get", err, c.want)
			defer a.Close()
			if err == nil && a.Info.Path.String() != c.get {
				t.Errorf("got %s", a.Info.Path)
			}
		})
	}
}

func TestStreamsAreCut(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(w *world, valid *agents)
		cut  bool
	}{
		{"when the ACL loses the reader", func(w *world, _ *agents) { w.acl("/box/", ownerRule) }, true},
		{"when the group loses the reader", func(w *world, _ *agents) { w.audience("a", danCID) }, true},
		{"when the group is deleted", func(w *world, _ *agents) { w.delete("/social/audiences/a") }, true},
		{"when the resource gets an ACL of its own", func(w *world, _ *agents) { w.acl("/box/big", "") }, true},
		{"when the resource is deleted", func(w *world, _ *agents) { w.delete("/box/big") }, true},
		{"when the friend is removed", func(w *world, v *agents) { v.remove(benCID); w.put("/x", "text/plain", "x") }, true},
		{"not when something else changes", func(w *world, _ *agents) { w.put("/x", "text/plain", "x") }, false},
		{"not when the resource is replaced", func(w *world, _ *agents) { w.put("/box/big", "text/plain", "y") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			valid := &agents{}
			w := newWorld(t, Config{Valid: valid.has})
			w.audience("a", benCID)
			w.put("/box/big", "text/plain", strings.Repeat("x", 1<<16))
			w.acl("/box/", ownerRule, allow(1, "acl:agentGroup <../social/audiences/a#members>", "acl:default <./>", "acl:Read"))
			a, err := w.guard.As(ben).Get(context.Background(), path(t, "/box/big"))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			c.do(w, valid)
			if c.cut {
				eventually(t, "the stream is cut", func() bool { return a.Context().Err() != nil })
				return
			}
			waitForReview(t, w)
			waitForReview(t, w) // the first may have ended in the middle of a review
			if a.Context().Err() != nil {
				t.Error("the stream is cut")
			}
		})
	}
}

// waitForReview returns when the Guard has judged the open streams after all
// commits so far: it takes a right away from a stream of its own.
func waitForReview(t testing.TB, w *world) {
	t.Helper()
	w.put("/probe", "text/plain", "x")
	probe, err := w.guard.As(owner).Get(context.Background(), path(t, "/probe"))
	if err != nil {
		t.Fatal(err)
	}
	defer probe.Close()
	w.delete("/probe")
	eventually(t, "a deleted stream is cut", func() bool { return probe.Context().Err() != nil })
}

func TestRemovedFriendIsNotServed(t *testing.T) {
	valid := &agents{}
	w := newWorld(t, Config{Valid: valid.has})
	w.put("/box/f", "text/plain", "x")
	w.acl("/box/", ownerRule, allow(1, agentOf(contactID(benCID)), "acl:default <./>", "acl:Read"))
	if got, err := w.read(ben, "/box/f"); got != "x" || err != nil {
		t.Fatalf("%q, %v", got, err)
	}
	valid.remove(benCID)
	_, err := w.read(ben, "/box/f")
	is(t, "get", err, ErrUnauthenticated)
	_, err = w.guard.As(ben).Stat(context.Background(), path(t, "/box/f"))
	is(t, "stat", err, ErrUnauthenticated)
	if len(w.guard.streams.list()) != 0 {
		t.Error("a stream is left open")
	}
}

func TestCloseCutsStreams(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/f", "text/plain", "x")
	a, err := w.guard.As(owner).Get(context.Background(), path(t, "/f"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	w.guard.Close()
	if a.Context().Err() == nil {
		t.Error("the stream goes on")
	}
}

func TestChangedWakes(t *testing.T) {
	w := newWorld(t, Config{})
	woken, replica := w.guard.As(ben).Changed(), w.device().r.Changed()
	w.put("/x", "text/plain", "x")
	<-woken
	<-replica
}

// TestDamagedStoreIsNotAnAnswer asks with a store that is closed.
func TestDamagedStoreIsNotAnAnswer(t *testing.T) {
	w := newWorld(t, Config{})
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := w.guard.As(ben).Get(context.Background(), path(t, "/x"))
	if !errors.Is(err, pod.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestNoOriginReadsLikeSomebody sends an Origin that ends like the names of an
// agent: what decides for one of the two must not decide for the other.
func TestNoOriginReadsLikeSomebody(t *testing.T) {
	w, ctx := newWorld(t, Config{}), context.Background()
	w.allow(`{"/box/": [` + allowAll + `]}`)
	w.put("/box/f", "text/plain", "x")
	named := allow(1, agentOf(elsewhereAgent.IDs()[0]), "acl:default <./>", "acl:Read")
	w.acl("/box/", ownerRule, named, allow(2, "acl:agentClass foaf:Agent", "acl:default <./>", "acl:Read"))
	open := func(v *View) Answer {
		a, err := v.Get(ctx, path(t, "/box/f"))
		is(t, "get", err, nil)
		t.Cleanup(func() { a.Close() })
		return a
	}
	theirs := open(w.guard.As(elsewhereAgent).From("o"))
	forged := open(w.guard.As(stranger).From("o " + string(elsewhereAgent.IDs()[0])))
	w.acl("/box/", ownerRule, named)
	w.guard.review(ctx)
	if theirs.Context().Err() != nil || forged.Context().Err() == nil {
		t.Errorf("who is named: %v; who is not: %v", theirs.Context().Err(), forged.Context().Err())
	}
}
