package folder

import (
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

// testClock is a fixed clock, so that times show where they come from.
var testClock = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func options(dir string) Options {
	return Options{
		Tree: filepath.Join(dir, "tree"), State: filepath.Join(dir, "state"),
		Device: "did:key:zPod", Now: func() time.Time { return testClock },
	}
}

func mustOpen(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(options(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, pod.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// answers returns what a pod answers about all its resources, by path: all that
// must not depend on the index.
func answers(t testing.TB, s *Store) string {
	t.Helper()
	var lines []string
	view(t, s, func(tx pod.Tx) error {
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			if c.Gone() || c.Narrowed() {
				continue
			}
			info, err := tx.Stat(c.Path)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Path, err)
			}
			var children []string
			if c.Path.IsContainer() {
				for child, err := range tx.List(c.Path) {
					if err != nil {
						return err
					}
					children = append(children, child.Path.String())
				}
			}
			lines = append(lines, fmt.Sprint(info.Path, info.Type, info.Size, info.ETag, info.Modified, info.ACLTag, children))
		}
		return nil
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func view(t testing.TB, s *Store, fn func(pod.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func headOf(t testing.TB, s *Store) (h pod.Head) {
	t.Helper()
	view(t, s, func(tx pod.Tx) error {
		h = tx.Head()
		return nil
	})
	return h
}

func statOf(t testing.TB, s *Store, escaped string) (info pod.Info, err error) {
	t.Helper()
	view(t, s, func(tx pod.Tx) error {
		info, err = tx.Stat(mustPath(t, escaped))
		return nil
	})
	return info, err
}

// furnish fills a pod with all kinds of resources.
func furnish(t testing.TB, s *Store) {
	t.Helper()
	for i, c := range []struct{ path, mediaType string }{
		{"/a.txt", "text/plain"}, {"/a.txt.acl", "text/turtle"}, {"/.acl", "text/turtle"},
		{"/c/no-extension", "text/turtle"}, {"/c/wrong.png", "text/html"}, {"/c/d/e.jsonld", "application/ld+json"},
		{"/c/.acl", "application/ld+json"}, {"/c/.meta", "text/turtle"}, {"/early.acl", "text/turtle"},
		{"/%C3%A9/%20x", "x/y; charset=utf-8"},
	} {
		put(t, s, c.path, c.mediaType, strings.Repeat("content", i))
	}
	put(t, s, "/c/changed", "x/one", "1")
	put(t, s, "/c/changed", "x/two", "2")
	put(t, s, "/c/changed.txt", "x/one", "1")
	put(t, s, "/c/changed.txt", "text/plain", "2")
	err := s.Update(t.Context(), func(tx pod.WriteTx) error {
		_, err := tx.MakeContainer(mustPath(t, "/empty/"), pod.PutOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWithoutIndexTheAnswersAreTheSame(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	furnish(t, s)
	before, epoch := answers(t, s), headOf(t, s).Epoch
	mustClose(t, s)
	for _, c := range []struct {
		name   string
		damage func(index string) error
	}{
		{"the whole state folder is gone", func(string) error { return os.RemoveAll(filepath.Join(dir, "state")) }},
		{"the index is gone", os.Remove},
		{"the index is empty", func(f string) error { return os.Truncate(f, 0) }},
		{"the index is text", func(f string) error { return os.WriteFile(f, []byte(strings.Repeat("no index ", 1000)), 0o600) }},
		{"the index is cut off", func(f string) error { return os.Truncate(f, 8192) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.damage(filepath.Join(dir, "state", indexName)); err != nil {
				t.Fatal(err)
			}
			s := mustOpen(t, dir)
			if after := answers(t, s); after != before {
				t.Errorf("the answers are %s", firstDifference(after, before))
			}
			head := headOf(t, s)
			if head.Epoch == epoch {
				t.Error("the epoch is the same")
			}
			if info, err := statOf(t, s, "/a.txt"); err != nil || info.Version != (pod.Version{}) {
				t.Errorf("version %v, %v", info.Version, err)
			}
			epoch = head.Epoch
			mustClose(t, s)
		})
	}
	t.Run("nothing was damaged", func(t *testing.T) {
		s := mustOpen(t, dir)
		if after := answers(t, s); after != before || headOf(t, s).Epoch != epoch {
			t.Errorf("epoch %s, was %s", headOf(t, s).Epoch, epoch)
		}
	})
}

func TestQuotaIsCountedAgainWithoutIndex(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	furnish(t, s)
	want := s.head.bytes
	mustClose(t, s)
	if err := os.RemoveAll(filepath.Join(dir, "state")); err != nil {
		t.Fatal(err)
	}
	if got := mustOpen(t, dir).head.bytes; got != want || got == 0 {
		t.Errorf("counts %d bytes, want %d", got, want)
	}
}

func TestMachineThatWentDownGivesNewEpoch(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	furnish(t, s)
	before, head := answers(t, s), headOf(t, s)
	abandon(t, s)
	mark := filepath.Join(dir, "state", markName)
	s = mustOpen(t, dir)
	if got := headOf(t, s); got != head {
		t.Errorf("a killed process: head %v, want %v", got, head)
	}
	abandon(t, s)
	if err := os.WriteFile(mark, []byte("another-boot\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	if got := headOf(t, s); got.Epoch == head.Epoch || got.Seq < head.Seq {
		t.Errorf("another boot: head %v, was %v", got, head)
	}
	if got := answers(t, s); got != before {
		t.Errorf("answers %s", firstDifference(got, before))
	}
	mustClose(t, s)
	if _, unclean, err := readMark(filepath.Dir(mark)); unclean || err != nil {
		t.Errorf("a closed pod is marked as open: %v", err)
	}
}

// TestIndexThatLags puts the index back to an earlier state, as power loss may.
func TestIndexThatLags(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	furnish(t, s)
	mustClose(t, s)
	index := filepath.Join(dir, "state", indexName)
	old, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	put(t, s, "/a.txt", "text/plain", "a newer content")
	put(t, s, "/c/changed", "x/three", "newer, too")
	put(t, s, "/new/deep", "x/y", "new")
	deletePath(t, s, "/c/no-extension")
	want := answers(t, s)
	mustClose(t, s)
	if err := errors.Join(os.WriteFile(index, old, 0o600), os.WriteFile(filepath.Join(dir, "state", markName), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if got := answers(t, mustOpen(t, dir)); got != want {
		t.Errorf("answers %s", firstDifference(got, want))
	}
}

func deletePath(t testing.TB, s *Store, escaped string) {
	t.Helper()
	err := s.Update(t.Context(), func(tx pod.WriteTx) error { return tx.Delete(mustPath(t, escaped), pod.DeleteOptions{}) })
	if err != nil {
		t.Fatal(err)
	}
}

// abandon drops a store without closing it properly, as a killed process does:
// nothing is written any more, and the system takes its descriptors.
func abandon(t testing.TB, s *Store) {
	t.Helper()
	s.disk.before = func(string) error { return errors.New("the process is gone") }
	if err := s.Close(); err == nil {
		t.Fatal("closed as if nothing had happened")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Run("a pod that is open", func(t *testing.T) {
		dir := t.TempDir()
		mustOpen(t, dir)
		if _, err := Open(options(dir)); !errors.Is(err, ErrBusy) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("state inside the tree", func(t *testing.T) {
		o := options(t.TempDir())
		o.State = filepath.Join(o.Tree, "state")
		if _, err := Open(o); err == nil {
			t.Error("opened")
		}
	})
	t.Run("state inside the tree, through a link", func(t *testing.T) {
		dir := t.TempDir()
		o := options(dir)
		if err := errors.Join(os.MkdirAll(filepath.Join(o.Tree, "inner"), 0o700), os.Symlink(o.Tree, filepath.Join(dir, "link"))); err != nil {
			t.Fatal(err)
		}
		o.State = filepath.Join(dir, "link", "inner")
		if _, err := Open(o); err == nil {
			t.Error("opened")
		}
	})
	t.Run("a file in the place of the tree", func(t *testing.T) {
		o := options(t.TempDir())
		if err := os.WriteFile(o.Tree, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(o); err == nil {
			t.Error("opened")
		}
	})
	t.Run("no folder at all", func(t *testing.T) {
		if _, err := Open(Options{}); err == nil {
			t.Error("opened")
		}
	})
}

func TestPermissionsAreTheOwners(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	furnish(t, s)
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && name != dir && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
