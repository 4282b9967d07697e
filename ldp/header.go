package ldp

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"kith/pod"
)

// precondition reads the conditions of a write (RFC 9110 §13.1). A list of tags
// that cannot be read is refused: to ignore it would lose somebody's update.
func precondition(header http.Header) (pod.Precondition, error) {
	var pre pod.Precondition
	var ok, also bool
	pre.IfMatch, ok = entityTags(header.Values("If-Match"))
	pre.IfNoneMatch, also = entityTags(header.Values("If-None-Match"))
	if !ok || !also {
		return pod.Precondition{}, refusal{http.StatusBadRequest, "If-Match or If-None-Match is malformed."}
	}
	for _, tags := range [][]string{pre.IfMatch, pre.IfNoneMatch} {
		for i := range tags {
			tags[i] = state(tags[i])
		}
	}
	if lines := header.Values("If-Unmodified-Since"); len(lines) == 1 {
		pre.UnmodifiedSince, _ = http.ParseTime(lines[0]) // what is no date is ignored (RFC 9110 §13.1.4)
	}
	return pre, nil
}

const maxTags = 64

// entityTags reads the lines of one field: entity tags, each with its quotes, or
// a single "*" (RFC 9110 §8.8.3).
func entityTags(lines []string) (tags []string, ok bool) {
	rest := strings.Join(lines, ",")
	if strings.Trim(rest, " \t") == "*" {
		return []string{"*"}, true
	}
	for {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			return tags, len(tags) > 0 || len(lines) == 0
		}
		tag, after, ok := entityTag(rest)
		if !ok || len(tags) == maxTags {
			return nil, false
		}
		tags, rest = append(tags, tag), strings.TrimLeft(after, " \t")
		if rest != "" && rest[0] != ',' {
			return nil, false
		}
	}
}

// entityTag cuts one entity tag off the front of s.
func entityTag(s string) (tag, rest string, ok bool) {
	opaque := strings.TrimPrefix(s, "W/")
	if !strings.HasPrefix(opaque, `"`) {
		return "", "", false
	}
	end := strings.IndexByte(opaque[1:], '"')
	if end < 0 {
		return "", "", false
	}
	for _, c := range []byte(opaque[1 : end+1]) {
		if c < 0x21 || c == 0x7f {
			return "", "", false
		}
	}
	n := len(s) - len(opaque) + end + 2
	return s[:n], s[n:], true
}

// asksContainer reports whether a Link header says that what is made is a
// container (LDP §5.2.3.4).
func asksContainer(header http.Header) bool {
	for _, l := range links(header.Values("Link")) {
		if l.rel == "type" && (l.target == ldpNS+"BasicContainer" || l.target == ldpNS+"Container") {
			return true
		}
	}
	return false
}

type linkValue struct{ target, rel string }

// links reads Link headers (RFC 8288 §3) as far as it understands them.
func links(lines []string) []linkValue {
	var out []linkValue
	rest := strings.Join(lines, ",")
	for {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			return out
		}
		target, params, ok := strings.Cut(after, ">")
		if !ok {
			return out
		}
		params, rest = cutValue(params)
		for _, rel := range rels(params) {
			out = append(out, linkValue{target, rel})
		}
	}
}

// cutValue cuts the parameters of one link off the front of s, at the first
// comma outside of quotes.
func cutValue(s string) (params, rest string) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// rels returns the relation types among the parameters of a link.
func rels(params string) []string {
	for _, param := range strings.Split(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			return strings.Fields(strings.ToLower(strings.Trim(strings.TrimSpace(value), `"`)))
		}
	}
	return nil
}

// slug returns the name that a Slug header asks for, decoded, or "" when it is
// none (RFC 5023 §9.7). Whether the name can be had is decided where it is made.
func slug(value string) string {
	name, err := url.PathUnescape(strings.TrimSpace(value))
	if err != nil || !utf8.ValidString(name) {
		return ""
	}
	return strings.TrimSuffix(name, "/")
}
