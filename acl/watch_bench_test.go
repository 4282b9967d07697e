package acl

import (
	"fmt"
	"testing"
)

// BenchmarkWatch asks a Watch of 2000 resources what is new: after a change that
// tells by itself what it changed, and after one that may have changed rights.
func BenchmarkWatch(b *testing.B) {
	w := newWorld(b, Config{})
	w.acl("/a/", ownerRule, readable(ben))
	for i := range 2000 {
		w.put(fmt.Sprintf("/a/%d/x", i), "text/plain", "1")
	}
	x, err := w.guard.As(ben).Watch(b.Context(), path(b, "/a/"))
	is(b, "watch", err, nil)
	defer x.Close()
	look := func(b *testing.B) {
		if _, err := x.Next(b.Context(), 1); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("changes", func(b *testing.B) {
		w.put("/else", "text/plain", "1")
		for b.Loop() {
			x.left = 0
			look(b)
		}
	})
	b.Run("everything", func(b *testing.B) {
		for b.Loop() {
			x.left = 1
			look(b)
		}
	})
}
