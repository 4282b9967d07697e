package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kith/acl"
	"kith/internal/fuzztest"
	"kith/pod"
	"kith/webid"
)

func TestReplicaPut(t *testing.T) {
	h := newHouse(t)
	t.Run("a new resource is as the device says", func(t *testing.T) {
		r := oneRow(t, h.bring("/a/b.txt", "7.did:key:zPhone", "one",
			header("Kith-Id", handle), header("Kith-Modified", "2020-01-02T03:04:05.678+01:00")))
		if r.ID != handle || r.Path != "/a/b.txt" || r.version() != "7.did:key:zPhone" || r.Type != "text/plain" ||
			r.Size == nil || *r.Size != 3 || r.Modified != "2020-01-02T02:04:05.678Z" || r.ETag == "" {
			t.Errorf("got %+v", r)
		}
		if row := h.rowAt("/a/b.txt"); fmt.Sprint(row.ID, row.Version, row.ETag, row.Modified) != fmt.Sprint(r.ID, r.Version, r.ETag, r.Modified) {
			t.Errorf("the row is %+v, the answer %+v", row, r)
		}
		h.wantBytes("bytes", "/a/b.txt", "one")
	})
	t.Run("a newer version replaces it and keeps its handle", func(t *testing.T) {
		r := oneRow(t, h.bring("/a/b.txt", "8.did:key:zLaptop", "two", header("Kith-Id", "BBBBBBBBBBBBBBBBBBBBBA")))
		if r.ID != handle || r.version() != "8.did:key:zLaptop" {
			t.Errorf("got %+v", r)
		}
		h.wantBytes("bytes", "/a/b.txt", "two")
	})
	t.Run("an older version with other bytes loses to the row that stands", func(t *testing.T) {
		w := winner(t, h.bring("/a/b.txt", "7.did:key:zPhone", "three"))
		if w.version() != "8.did:key:zLaptop" || w.Path != "/a/b.txt" || w.ETag != h.rowAt("/a/b.txt").ETag || w.Gone {
			t.Errorf("got %+v", w)
		}
		h.wantBytes("nothing changes", "/a/b.txt", "two")
	})
	t.Run("of two versions with one counter the device decides", func(t *testing.T) {
		winner(t, h.bring("/a/b.txt", "8.did:key:zA", "early"))
		oneRow(t, h.bring("/a/b.txt", "8.did:key:zZ", "late"))
		h.wantBytes("bytes", "/a/b.txt", "late")
	})
	t.Run("an edit of what does not stand any more loses, whatever its version", func(t *testing.T) {
		w := winner(t, h.bring("/a/b.txt", "9.did:key:zZ", "blind", header("Kith-Base", "8.did:key:zLaptop")))
		if w.version() != "8.did:key:zZ" {
			t.Errorf("got %+v", w)
		}
		h.wantBytes("nothing changes", "/a/b.txt", "late")
		if r := oneRow(t, h.bring("/a/b.txt", "8.did:key:zZ", "late", header("Kith-Base", "7.did:key:zPhone"))); r.version() != "8.did:key:zZ" {
			t.Errorf("the same bytes: got %+v", r)
		}
	})
	t.Run("an edit of what stands wins", func(t *testing.T) {
		oneRow(t, h.bring("/edited", "5.did:key:zZ", "one"))
		oneRow(t, h.bring("/edited", "6.did:key:zA", "two", header("Kith-Base", "5.did:key:zZ")))
		h.wantBytes("bytes", "/edited", "two")
		if got := h.bring("/edited", "7.did:key:zA", "three", header("Kith-Base", "seven")); !errors.Is(got.err, ErrRequest) {
			t.Errorf("a base that is no version: got %v", got.err)
		}
	})
	t.Run("the same version with other bytes loses", func(t *testing.T) {
		winner(t, h.bring("/a/b.txt", "8.did:key:zZ", "other"))
	})
	t.Run("the same bytes are agreed at the higher version, whoever has it", func(t *testing.T) {
		if r := oneRow(t, h.bring("/a/b.txt", "3.did:key:zPhone", "late")); r.version() != "8.did:key:zZ" {
			t.Errorf("got %+v", r)
		}
		if r := oneRow(t, h.bring("/a/b.txt", "12.did:key:zPhone", "late")); r.version() != "12.did:key:zPhone" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a lost acknowledgement does no harm", func(t *testing.T) {
		before := h.rows("").Head
		oneRow(t, h.bring("/a/b.txt", "12.did:key:zPhone", "late"))
		if after := h.rows("").Head; after != before {
			t.Errorf("the pod went from %d to %d", before, after)
		}
	})
	t.Run("the counter of the pod goes beyond what it has seen", func(t *testing.T) {
		oneRow(t, h.bring("/far", "9000.did:key:zPhone", "x"))
		if got := h.rows("").Counter; got < 9000 {
			t.Errorf("got %d", got)
		}
		h.write("/far", "text/plain", "by another app")
		if r := h.rowAt("/far"); r.Version[0].(float64) <= 9000 || r.Version[1] != podKid {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a version that nobody knows is older than all others", func(t *testing.T) {
		if r := oneRow(t, h.bring("/unknown", "0.", "x")); r.version() != "1."+podKid {
			t.Errorf("got %+v", r)
		}
		oneRow(t, h.bring("/unknown", "2.did:key:zA", "y"))
		winner(t, h.bring("/unknown", "0.", "x"))
	})
	t.Run("a container is made, with its handle, and again without harm", func(t *testing.T) {
		for range 2 {
			r := oneRow(t, h.bring("/c/d/", "5.did:key:zPhone", "", header("Kith-Id", "CCCCCCCCCCCCCCCCCCCCCA")))
			if r.ID != "CCCCCCCCCCCCCCCCCCCCCA" || r.Path != "/c/d/" || r.Size != nil {
				t.Errorf("got %+v", r)
			}
		}
	})
	t.Run("access lists are checked as always", func(t *testing.T) {
		s := h.bring("/c/.acl", "10000.did:key:zPhone", "no Turtle <", header("Content-Type", turtle))
		h.wantError("malformed", s, acl.ErrMalformed)
		s = h.bring("/.acl", "10000.did:key:zPhone", aclPre, header("Content-Type", turtle))
		h.wantError("lockout", s, acl.ErrLockout)
		s = h.bring("/c/.acl", "10000.did:key:zPhone", aclPre+
			"<#p> a acl:Authorization; acl:agentClass <http://xmlns.com/foaf/0.1/Agent>; acl:accessTo <./>; acl:mode acl:Read.", header("Content-Type", turtle))
		h.wantError("class", s, acl.ErrClass)
	})
	t.Run("a post that a device brings is in the feed", func(t *testing.T) {
		h.audience("a", ana)
		start := h.read(h.friend(ana), "feed")
		oneRow(t, h.bring("/social/posts/p/post.jsonld", "20000.did:key:zPhone", note("x"), header("Content-Type", jsonld)))
		h.wantKinds("before its access list", h.since(h.friend(ana), start))
		oneRow(t, h.bring("/social/posts/p/.acl", "20001.did:key:zPhone", postACL("a"), header("Content-Type", turtle)))
		h.wantKinds("with it", h.since(h.friend(ana), start), "Create p")
	})
	t.Run("what may not be is refused", func(t *testing.T) {
		h.wantError("a name that is a container", h.bring("/c/d", "10000.a", "x"), pod.ErrConflict)
		h.wantError("a twin", h.bring("/A/b.txt", "10000.a", "x"), pod.ErrConflict)
		h.wantError("a type that is none", h.bring("/t", "10000.a", "x", header("Content-Type", "plain")), pod.ErrBadType)
		h.wantError("a container with a body", h.bring("/e/", "10000.a", "x"), ErrRequest)
	})
}

func TestReplicaPutHeaders(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct{ header, value string }{
		"no version":                       {"Kith-Version", ""},
		"a version without a device":       {"Kith-Version", "5"},
		"an empty device":                  {"Kith-Version", "5."},
		"no counter":                       {"Kith-Version", ".a"},
		"nobody's version of a device":     {"Kith-Version", "0.a"},
		"a counter with a zero before":     {"Kith-Version", "05.a"},
		"a counter with a sign":            {"Kith-Version", "+5.a"},
		"a counter below nothing":          {"Kith-Version", "-5.a"},
		"a counter beyond what JSON keeps": {"Kith-Version", "9007199254740992.a"},
		"a counter that overflows":         {"Kith-Version", "99999999999999999999.a"},
		"a device with a space":            {"Kith-Version", "5.a b"},
		"a device with an umlaut":          {"Kith-Version", "5.ä"},
		"a device that is too long":        {"Kith-Version", "5." + strings.Repeat("a", 201)},
		"a handle that is too short":       {"Kith-Id", "AAAA"},
		"a handle that is too long":        {"Kith-Id", handle + "A"},
		"a handle in other letters":        {"Kith-Id", "AAAAAAAAAAAAAAAAAAAAA!"},
		"a handle with loose bits":         {"Kith-Id", "AAAAAAAAAAAAAAAAAAAAAB"},
		"a handle with a line end":         {"Kith-Id", "AAAAAAAAAAAAAAAAAAAAAA\n"},
		"a time that is none":              {"Kith-Modified", "yesterday"},
		"a time of before 1970":            {"Kith-Modified", "1969-12-31T23:59:59Z"},
		"a time without a zone":            {"Kith-Modified", "2026-01-02T03:04:05"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			h.wantError("PUT", h.bring("/x", "5.a", "x", header(c.header, c.value)), ErrRequest)
			if c.header == "Kith-Version" {
				h.wantError("DELETE", h.drop("/x", c.value), ErrRequest)
			}
		})
	}
	t.Run("nothing was written", func(t *testing.T) {
		h.wantError("GET", h.fetch("/x"), pod.ErrNotExist)
	})
}

