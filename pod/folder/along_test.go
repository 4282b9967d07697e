package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/pod"
)

// owned is the ACL that a new resource below /shared/ gets.
func owned(p pod.Path) string { return "the owner's alone: " + p.String() }

// sharing says of /shared/ that it is shared.
func sharing(_ pod.Tx, p pod.Path) ([]byte, error) {
	if strings.HasPrefix(p.String(), "/shared/") {
		return []byte(owned(p)), nil
	}
	return nil, nil
}

// goneFrom waits until a file is not in a tree.
func goneFrom(t *testing.T, tree, name string) {
	t.Helper()
	eventually(t, func() string {
		if _, err := os.Lstat(filepath.Join(tree, filepath.FromSlash(name))); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Sprintf("%s is there: %v", name, err)
		}
		return ""
	})
}

// described puts a resource with an ACL and a description.
func described(t *testing.T, s *Store, escaped string) {
	t.Helper()
	put(t, s, escaped, "text/plain", "x")
	put(t, s, escaped+".acl", "text/turtle", "open to a friend")
	put(t, s, escaped+".meta", "text/turtle", "what is told of it")
}

// TestWhatAHandDeletesTakesItsACLAlong: neither it nor the description waits for the next of that name.
func TestWhatAHandDeletesTakesItsACLAlong(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, sharing)
	described(t, s, "/shared/a.txt")
	put(t, s, "/other", "text/plain", "x")
	if err := os.Remove(filepath.Join(tree, "shared", "a.txt")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shared/a.txt", "shared/a.txt.acl", "shared/a.txt.meta"} {
		absentNow(t, s, "/"+name)
		goneFrom(t, tree, name)
	}
	if ids := tombstones(t, s); len(ids) != 3 {
		t.Errorf("%d are deleted", len(ids))
	}
	drop(t, tree, "shared/a.txt", "another")
	holds(t, s, "/shared/a.txt", "another")
	holds(t, s, "/shared/a.txt.acl", owned(mustPath(t, "/shared/a.txt")))
}

// TestWhatIsGoneAtAStartTakesItsACLAlong, which is lost as it is, and deleted nowhere.
func TestWhatIsGoneAtAStartTakesItsACLAlong(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s, stop := followed(t, o)
	described(t, s, "/shared/a.txt")
	put(t, s, "/other", "text/plain", "x")
	stop()
	if err := os.Remove(filepath.Join(o.Tree, "shared", "a.txt")); err != nil {
		t.Fatal(err)
	}
	s, stop = followed(t, o)
	defer stop()
	for _, name := range []string{"shared/a.txt", "shared/a.txt.acl", "shared/a.txt.meta"} {
		absentNow(t, s, "/"+name)
		goneFrom(t, o.Tree, name)
	}
	if ids := tombstones(t, s); len(ids) != 0 {
		t.Errorf("%d are deleted", len(ids))
	}
	if names, err := os.ReadDir(filepath.Join(o.State, "erase")); err != nil || len(names) != 0 {
		t.Errorf("%v are not erased: %v", names, err)
	}
}

// TestAnACLThatThePodHadIsNotForWhatIsDroppedLater, whether it would be shared without or not.
func TestAnACLThatThePodHadIsNotForWhatIsDroppedLater(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, sharing)
	for _, name := range []string{"/shared/a.txt", "/private/a.txt"} {
		put(t, s, name+".acl", "text/turtle", "open to a friend")
		drop(t, tree, name, "secret")
		holds(t, s, name, "secret")
	}
	if got, err := contentOf(t, s, "/shared/a.txt.acl"); got != owned(mustPath(t, "/shared/a.txt")) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := contentOf(t, s, "/private/a.txt.acl"); !errors.Is(err, pod.ErrNotExist) {
		t.Errorf("%q, %v", got, err)
	}
	goneFrom(t, tree, "private/a.txt.acl")
}

// TestAnACLComesAlongWithWhatIsDropped, also where it is there for a while before.
func TestAnACLComesAlongWithWhatIsDropped(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, sharing)
	put(t, s, "/shared/page", "text/plain", "x")
	drop(t, tree, "shared/a.txt", "half")
	drop(t, tree, "shared/a.txt.acl", "a hand's")
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(tree, "shared", "a.txt.acl"), long, long); err != nil {
		t.Fatal(err)
	}
	drop(t, tree, "shared/a.txt", "whole")
	holds(t, s, "/shared/a.txt", "whole")
	holds(t, s, "/shared/a.txt.acl", "a hand's")
}

