package sync

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"kith/acl"
	"kith/pod"
)

// crowd is a pod as large as one gets: posts in turn for each of 20 audiences,
// and 250 contacts, each in a few of them.
const (
	crowdPosts     = 10_000
	crowdAudiences = 20
	crowdContacts  = 250
)

func crowdContact(i int) string { return fmt.Sprintf("%s%s", digits(i), "aaaaaaaaaaaaaaaaa") }

// digits is a number in letters of base32.
func digits(i int) string {
	return string([]byte{'b' + byte(i/100), 'b' + byte(i/10%10), 'b' + byte(i%10)})
}

// newCrowd puts the audiences through the front door and the posts, which are
// many, into the folder while the pod is stopped.
func newCrowd(t testing.TB, posts int) *house {
	t.Helper()
	h := newHouse(t)
	for a := range crowdAudiences {
		var members []string
		for c := range crowdContacts {
			if (c+a)%crowdAudiences < 4 {
				members = append(members, crowdContact(c))
			}
		}
		h.audience(fmt.Sprint("a", a), members...)
	}
	h.close()
	for i := range posts {
		post := filepath.Join(h.dir, "tree", "social", "posts", fmt.Sprintf("2026-%06d", i))
		h.must(os.MkdirAll(post, 0o700))
		h.must(os.WriteFile(filepath.Join(post, "post.jsonld"), []byte(note(fmt.Sprint("post ", i))), 0o600))
		h.must(os.WriteFile(filepath.Join(post, "1-t.webp"), []byte("RIFF"), 0o600))
		h.must(os.WriteFile(filepath.Join(post, ".acl"), []byte(postACL(fmt.Sprint("a", i%crowdAudiences))), 0o600))
	}
	h.open()
	return h
}

// ledger counts what is read of a store.
type ledger struct {
	pod.Store
	opened map[string]int // by last name
	listed int            // rows of listings
	change int            // rows of changes
}

func (l *ledger) View(ctx context.Context, fn func(pod.Tx) error) error {
	return l.Store.View(ctx, func(tx pod.Tx) error { return fn(countedTx{tx, l}) })
}

type countedTx struct {
	pod.Tx
	l *ledger
}

func (x countedTx) Open(p pod.Path) (pod.Resource, error) {
	x.l.opened[p.Name()]++
	return x.Tx.Open(p)
}

func (x countedTx) List(p pod.Path) iter.Seq2[pod.Info, error] {
	return counting(x.Tx.List(p), &x.l.listed)
}

func (x countedTx) Changes(after uint64) iter.Seq2[pod.Change, error] {
	return counting(x.Tx.Changes(after), &x.l.change)
}

func counting[T any](rows iter.Seq2[T, error], n *int) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row, err := range rows {
			*n++
			if !yield(row, err) {
				return
			}
		}
	}
}

// TestCost counts what one page and one poll read of a pod of 400 posts.
func TestCost(t *testing.T) {
	const posts = 400
	h := newCrowd(t, posts)
	l := &ledger{Store: h.store, opened: map[string]int{}}
	h.guard.Close()
	h.guard = acl.New(l, acl.Config{Base: base, Owner: ownerID, Now: h.clock.now})
	friend := h.friend(crowdContact(7))
	p := h.read(friend, "feed?inline=1")

	t.Run("a first page opens its own posts, one access list for each audience, and lists its own folders", func(t *testing.T) {
		if len(p.Items) != 50 {
			t.Fatalf("%d items", len(p.Items))
		}
		if l.opened["post.jsonld"] != 50 || l.opened[".acl"] > crowdAudiences+2 {
			t.Errorf("opened %v", l.opened)
		}
		if most := posts + 50*2; l.listed > most {
			t.Errorf("%d rows of listings, at most %d", l.listed, most)
		}
	})
	t.Run("the first listing after a start reads each row once, for all friends", func(t *testing.T) {
		before := l.change
		if before < posts || before > 6*posts {
			t.Errorf("%d rows of changes", before)
		}
		h.read(h.friend(crowdContact(9)), "feed")
		h.read(friend, "feed?limit=100")
		if l.change != before {
			t.Errorf("%d rows more for others", l.change-before)
		}
	})
	t.Run("a poll without news reads no rows", func(t *testing.T) {
		before := *l
		h.since(friend, p)
		if l.listed != before.listed || l.change != before.change {
			t.Errorf("%d rows of listings and %d of changes", l.listed-before.listed, l.change-before.change)
		}
	})
	t.Run("what is hidden is read once", func(t *testing.T) {
		for i := range 10 {
			h.write(fmt.Sprintf("/notes/%d", i), "text/plain", "x")
		}
		before := l.change
		h.since(friend, p)
		once := l.change
		h.since(friend, p)
		if once == before || l.change != once {
			t.Errorf("%d rows of changes, then %d", once-before, l.change-once)
		}
	})
	t.Run("what is hidden is read once after a restart too", func(t *testing.T) {
		h.guard.Close()
		h.guard = acl.New(l, acl.Config{Base: base, Owner: ownerID, Now: h.clock.now})
		friend = h.friend(crowdContact(7))
		h.read(friend, "feed")
		before := l.change
		h.since(friend, p)
		once := l.change
		h.since(friend, p)
		if once == before || l.change != once {
			t.Errorf("%d rows of changes, then %d", once-before, l.change-once)
		}
	})
}

