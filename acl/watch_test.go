package acl

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kith/pod"
	"kith/webid"
)

// watch starts a Watch that must be possible.
func (w *world) watch(a webid.Agent, topic string) *Watch {
	w.t.Helper()
	x, err := w.guard.As(a).Watch(context.Background(), path(w.t, topic))
	if err != nil {
		w.t.Fatalf("watch %s: %v", topic, err)
	}
	w.t.Cleanup(x.Close)
	return x
}

// tell returns what a Watch has to tell, each as "Kind /path", and takes it as told.
func tell(t testing.TB, x *Watch) []string {
	t.Helper()
	events, err := x.Next(context.Background(), 1000)
	if err != nil {
		t.Fatalf("next: %v", err)
	}
	return told(x, events)
}

func told(x *Watch, events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Kind+" "+e.Path.String())
		x.Told(e)
	}
	return out
}

func same(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// readable gives an agent Read of a subject and what is below.
func readable(who webid.Agent) string {
	return allow(1, agentOf(who.IDs()[0]), "acl:accessTo <./>; acl:default <./>", "acl:Read")
}

func TestWatchResource(t *testing.T) {
	w := newWorld(t, Config{})
	w.acl("/a/", ownerRule, readable(ben))
	first := w.put("/a/x", "text/plain", "1")
	w.put("/a/y", "text/plain", "1")
	x := w.watch(ben, "/a/x")
	if x.State() != first.ETag {
		t.Errorf("state %s, want %s", x.State(), first.ETag)
	}
	same(t, "nothing happened", tell(t, x))
	w.put("/a/y", "text/plain", "2")
	w.put("/a/x", "text/plain", "1")
	same(t, "others, and the same bytes", tell(t, x))
	second := w.put("/a/x", "text/plain", "2")
	for range 2 { // until it is told
		events, err := x.Next(t.Context(), 5)
		if err != nil || len(events) != 1 || events[0].Kind != "Update" || events[0].State != second.ETag || events[0].ID != second.ID {
			t.Fatalf("%+v, %v", events, err)
		}
	}
	same(t, "an edit", tell(t, x), "Update /a/x")
	if x.State() != second.ETag {
		t.Errorf("state %s, want %s", x.State(), second.ETag)
	}
	w.delete("/a/x")
	events, err := x.Next(t.Context(), 5)
	is(t, "deleted", err, pod.ErrNotExist)
	same(t, "deleted", told(x, events), "Delete /a/x")
}

func TestWatchContainer(t *testing.T) {
	w := newWorld(t, Config{})
	w.acl("/a/", ownerRule, readable(ben))
	w.put("/a/b/c", "text/plain", "1")
	x := w.watch(ben, "/a/")
	w.put("/a/b/d", "text/plain", "1")
	w.put("/a/n/m/o", "text/plain", "1")
	same(t, "new ones", tell(t, x), "Add /a/b/d", "Add /a/n/", "Add /a/n/m/", "Add /a/n/m/o", "Update /a/")
	w.put("/a/b/c", "text/plain", "2")
	same(t, "an edit below", tell(t, x), "Update /a/b/c")
	w.put("/a/e", "text/plain", "2")
	got, err := w.guard.As(ben).Stat(t.Context(), path(t, "/a/"))
	is(t, "stat", err, nil)
	same(t, "a member", tell(t, x), "Add /a/e", "Update /a/")
	if x.State() != got.Info.ETag {
		t.Errorf("state %s, the listing's is %s", x.State(), got.Info.ETag)
	}
	raw, err := w.guard.As(owner).Replica(t.Context())
	is(t, "replica", err, nil)
	_, err = raw.Delete(t.Context(), path(t, "/a/n/"), pod.Version{Counter: 1 << 20, Device: "did:key:zOwner"})
	is(t, "delete tree", err, nil)
	same(t, "a tree goes", tell(t, x), "Remove /a/n/m/o", "Remove /a/n/m/", "Remove /a/n/", "Update /a/")
	w.delete("/a/e")
	w.put("/a/e", "text/plain", "3")
	same(t, "deleted and made again", tell(t, x), "Update /a/e", "Update /a/")
}

func TestWatchTellsInPieces(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/a/x", "text/plain", "1")
	x := w.watch(owner, "/a/")
	for i := range 5 {
		w.put(fmt.Sprintf("/a/%d", i), "text/plain", "1")
	}
	var got []string
	for {
		events, err := x.Next(t.Context(), 2)
		is(t, "next", err, nil)
		if len(events) == 0 {
			break
		}
		if len(events) > 2 {
			t.Fatalf("%d at once", len(events))
		}
		got = append(got, told(x, events)...)
	}
	same(t, "all", got, "Add /a/0", "Add /a/1", "Add /a/2", "Add /a/3", "Add /a/4", "Update /a/")
}

func TestWatchIsRefused(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/a/x", "text/plain", "1")
	w.acl("/b/", ownerRule, readable(ben))
	w.put("/b/x", "text/plain", "1")
	for _, c := range []struct {
		who   webid.Agent
		topic string
		want  error
	}{
		{ben, "/a/x", ErrForbidden},
		{ben, "/a/none", ErrForbidden},
		{stranger, "/a/x", ErrUnauthenticated},
		{stranger, "/a/none", ErrUnauthenticated},
		{ben, "/b/none", pod.ErrNotExist},
		{ben, "/b/x.acl", ErrForbidden},
		{owner, "/b/none", pod.ErrNotExist},
	} {
		_, err := w.guard.As(c.who).Watch(t.Context(), path(t, c.topic))
		is(t, c.topic, err, c.want)
	}
	if n := len(w.guard.watches.open); n != 0 {
		t.Errorf("%d watches are open", n)
	}
}

func TestWatchEndsWithTheRight(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*world, *agents)
		want error
		told []string
	}{
		"the right is taken":               {func(w *world, _ *agents) { w.acl("/a/", ownerRule) }, ErrForbidden, nil},
		"taken, and the resource deleted":  {func(w *world, _ *agents) { w.acl("/a/", ownerRule); w.delete("/a/x") }, ErrForbidden, nil},
		"the resource is deleted":          {func(w *world, _ *agents) { w.delete("/a/x") }, pod.ErrNotExist, []string{"Delete /a/x"}},
		"deleted, and then the right goes": {func(w *world, _ *agents) { w.delete("/a/x"); w.acl("/a/", ownerRule) }, ErrForbidden, []string{"Delete /a/x"}},
		"the friend is removed":            {func(_ *world, a *agents) { a.remove(benCID) }, ErrUnauthenticated, nil},
		"the friend is removed, and the resource deleted": {func(w *world, a *agents) {
			a.remove(benCID)
			w.delete("/a/x")
		}, ErrUnauthenticated, nil},
		"the folder goes": {func(w *world, _ *agents) {
			raw, err := w.guard.As(owner).Replica(context.Background())
			is(w.t, "replica", err, nil)
			_, err = raw.Delete(context.Background(), path(w.t, "/a/"), pod.Version{Counter: 1 << 20, Device: "did:key:zOwner"})
			is(w.t, "delete", err, nil)
		}, ErrForbidden, []string{"Delete /a/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := &agents{}
			w := newWorld(t, Config{Valid: a.has})
			w.acl("/a/", ownerRule, readable(ben))
			w.put("/a/x", "text/plain", "1")
			x := w.watch(ben, "/a/x")
			c.do(w, a)
			if valid := x.Valid(t.Context()); valid != !errors.Is(c.want, ErrUnauthenticated) {
				t.Errorf("valid: %v", valid)
			}
			events, err := x.Next(t.Context(), 9)
			is(t, name, err, c.want)
			same(t, name, told(x, events), c.told...)
			if ok, err := x.Holds(t.Context(), Event{Kind: "Update", Path: path(t, "/a/x")}); ok && err == nil {
				t.Error("an Update would still be told")
			}
		})
	}
}

