package folder

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/pod"
)

// TestNoWriteReplacesWhatAHandHasJustSaved: in place or by another file, and by a write or a delete. Once it was taken in, the
// pod may.
func TestNoWriteReplacesWhatAHandHasJustSaved(t *testing.T) {
	t.Parallel()
	for name, save := range map[string]func(file string) error{
		"in place": func(file string) error { return os.WriteFile(file, []byte("a hand's"), 0o600) },
		"by another file": func(file string) error {
			return errors.Join(os.WriteFile(file+".tmp", []byte("a hand's"), 0o600), os.Rename(file+".tmp", file))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree, s := follow(t, nil)
			for _, name := range []string{"/put", "/deleted", "/tree/deleted"} {
				put(t, s, name, "text/plain", "before")
			}
			for _, name := range []string{"put", "deleted", "tree/deleted"} {
				if err := save(filepath.Join(tree, name)); err != nil {
					t.Fatal(err)
				}
			}
			writes := map[string]func(tx pod.WriteTx) error{
				"/put": func(tx pod.WriteTx) error {
					st, err := s.Stage(t.Context(), strings.NewReader("an app's"), pod.StageOptions{Max: 10, Type: "text/plain"})
					if err == nil {
						_, err = tx.Put(mustPath(t, "/put"), st, pod.PutOptions{})
					}
					return err
				},
				"/deleted":      func(tx pod.WriteTx) error { return tx.Delete(mustPath(t, "/deleted"), pod.DeleteOptions{}) },
				"/tree/deleted": func(tx pod.WriteTx) error { return tx.DeleteTree(mustPath(t, "/tree/"), pod.DeleteOptions{}) },
			}
			for name, write := range writes {
				if err := s.Update(t.Context(), write); !errors.Is(err, pod.ErrUnsettled) {
					t.Errorf("%s: %v", name, err)
				}
				if got, err := os.ReadFile(filepath.Join(tree, filepath.FromSlash(name))); string(got) != "a hand's" {
					t.Errorf("%s holds %q, %v", name, got, err)
				}
			}
			for name, write := range writes {
				holds(t, s, name, "a hand's")
				eventually(t, func() string {
					if err := s.Update(t.Context(), write); err != nil {
						return name + ": " + err.Error()
					}
					return ""
				})
			}
		})
	}
}

// TestAReaderIsNotGivenOtherBytes than those that were there when it began.
func TestAReaderIsNotGivenOtherBytes(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	put(t, s, "/a", "text/plain", strings.Repeat("A", 100))
	var r pod.Resource
	view(t, s, func(tx pod.Tx) (err error) {
		r, err = tx.Open(mustPath(t, "/a"))
		return err
	})
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 50)); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(tree, "a"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(strings.Repeat("B", 100)), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r); !errors.Is(err, pod.ErrUnsettled) {
		t.Errorf("%q, %v", rest, err)
	}
}
