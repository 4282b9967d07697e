package sync

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kith/pod"
)

// family is a pod with two devices of its owner.
type family struct {
	t      *testing.T
	h      *house
	phone  *device
	laptop *device
	truth  *truth
}

func newFamily(t *testing.T) *family {
	f := &family{t: t, h: newHouse(t), truth: &truth{map[string]write{}, map[string]bool{}, map[string]bool{}}}
	f.phone, f.laptop = f.device("did:key:zPhone"), f.device("did:key:zLaptop")
	return f
}

func (f *family) device(name string) *device {
	return &device{t: f.t, h: f.h, name: name, truth: f.truth, rows: map[string]held{}, dead: map[string]pod.Version{}}
}

// otherApp writes at the pod, knowing nothing of versions.
func (f *family) otherApp(path, body string) {
	f.h.write(pathOf(path), "text/plain", body)
	f.truth.wrote(path, versionOf(f.t, f.h.rowAt(path)), body)
}

// empty loses the folder of the pod while it is stopped.
func (f *family) empty() {
	f.h.close()
	tree := filepath.Join(f.h.dir, "tree")
	entries, err := os.ReadDir(tree)
	f.h.must(err)
	for _, e := range entries {
		f.h.must(os.RemoveAll(filepath.Join(tree, e.Name())))
	}
	f.h.open()
	f.h.write("/.acl", turtle, aclPre+ownerRule("", "profile/card#me"))
	f.truth.emptied(f.phone, f.laptop)
}

// rebuild loses the index of the pod, and with it versions, handles and traces.
func (f *family) rebuild() {
	f.h.close()
	f.h.must(os.RemoveAll(filepath.Join(f.h.dir, "state")))
	f.h.open()
	f.truth.emptied(f.phone, f.laptop)
	for path, has := range f.h.contents() {
		if _, ok := f.truth.newest[path]; !ok {
			f.truth.wrote(path, pod.Version{}, has[strings.LastIndex(has, ". ")+2:])
		}
	}
}

// settle lets all of them talk until nothing changes.
func (f *family) settle() {
	f.t.Helper()
	for range 6 {
		before := f.h.rows("").Head
		f.phone.sync()
		f.laptop.sync()
		if f.h.rows("").Head == before {
			f.phone.sync()
			break
		}
	}
	want := f.h.contents()
	for _, d := range []*device{f.phone, f.laptop} {
		if got := d.contents(); !reflect.DeepEqual(got, want) {
			f.t.Fatalf("%s has %s\nthe pod has %s", d.name, show(got), show(want))
		}
		if len(d.outbox) > 0 {
			f.t.Fatalf("%s still has %v to send", d.name, d.outbox)
		}
	}
}

// judge compares the end with what must be true of it.
func (f *family) judge() {
	f.t.Helper()
	have := f.h.contents()
	for path, w := range f.truth.newest {
		if f.truth.ever[path] {
			continue
		}
		if !strings.HasSuffix(have[path], " "+w.body) {
			f.t.Errorf("%s should hold %q of %v, and is %q", path, w.body, w.version, have[path])
		}
	}
	for path := range have {
		if _, ok := f.truth.newest[path]; !ok {
			f.t.Errorf("nobody wrote %s", path)
		}
	}
}

// TestConvergence lets two devices and other apps change one tree at random,
// with the devices now and then in touch with the pod.
func TestConvergence(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			f := newFamily(t)
			f.run(rand.New(rand.NewPCG(seed, 2)), 60)
			f.settle()
			f.judge()
		})
	}
}

func (f *family) run(r *rand.Rand, steps int) {
	for step := range steps {
		f.h.clock.tick()
		path := []string{"/a", "/b c", "/d/e", "/d/f", "/d/g/h", fmt.Sprintf("/n/%d", r.IntN(20))}[r.IntN(6)]
		body := fmt.Sprintf("%d", step)
		d := []*device{f.phone, f.laptop}[r.IntN(2)]
		switch n := r.IntN(40); {
		case n < 18:
			d.edit(path, d.name+" "+body)
		case n < 22:
			d.erase(path)
		case n < 25:
			f.otherApp(path, "app "+body)
		case n < 37:
			d.sync()
		case n < 38:
			d.pull()
		case n < 39:
			f.rebuild()
		default:
			f.empty()
		}
	}
}

