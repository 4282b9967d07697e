package folder

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kith/pod"
)

// followed opens a pod that is followed at a folder; the function it returns stops and closes it.
func followed(t *testing.T, o Options) (s *Store, stop func()) {
	t.Helper()
	o.Now, o.Followed.Settle, o.Followed.Rescan = time.Now, settle, time.Hour
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Follow(ctx) }()
	return s, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("follow: %v", err)
		}
		mustClose(t, s)
	}
}

// heldNow waits until so much is held.
func heldNow(t *testing.T, s *Store, n int) {
	t.Helper()
	eventually(t, func() string {
		if held := s.Troubles().Held; len(held) != n {
			return fmt.Sprintf("%d are held, not %d", len(held), n)
		}
		return ""
	})
}

// TestMuchThatIsGoneAtAStartIsHeld, whoever removed it and when, over any number of starts, until it is there again or is
// decided on.
func TestMuchThatIsGoneAtAStartIsHeld(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	posts, away := filepath.Join(o.Tree, "posts"), filepath.Join(filepath.Dir(o.Tree), "away")
	s, stop := followed(t, o)
	for i := range 20 {
		put(t, s, fmt.Sprintf("/posts/%d", i), "text/plain", "x")
	}
	put(t, s, "/other", "text/plain", "x")
	before, _ := statOf(t, s, "/posts/1")
	stop()
	if err := os.Rename(posts, away); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s, stop = followed(t, o)
		heldNow(t, s, 21)
		if _, err := contentOf(t, s, "/posts/1"); err == nil {
			t.Error("what is gone is served")
		}
		if ids := tombstones(t, s); len(ids) > 0 {
			t.Errorf("%d are deleted", len(ids))
		}
		stop()
	}
	if err := os.Rename(away, posts); err != nil {
		t.Fatal(err)
	}
	s, stop = followed(t, o)
	heldNow(t, s, 0)
	if got, err := statOf(t, s, "/posts/1"); got != before || err != nil {
		t.Errorf("it comes back as %+v, %v, and was %+v", got, err, before)
	}
	if err := os.RemoveAll(posts); err != nil {
		t.Fatal(err)
	}
	heldNow(t, s, 21) // while it runs
	stop()
	s, stop = followed(t, o)
	defer stop()
	heldNow(t, s, 21)
	if err := s.DecideHeld(t.Context(), s.Troubles().Held, true); err != nil {
		t.Fatal(err)
	}
	if ids := tombstones(t, s); len(ids) != 21 {
		t.Errorf("%d are deleted", len(ids))
	}
}

// TestFewThatAreHeldStayHeldOverAStart: they are held because there was more before.
func TestFewThatAreHeldStayHeldOverAStart(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s, stop := followed(t, o)
	for i := range 30 {
		put(t, s, fmt.Sprintf("/posts/%d", i), "text/plain", "x")
	}
	for i := range 15 {
		if err := os.Remove(filepath.Join(o.Tree, "posts", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	heldNow(t, s, 15)
	for i := range 13 {
		drop(t, o.Tree, fmt.Sprintf("posts/%d", i), "x")
	}
	heldNow(t, s, 2)
	stop()
	for range 2 {
		s, stop = followed(t, o)
		heldNow(t, s, 2)
		stop()
	}
	s, stop = followed(t, o)
	defer stop()
	if err := s.DecideHeld(t.Context(), []pod.Path{mustPath(t, "/posts/13"), mustPath(t, "/posts/14")}, false); err != nil {
		t.Fatal(err)
	}
	heldNow(t, s, 0)
	if _, err := os.Lstat(filepath.Join(o.State, heldName)); !os.IsNotExist(err) {
		t.Errorf("the mark is there: %v", err)
	}
}

// TestFewThatAreGoneAtAStartAreLost, but not ten at each start.
func TestFewThatAreGoneAtAStartAreLost(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s, stop := followed(t, o)
	for i := range 40 {
		put(t, s, fmt.Sprintf("/posts/%d", i), "text/plain", "x")
	}
	stop()
	for round, held := range []int{0, 7} {
		for i := round * 7; i < round*7+7; i++ {
			if err := os.Remove(filepath.Join(o.Tree, "posts", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		s, stop = followed(t, o)
		heldNow(t, s, held)
		if _, known, err := s.index.get(mustPath(t, "/posts/1")); known || err != nil {
			t.Errorf("it has a row: %t, %v", known, err)
		}
		stop()
	}
}

// TestAllOfASmallPodIsMuch: two files, which elsewhere are few.
func TestAllOfASmallPodIsMuch(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s, stop := followed(t, o)
	put(t, s, "/one", "text/plain", "x")
	put(t, s, "/two", "text/plain", "x")
	for _, name := range []string{"one", "two"} {
		if err := os.Remove(filepath.Join(o.Tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	heldNow(t, s, 2)
	stop()
}

// TestAPodThatLostAllIsFilledByReplicas, as if nothing had ever gone: nobody is asked, and what goes afterwards is judged by
// itself. But where something was held before, all is held.
func TestAPodThatLostAllIsFilledByReplicas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		leaves string // what is left in the folder
		asked  bool   // something was held before
	}{{"nothing is left", "", false}, {"an access list is left", "posts/.acl", false}, {"nothing is left, and some was held", "", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := options(t.TempDir())
			o.Refilled = true
			s, stop := followed(t, o)
			fill := func() {
				for i := range 40 {
					put(t, s, fmt.Sprintf("/posts/%d", i), "text/plain", "x")
				}
			}
			fill()
			put(t, s, "/posts/.acl", "text/turtle", "")
			if c.asked {
				for i := range 11 {
					err := os.Remove(filepath.Join(o.Tree, "posts", fmt.Sprint(i)))
					if err != nil {
						t.Fatal(err)
					}
				}
				heldNow(t, s, 11)
			}
			stop()
			if err := os.RemoveAll(o.Tree); err != nil {
				t.Fatal(err)
			}
			if c.leaves != "" {
				drop(t, o.Tree, c.leaves, "")
			}
			s, stop = followed(t, o)
			defer func() { stop() }()
			if c.asked {
				heldNow(t, s, 41)
				return
			}
			heldNow(t, s, 0)
			fill()
			if err := os.Remove(filepath.Join(o.Tree, "posts", "7")); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() string {
				if n := len(tombstones(t, s)); n != 1 || len(s.Troubles().Held) > 0 {
					return fmt.Sprintf("%d are deleted, %v held", n, s.Troubles().Held)
				}
				return ""
			})
		})
	}
}
