package acl

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"kith/pod"
)

// manyPosts fills a world with posts of which Ben may see one in two, for twenty
// audiences.
func manyPosts(b *testing.B, n int) *world {
	b.Helper()
	w := newWorld(b, Config{})
	for a := range 20 {
		members := []string{danCID}
		if a%2 == 0 {
			members = append(members, benCID)
		}
		w.audience(fmt.Sprintf("a%d", a), members...)
	}
	ctx := context.Background()
	for at := 0; at < n; at += 500 {
		staged := make([]pod.Staged, 1000)
		var wg sync.WaitGroup
		stage := func(k int, typ, text string) {
			wg.Go(func() {
				s, err := w.store.Stage(ctx, reader(text), pod.StageOptions{Max: 1 << 20, Type: typ})
				if err != nil {
					b.Error(err)
				}
				staged[k] = s
			})
		}
		for i := at; i < min(at+500, n); i++ {
			stage(2*(i-at), "application/ld+json", fmt.Sprintf(`{"content":"post %d"}`, i))
			stage(2*(i-at)+1, "text/turtle", prefix+ownerRule+allow(1, fmt.Sprintf("acl:agentGroup <../../audiences/a%d#members>", i%20),
				"acl:accessTo <./>; acl:default <./>", "acl:Read"))
		}
		if wg.Wait(); b.Failed() {
			b.FailNow()
		}
		err := w.store.Update(ctx, func(tx pod.WriteTx) error {
			for i := at; i < min(at+500, n); i++ {
				p := path(b, fmt.Sprintf("/social/posts/2026-%05d/", i))
				file, err := p.Child("post.jsonld", false)
				if err != nil {
					return err
				}
				if _, err := tx.Put(file, staged[2*(i-at)], pod.PutOptions{}); err != nil {
					return err
				}
				if _, err := tx.Put(p.ACL(), staged[2*(i-at)+1], pod.PutOptions{}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	w.acl("/social/posts/", ownerRule, allow(1, "acl:agentClass acl:AuthenticatedAgent", "acl:accessTo <./>", "acl:Read"))
	return w
}

// BenchmarkTenThousandPosts asks a pod with 10,000 posts, of which Ben may see
// half.
func BenchmarkTenThousandPosts(b *testing.B) {
	w := manyPosts(b, 10_000)
	ctx, v, p := context.Background(), w.guard.As(ben), path(b, "/social/posts/")
	b.Run("listing", func(b *testing.B) {
		for b.Loop() {
			a, err := v.Stat(ctx, p)
			if err != nil || len(a.Children) != 5000 {
				b.Fatal(len(a.Children), err)
			}
		}
	})
	b.Run("first page of the feed", func(b *testing.B) {
		for b.Loop() {
			events, _, _, err := v.Posts(ctx, "", 50)
			if err != nil || len(events) != 50 {
				b.Fatal(len(events), err)
			}
		}
	})
	b.Run("all changes from the start", func(b *testing.B) {
		_, _, at, err := v.Posts(ctx, "", 1)
		if err != nil {
			b.Fatal(err)
		}
		at.Seq = 0
		for b.Loop() {
			events, _, err := v.Changes(ctx, at, 100)
			if err != nil || len(events) != 100 {
				b.Fatal(len(events), err)
			}
		}
	})
	b.Run("get", func(b *testing.B) {
		file := path(b, "/social/posts/2026-00000/post.jsonld")
		for b.Loop() {
			a, err := v.Get(ctx, file)
			if err != nil {
				b.Fatal(err)
			}
			a.Close()
		}
	})
	b.Run("change of a group of 500 posts", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			members := []string{danCID}
			if i%2 == 0 {
				members = append(members, benCID)
			}
			w.audience("a1", members...)
		}
	})
}
