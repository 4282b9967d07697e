package podtest

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"testing/iotest"
	"time"

	"kith/pod"
)

var resourceCases = []testCase{
	{name: "an empty pod has a root and nothing else", run: func(f *fixture) {
		f.equal("listing", f.list("/"), "")
		if root := f.stat("/"); root.Path != pod.Root || root.ETag != "" || root.Type != "" || root.Size != 0 || len(root.ID) != 22 {
			f.Errorf("root: %+v", root)
		}
		f.absent("/a")
		f.absent("/.acl")
	}},
	{name: "what was put is read back, also after the next start", run: func(f *fixture) {
		info := f.put("/a.txt", "hello")
		f.equal("stat", f.stat("/a.txt"), info)
		f.equal("content", f.read("/a.txt"), "hello")
		f.reopen()
		f.equal("stat", f.stat("/a.txt"), info)
		f.equal("content", f.read("/a.txt"), "hello")
	}},
	{name: "an empty resource is a resource", run: func(f *fixture) {
		f.put("/empty", "")
		f.equal("content", f.read("/empty"), "")
		f.equal("listing", f.list("/"), "empty")
	}},
	{name: "bytes that are no text are kept", run: func(f *fixture) {
		all := make([]byte, 300<<10)
		for i := range all {
			all[i] = byte(i * i >> 3)
		}
		f.put("/b", string(all))
		f.equal("content", f.read("/b") == string(all), true)
	}},
	{name: "reading can begin in the middle", run: func(f *fixture) {
		f.put("/a", "hello, world")
		r := f.openResource("/a")
		defer r.Close()
		_, err := r.Seek(7, io.SeekStart)
		f.must(err)
		rest, err := io.ReadAll(r)
		f.must(err)
		f.equal("content", string(rest), "world")
		size, err := r.Seek(0, io.SeekEnd)
		f.must(err)
		f.equal("size", size, int64(12))
	}},
	{name: "a media type is kept, whatever the name says", run: func(f *fixture) {
		types := []string{"text/plain", "text/turtle", "application/ld+json", "image/webp", `text/html; charset="utf-8"`, "x/y;a=b"}
		for _, name := range []string{"/a", "/a.txt", "/a.ttl", "/a.webp", "/a.acl", "/.acl", "/A.b.jsonld"} {
			for _, t := range types {
				info, err := f.tryPut(name, "same", pod.StageOptions{Type: t}, pod.PutOptions{})
				f.must(err)
				f.equal("type", info.Type, t)
				f.equal("ETag", info.ETag, etag(t, "same"))
				f.equal("type, read", f.stat(name).Type, t)
			}
		}
		f.reopen()
		f.equal("type after a start", f.stat("/a.ttl").Type, "x/y;a=b")
	}},
	{name: "no media type means octets", run: func(f *fixture) {
		st, err := f.store.Stage(f.Context(), strings.NewReader("a"), pod.StageOptions{Max: 1})
		f.must(err)
		f.update(func(tx pod.WriteTx) error {
			_, err := tx.Put(path("/a"), st, pod.PutOptions{})
			return err
		})
		f.equal("type", f.stat("/a").Type, "application/octet-stream")
	}},
	{name: "what is no media type is refused", run: func(f *fixture) {
		for _, t := range []string{"text", "text/", "/plain", "text/plain; a", "text/plain\r\nX: y", "text/plä", strings.Repeat("a", 200) + "/" + strings.Repeat("b", 200)} {
			_, err := f.store.Stage(f.Context(), strings.NewReader(""), pod.StageOptions{Type: t})
			f.fails(err, pod.ErrBadType)
		}
	}},
	{name: "a second put replaces, and keeps the handle", run: func(f *fixture) {
		first := f.put("/a", "one")
		second := f.put("/a", "second")
		f.equal("content", f.read("/a"), "second")
		f.equal("handle", second.ID, first.ID)
		f.equal("versions go up", first.Version.Less(second.Version), true)
		f.equal("listing", f.list("/"), "a")
	}},
	{name: "the time is the clock's unless it is given", run: func(f *fixture) {
		now := f.clock.advance(time.Hour + 1234567*time.Nanosecond)
		f.equal("clock", f.put("/a", "1").Modified, now.Truncate(time.Millisecond))
		given := time.Date(2001, 2, 3, 4, 5, 6, 789_000_000, time.FixedZone("", 3600))
		info, err := f.tryPut("/a", "2", pod.StageOptions{Modified: given}, pod.PutOptions{})
		f.must(err)
		f.equal("given", info.Modified, given.UTC())
		f.reopen()
		f.equal("after a start", f.stat("/a").Modified, given.UTC())
	}},
	{name: "a replacement is never as old as what it replaces", run: func(f *fixture) {
		late := f.stage("late", pod.StageOptions{})
		f.clock.advance(time.Minute)
		first := f.put("/a", "one")
		f.update(func(tx pod.WriteTx) error {
			info, err := tx.Put(path("/a"), late, pod.PutOptions{})
			if err == nil && !info.Modified.After(first.Modified) {
				f.Errorf("%v replaces %v", info.Modified, first.Modified)
			}
			return err
		})
		f.equal("Stat", f.read("/a"), "late")
	}},
	{name: "versions are the pod's own unless they are given", run: func(f *fixture) {
		f.equal("first", f.put("/a", "1").Version, pod.Version{Counter: 1, Device: device})
		phone := pod.Version{Counter: 17, Device: "did:key:zPhone"}
		info, err := f.tryPut("/b", "2", pod.StageOptions{}, pod.PutOptions{Version: phone})
		f.must(err)
		f.equal("given", info.Version, phone)
		f.equal("counter", f.head().Counter, uint64(17))
		f.equal("next", f.put("/a", "3").Version, pod.Version{Counter: 18, Device: device})
		old := pod.Version{Counter: 3, Device: "did:key:zTablet"}
		_, err = f.tryPut("/b", "4", pod.StageOptions{}, pod.PutOptions{Version: old})
		f.must(err)
		f.reopen()
		f.equal("an older one", f.stat("/b").Version, old)
		f.equal("counter", f.head().Counter, uint64(18))
	}},
	{name: "a handle is random unless it is given, and belongs to one resource", run: func(f *fixture) {
		a, b := f.put("/a", "1"), f.put("/b", "1")
		if len(a.ID) != 22 || a.ID == b.ID {
			f.Errorf("handles %q and %q", a.ID, b.ID)
		}
		const id = "abcdefghijklmnopqrstuv"
		info, err := f.tryPut("/a", "2", pod.StageOptions{}, pod.PutOptions{ID: id})
		f.must(err)
		f.equal("given", info.ID, id)
		f.equal("kept", f.put("/a", "3").ID, id)
		_, err = f.tryPut("/c", "4", pod.StageOptions{}, pod.PutOptions{ID: id})
		f.fails(err, pod.ErrConflict)
		f.absent("/c")
	}},
	{name: "no more bytes are taken than allowed", run: func(f *fixture) {
		_, err := f.store.Stage(f.Context(), strings.NewReader("12345"), pod.StageOptions{Max: 4})
		f.fails(err, pod.ErrTooLarge)
		st, err := f.store.Stage(f.Context(), strings.NewReader("1234"), pod.StageOptions{Max: 4})
		f.must(err)
		f.equal("size", st.Size(), int64(4))
		f.must(st.Discard())
		_, err = f.store.Stage(f.Context(), strings.NewReader("1"), pod.StageOptions{})
		f.fails(err, pod.ErrTooLarge)
	}},
	{name: "the error of a body is the error of its stage", run: func(f *fixture) {
		broken := errors.New("connection lost")
		_, err := f.store.Stage(f.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), pod.StageOptions{Max: 100})
		f.fails(err, broken)
		_, err = f.store.Stage(f.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF)), pod.StageOptions{Max: 4})
		f.fails(err, io.ErrUnexpectedEOF)
		ctx, cancel := context.WithCancel(f.Context())
		cancel()
		_, err = f.store.Stage(ctx, strings.NewReader("a"), pod.StageOptions{Max: 1})
		f.fails(err, context.Canceled)
	}},
	{name: "a stage knows its entity tag before it is put", run: func(f *fixture) {
		st := f.stage("hello", pod.StageOptions{Type: "text/turtle"})
		f.equal("ETag", st.ETag(), etag("text/turtle", "hello"))
		f.equal("size", st.Size(), int64(5))
	}},
	{name: "a stage is put once, and not after it was discarded", run: func(f *fixture) {
		put := func(st pod.Staged, escaped string) error {
			return f.store.Update(f.Context(), func(tx pod.WriteTx) error {
				_, err := tx.Put(path(escaped), st, pod.PutOptions{})
				return err
			})
		}
		st := f.stage("a", pod.StageOptions{})
		f.must(put(st, "/a"))
		f.must(st.Discard())
		f.equal("content", f.read("/a"), "a")
		if put(st, "/b") == nil {
			f.Error("put twice")
		}
		st = f.stage("c", pod.StageOptions{})
		f.must(st.Discard())
		f.must(st.Discard())
		if put(st, "/c") == nil {
			f.Error("put after Discard")
		}
		f.equal("listing", f.list("/"), "a")
	}},
	{name: "a reader keeps what it has opened", run: func(f *fixture) {
		f.put("/a", strings.Repeat("old", 1000))
		f.put("/b", strings.Repeat("old", 1000))
		a, b := f.openResource("/a"), f.openResource("/b")
		f.put("/a", "new")
		f.delete("/b")
		f.put("/b", "another")
		for _, r := range []pod.Resource{a, b} {
			content, err := io.ReadAll(r)
			f.must(err)
			f.equal("content", string(content), strings.Repeat("old", 1000))
			f.equal("ETag", r.Info().ETag, etag(plainText, string(content)))
			f.must(r.Close())
		}
		f.equal("content", f.read("/a")+f.read("/b"), "newanother")
	}},
	{name: "a reader may outlive the store", run: func(f *fixture) {
		f.put("/a", "old")
		r := f.openResource("/a")
		f.put("/a", "new")
		f.reopen()
		_ = r.Close()
		f.equal("content", f.read("/a"), "new")
	}},
	{name: "the pod holds as many bytes as it may", config: Config{MaxBytes: 10}, run: func(f *fixture) {
		f.put("/a", "12345")
		f.put("/b/c", "12345")
		_, err := f.tryPut("/d", "1", pod.StageOptions{}, pod.PutOptions{})
		f.fails(err, pod.ErrFull)
		f.put("/a", "54321")
		_, err = f.tryPut("/a", "123456", pod.StageOptions{}, pod.PutOptions{})
		f.fails(err, pod.ErrFull)
		f.equal("content", f.read("/a"), "54321")
		f.reopen()
		_, err = f.tryPut("/d", "1", pod.StageOptions{}, pod.PutOptions{})
		f.fails(err, pod.ErrFull)
		f.delete("/b/c")
		f.put("/d", "123")
	}},
	{name: "bytes are put to resources only", run: func(f *fixture) {
		for _, p := range []pod.Path{{}, pod.Root, path("/a/")} {
			st := f.stage("a", pod.StageOptions{})
			f.fails(f.store.Update(f.Context(), func(tx pod.WriteTx) error {
				_, err := tx.Put(p, st, pod.PutOptions{})
				return err
			}), pod.ErrBadPath)
		}
	}},
	{name: "the zero path is nowhere", run: func(f *fixture) {
		f.view(func(tx pod.Tx) error {
			_, err := tx.Stat(pod.Path{})
			f.fails(err, pod.ErrNotExist)
			_, err = tx.Open(pod.Path{})
			f.fails(err, pod.ErrNotExist)
			f.fails(firstError(tx.List(pod.Path{})), pod.ErrNotExist)
			return nil
		})
	}},
	{name: "a container has no bytes", run: func(f *fixture) {
		f.makeContainer("/a/")
		f.view(func(tx pod.Tx) error {
			_, err := tx.Open(path("/a/"))
			f.fails(err, pod.ErrNotExist)
			_, err = tx.Open(pod.Root)
			f.fails(err, pod.ErrNotExist)
			return nil
		})
	}},
	{name: "names of every script and sign are kept", run: func(f *fixture) {
		names := []string{"/%20a", "/a%20b", "/%C3%A9t%C3%A9", "/%E6%97%A5%E6%9C%AC", "/100%25", "/a%3Fb%23c", "/-rf", "/~", "/%2A", "/'", "/a:b", "/%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9", "/" + strings.Repeat("n", 239), "/" + strings.Repeat("n", 239) + ".meta"}
		for _, name := range names {
			f.put(name, name)
		}
		f.reopen()
		for _, name := range names {
			f.equal("content", f.read(name), name)
		}
	}},
	{name: "a closed store says so", run: func(f *fixture) {
		st := f.stage("a", pod.StageOptions{})
		f.must(f.store.Close())
		f.fails(f.store.View(f.Context(), func(pod.Tx) error { return nil }), pod.ErrClosed)
		f.fails(f.store.Update(f.Context(), func(pod.WriteTx) error { return nil }), pod.ErrClosed)
		_, err := f.store.Stage(f.Context(), strings.NewReader(""), pod.StageOptions{})
		f.fails(err, pod.ErrClosed)
		f.fails(f.store.Close(), pod.ErrClosed)
		f.must(st.Discard())
	}},
}

func firstError(seq iter.Seq2[pod.Info, error]) error {
	for _, err := range seq {
		return err
	}
	return nil
}
