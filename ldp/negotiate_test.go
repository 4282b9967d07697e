package ldp_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"kith/acl"
	"kith/internal/rdf"
)

const (
	turtle   = "text/turtle"
	jsonLD   = "application/ld+json"
	nTriples = "application/n-triples"
	lws      = "application/lws+json"
)

// mixed makes a pod with a graph in each syntax, and what is none.
func mixed(t *testing.T) *server {
	s := newServer(t, acl.Config{})
	s.put("/box/ttl", turtle, `<#me> <x:knows> <other>, [ <x:name> "b"@en ] .`)
	s.put("/box/nt", nTriples, "<x:s> <x:p> \"1\" .\n")
	s.put("/box/jsonld", jsonLD, `{"@context": {"name": "x:name"}, "@id": "#me", "name": "Ann", "@graph": [{"@id": "#g", "name": "in a graph"}]}`)
	s.put("/box/note", "text/plain", "note")
	s.put("/box/strange", jsonLD, `{"@context": "https://context.example/none", "a": 1}`)
	s.raw("/box/broken", turtle, "<")
	s.acl("/box/.acl", give("reader", "acl:Read"), give("writer", "acl:Read, acl:Write"))
	return s
}

func TestNegotiation(t *testing.T) {
	s := mixed(t)
	for _, c := range []struct {
		name, path, accept, want string // "" is 406
	}{
		{"nothing said", "/box/ttl", "", turtle},
		{"anything", "/box/jsonld", "*/*", jsonLD},
		{"what is stored", "/box/ttl", "text/turtle", turtle},
		{"JSON-LD of Turtle", "/box/ttl", "application/ld+json", jsonLD},
		{"Turtle of JSON-LD", "/box/jsonld", "text/turtle", turtle},
		{"Turtle of N-Triples", "/box/nt", "text/turtle", turtle},
		{"N-Triples of Turtle", "/box/ttl", "application/n-triples", nTriples},
		{"what is wanted more", "/box/ttl", "text/turtle;q=0.5, application/ld+json;q=0.6", jsonLD},
		{"what is stored where both are wanted alike", "/box/jsonld", "text/turtle, application/ld+json", jsonLD},
		{"what is stored before a wildcard", "/box/nt", "*/*;q=0.1", nTriples},
		{"a type by its kind", "/box/jsonld", "text/*", turtle},
		{"what is not refused", "/box/ttl", "*/*, text/turtle;q=0", jsonLD},
		{"JSON is what JSON-LD is", "/box/ttl", "application/json", jsonLD},
		{"what rdflib asks for", "/box/ttl", "image/*;q=0.9, */*;q=0.1, application/rdf+xml;q=0.9, application/xhtml+xml, text/xml;q=0.5, application/xml;q=0.5, text/html;q=0.9, text/plain;q=0.5, text/n3;q=1.0, text/turtle;q=1", turtle},
		{"what a browser asks for", "/box/jsonld", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", jsonLD},
		{"what is no Accept", "/box/ttl", ";;q=x", turtle},
		{"nothing that there is", "/box/ttl", "image/png", ""},
		{"what is no graph, as one", "/box/note", "text/turtle", "text/plain"},
		{"no graph among others", "/box/note", "text/turtle, */*;q=0.1", "text/plain"},
		{"what is no graph, as nothing", "/box/note", "*/*;q=0", "text/plain"},
		{"a graph as nothing", "/box/ttl", "*/*;q=0", ""},
		{"a graph that does not parse, as another", "/box/broken", "application/ld+json", turtle},
		{"JSON-LD that nobody here knows, as another", "/box/strange", "text/turtle", jsonLD},
		{"a container", "/box/", "", turtle},
		{"a container in JSON-LD", "/box/", "application/ld+json", jsonLD},
		{"a container as LWS lists it", "/box/", "application/lws+json", lws},
		{"by its profile", "/box/", `application/ld+json;profile="https://www.w3.org/ns/lws/v1"`, lws},
		{"as plain JSON", "/box/", "application/json", "application/json"},
		{"a container as a picture", "/box/", "image/png", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var headers []string
			if c.accept != "" {
				headers = []string{"Accept: " + c.accept}
			}
			get := s.do("reader", "GET", c.path, "", headers...)
			if c.want == "" {
				if get.status != 406 {
					t.Errorf("%d %s", get.status, get.body)
				}
				check(t, "GET", get)
				return
			}
			if get.status != 200 || get.header.Get("Content-Type") != c.want {
				t.Fatalf("%d as %q, want %q", get.status, get.header.Get("Content-Type"), c.want)
			}
			if get.header.Get("Vary") != "Accept, Authorization, Origin" {
				t.Errorf("Vary %q", get.header.Get("Vary"))
			}
			head := s.do("reader", "HEAD", c.path, "", headers...)
			if head.head() != get.head() {
				t.Errorf("HEAD says\n%sGET says\n%s", head.head(), get.head())
			}
			again := s.do("reader", "GET", c.path, "", append(headers, "If-None-Match: "+get.header.Get("ETag"))...)
			if again.status != 304 || again.header.Get("ETag") != get.header.Get("ETag") {
				t.Errorf("the same ETag gets %d", again.status)
			}
		})
	}
}

