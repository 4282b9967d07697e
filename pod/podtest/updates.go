package podtest

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"
	"time"

	"kith/pod"
)

var errChanged = errors.New("the case has changed its mind")

var updateCases = []testCase{
	{name: "an update reads its own writes", run: func(f *fixture) {
		f.put("/old", "old")
		st := f.stage("new", pod.StageOptions{})
		f.update(func(tx pod.WriteTx) error {
			info, err := tx.Put(path("/a/b"), st, pod.PutOptions{})
			f.must(err)
			f.must(tx.Delete(path("/old"), pod.DeleteOptions{}))
			got, err := tx.Stat(path("/a/b"))
			f.must(err)
			f.equal("stat", got, info)
			r, err := tx.Open(path("/a/b"))
			f.must(err)
			content, err := io.ReadAll(r)
			f.must(errors.Join(err, r.Close()))
			f.equal("content", string(content), "new")
			_, err = tx.Stat(path("/old"))
			f.fails(err, pod.ErrNotExist)
			f.equal("root", names(f, tx.List(pod.Root)), "a")
			f.equal("a", names(f, tx.List(path("/a/"))), "b")
			return nil
		})
	}},
	{name: "an update that fails leaves everything as it was", run: func(f *fixture) {
		prepare(f)
		before := snapshot(f)
		f.clock.advance(time.Hour)
		stages := newStages(f)
		err := f.store.Update(f.Context(), func(tx pod.WriteTx) error {
			change(f, tx, stages)
			return errChanged
		})
		f.equal("error", err.Error(), errChanged.Error())
		f.equal("content", snapshot(f), before)
		f.reopen()
		f.equal("content after a start", snapshot(f), before)
	}},
	{name: "what an update that fails has put can be put again", run: func(f *fixture) {
		prepare(f)
		stages := newStages(f)
		for _, want := range []error{errChanged, nil} {
			f.fails(f.store.Update(f.Context(), func(tx pod.WriteTx) error {
				change(f, tx, stages)
				return want
			}), want)
		}
		after := snapshot(f)
		f.equal("content", f.read("/a"), "new")
		f.reopen()
		f.equal("content after a start", snapshot(f), after)
	}},
	{name: "an update that panics leaves everything as it was, and lets the next one in", run: func(f *fixture) {
		prepare(f)
		before := snapshot(f)
		stages := newStages(f)
		func() {
			defer func() { f.equal("panic", recover(), any(errChanged)) }()
			_ = f.store.Update(f.Context(), func(tx pod.WriteTx) error {
				change(f, tx, stages)
				panic(errChanged)
			})
		}()
		f.equal("content", snapshot(f), before)
		f.put("/next", "")
	}},
	{name: "an update whose write has failed does not succeed", run: func(f *fixture) {
		f.put("/a", "a")
		before := snapshot(f)
		one, two := f.stage("new", pod.StageOptions{}), f.stage("new", pod.StageOptions{})
		f.fails(f.store.Update(f.Context(), func(tx pod.WriteTx) error {
			_, err := tx.Put(path("/b/c"), one, pod.PutOptions{})
			f.must(err)
			_, err = tx.Put(path("/A"), two, pod.PutOptions{})
			f.fails(err, pod.ErrConflict)
			return nil
		}), pod.ErrConflict)
		f.equal("content", snapshot(f), before)
	}},
	{name: "an update may go on after it found nothing to delete", run: func(f *fixture) {
		f.put("/c/d", "")
		st := f.stage("new", pod.StageOptions{})
		f.update(func(tx pod.WriteTx) error {
			f.fails(tx.Delete(path("/b"), pod.DeleteOptions{}), pod.ErrNotExist)
			f.fails(tx.Delete(path("/c/"), pod.DeleteOptions{}), pod.ErrNotEmpty)
			_, err := tx.Put(path("/b"), st, pod.PutOptions{})
			return err
		})
		f.equal("content", f.read("/b"), "new")
	}},
	{name: "an update may write one path several times", run: func(f *fixture) {
		var stages []pod.Staged
		for _, content := range []string{"1", "2", "3"} {
			stages = append(stages, f.stage(content, pod.StageOptions{Type: "x/" + content}))
		}
		f.update(func(tx pod.WriteTx) error {
			for _, st := range stages[:2] {
				_, err := tx.Put(path("/a/b"), st, pod.PutOptions{})
				f.must(err)
			}
			f.must(tx.DeleteTree(path("/a/"), pod.DeleteOptions{}))
			_, err := tx.Put(path("/a"), stages[2], pod.PutOptions{})
			return err
		})
		f.equal("content", f.read("/a"), "3")
		f.equal("type", f.stat("/a").Type, "x/3")
		f.reopen()
		f.equal("root", f.list("/"), "a")
	}},
	{name: "a context that is done begins nothing", run: func(f *fixture) {
		ctx, cancel := context.WithCancel(f.Context())
		cancel()
		f.fails(f.store.View(ctx, func(pod.Tx) error { f.Error("View ran"); return nil }), context.Canceled)
		f.fails(f.store.Update(ctx, func(pod.WriteTx) error { f.Error("Update ran"); return nil }), context.Canceled)
	}},
	{name: "the error of a view is returned", run: func(f *fixture) {
		f.fails(f.store.View(f.Context(), func(pod.Tx) error { return errChanged }), errChanged)
	}},
	{name: "watchers hear of updates that changed something", run: func(f *fixture) {
		changed, stop := f.store.Watch()
		second, stopSecond := f.store.Watch()
		defer stopSecond()
		silent := func(what string) {
			f.Helper()
			select {
			case <-changed:
				f.Errorf("woken by %s", what)
			default:
			}
		}
		silent("nothing")
		f.put("/a", "1")
		f.put("/a", "2") // joins the signal that nobody has taken
		wake(f, changed)
		silent("the second signal")
		f.update(func(pod.WriteTx) error { return nil })
		silent("an update that did nothing")
		f.tryDelete("/b", pod.DeleteOptions{})
		silent("an update that failed")
		f.stat("/a")
		silent("a view")
		f.delete("/a")
		wake(f, changed)
		stop()
		stop()
		f.put("/c", "")
		silent("an update after stop")
		wake(f, second)
	}},
	{name: "what a watcher is woken for is there", run: func(f *fixture) {
		changed, stop := f.store.Watch()
		defer stop()
		done := make(chan error)
		go func() {
			st, err := f.store.Stage(f.Context(), strings.NewReader("a"), pod.StageOptions{Max: 1})
			if err == nil {
				err = f.store.Update(f.Context(), func(tx pod.WriteTx) error {
					_, err := tx.Put(path("/a"), st, pod.PutOptions{})
					return err
				})
			}
			done <- err
		}()
		wake(f, changed)
		f.equal("listing", f.list("/"), "a")
		f.must(<-done)
	}},
}

