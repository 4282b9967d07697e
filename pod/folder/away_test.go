package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kith/pod"
)

// TestAFolderThatIsAwayIsNotBegunAnew: where it is missing or empty, Open makes none and touches nothing; with its index
// gone as well, for whoever says that the pod is known.
func TestAFolderThatIsAwayIsNotBegunAnew(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	away := filepath.Join(filepath.Dir(o.Tree), "away")
	s, stop := followed(t, o)
	put(t, s, "/one", "text/plain", "x")
	stop()
	if err := os.Rename(o.Tree, away); err != nil {
		t.Fatal(err)
	}
	o.Now, o.Followed = time.Now, Followed{Settle: settle, Rescan: time.Hour}
	refused := func(what string) {
		t.Helper()
		if s, err := Open(o); !errors.Is(err, pod.ErrAway) {
			t.Errorf("%s: %v", what, errors.Join(err, s.Close()))
		}
	}
	refused("missing")
	if _, err := os.Stat(o.Tree); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	if err := os.Mkdir(o.Tree, 0o700); err != nil {
		t.Fatal(err)
	}
	refused("empty")
	known := o
	if err := os.Rename(o.State, o.State+".gone"); err != nil {
		t.Fatal(err)
	}
	o.Known = true
	refused("empty, and without an index")
	if _, err := os.Stat(o.State); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an index was made: %v", err)
	}
	o = known
	if err := errors.Join(os.Rename(o.State+".gone", o.State), os.Remove(o.Tree), os.Rename(away, o.Tree)); err != nil {
		t.Fatal(err)
	}
	s, stop = followed(t, o)
	defer stop()
	if got, err := contentOf(t, s, "/one"); err != nil || got != "x" {
		t.Errorf("back, it holds %q, %v", got, err)
	}
}

// TestAFolderThatGoesAwayLosesNothing: until it is back, nobody is told that anything is missing.
func TestAFolderThatGoesAwayLosesNothing(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	away := filepath.Join(filepath.Dir(o.Tree), "away")
	s, stop := followed(t, o)
	defer stop()
	put(t, s, "/one", "text/plain", "x")
	head := headOf(t, s)
	if err := os.Rename(o.Tree, away); err != nil {
		t.Fatal(err)
	}
	said := func(want bool) {
		t.Helper()
		eventually(t, func() string {
			if s.Away() != want {
				return "it does not notice"
			}
			return ""
		})
	}
	said(true)
	if err := s.View(t.Context(), func(pod.Tx) error { return nil }); !errors.Is(err, pod.ErrAway) {
		t.Errorf("it is read: %v", err)
	}
	if err := s.Update(t.Context(), func(pod.WriteTx) error { return nil }); !errors.Is(err, pod.ErrAway) {
		t.Errorf("it is written: %v", err)
	}
	if err := os.Mkdir(o.Tree, 0o700); err != nil { // another one in its place
		t.Fatal(err)
	}
	eventually(t, func() string {
		if !s.Away() {
			return "another folder is taken for it"
		}
		return ""
	})
	if err := errors.Join(os.Remove(o.Tree), os.Rename(away, o.Tree)); err != nil {
		t.Fatal(err)
	}
	said(false)
	if got, err := contentOf(t, s, "/one"); err != nil || got != "x" || headOf(t, s) != head {
		t.Errorf("back, it holds %q, %v, %v instead of %v", got, err, headOf(t, s), head)
	}
}
