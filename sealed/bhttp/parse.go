package bhttp

import (
	"bytes"
	"fmt"
	"strings"
)

// The framing indicators. (RFC 9292 §3.3)
const (
	knownRequest = iota
	knownResponse
	chunkedRequest
	chunkedResponse
)

const (
	maxHead  = 16 << 10 // bytes of control data, header and trailer sections
	maxLines = 256      // field lines and interim responses
)

// ParseRequest reads a request. Its Content may be part of message. The error
// is ErrMalformed.
func ParseRequest(message []byte) (Request, error) {
	r := reader{rest: message}
	framing := r.number()
	if framing != knownRequest && framing != chunkedRequest {
		return Request{}, fmt.Errorf("read request: %w", ErrMalformed)
	}
	var q Request
	for _, part := range []*string{&q.Method, &q.Scheme, &q.Authority, &q.Path} {
		*part = string(r.head(r.number()))
	}
	r.bad = r.bad || !validControl(q)
	r.known = framing == knownRequest
	q.Header, q.Content, q.Trailer = r.message()
	if r.bad {
		return Request{}, fmt.Errorf("read request: %w", ErrMalformed)
	}
	return q, nil
}

// ParseResponse reads a response. Its Content may be part of message. The error
// is ErrMalformed.
func ParseResponse(message []byte) (Response, error) {
	r := reader{rest: message}
	framing := r.number()
	if framing != knownResponse && framing != chunkedResponse {
		return Response{}, fmt.Errorf("read response: %w", ErrMalformed)
	}
	r.known = framing == knownResponse
	var p Response
	p.Status = r.status()
	for p.Status/100 == 1 && !r.bad {
		r.line()
		p.Interim = append(p.Interim, Interim{p.Status, r.section()})
		p.Status = r.status()
	}
	r.bad = r.bad || p.Status < 200 || p.Status > 599
	p.Header, p.Content, p.Trailer = r.message()
	if r.bad {
		return Response{}, fmt.Errorf("read response: %w", ErrMalformed)
	}
	return p, nil
}

// reader takes a message apart. Once something is wrong it is bad, and gives
// only nothing.
type reader struct {
	rest  []byte
	known bool // known-length
	bad   bool
	taken int // bytes of the head
	lines int
}

// message reads what follows the control data. Each section may be missing with
// all that follows it. (RFC 9292 §3.8)
func (r *reader) message() (header []Field, content []byte, trailer []Field) {
	header = r.section()
	content = r.content()
	trailer = r.section()
	if len(bytes.Trim(r.rest, "\x00")) > 0 {
		r.bad = true
	}
	return header, content, trailer
}

func (r *reader) section() []Field {
	if len(r.rest) == 0 {
		return nil
	}
	if !r.known {
		return r.fields(func() bool { return r.rest[0] != 0 })
	}
	size := r.number()
	if size > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	after := r.rest[size:]
	r.rest = r.rest[:size]
	fields := r.fields(func() bool { return true })
	r.rest = after
	return fields
}

// fields reads lines as long as there are more and go says so. Of indeterminate
// length, the zero that ends them is taken too.
func (r *reader) fields(more func() bool) []Field {
	var fields []Field
	for !r.bad && len(r.rest) > 0 && more() {
		f := Field{Name: string(r.head(r.number()))}
		f.Value = string(r.head(r.number()))
		r.line()
		r.bad = r.bad || !validName(f.Name) || !validValue(f.Value)
		fields = append(fields, f)
	}
	if !r.known && r.number() != 0 {
		r.bad = true
	}
	return fields
}

// line counts what takes memory beyond its bytes.
func (r *reader) line() {
	r.lines++
	r.bad = r.bad || r.lines > maxLines
}

func (r *reader) content() []byte {
	if len(r.rest) == 0 {
		return nil
	}
	if r.known {
		return r.take(r.number())
	}
	var content []byte
	for {
		size := r.number()
		if r.bad || size == 0 {
			return content
		}
		content = append(content, r.take(size)...)
	}
}

func (r *reader) status() int {
	n := r.number()
	if n < 100 || n > 599 {
		r.bad = true
	}
	return int(n)
}

// number reads an integer, however many bytes it was given. (RFC 9000 §16)
func (r *reader) number() uint64 {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	size := 1 << (r.rest[0] >> 6)
	var n uint64
	for i, b := range r.take(uint64(size)) {
		if i == 0 {
			b &= 0x3f
		}
		n = n<<8 | uint64(b)
	}
	return n
}

// head takes n bytes of what is bounded as a whole.
func (r *reader) head(n uint64) []byte {
	if n > uint64(maxHead-r.taken) {
		r.bad = true
		return nil
	}
	r.taken += int(n)
	return r.take(n)
}

func (r *reader) take(n uint64) []byte {
	if r.bad || n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

// validControl reports whether the control data may stand in a request.
// (RFC 9113 §8.3.1, §8.5)
func validControl(q Request) bool {
	if !isToken(q.Method) || !isVisible(q.Authority) {
		return false
	}
	if q.Method == "CONNECT" {
		return q.Scheme == "" && q.Path == "" && q.Authority != ""
	}
	if !isToken(q.Scheme) || !isVisible(q.Path) {
		return false
	}
	return strings.HasPrefix(q.Path, "/") || q.Path == "*" && q.Method == "OPTIONS"
}

// validName reports whether a field may have the name. (RFC 9113 §8.2.1)
func validName(s string) bool {
	return isToken(s) && strings.ToLower(s) == s
}

// validValue reports whether a field may have the value. (RFC 9113 §8.2.1;
// RFC 9110 §5.5)
func validValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return strings.Trim(s, " \t") == s
}

func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isToken is tchar of RFC 9110 §5.6.2, at least one.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if ('a' > c || c > 'z') && ('A' > c || c > 'Z') && ('0' > c || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
