package folder

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/pod"
)

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