func TestReplicas(t *testing.T) {
	t.Run("what one device writes the other gets", func(t *testing.T) {
		f := newFamily(t)
		f.phone.edit("/a/b", "x")
		f.settle()
		if f.laptop.rows["/a/b"].body != "x" {
			t.Error(show(f.laptop.contents()))
		}
	})
	t.Run("of two edits apart the later one stays and the other becomes a draft", func(t *testing.T) {
		f := newFamily(t)
		f.phone.edit("/a", "one")
		f.settle()
		f.laptop.edit("/a", "laptop")
		f.phone.edit("/a", "phone") // the same counter; zPhone is the later device
		f.laptop.sync()
		f.settle()
		if f.laptop.rows["/a"].body != "phone" {
			t.Errorf("it is %q", f.laptop.rows["/a"].body)
		}
		f.laptop.edit("/a", "laptop again")
		f.phone.edit("/a", "phone again")
		f.phone.edit("/a", "phone once more")
		f.phone.sync()
		f.settle()
		if f.laptop.rows["/a"].body != "phone once more" || f.laptop.drafts != 1 {
			t.Errorf("it is %q, with %d drafts", f.laptop.rows["/a"].body, f.laptop.drafts)
		}
	})
	t.Run("a delete beats an edit that did not see it", func(t *testing.T) {
		f := newFamily(t)
		f.phone.edit("/a", "one")
		f.settle()
		f.laptop.edit("/a", "edit")
		f.phone.erase("/a")
		f.phone.sync()
		f.settle()
		if _, ok := f.laptop.rows["/a"]; ok || f.laptop.drafts != 1 {
			t.Errorf("%s and %d drafts", show(f.laptop.contents()), f.laptop.drafts)
		}
	})
	t.Run("an emptied pod is filled again and nothing is deleted anywhere", func(t *testing.T) {
		f := newFamily(t)
		for i := range 25 {
			f.phone.edit(fmt.Sprintf("/posts/%d/post.jsonld", i), "phone")
			f.laptop.edit(fmt.Sprintf("/notes/%d", i), "laptop")
		}
		f.settle()
		before := f.phone.contents()
		f.empty()
		if n := len(f.h.contents()); n != 0 {
			t.Fatalf("the pod still has %d resources", n)
		}
		f.laptop.edit("/notes/late", "x")
		f.settle()
		f.judge()
		for path, want := range before {
			if got := f.h.contents()[path]; got != want {
				t.Errorf("%s is %q, was %q", path, got, want)
			}
		}
	})
	t.Run("a delete before the pod was emptied holds after it", func(t *testing.T) {
		f := newFamily(t)
		f.phone.edit("/a", "one")
		f.phone.edit("/b", "two")
		f.settle()
		f.phone.erase("/a")
		f.phone.sync()
		f.empty()
		f.laptop.sync() // it has /a still, and brings it back
		f.settle()
		if _, ok := f.h.contents()["/a"]; ok {
			t.Error("/a is back")
		}
	})
	t.Run("a pod without its index keeps what the devices know", func(t *testing.T) {
		f := newFamily(t)
		f.phone.edit("/a", "one")
		f.laptop.edit("/b", "two")
		f.settle()
		before := f.phone.contents()
		f.rebuild()
		f.laptop.edit("/b", "three")
		f.settle()
		if f.h.contents()["/a"] == "" || f.phone.rows["/a"].body != "one" || f.phone.rows["/b"].body != "three" {
			t.Errorf("was %s, is %s", show(before), show(f.phone.contents()))
		}
	})
	t.Run("what another app writes comes to the devices", func(t *testing.T) {
		f := newFamily(t)
		f.phone.edit("/a", "one")
		f.settle()
		f.otherApp("/a", "edited elsewhere")
		f.otherApp("/new", "new")
		f.settle()
		f.judge()
	})
}
