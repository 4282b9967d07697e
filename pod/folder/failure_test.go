package folder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/pod"
)

// content returns what a pod holds, and its Seqs and versions.
func contentsOf(t testing.TB, s *Store) string {
	t.Helper()
	var lines []string
	view(t, s, func(tx pod.Tx) error {
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			content := ""
			if !c.Gone() && !c.Path.IsContainer() {
				r, err := tx.Open(c.Path)
				if err != nil {
					return fmt.Errorf("%s: %w", c.Path, err)
				}
				all, err := io.ReadAll(r)
				if err := errors.Join(err, r.Close()); err != nil {
					return err
				}
				content = string(all)
			}
			lines = append(lines, fmt.Sprintf("%+v %q", c, content))
		}
		return nil
	})
	return strings.Join(lines, "\n")
}

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
		{"delete with a sidecar", "rename unlink utimensat fsync overwrite fsync unlink zero",
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

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("\n%s\nnot\n%s", g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, not %d", len(g), len(w))
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

// small mounts a small file system in memory.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=12m"); err != nil {
		t.Skipf("NOT TESTED: a full disk, because this process may not mount a small file system (%v); run it as root", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk fills a real file system to the last byte.
func TestFullDisk(t *testing.T) {
	dir := small(t)
	s := mustOpen(t, dir)
	var stored []string
	body := strings.Repeat(canary, 10_000)
	for i := 0; ; i++ {
		name := fmt.Sprintf("/c%d/CANARY%03d", i%3, i)
		st, err := s.Stage(t.Context(), strings.NewReader(body), pod.StageOptions{Max: 1 << 20})
		if err == nil {
			err = s.Update(t.Context(), func(tx pod.WriteTx) error {
				_, err := tx.Put(mustPath(t, name), st, pod.PutOptions{})
				return err
			})
			if err := st.Discard(); err != nil {
				t.Fatal(err)
			}
		}
		if errors.Is(err, pod.ErrFull) {
			break
		}
		if err != nil || i > 1000 {
			t.Fatalf("write %d: %v", i, err)
		}
		stored = append(stored, name)
	}
	if len(stored) < 10 {
		t.Fatalf("only %d resources fit", len(stored))
	}
	for _, reopen := range []bool{false, true} {
		t.Logf("%d resources, after a start: %v", len(stored), reopen)
		exhaust(t, dir)
		if reopen {
			mustClose(t, s)
			exhaust(t, dir)
			s = mustOpen(t, dir)
		}
		for _, name := range stored {
			if content, err := contentOf(t, s, name); err != nil || content != body {
				t.Fatalf("%s: %d bytes, %v", name, len(content), err)
			}
		}
		exhaust(t, dir)
		deletePath(t, s, stored[0])
		gone(t, dir, filepath.Base(stored[0]))
		stored = stored[1:]
		put(t, s, "/after/delete", "text/plain", "there is room again")
		deletePath(t, s, "/after/delete")
		if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range stored {
		deletePath(t, s, name)
	}
	gone(t, dir, "CANARY")
	mustClose(t, s)
}

// exhaust takes all that is left on a file system.
func exhaust(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "ballast"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, unix.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
