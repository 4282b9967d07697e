package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/pod"
)

const settle = 400 * time.Millisecond

// follow opens a pod that is followed, and returns its tree.
func follow(t *testing.T, private func(pod.Tx, pod.Path) ([]byte, error)) (tree string, s *Store) {
	t.Helper()
	return followBy(t, Followed{Settle: settle, Rescan: time.Hour, Private: private})
}

// followBy is follow with all that a pod may say of how it is followed.
func followBy(t *testing.T, by Followed) (tree string, s *Store) {
	t.Helper()
	o := options(t.TempDir())
	o.Now, o.Followed = time.Now, by
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Follow(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("follow: %v", err)
		}
		mustClose(t, s)
	})
	return o.Tree, s
}

// eventually waits until what says "", and fails with what it said last.
func eventually(t *testing.T, what func() string) {
	t.Helper()
	said := ""
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if said = what(); said == "" {
			return
		}
	}
	t.Fatal(said)
}

// holds waits until a resource has a content.
func holds(t *testing.T, s *Store, escaped, content string) {
	t.Helper()
	eventually(t, func() string {
		if got, err := contentOf(t, s, escaped); err != nil || got != content {
			return fmt.Sprintf("%s holds %q, %v", escaped, got, err)
		}
		return ""
	})
}

// absentNow waits until a resource is not there, and its row neither.
func absentNow(t *testing.T, s *Store, escaped string) {
	t.Helper()
	eventually(t, func() string {
		if _, found, err := s.index.get(mustPath(t, escaped)); err != nil || found {
			return fmt.Sprintf("%s has a row: %t, %v", escaped, found, err)
		}
		return ""
	})
}

