package ldp_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"kith/acl"
	"kith/internal/rdf"
)

const (
	asN3     = "Content-Type: text/n3"
	asUpdate = "Content-Type: application/sparql-update"
)

// holds fails unless what is at a path is a graph.
func (s *server) holds(path, want string) {
	s.t.Helper()
	res := s.want("owner", "GET", path, "", 200)
	syntax, ok := rdf.SyntaxOf(res.header.Get("Content-Type"))
	at := rdf.IRI(base + strings.TrimPrefix(path, "/"))
	got, err := rdf.Decode(strings.NewReader(res.body), syntax, at, rdf.Limits{})
	if err != nil || !ok {
		s.t.Fatalf("%s holds %q as %s: %v", path, res.body, res.header.Get("Content-Type"), err)
	}
	graph, err := rdf.Decode(strings.NewReader(want), rdf.Turtle, at, rdf.Limits{})
	if err != nil {
		s.t.Fatal(err)
	}
	if !rdf.Isomorphic(got, graph) {
		s.t.Errorf("%s holds %s, want %s", path, res.body, want)
	}
}

// TestPatchChangesTheGraph sends what clients send.
func TestPatchChangesTheGraph(t *testing.T) {
	for _, c := range []struct{ name, typ, patch, want string }{
		{"N3 inserts", asN3, n3(`solid:inserts { <#x> <x:name> "1" }`), `<#me> <x:name> "v", "w" . <#x> <x:name> "1" .`},
		{"and what is there is no error", asN3, n3(`solid:inserts { <#me> <x:name> "v" }`), data},
		{"N3 inserts new blank nodes", asN3, n3(`solid:inserts { <#x> <x:knows> _:b . _:b <x:name> "b" }`), `<#me> <x:name> "v", "w" . <#x> <x:knows> [ <x:name> "b" ] .`},
		{"N3 replaces what it finds", asN3, n3(`solid:where { ?s <x:name> "v" }; solid:deletes { ?s <x:name> "v" }; solid:inserts { ?s <x:name> "2" }`), `<#me> <x:name> "2", "w" .`},
		{"solid-client saves a dataset", asUpdate, `DELETE DATA {<#me> <x:name> "v" .}; INSERT DATA {<#me> <x:name> "2" .};`, `<#me> <x:name> "2", "w" .`},
		{"rdflib replaces a statement", asUpdate, "DELETE DATA { <#me> <x:name> \"v\" . } \n ; INSERT DATA { <#me> <x:name> \"2\" . } ", `<#me> <x:name> "2", "w" .`},
		{"SPARQL with a prefix and a condition", asUpdate, `PREFIX x: <x:> DELETE { ?s x:name "v" } INSERT { ?s x:name "2" } WHERE { ?s x:name "v" }`, `<#me> <x:name> "2", "w" .`},
		{"SPARQL deletes all that matches", asUpdate, `DELETE WHERE { ?s <x:name> ?o }`, ``},
		{"nothing", asUpdate, "", data},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t, acl.Config{})
			before := s.put("/box/data", "text/turtle; charset=utf-8", data).header.Get("ETag")
			body := c.patch
			if body == "" {
				body = " "
			}
			res := s.want("owner", "PATCH", "/box/data", body, 204, c.typ, "If-Match: "+before)
			s.holds("/box/data", c.want)
			got := s.want("owner", "GET", "/box/data", "", 200)
			if got.header.Get("Content-Type") != "text/turtle; charset=utf-8" || got.header.Get("ETag") != res.header.Get("ETag") || res.header.Get("ETag") == "" {
				t.Errorf("PATCH says\n%sGET says\n%s", res.head(), got.head())
			}
			if c.want != data {
				s.want("owner", "PATCH", "/box/data", body, 412, c.typ, "If-Match: "+before)
			}
		})
	}
}

