package ldp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/acl"
)

// reading is a reader who takes nothing of an answer until it is told to.
type reading struct {
	*httptest.ResponseRecorder
	began chan struct{}
	once  sync.Once
	let   chan struct{}
}

func (r *reading) Write(p []byte) (int, error) {
	r.once.Do(func() { close(r.began) })
	<-r.let
	return r.ResponseRecorder.Write(p)
}

// slowly begins a GET of a representation that has to be made, and waits until it
// is being sent or has been refused.
func (s *server) slowly(who, path, accept string, let chan struct{}, all *sync.WaitGroup) *reading {
	s.t.Helper()
	out := &reading{ResponseRecorder: httptest.NewRecorder(), began: make(chan struct{}), let: let}
	r := httptest.NewRequest("GET", base, nil)
	r.Header.Set("Accept", accept)
	ended := make(chan struct{})
	all.Go(func() {
		defer close(ended)
		if err := s.handler.Serve(out, r, s.guard.As(agents[who]), path); err != nil {
			s.t.Error(err)
		}
	})
	select {
	case <-out.began:
	case <-ended:
	case <-time.After(time.Minute):
		s.t.Fatal("no answer within a minute")
	}
	return out
}

// large is a graph that is a few times as long in JSON-LD.
func large(triples int) string {
	var text strings.Builder
	text.WriteString("@prefix x: <https://names.example/" + strings.Repeat("long/", 30) + "> .\n")
	for i := range triples {
		fmt.Fprintf(&text, "<#%d> x:p x:o .\n", i)
	}
	return text.String()
}

// TestSlowReaders has one friend ask for many large representations and read none:
// what lies in memory for that friend is bounded, and the others are served.
func TestSlowReaders(t *testing.T) {
	s := shared(t)
	s.want("owner", "PUT", "/box/large", large(20_000), 201, "Content-Type: text/turtle")
	const ld = "application/ld+json"
	one := len(s.want("reader", "GET", "/box/large", "", 200, "Accept: "+ld).body)
	if one < 4<<20 || one > 16<<20 {
		t.Fatalf("%d bytes, which is not what this test needs", one)
	}
	let := make(chan struct{})
	var all sync.WaitGroup
	var sent, refused int
	var held []*reading
	for range 12 {
		out := s.slowly("reader", "/box/large", ld, let, &all)
		switch held = append(held, out); {
		case out.Code == http.StatusServiceUnavailable:
			refused++
		default:
			sent++
		}
	}
	// The bodies of refusals are held back too, so their codes are known and no more.
	if sent < 1 || (sent-1)*one > 16<<20 || refused == 0 {
		t.Errorf("%d are being sent, %d are refused, of %d bytes", sent, refused, one)
	}
	for _, who := range []string{"writer", "owner"} {
		if got := len(s.want(who, "GET", "/box/large", "", 200, "Accept: "+ld).body); got != one {
			t.Errorf("%s gets %d bytes, not %d", who, got, one)
		}
	}
	s.want("reader", "GET", "/box/data", "", 200, "Accept: "+ld)
	close(let)
	all.Wait()
	for _, out := range held {
		again := out.Header().Get("Retry-After") != ""
		if refused := out.Code == http.StatusServiceUnavailable; refused != again || !refused && out.Body.Len() != one {
			t.Errorf("%d with %d bytes, Retry-After %q", out.Code, out.Body.Len(), out.Header().Get("Retry-After"))
		}
	}
	s.want("reader", "GET", "/box/large", "", 200, "Accept: "+ld)
}

// TestSlowStrangers has many who are nobody hold what there is for such, from as
// many addresses: contacts and the owner have room left.
func TestSlowStrangers(t *testing.T) {
	s := shared(t)
	v := func(who, address string) *acl.Room { return s.guard.As(agents[who]).At(address).Room() }
	var rooms []*acl.Room
	take := func(who, address string, n int64) error {
		r := v(who, address)
		rooms = append(rooms, r)
		return r.Take(n)
	}
	if err := take("reader", "192.0.2.9", 0); err != nil {
		t.Error(err)
	}
	for i := range 4 {
		if err := take("stranger", fmt.Sprint("192.0.2.", i), 8<<20); err != nil {
			t.Fatalf("stranger %d: %v", i, err)
		}
	}
	for _, c := range []struct {
		who     string
		n       int64
		refused bool
	}{
		{"stranger", 1, true}, {"reader", 10 << 20, false}, {"reader", 10 << 20, true}, {"reader", 1 << 10, false},
		{"writer", 5 << 20, false}, {"adder", 5 << 20, true}, {"owner", 12 << 20, false}, {"owner", 12 << 20, true},
	} {
		if err := take(c.who, "192.0.2.9", c.n); (err != nil) != c.refused {
			t.Errorf("%s, %d bytes: %v", c.who, c.n, err)
		}
	}
	for _, r := range rooms {
		r.Close()
		r.Close()
	}
	for _, who := range []string{"stranger", "reader", "owner"} {
		if err := take(who, "192.0.2.9", 30<<20); err != nil {
			t.Errorf("%s afterwards: %v", who, err)
		}
		rooms[len(rooms)-1].Close()
	}
}
