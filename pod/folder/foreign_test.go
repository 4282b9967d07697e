package folder

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/pod"
)

// contentOf reads a resource, or returns the error of opening it.
func contentOf(t testing.TB, s *Store, escaped string) (content string, err error) {
	t.Helper()
	view(t, s, func(tx pod.Tx) error {
		r, openErr := tx.Open(mustPath(t, escaped))
		if err = openErr; err != nil {
			return nil
		}
		defer r.Close()
		all, readErr := io.ReadAll(r)
		content, err = string(all), readErr
		return nil
	})
	return content, err
}

func namesIn(t testing.TB, s *Store, escaped string) (names []string) {
	t.Helper()
	view(t, s, func(tx pod.Tx) error {
		for info, err := range tx.List(mustPath(t, escaped)) {
			if err != nil {
				return err
			}
			names = append(names, info.Path.Name())
		}
		return nil
	})
	return names
}

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

// guarded makes a pod with something private, and a secret beside it.
func guarded(t *testing.T) (dir, secret string, s *Store) {
	t.Helper()
	dir = t.TempDir()
	secret = filepath.Join(dir, "outside", "secret")
	if err := errors.Join(os.Mkdir(filepath.Dir(secret), 0o700), os.WriteFile(secret, []byte("SECRET"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, dir)
	put(t, s, "/private/diary", "text/plain", "SECRET")
	put(t, s, "/public/page", "text/plain", "page")
	put(t, s, "/public/old", "text/plain", "old")
	put(t, s, "/public/sub/x", "text/plain", "x")
	return dir, secret, s
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

// TestHandInTheFolder is what a person, or another program, does with the files.
func TestHandInTheFolder(t *testing.T) {
	for _, c := range []struct {
		name string
		open bool
	}{{"while the pod is open", true}, {"while it is closed", false}} {
		t.Run(c.name, func(t *testing.T) {
			dir, _, s := guarded(t)
			before := headOf(t, s)
			hand := func(do error) {
				t.Helper()
				if do != nil {
					t.Fatal(do)
				}
				if !c.open {
					mustClose(t, s)
					s = mustOpen(t, dir)
				} else if err := s.Rescan(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			tree := filepath.Join(dir, "tree")
			old, _ := statOf(t, s, "/public/old")

			hand(os.WriteFile(filepath.Join(tree, "public", "old"), []byte("edited by hand"), 0o600))
			edited, err := statOf(t, s, "/public/old")
			if content, _ := contentOf(t, s, "/public/old"); err != nil || content != "edited by hand" || edited.ETag == old.ETag || !old.Version.Less(edited.Version) || edited.ID != old.ID {
				t.Errorf("edited: %q, %+v, %v", content, edited, err)
			}

			hand(errors.Join(os.MkdirAll(filepath.Join(tree, "dropped", "deep"), 0o700), os.WriteFile(filepath.Join(tree, "dropped", "deep", "photo.jpg"), []byte("jpg"), 0o600), os.WriteFile(filepath.Join(tree, "dropped", ".acl"), []byte("acl"), 0o600)))
			photo, err := statOf(t, s, "/dropped/deep/photo.jpg")
			if err != nil || photo.Type != "image/jpeg" || photo.Version.Device != "did:key:zPod" || len(photo.ID) != 22 {
				t.Errorf("dropped: %+v, %v", photo, err)
			}
			if container, err := statOf(t, s, "/dropped/"); err != nil || container.ACLTag == "" {
				t.Errorf("its container: %+v, %v", container, err)
			}
			if got := headOf(t, s); got.Epoch != before.Epoch || got.Seq <= before.Seq {
				t.Errorf("head %v, was %v", got, before)
			}

			at := headOf(t, s)
			now := time.Now()
			hand(os.Chtimes(filepath.Join(tree, "public", "page"), now, now))
			if got := headOf(t, s); got != at {
				t.Errorf("the same bytes with another time: head %v, was %v", got, at)
			}

			hand(os.RemoveAll(filepath.Join(tree, "public")))
			if _, err := statOf(t, s, "/public/old"); !errors.Is(err, pod.ErrNotExist) {
				t.Errorf("removed: %v", err)
			}
			if got := headOf(t, s); got.Epoch == before.Epoch {
				t.Error("something was lost, and the epoch is the same")
			}
			view(t, s, func(tx pod.Tx) error {
				for change, err := range tx.Changes(0) {
					if err != nil || change.Gone() {
						t.Errorf("what was lost has left a tombstone: %+v, %v", change, err)
					}
				}
				return nil
			})
			hand(nil)
			if got := answers(t, s); strings.Contains(got, "/public/") {
				t.Errorf("answers %s", got)
			}
		})
	}
}

// TestReadNoticesHand shows what a reader sees before anybody has scanned.
func TestReadNoticesHand(t *testing.T) {
	dir, _, s := guarded(t)
	file := filepath.Join(dir, "tree", "public", "old")
	old, _ := statOf(t, s, "/public/old")
	if err := os.WriteFile(file, []byte("new"), 0o600); err != nil { // as long as before
		t.Fatal(err)
	}
	content, err := contentOf(t, s, "/public/old")
	if err != nil || content != "new" {
		t.Errorf("content %q, %v", content, err)
	}
	info, err := statOf(t, s, "/public/old")
	if err != nil || info.ETag == old.ETag || info.Version == old.Version {
		t.Errorf("afterwards %+v, %v", info, err)
	}
	changed, stop := s.Watch()
	defer stop()
	if err := os.Chtimes(file, testClock, testClock); err != nil {
		t.Fatal(err)
	}
	if again, err := statOf(t, s, "/public/old"); err != nil || again.ETag != info.ETag || !again.Modified.Equal(testClock) {
		t.Errorf("with another time %+v, %v", again, err)
	}
	select {
	case <-changed:
		t.Error("woken by a change of the time alone")
	default:
	}
	if err := os.WriteFile(filepath.Join(dir, "tree", "public", "dropped"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	namesIn(t, s, "/public/") // notices
	if names := namesIn(t, s, "/public/"); !slices.Contains(names, "dropped") {
		t.Errorf("lists %q", names)
	}
	if err := os.RemoveAll(filepath.Join(dir, "tree", "public", "sub")); err != nil {
		t.Fatal(err)
	}
	if names := namesIn(t, s, "/public/"); slices.Contains(names, "sub") {
		t.Errorf("lists %q", names)
	}
}
