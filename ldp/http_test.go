package ldp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"kith/acl"
	"kith/internal/rdf"
)

func TestGetTellsOfTheResource(t *testing.T) {
	s := shared(t)
	s.put("/box/note.meta", "text/turtle", "")
	s.put("/box/a%20b", "text/plain; charset=utf-8", "x")
	for _, c := range []struct {
		name, who, path string
		want            map[string]string
		links           []string
	}{
		{"a resource", "reader", "/box/note", map[string]string{
			"Content-Type": "text/plain", "Content-Length": "4", "WAC-Allow": `user="read",public=""`,
			"Allow": "GET, HEAD, OPTIONS, PUT, PATCH, DELETE", "Accept-Put": "*/*", "Accept-Post": "",
			"Accept-Patch": "text/n3, application/sparql-update", "MS-Author-Via": "SPARQL",
			"Vary": "Accept, Authorization, Origin", "Cache-Control": "no-store", "Accept-Ranges": "bytes",
			"X-Content-Type-Options": "nosniff", "Content-Disposition": "",
		}, []string{
			`<http://www.w3.org/ns/ldp#Resource>; rel="type"`, `<` + base + `box/note.acl>; rel="acl"`,
			`<` + base + `box/note.meta>; rel="describedby"`, `<` + base + `box/>; rel="up"`,
		}},
		{"a name with a space", "writer", "/box/a%20b", map[string]string{
			"Content-Type": "text/plain; charset=utf-8", "WAC-Allow": `user="read append write",public=""`,
		}, []string{
			`<http://www.w3.org/ns/ldp#Resource>; rel="type"`, `<` + base + `box/a%20b.acl>; rel="acl"`,
			`<` + base + `box/a%20b.meta>; rel="describedby"`, `<` + base + `box/>; rel="up"`,
		}},
		{"a container", "owner", "/box/", map[string]string{
			"Content-Type": "text/turtle", "WAC-Allow": `user="read append write control",public=""`,
			"Allow": "GET, HEAD, OPTIONS, PUT, POST, DELETE", "Accept-Post": "*/*", "Accept-Put": "*/*", "Accept-Patch": "",
		}, []string{
			`<http://www.w3.org/ns/ldp#Resource>; rel="type"`, `<http://www.w3.org/ns/ldp#Container>; rel="type"`,
			`<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`, `<` + base + `box/.acl>; rel="acl"`,
			`<` + base + `box/.meta>; rel="describedby"`, `<` + base + `>; rel="up"`,
		}},
		{"the root", "owner", "/", map[string]string{
			"Allow": "GET, HEAD, OPTIONS, PUT, POST",
		}, []string{
			`<http://www.w3.org/ns/ldp#Resource>; rel="type"`, `<http://www.w3.org/ns/ldp#Container>; rel="type"`,
			`<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`, `<http://www.w3.org/ns/pim/space#Storage>; rel="type"`,
			`<` + base + `.acl>; rel="acl"`, `<` + base + `.meta>; rel="describedby"`,
		}},
		{"an ACL", "owner", "/box/.acl", map[string]string{
			"Content-Type": "text/turtle", "WAC-Allow": `user="read append write control",public=""`,
		}, []string{`<http://www.w3.org/ns/ldp#Resource>; rel="type"`}},
		{"the ACL of the root", "owner", "/.acl", map[string]string{"Allow": "GET, HEAD, OPTIONS, PUT, PATCH", "Accept-Patch": "text/n3, application/sparql-update"}, []string{`<http://www.w3.org/ns/ldp#Resource>; rel="type"`}},
		{"a description", "reader", "/box/note.meta", map[string]string{"WAC-Allow": `user="read",public=""`}, []string{
			`<http://www.w3.org/ns/ldp#Resource>; rel="type"`, `<` + base + `box/note.acl>; rel="acl"`, `<` + base + `box/note>; rel="describes"`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			get := s.want(c.who, "GET", c.path, "", 200)
			for name, want := range c.want {
				if got := get.header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if !slices.Equal(get.header["Link"], c.links) {
				t.Errorf("links %q", get.header["Link"])
			}
			if get.header.Get("ETag") == "" || get.header.Get("Last-Modified") == "" {
				t.Errorf("no ETag or Last-Modified: %v", get.header)
			}
			head := s.want(c.who, "HEAD", c.path, "", 200)
			if head.body != "" || head.head() != get.head() {
				t.Errorf("HEAD says\n%sGET says\n%s", head.head(), get.head())
			}
		})
	}
}

func TestStorageDescriptionIsNamedWhereThereIsOne(t *testing.T) {
	s := shared(t)
	s.handler = newHandler(base + ".description")
	want := `<` + base + `.description>; rel="http://www.w3.org/ns/solid/terms#storageDescription"`
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		if got := s.do("reader", method, "/box/note", "").header["Link"]; !slices.Contains(got, want) {
			t.Errorf("%s: %q", method, got)
		}
	}
}

