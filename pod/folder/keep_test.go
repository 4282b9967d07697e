package folder

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kith/pod"
)

// keeping opens a followed pod that keeps /own/list, whose text it knows, and /own/lost, whose text it does not.
func keeping(t *testing.T) (tree string, s *Store) {
	t.Helper()
	tree, s = followBy(t, Followed{Settle: settle, Rescan: time.Hour, Keep: func(p pod.Path) ([]byte, bool) {
		switch p.String() {
		case "/own/list":
			return []byte("the list"), true
		case "/own/lost":
			return nil, true
		}
		return nil, false
	}})
	put(t, s, "/own/list", "application/jose", "the list")
	put(t, s, "/own/lost", "application/jose", "another")
	put(t, s, "/own/other", "text/plain", "x")
	put(t, s, "/far/away", "text/plain", "x")
	return tree, s
}

// TestFollowPutsBackWhatIsKept: with its handle, its version and its type, and nothing says elsewhere that it was deleted.
func TestFollowPutsBackWhatIsKept(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(tree string) error{
		"alone": func(tree string) error { return os.Remove(filepath.Join(tree, "own", "list")) },
		"with its neighbours": func(tree string) error {
			return errors.Join(os.Remove(filepath.Join(tree, "own", "list")), os.Remove(filepath.Join(tree, "own", "other")), os.Remove(filepath.Join(tree, "own", "lost")))
		},
		"with its container": func(tree string) error { return os.RemoveAll(filepath.Join(tree, "own")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, s := keeping(t)
			before, _ := statOf(t, s, "/own/list")
			lost, _ := statOf(t, s, "/own/lost")
			if err := remove(tree); err != nil {
				t.Fatal(err)
			}
			holds(t, s, "/own/list", "the list")
			after, _ := statOf(t, s, "/own/list")
			if after.ID != before.ID || after.Version != before.Version || after.Type != before.Type {
				t.Errorf("back as %+v, it was %+v", after, before)
			}
			for _, id := range tombstones(t, s) {
				if id == before.ID || id == lost.ID {
					t.Error("replicas are told to delete it")
				}
			}
			holds(t, s, "/far/away", "x")
			if name != "alone" {
				absentNow(t, s, "/own/lost")
				absentNow(t, s, "/own/other")
				put(t, s, "/own/lost", "application/jose", "another")
				holds(t, s, "/own/lost", "another")
			}
			if held := s.Troubles().Held; len(held) != 0 {
				t.Errorf("%v are held", held)
			}
		})
	}
}