// TestAMissingACLLetsNobodyIn: what it was the ACL of is the owner's alone from then on.
func TestAMissingACLLetsNobodyIn(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"while it is open", "at a start"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			o := options(t.TempDir())
			o.Followed.Private = sharing
			s, stop := followed(t, o)
			put(t, s, "/shared/a.txt", "text/plain", "x")
			put(t, s, "/shared/a.txt.acl", "text/turtle", "for few")
			put(t, s, "/private/a.txt", "text/plain", "x")
			put(t, s, "/private/a.txt.acl", "text/turtle", "for few")
			before, _ := statOf(t, s, "/shared/a.txt.acl")
			if when == "at a start" {
				stop()
			}
			for _, in := range []string{"shared", "private"} {
				if err := os.Remove(filepath.Join(o.Tree, in, "a.txt.acl")); err != nil {
					t.Fatal(err)
				}
			}
			if when == "at a start" {
				s, stop = followed(t, o)
				if info, err := statOf(t, s, "/shared/a.txt"); err != nil || info.ACLTag == "" {
					t.Errorf("at once: %+v, %v", info, err)
				}
			}
			defer func() { stop() }()
			holds(t, s, "/shared/a.txt.acl", owned(mustPath(t, "/shared/a.txt")))
			after, err := statOf(t, s, "/shared/a.txt.acl")
			if err != nil || after.ID != before.ID || !before.Version.Less(after.Version) {
				t.Errorf("it was %+v, and is %+v, %v", before, after, err)
			}
			if info, err := statOf(t, s, "/shared/a.txt"); err != nil || info.ACLTag != after.ETag {
				t.Errorf("%+v, %v", info, err)
			}
			absentNow(t, s, "/private/a.txt.acl")
			if info, err := statOf(t, s, "/private/a.txt"); err != nil || info.ACLTag != "" {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}

// TestManyACLsAreMuch, as many files are: nothing is deleted before the owner says so, and nobody is let in afterwards.
func TestManyACLsAreMuch(t *testing.T) {
	t.Parallel()
	for _, remove := range []bool{true, false} {
		t.Run(fmt.Sprint("deleted ", remove), func(t *testing.T) {
			t.Parallel()
			tree, s := follow(t, sharing)
			for i := range 8 {
				described(t, s, fmt.Sprintf("/shared/%d.txt", i))
			}
			for i := range 8 {
				for _, of := range []string{"acl", "meta"} {
					if err := os.Remove(filepath.Join(tree, "shared", fmt.Sprintf("%d.txt.%s", i, of))); err != nil {
						t.Fatal(err)
					}
				}
			}
			heldNow(t, s, 16)
			if ids := tombstones(t, s); len(ids) > 0 {
				t.Errorf("%d are deleted", len(ids))
			}
			if lacking, err := s.Lacking(t.Context()); err != nil || len(lacking) != 16 {
				t.Errorf("%d can come back: %v", len(lacking), err)
			}
			drop(t, tree, "shared/7.txt.acl", "open to a friend")
			heldNow(t, s, 15)
			if err := s.DecideHeld(t.Context(), s.Troubles().Held, remove); err != nil {
				t.Fatal(err)
			}
			for i := range 7 {
				name := fmt.Sprintf("/shared/%d.txt", i)
				holds(t, s, name+".acl", owned(mustPath(t, name)))
				acl, err := statOf(t, s, name+".acl")
				if err != nil || (acl.Version == pod.Version{}) == remove {
					t.Errorf("%+v, %v", acl, err)
				}
				absentNow(t, s, name+".meta")
			}
			holds(t, s, "/shared/7.txt.acl", "open to a friend")
		})
	}
}

// TestWhatIsInThePlaceOfAnACLLetsNobodyIn: a folder is no word of the owner's.
func TestWhatIsInThePlaceOfAnACLLetsNobodyIn(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, sharing)
	described(t, s, "/shared/a.txt")
	before, _ := statOf(t, s, "/shared/a.txt")
	acl := filepath.Join(tree, "shared", "a.txt.acl")
	if err := errors.Join(os.Remove(acl), os.Mkdir(acl, 0o700)); err != nil {
		t.Fatal(err)
	}
	drop(t, tree, "shared/last", "x") // is taken in when the folder has been there for as long
	holds(t, s, "/shared/last", "x")
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := statOf(t, s, "/shared/a.txt"); err != nil || info.ACLTag != before.ACLTag {
		t.Errorf("it was %+v, and is %+v, %v", before, info, err)
	}
	if got, err := contentOf(t, s, "/shared/a.txt.acl"); !errors.Is(err, pod.ErrNotExist) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestWithoutIndexWhatHasABadACLIsNotServed, until that is put right.
func TestWithoutIndexWhatHasABadACLIsNotServed(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s, stop := followed(t, o)
	for _, name := range []string{"/shared/a.txt", "/shared/b.txt", "/shared/c.txt", "/shared/album/1.jpg"} {
		put(t, s, name, "text/plain", "x")
	}
	stop()
	link, folded, fine := filepath.Join(o.Tree, "shared", "a.txt.acl"), filepath.Join(o.Tree, "shared", "album", ".acl"), filepath.Join(o.Tree, "shared", "c.txt.acl")
	if err := errors.Join(os.Symlink("nowhere", link), os.Mkdir(folded, 0o700), os.WriteFile(fine, []byte("an ACL"), 0o600), os.RemoveAll(o.State)); err != nil {
		t.Fatal(err)
	}
	s, stop = followed(t, o)
	defer func() { stop() }()
	for _, name := range []string{"/shared/a.txt", "/shared/album/1.jpg"} {
		if got, err := contentOf(t, s, name); !errors.Is(err, pod.ErrNotExist) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"/shared/b.txt", "/shared/c.txt"} {
		holds(t, s, name, "x")
	}
	if got, want := refusedFor(s, Shut), []string{"shared/a.txt", "shared/album/"}; !slices.Equal(got, want) {
		t.Errorf("told of %q, not %q", got, want)
	}
	if err := errors.Join(os.Remove(link), os.WriteFile(link, []byte("an ACL"), 0o600)); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "/shared/a.txt", "x")
	if info, err := statOf(t, s, "/shared/a.txt"); err != nil || info.ACLTag == "" {
		t.Errorf("%+v, %v", info, err)
	}
}
