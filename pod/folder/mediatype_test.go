package folder

import (
	"errors"
	"strings"
	"testing"

	"kith/internal/fuzztest"
	"kith/pod"
)

func TestCheckType(t *testing.T) {
	for _, good := range []string{"text/plain", "text/plain;charset=utf-8", `a/b; c="d e"`, "Image/PNG", "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\""} {
		if err := checkType(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "/", "a", "a/", "/b", "a/b; c", "a b/c", "a/b\n", "a/b\x00", "a/ö", strings.Repeat("a", 254) + "/b", "a/b/c"} {
		if err := checkType(bad); !errors.Is(err, pod.ErrBadType) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestSidecarInBetween is what a crash can leave while bytes and type change:
// whichever bytes are in place, the type is theirs.
func TestSidecarInBetween(t *testing.T) {
	next := newDigest("x/new")
	next.Write([]byte("new bytes"))
	c := parseSidecar("x/old\n"+next.etag()+" x/new\n", sidecar{mediaType: octets})
	for content, want := range map[string]string{"old bytes": "x/old", "new bytes": "x/new", "bytes of a hand": "x/old"} {
		mediaType, etag, err := c.identify(strings.NewReader(content))
		sum := newDigest(want)
		sum.Write([]byte(content))
		if err != nil || mediaType != want || etag != sum.etag() {
			t.Errorf("%s: %s, %s, %v", content, mediaType, etag, err)
		}
	}
}

func TestParseSidecar(t *testing.T) {
	otherwise := sidecar{mediaType: "by/name"}
	for text, want := range map[string]sidecar{
		"":                         otherwise,
		"\n":                       otherwise,
		"no type\n":                otherwise,
		"a/b":                      {mediaType: "a/b"},
		"a/b\n":                    {mediaType: "a/b"},
		"a/b\n\"tag\" c/d\n":       {mediaType: "a/b", nextTag: `"tag"`, nextType: "c/d"},
		"a/b\n\"tag\" no type\n":   {mediaType: "a/b"},
		"a/b\n\"tag\"":             {mediaType: "a/b"},
		"a/b\r\n":                  otherwise,
		"a/b\nc\nthird line a/b\n": {mediaType: "a/b"},
	} {
		if got := parseSidecar(text, otherwise); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func FuzzParseSidecar(f *testing.F) {
	for _, text := range []string{"", "a/b\n", "a/b\n\"tag\" c/d\n", "text/plain; charset=utf-8", "\x00", "a/b\n x/y"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Cheap(t, len(text), func() { parseSidecar(text, sidecar{mediaType: octets}) })
		c := parseSidecar(text, sidecar{mediaType: octets})
		if checkType(c.mediaType) != nil || c.nextType != "" && checkType(c.nextType) != nil {
			t.Fatalf("%q gives the types %q, %q", text, c.mediaType, c.nextType)
		}
		if again := parseSidecar(string(c.text()), sidecar{}); again != c {
			t.Fatalf("%q gives %+v, written and read again %+v", text, c, again)
		}
	})
}

func FuzzGap(f *testing.F) {
	leaf := make([]byte, pageSize)
	copy(leaf, []byte{13, 0, 0, 0, 1, 0x0f, 0xf0})
	f.Add(leaf, int64(2))
	f.Add(leaf, int64(1))
	f.Add([]byte{2}, int64(2))
	f.Fuzz(func(t *testing.T, page []byte, n int64) {
		fuzztest.Cheap(t, len(page), func() { gap(page, n) })
		start, end := gap(page, n)
		if start < 0 || end < start || end > len(page) {
			t.Fatalf("gap from %d to %d in %d bytes", start, end, len(page))
		}
		if start < end && start < 8 {
			t.Fatalf("gap from %d would clear the head of the page", start)
		}
	})
}
