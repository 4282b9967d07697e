package sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kith/acl"
	"kith/pod"
	"kith/webid"
)

// wireRow is a row as the owner's app reads it.
type wireRow struct {
	ID       string
	Path     string
	Gone     bool
	Version  []any
	ETag     string
	Type     string
	Size     *int64
	Modified string
}

func (r wireRow) version() string { return fmt.Sprintf("%.0f.%s", r.Version...) }

// wirePage is a page of rows as the owner's app reads it.
type wirePage struct {
	Epoch     string
	Seq, Head uint64
	More      bool
	Counter   uint64
	Device    string
	Rows      []wireRow
}

func (h *house) rows(query string) wirePage {
	h.t.Helper()
	return h.rowsOf(h.ask(h.owner(), "GET", ".replica"+query))
}

func (h *house) rowsOf(s said) wirePage {
	h.t.Helper()
	var p wirePage
	if s.err != nil || s.status != http.StatusOK {
		h.t.Fatalf("status %d, error %v", s.status, s.err)
	}
	h.must(json.Unmarshal([]byte(s.body), &p))
	return p
}

// bring puts a row as a device does.
func (h *house) bring(path, version, body string, more ...func(*http.Request)) said {
	r := httptest.NewRequest("PUT", base+".replica"+path, strings.NewReader(body)).WithContext(h.t.Context())
	r.Header.Set("Kith-Version", version)
	r.Header.Set("Content-Type", "text/plain")
	for _, f := range more {
		f(r)
	}
	return h.serve(h.owner(), r)
}

func (h *house) drop(path, version string) said {
	return h.ask(h.owner(), "DELETE", ".replica"+path, header("Kith-Version", version))
}

func (h *house) fetch(path string, more ...func(*http.Request)) said {
	return h.ask(h.owner(), "GET", ".replica"+path, more...)
}

func (h *house) wantBytes(what, path, want string) {
	h.t.Helper()
	if s := h.fetch(path); s.err != nil || s.body != want {
		h.t.Errorf("%s: got %q and error %v, want %q", what, s.body, s.err, want)
	}
}

func (h *house) rowAt(path string) wireRow {
	h.t.Helper()
	for _, r := range h.rows("").Rows {
		if r.Path == path {
			return r
		}
	}
	h.t.Fatalf("no row of %s", path)
	return wireRow{}
}

// oneRow reads the answer to a write.
func oneRow(t *testing.T, s said) wireRow {
	t.Helper()
	var r wireRow
	if s.err != nil || s.status != http.StatusOK || json.Unmarshal([]byte(s.body), &r) != nil {
		t.Fatalf("status %d, error %v, body %s", s.status, s.err, s.body)
	}
	return r
}

// winner reads the answer to a write that lost.
func winner(t *testing.T, s said) wireRow {
	t.Helper()
	var w struct{ Winner *wireRow }
	if s.err != nil || s.status != http.StatusConflict || json.Unmarshal([]byte(s.body), &w) != nil || w.Winner == nil {
		t.Fatalf("status %d, error %v, body %s", s.status, s.err, s.body)
	}
	return *w.Winner
}

const handle = "AAAAAAAAAAAAAAAAAAAAAA"

func TestReplicaIsForTheOwner(t *testing.T) {
	h := newHouse(t)
	h.write("/profile/card", turtle, "")
	for _, target := range []string{".replica", ".replica?limit=x", ".replica/profile/card", ".replica/nothing", ".replica/%2F"} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS"} {
			t.Run(method+" "+target, func(t *testing.T) {
				h.wantError("a stranger is asked for credentials", h.ask(h.stranger(), method, target), acl.ErrUnauthenticated)
				s := h.ask(h.friend(ana), method, target)
				h.wantError("a friend is refused", s, acl.ErrForbidden)
				if got := s.header.Get("Allow"); got != "" {
					t.Errorf("a friend learns that %q is allowed", got)
				}
			})
		}
	}
	t.Run("a device that is no longer the owner's is refused", func(t *testing.T) {
		gone := phone
		h.away.Store(&gone)
		defer h.away.Store(nil)
		h.wantError("rows", h.ask(h.owner(), "GET", ".replica"), acl.ErrUnauthenticated)
		h.wantError("bytes", h.ask(h.owner(), "GET", ".replica/profile/card"), acl.ErrUnauthenticated)
		h.wantError("write", h.bring("/x", "1.a", "x"), acl.ErrUnauthenticated)
		h.wantError("delete", h.drop("/profile/card", "99.a"), acl.ErrUnauthenticated)
	})
	t.Run("the owner may read and write, and nothing else", func(t *testing.T) {
		for target, want := range map[string]string{".replica": "GET, HEAD", ".replica/": "GET, HEAD", ".replica/x": "GET, HEAD, PUT, DELETE"} {
			s := h.ask(h.owner(), "POST", target)
			h.wantError(target, s, ErrMethod)
			if got := s.header.Get("Allow"); got != want {
				t.Errorf("%s allows %q", target, got)
			}
		}
	})
	t.Run("what is no path is refused", func(t *testing.T) {
		for _, path := range []string{"/a%2Fb", "/../x", "/a//b", "/%00", "/a%5Cb", "/.kith-x"} {
			if s := h.fetch(path); !errors.Is(s.err, pod.ErrBadPath) && !errors.Is(s.err, pod.ErrReserved) {
				t.Errorf("%s: %v", path, s.err)
			}
		}
	})
}

