// Package bhttp is binary HTTP: a request or a response as bytes that do not
// depend on how they travel (RFC 9292). Known-length messages are written;
// messages of known and of indeterminate length are read. It is not about what
// a field means, and does not turn messages into those of net/http.
//
//	known-length   0 request, 1 response | control data | header section | content | trailer section | zeros
//	indeterminate  2 request, 3 response | control data | header lines 0 | chunks 0 | trailer lines 0 | zeros
//
//	control data   of a request: method, scheme, authority, path, each with its length
//	               of a response: (status 100 to 199, header section)... status 200 to 599
//	section        length | lines          line  length, name | length, value
//	content        length | bytes          chunk length > 0 | bytes
//
// Numbers are those of QUIC (RFC 9000 §16). A message may end before any section
// that is empty; zeros may follow it.
//
// What is read is bounded: 16 KiB of control data and sections together, and
// 256 lines, for which interim responses count too. Everything that HTTP/2 calls malformed is refused: names that are
// no lower-case tokens, values with control characters or with space around
// them, pseudo-fields (RFC 9113 §8.2.1, §8.3).
package bhttp