func TestConditions(t *testing.T) {
	s := shared(t)
	tag := s.want("reader", "GET", "/box/note", "", 200).header.Get("ETag")
	modified := s.want("reader", "GET", "/box/note", "", 200).header.Get("Last-Modified")
	list := s.want("reader", "GET", "/box/", "", 200).header.Get("ETag")
	for _, c := range []struct {
		name, method, path, header string
		want                       int
	}{
		{"the same tag is not sent again", "GET", "/box/note", "If-None-Match: " + tag, 304},
		{"nor by HEAD", "HEAD", "/box/note", "If-None-Match: " + tag, 304},
		{"nor one of several", "GET", "/box/note", `If-None-Match: "x", ` + tag, 304},
		{"another tag is", "GET", "/box/note", `If-None-Match: "x"`, 200},
		{"a tag that must match does", "GET", "/box/note", "If-Match: " + tag, 200},
		{"or does not", "GET", "/box/note", `If-Match: "x"`, 412},
		{"what has not changed is not sent", "GET", "/box/note", "If-Modified-Since: " + modified, 304},
		{"the listing is not sent again", "GET", "/box/", "If-None-Match: " + list, 304},
		{"a listing has no time to ask by", "GET", "/box/", "If-Modified-Since: " + time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 200},
		{"a member is made where the listing is as it was read", "POST", "/box/", "If-Match: " + list, 201},
		{"and not where it is another by now", "POST", "/box/", "If-Match: " + list, 412},
		{"nor where no container may be", "POST", "/box/", "If-None-Match: *", 412},
		{"a write with the right tag", "PUT", "/box/note", "If-Match: " + tag, 204},
		{"and then it is stale", "PUT", "/box/note", "If-Match: " + tag, 412},
		{"a weak tag never matches a write", "PUT", "/box/note", "If-Match: W/" + tag, 412},
		{"a tag without quotes is refused", "PUT", "/box/note", "If-Match: x", 400},
		{"so is one that does not end", "PUT", "/box/note", `If-None-Match: "x`, 400},
		{"and a list with a star", "DELETE", "/box/note", `If-Match: *, "x"`, 400},
		{"what has not changed since is written", "PUT", "/box/note", "If-Unmodified-Since: " + time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 204},
		{"what has is not", "PUT", "/box/note", "If-Unmodified-Since: " + time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 412},
		{"nor is it deleted", "DELETE", "/box/note", "If-Unmodified-Since: " + time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 412},
		{"what is no date is ignored", "PUT", "/box/note", "If-Unmodified-Since: yesterday", 204},
		{"star lets no one create again", "PUT", "/box/note", "If-None-Match: *", 412},
		{"a stale deletion", "DELETE", "/box/note", `If-Match: "x"`, 412},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := ""
			if c.method == "PUT" || c.method == "POST" {
				body = "changed"
			}
			res := s.do("writer", c.method, c.path, body, c.header, "Content-Type: text/plain")
			if res.status != c.want {
				t.Fatalf("%d %s, want %d", res.status, res.body, c.want)
			}
			if res.status == 304 && (res.body != "" || res.header.Get("ETag") == "" || res.header.Get("Vary") == "") {
				t.Errorf("304 with %q, %v", res.body, res.header)
			}
			check(t, c.method, res)
		})
	}
}

