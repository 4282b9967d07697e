package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kith/pod"
)

// search returns the files below a folder that hold a text, in their bytes or
// in their name.
func search(t testing.TB, dir, text string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.Contains(d.Name(), text) {
			found = append(found, name)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(name)
		if n := bytes.Count(content, []byte(text)); n > 0 {
			found = append(found, fmt.Sprintf("%s (%d times)", name, n))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// gone demands that a text is nowhere in a pod's folders.
func gone(t testing.TB, dir, text string) {
	t.Helper()
	if found := search(t, dir, text); len(found) > 0 {
		t.Errorf("%s is found in %s", text, found)
	}
}

// watched keeps a second name of a file, so that a test can look at the bytes
// that the store has let go of. It is made after the store has taken its own
// second name, from within an Update.
func watched(t testing.TB, dir, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "tree", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// isZero demands that a file, by whatever name, holds nothing but zeros.
func isZero(t testing.TB, f *os.File) bool {
	t.Helper()
	content, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
	if err != nil {
		t.Fatal(err)
	}
	return len(content) > 0 && len(bytes.Trim(content, "\x00")) == 0
}

const canary = "CANARY-content-7c1d"

func TestErasure(t *testing.T) {
	long := strings.Repeat(canary, 50_000) // more than one chunk of zeros
	del := func(escaped string) func(*testing.T, *Store) {
		return func(t *testing.T, s *Store) { deletePath(t, s, escaped) }
	}
	for _, c := range []struct {
		name string
		do   func(*testing.T, *Store)
	}{
		{"deleted", del("/c/x")},
		{"replaced", func(t *testing.T, s *Store) { put(t, s, "/c/x", "text/plain", "new") }},
		{"replaced with another type", func(t *testing.T, s *Store) { put(t, s, "/c/x", "x/y", "new") }},
		{"deleted with its tree", func(t *testing.T, s *Store) {
			if err := s.Update(t.Context(), func(tx pod.WriteTx) error { return tx.DeleteTree(mustPath(t, "/c/"), pod.DeleteOptions{}) }); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name+", its bytes are overwritten", func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			put(t, s, "/c/x", "text/plain", long)
			f := watched(t, dir, "c/x")
			if isZero(t, f) || len(search(t, dir, canary)) == 0 {
				t.Fatal("the search does not find what is there")
			}
			c.do(t, s)
			if !isZero(t, f) {
				t.Error("the bytes are still on the disk")
			}
			gone(t, dir, canary)
		})
		t.Run(c.name+" while it is read, its bytes are overwritten after the last reader", func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			put(t, s, "/c/x", "text/plain", long)
			f := watched(t, dir, "c/x")
			var readers []pod.Resource
			for range 2 {
				view(t, s, func(tx pod.Tx) error {
					r, err := tx.Open(mustPath(t, "/c/x"))
					readers = append(readers, r)
					return err
				})
			}
			c.do(t, s)
			for _, r := range readers {
				if content, err := io.ReadAll(r); err != nil || string(content) != long {
					t.Errorf("a reader got %d bytes, %v", len(content), err)
				}
				if isZero(t, f) {
					t.Error("erased before the last reader has closed")
				}
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
			if !isZero(t, f) {
				t.Error("the bytes are still on the disk")
			}
			gone(t, dir, canary)
		})
		t.Run(c.name+" while it is read, its bytes are overwritten by the next start at the latest", func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir)
			put(t, s, "/c/x", "text/plain", long)
			f := watched(t, dir, "c/x")
			view(t, s, func(tx pod.Tx) error {
				_, err := tx.Open(mustPath(t, "/c/x"))
				return err
			})
			c.do(t, s)
			mustClose(t, s)
			mustOpen(t, dir)
			if !isZero(t, f) {
				t.Error("the bytes are still on the disk")
			}
			gone(t, dir, canary)
		})
	}
}

func TestDiscardedStageIsErased(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for _, c := range []struct {
		name string
		max  int64
	}{{"discarded", 1 << 20}, {"refused for its size", 1000}} {
		t.Run(c.name, func(t *testing.T) {
			st, err := s.Stage(t.Context(), strings.NewReader(strings.Repeat(canary, 1000)), pod.StageOptions{Max: c.max})
			if err == nil {
				if len(search(t, dir, canary)) == 0 {
					t.Fatal("the search does not find what is there")
				}
				err = st.Discard()
			}
			if err != nil && !errors.Is(err, pod.ErrTooLarge) {
				t.Fatal(err)
			}
			gone(t, dir, canary)
			if entries, err := os.ReadDir(filepath.Join(dir, "state", "tmp")); err != nil || len(entries) > 0 {
				t.Errorf("left behind: %v, %v", entries, err)
			}
		})
	}
}

// TestEraseSparesOtherNames is the state that a crash between link and rename
// leaves: the erase folder has a second name of what is still in the tree.
func TestEraseSparesOtherNames(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	put(t, s, "/a", "text/plain", "still there")
	mustClose(t, s)
	if err := os.Link(filepath.Join(dir, "tree", "a"), filepath.Join(dir, "state", "erase", "x")); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	if content, err := contentOf(t, s, "/a"); err != nil || content != "still there" {
		t.Errorf("got %q, %v", content, err)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "state", "erase")); len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// TestDeletedPathsAreNowhere churns through an index, so that its pages split
// and merge, and searches it for the deleted names.
func TestDeletedPathsAreNowhere(t *testing.T) {
	dir := t.TempDir()
	x, h, err := openIndex(dir, &disk{}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { x.close() }()
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz234567"[rng.IntN(32)]
		}
		return string(b)
	}
	transact := func(fn func() error) {
		t.Helper()
		if err := errors.Join(x.begin(), fn(), x.commit(h)); err != nil {
			t.Fatal(err)
		}
		if x.due() {
			if err := x.scrub(); err != nil {
				t.Fatal(err)
			}
		}
	}
	insert := func(name string) pod.Path {
		p := mustPath(t, "/posts/"+random(3)+"/"+name)
		h.Seq++
		if err := x.put(row{Info: pod.Info{Path: p, ID: newID(), ETag: random(24)}, seq: h.Seq}); err != nil {
			t.Fatal(err)
		}
		return p
	}
	var doomed []pod.Path
	for range 150 {
		transact(func() error {
			for range 20 {
				doomed = append(doomed, insert("CANARY"+random(4+rng.IntN(100))))
				insert(random(1 + rng.IntN(90)))
			}
			return nil
		})
	}
	if found := search(t, dir, "CANARY"); len(found) == 0 {
		t.Fatal("the search does not find what is there")
	}
	rng.Shuffle(len(doomed), func(i, j int) { doomed[i], doomed[j] = doomed[j], doomed[i] })
	for len(doomed) > 0 {
		n := min(len(doomed), 1+rng.IntN(60))
		transact(func() error {
			for _, p := range doomed[:n] {
				if err := x.drop(p); err != nil {
					return err
				}
				if rng.IntN(3) == 0 {
					insert(random(60))
				}
			}
			return nil
		})
		doomed = doomed[n:]
	}
	gone(t, dir, "CANARY")
	if err := x.verify(); err != nil {
		t.Errorf("the index is damaged: %v", err)
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	gone(t, dir, "CANARY")
	if x, _, err = openIndex(dir, &disk{}, true); err != nil {
		t.Fatal(err)
	}
}

// TestPathIsGoneWithTheDelete is the plain case: one resource, one delete.
func TestPathIsGoneWithTheDelete(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	put(t, s, "/CANARYdir/CANARYname", "x/CANARYtype", "CANARYcontent")
	for _, what := range []string{"CANARYdir", "CANARYname", "CANARYtype", "CANARYcontent"} {
		if len(search(t, dir, what)) == 0 {
			t.Fatalf("the search does not find %s", what)
		}
	}
	if err := s.Update(t.Context(), func(tx pod.WriteTx) error {
		return tx.DeleteTree(mustPath(t, "/CANARYdir/"), pod.DeleteOptions{})
	}); err != nil {
		t.Fatal(err)
	}
	gone(t, dir, "CANARY")
}

func TestHandlesOfTracesGoToo(t *testing.T) {
	dir := t.TempDir()
	now := testClock
	o := options(dir)
	o.Now = func() time.Time { return now }
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put(t, s, "/a", "text/plain", "a")
	info, _ := statOf(t, s, "/a")
	if err := s.Update(t.Context(), func(tx pod.WriteTx) error {
		return tx.Delete(mustPath(t, "/a"), pod.DeleteOptions{Readers: []string{"CANARYreader"}})
	}); err != nil {
		t.Fatal(err)
	}
	if len(search(t, dir, info.ID)) == 0 || len(search(t, dir, "CANARYreader")) == 0 {
		t.Fatal("the search does not find the handle")
	}
	now = now.Add(91 * 24 * time.Hour)
	headOf(t, s)
	gone(t, dir, info.ID)
	gone(t, dir, "CANARYreader")
}
