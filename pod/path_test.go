package pod

import (
	"errors"
	"path"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"kith/internal/fuzztest"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

func TestParsePath(t *testing.T) {
	for _, c := range []struct{ name, escaped, decoded, canonical string }{
		{"the root", "/", "/", "/"},
		{"a resource", "/a/b.txt", "/a/b.txt", "/a/b.txt"},
		{"a container", "/a/b/", "/a/b/", "/a/b/"},
		{"a space", "/b%20c", "/b c", "/b%20c"},
		{"hex digits in lower case", "/%c3%a9", "/é", "/%C3%A9"},
		{"text beyond ASCII that comes raw", "/é", "/é", "/%C3%A9"},
		{"unreserved characters that come encoded", "/%61%7E", "/a~", "/a~"},
		{"sub-delims stay raw", "/!$&'()*+,;=:@", "/!$&'()*+,;=:@", "/!$&'()*+,;=:@"},
		{"brackets, which browsers leave raw", "/[1]", "/[1]", "/%5B1%5D"},
		{"a percent sign", "/100%25", "/100%", "/100%25"},
		{"an escape that was escaped is a plain name", "/%252e%252e", "/%2e%2e", "/%252e%252e"},
		{"a name that begins with a dot", "/.hidden", "/.hidden", "/.hidden"},
		{"three dots in front", "/...a", "/...a", "/...a"},
		{"a query sign, encoded", "/a%3Fb%23c", "/a?b#c", "/a%3Fb%23c"},
		{"the longest segment", "/" + strings.Repeat("a", 239), "/" + strings.Repeat("a", 239), "/" + strings.Repeat("a", 239)},
		{"the auxiliary of the longest segment", "/" + strings.Repeat("a", 239) + ".meta", "/" + strings.Repeat("a", 239) + ".meta", "/" + strings.Repeat("a", 239) + ".meta"},
		{"the deepest path", strings.Repeat("/a", 32), strings.Repeat("/a", 32), strings.Repeat("/a", 32)},
		{"an ACL of the root", "/.acl", "/.acl", "/.acl"},
		{"a word that begins like a device", "/console.log", "/console.log", "/console.log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePath(c.escaped)
			if err != nil {
				t.Fatal(err)
			}
			if p.String() != c.decoded || p.Escaped() != c.canonical {
				t.Fatalf("got %q, escaped %q; want %q, %q", p.String(), p.Escaped(), c.decoded, c.canonical)
			}
		})
	}
}

