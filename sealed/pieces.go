package sealed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const sizeRange = 512 << 10 // bytes of content in one answer

// span is the part of a representation that an answer holds: bytes first to last
// of total.
type span struct{ first, last, total int64 }

// String is the value of Content-Range. (RFC 9110 §14.4)
func (s span) String() string { return fmt.Sprintf("bytes %d-%d/%d", s.first, s.last, s.total) }

func parseSpan(s string) (span, bool) {
	text, ok := strings.CutPrefix(s, "bytes ")
	bounds, total, ok2 := strings.Cut(text, "/")
	first, last, ok3 := strings.Cut(bounds, "-")
	var n [3]int64
	for i, part := range []string{first, last, total} {
		v, err := strconv.ParseUint(part, 10, 53)
		if err != nil {
			return span{}, false
		}
		n[i] = int64(v)
	}
	p := span{n[0], n[1], n[2]}
	return p, ok && ok2 && ok3 && p.first <= p.last && p.last < p.total
}

// isStrong reports whether tag is one strong entity tag. (RFC 9110 §8.8.3)
func isStrong(tag string) bool {
	return len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"'
}

// pieces is the body of a response whose content comes in several answers.
type pieces struct {
	ctx  context.Context
	t    *Transport
	r    *http.Request
	tag  string
	now  io.ReadCloser
	next int64 // where the piece after this one begins
	end  int64 // first byte that is not wanted
}

// whole returns response with all that was asked for: where it holds only the
// beginning of that, its body goes on.
func (t *Transport) whole(r *http.Request, response *http.Response) (*http.Response, error) {
	held, partial := parseSpan(response.Header.Get("Content-Range"))
	tag := response.Header.Get("ETag")
	if r.Method != http.MethodGet || response.StatusCode != http.StatusPartialContent || !partial || !isStrong(tag) {
		return response, nil
	}
	if held.last-held.first+1 != response.ContentLength {
		return nil, fmt.Errorf("ask %s: %w", r.URL.Path, ErrAnswer)
	}
	wanted, ranged := wantedOf(r.Header, tag, held)
	if ranged && held.first != wanted.first {
		wanted, ranged = span{0, held.total - 1, held.total}, false
	}
	if held.first != wanted.first || held.last > wanted.last {
		return nil, fmt.Errorf("ask %s: %w", r.URL.Path, ErrAnswer)
	}
	if !ranged {
		response.StatusCode, response.Status = http.StatusOK, "200 OK"
		response.Header.Del("Content-Range")
	} else {
		response.Header.Set("Content-Range", wanted.String())
	}
	if wanted.last > held.last {
		response.Body = &pieces{ctx: r.Context(), t: t, r: r, tag: tag, now: response.Body, next: held.last + 1, end: wanted.last + 1}
	}
	response.ContentLength = wanted.last - wanted.first + 1
	return response, nil
}

// wantedOf returns what was asked for, given what came of it. ranged is false
// where that is the whole representation: no range was asked for, or one of
// another representation. (RFC 9110 §13.1.5, §14.1.2)
func wantedOf(asked http.Header, tag string, held span) (wanted span, ranged bool) {
	wanted = span{0, held.total - 1, held.total}
	text, single := strings.CutPrefix(asked.Get("Range"), "bytes=")
	first, last, found := strings.Cut(text, "-")
	if other := asked.Get("If-Range"); !single || !found || isStrong(other) && other != tag {
		return wanted, false
	}
	from, err1 := strconv.ParseUint(first, 10, 53)
	to, err2 := strconv.ParseUint(last, 10, 53)
	switch {
	case err1 == nil && err2 == nil:
		wanted.first, wanted.last = int64(from), min(int64(to), wanted.last)
	case err1 == nil && last == "":
		wanted.first = int64(from)
	case err2 == nil && first == "":
		wanted.first = max(0, held.total-int64(to))
	default:
		return wanted, false
	}
	return wanted, true
}

func (p *pieces) Read(b []byte) (int, error) {
	for {
		n, err := p.now.Read(b)
		if err != io.EOF {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
		if p.next >= p.end {
			return 0, io.EOF
		}
		if err := p.fetch(); err != nil {
			return 0, fmt.Errorf("go on at byte %d: %w", p.next, err)
		}
	}
}

// fetch gets the next piece. It can be called again when it failed.
func (p *pieces) fetch() error {
	r := p.r.Clone(p.ctx)
	r.Body, r.Header = nil, http.Header{}
	if seen := p.r.Header.Get("Kith-Seen"); seen != "" {
		r.Header.Set("Kith-Seen", seen)
	}
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", p.next, min(p.next+sizeRange, p.end)-1))
	r.Header.Set("If-Range", p.tag)
	response, err := p.t.once(r)
	if err != nil {
		return err
	}
	held, partial := parseSpan(response.Header.Get("Content-Range"))
	switch {
	case response.StatusCode/100 == 2 && response.Header.Get("ETag") != p.tag, response.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return ErrChanged
	case response.StatusCode != http.StatusPartialContent:
		return fmt.Errorf("answered %d", response.StatusCode)
	case !partial || held.first != p.next || held.last >= p.end || held.last-held.first+1 != response.ContentLength:
		return ErrAnswer
	}
	p.now, p.next = response.Body, held.last+1
	return nil
}

func (p *pieces) Close() error {
	p.next = p.end
	return p.now.Close()
}