func TestPatchMakes(t *testing.T) {
	s := newServer(t, acl.Config{})
	for _, c := range []struct{ name, path, typ, patch, want string }{
		{"a resource and what it lies in", "/new/er/data", asN3, n3(`solid:inserts { <#x> <x:name> "1" }`), `<#x> <x:name> "1" .`},
		{"by SPARQL", "/new/other", asUpdate, `INSERT DATA { <> <x:name> <../up> }`, `<> <x:name> <../up> .`},
		{"an empty one", "/new/empty", asUpdate, `DELETE DATA { <> <x:name> "none" }`, ``},
		{"an ACL", "/new/er/data.acl", asUpdate, prefixless(ownerRule, "data"), prefix + strings.ReplaceAll(ownerRule, "./", "data")},
		{"a description", "/new/er/data.meta", asN3, n3(`solid:inserts { <data> <x:name> "1" }`), `<data> <x:name> "1" .`},
		{"a description of what is not there", "/later/.meta", asN3, n3(`solid:inserts { <./> <x:name> "1" }`), `<./> <x:name> "1" .`},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := s.want("owner", "PATCH", c.path, c.patch, 201, c.typ)
			if res.header.Get("Location") != base+strings.TrimPrefix(c.path, "/") {
				t.Errorf("Location %q", res.header.Get("Location"))
			}
			s.holds(c.path, c.want)
			if got := s.want("owner", "GET", c.path, "", 200).header.Get("Content-Type"); got != "text/turtle" {
				t.Errorf("made %q", got)
			}
			s.want("owner", "PATCH", c.path, c.patch, 412, c.typ, "If-None-Match: *")
		})
	}
	list := s.want("owner", "GET", "/new/er/", "", 200).body
	if strings.Contains(list, ".acl") || strings.Contains(list, ".meta") || !strings.Contains(list, "data") {
		t.Errorf("lists %s", list)
	}
}

// prefixless turns a rule into an update without prefixes of Turtle.
func prefixless(rule, subject string) string {
	return "PREFIX acl: <http://www.w3.org/ns/auth/acl#> INSERT DATA { " + strings.ReplaceAll(rule, "./", subject) + " }"
}

// TestPatchWithoutReadTellsNothing sends what an agent who may only append can:
// whether it was there already makes no difference, and no ETag is told.
func TestPatchWithoutReadTellsNothing(t *testing.T) {
	s := shared(t)
	answers := map[string]bool{}
	for _, value := range []string{"v", "new", "new"} {
		res := s.want("adder", "PATCH", "/box/data", n3(`solid:inserts { <#me> <x:name> "`+value+`" }`), 204, asN3)
		if res.header.Get("ETag") != "" {
			t.Errorf("told %v", res.header)
		}
		answers[res.head()] = true
	}
	if len(answers) != 1 {
		t.Errorf("the answers differ: %v", answers)
	}
	s.holds("/box/data", `<#me> <x:name> "v", "w", "new" .`)
}

func TestPatchKeepsTheSyntax(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.put("/box/data", "application/n-triples", "<x:s> <x:p> \"1\" .\n")
	s.want("owner", "PATCH", "/box/data", `INSERT DATA { <x:s> <x:p> "2" }`, 204, asUpdate)
	got := s.want("owner", "GET", "/box/data", "", 200)
	if got.header.Get("Content-Type") != "application/n-triples" || got.body != "<x:s> <x:p> \"1\" .\n<x:s> <x:p> \"2\" .\n" {
		t.Errorf("%s as %s", got.body, got.header.Get("Content-Type"))
	}
}

