package folder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/pod"
)

// refusedFor returns the names of what is refused for one reason.
func refusedFor(s *Store, why Reason) (names []string) {
	for _, r := range s.Troubles().Refused {
		if r.Why == why {
			names = append(names, r.Name)
		}
	}
	return names
}

// openFollowed opens a pod as one that is followed, without anybody who follows it.
func openFollowed(t *testing.T, dir string) *Store {
	t.Helper()
	o := options(dir)
	o.Now, o.Followed = time.Now, Followed{Settle: settle, Rescan: time.Hour}
	s, err := Open(o)
	if err == nil {
		err = s.TakeIn(t.Context(), 1000)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// snapshot gives every file below tree a second name below to, as `cp -al` does.
func snapshot(t *testing.T, tree, to string) {
	t.Helper()
	err := filepath.WalkDir(tree, func(name string, d os.DirEntry, err error) error {
		rel, bad := filepath.Rel(tree, name)
		if err = errors.Join(err, bad); err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return os.Link(name, filepath.Join(to, rel))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestASnapshotByLinksTakesNothingAway: what the pod has stays its own when its files get further names, and those keep
// their bytes whatever becomes of the pod's.
func TestASnapshotByLinksTakesNothingAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openFollowed(t, dir)
	for i := range 40 {
		put(t, s, fmt.Sprintf("/notes/%d.txt", i), "text/plain", fmt.Sprint("note ", i))
	}
	put(t, s, "/notes/typed", "image/svg+xml", "<svg/>")
	put(t, s, "/edited.txt", "text/plain", "before")
	tree, to := options(dir).Tree, filepath.Join(t.TempDir(), "snapshot")
	snapshot(t, tree, to)
	serves := func(when string) {
		t.Helper()
		for i := range 40 {
			if got, err := contentOf(t, s, fmt.Sprintf("/notes/%d.txt", i)); got != fmt.Sprint("note ", i) {
				t.Fatalf("%s: note %d is %q, %v", when, i, got, err)
			}
		}
		if info, err := statOf(t, s, "/notes/typed"); err != nil || info.Type != "image/svg+xml" {
			t.Fatalf("%s: %+v, %v", when, info, err)
		}
		if names := namesIn(t, s, "/notes/"); len(names) != 41 {
			t.Fatalf("%s: %q", when, names)
		}
		if r := s.Troubles(); len(r.Refused) > 0 || len(r.Held) > 0 {
			t.Fatalf("%s: %+v", when, r)
		}
	}
	serves("at once")
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	serves("after a look")
	mustClose(t, s)
	s = openFollowed(t, dir)
	serves("after a restart")

	put(t, s, "/notes/0.txt", "text/plain", "another")
	if err := s.Update(t.Context(), func(tx pod.WriteTx) error { return tx.Delete(mustPath(t, "/notes/1.txt"), pod.DeleteOptions{}) }); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if got, err := os.ReadFile(filepath.Join(to, "notes", fmt.Sprint(i, ".txt"))); string(got) != fmt.Sprint("note ", i) {
			t.Errorf("the other name of note %d holds %q, %v", i, got, err)
		}
	}
	if got, err := contentOf(t, s, "/notes/0.txt"); got != "another" {
		t.Errorf("written: %q, %v", got, err)
	}
	mustClose(t, s)
}

// TestALinkedFileThatChangedIsToldAndKept: it may be another file by now, so it is not served; but nobody has deleted it.
func TestALinkedFileThatChangedIsToldAndKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openFollowed(t, dir)
	put(t, s, "/a.txt", "text/plain", "before")
	put(t, s, "/photos/b.txt", "text/plain", "b")
	tree, outside := options(dir).Tree, t.TempDir()
	long := time.Now().Add(-time.Hour)
	err := errors.Join(os.Link(filepath.Join(tree, "a.txt"), filepath.Join(outside, "a")), os.WriteFile(filepath.Join(outside, "a"), []byte("changed"), 0o600), os.Chtimes(filepath.Join(outside, "a"), long, long),
		os.Rename(filepath.Join(tree, "photos"), filepath.Join(outside, "photos")), os.Symlink(filepath.Join(outside, "photos"), filepath.Join(tree, "photos")))
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"while it is open", "after a restart"} {
		if err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := contentOf(t, s, "/a.txt"); !errors.Is(err, pod.ErrNotExist) {
			t.Errorf("%s: %v", when, err)
		}
		if got := refusedFor(s, Linked); !slices.Equal(got, []string{"a.txt"}) {
			t.Errorf("%s: told of %q", when, got)
		}
		if got := refusedFor(s, Special); !slices.Equal(got, []string{"photos"}) {
			t.Errorf("%s: told of %q", when, got)
		}
		if changes := contentPaths(t, s); !slices.Contains(changes, "/a.txt") || !slices.Contains(changes, "/photos/b.txt") {
			t.Errorf("%s: the rows are %q", when, changes)
		}
		mustClose(t, s)
		s = openFollowed(t, dir)
	}
	mustClose(t, s)
}

func contentPaths(t *testing.T, s *Store) (paths []string) {
	t.Helper()
	view(t, s, func(tx pod.Tx) error {
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			paths = append(paths, c.Path.String())
		}
		return nil
	})
	return paths
}

