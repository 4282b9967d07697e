package acl

import (
	"testing"

	"kith/pod"
)

// TestRoom has requests of one agent grow beside each other: the first goes on, the
// others make way for it, and what is closed leaves nothing behind.
func TestRoom(t *testing.T) {
	w := newWorld(t, Config{})
	a, b := w.guard.As(ben).Room(), w.guard.As(ben).Room()
	is(t, "nothing", a.Take(0), nil)
	for range 10 {
		is(t, "the first", a.Take(1<<20), nil)
		if err := b.Take(1 << 20); err != nil {
			is(t, "the second", err, ErrBusy)
		}
	}
	is(t, "the first, beyond the share of one", a.Take(20<<20), nil)
	is(t, "the second then", b.Take(1<<20), ErrBusy)
	is(t, "another contact", w.guard.As(dan).Room().Take(roomSmall+1), nil)
	a.Close()
	is(t, "the second when the first is closed", b.Take(20<<20), nil)
	c := w.guard.As(ben).Room()
	is(t, "a small one beside it", c.Take(roomSmall), nil)
	is(t, "that is no longer small", c.Take(1), ErrBusy)
	is(t, "more than there ever is", w.guard.As(owner).Room().Take(65<<20), pod.ErrTooLarge)
	for _, r := range []*Room{a, b, b, c} {
		r.Close()
	}
	for who := range w.guard.rooms.open {
		if who != "contact "+danCID {
			t.Errorf("%s is left", who)
		}
	}
	if got := w.guard.rooms.ranks; got[rankOutsider] != 0 || got[rankContact] != roomSmall+1 || got[rankOwner] != 0 {
		t.Errorf("%v are left", got)
	}
}
