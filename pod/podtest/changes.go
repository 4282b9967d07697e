package podtest

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"kith/pod"
)

// text shows a value with all that is in it, so that two can be compared.
func text(v any) string { return fmt.Sprintf("%+v", v) }

// paths returns the paths of changes, "-" for a tombstone, and the readers.
func paths(changes []pod.Change) string {
	var all []string
	for _, c := range changes {
		s := c.Path.String()
		if c.Gone() {
			s = "-"
		}
		if len(c.Readers) > 0 {
			s += fmt.Sprint(c.Readers)
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

// find returns the newest live change of a path.
func (f *fixture) find(escaped string) pod.Change {
	f.Helper()
	for _, c := range f.changes(0) {
		if c.Path == path(escaped) && !c.Narrowed() {
			return c
		}
	}
	f.Fatalf("no change of %s", escaped)
	return pod.Change{}
}

func (f *fixture) touch(escaped string, lost ...string) {
	f.Helper()
	f.update(func(tx pod.WriteTx) error { return tx.Touch(path(escaped), lost) })
}

var changeCases = []testCase{
	{name: "each resource has one change, the newest last", run: func(f *fixture) {
		f.put("/a", "1")
		f.put("/b.acl", "1")
		f.put("/c/d", "1")
		f.put("/a", "2")
		f.equal("changes", paths(f.changes(0)), "/b.acl / /c/d /c/ /a")
		after := f.head().Seq
		f.equal("nothing since", paths(f.changes(after)), "")
		f.put("/b.acl", "2")
		f.equal("since", paths(f.changes(after)), "/b.acl")
		f.reopen()
		f.equal("since, after a start", paths(f.changes(after)), "/b.acl")
	}},
	{name: "a change has what Stat has", run: func(f *fixture) {
		prepare(f)
		for _, c := range f.changes(0) {
			f.equal("info", c.Info, f.stat(c.Path.Escaped()))
		}
	}},
	{name: "a container changes with its membership", run: func(f *fixture) {
		f.put("/a/b", "1")
		at := f.find("/a/").Seq
		f.put("/a/b", "2")
		f.put("/a/b.acl", "2")
		f.equal("a replacement and an ACL", f.find("/a/").Seq, at)
		f.put("/a/c", "1")
		f.equal("a new child", f.find("/a/").Seq > at, true)
		at = f.find("/a/").Seq
		f.delete("/a/c")
		f.equal("a delete", f.find("/a/").Seq > at, true)
	}},
	{name: "the head moves with what is written", run: func(f *fixture) {
		before := f.head()
		f.stat("/")
		f.equal("after a read", f.head(), before)
		f.put("/a", "")
		after := f.head()
		f.equal("Seq has moved", after.Seq > before.Seq, true)
		f.equal("epoch", after.Epoch, before.Epoch)
		f.reopen()
		f.equal("after a start", f.head(), after)
		f.equal("floor", after.Floor, uint64(0))
	}},
	{name: "a change tells when its path was created", run: func(f *fixture) {
		f.put("/a", "1")
		first := f.find("/a")
		f.equal("created", first.Created, first.Seq)
		f.put("/a", "2")
		f.equal("kept", f.find("/a").Created, first.Created)
		f.delete("/a")
		f.put("/a", "3")
		f.equal("anew", f.find("/a").Created > first.Seq, true)
	}},
	{name: "a change tells when access changed", run: func(f *fixture) {
		f.put("/a/b", "1")
		f.put("/a/b", "2")
		b := f.find("/a/b")
		f.equal("a write is no change of access", b.Access, b.Created)
		f.put("/a/b.acl", "1")
		after := f.find("/a/b")
		f.equal("an ACL", after.Access == after.Seq && after.Seq > b.Seq, true)
		f.put("/a/.acl", "1")
		f.equal("an ACL of the container", f.find("/a/").Access, f.find("/a/").Seq)
		f.equal("is not one of the child", f.find("/a/b").Access, after.Access)
		f.delete("/a/b.acl")
		f.equal("an ACL that goes", f.find("/a/b").Access > after.Access, true)
		at := f.find("/a/b").Access
		f.put("/a/b.meta", "1")
		f.equal("a description", f.find("/a/b").Access, at)
		f.touch("/a/b")
		f.equal("a touch", f.find("/a/b").Access > at, true)
		f.reopen()
		f.equal("after a start", f.find("/a/b").Access, f.find("/a/b").Seq)
	}},
	{name: "a delete leaves a handle, a version and who could read", run: func(f *fixture) {
		id := f.put("/a/b", "1").ID
		f.put("/a/b.acl", "1")
		v := pod.Version{Counter: 77, Device: "x"}
		at := f.head().Seq
		f.must(f.tryDelete("/a/b", pod.DeleteOptions{Version: v, Readers: []string{"ben", "ana", "ben"}}))
		f.reopen()
		changes := f.changes(at)
		f.equal("changes", paths(changes), "- -[ana ben] /a/")
		tombstone := changes[1]
		f.equal("info", tombstone.Info, pod.Info{ID: id, Version: v})
		f.equal("of the ACL", changes[0].Version, v)
		f.equal("counter", f.head().Counter, uint64(77))
		f.equal("gone", tombstone.Gone() && !tombstone.Narrowed(), true)
	}},
	{name: "a delete without a version has the pod's next", run: func(f *fixture) {
		f.put("/a", "1")
		f.delete("/a")
		f.equal("version", f.changes(0)[0].Version, pod.Version{Counter: 2, Device: device})
	}},
	{name: "a deleted tree leaves a handle for each resource, and readers for the tree", run: func(f *fixture) {
		f.put("/a/b/c", "1")
		f.put("/a/.acl", "1")
		ids := map[string]bool{}
		for _, name := range []string{"/a/", "/a/b/", "/a/b/c", "/a/.acl"} {
			ids[f.stat(name).ID] = true
		}
		id, at := f.stat("/a/").ID, f.head().Seq
		f.update(func(tx pod.WriteTx) error {
			return tx.DeleteTree(path("/a/"), pod.DeleteOptions{Readers: []string{"ana"}})
		})
		for _, c := range f.changes(at) {
			if !c.Gone() {
				f.equal("the other change", c.Path, pod.Root)
				continue
			}
			f.equal("a known handle", ids[c.ID], true)
			f.equal("readers", len(c.Readers) == 1, c.ID == id)
			delete(ids, c.ID)
		}
		f.equal("handles left", len(ids), 0)
	}},
	{name: "a path that is made again has another handle", run: func(f *fixture) {
		first := f.put("/a", "1")
		f.delete("/a")
		f.equal("handle", f.put("/a", "1").ID == first.ID, false)
		f.equal("changes", paths(f.changes(0)), "- /a /")
	}},
	{name: "a handle that lives again has no tombstone", run: func(f *fixture) {
		first := f.put("/a", "1")
		f.delete("/a")
		_, err := f.tryPut("/b", "1", pod.StageOptions{}, pod.PutOptions{ID: first.ID})
		f.must(err)
		f.equal("changes", paths(f.changes(0)), "/b /")
	}},
	{name: "a narrowing stands beside the live row", run: func(f *fixture) {
		info := f.put("/a", "1")
		at := f.head().Seq
		f.touch("/a", "ben", "ana")
		f.reopen()
		changes := f.changes(at)
		f.equal("changes", paths(changes), "/a /a[ana ben]")
		narrowing := changes[1]
		f.equal("kind", narrowing.Narrowed() && !narrowing.Gone(), true)
		f.equal("handle", narrowing.ID, info.ID)
	}},
	{name: "a narrowing stays where it was when the resource changes", run: func(f *fixture) {
		f.put("/a", "1")
		f.touch("/a", "ana")
		at := f.head().Seq
		f.put("/a", "2")
		f.touch("/a")
		f.equal("since", paths(f.changes(at)), "/a")
		f.equal("all", paths(f.changes(0)), "/ /a[ana] /a")
	}},
	{name: "each reader is lost at one Seq, the newest", run: func(f *fixture) {
		f.put("/a", "1")
		f.touch("/a", "ana", "ben")
		at := f.head().Seq
		f.touch("/a", "cem", "ben")
		f.equal("since", paths(f.changes(at)), "/a /a[ben cem]")
		f.equal("all", paths(f.changes(0)), "/ /a[ana] /a /a[ben cem]")
		f.touch("/a", "ana")
		f.equal("all", paths(f.changes(0)), "/ /a[ben cem] /a /a[ana]")
	}},
	{name: "a delete does not move what an earlier reader was told", run: func(f *fixture) {
		info := f.put("/a", "1")
		f.touch("/a", "ana", "ben")
		at := f.head().Seq
		f.must(f.tryDelete("/a", pod.DeleteOptions{Readers: []string{"ben", "cem"}}))
		f.equal("since", paths(f.changes(at)), "-[ben cem] /")
		changes := f.changes(0)
		f.equal("all", paths(changes), "-[ana] -[ben cem] /")
		f.equal("handle", changes[0].ID, info.ID)
		f.equal("version", changes[0].Version, changes[1].Version)
	}},
	{name: "a narrowing tells the version of the write that caused it", run: func(f *fixture) {
		f.put("/a", "1")
		cause := pod.Version{Counter: 40, Device: "phone"}
		staged := f.stage("acl", pod.StageOptions{})
		f.update(func(tx pod.WriteTx) error {
			if _, err := tx.Put(path("/a.acl"), staged, pod.PutOptions{Version: cause}); err != nil {
				return err
			}
			return tx.Touch(path("/a"), []string{"ana"})
		})
		f.reopen()
		for _, c := range f.changes(0) {
			f.equal("cause at "+paths([]pod.Change{c}), c.By == cause, c.Narrowed())
		}
		f.must(f.tryDelete("/a", pod.DeleteOptions{Readers: []string{"ben"}}))
		for _, c := range f.changes(0) {
			f.equal("cause at "+paths([]pod.Change{c}), c.By == cause, len(c.Readers) == 1 && c.Readers[0] == "ana")
		}
	}},
	{name: "what is forgotten is who could read, and nothing else", run: func(f *fixture) {
		a, b := f.put("/a", "1"), f.put("/b", "1")
		f.touch("/a", "ana")
		f.touch("/b", "ana")
		f.must(f.tryDelete("/a", pod.DeleteOptions{Readers: []string{"ben"}}))
		before := f.head()
		f.update(func(tx pod.WriteTx) error { return tx.Forget(a.ID) })
		f.reopen()
		f.equal("traces", paths(f.changes(0)), "/b /b[ana] - /")
		f.equal("head", f.head(), before)
		f.equal("version", f.changes(0)[2].Version.Counter > b.Version.Counter, true)
		f.update(func(tx pod.WriteTx) error { return tx.Forget("nobody's") })
		f.equal("traces", paths(f.changes(0)), "/b /b[ana] - /")
	}},
	{name: "the newest version of each device is known, whatever became of it", run: func(f *fixture) {
		first := f.put("/a", "1").Version
		for _, v := range []pod.Version{{Counter: 40, Device: "phone"}, {Counter: 30, Device: "phone"}, {Counter: 50, Device: "laptop"}} {
			_, err := f.tryPut("/a", "1", pod.StageOptions{}, pod.PutOptions{Version: v})
			f.must(err)
		}
		f.must(f.tryDelete("/a", pod.DeleteOptions{Version: pod.Version{Counter: 60, Device: "tablet"}}))
		f.clock.advance(100 * 24 * time.Hour)
		f.reopen()
		newest := map[string]uint64{"phone": 40, "laptop": 50, "tablet": 60, first.Device: first.Counter}
		var known []pod.Version
		f.view(func(tx pod.Tx) (err error) {
			known, err = tx.Known()
			return err
		})
		f.equal("devices", len(known), len(newest))
		for i, v := range known {
			f.equal("counter of "+v.Device, v.Counter >= newest[v.Device], true)
			f.equal("order", i == 0 || known[i-1].Device < v.Device, true)
		}
		boom := errors.New("undone")
		err := f.store.Update(f.Context(), func(tx pod.WriteTx) error {
			_, err := tx.MakeContainer(path("/b/"), pod.PutOptions{Version: pod.Version{Counter: 70, Device: "watch"}})
			return errors.Join(err, boom)
		})
		f.fails(err, boom)
		f.view(func(tx pod.Tx) (err error) {
			known, err = tx.Known()
			return err
		})
		f.equal("devices after what was undone", len(known), len(newest))
	}},
	{name: "what is not there is not touched", run: func(f *fixture) {
		f.fails(f.store.Update(f.Context(), func(tx pod.WriteTx) error { return tx.Touch(path("/a"), nil) }), pod.ErrNotExist)
	}},
	{name: "traces are forgotten after 90 days", run: func(f *fixture) {
		f.put("/a", "1")
		f.put("/b", "1")
		f.delete("/a")
		f.touch("/b", "ana")
		gone := f.head().Seq
		f.clock.advance(89 * 24 * time.Hour)
		f.put("/c", "1")
		f.delete("/c")
		f.equal("before", paths(f.changes(0)), "- /b /b[ana] - /")
		f.clock.advance(24 * time.Hour)
		f.stat("/") // any use of the pod will do
		f.equal("after", paths(f.changes(0)), "/b - /")
		f.equal("floor", f.head().Floor, gone)
		f.clock.advance(90 * 24 * time.Hour)
		f.reopen()
		f.equal("after a start", paths(f.changes(0)), "/b /")
		f.equal("Seq goes on", f.head().Seq > f.head().Floor, true)
	}},
	{name: "a long list of changes is whole", run: func(f *fixture) {
		const n = 1300
		f.update(func(tx pod.WriteTx) error {
			for i := range n {
				p := path(fmt.Sprintf("/%04d/", i))
				if _, err := tx.MakeContainer(p, pod.PutOptions{}); err != nil {
					return err
				}
				if err := tx.Touch(p, []string{"ana"}); err != nil {
					return err
				}
				if i%2 == 0 {
					if err := tx.Delete(p, pod.DeleteOptions{}); err != nil {
						return err
					}
				}
			}
			return nil
		})
		live, narrowed, gone := 0, 0, 0
		for _, c := range f.changes(0) {
			switch {
			case c.Narrowed():
				narrowed++
			case c.Gone():
				gone++
			default:
				live++
			}
		}
		f.equal("live", live, n/2+1)
		f.equal("narrowed", narrowed, n/2)
		f.equal("gone, and narrowed before", gone, n)
		half := f.head().Seq / 2
		f.equal("the second half", len(f.changes(half)) < len(f.changes(0)), true)
	}},
	{name: "changes may end early", run: func(f *fixture) {
		f.put("/a", "1")
		f.put("/b", "1")
		f.view(func(tx pod.Tx) error {
			for c := range tx.Changes(0) {
				f.equal("first", c.Path, path("/a"))
				break
			}
			return nil
		})
	}},
}