func TestRanges(t *testing.T) {
	s := shared(t)
	s.put("/box/abc", "application/x", "abcdefghij")
	tag := s.want("reader", "GET", "/box/abc", "", 200).header.Get("ETag")
	for _, c := range []struct {
		name, header, also string
		status             int
		body, within       string
	}{
		{"the first bytes", "bytes=0-2", "", 206, "abc", "bytes 0-2/10"},
		{"from the middle", "bytes=7-", "", 206, "hij", "bytes 7-9/10"},
		{"the last bytes", "bytes=-2", "", 206, "ij", "bytes 8-9/10"},
		{"beyond the end", "bytes=10-", "", 416, "", "bytes */10"},
		{"another unit is ignored", "lines=0-1", "", 200, "abcdefghij", ""},
		{"several parts are all", "bytes=0-1,8-9", "", 200, "abcdefghij", ""},
		{"a part that ends before it begins is all", "bytes=5-2", "", 200, "abcdefghij", ""},
		{"what is no number is all", "bytes=0x1-", "", 200, "abcdefghij", ""},
		{"no part at all is all", "bytes=-", "", 200, "abcdefghij", ""},
		{"more digits than a number has are all", "bytes=0-9999999999999999", "", 200, "abcdefghij", ""},
		{"beyond the end is up to the end", "bytes=8-999999999999999", "", 206, "ij", "bytes 8-9/10"},
		{"more than there is, from the end, is all of it as a part", "bytes=-99", "", 206, "abcdefghij", "bytes 0-9/10"},
		{"the right tag", "bytes=0-2", "If-Range: " + tag, 206, "abc", "bytes 0-2/10"},
		{"a stale tag gets all", "bytes=0-2", `If-Range: "x"`, 200, "abcdefghij", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"Range: " + c.header}
			if c.also != "" {
				headers = append(headers, c.also)
			}
			res := s.do("reader", "GET", "/box/abc", "", headers...)
			if res.status != c.status || res.header.Get("Content-Range") != c.within || c.status < 300 && res.body != c.body {
				t.Errorf("%d %q %q", res.status, res.header.Get("Content-Range"), res.body)
			}
			check(t, "GET", res)
		})
	}
	t.Run("HEAD has no ranges", func(t *testing.T) {
		if res := s.do("reader", "HEAD", "/box/abc", "", "Range: bytes=0-2"); res.status != 200 {
			t.Errorf("%d", res.status)
		}
	})
	t.Run("of an empty resource there is no part", func(t *testing.T) {
		s.put("/box/empty", "application/x", "")
		for _, part := range []string{"bytes=0-0", "bytes=0-", "bytes=-5"} {
			if res := s.do("reader", "GET", "/box/empty", "", "Range: "+part); res.status != 200 || res.body != "" {
				t.Errorf("%s: %d %q", part, res.status, res.body)
			}
		}
	})
}

func TestContentCannotAct(t *testing.T) {
	s := shared(t)
	for _, c := range []struct {
		typ      string
		attached bool
	}{
		{"text/html", true}, {"TEXT/HTML; charset=utf-8", true}, {"image/svg+xml", true},
		{"application/xml", true}, {"text/xml", true}, {"application/xhtml+xml", true},
		{"application/pdf", true}, {"text/javascript", true}, {"application/octet-stream", true},
		{"application/rdf+xml", true}, {"text/css", true}, {"multipart/related", true},
		{"image/webp", false}, {"image/png", false}, {"video/mp4", false}, {"audio/ogg", false},
		{"text/plain", false}, {"text/turtle", false}, {"application/ld+json", false}, {"application/jose", false},
	} {
		t.Run(c.typ, func(t *testing.T) {
			s.raw("/box/upload", c.typ, "<script>alert(1)</script>")
			res := s.want("reader", "GET", "/box/upload", "", 200)
			if got := res.header.Get("Content-Disposition") == "attachment"; got != c.attached {
				t.Errorf("attached: %v", got)
			}
			policy := res.header.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "sandbox;") || strings.Contains(policy, "allow") || res.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", res.header)
			}
			if res.header.Get("Content-Type") != c.typ {
				t.Errorf("type %q", res.header.Get("Content-Type"))
			}
		})
	}
}

