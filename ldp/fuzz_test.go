package ldp

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kith/internal/fuzztest"
	"kith/pod"
)

// fuzzBytes is the longest header that is looked at.
const fuzzBytes = 64 << 10

// within asks that fn, which reads so many bytes of anybody's making, costs little.
func within(t *testing.T, size int, fn func()) {
	t.Helper()
	if size > fuzzBytes {
		t.Skip("longer than a header can be")
	}
	fuzztest.Cheap(t, size, fn)
}

// FuzzSlug asks that whatever a Slug holds, what may be made of it lies in the
// container and is no auxiliary.
func FuzzSlug(f *testing.F) {
	for _, s := range []string{"a", "a%20b", "../x", "x.acl", "%2e%2e%2fx", ".meta", "a/b/", "%", "\xff", "é", "e\u0301", "CON", "x.ACL", "a%00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		within(t, len(value), func() { _, _ = pod.Root.Child(slug(value), false) })
		name := slug(value)
		p, err := pod.Root.Child(name, false)
		if err != nil {
			return
		}
		if p.Parent() != pod.Root || p.IsContainer() || p.Name() != name || strings.Contains(name, "/") {
			t.Errorf("%q makes %s", value, p)
		}
	})
}

// FuzzEntityTags asks that what is read of a condition is what was written.
func FuzzEntityTags(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a"`, "*", `"a", "b"`, `"a" "b"`, `,,"a",`, `"`, `W/`, `*, "a"`, "", `"a,b"`, "\"\x00\"", `"é"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		within(t, len(value), func() { _, _ = precondition(http.Header{"If-Match": {value}, "If-None-Match": {value}}) })
		tags, ok := entityTags([]string{value})
		if !ok {
			if tags != nil {
				t.Errorf("%q is refused, and yields %q", value, tags)
			}
			return
		}
		again, ok := entityTags([]string{strings.Join(tags, ", ")})
		if !ok || strings.Join(again, " ") != strings.Join(tags, " ") || len(tags) == 0 || len(tags) > maxTags {
			t.Errorf("%q yields %q, and that %q", value, tags, again)
		}
		for _, tag := range tags {
			if s := state(tag); !strings.HasPrefix(tag, strings.TrimSuffix(s, `"`)) || state(derived(tag, typeJSONLD)) != tag && tag != "*" {
				t.Errorf("%q is of the state %q", tag, s)
			}
			if tag != "*" && (!strings.HasSuffix(tag, `"`) || strings.Count(tag, `"`) != 2 || !strings.Contains(value, tag)) {
				t.Errorf("%q yields %q", value, tag)
			}
		}
		if len(tags) > 1 && strings.Contains(strings.Join(tags, ""), "*") && !strings.Contains(value, `*`) {
			t.Errorf("%q yields a star", value)
		}
	})
}

// FuzzLinks asks that Link headers of anybody's making are read to an end, and
// that a container is asked for only where its type stands there.
func FuzzLinks(f *testing.F) {
	for _, s := range []string{
		`<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`, `<http://www.w3.org/ns/ldp#Container>;rel=type`,
		`<a>; rel="up type", <b>`, `<`, `<>; rel`, `<a>; title="<http://www.w3.org/ns/ldp#BasicContainer>; rel=type"`, `<a`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		within(t, len(value), func() { links([]string{value}) })
		asks := asksContainer(http.Header{"Link": {value}})
		if asks && !(strings.Contains(value, "ldp#BasicContainer>") || strings.Contains(value, "ldp#Container>")) {
			t.Errorf("%q asks for a container", value)
		}
		for _, l := range links([]string{value}) {
			if !strings.Contains(value, "<"+l.target+">") || strings.ContainsAny(l.rel, " \t") {
				t.Errorf("%q yields %+v", value, l)
			}
		}
	})
}

// FuzzAccept asks that of what is offered one is chosen, that it is one the
// header does not refuse, and that none is chosen only where none is wanted.
func FuzzAccept(f *testing.F) {
	for _, s := range []string{
		"", "*/*", "text/turtle", "text/*;q=0.3, text/turtle;q=0.7", `application/ld+json;profile="https://www.w3.org/ns/lws/v1"`,
		"application/json;q=0.001", "*/*;q=0", "text/turtle;q=1e9", "text/turtle;q=NaN", "a/b;q=-1, */*;q=2", ",,;;==", "text/turtle;q=\"0.5\"", strings.Repeat("*/*,", 1000),
	} {
		f.Add(s)
	}
	offers := []string{typeTurtle, typeJSONLD, typeLWS, typeJSON}
	f.Fuzz(func(t *testing.T, value string) {
		within(t, len(value), func() { parseAccept([]string{value}).choose(offers) })
		a := parseAccept([]string{value})
		if len(a) > maxRanges {
			t.Errorf("%d ranges", len(a))
		}
		best, ok := a.choose(offers)
		for _, o := range offers {
			q := a.quality(o)
			if !(q >= 0 && q <= 1) || q > a.quality(best) || q > 0 && !ok {
				t.Errorf("%q: %s is wanted %v, but %q is chosen", value, o, q, best)
			}
		}
		if ok && a.quality(best) == 0 {
			t.Errorf("%q: %s is refused, and chosen", value, best)
		}
	})
}

// FuzzPage asks that whatever a query says, the page lies within the listing and
// goes on where the name says.
func FuzzPage(f *testing.F) {
	for _, s := range []string{"", "after=", "after=0500", "after=%ff", "after=a&after=b", ";", "%zz", "after=" + strings.Repeat("x", 3000)} {
		f.Add(s)
	}
	var children []pod.Info
	for i := range 3 * pageSize {
		p, err := pod.Root.Child(fmt.Sprintf("%04d", i), false)
		if err != nil {
			f.Fatal(err)
		}
		children = append(children, pod.Info{Path: p})
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		var at *page
		within(t, len(query), func() { at = pageOf(children, values) })
		after := values.Get("after")
		if at.from < 0 || at.to < at.from || at.to > len(children) || at.to-at.from > pageSize {
			t.Fatalf("%q: %+v", query, at)
		}
		if at.from > 0 && children[at.from-1].Path.Name() > after || at.from < len(children) && after != "" && children[at.from].Path.Name() <= after {
			t.Errorf("%q begins at %d", query, at.from)
		}
	})
}