func drop(t *testing.T, tree, name, content string) {
	t.Helper()
	place := filepath.Join(tree, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(place), 0o700), os.WriteFile(place, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func tombstones(t *testing.T, s *Store) (ids []string) {
	t.Helper()
	view(t, s, func(tx pod.Tx) error {
		for c, err := range tx.Changes(0) {
			if err != nil {
				return err
			}
			if c.Gone() {
				ids = append(ids, c.ID)
			}
		}
		return nil
	})
	return ids
}

func TestFollowTakesInWhatIsDropped(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	drop(t, tree, "album/deep/photo.jpg", "jpg")
	holds(t, s, "/album/deep/photo.jpg", "jpg")
	info, err := statOf(t, s, "/album/deep/photo.jpg")
	if err != nil || info.Version.Device != "did:key:zPod" || info.Type != "image/jpeg" {
		t.Errorf("%+v, %v", info, err)
	}
	drop(t, tree, "album/deep/second.jpg", "2") // in a folder that was new itself
	holds(t, s, "/album/deep/second.jpg", "2")

	drop(t, tree, "album/deep/photo.jpg", "edited")
	holds(t, s, "/album/deep/photo.jpg", "edited")
	eventually(t, func() string {
		if now, err := statOf(t, s, "/album/deep/photo.jpg"); err != nil || !info.Version.Less(now.Version) || now.ID != info.ID {
			return fmt.Sprintf("after the edit: %+v, %v", now, err)
		}
		return ""
	})
}

func TestFollowTakesInWhatWasDroppedBefore(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "/a", "text/plain", "a")
	mustClose(t, s)
	drop(t, o.Tree, "dropped/b.txt", "b")
	o.Now, o.Followed = time.Now, Followed{Settle: settle, Rescan: time.Hour}
	if s, err = Open(o); err != nil {
		t.Fatal(err)
	}
	if _, err := statOf(t, s, "/dropped/b.txt"); !errors.Is(err, pod.ErrNotExist) {
		t.Errorf("before anybody follows: %v", err)
	}
	if err := s.TakeIn(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if got := namesIn(t, s, "/"); !slices.Contains(got, "dropped") {
		t.Errorf("after it was taken in: %q", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Follow(ctx) }()
	holds(t, s, "/dropped/b.txt", "b")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	mustClose(t, s)
}

// TestManyThatWereDroppedBefore keep nobody waiting: what is left over is taken in by whoever follows. What may be of
// a process that was killed is not left over.
func TestManyThatWereDroppedBefore(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"after an end": false, "after a kill": true} {
		t.Run(name, func(t *testing.T) {
			o := options(t.TempDir())
			s, err := Open(o)
			if err != nil {
				t.Fatal(err)
			}
			if put(t, s, "/a", "text/plain", "a"); killed {
				abandon(t, s)
			} else {
				mustClose(t, s)
			}
			const all = 20
			for i := range all {
				drop(t, o.Tree, fmt.Sprintf("dropped/%d/b.txt", i), "b")
			}
			o.Now, o.Followed = time.Now, Followed{Settle: time.Millisecond, Rescan: time.Hour}
			if s, err = Open(o); err != nil {
				t.Fatal(err)
			}
			if err := s.TakeIn(t.Context(), 7); err != nil {
				t.Fatal(err)
			}
			if now := amountOf(t, s, all); killed && now != all || !killed && now >= all {
				t.Errorf("%d of %d are there before anybody follows", now, all)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- s.Follow(ctx) }()
			eventually(t, func() string {
				if now := amountOf(t, s, all); now != all {
					return fmt.Sprintf("%d of %d are there", now, all)
				}
				return ""
			})
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			mustClose(t, s)
		})
	}
}

// amountOf counts the dropped files that are served.
func amountOf(t *testing.T, s *Store, all int) (n int) {
	t.Helper()
	for i := range all {
		if text, err := contentOf(t, s, fmt.Sprintf("/dropped/%d/b.txt", i)); err == nil && text == "b" {
			n++
		}
	}
	return n
}

func TestFollowWaitsForTheEndOfAnUpload(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	f, err := os.Create(filepath.Join(tree, "slow.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	began := time.Now()
	for time.Since(began) < 4*settle {
		if _, err := f.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if content, err := contentOf(t, s, "/slow.mp4"); !errors.Is(err, pod.ErrNotExist) {
			t.Fatalf("served %d bytes of half an upload: %v", len(content), err)
		}
		time.Sleep(settle / 10)
	}
	size, _ := f.Seek(0, io.SeekCurrent)
	holds(t, s, "/slow.mp4", strings.Repeat("\x00", int(size)))
}

func TestFollowServesNoHalfOfAnEdit(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	put(t, s, "/a.txt", "text/plain", "whole")
	f, err := os.OpenFile(filepath.Join(tree, "a.txt"), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("ha")
	if content, err := contentOf(t, s, "/a.txt"); !errors.Is(err, pod.ErrUnsettled) {
		t.Errorf("in the middle of an edit: %q, %v", content, err)
	}
	if info, err := statOf(t, s, "/a.txt"); err != nil || info.Size != 5 {
		t.Errorf("what is known of it meanwhile: %+v, %v", info, err)
	}
	f.WriteString("lf of it, and the rest")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "/a.txt", "half of it, and the rest")
}

func TestFollowKeepsWhatIsNewForTheOwner(t *testing.T) {
	t.Parallel()
	const owners = "the owner's alone"
	tree, s := follow(t, func(_ pod.Tx, p pod.Path) ([]byte, error) {
		if shared := mustPath(t, "/shared/"); shared.Contains(p) {
			return []byte(owners + ": " + p.String()), nil
		}
		return nil, nil
	})
	put(t, s, "/shared/page", "text/plain", "x")
	put(t, s, "/private/page", "text/plain", "x")
	for _, name := range []string{"shared/photo.jpg", "private/photo.jpg", "shared/album/1.jpg", "shared/own.jpg"} {
		if name == "shared/own.jpg" {
			drop(t, tree, name+".acl", "a hand's ACL")
		}
		drop(t, tree, name, "jpg")
		holds(t, s, "/"+name, "jpg")
	}
	for escaped, want := range map[string]string{
		"/shared/photo.jpg.acl":  owners + ": /shared/photo.jpg",
		"/shared/album/.acl":     owners + ": /shared/album/",
		"/shared/album/1.jpg":    "jpg",
		"/shared/own.jpg.acl":    "a hand's ACL",
		"/private/photo.jpg.acl": "",
	} {
		if got, err := contentOf(t, s, escaped); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", escaped, got, err)
		}
	}
	for _, escaped := range []string{"/shared/photo.jpg", "/shared/album/"} {
		if info, err := statOf(t, s, escaped); err != nil || info.ACLTag == "" {
			t.Errorf("%s knows nothing of its ACL: %+v, %v", escaped, info, err)
		}
	}
}

func TestFollowDeletesWhatIsRemoved(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	for i := range 30 {
		put(t, s, fmt.Sprintf("/keep/%d", i), "text/plain", "x")
	}
	put(t, s, "/a.txt", "text/plain", "a")
	put(t, s, "/old.txt", "text/plain", "renamed")
	a, _ := statOf(t, s, "/a.txt")
	before := headOf(t, s)
	if err := errors.Join(os.Remove(filepath.Join(tree, "a.txt")), os.Rename(filepath.Join(tree, "old.txt"), filepath.Join(tree, "new.txt"))); err != nil {
		t.Fatal(err)
	}
	holds(t, s, "/new.txt", "renamed")
	absentNow(t, s, "/a.txt")
	absentNow(t, s, "/old.txt")
	if ids := tombstones(t, s); len(ids) != 2 || !slices.Contains(ids, a.ID) {
		t.Errorf("tombstones of %v", ids)
	}
	if after := headOf(t, s); after.Epoch == before.Epoch {
		t.Error("friends are not told to ask for all again")
	}
}

// TestFollowSeesAContainerGo: what disappears with its container is asked about like what disappears from it.
func TestFollowSeesAContainerGo(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	for i := range 12 {
		put(t, s, fmt.Sprintf("/notes/%d", i), "text/plain", "x")
	}
	put(t, s, "/kept", "text/plain", "x")
	if err := os.RemoveAll(filepath.Join(tree, "notes")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		if held := s.Troubles().Held; len(held) != 13 { // and the container
			return fmt.Sprintf("%d are held", len(held))
		}
		return ""
	})
	if s.Troubles().Unwatched {
		t.Error("that a container is gone counts as a folder that cannot be watched")
	}
	if ids := tombstones(t, s); len(ids) != 0 {
		t.Errorf("deleted %d unasked", len(ids))
	}
	if err := s.DecideHeld(t.Context(), s.Troubles().Held, true); err != nil {
		t.Fatal(err)
	}
	if ids := tombstones(t, s); len(ids) != 13 || len(s.Troubles().Held) != 0 {
		t.Errorf("after the decision: %d tombstones, %d held", len(ids), len(s.Troubles().Held))
	}
}

func TestFollowAsksBeforeItDeletesMuch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		remove bool
	}{{"the owner meant it", true}, {"the owner did not", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree, s := follow(t, nil)
			for i := range 40 {
				put(t, s, fmt.Sprintf("/posts/%d", i), "text/plain", "x")
			}
			head := headOf(t, s)
			for i := range 35 {
				if err := os.Remove(filepath.Join(tree, "posts", fmt.Sprint(i))); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, func() string {
				if held := s.Troubles().Held; len(held) != 35 {
					return fmt.Sprintf("%d are held", len(held))
				}
				return ""
			})
			if got := namesIn(t, s, "/posts/"); len(got) != 5 {
				t.Errorf("lists %v", got)
			}
			if ids := tombstones(t, s); len(ids) != 0 || headOf(t, s).Epoch != head.Epoch {
				t.Errorf("deleted %d unasked", len(ids))
			}
			drop(t, tree, "posts/7", "back")
			holds(t, s, "/posts/7", "back")
			eventually(t, func() string {
				if held := s.Troubles().Held; len(held) != 34 {
					return fmt.Sprintf("%d are held after one came back", len(held))
				}
				return ""
			})
			seen := s.Troubles().Held[1:] // one more went since
			if err := s.DecideHeld(t.Context(), seen, c.remove); err != nil {
				t.Fatal(err)
			}
			left := s.Troubles().Held
			if len(left) != 1 || slices.Contains(seen, left[0]) {
				t.Errorf("%v are held, of which nobody was told", left)
			}
			if err := s.DecideHeld(t.Context(), left, c.remove); err != nil {
				t.Fatal(err)
			}
			want := 0
			if c.remove {
				want = 34
			}
			if ids := tombstones(t, s); len(ids) != want || len(s.Troubles().Held) != 0 {
				t.Errorf("after the decision: %d tombstones, %d held", len(ids), len(s.Troubles().Held))
			}
			if got := namesIn(t, s, "/posts/"); len(got) != 6 {
				t.Errorf("lists %v", got)
			}
		})
	}
}

