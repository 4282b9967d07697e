package ldp

import (
	"net/http"
	"strings"
	"testing"

	"kith/pod"
)

// FuzzSlug asks that whatever a Slug holds, what may be made of it lies in the
// container and is no auxiliary.
func FuzzSlug(f *testing.F) {
	for _, s := range []string{"a", "a%20b", "../x", "x.acl", "%2e%2e%2fx", ".meta", "a/b/", "%", "\xff", "é", "e\u0301", "CON", "x.ACL", "a%00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
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