func TestListing(t *testing.T) {
	s := shared(t)
	s.put("/box/a:%20b%3F.txt", "text/plain;charset=utf-8", "12345")
	s.put("/box/odd", `application/x!y`, "")
	list := s.want("reader", "GET", "/box/", "", 200)
	g, err := rdf.Decode(strings.NewReader(list.body), rdf.Turtle, base+"box/", rdf.Limits{})
	if err != nil {
		t.Fatalf("%v in %s", err, list.body)
	}
	iri := func(s string) rdf.Term { return rdf.IRITerm(rdf.IRI(s)) }
	const ldpNS, stat = "http://www.w3.org/ns/ldp#", "http://www.w3.org/ns/posix/stat#"
	a := iri("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
	integer := func(s string) rdf.Term { return rdf.TypedLiteral(s, "http://www.w3.org/2001/XMLSchema#integer") }
	box, file, full := iri(base+"box/"), iri(base+"box/a:%20b%3F.txt"), iri(base+"box/full/")
	for _, c := range []struct {
		name string
		t    rdf.Triple
	}{
		{"the container is one", rdf.Triple{S: box, P: a, O: iri(ldpNS + "BasicContainer")}},
		{"the member is in it", rdf.Triple{S: box, P: iri(ldpNS + "contains"), O: file}},
		{"the member is a resource", rdf.Triple{S: file, P: a, O: iri(ldpNS + "Resource")}},
		{"of its media type", rdf.Triple{S: file, P: a, O: iri("http://www.w3.org/ns/iana/media-types/text/plain#Resource")}},
		{"it has a size", rdf.Triple{S: file, P: iri(stat + "size"), O: integer("5")}},
		{"the member container is one", rdf.Triple{S: full, P: a, O: iri(ldpNS + "Container")}},
	} {
		if !g.Has(c.t) {
			t.Errorf("%s: not in %s", c.name, list.body)
		}
	}
	var members []string
	for _, m := range g.Objects(box, iri(ldpNS+"contains")) {
		members = append(members, strings.TrimPrefix(m.Value(), base+"box/"))
	}
	if slices.Sort(members); !slices.Equal(members, []string{"a:%20b%3F.txt", "data", "full/", "note", "odd", "void/"}) {
		t.Errorf("members %q", members)
	}
	at := s.want("reader", "GET", "/box/a%3A%20b%3F.txt", "", 200).header.Get("Last-Modified")
	times := g.Objects(file, iri("http://purl.org/dc/terms/modified"))
	if len(times) != 1 {
		t.Fatalf("times %v", times)
	}
	when, err := time.Parse(time.RFC3339, times[0].Value())
	if err != nil || when.Format(http.TimeFormat) != at {
		t.Errorf("modified %v, Last-Modified %q", when, at)
	}
	if n := len(g.Objects(full, iri("http://purl.org/dc/terms/modified"))); n != 0 {
		t.Error("a friend is told when a member container changed")
	}
	if all := s.want("owner", "GET", "/box/", "", 200); !strings.Contains(all.body, "vault/") || all.header.Get("ETag") == list.header.Get("ETag") {
		t.Error("the owner does not see all")
	}
}

// TestLongListing lists more members than are described at a time.
func TestLongListing(t *testing.T) {
	s := newServer(t, acl.Config{})
	var want []string
	for i := range 600 {
		want = append(want, fmt.Sprintf("%03d/", i))
	}
	s.makeContainers("/long/", want)
	list := s.want("owner", "GET", "/long/", "", 200)
	g, err := rdf.Decode(strings.NewReader(list.body), rdf.Turtle, base+"long/", rdf.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range g.Objects(rdf.IRITerm(base+"long/"), rdf.IRITerm("http://www.w3.org/ns/ldp#contains")) {
		got = append(got, strings.TrimPrefix(m.Value(), base+"long/"))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d members: %v", len(got), got)
	}
	if n := len(g.Subjects(rdf.IRITerm("http://www.w3.org/1999/02/22-rdf-syntax-ns#type"), rdf.IRITerm("http://www.w3.org/ns/ldp#BasicContainer"))); n != 601 {
		t.Errorf("%d containers are described", n)
	}
}

func TestRedirectToOtherSpelling(t *testing.T) {
	s := shared(t)
	for _, c := range []struct{ path, to string }{
		{"/box", "./box/"}, {"/box/note/", "../note"}, {"/box/full", "./full/"},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			if got := s.want("reader", method, c.path, "", 301).header.Get("Location"); got != c.to {
				t.Errorf("%s %s goes to %q", method, c.path, got)
			}
		}
	}
}

func TestPutResponses(t *testing.T) {
	s := shared(t)
	made := s.want("writer", "PUT", "/box/x%20y", "text", 201, "Content-Type: text/plain")
	got := s.want("writer", "GET", "/box/x%20y", "", 200)
	if made.header.Get("Location") != base+"box/x%20y" || made.header.Get("ETag") != got.header.Get("ETag") || got.body != "text" {
		t.Errorf("made %v, got %v", made.header, got.header)
	}
	again := s.want("writer", "PUT", "/box/x%20y", "other", 204, "Content-Type: text/plain")
	if again.header.Get("ETag") == made.header.Get("ETag") || again.header.Get("Location") != "" {
		t.Errorf("replaced %v", again.header)
	}
	dir := s.want("writer", "PUT", "/box/dir/", "", 201)
	if dir.header.Get("Location") != base+"box/dir/" || !slices.Contains(dir.header["Link"], `<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`) {
		t.Errorf("container %v", dir.header)
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	s := shared(t)
	const container = `Link: <http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		headers                  []string
	}{
		{"a body without a type", "PUT", "/box/x", "x", 400, nil},
		{"an empty one without a type", "PUT", "/box/x", "", 400, nil},
		{"by POST", "POST", "/box/", "x", 400, nil},
		{"a type that is none", "PUT", "/box/x", "x", 400, []string{"Content-Type: nothing/"}},
		{"a part", "PUT", "/box/x", "x", 400, []string{"Content-Type: text/plain", "Content-Range: bytes 0-0/1"}},
		{"compressed bytes", "PUT", "/box/x", "x", 415, []string{"Content-Type: text/plain", "Content-Encoding: gzip"}},
		{"too much", "PUT", "/box/x", strings.Repeat("x", 1<<20+1), 413, []string{"Content-Type: text/plain"}},
		{"a container without a slash", "PUT", "/box/x", "", 409, []string{"Content-Type: text/turtle", container}},
		{"a container that says something", "PUT", "/box/x/", "<> <http://www.w3.org/ns/ldp#contains> <y> .", 409, []string{"Content-Type: text/turtle"}},
		{"a container that is broken", "PUT", "/box/x/", "<", 400, []string{"Content-Type: text/turtle"}},
		{"a container that is no graph", "PUT", "/box/x/", "{}", 415, []string{"Content-Type: application/json"}},
		{"a container that says something in JSON-LD", "PUT", "/box/x/", `{"p:q": "v"}`, 409, []string{"Content-Type: application/ld+json"}},
		{"a container that says too much", "PUT", "/box/x/", strings.Repeat("#", 1<<17), 413, []string{"Content-Type: text/turtle"}},
		{"a container over another", "PUT", "/box/full/", "", 409, []string{"Content-Type: text/turtle", container}},
		{"a container that says it is a storage", "PUT", "/box/x/", "<> a <http://www.w3.org/ns/pim/space#Storage> .", 409, []string{"Content-Type: text/turtle"}},
		{"a container that says what another is", "PUT", "/box/x/", "<y/> a <http://www.w3.org/ns/ldp#Container> .", 409, []string{"Content-Type: text/turtle"}},
		{"one by POST that says something", "POST", "/box/", "<> <p:q> <y> .", 409, []string{"Content-Type: text/turtle", container}},
		{"an ACL that does not parse", "PUT", "/box/.acl", "<", 422, []string{"Content-Type: text/turtle"}},
		{"an ACL in JSON-LD that does not parse", "PUT", "/box/.acl", "{", 422, []string{"Content-Type: application/ld+json"}},
		{"an ACL that is no RDF", "PUT", "/box/.acl", "{}", 415, []string{"Content-Type: text/plain"}},
		{"an ACL for everybody", "PUT", "/box/.acl", prefix + `<#x> a acl:Authorization; acl:agentClass foaf:Agent; acl:accessTo <./>; acl:mode acl:Read .`, 422, []string{"Content-Type: text/turtle"}},
		{"an ACL that locks the owner out", "PUT", "/.acl", "", 422, []string{"Content-Type: text/turtle"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := s.want("owner", "GET", "/box/", "", 200).header.Get("ETag")
			res := s.do("owner", c.method, c.path, c.body, c.headers...)
			if res.status != c.status {
				t.Fatalf("%d %s, want %d", res.status, res.body, c.status)
			}
			check(t, c.method, res)
			if after := s.want("owner", "GET", "/box/", "", 200).header.Get("ETag"); after != before {
				t.Error("something was written")
			}
		})
	}
}

// TestAQueryIsNothingToWriteTo: what is named with one is another resource, of which there is none.
func TestAQueryIsNothingToWriteTo(t *testing.T) {
	s := shared(t)
	s.want("owner", "PUT", "/box/asked", "x", 201, "Content-Type: text/plain")
	for _, c := range [][3]string{{"PUT", "/box/asked", "text/plain"}, {"PATCH", "/box/asked", "application/sparql-update"}, {"POST", "/box/", "text/plain"}, {"DELETE", "/box/asked", ""}} {
		r := httptest.NewRequest(c[0], base+"?a=b", strings.NewReader("INSERT DATA {}"))
		r.Header.Set("Content-Type", c[2])
		if res := s.serve("owner", r, c[1]); res.status != 400 {
			t.Errorf("%s: %d %s", c[0], res.status, res.body)
		}
	}
	if res := s.doQuery("owner", "/box/asked", "a=b"); res.status != 200 || res.body != "x" {
		t.Errorf("%d %q", res.status, res.body)
	}
}

// TestACompressedBodyIsToldWhatIsTaken (RFC 9110 §12.5.3).
func TestACompressedBodyIsToldWhatIsTaken(t *testing.T) {
	s := shared(t)
	for _, method := range []string{"PUT", "PATCH"} {
		res := s.want("owner", method, "/box/x", "x", 415, "Content-Type: text/n3", "Content-Encoding: gzip")
		if got := res.header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("%s: Accept-Encoding is %q", method, got)
		}
	}
}