// TestRepresentationsSayTheSame reads each graph in each syntax.
func TestRepresentationsSayTheSame(t *testing.T) {
	s := mixed(t)
	for _, path := range []string{"/box/ttl", "/box/nt", "/box/jsonld", "/box/", "/"} {
		tags := map[string]string{}
		var first *rdf.Graph
		for _, typ := range []string{turtle, jsonLD, nTriples} {
			if strings.HasSuffix(path, "/") && typ == nTriples {
				continue
			}
			res := s.want("owner", "GET", path, "", 200, "Accept: "+typ)
			syntax, ok := rdf.SyntaxOf(res.header.Get("Content-Type"))
			if !ok || syntax.MediaType() != typ {
				t.Fatalf("%s as %q", path, res.header.Get("Content-Type"))
			}
			g, err := rdf.Decode(strings.NewReader(res.body), syntax, rdf.IRI(base+path[1:]), rdf.Limits{})
			if err != nil {
				t.Fatalf("%s in %s: %v\n%s", path, typ, err, res.body)
			}
			if first == nil {
				first = g
			}
			if g.Len() == 0 || !rdf.Isomorphic(first, g) {
				t.Errorf("%s says otherwise in %s: %s", path, typ, res.body)
			}
			if other, ok := tags[res.header.Get("ETag")]; ok {
				t.Errorf("%s has one ETag in %s and %s", path, other, typ)
			}
			tags[res.header.Get("ETag")] = typ
		}
	}
}

// TestWritesByAnyETag writes on condition of the state that was read, in whatever
// syntax it was.
// TestShortTextsStayShort asks for a graph whose other representations would be a
// thousand times as long, and patches one so that it would become that long.
func TestShortTextsStayShort(t *testing.T) {
	s := newServer(t, acl.Config{})
	text := "<x:" + strings.Repeat("x", 50_000) + "> <#p> 0"
	for i := range 1000 {
		text += fmt.Sprintf(", %d", i+1)
	}
	s.want("owner", "PUT", "/long", text+".", 201, "Content-Type: "+turtle)
	for _, accept := range []string{nTriples, jsonLD} {
		res := s.want("owner", "GET", "/long", "", 200, "Accept: "+accept)
		if got := res.header.Get("Content-Type"); got != turtle || res.body != text+"." {
			t.Errorf("%s: %d bytes of %s", accept, len(res.body), got)
		}
	}
	s.want("owner", "PUT", "/many", strings.Repeat("[] <#p> 1 .\n", 1000), 201, "Content-Type: "+turtle)
	s.want("owner", "PATCH", "/many", "INSERT { ?s <x:"+strings.Repeat("x", 50_000)+"> 1 } WHERE { ?s <#p> 1 }", 413, asUpdate)
}

func TestWritesByAnyETag(t *testing.T) {
	s := mixed(t)
	for _, typ := range []string{turtle, jsonLD, nTriples} {
		tag := s.want("writer", "GET", "/box/ttl", "", 200, "Accept: "+typ).header.Get("ETag")
		s.want("writer", "PATCH", "/box/ttl", `INSERT DATA { <#x> <x:p> "`+typ+`" }`, 204, asUpdate, "If-Match: "+tag)
		s.want("writer", "PATCH", "/box/ttl", `INSERT DATA { <#x> <x:p> "again" }`, 412, asUpdate, "If-Match: "+tag)
		s.want("writer", "PUT", "/box/ttl", "", 412, "Content-Type: "+turtle, "If-Match: "+tag)
		s.want("writer", "DELETE", "/box/ttl", "", 412, "If-Match: "+tag)
	}
	tag := s.want("writer", "GET", "/box/ttl", "", 200, "Accept: "+jsonLD).header.Get("ETag")
	s.want("writer", "PUT", "/box/ttl", `{"@id": "#x"}`, 412, "Content-Type: "+jsonLD, "If-None-Match: "+tag)
	s.want("writer", "PUT", "/box/ttl", `{"@id": "#x"}`, 204, "Content-Type: "+jsonLD, "If-Match: "+tag)
	s.want("owner", "PUT", "/void/", "", 201)
	list := s.want("owner", "GET", "/void/", "", 200, "Accept: "+lws).header.Get("ETag")
	s.want("owner", "DELETE", "/void/", "", 204, "If-Match: "+list)
}

