//go:build unix

package folder

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/pod"
)

// hostile puts something at a place that is no plain file, and that leads to the
// secret outside of the tree.
var hostile = []struct {
	name  string
	plant func(place, secret string) error
}{
	{"a link to a file outside", func(place, secret string) error { return os.Symlink(secret, place) }},
	{"a relative link to a file outside", func(place, secret string) error {
		rel, err := filepath.Rel(filepath.Dir(place), secret)
		return errors.Join(err, os.Symlink(rel, place))
	}},
	{"a link to a folder outside", func(place, secret string) error { return os.Symlink(filepath.Dir(secret), place) }},
	{"a link to a file of the tree", func(place, _ string) error { return os.Symlink("../private/diary", place) }},
	{"a link to a folder of the tree", func(place, _ string) error { return os.Symlink("../private", place) }},
	{"a link to itself", func(place, _ string) error { return os.Symlink(filepath.Base(place), place) }},
	{"a link to nothing", func(place, _ string) error { return os.Symlink("nothing", place) }},
	{"a second name of a file outside", func(place, secret string) error { return os.Link(secret, place) }},
	{"a pipe", func(place, _ string) error { return unix.Mkfifo(place, 0o600) }},
	{"a socket", func(place, _ string) error {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		// A socket's address is short, so it is bound from within the folder.
		name := filepath.Join("/proc/self/fd", "0")
		if d, err := os.Open(filepath.Dir(place)); err == nil {
			defer d.Close()
			name = filepath.Join("/proc/self/fd", itoa(d.Fd()), filepath.Base(place))
		}
		return unix.Bind(fd, &unix.SockaddrUnix{Name: name})
	}},
	{"a device", func(place, _ string) error { return unix.Mknod(place, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))) }},
}

