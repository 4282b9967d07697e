package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kith/pod"
)

// TestASweepTakesItsOwnAlone: what programs that look after folders put between the objects stays, and keeps nothing of a
// backup's there.
func TestASweepTakesItsOwnAlone(t *testing.T) {
	dir := t.TempDir()
	place := Folder(dir)
	hex := strings.Repeat("ab", 16)
	own := []string{"objects/ab/" + hex, "objects/ab/" + hex + "-1", "objects/ab/" + hex + "-12", "objects/ab/.part-K7QAB2", "objects/ab/.part-123"}
	theirs := []string{
		"objects/ab/@eaDir/" + hex, "objects/ab/letter.txt", "objects/ab/" + hex + " (conflicted copy)", "objects/ab/" + hex + "-x", "objects/ab/" + hex + "-01",
		"objects/ab/" + strings.ToUpper(hex), "objects/ab/" + hex[2:], "objects/ab/" + strings.Repeat("cd", 16), "objects/@eaDir/" + hex, "objects/Photos/p.jpg", "objects/abc/" + hex, "objects/ab/.part-one.pdf",
	}
	for _, name := range append(append([]string{claim + "M"}, own...), theirs...) {
		if err := place.Put(t.Context(), name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&run{place: place, mark: "M"}).sweep(t.Context()); err != nil {
		t.Error(err)
	}
	for _, name := range own {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	for _, name := range theirs {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// stuck is a place that deletes some files not.
type stuck struct {
	Place
	keeps func(name string) bool
	asked int
}

var errStuck = errors.New("it cannot be deleted")

func (s *stuck) Delete(ctx context.Context, name string) error {
	if strings.HasPrefix(name, "objects/") {
		s.asked++
		if s.keeps(name) {
			return errStuck
		}
	}
	return s.Place.Delete(ctx, name)
}

// TestASweepGoesOn where a file cannot be deleted: it says so, all others are gone, the new keyring has its copy, and a later run
// deletes what was left.
func TestASweepGoesOn(t *testing.T) {
	dir := t.TempDir()
	var m machine
	place := &stuck{Place: Folder(dir), keeps: func(string) bool { return false }}
	keep := func(edition string) error {
		_, err := Backup(t.Context(), notes{edition, 5}, place, &m, Options{State: []byte("{}"), Now: time.Now, Pause: time.Millisecond})
		return err
	}
	if err := keep("a"); err != nil {
		t.Fatal(err)
	}
	first := ""
	place.keeps = func(name string) bool {
		if first == "" {
			first = name
		}
		return name == first
	}
	for _, edition := range []string{"b", "c"} {
		if err := keep(edition); !errors.Is(err, errStuck) {
			t.Fatalf("%s: %v", edition, err)
		}
		if n := count(t, place, "objects/"); n != 6 {
			t.Errorf("%s: %d objects are there", edition, n)
		}
	}
	if at, err := list(t.Context(), place); err != nil || len(at.rings) != 3 || at.rings[1].name != "copy-3" {
		t.Errorf("%v, %v", at.rings, err)
	}
	place.keeps = func(string) bool { return false }
	if err := keep("c"); err != nil {
		t.Fatal(err)
	}
	if at, err := list(t.Context(), place); err != nil || len(at.rings) != 2 || count(t, place, "objects/") != 5 {
		t.Errorf("%v, %d objects, %v", at.rings, count(t, place, "objects/"), err)
	}
}

// TestASweepGivesUp at a place that deletes nothing, after some files.
func TestASweepGivesUp(t *testing.T) {
	place := &stuck{Place: Folder(t.TempDir()), keeps: func(string) bool { return true }}
	names := []string{claim + "M"}
	for n := range 3 * sweepMost {
		names = append(names, placeOf(strings.Repeat("0123456789abcdef"[n%16:n%16+1], 31)+"0123456789abcdef"[n/16:n/16+1]))
	}
	for _, name := range names {
		if err := place.Put(t.Context(), name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := (&run{place: place, mark: "M"}).sweep(t.Context()); !errors.Is(err, errStuck) || place.asked != sweepMost {
		t.Errorf("%d were to be deleted: %v", place.asked, err)
	}
}

// count counts the files below a folder of a place.
func count(t *testing.T, place Place, folder string) (n int) {
	t.Helper()
	names, err := place.List(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "/") {
			n += count(t, place, folder+name)
		} else {
			n++
		}
	}
	return n
}

// boxed is a pod that may have a container.
type boxed struct{ has bool }

func (b boxed) Rows(_ context.Context, after uint64, _ int) (all []pod.Change, _ pod.Head, err error) {
	if after == 0 {
		all = []pod.Change{{Seq: 1, Info: pod.Info{ID: "root"}}}
	}
	if p, err := pod.ParsePath("/with-zed/"); after == 0 && b.has && err == nil {
		all = append(all, pod.Change{Seq: 2, Info: pod.Info{ID: "box", Path: p}})
	}
	return all, pod.Head{}, err
}

func (boxed) Open(context.Context, pod.Path) (pod.Resource, error) { return nil, pod.ErrNotExist }

// TestAContainerThatIsDeletedChangesTheKit: its name is told by what the kit before opens.
func TestAContainerThatIsDeletedChangesTheKit(t *testing.T) {
	place, m := Folder(t.TempDir()), machine{}
	kit := func(p boxed) string {
		if _, err := Backup(t.Context(), p, place, &m, Options{State: []byte("{}"), Now: time.Now, Pause: time.Millisecond}); err != nil || len(m.kits) != 1 {
			t.Fatal(m.kits, err)
		}
		return m.kits[0]
	}
	before := kit(boxed{true})
	if again := kit(boxed{true}); again != before {
		t.Error("the kit changes where nothing has gone")
	}
	if after := kit(boxed{}); after == before {
		t.Error("the kit that opens the name is the kit still")
	}
}