// TestFollowHoldsWhatGoesWhileItAsks: one file more, which alone would be deleted, waits with the others.
func TestFollowHoldsWhatGoesWhileItAsks(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	for i := range 40 {
		put(t, s, fmt.Sprintf("/posts/%d", i), "text/plain", "x")
	}
	remove := func(from, to int) {
		for i := from; i < to; i++ {
			if err := os.Remove(filepath.Join(tree, "posts", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, func() string {
			if held := s.Troubles().Held; len(held) != to {
				return fmt.Sprintf("%d are held, not %d", len(held), to)
			}
			return ""
		})
	}
	remove(0, 20)
	remove(20, 21)
	if err := s.DecideHeld(t.Context(), s.Troubles().Held, true); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(tree, "posts", "30")); err != nil {
		t.Fatal(err)
	}
	absentNow(t, s, "/posts/30")
	eventually(t, func() string {
		if n := len(tombstones(t, s)); n != 22 {
			return fmt.Sprintf("%d were deleted", n)
		}
		return ""
	})
}

func TestFollowAsksWhenDeletionsTrickleIn(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	for i := range 40 {
		put(t, s, fmt.Sprintf("/posts/%d", i), "text/plain", "x")
	}
	for i := range 14 {
		if err := os.Remove(filepath.Join(tree, "posts", fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() string {
			_, known, _ := s.index.get(mustPath(t, fmt.Sprintf("/posts/%d", i)))
			if held := s.Troubles().Held; known != (i >= maxLost) || len(held) != max(0, i+1-maxLost) {
				return fmt.Sprintf("the %dth: known %t, held %v", i+1, known, held)
			}
			return ""
		})
	}
}

// TestFollowRemembersTheHourOverARestart: who starts the server anew does not get another ten deletions.
func TestFollowRemembersTheHourOverARestart(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.Now, o.Followed = time.Now, Followed{Settle: settle, Rescan: time.Hour}
	known := func(s *Store, i int) bool {
		_, found, err := s.index.get(mustPath(t, fmt.Sprintf("/posts/%d", i)))
		return err != nil || found
	}
	for round := range 2 {
		s, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Follow(ctx) }()
		for i := range 40 {
			if round == 0 {
				put(t, s, fmt.Sprintf("/posts/%d", i), "text/plain", "x")
			}
		}
		for i := round * 7; i < round*7+7; i++ {
			if err := os.Remove(filepath.Join(o.Tree, "posts", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, func() string {
			held := len(s.Troubles().Held)
			if round == 0 && (known(s, 0) || known(s, 6) || held > 0) || round == 1 && held != 7 {
				return fmt.Sprintf("round %d: %d are held", round, held)
			}
			return ""
		})
		cancel()
		if err := <-done; err != nil {
			t.Errorf("follow: %v", err)
		}
		mustClose(t, s)
	}
}

// TestFollowCountsFiles: a folder with ten files in it is ten files, and no more.
func TestFollowCountsFiles(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	for i := range maxLost {
		put(t, s, fmt.Sprintf("/notes/%d", i), "text/plain", "x")
		put(t, s, fmt.Sprintf("/notes/%d.acl", i), "text/turtle", "")
	}
	put(t, s, "/kept", "text/plain", "x")
	if err := os.RemoveAll(filepath.Join(tree, "notes")); err != nil {
		t.Fatal(err)
	}
	absentNow(t, s, "/notes/")
	if held := s.Troubles().Held; len(held) > 0 {
		t.Errorf("%v are held", held)
	}
}

func TestFollowLeavesTheWorkOfOtherProgramsAlone(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	strange := []string{".syncthing.photo.jpg.tmp", "film.mp4.part", "page.crdownload", "~$letter.docx", "draft~", ".letter.swp", "desktop.ini"}
	copies := []string{
		"photo.sync-conflict-20260102-030405-ABCDEF7.jpg", "list (Ana's conflicted copy 2026-01-02).txt", "list (conflicted copy 2026-01-02 030405).txt",
	}
	for _, name := range append(slices.Clone(strange), copies...) {
		drop(t, tree, "in/"+name, "half")
	}
	drop(t, tree, "in/photo.jpg", "whole")
	holds(t, s, "/in/photo.jpg", "whole")
	eventually(t, func() string {
		var got []string
		for _, name := range refusedFor(s, Copy) {
			got = append(got, filepath.Base(name))
		}
		if slices.Sort(copies); !slices.Equal(got, copies) {
			return fmt.Sprintf("conflicts %q", got)
		}
		return ""
	})
	if got := namesIn(t, s, "/in/"); len(got) != 1 {
		t.Errorf("lists %q", got)
	}
	for _, name := range copies {
		if err := os.Remove(filepath.Join(tree, "in", name)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() string {
		if c := refusedFor(s, Copy); len(c) > 0 {
			return fmt.Sprintf("conflicts that are gone: %v", c)
		}
		return ""
	})
}

func TestFollowLetsAFolderTakeThePlaceOfAFile(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	put(t, s, "/other", "text/plain", "x")
	put(t, s, "/thing", "text/plain", "a file")
	if err := os.Remove(filepath.Join(tree, "thing")); err != nil {
		t.Fatal(err)
	}
	drop(t, tree, "thing/inner", "in a folder")
	holds(t, s, "/thing/inner", "in a folder")
	absentNow(t, s, "/thing")
}

// TestFollowBesideWrites lets hands and requests work on one folder at once.
func TestFollowBesideWrites(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	const each = 60
	var all sync.WaitGroup
	all.Go(func() {
		for i := range each {
			put(t, s, fmt.Sprintf("/both/by-request-%d", i), "text/plain", "request")
		}
	})
	all.Go(func() {
		for i := range each {
			drop(t, tree, fmt.Sprintf("both/by-hand-%d", i), "hand")
		}
	})
	all.Wait()
	for i := range each {
		holds(t, s, fmt.Sprintf("/both/by-request-%d", i), "request")
		holds(t, s, fmt.Sprintf("/both/by-hand-%d", i), "hand")
	}
	if ids := tombstones(t, s); len(ids) > 0 {
		t.Errorf("%d deletes that nobody made", len(ids))
	}
}

func TestFollowNeedsSettings(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, t.TempDir())
	if err := s.Follow(t.Context()); err == nil {
		t.Error("followed without settings")
	}
}

func TestFollowLetsOtherProcessesOfThePodWriteAtOnce(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.Now, o.Followed = time.Now, Followed{Settle: time.Hour, Rescan: time.Hour, Prompt: mustPath(t, "/settings/")}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	put(t, s, "/kept", "text/plain", "x")
	if err := os.Remove(filepath.Join(o.Tree, "kept")); err != nil {
		t.Fatal(err)
	}
	drop(t, o.Tree, "other", "waits")
	for _, content := range []string{"first", "second"} {
		drop(t, o.Tree, "settings/classes", content)
		namesIn(t, s, "/") // somebody looks there
		if got, err := contentOf(t, s, "/settings/classes"); err != nil || got != content {
			t.Errorf("%q, %v", got, err)
		}
	}
	if got := namesIn(t, s, "/"); !slices.Equal(got, []string{"settings"}) {
		t.Errorf("lists %q", got)
	}
	if _, found, err := s.index.get(mustPath(t, "/kept")); err != nil || !found {
		t.Errorf("the row of what is missing went before its follower looked: %v", err)
	}
}

// TestFollowSeesWhatHasTheTimeOfALook: a file may come within the same tick of the system's clock in which its
// directory was looked at, and then that directory's time does not tell.
func TestFollowSeesWhatHasTheTimeOfALook(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.Now, o.Followed = time.Now, Followed{Settle: time.Hour, Rescan: time.Hour, Prompt: mustPath(t, "/settings/")}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	put(t, s, "/settings/other", "text/plain", "x")
	for _, name := range []string{"settings/classes", "settings/new/classes"} {
		times := map[string]time.Time{}
		for _, dir := range []string{o.Tree, filepath.Join(o.Tree, "settings")} {
			info, err := os.Stat(dir)
			if err != nil {
				t.Fatal(err)
			}
			times[dir] = info.ModTime()
		}
		drop(t, o.Tree, name, "first")
		for dir, at := range times {
			if err := os.Chtimes(dir, at, at); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := contentOf(t, s, "/"+name); !errors.Is(err, pod.ErrNotExist) {
			t.Errorf("the first look: %v", err)
		}
		if got, err := contentOf(t, s, "/"+name); err != nil || got != "first" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestFollowStartsOnAFolderThatWasPutBack is a restored copy: each file is as it
// was, and has just been written.
func TestFollowStartsOnAFolderThatWasPutBack(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.Now, o.Followed = time.Now, Followed{Settle: time.Hour, Rescan: time.Hour}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "/a.txt", "text/plain", "a")
	mustClose(t, s)
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(filepath.Dir(o.Tree))); err != nil {
		t.Fatal(err)
	}
	c := options(copied)
	c.Now, c.Followed = o.Now, o.Followed
	if s, err = Open(c); err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	if got, err := contentOf(t, s, "/a.txt"); err != nil || got != "a" {
		t.Errorf("%q, %v", got, err)
	}
}

// rowOf waits until a resource has a row, without asking for the resource: that
// would itself make the follower look.
func rowOf(t *testing.T, s *Store, escaped string) {
	t.Helper()
	eventually(t, func() string {
		if _, found, err := s.index.get(mustPath(t, escaped)); err != nil || !found {
			return fmt.Sprintf("%s has a row: %t, %v", escaped, found, err)
		}
		return ""
	})
}

func TestFollowSeesWhatIsDroppedInAContainerOfThePods(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	for i := range 20 {
		put(t, s, fmt.Sprintf("/made-%d/inside/a", i), "text/plain", "a")
	}
	for i := range 20 {
		drop(t, tree, fmt.Sprintf("made-%d/inside/dropped.txt", i), "b")
	}
	for i := range 20 {
		rowOf(t, s, fmt.Sprintf("/made-%d/inside/dropped.txt", i))
	}
}

// TestFollowSeesATreeThatComesBack moves a tree away and back, as a cloud drive
// does that thinks better of it.
func TestFollowSeesATreeThatComesBack(t *testing.T) {
	t.Parallel()
	tree, s := follow(t, nil)
	for i := range 40 {
		put(t, s, fmt.Sprintf("/posts/deep/%d.txt", i), "text/plain", "x")
	}
	posts, aside := filepath.Join(tree, "posts"), filepath.Join(t.TempDir(), "posts")
	if err := os.Rename(posts, aside); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		if held := s.Troubles().Held; len(held) < 40 {
			return fmt.Sprintf("%d are held", len(held))
		}
		return ""
	})
	if err := os.CopyFS(posts, os.DirFS(aside)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() string {
		if held := s.Troubles().Held; len(held) > 0 {
			return fmt.Sprintf("%d are held, and are there: %v", len(held), held[0])
		}
		return ""
	})
	if ids := tombstones(t, s); len(ids) > 0 {
		t.Errorf("%d were deleted", len(ids))
	}
	drop(t, tree, "posts/deep/more.txt", "more")
	rowOf(t, s, "/posts/deep/more.txt")
}
