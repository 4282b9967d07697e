package acl

import (
	"context"
	"testing"

	"kith/pod"
)

// TestReplicaGathersReplies lets two devices write replies without knowing of
// each other: nothing that one of them heard is lost (protocol §3.4).
func TestReplicaGathersReplies(t *testing.T) {
	const (
		none  = `{"items":[]}`
		a     = `{"items":[{"id":"#a","type":"Note"}]}`
		b     = `{"items":[{"id":"#b","type":"Note"}]}`
		both  = `{"items":[{"id":"#a","type":"Note"},{"id":"#b","type":"Note"}]}`
		aGone = `{"items":[{"id":"#a","type":"Tombstone"}]}`
		at1   = "/social/posts/2026-11-22-abcdefghijklmnop/replies.jsonld"
	)
	for _, c := range []struct {
		name, path  string
		there, text string
		version     pod.Version
		want        error
		stands      string
	}{
		{"one more is taken", at1, a, both, at(6, "b"), nil, both},
		{"also by an older version, under a higher one", at1, a, both, at(4, "b"), nil, both},
		{"another one loses, whatever its version", at1, a, b, at(9, "b"), ErrSuperseded, a},
		{"fewer lose", at1, both, a, at(9, "b"), ErrSuperseded, both},
		{"a removal is taken", at1, a, aGone, at(6, "b"), nil, aGone},
		{"and not taken back", at1, aGone, a, at(9, "b"), ErrSuperseded, aGone},
		{"over what is no document anything is taken", at1, "\x00", none, at(4, "b"), nil, none},
		{"an item without an id does not count", at1, `{"items":[{"type":"Note"}]}`, none, at(4, "b"), nil, none},
		{"what is no document loses", at1, a, "{", at(9, "b"), ErrSuperseded, a},
		{"elsewhere the version decides", "/social/posts/replies.jsonld", a, b, at(6, "b"), nil, b},
		{"and deeper", "/social/posts/p/q/replies.jsonld", a, b, at(6, "b"), nil, b},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newWorld(t, Config{}).device()
			if _, _, err := d.put(c.path, "application/ld+json", c.there, at(5, "a"), idA); err != nil {
				t.Fatal(err)
			}
			info, stands, err := d.put(c.path, "application/ld+json", c.text, c.version, idB)
			is(t, "put", err, c.want)
			if stands != c.stands {
				t.Errorf("%s stands", stands)
			}
			if info.Version.Less(at(5, "a")) || err == nil && info.Version == at(5, "a") {
				t.Errorf("the row is %+v", info)
			}
		})
	}
	t.Run("an edit of another version loses to what the writer has not seen", func(t *testing.T) {
		d := newWorld(t, Config{}).device()
		if _, _, err := d.put(at1, "application/ld+json", a, at(5, "a"), idA); err != nil {
			t.Fatal(err)
		}
		d.r = d.r.After(at(4, "a"))
		_, _, err := d.put(at1, "application/ld+json", both, at(6, "b"), idB)
		is(t, "put", err, ErrSuperseded)
		d.r = d.r.After(at(5, "a"))
		if _, stands, err := d.put(at1, "application/ld+json", both, at(6, "b"), idB); err != nil || stands != both {
			t.Errorf("%s stands, %v", stands, err)
		}
	})
	t.Run("friends see them as one more file of the post", func(t *testing.T) {
		w := newWorld(t, Config{})
		w.audience("one", benCID)
		w.post("2026-11-22-abcdefghijklmnop", "one")
		before := w.follow(ben)
		if _, _, err := w.device().put(at1, "application/ld+json", a, at(1000, "a"), idA); err != nil {
			t.Fatal(err)
		}
		events, _, err := w.guard.As(ben).Changes(context.Background(), before.at, 10)
		if err != nil || len(events) != 1 || events[0].Kind != "Update" {
			t.Errorf("%+v, %v", events, err)
		}
		if text, err := w.read(ben, at1); err != nil || text != a {
			t.Errorf("Ben reads %q, %v", text, err)
		}
	})
}
