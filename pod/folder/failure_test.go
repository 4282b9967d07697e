//go:build unix

package folder

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/pod"
)

// rearrange is an Update with a bit of everything.
func rearrange(t *testing.T, s *Store) error {
	var stages []pod.Staged
	for _, mediaType := range []string{"text/plain", "x/three", "text/turtle", "x/y"} {
		st, err := s.Stage(t.Context(), strings.NewReader("rearranged"), pod.StageOptions{Max: 100, Type: mediaType})
		if err != nil {
			return err
		}
		defer st.Discard()
		stages = append(stages, st)
	}
	return s.Update(t.Context(), func(tx pod.WriteTx) error {
		for i, name := range []string{"/a.txt", "/c/changed", "/c/.acl", "/new/deep/x"} {
			if _, err := tx.Put(mustPath(t, name), stages[i], pod.PutOptions{}); err != nil {
				return err
			}
		}
		if err := tx.Delete(mustPath(t, "/c/wrong.png"), pod.DeleteOptions{}); err != nil {
			return err
		}
		return tx.DeleteTree(mustPath(t, "/c/d/"), pod.DeleteOptions{})
	})
}

// TestEachFailureOfTheDisk lets one change to the disk fail after another. An
// error must come of it, and nothing may be half there; what cannot be made
// durable must not be acknowledged, then or later.
func TestEachFailureOfTheDisk(t *testing.T) {
	template := t.TempDir()
	s := mustOpen(t, template)
	furnish(t, s)
	mustClose(t, s)
	failed := map[string]int{}
	for n := 1; ; n++ {
		op := ""
		t.Run(fmt.Sprintf("the change number %d fails", n), func(t *testing.T) { op = failAt(t, template, n) })
		if op == "" {
			break
		}
		failed[op]++
	}
	for _, op := range []string{"create", "write", "fsync", "link", "rename", "unlink", "rmdir", "mkdir", "utimensat", "overwrite", "zero"} {
		if failed[op] == 0 {
			t.Errorf("%s has never failed", op)
		}
	}
	t.Log(failed)
}

// failAt lets the nth change fail, in a copy of a pod, and returns which it
// was, "" if there are fewer.
func failAt(t *testing.T, template string, n int) (failedOp string) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(template)); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir)
	before := contentsOf(t, s)
	count := 0
	s.disk.before = func(op string) error {
		if count++; count == n {
			failedOp = op
			return unix.EIO
		}
		return nil
	}
	err := rearrange(t, s)
	s.disk.before = nil
	if failedOp == "" {
		if err != nil {
			t.Fatal(err)
		}
		return ""
	}
	if err == nil {
		t.Errorf("%s failed, and the write succeeded", failedOp)
	}
	if err != nil && !errors.Is(err, unix.EIO) {
		t.Errorf("%s failed with EIO, the write with %v", failedOp, err)
	}
	committed := failedOp == "overwrite" || failedOp == "zero" || strings.Contains(contentsOf(t, s), "rearranged")
	if !committed && contentsOf(t, s) != before {
		t.Errorf("%s failed, and left %s", failedOp, firstDifference(contentsOf(t, s), before))
	}
	broken := s.broken != nil
	if told := s.Troubles().ReadOnly; told != broken {
		t.Errorf("broken %t, and the owner is told %t", broken, told)
	}
	err = rearrange(t, s)
	switch {
	case broken && err == nil:
		t.Errorf("%s failed, and the next write succeeded", failedOp)
	case !broken && !committed && err != nil:
		t.Errorf("after a failed %s: %v", failedOp, err)
	}
	last := answers(t, s)
	if broken {
		mustClose(t, s)
	} else if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	if got := answers(t, s); got != last {
		t.Errorf("after %s failed: the next start has %s", failedOp, firstDifference(got, last))
	}
	if err := leftovers(dir); err != nil {
		t.Errorf("after %s failed: %v", failedOp, err)
	}
	return failedOp
}

