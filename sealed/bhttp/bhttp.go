package bhttp

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed is any text that is no message, or goes beyond the bounds of
// this package. (RFC 9292 §4)
var ErrMalformed = errors.New("not a binary HTTP message")

// Field is one line of a header or trailer section.
type Field struct {
	Name  string // a token in lower case
	Value string
}

// Request is an HTTP request. (RFC 9292 §3.4)
type Request struct {
	Method    string
	Scheme    string
	Authority string // may be empty
	Path      string // with the query
	Header    []Field
	Content   []byte
	Trailer   []Field
}

// Response is a final HTTP response, and those of status 1xx that came before
// it. (RFC 9292 §3.5)
type Response struct {
	Interim []Interim
	Status  int // 200 to 599
	Header  []Field
	Content []byte
	Trailer []Field
}

// Interim is an informational response. (RFC 9292 §3.5.1)
type Interim struct {
	Status int // 100 to 199
	Header []Field
}

// Append appends r to b as a known-length message, and returns b. It checks
// nothing: what ParseRequest would refuse is written as it is.
func (r Request) Append(b []byte) []byte {
	b = appendNumber(b, knownRequest)
	for _, part := range []string{r.Method, r.Scheme, r.Authority, r.Path} {
		b = appendText(b, part)
	}
	return appendMessage(b, r.Header, r.Content, r.Trailer)
}

// Append appends r to b as a known-length message, and returns b. It checks
// nothing: what ParseResponse would refuse is written as it is.
func (r Response) Append(b []byte) []byte {
	b = appendNumber(b, knownResponse)
	for _, i := range r.Interim {
		b = appendSection(appendNumber(b, i.Status), i.Header)
	}
	b = appendNumber(b, r.Status)
	return appendMessage(b, r.Header, r.Content, r.Trailer)
}

func appendMessage(b []byte, header []Field, content []byte, trailer []Field) []byte {
	b = appendSection(b, header)
	b = append(appendNumber(b, len(content)), content...)
	return appendSection(b, trailer)
}

func appendSection(b []byte, fields []Field) []byte {
	size := 0
	for _, f := range fields {
		size += sizeText(f.Name) + sizeText(f.Value)
	}
	b = appendNumber(b, size)
	for _, f := range fields {
		b = appendText(appendText(b, f.Name), f.Value)
	}
	return b
}

func appendText(b []byte, s string) []byte { return append(appendNumber(b, len(s)), s...) }

func sizeText(s string) int { return sizeNumber(len(s)) + len(s) }

// appendNumber writes n, which is not negative, in as few bytes as it takes.
// (RFC 9000 §16)
func appendNumber(b []byte, n int) []byte {
	switch v := uint64(n); sizeNumber(n) {
	case 1:
		return append(b, byte(v))
	case 2:
		return binary.BigEndian.AppendUint16(b, uint16(v|1<<14))
	case 4:
		return binary.BigEndian.AppendUint32(b, uint32(v|2<<30))
	default:
		return binary.BigEndian.AppendUint64(b, v|3<<62)
	}
}

func sizeNumber(n int) int {
	switch v := uint64(n); {
	case v < 1<<6:
		return 1
	case v < 1<<14:
		return 2
	case v < 1<<30:
		return 4
	}
	return 8
}
