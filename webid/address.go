package webid

import (
	"net/url"
	"strings"
)

// sameAddress reports whether htu, as a proof gives it, names the same resource
// as want, by the normalisation of RFC 3986 §6.2.2 and §6.2.3 but for dot
// segments, which no resource here has. Query and fragment are left out
// (RFC 9449 §4.3 (9)).
func sameAddress(htu, want string) bool {
	a, ok := normalAddress(htu)
	b, also := normalAddress(want)
	return ok && also && a == b
}

func normalAddress(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.User != nil || u.Hostname() == "" {
		return "", false
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme { // lower case from url.Parse
	case "http":
		host = strings.TrimSuffix(host, ":80")
	case "https":
		host = strings.TrimSuffix(host, ":443")
	default:
		return "", false
	}
	return u.Scheme + "://" + strings.TrimSuffix(host, ":") + normalPath(u.EscapedPath()), true
}

// normalPath returns an escaped path with unreserved characters decoded and
// the remaining escapes in upper case.
func normalPath(escaped string) string {
	if escaped == "" {
		return "/"
	}
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '%' || i+2 >= len(escaped) {
			b.WriteByte(escaped[i])
			continue
		}
		if c := unhex(escaped[i+1])<<4 | unhex(escaped[i+2]); unreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(strings.ToUpper(escaped[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

// unhex returns the value of a hexadecimal digit; url.Parse lets no other
// character follow a percent sign.
func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// unreserved tells the characters of RFC 3986 §2.3.
func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
