package rdf

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// canonical appends the canonical form of a JSON value (RFC 8785), in which
// rdf:JSON literals are kept (JSON-LD 1.1 §10.2).
func canonical(out []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(out, "null"...)
	case bool:
		return strconv.AppendBool(out, v)
	case string:
		return appendJSONString(out, v)
	case json.Number:
		return appendJSONNumber(out, v)
	case []any:
		out = append(out, '[')
		for i, item := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = canonical(out, item)
		}
		return append(out, ']')
	case *object:
		return canonicalObject(out, v)
	}
	return out
}

// canonicalObject sorts the members by the UTF-16 units of their names
// (RFC 8785 §3.2.3).
func canonicalObject(out []byte, o *object) []byte {
	order := make([]int, len(o.keys))
	units := make([][]uint16, len(o.keys))
	for i, key := range o.keys {
		order[i], units[i] = i, utf16.Encode([]rune(key))
	}
	slices.SortFunc(order, func(a, b int) int { return slices.Compare(units[a], units[b]) })
	out = append(out, '{')
	for n, i := range order {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(appendJSONString(out, o.keys[i]), ':')
		out = canonical(out, o.values[i])
	}
	return append(out, '}')
}

// appendJSONNumber writes a number as ECMAScript does (RFC 8785 §3.2.2.3).
func appendJSONNumber(out []byte, n json.Number) []byte {
	f, err := n.Float64()
	if err != nil {
		return append(out, n...) // beyond a double: kept as it is written
	}
	if f == 0 {
		return append(out, '0')
	}
	if size := math.Abs(f); 1e-6 <= size && size < 1e21 {
		return strconv.AppendFloat(out, f, 'f', -1, 64)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, 64), "e")
	sign, digits := exponent[:1], strings.TrimLeft(exponent[1:], "0")
	return fmt.Appendf(out, "%se%s%s", mantissa, sign, digits)
}

// appendJSONString writes a string with no more escapes than it needs
// (RFC 8785 §3.2.2.2); the short ones are those of Turtle.
func appendJSONString(out []byte, s string) []byte {
	out = append(out, '"')
	done := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		out = append(out, s[done:i]...)
		if letter, ok := short[rune(c)]; ok {
			out = append(out, '\\', letter)
		} else {
			out = appendEscape(out, rune(c))
		}
		done = i + 1
	}
	return append(append(out, s[done:]...), '"')
}