func TestReplicaDelete(t *testing.T) {
	h := newHouse(t)
	fresh := func() {
		h.t.Helper()
		h.must(h.bring("/d/one", "5.did:key:zPhone", "1").err)
		h.must(h.bring("/d/deep/two", "9.did:key:zPhone", "2").err)
	}
	gone := func(t *testing.T, s said) {
		t.Helper()
		if s.err != nil || s.status != http.StatusNoContent || s.body != "" {
			t.Errorf("got %v", s)
		}
	}
	t.Run("a newer version deletes", func(t *testing.T) {
		fresh()
		gone(t, h.drop("/d/one", "6.did:key:zLaptop"))
		h.wantError("it is gone", h.fetch("/d/one"), pod.ErrNotExist)
	})
	t.Run("what is gone already is deleted", func(t *testing.T) {
		gone(t, h.drop("/d/one", "6.did:key:zLaptop"))
		gone(t, h.drop("/never/was", "1.did:key:zLaptop"))
	})
	t.Run("an edit that did not see the delete loses to it", func(t *testing.T) {
		id := h.rowAt("/d/deep/two").ID
		gone(t, h.drop("/d/deep/two", "30.did:key:zLaptop"))
		w := winner(t, h.bring("/d/deep/two", "30.did:key:zPhone", "edit", header("Kith-Id", id)))
		if !w.Gone || w.ID != id || w.version() != "30.did:key:zLaptop" || w.Path != "" {
			t.Errorf("got %+v", w)
		}
		oneRow(t, h.bring("/d/deep/two", "31.did:key:zPhone", "after it", header("Kith-Id", id)))
	})
	t.Run("another resource may take its place", func(t *testing.T) {
		gone(t, h.drop("/d/deep/two", "40.did:key:zLaptop"))
		oneRow(t, h.bring("/d/deep/two", "10.did:key:zPhone", "new", header("Kith-Id", "DDDDDDDDDDDDDDDDDDDDDA")))
	})
	t.Run("a delete beats an edit with the same counter, whatever the device", func(t *testing.T) {
		oneRow(t, h.bring("/e", "50.did:key:zZ", "x"))
		gone(t, h.drop("/e", "50.did:key:zA"))
	})
	t.Run("a delete that is older than the edit loses to the row that stands", func(t *testing.T) {
		oneRow(t, h.bring("/f", "60.did:key:zPhone", "x"))
		if w := winner(t, h.drop("/f", "59.did:key:zZ")); w.Path != "/f" || w.version() != "60.did:key:zPhone" {
			t.Errorf("got %+v", w)
		}
		h.wantBytes("it stays", "/f", "x")
	})
	t.Run("a container goes with all below it and its access list", func(t *testing.T) {
		h.must(h.bring("/g/h/i", "70.did:key:zPhone", "x").err)
		h.must(h.bring("/g/.acl", "70.did:key:zPhone", aclPre+ownerRule("", "../profile/card#me"), header("Content-Type", turtle)).err)
		gone(t, h.drop("/g/", "80.did:key:zPhone"))
		for _, r := range h.rows("").Rows {
			if strings.HasPrefix(r.Path, "/g/") {
				t.Errorf("%s is left", r.Path)
			}
		}
	})
	t.Run("access to the pod itself cannot be deleted", func(t *testing.T) {
		h.wantError("root ACL", h.drop("/.acl", "9999.a"), acl.ErrLockout)
		h.wantError("root", h.drop("/", "9999.a"), ErrMethod)
	})
}