func TestWhatMakesAContainer(t *testing.T) {
	s := shared(t)
	const container = `Link: <http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`
	for _, c := range []struct {
		name, method, path, body, made string
		headers                        []string
	}{
		{"a slash", "PUT", "/box/1/", "", "box/1/", nil},
		{"what solid-client sends", "PUT", "/box/2/", "", "box/2/", []string{"Content-Type: text/turtle", container, "If-None-Match: *"}},
		{"Turtle that says nothing", "PUT", "/box/3/", "@prefix x: <x:> . # nothing\n", "box/3/", []string{"Content-Type: text/turtle"}},
		{"JSON-LD that says nothing", "PUT", "/box/7/", "{}", "box/7/", []string{"Content-Type: application/ld+json"}},
		{"Turtle that says it is one", "PUT", "/box/8/", "<> a <http://www.w3.org/ns/ldp#BasicContainer>, <http://www.w3.org/ns/ldp#Container> .", "box/8/", []string{"Content-Type: text/turtle"}},
		{"the same by POST", "POST", "/box/", "<> a <http://www.w3.org/ns/ldp#BasicContainer> .", "box/9/", []string{"Content-Type: text/turtle", container, "Slug: 9"}},
		{"POST with its type", "POST", "/box/", "", "box/4/", []string{"Content-Type: text/turtle", container, "Slug: 4"}},
		{"POST without a body", "POST", "/box/", "", "box/5/", []string{container, "Slug: 5/"}},
		{"several links", "POST", "/box/", "", "box/6/", []string{`Link: <x>; title="a,b<c"; rel="up", <http://www.w3.org/ns/ldp#Resource>; rel="type", <http://www.w3.org/ns/ldp#Container>; rel=type`, "Slug: 6"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := s.want("owner", c.method, c.path, c.body, 201, c.headers...)
			at := strings.TrimPrefix(res.header.Get("Location"), base)
			if at != c.made {
				t.Fatalf("made %q, want %q", at, c.made)
			}
			s.want("owner", "GET", "/"+at, "", 200)
		})
	}
}