func TestWatchOfAGroup(t *testing.T) {
	w := newWorld(t, Config{})
	w.acl("/social/posts/", ownerRule, allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>", "acl:Read"))
	w.audience("mine", benCID)
	w.post("one", "mine")
	w.post("two", "")
	x := w.watch(ben, "/social/posts/")
	w.put("/social/posts/two/post.jsonld", "application/ld+json", "{}")
	same(t, "what is hidden", tell(t, x))
	w.audience("mine", danCID)
	same(t, "out of the audience", tell(t, x),
		"Remove /social/posts/one/post.jsonld", "Remove /social/posts/one/", "Update /social/posts/")
	w.share("two", "mine")
	same(t, "still out of it", tell(t, x))
	w.audience("mine", danCID, benCID)
	same(t, "in it again", tell(t, x), "Add /social/posts/one/", "Add /social/posts/one/post.jsonld",
		"Add /social/posts/two/", "Add /social/posts/two/post.jsonld", "Update /social/posts/")
	w.delete("/social/audiences/mine")
	same(t, "the group goes", tell(t, x), "Remove /social/posts/two/post.jsonld", "Remove /social/posts/two/",
		"Remove /social/posts/one/post.jsonld", "Remove /social/posts/one/", "Update /social/posts/")
}

// TestWatchOfAPlainGroup takes a right by a group that no post has, which the
// pod's rows do not tell of.
func TestWatchOfAPlainGroup(t *testing.T) {
	w := newWorld(t, Config{})
	rule := allow(1, "acl:agentGroup <"+testBase+"social/audiences/mine#members>", "acl:accessTo <./>; acl:default <./>", "acl:Read")
	w.audience("mine", benCID)
	w.acl("/a/", ownerRule, readable(ben))
	w.acl("/a/b/", ownerRule, rule)
	w.put("/a/b/x", "text/plain", "1")
	x := w.watch(ben, "/a/")
	w.audience("mine", danCID)
	same(t, "out", tell(t, x), "Remove /a/b/x", "Remove /a/b/", "Update /a/")
	w.put("/a/c", "text/plain", "1")
	same(t, "beside", tell(t, x), "Add /a/c", "Update /a/")
	w.audience("mine", benCID)
	same(t, "in", tell(t, x), "Add /a/b/", "Add /a/b/x", "Update /a/")
}

// TestWatchOfAGroupBelow deletes a group that the agent can see itself.
func TestWatchOfAGroupBelow(t *testing.T) {
	w := newWorld(t, Config{})
	w.acl("/a/", ownerRule, readable(ben))
	w.put("/a/g", "text/turtle", "@prefix vcard: <http://www.w3.org/2006/vcard/ns#> .\n<#m> vcard:hasMember <"+string(contactID(benCID))+"> .")
	w.acl("/a/b/", ownerRule, allow(1, "acl:agentGroup <../g#m>", "acl:accessTo <./>; acl:default <./>", "acl:Read"))
	w.put("/a/b/x", "text/plain", "1")
	x := w.watch(ben, "/a/")
	w.delete("/a/g")
	same(t, "the group goes", tell(t, x), "Remove /a/g", "Remove /a/b/x", "Remove /a/b/", "Update /a/")
}

func TestHolds(t *testing.T) {
	w := newWorld(t, Config{})
	w.acl("/a/", ownerRule, readable(ben))
	x := w.watch(ben, "/a/")
	w.put("/a/x", "text/plain", "1")
	events, err := x.Next(t.Context(), 1)
	is(t, "next", err, nil)
	holds := func(want bool) {
		t.Helper()
		if ok, err := x.Holds(t.Context(), events[0]); ok != want || err != nil {
			t.Errorf("%+v holds: %v, %v", events[0], ok, err)
		}
	}
	holds(true)
	w.put("/a/x.acl", "text/turtle", prefix+strings.ReplaceAll(ownerRule, "<./>", "<x>"))
	holds(false)
	w.acl("/a/", ownerRule)
	_, err = x.Holds(t.Context(), events[0])
	is(t, "without the topic", err, ErrForbidden)
}

func TestWatchIsBounded(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/a/x", "text/plain", "1")
	x := w.watch(owner, "/a/")
	for i := range maxWatched - 1 {
		p, err := pod.Root.Child(fmt.Sprint(i), false)
		is(t, "path", err, nil)
		x.known[p] = sighting{}
	}
	w.put("/a/y", "text/plain", "1")
	// What has changed would make it too many, so it looks at everything, and sees how little that is.
	events, err := x.Next(t.Context(), maxWatched)
	is(t, "next", err, nil)
	if told(x, events); len(x.known) != 2 {
		t.Errorf("%d known", len(x.known))
	}
}

// TestWatchLooksAtLittle asks that what it finds by looking at the changes is what
// it would find by looking at everything, whatever happens.
func TestWatchLooksAtLittle(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			w := newWorld(t, Config{})
			w.acl("/t/", ownerRule, readable(ben))
			w.audience("g", benCID)
			little, all := w.watch(ben, "/t/"), w.watch(ben, "/t/")
			for step := range 60 {
				what := w.step(r)
				if r.IntN(3) == 0 {
					continue
				}
				all.left = 1 // makes it look at everything
				a, b := tell(t, little), tell(t, all)
				if !slices.Equal(a, b) || !maps.Equal(little.known, all.known) || little.state != all.state {
					t.Fatalf("step %d, after %s:\n%q\n%q", step, what, a, b)
				}
			}
		})
	}
}