// TestOrderOnTheDisk writes down which changes an operation makes to the disk.
// What must survive power loss hangs on this order, and nothing is acknowledged
// before the last of them.
func TestOrderOnTheDisk(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	for _, c := range []struct {
		name, want string
		do         func()
	}{
		{"create", "create write fsync rename utimensat fsync",
			func() { put(t, s, "/a", octets, "1") }},
		{"replace, with a later time", "create write fsync utimensat fsync link rename utimensat fsync overwrite fsync unlink",
			func() { put(t, s, "/a", octets, "2") }},
		{"create with a sidecar and a parent", "create write fsync mkdir create fsync rename rename utimensat fsync utimensat fsync",
			func() { put(t, s, "/c/b", "x/y", "1") }},
		{"change bytes and type", "create write fsync utimensat fsync create fsync rename fsync link rename utimensat fsync " +
			"create fsync rename utimensat fsync overwrite fsync unlink",
			func() { put(t, s, "/c/b", "x/z", "2") }},
		{"delete", "rename utimensat fsync overwrite fsync unlink zero",
			func() { deletePath(t, s, "/a") }},
		{"delete with a sidecar", "rename rename utimensat fsync overwrite fsync unlink overwrite fsync unlink zero",
			func() { deletePath(t, s, "/c/b") }},
		{"delete a container", "rmdir utimensat fsync zero",
			func() { deletePath(t, s, "/c/") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ops []string
			s.disk.before = func(op string) error {
				ops = append(ops, op)
				return nil
			}
			c.do()
			s.disk.before = nil
			if got := strings.Join(ops, " "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestFailedFsyncIsNeverAcknowledged(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	put(t, s, "/a", "text/plain", "a")
	failing := func(op string) error {
		if op == "fsync" {
			return unix.EIO
		}
		return nil
	}
	s.disk.before = failing
	if _, err := s.Stage(t.Context(), strings.NewReader("b"), pod.StageOptions{Max: 1}); !errors.Is(err, unix.EIO) {
		t.Errorf("staged without fsync: %v", err)
	}
	s.disk.before = nil
	st, err := s.Stage(t.Context(), strings.NewReader("b"), pod.StageOptions{Max: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Discard()
	tryPut := func() error {
		return s.Update(t.Context(), func(tx pod.WriteTx) error {
			_, err := tx.Put(mustPath(t, "/b"), st, pod.PutOptions{})
			return err
		})
	}
	s.disk.before = failing
	if err := tryPut(); !errors.Is(err, unix.EIO) {
		t.Errorf("put without fsync: %v", err)
	}
	s.disk.before = nil
	if err := tryPut(); !errors.Is(err, unix.EIO) {
		t.Errorf("a write after the failure: %v", err)
	}
	if content, err := contentOf(t, s, "/a"); err != nil || content != "a" {
		t.Errorf("reading after the failure: %q, %v", content, err)
	}
	mustClose(t, s)
	s = mustOpen(t, dir)
	put(t, s, "/b", "text/plain", "b")
}

func TestFullDiskIsErrFull(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	s.disk.before = func(op string) error {
		if op == "write" {
			return unix.ENOSPC
		}
		return nil
	}
	if _, err := s.Stage(t.Context(), strings.NewReader("b"), pod.StageOptions{Max: 1}); !errors.Is(err, pod.ErrFull) {
		t.Errorf("got %v", err)
	}
	s.disk.before = nil
}

// TestWhatWasPutBackIsServedAtOnce lets writes fail after they have moved files
// away, in a folder that is followed: what is back at its place is no hand's work.
func TestWhatWasPutBackIsServedAtOnce(t *testing.T) {
	for _, op := range []string{"rename", "utimensat", "fsync"} {
		t.Run(op+" fails at last", func(t *testing.T) {
			o := options(t.TempDir())
			o.Now, o.Followed = time.Now, Followed{Settle: time.Hour, Rescan: time.Hour}
			s, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			put(t, s, "/a", "x/y", "first")
			last := 0
			s.disk.before = func(what string) error {
				if what == op {
					last++
				}
				return nil
			}
			put(t, s, "/a", "x/y", "other")
			left := last
			s.disk.before = func(what string) error {
				if what == op {
					if left--; left == 0 {
						return unix.EIO
					}
				}
				return nil
			}
			st, err := s.Stage(t.Context(), strings.NewReader("third"), pod.StageOptions{Max: 100, Type: "x/y"})
			if err != nil {
				t.Fatal(err)
			}
			err = s.Update(t.Context(), func(tx pod.WriteTx) error {
				_, err := tx.Put(mustPath(t, "/a"), st, pod.PutOptions{})
				return err
			})
			s.disk.before = nil
			if !errors.Is(err, pod.ErrDisk) {
				t.Errorf("the write: %v", err)
			}
			if content, err := contentOf(t, s, "/a"); err != nil || content != "other" && content != "third" {
				t.Errorf("it holds %q, %v", content, err)
			}
		})
	}
}
