package sealed

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kith/sealed/bhttp"
)

func run(t *testing.T, method string, h http.HandlerFunc) bhttp.Response {
	t.Helper()
	s := &Server{Handler: h, Device: "me"}
	r, err := s.execute((&http.Request{Method: method, URL: &url.URL{Path: "/social/x"}}).WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func field(r bhttp.Response, name string) string {
	for _, f := range r.Header {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// TestWhatIsCutAndWhatIsNot: content beyond 512 KiB is given in pieces where it
// can be, whole up to 1 MiB where it cannot, and never beyond that.
func TestWhatIsCutAndWhatIsNot(t *testing.T) {
	const tag = `"abc"`
	for _, c := range []struct {
		name   string
		method string
		size   int
		header map[string]string
		status int
		want   int // status
		length int
		span   string
	}{
		{"512 KiB", "GET", 512 << 10, map[string]string{"ETag": tag}, 200, 200, 512 << 10, ""},
		{"a byte more", "GET", 512<<10 + 1, map[string]string{"ETag": tag}, 200, 206, 512 << 10, "bytes 0-524287/524289"},
		{"a byte more that was announced", "GET", 512<<10 + 1, map[string]string{"ETag": tag, "Content-Length": "524289"}, 200, 206, 512 << 10, "bytes 0-524287/524289"},
		{"20 MiB", "GET", 20 << 20, map[string]string{"ETag": tag}, 200, 206, 512 << 10, "bytes 0-524287/20971520"},
		{"a part that is too long", "GET", 1 << 20, map[string]string{"ETag": tag, "Content-Range": "bytes 100-1048675/9000000"}, 206, 206, 512 << 10, "bytes 100-524387/9000000"},
		{"a part that is not", "GET", 1000, map[string]string{"ETag": tag, "Content-Range": "bytes 100-1099/9000000"}, 206, 206, 1000, "bytes 100-1099/9000000"},
		{"without a tag", "GET", 1 << 20, nil, 200, 200, 1 << 20, ""},
		{"with a weak tag", "GET", 1 << 20, map[string]string{"ETag": `W/"a"`}, 200, 200, 1 << 20, ""},
		{"without a tag, beyond 1 MiB", "GET", 1<<20 + 1, nil, 200, 500, 0, ""},
		{"an answer to a write", "PUT", 1 << 20, map[string]string{"ETag": tag}, 200, 200, 1 << 20, ""},
		{"a refusal", "GET", 600 << 10, map[string]string{"ETag": tag}, 409, 409, 600 << 10, ""},
		{"several parts", "GET", 2 << 20, map[string]string{"ETag": tag, "Content-Range": "x"}, 206, 500, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := bytes.Repeat([]byte("0123456789abcdef"), c.size/16+1)[:c.size]
			wrote := 0
			r := run(t, c.method, func(w http.ResponseWriter, _ *http.Request) {
				for name, v := range c.header {
					w.Header().Set(name, v)
				}
				w.WriteHeader(c.status)
				n, err := io.Copy(w, bytes.NewReader(text))
				wrote = int(n)
				if err == nil && wrote != c.size {
					t.Errorf("wrote %d bytes", n)
				}
			})
			if r.Status != c.want || len(r.Content) != c.length || field(r, "content-range") != c.span || field(r, "kith-by") != "me" {
				t.Errorf("answered %d with %d bytes, %v", r.Status, len(r.Content), r.Header)
			}
			if !bytes.HasPrefix(text, r.Content) {
				t.Error("other content")
			}
		})
	}
}

func TestWhatAHandlerMayLeaveOut(t *testing.T) {
	if r := run(t, "GET", func(http.ResponseWriter, *http.Request) {}); r.Status != 200 || len(r.Content) != 0 {
		t.Errorf("nothing at all is %+v", r)
	}
	r := run(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(103)
		fmt.Fprint(w, "x")
		w.WriteHeader(404)
		w.Header().Set("ETag", `"late"`)
		w.Header().Set("Kith-By", "somebody else")
	})
	if r.Status != 200 || string(r.Content) != "x" || field(r, "etag") != "" || field(r, "kith-by") != "me" {
		t.Errorf("a status after the content is %+v", r)
	}
	r = run(t, "GET", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Kith-By", "somebody else")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("WWW-Authenticate", "DPoP")
		w.Header().Set("Location", "/social/x")
		w.WriteHeader(201)
	})
	if len(r.Header) != 2 || field(r, "location") != "/social/x" || field(r, "kith-by") != "me" {
		t.Errorf("sent back %v", r.Header)
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]span{
		"bytes 0-0/1": {0, 0, 1}, "bytes 5-9/10": {5, 9, 10}, "bytes 0-524287/9007199254740991": {0, 524287, 9007199254740991},
	} {
		if s, ok := parseSpan(text); !ok || s != want || s.String() != text {
			t.Errorf("%q is %v, %t", text, s, ok)
		}
	}
	for _, text := range []string{"", "bytes", "bytes 0-0/*", "bytes */10", "bytes 5-4/10", "bytes 0-10/10", "bytes -1-2/10", "bytes 0-/10", "0-1/10",
		"bytes 0-1/9007199254740992", "bytes 0-18446744073709551615/10", "bytes 0-1/+9", "bytes 0-1/10/11", "items 0-1/10"} {
		if s, ok := parseSpan(text); ok {
			t.Errorf("%q is %v", text, s)
		}
	}
}

// TestEverySizeIsOneOfFew: whatever is sealed fits into the size that is chosen,
// and no smaller one would do.
func TestEverySizeIsOneOfFew(t *testing.T) {
	for _, head := range []int{48, 520, 1036} {
		for n := 4; n < maxMessage; n = n*9/8 + 1 {
			size, ok := padded(head, n)
			if !ok {
				if most := capacity(maxMessage - head); n <= most {
					t.Errorf("%d bytes do not fit", n)
				}
				continue
			}
			if !isPadded(size) || capacity(size-head) < n {
				t.Errorf("%d bytes with a head of %d are to be %d", n, head, size)
			}
			for smaller := 1 << 10; smaller < size; smaller = larger(smaller) {
				if smaller > head && capacity(smaller-head) >= n {
					t.Errorf("%d bytes with a head of %d are to be %d, and fit into %d", n, head, size, smaller)
				}
			}
			c, err := newChunker(make([]byte, 16), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			inner := bytes.Repeat([]byte("i"), n-4)
			sealed, err := c.seal(make([]byte, head), inner)
			if err != nil || len(sealed) != size {
				t.Fatalf("sealed %d bytes, %v", len(sealed), err)
			}
			if got, err := c.open(sealed[head:]); err != nil || !bytes.Equal(got, inner) {
				t.Fatalf("opened %d bytes, %v", len(got), err)
			}
		}
	}
	for _, size := range []int{-65536, -1, 0, 1, 1023, 1025, 2048, 8192, 32768, 65537} {
		if isPadded(size) {
			t.Errorf("%d is a size", size)
		}
	}
}

// TestChunksAreOneSequence: none can be left out, doubled, moved or cut off,
// though each is sealed by itself.
func TestChunksAreOneSequence(t *testing.T) {
	c, err := newChunker(make([]byte, 16), nil, []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	const chunk = sizePiece + sizeTag
	all, err := c.seal(nil, []byte(strings.Repeat("x", 200<<10)))
	if err != nil || len(all) != 256<<10 {
		t.Fatal(len(all), err)
	}
	for name, bad := range map[string][]byte{
		"without the last":          all[:3*chunk],
		"without the first":         all[chunk:],
		"without the second":        append(bytes.Clone(all[:chunk]), all[2*chunk:]...),
		"the first two exchanged":   append(append(bytes.Clone(all[chunk:2*chunk]), all[:chunk]...), all[2*chunk:]...),
		"the first twice":           append(bytes.Clone(all[:chunk]), all...),
		"only the last":             all[3*chunk:],
		"the last cut":              all[:len(all)-1],
		"nothing":                   nil,
		"half a tag":                all[:8],
		"another chunk after it":    append(bytes.Clone(all), all[3*chunk:]...),
		"a tag of nothing after it": append(bytes.Clone(all), make([]byte, 16)...),
	} {
		if got, err := c.open(bad); err != damaged {
			t.Errorf("%s: opened %d bytes, %v", name, len(got), err)
		}
	}
}
