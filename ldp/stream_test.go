package ldp_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"kith/acl"
	"kith/webid"
)

// listen puts a pod on the network for one friend.
func (s *server) listen(who string) *httptest.Server {
	s.t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.handler.Serve(w, r, s.guard.As(agents[who]), r.URL.EscapedPath()); err != nil {
			s.t.Error(err)
		}
	}))
	s.t.Cleanup(srv.Close)
	return srv
}

// TestDownloadIsCut takes the right away from a friend in the middle of a
// download, who then reads as fast as possible what is left.
func TestDownloadIsCut(t *testing.T) {
	const size = 64 << 20
	for _, c := range []struct {
		name string
		lose func(s *server, gone *atomic.Bool)
	}{
		{"by the ACL", func(s *server, _ *atomic.Bool) { s.acl("/box/.acl") }},
		{"by the end of the friendship", func(s *server, gone *atomic.Bool) {
			gone.Store(true)
			s.put("/other", "text/plain", "any change")
		}},
		{"by deletion", func(s *server, _ *atomic.Bool) { s.want("owner", "DELETE", "/box/film", "", 204) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var gone atomic.Bool
			s := newServer(t, acl.Config{Valid: func(_ context.Context, a webid.Agent) bool { return a.Owner() || !gone.Load() }})
			s.acl("/box/.acl", give("reader", "acl:Read"))
			fill(t, s.guard, "/box/film", "video/mp4", make([]byte, size))
			srv := s.listen("reader")
			res, err := http.Get(srv.URL + "/box/film")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if _, err := io.ReadFull(res.Body, make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
			c.lose(s, &gone)
			lost := time.Now()
			rest, err := io.Copy(io.Discard, res.Body)
			if err == nil || rest+1<<20 >= size {
				t.Errorf("%d bytes more, %v", rest, err)
			}
			if took := time.Since(lost); took > 5*time.Second {
				t.Errorf("cut after %v", took)
			}
		})
	}
}

// TestBlockedDownloadIsCut takes the right away while the server waits for a
// reader that does not read, and asks that the handler returns.
func TestBlockedDownloadIsCut(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.acl("/box/.acl", give("reader", "acl:Read"))
	fill(t, s.guard, "/box/film", "video/mp4", make([]byte, 64<<20))
	returned := make(chan any, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			aborted := recover()
			returned <- aborted
			if aborted != nil {
				panic(aborted)
			}
		}()
		if err := s.handler.Serve(w, r, s.guard.As(agents["reader"]), "/box/film"); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	res, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	s.acl("/box/.acl")
	select {
	case aborted := <-returned:
		if aborted != http.ErrAbortHandler {
			t.Errorf("the handler ended with %v", aborted)
		}
	case <-time.After(time.Minute):
		t.Fatal("the handler still waits for the reader")
	}
	if n, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("the reader was told that this is all, after %d bytes", n)
	}
}

func TestDownloadIsWhole(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.acl("/box/.acl", give("reader", "acl:Read"))
	film := bytes.Repeat([]byte("film"), 1<<20)
	fill(t, s.guard, "/box/film", "video/mp4", film)
	srv := s.listen("reader")
	res, err := http.Get(srv.URL + "/box/film")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got bytes.Buffer
	for i := 0; ; i++ {
		if i == 8 {
			s.put("/other", "text/plain", "a change that does not matter")
		}
		if _, err := io.CopyN(&got, res.Body, 1<<18); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(got.Bytes(), film) {
		t.Errorf("%d bytes of %d", got.Len(), len(film))
	}
}
