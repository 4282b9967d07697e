package rdf

import (
	"errors"
	"strings"
	"testing"
)

func TestNewIRI(t *testing.T) {
	for _, s := range []string{
		"http://a", "https://alice.example/card#me", "urn:x:y", "mailto:a@b", "x:", "a+b-c.1:x", "http://é/日本?ü#ö",
		"scheme:!$%25&'()*+,-./0123456789:/@ABC[]_abc~?#", "http://h/a/../b", "tag:😀",
	} {
		if i, err := NewIRI(s); err != nil || string(i) != s {
			t.Errorf("NewIRI(%q) = %q, %v", s, i, err)
		}
	}
	for _, s := range []string{
		"", ":", "a", "/a", "//a", "#a", "?a:b", "1a:b", "+:", "a b:c", "é:x", "http", "a/b:c",
		"x: ", "x:\t", "x:\n", "x:\x00", "x:\x7f", "x:\u0080", "x:\u009f", "x:\xff", "x:\xc2", "x:a\xed\xa0\x80",
		"x:<", "x:>", `x:"`, "x:{", "x:}", "x:|", `x:\`, "x:^", "x:`",
	} {
		if i, err := NewIRI(s); !errors.Is(err, ErrSyntax) || i != "" {
			t.Errorf("NewIRI(%q) = %q, %v; want ErrSyntax", s, i, err)
		}
	}
}

// RFC 3986 §5.4.1 and §5.4.2, and what lies at their edges.
func TestResolve(t *testing.T) {
	const rfc = "http://a/b/c/d;p?q"
	for _, c := range []struct {
		base IRI
		ref  string
		want IRI
	}{
		{rfc, "g:h", "g:h"}, {rfc, "g", "http://a/b/c/g"}, {rfc, "./g", "http://a/b/c/g"},
		{rfc, "g/", "http://a/b/c/g/"}, {rfc, "/g", "http://a/g"}, {rfc, "//g", "http://g"},
		{rfc, "?y", "http://a/b/c/d;p?y"}, {rfc, "g?y", "http://a/b/c/g?y"}, {rfc, "#s", "http://a/b/c/d;p?q#s"},
		{rfc, "g#s", "http://a/b/c/g#s"}, {rfc, "g?y#s", "http://a/b/c/g?y#s"}, {rfc, ";x", "http://a/b/c/;x"},
		{rfc, "g;x", "http://a/b/c/g;x"}, {rfc, "g;x?y#s", "http://a/b/c/g;x?y#s"}, {rfc, "", "http://a/b/c/d;p?q"},
		{rfc, ".", "http://a/b/c/"}, {rfc, "./", "http://a/b/c/"}, {rfc, "..", "http://a/b/"}, {rfc, "../", "http://a/b/"},
		{rfc, "../g", "http://a/b/g"}, {rfc, "../..", "http://a/"}, {rfc, "../../", "http://a/"}, {rfc, "../../g", "http://a/g"},
		{rfc, "../../../g", "http://a/g"}, {rfc, "../../../../g", "http://a/g"}, {rfc, "/./g", "http://a/g"},
		{rfc, "/../g", "http://a/g"}, {rfc, "g.", "http://a/b/c/g."}, {rfc, ".g", "http://a/b/c/.g"},
		{rfc, "g..", "http://a/b/c/g.."}, {rfc, "..g", "http://a/b/c/..g"}, {rfc, "./../g", "http://a/b/g"},
		{rfc, "./g/.", "http://a/b/c/g/"}, {rfc, "g/./h", "http://a/b/c/g/h"}, {rfc, "g/../h", "http://a/b/c/h"},
		{rfc, "g;x=1/./y", "http://a/b/c/g;x=1/y"}, {rfc, "g;x=1/../y", "http://a/b/c/y"},
		{rfc, "g?y/./x", "http://a/b/c/g?y/./x"}, {rfc, "g?y/../x", "http://a/b/c/g?y/../x"},
		{rfc, "g#s/./x", "http://a/b/c/g#s/./x"}, {rfc, "g#s/../x", "http://a/b/c/g#s/../x"}, {rfc, "http:g", "http:g"},
		{rfc, "http://x/a/../b", "http://x/b"}, {rfc, "?", "http://a/b/c/d;p?"}, {rfc, "#", "http://a/b/c/d;p?q#"},
		{rfc, "//g/../h", "http://g/h"}, {rfc, "a//../b", "http://a/b/c/a/b"}, {rfc, "/.", "http://a/"}, {rfc, "/..", "http://a/"},
		{"http://a", "g", "http://a/g"}, {"http://a?q", "g", "http://a/g"}, {"http://a#f", "", "http://a"},
		{"http://a#f", "#g", "http://a#g"}, {"urn:a:b", "#f", "urn:a:b#f"}, {"urn:a:b", "c", "urn:c"}, {"urn:a:b", "../c", "urn:c"}, {"urn:a:b", "./../c/.", "urn:c/"}, {"urn:a:b", "..", "urn:"},
		{"urn:a/b", "../../c", "urn:/c"}, {"x:a/b", "..", "x:/"}, {"file:///a/b", "c", "file:///a/c"},
		{"http://a/é/", "日本", "http://a/é/日本"}, {"http://a/b//c/d", "..", "http://a/b//"},
	} {
		if got, err := Resolve(c.base, c.ref); err != nil || got != c.want {
			t.Errorf("Resolve(%q, %q) = %q, %v; want %q", c.base, c.ref, got, err, c.want)
		}
	}
	for _, c := range [][2]string{
		{"", "http://a"}, {"a", "b"}, {"http://a b", "c"}, {"http://a/", "b c"}, {"http://a/", "<"}, {"http://a/", "\xff"},
		{"x:/a/b", "..//c"}, {"x:/a", ".//c"},
	} {
		if got, err := Resolve(IRI(c[0]), c[1]); !errors.Is(err, ErrSyntax) || got != "" {
			t.Errorf("Resolve(%q, %q) = %q, %v; want ErrSyntax", c[0], c[1], got, err)
		}
	}
}

func TestResolvingManyDotsReachesTheRoot(t *testing.T) {
	const n = 100_000
	got, err := Resolve("http://a/", strings.Repeat("b/", n)+strings.Repeat("../", n)+"c")
	if err != nil || got != "http://a/c" {
		t.Errorf("Resolve = %q, %v", got, err)
	}
}
