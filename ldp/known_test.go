package ldp_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"kith/acl"
)

// TestBugsOfOtherServers holds what other servers were found to get wrong
// (solid-checklist §3.9), where no other test does.
func TestBugsOfOtherServers(t *testing.T) {
	const container = `Link: <http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`
	t.Run("of ten who create one name at once, one does", func(t *testing.T) {
		s := newServer(t, acl.Config{})
		s.acl("/box/.acl", give("adder", "acl:Append"))
		for round := range 10 {
			var made, refused atomic.Int32
			var all sync.WaitGroup
			for i := range 10 {
				all.Go(func() {
					method, body, typ := "PUT", fmt.Sprint(i), "Content-Type: text/plain"
					if i%3 == 0 {
						method, body, typ = "PATCH", `INSERT DATA { <#x> <x:n> 1 }`, asUpdate
					}
					switch res := s.do([]string{"owner", "adder"}[i%2], method, fmt.Sprintf("/box/%d", round), body, typ, "If-None-Match: *"); res.status {
					case 201:
						made.Add(1)
					case 412, 507: // one contact adds four things at a time
						refused.Add(1)
					default:
						t.Errorf("%s: %d %s", method, res.status, res.body)
					}
				})
			}
			all.Wait()
			if made.Load() != 1 || refused.Load() != 9 {
				t.Errorf("round %d: %d made it, %d were refused", round, made.Load(), refused.Load())
			}
		}
	})
	t.Run("a container that is not empty stays whole", func(t *testing.T) {
		s := shared(t)
		s.want("owner", "DELETE", "/box/full/", "", 409)
		s.want("owner", "DELETE", "/box/", "", 409)
		s.want("owner", "GET", "/box/full/x", "", 200)
		s.want("owner", "GET", "/box/vault/x", "", 200)
	})
	t.Run("a POST to what is not there makes nothing", func(t *testing.T) {
		s := shared(t)
		s.want("owner", "POST", "/none/", "x", 404, "Content-Type: text/plain", "Slug: x")
		s.want("owner", "POST", "/none/", "", 404, container)
		s.want("owner", "GET", "/none/", "", 404)
		s.want("owner", "GET", "/none/x", "", 404)
	})
	t.Run("what a quota refused leaves room and books in order", func(t *testing.T) {
		s := newServer(t, acl.Config{Quota: 16 << 10})
		s.acl("/in/.acl", give("adder", "acl:Append"))
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				res := s.do("adder", "PUT", fmt.Sprintf("/in/%d", i), strings.Repeat("x", 4<<10), "Content-Type: text/plain", "If-None-Match: *")
				if res.status != 201 && res.status != 507 && res.status != 503 {
					t.Errorf("%d %s", res.status, res.body)
				}
			})
		}
		all.Wait()
		s.want("adder", "PUT", "/in/large", strings.Repeat("x", 12<<10), 507, "Content-Type: text/plain", "If-None-Match: *")
		for i := range 20 {
			if path := fmt.Sprintf("/in/%d", i); s.do("owner", "GET", path, "").status == 200 {
				s.want("owner", "DELETE", path, "", 204)
			}
		}
		s.want("adder", "PUT", "/in/large", strings.Repeat("x", 12<<10), 201, "Content-Type: text/plain", "If-None-Match: *")
		s.want("adder", "PATCH", "/in/large2", `INSERT DATA { <#x> <x:n> "`+strings.Repeat("x", 8<<10)+`" }`, 507, asUpdate)
	})
	t.Run("a Slug never turns adding into control", func(t *testing.T) {
		s := shared(t)
		for slug, status := range map[string]int{
			".acl": 403, "x.acl": 403, "note.acl": 403, ".meta": 403, "note.meta": 403, "note%2Eacl": 403, "note.acl/": 403,
			"note.ACL": 201, "../box.acl": 201, "note.acl%00": 201, "note.acl%0d%0a": 201,
		} {
			for _, how := range [][]string{{"Content-Type: text/turtle"}, {container}} {
				body := prefix + give("adder", "acl:Control")
				if how[0] == container {
					body = ""
				}
				at := s.want("adder", "POST", "/box/", body, status, append(how, "Slug: "+slug)...).header.Get("Location")
				name := strings.TrimSuffix(strings.TrimPrefix(at, base+"box/"), "/")
				if strings.HasSuffix(strings.ToLower(name), ".acl") || strings.HasSuffix(strings.ToLower(name), ".meta") || strings.Contains(name, "/") {
					t.Errorf("%q makes %q", slug, at)
				}
			}
		}
		s.want("adder", "GET", "/box/note", "", 403)
		s.want("owner", "GET", "/box/note.acl", "", 404)
	})
	t.Run("auxiliaries die with their subject", func(t *testing.T) {
		s := newServer(t, acl.Config{})
		for subject, itself := range map[string]string{"/box/x": "x", "/box/c/": "./"} {
			aux := func(suffix string) string { return subject + suffix }
			if strings.HasSuffix(subject, "/") {
				s.want("owner", "PUT", subject, "", 201)
			} else {
				s.put(subject, "text/plain", "x")
			}
			s.want("owner", "PATCH", aux(".acl"), prefixless(ownerRule, itself), 201, asUpdate)
			s.want("owner", "PUT", aux(".meta"), `<#x> <x:n> 1 .`, 201, "Content-Type: text/turtle")
			s.want("owner", "DELETE", subject, "", 204)
			for _, suffix := range []string{".acl", ".meta"} {
				s.want("owner", "GET", aux(suffix), "", 404)
			}
		}
	})
}

// TestConstraintsAreNamed asks for the clause behind a refusal.
func TestConstraintsAreNamed(t *testing.T) {
	s := shared(t)
	for _, c := range []struct{ name, method, path, body, typ, want string }{
		{"what a container holds", "PATCH", "/box/", n3(`solid:inserts { <#x> <x:n> 1 }`), asN3, "#server-protect-containment"},
		{"what is in it still", "DELETE", "/box/full/", "", "X: y", "#deleting-resources"},
		{"how patches are", "PATCH", "/box/data", n3(`solid:inserts { ?x <x:n> 1 }`), asN3, "#n3-patch"},
		{"who keeps control", "PUT", "/.acl", "", "Content-Type: text/turtle", "#effective-acl-resource"},
		{"nothing", "GET", "/box/none", "", "X: y", ""},
	} {
		res := s.do("owner", c.method, c.path, c.body, c.typ)
		if got := rel(res, "http://www.w3.org/ns/ldp#constrainedBy"); !strings.HasSuffix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %d %q", c.name, res.status, got)
		}
	}
}