// TestNarrowerWins holds for the access lists that two devices wrote apart.
func TestNarrowerWins(t *testing.T) {
	h := newHouse(t)
	h.audience("one", ana)
	h.audience("two", ana, carl)
	put := func(version, aid string) said {
		return h.bring("/social/posts/p/.acl", version, postACL(aid), header("Content-Type", turtle))
	}
	oneRow(t, put("100.did:key:zPhone", "two"))

	t.Run("a concurrent narrower list wins under a version above both", func(t *testing.T) {
		if r := oneRow(t, put("100.did:key:zA", "one")); r.Version[0].(float64) <= 100 {
			t.Errorf("got %+v", r)
		}
		h.wantBytes("access", "/social/posts/p/.acl", postACL("one"))
	})
	t.Run("a concurrent wider list loses, though its device is the later one", func(t *testing.T) {
		oneRow(t, put("200.did:key:zA", "one"))
		winner(t, put("200.did:key:zZ", "two"))
		h.wantBytes("access", "/social/posts/p/.acl", postACL("one"))
	})
	t.Run("a wider list of who saw the narrower one wins", func(t *testing.T) {
		oneRow(t, put("201.did:key:zA", "two"))
		h.wantBytes("access", "/social/posts/p/.acl", postACL("two"))
	})
}