func TestParsePathRefuses(t *testing.T) {
	for _, c := range []struct {
		name, escaped string
		want          error
	}{
		{"nothing", "", ErrBadPath},
		{"no slash in front", "a", ErrBadPath},
		{"an empty segment", "/a//b", ErrBadPath},
		{"an empty segment at the end", "/a//", ErrBadPath},
		{"two slashes", "//", ErrBadPath},
		{"a dot", "/.", ErrBadPath},
		{"a dot in between", "/a/./b", ErrBadPath},
		{"two dots", "/a/../b", ErrBadPath},
		{"two dots at the end", "/a/..", ErrBadPath},
		{"two dots, encoded", "/a/%2e%2E/b", ErrBadPath},
		{"a dot, encoded", "/a/%2e/", ErrBadPath},
		{"two dots, half encoded", "/.%2e/b", ErrBadPath},
		{"two dots of full width", "/\uff0e\uff0e/b", ErrBadPath},
		{"two dots with nothing visible between", "/.\u200b./b", ErrBadPath},
		{"nothing visible at all", "/\u200b", ErrBadPath},
		{"an encoded slash", "/a%2Fb", ErrBadPath},
		{"an encoded slash, lower case", "/a%2fb", ErrBadPath},
		{"an encoded backslash", "/a%5Cb", ErrBadPath},
		{"a raw backslash", `/a\b`, ErrBadPath},
		{"NUL", "/a%00b", ErrBadPath},
		{"a raw NUL", "/a\x00b", ErrBadPath},
		{"a newline", "/a%0Ab", ErrBadPath},
		{"DEL", "/a%7Fb", ErrBadPath},
		{"a control character beyond ASCII", "/a%C2%85b", ErrBadPath},
		{"a line separator", "/a%E2%80%A8b", ErrBadPath},
		{"a raw space", "/a b", ErrBadPath},
		{"a query", "/a?b", ErrBadPath},
		{"a fragment", "/a#b", ErrBadPath},
		{"a raw quote", `/a"b`, ErrBadPath},
		{"half an escape", "/a%2", ErrBadPath},
		{"a percent sign alone", "/a%", ErrBadPath},
		{"an escape that is no hex", "/a%zz", ErrBadPath},
		{"bytes that are no UTF-8", "/a%ff", ErrBadPath},
		{"an overlong slash", "/a%c0%af", ErrBadPath},
		{"a surrogate", "/%ed%a0%80", ErrBadPath},
		{"normal form D", "/e%CC%81", ErrBadPath},
		{"a trailing dot", "/a.", ErrBadPath},
		{"a trailing space", "/a%20", ErrBadPath},
		{"a trailing dot on a container", "/a./b", ErrBadPath},
		{"a trailing dot below an auxiliary suffix", "/a..acl", ErrBadPath},
		{"a device of Windows", "/nul", ErrBadPath},
		{"a device with an extension", "/Com1.txt", ErrBadPath},
		{"a device with two extensions", "/LPT9.tar.gz", ErrBadPath},
		{"a device with a superscript", "/com\u00b9", ErrBadPath},
		{"the console", "/CONIN$", ErrBadPath},
		{"a device as a container", "/aux/b", ErrBadPath},
		{"an auxiliary of a device", "/con.acl", ErrBadPath},
		{"a segment that is too long", "/" + strings.Repeat("a", 240), ErrBadPath},
		{"a path that is too deep", strings.Repeat("/a", 33), ErrBadPath},
		{"a container that is too deep", strings.Repeat("/a", 33) + "/", ErrBadPath},
		{"a path that is too long", strings.Repeat("/"+strings.Repeat("a", 200), 11), ErrBadPath},
		{"a megabyte", "/" + strings.Repeat("a", 1<<20), ErrBadPath},
		{"a name of the store", "/.kith-type.a", ErrReserved},
		{"a name of the store in capitals", "/.KITH", ErrReserved},
		{"a name of the store in between", "/a/.kithen/b", ErrReserved},
		{"an ACL of an ACL", "/a.acl.acl", ErrReserved},
		{"an ACL of the root's ACL", "/.acl.acl", ErrReserved},
		{"a description of an ACL", "/a.acl.meta", ErrReserved},
		{"an ACL of a description", "/a.meta.acl", ErrReserved},
		{"a description of a description", "/a.meta.meta", ErrReserved},
		{"an ACL as a container", "/a.acl/", ErrReserved},
		{"something below an ACL", "/a/.acl/b", ErrReserved},
		{"an ACL in capitals", "/a.ACL", ErrReserved},
		{"an ACL of full width", "/a\uff0eacl", ErrReserved},
		{"an ACL with something invisible", "/a.a\u00adcl", ErrReserved},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParsePath(c.escaped)
			if !errors.Is(err, c.want) || p != (Path{}) {
				t.Fatalf("got %v, %v; want no path and %v", p, err, c.want)
			}
		})
	}
}

