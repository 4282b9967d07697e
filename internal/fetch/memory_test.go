package fetch

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// clock is one that only a test moves.
type clock struct{ now atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Unix(c.now.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d / time.Second)) }

func TestHowLongAnAnswerIsKept(t *testing.T) {
	for _, c := range []struct {
		control string
		life    time.Duration
	}{
		{"", maxLife}, {"max-age=20", 20 * time.Second}, {"public, Max-Age=\"20\"", 20 * time.Second}, {"max-age=0", minLife}, {"no-store", minLife},
		{"private, max-age=20", minLife}, {"max-age=31536000", maxLife}, {"max-age=-1", maxLife}, {"max-age=x", maxLife}, {"max-age=99999999999999999999", maxLife},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", c.control)
		})
		f, at := open(t, s.host), &clock{}
		f.now = at.Now
		ask := func(want int64) {
			t.Helper()
			if _, err := f.Get(t.Context(), s.URL, "*/*"); err != nil || s.requests.Load() != want {
				t.Errorf("%q: %d requests, %v; want %d", c.control, s.requests.Load(), err, want)
			}
		}
		ask(1)
		at.advance(c.life - time.Second)
		ask(1)
		at.advance(time.Second)
		ask(2)
		at.advance(-time.Hour) // the clock was set back
		ask(3)
	}
}

func TestAnswersAreKeptByWhatWasAskedFor(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("Accept")) })
	f := open(t, s.host)
	for _, accept := range []string{"text/turtle", "application/json", "text/turtle"} {
		if d, err := f.Get(t.Context(), s.URL, accept); err != nil || string(d.Body) != accept {
			t.Errorf("%s: %q, %v", accept, d.Body, err)
		}
	}
	if s.requests.Load() != 2 {
		t.Errorf("%d requests", s.requests.Load())
	}
}

func TestFailuresAreKept(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	f, at := open(t, s.host), &clock{}
	f.now = at.Now
	for range 3 {
		if _, err := f.Get(t.Context(), s.URL, "*/*"); !errors.Is(err, ErrFailed) {
			t.Fatal(err)
		}
	}
	if s.requests.Load() != 1 {
		t.Errorf("%d requests", s.requests.Load())
	}
	at.advance(failureLife)
	if f.Get(t.Context(), s.URL, "*/*"); s.requests.Load() != 2 {
		t.Errorf("%d requests after a while", s.requests.Load())
	}
}

func TestFresh(t *testing.T) {
	var broken atomic.Bool
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	f, at := open(t, s.host), &clock{}
	f.now = at.Now
	ask := func(age time.Duration, want int64, wantErr error) {
		t.Helper()
		if _, err := f.Fresh(t.Context(), s.URL, "*/*", age); s.requests.Load() != want || !errors.Is(err, wantErr) {
			t.Errorf("%d requests, %v; want %d, %v", s.requests.Load(), err, want, wantErr)
		}
	}
	ask(time.Hour, 1, nil)
	at.advance(20 * time.Second)
	ask(time.Hour, 1, nil)
	ask(10*time.Second, 2, nil)
	ask(10*time.Second, 2, nil)
	broken.Store(true)
	at.advance(20 * time.Second)
	ask(10*time.Second, 3, ErrFailed)
	ask(10*time.Second, 3, nil) // what still holds is not lost, and not asked for again at once
	at.advance(maxLife)
	ask(time.Hour, 4, ErrFailed)
}

func TestMemoryIsBounded(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxBody)) })
	f := open(t, s.host)
	for i := range 3 * maxMemory / maxBody {
		if _, err := f.Get(t.Context(), fmt.Sprintf("%s/%d?%s", s.URL, i, strings.Repeat("a", 1000)), "*/*"); err != nil {
			t.Fatal(err)
		}
	}
	held := 0
	for _, generation := range []map[string]*entry{f.memory.newer, f.memory.old} {
		for key, e := range generation {
			held += len(key) + len(e.doc.Body) + entryCost
			if e.last != nil {
				t.Error("an answer holds the one before")
			}
		}
	}
	if held > 2*maxMemory || held < maxMemory {
		t.Errorf("%d bytes are held", held)
	}
}

func TestClient(t *testing.T) {
	closed, seen := listen(t)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch body, _ := io.ReadAll(r.Body); r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
		case "/large":
			w.Write(make([]byte, maxBody+1))
		default:
			fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Signature"), body)
		}
	})
	f := open(t, s.host)
	post := func(address string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Signature", "sig")
		answer, err := f.Client().Do(r)
		if r.Header.Get("User-Agent") != "" {
			t.Error("the request of the caller was changed")
		}
		return answer, err
	}
	answer, err := post(s.URL + "/echo")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "POST sig hello" {
		t.Errorf("%q, %v", body, err)
	}
	answer.Body.Close()
	if answer, err = post(s.URL + "/moved"); err != nil || answer.StatusCode != http.StatusTemporaryRedirect {
		t.Fatalf("%v, %v", answer, err)
	}
	answer.Body.Close()
	if answer, err = post(s.URL + "/large"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(answer.Body); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a large answer: %v", err)
	}
	answer.Body.Close()
	for _, address := range []string{"https://" + closed + "/", "http://a.example/", "https://a:b@a.example/"} {
		if _, err := post(address); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if seen.Load() != 0 || len(f.hosts.all) != 0 {
		t.Errorf("%d connections to a private address, %d requests left over", seen.Load(), len(f.hosts.all))
	}
}

// TestNoRoomIsNotKept: what was not asked for, since others were in the way, is asked for as soon as they are gone.
func TestNoRoomIsNotKept(t *testing.T) {
	s := serve(t, text("x"))
	f := open(t, s.host)
	for range maxWait {
		if _, ok := f.hosts.come(s.host); !ok {
			t.Fatal("no place")
		}
	}
	if _, err := f.Get(t.Context(), s.URL, "*/*"); !errors.Is(err, ErrFailed) || s.requests.Load() != 0 {
		t.Fatalf("%d requests, %v", s.requests.Load(), err)
	}
	for range maxWait {
		f.hosts.gone(s.host)
	}
	if _, err := f.Get(t.Context(), s.URL, "*/*"); err != nil {
		t.Errorf("with room: %v", err)
	}
}