// TestBrokenDevice says what no device that works can say.
func TestBrokenDevice(t *testing.T) {
	h := newHouse(t)
	oneRow(t, h.bring("/x", "1000.a", "x"))
	seen := h.rows("").Counter
	leap := func(n uint64) string { return fmt.Sprint(seen+n, ".a") }
	h.wantError("a write far ahead", h.bring("/x", leap(maxLeap+1), "y"), ErrRequest)
	h.wantError("a delete far ahead", h.drop("/x", leap(maxLeap+1)), ErrRequest)
	h.wantError("a container far ahead", h.bring("/c/", fmt.Sprint(uint64(maxCounter))+".a", ""), ErrRequest)
	h.wantBytes("nothing changes", "/x", "x")
	if got := h.rows("").Counter; got != seen {
		t.Errorf("the counter went from %d to %d", seen, got)
	}
	oneRow(t, h.bring("/x", leap(maxLeap), "y"))
	for _, at := range []string{"2200-01-01T00:00:00Z", "2199-12-31T23:59:59-01:00", "2263-01-01T00:00:00Z", "9999-12-31T23:59:59Z"} {
		h.wantError(at, h.bring("/late", "5.a", "x", header("Kith-Modified", at)), ErrRequest)
	}
	h.wantError("and nothing is written", h.fetch("/late"), pod.ErrNotExist)
	oneRow(t, h.bring("/late", "5.a", "x", header("Kith-Modified", "2199-12-31T23:59:59Z")))
}

