package ldp_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"kith/acl"
	"kith/pod"
)

// discard is a response that nobody reads.
func (s *server) discard(b *testing.B, who, path string) {
	r := httptest.NewRequest("GET", base, nil)
	w := httptest.NewRecorder()
	if err := s.handler.Serve(w, r, s.guard.As(agents[who]), path); err != nil || w.Code != 200 {
		b.Fatal(w.Code, err)
	}
}

func BenchmarkGet(b *testing.B) {
	s := newServer(b, acl.Config{})
	s.put("/box/note", "text/plain", strings.Repeat("x", 4096))
	s.acl("/box/.acl", give("reader", "acl:Read"))
	b.ReportAllocs()
	for b.Loop() {
		s.discard(b, "reader", "/box/note")
	}
}

// BenchmarkListing10000 lists 10,000 members, of which the friend may see half.
func BenchmarkListing10000(b *testing.B) {
	s := newServer(b, acl.Config{})
	s.acl("/box/.acl", give("reader", "acl:Read"))
	crowd(b, s)
	b.ReportAllocs()
	for b.Loop() {
		s.discard(b, "reader", "/box/")
	}
}

// crowd fills /box/ with 10,000 containers; each second one has an ACL of its
// own, which names the owner only.
func crowd(b *testing.B, s *server) {
	b.Helper()
	ctx := context.Background()
	box, err := pod.ParsePath("/box/")
	if err != nil {
		b.Fatal(err)
	}
	for at := 0; at < 10_000; at += 500 {
		var staged [250]pod.Staged
		var wg sync.WaitGroup
		for i := range staged {
			wg.Go(func() {
				var err error
				if staged[i], err = s.store.Stage(ctx, strings.NewReader(prefix+ownerRule), pod.StageOptions{Max: 1 << 20, Type: "text/turtle"}); err != nil {
					b.Error(err)
				}
			})
		}
		if wg.Wait(); b.Failed() {
			b.FailNow()
		}
		err := s.store.Update(ctx, func(tx pod.WriteTx) error {
			for i := range 500 {
				p, err := box.Child(fmt.Sprintf("2026-11-22-%05d", at+i), true)
				if err != nil {
					return err
				}
				if _, err := tx.MakeContainer(p, pod.PutOptions{}); err != nil {
					return err
				}
				if i%2 == 1 {
					continue
				}
				if _, err := tx.Put(p.ACL(), staged[i/2], pod.PutOptions{}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