func TestSlug(t *testing.T) {
	s := shared(t)
	for _, c := range []struct{ name, slug, location string }{
		{"a name is taken", "pic.webp", "box/pic.webp"},
		{"a name that is encoded is decoded", "a%20b", "box/a%20b"},
		{"other letters too", "caf%C3%A9", "box/caf%C3%A9"},
		{"a slash is none", "x/y", ""},
		{"an encoded slash neither", "x%2Fy", ""},
		{"nor a twin of an ACL", "note.ACL", ""},
		{"nor dots", "..", ""},
		{"nor bytes that are no text", "%FF", ""},
		{"nor a broken escape", "%", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := s.want("owner", "POST", "/box/", "x", 201, "Content-Type: text/plain", "Slug: "+c.slug).header.Get("Location")
			at = strings.TrimPrefix(at, base)
			if c.location != "" && at != c.location {
				t.Errorf("made %q", at)
			}
			if c.location == "" && (len(at) < 30 || strings.Contains(at, ".")) {
				t.Errorf("made %q, want a random name", at)
			}
			s.want("owner", "GET", "/"+at, "", 200)
			if taken := s.want("owner", "POST", "/box/", "x", 201, "Content-Type: text/plain", "Slug: "+c.slug).header.Get("Location"); taken == base+at {
				t.Errorf("%q was made twice", at)
			}
		})
	}
}