func TestGraphsAreCheckedWhenTheyCome(t *testing.T) {
	s := newServer(t, acl.Config{})
	s.want("owner", "PUT", "/box/", "", 201)
	for _, c := range []struct {
		name, typ, body string
		status          int
		says            string
	}{
		{"broken Turtle", turtle, "<#a> <#b> .\n<", 400, "line 1"},
		{"broken N-Triples", nTriples, "<x:a> <x:b> .", 400, "line 1"},
		{"broken JSON", jsonLD, "{", 400, "line 1"},
		{"JSON that is no JSON-LD", jsonLD, `{"@id": 5}`, 400, ""},
		{"too much", turtle, strings.Repeat("<x:s> <x:p> <x:o> .\n", 50_001), 413, ""},
		{"a context that nobody here knows", jsonLD, `{"@context": "https://context.example/none"}`, 201, ""},
		{"Turtle", turtle, "<#a> <#b> <#c> .", 201, ""},
		{"another syntax", "text/n3", "{", 201, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, method := range []string{"PUT", "POST"} {
				path := "/box/"
				if method == "PUT" {
					path += url.PathEscape(c.name)
				}
				res := s.do("owner", method, path, c.body, "Content-Type: "+c.typ)
				if res.status != c.status || !strings.Contains(res.body, c.says) {
					t.Errorf("%s: %d %s", method, res.status, res.body)
				}
				if path != "/box/" && c.status != 201 {
					s.want("owner", "GET", path, "", 404)
				}
			}
		})
	}
}

// lwsList is a listing of Linked Web Storage as a client reads it.
type lwsList struct {
	Context string `json:"@context"`
	ID      string
	Type    string
	Total   int `json:"totalItems"`
	Items   []struct {
		ID, Type, MediaType, Format, Modified string
		Size                                  *int
	}
}

func (s *server) lws(who, path string, query string) (lwsList, response) {
	s.t.Helper()
	res := s.doQuery(who, path, query, "Accept: "+lws)
	var l lwsList
	if err := json.Unmarshal([]byte(res.body), &l); err != nil || res.status != 200 {
		s.t.Fatalf("%d %s: %v", res.status, res.body, err)
	}
	return l, res
}

func TestLWSListing(t *testing.T) {
	s := shared(t)
	l, _ := s.lws("reader", "/box/", "")
	if l.Context != "https://www.w3.org/ns/lws/v1" || l.ID != base+"box/" || l.Type != "Container" || l.Total != 4 || len(l.Items) != 4 {
		t.Fatalf("%+v", l)
	}
	var got []string
	for _, i := range l.Items {
		got = append(got, strings.TrimPrefix(i.ID, base+"box/")+" "+i.Type+" "+i.MediaType)
		if (i.Type == "DataResource") != (i.Size != nil && i.Modified != "" && i.Format == i.MediaType) {
			t.Errorf("%+v", i)
		}
	}
	if want := []string{"data DataResource text/turtle", "full/ Container ", "note DataResource text/plain", "void/ Container "}; !slices.Equal(got, want) {
		t.Errorf("lists %q", got)
	}
	if l, _ := s.lws("owner", "/box/", ""); l.Total != 6 {
		t.Errorf("the owner is told of %d", l.Total)
	}
}

// TestPages goes through a long listing as a client does, by rel=next alone.
func TestPages(t *testing.T) {
	s := newServer(t, acl.Config{})
	var want []string
	for i := range 2001 {
		want = append(want, fmt.Sprintf("%04d é/", i))
	}
	s.makeContainers("/long/", escaped(want))
	var got []string
	query, pages := "", 0
	for {
		l, res := s.lws("owner", "/long/", query)
		pages++
		if l.Total != 2001 || len(l.Items) > 1000 {
			t.Fatalf("page %d has %d of %d", pages, len(l.Items), l.Total)
		}
		for _, i := range l.Items {
			name, err := url.PathUnescape(strings.TrimPrefix(i.ID, base+"long/"))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, name)
		}
		if rel(res, "first") != base+"long/" {
			t.Errorf("links %q", res.header["Link"])
		}
		next := rel(res, "next")
		if next == "" {
			break
		}
		u, err := url.Parse(next)
		if err != nil || pages > 3 {
			t.Fatalf("page %d: %q %v", pages, next, err)
		}
		query = u.RawQuery
	}
	if pages != 3 || !slices.Equal(got, want) {
		t.Errorf("%d members on %d pages", len(got), pages)
	}
	if res := s.want("owner", "GET", "/long/", "", 200); rel(res, "next") != "" || strings.Count(res.body, "BasicContainer") != 2002 {
		t.Error("Turtle does not come in pages")
	}
}

func escaped(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, url.PathEscape(strings.TrimSuffix(n, "/"))+"/")
	}
	return out
}

// rel returns the target of a link.
func rel(res response, rel string) string {
	for _, l := range res.header["Link"] {
		if target, ok := strings.CutSuffix(l, `>; rel="`+rel+`"`); ok {
			return strings.TrimPrefix(target, "<")
		}
	}
	return ""
}