func wake(f *fixture, changed <-chan struct{}) {
	f.Helper()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		f.Fatal("no signal")
	}
}

// prepare fills a pod with something for change to change.
func prepare(f *fixture) {
	for _, name := range []string{"/a", "/a.acl", "/b.txt", "/c/d", "/c/e/f", "/c/.acl", "/g/", "/h/i/j"} {
		if strings.HasSuffix(name, "/") {
			f.makeContainer(name)
			continue
		}
		f.put(name, "content of "+name)
	}
	f.tryPut("/typed", "typed", pod.StageOptions{Type: "x/typed"}, pod.PutOptions{})
}

// newStages returns what change puts.
func newStages(f *fixture) (stages []pod.Staged) {
	for range 6 {
		stages = append(stages, f.stage("new", pod.StageOptions{Type: "x/new"}))
	}
	return stages
}

// change does a bit of everything.
func change(f *fixture, tx pod.WriteTx, stages []pod.Staged) {
	for i, name := range []string{"/a", "/new/deep/file", "/c/.acl", "/c/d", "/g/new.txt", "/typed"} {
		_, err := tx.Put(path(name), stages[i], pod.PutOptions{})
		f.must(err)
	}
	f.must(tx.Delete(path("/b.txt"), pod.DeleteOptions{Readers: []string{"x"}}))
	f.must(tx.DeleteTree(path("/h/"), pod.DeleteOptions{}))
	f.must(tx.DeleteTree(path("/c/e/"), pod.DeleteOptions{}))
	_, err := tx.MakeContainer(path("/h/"), pod.PutOptions{})
	f.must(err)
	f.must(tx.Touch(path("/c/"), []string{"x"}))
	f.must(tx.Delete(path("/typed"), pod.DeleteOptions{}))
}

// snapshot returns all that a store says of its pod, in one text.
func snapshot(f *fixture) string {
	var b strings.Builder
	write := func(of any) { b.WriteString(text(of) + "\n") }
	f.view(func(tx pod.Tx) error {
		write(tx.Head())
		for c, err := range tx.Changes(0) {
			f.must(err)
			write(c)
			if c.Gone() {
				continue
			}
			info, err := tx.Stat(c.Path)
			f.must(err)
			write(info)
			if c.Path.IsContainer() {
				write(names(f, tx.List(c.Path)))
				continue
			}
			r, err := tx.Open(c.Path)
			f.must(err)
			content, err := io.ReadAll(r)
			f.must(errors.Join(err, r.Close()))
			write(string(content))
		}
		return nil
	})
	return b.String()
}

func names(f *fixture, list iter.Seq2[pod.Info, error]) string {
	f.Helper()
	var all []string
	for info, err := range list {
		f.must(err)
		all = append(all, info.Path.Name())
	}
	return strings.Join(all, " ")
}
