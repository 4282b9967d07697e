package acl

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"kith/pod"
)

// TestChangeWorksBeforeItIsAcknowledged reads without pause while the right to
// read is given and taken: no read that begins after the acknowledgement may have
// the old answer (reliability §1, promise 6).
func TestChangeWorksBeforeItIsAcknowledged(t *testing.T) {
	w := newWorld(t, Config{})
	w.put("/box/f", "text/plain", "x")
	open := []string{ownerRule, allow(1, agentOf(contactID(benCID)), "acl:default <./>", "acl:Read")}
	// state is even while the right stands still: 0 taken, 2 given, and odd while
	// it changes.
	var state atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				before := state.Load()
				_, err := w.read(ben, "/box/f")
				if after := state.Load(); before != after || before%2 != 0 {
					continue
				}
				if given := before%4 == 2; given && err != nil || !given && !errors.Is(err, ErrForbidden) {
					t.Errorf("given %v, read %v", given, err)
				}
			}
		})
	}
	for range 25 {
		state.Add(1)
		w.acl("/box/", open...)
		state.Add(1)
		w.names(ben, "/")
		state.Add(1)
		w.acl("/box/", ownerRule)
		state.Add(1)
	}
	close(stop)
	wg.Wait()
}

// TestManyAgentsAtOnce does everything at once; the race detector and the
// invariants of the store are what it asks.
func TestManyAgentsAtOnce(t *testing.T) {
	w := newWorld(t, Config{})
	w.audience("a", benCID)
	w.post("1", "a")
	w.acl("/in/", ownerRule, allow(1, agentOf(contactID(benCID)), "acl:accessTo <./>; acl:default <./>", "acl:Append"))
	ctx := context.Background()
	unexpected := func(err error) bool {
		for _, known := range []error{ErrForbidden, pod.ErrNotExist, pod.ErrPrecondition, ErrGone, pod.ErrNotEmpty} {
			if errors.Is(err, known) {
				return false
			}
		}
		return err != nil
	}
	does := []func() error{
		func() error { return w.drain("/social/posts/1/post.jsonld") },
		func() error {
			_, err := w.guard.As(ben).Stat(ctx, path(t, "/social/posts/1/"))
			return err
		},
		func() error {
			_, _, _, err := w.guard.As(ben).Posts(ctx, "", 10)
			return err
		},
		func() error {
			_, err := w.guard.As(ben).Create(ctx, path(t, "/in/"), "x", "text/plain", reader("x"), pod.Precondition{})
			return err
		},
		func() error {
			_, _, err := w.guard.As(owner).Put(ctx, path(t, "/social/audiences/a"), "text/turtle", reader(""), pod.Precondition{})
			return err
		},
		func() error { w.audience("a", benCID); return nil },
		func() error { w.share("1", "a"); return nil },
		func() error {
			_, err := w.guard.As(owner).Readers(ctx, path(t, "/social/posts/1/"))
			return err
		},
	}
	var wg sync.WaitGroup
	for _, do := range does {
		wg.Go(func() {
			for range 15 {
				if err := do(); unexpected(err) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(w.guard.streams.list()); n != 0 {
		t.Errorf("%d streams are left open", n)
	}
	names, err := w.names(owner, "/in/")
	if err != nil || len(names) != 15 {
		t.Errorf("%d of 15 messages, %v", len(names), err)
	}
	for _, n := range names {
		if !strings.HasPrefix(n, "x-") {
			t.Errorf("named %q", n)
		}
	}
}

// drain reads a resource as Ben, slowly enough to be cut.
func (w *world) drain(p string) error {
	a, err := w.guard.As(ben).Get(context.Background(), path(w.t, p))
	if err != nil {
		return err
	}
	defer a.Close()
	if _, err := io.Copy(io.Discard, a.Resource); err != nil {
		return err
	}
	return nil
}