// BenchmarkCrowd is what a friend waits for at a pod of 10,000 posts, with 250
// contacts in 20 audiences.
func BenchmarkCrowd(b *testing.B) {
	h := newCrowd(b, crowdPosts)
	friend := func() *acl.View { return h.friend(crowdContact(7)) }
	ask := func(b *testing.B, target string, items int) told {
		b.Helper()
		p := h.read(friend(), target)
		if len(p.Items) != items {
			b.Fatalf("%d items", len(p.Items))
		}
		return p
	}
	restart := func(b *testing.B) {
		b.StopTimer()
		h.guard.Close()
		h.guard = acl.New(h.store, acl.Config{Base: base, Owner: ownerID, Now: h.clock.now})
		b.StartTimer()
	}
	b.Run("first page, warm", func(b *testing.B) {
		for b.Loop() {
			ask(b, "feed?inline=1", 50)
		}
	})
	b.Run("first page after a restart", func(b *testing.B) {
		for b.Loop() {
			restart(b)
			ask(b, "feed?inline=1", 50)
		}
	})
	b.Run("last page, warm", func(b *testing.B) {
		p := ask(b, "feed?limit=100", 100)
		for p.Next != "" {
			p = h.read(friend(), p.Next)
		}
		cursor := p.Cursor
		for b.Loop() {
			ask(b, "feed?page="+cursor+".2026-000040", 8)
		}
	})
	b.Run("poll without news", func(b *testing.B) {
		p := ask(b, "feed", 50)
		for b.Loop() {
			ask(b, "feed?cursor="+p.Cursor, 0)
		}
	})
	b.Run("poll after one hidden change", func(b *testing.B) {
		p := ask(b, "feed", 50)
		for b.Loop() {
			b.StopTimer()
			h.write("/notes/private", "text/plain", fmt.Sprint(b.N))
			b.StartTimer()
			ask(b, "feed?cursor="+p.Cursor, 0)
		}
	})
	b.Run("poll after a restart, from the beginning", func(b *testing.B) {
		cursors := testSealer(b, "a key of thirty-two bytes, or so", base)
		at, err := cursors.open(friend().Agent(), ask(b, "feed", 50).Cursor)
		h.must(err)
		at.Seq = h.rows("?limit=1").Seq
		cursor, err := cursors.seal(friend().Agent(), at)
		h.must(err)
		for b.Loop() {
			restart(b)
			if s := h.ask(friend(), http.MethodGet, "social/feed?limit=50&cursor="+cursor); s.err != nil {
				b.Fatal(s.err)
			}
		}
	})
	b.Run("door", func(b *testing.B) {
		for b.Loop() {
			if s := h.ask(friend(), http.MethodGet, "social/door"); s.err != nil {
				b.Fatal(s.err)
			}
		}
	})
	b.Run("rows of a replica, 1,000", func(b *testing.B) {
		for b.Loop() {
			if p := h.rows(""); len(p.Rows) != 1000 {
				b.Fatal(len(p.Rows))
			}
		}
	})
}
