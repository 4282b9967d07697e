package acl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"

	"kith/pod"
	"kith/webid"
)

// slow is a body on its way, which is given piece by piece.
type slow struct {
	t    *testing.T
	w    *io.PipeWriter
	done chan error
}

// begin begins a PUT whose body is not there yet.
func begin(t *testing.T, w *world, a webid.Agent, p string) *slow {
	t.Helper()
	return beginAs(t, w.guard.As(a), p)
}

func beginAs(t *testing.T, v *View, p string) *slow {
	t.Helper()
	r, pipe := io.Pipe()
	s := &slow{t, pipe, make(chan error, 1)}
	at := path(t, p)
	go func() {
		_, _, err := v.Put(context.Background(), at, "text/plain", r, createOnly)
		r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		s.done <- err
	}()
	t.Cleanup(func() { pipe.Close() })
	return s
}

// give sends n bytes and one more, so that the n are counted when it returns.
func (s *slow) give(n int) {
	s.t.Helper()
	for _, n := range []int{n, 1} {
		if _, err := s.w.Write(make([]byte, n)); err != nil {
			s.t.Fatalf("the body was refused: %v", err)
		}
	}
}

// end ends the body and returns what became of it.
func (s *slow) end() error {
	s.w.Close()
	return <-s.done
}

// TestQuotaOfWhatComes sends bodies at the same time: together they have the
// quota, as what is kept has.
func TestQuotaOfWhatComes(t *testing.T) {
	put := func(w *world, a webid.Agent, p string, n int) error {
		_, _, err := w.guard.As(a).Put(context.Background(), path(t, p), "text/plain", strings.NewReader(strings.Repeat("x", n)), createOnly)
		return err
	}
	t.Run("their sum", func(t *testing.T) {
		w := box(t, Config{Quota: 64 << 10}, "acl:Append", "acl:Append")
		first := begin(t, w, ben, "/box/first")
		first.give(40 << 10)
		is(t, "as much beside it", put(w, ben, "/box/second", 40<<10), pod.ErrFull)
		is(t, "the same further down", put(w, ben, "/box/deep/second", 40<<10), pod.ErrFull)
		is(t, "a little beside it", put(w, ben, "/box/small", 1<<10), nil)
		is(t, "the owner", put(w, owner, "/box/owner", 1<<10), nil)
		is(t, "the first", first.end(), nil)
		is(t, "as much after it", put(w, ben, "/box/third", 40<<10), pod.ErrFull)
		w.delete("/box/first")
		is(t, "as much when it is gone", put(w, ben, "/box/third", 40<<10), nil)
	})
	t.Run("their number", func(t *testing.T) {
		w := box(t, Config{}, "acl:Append", "acl:Append")
		w.acl("/other/", ownerRule, allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>; acl:default <./>", "acl:Append"))
		var all []*slow
		for i := range maxIntakes {
			all = append(all, begin(t, w, ben, fmt.Sprint("/box/", i)))
			all[i].give(1)
		}
		is(t, "one more", put(w, ben, "/box/more", 1), ErrBusy)
		is(t, "elsewhere", put(w, ben, "/other/more", 1), nil)
		is(t, "the owner", put(w, owner, "/box/owner", 1), nil)
		for _, s := range all {
			is(t, "each of them", s.end(), nil)
		}
		is(t, "one more after them", put(w, ben, "/box/more", 1), nil)
		if n := len(w.guard.intakes.open); n != 0 {
			t.Errorf("%d intakes are left", n)
		}
	})
}

// TestCrowd sends bodies of many who are no contacts: one address cannot keep the
// others out, however many names it has, and all together stay bounded.
func TestCrowd(t *testing.T) {
	w := newWorld(t, Config{Quota: 64 << 10})
	w.allow(`{"/box/": ["` + authenticated + `"]}`)
	w.acl("/box/", ownerRule, allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>; acl:default <./>", "acl:Append"))
	made := 0
	from := func(address string) *View {
		made++
		who := webid.StrangerAgent(webid.ID(fmt.Sprintf("https://elsewhere.example/%d#me", made)))
		return w.guard.As(who).At(address)
	}
	var all []*slow
	begin := func(address string) {
		t.Helper()
		s := beginAs(t, from(address), fmt.Sprintf("/box/%d", len(all)))
		s.give(1)
		all = append(all, s)
	}
	put := func(v *View, n int) error {
		made++
		_, _, err := v.Put(context.Background(), path(t, fmt.Sprintf("/box/new-%d", made)), "text/plain", strings.NewReader(strings.Repeat("x", n)), createOnly)
		return err
	}
	for range maxIntakes {
		begin("192.0.2.1")
	}
	is(t, "one more of that address, by another name", put(from("192.0.2.1"), 1), ErrBusy)
	is(t, "another address", put(from("192.0.2.2"), 1), nil)
	is(t, "a contact", put(w.guard.As(ben).At("192.0.2.1"), 1), nil)
	for n := maxIntakes; n < maxIntakes*maxCrowd; n++ {
		begin(fmt.Sprintf("198.51.100.%d", n))
	}
	is(t, "more than all together may", put(from("192.0.2.3"), 1), ErrBusy)
	is(t, "a contact then", put(w.guard.As(ben), 1), nil)
	for _, s := range all {
		is(t, "each of them", s.end(), nil)
	}
	is(t, "more after them", put(from("192.0.2.3"), 1), nil)
	if n := len(w.guard.intakes.open); n != 0 {
		t.Errorf("%d intakes are left", n)
	}
}

// lists counts how often members are listed.
type lists struct {
	pod.Tx
	n int
}

func (l *lists) List(p pod.Path) iter.Seq2[pod.Info, error] {
	l.n++
	return l.Tx.List(p)
}

// TestKeptIsRemembered compares what is remembered of a container with what is
// in it, and asks that messages that come are not paid for with a walk.
func TestKeptIsRemembered(t *testing.T) {
	w := newWorld(t, Config{})
	top := path(t, "/box/")
	check := func(what string, walks bool) {
		t.Helper()
		err := w.store.View(context.Background(), func(tx pod.Tx) error {
			counting := &lists{Tx: tx}
			got, err := w.guard.judge(counting, ben, "", &elsewhere{}).kept(top)
			if err != nil {
				return err
			}
			want, err := w.guard.judge(tx, ben, "", &elsewhere{}).weigh(top)
			if got != want || (counting.n > 0) != walks {
				t.Errorf("%s: %d after %d walks, want %d", what, got, counting.n, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w.put("/box/a", "text/plain", "a")
	check("the first time", true)
	check("nothing happened", false)
	w.put("/box/b", "text/plain", "bb")
	w.put("/box/deep/er/c", "text/plain", "ccc")
	w.put("/boxes/d", "text/plain", "elsewhere")
	w.put("/box/b.meta", "text/turtle", "")
	check("some came", false)
	w.put("/boxes/d", "text/plain", "elsewhere, again")
	check("others were replaced", false)
	w.put("/box/b", "text/plain", strings.Repeat("b", 100))
	check("one was replaced", true)
	w.delete("/box/a")
	check("one was deleted", true)
	w.put("/box/a", "text/plain", "again")
	check("and came again", false)
}