func TestWhatCannotBePatched(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.put("/box/note", "text/plain", "note")
	s.put("/box/data", "text/turtle", data)
	s.raw("/box/broken", "text/turtle", "<")
	s.raw("/profile/name", "text/turtle", "")
	s.raw("/contacts/c/card", "application/ld+json", "{}")
	insert := n3(`solid:inserts { <#x> <x:name> "1" }`)
	const contains, size = "http://www.w3.org/ns/ldp#contains", "http://www.w3.org/ns/posix/stat#size"
	for _, c := range []struct {
		name, path, patch string
		status            int
		headers           []string
	}{
		{"what is no graph", "/box/note", insert, 409, nil},
		{"a graph that does not parse", "/box/broken", insert, 409, nil},
		{"what only devices write", "/profile/name", insert, 409, nil},
		{"what is open to whom", "/settings/classes", insert, 409, nil},
		{"a contact", "/contacts/c/card", insert, 409, nil},
		{"a container", "/box/", insert, 409, nil},
		{"members, through the description", "/box/.meta", n3(`solid:inserts { <./> <` + contains + `> <x> }`), 409, nil},
		{"how a member is", "/box/.meta", n3(`solid:inserts { <note> <` + size + `> 3 }`), 409, nil},
		{"the type of a member", "/box/.meta", n3(`solid:inserts { <note> a <http://www.w3.org/ns/iana/media-types/text/html#Resource> }`), 409, nil},
		{"that of the root", "/.meta", n3(`solid:inserts { <` + base + `> <` + contains + `> <` + base + `x> }`), 409, nil},
		{"without a type", "/box/data", insert, 400, []string{"Content-Type: "}},
		{"with another type", "/box/data", insert, 415, []string{"Content-Type: text/turtle"}},
		{"with too much", "/box/data", strings.Repeat("#", 1<<20) + "\n" + insert, 413, nil},
		{"with a nested formula", "/box/data", n3(`solid:inserts { <#x> <x:name> { <#y> <x:name> "1" } }`), 422, nil},
		{"with a variable that is not bound", "/box/data", n3(`solid:inserts { ?x <x:name> "1" }`), 422, nil},
		{"with a blank node to delete", "/box/data", n3(`solid:deletes { _:x <x:name> "1" }`), 422, nil},
		{"in part", "/box/data", insert, 400, []string{"Content-Range: bytes 0-0/1"}},
		{"compressed", "/box/data", insert, 415, []string{"Content-Encoding: gzip"}},
		{"by half of the ACL's syntax", "/box/.acl", `INSERT DATA { <x>`, 400, []string{asUpdate}},
		{"an ACL for everybody", "/box/.acl", `PREFIX acl: <http://www.w3.org/ns/auth/acl#> INSERT DATA { <#x> a acl:Authorization; acl:agentClass <http://xmlns.com/foaf/0.1/Agent>; acl:accessTo <./>; acl:mode acl:Read }`, 422, []string{asUpdate}},
		{"the owner out of the pod", "/.acl", `DELETE WHERE { ?s <http://www.w3.org/ns/auth/acl#agent> ?o }`, 422, []string{asUpdate}},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := c.headers
			if len(headers) == 0 || !strings.HasPrefix(headers[0], "Content-Type") {
				headers = append([]string{asN3}, headers...)
			}
			before := s.do("owner", "GET", c.path, "")
			res := s.do("owner", "PATCH", c.path, c.patch, headers...)
			if res.status != c.status {
				t.Fatalf("%d %s, want %d", res.status, res.body, c.status)
			}
			check(t, "PATCH", res)
			if (res.header.Get("Accept-Patch") != "") != (c.status == 415) {
				t.Errorf("Accept-Patch %q", res.header.Get("Accept-Patch"))
			}
			if after := s.do("owner", "GET", c.path, ""); after.status != before.status || after.body != before.body {
				t.Error("something was written")
			}
		})
	}
	s.want("owner", "PUT", "/box/.meta", "<./> <"+contains+"> <x> .", 409, "Content-Type: text/turtle")
	s.want("owner", "PUT", "/box/.meta", `<./> <http://purl.org/dc/terms/title> "Box" .`, 201, "Content-Type: text/turtle")
}

// TestPatchTypesWhereNothingIs: an app that finds nothing learns how it may make
// something, and no more where something is hidden.
func TestPatchTypesWhereNothingIs(t *testing.T) {
	s := newServer(t, acl.Config{})
	for path, want := range map[string]string{"/none": "text/n3, application/sparql-update", "/none/": ""} {
		for _, method := range []string{"GET", "HEAD"} {
			if got := s.want("owner", method, path, "", 404).header.Get("Accept-Patch"); got != want {
				t.Errorf("%s %s: Accept-Patch %q, want %q", method, path, got, want)
			}
		}
	}
	if got := s.want("stranger", "GET", "/none", "", 401).header.Get("Accept-Patch"); got != "" {
		t.Errorf("to a stranger: Accept-Patch %q", got)
	}
}

// TestConcurrentPatches loses none.
func TestConcurrentPatches(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.acl("/box/.acl", give("adder", "acl:Append"))
	want := ""
	var all sync.WaitGroup
	for i := range 20 {
		patch := fmt.Sprintf(`INSERT DATA { <#x> <x:n> %d }`, i)
		if i%2 == 0 {
			patch = n3(fmt.Sprintf(`solid:inserts { <#x> <x:n> %d }`, i))
		}
		want += fmt.Sprintf("<#x> <x:n> %d .\n", i)
		all.Go(func() {
			typ := []string{asN3, asUpdate}[i%2]
			if res := s.do([]string{"owner", "adder"}[i%2], "PATCH", "/box/count", patch, typ); res.status != 201 && res.status != 204 {
				t.Errorf("%d: %d %s", i, res.status, res.body)
			}
		})
	}
	all.Wait()
	s.holds("/box/count", want)
}

// TestPatchAgainstPut writes the same resource in both ways at once: each patch
// that is acknowledged was made on a state that stood.
func TestPatchAgainstPut(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.put("/box/data", "text/turtle", "<#state> <x:is> 0 .")
	var all sync.WaitGroup
	all.Go(func() {
		for i := range 20 {
			s.do("owner", "PUT", "/box/data", fmt.Sprintf("<#state> <x:is> %d .", i), "Content-Type: text/turtle")
		}
	})
	for i := range 10 {
		all.Go(func() {
			s.do("owner", "PATCH", "/box/data", fmt.Sprintf(`INSERT DATA { <#patch> <x:n> %d }`, i), asUpdate)
		})
	}
	all.Wait()
	s.want("owner", "PATCH", "/box/data", n3(`solid:where { <#state> <x:is> ?n }; solid:inserts { <#one> <x:is> ?n }`), 204, asN3)
}