func TestFullPod(t *testing.T) {
	s := newServer(t, acl.Config{Quota: 1 << 10})
	s.acl("/in/.acl", give("adder", "acl:Append"))
	res := s.do("adder", "PUT", "/in/x", strings.Repeat("x", 512), "Content-Type: text/plain", "If-None-Match: *")
	if res.status != 507 {
		t.Errorf("%d %s", res.status, res.body)
	}
}

func TestBodyThatEndsEarly(t *testing.T) {
	s := shared(t)
	r := httptest.NewRequest("PUT", base, io.MultiReader(strings.NewReader("half"), failing{io.ErrUnexpectedEOF}))
	r.Header.Set("Content-Type", "text/plain")
	if res := s.serve("owner", r, "/box/half"); res.status != 400 {
		t.Errorf("%d %s", res.status, res.body)
	}
	s.want("owner", "GET", "/box/half", "", 404)
}

func TestUnexpectedErrorIsReturnedAndHidden(t *testing.T) {
	r := httptest.NewRequest("PUT", base+"box/x", nil)
	w := httptest.NewRecorder()
	err := newHandler("").Refuse(w, r, fmt.Errorf("place: %w", errors.New("secret detail")))
	if err == nil || !strings.Contains(err.Error(), "secret detail") || strings.Contains(err.Error(), "/box/x") {
		t.Errorf("returned %v", err)
	}
	if w.Code != 500 || bytes.Contains(w.Body.Bytes(), []byte("secret")) {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

// failing is a body that cannot be read.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestCORS(t *testing.T) {
	s := shared(t)
	for _, origin := range []string{"https://app.example", "null", "http://localhost:8420"} {
		for _, c := range []struct {
			who, method, path string
			status            int
		}{
			{"reader", "GET", "/box/note", 200}, {"reader", "GET", "/box/none", 404},
			{"other", "GET", "/box/note", 403}, {"stranger", "GET", "/box/note", 401},
			{"reader", "TRACE", "/box/note", 405}, {"reader", "GET", "/a//b", 400},
			{"reader", "OPTIONS", "/box/note", 204},
		} {
			h := s.want(c.who, c.method, c.path, "", c.status, "Origin: "+origin).header
			if h.Get("Access-Control-Allow-Origin") != origin || h.Get("Vary") != "Accept, Authorization, Origin" {
				t.Errorf("%s from %s: %v", c.method, origin, h)
			}
			for _, name := range []string{"ETag", "Link", "Location", "WAC-Allow", "WWW-Authenticate", "DPoP-Nonce", "Content-Range", "Last-Modified", "Allow", "Accept-Patch", "Accept-Put", "Accept-Post", "MS-Author-Via", "Retry-After"} {
				if !strings.Contains(", "+h.Get("Access-Control-Expose-Headers")+",", ", "+name+",") {
					t.Errorf("%s is not exposed", name)
				}
			}
		}
	}
	if h := s.want("reader", "GET", "/box/note", "", 200).header; h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without an Origin: %v", h)
	}
}

