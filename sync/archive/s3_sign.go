package archive

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// emptyDigest is SHA-256 of nothing.
const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// signer signs requests to an S3 server (AWS Signature Version 4, "Authenticating Requests: Using the Authorization
// Header").
type signer struct {
	key, secret, region string
	now                 func() time.Time
}

// sign adds to r what proves who makes it: over the method, the address, every header that it has, and digest, the
// SHA-256 of the body in hexadecimal. The path and the query of r are spelled as awsEscape and awsQuery spell them.
func (s signer) sign(r *http.Request, digest string) {
	moment := s.now().UTC().Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", moment)
	r.Header.Set("X-Amz-Content-Sha256", digest)
	headers := map[string]string{"host": r.URL.Host}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.TrimSpace(strings.Join(values, ","))
	}
	names := slices.Sorted(maps.Keys(headers))
	lines := ""
	for _, name := range names {
		lines += name + ":" + headers[name] + "\n"
	}
	signed := strings.Join(names, ";")
	request := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, lines, signed, digest}, "\n")
	scope := moment[:8] + "/" + s.region + "/s3/aws4_request"
	sum := sha256.Sum256([]byte(request))
	text := "AWS4-HMAC-SHA256\n" + moment + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + s.secret)
	for _, part := range strings.Split(scope, "/") {
		key = macOf(key, part)
	}
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%x", s.key, scope, signed, macOf(key, text)))
}

func macOf(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// awsEscape escapes every byte but letters, digits and -._~, and slashes where they are wanted.
func awsEscape(s string, slashes bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 || slashes && c == '/' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// awsQuery writes a query with the names in order, each with a value.
func awsQuery(query url.Values) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, value := range query[name] {
			parts = append(parts, awsEscape(name, false)+"="+awsEscape(value, false))
		}
	}
	return strings.Join(parts, "&")
}