func TestRows(t *testing.T) {
	h := newHouse(t)
	first := h.rows("")

	t.Run("a page says where the pod stands", func(t *testing.T) {
		if first.Epoch == "" || first.Seq != first.Head || first.More || first.Device != podKid || first.Counter == 0 {
			t.Errorf("got %+v", first)
		}
		s := h.ask(h.owner(), "GET", ".replica")
		if s.header.Get("Content-Type") != "application/json" || s.header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", s.header)
		}
	})
	t.Run("rows have all that another replica needs, access lists included", func(t *testing.T) {
		r := h.rowAt("/social/posts/.acl")
		if r.ID == "" || len(r.Version) != 2 || r.Version[1] != podKid || r.ETag == "" || r.Type != turtle ||
			r.Size == nil || *r.Size == 0 || r.Modified != "2026-11-22T09:00:00.000Z" || r.Gone {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("rows of containers have neither bytes nor a type", func(t *testing.T) {
		r := h.rowAt("/social/posts/")
		if r.ID == "" || r.ETag != "" || r.Type != "" || r.Size != nil || r.Modified == "" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a path is told as it is, not as it is written in an address", func(t *testing.T) {
		h.write("/a%20b/%C3%BC.txt", "text/plain", "x")
		h.rowAt("/a b/ü.txt")
	})
	after := fmt.Sprintf("?epoch=%s&after=%d", first.Epoch, first.Head)
	t.Run("after a row come those that changed since", func(t *testing.T) {
		h.write("/new.txt", "text/plain", "x")
		h.erase("/new.txt")
		h.write("/newer.txt", "text/plain", "x")
		var got []string
		for _, r := range h.rows(after).Rows {
			got = append(got, fmt.Sprint(r.Path, r.Gone))
		}
		want := fmt.Sprint([]string{"/a b/ü.txtfalse", "/a b/false", "true", "/newer.txtfalse", "/false"})
		if fmt.Sprint(got) != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	t.Run("what was deleted is a handle and a version", func(t *testing.T) {
		id := h.rowAt("/newer.txt").ID
		h.write("/keep.txt", "text/plain", "x")
		version := h.erased + 1
		h.erase("/newer.txt")
		for _, r := range h.rows(after).Rows {
			if r.ID == id {
				if !r.Gone || r.Path+r.ETag+r.Type+r.Modified != "" || r.Size != nil || r.version() != fmt.Sprintf("%d.%s", version<<20, phone) {
					t.Errorf("got %+v", r)
				}
				return
			}
		}
		t.Error("no row")
	})
	t.Run("pages together are all rows, once each and in order", func(t *testing.T) {
		all := h.rows("")
		var got []wireRow
		p := h.rows("?limit=4")
		for ; ; p = h.rows(fmt.Sprintf("?epoch=%s&after=%d&limit=4", p.Epoch, p.Seq)) {
			got = append(got, p.Rows...)
			if p.More != (p.Seq < p.Head) || p.Head != all.Head || len(p.Rows) > 4 {
				t.Fatalf("got %+v", p)
			}
			if !p.More {
				break
			}
		}
		if fmt.Sprint(ids(got)) != fmt.Sprint(ids(all.Rows)) || p.Seq != all.Head {
			t.Errorf("got %v, want %v", ids(got), ids(all.Rows))
		}
	})
	t.Run("another epoch, or none, begins at the start", func(t *testing.T) {
		all := h.rows("")
		for _, query := range []string{
			"?epoch=other&after=5", "?after=5", fmt.Sprintf("?epoch=other&after=%d&wait=25", all.Head),
			fmt.Sprintf("?epoch=%s&after=%d&wait=25", all.Epoch, all.Head+1),
		} {
			if got := h.rows(query); len(got.Rows) != len(all.Rows) || got.Epoch != all.Epoch {
				t.Errorf("%s: %d rows of %d", query, len(got.Rows), len(all.Rows))
			}
		}
	})
	t.Run("at the end there are no rows", func(t *testing.T) {
		all := h.rows("")
		p := h.rows(fmt.Sprintf("?epoch=%s&after=%d", all.Epoch, all.Head))
		if len(p.Rows) != 0 || p.Rows == nil || p.Seq != all.Head || p.More {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("what only concerns readers is no row", func(t *testing.T) {
		h.audience("a", ana)
		h.post("p", "a", "x")
		before := h.rows("")
		h.audience("a", carl)
		for _, r := range h.rows(fmt.Sprintf("?epoch=%s&after=%d", before.Epoch, before.Head)).Rows {
			if r.Path != "/social/audiences/a" && r.Path != "/social/posts/p/" {
				t.Errorf("got %+v", r)
			}
		}
	})
	t.Run("what is no query is refused", func(t *testing.T) {
		for _, q := range []string{"limit=0", "limit=1001", "limit=x", "after=-1", "after=x", "wait=26", "wait=x", "epoch=a&epoch=b", "a=%"} {
			h.wantError(q, h.ask(h.owner(), "GET", ".replica?"+q), ErrRequest)
		}
	})
	t.Run("HEAD is GET without the body", func(t *testing.T) {
		if s := h.ask(h.owner(), "HEAD", ".replica"); s.err != nil || s.status != 200 || s.body != "" {
			t.Errorf("got %v", s)
		}
	})
}

func ids(rows []wireRow) (out []string) {
	for _, r := range rows {
		out = append(out, r.ID)
	}
	return out
}

func TestRowsLongPoll(t *testing.T) {
	wait := func(h *house) string {
		p := h.rows("")
		return fmt.Sprintf(".replica?epoch=%s&after=%d&wait=10", p.Epoch, p.Head)
	}
	bubble(t, "it answers when something has changed", func(t *testing.T, h *house) {
		began := time.Now()
		answer, leave := h.poll(h.owner(), wait(h))
		defer leave()
		time.Sleep(3 * time.Second) // of the bubble's clock
		waiting(t, answer)
		h.write("/x.txt", "text/plain", "x")
		p := h.rowsOf(<-answer)
		if took := time.Since(began); took != 3*time.Second || len(p.Rows) == 0 {
			t.Errorf("after %v: %v", took, p.Rows)
		}
	})
	bubble(t, "it answers with nothing when the time is over", func(t *testing.T, h *house) {
		began := time.Now()
		p := h.rowsOf(h.ask(h.owner(), "GET", wait(h)))
		if took := time.Since(began); took != 10*time.Second || len(p.Rows) != 0 {
			t.Errorf("after %v: %v", took, p.Rows)
		}
	})
	bubble(t, "it ends when the client goes", func(t *testing.T, h *house) {
		answer, leave := h.poll(h.owner(), wait(h))
		waiting(t, answer)
		leave()
		h.wantError("poll", <-answer, context.Canceled)
	})
	bubble(t, "it ends when the device is no longer the owner's", func(t *testing.T, h *house) {
		answer, leave := h.poll(h.owner(), wait(h))
		defer leave()
		waiting(t, answer)
		gone := phone
		h.away.Store(&gone)
		podDevice := h.guard.As(webid.OwnerAgent(ownerID, podKid))
		_, _, err := podDevice.Put(t.Context(), h.path("/x"), "text/plain", strings.NewReader("x"), pod.Precondition{})
		h.must(err)
		h.wantError("poll", <-answer, acl.ErrUnauthenticated)
	})
}

func TestReplicaGet(t *testing.T) {
	h := newHouse(t)
	h.write("/a%20b.txt", "text/plain; charset=utf-8", "0123456789")
	whole := h.fetch("/a%20b.txt")

	t.Run("it gives the bytes with what the row says", func(t *testing.T) {
		row := h.rowAt("/a b.txt")
		want := map[string]string{
			"Content-Type": "text/plain; charset=utf-8", "Etag": row.ETag, "Kith-Id": row.ID, "Kith-Version": row.version(),
			"Content-Length": "10", "Accept-Ranges": "bytes", "Last-Modified": "Sun, 22 Nov 2026 09:00:00 GMT", "Cache-Control": "no-store",
		}
		for name, value := range want {
			if got := whole.header.Get(name); got != value {
				t.Errorf("%s is %q, want %q", name, got, value)
			}
		}
		if whole.body != "0123456789" || whole.err != nil {
			t.Errorf("got %v", whole)
		}
	})
	t.Run("nothing in it runs in a browser", func(t *testing.T) {
		h.write("/evil.html", "text/html", "<script>")
		s := h.fetch("/evil.html")
		if s.header.Get("X-Content-Type-Options") != "nosniff" || s.header.Get("Content-Disposition") != "attachment" ||
			!strings.HasPrefix(s.header.Get("Content-Security-Policy"), "sandbox;") {
			t.Errorf("headers %v", s.header)
		}
	})
	t.Run("a download goes on where it ended, unless the bytes have changed", func(t *testing.T) {
		tag := whole.header.Get("ETag")
		s := h.fetch("/a%20b.txt", header("Range", "bytes=4-"), header("If-Range", tag))
		if s.status != http.StatusPartialContent || s.body != "456789" || s.header.Get("Content-Range") != "bytes 4-9/10" {
			t.Errorf("got %v", s)
		}
		h.write("/a%20b.txt", "text/plain; charset=utf-8", "abcdefghij")
		s = h.fetch("/a%20b.txt", header("Range", "bytes=4-"), header("If-Range", tag))
		if s.status != http.StatusOK || s.body != "abcdefghij" {
			t.Errorf("got %v", s)
		}
	})
	t.Run("ranges outside of the bytes are refused", func(t *testing.T) {
		if s := h.fetch("/a%20b.txt", header("Range", "bytes=10-")); s.status != http.StatusRequestedRangeNotSatisfiable {
			t.Errorf("status %d", s.status)
		}
	})
	t.Run("who has it is told so", func(t *testing.T) {
		s := h.fetch("/a%20b.txt", header("If-None-Match", h.rowAt("/a b.txt").ETag))
		if s.status != http.StatusNotModified || s.body != "" {
			t.Errorf("got %v", s)
		}
	})
	t.Run("HEAD is GET without the body", func(t *testing.T) {
		s := h.ask(h.owner(), "HEAD", ".replica/a%20b.txt")
		if s.status != http.StatusOK || s.body != "" || s.header.Get("Content-Length") != "10" || s.err != nil {
			t.Errorf("got %v", s)
		}
	})
	t.Run("access lists are resources like others", func(t *testing.T) {
		if s := h.fetch("/social/posts/.acl"); !strings.Contains(s.body, "AuthenticatedAgent") {
			t.Errorf("got %v", s)
		}
	})
	t.Run("containers and what is absent have no bytes", func(t *testing.T) {
		for _, path := range []string{"/social/", "/nothing", "/a%20b.txt/"} {
			h.wantError(path, h.fetch(path), pod.ErrNotExist)
		}
	})
}

// TestDownloadEnds reads a resource bit by bit, as a slow device does.
func TestDownloadEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.write("/film", "video/mp4", strings.Repeat("x", 4<<20))
		server, client := pipe()
		r := httptest.NewRequest("GET", base+".replica/film", nil).WithContext(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.replica.Serve(server, r, h.owner(), "/film") }()
		if _, err := io.ReadFull(client, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}

		h.write("/x", "text/plain", "a commit that takes nothing away")
		synctest.Wait()
		if _, err := io.ReadFull(client, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}

		gone := phone
		h.away.Store(&gone)
		podDevice := h.guard.As(webid.OwnerAgent(ownerID, podKid))
		_, _, err := podDevice.Put(t.Context(), h.path("/profile/card"), "text/turtle", strings.NewReader(""), pod.Precondition{})
		h.must(err)
		synctest.Wait()
		go func() { h.must(errors.Join(<-done, server.Close())) }()
		rest, err := io.Copy(io.Discard, client)
		if err != nil || rest > 1<<20 {
			t.Errorf("%d more bytes came, and %v", rest, err)
		}
	})
}

// piped answers into a pipe.
type piped struct {
	*io.PipeWriter
	header http.Header
}

func pipe() (*piped, io.Reader) {
	r, w := io.Pipe()
	return &piped{w, http.Header{}}, r
}

func (p *piped) Header() http.Header { return p.header }
func (p *piped) WriteHeader(int)     {}
