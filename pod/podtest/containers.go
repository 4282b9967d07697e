package podtest

import (
	"fmt"
	"strings"
	"time"

	"kith/pod"
)

var containerCases = []testCase{
	{name: "a put makes the missing containers", run: func(f *fixture) {
		f.put("/a/b/c/d", "1")
		f.equal("root", f.list("/"), "a/")
		f.equal("a", f.list("/a/"), "b/")
		f.equal("c", f.list("/a/b/c/"), "d")
		f.reopen()
		f.equal("c", f.list("/a/b/c/"), "d")
	}},
	{name: "the containers that a replica's write makes have no version of this pod", run: func(f *fixture) {
		_, err := f.tryPut("/a/b", "1", pod.StageOptions{}, pod.PutOptions{Version: pod.Version{Counter: 5, Device: "x"}})
		f.must(err)
		f.equal("container", f.stat("/a/").Version, pod.Version{})
		f.put("/c/d", "1")
		f.equal("container", f.stat("/c/").Version.Device, device)
	}},
	{name: "a listing has the direct children, in the order of their names", run: func(f *fixture) {
		for _, name := range []string{"/b", "/a/z", "/%C3%A9", "/c/", "/ab", "/a-b", "/B2", "/.hidden"} {
			if strings.HasSuffix(name, "/") {
				f.makeContainer(name)
			} else {
				f.put(name, name)
			}
		}
		f.equal("root", f.list("/"), ".hidden B2 a/ a-b ab b c/ é")
	}},
	{name: "a listing leaves the auxiliaries out", run: func(f *fixture) {
		for _, name := range []string{"/.acl", "/.meta", "/a", "/a.acl", "/a.meta", "/b.acl", "/c/.acl", "/c/d"} {
			f.put(name, "")
		}
		f.equal("root", f.list("/"), "a c/")
		f.equal("c", f.list("/c/"), "d")
		f.equal("an auxiliary is there", f.read("/a.acl"), "")
	}},
	{name: "a listing gives what Stat gives", run: func(f *fixture) {
		f.put("/a", "1")
		f.put("/b.ttl", "2")
		f.put("/c/.acl", "3")
		f.put("/b.ttl.acl", "4")
		f.view(func(tx pod.Tx) error {
			n := 0
			for info, err := range tx.List(pod.Root) {
				f.must(err)
				want, err := tx.Stat(info.Path)
				f.must(err)
				f.equal("info", info, want)
				n++
			}
			f.equal("children", n, 3)
			return nil
		})
	}},
	{name: "a listing may end early", run: func(f *fixture) {
		f.put("/a", "")
		f.put("/b", "")
		f.view(func(tx pod.Tx) error {
			for info := range tx.List(pod.Root) {
				f.equal("first", info.Path.Name(), "a")
				break
			}
			return nil
		})
	}},
	{name: "a long listing is whole", run: func(f *fixture) {
		var want []string
		f.update(func(tx pod.WriteTx) error {
			for i := range 1300 {
				name := fmt.Sprintf("%04d", i)
				want = append(want, name+"/")
				if _, err := tx.MakeContainer(path("/many/"+name+"/"), pod.PutOptions{}); err != nil {
					return err
				}
			}
			return nil
		})
		f.equal("listing", f.list("/many/"), strings.Join(want, " "))
	}},
	{name: "what is no container has no listing", run: func(f *fixture) {
		f.put("/a", "")
		f.view(func(tx pod.Tx) error {
			f.fails(firstError(tx.List(path("/a"))), pod.ErrNotExist)
			f.fails(firstError(tx.List(path("/a/"))), pod.ErrNotExist)
			f.fails(firstError(tx.List(path("/b/"))), pod.ErrNotExist)
			return nil
		})
	}},
	{name: "a container is made once", run: func(f *fixture) {
		info := f.makeContainer("/a/b/")
		f.equal("stat", f.stat("/a/b/"), info)
		f.equal("listing", f.list("/a/b/"), "")
		err := f.store.Update(f.Context(), func(tx pod.WriteTx) error {
			_, err := tx.MakeContainer(path("/a/b/"), pod.PutOptions{})
			return err
		})
		f.fails(err, pod.ErrExist)
		f.fails(f.store.Update(f.Context(), func(tx pod.WriteTx) error {
			_, err := tx.MakeContainer(pod.Root, pod.PutOptions{})
			return err
		}), pod.ErrExist)
		f.fails(f.store.Update(f.Context(), func(tx pod.WriteTx) error {
			_, err := tx.MakeContainer(path("/c"), pod.PutOptions{})
			return err
		}), pod.ErrBadPath)
	}},
	{name: "a replica gives its version and handle to a container that is there", run: func(f *fixture) {
		f.put("/a/b", "")
		o := pod.PutOptions{Version: pod.Version{Counter: 9, Device: "x"}, ID: "abcdefghijklmnopqrstuv"}
		f.update(func(tx pod.WriteTx) error {
			_, err := tx.MakeContainer(path("/a/"), o)
			return err
		})
		f.reopen()
		f.equal("version", f.stat("/a/").Version, o.Version)
		f.equal("handle", f.stat("/a/").ID, o.ID)
		f.equal("listing", f.list("/a/"), "b")
	}},
	{name: "a name is a resource or a container, never both", run: func(f *fixture) {
		f.put("/a", "")
		f.makeContainer("/b/")
		f.conflicts("/a/", "/a/b", "/a/b/", "/b", "/a/.acl", "/b.acl", "/b.meta")
		f.put("/c.acl", "an ACL before its subject")
		f.conflicts("/c/", "/c/d")
		f.put("/c", "")
		f.equal("root", f.list("/"), "a b/ c")
	}},
	{name: "no twins in case or compatibility forms are made", run: func(f *fixture) {
		f.put("/photo", "")
		f.makeContainer("/Stra%C3%9Fe/")
		f.put("/d/%EF%AC%81sh", "")
		f.conflicts("/Photo", "/PHOTO/", "/pho%C2%ADto", "/strasse/", "/STRASSE", "/STRA%C3%9FE/x", "/d/fish", "/D/x", "/Photo.acl", "/photo.ACL")
		f.put("/photo", "the same name is no twin")
		f.put("/d/photo", "nor is one elsewhere")
		f.equal("root", f.list("/"), "Straße/ d/ photo")
	}},
	{name: "a name is free again after a delete", run: func(f *fixture) {
		f.put("/a", "")
		f.delete("/a")
		f.makeContainer("/a/")
		f.delete("/a/")
		f.put("/A", "")
		f.equal("root", f.list("/"), "A")
	}},
	{name: "a container with children is not deleted", run: func(f *fixture) {
		f.put("/a/b", "")
		f.fails(f.tryDelete("/a/", pod.DeleteOptions{}), pod.ErrNotEmpty)
		f.delete("/a/b")
		f.delete("/a/")
		f.absent("/a/")
		f.reopen()
		f.absent("/a/")
	}},
	{name: "auxiliaries go with their subject", run: func(f *fixture) {
		for _, name := range []string{"/a", "/a.acl", "/a.meta", "/c/.acl", "/c/.meta", "/c/gone.acl"} {
			f.put(name, "")
		}
		f.delete("/a")
		f.delete("/c/")
		f.reopen()
		for _, name := range []string{"/a", "/a.acl", "/a.meta", "/c/", "/c/.acl", "/c/.meta", "/c/gone.acl"} {
			f.absent(name)
		}
	}},
	{name: "an auxiliary may be deleted alone", run: func(f *fixture) {
		f.put("/a", "")
		f.put("/a.acl", "")
		f.delete("/a.acl")
		f.absent("/a.acl")
		f.equal("root", f.list("/"), "a")
	}},
	{name: "what is not there is not deleted, and the root never", run: func(f *fixture) {
		f.put("/a", "")
		for _, name := range []string{"/b", "/a/", "/b/"} {
			f.fails(f.tryDelete(name, pod.DeleteOptions{}), pod.ErrNotExist)
			f.fails(f.tryDeleteTree(name), pod.ErrNotExist)
		}
		f.fails(f.tryDelete("/", pod.DeleteOptions{}), pod.ErrReserved)
		f.fails(f.tryDeleteTree("/"), pod.ErrReserved)
	}},
	{name: "a tree is deleted with all that is below it, and nothing beside it", run: func(f *fixture) {
		for _, name := range []string{"/a/b", "/a/b.acl", "/a/c/d/e", "/a/c/.acl", "/a/c/d.ttl", "/a0", "/a-", "/ab/c"} {
			f.put(name, name)
		}
		f.must(f.tryDeleteTree("/a/"))
		f.equal("root", f.list("/"), "a- a0 ab/")
		f.absent("/a/c/d/e")
		f.reopen()
		f.equal("root", f.list("/"), "a- a0 ab/")
		f.put("/a/b", "again")
		f.equal("listing", f.list("/a/"), "b")
	}},
	{name: "the time of a container follows its membership only", run: func(f *fixture) {
		f.makeContainer("/a/")
		step := func(what string, moves bool, do func()) {
			before := f.stat("/a/").Modified
			now := f.clock.advance(time.Hour)
			do()
			want := before
			if moves {
				want = now
			}
			f.equal("after "+what, f.stat("/a/").Modified, want)
			f.reopen()
			f.equal("after "+what+" and a start", f.stat("/a/").Modified, want)
		}
		step("a child", true, func() { f.put("/a/b", "1") })
		step("a replacement", false, func() { f.put("/a/b", "2") })
		step("another type", false, func() { f.tryPut("/a/b", "2", pod.StageOptions{Type: "x/y"}, pod.PutOptions{}) })
		step("an ACL", false, func() { f.put("/a/.acl", "2") })
		step("a child's ACL", false, func() { f.put("/a/b.acl", "2") })
		step("a grandchild", true, func() { f.put("/a/c/d", "1") })
		step("a second grandchild", false, func() { f.put("/a/c/e", "1") })
		step("deleting an ACL", false, func() { f.delete("/a/b.acl") })
		step("deleting a child", true, func() { f.delete("/a/b") })
		step("deleting a tree", true, func() { f.must(f.tryDeleteTree("/a/c/")) })
		f.put("/a/e", "1")
		step("a refused write", false, func() { f.conflicts("/a/e/", "/a/E", "/a/e/f") })
	}},
	{name: "a subject knows the entity tag of its own ACL", run: func(f *fixture) {
		f.put("/a/b", "1")
		f.equal("none", f.stat("/a/b").ACLTag+f.stat("/a/").ACLTag+f.stat("/").ACLTag, "")
		for _, c := range []struct{ subject, acl string }{{"/a/b", "/a/b.acl"}, {"/a/", "/a/.acl"}, {"/", "/.acl"}} {
			f.equal("after a put", f.put(c.acl, "one").ETag, f.stat(c.subject).ACLTag)
			f.equal("after another", f.put(c.acl, "two").ETag, f.stat(c.subject).ACLTag)
			f.reopen()
			f.equal("after a start", f.stat(c.acl).ETag, f.stat(c.subject).ACLTag)
		}
		f.put("/a/b", "2")
		f.equal("after a write of the subject", f.stat("/a/b").ACLTag, f.stat("/a/b.acl").ETag)
		f.put("/a/b.meta", "2")
		f.equal("a description's", f.stat("/a/b.meta").ACLTag, "")
		f.delete("/a/b.acl")
		f.equal("after a delete", f.stat("/a/b").ACLTag, "")
	}},
	{name: "an ACL may be there before its subject", run: func(f *fixture) {
		acl := f.put("/a/b.acl", "one")
		f.equal("ACLTag", f.put("/a/b", "").ACLTag, acl.ETag)
		f.reopen()
		f.equal("ACLTag", f.stat("/a/b").ACLTag, acl.ETag)
		f.equal("listing", f.list("/a/"), "b")
	}},
}

func (f *fixture) tryDeleteTree(escaped string) error {
	return f.store.Update(f.Context(), func(tx pod.WriteTx) error { return tx.DeleteTree(path(escaped), pod.DeleteOptions{}) })
}

// conflicts demands that none of the paths can be created, and that trying
// leaves nothing behind. Names that ParsePath refuses are left to its own test.
func (f *fixture) conflicts(escaped ...string) {
	f.Helper()
	for _, e := range escaped {
		p, err := pod.ParsePath(e)
		if err != nil {
			continue
		}
		before := f.head()
		st := f.stage("x", pod.StageOptions{})
		err = f.store.Update(f.Context(), func(tx pod.WriteTx) (err error) {
			if p.IsContainer() {
				_, err = tx.MakeContainer(p, pod.PutOptions{})
			} else {
				_, err = tx.Put(p, st, pod.PutOptions{})
			}
			return err
		})
		f.fails(err, pod.ErrConflict)
		f.absent(e)
		f.equal("head", f.head(), before)
	}
}