// step changes something at or below /t/.
func (w *world) step(r *rand.Rand) string {
	at := []string{"/t/", "/t/a/", "/t/b/", "/t/b/c/", "/u/"}[r.IntN(5)]
	name := at + string(rune('p'+r.IntN(3)))
	typ := []string{"text/plain", "text/turtle"}[r.IntN(2)]
	group := allow(1, "acl:agentGroup <"+testBase+"social/audiences/g#members>", "acl:accessTo <./>; acl:default <./>", "acl:Read")
	ctx := context.Background()
	switch r.IntN(9) {
	case 0:
		rules := []string{ownerRule, readable(ben), group}[:1+r.IntN(3)]
		if at == "/t/" {
			rules = append(rules, readable(ben))
		}
		w.acl(at, rules...)
		return fmt.Sprint("rules of ", at, len(rules))
	case 1:
		_ = w.guard.As(owner).Delete(ctx, path(w.t, name), pod.Precondition{})
		return "delete " + name
	case 2:
		if at == "/t/" {
			return "nothing"
		}
		raw, err := w.guard.As(owner).Replica(ctx)
		is(w.t, "replica", err, nil)
		_, err = raw.Delete(ctx, path(w.t, at), pod.Version{Counter: 1 << 40, Device: "did:key:zOwner"})
		if err != nil && !errors.Is(err, pod.ErrNotExist) && !errors.Is(err, ErrSuperseded) {
			w.t.Fatal(err)
		}
		return "delete " + at
	case 3:
		w.audience("g", [][]string{{benCID}, {danCID}, {}}[r.IntN(3)]...)
		return "group"
	case 4:
		_ = w.guard.As(owner).Delete(ctx, path(w.t, name).ACL(), pod.Precondition{})
		return "delete rules of " + name
	case 5:
		own := strings.ReplaceAll(ownerRule, "<./>", "<"+name[len(at):]+">")
		w.put(name+".acl", "text/turtle", prefix+own)
		return "hide " + name
	}
	w.put(name, typ, fmt.Sprint("# ", r.IntN(3)))
	return "write " + name
}