// TestFollowTellsWhatItDoesNotServe: each name, and why; and what is mended is taken in.
func TestFollowTellsWhatItDoesNotServe(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("SECRET"), 0o600); err != nil {
		t.Fatal(err)
	}
	drop(t, tree, "in/IMG.jpg", "one")
	holds(t, s, "/in/IMG.jpg", "one")
	bad := []string{"in/trail.", "in/trail ", "in/new\nline", `in/back\slash`, "in/bad\xffname", "in/" + strings.Repeat("n", 250), "in/nai\u0308f"}
	for _, name := range append(slices.Clone(bad), "in/img.JPG", "in/film.part", "in/.DS_Store", "in/CON/x") {
		drop(t, tree, name, "two")
	}
	if err := os.Link(outside, filepath.Join(tree, "in", "link.txt")); err != nil {
		t.Fatal(err)
	}
	bad = append(bad, "in/CON/")
	slices.Sort(bad)
	want := map[Reason][]string{Linked: {"in/link.txt"}, BadName: bad, Twin: {"in/img.JPG"}, Unfinished: {"in/film.part"}}
	eventually(t, func() string {
		for why, names := range want {
			if got := refusedFor(s, why); !slices.Equal(got, names) {
				return fmt.Sprintf("reason %d: %q, not %q", why, got, names)
			}
		}
		return ""
	})
	if got := namesIn(t, s, "/in/"); !slices.Equal(got, []string{"IMG.jpg"}) {
		t.Errorf("lists %q", got)
	}
	if err := errors.Join(os.Rename(filepath.Join(tree, "in", "img.JPG"), filepath.Join(tree, "in", "other.JPG")), os.Rename(filepath.Join(tree, "in", "trail."), filepath.Join(tree, "in", "trail"))); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "/in/other.JPG", "two")
	holds(t, s, "/in/trail", "two")
	if got := refusedFor(s, Twin); len(got) > 0 {
		t.Errorf("told of %q after it was renamed", got)
	}
}

// TestANameMayChangeItsCase: what a hand gives back in another case is no second file.
func TestANameMayChangeItsCase(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	for _, name := range []string{"a.txt", "b.txt", "c.txt"} {
		put(t, s, "/"+name, "text/plain", name)
	}
	if err := os.Rename(filepath.Join(tree, "a.txt"), filepath.Join(tree, "A.txt")); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "/A.txt", "a.txt")
}

// TestSettleTakesInWhatWasJustDropped is for whoever is about to copy the whole pod.
func TestSettleTakesInWhatWasJustDropped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openFollowed(t, dir)
	drop(t, options(dir).Tree, "new/just.txt", "now")
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := contentOf(t, s, "/new/just.txt"); got != "now" {
		t.Errorf("%q, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Settle(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	mustClose(t, s)
}