func itoa(n uintptr) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// plant puts something hostile at a place, and skips where the system does not
// let a test make that.
func plant(t *testing.T, fn func(place, secret string) error, place, secret string) {
	t.Helper()
	if err := fn(place, secret); errors.Is(err, unix.EPERM) {
		t.Skipf("only root can make this: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
}

// unharmed demands that nothing has reached what the hostile thing leads to.
func unharmed(t *testing.T, dir, secret string) {
	t.Helper()
	for _, name := range []string{secret, filepath.Join(dir, "tree", "private", "diary")} {
		if content, err := os.ReadFile(name); err != nil || string(content) != "SECRET" {
			t.Errorf("%s holds %q, %v", name, content, err)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(secret))
	if err != nil || len(entries) != 1 {
		t.Errorf("outside lie %v, %v", entries, err)
	}
}

func TestForeignFilesAreNotServed(t *testing.T) {
	for _, c := range hostile {
		t.Run(c.name+", while the pod is closed", func(t *testing.T) {
			t.Parallel()
			dir, secret, s := guarded(t)
			mustClose(t, s)
			plant(t, c.plant, filepath.Join(dir, "tree", "public", "evil"), secret)
			refuses(t, mustOpen(t, dir), "evil")
			unharmed(t, dir, secret)
		})
		t.Run(c.name+", while it is open", func(t *testing.T) {
			t.Parallel()
			dir, secret, s := guarded(t)
			plant(t, c.plant, filepath.Join(dir, "tree", "public", "evil"), secret)
			for range 2 { // before and after the index has noticed
				refuses(t, s, "evil")
			}
			if err := s.Rescan(t.Context()); err != nil {
				t.Fatal(err)
			}
			refuses(t, s, "evil")
			unharmed(t, dir, secret)
		})
		t.Run(c.name+", in the place of a resource", func(t *testing.T) {
			t.Parallel()
			dir, secret, s := guarded(t)
			place := filepath.Join(dir, "tree", "public", "old")
			if err := os.Remove(place); err != nil {
				t.Fatal(err)
			}
			plant(t, c.plant, place, secret)
			refuses(t, s, "old")
			mustClose(t, s)
			refuses(t, mustOpen(t, dir), "old")
			unharmed(t, dir, secret)
		})
		t.Run(c.name+", in the place of a container", func(t *testing.T) {
			t.Parallel()
			dir, secret, s := guarded(t)
			place := filepath.Join(dir, "tree", "public", "sub")
			if err := os.RemoveAll(place); err != nil {
				t.Fatal(err)
			}
			plant(t, c.plant, place, secret)
			refuses(t, s, "sub")
			for _, below := range []string{"/public/sub/", "/public/sub/x", "/public/sub/diary", "/public/sub/secret"} {
				if info, err := statOf(t, s, below); !errors.Is(err, pod.ErrNotExist) {
					t.Errorf("%s: %v, %v", below, info, err)
				}
			}
			unharmed(t, dir, secret)
		})
	}
}

// refuses demands that a child of /public/ is not there, and that what is there
// is listed.
func refuses(t *testing.T, s *Store, name string) {
	t.Helper()
	for _, escaped := range []string{"/public/" + name, "/public/" + name + "/", "/public/" + name + "/secret", "/public/" + name + "/diary"} {
		if info, err := statOf(t, s, escaped); !errors.Is(err, pod.ErrNotExist) {
			t.Errorf("stat %s: %+v, %v", escaped, info, err)
		}
		if content, err := contentOf(t, s, escaped); !errors.Is(err, pod.ErrNotExist) {
			t.Errorf("open %s: %q, %v", escaped, content, err)
		}
	}
	names := namesIn(t, s, "/public/")
	if slices.Contains(names, name) || !slices.Contains(names, "page") {
		t.Errorf("listing: %q", names)
	}
}

func TestForeignFilesAreNotWrittenThrough(t *testing.T) {
	write := func(t *testing.T, s *Store, escaped string) error {
		t.Helper()
		st, err := s.Stage(t.Context(), strings.NewReader("written"), pod.StageOptions{Max: 10, Type: "text/plain"})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Discard()
		return s.Update(t.Context(), func(tx pod.WriteTx) error {
			_, err := tx.Put(mustPath(t, escaped), st, pod.PutOptions{})
			return err
		})
	}
	for _, c := range hostile {
		t.Run(c.name+", where nothing was", func(t *testing.T) {
			t.Parallel()
			dir, secret, s := guarded(t)
			place := filepath.Join(dir, "tree", "public", "evil")
			plant(t, c.plant, place, secret)
			if err := write(t, s, "/public/evil"); !errors.Is(err, pod.ErrConflict) {
				t.Errorf("got %v", err)
			}
			if err := write(t, s, "/public/evil/x"); !errors.Is(err, pod.ErrConflict) {
				t.Errorf("below: got %v", err)
			}
			if _, err := os.Lstat(place); err != nil {
				t.Errorf("what a hand has put there is gone: %v", err)
			}
			unharmed(t, dir, secret)
		})
		t.Run(c.name+", in the place of a resource", func(t *testing.T) {
			t.Parallel()
			dir, secret, s := guarded(t)
			place := filepath.Join(dir, "tree", "public", "old")
			if err := os.Remove(place); err != nil {
				t.Fatal(err)
			}
			plant(t, c.plant, place, secret)
			if err := write(t, s, "/public/old"); err != nil {
				t.Fatal(err)
			}
			if content, err := contentOf(t, s, "/public/old"); content != "written" {
				t.Errorf("got %q, %v", content, err)
			}
			unharmed(t, dir, secret)
		})
		t.Run(c.name+", deleted in the place of a resource", func(t *testing.T) {
			t.Parallel()
			dir, secret, s := guarded(t)
			place := filepath.Join(dir, "tree", "public", "old")
			if err := os.Remove(place); err != nil {
				t.Fatal(err)
			}
			plant(t, c.plant, place, secret)
			err := s.Update(t.Context(), func(tx pod.WriteTx) error {
				return tx.Delete(mustPath(t, "/public/old"), pod.DeleteOptions{})
			})
			if err != nil && !errors.Is(err, pod.ErrNotExist) {
				t.Fatal(err)
			}
			refuses(t, s, "old")
			unharmed(t, dir, secret)
		})
		t.Run(c.name+", in the place of a container", func(t *testing.T) {
			t.Parallel()
			dir, secret, s := guarded(t)
			place := filepath.Join(dir, "tree", "public", "sub")
			if err := os.RemoveAll(place); err != nil {
				t.Fatal(err)
			}
			plant(t, c.plant, place, secret)
			for _, escaped := range []string{"/public/sub/x", "/public/sub/secret", "/public/sub/diary", "/public/sub/new/y"} {
				if err := write(t, s, escaped); !errors.Is(err, pod.ErrConflict) {
					t.Errorf("%s: got %v", escaped, err)
				}
			}
			err := s.Update(t.Context(), func(tx pod.WriteTx) error {
				return tx.DeleteTree(mustPath(t, "/public/sub/"), pod.DeleteOptions{})
			})
			if err == nil {
				t.Error("deleted a tree that is not there")
			}
			unharmed(t, dir, secret)
		})
	}
}

func TestNamesThatNoPathHasAreLeftAlone(t *testing.T) {
	dir, _, s := guarded(t)
	mustClose(t, s)
	strange := []string{"e\u0301", "bad\xffname", "trailing.", "trailing ", "nul", `back\slash`, "new\nline", "x.acl.acl", ".kith-other", "a.ACL", ".KITH"}
	for _, name := range strange {
		if err := os.WriteFile(filepath.Join(dir, "tree", "public", name), []byte("SECRET"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "tree", "public", "con"), 0o700); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	if got := strings.Join(namesIn(t, s, "/public/"), " "); got != "old page sub" {
		t.Errorf("lists %q", got)
	}
	err := s.Update(t.Context(), func(tx pod.WriteTx) error { return tx.DeleteTree(mustPath(t, "/public/"), pod.DeleteOptions{}) })
	if !errors.Is(err, pod.ErrNotEmpty) {
		t.Errorf("deleted a folder with files that the pod does not know: %v", err)
	}
	if got := strings.Join(namesIn(t, s, "/public/"), " "); got != "old page sub" {
		t.Errorf("after that it lists %q", got)
	}
	for _, name := range strange {
		if content, err := os.ReadFile(filepath.Join(dir, "tree", "public", name)); err != nil || string(content) != "SECRET" {
			t.Errorf("%q: %q, %v", name, content, err)
		}
	}
}