func TestLists(t *testing.T) {
	h := newHouse(t)
	var heard []string
	h.accept = func(_ context.Context, p pod.Path, body []byte) error {
		heard = append(heard, p.String()+" "+string(body))
		switch string(body) {
		case "stale":
			return fmt.Errorf("pin: %w", webid.Verdict("stale"))
		case "broken":
			return errors.New("no disk")
		}
		return nil
	}
	put := func(path, body string) said {
		return h.bring(path, "5.a", body, header("Content-Type", "application/jose"))
	}

	t.Run("a list is heard whole before it is written", func(t *testing.T) {
		oneRow(t, put("/profile/devices", "devices"))
		oneRow(t, put("/profile/keys", "keys"))
		if fmt.Sprint(heard) != "[/profile/devices devices /profile/keys keys]" {
			t.Errorf("heard %v", heard)
		}
		h.wantBytes("devices", "/profile/devices", "devices")
	})
	t.Run("one that is not acceptable is not written", func(t *testing.T) {
		s := h.bring("/profile/devices", "9.a", "stale")
		h.wantError("stale", s, ErrRefused)
		h.wantError("and says why", s, webid.Verdict("stale"))
		h.wantBytes("devices", "/profile/devices", "devices")
	})
	t.Run("one that cannot be judged is not written, and not called unacceptable", func(t *testing.T) {
		s := h.bring("/profile/devices", "9.a", "broken")
		if s.err == nil || errors.Is(s.err, ErrRefused) {
			t.Errorf("got %v", s)
		}
		h.wantBytes("devices", "/profile/devices", "devices")
	})
	t.Run("one that is too long is not even heard", func(t *testing.T) {
		heard = nil
		h.wantError("long", h.bring("/profile/keys", "9.a", strings.Repeat("x", maxList+1)), pod.ErrTooLarge)
		if heard != nil {
			t.Errorf("heard %d", len(heard))
		}
		oneRow(t, h.bring("/profile/keys", "9.a", strings.Repeat("x", maxList)))
	})
	t.Run("one that loses to what stands is not heard", func(t *testing.T) {
		heard = nil
		winner(t, h.bring("/profile/devices", "4.a", "older"))
		if heard != nil {
			t.Errorf("heard %v", heard)
		}
		h.wantBytes("devices", "/profile/devices", "devices")
	})
	t.Run("one that joins is", func(t *testing.T) {
		heard = nil
		oneRow(t, h.bring("/profile/devices", "4.a", "devices", header("Content-Type", "application/jose")))
		if fmt.Sprint(heard) != "[/profile/devices devices]" {
			t.Errorf("heard %v", heard)
		}
	})
	t.Run("nothing else is heard", func(t *testing.T) {
		heard = nil
		for _, path := range []string{"/profile/card", "/profile/keys/x", "/devices", "/a/profile/devices"} {
			_ = h.bring(path, "5.a", "x")
		}
		if heard != nil {
			t.Errorf("heard %v", heard)
		}
	})
}

// TestBodiesAreBounded stops a body that says it is endless.
func TestBodiesAreBounded(t *testing.T) {
	h := newHouse(t)
	h.guard.Close()
	h.guard = acl.New(h.store, acl.Config{Base: base, Owner: ownerID, MaxBody: 1 << 20, Now: time.Now})
	endless := &counter{}
	r := httptest.NewRequest("PUT", base+".replica/big", endless).WithContext(t.Context())
	r.Header.Set("Kith-Version", "5.a")
	h.wantError("no media type", h.serve(h.owner(), r), ErrRequest)
	r.Header.Set("Content-Type", "video/mp4")
	h.wantError("big", h.serve(h.owner(), r), pod.ErrTooLarge)
	if endless.read > 2<<20 {
		t.Errorf("%d bytes were taken", endless.read)
	}
	h.wantError("GET", h.fetch("/big"), pod.ErrNotExist)
	before := endless.read
	r.ContentLength = maxBody + 1
	h.wantError("announced", h.serve(h.owner(), r), pod.ErrTooLarge)
	if endless.read != before {
		t.Error("a body that announces too much was read")
	}
}