func mustParse(t *testing.T, escaped string) Path {
	t.Helper()
	p, err := ParsePath(escaped)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPathParts(t *testing.T) {
	for _, c := range []struct {
		path, name, parent, subject, acl string
		container, isACL, isMeta         bool
	}{
		{"/", "", "", "/", "/.acl", true, false, false},
		{"/a", "a", "/", "/a", "/a.acl", false, false, false},
		{"/a/", "a", "/", "/a/", "/a/.acl", true, false, false},
		{"/a/b c/", "b c", "/a/", "/a/b c/", "/a/b c/.acl", true, false, false},
		{"/a/.acl", ".acl", "/a/", "/a/", "", false, true, false},
		{"/a/b.acl", "b.acl", "/a/", "/a/b", "", false, true, false},
		{"/a/.meta", ".meta", "/a/", "/a/", "", false, false, true},
		{"/a/b.meta", "b.meta", "/a/", "/a/b", "", false, false, true},
	} {
		t.Run(c.path, func(t *testing.T) {
			p := mustParse(t, strings.ReplaceAll(c.path, " ", "%20"))
			if p.Name() != c.name || p.Parent().String() != c.parent || p.Subject().String() != c.subject {
				t.Errorf("name %q, parent %q, subject %q", p.Name(), p.Parent(), p.Subject())
			}
			if p.IsContainer() != c.container || p.IsACL() != c.isACL || p.IsMeta() != c.isMeta {
				t.Errorf("container %v, ACL %v, description %v", p.IsContainer(), p.IsACL(), p.IsMeta())
			}
			if c.acl != "" && (p.ACL().String() != c.acl || p.ACL().Subject() != p || p.Meta().Subject() != p) {
				t.Errorf("ACL %q, its subject %q", p.ACL(), p.ACL().Subject())
			}
		})
	}
}

func TestPathContains(t *testing.T) {
	for _, c := range []struct {
		p, q string
		want bool
	}{
		{"/", "/a", true}, {"/a/", "/a/b/c", true}, {"/a/", "/a/.acl", true},
		{"/", "/", false}, {"/a/", "/a/", false}, {"/a/", "/ab", false}, {"/a", "/a/b", false}, {"/a/b", "/a/", false},
	} {
		if got := mustParse(t, c.p).Contains(mustParse(t, c.q)); got != c.want {
			t.Errorf("%s contains %s: %v", c.p, c.q, got)
		}
	}
}

func TestZeroPathIsRefused(t *testing.T) {
	var zero Path
	if _, err := zero.Child("a", false); !errors.Is(err, ErrBadPath) {
		t.Errorf("child of the zero path: %v", err)
	}
	if zero.IsContainer() || zero.IsRoot() || zero.Contains(Root) || Root.Parent() != zero {
		t.Error("the zero path is taken for something")
	}
}

// TestFoldingIsThatOfUnicode, asked of another implementation for every character. That one gives the two cases of Cherokee
// letters to each other, so that they stay two; here they are one.
func TestFoldingIsThatOfUnicode(t *testing.T) {
	other := cases.Fold()
	for r := range unicode.MaxRune + 1 {
		if !utf8.ValidRune(r) || unicode.In(r, unicode.Cf, unicode.Variation_Selector) {
			continue
		}
		want := norm.NFKC.String(other.String(norm.NFKC.String(string(r))))
		if unicode.Is(unicode.Cherokee, r) {
			want = string(unicode.ToLower(r))
		}
		if got := fold(string(r)); got != want {
			t.Errorf("%U: %+q, want %+q", r, got, want)
		}
	}
}

func TestFoldedName(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		twins      bool
	}{
		{"case", "/photo", "/Photo", true},
		{"case beyond ASCII", "/É", "/é", true},
		{"sharp s", "/straße", "/STRASSE", true},
		{"a ligature", "/ﬁsh", "/fish", true},
		{"full width", "/ａ", "/a", true},
		{"a soft hyphen", "/a\u00adb", "/ab", true},
		{"a zero-width space", "/a\u200bb", "/ab", true},
		{"the Kelvin sign", "/\u212a", "/k", false}, // not in normal form C: refused before
		{"an accent", "/e", "/é", false},
		{"another script", "/a", "/а", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := ParsePath(c.a)
			b := mustParse(t, c.b)
			if twins := err == nil && a.FoldedName() == b.FoldedName(); twins != c.twins {
				t.Errorf("%q and %q are twins: %v", c.a, c.b, twins)
			}
		})
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"/", "/a/b%20c", "/a/%2e%2e/b", "/a%2Fb", "/é", "/.acl", "/a.acl.acl", "/con", "/%00", "//", "/ﬁ\u200b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, escaped string) {
		fuzztest.Cheap(t, len(escaped), func() { ParsePath(escaped) })
		p, err := ParsePath(escaped)
		if err != nil {
			if p != (Path{}) || !errors.Is(err, ErrBadPath) && !errors.Is(err, ErrReserved) {
				t.Fatalf("%q: %v, %v", escaped, p, err)
			}
			return
		}
		if again, err := ParsePath(p.Escaped()); err != nil || again != p {
			t.Fatalf("%q became %q, which parses as %q, %v", escaped, p.Escaped(), again, err)
		}
		if clean := path.Clean(p.String()); clean != "/" && clean != strings.TrimSuffix(p.String(), "/") {
			t.Fatalf("%q is not clean: %q", escaped, p)
		}
		if strings.ContainsAny(p.String(), "\\\x00") || strings.Contains("/"+p.FoldedName(), "/.kith") {
			t.Fatalf("%q holds what it may not: %q", escaped, p)
		}
		rebuilt := Root
		for _, name := range strings.Split(strings.Trim(p.String(), "/"), "/") {
			if p.IsRoot() {
				break
			}
			last := len(rebuilt.String())+len(name) >= len(strings.TrimSuffix(p.String(), "/"))
			if rebuilt, err = rebuilt.Child(name, !last || p.IsContainer()); err != nil {
				t.Fatalf("%q: %v", p, err)
			}
		}
		if rebuilt != p {
			t.Fatalf("%q put together again is %q", p, rebuilt)
		}
	})
}
