package ldp_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"kith/internal/fuzztest"
)

// FuzzRange asks for whatever part, under whatever condition: the answer is all,
// the part that it says it is, nothing new, or a refusal.
func FuzzRange(f *testing.F) {
	for _, r := range []string{"bytes=0-0", "bytes=-1", "bytes=-0", "bytes=0-1, - 00", "bytes=9-", "bytes=5-2", "bytes=0-,0-,0-", "bytes=a", "items=0-1", "bytes=18446744073709551616-", "", "bytes=0-1,3-4"} {
		f.Add(r, `"x"`)
	}
	f.Add("bytes=0-1", "*")
	f.Add("bytes=0-1", `W/"x", "y`)
	s := shared(f)
	const text = "0123456789"
	s.put("/box/digits", "text/plain", text)
	f.Fuzz(func(t *testing.T, part, condition string) {
		r := httptest.NewRequest("GET", base, nil)
		r.Header.Set("Range", part)
		r.Header.Set("If-None-Match", condition)
		here := *s
		here.t = t
		fuzztest.Cheap(t, len(part)+len(condition), func() { here.serve("reader", r, "/box/digits") })
		res := here.serve("reader", r, "/box/digits")
		switch res.status {
		case 200:
			if res.body != text {
				t.Errorf("Range %q: %q", part, res.body)
			}
		case 206:
			var from, to, all int
			if _, err := fmt.Sscanf(res.header.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &all); err != nil {
				t.Fatal(err)
			}
			if all != len(text) || from > to || res.body != text[from:to+1] {
				t.Errorf("Range %q: %q is %q", part, res.header.Get("Content-Range"), res.body)
			}
		case 304:
			if res.body != "" {
				t.Errorf("If-None-Match %q: %q", condition, res.body)
			}
		case 416:
			res.problem(t)
		default:
			t.Errorf("Range %q, If-None-Match %q: %d", part, condition, res.status)
		}
	})
}
