package torture

import (
	"fmt"
	"net/http"
	"testing"
)

// deed is a kind of write, of which there is another one for each n. Before it, what it needs is made.
type deed struct {
	name   string
	before func(s *stand, n int)
	write  func(s *stand, n int) write
}

// deeds are the writes that are cut off.
var deeds = []deed{
	{"a new resource in a new container", nil, func(_ *stand, n int) write {
		return put(fmt.Sprintf("made/%d/deep/odd", n), "application/x-odd", letters(n, 70_000))
	}},
	{"other bytes", nil, func(_ *stand, n int) write {
		return put("work/letter.txt", "text/plain", letters(n, 50_000+n))
	}},
	{"other bytes of another type", nil, func(_ *stand, n int) write {
		return put("work/page", fmt.Sprintf("application/x-type-%d", n%3), letters(n, 9_000+n))
	}},
	{"a delete", func(s *stand, n int) {
		s.must(put(fmt.Sprintf("old/%d.txt", n), "text/plain", letters(n, 20_000)))
	}, func(_ *stand, n int) write {
		name := fmt.Sprintf("old/%d.txt", n)
		return remove(name, name)
	}},
	{"a delete of a tree", func(s *stand, n int) {
		for _, name := range tree(n) {
			s.must(put(name, "application/x-leaf", letters(n, 3_000)))
		}
	}, func(s *stand, n int) write {
		rows, err := s.owner.Rows(s.ctx(), "", 0)
		s.ok(err)
		w := remove(fmt.Sprintf(".replica/trees/%d/", n), tree(n)...)
		w.header = http.Header{"Kith-Version": {fmt.Sprintf("%d.%s", rows.Counter+1, rows.Device)}}
		return w
	}},
	{"an access list", nil, func(s *stand, n int) write {
		return put("shared/.acl", "text/turtle", s.list(n%2 == 0))
	}},
	{"the end of an access list", func(s *stand, n int) {
		s.must(put("shared/.acl", "text/turtle", s.list(true)))
	}, func(*stand, int) write { return remove("shared/.acl", "shared/.acl") }},
}

// tree names what is deleted at once.
func tree(n int) []string {
	at := fmt.Sprintf("trees/%d/", n)
	return []string{at + "a", at + "b.txt", at + "c/d", at + "c/e.jpg"}
}

// list returns an access list of shared/ that lets the friend read, or not.
func (s *stand) list(open bool) string {
	text := `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
<#owner> a acl:Authorization; acl:agent <../profile/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read, acl:Write, acl:Control.
`
	if open {
		text += "<#friend> a acl:Authorization; acl:agent <../contacts/" + s.friend.CID + "/card#me>; acl:accessTo <./>; acl:default <./>; acl:mode acl:Read.\n"
	}
	return text
}

// checkAccess asks that the friend reads what the access list lets him read, and what is the owner's as little as what
// is not there.
func (s *stand) checkAccess() {
	s.t.Helper()
	hidden := s.get(s.friend, "work/nothing.txt").Status
	want := hidden
	if list := s.ledger["shared/.acl"]; len(list) == 1 && list[0].body == s.list(true) {
		want = http.StatusOK
	}
	if got := s.get(s.friend, "shared/photo.jpg"); got.Status != want {
		s.t.Errorf("the friend has %d for what is shared, not %d, under %v", got.Status, want, s.ledger["shared/.acl"])
	}
	if got := s.get(s.friend, "work/letter.txt"); got.Status != hidden || hidden < 400 {
		s.t.Errorf("the friend has %d for what is the owner's, and %d for nothing", got.Status, hidden)
	}
}

// furnish writes what the deeds work on.
func (s *stand) furnish() {
	s.t.Helper()
	s.must(put("work/letter.txt", "text/plain", letters(0, 50_000)))
	s.must(put("work/page", "application/x-type-0", letters(0, 9_000)))
	s.must(put("shared/photo.jpg", "image/jpeg", letters(0, 30_000)))
	s.must(put("shared/.acl", "text/turtle", s.list(true)))
}

// TestKilledBeforeEachCall kills the server before the nth openat of a request, the nth fsync, and so on, for one n
// after another until the request is through, starts it again, and looks: what was acknowledged is there, the request
// is there as a whole or not at all, rows and files agree, and who may not read does not.
func TestKilledBeforeEachCall(t *testing.T) {
	needStrace(t)
	for _, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.furnish()
			points, round := map[string]int{}, 0
			for name, count := range s.usual(d) {
				for n := 1; *every == 1 || n <= count; n += *every {
					if round++; !s.cut(d, round, name, n) {
						break
					}
					points[name]++
				}
			}
			for _, name := range []string{"openat", "fsync", "pwrite64", "renameat", "utimensat"} {
				if points[name] == 0 {
					t.Errorf("it was never killed before %s", name)
				}
			}
			t.Logf("killed before %v", points)
		})
	}
}

// usual does a deed without any fault, and returns which calls it makes, and how many.
func (s *stand) usual(d deed) map[string]int {
	s.t.Helper()
	if d.before != nil {
		d.before(s, 0)
	}
	tr := attach(s.t, s.server.PID(), "trace="+disk)
	s.must(d.write(s, 0))
	count := map[string]int{}
	for _, name := range tr.stop(true).calls() {
		count[name]++
	}
	return count
}

// cut does a deed, the server being killed before a thread's nth call of a name, and reports whether it was killed
// before it had answered.
func (s *stand) cut(d deed, round int, name string, n int) bool {
	s.t.Helper()
	if d.before != nil {
		d.before(s, round)
	}
	w := d.write(s, round)
	tr := attach(s.t, s.server.PID(), "trace="+disk, fmt.Sprintf("inject=%s:signal=KILL:when=%d", name, n))
	answer, err := s.do(w)
	if err == nil && answer.Status >= 300 {
		s.t.Fatalf("%s %s: %d %s", w.method, w.target, answer.Status, answer.Body)
	}
	tr.stop(err == nil)
	if err != nil {
		s.ended()
	}
	s.kill() // also one that was killed after its answer, or not at all
	s.start()
	s.check()
	s.checkAccess()
	return err != nil && !s.t.Failed()
}
