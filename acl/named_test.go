package acl

import (
	"context"
	"testing"

	"kith/pod"
)

// TestMayBeGroup asks which documents are looked at as groups of posts, and
// that a message that is none costs no walk through the posts.
func TestMayBeGroup(t *testing.T) {
	w := newWorld(t, Config{})
	check := func(what, p string, want, walks bool) {
		t.Helper()
		err := w.store.View(context.Background(), func(tx pod.Tx) error {
			counting := &lists{Tx: tx}
			got, err := w.guard.mayBeGroup(counting, path(t, p))
			if got != want || (counting.n > 0) != walks {
				t.Errorf("%s: %t after %d walks, want %t", what, got, counting.n, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.audience("one", benCID)
	w.post("p1", "one")
	check("a group of a post", "/social/audiences/one", true, true)
	w.put("/social/in/x/message", "text/turtle", "")
	w.put("/social/posts/p1/note", "text/turtle", "")
	check("a message", "/social/in/x/message", false, false)
	check("a group that no post names", "/social/audiences/two", false, false)
	w.post("p2", "two")
	check("one that a new post names before it is there", "/social/audiences/two", true, true)
	w.acl("/social/", ownerRule, allow(1, "acl:agentGroup <in/x/message#g>", "acl:default <./>", "acl:Read"))
	check("a message that an inherited ACL names", "/social/in/x/message", true, true)
	w.share("p1", "")
	check("a group that is named no more", "/social/audiences/one", false, true)
	w.delete("/social/.acl")
	w.put("/social/in/x/message", "text/turtle", prefix)
	check("what a deleted ACL named may stay among them", "/social/in/x/message", true, false)
}