func TestPreflight(t *testing.T) {
	s := shared(t)
	for _, c := range []struct {
		name, path string
		asked      []string
		allowed    string
	}{
		{"of a resource", "/box/note", []string{"authorization, dpop, content-type"}, "authorization, dpop, content-type"},
		{"of what is hidden", "/box/secret", []string{"accept"}, "accept"},
		{"of what is no path", "/box/%00", []string{"x-y"}, "x-y"},
		{"that asks for no header", "/none", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			headers := []string{"Origin: null", "Access-Control-Request-Method: PUT"}
			for _, a := range c.asked {
				headers = append(headers, "Access-Control-Request-Headers: "+a)
			}
			res := s.want("stranger", "OPTIONS", c.path, "", 204, headers...)
			if got := res.header.Get("Access-Control-Allow-Headers"); got != c.allowed {
				t.Errorf("allows %q", got)
			}
			for _, m := range []string{"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"} {
				if !strings.Contains(res.header.Get("Access-Control-Allow-Methods"), m) {
					t.Errorf("%s is not allowed", m)
				}
			}
			if res.body != "" || res.header.Get("Access-Control-Allow-Origin") != "null" {
				t.Errorf("%q %v", res.body, res.header)
			}
		})
	}
}

func TestOriginReachesTheRules(t *testing.T) {
	s := shared(t)
	s.acl("/app/.acl", give("reader", "acl:Read; acl:origin <https://app.example>"))
	s.put("/app/x", "text/plain", "x")
	s.want("reader", "GET", "/app/x", "", 200, "Origin: https://app.example")
	s.want("reader", "GET", "/app/x", "", 403, "Origin: https://evil.example")
	s.want("reader", "GET", "/app/x", "", 403, "Origin: null")
}

func TestPublicModes(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.raw("/settings/classes", "application/json", `{"/pub/": ["http://xmlns.com/foaf/0.1/Agent"]}`)
	s.put("/pub/x", "text/plain", "x")
	s.acl("/pub/.acl", "<#p> a acl:Authorization; acl:agentClass foaf:Agent; acl:default <./>; acl:mode acl:Read .", give("writer", "acl:Write"))
	for who, want := range map[string]string{
		"stranger": `user="read",public="read"`,
		"reader":   `user="read",public="read"`,
		"writer":   `user="read append write",public="read"`,
		"owner":    `user="read append write control",public="read"`,
	} {
		if got := s.want(who, "GET", "/pub/x", "", 200).header.Get("WAC-Allow"); got != want {
			t.Errorf("%s: %q", who, got)
		}
	}
}
