package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/pod"
)

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