// counter is a body without an end.
type counter struct{ read int }

func (c *counter) Read(b []byte) (int, error) {
	c.read += len(b)
	return len(b), nil
}

func FuzzVersion(f *testing.F) {
	for _, s := range []string{"5.a", "0.", "0.a", "05.a", "9007199254740991.did:key:zX", "9007199254740992.a", "", ".", "5.", "5.a b", "5.a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fuzztest.Cheap(t, len(s), func() { parseVersion(s) })
		v, err := parseVersion(s)
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if got := formatVersion(v); got != s || v.Counter > maxCounter || (v.Counter == 0) != (v.Device == "") {
			t.Fatalf("%q was taken for %v, which is %q", s, v, got)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Add("5.a", handle, "2026-01-02T03:04:05Z", "text/plain")
	f.Add("0.", "", "", "")
	f.Add("9.x", "AAAAAAAAAAAAAAAAAAAAAB", "2026-01-02T03:04:05.999999999+23:59", "a/b; c=d")
	p, err := pod.ParsePath("/x")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, version, id, modified, typ string) {
		head := http.Header{"Kith-Version": {version}, "Kith-Id": {id}, "Kith-Modified": {modified}, "Content-Type": {typ}}
		fuzztest.Cheap(t, len(version)+len(id)+len(modified)+len(typ), func() { rowOf(p, head) })
		r, err := rowOf(p, head)
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Fatalf("error %v", err)
			}
			return
		}
		again, err := rowOf(p, http.Header{"Kith-Version": {formatVersion(r.Version)}, "Kith-Id": {r.ID}, "Content-Type": {r.Type},
			"Kith-Modified": {r.Modified.Format(timeFormat)}})
		if modified != "" && (err != nil || again != r) {
			t.Fatalf("%+v comes back as %+v, %v", r, again, err)
		}
	})
}

// TestHandlesComeBack holds for an index that was lost: one device says again
// what a resource is called, and deletes mean the same to all of them.
func TestHandlesComeBack(t *testing.T) {
	for _, c := range []struct{ name, version, body, id string }{
		{"with the same bytes", "7.did:key:zPhone", "one", handle},
		{"with newer ones", "8.did:key:zPhone", "two", handle},
		{"but not from a device that knows none", "8.did:key:zPhone", "two", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			oneRow(t, h.bring("/a/b.txt", "7.did:key:zPhone", "one", header("Kith-Id", handle)))
			h.close()
			h.must(os.RemoveAll(filepath.Join(h.dir, "state")))
			h.open()
			found := h.rowAt("/a/b.txt")
			if found.ID == handle || found.version() != "0." {
				t.Fatalf("the index was not lost: %+v", found)
			}
			want := cmp.Or(c.id, found.ID)
			if r := oneRow(t, h.bring("/a/b.txt", c.version, c.body, header("Kith-Id", c.id))); r.ID != want || r.version() != c.version {
				t.Errorf("got %+v", r)
			}
			if r := oneRow(t, h.bring("/a/b.txt", "9.did:key:zPhone", "three", header("Kith-Id", "DDDDDDDDDDDDDDDDDDDDDA"))); r.ID != want {
				t.Errorf("once there is a version, another handle is not taken: %+v", r)
			}
			h.must(h.drop("/a/b.txt", "10.did:key:zPhone").err)
			if w := winner(t, h.bring("/a/b.txt", "10.did:key:zLaptop", "late", header("Kith-Id", want))); !w.Gone || w.ID != want {
				t.Errorf("got %+v", w)
			}
		})
	}
}
